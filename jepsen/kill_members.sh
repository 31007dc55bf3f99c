# Members die and come back: nothing that was acknowledged is lost, nobody waits long.
. ../tests/e2e/lib.sh
cluster=$SCRATCH/c
port=$(free_port 22000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH

leader() { "$RECKON" cluster status --dir "$cluster" | awk '$3 == "leader" {print $1}'; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
agree() { [ "$("$RECKON" cluster status --dir "$cluster" | awk '/^m[0-9]/ {print $5, $8}' | sort -u | wc -l)" = 1 ]; }

for round in 1 2 3; do
	old=$(leader)
	"$LOAD" --cluster "$cluster" --clients 16 --count 1000 --rate 200 --prefix "k$round" --acks "$SCRATCH/acks" >"$SCRATCH/load" &
	load=$!
	sleep 2
	kill -9 "$(cat "$cluster/$old/pid")"
	killed=$(now_ms)
	while :; do
		new=$(leader)
		[ -z "$new" ] || [ "$new" = "$old" ] || break
		sleep 0.02
	done
	took=$(($(now_ms) - killed))
	if [ "$took" -le 1000 ]; then ok "round $round: a new leader after $took ms"; else not_ok "round $round: a new leader after $took ms"; fi
	wait "$load"
	echo "        $(cat "$SCRATCH/load")"
	slowest=$(sed 's/.*slowest=\([0-9]*\).*/\1/' "$SCRATCH/load")
	if [ "$slowest" -lt 2000 ]; then ok "round $round: no request took 2 s (slowest $slowest ms)"; else not_ok "round $round: a request took $slowest ms"; fi
	"$RECKON" get configmaps -o name | sed 's|configmap/||' | sort >"$SCRATCH/have"
	sort "$SCRATCH/acks" >"$SCRATCH/want"
	same "round $round: every acknowledged create is there" 0 "$(comm -13 "$SCRATCH/have" "$SCRATCH/want" | wc -l)"
	"$RECKON" cluster up --dir "$cluster" >/dev/null
	check "round $round: the member catches up, all agree" until_true 10 agree
done

# All at once.
"$RECKON" create deployment web --image=x:1 --replicas=3 >/dev/null
before=$("$RECKON" get configmaps,deployments,replicasets,pods,services -A -o 'jsonpath={range .items[*]}{.metadata.uid}={.metadata.resourceVersion} {end}')
for member in m1 m2 m3; do kill -9 "$(cat "$cluster/$member/pid")"; done
"$RECKON" cluster up --dir "$cluster" >/dev/null
after=$("$RECKON" get configmaps,deployments,replicasets,pods,services -A -o 'jsonpath={range .items[*]}{.metadata.uid}={.metadata.resourceVersion} {end}')
if [ -n "$before" ] && [ "$before" = "$after" ]; then ok "kill -9 of all: same uids and resourceVersions"; else not_ok "kill -9 of all: objects differ"; fi
for member in m1 m2 m3; do check "$member: log verify" "$RECKON" log verify "$cluster/$member"; done

# A member that was away for longer than the log reaches back comes back through a snapshot.
victim=$(leader)
[ "$victim" = m1 ] && victim=m2 || victim=m1
kill -9 "$(cat "$cluster/$victim/pid")"
"$LOAD" --cluster "$cluster" --clients 64 --count 20000 --prefix far >"$SCRATCH/load"
echo "        $(cat "$SCRATCH/load")"
"$RECKON" cluster up --dir "$cluster" >/dev/null
check "a member that was away for long catches up" until_true 20 agree
has "it did so by a snapshot" "$(cat "$cluster/$victim/log")" "snapshot installed"
summary
