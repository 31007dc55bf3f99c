#include "sim/check_watch.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/mem.h"

struct change {               /* of the truth, in order */
	struct rk_hist_kv kv; /* version 0: a deletion */
	uint32_t sub;
	const struct rk_hist_kv *prev; /* NULL: there was nothing */
};

struct changes {
	size_t count, capacity;
	struct change *at;
};

struct watching {
	const struct rk_hist_watch *watch;
	size_t number;
	const struct changes *truth;
	int64_t compacted; /* as far as somebody asked for it */
	struct rk_findings *findings;
};

/* --- the truth --- */

static int by_order(const void *left, const void *right)
{
	const struct change *a = left, *b = right;

	if (a->kv.modified != b->kv.modified)
		return a->kv.modified < b->kv.modified ? -1 : 1;
	return a->sub < b->sub ? -1 : a->sub > b->sub;
}

static void add_key(struct changes *changes, const struct rk_model_key *key)
{
	for (size_t i = 0; i < key->count; i++) {
		const bool has_prev = i > 0 && key->versions[i - 1].kv.version > 0;
		changes->at = rk_grow(changes->at, &changes->capacity, changes->count + 1,
				      sizeof *changes->at);
		changes->at[changes->count++] =
			(struct change){ .kv = key->versions[i].kv,
					 .sub = key->versions[i].sub,
					 .prev = has_prev ? &key->versions[i - 1].kv : NULL };
	}
}

static void collect(const struct rk_model *model, struct changes *ret)
{
	for (size_t i = 0; i < model->count; i++)
		add_key(ret, &model->keys[i]);
	if (ret->count > 0)
		qsort(ret->at, ret->count, sizeof *ret->at, by_order);
}

static size_t seek(const struct changes *changes, int64_t revision)
{
	size_t low = 0, high = changes->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (changes->at[middle].kv.modified < revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The change of a key at a revision, or NULL. */
static const struct change *change_of(const struct changes *changes, struct rk_span key,
				      int64_t revision)
{
	for (size_t i = seek(changes, revision);
	     i < changes->count && changes->at[i].kv.modified == revision; i++)
		if (rk_span_eq(changes->at[i].kv.key, key))
			return &changes->at[i];
	return NULL;
}

static bool wants(const struct rk_hist_watch *watch, struct rk_span key, bool is_delete)
{
	return rk_hist_range_has(&watch->range, key) &&
	       !(is_delete ? watch->no_delete : watch->no_put);
}

/* --- telling --- */

__attribute__((format(printf, 4, 5))) static void found(const struct watching *watching,
							const char *check,
							const struct rk_hist_event *event,
							const char *format, ...)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char why[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof why, format, args);
	va_end(args);
	rk_buf_printf(&text, "watch %zu (client %" PRId64 ", from %" PRId64 ")", watching->number,
		      watching->watch->client, watching->watch->from);
	if (event != NULL)
		rk_buf_printf(&text, ", %s of \"%.*s\" at revision %" PRId64,
			      event->is_delete ? "delete" : "put", RK_SPAN_ARGS(event->kv.key),
			      event->kv.modified);
	rk_finding(watching->findings, check, "%s: %s", rk_buf_cstr(&text), why);
}

/* --- every event by itself --- */

static void check_filter(const struct watching *watching, const struct rk_hist_event *event)
{
	const struct rk_hist_watch *watch = watching->watch;

	if (!rk_hist_range_has(&watch->range, event->kv.key))
		found(watching, "filter", event, "not in the range [\"%.*s\", \"%.*s\")",
		      RK_SPAN_ARGS(watch->range.key), RK_SPAN_ARGS(watch->range.end));
	else if (!wants(watch, event->kv.key, event->is_delete))
		found(watching, "filter", event, "filtered out by the watch");
	else if (event->kv.modified < watch->from)
		found(watching, "filter", event, "before the revision that was asked for");
}

static void check_prev(const struct watching *watching, const struct rk_hist_event *event,
		       const struct change *change)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	if (!watching->watch->prev_kv) {
		if (event->has_prev)
			found(watching, "prev-kv", event, "not asked for");
		return;
	}
	const bool is_same = event->has_prev == (change->prev != NULL) &&
			     (!event->has_prev || rk_hist_kv_eq(&event->prev, change->prev));
	/* What was replaced may be compacted while the event is not. */
	if (is_same || (!event->has_prev && event->kv.modified <= watching->compacted))
		return;
	if (change->prev != NULL)
		rk_hist_kv_text(&text, change->prev);
	found(watching, "prev-kv", event, "wanted %s, got %s",
	      change->prev != NULL ? rk_buf_cstr(&text) : "nothing",
	      event->has_prev ? "another one" : "nothing");
}

static void check_create(const struct watching *watching, const struct rk_hist_event *event,
			 const struct change *change)
{
	if (event->is_delete)
		return;
	const bool is_told = event->kv.version == 1 && event->kv.created == event->kv.modified;
	const bool is_so = change->prev == NULL;
	if (is_told != is_so)
		found(watching, "is-create", event, "%s",
		      is_so ? "the key was not there before, and this is not told as its first "
			      "version"
			    : "the key was there before, and this is told as its first version");
}

static void check_event(const struct watching *watching, const struct rk_hist_event *event)
{
	const struct change *change = change_of(watching->truth, event->kv.key, event->kv.modified);
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	check_filter(watching, event);
	if (change == NULL || (change->kv.version == 0) != event->is_delete) {
		found(watching, "reliable", event, "there was no such change");
		return;
	}
	check_create(watching, event, change);
	check_prev(watching, event, change);
	if (event->is_delete || rk_hist_kv_eq(&event->kv, &change->kv))
		return;
	rk_hist_kv_text(&text, &change->kv);
	found(watching, "reliable", event, "wanted %s", rk_buf_cstr(&text));
}

/* --- all events of a watch --- */

struct past {              /* of the events that came */
	int64_t revision;  /* of the last one */
	int64_t progress;  /* that was notified */
	bool may_be_split; /* the last response said that more follows */
	size_t begin;      /* of the last revision's events in `seen` */
	size_t count, capacity;
	const struct rk_hist_event **seen;
};

static bool came_before(const struct past *past, const struct rk_hist_event *event)
{
	/* Of what is out of order anything may have come before. */
	const size_t begin = event->kv.modified < past->revision    ? 0
			     : event->kv.modified == past->revision ? past->begin
								    : past->count;

	for (size_t i = begin; i < past->count; i++)
		if (past->seen[i]->kv.modified == event->kv.modified &&
		    rk_span_eq(past->seen[i]->kv.key, event->kv.key))
			return true;
	return false;
}

static void check_order(const struct watching *watching, struct past *past,
			const struct rk_hist_event *event, bool is_first)
{
	const int64_t revision = event->kv.modified;

	if (came_before(past, event))
		found(watching, "unique", event, "it came before");
	else if (is_first && past->count > 0 && revision == past->revision && !past->may_be_split)
		found(watching, "atomic", event, "its revision was begun by an earlier response");
	if (revision < past->revision)
		found(watching, "ordered", event, "after revision %" PRId64, past->revision);
	if (revision <= past->progress)
		found(watching, "bookmarkable", event,
		      "after the notification that all up to %" PRId64 " was sent", past->progress);
	if (revision > past->revision)
		past->begin = past->count;
	past->seen = rk_grow(past->seen, &past->capacity, past->count + 1, sizeof(void *));
	past->seen[past->count++] = event;
	past->revision = RK_MAX(past->revision, revision);
}

static int by_place(const void *left, const void *right)
{
	const struct rk_hist_event *a = *(const struct rk_hist_event *const *)left;
	const struct rk_hist_event *b = *(const struct rk_hist_event *const *)right;

	if (a->kv.modified != b->kv.modified)
		return a->kv.modified < b->kv.modified ? -1 : 1;
	return rk_span_cmp(a->kv.key, b->kv.key);
}

static bool has_come(const struct past *past, const struct change *change)
{
	size_t low = 0, high = past->count;
	const struct rk_hist_event wanted = { .kv = change->kv };
	const struct rk_hist_event *pointer = &wanted;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = by_place(&past->seen[middle], &pointer);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Where the watch begins: what it asked for, or what was newest when it was made. 0: not known. */
static int64_t begin_of(const struct rk_hist_watch *watch)
{
	if (watch->from > 0)
		return watch->from;
	return watch->count > 0 && watch->responses[0].is_created ? watch->responses[0].revision + 1
								  : 0;
}

/* Everything from the start to the last that is known to be sent. The first one that is missing
 * before all others makes it not resumable, any other not reliable. */
static void check_missing(const struct watching *watching, struct past *past)
{
	const struct changes *truth = watching->truth;
	const int64_t last = RK_MAX(past->revision, past->progress);
	int64_t from = begin_of(watching->watch);

	if (past->count > 0)
		qsort(past->seen, past->count, sizeof(void *), by_place);
	const int64_t first = past->count > 0 ? past->seen[0]->kv.modified : INT64_MIN;
	if (from == 0 && past->count == 0)
		return;
	if (from == 0)
		from = first;
	for (size_t i = seek(truth, from); i < truth->count && truth->at[i].kv.modified <= last;
	     i++) {
		const struct change *change = &truth->at[i];
		const bool is_delete = change->kv.version == 0;
		if (!wants(watching->watch, change->kv.key, is_delete) || has_come(past, change))
			continue;
		const struct rk_hist_event missing = { .is_delete = is_delete, .kv = change->kv };
		found(watching, change->kv.modified < first ? "resumable" : "reliable", &missing,
		      "it is missing");
	}
}

static void check_cancel(const struct watching *watching, const struct past *past,
			 const struct rk_hist_response *response)
{
	const int64_t next = past->revision > 0 ? past->revision + 1 : watching->watch->from;

	if (response->compacted > 0 && next >= response->compacted)
		found(watching, "resumable", NULL,
		      "cancelled as compacted up to %" PRId64 ", and it was at %" PRId64,
		      response->compacted, next);
}

static void check_response(const struct watching *watching, struct past *past,
			   const struct rk_hist_response *response)
{
	for (size_t i = 0; i < response->count; i++) {
		check_order(watching, past, &response->events[i], i == 0);
		check_event(watching, &response->events[i]);
	}
	if (response->is_progress) {
		if (response->revision < past->revision)
			found(watching, "bookmarkable", NULL,
			      "notified of %" PRId64 " after events of %" PRId64,
			      response->revision, past->revision);
		past->progress = RK_MAX(past->progress, response->revision);
	}
	if (response->is_cancel)
		check_cancel(watching, past, response);
	if (response->count > 0)
		past->may_be_split = response->is_fragment;
}

bool rk_check_watch(const struct rk_history *history, const struct rk_model *truth,
		    struct rk_findings *findings)
{
	const unsigned before = findings->count;
	struct changes changes = { 0 };
	int64_t compacted = 0;

	for (size_t i = 0; i < history->op_count; i++)
		if (history->ops[i].request.kind == RK_HIST_COMPACT)
			compacted = RK_MAX(compacted, history->ops[i].request.revision);
	collect(truth, &changes);
	for (size_t i = 0; i < history->watch_count; i++) {
		const struct watching watching = { .watch = &history->watches[i],
						   .number = i,
						   .truth = &changes,
						   .compacted = compacted,
						   .findings = findings };
		struct past past = { 0 };
		for (size_t j = 0; j < watching.watch->count; j++)
			check_response(&watching, &past, &watching.watch->responses[j]);
		check_missing(&watching, &past);
		free(past.seen);
	}
	free(changes.at);
	return findings->count == before;
}
