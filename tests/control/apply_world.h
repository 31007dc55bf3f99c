/* tests/control/apply_world.h - a machine, and writes of one object that are looked at one by one: what becomes of it,
 * and of its owners. */
#ifndef RK_TESTS_CONTROL_APPLY_WORLD_H
#define RK_TESTS_CONTROL_APPLY_WORLD_H

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/machine.h"
#include "control/schema/convert.h"
#include "control/schema/owners.h"
#include "control/schema/schema.h"
#include "tests/control/schema.h"
#include "wire/doc.h"

static const int64_t start_ms = 1767323045000; /* 2026-01-02T03:04:05Z */

struct world {
	const struct rk_kinds *kinds;
	struct rk_machine *machine;
	uint64_t index;
	int64_t now_ms;
	struct rk_arena arena;
	struct rk_val *answer; /* to the last write, as it is stored */
};

struct write {
	const char *how; /* "create", "update", a form of patch, "force": an apply that takes fields, "dry": one that is
			  * not kept, "patcher": one by somebody who may not create */
	const char *who;
	const char *sub;
	const char *body;
	int code;
	const char *message; /* of a refusal */
	const char *owners;  /* afterwards; NULL: as before */
	const char *part;    /* path of what is looked at in the answer, and */
	const char *is;      /* what it is then */
};

static inline void enter(struct world *world, enum rk_entry_type type, struct rk_span body, struct rk_applied *ret)
{
	struct rk_buf payload = { 0 };
	const struct rk_envelope envelope = { .type = type, .body = body };

	rk_envelope_write(&payload, &envelope);
	rk_machine_apply(world->machine, ++world->index, world->now_ms, rk_buf_span(&payload), true, ret);
	rk_buf_done(&payload);
}

/* Of a cluster that began with this version of the machine. */
static inline struct world world_of(int64_t version)
{
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"), RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct world world = { .kinds = rk_kinds_new(), .now_ms = start_ms };
	struct rk_blob *newest = rk_cluster_config_encode(&config);
	struct rk_val *val = rk_doc_val(&world.arena, newest);
	struct rk_applied applied;

	rk_val_put_int(&world.arena, val, "machineVersion", version);
	struct rk_blob *init = rk_doc_of(val);
	(void)rk_blob_unref(newest);
	world.machine = rk_machine_new(world.kinds);
	enter(&world, RK_ENTRY_INIT, rk_blob_span(init), &applied);
	rk_applied_done(&applied);
	(void)rk_blob_unref(init);
	return world;
}

static inline struct world world_new(void) { return world_of(RK_MACHINE_VERSION); }

static inline void world_done(struct world *world)
{
	(void)rk_machine_free(world->machine);
	(void)rk_kinds_free(world->kinds);
	rk_arena_done(&world->arena);
}

/* As the API sends it. */
static inline struct rk_val *op_of(struct world *world, const struct rk_kind *kind, const struct write *write)
{
	struct rk_arena *arena = &world->arena;
	struct rk_val *op = rk_val_map(arena), *doc = json_in(arena, write->body), *status = NULL;
	const bool is_force = strcmp(write->how, "force") == 0, is_dry = strcmp(write->how, "dry") == 0;
	const bool is_patcher = strcmp(write->how, "patcher") == 0;
	const bool is_whole = strcmp(write->how, "create") == 0 || strcmp(write->how, "update") == 0;
	struct rk_val *opts = rk_val_make(arena, op, "opts");

	if (is_whole) {
		cr_assert_eq(rk_schema_decode(arena, kind, doc, RK_STRICT_STRICT, NULL, &status), RK_OK, "%s: %.*s",
			     write->body, RK_SPAN_ARGS(rk_val_text_at(status, "message")));
		rk_schema_default(arena, kind, doc);
		cr_assert_eq(rk_convert_in(arena, kind, doc, &doc, &status), RK_OK);
	}
	rk_val_put_cstr(arena, op, "verb", is_whole ? write->how : "patch");
	if (!is_whole)
		rk_val_put_cstr(arena, op, "patch", is_force || is_dry || is_patcher ? "apply" : write->how);
	rk_val_put_cstr(arena, op, "kind", kind->resource);
	if (kind->stored != kind)
		rk_val_put_cstr(arena, op, "form", kind->api_version);
	rk_val_put_cstr(arena, op, "ns", kind->namespaced ? "default" : "");
	rk_val_put_cstr(arena, op, "name", "x");
	rk_val_put_cstr(arena, op, "sub", write->sub);
	rk_val_put(arena, op, "doc", doc);
	rk_val_put_cstr(arena, opts, "manager", write->who);
	rk_val_put_bool(arena, opts, "force", is_force);
	rk_val_put_bool(arena, opts, "dryRun", is_dry);
	rk_val_put_bool(arena, opts, "noCreate", is_patcher);
	return op;
}

static inline int run(struct world *world, const struct rk_kind *kind, const struct write *write)
{
	struct rk_val *command = rk_val_map(&world->arena), *ops = rk_val_list(&world->arena);
	struct rk_applied applied;

	world->now_ms += 1000;
	rk_val_append(&world->arena, ops, op_of(world, kind, write));
	rk_val_put(&world->arena, command, "ops", ops);
	rk_val_put_cstr(&world->arena, command, "user", "eve");
	struct rk_blob *body = rk_doc_of(command);
	enter(world, RK_ENTRY_COMMAND, rk_blob_span(body), &applied);
	(void)rk_blob_unref(body);
	cr_assert_eq(applied.outcome_count, 1);
	const int code = applied.outcomes[0].code;
	world->answer = rk_val_copy(&world->arena, rk_doc_val(&world->arena, applied.outcomes[0].doc));
	rk_applied_done(&applied);
	return code;
}

static inline void put_path(void *context, struct rk_span path)
{
	rk_buf_put_u8(context, ' ');
	rk_buf_put_span(context, path);
}

/* "manager Apply sub 3s: .a .b; ..." */
static inline const char *owners_out(struct world *world, const struct rk_val *managed)
{
	struct rk_buf out = { 0 };

	for (uint32_t i = 0; i < rk_val_count(managed); i++) {
		const struct rk_val *entry = rk_val_item(managed, i);
		const struct rk_fieldset *set = NULL;
		const struct rk_span sub = rk_val_text_at(entry, "subresource");
		int64_t ms = 0;
		cr_assert(rk_time_parse(rk_val_text_at(entry, "time"), &ms));
		cr_assert_eq(rk_fieldset_read(&world->arena, rk_val_at(entry, "fieldsV1"), &set), RK_OK);
		cr_expect_str_eq(json_out(&world->arena, rk_val_at(entry, "fieldsV1")),
				 json_out(&world->arena, rk_fieldset_val(&world->arena, set)), "not canonical");
		rk_buf_printf(&out, "%s%.*s %.*s%s%.*s %llds:", i > 0 ? "; " : "",
			      RK_SPAN_ARGS(rk_val_text_at(entry, "manager")),
			      RK_SPAN_ARGS(rk_val_text_at(entry, "operation")), sub.size > 0 ? " " : "",
			      RK_SPAN_ARGS(sub), (long long)(ms - start_ms) / 1000);
		rk_fieldset_each(set, put_path, &out);
	}
	const char *text = rk_arena_str(&world->arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return text;
}

static inline const struct rk_val *stored(struct world *world, const struct rk_kind *kind)
{
	struct rk_view *view = rk_store_view(rk_machine_store(world->machine));
	struct rk_object object;
	struct rk_val *val = NULL;

	if (rk_view_get(view, rk_span_str(kind->resource), kind->namespaced ? RK_SPAN("default") : RK_SPAN(""),
			RK_SPAN("x"), &object))
		val = rk_val_copy(&world->arena, rk_doc_val(&world->arena, object.doc));
	(void)rk_view_unref(view);
	return val;
}

static inline void check_write(struct world *world, const struct rk_kind *kind, const struct write *write, size_t at,
			const char *owners)
{
	const int code = run(world, kind, write);
	const struct rk_val *now = stored(world, kind);

	cr_expect_eq(code, write->code, "write %zu: %d %s", at, code, json_out(&world->arena, world->answer));
	if (write->message != NULL)
		cr_expect_str_eq(rk_arena_str(&world->arena, rk_val_text_at(world->answer, "message")), write->message,
				 "write %zu", at);
	if (write->part != NULL) {
		const struct rk_val *part = rk_val_at(world->answer, write->part);
		const char *text = part != NULL ? json_out(&world->arena, part) : "nothing";
		cr_expect_str_eq(text, write->is, "write %zu: %s", at, text);
	}
	const char *had = owners_out(world, rk_val_at(now, "metadata.managedFields"));
	cr_expect_str_eq(had, owners, "write %zu: %s", at, had);
}

static inline void check(const char *kind_name, const struct write *writes, size_t count)
{
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, kind_name);
	const char *owners = "";

	for (size_t i = 0; i < count; i++) {
		owners = writes[i].owners != NULL ? writes[i].owners : owners;
		check_write(&world, kind, &writes[i], i + 1, owners);
	}
	world_done(&world);
}

#define CHECK(kind, writes) check(kind, writes, sizeof(writes) / sizeof(writes)[0])

#define NO_PART NULL, NULL

#endif
