/* The messages of etcd's API, and where the JSON gateway has its methods: rpc.proto, kv.proto, auth.proto, v3lock.proto
 * and v3election.proto as tables. One name stands for all messages that are alike. */
#include "control/etcd/routes.h"

#include <stddef.h>

#define MESSAGE(of) static const struct rk_protojson of
#define FIELDS(...) (const struct rk_protojson_field[]) { __VA_ARGS__ { .name = NULL } }
#define ONE(number, name, type) { number, name, RK_PROTOJSON_##type, false, NULL, NULL },
#define LIST(number, name, type) { number, name, RK_PROTOJSON_##type, true, NULL, NULL },
#define OF(number, name, message) { number, name, RK_PROTOJSON_MESSAGE, false, &message, NULL },
#define LIST_OF(number, name, message) { number, name, RK_PROTOJSON_MESSAGE, true, &message, NULL },
#define ENUM(number, name, values) { number, name, RK_PROTOJSON_ENUM, false, NULL, values },
#define ENUMS(number, name, values) { number, name, RK_PROTOJSON_ENUM, true, NULL, values },

/* clang-format off */
static const char *const event_types[] = { "PUT", "DELETE", NULL };
static const char *const sort_orders[] = { "NONE", "ASCEND", "DESCEND", NULL };
static const char *const sort_targets[] = { "KEY", "VERSION", "CREATE", "MOD", "VALUE", NULL };
static const char *const compare_results[] = { "EQUAL", "GREATER", "LESS", "NOT_EQUAL", NULL };
static const char *const compare_targets[] = { "VERSION", "CREATE", "MOD", "VALUE", "LEASE", NULL };
static const char *const filter_types[] = { "NOPUT", "NODELETE", NULL };
static const char *const alarm_actions[] = { "GET", "ACTIVATE", "DEACTIVATE", NULL };
static const char *const alarm_types[] = { "NONE", "NOSPACE", "CORRUPT", NULL };
static const char *const downgrade_actions[] = { "VALIDATE", "ENABLE", "CANCEL", NULL };
static const char *const permission_types[] = { "READ", "WRITE", "READWRITE", NULL };

static const struct rk_protojson txn_request, txn_response;

MESSAGE(header) = { "header", FIELDS(
	ONE(1, "cluster_id", U64)
	ONE(2, "member_id", U64)
	ONE(3, "revision", I64)
	ONE(4, "raft_term", U64)
) };

MESSAGE(empty) = { "empty", FIELDS() };

MESSAGE(only_header) = { "only_header", FIELDS(
	OF(1, "header", header)
) };

MESSAGE(kv) = { "kv", FIELDS(
	ONE(1, "key", BYTES)
	ONE(2, "create_revision", I64)
	ONE(3, "mod_revision", I64)
	ONE(4, "version", I64)
	ONE(5, "value", BYTES)
	ONE(6, "lease", I64)
) };

MESSAGE(event) = { "event", FIELDS(
	ENUM(1, "type", event_types)
	OF(2, "kv", kv)
	OF(3, "prev_kv", kv)
) };

MESSAGE(range_request) = { "range_request", FIELDS(
	ONE(1, "key", BYTES)
	ONE(2, "range_end", BYTES)
	ONE(3, "limit", I64)
	ONE(4, "revision", I64)
	ENUM(5, "sort_order", sort_orders)
	ENUM(6, "sort_target", sort_targets)
	ONE(7, "serializable", BOOL)
	ONE(8, "keys_only", BOOL)
	ONE(9, "count_only", BOOL)
	ONE(10, "min_mod_revision", I64)
	ONE(11, "max_mod_revision", I64)
	ONE(12, "min_create_revision", I64)
	ONE(13, "max_create_revision", I64)
) };

MESSAGE(range_response) = { "range_response", FIELDS(
	OF(1, "header", header)
	LIST_OF(2, "kvs", kv)
	ONE(3, "more", BOOL)
	ONE(4, "count", I64)
) };

MESSAGE(put_request) = { "put_request", FIELDS(
	ONE(1, "key", BYTES)
	ONE(2, "value", BYTES)
	ONE(3, "lease", I64)
	ONE(4, "prev_kv", BOOL)
	ONE(5, "ignore_value", BOOL)
	ONE(6, "ignore_lease", BOOL)
) };

MESSAGE(put_response) = { "put_response", FIELDS(
	OF(1, "header", header)
	OF(2, "prev_kv", kv)
) };

MESSAGE(delete_request) = { "delete_request", FIELDS(
	ONE(1, "key", BYTES)
	ONE(2, "range_end", BYTES)
	ONE(3, "prev_kv", BOOL)
) };

MESSAGE(delete_response) = { "delete_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "deleted", I64)
	LIST_OF(3, "prev_kvs", kv)
) };

MESSAGE(request_op) = { "request_op", FIELDS(
	OF(1, "request_range", range_request)
	OF(2, "request_put", put_request)
	OF(3, "request_delete_range", delete_request)
	OF(4, "request_txn", txn_request)
) };

MESSAGE(response_op) = { "response_op", FIELDS(
	OF(1, "response_range", range_response)
	OF(2, "response_put", put_response)
	OF(3, "response_delete_range", delete_response)
	OF(4, "response_txn", txn_response)
) };

MESSAGE(compare) = { "compare", FIELDS(
	ENUM(1, "result", compare_results)
	ENUM(2, "target", compare_targets)
	ONE(3, "key", BYTES)
	ONE(4, "version", I64)
	ONE(5, "create_revision", I64)
	ONE(6, "mod_revision", I64)
	ONE(7, "value", BYTES)
	ONE(8, "lease", I64)
	ONE(64, "range_end", BYTES)
) };

MESSAGE(txn_request) = { "txn_request", FIELDS(
	LIST_OF(1, "compare", compare)
	LIST_OF(2, "success", request_op)
	LIST_OF(3, "failure", request_op)
) };

MESSAGE(txn_response) = { "txn_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "succeeded", BOOL)
	LIST_OF(3, "responses", response_op)
) };

MESSAGE(compaction_request) = { "compaction_request", FIELDS(
	ONE(1, "revision", I64)
	ONE(2, "physical", BOOL)
) };

MESSAGE(watch_create) = { "watch_create", FIELDS(
	ONE(1, "key", BYTES)
	ONE(2, "range_end", BYTES)
	ONE(3, "start_revision", I64)
	ONE(4, "progress_notify", BOOL)
	ENUMS(5, "filters", filter_types)
	ONE(6, "prev_kv", BOOL)
	ONE(7, "watch_id", I64)
	ONE(8, "fragment", BOOL)
) };

MESSAGE(watch_cancel) = { "watch_cancel", FIELDS(
	ONE(1, "watch_id", I64)
) };

MESSAGE(watch_request) = { "watch_request", FIELDS(
	OF(1, "create_request", watch_create)
	OF(2, "cancel_request", watch_cancel)
	OF(3, "progress_request", empty)
) };

MESSAGE(watch_response) = { "watch_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "watch_id", I64)
	ONE(3, "created", BOOL)
	ONE(4, "canceled", BOOL)
	ONE(5, "compact_revision", I64)
	ONE(6, "cancel_reason", STRING)
	ONE(7, "fragment", BOOL)
	LIST_OF(11, "events", event)
) };

MESSAGE(grant_request) = { "grant_request", FIELDS(
	ONE(1, "TTL", I64)
	ONE(2, "ID", I64)
) };

MESSAGE(grant_response) = { "grant_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "ID", I64)
	ONE(3, "TTL", I64)
	ONE(4, "error", STRING)
) };

MESSAGE(lease_request) = { "lease_request", FIELDS(
	ONE(1, "ID", I64)
) };

MESSAGE(live_request) = { "live_request", FIELDS(
	ONE(1, "ID", I64)
	ONE(2, "keys", BOOL)
) };

MESSAGE(live_response) = { "live_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "ID", I64)
	ONE(3, "TTL", I64)
	ONE(4, "grantedTTL", I64)
	LIST(5, "keys", BYTES)
) };

MESSAGE(lease_status) = { "lease_status", FIELDS(
	ONE(1, "ID", I64)
) };

MESSAGE(leases_response) = { "leases_response", FIELDS(
	OF(1, "header", header)
	LIST_OF(2, "leases", lease_status)
) };

MESSAGE(keep_response) = { "keep_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "ID", I64)
	ONE(3, "TTL", I64)
) };

MESSAGE(member) = { "member", FIELDS(
	ONE(1, "ID", U64)
	ONE(2, "name", STRING)
	LIST(3, "peerURLs", STRING)
	LIST(4, "clientURLs", STRING)
	ONE(5, "isLearner", BOOL)
) };

MESSAGE(member_add_request) = { "member_add_request", FIELDS(
	LIST(1, "peerURLs", STRING)
	ONE(2, "isLearner", BOOL)
) };

MESSAGE(member_add_response) = { "member_add_response", FIELDS(
	OF(1, "header", header)
	OF(2, "member", member)
	LIST_OF(3, "members", member)
) };

MESSAGE(member_request) = { "member_request", FIELDS(
	ONE(1, "ID", U64)
	LIST(2, "peerURLs", STRING)
) };

MESSAGE(member_list_request) = { "member_list_request", FIELDS(
	ONE(1, "linearizable", BOOL)
) };

MESSAGE(members_response) = { "members_response", FIELDS(
	OF(1, "header", header)
	LIST_OF(2, "members", member)
) };

MESSAGE(alarm_request) = { "alarm_request", FIELDS(
	ENUM(1, "action", alarm_actions)
	ONE(2, "memberID", U64)
	ENUM(3, "alarm", alarm_types)
) };

MESSAGE(alarm) = { "alarm", FIELDS(
	ONE(1, "memberID", U64)
	ENUM(2, "alarm", alarm_types)
) };

MESSAGE(alarm_response) = { "alarm_response", FIELDS(
	OF(1, "header", header)
	LIST_OF(2, "alarms", alarm)
) };

MESSAGE(downgrade_info) = { "downgrade_info", FIELDS(
	ONE(1, "enabled", BOOL)
	ONE(2, "targetVersion", STRING)
) };

MESSAGE(status_response) = { "status_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "version", STRING)
	ONE(3, "dbSize", I64)
	ONE(4, "leader", U64)
	ONE(5, "raftIndex", U64)
	ONE(6, "raftTerm", U64)
	ONE(7, "raftAppliedIndex", U64)
	LIST(8, "errors", STRING)
	ONE(9, "dbSizeInUse", I64)
	ONE(10, "isLearner", BOOL)
	ONE(11, "storageVersion", STRING)
	ONE(12, "dbSizeQuota", I64)
	OF(13, "downgradeInfo", downgrade_info)
) };

MESSAGE(hash_response) = { "hash_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "hash", U32)
) };

MESSAGE(hash_kv_request) = { "hash_kv_request", FIELDS(
	ONE(1, "revision", I64)
) };

MESSAGE(hash_kv_response) = { "hash_kv_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "hash", U32)
	ONE(3, "compact_revision", I64)
	ONE(4, "hash_revision", I64)
) };

MESSAGE(snapshot_response) = { "snapshot_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "remaining_bytes", U64)
	ONE(3, "blob", BYTES)
	ONE(4, "version", STRING)
) };

MESSAGE(move_request) = { "move_request", FIELDS(
	ONE(1, "targetID", U64)
) };

MESSAGE(downgrade_request) = { "downgrade_request", FIELDS(
	ENUM(1, "action", downgrade_actions)
	ONE(2, "version", STRING)
) };

MESSAGE(downgrade_response) = { "downgrade_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "version", STRING)
) };

MESSAGE(auth_status_response) = { "auth_status_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "enabled", BOOL)
	ONE(3, "authRevision", U64)
) };

MESSAGE(authenticate_request) = { "authenticate_request", FIELDS(
	ONE(1, "name", STRING)
	ONE(2, "password", STRING)
) };

MESSAGE(authenticate_response) = { "authenticate_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "token", STRING)
) };

MESSAGE(user_options) = { "user_options", FIELDS(
	ONE(1, "no_password", BOOL)
) };

MESSAGE(user_add_request) = { "user_add_request", FIELDS(
	ONE(1, "name", STRING)
	ONE(2, "password", STRING)
	OF(3, "options", user_options)
) };

MESSAGE(name_request) = { "name_request", FIELDS(
	ONE(1, "name", STRING)
) };

MESSAGE(user_get_response) = { "user_get_response", FIELDS(
	OF(1, "header", header)
	LIST(2, "roles", STRING)
) };

MESSAGE(user_list_response) = { "user_list_response", FIELDS(
	OF(1, "header", header)
	LIST(2, "users", STRING)
) };

MESSAGE(user_grant_request) = { "user_grant_request", FIELDS(
	ONE(1, "user", STRING)
	ONE(2, "role", STRING)
) };

MESSAGE(user_revoke_request) = { "user_revoke_request", FIELDS(
	ONE(1, "name", STRING)
	ONE(2, "role", STRING)
) };

MESSAGE(role_request) = { "role_request", FIELDS(
	ONE(1, "role", STRING)
) };

MESSAGE(permission) = { "permission", FIELDS(
	ENUM(1, "permType", permission_types)
	ONE(2, "key", BYTES)
	ONE(3, "range_end", BYTES)
) };

MESSAGE(role_get_response) = { "role_get_response", FIELDS(
	OF(1, "header", header)
	LIST_OF(2, "perm", permission)
) };

MESSAGE(role_grant_request) = { "role_grant_request", FIELDS(
	ONE(1, "name", STRING)
	OF(2, "perm", permission)
) };

MESSAGE(role_revoke_request) = { "role_revoke_request", FIELDS(
	ONE(1, "role", STRING)
	ONE(2, "key", BYTES)
	ONE(3, "range_end", BYTES)
) };

MESSAGE(lock_request) = { "lock_request", FIELDS(
	ONE(1, "name", BYTES)
	ONE(2, "lease", I64)
) };

MESSAGE(lock_response) = { "lock_response", FIELDS(
	OF(1, "header", header)
	ONE(2, "key", BYTES)
) };

MESSAGE(unlock_request) = { "unlock_request", FIELDS(
	ONE(1, "key", BYTES)
) };

MESSAGE(campaign_request) = { "campaign_request", FIELDS(
	ONE(1, "name", BYTES)
	ONE(2, "lease", I64)
	ONE(3, "value", BYTES)
) };

MESSAGE(leader_key) = { "leader_key", FIELDS(
	ONE(1, "name", BYTES)
	ONE(2, "key", BYTES)
	ONE(3, "rev", I64)
	ONE(4, "lease", I64)
) };

MESSAGE(campaign_response) = { "campaign_response", FIELDS(
	OF(1, "header", header)
	OF(2, "leader", leader_key)
) };

MESSAGE(leader_request) = { "leader_request", FIELDS(
	ONE(1, "name", BYTES)
) };

MESSAGE(leader_response) = { "leader_response", FIELDS(
	OF(1, "header", header)
	OF(2, "kv", kv)
) };

MESSAGE(resign_request) = { "resign_request", FIELDS(
	OF(1, "leader", leader_key)
) };

MESSAGE(proclaim_request) = { "proclaim_request", FIELDS(
	OF(1, "leader", leader_key)
	ONE(2, "value", BYTES)
) };

#define ROUTE(path, method, request, response) { "/v3/" path, method, &request, &response },
#define ETCD(path, method, request, response) ROUTE(path, "/etcdserverpb." method, request, response)

const struct rk_etcd_route rk_etcd_routes[] = {
	ETCD("kv/range", "KV/Range", range_request, range_response)
	ETCD("kv/put", "KV/Put", put_request, put_response)
	ETCD("kv/deleterange", "KV/DeleteRange", delete_request, delete_response)
	ETCD("kv/txn", "KV/Txn", txn_request, txn_response)
	ETCD("kv/compaction", "KV/Compact", compaction_request, only_header)
	ETCD("watch", "Watch/Watch", watch_request, watch_response)
	ETCD("lease/grant", "Lease/LeaseGrant", grant_request, grant_response)
	ETCD("lease/revoke", "Lease/LeaseRevoke", lease_request, only_header)
	ETCD("kv/lease/revoke", "Lease/LeaseRevoke", lease_request, only_header)
	ETCD("lease/keepalive", "Lease/LeaseKeepAlive", lease_request, keep_response)
	ETCD("lease/timetolive", "Lease/LeaseTimeToLive", live_request, live_response)
	ETCD("kv/lease/timetolive", "Lease/LeaseTimeToLive", live_request, live_response)
	ETCD("lease/leases", "Lease/LeaseLeases", empty, leases_response)
	ETCD("kv/lease/leases", "Lease/LeaseLeases", empty, leases_response)
	ETCD("cluster/member/add", "Cluster/MemberAdd", member_add_request, member_add_response)
	ETCD("cluster/member/remove", "Cluster/MemberRemove", member_request, members_response)
	ETCD("cluster/member/update", "Cluster/MemberUpdate", member_request, members_response)
	ETCD("cluster/member/list", "Cluster/MemberList", member_list_request, members_response)
	ETCD("cluster/member/promote", "Cluster/MemberPromote", member_request, members_response)
	ETCD("maintenance/alarm", "Maintenance/Alarm", alarm_request, alarm_response)
	ETCD("maintenance/status", "Maintenance/Status", empty, status_response)
	ETCD("maintenance/defragment", "Maintenance/Defragment", empty, only_header)
	ETCD("maintenance/hash", "Maintenance/Hash", empty, hash_response)
	ETCD("maintenance/hashkv", "Maintenance/HashKV", hash_kv_request, hash_kv_response)
	ETCD("maintenance/snapshot", "Maintenance/Snapshot", empty, snapshot_response)
	ETCD("maintenance/transfer-leadership", "Maintenance/MoveLeader", move_request, only_header)
	ETCD("maintenance/downgrade", "Maintenance/Downgrade", downgrade_request, downgrade_response)
	ETCD("auth/enable", "Auth/AuthEnable", empty, only_header)
	ETCD("auth/disable", "Auth/AuthDisable", empty, only_header)
	ETCD("auth/status", "Auth/AuthStatus", empty, auth_status_response)
	ETCD("auth/authenticate", "Auth/Authenticate", authenticate_request, authenticate_response)
	ETCD("auth/user/add", "Auth/UserAdd", user_add_request, only_header)
	ETCD("auth/user/get", "Auth/UserGet", name_request, user_get_response)
	ETCD("auth/user/list", "Auth/UserList", empty, user_list_response)
	ETCD("auth/user/delete", "Auth/UserDelete", name_request, only_header)
	ETCD("auth/user/changepw", "Auth/UserChangePassword", authenticate_request, only_header)
	ETCD("auth/user/grant", "Auth/UserGrantRole", user_grant_request, only_header)
	ETCD("auth/user/revoke", "Auth/UserRevokeRole", user_revoke_request, only_header)
	ETCD("auth/role/add", "Auth/RoleAdd", name_request, only_header)
	ETCD("auth/role/get", "Auth/RoleGet", role_request, role_get_response)
	ETCD("auth/role/list", "Auth/RoleList", empty, user_get_response)
	ETCD("auth/role/delete", "Auth/RoleDelete", role_request, only_header)
	ETCD("auth/role/grant", "Auth/RoleGrantPermission", role_grant_request, only_header)
	ETCD("auth/role/revoke", "Auth/RoleRevokePermission", role_revoke_request, only_header)
	ROUTE("lock/lock", "/v3lockpb.Lock/Lock", lock_request, lock_response)
	ROUTE("lock/unlock", "/v3lockpb.Lock/Unlock", unlock_request, only_header)
	ROUTE("election/campaign", "/v3electionpb.Election/Campaign", campaign_request, campaign_response)
	ROUTE("election/proclaim", "/v3electionpb.Election/Proclaim", proclaim_request, only_header)
	ROUTE("election/leader", "/v3electionpb.Election/Leader", leader_request, leader_response)
	ROUTE("election/observe", "/v3electionpb.Election/Observe", leader_request, leader_response)
	ROUTE("election/resign", "/v3electionpb.Election/Resign", resign_request, only_header)
	{ NULL, NULL, NULL, NULL },
};
/* clang-format on */

const struct rk_etcd_route *rk_etcd_route_of(struct rk_span path)
{
	for (const struct rk_etcd_route *at = rk_etcd_routes; at->path != NULL; at++)
		if (rk_span_is(path, at->path))
			return at;
	return NULL;
}
