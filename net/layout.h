/* net/layout.h - what the maps of net/bpf/sock.bpf.c hold: shared by the programs and by those who
 * write the maps.
 *
 * Addresses and ports are in network order. A value that changes while it can be seen is 8 bytes or
 * less, which the kernel never shows half-written; a backend's record changes only in its flags
 * while a slot refers to it. */
#ifndef RK_NET_LAYOUT_H
#define RK_NET_LAYOUT_H

#include <stdint.h>

/* To be raised with any change of this file: what an older one pinned is then thrown away. */
#define RK_LAYOUT_VERSION 1

#define RK_SERVICES_MAX 65536 /* a port of a service counts as one */
#define RK_BACKENDS_MAX 131072
#define RK_SLOTS_MAX    262144
#define RK_SOCKETS_MAX  65536 /* remembered translations, LRU */
#define RK_CLIENTS_MAX  65536 /* remembered clients of services with session affinity, LRU */

struct rk_vip { /* vips: key; value: the service's id, u32 */
	uint32_t address;
	uint16_t port;
	uint8_t protocol;
	uint8_t zero;
};

#define RK_HEAD_AFFINITY 1

struct rk_head {       /* heads: value at a service's id. The one word that turns traffic. */
	uint32_t base; /* the first slot */
	uint16_t count;
	uint16_t flags;
};

#define RK_BACKEND_ALIVE 1

struct rk_backend { /* backends: value at a backend's id, which `slots` refer to. All zero: unused.
		     */
	uint32_t address;
	uint16_t port;
	uint16_t flags;
	uint32_t service; /* whose it is: remembered choices are checked against it */
	uint32_t zero;
};

struct rk_socket_peer { /* sockets_back: key */
	uint64_t cookie;
	uint32_t address;
	uint16_t port;
	uint16_t zero;
};

struct rk_client { /* clients: key; a client is a network namespace */
	uint64_t namespace_cookie;
	uint32_t service;
	uint32_t zero;
};

struct rk_choice { /* value of clients and of sockets: what was chosen */
	uint32_t backend;
	uint32_t seen_s; /* of the monotonic clock */
};

_Static_assert(sizeof(struct rk_vip) == 8, "padding would be part of the key");
_Static_assert(sizeof(struct rk_head) == 8, "a head must be one word");
_Static_assert(sizeof(struct rk_backend) == 16, "padding");
_Static_assert(sizeof(struct rk_socket_peer) == 16, "padding would be part of the key");
_Static_assert(sizeof(struct rk_client) == 16, "padding would be part of the key");
_Static_assert(sizeof(struct rk_choice) == 8, "a choice must be one word");

#endif
