# Sourced by node.sh: HTTP through the API to pods, services and nodes. The pod is $pod, its service "web".
raw() { # PATH [curl's flags...]: with the rights of an administrator
	path=$1
	shift
	curl -sS --max-time 20 --cacert "$cluster/pki/ca.crt" --cert "$cluster/pki/admin.crt" --key "$cluster/pki/admin.key" "$@" \
		"https://127.0.0.1:$port/api/v1/$path"
}
here=namespaces/default
same "proxy to a pod" "It works." "$(raw "$here/pods/$pod/proxy/")"
same "... by port, the path goes on" "$pod" "$(raw "$here/pods/$pod:8080/proxy/cgi-bin/who")"
same "... by scheme, name and port" "$pod" "$(raw "$here/pods/http:$pod:8080/proxy/cgi-bin/who")"
same "... with the query, undecoded" "a=b%2Fc&d" "$(k exec -i "$pod" -- sh -c 'cat >/www/cgi-bin/query && chmod +x /www/cgi-bin/query' <<'CGI'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n%s\n' "$QUERY_STRING"
CGI
raw "$here/pods/$pod/proxy/cgi-bin/query?a=b%2Fc&d")"
k exec -i "$pod" -- sh -c 'cat >/www/cgi-bin/post && chmod +x /www/cgi-bin/post' <<'CGI'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n%s %s %s %s\n' "$REQUEST_METHOD" "$(cat)" "$HTTP_X_FORWARDED_PROTO" "$HTTP_AUTHORIZATION"
CGI
printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: proxies}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}\nsubjects: [{kind: ServiceAccount, name: default}]\n' | k apply -f - >/dev/null
token=$(raw "$here/serviceaccounts/default/token" -H 'Content-Type: application/json' -d '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}' | grep -o '"token": *"[^"]*"' | cut -d'"' -f4)
same "... a body goes there, credentials do not" "POST some-words https " "$(curl -sS --max-time 20 --cacert "$cluster/pki/ca.crt" \
	-H "Authorization: Bearer $token" -H Content-Type:text/plain -d some-words "https://127.0.0.1:$port/api/v1/$here/pods/$pod/proxy/cgi-bin/post")"
head -c 3000000 /dev/urandom >"$SCRATCH/long"
k exec -i "$pod" -- sh -c 'cat >/www/long' <"$SCRATCH/long"
same "... 3 MB come back whole" "$(sha256sum <"$SCRATCH/long")" "$(raw "$here/pods/$pod/proxy/long" | sha256sum)"
same "... what the pod answers is the answer" 404 "$(raw "$here/pods/$pod/proxy/nothing" -o /dev/null -w '%{http_code}')"
same "... without a path: to the one with a slash" "301 https://127.0.0.1:$port/api/v1/$here/pods/$pod/proxy/?x" \
	"$(raw "$here/pods/$pod/proxy?x" -o /dev/null -w '%{http_code} %{redirect_url}')"
has "... where nobody listens" "$(raw "$here/pods/$pod:9/proxy/")" "error trying to reach service: "
has "... says why" "$(raw "$here/pods/$pod:9/proxy/")" "Connection refused"
has "... a pod that is not there" "$(raw "$here/pods/nobody/proxy/")" 'pods \"nobody\" not found'
has "... a scheme that is not there" "$(raw "$here/pods/ftp:$pod:80/proxy/")" "invalid pod request"
has "... needs the right to it" "$(raw "$here/pods/$pod/proxy/" -H 'Impersonate-User: jane')" 'cannot get resource \"pods/proxy\"'
same "proxy to a service, by the name of the port" "It works." "$(raw "$here/services/web:http/proxy/")"
same "... by its number" "It works." "$(raw "$here/services/web:80/proxy/")"
same "... by none" "It works." "$(raw "$here/services/web/proxy/")"
same "... reaches every pod" 3 "$(for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do raw "$here/services/web/proxy/cgi-bin/who"; done | sort -u | wc -l)"
has "... a port that it does not have" "$(raw "$here/services/web:81/proxy/")" 'no service port \"81\" found for service \"web\"'
same "proxy to a node's agent" ok "$(raw "nodes/node-1/proxy/healthz")"
has "... what it serves" "$(raw "nodes/node-2/proxy/pods")" '"kind":"PodList"'
same "kubectl's --raw" "It works." "$(k get --raw "/api/v1/$here/services/web/proxy/")"
upgraded() { # what comes after an upgrade through the proxy, both ways
	k exec "$pod" -- sh -c "nc -l -p 9090 -e sh -c 'while read -r line && [ \"\${#line}\" -gt 1 ]; do :; done
		printf \"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n\"; read -r word; echo \"got \$word\"'" >/dev/null 2>&1 &
	sleep 1
	{ printf 'GET /api/v1/%s/pods/%s:9090/proxy/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n' "$here" "$pod"; sleep 1; echo hello; sleep 1; } |
		timeout 10 openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile "$cluster/pki/ca.crt" -cert "$cluster/pki/admin.crt" -key "$cluster/pki/admin.key" 2>/dev/null
}
upgrade=$(upgraded)
has "... an upgraded connection" "$upgrade" "101 Switching Protocols"
has "... carries bytes both ways" "$upgrade" "got hello"
