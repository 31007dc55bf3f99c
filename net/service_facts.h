/* net/service_facts.h - what of a Service and of an EndpointSlice matters for its addresses. Pure.
 *
 * Addresses and ports are in network order, as the kernel's maps have them. */
#ifndef RK_NET_SERVICE_FACTS_H
#define RK_NET_SERVICE_FACTS_H

#include "base/span.h"
#include "wire/val.h"

#define RK_PORT_NAME_MAX 64
#define RK_VIPS_MAX      2

struct rk_port_facts {
	char name[RK_PORT_NAME_MAX]; /* "" for the only port */
	uint16_t port;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
};

struct rk_service_facts {
	uint32_t vips[RK_VIPS_MAX];
	uint32_t vip_count;  /* 0: headless, ExternalName, or without an address yet */
	uint32_t affinity_s; /* 0: none */
	bool is_local;       /* internalTrafficPolicy: Local */
	bool takes_unready;  /* publishNotReadyAddresses */
	uint32_t port_count;
	struct rk_port_facts ports[];
};

struct rk_endpoint_facts {
	uint32_t address;
	bool is_ready, is_serving, is_terminating, is_here;
};

struct rk_slice_facts {
	uint32_t port_count;
	uint32_t endpoint_count;
	struct rk_port_facts *ports;          /* inside the same allocation */
	struct rk_endpoint_facts endpoints[]; /* empty for address types other than IPv4 */
};

/* The caller's to free(). */
struct rk_service_facts *rk_service_facts_new(const struct rk_val *service);
struct rk_slice_facts *rk_slice_facts_new(const struct rk_val *slice, struct rk_span node);
/* The Service that a slice belongs to, borrowed from it; empty: none. */
struct rk_span rk_slice_service(const struct rk_val *slice);

/* Names what of the Service is not served by the socket programs, such as "externalIPs, port dns
 * (SCTP)"; "" for nothing. */
void rk_service_unserved(const struct rk_val *service, char *text, size_t room);

#endif
