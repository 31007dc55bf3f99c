#include "control/schema/patch_apply.h"

#include "control/schema/fieldset_typed.h"
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
	struct rk_val *config;  /* in normal form, but with its nulls and zeros */
	struct rk_owners owners;
	const struct rk_fieldset *last; /* what this manager applied before */
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

static int normalize(struct run *run)
{
	const struct rk_kind *kind = run->apply->write.kind;
	struct rk_val *decoded = rk_val_copy(run->arena, run->apply->config);

	RK_TRY(rk_schema_decode(run->arena, kind, decoded, RK_STRICT_IGNORE, NULL, run->ret_status));
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

	RK_TRY(diff(run, NULL, run->apply->live, &all));
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

static int read_owners(struct run *run)
{
	const struct rk_owners none = { 0 };

	if (rk_owners_read(run->arena, run->apply->had, true, &run->owners) < 0)
		run->owners = none; /* the machine stores none that cannot be read */
	for (uint32_t i = 0; i < run->owners.count; i++) {
		struct rk_owner *owner = &run->owners.at[i];
		const struct rk_fieldset *fields = rk_owner_fields(run->arena, owner);
		const struct rk_fieldset *fit = rk_fields_fit(run->arena, run->type, fields);
		owner->written = fit == fields ? owner->written : NULL;
		owner->fields = fit;
	}
	rk_owners_tidy(&run->owners, &run->apply->write);
	return run->owners.count == 0 && run->apply->live != NULL ? own_unfollowed(run) : RK_OK;
}

/* The applier's entry becomes what is applied now; what it was stays in run->last. */
static int take_over(struct run *run)
{
	const struct rk_owner self = applier(run);
	const struct rk_fieldset *set;

	RK_TRY(fields_of(run, run->config, &set));
	struct rk_owner *owner = rk_owners_take(run->arena, &run->owners, &self);
	run->last = owner->fields;
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
		all = rk_fieldset_union(run->arena, all, run->owners.at[i].fields);
	return all;
}

/* Takes out what this manager applied last time and does not apply now, unless somebody owns it, or something in
 * it that goes on. */
static int prune(struct run *run, struct rk_val **merged)
{
	struct rk_arena *arena = run->arena;
	const struct rk_fieldset *last = named(run, run->last), *all, *kept;

	if (last == NULL)
		return RK_OK;
	RK_TRY(fields_of(run, *merged, &all));
	all = named(run, all);
	RK_TRY(fields_of(run, rk_fields_without(arena, run->type, *merged, last), &kept));
	kept = rk_fieldset_union(arena, named(run, kept), named(run, owned(run)));
	struct rk_val *rest =
		rk_fields_without(arena, run->type, *merged, rk_fieldset_minus(arena, all, kept));
	RK_TRY(fields_of(run, rest, &kept));
	const struct rk_fieldset *gone = rk_fieldset_minus(arena, all, named(run, kept));
	rest = rk_fields_without(arena, run->type, *merged, rk_fieldset_both(arena, gone, last));
	if (rest->kind == RK_VAL_MAP)
		*merged = rest;
	return RK_OK;
}

/* --- conflicts --- */

/* What kubectl's client-side apply set, and is still as it set it. */
static const struct rk_fieldset *set_by_client(struct run *run)
{
	const struct rk_val *notes = rk_val_at(run->apply->live, "metadata.annotations");
	struct rk_val *last = NULL;
	const struct rk_fieldset *set = NULL;
	struct rk_fields_diff differs;
	const char *why;

	if (rk_json_parse(run->arena, rk_val_text(rk_val_get(notes, LAST_APPLIED)), 0, &last, NULL) < 0 ||
	    !rk_span_is(rk_val_text_at(last, "apiVersion"), run->apply->write.kind->api_version) ||
	    rk_patch_is_deep(last, RK_PATCH_DEPTH_MAX) || rk_fields_check(run->arena, run->type, last) != NULL ||
	    rk_fields_of(run->arena, run->type, last, &set, &why) < 0 ||
	    rk_fields_diff(run->arena, run->type, last, run->apply->live, &differs, &why) < 0)
		return NULL;
	set = rk_fieldset_minus(run->arena, set, differs.changed);
	return rk_fieldset_minus(run->arena, set, differs.removed);
}

static int check_conflicts(struct run *run, const struct rk_fieldset *changed)
{
	const struct rk_owner self = applier(run);
	const struct rk_owner *own = rk_owners_take(run->arena, &run->owners, &self);
	const struct rk_fieldset *contested = changed;

	if (run->apply->is_forced || !rk_conflicts_exist(run->arena, &run->owners, own, changed))
		return RK_OK;
	if (rk_span_eq(self.manager, KUBECTL))
		contested = rk_fieldset_minus(run->arena, changed, set_by_client(run));
	if (!rk_conflicts_exist(run->arena, &run->owners, own, contested))
		return RK_OK;
	*run->ret_status = rk_conflicts_status(run->arena, &run->owners, own, contested);
	return RK_EINVAL;
}

static int settle_owners(struct run *run, const struct rk_val *merged)
{
	const struct rk_owner self = applier(run);
	struct rk_fields_diff differs;

	RK_TRY(diff(run, run->apply->live, merged, &differs));
	RK_TRY(check_conflicts(run, differs.changed));
	struct rk_owner *own = rk_owners_take(run->arena, &run->owners, &self);
	rk_owners_lose(run->arena, &run->owners, own, differs.changed);
	rk_owners_lose(run->arena, &run->owners, own, differs.removed);
	own->fields = rk_owners_strip(run->arena, own->fields);
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

int rk_apply_run(struct rk_arena *arena, const struct rk_apply *apply, struct rk_applying *ret,
		 struct rk_val **ret_status)
{
	struct run run = {
		.arena = arena,
		.apply = apply,
		.type = apply->write.kind->type,
		.ret_status = ret_status,
	};
	struct rk_val *live = apply->live != NULL ? rk_val_copy(arena, apply->live) : NULL;
	const struct rk_fieldset *all;

	RK_TRY(check_config(&run));
	RK_TRY(normalize(&run));
	RK_TRY(read_owners(&run));
	if (live != NULL)
		RK_TRY(fields_of(&run, live, &all)); /* every item of it has a step */
	RK_TRY(take_over(&run));
	struct rk_val *merged = rk_fields_merge(arena, run.type, live, run.config);
	RK_TRY(prune(&run, &merged));
	RK_TRY(settle_owners(&run, merged));
	merged = rk_val_copy(arena, merged);
	keep_last_applied(&run, merged);
	RK_TRY(rk_schema_decode(arena, apply->write.kind, merged, RK_STRICT_IGNORE, NULL, ret_status));
	rk_schema_default(arena, apply->write.kind, merged);
	*ret = (struct rk_applying){ merged, rk_owners_val(arena, &run.owners) };
	return RK_OK;
}
