/* control/etcd/auth.h - users, roles and tokens, and who may do what. Pure; checks work on any
 * root, so apply and the serving threads share them.
 *
 * A user is authpb.User with one field more: `since`, auth's revision when its password was set. A
 * token is good as long as it is there and its user's password and auth itself are no younger than
 * it: so neither a deletion nor a new password has to look for tokens. What a request may do is
 * checked where it is applied, with the name (and the token's revision) that the entry carries:
 * what is revoked before it is revoked for it. */
#ifndef RK_CONTROL_ETCD_AUTH_H
#define RK_CONTROL_ETCD_AUTH_H

#include "control/etcd/run.h"

#define RK_ETCD_TOKEN_BYTES 32     /* of the hash of a token */
#define RK_ETCD_TOKEN_MS    300000 /* a token lives, from its last use */

enum rk_etcd_perm { RK_ETCD_READ, RK_ETCD_WRITE, RK_ETCD_READ_WRITE };

struct rk_etcd_auth {
	bool is_on;
	uint64_t revision;
	uint64_t epoch; /* the revision when it was turned off last: older tokens are void */
};
struct rk_etcd_auth rk_etcd_auth(const struct rk_node *root);

struct rk_etcd_user { /* borrowed from its encoding */
	struct rk_span name, password, encoded;
	bool no_password;
	uint64_t since;
};
bool rk_etcd_user_get(const struct rk_node *root, struct rk_span name, struct rk_etcd_user *ret);
bool rk_etcd_user_has(const struct rk_etcd_user *user, struct rk_span role);

/* Each one as `field` of a message: the roles of a user; all users; a role's permissions (false:
 * there is no such role); all roles. */
void rk_etcd_user_roles(const struct rk_etcd_user *user, struct rk_buf *out, uint32_t field);
void rk_etcd_user_list(const struct rk_node *root, struct rk_buf *out, uint32_t field);
bool rk_etcd_role_grants(const struct rk_node *root, struct rk_span name, struct rk_buf *out,
			 uint32_t field);
void rk_etcd_role_list(const struct rk_node *root, struct rk_buf *out, uint32_t field);

struct rk_etcd_token {
	struct rk_span user;
	uint64_t made; /* auth's revision then */
	int64_t ends_ms;
};
/* False: it is not there, or its time is over. */
bool rk_etcd_token_get(const struct rk_node *root, struct rk_span hash, int64_t now_ms,
		       struct rk_etcd_token *ret);

/* --- who may --- each is RK_ETCD_OK as long as auth is off */

enum rk_etcd_error rk_etcd_may_ask(const struct rk_node *root, const struct rk_etcd_who *who);
enum rk_etcd_error rk_etcd_may_rule(const struct rk_node *root, const struct rk_etcd_who *who);
enum rk_etcd_error rk_etcd_may(const struct rk_node *root, const struct rk_etcd_who *who,
			       enum rk_etcd_perm perm, const struct rk_etcd_range *range);
enum rk_etcd_error rk_etcd_may_put(const struct rk_node *root, const struct rk_etcd_who *who,
				   const struct rk_etcd_put_request *request);
enum rk_etcd_error rk_etcd_may_delete(const struct rk_node *root, const struct rk_etcd_who *who,
				      const struct rk_etcd_delete_request *request);
enum rk_etcd_error rk_etcd_may_txn(const struct rk_node *root, const struct rk_etcd_who *who,
				   const struct rk_etcd_txn *txn);
/* All keys that are attached to the lease. */
enum rk_etcd_error rk_etcd_may_lease(const struct rk_node *root, const struct rk_etcd_who *who,
				     enum rk_etcd_perm perm, int64_t lease);

/* --- changes, under an entry (auth_apply.c) --- */

enum rk_etcd_error rk_etcd_auth_apply(struct rk_etcd_run *run, uint8_t entry,
				      struct rk_span request);
void rk_etcd_token_due(struct rk_etcd_run *run, struct rk_span hash); /* its timer fell due */

#endif
