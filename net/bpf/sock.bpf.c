/* SPDX-License-Identifier: Dual BSD/GPL */
/* Services at the socket: a connect or a send to a cluster address goes to one of its endpoints
 * instead, and the application sees the cluster address where it asks for its peer. Packets are
 * never touched.
 *
 * A lookup reads vips -> heads -> slots -> backends. Writers (net/plan.h) fill from the right to
 * the left, so that whatever is found is complete. IPv4-mapped addresses on IPv6 sockets come
 * through the *6 hooks, except for sends: the kernel turns those into IPv4 before the hook. */
#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "net/layout.h"

#define ALLOW        1
#define REFUSE       0
#define ECONNREFUSED 111
#define NS_PER_S     1000000000ULL
#define MAPPED       bpf_htonl(0xffff)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RK_SERVICES_MAX);
	__type(key, struct rk_vip);
	__type(value, __u32);
} vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RK_SERVICES_MAX);
	__type(key, __u32);
	__type(value, struct rk_head);
} heads SEC(".maps");

struct { /* seconds that a client keeps its backend, by service */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RK_SERVICES_MAX);
	__type(key, __u32);
	__type(value, __u64);
} options SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RK_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RK_BACKENDS_MAX);
	__type(key, __u32);
	__type(value, struct rk_backend);
} backends SEC(".maps");

struct { /* what a UDP socket chose for a cluster address */
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RK_SOCKETS_MAX);
	__type(key, struct rk_socket_peer);
	__type(value, struct rk_choice);
} sockets SEC(".maps");

struct { /* the cluster address behind which a socket sees an endpoint */
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RK_SOCKETS_MAX);
	__type(key, struct rk_socket_peer);
	__type(value, struct rk_vip);
} sockets_back SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, RK_CLIENTS_MAX);
	__type(key, struct rk_client);
	__type(value, struct rk_choice);
} clients SEC(".maps");

struct { /* 0: RK_LAYOUT_VERSION */
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} meta SEC(".maps");

/* A remembered choice counts while its backend is in the service still. */
static __always_inline struct rk_backend *still_there(const struct rk_choice *choice, __u32 service)
{
	const __u32 id = choice->backend;
	struct rk_backend *backend = bpf_map_lookup_elem(&backends, &id);

	if (!backend || !(backend->flags & RK_BACKEND_ALIVE) || backend->service != service)
		return NULL;
	return backend;
}

static __always_inline __u32 choose(const struct rk_head *head, __u32 number)
{
	const __u32 at = head->base + number % head->count;
	const __u32 *id = bpf_map_lookup_elem(&slots, &at);

	return id ? *id : RK_BACKENDS_MAX;
}

static __always_inline struct rk_backend *choose_for_client(struct bpf_sock_addr *ctx,
							    __u32 service,
							    const struct rk_head *head)
{
	const struct rk_client client = { .namespace_cookie = bpf_get_netns_cookie(ctx),
					  .service = service };
	const __u32 now_s = (__u32)(bpf_ktime_get_ns() / NS_PER_S);
	const __u64 *keep_s = bpf_map_lookup_elem(&options, &service);
	struct rk_choice *known = bpf_map_lookup_elem(&clients, &client);
	struct rk_choice choice = { .seen_s = now_s };
	struct rk_backend *backend;

	if (known && keep_s && now_s - known->seen_s <= *keep_s) {
		choice.backend = known->backend;
		backend = still_there(&choice, service);
		if (backend) {
			if (known->seen_s != now_s)
				bpf_map_update_elem(&clients, &client, &choice, BPF_ANY);
			return backend;
		}
	}
	choice.backend = choose(head, bpf_get_prandom_u32());
	bpf_map_update_elem(&clients, &client, &choice, BPF_ANY);
	return bpf_map_lookup_elem(&backends, &choice.backend);
}

/* One socket keeps one backend, for as long as there is that backend: its datagrams may belong
 * together. */
static __always_inline struct rk_backend *choose_for_socket(struct bpf_sock_addr *ctx,
							    const struct rk_vip *vip, __u32 service,
							    const struct rk_head *head)
{
	const struct rk_socket_peer key = {
		.cookie = bpf_get_socket_cookie(ctx),
		.address = vip->address,
		.port = vip->port,
	};
	struct rk_choice *known = bpf_map_lookup_elem(&sockets, &key);
	struct rk_choice choice = {};
	struct rk_backend *backend;

	if (known) {
		choice.backend = known->backend;
		backend = still_there(&choice, service);
		if (backend)
			return backend;
	}
	choice.backend = choose(head, (__u32)key.cookie);
	bpf_map_update_elem(&sockets, &key, &choice, BPF_ANY);
	return bpf_map_lookup_elem(&backends, &choice.backend);
}

static __always_inline void remember_vip(struct bpf_sock_addr *ctx, const struct rk_vip *vip,
					 const struct rk_backend *backend)
{
	const struct rk_socket_peer key = {
		.cookie = bpf_get_socket_cookie(ctx),
		.address = backend->address,
		.port = backend->port,
	};
	const struct rk_vip *known = bpf_map_lookup_elem(&sockets_back, &key);

	if (!known || known->address != vip->address || known->port != vip->port)
		bpf_map_update_elem(&sockets_back, &key, vip, BPF_ANY);
}

/* True: to go to *address and *port, as they are now. */
static __always_inline int to_backend(struct bpf_sock_addr *ctx, __u32 *address, __u16 *port)
{
	const struct rk_vip vip = { .address = *address,
				    .port = *port,
				    .protocol = (__u8)ctx->protocol };
	const __u32 *found = bpf_map_lookup_elem(&vips, &vip);
	struct rk_backend *backend;
	struct rk_head head = {};
	struct rk_head *at;

	if (!found)
		return ALLOW;
	const __u32 service = *found;
	at = bpf_map_lookup_elem(&heads, &service);
	/* One load: its parts must be of the same moment. */
	if (at)
		*(__u64 *)&head = *(volatile __u64 *)at;
	if (head.count == 0) {
		bpf_set_retval(-ECONNREFUSED);
		return REFUSE;
	}
	if (head.flags & RK_HEAD_AFFINITY) {
		backend = choose_for_client(ctx, service, &head);
	} else if (vip.protocol == IPPROTO_UDP) {
		backend = choose_for_socket(ctx, &vip, service, &head);
	} else {
		const __u32 id = choose(&head, bpf_get_prandom_u32());
		backend = bpf_map_lookup_elem(&backends, &id);
	}
	if (!backend || backend->port == 0) {
		bpf_set_retval(-ECONNREFUSED);
		return REFUSE;
	}
	remember_vip(ctx, &vip, backend);
	*address = backend->address;
	*port = backend->port;
	return ALLOW;
}

static __always_inline void to_vip(struct bpf_sock_addr *ctx, __u32 *address, __u16 *port)
{
	const struct rk_socket_peer key = {
		.cookie = bpf_get_socket_cookie(ctx),
		.address = *address,
		.port = *port,
	};
	const struct rk_vip *vip = bpf_map_lookup_elem(&sockets_back, &key);

	if (!vip)
		return;
	*address = vip->address;
	*port = vip->port;
}

static __always_inline int translate4(struct bpf_sock_addr *ctx, int is_outward)
{
	__u32 address = ctx->user_ip4;
	__u16 port = (__u16)ctx->user_port;
	int verdict = ALLOW;

	if (is_outward)
		verdict = to_backend(ctx, &address, &port);
	else
		to_vip(ctx, &address, &port);
	ctx->user_ip4 = address;
	ctx->user_port = port;
	return verdict;
}

static __always_inline int translate6(struct bpf_sock_addr *ctx, int is_outward)
{
	__u32 address = ctx->user_ip6[3];
	__u16 port = (__u16)ctx->user_port;
	int verdict = ALLOW;

	if (ctx->user_ip6[0] != 0 || ctx->user_ip6[1] != 0 || ctx->user_ip6[2] != MAPPED)
		return ALLOW;
	if (is_outward)
		verdict = to_backend(ctx, &address, &port);
	else
		to_vip(ctx, &address, &port);
	ctx->user_ip6[3] = address;
	ctx->user_port = port;
	return verdict;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx) { return translate4(ctx, 1); }

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx) { return translate6(ctx, 1); }

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx) { return translate4(ctx, 1); }

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx) { return translate4(ctx, 0); }

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx) { return translate6(ctx, 0); }

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx) { return translate4(ctx, 0); }

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx) { return translate6(ctx, 0); }

char LICENSE[] SEC("license") = "Dual BSD/GPL";
