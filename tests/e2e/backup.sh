# A cluster backed up, proved, damaged, restored to any moment, and brought back from one member.
. ./lib.sh
cluster=$SCRATCH/c new=$SCRATCH/n store=$SCRATCH/b
port=$(free_port 28000)
pids= broken=
stop_all() {
	for pid in $pids; do kill "$pid" 2>/dev/null; done
	"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1
	"$RECKON" cluster down --dir "$new" >/dev/null 2>&1
}
trap stop_all EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) \
	--etcd-port $((port + 3)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH ETCDCTL_API=3
export ETCDCTL_CACERT="$cluster/pki/ca.crt" ETCDCTL_CERT="$cluster/pki/admin.crt" ETCDCTL_KEY="$cluster/pki/admin.key"

write() { # FROM TO
	for i in $(seq "$1" "$2"); do "$RECKON" create configmap "c$i" --from-literal=a="$i" >/dev/null || return 1; done
}
count() { "$RECKON" get configmaps -o name "$@" 2>&1 | grep -c '/c[0-9]'; }
has_etcdctl() { command -v etcdctl >/dev/null; }
etcd() { # PORT ARGS...
	endpoint=$1
	shift
	etcdctl --endpoints "https://127.0.0.1:$endpoint" "$@"
}
status_of() { "$RECKON" cluster status --dir "$1" | grep "^$2 "; }
same_state() { # CLUSTER MEMBER...
	dir=$1
	shift
	hashes=$(for m in "$@"; do status_of "$dir" "$m" | awk '{print $8}'; done | sort -u | wc -l)
	[ "$hashes" = 1 ]
}
end_member() { kill -9 "$(tr -dc '0-9 \n' <"$cluster/$1/pid" | awk 'NR == 1 {print $1}')"; }
number() { echo "$1" | sed -n "s/^$2 *[a-z ]*\([0-9][0-9]*\).*/\1/p"; }
line_of() { echo "$1" | grep "^$2 "; }
serve() { # DATA ID CLUSTER_ID ARGS...: the API at port + 20 + ID, peers at port + 120 + ID
	data=$1 number=$2 of=$3
	shift 3
	"$RECKON" server --dir "$data" --id "$number" --cluster-id "$of" "$@" \
		--peer-listen 127.0.0.1:$((port + 120 + number)) --listen 127.0.0.1:$((port + 20 + number)) \
		--etcd-listen 127.0.0.1:$((port + 10 + number)) --cert "$cluster/pki/m$number.crt" \
		--key "$cluster/pki/m$number.key" --ca "$cluster/pki/ca.crt" >>"$SCRATCH/serve$number.log" 2>&1 &
	pids="$pids $!"
}
url() { echo "https://127.0.0.1:$((port + 20 + $1))"; }
ready() { "$RECKON" get namespaces --server "$(url "$1")"; }

# --- backing up ---
check "writes" write 1 20
if has_etcdctl; then
	check "an etcd key" etcd $((port + 3)) put greeting hello
	lease=$(etcd $((port + 3)) lease grant 3600 | awk '{print $2}')
	check "a key with a lease" etcd $((port + 3)) put leased yes --lease="$lease"
fi
first=$("$RECKON" log backup --to "$store" 2>&1)
has "the first back-up is whole and proved" "$first" "Proved"
has "it has the member's own hash" "$first" "1 times the state that was told"
if has_etcdctl; then
	check "etcdctl saves a snapshot" etcd $((port + 3)) snapshot save "$SCRATCH/saved"
fi
after_first=$(number "$(line_of "$first" Backed)" "Backed up *member [0-9]* up to entry")
sleep 1.1
moment=$(date -u +%Y-%m-%dT%H:%M:%SZ)
sleep 1.1
check "more writes" write 21 30
second=$("$RECKON" log backup --to "$store" --server "https://127.0.0.1:$((port + 1))" 2>&1)
has "the next takes what is new, from another member" "$(line_of "$second" Entries)" "Entries     $((after_first + 1)) to"
has "and is proved with it" "$second" "2 times the state that was told"
has "nothing new is nothing" "$("$RECKON" log backup --to "$store")" "Nothing     is new"
(write 101 160) &
load=$!
for i in 1 2 3; do check "back-up $i under load" "$RECKON" log backup --to "$store"; done
wait "$load"
check "and one after it" "$RECKON" log backup --to "$store" --base
check "the whole is proved" "$RECKON" log backup --verify "$store"
has "another cluster's is refused" "$(mkdir "$SCRATCH/other" && cp "$store"/* "$SCRATCH/other" &&
	sed -i 1,1d "$SCRATCH/other/manifest" && "$RECKON" log backup --to "$SCRATCH/other" 2>&1)" "damaged"

# A run that is killed leaves the back-up as it was, or with what is new.
for after in 0.004 0.008 0.012 0.016 0.03; do
	write 161 161
	"$RECKON" delete configmap c161 >/dev/null
	timeout -s KILL "$after" "$RECKON" log backup --to "$store" >/dev/null 2>&1
	"$RECKON" log backup --verify "$store" >/dev/null 2>&1 || broken="$broken $after"
done
same "a run that is killed breaks nothing" "" "$broken"
check "the next goes on" "$RECKON" log backup --to "$store"
same "and removes what was left" "" "$(ls "$store" | grep -E 'tmp|new')"

# --- damage ---
part=$(ls "$store"/*.part | head -1)
cp -r "$store" "$SCRATCH/bad"
bad=$SCRATCH/bad/$(basename "$part")
size=$(stat -c %s "$bad")
missed=
for at in 3 60 $((size / 3)) $((size / 2)) $((size - 1)); do
	cp "$part" "$bad"
	byte=$(dd if="$bad" bs=1 skip="$at" count=1 2>/dev/null | od -An -tu1 | tr -d ' ')
	printf "\\$(printf %o $((byte ^ 16)))" | dd of="$bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
	out=$("$RECKON" log backup --verify "$SCRATCH/bad" 2>&1) && missed="$missed $at"
	case $out in *"$(basename "$part")"*entry*) ;; *) missed="$missed $at:$out" ;; esac
done
same "one flipped byte is found, file and entry named" "" "$missed"
cp "$part" "$bad"
printf 'damage' | dd of="$bad" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
named=$("$RECKON" log backup --verify "$SCRATCH/bad" 2>&1 | sed -n 's/.*: entry \([0-9]*\) .*/\1/p')
check "what is before damage is restored" "$RECKON" log restore --from "$SCRATCH/bad" --to "$SCRATCH/before" \
	--index $((named - 1)) --member 1=127.0.0.1:1
has "but not what is behind it" "$("$RECKON" log restore --from "$SCRATCH/bad" --to "$SCRATCH/behind" \
	--index "$named" --member 1=127.0.0.1:1 2>&1)" "is damaged"
truncate -s $((size / 2)) "$bad"
has "a file cut off is named" "$("$RECKON" log backup --verify "$SCRATCH/bad" 2>&1)" "is cut off"
rm "$bad"
has "a missing one too" "$("$RECKON" log backup --verify "$SCRATCH/bad" 2>&1)" "cannot open"
sed 's/"last":[0-9]*/"last":5/' "$store/manifest" >"$SCRATCH/bad/manifest"
has "a changed manifest too" "$("$RECKON" log backup --verify "$SCRATCH/bad" 2>&1)" "damaged"

# --- restoring ---
restored=$("$RECKON" log restore --from "$store" --to "$SCRATCH/r1" --time "$moment" --member 1=127.0.0.1:$((port + 121)) 2>&1)
has "restored to a time" "$restored" "Restored    entry $after_first of"
has "over nothing" "$("$RECKON" log restore --from "$store" --to "$SCRATCH/r1" --member 1=127.0.0.1:1 2>&1)" "is there already"
again=$("$RECKON" log restore --from "$store" --to "$SCRATCH/r2" --index "$after_first" --member 1=127.0.0.1:$((port + 121)) \
	--cluster-id "$(line_of "$restored" Cluster | awk '{print $2}' | tr -d ,)")
same "to that entry is the same" "$(line_of "$restored" Holds)" "$(line_of "$again" Holds)"
has "another entry is another cluster" "$("$RECKON" log restore --from "$store" --to "$SCRATCH/r3" --index $((after_first + 1)) \
	--member 1=127.0.0.1:$((port + 121)) --cluster-id "$(line_of "$restored" Cluster | awk '{print $2}' | tr -d ,)" 2>&1)" "another beginning"
id=$(line_of "$restored" Cluster | awk '{print $2}' | tr -d ,)
serve "$SCRATCH/r1" 1 "$id" --members 1=127.0.0.1:$((port + 121)) --snapshot-entries 5
r1=$!
check "the restored member serves" until_true 10 ready 1
same "what was there then" 20 "$(count --server "$(url 1)")"
has "and takes writes" "$("$RECKON" create configmap c21 --from-literal=a=b --server "$(url 1)" 2>&1)" "created"
revision=$("$RECKON" get configmap c21 --server "$(url 1)" -o 'jsonpath={.metadata.resourceVersion}')
check "revisions go on further up" test "$revision" -gt 1000000000
if command -v kubectl >/dev/null; then
	same "kubectl reads it" 7 "$(kubectl --server "$(url 1)" get configmap c7 -o 'jsonpath={.data.a}' 2>&1)"
	has "a watch from an old revision is told so" "$(kubectl --server "$(url 1)" get --raw \
		"/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=5&timeoutSeconds=1" 2>&1)" "410"
fi
if has_etcdctl; then
	same "etcdctl reads it" hello "$(etcd $((port + 11)) get greeting --print-value-only)"
	has "the lease is there" "$(etcd $((port + 11)) lease timetolive "$lease" --keys)" "leased"
	has "keys are written" "$(etcd $((port + 11)) put greeting again)" "OK"
	has "old revisions are compacted" "$(etcd $((port + 11)) get greeting --rev=6 2>&1)" "compacted"
fi
based=$("$RECKON" log backup --to "$SCRATCH/based" --server "$(url 1)")
has "a back-up begins with a snapshot" "$based" "Snapshot    of the state after entry"
before=$(number "$(line_of "$based" Snapshot)" "Snapshot *of the state after entry")
has "nothing leads to what was before it" "$("$RECKON" log restore --from "$SCRATCH/based" --to "$SCRATCH/r4" \
	--index $((before - 1)) --member 1=127.0.0.1:1 2>&1)" "nothing in the back-up leads to"
for i in $(seq 22 40); do "$RECKON" create configmap "c$i" --from-literal=a=b --server "$(url 1)" >/dev/null; done
serve "$SCRATCH/j2" 2 "$id" --join
check "another joins" until_true 5 "$RECKON" member add "2=127.0.0.1:$((port + 122))" --server "$(url 1)"
has "it has the state" "$("$RECKON" get configmaps --server "$(url 2)" 2>&1)" "c21"
gap=$("$RECKON" log backup --to "$SCRATCH/based" --server "$(url 2)" 2>&1)
has "a log that does not reach back gives a new snapshot" "$gap" "Snapshot    of the state after entry"
has "the back-up has a gap then, and is whole" "$gap" "Proved"
has "nothing leads into the gap" "$("$RECKON" log restore --from "$SCRATCH/based" --to "$SCRATCH/r4" \
	--index $(($(number "$(line_of "$gap" Snapshot)" "Snapshot *of the state after entry") - 1)) --member 1=127.0.0.1:1 2>&1)" \
	"nothing in the back-up leads to"
check "but to what is before and behind it" "$RECKON" log restore --from "$SCRATCH/based" --to "$SCRATCH/r4" \
	--index $(number "$(line_of "$based" Backed)" "Backed up *member [0-9]* up to entry") --member 1=127.0.0.1:1
has "old members and new ones are strangers" "$("$RECKON" member ls | awk 'NR > 1 {print $1}' | tr '\n' ' ')" "1 2 3 "
kill "$r1" 2>/dev/null
for pid in $pids; do kill "$pid" 2>/dev/null; done
wait
pids=

# --- what etcdctl saved ---
from_saved() { # FILE TO ARGS...
	file=$1 data=$2
	shift 2
	"$RECKON" log restore --from-snapshot "$file" --to "$data" --member 1=127.0.0.1:$((port + 121)) "$@" 2>&1
}
if has_etcdctl; then
	saved=$SCRATCH/saved size=$(stat -c %s "$SCRATCH/saved")
	has "a saved snapshot is proved" "$("$RECKON" log backup --verify "$saved")" "Proved      $size bytes, the state after entry"
	missed=
	for at in 0 3 100 $((size / 2)) $((size - 33)) $((size - 32)) $((size - 1)); do
		cp "$saved" "$SCRATCH/flipped"
		byte=$(dd if="$saved" bs=1 skip="$at" count=1 2>/dev/null | od -An -tu1 | tr -d ' ')
		printf "\\$(printf %o $((byte ^ 16)))" | dd of="$SCRATCH/flipped" bs=1 seek="$at" conv=notrunc 2>/dev/null
		case $("$RECKON" log backup --verify "$SCRATCH/flipped" 2>&1) in *"its SHA-256 is wrong"*) ;; *) missed="$missed $at" ;; esac
	done
	same "one flipped byte is found" "" "$missed"
	head -c $((size - 100)) "$saved" >"$SCRATCH/cut"
	has "a file cut off is refused" "$(from_saved "$SCRATCH/cut" "$SCRATCH/s0")" "is cut off"
	head -c $((size - 512)) "$saved" >"$SCRATCH/cut"
	has "wherever it is cut" "$(from_saved "$SCRATCH/cut" "$SCRATCH/s0")" "is damaged"
	head -c 4096 /dev/zero >"$SCRATCH/strange"
	sha256sum "$SCRATCH/strange" | head -c 64 | sed 's/../\\x&/g' | xargs -0 printf >"$SCRATCH/digest"
	cat "$SCRATCH/digest" >>"$SCRATCH/strange"
	has "another server's is refused" "$(from_saved "$SCRATCH/strange" "$SCRATCH/s0")" "holds no state of reckon"
	check "and nothing is made" test ! -e "$SCRATCH/s0" -a ! -e "$SCRATCH/s0.partial"
	has "it holds one moment" "$(from_saved "$saved" "$SCRATCH/s0" --index 5)" "no --index"
	out=$(from_saved "$saved" "$SCRATCH/s1")
	has "a saved snapshot is restored" "$out" "Restored    entry"
	id=$(line_of "$out" Cluster | awk '{print $2}' | tr -d ,)
	again=$(from_saved "$saved" "$SCRATCH/s2" --cluster-id "$id")
	same "twice to the same" "$(line_of "$out" Holds)" "$(line_of "$again" Holds)"
	serve "$SCRATCH/s1" 1 "$id" --members 1=127.0.0.1:$((port + 121)) --snapshot-entries 5
	check "it serves" until_true 10 ready 1
	same "what was there when it was saved" 20 "$(count --server "$(url 1)")"
	has "and takes writes" "$("$RECKON" create configmap c21 --from-literal=a=b --server "$(url 1)" 2>&1)" "created"
	same "etcdctl reads it" hello "$(etcd $((port + 11)) get greeting --print-value-only)"
	has "the lease is there" "$(etcd $((port + 11)) lease timetolive "$lease" --keys)" "leased"
	has "old revisions are compacted" "$(etcd $((port + 11)) get greeting --rev=6 2>&1)" "compacted"
	serve "$SCRATCH/s3" 2 "$id" --join
	check "another joins" until_true 5 "$RECKON" member add "2=127.0.0.1:$((port + 122))" --server "$(url 1)"
	has "it has the state" "$("$RECKON" get configmaps --server "$(url 2)" 2>&1)" "c21"
	for pid in $pids; do kill "$pid" 2>/dev/null; done
	wait
	pids=
fi

# --- a data directory, and three restored members ---
check "a follower's directory is backed up too" "$RECKON" log backup --to "$SCRATCH/off" --dir "$cluster/m3"
want=$(count)
for m in m1 m2 m3; do end_member $m; done
mkdir "$new"
cp -r "$cluster/pki" "$cluster/cluster.yaml" "$new"
list=$(for i in 1 2 3; do echo "--member $i=127.0.0.1:$((port + 99 + i))"; done)
id=
for i in 1 2 3; do
	# shellcheck disable=SC2086
	out=$("$RECKON" log restore --from "$store" --to "$new/m$i/data" --id "$i" $list ${id:+--cluster-id $id}) || not_ok "member $i" "$out"
	[ -n "$id" ] || id=$(line_of "$out" Cluster | awk '{print $2}' | tr -d ,)
done
sed -i "s/^clusterID:.*/clusterID: \"$id\"/" "$new/cluster.yaml"
check "three members restored one by one serve" "$RECKON" cluster up --dir "$new"
KUBECONFIG=$new/admin.kubeconfig
same "with everything" "$want" "$(count)"
check "writes go on" write 200 210
check "in the same state everywhere" until_true 5 same_state "$new" m1 m2 m3
# An old member that comes back finds new ones where its own were, and neither side listens.
term=$(status_of "$new" m1 | awk '{print $4}')
serve "$cluster/m1/data" 1 "$(sed -n 's/^clusterID: "\(.*\)"/\1/p' "$cluster/cluster.yaml")" \
	--members "1=127.0.0.1:$((port + 121)),2=127.0.0.1:$((port + 101)),3=127.0.0.1:$((port + 102))"
sleep 2
same "an old member changes no term" "$term" "$(status_of "$new" m1 | awk '{print $4}')"
has "and leads nobody" "$("$RECKON" get configmaps --server "$(url 1)" 2>&1)" "no leader"
check "nor the state" same_state "$new" m1 m2 m3
for pid in $pids; do kill "$pid" 2>/dev/null; done
wait
pids=
has "old members do not come in" "$("$RECKON" log backup --to "$store" 2>&1)" "is a back-up of another cluster"
"$RECKON" cluster down --dir "$new" >/dev/null
sleep 0.3
KUBECONFIG=$cluster/admin.kubeconfig

# --- one of three is left ---
check "the old cluster again" "$RECKON" cluster up --dir "$cluster"
check "last writes" write 300 320
until_true 5 same_state "$cluster" m1 m2 m3
want=$(count)
has "a member that runs is no source" "$("$RECKON" log restore --from-member "$cluster/m2" --to "$SCRATCH/last" \
	--member 1=127.0.0.1:1 --force 2>&1)" "stop it first"
for m in m1 m2 m3; do end_member $m; done
sleep 0.3
rm -rf "$cluster/m1/data" "$cluster/m3/data"
cp -r "$cluster/m2/data" "$SCRATCH/hurt"
printf '%0400d' 7 | dd of="$SCRATCH/hurt/log/0000000000000001.wal" bs=1 seek=9000 conv=notrunc 2>/dev/null
hurt=$("$RECKON" log restore --from-member "$SCRATCH/hurt" --to "$SCRATCH/last" --member 1=127.0.0.1:1 --force 2>&1)
has "a damaged log is refused" "$hurt" "are whole"
check "and taken up to the damage" "$RECKON" log restore --from-member "$SCRATCH/hurt" --to "$SCRATCH/part" \
	--index "$(echo "$hurt" | sed -n 's/.*--index \([0-9]*\) .*/\1/p')" --member 1=127.0.0.1:1 --force
out=$("$RECKON" log restore --from-member "$cluster/m2" --to "$SCRATCH/last" --member 1=127.0.0.1:$((port + 121)) 2>&1)
has "not without --force" "$out" "whether they were committed"
check "and nothing is made" test ! -e "$SCRATCH/last"
out=$("$RECKON" log restore --from-member "$cluster/m2" --to "$SCRATCH/last" --member 1=127.0.0.1:$((port + 121)) --force 2>&1)
has "it says what is uncertain" "$out" "Uncertain"
id=$(line_of "$out" Cluster | awk '{print $2}' | tr -d ,)
serve "$SCRATCH/last" 1 "$id" --members 1=127.0.0.1:$((port + 121))
check "the one that is left serves" until_true 10 ready 1
same "all that was acknowledged is there" "$want" "$(count --server "$(url 1)")"
if has_etcdctl; then same "etcd's keys too" hello "$(etcd $((port + 11)) get greeting --print-value-only)"; fi
serve "$SCRATCH/last2" 2 "$id" --join
check "a second joins" until_true 5 "$RECKON" member add "2=127.0.0.1:$((port + 122))" --server "$(url 1)"
has "and takes part" "$("$RECKON" create configmap c999 --from-literal=a=b --server "$(url 2)" 2>&1)" "created"
"$RECKON" log backup --to "$store" --server "$(url 1)" >"$SCRATCH/out" 2>&1
has "its back-ups are another cluster's" "$(cat "$SCRATCH/out")" "another cluster"
check "and whole" "$RECKON" log backup --to "$SCRATCH/fresh" --server "$(url 1)"
summary
