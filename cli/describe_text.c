/* The parts that descriptions of several kinds share, and the generic form. */
#include <ctype.h>
#include <stdarg.h>
#include <time.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/describe.h"
#include "wire/jsonpath.h"
#include "cli/three_way.h"

#define ANNOTATION_WIDE 140

void rk_describe_put(struct rk_describe *d, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	const int size = vasprintf(&text, format, args);
	va_end(args);
	rk_assert(size >= 0);
	rk_buf_put(&d->out, text, (size_t)size);
	free(text);
}

static struct rk_val *sorted(struct rk_describe *d, const struct rk_val *map)
{
	struct rk_val *copy = rk_val_copy(d->arena, map);

	rk_val_sort(copy);
	return copy;
}

void rk_describe_map(struct rk_describe *d, const char *label, const struct rk_val *map,
		     const char *between, const char *indent)
{
	rk_describe_put(d, "%s%s:\t", indent, label);
	if (rk_val_count(map) == 0) {
		rk_describe_put(d, "<none>\n");
		return;
	}
	const struct rk_val *all = sorted(d, map);
	for (uint32_t i = 0; i < all->count; i++)
		rk_describe_put(d, "%s%s%.*s%s%.*s\n", i > 0 ? indent : "", i > 0 ? "\t" : "",
				RK_SPAN_ARGS(all->fields[i].key), between,
				RK_SPAN_ARGS(rk_val_text(all->fields[i].val)));
}

void rk_describe_labels(struct rk_describe *d, const char *indent)
{
	rk_describe_map(d, "Labels", rk_val_at(d->object, "metadata.labels"), "=", indent);
}

static void put_annotation(struct rk_describe *d, const struct rk_field *field)
{
	struct rk_span text = rk_val_text(field->val), line;

	rk_describe_put(d, "%.*s:", RK_SPAN_ARGS(field->key));
	if (text.size < ANNOTATION_WIDE &&
	    (text.size == 0 || memchr(text.data, '\n', text.size) == NULL)) {
		rk_describe_put(d, " %.*s\n", RK_SPAN_ARGS(text));
		return;
	}
	rk_describe_put(d, "\n");
	while (text.size > 0) {
		text = rk_span_cut(text, '\n', &line);
		rk_describe_put(d, "\t  %.*s%s\n",
				RK_SPAN_ARGS(rk_span_sub(line, 0, ANNOTATION_WIDE)),
				line.size > ANNOTATION_WIDE ? "..." : "");
	}
}

void rk_describe_annotations(struct rk_describe *d, const char *indent)
{
	const struct rk_val *map = rk_val_at(d->object, "metadata.annotations");
	bool is_first = true;

	rk_describe_put(d, "%sAnnotations:\t", indent);
	const struct rk_val *all = map != NULL ? sorted(d, map) : NULL;
	for (uint32_t i = 0; i < rk_val_count(all); i++) {
		if (rk_span_is(all->fields[i].key, RK_LAST_APPLIED))
			continue;
		rk_describe_put(d, "%s%s", is_first ? "" : indent, is_first ? "" : "\t");
		put_annotation(d, &all->fields[i]);
		is_first = false;
	}
	if (is_first)
		rk_describe_put(d, "<none>\n");
}

void rk_describe_meta(struct rk_describe *d, bool has_namespace)
{
	rk_describe_put(d, "Name:\t%.*s\n",
			RK_SPAN_ARGS(rk_val_text_at(d->object, "metadata.name")));
	if (has_namespace)
		rk_describe_put(d, "Namespace:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(d->object, "metadata.namespace")));
}

const char *rk_describe_time(struct rk_describe *d, struct rk_span time, const char *otherwise)
{
	char text[64];
	int64_t time_ms;
	struct tm parts;

	if (!rk_time_parse(time, &time_ms))
		return otherwise;
	const time_t seconds = time_ms / 1000;
	if (localtime_r(&seconds, &parts) == NULL ||
	    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S %z", &parts) == 0)
		return otherwise;
	return rk_arena_str(d->arena, rk_span_str(text));
}

const char *rk_describe_age(struct rk_describe *d, struct rk_span time)
{
	char text[RK_TIME_TEXT_MAX];
	int64_t time_ms;

	if (!rk_time_parse(time, &time_ms))
		return "<unknown>";
	const size_t size = rk_duration_human(text, RK_MAX(d->now_ms - time_ms, (int64_t)0));
	return rk_arena_str(d->arena, rk_span_of(text, size));
}

void rk_describe_owner(struct rk_describe *d)
{
	const struct rk_val *owners = rk_val_at(d->object, "metadata.ownerReferences");

	for (uint32_t i = 0; i < rk_val_count(owners); i++) {
		const struct rk_val *owner = rk_val_item(owners, i);
		if (rk_val_bool_at(owner, "controller", false))
			rk_describe_put(d, "Controlled By:\t%.*s/%.*s\n",
					RK_SPAN_ARGS(rk_val_text_at(owner, "kind")),
					RK_SPAN_ARGS(rk_val_text_at(owner, "name")));
	}
}

struct rk_val *rk_describe_fetch(struct rk_describe *d, const char *target)
{
	struct rk_error error = { 0 };
	struct rk_val *val = NULL;

	if (d->session == NULL)
		return NULL;
	if (rk_session_get(d->session, target, &val, &error) < 0) {
		rk_session_tell(d->session, NULL, &error);
		return NULL;
	}
	return val;
}

/* --- the generic form --- */

/* "holderIdentity" is "Holder Identity", "podIPs" "Pod I Ps" as kubectl has it, "uid" "UID". */
static void put_title(struct rk_describe *d, struct rk_span name)
{
	if (rk_span_is(name, "uid") || rk_span_is(name, "uuid")) {
		rk_describe_put(d, rk_span_is(name, "uid") ? "UID" : "UUID");
		return;
	}
	for (size_t i = 0; i < name.size; i++) {
		const int c = name.data[i];
		if (i == 0)
			rk_buf_put_u8(&d->out, (uint8_t)toupper(c));
		else {
			if (isupper(c) && !isupper(name.data[i - 1]))
				rk_buf_put_u8(&d->out, ' ');
			rk_buf_put_u8(&d->out, (uint8_t)c);
		}
	}
}

static void put_tree(struct rk_describe *d, const struct rk_val *val, const char *indent,
		     bool is_meta)
{
	const struct rk_val *all = sorted(d, val);
	const char *deeper = rk_arena_printf(d->arena, "%s  ", indent);

	for (uint32_t i = 0; i < all->count; i++) {
		const struct rk_span key = all->fields[i].key;
		const struct rk_val *inner = all->fields[i].val;
		if (is_meta && (rk_span_is(key, "name") || rk_span_is(key, "namespace") ||
				rk_span_is(key, "labels") || rk_span_is(key, "annotations") ||
				rk_span_is(key, "managedFields")))
			continue;
		rk_describe_put(d, "%s", indent);
		put_title(d, key);
		if (rk_val_is(inner, RK_VAL_MAP)) {
			rk_describe_put(d, ":\n");
			put_tree(d, inner, deeper, false);
		} else if (rk_val_is(inner, RK_VAL_LIST)) {
			rk_describe_put(d, ":\n");
			for (uint32_t n = 0; n < inner->count; n++) {
				if (rk_val_is(inner->items[n], RK_VAL_MAP)) {
					put_tree(d, inner->items[n], deeper, false);
					continue;
				}
				rk_describe_put(d, "%s", deeper);
				rk_jsonpath_put(&d->out, inner->items[n]);
				rk_describe_put(d, "\n");
			}
		} else {
			rk_describe_put(d, ":\t");
			rk_jsonpath_put(&d->out, inner);
			rk_describe_put(d, "\n");
		}
	}
}

void rk_describe_generic(struct rk_describe *d)
{
	struct rk_val *rest = rk_val_copy(d->arena, d->object);

	rk_describe_meta(d, true);
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	rk_describe_put(d, "API Version:\t%s\nKind:\t%s\nMetadata:\n", d->kind->api_version,
			d->kind->kind);
	put_tree(d, rk_val_make(d->arena, rest, "metadata"), "  ", true);
	(void)rk_val_remove(rest, RK_SPAN("metadata"));
	(void)rk_val_remove(rest, RK_SPAN("kind"));
	(void)rk_val_remove(rest, RK_SPAN("apiVersion"));
	put_tree(d, rest, "", false);
}
