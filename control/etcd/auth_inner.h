/* control/etcd/auth_inner.h - what the files that change users, roles and tokens share. Only for
 * them. */
#ifndef RK_CONTROL_ETCD_AUTH_INNER_H
#define RK_CONTROL_ETCD_AUTH_INNER_H

#include "control/etcd/auth.h"

/* Of all requests, by their field numbers. */
struct rk_etcd_auth_request {
	struct rk_span first, second, third, fourth;
};

void rk_etcd_auth_store(struct rk_etcd_run *run, const struct rk_etcd_auth *auth);
/* Auth's revision goes on by one; returns it. */
uint64_t rk_etcd_auth_count(struct rk_etcd_run *run);
void rk_etcd_auth_store_named(struct rk_etcd_run *run, struct rk_span prefix, struct rk_span name,
			      const struct rk_buf *value /* NULL: remove */);

/* role_apply.c */
bool rk_etcd_role_is(struct rk_etcd_run *run, struct rk_span name); /* there */
enum rk_etcd_error rk_etcd_role_add(struct rk_etcd_run *run,
				    const struct rk_etcd_auth_request *request);
enum rk_etcd_error rk_etcd_role_grant(struct rk_etcd_run *run,
				      const struct rk_etcd_auth_request *request);
enum rk_etcd_error rk_etcd_role_revoke(struct rk_etcd_run *run,
				       const struct rk_etcd_auth_request *request);

/* token_apply.c */
enum rk_etcd_error rk_etcd_token_make(struct rk_etcd_run *run, struct rk_span message);
enum rk_etcd_error rk_etcd_token_keep(struct rk_etcd_run *run, struct rk_span hash);

#endif
