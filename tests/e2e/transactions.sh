# Several writes that all happen or none does, by the API and by `reckon apply --atomic`.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 25000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
pki=$cluster/pki
api() { curl -s --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "$@"; }
base=https://127.0.0.1:$port
send() { # BODY [QUERY]: status, then the answer
	printf '%s' "$1" | api -w '\n%{http_code}' -X POST -H 'Content-Type: application/json' --data-binary @- \
		"$base/apis/reckon.dev/v1/transactions?${2:-}" | tr -d '\n '
}
applied() { api "$base/reckon/v1/status" | grep -o '"applied": *[0-9]*' | grep -o '[0-9]*'; }
cm() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"},"data":{"k":"%s"}}' "$1" "$2"; }
names() { "$RECKON" get cm -o 'jsonpath={.items[*].metadata.name}' | sed 's/ kube-root-ca.crt//'; }

before=$(applied)
answer=$(send "{\"spec\":{\"operations\":[{\"verb\":\"create\",\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"n\"}}},
{\"verb\":\"create\",\"namespace\":\"n\",\"object\":$(cm a 1)},{\"verb\":\"create\",\"object\":$(cm b 1)}]}}")
has "three creates in one" "$answer" '"code":201'
same "they answer 201" 201 "${answer##*\}}"
same "one entry of the log" $((before + 1)) "$(applied)"
same "an object in a namespace that came with it" 1 "$("$RECKON" get cm a -n n -o 'jsonpath={.data.k}')"

answer=$(send "{\"spec\":{\"operations\":[{\"verb\":\"create\",\"object\":$(cm c 1)},{\"verb\":\"delete\",\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"b\"},{\"verb\":\"create\",\"object\":$(cm c 2)}]}}")
same "the last one is refused" 409 "${answer##*\}}"
has "and says why" "$answer" 'alreadyexists'
same "nothing of it happened" b "$(names)"

answer=$(send '{"spec":{"operations":[{"verb":"patch","apiVersion":"v1","kind":"ConfigMap","name":"b","patchType":"merge","patch":{"data":{"k":"2"}}},
{"verb":"patch","apiVersion":"v1","kind":"ConfigMap","name":"b","patchType":"json","patch":[{"op":"test","path":"/data/k","value":"2"},{"op":"add","path":"/data/l","value":"3"}]},
{"verb":"patch","apiVersion":"v1","kind":"ConfigMap","name":"d","patchType":"apply","patch":{"apiVersion":"v1","kind":"ConfigMap","data":{"m":"1"}}}]}}' fieldManager=test)
same "patches see each other's work" 201 "${answer##*\}}"
same "patched" "2 3" "$("$RECKON" get cm b -o 'jsonpath={.data.k} {.data.l}')"
same "applied" 1 "$("$RECKON" get cm d -o 'jsonpath={.data.m}')"

same "a dry run" 201 "$(answer=$(send '{"spec":{"operations":[{"verb":"delete","apiVersion":"v1","kind":"ConfigMap","name":"b"}]}}' dryRun=All); echo "${answer##*\}}")"
same "changes nothing" "b d" "$(names)"
has "an unknown kind is named by its place" "$(send '{"spec":{"operations":[{"verb":"delete","apiVersion":"v1","kind":"Odd","name":"b"}]}}')" 'spec.operations[0].kind'
has "an invalid object is refused" "$(send '{"spec":{"operations":[{"verb":"create","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"X_"}}}]}}')" 'metadata.name'
has "a field that is not there is refused under Strict" "$(send '{"spec":{"operations":[{"verb":"delete","knd":"x"}]}}' fieldValidation=Strict)" 'unknownfield'
as_eve() { api -o /dev/null -w '%{http_code}' -H 'Impersonate-User: eve' "$@"; }
same "who may not create may not so either" 403 "$(as_eve -X POST -H 'Content-Type: application/json' -d "{\"spec\":{\"operations\":[{\"verb\":\"create\",\"object\":$(cm e 1)}]}}" "$base/apis/reckon.dev/v1/transactions")"

mkdir "$SCRATCH/dir"
cm x 1 >"$SCRATCH/dir/x.json"
cm y 1 >"$SCRATCH/dir/y.json"
before=$(applied)
has "apply --atomic" "$("$RECKON" apply --atomic -f "$SCRATCH/dir" 2>&1)" "configmap/y created"
same "in one entry" $((before + 1)) "$(applied)"
cm x 2 >"$SCRATCH/dir/x.json"
out=$("$RECKON" apply --atomic -f "$SCRATCH/dir" 2>&1)
has "again: what changed is configured" "$out" "configmap/x configured"
has "the rest is unchanged" "$out" "configmap/y unchanged"
cm x 3 >"$SCRATCH/dir/x.json"
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"z","namespace":"not-there"}}' >"$SCRATCH/dir/z.json"
"$RECKON" apply --atomic -f "$SCRATCH/dir" >/dev/null 2>&1 && not_ok "one that cannot be fails all" || ok "one that cannot be fails all"
same "and nothing changed" 2 "$("$RECKON" get cm x -o 'jsonpath={.data.k}')"
summary
