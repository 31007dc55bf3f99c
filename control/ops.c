#include "control/ops.h"

#include "base/mem.h"
#include "control/budget.h"
#include "control/created.h"
#include "control/customs.h"
#include "control/scale.h"
#include "control/schema/convert.h"
#include "control/schema/names.h"
#include "control/schema/patch.h"
#include "control/schema/schema.h"
#include "control/schema/selector.h"
#include "control/status.h"
#include "wire/doc.h"

struct op { /* taken apart */
	struct rk_state *state;
	const struct rk_val *val, *command;
	const struct rk_kind *kind; /* in whose form the object is stored */
	const struct rk_kind *form; /* in which patches and selectors are written: mostly the same */
	struct rk_span ns, name, sub;
	struct rk_write_opts opts;
	struct rk_outcome *ret;
};

static void refuse(struct op *op, struct rk_val *status)
{
	op->ret->code = (int)rk_val_int_at(status, "code", 500);
	op->ret->body = status;
}

static struct rk_write_opts opts_of(const struct rk_val *op)
{
	const struct rk_val *grace = rk_val_at(op, "opts.grace");

	return (struct rk_write_opts){
		.uid = rk_val_text_at(op, "opts.uid"),
		.revision = rk_val_text_at(op, "opts.rv"),
		.manager = rk_val_text_at(op, "opts.manager"),
		.sub = rk_val_text_at(op, "sub"),
		.has_grace = rk_val_is(grace, RK_VAL_INT),
		.grace_seconds = rk_val_is(grace, RK_VAL_INT) ? grace->integer : 0,
		.propagation = rk_val_text_at(op, "opts.propagation"),
	};
}

static bool is_sub(const struct op *op, const char *sub)
{
	return rk_span_is(op->sub, sub);
}

/* What of the object an update may change. */
static const char *part_of(const struct op *op)
{
	static const char *const parts[] = { "approval", "ephemeralcontainers", "finalize", "resize", "status" };

	for (size_t i = 0; i < RK_COUNT(parts); i++)
		if (is_sub(op, parts[i]))
			return parts[i];
	return "";
}

static struct rk_val *current_of(struct op *op)
{
	struct rk_val *current = rk_state_val(op->state, rk_span_str(op->kind->resource), op->ns, op->name);

	if (current == NULL)
		refuse(op, rk_status_not_found(&op->state->arena, rk_span_str(op->kind->resource), op->name));
	return current;
}

/* --- scale: autoscaling/v1 Scale as a window on spec.replicas --- */

static void store_scale(struct op *op, struct rk_val *current, const struct rk_val *scale)
{
	const int64_t replicas = rk_val_int_at(scale, "spec.replicas", 0);
	struct rk_arena *arena = &op->state->arena;
	struct rk_write_opts opts = op->opts;

	if (replicas < 0) {
		struct rk_val *causes = rk_val_list(arena);
		rk_cause_add(arena, causes, "FieldValueInvalid", "spec.replicas",
			     "Invalid value: %lld: must be greater than or equal to 0", (long long)replicas);
		refuse(op, rk_status_invalid(arena, RK_SPAN("autoscaling"), RK_SPAN("Scale"), op->name, causes));
		return;
	}
	opts.revision = rk_val_text_at(scale, "metadata.resourceVersion");
	rk_val_set_at(arena, current, rk_scale_path(op->kind), rk_val_int(arena, replicas));
	if (opts.revision.size > 0) /* the caller's, so that it is compared */
		rk_val_put_str(arena, rk_val_make(arena, current, "metadata"), "resourceVersion", opts.revision);
	rk_object_update(op->state, op->kind, op->ns, op->name, current, "", &opts, op->ret);
	if (rk_outcome_ok(op->ret))
		op->ret->body = rk_scale_of(arena, op->kind, op->ret->body);
}

/* --- patch --- */

static void patch_result(struct op *op, struct rk_val *current, struct rk_val *patched)
{
	struct rk_arena *arena = &op->state->arena;
	struct rk_val *warnings = rk_val_list(arena), *status = NULL;
	enum rk_strictness strictness = RK_STRICT_WARN;

	(void)rk_strictness_of(rk_val_text_at(op->val, "opts.fieldValidation"), &strictness); /* checked at the door */
	if (is_sub(op, "scale")) {
		const struct rk_type *type = rk_types_by_name(rk_state_kinds(op->state), RK_SPAN("Scale"));
		if (rk_schema_decode_type(arena, type, "Scale", "autoscaling/v1", patched, strictness, warnings,
					  &status) < 0)
			refuse(op, status);
		else
			store_scale(op, current, patched);
		return;
	}
	if (rk_schema_decode(arena, op->form, patched, strictness, warnings, &status) < 0) {
		refuse(op, status);
		return;
	}
	if (!rk_span_eq(rk_object_name(patched), op->name)) {
		refuse(op, rk_status_bad_request(arena, "the name of the object (%.*s) does not match the name on the URL (%.*s)",
						 RK_SPAN_ARGS(rk_object_name(patched)), RK_SPAN_ARGS(op->name)));
		return;
	}
	rk_schema_default(arena, op->form, patched);
	if (rk_convert_in(arena, op->form, patched, &patched, &status) < 0) {
		refuse(op, status);
		return;
	}
	rk_object_update(op->state, op->kind, op->ns, op->name, patched, part_of(op), &op->opts, op->ret);
	op->ret->warnings = rk_val_count(warnings) > 0 ? warnings : NULL;
}

static bool points_at_owners(const struct rk_val *step, const char *pointer)
{
	const struct rk_val *val = rk_val_get(step, rk_span_str(pointer));
	const struct rk_span text = rk_val_text(val);

	return val != NULL && (text.size == 0 || rk_span_is(text, "/metadata") ||
			       rk_span_starts(text, RK_SPAN("/metadata/managedFields")));
}

/* Whether the patch can see metadata.managedFields. */
static bool names_owners(const struct op *op, const struct rk_val *body)
{
	if (op->sub.size > 0)
		return false;
	if (!rk_val_is(body, RK_VAL_LIST))
		return rk_val_at(body, "metadata.managedFields") != NULL;
	for (uint32_t i = 0; i < body->count; i++)
		if (points_at_owners(body->items[i], "path") || points_at_owners(body->items[i], "from"))
			return true;
	return false;
}

static void run_patch(struct op *op)
{
	struct rk_arena *arena = &op->state->arena;
	const struct rk_val *body = rk_val_at(op->val, "doc");
	const struct rk_type *type = op->form->type;
	struct rk_val *current = current_of(op), *patched = NULL, *status = NULL;

	if (current == NULL)
		return;
	if (!names_owners(op, body)) /* then they are neither copied nor checked: the update knows the old ones */
		(void)rk_object_take_owners(current);
	const struct rk_val *target = rk_convert_out(arena, op->form, current);
	if (is_sub(op, "scale")) {
		target = rk_scale_of(arena, op->kind, current);
		type = rk_types_by_name(rk_state_kinds(op->state), RK_SPAN("Scale"));
	}
	/* A resourceVersion in the patch is a precondition; without one the patch applies to what is there, and cannot
	 * conflict. */
	if (rk_patch_apply(arena, type, rk_val_text_at(op->val, "patch"), target, body, &patched, &status) < 0)
		refuse(op, status);
	else
		patch_result(op, current, patched);
}

/* --- server-side apply: creates what is not there --- */

/* The part of the object that a Scale stands for. NULL after refusing. */
static struct rk_val *config_of_scale(struct op *op, struct rk_val *scale)
{
	struct rk_arena *arena = &op->state->arena;
	const struct rk_type *type = rk_types_by_name(rk_state_kinds(op->state), RK_SPAN("Scale"));
	struct rk_val *config = rk_val_map(arena), *status = NULL;
	const struct rk_val *replicas;

	if (rk_schema_decode_type(arena, type, "Scale", "autoscaling/v1", scale, RK_STRICT_IGNORE, NULL, &status) < 0) {
		refuse(op, status);
		return NULL;
	}
	rk_val_put_cstr(arena, config, "apiVersion", op->form->api_version);
	rk_val_put_cstr(arena, config, "kind", op->form->kind);
	rk_val_put(arena, config, "metadata", rk_val_make(arena, scale, "metadata"));
	replicas = rk_val_at(scale, "spec.replicas");
	if (replicas != NULL)
		rk_val_set_at(arena, config, rk_scale_path(op->kind), rk_val_copy(arena, replicas));
	return config;
}

static struct rk_val *may_not_create(const struct op *op)
{
	return rk_status_forbidden(
		&op->state->arena, rk_span_str(op->kind->resource), op->name,
		"User \"%.*s\" cannot create resource \"%s\" in API group \"%s\" %s%.*s%s",
		RK_SPAN_ARGS(rk_val_text_at(op->command, "user")), op->kind->plural, op->kind->group,
		op->kind->namespaced ? "in the namespace \"" : "at the cluster scope", RK_SPAN_ARGS(op->ns),
		op->kind->namespaced ? "\"" : "");
}

/* An object that is applied may not be told by its uid: there is none that has it. */
static void create_applied(struct op *op, struct rk_val *object)
{
	struct rk_arena *arena = &op->state->arena;
	const struct rk_span resource = rk_span_str(op->kind->resource), uid = rk_object_uid(object);
	struct rk_val *causes = rk_val_list(arena);

	if (rk_val_bool_at(op->val, "opts.noCreate", false)) {
		refuse(op, may_not_create(op));
		return;
	}
	if (uid.size > 0) {
		refuse(op, rk_status_conflict(arena, resource, op->name,
					      "uid mismatch: the provided object specified uid %.*s, and no existing object was found",
					      RK_SPAN_ARGS(uid)));
		return;
	}
	rk_created_sign(op->state, op->kind, object, op->command);
	rk_schema_validate_sub(arena, rk_object_judge(op->kind, op->form), NULL, op->state->version < RK_PARTS_SINCE,
			       object, NULL, causes);
	if (rk_val_count(causes) > 0)
		refuse(op, rk_status_invalid(arena, rk_span_str(op->kind->group), rk_span_str(op->kind->kind), op->name,
					     causes));
	else
		rk_object_create(op->state, op->kind, op->ns, object, &op->opts, op->ret);
}

static bool is_at_place(struct op *op, const struct rk_val *object)
{
	struct rk_arena *arena = &op->state->arena;
	const struct rk_span ns = rk_object_ns(object), name = rk_object_name(object);

	if (!rk_val_is(object, RK_VAL_MAP))
		refuse(op, rk_status_bad_request(arena, "the body of an apply patch is an object"));
	else if (name.size > 0 && !rk_span_eq(name, op->name))
		refuse(op, rk_status_bad_request(arena, "the name of the object (%.*s) does not match the name on the URL (%.*s)",
						 RK_SPAN_ARGS(name), RK_SPAN_ARGS(op->name)));
	else if (ns.size > 0 && !rk_span_eq(ns, op->ns))
		refuse(op, rk_status_bad_request(arena, "the namespace of the object (%.*s) does not match the namespace on the URL (%.*s)",
						 RK_SPAN_ARGS(ns), RK_SPAN_ARGS(op->ns)));
	else
		return true;
	return false;
}

static void apply_to(struct op *op, struct rk_val *current, struct rk_val *config)
{
	struct rk_arena *arena = &op->state->arena;
	struct rk_val *had = rk_object_take_owners(current), *status = NULL;
	const struct rk_apply apply = {
		.write = rk_object_write(op->state, op->kind, &op->opts),
		.is_forced = rk_val_bool_at(op->val, "opts.force", false),
		.config = config,
		.live = current,
		.had = had,
	};
	struct rk_applying applying;

	if (!is_at_place(op, config))
		return;
	if (rk_apply_run(arena, &apply, &applying, &status) < 0) {
		refuse(op, status);
		return;
	}
	op->opts.applying = &applying;
	rk_val_put_str(arena, rk_val_make(arena, applying.object, "metadata"), "name", op->name);
	if (current == NULL)
		create_applied(op, applying.object);
	else
		rk_object_update(op->state, op->kind, op->ns, op->name, applying.object, part_of(op), &op->opts, op->ret);
	op->opts.applying = NULL;
}

static void run_apply(struct op *op)
{
	struct rk_arena *arena = &op->state->arena;
	struct rk_val *config = rk_val_copy(arena, rk_val_at(op->val, "doc"));
	struct rk_val *current = rk_state_val(op->state, rk_span_str(op->kind->resource), op->ns, op->name);

	if (current == NULL && op->sub.size > 0)
		refuse(op, rk_status_not_found(arena, rk_span_str(op->kind->resource), op->name));
	else if (is_sub(op, "scale"))
		config = config_of_scale(op, config);
	if (op->ret->code != 0)
		return;
	apply_to(op, current, config);
	if (is_sub(op, "scale") && rk_outcome_ok(op->ret))
		op->ret->body = rk_scale_of(arena, op->kind, op->ret->body);
}

/* --- pods/binding: what an outside scheduler sends --- */

static void run_binding(struct op *op)
{
	struct rk_arena *arena = &op->state->arena;
	const struct rk_span node = rk_val_text_at(op->val, "doc.target.name");
	struct rk_val *pod = current_of(op);

	if (pod == NULL)
		return;
	const struct rk_span has = rk_val_text_at(pod, "spec.nodeName");
	if (has.size > 0) {
		refuse(op, rk_status_conflict(arena, RK_SPAN("pods/binding"), op->name,
					      "pod %.*s is already assigned to node \"%.*s\"", RK_SPAN_ARGS(op->name),
					      RK_SPAN_ARGS(has)));
		return;
	}
	if (node.size == 0) {
		struct rk_val *causes = rk_val_list(arena);
		rk_cause_add(arena, causes, "FieldValueRequired", "target.name", "Required value");
		refuse(op, rk_status_invalid(arena, RK_SPAN(""), RK_SPAN("Binding"), op->name, causes));
		return;
	}
	const char *why = rk_name_subdomain(node);
	if (why != NULL) {
		struct rk_val *causes = rk_val_list(arena);
		rk_cause_add(arena, causes, "FieldValueInvalid", "target.name", "%s", why);
		refuse(op, rk_status_invalid(arena, RK_SPAN(""), RK_SPAN("Binding"), op->name, causes));
		return;
	}
	rk_val_put_str(arena, rk_val_make(arena, pod, "spec"), "nodeName", node);
	(void)rk_condition_set(op->state, pod, "PodScheduled", "True", "", "");
	rk_object_store(op->state, RK_SPAN("pods"), pod);
	op->ret->code = 201;
	op->ret->body = rk_status_success(arena, RK_SPAN("pods"), op->name, rk_object_uid(pod));
}

/* --- pods/eviction: a delete that disruption budgets may refuse --- */

/* Namespaces that a cluster cannot be without (NamespaceLifecycle). */
static bool is_immortal(const struct op *op)
{
	return op->state->version >= RK_KEPT_SINCE && rk_span_is(rk_span_str(op->kind->resource), "namespaces") &&
	       (rk_span_is(op->name, "default") || rk_span_is(op->name, "kube-system") ||
		rk_span_is(op->name, "kube-public"));
}

static void run_delete(struct op *op)
{
	if (is_immortal(op))
		refuse(op, rk_status_forbidden(&op->state->arena, rk_span_str(op->kind->resource), op->name,
					       "this namespace may not be deleted"));
	else
		rk_object_delete(op->state, op->kind, op->ns, op->name, &op->opts, op->ret);
}

static void run_eviction(struct op *op)
{
	struct rk_val *refusal =
		op->state->version >= RK_BUDGETS_SINCE ? rk_budget_refusal(op->state, op->ns, op->name) : NULL;

	if (refusal != NULL) {
		refuse(op, refusal);
		return;
	}
	rk_object_delete(op->state, op->kind, op->ns, op->name, &op->opts, op->ret);
	if (rk_outcome_ok(op->ret)) {
		op->ret->code = 201;
		op->ret->body = rk_status_success(&op->state->arena, RK_SPAN("pods"), op->name, op->opts.uid);
	}
}

/* --- deletecollection --- */

static void run_delete_all(struct op *op)
{
	struct rk_state *state = op->state;
	struct rk_arena *arena = &state->arena;
	struct rk_selector *labels = NULL;
	struct rk_fields *fields = NULL;
	struct rk_error error = { 0 };
	struct rk_names names = { 0 };

	if (rk_selector_parse(arena, rk_val_text_at(op->val, "labels"), &labels, &error) < 0 ||
	    rk_fields_parse(arena, op->form, rk_val_text_at(op->val, "fields"), &fields, &error) < 0) {
		refuse(op, rk_status_bad_request(arena, "%s", error.text));
		return;
	}
	struct rk_val *list = rk_val_map(arena), *items = rk_val_list(arena);
	rk_val_put(arena, list, "kind", rk_val_strf(arena, "%s", op->form->list_kind));
	rk_val_put_cstr(arena, list, "apiVersion", op->form->api_version);
	(void)rk_val_make(arena, list, "metadata");
	rk_val_put(arena, list, "items", items);
	rk_state_names(state, rk_span_str(op->kind->resource), op->ns, &names);
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_item *item = rk_state_item(state, names.at[i].kind, names.at[i].ns, names.at[i].name);
		if (item == NULL || !rk_selector_matches_doc(labels, rk_blob_span(item->value)) ||
		    !rk_fields_match_doc(fields, rk_blob_span(item->value)))
			continue;
		struct rk_outcome one = { 0 };
		rk_val_append(arena, items,
			      rk_convert_out(arena, op->form, rk_state_val(state, names.at[i].kind,
									   names.at[i].ns, names.at[i].name)));
		rk_object_delete(state, op->kind, names.at[i].ns, names.at[i].name, &op->opts, &one);
	}
	*op->ret = (struct rk_outcome){ .code = 200, .body = list };
}

/* Who asked is mostly for the log: permission was decided where the request came in. */
static void run_create(struct op *op)
{
	struct rk_val *object = rk_val_copy(&op->state->arena, rk_val_at(op->val, "doc"));

	if (!rk_val_is(object, RK_VAL_MAP)) {
		refuse(op, rk_status_bad_request(&op->state->arena, "the operation holds no object"));
		return;
	}
	rk_created_sign(op->state, op->kind, object, op->command);
	rk_object_create(op->state, op->kind, op->ns, object, &op->opts, op->ret);
}

static void run_update(struct op *op)
{
	struct rk_val *object = rk_val_copy(&op->state->arena, rk_val_at(op->val, "doc"));

	if (is_sub(op, "scale")) {
		struct rk_val *current = current_of(op);
		if (current != NULL)
			store_scale(op, current, object);
		return;
	}
	rk_object_update(op->state, op->kind, op->ns, op->name, object, part_of(op), &op->opts, op->ret);
}

/* The kind as the writer knows it: the one that is stored, unless the operation names another form of it. */
static const struct rk_kind *form_of(struct rk_state *state, const struct rk_kind *kind, struct rk_span version)
{
	const struct rk_kind *form = kind == NULL || version.size == 0 ?
					     kind :
					     rk_kinds_of(rk_state_kinds(state), version, rk_span_str(kind->kind));

	return form != NULL && form->stored == kind ? form : NULL;
}

static bool needs_object(struct rk_span verb)
{
	return rk_span_is(verb, "create") || rk_span_is(verb, "update") || rk_span_is(verb, "patch");
}

void rk_op_run(struct rk_state *state, const struct rk_val *command, const struct rk_val *val,
	       struct rk_outcome *ret)
{
	const struct rk_span verb = rk_val_text_at(val, "verb");
	struct op op = {
		.state = state,
		.val = val,
		.command = command,
		.kind = rk_kinds_by_resource(rk_state_kinds(state), rk_val_text_at(val, "kind")),
		.ns = rk_val_text_at(val, "ns"),
		.name = rk_val_text_at(val, "name"),
		.sub = rk_val_text_at(val, "sub"),
		.opts = opts_of(val),
		.ret = ret,
	};

	op.form = op.opts.form = form_of(state, op.kind, rk_val_text_at(val, "form"));
	if (op.form == NULL)
		refuse(&op, rk_status(&state->arena, 404, "NotFound", "the server could not find the requested resource"));
	else if (needs_object(verb) && !rk_val_is(rk_val_at(val, "doc"), RK_VAL_MAP) &&
		 !rk_val_is(rk_val_at(val, "doc"), RK_VAL_LIST)) /* a list: a JSON patch */
		refuse(&op, rk_status_bad_request(&state->arena, "the operation holds no object"));
	else if (is_sub(&op, "binding"))
		run_binding(&op);
	else if (is_sub(&op, "eviction"))
		run_eviction(&op);
	else if (rk_span_is(verb, "create"))
		run_create(&op);
	else if (rk_span_is(verb, "update"))
		run_update(&op);
	else if (rk_span_is(verb, "patch") && rk_span_is(rk_val_text_at(val, "patch"), "apply") &&
		 state->version >= RK_OWNERS_SINCE)
		run_apply(&op);
	else if (rk_span_is(verb, "patch"))
		run_patch(&op);
	else if (rk_span_is(verb, "delete"))
		run_delete(&op);
	else if (rk_span_is(verb, "deletecollection"))
		run_delete_all(&op);
	else
		refuse(&op, rk_status(&state->arena, 405, "MethodNotAllowed", "the server does not know the verb \"%.*s\"",
				      RK_SPAN_ARGS(verb)));
}
