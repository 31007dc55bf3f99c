/* net/plan.h - from Services and EndpointSlices to an ordered list of map writes. Pure: the same
 * calls give the same lists, whatever the kernel does.
 *
 * The invariant: after every single write of a list, each cluster address leads to complete records
 * of endpoints that were its service's before the list or are after it. Backends are written before
 * the slots that refer to them, slots before the head, the head before the cluster address; removal
 * goes the other way. What was taken out rests until the next step, before which the caller lets
 * every program that could have seen it end. */
#ifndef RK_NET_PLAN_H
#define RK_NET_PLAN_H

#include "base/err.h"
#include "net/layout.h"
#include "wire/val.h"

enum rk_write_kind {
	RK_WRITE_BACKEND,
	RK_WRITE_SLOT,
	RK_WRITE_OPTION,
	RK_WRITE_HEAD,
	RK_WRITE_VIP,
	RK_WRITE_VIP_GONE,
};

struct rk_write {
	enum rk_write_kind kind;
	uint32_t index; /* of the array; for a VIP the service's id */
	union {
		struct rk_backend backend;
		uint32_t slot;
		uint64_t option;
		struct rk_head head;
		struct rk_vip vip;
	};
};

struct rk_writes { /* all zero is empty */
	struct rk_write *at;
	size_t count;
	size_t capacity;
};

void rk_writes_done(struct rk_writes *writes);

struct rk_plan_limits {
	uint32_t services, backends, slots;
};

/* What the maps hold, whole arrays of the limits' sizes. */
struct rk_image {
	struct rk_vip *vips;
	uint32_t *vip_services; /* beside vips: the value */
	size_t vip_count;
	struct rk_head *heads;
	uint64_t *options;
	uint32_t *slots;
	struct rk_backend *backends;
};

struct rk_plan;

struct rk_plan *rk_plan_new(const char *node, const struct rk_plan_limits *limits)
	__attribute__((returns_nonnull));
struct rk_plan *rk_plan_free(struct rk_plan *plan); /* takes NULL, returns NULL */

/* Before anything is put: goes on from what an earlier life wrote; records that lead nowhere are
 * cleared. Until rk_plan_settle an address that no Service has claimed stays, and one whose slices
 * have not been put keeps its endpoints: they may yet come. */
void rk_plan_adopt(struct rk_plan *plan, const struct rk_image *image);
/* All that exists has been put: with the next step the rest of the earlier life goes. */
void rk_plan_settle(struct rk_plan *plan);

/* object NULL: it is gone. */
void rk_plan_put(struct rk_plan *plan, struct rk_span ns, struct rk_span name,
		 const struct rk_val *service);
void rk_plan_put_slice(struct rk_plan *plan, struct rk_span ns, struct rk_span name,
		       const struct rk_val *slice);

/* True: before the next step every program that runs now must have ended. */
bool rk_plan_rests(const struct rk_plan *plan);
/* Appends the writes for all that was put since. RK_ETOOBIG (a table is full) or RK_EEXIST (two
 * services with one address): error says which service; everything else is in the list, and the
 * next step tries again. */
RK_MUST_CHECK int rk_plan_step(struct rk_plan *plan, struct rk_writes *out, struct rk_error *error);

#endif
