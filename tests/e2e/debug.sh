# Sourced by node.sh: kubectl debug in all its forms, and pods that change their size while they run.
cat >"$SCRATCH/target.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: target}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: reckon.local/web:1
    command: [sh, -c, "trap 'exit 0' TERM; sleep 54321 & wait"]
    resources: {requests: {cpu: 100m, memory: 16Mi}, limits: {cpu: 200m, memory: 64Mi}}
    resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]
YAML
of_target() { k get pod target -o "jsonpath={.status$1}"; }
image="--image=reckon.local/web:1 --image-pull-policy=IfNotPresent"
over() { [ -n "$(of_target ".ephemeralContainerStatuses[?(@.name==\"$1\")].state.terminated.reason")" ]; }
debug_in() { # the pod, with kubectl $1
	kubectl=$1 what="debug, $(basename "$1")" by=d$(basename "$1" | tr -dc 0-9)
	{ sleep 1; echo 'busybox ps -o args'; echo 'echo I am $((40 + 2))'; sleep 1; echo 'exit 3'; } |
		timeout 20 "$kubectl" debug -i target $image --target=main -c "$by" -- sh >"$SCRATCH/out" 2>&1
	has "$what: a shell in the pod" "$(cat "$SCRATCH/out")" "I am 42"
	has "$what: it sees the processes of its target" "$(cat "$SCRATCH/out")" "sleep 54321"
	check "$what: it ends" until_true 10 over "$by"
	same "$what: and says how" 3 "$(of_target ".ephemeralContainerStatuses[?(@.name==\"$by\")].state.terminated.exitCode")"
	has "$what: its log" "$("$kubectl" logs target -c "$by" 2>&1)" "I am 42"
	same "$what: the pod runs on" "True 0" "$(of_target '.conditions[?(@.type=="Ready")].status') $(of_target '.containerStatuses[0].restartCount')"
}
debug_beside() { # the pod, and on its node, with kubectl $1
	kubectl=$1 what="debug, $(basename "$1")"
	"$kubectl" debug target $image --copy-to=copy --share-processes -c helper -- sh -c 'sleep 1; busybox ps -o args; sleep 1000' >/dev/null 2>&1
	check "$what: a copy runs" k wait --for=condition=Ready pod/copy --timeout=20s
	check "$what: its containers see each other" until_true 5 sh -c "$RECKON logs copy -c helper | grep -q 'sleep 54321'"
	"$kubectl" debug target --copy-to=other --set-image='*=reckon.local/web:1' --container=main -- sh -c 'echo another; sleep 1000' >/dev/null 2>&1
	check "$what: a copy with another command" until_true 10 sh -c "$RECKON logs other | grep -q another"
	"$kubectl" debug node/node-1 $image -- sh -c 'ls /host; busybox ps -o args; echo end' >"$SCRATCH/out" 2>&1
	node_pod=$(grep -o 'node-debugger-[a-z0-9-]*' "$SCRATCH/out" | head -1)
	check "$what: a pod on a node" until_true 10 sh -c "$RECKON logs $node_pod | grep -q '^end'"
	has "$what: with the node's files" "$(k logs "$node_pod")" "etc"
	has "$what: and its processes" "$(k logs "$node_pod")" "sleep 54321"
	k delete pod copy other "$node_pod" --grace-period=1 >/dev/null
}
capabilities() { # PROFILE NAME: what an ephemeral container of this profile may do
	"$newest" debug target $image --target=main --profile="$1" -c "$2" -- busybox grep CapEff /proc/self/status >/dev/null 2>&1
	until_true 10 over "$2"
	printf '%d\n' "0x$(k logs target -c "$2" | awk '{print $2}')"
}
bit() { echo $(($2 >> $1 & 1)); }
k apply -f "$SCRATCH/target.yaml" >/dev/null
check "debug: the target runs" k wait --for=condition=Ready pod/target --timeout=20s
newest=
[ -z "${KUBECTL_120:-}" ] || debug_beside "$KUBECTL_120"
for kubectl in "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.2[7-9] "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.3[0-3]; do
	if "$kubectl" version --client >/dev/null 2>&1; then debug_in "$kubectl"; debug_beside "$kubectl"; newest=$kubectl; fi
done
case $newest in *1.3[2-3])
	{ sleep 1; echo 'busybox tty; exit'; sleep 1; } | timeout 10 script -qec "$newest debug -it target $image -c term -- sh" /dev/null >"$SCRATCH/out" 2>&1
	has "debug: a terminal" "$(cat "$SCRATCH/out")" "/dev/pts/0"
	same "debug: general may trace" 1 "$(bit 19 "$(capabilities general general)")"
	same "debug: netadmin may change the network" 1 "$(bit 12 "$(capabilities netadmin netadmin)")"
	same "debug: baseline may not trace" 0 "$(bit 19 "$(capabilities baseline baseline)")"
	same "debug: sysadmin is privileged" 1 "$(bit 21 "$(capabilities sysadmin sysadmin)")"
	"$newest" debug target $image --profile=restricted -c restricted -- true >/dev/null 2>&1
	check "debug: restricted refuses an image of root" until_true 10 sh -c "$RECKON get pod target -o yaml | grep -q 'image will run as root'"
	"$newest" debug target $image --target=nobody -c lost >"$SCRATCH/out" 2>&1
	has "debug: a target that is not there" "$(cat "$SCRATCH/out")" 'spec.ephemeralContainers' ;;
*) skip "debug: profiles" "they are tried with kubectl 1.32 or later" ;;
esac

resize() { k patch pod target --subresource=resize -p "{\"spec\":{\"containers\":[{\"name\":\"main\",\"resources\":{$1}}]}}" 2>&1; }
limit_of() { k exec target -- sh -c 'cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes' 2>/dev/null; }
resized() { [ "$(of_target '.containerStatuses[0].resources.limits')" = "$(k get pod target -o 'jsonpath={.spec.containers[0].resources.limits}')" ]; }
has "resize: the class stays" "$(resize '"requests":{"cpu":"200m","memory":"64Mi"}')" "Pod QOS Class may not change as a result of resizing"
has "resize: another field" "$(resize '"limits":{"ephemeral-storage":"1Gi"}')" "only cpu and memory resources are mutable"
has "resize: cpu" "$(resize '"limits":{"cpu":"500m"}')" "pod/target patched"
check "resize: it is done" until_true 10 resized
same "resize: in place" 0 "$(of_target '.containerStatuses[0].restartCount')"
has "resize: the container has it" "$(limit_of)" "50000"
has "resize: memory" "$(resize '"limits":{"memory":"32Mi"}')" "pod/target patched"
check "resize: that takes another run" until_true 20 sh -c "[ \"\$($RECKON get pod target -o 'jsonpath={.status.containerStatuses[0].restartCount}')\" = 1 ]"
check "resize: it has that" until_true 10 resized
check "resize: and is ready" k wait --for=condition=Ready pod/target --timeout=20s
has "resize: with less memory" "$(limit_of)" "33554432"
resize '"requests":{"cpu":"1000"},"limits":{"cpu":"1000"}' >/dev/null
check "resize: what no node has" until_true 10 sh -c "$RECKON get pod target -o yaml | grep -q \"Node didn't have enough capacity: cpu, requested: 1000000\""
resize '"requests":{"cpu":"100m"},"limits":{"cpu":"400m"}' >/dev/null
check "resize: back to what it has" until_true 10 resized
same "resize: nothing is pending" "" "$(of_target '.conditions[?(@.type=="PodResizePending")].status')$(of_target '.conditions[?(@.type=="PodResizeInProgress")].status')"
has "resize: the rest stays as it was" "$(limit_of)" "40000"

# Ephemeral containers and sizes outlive the agents (node.sh ends them next).
k patch pod target --subresource=ephemeralcontainers -p '{"spec":{"ephemeralContainers":[{"name":"stays","image":"reckon.local/web:1","imagePullPolicy":"IfNotPresent","targetContainerName":"main","command":["sleep","65432"]}]}}' >/dev/null
check "debug: a long look" until_true 10 pgrep -f 'sleep 65432'
