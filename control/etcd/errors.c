#include "control/etcd/errors.h"

#include "base/err.h"
#include "wire/grpc.h"

static const struct {
	int code;
	const char *text;
} errors[RK_ETCD_ERROR_COUNT] = {
	[RK_ETCD_OK] = { RK_GRPC_OK, "" },
	[RK_ETCD_EMPTY_KEY] = { RK_GRPC_INVALID, "etcdserver: key is not provided" },
	[RK_ETCD_KEY_NOT_FOUND] = { RK_GRPC_INVALID, "etcdserver: key not found" },
	[RK_ETCD_VALUE_PROVIDED] = { RK_GRPC_INVALID, "etcdserver: value is provided" },
	[RK_ETCD_LEASE_PROVIDED] = { RK_GRPC_INVALID, "etcdserver: lease is provided" },
	[RK_ETCD_TOO_MANY_OPS] = { RK_GRPC_INVALID,
				   "etcdserver: too many operations in txn request" },
	[RK_ETCD_DUPLICATE_KEY] = { RK_GRPC_INVALID,
				    "etcdserver: duplicate key given in txn request" },
	[RK_ETCD_BAD_SORT] = { RK_GRPC_INVALID, "etcdserver: invalid sort option" },
	[RK_ETCD_COMPACTED] = { RK_GRPC_OUT_OF_RANGE,
				"etcdserver: mvcc: required revision has been compacted" },
	[RK_ETCD_FUTURE_REVISION] = { RK_GRPC_OUT_OF_RANGE,
				      "etcdserver: mvcc: required revision is a future revision" },
	[RK_ETCD_NO_SPACE] = { RK_GRPC_EXHAUSTED, "etcdserver: mvcc: database space exceeded" },
	[RK_ETCD_LEASE_NOT_FOUND] = { RK_GRPC_NOT_FOUND, "etcdserver: requested lease not found" },
	[RK_ETCD_LEASE_EXISTS] = { RK_GRPC_PRECONDITION, "etcdserver: lease already exists" },
	[RK_ETCD_TTL_TOO_LARGE] = { RK_GRPC_OUT_OF_RANGE, "etcdserver: too large lease TTL" },
	[RK_ETCD_TOO_LARGE] = { RK_GRPC_INVALID, "etcdserver: request is too large" },
	[RK_ETCD_TOO_MANY_REQUESTS] = { RK_GRPC_EXHAUSTED, "etcdserver: too many requests" },
	[RK_ETCD_NO_LEADER] = { RK_GRPC_UNAVAILABLE, "etcdserver: no leader" },
	[RK_ETCD_TIMEOUT] = { RK_GRPC_UNAVAILABLE, "etcdserver: request timed out" },
	[RK_ETCD_DEADLINE] = { RK_GRPC_DEADLINE, "context deadline exceeded" },
	[RK_ETCD_AUTH_NOT_ENABLED] = { RK_GRPC_PRECONDITION,
				       "etcdserver: authentication is not enabled" },
	[RK_ETCD_DENIED] = { RK_GRPC_DENIED, "etcdserver: permission denied" },
	[RK_ETCD_NOT_LEADER] = { RK_GRPC_PRECONDITION, "etcdserver: not leader" },
	[RK_ETCD_BAD_TRANSFEREE] = { RK_GRPC_PRECONDITION, "etcdserver: bad leader transferee" },
	[RK_ETCD_MEMBER_NOT_FOUND] = { RK_GRPC_NOT_FOUND, "etcdserver: member not found" },
	[RK_ETCD_PEER_URL_EXISTS] = { RK_GRPC_PRECONDITION,
				      "etcdserver: Peer URLs already exists" },
	[RK_ETCD_BAD_URLS] = { RK_GRPC_INVALID, "etcdserver: given member URLs are invalid" },
	[RK_ETCD_NOT_LEARNER] = { RK_GRPC_PRECONDITION,
				  "etcdserver: can only promote a learner member" },
	[RK_ETCD_LEARNER_NOT_READY] = { RK_GRPC_PRECONDITION,
					"etcdserver: can only promote a learner member which is in "
					"sync with leader" },
	[RK_ETCD_NOT_ENOUGH_STARTED] = { RK_GRPC_PRECONDITION,
					 "etcdserver: re-configuration failed due to not enough "
					 "started members" },
	[RK_ETCD_BAD_VERSION] = { RK_GRPC_INVALID,
				  "etcdserver: wrong downgrade target version format" },
	[RK_ETCD_BAD_DOWNGRADE] = { RK_GRPC_INVALID,
				    "etcdserver: invalid downgrade target version" },
	[RK_ETCD_NO_DOWNGRADE] = { RK_GRPC_PRECONDITION,
				   "etcdserver: no inflight downgrade job" },
	[RK_ETCD_ROOT_USER_MISSING] = { RK_GRPC_PRECONDITION, "etcdserver: root user does not exist" },
	[RK_ETCD_ROOT_ROLE_MISSING] = { RK_GRPC_PRECONDITION, "etcdserver: root user does not have root role" },
	[RK_ETCD_USER_EXISTS] = { RK_GRPC_PRECONDITION, "etcdserver: user name already exists" },
	[RK_ETCD_USER_EMPTY] = { RK_GRPC_INVALID, "etcdserver: user name is empty" },
	[RK_ETCD_USER_NOT_FOUND] = { RK_GRPC_PRECONDITION, "etcdserver: user name not found" },
	[RK_ETCD_ROLE_EXISTS] = { RK_GRPC_PRECONDITION, "etcdserver: role name already exists" },
	[RK_ETCD_ROLE_NOT_FOUND] = { RK_GRPC_PRECONDITION, "etcdserver: role name not found" },
	[RK_ETCD_ROLE_EMPTY] = { RK_GRPC_INVALID, "etcdserver: role name is empty" },
	[RK_ETCD_AUTH_FAILED] = { RK_GRPC_INVALID, "etcdserver: authentication failed, invalid user ID or password" },
	[RK_ETCD_NO_PASSWORD_USER] = { RK_GRPC_UNKNOWN, "auth: authentication failed, password was given for no password user" },
	[RK_ETCD_BAD_PASSWORD] = { RK_GRPC_INVALID, "etcdserver: a password has at most 72 bytes, none of them zero" },
	[RK_ETCD_PERMISSION_NOT_GIVEN] = { RK_GRPC_INVALID, "etcdserver: permission not given" },
	[RK_ETCD_PERMISSION_NOT_GRANTED] = { RK_GRPC_PRECONDITION, "etcdserver: permission is not granted to the role" },
	[RK_ETCD_ROLE_NOT_GRANTED] = { RK_GRPC_PRECONDITION, "etcdserver: role is not granted to the user" },
	[RK_ETCD_BAD_TOKEN] = { RK_GRPC_UNAUTHENTICATED, "etcdserver: invalid auth token" },
	[RK_ETCD_BAD_MANAGEMENT] = { RK_GRPC_INVALID, "etcdserver: invalid auth management" },
	[RK_ETCD_OLD_REVISION] = { RK_GRPC_INVALID, "etcdserver: revision of auth store is old" },
	[RK_ETCD_MALFORMED] = { RK_GRPC_INTERNAL, "grpc: the request is not a protobuf message" },
};

int rk_etcd_error_code(enum rk_etcd_error error)
{
	rk_assert(error < RK_ETCD_ERROR_COUNT);
	return errors[error].code;
}

const char *rk_etcd_error_text(enum rk_etcd_error error)
{
	rk_assert(error < RK_ETCD_ERROR_COUNT);
	return errors[error].text;
}
