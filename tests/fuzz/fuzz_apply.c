/* Server-side apply and updates with hostile objects, owners and configs: four lines: how ("force", kind, version, subresource,
 * manager), the object that there is (JSON), its managedFields, and the config. */
#include "base/mem.h"
#include "control/schema/patch_apply.h"
#include "control/schema/schema.h"
#include "fuzz.h"
#include "wire/json.h"

static const struct rk_kinds *kinds;

static struct rk_write write_of(struct rk_span how)
{
	struct rk_write write = {
		.kinds = kinds,
		.kind = rk_kinds_by_resource(kinds, RK_SPAN("configmaps")),
		.manager = RK_SPAN("m"),
		.time = RK_SPAN("2026-01-02T03:04:05Z"),
	};
	struct rk_span word;

	while (how.size > 0) {
		how = rk_span_cut(how, ' ', &word);
		const struct rk_kind *kind = rk_kinds_by_resource(kinds, word);
		if (kind == NULL) /* another version of the kind so far */
			kind = rk_kinds_of(kinds, word, rk_span_str(write.kind->kind));
		if (kind != NULL && !kind->is_request)
			write.kind = kind;
		if (rk_span_is(word, "status") || rk_span_is(word, "scale"))
			write.sub = word;
		if (rk_span_is(word, "kubectl"))
			write.manager = word;
	}
	return write;
}

/* As it would be stored; NULL when it could not be. */
static struct rk_val *object_of(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span text)
{
	struct rk_val *val = NULL, *status = NULL;

	if (rk_json_parse(arena, text, 0, &val, NULL) < 0 ||
	    rk_schema_decode(arena, kind, val, RK_STRICT_IGNORE, NULL, &status) < 0)
		return NULL;
	rk_schema_default(arena, kind, val);
	return val;
}

/* What is stored as owners can be read, and says the same then. */
static void check_owners(struct rk_arena *arena, const struct rk_val *managed)
{
	struct rk_owners owners;

	rk_assert(rk_owners_read(arena, managed, false, &owners) == RK_OK);
	rk_assert(rk_val_count(managed) == owners.count);
	if (managed != NULL)
		rk_assert(rk_val_eq(rk_owners_val(arena, &owners), managed));
}

/* As the machine would have stored them. */
static const struct rk_val *stored(struct rk_arena *arena, const struct rk_val *managed)
{
	struct rk_owners owners;

	return rk_owners_read(arena, managed, false, &owners) == RK_OK ? rk_owners_val(arena, &owners) : NULL;
}

static void run_update(struct rk_arena *arena, const struct rk_write *write, const struct rk_val *live,
		       const struct rk_val *managed, const struct rk_val *object)
{
	struct rk_val *first = rk_owners_update(arena, write, NULL, managed, NULL, live);

	check_owners(arena, first);
	struct rk_val *second = rk_owners_update(arena, write, first, managed, live, object);
	check_owners(arena, second);
	second = rk_owners_update(arena, write, first, NULL, live, object);
	check_owners(arena, second);
	/* Nothing changes: nobody's fields do. */
	if (second != NULL)
		rk_assert(rk_val_eq(second, rk_owners_update(arena, write, second, NULL, object, object)));
}

static void run_apply(struct rk_arena *arena, struct rk_apply *apply)
{
	const struct rk_val *live = apply->live;
	struct rk_val *before = live != NULL ? rk_val_copy(arena, live) : NULL;
	struct rk_val *config = rk_val_copy(arena, apply->config), *status = NULL;
	struct rk_applying first, second;

	if (rk_apply_run(arena, apply, &first, &status) < 0) {
		rk_assert(rk_val_int_at(status, "code", 0) >= 400);
	} else {
		check_owners(arena, first.owners);
		apply->live = first.object;
		apply->had = first.owners;
		/* The same again is allowed, whether forced or not, and changes nobody's fields. */
		apply->is_forced = false;
		rk_assert(rk_apply_run(arena, apply, &second, &status) == RK_OK);
		rk_assert(rk_owners_are_same(arena, first.owners, second.owners));
	}
	rk_assert(rk_val_eq(config, apply->config));
	rk_assert(before == NULL || rk_val_eq(before, live));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_arena arena = { 0 };
	struct rk_val *managed = NULL, *config = NULL;
	struct rk_span how, object, owners;

	if (kinds == NULL)
		kinds = rk_kinds_new();
	struct rk_span rest = rk_span_cut(rk_span_of(data, size), '\n', &how);
	rest = rk_span_cut(rest, '\n', &object);
	rest = rk_span_cut(rest, '\n', &owners);
	const struct rk_write write = write_of(how);
	struct rk_val *live = object_of(&arena, write.kind->stored, object);
	if (live != NULL)
		(void)rk_val_remove(rk_val_at(live, "metadata"), RK_SPAN("managedFields"));
	if (rk_json_parse(&arena, owners, 0, &managed, NULL) < 0)
		managed = NULL;
	if (rk_json_parse(&arena, rest, 0, &config, NULL) == RK_OK) {
		struct rk_val *other = object_of(&arena, write.kind->stored, rest);
		struct rk_apply apply = {
			.write = write,
			.is_forced = how.size > 0 && how.data[0] == 'f',
			.config = config,
			.live = live,
			.had = stored(&arena, managed),
		};
		if (other != NULL && live != NULL)
			run_update(&arena, &write, live, managed, other);
		run_apply(&arena, &apply);
	}
	rk_arena_done(&arena);
	return 0;
}
