# Every kind through its verbs, and what is refused: tests/e2e/kinds.sh RECKON SCRATCH
RECKON=${1:-$RECKON} SCRATCH=${2:-$SCRATCH}
cd "$(dirname "$0")" || exit 1
. ./lib.sh
cluster=$SCRATCH/c
port=$(free_port 23000)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 1 --nodes 0 --port "$port" --peer-port $((port + 100)) >/dev/null || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
r() { "$RECKON" "$@" 2>&1; }
# refused NAME PART: what is read from standard input is not taken.
refused() {
	cat >"$SCRATCH/bad.yaml"
	output=$(r create -f "$SCRATCH/bad.yaml") && not_ok "$1" "it was taken" || has "$1" "$output" "$2"
}

kinds=$(sed -n 's/^kind: //p' kinds.yaml | sort)
wanted=$(r api-resources --no-headers | awk '{print $NF}' | sort -u |
	grep -vxE 'Binding|ComponentStatus|Transaction|ValidatingAdmissionPolicyBinding|.*Review')
same "an object of every kind that is stored" "$wanted" "$kinds"
check "all of them are taken" "$RECKON" apply -f kinds.yaml
unchanged=$(r apply -f kinds.yaml | grep -cv unchanged)
same "and are the same when they are sent again" 0 "$unchanged"

awk -v dir="$SCRATCH" '/^---$/ {n++; next} !/^#/ {print > (dir "/kind" n + 0 ".yaml")}' kinds.yaml
for file in "$SCRATCH"/kind*.yaml; do
	kind=$(sed -n 's/^kind: //p' "$file")
	object=$(sed -n 's/^metadata: {name: \([a-z.0-9]*\).*/\1/p' "$file")
	check "$kind: a table" sh -c '"$0" get "$1" "$2" | grep -q "$2"' "$RECKON" "$kind" "$object"
	check "$kind: a wide one" "$RECKON" get "$kind" "$object" -o wide
	check "$kind: explain" "$RECKON" explain "$kind"
	check "$kind: label" "$RECKON" label "$kind" "$object" tried=yes
	same "$kind: the label is there" "$object" "$(r get "$kind" -l tried=yes -o 'jsonpath={.items[*].metadata.name}')"
	# namespaces and nodes take their time
	check "$kind: delete" "$RECKON" delete "$kind" "$object" --wait=false
done

# --- two forms of one kind ---
cat >"$SCRATCH/hpa.yaml" <<YAML
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: two}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}, maxReplicas: 4, targetCPUUtilizationPercentage: 55}
---
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: two}
eventTime: "2026-01-02T03:04:05.000006Z"
reportingController: example.com/x
reportingInstance: y
action: Try
reason: Tried
regarding: {kind: Pod, name: p, namespace: default}
note: well
type: Normal
YAML
check "autoscaling/v1 and events.k8s.io/v1" "$RECKON" apply -f "$SCRATCH/hpa.yaml"
same "v2 shows it" 55 "$(r get hpa two -o 'jsonpath={.spec.metrics[0].resource.target.averageUtilization}')"
same "core shows it" "p well" "$(r get events two -o 'jsonpath={.involvedObject.name} {.message}')"

# --- a request for a certificate is of who sent it, whatever it says ---
cat >"$SCRATCH/csr.yaml" <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: who}
spec:
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KQUFBQQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K
  signerName: example.com/every
  usages: [client auth]
  username: somebody-else
  groups: [system:nodes]
YAML
check "a request for a certificate" "$RECKON" apply -f "$SCRATCH/csr.yaml"
same "it names its sender" 'admin ["system:masters","system:authenticated"]' "$(r get csr who -o 'jsonpath={.spec.username} {.spec.groups}')"

# --- what is refused ---
refused "webhooks" "not served yet: admission webhooks would not be called" <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: w}
webhooks: [{name: a.example.com, clientConfig: {url: "https://x"}, admissionReviewVersions: [v1], sideEffects: None}]
YAML
refused "policies in force" "not served yet: admission policies would not be enforced" <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: b}
spec: {policyName: p, validationActions: [Deny]}
YAML
refused "other servers' APIs" "not served yet: requests would not reach another server" <<YAML
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.x}
spec: {group: x, version: v1, groupPriorityMinimum: 100, versionPriority: 10, service: {namespace: n, name: s}}
YAML
refused "a wrong schedule" "spec.schedule: Invalid value" <<YAML
apiVersion: batch/v1
kind: CronJob
metadata: {name: c}
spec: {schedule: "never", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}}}}
YAML
same "component statuses are none" "No resources found" "$(r get componentstatuses)"
summary
