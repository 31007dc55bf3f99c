/* reckon describe: everything about an object, and what happened to it. */
#include "cli/describe.h"

#include <stdio.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/manifests_io.h"
#include "cli/refs.h"
#include "cli/tabs.h"

static int run_describe(int argc, char **argv);

const struct rk_command rk_command_describe = {
	.name = "describe",
	.usage = "(TYPE [NAME...] | TYPE/NAME... | -f FILE) [flags]",
	.summary = "Tell everything about objects, with their events",
	.examples = "  reckon describe deployment web\n  reckon describe pods -l app=web\n",
	.run = run_describe,
	.section = "Looking deeper",
};

static const struct {
	const char *kind;
	void (*describe)(struct rk_describe *d);
} forms[] = {
	{ "Pod", rk_describe_pod },
	{ "Deployment", rk_describe_deployment },
	{ "ReplicaSet", rk_describe_replicaset },
	{ "Service", rk_describe_service },
	{ "Node", rk_describe_node },
	{ "Namespace", rk_describe_namespace },
	{ "ConfigMap", rk_describe_configmap },
	{ "Secret", rk_describe_secret },
};

void rk_describe_object(struct rk_describe *d)
{
	for (size_t i = 0; i < RK_COUNT(forms); i++) {
		if (strcmp(forms[i].kind, d->kind->kind) == 0) {
			forms[i].describe(d);
			return;
		}
	}
	rk_describe_generic(d);
}

/* --- events --- */

static const char *event_age(struct rk_describe *d, const struct rk_val *event)
{
	const struct rk_span last = rk_val_text_at(event, "lastTimestamp");
	const struct rk_span first = rk_val_text_at(event, "firstTimestamp");
	const int64_t count = rk_val_int_at(event, "count", 1);

	if (last.size == 0)
		return rk_describe_age(d, rk_val_text_at(event, "eventTime"));
	if (count > 1)
		return rk_arena_printf(d->arena, "%s (x%lld over %s)", rk_describe_age(d, last),
				       (long long)count, rk_describe_age(d, first));
	return rk_describe_age(d, last);
}

static void put_events(struct rk_describe *d)
{
	const char *target =
		rk_target(d->arena, rk_kinds_by_name(d->session->kinds, RK_SPAN("events")),
			  rk_val_text_at(d->object, "metadata.namespace"), rk_span_str(""), NULL);
	const char *fields =
		rk_arena_printf(d->arena, "involvedObject.uid=%.*s",
				RK_SPAN_ARGS(rk_val_text_at(d->object, "metadata.uid")));
	const struct rk_val *list =
		rk_val_at(rk_describe_fetch(d, rk_target_with(d->arena, target, "fieldSelector",
							      rk_span_str(fields))),
			  "items");

	if (rk_val_count(list) == 0) {
		rk_describe_put(d, "Events:\t<none>\n");
		return;
	}
	rk_describe_put(d, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  "
			   "----\t------\t----\t----\t-------\n");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *event = rk_val_item(list, i);
		struct rk_span from = rk_val_text_at(event, "source.component"), message;
		if (from.size == 0)
			from = rk_val_text_at(event, "reportingComponent");
		const struct rk_span host = rk_val_text_at(event, "source.host");
		(void)rk_span_cut(rk_val_text_at(event, "message"), '\n', &message);
		rk_describe_put(d, "  %.*s\t%.*s\t%s\t%.*s%s%.*s\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(event, "type")),
				RK_SPAN_ARGS(rk_val_text_at(event, "reason")), event_age(d, event),
				RK_SPAN_ARGS(from), host.size > 0 ? ", " : "", RK_SPAN_ARGS(host),
				RK_SPAN_ARGS(message));
	}
}

/* As kubectl has it: nothing happens to these. */
static bool has_events(const struct rk_kind *kind)
{
	return strcmp(kind->kind, "Event") != 0 && strcmp(kind->kind, "Secret") != 0 &&
	       strcmp(kind->kind, "Namespace") != 0;
}

/* --- the command --- */

struct describing {
	struct rk_session session;
	const char *labels;
	bool all_namespaces, shows_events;
	unsigned count;
};

static void one(struct describing *now, const struct rk_kind *kind, const struct rk_val *object)
{
	struct rk_describe d = { .session = &now->session,
				 .arena = &now->session.arena,
				 .kind = kind,
				 .object = object,
				 .now_ms = rk_clock_wall_ms() };
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };

	rk_describe_object(&d);
	if (now->shows_events && has_events(kind))
		put_events(&d);
	if (now->count++ > 0)
		(void)printf("\n\n");
	rk_tabs_write(&out, rk_buf_span(&d.out), 0, 2);
	rk_cli_put(&out);
	rk_buf_done(&d.out);
}

static void describe_ref(struct describing *now, const struct rk_ref *ref, struct rk_span ns)
{
	struct rk_arena *arena = &now->session.arena;
	const char *target = rk_target(arena, ref->kind, ns, ref->name, NULL);
	struct rk_val *got = NULL;
	struct rk_error error = { 0 };

	if (now->labels != NULL)
		target = rk_target_with(arena, target, "labelSelector", rk_span_str(now->labels));
	if (rk_session_get(&now->session, target, &got, &error) < 0) {
		rk_session_tell(&now->session, NULL, &error);
		return;
	}
	if (ref->name.size > 0) {
		one(now, ref->kind, got);
		return;
	}
	const struct rk_val *items = rk_val_at(got, "items");
	for (uint32_t i = 0; i < rk_val_count(items); i++)
		one(now, ref->kind, rk_val_item(items, i));
}

static int run_with(struct describing *now, const struct rk_flag_list *files, int argc, char **argv,
		    struct rk_error *error)
{
	struct rk_session *session = &now->session;
	struct rk_refs refs = { 0 };

	RK_TRY(rk_session_open(session, error));
	if (files->count > 0) {
		struct rk_manifests manifests = { 0 };
		const int err = rk_manifests_read(session, files, false, &manifests, error);
		for (size_t i = 0; err == RK_OK && i < manifests.count; i++)
			describe_ref(now,
				     &(struct rk_ref){ manifests.at[i].kind, manifests.at[i].name },
				     manifests.at[i].ns);
		rk_manifests_done(&manifests);
		return err;
	}
	RK_TRY(rk_refs_parse(&session->arena, session->kinds, argc, argv, &refs, error));
	for (size_t i = 0; i < refs.count; i++)
		describe_ref(now, &refs.at[i],
			     rk_span_str(now->all_namespaces ? "" : session->namespace));
	if (now->count == 0 && !session->has_failed)
		(void)fprintf(stderr, "No resources found%s%s%s\n",
			      now->all_namespaces ? "" : " in ",
			      now->all_namespaces ? "" : session->namespace,
			      now->all_namespaces ? "" : " namespace.");
	return RK_OK;
}

static int run_describe(int argc, char **argv)
{
	struct describing now = { .shows_events = true };
	struct rk_flag_list files = { .count = 0 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG("filename", 'f', RK_FLAG_LIST, &files, "FILE", "what these files describe"),
		RK_FLAG_STR("selector", 'l', &now.labels, "LABELS", "a=b,c!=d,e in (f,g)"),
		RK_FLAG_YES("all-namespaces", 'A', &now.all_namespaces, "from every namespace"),
		RK_FLAG_YES("show-events", 0, &now.shows_events, "events, too (the default)"),
		RK_SESSION_FLAGS(&now.session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_describe, flags, &argc, argv, NULL, &status))
		return status;
	const int err = run_with(&now, &files, argc, argv, &error);
	return rk_session_end(&now.session, err, &error);
}
