#include "sim/evidence.h"

#include "base/mem.h"

struct seer {
	struct rk_evidences *to;
	int64_t at;
	bool is_watch;
	size_t by;
};

static void add(const struct seer *seer, enum rk_evidence_kind kind, int64_t revision,
		const struct rk_hist_kv *kv)
{
	struct rk_evidences *to = seer->to;

	to->at = rk_grow(to->at, &to->capacity, to->count + 1, sizeof *to->at);
	to->at[to->count++] =
		(struct rk_evidence){ revision, kind, *kv, seer->at, seer->is_watch, seer->by };
}

static void add_kv(const struct seer *seer, const struct rk_hist_kv *kv)
{
	const struct rk_hist_kv key = { .key = kv->key };

	add(seer, RK_EVIDENCE_KV, kv->modified, kv);
	if (kv->created != kv->modified)
		add(seer, RK_EVIDENCE_CREATED, kv->created, &key);
}

static void add_answer(const struct seer *seer, const struct rk_hist_answer *answer)
{
	for (size_t i = 0; i < answer->kv_count; i++)
		add_kv(seer, &answer->kvs[i]);
	for (size_t i = 0; i < answer->part_count; i++)
		add_answer(seer, &answer->parts[i]);
}

static void add_event(const struct seer *seer, const struct rk_hist_event *event)
{
	const struct rk_hist_kv key = { .key = event->kv.key };

	if (event->is_delete)
		add(seer, RK_EVIDENCE_GONE, event->kv.modified, &key);
	else
		add_kv(seer, &event->kv);
	if (event->has_prev)
		add_kv(seer, &event->prev);
}

static int by_revision(const void *left, const void *right)
{
	const struct rk_evidence *a = left, *b = right;

	if (a->revision != b->revision)
		return a->revision < b->revision ? -1 : 1;
	return rk_span_cmp(a->kv.key, b->kv.key);
}

void rk_evidence_collect(const struct rk_history *history, struct rk_evidences *ret)
{
	for (size_t i = 0; i < history->op_count; i++) {
		const struct rk_hist_op *op = &history->ops[i];
		const struct seer seer = { ret, op->returned_at, false, i };
		if (op->returned_at != RK_HIST_NEVER && op->answer.code == RK_HIST_OK)
			add_answer(&seer, &op->answer);
	}
	for (size_t i = 0; i < history->watch_count; i++) {
		const struct rk_hist_watch *watch = &history->watches[i];
		for (size_t j = 0; j < watch->count; j++) {
			const struct seer seer = { ret, watch->responses[j].at, true, i };
			for (size_t k = 0; k < watch->responses[j].count; k++)
				add_event(&seer, &watch->responses[j].events[k]);
		}
	}
	if (ret->count > 0)
		qsort(ret->at, ret->count, sizeof *ret->at, by_revision);
}

void rk_evidence_done(struct rk_evidences *evidences)
{
	free(evidences->at);
	*evidences = (struct rk_evidences){ 0 };
}

size_t rk_evidence_seek(const struct rk_evidences *evidences, int64_t revision)
{
	size_t low = 0, high = evidences->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (evidences->at[middle].revision < revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
