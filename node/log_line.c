#include "node/log_line.h"

#include "base/timefmt.h"

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
	if (view->timestamps) {
		rk_buf_put_span(out, time);
		rk_buf_put_u8(out, ' ');
	}
	rk_buf_put_span(out, text);
	if (is_full)
		rk_buf_put_u8(out, '\n');
	if (view->limit < 0)
		return;
	if ((int64_t)(out->size - before) > view->limit)
		out->size = before + (size_t)view->limit;
	view->limit -= (int64_t)(out->size - before);
}
