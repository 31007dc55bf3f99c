# Two full members and a witness: it votes, keeps the log, and holds no state.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 26000)
witness= second=
stop_all() {
	for process in $witness $second; do kill "$process" 2>/dev/null; done
	"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1
}
trap stop_all EXIT
"$RECKON" cluster up --dir "$cluster" --members 2 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
cluster_id=$(sed -n 's/^clusterID: "\(.*\)"/\1/p' "$cluster/cluster.yaml")
pki=$cluster/pki
url=https://127.0.0.1:$((port + 20)) # the witness's

write() { # FROM TO
	for i in $(seq "$1" "$2"); do "$RECKON" create configmap "c$i" --from-literal=a=b >/dev/null || return 1; done
}
members() { "$RECKON" member ls | awk 'NR > 1 {print $1 $3}' | tr '\n' ' '; }
# The process is found by the file that the cluster keeps, whose first word is its number.
pid_of() { tr -dc '0-9 \n' <"$cluster/$1/pid" | awk 'NR == 1 {print $1}'; }
end_member() { kill -9 "$(pid_of "$1")"; sleep 0.3; }
server() { # DIR ID FLAGS...: in the place of a subshell
	dir=$1 id=$2
	shift 2
	exec "$RECKON" server --dir "$dir" --id "$id" --cluster-id "$cluster_id" --cert "$pki/m$id.crt" --key "$pki/m$id.key" \
		--ca "$pki/ca.crt" "$@"
}
start_witness() {
	server "$SCRATCH/m3" 3 --join --witness --peer-listen 127.0.0.1:$((port + 120)) --listen 127.0.0.1:$((port + 20)) \
		--snapshot-entries 50 >>"$SCRATCH/m3.log" 2>&1 &
	witness=$!
	sleep 0.3
}
api() { curl -s -A e2e --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "$@"; }
status_number() { api "$1/reckon/v1/status" | grep -o "\"$2\":[0-9]*" | head -1 | cut -d: -f2; }
memory_kib() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

check "writes" write 1 5
check "a certificate for the witness" "$RECKON" member cert 3 --cluster "$cluster"
start_witness
has "a dry run shows the steps" "$("$RECKON" member add "3=127.0.0.1:$((port + 120))" --witness --dry-run)" "3 witness (will vote)"
check "the witness is added" "$RECKON" member add "3=127.0.0.1:$((port + 120))" --witness
same "two voters and a witness" "1voter 2voter 3witness " "$(members)"
check "the same set again" "$RECKON" member set 1 2 3:witness
has "it is not promoted" "$("$RECKON" member promote 3 2>&1)" "member 3 is a witness and cannot become a full member"
has "nor made a learner" "$("$RECKON" member set 1 2 3:learner 2>&1)" "member 3 is a witness"
has "full members are more than witnesses" "$("$RECKON" member remove 2 2>&1)" "more full voters than witnesses, not 1 and 1"
has "it is not asked to lead" "$("$RECKON" transfer 3 2>&1)" "member 3 is a witness, which does not lead"
has "it has no data" "$("$RECKON" get configmaps --server "$url" 2>&1)" "m3 is a witness"
has "and takes none" "$("$RECKON" create configmap no --server "$url" 2>&1)" "m3 is a witness"
same "it is in health" ok "$(api "$url/healthz")"
same "and not ready for clients" 500 "$(api -o /dev/null -w '%{http_code}' "$url/readyz")"
same "data is answered by 503" 503 "$(api -o /dev/null -w '%{http_code}' "$url/api/v1/pods")"
has "its status says what it is" "$(api "$url/reckon/v1/status")" '"witness":true'
same "it knows the members" "$("$RECKON" member ls | awk '{print $1, $3}')" "$("$RECKON" member ls --server "$url" | awk '{print $1, $3}')"
has "its log can be read" "$("$RECKON" log verify "$SCRATCH/m3" 2>&1)" "whole"

dd if=/dev/urandom bs=1024 count=256 2>/dev/null | od -An -tx1 | tr -d ' \n' >"$SCRATCH/blob"
fill() { for i in $(seq 1 60); do "$RECKON" create configmap "big$i" --from-file="$SCRATCH/blob" >/dev/null || return 1; done; }
check "thirty megabytes" fill
full=$(memory_kib "$(pid_of m1)") small=$(memory_kib "$witness")
if [ "$small" -lt $((full / 2)) ]; then ok "the witness is small: $small KiB, m1 $full KiB"; else not_ok "the witness is small" "$small KiB, m1 $full KiB"; fi
dropped() { [ "$(status_number "$url" first)" -gt 1 ] && [ "$(status_number "$url" snapshot)" -gt 1 ]; }
check "it drops what the others have snapshots of" until_true 10 dropped

# What only it and a leader that dies hold.
until_true 10 "$RECKON" transfer 1 >/dev/null
end_member m2
check "writes go on with one full member" write 6 30
end_member m1
server "$cluster/m2/data" 2 --members "1=127.0.0.1:$((port + 100)),2=127.0.0.1:$((port + 101))" --listen "127.0.0.1:$((port + 1))" \
	>"$SCRATCH/m2.log" 2>&1 &
second=$!
other=https://127.0.0.1:$((port + 1))
holds() { "$RECKON" get configmap "$1" --server "$other"; }
check "the witness brings them to the other" until_true 15 holds c30
has "which leads" "$("$RECKON" member ls --server "$other" | grep '\*$')" "2 "
check "and takes writes" "$RECKON" create configmap after --from-literal=a=b --server "$other"
kill "$second" && wait "$second" 2>/dev/null
second=

kill "$witness" && wait "$witness" 2>/dev/null
witness=
has "a witness's directory is not a full member's" "$(server "$SCRATCH/m3" 3 --join --peer-listen 127.0.0.1:$((port + 120)) \
	--listen 127.0.0.1:$((port + 20)) 2>&1)" "is a witness's: start it with --witness"
has "and the other way round" "$(server "$cluster/m1/data" 1 --join --witness --peer-listen 127.0.0.1:$((port + 100)) \
	--listen 127.0.0.1:$((port)) 2>&1)" "is a full member's: start it without --witness"
has "a back-up is not made of it" "$("$RECKON" log backup --dir "$SCRATCH/m3" --to "$SCRATCH/backup" 2>&1)" "is a witness's"
start_witness
check "the others come back" "$RECKON" cluster up --dir "$cluster"
check "all is there" "$RECKON" get configmap c1 c30 after big60
check "the witness leaves" "$RECKON" member remove 3
same "two voters" "1voter 2voter " "$(members)"

lists=1=a:1,2=b:1,3=c:1:witness
has "a new cluster's list is obeyed" "$(server "$SCRATCH/no" 3 --listen 127.0.0.1:0 --members "$lists" 2>&1)" "member 3 is a witness: start it with --witness"
has "also by the others" "$(server "$SCRATCH/no" 1 --listen 127.0.0.1:0 --members "$lists" --witness 2>&1)" "--members must say so of member 1"
has "and not of witnesses only" "$(server "$SCRATCH/no" 1 --listen 127.0.0.1:0 --members "1=a:1,2=b:1:witness" 2>&1)" "more full voters than witnesses"
check "a certificate for another" "$RECKON" member cert 4 --cluster "$cluster"
server "$SCRATCH/m4" 4 --join --peer-listen 127.0.0.1:$((port + 121)) --listen 127.0.0.1:$((port + 21)) >"$SCRATCH/m4.log" 2>&1 &
second=$!
sleep 0.3
check "one that runs as a full member is added as a witness" "$RECKON" member add "4=127.0.0.1:$((port + 121))" --witness --no-wait
wait "$second"
second=
has "and ends, and says why" "$(cat "$SCRATCH/m4.log")" "is a witness for the others, and was started without --witness"
check "the change is called off" "$RECKON" member remove 4
summary
