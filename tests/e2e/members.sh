# Members that come, go, lose their disk, or have it damaged.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 25000)
joined=
stop_all() {
	[ -z "$joined" ] || kill "$joined" 2>/dev/null
	"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1
}
trap stop_all EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
cluster_id=$(sed -n 's/^clusterID: "\(.*\)"/\1/p' "$cluster/cluster.yaml")

write() { # FROM TO
	for i in $(seq "$1" "$2"); do "$RECKON" create configmap "c$i" --from-literal=a=b >/dev/null || return 1; done
}
members() { "$RECKON" member ls | awk 'NR > 1 {print $1 $3}' | tr '\n' ' '; }
status_of() { "$RECKON" cluster status --dir "$cluster" | grep "^$1 "; }
same_state() { # the members of `cluster status`, those named
	hashes=$(for m in "$@"; do status_of "$m" | awk '{print $8}'; done | sort -u | wc -l)
	[ "$hashes" = 1 ]
}
# The process is found by the file that the cluster keeps, whose first word is its number.
end_member() { kill -9 "$(tr -dc '0-9 \n' <"$cluster/$1/pid" | awk 'NR == 1 {print $1}')"; sleep 0.3; }

check "writes" write 1 5
same "three voters" "1voter 2voter 3voter " "$(members)"
check "a certificate for a fourth" "$RECKON" member cert 4 --cluster "$cluster"
"$RECKON" server --join --dir "$SCRATCH/m4" --id 4 --cluster-id "$cluster_id" --peer-listen 127.0.0.1:$((port + 120)) \
	--listen 127.0.0.1:$((port + 20)) --cert "$cluster/pki/m4.crt" --key "$cluster/pki/m4.key" --ca "$cluster/pki/ca.crt" \
	>"$SCRATCH/m4.log" 2>&1 &
joined=$!
sleep 0.3
has "a dry run shows the steps" "$("$RECKON" member add "4=127.0.0.1:$((port + 120))" --dry-run)" "4 learner (will vote)"
same "and changes nothing" "1voter 2voter 3voter " "$(members)"
check "the fourth is added" "$RECKON" member add "4=127.0.0.1:$((port + 120))"
same "four voters" "1voter 2voter 3voter 4voter " "$(members)"
has "it has the state" "$("$RECKON" get configmaps --server "https://127.0.0.1:$((port + 20))" 2>&1)" "c5"
has "twice is refused" "$("$RECKON" member add "4=127.0.0.1:1" 2>&1)" "there is a member 4 already"
has "nobody left is refused" "$("$RECKON" member remove 1 2 3 4 2>&1)" "no voter would be left"
check "the leadership is handed over" "$RECKON" transfer 4
check "the leader itself is removed" "$RECKON" member remove 4
same "three voters again" "1voter 2voter 3voter " "$(members)"
check "writes go on" write 6 10
check "a voter becomes a learner" "$RECKON" member set 1 2 3:learner
same "two voters and a learner" "1voter 2voter 3learner " "$(members)"
check "and votes again" "$RECKON" member promote 3
same "three voters at last" "1voter 2voter 3voter " "$(members)"

"$LOAD" --cluster "$cluster" --clients 16 --count 1200 --rate 400 --prefix handed >"$SCRATCH/load" &
load=$!
for _ in 1 2 3 4 5 6 7 8; do
	sleep 0.25
	"$RECKON" transfer >/dev/null || echo "a hand-over was refused"
done
wait "$load"
echo "        $(cat "$SCRATCH/load")"
has "eight hand-overs under load, and no request failed" "$(cat "$SCRATCH/load")" "acked=1200 failed=0"

end_member m2
rm -rf "$cluster/m2/data"
check "a member starts with an empty disk" "$RECKON" cluster up --dir "$cluster"
has "it knows that it lost its memory" "$(cat "$cluster/m2/log")" "amnesia"
until_true 5 grep -q "amnesia over" "$cluster/m2/log"
check "and is filled" same_state m1 m2 m3

end_member m3
segment=$cluster/m3/data/log/0000000000000001.wal
printf '%02000d' 0 | dd of="$segment" bs=1 seek=1500 conv=notrunc 2>/dev/null
has "damage is named" "$("$RECKON" log verify "$cluster/m3" 2>&1)" "damaged"
has "what can be read is salvaged" "$("$RECKON" log salvage "$cluster/m3" 2>&1)" "1 damaged places"
check "a member starts with a damaged log" "$RECKON" cluster up --dir "$cluster"
check "and is filled again" same_state m1 m2 m3
has "its log is whole" "$("$RECKON" log verify "$cluster/m3" 2>&1)" "all whole"

# A member that dies again and again while a snapshot fills it goes on where it was.
big() {
	head -c 700000 /dev/urandom | base64 -w 0 >"$SCRATCH/big"
	"$RECKON" create configmap "big$1" --from-file=a="$SCRATCH/big" >/dev/null
}
fill() {
	"$RECKON" server --join --dir "$SCRATCH/m5" --id 5 --cluster-id "$cluster_id" --peer-listen 127.0.0.1:$((port + 121)) \
		--listen 127.0.0.1:$((port + 21)) --cert "$cluster/pki/m5.crt" --key "$cluster/pki/m5.key" --ca "$cluster/pki/ca.crt" \
		>>"$SCRATCH/m5.log" 2>&1 &
	joined=$!
}
part_size() { stat -c %s "$SCRATCH"/m5/snapshots/*.part 2>/dev/null || echo 0; }
grown() { # SIZE: until the file that comes in is larger than that, or there is nothing to wait for
	while [ "$(part_size)" -le "$1" ] && kill -0 "$adding" 2>/dev/null; do :; done
}
for i in $(seq 1 40); do big "$i" || break; done
same "a state of some size" 40 "$i"
check "a certificate for a fifth" "$RECKON" member cert 5 --cluster "$cluster"
kill "$joined" 2>/dev/null # the fourth
wait "$joined" 2>/dev/null
fill
"$RECKON" member add "5=127.0.0.1:$((port + 121))" >"$SCRATCH/add.log" 2>&1 &
adding=$!
size=0
for i in 1 2 3 4; do
	grown "$size"
	kill -9 "$joined"
	wait "$joined" 2>/dev/null # its lock and ports are free only then
	size=$(part_size)
	fill
done
if wait "$adding"; then ok "the fifth is added all the same"; else not_ok "the fifth is added" "$(cat "$SCRATCH/add.log")"; fi
check "it has the state" until_true 10 "$RECKON" get configmap big40 --server "https://127.0.0.1:$((port + 21))"
places=$(sed -n 's/.*receiving a snapshot .* at=\([0-9]*\)$/\1/p' "$SCRATCH/m5.log")
same "it never began anew" "$(echo "$places" | sort -n)" "$places"
check "but went on" test "$(echo "$places" | grep -cv '^0$')" -ge 1
same "nothing of the transfer is left" "" "$(ls "$SCRATCH"/m5/snapshots | grep -v 'snap$')"
summary
