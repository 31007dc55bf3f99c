/* net/dns_zone_inner.h - the records behind net/dns_zone.h; only for net/dns_zone*.c. */
#ifndef RK_NET_DNS_ZONE_INNER_H
#define RK_NET_DNS_ZONE_INNER_H

#include "net/dns_zone.h"

#define RK_DNS_LABEL_MAX 64

struct rk_dns_port {
	char name[RK_DNS_LABEL_MAX];
	char protocol[8]; /* "tcp" */
	uint16_t port;
};

struct rk_dns_endpoint {
	char name[RK_DNS_LABEL_MAX]; /* its hostname, or its address with dashes */
	bool has_hostname;
	uint32_t address; /* host order */
};

struct rk_dns_slice {
	struct rk_dns_slice *next;
	char *name;
	struct rk_dns_port *ports;
	uint32_t port_count;
	struct rk_dns_endpoint *endpoints; /* the ready ones */
	uint32_t endpoint_count;
};

struct rk_dns_service {
	char *key; /* name.namespace */
	bool is_known, is_headless;
	uint32_t address; /* host order; 0: none */
	char *external;   /* ExternalName's target, or NULL */
	struct rk_dns_port *ports;
	uint32_t port_count;
	struct rk_dns_slice *slices;
};

struct rk_dns_zone {
	char *domain;
	uint32_t serial;
	struct rk_dns_service **services; /* ordered by key */
	size_t count, capacity;
};

bool rk_dns_service_find(const struct rk_dns_zone *zone, const char *key, size_t *ret_at);

#endif
