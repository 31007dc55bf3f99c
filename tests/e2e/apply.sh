# Server-side apply and the owners of fields: kubectl of several versions, and many writers at once.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 22000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
pki=$cluster/pki

config() { # a deployment with $1 replicas and more of a spec $2
	cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {app: app}}
spec:
  replicas: $1
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - {name: c, image: "busybox:1", ports: [{containerPort: 80}]$2}
YAML
}
config 2 "" >"$SCRATCH/2.yaml"
config 4 "" >"$SCRATCH/4.yaml"
config 4 ', env: [{name: A, value: "1"}]' >"$SCRATCH/env.yaml"
owners='{range .metadata.managedFields[*]}{.manager}={.operation}{.subresource} {end}'

# A version that prints managedFields shows them without being asked to; later ones must be asked.
session() { # with kubectl $1
	k="timeout 20 $1"
	what=$(basename "$1")
	all=--show-managed-fields
	$k get --help | grep -q show-managed-fields || all=
	has "$what: apply creates" "$($k apply --server-side -f "$SCRATCH/2.yaml" 2>&1)" "deployment.apps/app serverside-applied"
	revision=$($k get deploy app -o 'jsonpath={.metadata.resourceVersion}')
	has "$what: apply again" "$($k apply --server-side -f "$SCRATCH/2.yaml" 2>&1)" "serverside-applied"
	same "$what: no change, no write" "$revision" "$($k get deploy app -o 'jsonpath={.metadata.resourceVersion}')"
	$k scale deploy app --replicas=3 >/dev/null
	conflict=$($k apply --server-side -f "$SCRATCH/4.yaml" 2>&1)
	same "$what: a conflict is a failure" 1 $?
	has "$what: the conflict" "$conflict" 'Apply failed with 1 conflict: conflict with "kubectl'
	has "$what: where it is" "$conflict" '" with subresource "scale" using apps/v1: .spec.replicas'
	has "$what: forced" "$($k apply --server-side --force-conflicts -f "$SCRATCH/4.yaml" 2>&1)" "serverside-applied"
	same "$what: the value is taken" 4 "$($k get deploy app -o 'jsonpath={.spec.replicas}')"
	has "$what: another manager" "$($k apply --server-side --field-manager=other -f "$SCRATCH/env.yaml" 2>&1)" "serverside-applied"
	has "$what: two owners" "$($k get deploy app $all -o "jsonpath=$owners")" "other=Apply"
	$k apply --server-side --field-manager=other -f "$SCRATCH/4.yaml" >/dev/null
	same "$what: what nobody applies any more is gone" "" "$($k get deploy app -o 'jsonpath={.spec.template.spec.containers[0].env}')"
	has "$what: yaml shows the owners" "$($k get deploy app $all -o yaml)" 'k:{"containerPort":80,"protocol":"TCP"}'
	check "$what: dry run" $k apply --server-side --dry-run=server --force-conflicts -f "$SCRATCH/2.yaml"
	same "$what: a dry run changes nothing" 4 "$($k get deploy app -o 'jsonpath={.spec.replicas}')"
	$k delete deploy app >/dev/null

	# From client-side to server-side apply.
	$k apply -f "$SCRATCH/2.yaml" >/dev/null
	has "$what: client side first" "$($k get deploy app $all -o "jsonpath=$owners")" "kubectl-client-side-apply=Update"
	has "$what: then server side, no conflict" "$($k apply --server-side -f "$SCRATCH/4.yaml" 2>&1)" "serverside-applied"
	same "$what: and it counts" 4 "$($k get deploy app -o 'jsonpath={.spec.replicas}')"
	has "$what: kubectl owns it" "$($k get deploy app $all -o "jsonpath=$owners")" "kubectl=Apply"
	$k delete deploy app >/dev/null
}
for kubectl in ${KUBECTL_120:-} "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.27 "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.32; do
	if "$kubectl" version --client >/dev/null 2>&1; then session "$kubectl"; else skip "$kubectl" "it is not here"; fi
done

# Objects come with their owners, rows of tables without.
"$RECKON" create configmap owned --from-literal=a=b >/dev/null
shown() { curl -s --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" -H "accept: $1" "https://127.0.0.1:$port/api/v1/namespaces/default/configmaps/owned" | tr -d ' \n'; }
has "an object has its owners" "$(shown application/json)" '"managedFields":[{"manager":"'
has "a row is there" "$(shown 'application/json;as=Table;v=v1;g=meta.k8s.io')" '"name":"owned"'
same "a row has no owners" "" "$(shown 'application/json;as=Table;v=v1;g=meta.k8s.io' | grep managedFields)"

# Who was it?
"$RECKON" label configmap owned x=y >/dev/null
has "who: every field" "$("$RECKON" log who configmap owned | tr -s ' ')" ".metadata.labels.x kubectl-label update "
same "who: one field" "kubectl-create" "$("$RECKON" log who configmap/owned data.a | awk 'NR == 2 { print $2 }')"
has "who: nobody" "$("$RECKON" log who configmap/owned data.b 2>&1)" "nobody is known to have set data.b"
has "who: what" "$("$RECKON" log who configmap 2>&1)" "one object is needed"

# The program's own apply.
has "reckon: apply creates" "$("$RECKON" apply --server-side -f "$SCRATCH/2.yaml" 2>&1)" "deployment.apps/app serverside-applied"
conflict=$("$RECKON" apply --server-side --field-manager=other -f "$SCRATCH/4.yaml" 2>&1)
same "reckon: a conflict is a failure" 1 $?
has "reckon: the conflict" "$conflict" 'conflict with "kubectl": .spec.replicas'
check "reckon: forced" "$RECKON" apply --server-side --force-conflicts --field-manager=other -f "$SCRATCH/4.yaml"
same "reckon: the value is taken" 4 "$("$RECKON" get deploy app -o 'jsonpath={.spec.replicas}')"
has "reckon: forced by mistake" "$("$RECKON" apply --force-conflicts -f "$SCRATCH/4.yaml" 2>&1)" "only works with --server-side"
"$RECKON" delete deploy app >/dev/null

# Who may patch may not create.
"$RECKON" create configmap there >/dev/null
cat >"$SCRATCH/rights.yaml" <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: patcher, namespace: default}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: patcher, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: patcher}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: eve}]
YAML
"$RECKON" apply -f "$SCRATCH/rights.yaml" >/dev/null
as_eve() { # object: the code of an apply
	curl -s -o /dev/null -w '%{http_code}' --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" -X PATCH -H 'impersonate-user: eve' \
		-H 'content-type: application/apply-patch+yaml' --data-binary '{"apiVersion":"v1","kind":"ConfigMap","data":{"e":"v"}}' \
		"https://127.0.0.1:$port/api/v1/namespaces/default/configmaps/$1?fieldManager=eve"
}
same "who may patch may apply to what is there" 200 "$(as_eve there)"
same "but may not create" 403 "$(as_eve gone)"

# Many writers of one object, each with a field of its own, at every member.
send() { # to member $1, form $2, path $3, body $4; the code goes into the file $5
	curl -s -o /dev/null -w '%{http_code}\n' --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" -X PATCH \
		-H "content-type: application/$2" --data-binary "$4" "https://127.0.0.1:$((port + $1))/api/v1/namespaces/default/configmaps/$3" >"$5"
}
together() { # form $1, query $2, start of the body $3
	"$RECKON" create configmap many >/dev/null
	writers=
	for i in $(seq 64); do
		send $((i % 3)) "$1" "many?$2$i" "$3\"data\":{\"k$i\":\"$i\"}}" "$SCRATCH/code.$i" &
		writers="$writers $!"
	done
	wait $writers
	same "64 writers at once, $1: no conflict" 200 "$(cat "$SCRATCH"/code.* | sort -u)"
	same "64 writers at once, $1: every field is there" 64 "$("$RECKON" get configmap many -o json | grep -c '"k[0-9]*": ')"
	"$RECKON" delete configmap many >/dev/null
}
together merge-patch+json "fieldManager=m" '{'
together apply-patch+yaml "fieldManager=m" '{"apiVersion":"v1","kind":"ConfigMap",'
until_true 10 sh -c "[ \$($RECKON cluster status --dir $cluster | awk '/^m[0-9]/ {print \$8}' | sort -u | wc -l) = 1 ]"
same "all members have the same state hash" 1 "$("$RECKON" cluster status --dir "$cluster" | awk '/^m[0-9]/ {print $8}' | sort -u | wc -l)"
summary
