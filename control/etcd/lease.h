/* control/etcd/lease.h - leases: keys that end with the time that somebody keeps alive. Pure.
 *
 * A lease ends at a time of the log, so every member agrees on it, and no leader's clock decides.
 * One timer (control/work.h) waits for each lease; one that was kept alive meanwhile is set again
 * when it falls due, so keeping alive costs one key. */
#ifndef RK_CONTROL_ETCD_LEASE_H
#define RK_CONTROL_ETCD_LEASE_H

#include "control/etcd/run.h"

#define RK_ETCD_TTL_MIN 2          /* seconds: what etcd makes of its default election time */
#define RK_ETCD_TTL_MAX 9000000000 /* seconds */

struct rk_etcd_lease {
	int64_t id, ttl_s; /* as granted */
	int64_t ends_ms;   /* time of the log */
};

bool rk_etcd_lease_get(const struct rk_node *root, int64_t id, struct rk_etcd_lease *ret);
/* The attached keys, appended as `field` of a message; returns how many. */
size_t rk_etcd_lease_keys(const struct rk_node *root, int64_t id, struct rk_buf *out,
			  uint32_t field);
/* LeaseLeasesResponse. */
void rk_etcd_lease_list(const struct rk_node *root, struct rk_buf *out);

/* Under an entry; id 0 asks for any. LeaseGrantResponse, LeaseRevokeResponse,
 * LeaseKeepAliveResponse. */
enum rk_etcd_error rk_etcd_lease_grant(struct rk_etcd_run *run, int64_t ttl_s, int64_t id,
				       struct rk_buf *out);
enum rk_etcd_error rk_etcd_lease_revoke(struct rk_etcd_run *run, int64_t id);
void rk_etcd_lease_keep(struct rk_etcd_run *run, int64_t id, struct rk_buf *out);
void rk_etcd_lease_due(struct rk_etcd_run *run, int64_t id); /* its timer fell due */

#endif
