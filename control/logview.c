#include "control/logview.h"

#include "base/timefmt.h"
#include "control/etcd/entry_view.h"
#include "control/machine.h"
#include "wire/doc.h"

static const char *envelope_name(enum rk_entry_type type)
{
	switch (type) {
	case RK_ENTRY_INIT: return "init";
	case RK_ENTRY_COMMAND: return "command";
	case RK_ENTRY_TICK: return "tick";
	case RK_ENTRY_ADVANCE: return "advance";
	case RK_ENTRY_ETCD: return "etcd";
	case RK_ENTRY_ROOT_CA: return "root-ca";
	}
	return "unknown";
}

static struct rk_val *op_view(struct rk_arena *arena, const struct rk_val *op, bool with_docs)
{
	static const char *const texts[] = { "verb", "kind", "ns", "name", "sub", "patch" };
	struct rk_val *view = rk_val_map(arena);

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const struct rk_span text = rk_val_text_at(op, texts[i]);
		if (text.size > 0)
			rk_val_put_str(arena, view, texts[i], text);
	}
	if (rk_val_text_at(op, "name").size == 0) {
		struct rk_span name = rk_val_text_at(op, "doc.metadata.name");
		if (name.size == 0)
			name = rk_val_text_at(op, "doc.metadata.generateName");
		rk_val_put_str(arena, view, "name", name);
	}
	if (rk_val_text_at(op, "opts.manager").size > 0)
		rk_val_put_str(arena, view, "manager", rk_val_text_at(op, "opts.manager"));
	if (rk_val_bool_at(op, "opts.dryRun", false))
		rk_val_put_bool(arena, view, "dryRun", true);
	if (with_docs && rk_val_at(op, "doc") != NULL) {
		if (rk_span_is(rk_val_text_at(op, "kind"), "secrets"))
			rk_val_put_cstr(arena, view, "doc", "(a secret: not shown)");
		else
			rk_val_put(arena, view, "doc", rk_val_at(op, "doc"));
	}
	return view;
}

static void command_view(struct rk_arena *arena, struct rk_val *view, struct rk_span body,
			 bool with_docs)
{
	struct rk_val *command = NULL, *ops = rk_val_list(arena);

	if (rk_doc_read(arena, rk_arena_span(arena, body), &command) < 0) {
		rk_val_put_cstr(arena, view, "damage", "the command cannot be read");
		return;
	}
	rk_val_put_str(arena, view, "user", rk_val_text_at(command, "user"));
	const struct rk_val *list = rk_val_at(command, "ops");
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_val_append(arena, ops, op_view(arena, rk_val_item(list, i), with_docs));
	rk_val_put(arena, view, "ops", ops);
}

static void config_view(struct rk_arena *arena, struct rk_val *view, struct rk_span payload)
{
	struct rk_val *members = rk_val_list(arena);
	struct rk_config config;

	if (rk_config_decode(payload, &config) < 0)
		return;
	for (uint32_t i = 0; i < config.count; i++)
		rk_val_append(arena, members,
			      rk_val_strf(arena, "%llu=%s", (unsigned long long)config.at[i].id,
					  config.at[i].address));
	rk_val_put(arena, view, "members", members);
}

struct rk_val *rk_logview_entry(struct rk_arena *arena, const struct rk_record *record,
				bool with_docs)
{
	struct rk_val *view = rk_val_map(arena);
	const struct rk_entry *entry = &record->entry;
	char when[RK_TIME_TEXT_MAX];
	struct rk_envelope envelope;

	(void)rk_time_format_ms(when, entry->time_ms);
	rk_val_put_int(arena, view, "index", (int64_t)entry->index);
	rk_val_put_int(arena, view, "term", (int64_t)entry->term);
	rk_val_put(arena, view, "time", rk_val_strf(arena, "%s", when));
	rk_val_put_int(arena, view, "bytes", (int64_t)record->payload.size);
	if (entry->kind == RK_ENTRY_NOOP) {
		rk_val_put_cstr(arena, view, "kind", "noop");
	} else if (entry->kind == RK_ENTRY_CONFIG) {
		rk_val_put_cstr(arena, view, "kind", "config");
		config_view(arena, view, record->payload);
	} else if (rk_envelope_read(record->payload, &envelope) < 0) {
		rk_val_put_cstr(arena, view, "kind", "unknown");
	} else {
		rk_val_put_cstr(arena, view, "kind", envelope_name(envelope.type));
		if (envelope.origin != 0) {
			rk_val_put_int(arena, view, "origin", (int64_t)envelope.origin);
			rk_val_put_int(arena, view, "sequence", (int64_t)envelope.sequence);
		}
		if (envelope.type == RK_ENTRY_COMMAND)
			command_view(arena, view, envelope.body, with_docs);
		else if (envelope.type == RK_ENTRY_ETCD)
			rk_etcd_entry_view(arena, view, envelope.body);
	}
	return view;
}

struct rk_span rk_logview_line(struct rk_arena *arena, const struct rk_val *entry)
{
	const struct rk_val *ops = rk_val_at(entry, "ops");
	struct rk_buf out = { 0 };

	for (uint32_t i = 0; i < rk_val_count(ops); i++) {
		const struct rk_val *op = rk_val_item(ops, i);
		const struct rk_span ns = rk_val_text_at(op, "ns"), sub = rk_val_text_at(op, "sub");
		rk_buf_printf(&out, "%s%.*s %.*s%s%.*s %.*s%s%.*s%s", i > 0 ? "; " : "",
			      RK_SPAN_ARGS(rk_val_text_at(op, "verb")),
			      RK_SPAN_ARGS(rk_val_text_at(op, "kind")), sub.size > 0 ? "/" : "",
			      RK_SPAN_ARGS(sub), RK_SPAN_ARGS(ns), ns.size > 0 ? "/" : "",
			      RK_SPAN_ARGS(rk_val_text_at(op, "name")),
			      rk_val_bool_at(op, "dryRun", false) ? " (dry run)" : "");
	}
	if (rk_val_text_at(entry, "user").size > 0)
		rk_buf_printf(&out, " by %.*s", RK_SPAN_ARGS(rk_val_text_at(entry, "user")));
	const struct rk_val *members = rk_val_at(entry, "members");
	for (uint32_t i = 0; i < rk_val_count(members); i++)
		rk_buf_printf(&out, "%s%.*s", i > 0 ? " " : "",
			      RK_SPAN_ARGS(rk_val_text(rk_val_item(members, i))));
	const struct rk_span line = rk_arena_span(arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return line;
}
