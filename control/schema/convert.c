#include "control/schema/convert.h"

#include "base/mem.h"
#include "control/schema/schema.h"

/* --- events: the same fields by other names --- */

static const char *const event_names[][2] = {
	/* events.k8s.io, core */
	{ "deprecatedCount", "count" },
	{ "deprecatedFirstTimestamp", "firstTimestamp" },
	{ "deprecatedLastTimestamp", "lastTimestamp" },
	{ "deprecatedSource", "source" },
	{ "note", "message" },
	{ "regarding", "involvedObject" },
	{ "reportingController", "reportingComponent" },
};

static void rename_fields(struct rk_val *obj, size_t from)
{
	for (uint32_t i = 0; i < obj->count; i++)
		for (size_t n = 0; n < RK_COUNT(event_names); n++)
			if (rk_span_is(obj->fields[i].key, event_names[n][from])) {
				obj->fields[i].key = rk_span_str(event_names[n][1 - from]);
				break;
			}
}

/* --- both ways --- */

static bool is_event(const struct rk_kind *kind) { return strcmp(kind->kind, "Event") == 0; }

int rk_convert_in(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *obj,
		  struct rk_val **ret, struct rk_val **ret_status)
{
	const struct rk_kind *stored = kind->stored;

	*ret = obj;
	if (stored == kind)
		return RK_OK;
	rk_val_put_cstr(arena, obj, "apiVersion", stored->api_version);
	if (kind->custom != NULL) /* conversion None: no more than that */
		return RK_OK;
	if (is_event(kind))
		rename_fields(obj, 0);
	else
		RK_TRY(rk_convert_autoscaler_in(arena, obj, ret_status));
	/* What came out of an annotation has been checked by nobody yet. */
	RK_TRY(rk_schema_decode(arena, stored, obj, RK_STRICT_IGNORE, NULL, ret_status));
	rk_schema_default(arena, stored, obj);
	return RK_OK;
}

struct rk_val *rk_convert_out(struct rk_arena *arena, const struct rk_kind *kind,
			      struct rk_val *obj)
{
	if (kind == NULL || kind->stored == kind ||
	    !rk_span_is(rk_val_text_at(obj, "apiVersion"), kind->stored->api_version) ||
	    !rk_span_is(rk_val_text_at(obj, "kind"), kind->stored->kind))
		return obj;
	struct rk_val *copy = rk_val_copy(arena, obj);
	rk_val_put_cstr(arena, copy, "apiVersion", kind->api_version);
	if (is_event(kind))
		rename_fields(copy, 1);
	else if (kind->custom == NULL)
		rk_convert_autoscaler_out(arena, copy);
	return copy;
}
