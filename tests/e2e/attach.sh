# Sourced by node.sh: attach (and exec) with kubectl of several versions, the pod $pod being there.
cat >"$SCRATCH/attach.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: echo}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: reckon.local/web:1
    stdin: true
    command: [sh, -c, 'while read line; do [ "\$line" = bye ] && exit 0; echo "got \$line"; echo "err \$line" >&2; done']
---
apiVersion: v1
kind: Pod
metadata: {name: deaf}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "reckon.local/web:1", command: [sh, -c, 'while :; do read line; echo "tick \$line"; sleep 0.2; done']}
---
apiVersion: v1
kind: Pod
metadata: {name: screen}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: "reckon.local/web:1", stdin: true, tty: true, command: [sh]}
YAML
slow_count() { # bytes, never faster than 50 MB/s
	total=0
	sleep 1
	while bytes=$(head -c 1000000 | wc -c) && [ "$bytes" -gt 0 ]; do
		total=$((total + bytes))
		sleep 0.02
	done
	echo "$total"
}
attach() { # with kubectl $1
	kubectl=$1 what="attach, $(basename "$1")"
	k apply -f "$SCRATCH/attach.yaml" >/dev/null
	check "$what: pods run" k wait --for=condition=Ready pod/echo pod/deaf pod/screen --timeout=30s
	{ echo one; sleep 1; } | timeout 3 "$kubectl" attach -i echo >"$SCRATCH/out" 2>"$SCRATCH/err"
	has "$what: what it is sent, it reads, and answers" "$(cat "$SCRATCH/out")" "got one"
	has "$what: stderr apart" "$(cat "$SCRATCH/err")" "err one"
	{ sleep 1; echo bye; } | timeout 10 "$kubectl" attach -i echo >/dev/null 2>&1
	same "$what: its end is the end" 0 $?
	{ echo no; sleep 1; } | timeout 2 "$kubectl" attach -i deaf >"$SCRATCH/out" 2>&1
	has "$what: output alone" "$(cat "$SCRATCH/out")" "tick"
	same "$what: a container without stdin reads nothing" 0 "$(grep -c "tick no" "$SCRATCH/out")"
	{ sleep 1; echo 'busybox stty size'; sleep 1; } |
		timeout 10 script -qec "stty rows 33 cols 77; $kubectl attach -it screen" /dev/null >"$SCRATCH/out" 2>&1
	has "$what: a terminal, as large as ours" "$(cat "$SCRATCH/out")" "33 77"
	same "$what: run -i --rm" "3" "$(printf 'a\nb\nc\n' | timeout 30 "$kubectl" run count --image=reckon.local/web:1 \
		-i --rm --restart=Never --quiet -- busybox wc -l 2>/dev/null | grep -o '^[0-9]*')"
	same "$what: exec to a slow reader does not stall" 67108864 "$(timeout 12 "$kubectl" exec "$pod" -- \
		busybox head -c 67108864 /dev/zero 2>/dev/null | slow_count)"
	k delete pod echo deaf screen >/dev/null
}
for kubectl in ${KUBECTL_120:-} "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.27 "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.33; do
	if "$kubectl" version --client >/dev/null 2>&1; then attach "$kubectl"; else skip "$kubectl" "it is not here"; fi
done
