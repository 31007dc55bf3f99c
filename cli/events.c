/* reckon events: what happened, the newest last. */
#include <stdio.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/refs.h"
#include "cli/tabs.h"

static int run_events(int argc, char **argv);

const struct rk_command rk_command_events = {
	.name = "events",
	.usage = "[--for TYPE/NAME] [--types Normal,Warning] [flags]",
	.summary = "Show what happened, the newest last",
	.examples = "  reckon events --for pod/web-1\n  reckon events -A --types=Warning\n",
	.run = run_events,
	.section = "Looking deeper",
};

struct events {
	struct rk_session session;
	const char *about, *types;
	bool all_namespaces, no_headers;
};

static struct rk_span when(const struct rk_val *event)
{
	static const char *const fields[] = { "lastTimestamp", "eventTime", "firstTimestamp",
					      "metadata.creationTimestamp" };

	for (size_t i = 0; i < RK_COUNT(fields); i++)
		if (rk_val_text_at(event, fields[i]).size > 0)
			return rk_val_text_at(event, fields[i]);
	return RK_SPAN("");
}

static int by_time(const void *a, const void *b)
{
	return rk_span_cmp(when(*(struct rk_val *const *)a), when(*(struct rk_val *const *)b));
}

static bool is_type(const char *types, struct rk_span type)
{
	struct rk_span rest = rk_span_str(types), one;

	if (types == NULL)
		return true;
	while (rest.size > 0) {
		rest = rk_span_cut(rest, ',', &one);
		if (rk_span_eq(one, type))
			return true;
	}
	return false;
}

static int list_events(struct events *events, struct rk_val **ret, struct rk_error *error)
{
	struct rk_session *session = &events->session;
	struct rk_arena *arena = &session->arena;
	const char *target =
		rk_target(arena, rk_kinds_by_name(session->kinds, RK_SPAN("events")),
			  rk_span_str(events->all_namespaces ? "" : session->namespace),
			  rk_span_str(""), NULL);
	struct rk_ref ref;

	if (events->about != NULL) {
		RK_TRY(rk_ref_one(session->kinds, events->about, "", &ref, error));
		target = rk_target_with(
			arena, target, "fieldSelector",
			rk_span_str(rk_arena_printf(
				arena, "involvedObject.kind=%s,involvedObject.name=%.*s",
				ref.kind->kind, RK_SPAN_ARGS(ref.name))));
	}
	struct rk_val *list = NULL;
	RK_TRY(rk_session_get(session, target, &list, error));
	*ret = rk_val_at(list, "items");
	if (rk_val_count(*ret) > 1)
		qsort((*ret)->items, (*ret)->count, sizeof *(*ret)->items, by_time);
	return RK_OK;
}

static int show(struct events *events, struct rk_error *error)
{
	struct rk_describe d = { .arena = &events->session.arena, .now_ms = rk_clock_wall_ms() };
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_val *list = NULL;
	unsigned count = 0;

	RK_TRY(rk_session_open(&events->session, error));
	RK_TRY(list_events(events, &list, error));
	if (!events->no_headers)
		rk_describe_put(&d, "%sLAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n",
				events->all_namespaces ? "NAMESPACE\t" : "");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *event = rk_val_item(list, i);
		if (!is_type(events->types, rk_val_text_at(event, "type")))
			continue;
		count++;
		if (events->all_namespaces)
			rk_describe_put(&d, "%.*s\t",
					RK_SPAN_ARGS(rk_val_text_at(event, "metadata.namespace")));
		rk_describe_put(&d, "%s\t%.*s\t%.*s\t%.*s/%.*s\t%.*s\n",
				rk_describe_age(&d, when(event)),
				RK_SPAN_ARGS(rk_val_text_at(event, "type")),
				RK_SPAN_ARGS(rk_val_text_at(event, "reason")),
				RK_SPAN_ARGS(rk_val_text_at(event, "involvedObject.kind")),
				RK_SPAN_ARGS(rk_val_text_at(event, "involvedObject.name")),
				RK_SPAN_ARGS(rk_val_text_at(event, "message")));
	}
	rk_tabs_write(&out, rk_buf_span(&d.out), 6, 3);
	if (count > 0)
		rk_cli_put(&out);
	else
		(void)fprintf(stderr, "No events found%s%s%s\n",
			      events->all_namespaces ? "" : " in ",
			      events->all_namespaces ? "" : events->session.namespace,
			      events->all_namespaces ? "" : " namespace.");
	rk_buf_done(&d.out);
	return RK_OK;
}

static int run_events(int argc, char **argv)
{
	struct events events = { 0 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG_STR("for", 0, &events.about, "TYPE/NAME", "about this object"),
		RK_FLAG_STR("types", 0, &events.types, "TYPES", "Normal, Warning or both"),
		RK_FLAG_YES("all-namespaces", 'A', &events.all_namespaces, "from every namespace"),
		RK_FLAG_YES("no-headers", 0, &events.no_headers, "rows only"),
		RK_SESSION_FLAGS(&events.session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_events, flags, &argc, argv, NULL, &status))
		return status;
	const int err = argc == 0 ? show(&events, &error)
				  : rk_fail(&error, RK_EINVAL, "unexpected word: %s", argv[0]);
	return rk_session_end(&events.session, err, &error);
}
