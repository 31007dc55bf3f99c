/* net/dns_zone.h - the cluster's names: records made from Services and EndpointSlices, as the
 * Kubernetes DNS specification 1.1 has them. Pure. */
#ifndef RK_NET_DNS_ZONE_H
#define RK_NET_DNS_ZONE_H

#include "net/dns_message.h"
#include "wire/val.h"

#define RK_DNS_TTL_S 5

struct rk_dns_zone;

/* RK_EINVAL: not a domain name. */
RK_MUST_CHECK int rk_dns_zone_new(struct rk_dns_zone **ret, const char *domain,
				  struct rk_error *error);
struct rk_dns_zone *rk_dns_zone_free(struct rk_dns_zone *zone); /* takes NULL, returns NULL */

/* object NULL: it is gone. */
void rk_dns_zone_put(struct rk_dns_zone *zone, struct rk_span ns, struct rk_span name,
		     const struct rk_val *service);
void rk_dns_zone_put_slice(struct rk_dns_zone *zone, struct rk_span ns, struct rk_span name,
			   const struct rk_val *slice);

/* Writes the whole reply, of at most `room` bytes. False, and nothing written: the name is not the
 * cluster's. */
bool rk_dns_zone_answer(const struct rk_dns_zone *zone, const struct rk_dns_query *query,
			size_t room, bool can_recurse, struct rk_buf *out);

#endif
