/* net/plan_inner.h - the state behind net/plan.h; only for net/plan*.c. */
#ifndef RK_NET_PLAN_INNER_H
#define RK_NET_PLAN_INNER_H

#include "net/ids.h"
#include "net/plan.h"
#include "net/service_facts.h"

struct rk_target { /* an endpoint's address, and its number once it is written */
	uint32_t address;
	uint16_t port;
	uint32_t id;
};

struct rk_targets {
	struct rk_target *at; /* ordered by address and port */
	size_t count;
	size_t capacity;
};

struct rk_frontend { /* one port of one cluster address, as the maps have it */
	struct rk_vip vip;
	uint32_t id;
	struct rk_head head;
	uint32_t affinity_s;
	struct rk_targets targets;
	struct rk_planned *owner; /* NULL: adopted, and not claimed yet */
	bool is_adopted;          /* its targets are an earlier life's */
};

struct rk_planned_slice {
	char *key; /* namespace/name */
	struct rk_planned *owner;
	struct rk_slice_facts *facts;
};

struct rk_planned { /* a Service, or what slices say of one that is not known (yet) */
	char *key;
	struct rk_service_facts *facts; /* NULL: not known, or gone */
	struct rk_planned_slice **slices;
	size_t slice_count, slice_capacity;
	bool is_dirty;
};

/* Pointers in the order of their keys. */
struct rk_table {
	void **at;
	size_t count, capacity;
};

struct rk_plan {
	char *node;
	bool is_settled;
	struct rk_ids services, backends, slots;
	struct rk_table planned;   /* struct rk_planned by key */
	struct rk_table slices;    /* struct rk_planned_slice by key */
	struct rk_table frontends; /* struct rk_frontend by vip */
	struct rk_writes strays;   /* what clears the useless part of an adopted image */
};

void rk_writes_add(struct rk_writes *writes, struct rk_write write);

/* Where `vip` is, or (false) belongs. */
bool rk_frontend_find(const struct rk_plan *plan, const struct rk_vip *vip, size_t *ret_at);
void rk_table_insert(struct rk_table *table, size_t at, void *item);
void rk_table_remove(struct rk_table *table, size_t at);

void rk_target_add(struct rk_targets *targets, struct rk_target target); /* at the end */
/* Orders them and drops those that are there twice. */
void rk_targets_sort(struct rk_targets *targets);
/* What serves `port` of the service: ready endpoints, or else those that end but still serve. */
void rk_planned_targets(const struct rk_planned *planned, const struct rk_port_facts *port,
			struct rk_targets *out);

/* Whether the service has that address and port. */
bool rk_planned_wants(const struct rk_planned *planned, const struct rk_vip *vip);

/* Brings one cluster address to these targets. RK_ETOOBIG names the table; then nothing is changed.
 */
RK_MUST_CHECK int rk_frontend_serve(struct rk_plan *plan, struct rk_planned *owner,
				    const struct rk_vip *vip, const struct rk_targets *targets,
				    uint32_t affinity_s, struct rk_writes *out,
				    struct rk_error *error);
void rk_frontend_remove(struct rk_plan *plan, size_t at, struct rk_writes *out);

#endif
