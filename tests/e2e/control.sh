# The control plane with simulated nodes: kubectl of several versions against each member.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 21000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 3 --simulated --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH

versions=
for kubectl in $(ls "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.2[7-9] "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.3[01] 2>/dev/null) ${KUBECTL_120:-}; do
	if "$kubectl" version --client >/dev/null 2>&1; then versions="$versions $kubectl"; fi
done
[ -n "$versions" ] || skip "kubectl" "no kubectl of 1.20 to 1.31 is here (set KUBECTL_DIR)"

cat >"$SCRATCH/app.yaml" <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {app: app}}
spec:
  replicas: 2
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - {name: c, image: "busybox:1", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cfg}
data: {a: "1"}
YAML
sed 's/a: "1"/a: "2"/; s/replicas: 2/replicas: 4/' "$SCRATCH/app.yaml" >"$SCRATCH/app2.yaml"

session() { # with kubectl $1 against member $2
	k="$1 --context $2"
	what="$(basename "$1") $2"
	check "$what: explain" $k explain pods.spec
	check "$what: api-resources" $k api-resources
	has "$what: apply creates" "$($k apply -f "$SCRATCH/app.yaml" 2>&1)" "deployment.apps/app created"
	has "$what: apply again" "$($k apply -f "$SCRATCH/app.yaml" 2>&1)" "deployment.apps/app unchanged"
	has "$what: apply changes" "$($k apply -f "$SCRATCH/app2.yaml" 2>&1)" "configmap/cfg configured"
	check "$what: rollout status" $k rollout status deploy/app --timeout=20s
	same "$what: 4 pods" 4 "$($k get pods -l app=app --no-headers | wc -l)"
	check "$what: scale" $k scale deploy app --replicas=5
	check "$what: expose" $k expose deploy app --port 80
	check "$what: label" $k label deploy app x=y
	check "$what: annotate" $k annotate deploy app q=r
	check "$what: set image" $k set image deploy/app c=busybox:2
	check "$what: rollout status again" $k rollout status deploy/app --timeout=20s
	has "$what: history" "$($k rollout history deploy/app)" "2"
	check "$what: undo" $k rollout undo deploy/app
	check "$what: rollout after undo" $k rollout status deploy/app --timeout=20s
	same "$what: undone" "busybox:1" "$($k get deploy app -o 'jsonpath={.spec.template.spec.containers[0].image}')"
	EDITOR='sed -i s/busybox:1/busybox:3/' check "$what: edit" $k edit deploy app
	check "$what: describe" $k describe deploy app
	check "$what: wide" $k get nodes,deploy,rs,pods,svc,endpointslices -A -o wide
	pod=$($k get pods -l app=app -o 'jsonpath={.items[0].metadata.name}')
	check "$what: describe pod" $k describe pod "$pod"
	$k delete pod "$pod" >/dev/null 2>&1
	check "$what: a deleted pod is replaced" until_true 10 sh -c "[ \$($k get pods -l app=app --no-headers | grep -c Running) = 5 ]"
	timeout 3 $k get pods -w >"$SCRATCH/watch" 2>&1 &
	watcher=$!
	sleep 0.5
	$k delete deploy app >/dev/null 2>&1
	wait "$watcher" 2>/dev/null || true
	has "$what: the watch saw it" "$(cat "$SCRATCH/watch")" "Terminating"
	check "$what: delete cascades" until_true 10 sh -c "[ -z \"\$($k get rs,pods -l app=app --no-headers 2>/dev/null)\" ]"
	$k delete svc,cm --all >/dev/null 2>&1
	until_true 5 sh -c "$k get svc kubernetes" || true
}
n=0
for kubectl in $versions; do
	for member in m1 m2 m3; do
		# Every version, and every member with two of them.
		if [ "$n" -lt 2 ] || [ "$member" = m$((n % 3 + 1)) ]; then session "$kubectl" "$member"; fi
	done
	n=$((n + 1))
done

# One entry for a create; what follows from it is derived and not in the log.
"$RECKON" create deployment logged --image=x:1 --replicas=3 >/dev/null
until_true 10 sh -c "[ \"\$($RECKON get deploy logged -o 'jsonpath={.status.readyReplicas}')\" = 3 ]"
entries=$("$RECKON" log ls --cluster "$cluster" | grep -c "create deployments.apps default/logged" || true)
same "one entry for the create" 1 "$entries"
derived=$("$RECKON" log ls --cluster "$cluster" | grep -cE "(create|update|patch) (pods|replicasets.apps|endpoints|endpointslices.discovery.k8s.io) " || true)
same "no controller's or scheduler's write in the log" 0 "$derived"
hashes=$("$RECKON" cluster status --dir "$cluster" | awk '/^m[0-9]/ {print $5, $8}' | sort -u | wc -l)
sleep 0.5
hashes=$("$RECKON" cluster status --dir "$cluster" | awk '/^m[0-9]/ {print $8}' | sort -u | wc -l)
same "all members have the same state hash" 1 "$hashes"
summary
