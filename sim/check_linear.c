#include "sim/check_linear.h"

#include <inttypes.h>

#include "base/mem.h"
#include "sim/answer.h"
#include "sim/evidence.h"

#define UNSEEN_MAX 2 /* operations without an answer that one step may need */
#define NOBODY     SIZE_MAX

struct step {          /* in the order of the witness */
	int64_t place; /* twice the revision; one more for what only reads there */
	int64_t revision;
	size_t op; /* NOBODY: a revision that was seen and that no answer explains */
	int64_t invoked_at, returned_at;
	int64_t seen_at;  /* when somebody knew of this revision */
	int64_t known_by; /* the earliest end of this and every later step */
	bool is_write, may_be_old;
};

struct lost { /* an operation without an answer */
	struct rk_hist_request request;
	int64_t invoked_at;
	int64_t revision; /* where it happened; 0: not known */
	bool is_used;
};

struct checker {
	const struct rk_history *history;
	const struct rk_linear_opts *opts;
	struct rk_findings *findings;
	struct rk_evidences evidences;
	struct rk_model model;
	struct rk_arena arena; /* of one step */
	size_t count, capacity;
	struct step *steps;
	size_t lost_count, lost_capacity;
	struct lost *lost;
	struct rk_buf why; /* the last step did not fit */
	size_t told_count, told_capacity;
	int64_t *told; /* revisions of the events of the watch that saw all, ascending */
};

/* --- steps --- */

static void add_step(struct checker *checker, const struct step *step)
{
	checker->steps = rk_grow(checker->steps, &checker->capacity, checker->count + 1,
				 sizeof *checker->steps);
	checker->steps[checker->count++] = *step;
}

static void add_lost(struct checker *checker, const struct rk_hist_request *request,
		     int64_t invoked_at, int64_t revision)
{
	checker->lost = rk_grow(checker->lost, &checker->lost_capacity, checker->lost_count + 1,
				sizeof *checker->lost);
	checker->lost[checker->lost_count++] =
		(struct lost){ .request = *request, .invoked_at = invoked_at, .revision = revision };
}

static bool may_write(const struct rk_hist_request *request)
{
	return request->kind == RK_HIST_PUT || request->kind == RK_HIST_DELETE ||
	       request->kind == RK_HIST_TXN;
}

/* A lease that keys hang on may end whenever it likes, once. */
static void add_lease(struct checker *checker, int64_t lease, int64_t invoked_at)
{
	if (lease == 0)
		return;
	for (size_t i = 0; i < checker->lost_count; i++) {
		struct lost *lost = &checker->lost[i];
		if (lost->request.kind != RK_HIST_LEASE_END || lost->request.lease != lease)
			continue;
		lost->invoked_at = RK_MIN(lost->invoked_at, invoked_at);
		return;
	}
	add_lost(checker, &(struct rk_hist_request){ .kind = RK_HIST_LEASE_END, .lease = lease },
		 invoked_at, 0);
}

static void add_leases(struct checker *checker, const struct rk_hist_request *request,
		       int64_t invoked_at)
{
	add_lease(checker, request->lease, invoked_at);
	for (size_t i = 0; i < request->then_count; i++)
		add_lease(checker, request->then_ops[i].lease, invoked_at);
	for (size_t i = 0; i < request->else_count; i++)
		add_lease(checker, request->else_ops[i].lease, invoked_at);
}

static void add_ops(struct checker *checker)
{
	const struct rk_history *history = checker->history;

	for (size_t i = 0; i < history->op_count; i++) {
		const struct rk_hist_op *op = &history->ops[i];
		const struct rk_hist_answer *answer = &op->answer;
		add_leases(checker, &op->request, op->invoked_at);
		if (op->returned_at == RK_HIST_NEVER) {
			if (may_write(&op->request) && answer->revision != RK_HIST_NOWHERE)
				add_lost(checker, &op->request, op->invoked_at, answer->revision);
			continue;
		}
		if (answer->code != RK_HIST_OK)
			continue;
		const bool wrote = rk_answer_wrote(&op->request, answer);
		add_step(checker, &(struct step){ .place = 2 * answer->revision + !wrote,
						  .revision = answer->revision,
						  .op = i,
						  .invoked_at = op->invoked_at,
						  .returned_at = op->returned_at,
						  .seen_at = RK_HIST_NEVER,
						  .is_write = wrote,
						  .may_be_old = op->request.serializable });
	}
}

static int by_place(const void *left, const void *right)
{
	const struct step *a = left, *b = right;

	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->op < b->op ? -1 : a->op > b->op;
}

static void sort(struct checker *checker)
{
	if (checker->count > 0)
		qsort(checker->steps, checker->count, sizeof *checker->steps, by_place);
}

/* The write that made a revision, of the sorted steps. */
static struct step *write_of(struct checker *checker, int64_t revision)
{
	size_t low = 0, high = checker->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (checker->steps[middle].place < 2 * revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low < checker->count && checker->steps[low].place == 2 * revision
		       ? &checker->steps[low]
		       : NULL;
}

/* Revisions that were seen: those of answers learn when; the others become steps of their own. */
static void add_seen(struct checker *checker)
{
	const struct rk_evidences *evidences = &checker->evidences;
	struct rk_buf orphans = { 0 };

	sort(checker);
	for (size_t i = 0; i < evidences->count;) {
		const int64_t revision = evidences->at[i].revision;
		int64_t seen_at = RK_HIST_NEVER;
		for (; i < evidences->count && evidences->at[i].revision == revision; i++)
			seen_at = RK_MIN(seen_at, evidences->at[i].seen_at);
		struct step *write = write_of(checker, revision);
		const struct step orphan = { .place = 2 * revision,
					     .revision = revision,
					     .op = NOBODY,
					     .invoked_at = INT64_MIN,
					     .returned_at = RK_HIST_NEVER,
					     .seen_at = seen_at,
					     .is_write = true };
		if (write != NULL)
			write->seen_at = seen_at;
		else
			rk_buf_put(&orphans, &orphan, sizeof orphan);
	}
	for (size_t at = 0; at < orphans.size; at += sizeof(struct step)) {
		struct step orphan;
		memcpy(&orphan, orphans.data + at, sizeof orphan);
		add_step(checker, &orphan);
	}
	rk_buf_done(&orphans);
	sort(checker);
	int64_t known_by = RK_HIST_NEVER;
	for (size_t i = checker->count; i > 0; i--) {
		struct step *step = &checker->steps[i - 1];
		known_by = RK_MIN(known_by, RK_MIN(step->returned_at, step->seen_at));
		step->known_by = known_by;
	}
}

/* --- one order, and that of time --- */

static void op_text(const struct checker *checker, size_t op, struct rk_buf *out)
{
	if (op == NOBODY)
		rk_buf_put_str(out, "somebody");
	else
		rk_hist_op_text(out, checker->history, op);
}

static void found_pair(struct checker *checker, const char *check, const struct step *a,
		       const char *what, const struct step *b)
{
	RK_AUTO(rk_buf_done) struct rk_buf left = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf right = { 0 };

	op_text(checker, a->op, &left);
	op_text(checker, b->op, &right);
	rk_finding(checker->findings, check,
		   "%s at revision %" PRId64 " %s %s at revision %" PRId64, rk_buf_cstr(&left),
		   a->revision, what, rk_buf_cstr(&right), b->revision);
}

static void check_unique(struct checker *checker)
{
	for (size_t i = 1; i < checker->count; i++) {
		const struct step *a = &checker->steps[i - 1], *b = &checker->steps[i];
		if (a->is_write && b->is_write && a->revision == b->revision)
			found_pair(checker, "unique-revision", a, "made the same as", b);
		if (b->is_write && b->revision <= checker->opts->first_revision)
			found_pair(checker, "unique-revision", b, "is before the first one:", b);
	}
}

/* Steps in order: nobody may have returned before somebody with a lower place was invoked. */
static void check_time(struct checker *checker)
{
	const struct step *latest = NULL; /* invoked, of those with a lower place */

	for (size_t begin = 0, end; begin < checker->count; begin = end) {
		const struct step *group = &checker->steps[begin];
		for (end = begin; end < checker->count && checker->steps[end].place == group->place;
		     end++) {
			const struct step *step = &checker->steps[end];
			if (latest != NULL && step->returned_at < latest->invoked_at)
				found_pair(checker, "real-time", step,
					   "returned before there was, with a lower revision,",
					   latest);
		}
		for (size_t i = begin; i < end; i++) {
			const struct step *step = &checker->steps[i];
			if (!step->may_be_old &&
			    (latest == NULL || step->invoked_at > latest->invoked_at))
				latest = step;
		}
		if (latest != NULL && group->seen_at < latest->invoked_at)
			found_pair(checker, "real-time", group, "was seen before there was",
				   latest);
	}
}

/* --- carrying it out --- */

static void seen_text(struct checker *checker, const struct rk_evidence *seen, const char *doing)
{
	struct rk_buf *out = &checker->why;

	rk_buf_clear(out);
	if (seen->is_watch)
		rk_buf_printf(out, "watch %zu (client %" PRId64 ")", seen->by,
			      checker->history->watches[seen->by].client);
	else
		rk_hist_op_text(out, checker->history, seen->by);
	rk_buf_printf(out, " saw %s ", doing);
	if (seen->kind == RK_EVIDENCE_KV)
		rk_hist_kv_text(out, &seen->kv);
	else
		rk_buf_printf(out, "\"%.*s\" %s", RK_SPAN_ARGS(seen->kv.key),
			      seen->kind == RK_EVIDENCE_GONE ? "gone" : "created");
}

/* What others saw of this revision is what the model has now. */
static bool agrees(struct checker *checker, int64_t revision)
{
	const struct rk_evidences *evidences = &checker->evidences;

	for (size_t i = rk_evidence_seek(evidences, revision);
	     i < evidences->count && evidences->at[i].revision == revision; i++) {
		const struct rk_evidence *seen = &evidences->at[i];
		const struct rk_hist_kv *kv = rk_model_get(&checker->model, seen->kv.key, revision);
		const bool is_here = kv != NULL && kv->modified == revision;
		if (seen->kind == RK_EVIDENCE_GONE ? kv == NULL
		    : seen->kind == RK_EVIDENCE_KV ? is_here && rk_hist_kv_eq(kv, &seen->kv)
						   : is_here && kv->created == revision)
			continue;
		seen_text(checker, seen, "it make");
		rk_buf_put_str(&checker->why, kv != NULL ? ", wanted " : ", wanted nothing");
		if (kv != NULL)
			rk_hist_kv_text(&checker->why, kv);
		return false;
	}
	return true;
}

/* Of a watch that saw all: where its events of this revision or later begin. */
static size_t told_seek(const struct checker *checker, int64_t revision)
{
	size_t low = 0, high = checker->told_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (checker->told[middle] < revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Nothing else was changed than what was seen. */
static bool is_all(struct checker *checker, struct rk_model_mark mark, int64_t revision)
{
	const size_t told = told_seek(checker, revision + 1) - told_seek(checker, revision);
	const size_t made = checker->model.done_count - mark.done;

	if (checker->opts->complete == 0 || told == made)
		return true;
	rk_buf_clear(&checker->why);
	rk_buf_printf(&checker->why, "wanted %zu events, got %zu", made, told);
	return false;
}

static bool run_op(struct checker *checker, const struct step *step)
{
	const struct rk_hist_op *op = &checker->history->ops[step->op];
	struct rk_model *model = &checker->model;
	const struct rk_model_mark mark = rk_model_mark(model);
	struct rk_hist_answer want;

	if (step->is_write && step->revision <= model->revision) {
		rk_buf_clear(&checker->why);
		rk_buf_printf(&checker->why, "revision %" PRId64 " is made already",
			      model->revision);
		return false;
	}
	const int64_t revision = step->is_write ? step->revision : model->revision + 1;
	const bool wrote = rk_model_run(model, &checker->arena, &op->request, revision, &want);
	rk_buf_clear(&checker->why);
	if (wrote == step->is_write &&
	    rk_answer_is(&op->request, &want, &op->answer, true, &checker->why) &&
	    (!wrote || (agrees(checker, revision) && is_all(checker, mark, revision))))
		return true;
	if (checker->why.size == 0)
		rk_buf_put_str(&checker->why,
			       wrote ? "wanted a change, got none" : "wanted no change, got one");
	rk_model_undo(model, mark);
	return false;
}

/* One of the lost operations made a revision that was seen. */
static bool run_orphan(struct checker *checker, const struct step *step)
{
	struct rk_model *model = &checker->model;
	const struct rk_model_mark mark = rk_model_mark(model);
	struct rk_hist_answer answer;

	if (step->revision <= model->revision)
		return false;
	for (size_t i = 0; i < checker->lost_count; i++) {
		struct lost *lost = &checker->lost[i];
		if (lost->is_used || lost->invoked_at > step->known_by ||
		    (lost->revision != 0 && lost->revision != step->revision))
			continue;
		if (rk_model_run(model, &checker->arena, &lost->request, step->revision, &answer) &&
		    agrees(checker, step->revision) && is_all(checker, mark, step->revision)) {
			lost->is_used = true;
			return true;
		}
		rk_model_undo(model, mark);
	}
	const struct rk_evidence *seen =
		&checker->evidences.at[rk_evidence_seek(&checker->evidences, step->revision)];
	seen_text(checker, seen, "what no operation made:");
	return false;
}

/* The step as it is, or after lost operations that nobody saw. */
static bool run_step(struct checker *checker, const struct step *step, unsigned unseen)
{
	struct rk_model *model = &checker->model;
	const struct rk_model_mark mark = rk_model_mark(model);
	struct rk_hist_answer answer;

	if (step->op == NOBODY ? run_orphan(checker, step) : run_op(checker, step))
		return true;
	/* A read may follow a change at its own revision, a write not. */
	if (unseen == 0 || model->revision + (step->is_write ? 1 : 0) >= step->revision)
		return false;
	RK_AUTO(rk_buf_done) struct rk_buf why = checker->why;
	checker->why = (struct rk_buf){ 0 };
	for (size_t i = 0; i < checker->lost_count; i++) {
		struct lost *lost = &checker->lost[i];
		if (lost->is_used || lost->invoked_at > step->known_by)
			continue;
		lost->is_used = true;
		if (rk_model_run(model, &checker->arena, &lost->request, model->revision + 1,
				 &answer) &&
		    run_step(checker, step, unseen - 1))
			return true;
		lost->is_used = false;
		rk_model_undo(model, mark);
	}
	rk_buf_clear(&checker->why);
	rk_buf_put_span(&checker->why, rk_buf_span(&why));
	return false;
}

static int by_number(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

static void collect_told(struct checker *checker)
{
	if (checker->opts->complete == 0)
		return;
	const struct rk_hist_watch *watch =
		&checker->history->watches[checker->opts->complete - 1];
	for (size_t i = 0; i < watch->count; i++) {
		for (size_t k = 0; k < watch->responses[i].count; k++) {
			checker->told = rk_grow(checker->told, &checker->told_capacity,
						checker->told_count + 1, sizeof *checker->told);
			checker->told[checker->told_count++] =
				watch->responses[i].events[k].kv.modified;
		}
	}
	if (checker->told_count > 0)
		qsort(checker->told, checker->told_count, sizeof *checker->told, by_number);
}

static void run_all(struct checker *checker)
{
	collect_told(checker);
	checker->model.revision = checker->opts->first_revision;
	for (size_t i = 0; i < checker->count; i++) {
		const struct step *step = &checker->steps[i];
		RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
		const bool fits =
			run_step(checker, step, checker->opts->complete != 0 ? 0 : UNSEEN_MAX);
		if (fits) {
			rk_arena_reset(&checker->arena);
			continue;
		}
		op_text(checker, step->op, &text);
		rk_finding(checker->findings, step->op == NOBODY ? "explained" : "answer",
			   "%s at revision %" PRId64 ": %s", rk_buf_cstr(&text), step->revision,
			   rk_buf_cstr(&checker->why));
		return; /* what follows would only repeat it */
	}
}

/* --- answers about revisions that are gone or not there yet --- */

struct bound { /* of times up to `at`, the highest revision */
	int64_t at, revision;
};

struct bounds {
	size_t count, capacity;
	struct bound *at;
};

static void add_bound(struct bounds *bounds, int64_t at, int64_t revision)
{
	bounds->at = rk_grow(bounds->at, &bounds->capacity, bounds->count + 1, sizeof *bounds->at);
	bounds->at[bounds->count++] = (struct bound){ at, revision };
}

static int by_at(const void *left, const void *right)
{
	const struct bound *a = left, *b = right;

	return a->at < b->at ? -1 : a->at > b->at;
}

static void end_bounds(struct bounds *bounds)
{
	if (bounds->count > 0)
		qsort(bounds->at, bounds->count, sizeof *bounds->at, by_at);
	for (size_t i = 1; i < bounds->count; i++)
		bounds->at[i].revision = RK_MAX(bounds->at[i].revision, bounds->at[i - 1].revision);
}

/* The highest revision of what was before `at`; INT64_MIN: nothing was. */
static int64_t bound_before(const struct bounds *bounds, int64_t at)
{
	size_t low = 0, high = bounds->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (bounds->at[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? bounds->at[low - 1].revision : INT64_MIN;
}

struct gone { /* compacted for certain, perhaps; and revisions that were there */
	struct bounds sure, maybe, there;
};

static void collect_gone(const struct rk_history *history, struct gone *gone)
{
	for (size_t i = 0; i < history->op_count; i++) {
		const struct rk_hist_op *op = &history->ops[i];
		const bool is_answered = op->returned_at != RK_HIST_NEVER;
		const bool is_ok = is_answered && op->answer.code == RK_HIST_OK;
		if (is_ok)
			add_bound(&gone->there, op->returned_at, op->answer.revision);
		if (op->request.kind != RK_HIST_COMPACT || (is_answered && !is_ok))
			continue;
		add_bound(&gone->maybe, op->invoked_at, op->request.revision);
		if (is_ok)
			add_bound(&gone->sure, op->returned_at, op->request.revision);
	}
	end_bounds(&gone->sure);
	end_bounds(&gone->maybe);
	end_bounds(&gone->there);
}

static void check_gone(struct checker *checker, const struct gone *gone, size_t number)
{
	const struct rk_hist_op *op = &checker->history->ops[number];
	const int64_t revision = op->request.revision;
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	if (op->returned_at == RK_HIST_NEVER || revision <= 0)
		return;
	const int64_t sure = bound_before(&gone->sure, op->invoked_at);
	const int64_t maybe = bound_before(&gone->maybe, op->returned_at);
	const int64_t there = bound_before(&gone->there, op->invoked_at);
	const bool is_compact = op->request.kind == RK_HIST_COMPACT;
	rk_hist_op_text(&text, checker->history, number);
	if (op->answer.code == RK_HIST_OK && !op->request.serializable &&
	    sure >= revision + !is_compact)
		rk_finding(checker->findings, "compaction",
			   "%s at revision %" PRId64
			   " was answered, wanted a refusal: compacted up to %" PRId64,
			   rk_buf_cstr(&text), revision, sure);
	if (op->answer.code == RK_HIST_OK && revision > op->answer.revision)
		rk_finding(checker->findings, "future",
			   "%s at revision %" PRId64 " was answered at revision %" PRId64
			   ", wanted a refusal",
			   rk_buf_cstr(&text), revision, op->answer.revision);
	if (op->answer.code == RK_HIST_COMPACTED && maybe < revision + !is_compact)
		rk_finding(checker->findings, "compaction",
			   "%s at revision %" PRId64 " was refused, and nobody compacted that far",
			   rk_buf_cstr(&text), revision);
	if (op->answer.code == RK_HIST_FUTURE && !op->request.serializable && there >= revision)
		rk_finding(checker->findings, "future",
			   "%s at revision %" PRId64 " was refused, and there was %" PRId64
			   " before",
			   rk_buf_cstr(&text), revision, there);
}

static void check_all_gone(struct checker *checker)
{
	struct gone gone = { 0 };

	collect_gone(checker->history, &gone);
	for (size_t i = 0; i < checker->history->op_count; i++)
		if (checker->history->ops[i].request.kind == RK_HIST_RANGE ||
		    checker->history->ops[i].request.kind == RK_HIST_COMPACT)
			check_gone(checker, &gone, i);
	free(gone.sure.at);
	free(gone.maybe.at);
	free(gone.there.at);
}

/* Each revision up to the last one was made by one operation, seen or not. */
static void check_dense(struct checker *checker)
{
	int64_t made = 0, last = checker->opts->first_revision;
	int64_t lost = (int64_t)checker->lost_count; /* that explain nothing yet */

	for (size_t i = 0; i < checker->count; i++) {
		made += checker->steps[i].is_write;
		lost -= checker->steps[i].op == NOBODY;
		last = RK_MAX(last, checker->steps[i].revision);
	}
	const int64_t missing = last - checker->opts->first_revision - made;
	if (missing > lost)
		rk_finding(checker->findings, "dense",
			   "of the revisions up to %" PRId64 ", %" PRId64
			   " were made by nobody, and only %" PRId64
			   " operations may have made them",
			   last, missing, lost);
}

bool rk_check_linear(const struct rk_history *history, const struct rk_linear_opts *opts,
		     struct rk_model *ret_truth, struct rk_findings *findings)
{
	struct checker checker = { .history = history, .opts = opts, .findings = findings };
	const unsigned before = findings->count;

	rk_evidence_collect(history, &checker.evidences);
	add_ops(&checker);
	add_seen(&checker);
	check_unique(&checker);
	check_time(&checker);
	check_all_gone(&checker);
	if (opts->is_dense)
		check_dense(&checker);
	if (findings->count == before)
		run_all(&checker);
	rk_evidence_done(&checker.evidences);
	rk_arena_done(&checker.arena);
	rk_buf_done(&checker.why);
	free(checker.steps);
	free(checker.lost);
	free(checker.told);
	if (ret_truth != NULL)
		*ret_truth = checker.model;
	else
		rk_model_done(&checker.model);
	return findings->count == before;
}
