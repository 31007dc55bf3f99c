#include "control/schema/path.h"

#include "base/buf.h"

static void write_path(struct rk_buf *out, const struct rk_path *path, bool places)
{
	if (path == NULL)
		return;
	write_path(out, path->up, places);
	if (path->index >= 0) {
		if (places)
			rk_buf_printf(out, "[%lld]", (long long)path->index);
	} else if (path->is_key) {
		if (places)
			rk_buf_printf(out, "[%.*s]", RK_SPAN_ARGS(path->name));
	} else {
		rk_buf_printf(out, "%s%.*s", out->size > 0 ? "." : "", RK_SPAN_ARGS(path->name));
	}
}

const char *rk_path_text(struct rk_arena *arena, const struct rk_path *path, bool places)
{
	struct rk_buf out = { 0 };

	write_path(&out, path, places);
	const char *text = rk_arena_str(arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return text;
}
