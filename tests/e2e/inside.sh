# Sourced by node.sh: logs, exec and cp with kubectl of several versions, the pod $pod of deployment web being there.
inside() { # with kubectl $1
	kubectl=$1 what="inside, $(basename "$1")"
	lines() { timeout 10 "$kubectl" logs "$pod" -c web "$@" | wc -l; }
	two() { [ "$(lines)" -ge 2 ]; }
	check "$what: logs" until_true 10 two
	same "$what: logs --tail" 2 "$(lines --tail=2)"
	same "$what: logs --limit-bytes" 9 "$("$kubectl" logs "$pod" -c web --limit-bytes=9 | wc -c)"
	same "$what: logs --since" 0 "$(lines --since-time="$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)")"
	same "$what: logs --timestamps" 2 "$("$kubectl" logs "$pod" -c web --tail=2 --timestamps | grep -cE '^[0-9-]{10}T[0-9:.]+Z ')"
	same "$what: logs -l --prefix" 3 "$("$kubectl" logs -l app=web -c web --prefix --tail=1 | grep -c '^\[pod/web-[^/]*/web\] ')"
	check "$what: logs --all-containers" "$kubectl" logs deployment/web --all-containers --tail=1
	timeout 4 "$kubectl" logs -f "$pod" -c web --tail=0 >"$SCRATCH/out" 2>&1
	same "$what: logs -f does not end" 124 $?
	has "$what: logs -f shows what comes" "$(cat "$SCRATCH/out")" "response:200"
	has "$what: logs --previous without one" "$("$kubectl" logs "$pod" -c web --previous 2>&1)" \
		"Error from server (BadRequest): previous terminated container \"web\" in pod \"$pod\" not found"

	"$kubectl" exec "$pod" -c web -- sh -c 'echo out; echo err >&2; exit 7' >"$SCRATCH/out" 2>"$SCRATCH/err"
	same "$what: exec's exit code" 7 $?
	same "$what: exec's output" out "$(cat "$SCRATCH/out")"
	has "$what: exec's errors" "$(cat "$SCRATCH/err")" "err"
	same "$what: exec -i" 65536 "$(head -c 65536 /dev/zero | "$kubectl" exec -i deployment/web -c web -- busybox wc -c)"
	"$kubectl" exec "$pod" -c web -- nothere >"$SCRATCH/out" 2>&1 && bad=0 || bad=$?
	same "$what: exec of what is not there" 1 "$((bad > 0))"

	rm -rf "$SCRATCH/there" "$SCRATCH/back" "$SCRATCH/back.file"
	mkdir -p "$SCRATCH/there/deep"
	head -c 300000 /dev/urandom >"$SCRATCH/there/deep/file"
	check "$what: cp of a file into a pod" "$kubectl" cp "$SCRATCH/there/deep/file" "$pod:/work/file" -c web
	check "$what: cp of a file out of a pod" "$kubectl" cp "$pod:/work/file" "$SCRATCH/back.file" -c web
	check "$what: it is the same" cmp "$SCRATCH/there/deep/file" "$SCRATCH/back.file"
	check "$what: cp of a folder into a pod" "$kubectl" cp "$SCRATCH/there" "$pod:/work/there" -c web --no-preserve
	check "$what: cp of a folder out of a pod" "$kubectl" cp "$pod:/work/there" "$SCRATCH/back" -c web
	check "$what: it is the same, too" diff -r "$SCRATCH/there" "$SCRATCH/back"
	"$kubectl" exec "$pod" -c web -- busybox rm -rf /work/there /work/file
}
for kubectl in ${KUBECTL_120:-} "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.27 "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.33; do
	if "$kubectl" version --client >/dev/null 2>&1; then inside "$kubectl"; else skip "$kubectl" "it is not here"; fi
done
