# Who may do what: roles, bindings, and asking for it.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 26000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH

kubectls=$(ls "$(dirname "$(readlink -f "$(command -v kubectl || echo /)")")"/kubectl.1.?? 2>/dev/null)
kubectls="$kubectls ${KUBECTL_120:-}"
[ "$kubectls" != " " ] || skip "kubectl and rights" "no kubectl here"
for kubectl in $kubectls; do
	v=$("$kubectl" version --client 2>/dev/null | grep -o 'v1\.[0-9]*' | head -1)
	k() { timeout 20 "$kubectl" --cache-dir "$SCRATCH/cache-$v" "$@"; }
	same "$v: an administrator may everything" yes "$(k auth can-i '*' '*' 2>/dev/null)"
	check "$v: can-i --list" k auth can-i --list
	same "$v: somebody may not" no "$(k auth can-i get pods --as eve 2>/dev/null)"
	check "$v: create role" k create role "r" --verb=get,list --resource=pods,pods/log
	check "$v: create rolebinding" k create rolebinding "b" --role=r --user=eve
	same "$v: then she may" yes "$(k auth can-i list pods --as eve 2>/dev/null)"
	same "$v: and no more" no "$(k auth can-i delete pods --as eve 2>/dev/null)"
	same "$v: not elsewhere" no "$(k auth can-i list pods -n kube-system --as eve 2>/dev/null)"
	check "$v: what she may works" k get pods --as eve
	has "$v: what she may not is refused as upstream says it" "$(k get secrets --as eve 2>&1)" \
		'secrets is forbidden: User "eve" cannot list resource "secrets" in API group "" in the namespace "default"'
	check "$v: an admin of a namespace" k create rolebinding "a" --clusterrole=admin --user=anna
	check "$v: works there" k create configmap "x" --as anna
	check "$v: makes roles of what he may" k create role "own" --verb=get --resource=pods --as anna
	has "$v: but of no more" "$(k create role "more" --verb=get --resource=nodes --as anna 2>&1)" "attempting to grant RBAC permissions not currently held"
	has "$v: nor binds himself to more" "$(k create rolebinding "up" --clusterrole=cluster-admin --user=anna --as anna 2>&1)" "attempting to grant RBAC permissions not currently held"
	has "$v: patches of roles neither" "$(k patch role own --type=merge -p '{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}' --as anna 2>&1)" "not currently held"
	check "$v: groups" k create clusterrolebinding "t" --clusterrole=view --group=team
	check "$v: may by their group" k get configmaps -A --as someone --as-group team
	has "$v: view has no secrets" "$(k get secrets -A --as someone --as-group team 2>&1)" "forbidden"
	check "$v: roles that are taken in" k create clusterrole "w" --verb=list --resource=nodes
	check "$v: by a label" k label clusterrole w rbac.authorization.k8s.io/aggregate-to-view=true
	check "$v: at once" k get nodes --as someone --as-group team
	same "$v: she may not speak for others" no "$(k auth can-i impersonate users --as eve 2>/dev/null)"
	check "$v: cleaning up" k delete role,rolebinding,cm --all
	check "$v: cleaning up the rest" k delete clusterrolebinding/t clusterrole/w
done
whoami=$(printf '{}' | curl -s --cacert "$cluster/pki/ca.crt" --cert "$cluster/pki/admin.crt" --key "$cluster/pki/admin.key" -H 'Content-Type: application/json' --data-binary @- "https://127.0.0.1:$((port + 1))/apis/authentication.k8s.io/v1/selfsubjectreviews")
has "who am I" "$whoami" '"username": "admin"'
summary
