#include "cli/hint.h"

#define WORD "unknown field \""

/* "containers[0]" is the field "containers". */
static struct rk_span bare(struct rk_span part)
{
	struct rk_span name;

	(void)rk_span_cut(part, '[', &name);
	return name;
}

static void hint_one(const struct rk_kind *kind, struct rk_span path, struct rk_buf *out)
{
	const struct rk_type *type = kind->type;
	struct rk_span rest = path, part;
	size_t before = 0;

	for (;;) {
		rest = rk_span_cut(rest, '.', &part);
		const struct rk_prop *prop = rk_type_prop(type, bare(part));
		if (prop == NULL || rest.data == NULL)
			break;
		type = prop->type;
		before = (size_t)(rest.data - path.data);
	}
	const char *near = rk_type_nearest(type, bare(part));
	if (near != NULL && rk_type_prop(type, bare(part)) == NULL)
		rk_buf_printf(out, "did you mean %.*s%s?\n", (int)before, (const char *)path.data,
			      near);
}

void rk_hint_fields(const struct rk_kind *kind, struct rk_span text, struct rk_buf *out)
{
	for (;;) {
		const uint8_t *at =
			text.size > 0 ? memmem(text.data, text.size, WORD, sizeof WORD - 1) : NULL;
		struct rk_span path;
		if (at == NULL)
			return;
		text = rk_span_sub(text, (size_t)(at - text.data) + sizeof WORD - 1, text.size);
		text = rk_span_cut(text, '"', &path);
		hint_one(kind, path, out);
	}
}
