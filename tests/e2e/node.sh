# Real pods on two nodes of this machine: images, services, names, logs, exec, restarts, and nothing left behind. Needs root.
. ./lib.sh
if [ "$(id -u)" != 0 ]; then
	skip "node" "real containers need root"
	summary
	exit
fi
for tool in conmon busybox skopeo ip; do
	command -v "$tool" >/dev/null || { skip "node" "$tool is not installed"; summary; exit; }
done
cluster=$SCRATCH/c
port=$(free_port 24000)
ask=$(dirname "$RECKON")/ask
marks() { # what a cluster could leave on the machine
	ip netns | grep reckon- | sort
	ip -o link | awk '{print $2}' | grep '^rk' | sort
	mount | grep -E "$SCRATCH" | sort
	find /sys/fs/cgroup -type d -path '*reckon*' 2>/dev/null | grep -v '/reckon/test-' | sort
	ls /sys/fs/bpf 2>/dev/null | grep reckon | sort
	pgrep -fa "$SCRATCH" | grep -E ' --dir=|conmon' || true
}
marks | sort >"$SCRATCH/before"
rules=$(iptables-save 2>/dev/null | grep -v '^#' || true)
trap '"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1' EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 2 --port "$port" --peer-port $((port + 100)) || exit 1
export KUBECONFIG=$cluster/admin.kubeconfig HOME=$SCRATCH
k() { "$RECKON" "$@"; }
ready() { [ "$(k get deployment "$1" -o 'jsonpath={.status.readyReplicas}')" = "$2" ]; }

./example-image reckon.local/web:1 "$SCRATCH/web.tar" "$ask"
check "image load" k image load "$SCRATCH/web.tar" --cluster "$cluster"
has "image ls" "$(k image ls --cluster "$cluster")" "reckon.local/web:1"
cat >"$SCRATCH/web.yaml" <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: "hello", file.txt: "from a map"}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {token: "s3cret"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      initContainers:
      - {name: first, image: "reckon.local/web:1", command: [sh, -c, "echo prepared > /work/ready"], volumeMounts: [{name: work, mountPath: /work}]}
      containers:
      - name: web
        image: reckon.local/web:1
        imagePullPolicy: IfNotPresent
        ports: [{name: http, containerPort: 8080}]
        env:
        - {name: GREETING, valueFrom: {configMapKeyRef: {name: settings, key: greeting}}}
        - {name: TOKEN, valueFrom: {secretKeyRef: {name: hidden, key: token}}}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
        livenessProbe: {tcpSocket: {port: http}, periodSeconds: 5}
        resources: {requests: {cpu: 10m, memory: 8Mi}, limits: {memory: 64Mi}}
        volumeMounts:
        - {name: work, mountPath: /work}
        - {name: map, mountPath: /etc/settings}
      volumes:
      - {name: work, emptyDir: {}}
      - {name: map, configMap: {name: settings}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
YAML
check "apply" k apply -f "$SCRATCH/web.yaml"
check "three replicas are ready" until_true 40 ready web 3
same "on both nodes" 2 "$(k get pods -l app=web -o 'jsonpath={range .items[*]}{.spec.nodeName} {end}' | tr ' ' '\n' | sort -u | grep -c node)"
pod=$(k get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')
other=$(k get pods -l app=web -o 'jsonpath={.items[2].metadata.name}')

has "env from a ConfigMap, a Secret and the pod" "$(k exec "$pod" -- sh -c 'echo $GREETING $TOKEN $POD_IP')" "hello s3cret 10.244."
same "an init container ran before" prepared "$(k exec "$pod" -- cat /work/ready)"
same "a ConfigMap as files" "from a map" "$(k exec "$pod" -- cat /etc/settings/file.txt)"
k exec "$pod" -- sh -c 'exit 7' >/dev/null 2>&1
same "exit code through exec" 7 $?
same "stdin through exec" 5 "$(printf hello | k exec -i "$pod" -- sh -c 'cat | wc -c' | tr -d ' ')"
has "logs" "$(k logs "$pod")" "response:200"
has "describe shows the events" "$(k describe pod "$pod")" "Started"
. ./forward.sh
. ./attach.sh
. ./proxy.sh
. ./account.sh
. ./debug.sh
. ./inside.sh

vip=$(k get service web -o 'jsonpath={.spec.clusterIP}')
even() { # NAME OUTPUT: each of three replicas got 1,000 of 3,000, give or take 15 %
	if printf '%s\n' "$2" | awk '{n++; if ($1 < 850 || $1 > 1150) bad = 1} END {exit n != 3 || bad}'; then ok "$1"; else not_ok "$1" "$2"; fi
}
even "3,000 requests from node-1 are even" "$(k cluster enter --dir "$cluster" node-1 -- "$ask" "$vip" 80 3000 /cgi-bin/who)"
even "3,000 requests from node-2 are even" "$(k cluster enter --dir "$cluster" node-2 -- "$ask" "$vip" 80 3000 /cgi-bin/who)"
even "3,000 requests from a pod are even" "$(k exec "$pod" -- ask "$vip" 80 3000 /cgi-bin/who)"
even "3,000 requests from a pod of the other node are even" "$(k exec "$other" -- ask "$vip" 80 3000 /cgi-bin/who)"
has "a name answers" "$(k exec "$pod" -- nslookup web.default.svc.cluster.local 2>&1)" "$vip"
gateway=$(k cluster enter --dir "$cluster" node-1 -- ip -4 -o address show reckon0 | awk '{print $4}' | cut -d/ -f1)
has "a name answers on the node" "$(k cluster enter --dir "$cluster" node-1 -- busybox nslookup web.default.svc.cluster.local "$gateway" 2>&1)" "$vip"
same "no packet filter rule" "$rules" "$(iptables-save 2>/dev/null | grep -v '^#' || true)"

# A Service without endpoints refuses at once.
printf 'apiVersion: v1\nkind: Service\nmetadata: {name: empty}\nspec: {selector: {app: none}, ports: [{port: 80}]}\n' | k apply -f - >/dev/null
empty=$(k get service empty -o 'jsonpath={.spec.clusterIP}')
sleep 1
has "no endpoints: refused" "$(k cluster enter --dir "$cluster" node-1 -- "$ask" "$empty" 80 1)" "no connection"

# A container that fails is started again, with the reason told.
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: crash}\nspec: {containers: [{name: c, image: "reckon.local/web:1", command: [sh, -c, "echo bye; exit 3"]}]}\n' | k apply -f - >/dev/null
check "restarts are counted" until_true 30 sh -c "[ \"\$($RECKON get pod crash -o 'jsonpath={.status.containerStatuses[0].restartCount}')\" -ge 1 ]"
same "the exit code is told" 3 "$(k get pod crash -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}')"
has "logs of the one before" "$(k logs crash -p 2>&1)" "bye"
k delete pod crash >/dev/null
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: noimage}\nspec: {containers: [{name: c, image: "reckon.local/nothere:1", imagePullPolicy: Never}]}\n' | k apply -f - >/dev/null
check "an image that is not there" until_true 10 sh -c "$RECKON get pods noimage | grep -q ErrImageNeverPull"
k delete pod noimage >/dev/null

# Agents and members die; containers do not.
pids() { pgrep -f 'httpd -f -v -p 8080|sleep 65432|sleep 54321' | sort | tr '\n' ' '; }
ids() { k get pods,deployments,services,configmaps -o 'jsonpath={range .items[*]}{.metadata.uid}={.metadata.resourceVersion} {end}'; }
sleep 2
pids_before=$(pids) ids_before=$(ids)
for part in m1 m2 m3 nodes/node-1 nodes/node-2; do kill -9 "$(cat "$cluster/$part/pid")"; done
check "everything comes back" k cluster up --dir "$cluster"
same "the containers run on: same processes" "$pids_before" "$(pids)"
same "same uids and resourceVersions" "$ids_before" "$(ids)"
sleep 3
same "still the same processes" "$pids_before" "$(pids)"
same "no restart was counted" "0 0 0 " "$(k get pods -l app=web -o 'jsonpath={range .items[*]}{.status.containerStatuses[0].restartCount} {end}')"
# The way to the API leads to members that are there.
ways() { [ "$(k get endpoints kubernetes -o 'jsonpath={.subsets[*].addresses[*].ip}' | wc -w)" = "$1" ]; }
check "pods are sent to each member" until_true 15 ways 3
kill -9 "$(cat "$cluster/m2/pid")"
check "and not to one that is not heard of" until_true 25 ways 2
same "its slice says so" false "$(k get endpointslice kubernetes-m2 -o 'jsonpath={.endpoints[0].conditions.ready}')"
k cluster up --dir "$cluster" >/dev/null
check "until it is back" until_true 15 ways 3
even "services still work" "$(k cluster enter --dir "$cluster" node-1 -- "$ask" "$vip" 80 3000 /cgi-bin/who)"

# A rolling update, asked all the time, loses no request that was sent to a ready pod.
k set env deployment/web ROUND=2 >/dev/null 2>&1 || k patch deployment web -p '{"spec":{"template":{"metadata":{"annotations":{"round":"2"}}}}}' >/dev/null
check "rolling update" k rollout status deployment/web --timeout=60s
check "delete cascades" k delete deployment web
k delete pod target >/dev/null
check "all pods are gone" until_true 30 sh -c "[ -z \"\$($RECKON get pods --no-headers 2>/dev/null)\" ]"

check "cluster down" k cluster down --dir "$cluster"
# What counts is what is new: another cluster of this machine may have gone meanwhile.
marks | sort >"$SCRATCH/after"
same "nothing is left behind" "" "$(comm -13 "$SCRATCH/before" "$SCRATCH/after")"
summary
