# Every verb of the command line against a cluster with simulated nodes: tests/e2e/cli.sh RECKON SCRATCH
RECKON=${1:-$RECKON} SCRATCH=${2:-$SCRATCH}
cd "$(dirname "$0")" || exit 1
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 22000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 3 --simulated --port "$port" --peer-port $((port + 100)) >/dev/null || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
r() { "$RECKON" "$@" 2>&1; }
# says NAME WANT COMMAND...: its whole output, both streams.
says() { name=$1 want=$2; shift 2; same "$name" "$want" "$(r "$@")"; }
# refuses NAME STATUS PART COMMAND...
refuses() {
	name=$1 want=$2 part=$3
	shift 3
	output=$(r "$@") && status=0 || status=$?
	same "$name: status" "$want" "$status"
	has "$name" "$output" "$part"
}

cat >"$SCRATCH/app.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cfg}
data: {a: b}
YAML

says "apply creates" "deployment.apps/web created
configmap/cfg created" apply -f "$SCRATCH/app.yaml"
says "apply again" "deployment.apps/web unchanged
configmap/cfg unchanged" apply -f "$SCRATCH/app.yaml"
sed -i 's/replicas: 2/replicas: 3/; s/{a: b}/{c: d}/' "$SCRATCH/app.yaml"
says "apply, dry run" "deployment.apps/web configured (server dry run)
configmap/cfg configured (server dry run)" apply -f "$SCRATCH/app.yaml" --dry-run=server
says "apply changes" "deployment.apps/web configured
configmap/cfg configured" apply -f "$SCRATCH/app.yaml"
says "what a file says no more is gone" '{"c":"d"}' get cm cfg -o 'jsonpath={.data}'
printf 'a: b\n c: [\n' >"$SCRATCH/bad.yaml"
refuses "malformed YAML" 1 "line 2, column" apply -f "$SCRATCH/bad.yaml"
printf '{"a": }' >"$SCRATCH/bad.json"
refuses "malformed JSON" 1 "line 1, column" apply -f "$SCRATCH/bad.json"
sed 's/kind: ConfigMap/kind: ConfigMop/' "$SCRATCH/app.yaml" >"$SCRATCH/kind.yaml"
refuses "unknown kind" 1 "did you mean ConfigMap" apply -f "$SCRATCH/kind.yaml"
sed 's/replicas/replica/' "$SCRATCH/app.yaml" >"$SCRATCH/field.yaml"
refuses "unknown field" 1 'did you mean "replicas"' apply -f "$SCRATCH/field.yaml"
refuses "no such file" 1 "does not exist" apply -f "$SCRATCH/nothing.yaml"

check "rollout status" "$RECKON" rollout status deploy/web --timeout=20s
check "wait for a condition" "$RECKON" wait deploy/web --for=condition=Available --timeout=10s
check "wait for a value" "$RECKON" wait deploy/web --for=jsonpath='{.status.readyReplicas}'=3 --timeout=10s
refuses "wait in vain" 1 "timed out waiting" wait deploy/web --for=condition=Nothing --timeout=1s

says "get -o name" "deployment.apps/web" get deploy -o name
has "get, a table" "$(r get deploy web)" "NAME   READY   UP-TO-DATE   AVAILABLE   AGE
web    3/3     3            3"
has "get all" "$(r get all)" "replicaset.apps/web-"
has "get -A -o wide" "$(r get pods -A -o wide)" "NOMINATED NODE"
same "get -l" 3 "$(r get pods -l app=web --no-headers | wc -l)"
says "get, nothing there" "No resources found in default namespace." get pods -l app=none
says "get, columns" "N     R
web   3" get deploy -o custom-columns=N:.metadata.name,R:.spec.replicas
says "get, jsonpath" "web:3" get deploy -o 'jsonpath={range .items[*]}{.metadata.name}:{.spec.replicas}{end}'
has "get -o yaml" "$(r get cm cfg -o yaml)" "apiVersion: v1
data:
  c: d
kind: ConfigMap"
has "get -o json" "$(r get cm cfg -o json)" '    "apiVersion": "v1",'
has "get --show-labels" "$(r get deploy --show-labels -L app)" "app=web"
has "get --sort-by" "$(r get nodes --sort-by=.metadata.name -o name | head -1)" "node/sim-0"
refuses "get, not there" 1 'Error from server (NotFound): pods "x" not found' get pod x
says "get --ignore-not-found" "" get pod x --ignore-not-found
refuses "get, unknown type" 1 'did you mean "pods"' get podz
refuses "get, unknown flag" 2 "did you mean --watch" get pods --wathc
refuses "get, unknown form" 1 "allowed formats" get pods -o tabel
refuses "unknown command" 2 'did you mean "get"' gett
(timeout 3 "$RECKON" get cm -w --output-watch-events >"$SCRATCH/watch" 2>&1 &)
sleep 0.5
says "create configmap" "configmap/seen created" create configmap seen --from-literal=k=v
until_true 3 grep -q "ADDED *seen" "$SCRATCH/watch" && ok "get -w" || not_ok "get -w" "$(cat "$SCRATCH/watch")"

says "create namespace" "namespace/n1 created" create namespace n1
refuses "create twice" 1 'Error from server (AlreadyExists): namespaces "n1" already exists' create ns n1
says "create deployment" "deployment.apps/two created" create deployment two --image=x:1 --replicas=2 -n n1
says "create service" "service/two created" create service clusterip two --tcp=80:8080 -n n1
says "create secret" "secret/s created" create secret generic s --from-literal=p=hello
says "create serviceaccount" "serviceaccount/sa created" create serviceaccount sa
has "create --dry-run=client" "$(KUBECONFIG=/nonexistent r create deployment d --image=i --dry-run=client -o yaml)" "  - image: i"
says "run" "pod/once created" run once --image=x --restart=Never
says "expose" "service/web exposed" expose deploy web --port=80
printf 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: made}\n' >"$SCRATCH/made.yaml"
says "create -f" "configmap/made created" create -f "$SCRATCH/made.yaml"
says "replace" "configmap/made replaced" replace -f "$SCRATCH/made.yaml"
says "scale" "deployment.apps/web scaled" scale deploy web --replicas=4
refuses "scale, precondition" 1 "Expected replicas to be 9, was 4" scale deploy web --replicas=1 --current-replicas=9
says "label" "deployment.apps/web labeled" label deploy web tier=front
refuses "label, no overwrite" 1 "already has a value (front)" label deploy web tier=back
says "unlabel" "deployment.apps/web unlabeled" label deploy web tier-
says "annotate" "deployment.apps/web annotated" annotate deploy web note=x
says "patch" "deployment.apps/web patched" patch deploy web -p '{"spec":{"replicas":3}}'
says "set image" "deployment.apps/web image updated" set image deploy/web web=web:2
check "rollout status, second" "$RECKON" rollout status deploy/web --timeout=20s
has "rollout history" "$(r rollout history deploy/web)" "2         <none>"
says "rollout undo" "deployment.apps/web rolled back" rollout undo deploy/web
says "its image is the first again" "web:1" get deploy web -o 'jsonpath={.spec.template.spec.containers[0].image}'
says "rollout pause" "deployment.apps/web paused" rollout pause deploy/web
says "rollout resume" "deployment.apps/web resumed" rollout resume deploy/web
says "rollout restart" "deployment.apps/web restarted" rollout restart deploy/web
same "edit" "configmap/cfg edited" "$(EDITOR='sed -i s/c:.d/c:\ e/' r edit cm cfg)"
same "edit without a change" "Edit cancelled, no changes made." "$(EDITOR=true r edit cm cfg)"

has "describe deployment" "$(r describe deploy web)" "StrategyType:           RollingUpdate"
has "describe pods" "$(r describe pods -l app=web)" "Controlled By:  ReplicaSet/web-"
has "describe service" "$(r describe svc web)" "TargetPort:"
has "describe node" "$(r describe node sim-0)" "Non-terminated Pods:"
has "describe secret" "$(r describe secret s)" "p:  5 bytes"
has "describe a lease" "$(r describe lease sim-0 -n kube-node-lease)" "Holder Identity:"
has "events" "$(r events --for deploy/web)" "ScalingReplicaSet"
has "explain" "$(r explain pods.spec.containers)" "image"
refuses "explain, unknown field" 1 'did you mean "spec"' explain pods.spek
has "api-resources" "$(r api-resources | tr -s ' ')" "deployments deploy apps/v1"
has "version" "$(r version --ask)" "serves v1."
refuses "logs of a container that is not there" 1 "is not valid for pod" logs deploy/web -c none
refuses "exec without a command" 1 "COMMAND" exec deploy/web
says "cordon" "node/sim-0 cordoned" cordon sim-0
says "uncordon" "node/sim-0 uncordoned" uncordon sim-0
cat >"$SCRATCH/budget.yaml" <<EOF
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}
EOF
check "a budget" "$RECKON" apply -f "$SCRATCH/budget.yaml"
until r get pdb web -o 'jsonpath={.status.expectedPods}' | grep -q '[1-9]'; do sleep 0.1; done
refuses "drain against a budget" 1 "violate the pod's disruption budget" drain sim-0 --force --timeout=2s
check "a budget, deleted" "$RECKON" delete pdb web
has "drain" "$(r drain sim-0 --force)" "node/sim-0 drained"
check "uncordon again" "$RECKON" uncordon sim-0
has "completion" "$(r completion bash)" "complete -o default"
has "completion of names" "$(r complete-words -- get nodes '')" "sim-1"
has "help" "$(r help get)" "--field-selector"

says "delete" 'configmap "made" deleted' delete cm made
refuses "delete what is gone" 1 "NotFound" delete cm made
says "delete -f" 'deployment.apps "web" deleted
configmap "cfg" deleted' delete -f "$SCRATCH/app.yaml"
says "delete -l" 'service "web" deleted' delete svc -l app=web
check "delete a namespace, with all that is in it" "$RECKON" delete ns n1 --timeout=30s
says "it is gone" "" get ns n1 --ignore-not-found
refuses "delete without names" 1 "no name was specified" delete pods

kill -9 "$(cat "$cluster/m1/pid")"
until_true 10 "$RECKON" get nodes && ok "another member answers for one that is down" || not_ok "another member answers"
refuses "nobody answers" 1 "is the cluster up" get nodes --server https://127.0.0.1:1
refuses "no cluster is chosen" 1 "KUBECONFIG" get nodes --kubeconfig /dev/null
refuses "a context that is not there" 1 'context "x" does not exist' get nodes --context x
summary
