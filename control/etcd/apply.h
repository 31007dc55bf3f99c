/* control/etcd/apply.h - a request of the etcd API as a log entry: the body of RK_ENTRY_ETCD.
 *
 * A body is one byte, which request it is, and the request in protobuf as the client sent it: but
 * passwords and tokens only as hashes. While auth is on, it is wrapped in RK_ETCD_ENTRY_AS. The answer
 * is the response in protobuf without its header, or, with a code other than 0, a text. Reads are not
 * logged. */
#ifndef RK_CONTROL_ETCD_APPLY_H
#define RK_CONTROL_ETCD_APPLY_H

#include "control/follow.h"
#include "control/state.h"

enum rk_etcd_entry { /* in logs: never reuse a number */
		     RK_ETCD_ENTRY_PUT = 1,
		     RK_ETCD_ENTRY_DELETE = 2,
		     RK_ETCD_ENTRY_TXN = 3,
		     RK_ETCD_ENTRY_COMPACT = 4,
		     RK_ETCD_ENTRY_GRANT = 5,
		     RK_ETCD_ENTRY_REVOKE = 6,
		     RK_ETCD_ENTRY_KEEP = 7,
		     RK_ETCD_ENTRY_MEMBER =
			     8, /* etcdserverpb.Member: a member tells its name and client URLs */
		     RK_ETCD_ENTRY_AS = 9, /* varint: made; name with its size; then a body */
		     RK_ETCD_ENTRY_AUTH_ENABLE = 10,
		     RK_ETCD_ENTRY_AUTH_DISABLE = 11,
		     RK_ETCD_ENTRY_USER_ADD = 12,
		     RK_ETCD_ENTRY_USER_DELETE = 13,
		     RK_ETCD_ENTRY_PASSWORD = 14,
		     RK_ETCD_ENTRY_USER_GRANT = 15,
		     RK_ETCD_ENTRY_USER_REVOKE = 16,
		     RK_ETCD_ENTRY_ROLE_ADD = 17,
		     RK_ETCD_ENTRY_ROLE_DELETE = 18,
		     RK_ETCD_ENTRY_ROLE_GRANT = 19,
		     RK_ETCD_ENTRY_ROLE_REVOKE = 20,
		     RK_ETCD_ENTRY_TOKEN = 21, /* made by a member: auth_apply.c */
		     RK_ETCD_ENTRY_TOKEN_KEEP = 22,
};

/* Returns gRPC's code. After one that is not 0 the caller takes back what was changed. */
int rk_etcd_apply(struct rk_state *state, struct rk_span body, struct rk_buf *out);

extern const struct rk_controller rk_controller_etcd; /* leases that end, and compaction */

#endif
