# Bad input: one clear line, and nothing lost or half done.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 23000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 1 --simulated --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
pki=$cluster/pki
api() { curl -s --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "$@"; }
base=https://127.0.0.1:$port
state() { "$RECKON" get all,cm,secrets -A -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name} {end}'; }
before=$(state)

one_line() { # NAME PART COMMAND...: fails with one line that has PART
	name=$1 part=$2
	shift 2
	if output=$("$@" 2>&1); then not_ok "$name" "it succeeded: $output"; return; fi
	if [ "$(printf '%s\n' "$output" | wc -l)" != 1 ]; then not_ok "$name" "more than one line:" "$output"; return; fi
	has "$name" "$output" "$part"
}
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [x\n' >"$SCRATCH/bad.yaml"
one_line "malformed YAML" "line " "$RECKON" apply -f "$SCRATCH/bad.yaml"
printf '{"apiVersion": "v1",\n "kind": "ConfigMap" "metadata": {}}' >"$SCRATCH/bad.json"
one_line "malformed JSON" "line 2" "$RECKON" apply -f "$SCRATCH/bad.json"
printf 'apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: x}\n' >"$SCRATCH/kind.yaml"
one_line "unknown kind" "Deployment" "$RECKON" apply -f "$SCRATCH/kind.yaml"
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: i, comand: [a]}]}\n' >"$SCRATCH/field.yaml"
one_line "unknown field" 'did you mean "command"' "$RECKON" apply -f "$SCRATCH/field.yaml"
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: C_1, image: i}]}\n' >"$SCRATCH/value.yaml"
one_line "invalid value" "spec.containers[0].name" "$RECKON" apply -f "$SCRATCH/value.yaml"
long=$(printf 'a%.0s' $(seq 300))
one_line "name too long" "must be no more than" "$RECKON" create configmap "$long"
one_line "unknown resource type" "pods" "$RECKON" get podz
one_line "unknown command" "cluster" "$RECKON" clutser
one_line "unknown flag" "namespace" "$RECKON" get pods --namespce x

{ printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big"},"data":{"a":"'; head -c 3145729 /dev/zero | tr '\0' a; printf '"}}'; } >"$SCRATCH/big.json"
has "3 MiB and more" "$(api -X POST -H 'Content-Type: application/json' --data-binary "@$SCRATCH/big.json" -o /dev/null -w '%{http_code}' "$base/api/v1/namespaces/default/configmaps")" 413
same "no certificate" 403 "$(curl -s --cacert "$pki/ca.crt" -o /dev/null -w '%{http_code}' "$base/api" || true)"
"$RECKON" cluster up --dir "$SCRATCH/other" --members 1 --nodes 0 --port $((port + 20)) --peer-port $((port + 120)) >/dev/null
same "another cluster's certificate" 000 "$(curl -s --cacert "$pki/ca.crt" --cert "$SCRATCH/other/pki/admin.crt" --key "$SCRATCH/other/pki/admin.key" -o /dev/null -w '%{http_code}' "$base/api" || true)"
has "a CLI of another cluster" "$("$RECKON" get pods -s "$base" --kubeconfig "$SCRATCH/other/admin.kubeconfig" 2>&1 || true)" "not signed by our CA"
id=$(sed -n 's/^cluster //p' "$cluster/m1/data/member")
server() { "$RECKON" server --id 1 --members 1=127.0.0.1:$((port + 130)) --cert "$pki/m1.crt" --key "$pki/m1.key" --ca "$pki/ca.crt" "$@"; }
one_line "a port in use" "in use" server --dir "$SCRATCH/d1" --cluster-id "$id" --listen "127.0.0.1:$port"
one_line "a data directory in use" "in use" server --dir "$cluster/m1/data" --cluster-id "$id" --listen 127.0.0.1:$((port + 30))
"$RECKON" cluster down --dir "$SCRATCH/other" --keep
one_line "another cluster's data directory" "another cluster" server --dir "$SCRATCH/other/m1/data" --cluster-id "$id" --listen 127.0.0.1:$((port + 30))
"$RECKON" cluster down --dir "$SCRATCH/other" >/dev/null

# A pod that fits nowhere says so.
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: huge}\nspec: {containers: [{name: c, image: i, resources: {requests: {cpu: "5000"}}}]}\n' | "$RECKON" apply -f - >/dev/null
check "a pod that fits nowhere" until_true 5 sh -c "$RECKON describe pod huge | grep -q 'Insufficient cpu'"
"$RECKON" delete pod huge >/dev/null

# Bytes that are no request, on every port.
sent=0
send() { ! timeout 3 nc -N -w 1 127.0.0.1 "$1" >/dev/null 2>&1 || sent=$((sent + 1)); }
for p in $port $((port + 1)) $((port + 2)) $((port + 100)) $((port + 101)) $((port + 102)); do
	for n in 1 2 3 4 5; do
		head -c 4096 /dev/urandom >"$SCRATCH/noise"
		send "$p" <"$SCRATCH/noise"
	done
	printf 'GET /api HTTP/1.1\r\nHost: x' >"$SCRATCH/noise"
	send "$p" <"$SCRATCH/noise"
done
same "random bytes reached every port" 36 "$sent"
printf 'GET /api/v1/pods HTTP/1.1\r\nHo' | timeout 3 openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile "$pki/ca.crt" -cert "$pki/admin.crt" -key "$pki/admin.key" >"$SCRATCH/answer" 2>"$SCRATCH/tls" || true
has "TLS was spoken" "$(cat "$SCRATCH/tls")" "verify return:1"
same "a truncated request inside TLS has no answer" "" "$(grep -a 'HTTP/1.1 200' "$SCRATCH/answer" || true)"
check "members still serve" until_true 5 sh -c "[ \$($RECKON cluster status --dir $cluster | grep -c -E 'leader|follower') = 3 ]"
same "nothing was half done" "$before" "$(state)"

# A full disk: writes are refused at once and by name, nothing acknowledged is lost, and they go on when there is room.
small=$SCRATCH/small
mkdir "$small"
if [ "$(id -u)" != 0 ] || ! mount -t tmpfs -o size=40m reckon-small "$small"; then
	skip "a full disk" "a small file system needs root"
	summary
	exit
fi
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1; "$RECKON" cluster down --dir "$small/c" >/dev/null 2>&1; until_true 5 umount "$small"' EXIT
"$RECKON" cluster up --dir "$small/c" --members 1 --nodes 0 --port $((port + 40)) --peer-port $((port + 140)) >/dev/null
small_k() { KUBECONFIG=$small/c/admin.kubeconfig "$RECKON" "$@"; }
lost() {
	small_k get configmaps -o name | sed 's|configmap/||' | sort >"$SCRATCH/have"
	sort "$SCRATCH/acks" | comm -13 "$SCRATCH/have" - | wc -l
}
head -c 8m /dev/zero >"$small/ballast"
"$LOAD" --cluster "$small/c" --clients 8 --count 3000 --bytes 30000 --acks "$SCRATCH/acks" >/dev/null
check "a full disk: some writes came before it" [ -s "$SCRATCH/acks" ]
began=$(date +%s%N)
one_line "a full disk: writes are refused" "the disk of member m1 is full: writes wait until there is room" small_k create configmap late
took=$((($(date +%s%N) - began) / 1000000))
if [ "$took" -lt 1000 ]; then ok "a full disk: at once ($took ms)"; else not_ok "a full disk: only after $took ms"; fi
same "a full disk: what was acknowledged can be read" 0 "$(lost)"
mount -o remount,size=400m "$small"
check "room again: writes go on" until_true 5 small_k create configmap late
same "room again: nothing was lost" 0 "$(lost)"
kill -9 "$(cat "$small/c/m1/pid")"
until_true 5 sh -c "! ss -ltn | grep -q 127.0.0.1:$((port + 40))"
"$RECKON" cluster up --dir "$small/c" >/dev/null
same "room again: nor by kill -9" 0 "$(lost)"
check "room again: log verify" "$RECKON" log verify "$small/c/m1"
summary
