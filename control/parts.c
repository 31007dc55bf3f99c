/* The parts that objects of many kinds have: owners, conditions, finalizers; and events about them. */
#include <stdarg.h>
#include <stdio.h>

#include "control/follow.h"
#include "control/objects.h"
#include "control/work.h"
#include "wire/doc.h"

const struct rk_val *rk_object_controller(const struct rk_val *object)
{
	const struct rk_val *owners = rk_val_at(object, "metadata.ownerReferences");

	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (rk_val_bool_at(rk_val_item(owners, i), "controller", false))
			return rk_val_item(owners, i);
	return NULL;
}

struct rk_val *rk_owner_ref(struct rk_state *state, const struct rk_val *owner, bool is_controller)
{
	struct rk_val *ref = rk_val_map(&state->arena);

	rk_val_put(&state->arena, ref, "apiVersion", rk_val_at(owner, "apiVersion"));
	rk_val_put(&state->arena, ref, "kind", rk_val_at(owner, "kind"));
	rk_val_put_str(&state->arena, ref, "name", rk_object_name(owner));
	rk_val_put_str(&state->arena, ref, "uid", rk_object_uid(owner));
	if (is_controller) {
		rk_val_put_bool(&state->arena, ref, "controller", true);
		rk_val_put_bool(&state->arena, ref, "blockOwnerDeletion", true);
	}
	return ref;
}

static struct rk_val *find_condition(const struct rk_val *object, const char *type)
{
	const struct rk_val *conditions = rk_val_at(object, "status.conditions");

	for (uint32_t i = 0; i < rk_val_count(conditions); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(conditions, i), "type"), type))
			return rk_val_item(conditions, i);
	return NULL;
}

struct rk_val *rk_condition(struct rk_state *state, struct rk_val *object, const char *type, bool make)
{
	struct rk_val *condition = find_condition(object, type);

	if (condition != NULL || !make)
		return condition;
	struct rk_val *status = rk_val_make(&state->arena, object, "status");
	struct rk_val *conditions = rk_val_at(status, "conditions");
	if (!rk_val_is(conditions, RK_VAL_LIST)) {
		conditions = rk_val_list(&state->arena);
		rk_val_put(&state->arena, status, "conditions", conditions);
	}
	condition = rk_val_map(&state->arena);
	rk_val_put_cstr(&state->arena, condition, "type", type);
	rk_val_append(&state->arena, conditions, condition);
	return condition;
}

bool rk_condition_is(const struct rk_val *object, const char *type, const char *status)
{
	return rk_span_is(rk_val_text_at(find_condition(object, type), "status"), status);
}

bool rk_condition_set(struct rk_state *state, struct rk_val *object, const char *type, const char *status,
		      const char *reason, const char *message)
{
	struct rk_val *condition = rk_condition(state, object, type, true);
	const bool same_status = rk_span_is(rk_val_text_at(condition, "status"), status);

	if (same_status && rk_span_is(rk_val_text_at(condition, "reason"), reason) &&
	    rk_span_is(rk_val_text_at(condition, "message"), message))
		return false;
	rk_val_put_cstr(&state->arena, condition, "status", status);
	if (!same_status || rk_val_at(condition, "lastTransitionTime") == NULL)
		rk_val_put_str(&state->arena, condition, "lastTransitionTime", rk_state_time(state));
	rk_val_put(&state->arena, condition, "reason", reason[0] ? rk_val_cstr(&state->arena, reason) : NULL);
	rk_val_put(&state->arena, condition, "message",
		   message[0] ? rk_val_str(&state->arena, rk_arena_span(&state->arena, rk_span_str(message))) : NULL);
	return true;
}

void rk_condition_remove(struct rk_val *object, const char *type)
{
	struct rk_val *list = rk_val_at(object, "status.conditions");

	for (uint32_t i = rk_val_count(list); i-- > 0;)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "type"), type))
			rk_val_remove_item(list, i);
	if (list != NULL && rk_val_count(list) == 0)
		(void)rk_val_remove(rk_val_at(object, "status"), RK_SPAN("conditions"));
}

bool rk_finalizer_has(const struct rk_val *object, const char *name)
{
	const struct rk_val *list = rk_val_at(object, "metadata.finalizers");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text(rk_val_item(list, i)), name))
			return true;
	return false;
}

void rk_finalizer_add(struct rk_state *state, struct rk_val *object, const char *name)
{
	struct rk_val *meta = rk_val_make(&state->arena, object, "metadata");
	struct rk_val *list = rk_val_at(meta, "finalizers");

	if (rk_finalizer_has(object, name))
		return;
	if (!rk_val_is(list, RK_VAL_LIST)) {
		list = rk_val_list(&state->arena);
		rk_val_put(&state->arena, meta, "finalizers", list);
	}
	rk_val_append(&state->arena, list, rk_val_cstr(&state->arena, name));
}

bool rk_finalizer_remove(struct rk_val *object, const char *name)
{
	struct rk_val *list = rk_val_at(object, "metadata.finalizers");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		if (!rk_span_is(rk_val_text(rk_val_item(list, i)), name))
			continue;
		rk_val_remove_item(list, i);
		if (rk_val_count(list) == 0)
			(void)rk_val_remove(rk_val_at(object, "metadata"), RK_SPAN("finalizers"));
		return true;
	}
	return false;
}

static struct rk_val *involved(struct rk_state *state, const struct rk_val *about)
{
	struct rk_val *ref = rk_val_map(&state->arena);

	rk_val_put(&state->arena, ref, "kind", rk_val_at(about, "kind"));
	rk_val_put(&state->arena, ref, "namespace", rk_val_at(about, "metadata.namespace"));
	rk_val_put(&state->arena, ref, "name", rk_val_at(about, "metadata.name"));
	rk_val_put(&state->arena, ref, "uid", rk_val_at(about, "metadata.uid"));
	rk_val_put(&state->arena, ref, "apiVersion", rk_val_at(about, "apiVersion"));
	rk_val_put(&state->arena, ref, "resourceVersion", rk_val_at(about, "metadata.resourceVersion"));
	return ref;
}

static struct rk_val *new_event(struct rk_state *state, const struct rk_val *about, struct rk_span name,
				const char *type, const char *reason, const char *component, struct rk_span message)
{
	struct rk_val *event = rk_val_map(&state->arena);
	struct rk_val *meta = rk_val_make(&state->arena, event, "metadata");

	rk_val_put_str(&state->arena, meta, "name", name);
	rk_val_put(&state->arena, event, "involvedObject", involved(state, about));
	rk_val_put_cstr(&state->arena, event, "reason", reason);
	rk_val_put_str(&state->arena, event, "message", message);
	rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, event, "source"), "component", component);
	rk_val_put_str(&state->arena, event, "firstTimestamp", rk_state_time(state));
	rk_val_put_str(&state->arena, event, "lastTimestamp", rk_state_time(state));
	rk_val_put_int(&state->arena, event, "count", 1);
	rk_val_put_cstr(&state->arena, event, "type", type);
	rk_val_put_cstr(&state->arena, event, "reportingComponent", component);
	rk_val_put_cstr(&state->arena, event, "reportingInstance", "");
	return event;
}

void rk_event(struct rk_state *state, const struct rk_val *about, const char *type, const char *reason,
	      const char *component, const char *format, ...)
{
	struct rk_buf text = { 0 };
	va_list args;
	char message[1024];

	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	/* One event for each (object, reason, message): what upstream's correlator does by counting. */
	rk_buf_put_span(&text, rk_object_uid(about));
	rk_buf_put_str(&text, reason);
	rk_buf_put_str(&text, message);
	const uint64_t hash = rk_hash64(rk_buf_span(&text), 1);
	rk_buf_done(&text);
	struct rk_span ns = rk_object_ns(about);
	if (ns.size == 0)
		ns = RK_SPAN("default");
	const struct rk_span base = rk_span_sub(rk_object_name(about), 0, 230);
	const struct rk_span name = rk_span_str(
		rk_arena_printf(&state->arena, "%.*s.%016llx", RK_SPAN_ARGS(base), (unsigned long long)hash));
	struct rk_val *event = rk_state_val(state, RK_SPAN("events"), ns, name);
	if (event == NULL) {
		const struct rk_span said = rk_arena_span(&state->arena, rk_span_str(message));
		(void)rk_object_make(state, "events", ns, new_event(state, about, name, type, reason, component, said));
		return;
	}
	rk_val_put_int(&state->arena, event, "count", rk_val_int_at(event, "count", 1) + 1);
	rk_val_put_str(&state->arena, event, "lastTimestamp", rk_state_time(state));
	rk_state_put(state, RK_SPAN("events"), ns, name, event);
}
