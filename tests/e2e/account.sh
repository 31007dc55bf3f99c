# Sourced by node.sh: pods speak with the API as their service accounts. This program is the client, with the machine's own
# libraries mounted: what it finds in the pod is all that it knows.
cat >"$SCRATCH/inside.yaml" <<YAML
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
---
apiVersion: v1
kind: Pod
metadata: {name: inside}
spec:
  serviceAccountName: robot
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: reckon.local/web:1
    volumeMounts:
    - {name: usr, mountPath: /usr, readOnly: true}
    - {name: lib, mountPath: /lib, readOnly: true}
    - {name: lib64, mountPath: /lib64, readOnly: true}
    - {name: program, mountPath: /program, readOnly: true}
  volumes:
  - {name: usr, hostPath: {path: /usr}}
  - {name: lib, hostPath: {path: /lib}}
  - {name: lib64, hostPath: {path: /lib64}}
  - {name: program, hostPath: {path: "$(dirname "$RECKON")"}}
---
apiVersion: v1
kind: Pod
metadata: {name: careful}
spec:
  automountServiceAccountToken: false
  securityContext: {runAsUser: 1000, fsGroup: 2000}
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: reckon.local/web:1
    volumeMounts: [{name: vault, mountPath: /vault}]
  volumes:
  - name: vault
    projected: {sources: [{serviceAccountToken: {path: t, audience: vault, expirationSeconds: 600}}]}
YAML
k apply -f "$SCRATCH/inside.yaml" >/dev/null
check "a pod with an account" k wait --for=condition=Ready pod/inside --timeout=30s
place=/var/run/secrets/kubernetes.io/serviceaccount
inside() { k exec inside -- "$@" 2>&1; }
same "its namespace" default "$(inside cat "$place/namespace")"
same "the CA is the cluster's" "$(cat "$cluster/pki/ca.crt")" "$(inside cat "$place/ca.crt")"
has "nobody writes there" "$(inside sh -c "echo x >$place/token")" "Read-only file system"
has "without rights it is refused, by its name" "$(inside /program/reckon get pods)" \
	'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"'
k create rolebinding robot --clusterrole=view --serviceaccount=default:robot >/dev/null 2>&1 ||
	printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: robot}\nsubjects: [{kind: ServiceAccount, name: robot, namespace: default}]\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n' | k apply -f - >/dev/null
sees() { inside /program/reckon get pods | grep -q '^inside .*Running'; }
check "with a binding it is let in" until_true 5 sees
told=$(curl -s --cacert "$cluster/pki/ca.crt" -H "Authorization: Bearer $(inside cat "$place/token")" -H 'Content-Type: application/json' -d '{}' "https://127.0.0.1:$port/apis/authentication.k8s.io/v1/selfsubjectreviews" | tr -d ' \n')
has "the API knows the pod by its token" "$told" "\"authentication.kubernetes.io/pod-uid\":[\"$(k get pod inside -o 'jsonpath={.metadata.uid}')\"]"
has "and its node" "$told" "\"authentication.kubernetes.io/node-name\":[\"$(k get pod inside -o 'jsonpath={.spec.nodeName}')\"]"
has "and no further" "$(inside /program/reckon get secrets)" 'User "system:serviceaccount:default:robot" cannot list resource "secrets"'
for kubectl in "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.2[79] "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.33; do
	case $kubectl in /usr/*) [ -x "$kubectl" ] || continue ;; *) continue ;; esac
	has "$(basename "$kubectl") in the pod" "$(inside "$kubectl" --cache-dir /tmp get pods)" "inside "
	has "$(basename "$kubectl") in the pod, refused" "$(inside "$kubectl" --cache-dir /tmp get secrets)" 'User "system:serviceaccount:default:robot" cannot list resource "secrets"'
done
has "by the name of the service too" "$(inside /program/reckon get pods -s https://kubernetes.default.svc --certificate-authority "$place/ca.crt")" \
	'User "system:anonymous" cannot list'
for i in 0 1 2; do
	has "the members' own addresses: $i" "$(k get endpointslices -o 'jsonpath={.items[*].ports[*].port}' | tr ' ' '\n')" "$((port + i))"
done
token=$(inside cat "$place/token")
code() { curl -s -o /dev/null -w '%{http_code}' --cacert "$cluster/pki/ca.crt" -H "Authorization: Bearer $token" "https://127.0.0.1:$((port + $1))/api/v1/namespaces/default/pods"; }
same "the token is good at every member" "200 200 200" "$(code 0) $(code 1) $(code 2)"
check "a token for somebody else" k wait --for=condition=Ready pod/careful --timeout=30s
same "is for the pod's user and group" "-rw-r----- 1000 2000" "$(k exec careful -- ls -lnL /vault/t | awk '{print $1, $3, $4}')"
has "and says for whom" "$(k exec careful -- cat /vault/t | cut -d. -f2 | tr _- /+ | sed 's/$/===/' | base64 -d 2>/dev/null)" '"aud":["vault"]'
has "there is no other" "$(k exec careful -- ls "$place" 2>&1)" "No such file"
node=$(k get pod inside -o 'jsonpath={.spec.nodeName}')
check "no token is in a log or journal" sh -c "! grep -rqF '$token' '$cluster/nodes/$node/log' '$cluster/nodes/$node/journal' '$cluster'/m?/log"
# An agent that starts again asks for new ones, and changes the files under the pod's eyes.
kill -9 "$(cat "$cluster/nodes/$node/pid")"
same "without its agent the pod has its token" "$token" "$(cat "$cluster/nodes/$node/pods/$(k get pod inside -o 'jsonpath={.metadata.uid}')"/volumes/kube-api-access-*/token)"
k cluster up --dir "$cluster" >/dev/null
renewed() { [ "$(inside cat "$place/token")" != "$token" ] && [ -n "$(inside cat "$place/token")" ]; }
check "and soon another one" until_true 15 renewed
same "which is good" 0 "$(inside /program/reckon get pods >/dev/null; echo $?)"
k delete pod inside careful --wait=true >/dev/null
over() { [ "$(code 0) $(code 1) $(code 2)" = "401 401 401" ]; }
check "the token ends with the pod" until_true 5 over
k delete rolebinding/robot sa/robot >/dev/null
