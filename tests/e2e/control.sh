# The control plane with simulated nodes: kubectl of several versions against each member.
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 21000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 3 --simulated --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH

versions=
for kubectl in $(ls "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.2[7-9] "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.3[0-3] 2>/dev/null) ${KUBECTL_120:-}; do
	if "$kubectl" version --client >/dev/null 2>&1; then versions="$versions $kubectl"; fi
done
[ -n "$versions" ] || skip "kubectl" "no kubectl of 1.20 to 1.33 is here (set KUBECTL_DIR)"

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
	check "$what: the API's Service is there again" $k get svc kubernetes
	check "$what: and the cluster's CA" $k get cm kube-root-ca.crt
}

made() { # NAME WANT COMMAND...: prints what it wants
	name=$1 want=$2
	shift 2
	has "$name" "$("$@" 2>&1)" "$want"
}
# What kubectl sends in protobuf from 1.32 on, and the same from older ones in JSON: the objects must not differ.
typed() { # with kubectl $1 in namespace $2
	k="$1 --namespace $2"
	what="$(basename "$1") typed"
	made "$what: namespace" "namespace/$2 created" $1 create namespace "$2"
	made "$what: deployment" "deployment.apps/d created" $k create deployment d --image=busybox:1 --replicas=2 --port=80
	made "$what: configmap" "configmap/c created" $k create configmap c --from-literal=a=b --from-file=bin="$SCRATCH/bin"
	made "$what: secret" "secret/s created" $k create secret generic s --from-literal=p=w
	made "$what: docker secret" "secret/r created" $k create secret docker-registry r --docker-server=x --docker-username=y --docker-password=z
	made "$what: service" "service/svc created" $k create service nodeport svc --tcp=80:web
	made "$what: headless service" "service/none created" $k create service clusterip none --clusterip=None
	made "$what: external name" "service/ext created" $k create service externalname ext --external-name=example.com
	made "$what: service account" "serviceaccount/sa created" $k create serviceaccount sa
	made "$what: role" "role.rbac.authorization.k8s.io/r created" $k create role r --verb=get --resource=pods,deployments.apps --resource-name=x
	made "$what: role binding" "rolebinding.rbac.authorization.k8s.io/rb created" $k create rolebinding rb --role=x --user=y --serviceaccount=a:b --group=g
	made "$what: cluster role" "clusterrole.rbac.authorization.k8s.io/$2 created" $k create clusterrole "$2" --verb=get --non-resource-url=/healthz
	made "$what: cluster role binding" "clusterrolebinding.rbac.authorization.k8s.io/$2 created" $k create clusterrolebinding "$2" --clusterrole=x --user=y
	made "$what: job" "job.batch/j created" $k create job j --image=busybox -- date +%s
	made "$what: cron job" "cronjob.batch/cj created" $k create cronjob cj --image=busybox --schedule=@daily -- date
	made "$what: ingress" "ingress.networking.k8s.io/i created" $k create ingress i '--rule=a.b/x*=svc:80,tls=s' --class=c --annotation=a=b
	made "$what: quota" "resourcequota/q created" $k create quota q --hard=cpu=1500m,pods=2,memory=1Gi --scopes=BestEffort
	made "$what: disruption budget" "poddisruptionbudget.policy/p created" $k create pdb p --selector=a=b --min-available=50%
	made "$what: priority class" "priorityclass.scheduling.k8s.io/$2 created" $k create priorityclass "$2" --value=5 --preemption-policy=Never --description=d
	made "$what: autoscaler" "horizontalpodautoscaler.autoscaling/d autoscaled" $k autoscale deployment d --max=3 --min=2 --cpu-percent=80
	made "$what: the second is refused" "already exists" $k create configmap c --from-literal=a=b
	made "$what: what is invalid is refused" "a lowercase RFC 1123 subdomain" $k create configmap C_1
	made "$what: dry run" "configmap/dry created (server dry run)" $k create configmap dry --dry-run=server
	check "$what: available" $k wait --for=condition=Available --timeout=20s deploy/d
	made "$what: describe" "Replicas:               2 desired" $k describe deployment d
	made "$what: describe a secret" "p:  1 bytes" $k describe secret s
	made "$what: describe a service" "TargetPort:               web/TCP" $k describe service svc
	made "$what: describe a node" "PodCIDR" $k describe node
	made "$what: events" "Created pod" $k events
	check "$what: drain without doing it" $k drain --dry-run=server --ignore-daemonsets --force "$($k get nodes -o 'jsonpath={.items[0].metadata.name}')"
	for o in cm/c secret/s secret/r svc/svc svc/none svc/ext sa/sa deploy/d role/r rolebinding/rb cronjob/cj ingress/i quota/q pdb/p hpa/d; do
		$k get "$o" -o 'jsonpath={.kind} {.metadata.labels} {.type} {.data} {.spec.type} {.spec.selector} {.spec.externalName} {.spec.template.spec} {.spec.strategy} {.rules} {.subjects} {.roleRef} {.spec.jobTemplate} {.spec.hard} {.spec.scopes} {.spec.minAvailable} {.spec.minReplicas} {.spec.targetCPUUtilizationPercentage} {.spec.metrics}{"\n"}'
	done >"$SCRATCH/typed.$(basename "$1")" 2>&1
	check "$what: delete what is in no namespace" $1 delete "clusterrole/$2" "clusterrolebinding/$2" "priorityclass/$2"
	check "$what: delete" $k delete namespace "$2" --wait=false
}
head -c 300 /dev/urandom >"$SCRATCH/bin"
n=0
for kubectl in $versions; do
	case $(basename "$kubectl") in
	*1.20) skip "kubectl.1.20 typed" "it creates in beta versions, which Kubernetes 1.32 does not serve either"; continue ;;
	esac
	n=$((n + 1))
	typed "$kubectl" "typed-$n"
	first=${first:-$(basename "$kubectl")}
	same "$(basename "$kubectl") typed: the same objects as $first makes" "$(cat "$SCRATCH/typed.$first")" "$(cat "$SCRATCH/typed.$(basename "$kubectl")")"
done

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

# Pods act as accounts that are there; every namespace has the cluster's CA.
r() { "$RECKON" "$@"; }
has "a pod whose account is not there" "$(printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: nobody}\nspec: {serviceAccountName: nosa, containers: [{name: c, image: x}]}\n' | r apply -f - 2>&1)" \
	'pods "nobody" is forbidden: error looking up service account default/nosa: serviceaccount "nosa" not found'
printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: late}\nspec: {replicas: 2, selector: {matchLabels: {app: late}}, template: {metadata: {labels: {app: late}}, spec: {serviceAccountName: late, containers: [{name: c, image: x}]}}}\n' | r apply -f - >/dev/null
check "a set says why its pods do not come" until_true 5 sh -c "$RECKON get events | grep -q 'FailedCreate .*Error creating: pods \"late-.*-\" is forbidden: error looking up service account default/late'"
r create serviceaccount late >/dev/null 2>&1 || printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: late}\n' | r apply -f - >/dev/null
check "and makes them when the account comes" r rollout status deploy/late --timeout=65s
has "they have a token, the CA and their namespace" "$(r get pods -l app=late -o 'jsonpath={.items[0].spec.volumes[0].projected.sources}')" '{"configMap":{"items":[{"key":"ca.crt","path":"ca.crt"}],"name":"kube-root-ca.crt"}}'
r delete deploy/late sa/late >/dev/null
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}\n' | r apply -f - >/dev/null
ca_of() { r get cm kube-root-ca.crt -n "$1" --context "$2" -o 'jsonpath={.data.ca\.crt}' 2>/dev/null; }
for member in m1 m2 m3; do same "the CA, in a new namespace, from $member" "$(cat "$cluster/pki/ca.crt")" "$(ca_of fresh $member)"; done
r patch cm kube-root-ca.crt -n fresh --type=merge -p '{"data":{"ca.crt":"evil"}}' >/dev/null
same "nobody changes it" "$(cat "$cluster/pki/ca.crt")" "$(ca_of fresh m1)"
check "the namespace goes, and it too" r delete namespace fresh
same "one entry told it" 1 "$(r log ls --cluster "$cluster" | grep -c ' root-ca')"
# Parts of a pod that are written by themselves, with what simulated nodes make of them.
parts() { # with kubectl $1
	k=$1 what="$(basename "$1") parts of a pod"
	$k run part --image=x:1 --overrides='{"spec":{"containers":[{"name":"part","image":"x:1","resources":{"requests":{"cpu":"1"}}}]}}' >/dev/null
	check "$what: it runs" $k wait --for=condition=Ready pod/part --timeout=20s
	check "$what: debug" $k debug part --image=y:1 --target=part -c look
	check "$what: the look runs" until_true 10 sh -c "[ -n \"\$($k get pod part -o 'jsonpath={.status.ephemeralContainerStatuses[0].state.running}')\" ]"
	$k get --raw /api/v1/namespaces/default/pods/part/ephemeralcontainers >"$SCRATCH/part.json"
	sed 's/y:1/y:2/' "$SCRATCH/part.json" >"$SCRATCH/other.json"
	has "$what: what is there stays" "$($k replace --raw /api/v1/namespaces/default/pods/part/ephemeralcontainers -f "$SCRATCH/other.json" 2>&1)" \
		'existing ephemeral containers "look" may not be changed'
	sed 's/"cpu":"1"/"cpu":"1500m"/' "$SCRATCH/part.json" >"$SCRATCH/other.json"
	check "$what: a put to resize" $k replace --raw /api/v1/namespaces/default/pods/part/resize -f "$SCRATCH/other.json"
	check "$what: the node has done it" until_true 10 sh -c \
		"[ \"\$($k get pod part -o 'jsonpath={.status.containerStatuses[0].resources.requests.cpu} {.status.containerStatuses[0].allocatedResources.cpu}')\" = '1500m 1500m' ]"
	same "$what: three forms were wanted" 3 "$($k get pod part -o 'jsonpath={.metadata.generation}')"
	same "$what: by whom" "ephemeralcontainers resize " "$($k get pod part --show-managed-fields -o 'jsonpath={range .metadata.managedFields[*]}{.subresource} {end}' | tr ' ' '\n' | grep -E 'ephemeral|resize' | tr '\n' ' ')"
	$k delete pod part --grace-period=1 >/dev/null 2>&1
}
for kubectl in $versions; do
	case $(basename "$kubectl") in *1.20) ;; *) parts "$kubectl" ;; esac
done

hashes=$("$RECKON" cluster status --dir "$cluster" | awk '/^m[0-9]/ {print $5, $8}' | sort -u | wc -l)
sleep 0.5
hashes=$("$RECKON" cluster status --dir "$cluster" | awk '/^m[0-9]/ {print $8}' | sort -u | wc -l)
same "all members have the same state hash" 1 "$hashes"
summary
