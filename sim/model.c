#include "sim/model.h"

#include "base/mem.h"

void rk_model_done(struct rk_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		free(model->keys[i].versions);
	free(model->keys);
	free(model->done);
	*model = (struct rk_model){ 0 };
}

size_t rk_model_seek(const struct rk_model *model, struct rk_span key)
{
	size_t low = 0, high = model->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (rk_span_cmp(model->keys[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct rk_model_key *key_of(const struct rk_model *model, struct rk_span key)
{
	const size_t at = rk_model_seek(model, key);

	return at < model->count && rk_span_eq(model->keys[at].key, key) ? &model->keys[at] : NULL;
}

static const struct rk_hist_kv *at_revision(const struct rk_model_key *key, int64_t revision)
{
	size_t low = 0, high = key->count; /* versions before `low` are at or before it */

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (key->versions[middle].kv.modified <= revision)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || key->versions[low - 1].kv.version == 0)
		return NULL;
	return &key->versions[low - 1].kv;
}

const struct rk_hist_kv *rk_model_get(const struct rk_model *model, struct rk_span key,
				      int64_t revision)
{
	const struct rk_model_key *found = key_of(model, key);

	return found != NULL ? at_revision(found, revision) : NULL;
}

static struct rk_model_key *key_made(struct rk_model *model, struct rk_span key)
{
	const size_t at = rk_model_seek(model, key);

	if (at < model->count && rk_span_eq(model->keys[at].key, key))
		return &model->keys[at];
	model->keys = rk_grow(model->keys, &model->capacity, model->count + 1, sizeof *model->keys);
	memmove(&model->keys[at + 1], &model->keys[at],
		(model->count - at) * sizeof model->keys[0]);
	model->keys[at] = (struct rk_model_key){ .key = key };
	model->count++;
	return &model->keys[at];
}

struct rk_model_mark rk_model_mark(const struct rk_model *model)
{
	return (struct rk_model_mark){ model->revision, model->done_count };
}

void rk_model_undo(struct rk_model *model, struct rk_model_mark mark)
{
	while (model->done_count > mark.done) {
		struct rk_model_key *key = key_of(model, model->done[--model->done_count]);
		rk_assert(key != NULL && key->count > 0);
		key->count--;
	}
	model->revision = mark.revision;
}

/* --- requests --- */

struct run {
	struct rk_model *model;
	struct rk_arena *arena;
	int64_t revision;
	uint32_t sub; /* of the next change */
};

static void add_version(struct run *run, const struct rk_hist_kv *kv)
{
	struct rk_model *model = run->model;
	struct rk_model_key *key = key_made(model, kv->key);

	key->versions =
		rk_grow(key->versions, &key->capacity, key->count + 1, sizeof *key->versions);
	key->versions[key->count++] = (struct rk_model_version){ *kv, run->sub++ };
	model->done = rk_grow(model->done, &model->done_capacity, model->done_count + 1,
			      sizeof *model->done);
	model->done[model->done_count++] = key->key;
	model->revision = run->revision;
}

static void list_of(const struct rk_hist_kv *kvs, size_t count, struct rk_arena *arena,
		    struct rk_hist_answer *ret)
{
	struct rk_hist_kv *copy = rk_arena_alloc(arena, RK_MAX(count, (size_t)1) * sizeof *copy);

	if (count > 0)
		memcpy(copy, kvs, count * sizeof *copy);
	ret->kvs = copy;
	ret->kv_count = count;
}

static void put(struct run *run, const struct rk_hist_request *request, struct rk_hist_answer *ret)
{
	const struct rk_hist_kv *old = rk_model_get(run->model, request->range.key, INT64_MAX);
	const struct rk_hist_kv fresh = { .key = request->range.key,
					  .value = request->value,
					  .created = old != NULL ? old->created : run->revision,
					  .modified = run->revision,
					  .version = old != NULL ? old->version + 1 : 1,
					  .lease = request->lease };

	if (request->prev_kv && old != NULL)
		list_of(old, 1, run->arena, ret);
	add_version(run, &fresh);
}

struct found {
	size_t count, capacity;
	struct rk_hist_kv *kvs;
};

static void find(const struct rk_model *model, const struct rk_hist_range *range, int64_t revision,
		 struct found *ret)
{
	for (size_t i = rk_model_seek(model, range->key); i < model->count; i++) {
		if (!rk_hist_range_has(range, model->keys[i].key))
			break;
		const struct rk_hist_kv *kv = at_revision(&model->keys[i], revision);
		if (kv == NULL)
			continue;
		ret->kvs = rk_grow(ret->kvs, &ret->capacity, ret->count + 1, sizeof *ret->kvs);
		ret->kvs[ret->count++] = *kv;
	}
}

static void remove_found(struct run *run, const struct found *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct rk_hist_kv gone = { .key = found->kvs[i].key,
						 .modified = run->revision };
		add_version(run, &gone);
	}
}

static void remove_range(struct run *run, const struct rk_hist_request *request,
			 struct rk_hist_answer *ret)
{
	struct found found = { 0 };

	find(run->model, &request->range, INT64_MAX, &found);
	remove_found(run, &found);
	ret->count = (int64_t)found.count;
	if (request->prev_kv)
		list_of(found.kvs, found.count, run->arena, ret);
	free(found.kvs);
}

static void end_lease(struct run *run, int64_t lease)
{
	struct found found = { 0 };

	for (size_t i = 0; i < run->model->count; i++) {
		const struct rk_hist_kv *kv = at_revision(&run->model->keys[i], INT64_MAX);
		if (kv == NULL || kv->lease != lease)
			continue;
		found.kvs = rk_grow(found.kvs, &found.capacity, found.count + 1, sizeof *found.kvs);
		found.kvs[found.count++] = *kv;
	}
	remove_found(run, &found);
	free(found.kvs);
}

static void range(struct run *run, const struct rk_hist_request *request,
		  struct rk_hist_answer *ret)
{
	struct found found = { 0 };

	find(run->model, &request->range, request->revision > 0 ? request->revision : INT64_MAX,
	     &found);
	ret->count = (int64_t)found.count;
	if (request->limit > 0 && found.count > (size_t)request->limit)
		found.count = (size_t)request->limit;
	list_of(found.kvs, request->count_only ? 0 : found.count, run->arena, ret);
	free(found.kvs);
}

static bool holds(const struct rk_model *model, const struct rk_hist_compare *compare)
{
	static const struct rk_hist_kv nothing = { 0 };
	const struct rk_hist_kv *kv = rk_model_get(model, compare->key, INT64_MAX);
	int order = 0;

	if (compare->target == RK_HIST_VALUE) {
		if (kv == NULL)
			return false;
		order = rk_span_cmp(kv->value, compare->value);
	} else {
		if (kv == NULL)
			kv = &nothing;
		const int64_t number = compare->target == RK_HIST_VERSION    ? kv->version
				       : compare->target == RK_HIST_CREATED  ? kv->created
				       : compare->target == RK_HIST_MODIFIED ? kv->modified
									     : kv->lease;
		order = number < compare->number ? -1 : number > compare->number;
	}
	switch (compare->relation) {
	case RK_HIST_EQUAL: return order == 0;
	case RK_HIST_GREATER: return order > 0;
	case RK_HIST_LESS: return order < 0;
	case RK_HIST_NOT_EQUAL: return order != 0;
	}
	return false;
}

static void run_one(struct run *run, const struct rk_hist_request *request,
		    struct rk_hist_answer *ret)
{
	switch (request->kind) {
	case RK_HIST_PUT: put(run, request, ret); break;
	case RK_HIST_DELETE: remove_range(run, request, ret); break;
	case RK_HIST_RANGE: range(run, request, ret); break;
	case RK_HIST_LEASE_END: end_lease(run, request->lease); break;
	case RK_HIST_TXN:
	case RK_HIST_COMPACT: break;
	}
}

static void txn(struct run *run, const struct rk_hist_request *request, struct rk_hist_answer *ret)
{
	ret->succeeded = true;
	for (size_t i = 0; i < request->compare_count && ret->succeeded; i++)
		ret->succeeded = holds(run->model, &request->compares[i]);
	const struct rk_hist_request *ops = ret->succeeded ? request->then_ops : request->else_ops;
	const size_t count = ret->succeeded ? request->then_count : request->else_count;
	struct rk_hist_answer *parts = rk_arena_zalloc(run->arena, (count + 1) * sizeof *parts);
	for (size_t i = 0; i < count; i++)
		run_one(run, &ops[i], &parts[i]);
	ret->parts = parts;
	ret->part_count = count;
}

bool rk_model_run(struct rk_model *model, struct rk_arena *arena,
		  const struct rk_hist_request *request, int64_t revision,
		  struct rk_hist_answer *ret)
{
	struct run run = { .model = model, .arena = arena, .revision = revision };

	rk_assert(revision > model->revision);
	*ret = (struct rk_hist_answer){ 0 };
	if (request->kind == RK_HIST_TXN)
		txn(&run, request, ret);
	else
		run_one(&run, request, ret);
	ret->revision = run.sub > 0 ? revision : model->revision;
	return run.sub > 0;
}

uint64_t rk_model_hash(const struct rk_model *model)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	for (size_t i = 0; i < model->count; i++) {
		const struct rk_hist_kv *kv = at_revision(&model->keys[i], INT64_MAX);
		if (kv == NULL)
			continue;
		rk_buf_put_bytes(&bytes, kv->key);
		rk_buf_put_bytes(&bytes, kv->value);
		rk_buf_put_u64(&bytes, (uint64_t)kv->version);
		rk_buf_put_u64(&bytes, (uint64_t)kv->lease);
	}
	return rk_hash64(rk_buf_span(&bytes), 0);
}
