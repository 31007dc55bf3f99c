#include "node/log_line.h"

#include "base/timefmt.h"

/* conmon writes UTC as an offset, which no other node's log does. */
static void put_time(struct rk_span time, struct rk_buf *out)
{
	const struct rk_span utc = RK_SPAN("+00:00");
	const size_t rest = time.size > utc.size ? time.size - utc.size : 0;
	const bool is_utc = rk_span_eq(rk_span_sub(time, rest, time.size), utc);

	rk_buf_put_span(out, is_utc ? rk_span_sub(time, 0, rest) : time);
	rk_buf_put_span(out, is_utc ? RK_SPAN("Z ") : RK_SPAN(" "));
}

void rk_log_line(struct rk_log_view *view, struct rk_span line, struct rk_buf *out)
{
	struct rk_span time, stream, tag;
	int64_t at = 0;
	const size_t before = out->size;

	const struct rk_span text =
		rk_span_cut(rk_span_cut(rk_span_cut(line, ' ', &time), ' ', &stream), ' ', &tag);
	const bool is_full = rk_span_is(tag, "F");
	if (!(is_full || rk_span_is(tag, "P")) ||
	    !(rk_span_is(stream, "stdout") || rk_span_is(stream, "stderr")))
		return;
	if (view->has_since && (!rk_time_parse(time, &at) || at < view->since_ms))
		return;
	if (view->timestamps && !view->is_inside)
		put_time(time, out);
	view->is_inside = !is_full;
	rk_buf_put_span(out, text);
	if (is_full)
		rk_buf_put_u8(out, '\n');
	if (view->limit < 0)
		return;
	if ((int64_t)(out->size - before) > view->limit)
		out->size = before + (size_t)view->limit;
	view->limit -= (int64_t)(out->size - before);
}
