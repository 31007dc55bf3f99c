/* What the tests of the etcd API share: a machine, and requests as entries of its log. */
#ifndef RK_TESTS_CONTROL_ETCD_WORLD_H
#define RK_TESTS_CONTROL_ETCD_WORLD_H

#include "control/etcd/apply.h"
#include "control/etcd/run.h"
#include "control/machine.h"

#define WORLD_START_MS 1767323045000

struct world {
	const struct rk_kinds *kinds;
	struct rk_machine *machine;
	uint64_t index;
	int64_t now_ms;
	struct rk_buf answer; /* of the last request */
	int code;
};

struct world world_new(void);
void world_done(struct world *world);
void world_apply(struct world *world, enum rk_entry_type type, struct rk_span body);
void world_request(struct world *world, enum rk_etcd_entry entry, const struct rk_buf *message);
uint64_t world_revision(const struct world *world);
const struct rk_node *world_root(const struct world *world);
void world_put(struct world *world, const char *key, const char *value, int64_t lease);
void world_delete_range(struct world *world, const char *key, const char *end);
void world_numbers(struct world *world, enum rk_etcd_entry entry, int64_t first, int64_t second);
/* "key=value@version " for each key of [key, end) at a revision, or the error's text. */
const char *world_list(const struct world *world, struct rk_etcd_range_request *asked);
const char *world_all(const struct world *world, uint64_t at);

#define cr_text(got, want)                                                                         \
	do {                                                                                       \
		const char *got_ = (got);                                                          \
		cr_assert_str_eq(got_, want, "%s, not %s", got_, want);                            \
	} while (0)

#endif
