/* control/etcd/errors.h - etcd's errors: clients match on the code and on the text. Pure. */
#ifndef RK_CONTROL_ETCD_ERRORS_H
#define RK_CONTROL_ETCD_ERRORS_H

enum rk_etcd_error {
	RK_ETCD_OK,
	RK_ETCD_EMPTY_KEY,
	RK_ETCD_KEY_NOT_FOUND,
	RK_ETCD_VALUE_PROVIDED,
	RK_ETCD_LEASE_PROVIDED,
	RK_ETCD_TOO_MANY_OPS,
	RK_ETCD_DUPLICATE_KEY,
	RK_ETCD_BAD_SORT,
	RK_ETCD_COMPACTED,
	RK_ETCD_FUTURE_REVISION,
	RK_ETCD_NO_SPACE,
	RK_ETCD_LEASE_NOT_FOUND,
	RK_ETCD_LEASE_EXISTS,
	RK_ETCD_TTL_TOO_LARGE,
	RK_ETCD_TOO_LARGE,
	RK_ETCD_TOO_MANY_REQUESTS,
	RK_ETCD_NO_LEADER,
	RK_ETCD_TIMEOUT,
	RK_ETCD_AUTH_NOT_ENABLED,
	RK_ETCD_DENIED,
	RK_ETCD_NOT_LEADER,
	RK_ETCD_BAD_TRANSFEREE,
	RK_ETCD_MALFORMED, /* not etcd's own: gRPC's unmarshalling says it there */
	RK_ETCD_ERROR_COUNT,
};

int rk_etcd_error_code(enum rk_etcd_error error); /* gRPC's, wire/grpc.h */
const char *rk_etcd_error_text(enum rk_etcd_error error);

#endif
