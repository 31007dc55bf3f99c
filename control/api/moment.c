#include "control/api/moment.h"

#include <stdlib.h>

#include "base/mem.h"

void rk_moment_begin(struct rk_moment *moment, struct rk_view *view, struct rk_span kind,
		     struct rk_span ns, uint64_t revision)
{
	*moment = (struct rk_moment){ .view = view, .kind = kind, .ns = ns, .revision = revision };
}

void rk_moment_take_back(struct rk_moment *moment, const struct rk_changes *changes)
{
	for (uint32_t i = 0; i < changes->count; i++) {
		const struct rk_change *change = &changes->at[i];
		if (change->revision <= moment->revision ||
		    change->revision > rk_view_revision(moment->view) ||
		    !rk_span_eq(change->kind, moment->kind) ||
		    (moment->ns.size > 0 && !rk_span_eq(change->ns, moment->ns)))
			continue;
		moment->past = rk_grow(moment->past, &moment->past_capacity, moment->past_count + 1,
				       sizeof *moment->past);
		moment->past[moment->past_count++] =
			(struct rk_past){ .ns = change->ns,
					  .name = change->name,
					  .key = rk_blob_ref(change->key),
					  .doc = rk_blob_ref(change->before),
					  .revision = change->revision };
	}
}

static int key_cmp(struct rk_span a_ns, struct rk_span a_name, struct rk_span b_ns,
		   struct rk_span b_name)
{
	const int order = rk_span_cmp(a_ns, b_ns);

	return order != 0 ? order : rk_span_cmp(a_name, b_name);
}

static int by_key_and_revision(const void *a, const void *b)
{
	const struct rk_past *left = a, *right = b;
	const int order = key_cmp(left->ns, left->name, right->ns, right->name);

	if (order != 0)
		return order;
	return left->revision < right->revision ? -1 : left->revision > right->revision;
}

static void drop(struct rk_past *past)
{
	(void)rk_blob_unref(past->key);
	(void)rk_blob_unref(past->doc);
}

/* Of several changes of an object the first says how it was. */
void rk_moment_settle(struct rk_moment *moment)
{
	size_t kept = 0;

	if (moment->past_count > 1)
		qsort(moment->past, moment->past_count, sizeof *moment->past, by_key_and_revision);
	for (size_t i = 0; i < moment->past_count; i++) {
		struct rk_past *past = &moment->past[i];
		if (kept > 0 && key_cmp(moment->past[kept - 1].ns, moment->past[kept - 1].name,
					past->ns, past->name) == 0)
			drop(past);
		else
			moment->past[kept++] = *past;
	}
	moment->past_count = kept;
}

/* The first in `past` that is not before the key. */
static size_t find(const struct rk_moment *moment, struct rk_span ns, struct rk_span name)
{
	size_t low = 0, high = moment->past_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct rk_past *past = &moment->past[middle];
		if (key_cmp(past->ns, past->name, ns, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct rk_moment *moment, size_t at, struct rk_span ns, struct rk_span name)
{
	return at < moment->past_count &&
	       key_cmp(moment->past[at].ns, moment->past[at].name, ns, name) == 0;
}

static void object_of(const struct rk_moment *moment, const struct rk_past *past,
		      struct rk_object *ret)
{
	*ret = (struct rk_object){
		.kind = moment->kind, .ns = past->ns, .name = past->name, .doc = past->doc
	};
}

void rk_moment_seek(struct rk_moment *moment, struct rk_span after_ns, struct rk_span after_name)
{
	rk_view_list(&moment->iter, moment->view, moment->kind, moment->ns, after_ns, after_name);
	moment->has_ahead = rk_view_next(&moment->iter, &moment->ahead);
	moment->past_at = 0;
	if (after_name.size > 0) {
		moment->past_at = find(moment, after_ns, after_name);
		if (is_at(moment, moment->past_at, after_ns, after_name))
			moment->past_at++;
	}
}

bool rk_moment_next(struct rk_moment *moment, struct rk_object *ret)
{
	while (moment->has_ahead || moment->past_at < moment->past_count) {
		const struct rk_past *past = moment->past_at < moment->past_count
						     ? &moment->past[moment->past_at]
						     : NULL;
		const int order = past == NULL ? 1
				  : !moment->has_ahead
					  ? -1
					  : key_cmp(past->ns, past->name, moment->ahead.ns,
						    moment->ahead.name);
		if (order > 0)
			*ret = moment->ahead;
		else
			object_of(moment, past, ret);
		moment->past_at += order <= 0;
		if (order >= 0)
			moment->has_ahead = rk_view_next(&moment->iter, &moment->ahead);
		if (ret->doc != NULL)
			return true;
	}
	return false;
}

bool rk_moment_get(const struct rk_moment *moment, struct rk_span ns, struct rk_span name,
		   struct rk_object *ret)
{
	const size_t at = find(moment, ns, name);

	if (!is_at(moment, at, ns, name))
		return rk_view_get(moment->view, moment->kind, ns, name, ret);
	if (moment->past[at].doc == NULL)
		return false;
	object_of(moment, &moment->past[at], ret);
	return true;
}

void rk_moment_done(struct rk_moment *moment)
{
	for (size_t i = 0; i < moment->past_count; i++)
		drop(&moment->past[i]);
	free(moment->past);
	*moment = (struct rk_moment){ 0 };
}
