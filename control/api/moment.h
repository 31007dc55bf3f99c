/* control/api/moment.h - the objects of a kind as they were at a revision: a view that is not
 * older, and the changes since, taken back. Nothing is kept for it but the history that watches
 * need. Pure.
 *
 * A moment borrows its view, which outlives it, and nothing else. */
#ifndef RK_CONTROL_API_MOMENT_H
#define RK_CONTROL_API_MOMENT_H

#include "control/command.h"
#include "store/view.h"

struct rk_past { /* an object that changed since */
	struct rk_span ns, name;
	struct rk_blob *key; /* which these point into; a share */
	struct rk_blob *doc; /* as it was, a share; NULL: it was not there */
	uint64_t revision;   /* of the change */
};

struct rk_moment {
	struct rk_view *view;
	struct rk_span kind, ns; /* ns: "" is all */
	uint64_t revision;
	struct rk_past *past; /* once settled: in the order of the keys, each once */
	size_t past_count, past_capacity;
	size_t past_at; /* while it is walked */
	struct rk_view_iter iter;
	struct rk_object ahead; /* the view's next */
	bool has_ahead;
};

void rk_moment_begin(struct rk_moment *moment, struct rk_view *view, struct rk_span kind,
		     struct rk_span ns, uint64_t revision);
/* For every change that the view has and the moment has not; in any order. */
void rk_moment_take_back(struct rk_moment *moment, const struct rk_changes *changes);
void rk_moment_settle(struct rk_moment *moment); /* all were taken back */

/* Walks in the order of the keys, from behind (after_ns, after_name) when after_name is not empty.
 */
void rk_moment_seek(struct rk_moment *moment, struct rk_span after_ns, struct rk_span after_name);
bool rk_moment_next(struct rk_moment *moment, struct rk_object *ret);
bool rk_moment_get(const struct rk_moment *moment, struct rk_span ns, struct rk_span name,
		   struct rk_object *ret);
void rk_moment_done(struct rk_moment *moment);

#endif
