# The etcd v3 API of three members, with Debian's etcdctl.
. ./lib.sh
cluster=$SCRATCH/c
if ! command -v etcdctl >/dev/null 2>&1; then
	skip "etcd" "no etcdctl is here (apt-get install etcd-client)"
	summary
	exit
fi
port=$(free_port 22000)
etcd=$((port + 400))
joined=
stop_all() {
	[ -z "$joined" ] || kill "$joined" 2>/dev/null
	"$RECKON" cluster down --dir "$cluster" >/dev/null 2>&1
}
trap stop_all EXIT
"$RECKON" cluster up --dir "$cluster" --members 3 --nodes 0 --simulated --port "$port" --peer-port $((port + 100)) --etcd-port "$etcd" || exit 1
export ETCDCTL_API=3 ETCDCTL_CACERT=$cluster/pki/ca.crt ETCDCTL_CERT=$cluster/pki/admin.crt ETCDCTL_KEY=$cluster/pki/admin.key
all=https://127.0.0.1:$etcd,https://127.0.0.1:$((etcd + 100)),https://127.0.0.1:$((etcd + 200))
export ETCDCTL_ENDPOINTS=$all
e() { etcdctl "$@" 2>&1; }
fails() { # NAME TEXT COMMAND...: it fails, and says TEXT
	name=$1 want=$2
	shift 2
	if output=$(e "$@"); then not_ok "$name" "it succeeded: $output"; else has "$name" "$output" "$want"; fi
}
revision() { e get none -w json | sed 's/.*"revision":\([0-9]*\).*/\1/'; }

until_true 5 sh -c 'etcdctl member list | grep -c "started, m" | grep -q 3'
has "member list" "$(e member list)" "1, started, m1, https://127.0.0.1:$((port + 100)), https://127.0.0.1:$etcd, false"
has "endpoint health" "$(e endpoint health)" "is healthy: successfully committed proposal"
same "endpoint status: one leads" 1 "$(e endpoint status | grep -c ', true,')"
same "endpoint status --cluster" 3 "$(e endpoint status --cluster | wc -l)"

# KV, on every member: what one was told, the others say.
for n in 0 1 2; do
	ETCDCTL_ENDPOINTS=https://127.0.0.1:$((etcd + n * 100))
	same "m$((n + 1)): put" OK "$(e put key "v$n")"
	for m in 0 1 2; do
		same "m$((m + 1)): get after put on m$((n + 1))" "v$n" "$(ETCDCTL_ENDPOINTS=https://127.0.0.1:$((etcd + m * 100)) e get key --print-value-only)"
	done
done
ETCDCTL_ENDPOINTS=$all
before=$(revision)
e put a 3 >/dev/null && e put b 2 >/dev/null && e put c 1 >/dev/null
same "put --prev-kv" "OK b 2" "$(e put b 9 --prev-kv | tr '\n' ' ' | sed 's/ $//')"
same "get --prefix of all" "a 3 b 9 c 1" "$(e get a d | tr '\n' ' ' | sed 's/ $//')"
same "get --rev" 2 "$(e get b --rev=$((before + 2)) --print-value-only)"
same "get --limit" 2 "$(e get a d --limit 2 --keys-only | grep -c .)"
same "get --sort-by" "c b a" "$(e get a d --sort-by=CREATE --order=DESCEND --keys-only | grep . | tr '\n' ' ' | sed 's/ $//')"
same "get --from-key" "b c key" "$(e get b --from-key --keys-only | grep . | tr '\n' ' ' | sed 's/ $//')"
same "get --limit: count" 3 "$(e get a d --limit 1 -w fields | sed -n 's/^"Count" : //p')"
same "get --consistency=s" 3 "$(e get a --consistency=s --print-value-only)"
same "del --prev-kv" "1 c 1" "$(e del c --prev-kv | tr '\n' ' ' | sed 's/ $//')"
same "del --prefix" 1 "$(e del k --prefix)"
fails "put without a key" "etcdserver: key is not provided" put "" x
fails "get of a revision to come" "etcdserver: mvcc: required revision is a future revision" get a --rev 999999
fails "put with no such lease" "etcdserver: requested lease not found" put a 1 --lease=4711
fails "put --ignore-value of nothing" "etcdserver: key not found" put nothing --ignore-value
same "put --ignore-value" 9 "$(e put b --ignore-value >/dev/null; e get b --print-value-only)"

# txn
same "txn: success" "SUCCESS OK a 4" "$(printf 'value("a") = "3"\nmod("nothing") = "0"\n\nput a 4\nget a\n\nput a 5\n\n' | e txn | grep . | tr '\n' ' ' | sed 's/ $//')"
same "txn: failure" "FAILURE a 4" "$(printf 'version("a") > "9"\n\nput a 5\n\nget a\n\n' | e txn | grep . | tr '\n' ' ' | sed 's/ $//')"
fails "txn: a key twice" "etcdserver: duplicate key given in txn request" txn <<TXN

put a 1
put a 2


TXN

# watch: history, live, deletions, several on one stream
from=$(revision)
timeout 3 etcdctl watch --prefix w --rev=$((from + 1)) --prev-kv >"$SCRATCH/watch" 2>&1 &
(printf 'watch wa\nwatch wb\n' && sleep 3) | timeout 3 etcdctl watch -i >"$SCRATCH/watches" 2>&1 &
sleep 0.5
e put wa 1 >/dev/null && e put wb 2 >/dev/null && e put wa 3 >/dev/null && e del wa >/dev/null
wait
same "watch" "PUT wa 1 PUT wb 2 PUT wa 1 wa 3 DELETE wa 3 wa" "$(grep . "$SCRATCH/watch" | tr '\n' ' ' | sed 's/ $//')"
has "watch: two on one stream" "$(tr '\n' ' ' <"$SCRATCH/watches")" "PUT wb 2"
timeout 2 etcdctl watch --prefix w --rev=$((from + 1)) >"$SCRATCH/watch" 2>&1
same "watch from the past" "PUT wa 1 PUT wb 2 PUT wa 3 DELETE wa" "$(grep . "$SCRATCH/watch" | tr '\n' ' ' | sed 's/ $//')"

# leases
lease=$(e lease grant 3 | awk '{print $2}')
e put leased v --lease="$lease" >/dev/null
has "lease timetolive" "$(e lease timetolive "$lease" --keys)" "granted with TTL(3s)"
has "lease timetolive --keys" "$(e lease timetolive "$lease" --keys)" "attached keys([leased])"
has "lease list" "$(e lease list)" "$lease"
has "lease keep-alive" "$(e lease keep-alive "$lease" --once)" "keepalived with TTL(3)"
same "the key is there" v "$(e get leased --print-value-only)"
until_true 6 sh -c '! etcdctl get leased | grep -q leased'
same "the key ended with its lease" "" "$(e get leased)"
has "lease timetolive of nothing" "$(e lease timetolive "$lease")" "already expired"
lease=$(e lease grant 100 | awk '{print $2}')
e put leased v --lease="$lease" >/dev/null
has "lease revoke" "$(e lease revoke "$lease")" "revoked"
same "the key went with its lease" "" "$(e get leased)"
fails "lease revoke of nothing" "etcdserver: requested lease not found" lease revoke 4711

# compaction
now=$(revision)
has "compaction" "$(e compaction "$now")" "compacted revision $now"
fails "get of what is compacted" "etcdserver: mvcc: required revision has been compacted" get a --rev="$from"
fails "compaction again" "etcdserver: mvcc: required revision has been compacted" compaction "$now"
has "watch of what is compacted" "$(timeout 3 etcdctl watch a --rev="$from" 2>&1)" "required revision has been compacted"
e put a 4 >/dev/null
has "compaction --physical" "$(e compaction --physical "$(revision)")" "compacted revision"
same "get after compaction" 4 "$(e get a --print-value-only)"
same "endpoint hashkv: all the same" 1 "$(e endpoint hashkv | awk '{print $2}' | sort -u | wc -l)"

# what is built on them
has "lock" "$(timeout 10 etcdctl lock l echo held 2>&1)" "held"
timeout 4 etcdctl elect e me >"$SCRATCH/elect" 2>&1 &
sleep 1
has "elect --listen" "$(timeout 2 etcdctl elect --listen e 2>&1)" "me"
wait
has "elect" "$(cat "$SCRATCH/elect")" "me"
# The Lock and Election services, which etcdctl does without: frames by hand.
call() { # METHOD BODY (printf's) [CURL OPTIONS...], at most 3 seconds
	method=$1
	printf "$2" >"$SCRATCH/request"
	shift 2
	curl -s -m 3 "$@" --http2 --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY" -H 'content-type: application/grpc' -H 'te: trailers' -D - --data-binary @"$SCRATCH/request" "https://127.0.0.1:$etcd$method" | tr '\000' '.'
}
if curl --version 2>/dev/null | grep -q HTTP2; then
	call /etcdserverpb.Lease/LeaseGrant '\0\0\0\0\4\10\60\20\7' >/dev/null
	call /etcdserverpb.Lease/LeaseGrant '\0\0\0\0\4\10\60\20\10' >/dev/null
	has "Lock" "$(call /v3lockpb.Lock/Lock '\0\0\0\0\6\12\2lk\20\7')" "lk/7"
	same "Lock: another waits" 0 "$(call /v3lockpb.Lock/Lock '\0\0\0\0\6\12\2lk\20\10' | grep -c lk/8)"
	has "Lock: the client's deadline" "$(call /v3lockpb.Lock/Lock '\0\0\0\0\6\12\2lk\20\10' -H 'grpc-timeout: 300m')" "grpc-status: 4"
	has "Unlock" "$(call /v3lockpb.Lock/Unlock '\0\0\0\0\6\12\4lk/7')" "grpc-status: 0"
	has "Lock: the other has it now" "$(call /v3lockpb.Lock/Lock '\0\0\0\0\6\12\2lk\20\10')" "lk/8"
	has "Campaign" "$(call /v3electionpb.Election/Campaign '\0\0\0\0\12\12\2el\20\7\32\2me')" "el/7"
	has "Leader" "$(call /v3electionpb.Election/Leader '\0\0\0\0\4\12\2el')" "el/7"
	has "RangeStream" "$(call /etcdserverpb.KV/RangeStream '\0\0\0\0\6\12\1e\22\1f' | tr '\n' ' ')" "el/7"
	has "RangeStream, sorted" "$(call /etcdserverpb.KV/RangeStream '\0\0\0\0\10\12\1e\22\1f\50\2')" "grpc-status: 12"
	has "Health: Check" "$(call /grpc.health.v1.Health/Check '\0\0\0\0\0')" "$(printf '....\2\10\1')"
	has "Health: Watch" "$(call /grpc.health.v1.Health/Watch '\0\0\0\0\0' -H 'grpc-timeout: 1S')" "$(printf '....\2\10\1')"
	has "Leader of nothing" "$(call /v3electionpb.Election/Leader '\0\0\0\0\4\12\2no')" "election: no leader"
else
	skip "Lock and Election" "no curl with HTTP/2 is here"
fi
# Members: a learner is added, moves, is promoted and removed; nobody has to be there for a learner to be added.
peer=$((port + 180))
has "member add --learner" "$(e member add m4 --learner --peer-urls="https://127.0.0.1:$peer")" "Member                4 added to cluster"
has "member list shows it" "$(e member list)" "4, unstarted, , https://127.0.0.1:$peer, , true"
fails "member add of an address that is there" "etcdserver: Peer URLs already exists" member add m5 --peer-urls="https://127.0.0.1:$peer"
fails "member add of two addresses" "etcdserver: given member URLs are invalid" member add m5 --peer-urls="https://127.0.0.1:1,https://127.0.0.1:2"
fails "member promote of one that is not in sync" "etcdserver: can only promote a learner member which is in sync with leader" member promote 4
fails "member promote of a voter" "etcdserver: can only promote a learner member" member promote 1
has "member update" "$(e member update 4 --peer-urls="https://127.0.0.1:$((peer + 1))")" "Member                4 updated in cluster"
has "member list shows where it is" "$(e member list)" "4, unstarted, , https://127.0.0.1:$((peer + 1)), , true"
check "a certificate for a fourth" "$RECKON" member cert 4 --cluster "$cluster"
"$RECKON" server --join --dir "$SCRATCH/m4" --id 4 --cluster-id "$(sed -n 's/^clusterID: "\(.*\)"/\1/p' "$cluster/cluster.yaml")" \
	--peer-listen "127.0.0.1:$((peer + 1))" --listen "127.0.0.1:$((peer + 2))" --etcd-listen "127.0.0.1:$((peer + 3))" --api-threads 2 \
	--cert "$cluster/pki/m4.crt" --key "$cluster/pki/m4.key" --ca "$cluster/pki/ca.crt" >"$SCRATCH/m4.log" 2>&1 &
joined=$!
check "member promote" until_true 10 etcdctl member promote 4
same "two threads serve it" "v v v v" "$(e put threads v >/dev/null; for n in 1 2 3 4; do ETCDCTL_ENDPOINTS=https://127.0.0.1:$((peer + 3)) e get threads --print-value-only; done | tr '\n' ' ' | sed 's/ $//')"
check "it votes" until_true 5 sh -c 'etcdctl member list | grep "^4, started, .*, false"'
fails "member remove of nobody" "etcdserver: member not found" member remove 77
has "member remove" "$(e member remove 4)" "Member                4 removed from cluster"
same "member list: three again" 3 "$(e member list | wc -l)"
kill "$joined" && wait "$joined"
joined=
follower=$(e endpoint status | sed -n 's/.*, \([0-9]*\), [0-9.]*, [^,]*, false, false.*/\1/p' | head -1)
has "move-leader" "$(e move-leader "$follower")" "Leadership transferred from"
fails "move-leader to nobody" "etcdserver: bad leader transferee" move-leader 99
has "defrag" "$(e defrag)" "Finished defragmenting"
check "alarm list" e alarm list
check "alarm disarm" e alarm disarm
has "snapshot save" "$(ETCDCTL_ENDPOINTS=https://127.0.0.1:$etcd e snapshot save "$SCRATCH/saved")" "Snapshot saved at"
size=$(stat -c %s "$SCRATCH/saved")
same "snapshot: a checksum is there" 32 $((size % 512))
same "snapshot: it is right" "$(head -c $((size - 32)) "$SCRATCH/saved" | sha256sum | cut -c1-64)" "$(tail -c 32 "$SCRATCH/saved" | od -An -v -tx1 | tr -d ' \n')"
timeout 4 etcdctl make-mirror --prefix a --dest-prefix mirrored --dest-cacert "$ETCDCTL_CACERT" --dest-cert "$ETCDCTL_CERT" --dest-key "$ETCDCTL_KEY" --dest-insecure-transport=false "127.0.0.1:$etcd" >/dev/null 2>&1
same "make-mirror" 4 "$(e get mirrored --print-value-only)"
has "a certificate of no administrator" "$(ETCDCTL_CERT=$cluster/pki/sim.crt ETCDCTL_KEY=$cluster/pki/sim.key e get a)" "etcdserver: permission denied"

# The JSON gateway, over HTTP/2 and HTTP/1.1.
json() { # PATH BODY [CURL OPTIONS...]
	path=$1 body=$2
	shift 2
	curl -s -m 3 --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY" "$@" -d "$body" "https://127.0.0.1:$etcd/v3/$path" |
		sed -E 's/"header":\{[^}]*\},?//'
}
same "json: put" '{}' "$(json kv/put '{"key":"anNvbg==","value":"MQ=="}')"
has "json: put, prevKv" "$(json kv/put '{"key":"anNvbg==","value":"Mg==","prevKv":true}' --http1.1)" '{"prev_kv":{"key":"anNvbg==","create_revision":'
same "json: what was put" 2 "$(e get json --print-value-only)"
has "json: range" "$(json kv/range '{"key":"anNvbg=="}')" '"version":"2","value":"Mg=="}],"count":"1"}'
has "json: txn" "$(json kv/txn '{"compare":[{"result":"EQUAL","target":"VERSION","key":"anNvbg==","version":2}],"success":[{"requestDeleteRange":{"key":"anNvbg=="}}]}')" '{"succeeded":true,"responses":[{"response_delete_range":{'
same "json: an error" '{"error":"etcdserver: key is not provided","message":"etcdserver: key is not provided","code":3}' "$(json kv/range '{}')"
same "json: its status" 400 "$(json kv/range '{"key":5}' -o /dev/null -w '%{http_code}')"
same "json: no such path" 404 "$(json kv/nothing '{}' -o /dev/null -w '%{http_code}')"
same "json: no POST" 501 "$(json kv/range '{}' -G -o /dev/null -w '%{http_code}')"
same "json: lease grant" '{"ID":"4242","TTL":"60"}' "$(json lease/grant '{"TTL":"60","ID":"4242"}')"
same "json: lease keepalive" '{"result":{"ID":"4242","TTL":"60"}}' "$(json lease/keepalive '{"ID":4242}')"
has "json: lease timetolive" "$(json kv/lease/timetolive '{"ID":"4242"}')" '"grantedTTL":"60"'
same "json: lease revoke" '{}' "$(json kv/lease/revoke '{"ID":"4242"}')"
has "json: member list" "$(json cluster/member/list '{}')" '"members":[{"ID":"1","name":"m1","peerURLs":["https://127.0.0.1:'
has "json: status" "$(json maintenance/status '{}')" '"version":"3.6.0"'
has "json: hashkv" "$(json maintenance/hashkv '{}')" '"hash_revision":"'
has "json: auth status" "$(json auth/status '{}')" '"authRevision":"1"'
has "json: a watch of http1.1" "$(json watch '{"create_request":{"key":"dw=="}}' -N --http1.1 & sleep 1; e put w 1 >/dev/null; wait)" '"events":[{"kv":{"key":"dw==",'
has "json: a watch of http2" "$(json watch '{"create_request":{"key":"dw==","filters":["NOPUT"]}}' -N & sleep 1; e del w >/dev/null; wait)" '"events":[{"type":"DELETE","kv":{"key":"dw==",'
json lease/grant '{"TTL":"60","ID":"4243"}' >/dev/null
has "json: campaign" "$(json election/campaign '{"name":"ZWw0","lease":"4243","value":"bWU="}')" '"leader":{"name":"ZWw0","key":"'
leader=$(json election/campaign '{"name":"ZWw0","lease":"4243","value":"bWU="}' | sed -n 's/.*"leader":\({[^}]*}\).*/\1/p')
has "json: leader" "$(json election/leader '{"name":"ZWw0"}')" '"value":"bWU=","lease":"4243"}}'
observed=$(json election/observe '{"name":"ZWw0"}' -N & sleep 0.7; json election/proclaim "{\"leader\":$leader,\"value\":\"eW91\"}"; wait)
has "json: observe: who leads" "$observed" '"value":"bWU="'
has "json: observe: what it proclaims" "$observed" '"value":"eW91"'
same "json: resign" '{}' "$(json election/resign "{\"leader\":$leader}")"
has "json: leader of nobody" "$(json election/leader '{"name":"ZWw0"}')" 'election: no leader'
has "json: proclaim of who leads no more" "$(json election/proclaim "{\"leader\":$leader,\"value\":\"eW91\"}")" 'election: not leader'
big=$(head -c 700000 /dev/zero | base64 -w0)
put() { printf '{"request_put":{"key":"%s","value":"%s"}}' "$1" "$big"; }
printf '{"success":[%s,%s]}' "$(put Zi8x)" "$(put Zi8y)" >"$SCRATCH/txn"
for fragment in true false; do
	json watch "{\"create_request\":{\"key\":\"Zi8=\",\"range_end\":\"ZjA=\",\"fragment\":$fragment}}" -N >"$SCRATCH/fragments" &
	sleep 0.7
	json kv/txn "@$SCRATCH/txn" >/dev/null
	wait
	same "json: a watch, fragments: $fragment" "$([ $fragment = true ] && echo '3 1' || echo '2 0')" "$(grep -c result "$SCRATCH/fragments") $(grep -c '"fragment":true' "$SCRATCH/fragments")"
done
has "json: snapshot" "$(json maintenance/snapshot '' | tail -n 1)" '{"result":{"blob":"'

# Users and roles, from another member each time: a token is good on all of them.
at() { # MEMBER USER:PASSWORD COMMAND...
	endpoint=https://127.0.0.1:$((etcd + ($1 - 1) * 100)) user=$2
	shift 2
	ETCDCTL_ENDPOINTS=$endpoint etcdctl ${user:+--user="$user"} "$@" 2>&1
}
denied() { # NAME TEXT MEMBER USER:PASSWORD COMMAND...
	name=$1 want=$2
	shift 2
	if output=$(at "$@"); then not_ok "$name" "it succeeded: $output"; else has "$name" "$output" "$want"; fi
}
denied "auth enable without root" "etcdserver: root user does not exist" 1 "" auth enable
has "user add root" "$(at 1 "" user add root:secret)" "User root created"
has "user add" "$(at 2 "" user add alice:wonder)" "User alice created"
has "user add --no-password" "$(at 2 "" user add admin --no-password)" "User admin created"
denied "user add twice" "etcdserver: user name already exists" 1 "" user add alice:x
has "role add" "$(at 3 "" role add reader)" "Role reader created"
denied "role add twice" "etcdserver: role name already exists" 1 "" role add reader
has "role grant-permission" "$(at 1 "" role grant-permission reader --prefix=true read auth/)" "Role reader updated"
has "role grant-permission of one key" "$(at 1 "" role grant-permission reader readwrite auth/own)" "Role reader updated"
has "role get" "$(at 2 "" role get reader)" "[auth/, auth0) (prefix auth/)"
has "user grant-role" "$(at 2 "" user grant-role alice reader)" "Role reader is granted to user alice"
denied "user grant-role of nothing" "etcdserver: role name not found" 1 "" user grant-role alice nothing
has "user get" "$(at 3 "" user get alice)" "Roles: reader"
at 1 "" put auth/a 1 >/dev/null && at 1 "" put other 1 >/dev/null
has "auth enable" "$(at 1 "" auth enable)" "Authentication Enabled"
denied "a wrong password" "etcdserver: authentication failed, invalid user ID or password" 2 root:wrong get a
denied "no such user" "etcdserver: authentication failed, invalid user ID or password" 2 nobody:x get a
denied "the certificate's name has no role" "etcdserver: permission denied" 1 "" get auth/a
same "root reads everything" 1 "$(at 2 root:secret get other --print-value-only)"
same "alice reads what she may" 1 "$(at 3 alice:wonder get auth/a --print-value-only)"
same "alice reads a range" 1 "$(at 1 alice:wonder get auth/ --prefix --print-value-only)"
denied "alice reads what she may not" "etcdserver: permission denied" 1 alice:wonder get other
denied "alice reads too much" "etcdserver: permission denied" 1 alice:wonder get "" --from-key
denied "alice writes what she may only read" "etcdserver: permission denied" 2 alice:wonder put auth/a 2
same "alice writes what is hers" OK "$(at 2 alice:wonder put auth/own 2)"
denied "alice deletes" "etcdserver: permission denied" 2 alice:wonder del auth/a
has "alice: txn" "$(printf 'value("other") = "1"\n\nget auth/a\n\n\n' | at 3 alice:wonder txn)" "etcdserver: permission denied"
same "alice: txn of what she may" "SUCCESS OK" "$(printf 'value("auth/a") = "1"\n\nput auth/own 3\n\n\n' | at 3 alice:wonder txn | grep . | tr '\n' ' ' | sed 's/ $//')"
has "alice: watch" "$(ETCDCTL_ENDPOINTS=https://127.0.0.1:$etcd timeout 3 etcdctl --user alice:wonder watch other 2>&1)" "permission denied"
denied "alice adds a user" "etcdserver: permission denied" 1 alice:wonder user add bob:x
denied "alice adds a member" "etcdserver: permission denied" 1 alice:wonder member add m9 --peer-urls=https://127.0.0.1:9
denied "alice saves a snapshot" "etcdserver: permission denied" 1 alice:wonder snapshot save "$SCRATCH/stolen"
has "alice sees herself" "$(at 2 alice:wonder user get alice)" "Roles: reader"
denied "alice sees no other" "etcdserver: permission denied" 2 alice:wonder user get root
lease=$(at 1 root:secret lease grant 100 | awk '{print $2}')
at 1 root:secret put other 2 --lease="$lease" >/dev/null
denied "alice revokes a lease of keys that are not hers" "etcdserver: permission denied" 2 alice:wonder lease revoke "$lease"
denied "alice attaches a key to it" "etcdserver: permission denied" 2 alice:wonder put auth/own 1 --lease="$lease"
denied "alice: timetolive" "etcdserver: permission denied" 2 alice:wonder lease timetolive "$lease" --keys
ETCDCTL_ENDPOINTS=https://127.0.0.1:$((etcd + 100)) timeout 4 etcdctl --user alice:wonder watch auth/ --prefix >"$SCRATCH/watch" 2>&1 &
sleep 1
has "role revoke-permission" "$(at 1 root:secret role revoke-permission reader --prefix=true auth/)" "Permission of range [auth/, auth0) is revoked from role reader"
wait $!
has "a watch of what may not be read any more ends" "$(cat "$SCRATCH/watch")" "watch is canceled by the server"
denied "it is revoked at once" "etcdserver: permission denied" 3 alice:wonder get auth/a
denied "role revoke-permission of nothing" "etcdserver: permission is not granted to the role" 1 root:secret role revoke-permission reader x
denied "root cannot go" "etcdserver: invalid auth management" 1 root:secret user delete root
denied "nor lose its role" "etcdserver: invalid auth management" 1 root:secret user revoke-role root root
has "user passwd" "$(printf 'new\nnew\n' | at 1 root:secret user passwd alice --interactive=false 2>&1)" "Password updated"
denied "the old password" "etcdserver: authentication failed" 2 alice:wonder get auth/own
same "the certificate's name as a user" 1 "$(at 1 root:secret user grant-role admin root >/dev/null; at 3 "" get auth/a --print-value-only)"
token=$(json auth/authenticate '{"name":"root","password":"secret"}' | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')
same "a token of m1 is good on m3 at once" '{"users":["admin","alice","root"]}' "$(json auth/user/list '{}' -H "Authorization: $token" --connect-to "127.0.0.1:$etcd:127.0.0.1:$((etcd + 200))")"
has "json: with a token" "$(json auth/user/list '{}' -H "Authorization: $token")" '{"users":["admin","alice","root"]}'
has "json: with a wrong token" "$(json auth/user/list '{}' -H "Authorization: x")" '"message":"etcdserver: invalid auth token","code":16}'
has "user list" "$(at 2 root:secret user list | tr '\n' ' ')" "admin alice root"
has "role list" "$(at 2 root:secret role list | tr '\n' ' ')" "reader"
has "role delete" "$(at 2 root:secret role delete reader)" "Role reader deleted"
same "nobody has it any more" "Roles:" "$(at 3 root:secret user get alice | grep Roles: | sed 's/ *$//')"
has "user delete" "$(at 2 root:secret user delete alice)" "User alice deleted"
same "no password is on a disk" "" "$(grep -rla wonder "$cluster"/m? 2>/dev/null)"
has "auth disable" "$(at 3 root:secret auth disable)" "Authentication Disabled"
same "then all is as before" 1 "$(at 1 "" get auth/a --print-value-only)"

# A member that was away has everything again.
same "/health: GET only" 405 "$(curl -s -o /dev/null -w '%{http_code}' -X POST --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY" "https://127.0.0.1:$etcd/health")"
same "/health" '{"health":"true","reason":""}' "$(curl -s --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY" "https://127.0.0.1:$etcd/health")"
web() { curl -s --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY" "https://127.0.0.1:$etcd$1"; }
has "/readyz?verbose" "$(web '/readyz?verbose' | tr '\n' ' ')" "[+]data_corruption ok [+]serializable_read ok [+]linearizable_read ok [+]non_learner ok ok"
has "/readyz?exclude" "$(web '/readyz?verbose&exclude=linearizable_read' | tr '\n' ' ')" "[+]serializable_read ok [+]non_learner ok ok"
same "/livez" ok "$(web /livez)"
has "/livez/serializable_read" "$(web '/livez/serializable_read?verbose')" "[+]serializable_read ok"
has "/readyz/nothing" "$(web /readyz/nothing)" "Not Found"
same "/health?serializable" '{"health":"true","reason":""}' "$(web '/health?serializable=true')"
metrics=$(web /metrics)
has "/metrics" "$metrics" "etcd_server_has_leader 1"
has "/metrics: calls" "$metrics" 'grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"} '
has "/metrics: auth" "$metrics" 'etcd_debugging_auth_revision '
has "/metrics: no watch is left" "$metrics" 'etcd_debugging_mvcc_watcher_total 0'
has "/version" "$(web /version)" '"etcdserver":"'
"$RECKON" cluster down --dir "$cluster" --keep >/dev/null
"$RECKON" cluster up --dir "$cluster" >/dev/null
until_true 5 etcdctl get a
same "after a restart" 4 "$(e get a --print-value-only)"
same "after a restart: hashkv" 1 "$(e endpoint hashkv | awk '{print $2}' | sort -u | wc -l)"
if [ -n "${ETCD_PERF:-}" ]; then has "check perf" "$(e check perf | tail -1)" "PASS"; else skip "check perf" "takes a minute (set ETCD_PERF=1)"; fi
summary
