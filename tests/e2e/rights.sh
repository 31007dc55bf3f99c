# Who may do what: roles, bindings, and asking for it.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 26000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 1 --simulated --port "$port" --peer-port $((port + 100)) || exit 1
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
	same "$v: but debugs no pods" no "$(k auth can-i patch pods --subresource=ephemeralcontainers --as anna 2>/dev/null)"
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
# Tokens of service accounts: made on one member, good on every one, and no longer than what they are bound to.
r() { "$RECKON" "$@"; }
ca=$cluster/pki/ca.crt
base() { echo "https://127.0.0.1:$((port + $1))"; }
admin() { curl -s --cacert "$ca" --cert "$cluster/pki/admin.crt" --key "$cluster/pki/admin.key" -H 'Content-Type: application/json' "$@"; }
code() { curl -s -o /dev/null -w '%{http_code}' --cacert "$ca" "$@"; }
request() { admin -d "$1" "$(base 0)/api/v1/namespaces/default/serviceaccounts/${2:-robot}/token"; }
token_of() { grep -o '"token": *"[^"]*"' | cut -d'"' -f4; }
printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n' | r apply -f - >/dev/null
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: bound}\n' | r apply -f - >/dev/null
token=$(request '{"spec":{"audiences":[]}}' | token_of)
for i in 0 1 2; do
	same "the token is known on member $i, and grants nothing" 403 "$(code -H "Authorization: Bearer $token" "$(base $i)/api/v1/namespaces/default/pods")"
done
printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: robot}\nsubjects: [{kind: ServiceAccount, name: robot, namespace: default}]\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n' | r apply -f - >/dev/null
may() { [ "$(code -H "Authorization: Bearer $token" "$(base 2)/api/v1/namespaces/default/pods")" = 200 ]; }
until_true 5 may && ok "with a binding it does" || not_ok "with a binding it does"
same "no more than that" 403 "$(code -H "Authorization: Bearer $token" "$(base 1)/api/v1/namespaces/default/secrets")"
same "one that was changed is none" 401 "$(code -H "Authorization: Bearer ${token}x" "$(base 0)/api")"
same "a token of nobody" 401 "$(code -H 'Authorization: Bearer a.b.c' "$(base 0)/api")"
same "without either: health" 200 "$(code "$(base 0)/livez")"
same "and nothing else" 403 "$(code "$(base 0)/api/v1/pods")"
has "a review says whose it is" "$(admin -d "{\"spec\":{\"token\":\"$token\"}}" "$(base 1)/apis/authentication.k8s.io/v1/tokenreviews")" 'system:serviceaccount:default:robot'
other=$(request '{"spec":{"audiences":["vault"]}}' | token_of)
same "a token for somebody else is none for the API" 401 "$(code -H "Authorization: Bearer $other" "$(base 0)/api")"
has "but a review for him knows it" "$(admin -d "{\"spec\":{\"token\":\"$other\",\"audiences\":[\"vault\"]}}" "$(base 0)/apis/authentication.k8s.io/v1/tokenreviews")" '"authenticated": true'
bound=$(request '{"spec":{"audiences":[],"boundObjectRef":{"kind":"Secret","apiVersion":"v1","name":"bound"}}}' | token_of)
same "one that is bound to a Secret" 200 "$(code -H "Authorization: Bearer $bound" "$(base 0)/api")"
r delete secret bound >/dev/null
gone() { [ "$(code -H "Authorization: Bearer $bound" "$(base 1)/api")" = 401 ]; }
until_true 5 gone && ok "ends with it" || not_ok "ends with it"
has "ten minutes are the least" "$(request '{"spec":{"audiences":[],"expirationSeconds":10}}')" "10 minutes"
has "an account that is not there" "$(request '{"spec":{"audiences":[]}}' nobody)" '"code": 404'
r delete sa robot >/dev/null
printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: robot}\n' | r apply -f - >/dev/null
ended() { [ "$(code -H "Authorization: Bearer $token" "$(base 0)/api")" = 401 ]; }
until_true 5 ended && ok "another account of that name is not he" || not_ok "another account of that name is not he"
for kubectl in $kubectls; do
	v=$("$kubectl" version --client 2>/dev/null | grep -o 'v1\.[0-9]*' | head -1)
	[ "$v" != v1.20 ] || continue # it has no `create token`
	made=$(timeout 20 "$kubectl" create token robot --duration=15m 2>/dev/null)
	same "$v: create token" 200 "$(code -H "Authorization: Bearer $made" "$(base 1)/api")"
done
# A node asks for the tokens of its own pods, and only for such as end with them.
pods="$(base 0)/api/v1/namespaces/default/pods"
for pod in mine:sim-0 theirs:elsewhere; do
	admin -o /dev/null -d "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"${pod%:*}\"},\"spec\":{\"serviceAccountName\":\"robot\",\"nodeName\":\"${pod#*:}\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}" "$pods"
done
uid_of() { r get pod "$1" -o 'jsonpath={.metadata.uid}'; }
as_node() { # MEMBER ACCOUNT BOUND-OBJECT
	curl -s --cacert "$ca" --cert "$cluster/pki/sim.crt" --key "$cluster/pki/sim.key" -H 'Content-Type: application/json' -d "{\"spec\":{\"audiences\":[],\"boundObjectRef\":$3}}" "$(base "$1")/api/v1/namespaces/default/serviceaccounts/$2/token"
}
ref() { printf '{"apiVersion":"v1","kind":"%s","name":"%s","uid":"%s"}' "$1" "$2" "$3"; }
own=$(as_node 1 robot "$(ref Pod mine "$(uid_of mine)")" | token_of)
same "a node gets the token of its pod" 200 "$(code -H "Authorization: Bearer $own" "$(base 2)/api")"
has "not one that is bound to nothing" "$(as_node 0 robot null)" 'serviceaccounts \"robot\" is forbidden: node requested token not bound to a pod'
has "nor to a Secret" "$(as_node 0 robot "$(ref Secret bound 1)")" "node requested token not bound to a pod"
has "nor without a uid" "$(as_node 0 robot "$(ref Pod mine "")")" "node requested token with a pod binding without a uid"
has "nor for an earlier pod" "$(as_node 0 robot "$(ref Pod mine 1234)")" "the UID in the bound object reference (1234) does not match the UID in record"
has "nor for one of another node" "$(as_node 0 robot "$(ref Pod theirs "$(uid_of theirs)")")" "node requested token bound to a pod scheduled on a different node"
has "nor for another account" "$(as_node 0 default "$(ref Pod mine "$(uid_of mine)")")" 'cannot bind token for serviceaccount \"default\" to pod running with different serviceaccount name.'
has "nor for a pod that is not there" "$(as_node 0 robot "$(ref Pod none 1)")" '"code": 404'
has "an object of another kind" "$(request '{"spec":{"audiences":[],"boundObjectRef":{"kind":"Deployment","apiVersion":"apps/v1","name":"x"}}}')" "cannot bind token to object of type apps/v1, Kind=Deployment"
r delete pod mine --grace-period=0 --force >/dev/null 2>&1
over() { [ "$(code -H "Authorization: Bearer $own" "$(base 2)/api")" = 401 ]; }
until_true 10 over && ok "the token ends with the pod" || not_ok "the token ends with the pod"
r delete pod theirs --grace-period=0 --force >/dev/null 2>&1
whoami=$(printf '{}' | curl -s --cacert "$cluster/pki/ca.crt" --cert "$cluster/pki/admin.crt" --key "$cluster/pki/admin.key" -H 'Content-Type: application/json' --data-binary @- "https://127.0.0.1:$((port + 1))/apis/authentication.k8s.io/v1/selfsubjectreviews")
has "who am I" "$whoami" '"username": "admin"'

# speaking for others: each part of who somebody is needs a right of its own
who() { curl -s --cacert "$ca" -H 'Content-Type: application/json' -d '{}' "$@" "$(base 2)/apis/authentication.k8s.io/v1/selfsubjectreviews" | tr -d ' \n'; }
as_admin() { who --cert "$cluster/pki/admin.crt" --key "$cluster/pki/admin.key" "$@"; }
has "all of somebody else" "$(as_admin -H 'Impersonate-User: jane' -H 'Impersonate-Uid: 7' -H 'Impersonate-Group: a' -H 'Impersonate-Group: b' -H 'Impersonate-Extra-Example.com%2fScopes: x' -H 'Impersonate-Extra-example.com%2fscopes: y')" \
	'"userInfo":{"username":"jane","uid":"7","groups":["a","b","system:authenticated"],"extra":{"example.com/scopes":["x","y"]}}'
has "an account is in its groups" "$(as_admin -H 'Impersonate-User: system:serviceaccount:default:robot')" \
	'"groups":["system:serviceaccounts","system:serviceaccounts:default","system:authenticated"]'
has "nobody is not authenticated" "$(as_admin -H 'Impersonate-User: system:anonymous')" '"reason":"Forbidden"'
has "a uid of nobody" "$(as_admin -H 'Impersonate-Uid: 7')" 'withoutimpersonatingauser'
printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: speaks}\nrules:\n- {apiGroups: [""], resources: [users], verbs: [impersonate]}\n- {apiGroups: [authentication.k8s.io], resources: [userextras/scopes], resourceNames: [x], verbs: [impersonate]}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: speaks}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: speaks}\nsubjects: [{kind: ServiceAccount, name: robot, namespace: default}]\n' | r apply -f - >/dev/null
robot=$(request '{"spec":{"audiences":[]}}' | token_of)
as_robot() { who -H "Authorization: Bearer $robot" "$@"; }
speaks() { case "$(as_robot -H 'Impersonate-User: jane' -H 'Impersonate-Extra-Scopes: x')" in *'"extra":{"scopes":["x"]}'*) ;; *) false ;; esac; }
until_true 5 speaks && ok "who may speak for users, and say this of them" || not_ok "who may speak for users, and say this of them"
has "may say nothing else of them" "$(as_robot -H 'Impersonate-User: jane' -H 'Impersonate-Extra-Scopes: y')" \
	'userextras.authentication.k8s.io\"y\"isforbidden:User\"system:serviceaccount:default:robot\"cannotimpersonateresource\"userextras/scopes\"inAPIgroup\"authentication.k8s.io\"'
has "nor which one it is" "$(as_robot -H 'Impersonate-User: jane' -H 'Impersonate-Uid: 7')" 'uids.authentication.k8s.io\"7\"isforbidden'
has "nor groups" "$(as_robot -H 'Impersonate-User: jane' -H 'Impersonate-Group: system:masters')" 'groups\"system:masters\"isforbidden'
has "an account has a uid" "$(as_robot)" "\"uid\":\"$(r get sa robot -o 'jsonpath={.metadata.uid}')\""
has "and a token an id" "$(as_robot)" '"authentication.kubernetes.io/credential-id":["JTI='
r delete clusterrolebinding,clusterrole speaks >/dev/null

# health, whole and by its parts
has "readyz, in words" "$(admin "$(base 0)/readyz?verbose")" "[+]leader ok"
same "one check of it" ok "$(admin "$(base 0)/readyz/leader")"
same "one that there is not" 404 "$(admin -o /dev/null -w '%{http_code}' "$(base 0)/readyz/nothing")"
has "one left out" "$(admin "$(base 0)/readyz?verbose&exclude=leader&exclude=x")" '[+]leader excluded: ok
warn: some health checks cannot be excluded: no matches for "x"
readyz check passed'

# how others check tokens
keys=$(curl -s --cacert "$cluster/pki/ca.crt" -H "Authorization: Bearer $made" "$(base 0)/openid/v1/jwks")
has "the key that signs tokens" "$keys" '"crv":"P-256"'
same "is one at every member" "$keys" "$(curl -s --cacert "$cluster/pki/ca.crt" -H "Authorization: Bearer $made" "$(base 1)/openid/v1/jwks")"
has "and is found from the issuer" "$(curl -s --cacert "$cluster/pki/ca.crt" -H "Authorization: Bearer $made" "$(base 0)/.well-known/openid-configuration")" '/openid/v1/jwks"'
same "but not by strangers" 403 "$(code "$(base 0)/openid/v1/jwks")"
kid=$(printf %s "$keys" | sed 's/.*"kid":"\([^"]*\)".*/\1/')
has "the header of a token names it" "$(printf '%s===' "${made%%.*}" | tr _- /+ | base64 -d 2>/dev/null)" "$kid"

# /logs: for admins alone
same "logs without a name" 403 "$(code "$(base 0)/logs/")"
same "logs of a bound account" 403 "$(code -H "Authorization: Bearer $made" "$(base 0)/logs/reckon.log")"
has "logs of an admin" "$(k get --raw /logs/reckon.log 2>&1)" " listening "
has "what logs there are" "$(k get --raw /logs/ 2>&1)" '<a href="reckon.log">'

# /metrics: for admins, and for whoever is let
same "metrics without a name" 403 "$(code "$(base 0)/metrics")"
same "metrics of a bound account" 403 "$(code -H "Authorization: Bearer $made" "$(base 0)/metrics")"
r create clusterrolebinding scraper --clusterrole=system:monitoring --serviceaccount=default:robot >/dev/null 2>&1 ||
	printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: scraper}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:monitoring}\nsubjects: [{kind: ServiceAccount, name: robot, namespace: default}]\n' | r apply -f - >/dev/null
scrapes() { [ "$(code -H "Authorization: Bearer $made" "$(base 0)/metrics")" = 200 ]; }
until_true 5 scrapes && ok "metrics, with the role" || not_ok "metrics, with the role"
metrics=$(curl -s --cacert "$cluster/pki/ca.crt" -H "Authorization: Bearer $made" "$(base 0)/metrics")
has "metrics count what was refused" "$metrics" 'apiserver_request_total{code="403",component="apiserver",group="",resource="",scope="",subresource="",verb="GET",version=""} '
has "metrics time requests" "$metrics" 'apiserver_request_duration_seconds_count{component="apiserver",group="",resource="serviceaccounts",scope="resource",subresource="token",verb="POST",version="v1"} '
has "metrics know this request" "$metrics" 'apiserver_current_inflight_requests{request_kind="readOnly"} 1'
has "metrics count objects" "$metrics" 'apiserver_storage_objects{resource="clusterroles.rbac.authorization.k8s.io"} '
same "metrics are about what is stored" "apiserver_storage_objects{resource=\"namespaces\"} $(r get ns --no-headers | wc -l)" "$(printf '%s\n' "$metrics" | grep 'objects{resource="namespaces"}')"
has "metrics of the log" "$metrics" 'reckon_raft_term '
summary
