# The table of tests/bench/beside-etcd. Each line: ROW SYSTEM NAME VALUE.
function add(list, value) { return list == "" ? value : list " " value }
function sorted(list, out,   count, i, j, held) {
	count = split(list, out, " ")
	for (i = 2; i <= count; i++) {
		held = out[i] + 0
		for (j = i - 1; j >= 1 && out[j] + 0 > held; j--)
			out[j + 1] = out[j]
		out[j + 1] = held
	}
	return count
}
function median(list,   out, count) { count = sorted(list, out); return count == 0 ? 0 : out[int((count + 1) / 2)] + 0 }
function number(value) { return sprintf(value >= 1000 ? "%.0f" : value >= 10 ? "%.1f" : "%.3g", value) }
function spread(list,   out, count) {
	count = sorted(list, out)
	return count == 1 ? number(out[1]) : sprintf("%s (%s to %s)", number(out[int((count + 1) / 2)]), number(out[1]), number(out[count]))
}
function verdict(ratio, target) { return target == "" ? "" : sprintf("at most %.3f: %s", target, ratio <= target ? "met" : "missed") }
function line(row, title, name, unit, target,   reckon, etcd, ratio) {
	reckon = values[row, "reckon", name]; etcd = values[row, "etcd", name]
	if (reckon == "" || etcd == "")
		return
	ratio = median(etcd) != 0 ? median(reckon) / median(etcd) : 0
	printf "| %s | %s | %s | %s | %.3f | %s |\n", title, unit, spread(reckon), spread(etcd), ratio, verdict(ratio, target)
}
function workload(row, title, p50, p99, cpu) {
	line(row, title, "rate", "a second", "")
	line(row, "", "p50", "p50, ms", p50)
	line(row, "", "p99", "p99, ms", p99)
	line(row, "", "p999", "p99.9, ms", "")
	line(row, "", "cpu", "servers' CPU for each, us", cpu)
}
# Of one system: puts while something else goes on against the same without.
function against_quiet(who,   quiet, busy, ratio) {
	quiet = values["quiet", who, "p999"]; busy = values["busy", who, "p999"]
	if (quiet == "" || busy == "")
		return
	ratio = median(busy) / median(quiet)
	printf "| p99.9 of puts, compacting and snapshotting, %s | ms | %s | quiet: %s | %.3f | %s |\n", who, spread(busy), spread(quiet),
		ratio, who == "reckon" ? verdict(ratio, 1.2) : ""
}
{ values[$1, $2, $3] = add(values[$1, $2, $3], $4) }
END {
	print "| | | reckon | etcd | ratio | target |"
	print "| --- | --- | --- | --- | --- | --- |"
	workload("put-1", "put, 1 client", 1 / 4, "", "")
	workload("put-100", "put, 100 clients", "", "", "")
	workload("put-1000", "put, 1,000 clients", "", "", 1 / 12)
	workload("get-1", "linearizable get, 1 client", "", "", "")
	workload("get-1000", "linearizable get, 1,000 clients", "", "", 1 / 15)
	workload("getser-1", "serializable get, 1 client", "", "", "")
	workload("getser-1000", "serializable get, 1,000 clients", "", "", "")
	workload("txn-1000", "txn: compare and put, 1,000 clients", "", "", "")
	workload("watch", "watch: events to 10,000 watchers", "", 1 / 5, "")
	workload("grant", "lease grant, 1,000 clients", "", "", "")
	workload("keep", "lease keep-alive, 1,000 streams", "", "", "")
	line("list", "list of 300,000 keys", "p50", "ms", 1 / 10)
	line("list", "", "cpu", "servers' CPU, us", "")
	grown = values["list", "reckon", "grown_kib"]
	if (grown != "")
		printf "| | growth in memory, KiB | %s | %s | %.3f | none (below 4,096): %s |\n", spread(grown),
			spread(values["list", "etcd", "grown_kib"]), median(grown) / median(values["list", "etcd", "grown_kib"]),
			median(grown) < 4096 ? "met" : "missed"
	workload("quiet", "put, 1,000 a second, quiet", "", "", "")
	workload("busy", "put, 1,000 a second, compacting and snapshotting", "", "", "")
	against_quiet("reckon")
	against_quiet("etcd")
	line("memory", "1,000,000 keys", "rss_mib", "memory of a member, MiB", 1 / 4)
	line("memory", "", "key_bytes", "memory for each key, bytes", "")
	line("restart", "restart with them, to the first linearizable read", "ms", "ms", 1 / 10)
}
