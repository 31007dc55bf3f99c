#include "sim/history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define LINE_MAX_BYTES 512

bool rk_hist_range_has(const struct rk_hist_range *range, struct rk_span key)
{
	if (range->end.size == 0)
		return rk_span_eq(range->key, key);
	if (rk_span_cmp(key, range->key) < 0)
		return false;
	return (range->end.size == 1 && range->end.data[0] == 0) ||
	       rk_span_cmp(key, range->end) < 0;
}

const char *rk_hist_kind_name(enum rk_hist_kind kind)
{
	switch (kind) {
	case RK_HIST_PUT: return "put";
	case RK_HIST_DELETE: return "delete";
	case RK_HIST_RANGE: return "range";
	case RK_HIST_TXN: return "txn";
	case RK_HIST_COMPACT: return "compact";
	case RK_HIST_LEASE_END: return "end of a lease";
	}
	return "?";
}

void rk_history_done(struct rk_history *history)
{
	for (size_t i = 0; i < history->watch_count; i++)
		free(history->watches[i].responses);
	free(history->watches);
	free(history->ops);
	rk_arena_done(&history->arena);
	*history = (struct rk_history){ 0 };
}

struct rk_hist_op *rk_history_op(struct rk_history *history)
{
	history->ops = rk_grow(history->ops, &history->op_capacity, history->op_count + 1,
			       sizeof *history->ops);
	struct rk_hist_op *op = &history->ops[history->op_count++];
	*op = (struct rk_hist_op){ .returned_at = RK_HIST_NEVER };
	return op;
}

struct rk_hist_watch *rk_history_watch(struct rk_history *history)
{
	history->watches = rk_grow(history->watches, &history->watch_capacity,
				   history->watch_count + 1, sizeof *history->watches);
	struct rk_hist_watch *watch = &history->watches[history->watch_count++];
	*watch = (struct rk_hist_watch){ 0 };
	return watch;
}

struct rk_hist_response *rk_history_response(struct rk_hist_watch *watch)
{
	watch->responses = rk_grow(watch->responses, &watch->capacity, watch->count + 1,
				   sizeof *watch->responses);
	struct rk_hist_response *response = &watch->responses[watch->count++];
	*response = (struct rk_hist_response){ 0 };
	return response;
}

void rk_findings_done(struct rk_findings *findings)
{
	rk_buf_done(&findings->text);
	findings->count = 0;
}

void rk_finding(struct rk_findings *findings, const char *check, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args);
	va_end(args);
	rk_buf_printf(&findings->text, "%s: %s\n", check, line);
	findings->count++;
}

void rk_hist_op_text(struct rk_buf *out, const struct rk_history *history, size_t number)
{
	const struct rk_hist_op *op = &history->ops[number];
	const struct rk_span key = op->request.kind == RK_HIST_TXN && op->request.then_count > 0
					   ? op->request.then_ops[0].range.key
					   : op->request.range.key;

	rk_buf_printf(out, "op %zu (client %" PRId64 ", %s \"%.*s\")", number, op->client,
		      rk_hist_kind_name(op->request.kind), RK_SPAN_ARGS(key));
}

void rk_hist_kv_text(struct rk_buf *out, const struct rk_hist_kv *kv)
{
	rk_buf_printf(out,
		      "\"%.*s\"=\"%.*s\" (created %" PRId64 ", modified %" PRId64
		      ", version %" PRId64 ", lease %" PRId64 ")",
		      RK_SPAN_ARGS(kv->key), RK_SPAN_ARGS(kv->value), kv->created, kv->modified,
		      kv->version, kv->lease);
}

bool rk_hist_kv_eq(const struct rk_hist_kv *a, const struct rk_hist_kv *b)
{
	return rk_span_eq(a->key, b->key) && rk_span_eq(a->value, b->value) &&
	       a->created == b->created && a->modified == b->modified && a->version == b->version &&
	       a->lease == b->lease;
}
