/* net/addresses.h - the addresses of one node's range, and which pod has which. Pure.
 *
 * The network's own address, the first one (the bridge's) and the broadcast address are never
 * given. Addresses go round: one that was given back rests until the others had their turn, so that
 * a late packet meets nobody. */
#ifndef RK_NET_ADDRESSES_H
#define RK_NET_ADDRESSES_H

#include "base/err.h"
#include "base/ipv4.h"

struct rk_addresses;

/* A range as an operator writes it: RK_EINVAL when it is not one, or bits are set behind the
 * prefix. */
RK_MUST_CHECK int rk_range_parse(const char *cidr, uint32_t *ret_base, unsigned *ret_prefix,
				 struct rk_error *error);
/* RK_EINVAL for what is not a range of /16 to /29. */
RK_MUST_CHECK int rk_addresses_new(struct rk_addresses **ret, const char *cidr,
				   struct rk_error *error);
struct rk_addresses *rk_addresses_free(
	struct rk_addresses *addresses); /* takes NULL, returns NULL */
uint32_t rk_addresses_gateway(const struct rk_addresses *addresses);
unsigned rk_addresses_prefix(const struct rk_addresses *addresses);

/* The address of `key`, the one that it has already or else `wanted` if that is free (0: any).
 * RK_ENOSPC. */
RK_MUST_CHECK int rk_addresses_take(struct rk_addresses *addresses, const char *key,
				    uint32_t wanted, uint32_t *ret_address);
bool rk_addresses_has(const struct rk_addresses *addresses, const char *key);
void rk_addresses_give_back(struct rk_addresses *addresses, const char *key);

#endif
