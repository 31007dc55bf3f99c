#include "sim/check_wgl.h"

#include "base/mem.h"
#include "sim/answer.h"

#define TRIED_MAX (1u << 21) /* states */

struct tried { /* open addressing; mask 0 is empty */
	uint64_t mask, state;
};

struct search {
	const struct rk_history *history;
	struct rk_model model;
	struct rk_arena arena;
	size_t count;
	size_t ops[RK_WGL_OPS_MAX]; /* in the history */
	uint64_t must;              /* those that were answered */
	uint64_t best;              /* of the orders that were tried, the most that fitted */
	size_t tried_count, tried_capacity; /* a power of two */
	struct tried *tried;
	bool is_too_big;
};

static const struct rk_hist_op *op_at(const struct search *search, size_t at)
{
	return &search->history->ops[search->ops[at]];
}

static size_t slot_of(const struct search *search, struct tried tried)
{
	const struct rk_span bytes = rk_span_of(&tried, sizeof tried);
	size_t at = rk_hash64(bytes, 0) & (search->tried_capacity - 1);

	while (search->tried[at].mask != 0 &&
	       (search->tried[at].mask != tried.mask || search->tried[at].state != tried.state))
		at = (at + 1) & (search->tried_capacity - 1);
	return at;
}

static void grow(struct search *search)
{
	const size_t old_capacity = search->tried_capacity;
	struct tried *old = search->tried;

	search->tried_capacity = old_capacity > 0 ? 2 * old_capacity : 1024;
	search->tried = rk_zalloc(search->tried_capacity * sizeof *search->tried);
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].mask != 0)
			search->tried[slot_of(search, old[i])] = old[i];
	free(old);
}

/* Whether these operations led to this state before; remembers it. */
static bool was_tried(struct search *search, uint64_t mask)
{
	const struct tried tried = { mask, rk_model_hash(&search->model) };

	if (2 * search->tried_count >= search->tried_capacity)
		grow(search);
	const size_t at = slot_of(search, tried);
	if (search->tried[at].mask != 0)
		return true;
	search->tried[at] = tried;
	search->tried_count++;
	search->is_too_big = search->is_too_big || search->tried_count > TRIED_MAX;
	return false;
}

/* Nothing that is not done yet had returned before this one was invoked. */
static bool may_be_next(const struct search *search, uint64_t done, size_t at)
{
	const int64_t invoked_at = op_at(search, at)->invoked_at;

	for (size_t i = 0; i < search->count; i++)
		if ((done >> i & 1) == 0 && i != at && op_at(search, i)->returned_at < invoked_at)
			return false;
	return true;
}

static bool fits(struct search *search, size_t at)
{
	const struct rk_hist_op *op = op_at(search, at);
	struct rk_hist_answer want;

	(void)rk_model_run(&search->model, &search->arena, &op->request, search->model.revision + 1,
			   &want);
	return op->returned_at == RK_HIST_NEVER ||
	       rk_answer_is(&op->request, &want, &op->answer, false, NULL);
}

static bool go_on(struct search *search, uint64_t done)
{
	if ((done & search->must) == search->must)
		return true;
	if (__builtin_popcountll(done & search->must) >
	    __builtin_popcountll(search->best & search->must))
		search->best = done;
	for (size_t i = 0; i < search->count && !search->is_too_big; i++) {
		if ((done >> i & 1) != 0 || !may_be_next(search, done, i))
			continue;
		const struct rk_model_mark mark = rk_model_mark(&search->model);
		const uint64_t next = done | UINT64_C(1) << i;
		if (fits(search, i) && !was_tried(search, next) && go_on(search, next))
			return true;
		rk_model_undo(&search->model, mark);
	}
	return false;
}

static bool asks_for_revisions(const struct rk_hist_request *request)
{
	for (size_t i = 0; i < request->compare_count; i++) {
		const struct rk_hist_compare *compare = &request->compares[i];
		const bool is_revision =
			compare->target == RK_HIST_CREATED || compare->target == RK_HIST_MODIFIED;
		/* Whether there is a key at all is no question of revisions. */
		if (is_revision && compare->number != 0)
			return true;
	}
	return false;
}

/* RK_OK: taken or left out. */
static int take(struct search *search, size_t number)
{
	const struct rk_hist_op *op = &search->history->ops[number];
	const struct rk_hist_request *request = &op->request;
	const bool is_answered = op->returned_at != RK_HIST_NEVER;

	if (request->kind == RK_HIST_COMPACT || request->serializable || request->revision != 0 ||
	    (is_answered && op->answer.code != RK_HIST_OK) ||
	    (!is_answered && request->kind == RK_HIST_RANGE))
		return RK_OK;
	if (asks_for_revisions(request))
		return RK_ENOTSUP;
	if (search->count == RK_WGL_OPS_MAX)
		return RK_ETOOBIG;
	if (is_answered)
		search->must |= UINT64_C(1) << search->count;
	search->ops[search->count++] = number;
	return RK_OK;
}

static void tell(struct search *search, struct rk_findings *findings)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	size_t at = 0;

	while (at + 1 < search->count &&
	       ((search->must >> at & 1) == 0 || (search->best >> at & 1) != 0))
		at++;
	rk_hist_op_text(&text, search->history, search->ops[at]);
	rk_finding(findings, "linearizable",
		   "no order of the operations gives the answers; the longest one leaves out %d, "
		   "such as %s",
		   __builtin_popcountll(search->must & ~search->best), rk_buf_cstr(&text));
}

int rk_check_wgl(const struct rk_history *history, struct rk_findings *findings)
{
	struct search search = { .history = history };
	int err = RK_OK;

	for (size_t i = 0; i < history->op_count && err == RK_OK; i++)
		err = take(&search, i);
	if (err == RK_OK && !go_on(&search, 0))
		err = search.is_too_big ? RK_ETOOBIG : RK_ECORRUPT;
	if (err == RK_ECORRUPT)
		tell(&search, findings);
	rk_model_done(&search.model);
	rk_arena_done(&search.arena);
	free(search.tried);
	return err;
}
