# Sourced by node.sh: port-forward with kubectl of several versions, into the pod $pod.
forwarding() { # LOG PORTS...: `$kubectl port-forward` in the background, as $forward
	log=$1
	shift
	"$kubectl" port-forward "pod/$pod" "$@" >"$log" 2>&1 &
	forward=$!
	until_true 5 grep -q Forwarding "$log" || not_ok "port-forward starts" "$(cat "$log")"
}
fetch() { curl -sS --max-time 10 "http://127.0.0.1:$1"; }
port_forward() { # with kubectl $1, local ports from $2 on
	kubectl=$1 near=$2 what="port-forward, $(basename "$1")"
	forwarding "$SCRATCH/forward" "$near:8080" "$((near + 1)):9"
	same "$what: a page" "It works." "$(fetch "$near/")"
	{ echo "GET / HTTP/1.0"; echo; sleep 1; } | busybox nc 127.0.0.1 "$near" >"$SCRATCH/slow" &
	slow=$!
	same "$what: a second connection while one is open" "$pod" "$(fetch "$near/cgi-bin/who")"
	wait "$slow"
	has "$what: and the first" "$(cat "$SCRATCH/slow")" "It works."
	same "$what: 1 MiB" "$(k exec "$pod" -- cat /www/big | sha256sum)" "$(fetch "$near/big" | sha256sum)"
	sums=$(for _ in 1 2 3 4 5 6 7 8; do fetch "$near/big" | sha256sum & done; wait)
	same "$what: eight times at once" 8 "$(echo "$sums" | grep -c "$(sha256sum <"$SCRATCH/big" | cut -c1-64)")"
	fetch "$((near + 1))/" >/dev/null 2>&1
	check "$what: a port where nobody listens is told" until_true 5 grep -q \
		"error forwarding port 9 to pod .*, uid : .*127.0.0.1:9: connect: connection refused" "$SCRATCH/forward"
	case "$kubectl" in # later ones end themselves at the first error, whatever the node does
	*1.20*) same "$what: and the forward lives on" "It works." "$(fetch "$near/")" ;;
	esac
	kill "$forward" 2>/dev/null
	wait "$forward" 2>/dev/null
	# What the client sends last arrives, and so does what the pod answers after that.
	k exec "$pod" -- sh -c 'nc -l -p 7000 -e sh -c "cat > /tmp/got; cat /tmp/got"' >/dev/null 2>&1 &
	forwarding "$SCRATCH/forward" "$((near + 2)):7000"
	sleep 0.5
	same "$what: half closed" "last words" "$(printf 'last words' | timeout 10 busybox nc 127.0.0.1 "$((near + 2))")"
	kill "$forward" 2>/dev/null
	wait "$forward" 2>/dev/null
}
head -c 1048576 /dev/urandom >"$SCRATCH/big"
k exec -i "$pod" -- sh -c 'cat >/www/big' <"$SCRATCH/big"
near=$((port + 30))
for kubectl in ${KUBECTL_120:-} "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.27 "${KUBECTL_DIR:-/usr/lib/google-cloud-sdk/bin}"/kubectl.1.33; do
	if "$kubectl" version --client >/dev/null 2>&1; then port_forward "$kubectl" "$near"; else skip "$kubectl" "it is not here"; fi
	near=$((near + 10))
done
