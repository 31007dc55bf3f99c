#include "control/schema/patch_apply.h"

#include "control/schema/convert.h"
#include "control/schema/patch_conflict.h"
#include "control/schema/patch_inner.h"
#include "control/schema/schema.h"
#include "control/schema/validate.h"
#include "control/status.h"
#include "wire/json.h"

/* kubectl's own name, for which upstream lets fields go that its client-side apply set before. */
#define KUBECTL RK_SPAN("kubectl")
#define LAST_APPLIED RK_SPAN("kubectl.kubernetes.io/last-applied-configuration")

struct run {
	struct rk_arena *arena;
	const struct rk_apply *apply;
	const struct rk_type *type;
	struct rk_val *live;    /* as the applier's version of the kind shows it; NULL: nothing yet */
	struct rk_val *config;  /* in normal form, but with its nulls and zeros */
	struct rk_val *merged;  /* what becomes of both: not decoded */
	struct rk_val *object;  /* and that, as it is to be stored */
	struct rk_owners owners;
	const struct rk_fieldset *last; /* what this manager applied before */
	bool is_of_one_form;            /* all paths of all owners mean the same */
	const char *why;                /* what is wrong with the objects */
	struct rk_val **ret_status;
};

/* --- is it something that can be applied? --- */

/* An error that upstream gives no reason for. */
static int internal(struct run *run, const char *what, const char *why)
{
	struct rk_arena *arena = run->arena;
	const struct rk_kind *kind = run->apply->write.kind;
	const struct rk_val *config = run->apply->config;

	*run->ret_status = rk_status(arena, 500, "", "failed to create typed %s (%.*s/%.*s; %s/%s, Kind=%s): %s", what,
				     RK_SPAN_ARGS(rk_val_text_at(config, "metadata.namespace")),
				     RK_SPAN_ARGS(rk_val_text_at(config, "metadata.name")), kind->group, kind->version,
				     kind->kind, why);
	(void)rk_val_remove(*run->ret_status, RK_SPAN("reason"));
	return RK_EINVAL;
}

static int check_config(struct run *run)
{
	struct rk_arena *arena = run->arena;
	const struct rk_kind *kind = run->apply->write.kind;
	const struct rk_val *config = run->apply->config;
	const struct rk_span version = rk_val_text_at(config, "apiVersion"), says = rk_val_text_at(config, "kind");

	if (!rk_val_is(config, RK_VAL_MAP))
		return rk_patch_refuse(arena, run->ret_status, 400, "the body of an apply patch is an object");
	if (rk_patch_is_deep(config, RK_PATCH_DEPTH_MAX))
		return rk_patch_refuse(arena, run->ret_status, 400, "the patch is nested deeper than %d levels",
				       RK_PATCH_DEPTH_MAX);
	if (!rk_span_is(version, kind->api_version) || !rk_span_is(says, kind->kind))
		return rk_patch_refuse(arena, run->ret_status, 400, "invalid object type: %.*s%.*s, Kind=%.*s",
				       version.size > 0 && memchr(version.data, '/', version.size) != NULL ? 0 : 1, "/",
				       RK_SPAN_ARGS(version), RK_SPAN_ARGS(says));
	if (rk_val_is(rk_val_at(config, "metadata.managedFields"), RK_VAL_LIST))
		return rk_patch_refuse(arena, run->ret_status, 400, "metadata.managedFields must be nil");
	const char *why = rk_fields_check(arena, run->type, config);
	return why != NULL ? internal(run, "patch object", why) : RK_OK;
}

/* What decoding made of each value, and as it was sent what decoding takes for not given: an owner may own that a
 * field is null or zero. */
static struct rk_val *lay_over(struct rk_arena *arena, struct rk_val *sent, struct rk_val *decoded)
{
	if (sent->kind != decoded->kind || (sent->kind != RK_VAL_MAP && sent->kind != RK_VAL_LIST))
		return decoded;
	if (sent->kind == RK_VAL_LIST) {
		for (uint32_t i = 0; i < sent->count && i < decoded->count; i++)
			sent->items[i] = lay_over(arena, sent->items[i], decoded->items[i]);
		return sent;
	}
	uint32_t at = 0; /* decoding keeps the order, and adds at the end */
	for (uint32_t i = 0; i < sent->count; i++) {
		struct rk_field *field = &sent->fields[i];
		if (at < decoded->count && rk_span_eq(decoded->fields[at].key, field->key))
			field->val = lay_over(arena, field->val, decoded->fields[at++].val);
	}
	return sent;
}

/* From `unknown field "spec.x"`. */
static const char *undeclared(struct rk_arena *arena, struct rk_span warning)
{
	struct rk_span name, rest = rk_span_cut(warning, '"', &name);

	(void)rk_span_cut(rest, '"', &name);
	return rk_arena_printf(arena, ".%.*s: field not declared in schema", RK_SPAN_ARGS(name));
}

static int normalize(struct run *run)
{
	const struct rk_kind *kind = run->apply->write.kind;
	struct rk_val *decoded = rk_val_copy(run->arena, run->apply->config), *unknown = rk_val_list(run->arena);

	RK_TRY(rk_schema_decode(run->arena, kind, decoded, RK_STRICT_WARN, unknown, run->ret_status));
	if (rk_val_count(unknown) > 0) /* of a custom kind; others have been checked by their type */
		return internal(run, "patch object", undeclared(run->arena, rk_val_text(unknown->items[0])));
	run->config = lay_over(run->arena, rk_val_copy(run->arena, run->apply->config), decoded);
	return RK_OK;
}

/* --- who owns what --- */

static int fields_of(struct run *run, const struct rk_val *val, const struct rk_fieldset **ret)
{
	if (rk_fields_of(run->arena, run->type, val, ret, &run->why) < 0)
		return internal(run, "live object", run->why);
	return RK_OK;
}

/* As the applier's version of the kind has them. */
static int diff(struct run *run, const struct rk_val *before, const struct rk_val *after, struct rk_fields_diff *ret)
{
	if (rk_fields_diff(run->arena, run->type, before, after, ret, &run->why) < 0)
		return internal(run, "live object", run->why);
	ret->changed = rk_owners_reach(run->arena, &run->apply->write, ret->changed);
	ret->removed = rk_owners_reach(run->arena, &run->apply->write, ret->removed);
	return RK_OK;
}

/* An object whose owners nobody followed: all that it has belongs to those before. */
static int own_unfollowed(struct run *run)
{
	struct rk_fields_diff all;

	RK_TRY(diff(run, NULL, run->live, &all));
	const struct rk_owner before = {
		.manager = RK_SPAN("before-first-apply"),
		.api_version = rk_span_str(run->apply->write.kind->api_version),
		.time = run->apply->write.time,
		.sub = run->apply->write.sub,
		.fields = rk_owners_strip(run->arena, all.changed),
	};
	if (before.fields != NULL)
		(void)rk_owners_take(run->arena, &run->owners, &before);
	return RK_OK;
}

static struct rk_owner applier(const struct run *run)
{
	const struct rk_write *write = &run->apply->write;

	return (struct rk_owner){
		.manager = write->manager.size > 0 ? write->manager : RK_SPAN("unknown"),
		.api_version = rk_span_str(write->kind->api_version),
		.time = write->time,
		.sub = write->sub,
		.is_apply = true,
	};
}

static bool is_same_version(const struct run *run, const struct rk_owner *owner)
{
	return rk_span_is(owner->api_version, run->apply->write.kind->api_version);
}

static void fit_owner(struct run *run, struct rk_owner *owner)
{
	const struct rk_fieldset *fields = rk_owner_fields(run->arena, owner);
	const struct rk_fieldset *fit = rk_fields_fit(run->arena, run->type, fields);

	if (fit != fields)
		owner->written = NULL;
	owner->fields = fit;
}

static int read_owners(struct run *run)
{
	const struct rk_owners none = { 0 };

	if (rk_owners_read(run->arena, run->apply->had, true, &run->owners) < 0)
		run->owners = none; /* the machine stores none that cannot be read */
	rk_owners_tidy(&run->owners, &run->apply->write);
	run->is_of_one_form = true;
	for (uint32_t i = 0; i < run->owners.count; i++) {
		struct rk_owner *owner = &run->owners.at[i];
		if (is_same_version(run, owner))
			fit_owner(run, owner);
		else if (run->apply->write.kind->custom == NULL)
			run->is_of_one_form = false;
	}
	return run->owners.count == 0 && run->live != NULL ? own_unfollowed(run) : RK_OK;
}

/* The applier's entry becomes what is applied now; what it was stays in run->last. */
static int take_over(struct run *run)
{
	const struct rk_owner self = applier(run);
	const struct rk_fieldset *set;

	RK_TRY(fields_of(run, run->config, &set));
	struct rk_owner *owner = rk_owners_take(run->arena, &run->owners, &self);
	run->last = rk_owner_fields(run->arena, owner);
	*owner = self;
	owner->fields = rk_owners_reach(run->arena, &run->apply->write, set);
	return RK_OK;
}

/* --- what the applier wants no more --- */

static const struct rk_fieldset *named(struct run *run, const struct rk_fieldset *set)
{
	return rk_fields_named(run->arena, run->type, set);
}

static const struct rk_fieldset *owned(struct run *run)
{
	const struct rk_fieldset *all = NULL;

	for (uint32_t i = 0; i < run->owners.count; i++)
		all = rk_fieldset_union(run->arena, all, rk_owner_fields(run->arena, &run->owners.at[i]));
	return all;
}

/* Takes out what this manager applied last time and does not apply now, unless somebody owns it, or something in
 * it that goes on. Nothing is taken out while owners speak of the object by paths of another form. */
static int prune(struct run *run)
{
	struct rk_arena *arena = run->arena;
	const struct rk_fieldset *last = named(run, run->last), *all, *kept;

	if (last == NULL || !run->is_of_one_form)
		return RK_OK;
	RK_TRY(fields_of(run, run->merged, &all));
	all = named(run, all);
	RK_TRY(fields_of(run, rk_fields_without(arena, run->type, run->merged, last), &kept));
	kept = rk_fieldset_union(arena, named(run, kept), named(run, owned(run)));
	struct rk_val *rest =
		rk_fields_without(arena, run->type, run->merged, rk_fieldset_minus(arena, all, kept));
	RK_TRY(fields_of(run, rest, &kept));
	const struct rk_fieldset *gone = rk_fieldset_minus(arena, all, named(run, kept));
	rest = rk_fields_without(arena, run->type, run->merged, rk_fieldset_both(arena, gone, last));
	if (rest->kind == RK_VAL_MAP)
		run->merged = rest;
	return RK_OK;
}

/* --- conflicts --- */

/* What kubectl's client-side apply set, and is still as it set it. */
static const struct rk_fieldset *set_by_client(struct run *run)
{
	const struct rk_val *notes = rk_val_at(run->live, "metadata.annotations");
	struct rk_val *last = NULL;
	const struct rk_fieldset *set = NULL;
	struct rk_fields_diff differs;
	const char *why;

	if (rk_json_parse(run->arena, rk_val_text(rk_val_get(notes, LAST_APPLIED)), 0, &last, NULL) < 0 ||
	    !rk_span_is(rk_val_text_at(last, "apiVersion"), run->apply->write.kind->api_version) ||
	    rk_patch_is_deep(last, RK_PATCH_DEPTH_MAX) || rk_fields_check(run->arena, run->type, last) != NULL ||
	    rk_fields_of(run->arena, run->type, last, &set, &why) < 0 ||
	    rk_fields_diff(run->arena, run->type, last, run->live, &differs, &why) < 0)
		return NULL;
	set = rk_fieldset_minus(run->arena, set, differs.changed);
	return rk_fieldset_minus(run->arena, set, differs.removed);
}

/* What differs, as the owner's version of the kind shows it. Those of the applier's own speak of what is applied as it
 * was sent: with nulls and zeros. */
static int diff_for(struct run *run, const struct rk_owner *owner, const struct rk_fields_diff *own,
		    struct rk_fields_diff *ret)
{
	const struct rk_apply *apply = run->apply;

	*ret = *own;
	if (is_same_version(run, owner) || apply->write.kind->custom != NULL)
		return RK_OK;
	if (rk_owners_diff(run->arena, &apply->write, owner->api_version, apply->live, run->object, ret, &run->why) < 0)
		return internal(run, "live object", run->why);
	return RK_OK;
}

static int check_conflicts(struct run *run, const struct rk_fields_diff *own)
{
	struct rk_arena *arena = run->arena;
	const struct rk_owner self = applier(run);
	const struct rk_owner *ours = rk_owners_take(arena, &run->owners, &self);
	struct rk_conflict *conflicts = rk_arena_alloc(arena, run->owners.count * sizeof *conflicts);
	const struct rk_fieldset *allowed = NULL;
	uint32_t count = 0;

	for (uint32_t i = 0; !run->apply->is_forced && i < run->owners.count; i++) {
		struct rk_owner *owner = &run->owners.at[i];
		struct rk_fields_diff differs;
		RK_TRY(diff_for(run, owner, own, &differs));
		const struct rk_fieldset *fields =
			rk_fieldset_both(arena, rk_owner_fields(arena, owner), differs.changed);
		if (owner == ours || fields == NULL)
			continue;
		if (allowed == NULL && rk_span_eq(self.manager, KUBECTL))
			allowed = set_by_client(run);
		fields = rk_fieldset_minus(arena, fields, allowed);
		if (fields != NULL)
			conflicts[count++] = (struct rk_conflict){ owner, fields };
	}
	if (count == 0)
		return RK_OK;
	*run->ret_status = rk_conflicts_status(arena, conflicts, count);
	return RK_EINVAL;
}

static int settle_owners(struct run *run)
{
	const struct rk_owner self = applier(run);
	struct rk_fields_diff own, differs;

	RK_TRY(diff(run, run->live, run->merged, &own));
	RK_TRY(check_conflicts(run, &own));
	struct rk_owner *ours = rk_owners_take(run->arena, &run->owners, &self);
	for (uint32_t i = 0; i < run->owners.count; i++) {
		struct rk_owner *owner = &run->owners.at[i];
		if (owner == ours)
			continue;
		RK_TRY(diff_for(run, owner, &own, &differs));
		rk_owner_lose(run->arena, owner, differs.changed);
		rk_owner_lose(run->arena, owner, differs.removed);
	}
	ours->fields = rk_owners_strip(run->arena, ours->fields);
	rk_owners_tidy(&run->owners, &run->apply->write);
	return RK_OK;
}

/* --- the annotation of client-side apply goes on telling the truth --- */

static void sort_keys(struct rk_val *val)
{
	rk_val_sort(val->kind == RK_VAL_MAP ? val : NULL);
	for (uint32_t i = 0; i < rk_val_count(val); i++)
		sort_keys(val->kind == RK_VAL_LIST ? val->items[i] : val->fields[i].val);
}

static void keep_last_applied(struct run *run, struct rk_val *object)
{
	struct rk_val *notes = rk_val_at(object, "metadata.annotations");
	struct rk_val *config = rk_val_copy(run->arena, run->apply->config);
	struct rk_buf text = { 0 };
	size_t size = 0;

	if (!rk_span_eq(run->apply->write.manager, KUBECTL) ||
	    rk_val_text(rk_val_get(notes, LAST_APPLIED)).size == 0)
		return;
	(void)rk_val_remove(rk_val_at(config, "metadata.annotations"), LAST_APPLIED);
	sort_keys(config);
	rk_json_write(&text, config, false);
	rk_buf_put_u8(&text, '\n');
	rk_val_set(run->arena, notes, LAST_APPLIED,
		   rk_val_str(run->arena, rk_arena_span(run->arena, rk_buf_span(&text))));
	rk_buf_done(&text);
	for (uint32_t i = 0; i < notes->count; i++)
		size += notes->fields[i].key.size + rk_val_text(notes->fields[i].val).size;
	if (size > RK_ANNOTATION_BYTES_MAX)
		(void)rk_val_remove(notes, LAST_APPLIED);
}

static int make_object(struct run *run)
{
	const struct rk_kind *kind = run->apply->write.kind;
	struct rk_val *object = rk_val_copy(run->arena, run->merged);

	keep_last_applied(run, object);
	RK_TRY(rk_schema_decode(run->arena, kind, object, RK_STRICT_IGNORE, NULL, run->ret_status));
	rk_schema_default(run->arena, kind, object);
	return rk_convert_in(run->arena, kind, object, &run->object, run->ret_status);
}

int rk_apply_run(struct rk_arena *arena, const struct rk_apply *apply, struct rk_applying *ret,
		 struct rk_val **ret_status)
{
	struct run run = {
		.arena = arena,
		.apply = apply,
		.type = apply->write.kind->type,
		.ret_status = ret_status,
	};
	const struct rk_fieldset *all;

	RK_TRY(check_config(&run));
	RK_TRY(normalize(&run));
	if (apply->live != NULL) {
		run.live = rk_convert_out(arena, apply->write.kind, rk_val_copy(arena, apply->live));
		RK_TRY(fields_of(&run, run.live, &all)); /* every item of it has a step */
	}
	RK_TRY(read_owners(&run));
	RK_TRY(take_over(&run));
	run.merged = rk_fields_merge(arena, run.type, run.live, run.config);
	RK_TRY(prune(&run));
	RK_TRY(make_object(&run));
	RK_TRY(settle_owners(&run));
	*ret = (struct rk_applying){ run.object, rk_owners_val(arena, &run.owners) };
	return RK_OK;
}
