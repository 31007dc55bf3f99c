/* store/moments.h - which moments of a tree are held, and what has died since: it is freed once no held moment can see
 * it. Only for store/.
 *
 * An age ends when a moment is held. What was born in an age is seen by the moment that ended it and by later
 * ones, until it dies. The dead lie with the newest moment that sees them; when that is let go, those that
 * the next older one sees too move there, and the others are freed. So nobody counts owners of nodes or items:
 * copying a node touches nothing but its bytes.
 *
 * One thread writes (bury, hold, leave); any thread may let go. */
#ifndef RK_STORE_MOMENTS_H
#define RK_STORE_MOMENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rk_dead_kind { RK_DEAD_NODE, RK_DEAD_ITEM, RK_DEAD_KEY };

struct rk_dead {
	void *what;
	uint64_t born;
	enum rk_dead_kind kind;
};
struct rk_graves {
	struct rk_dead *at;
	size_t count, capacity;
};

struct rk_moments;
struct rk_node;

struct rk_held { /* a moment that is held; stays where it is until it is let go */
	struct rk_moments *of;
	struct rk_held *older, *newer;
	uint64_t age; /* that it ended */
	struct rk_graves graves;
};

struct rk_moments {
	uint64_t age;           /* the present one */
	struct rk_graves fresh; /* died in it */
	pthread_mutex_t lock;   /* of what follows */
	struct rk_held *newest;
	bool is_left;         /* the writer is gone... */
	struct rk_node *rest; /* ...and this was its last root */
};

struct rk_moments *rk_moments_new(void) __attribute__((returns_nonnull));
/* The writer leaves; the last root and everything else is freed with the last held moment. */
void rk_moments_leave(struct rk_moments *moments, struct rk_node *root);
/* Nobody reaches it from the present any more. `born` may be too early, never too late. */
void rk_moments_bury(struct rk_moments *moments, enum rk_dead_kind kind, void *what, uint64_t born);
void rk_moments_hold(struct rk_moments *moments, struct rk_held *held);
void rk_moments_let_go(struct rk_held *held);

#endif
