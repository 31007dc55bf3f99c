/* reckon wait, rollout status: until something is so. */
#include <stdio.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/refs.h"
#include "cli/watch.h"

#define WAIT_MS 30000

static int run_wait(int argc, char **argv);
static int run_status(int argc, char **argv);

const struct rk_command rk_command_wait = {
	.name = "wait",
	.usage = "(TYPE NAME... | TYPE/NAME...) --for=delete|create|condition=NAME[=VALUE]|"
		 "jsonpath=PATH[=VALUE] [flags]",
	.summary = "Wait until objects are as they should be",
	.examples = "  reckon wait pod/web-1 --for=condition=Ready --timeout=60s\n"
		    "  reckon wait deploy/web --for=jsonpath='{.status.readyReplicas}'=3\n",
	.run = run_wait,
	.section = "Workloads",
};
const struct rk_command rk_command_rollout_status = {
	.name = "rollout status",
	.usage = "(deployment NAME | deployment/NAME) [flags]",
	.summary = "Follow a rollout to its end",
	.run = run_status,
	.section = "Workloads",
};

enum aim { AIM_DELETE, AIM_CREATE, AIM_CONDITION, AIM_PATH, AIM_ROLLOUT };

struct waiting {
	struct rk_session session;
	const char *aim_text, *labels;
	int64_t timeout_ms;
	bool all, watches;

	enum aim aim;
	struct rk_span condition, value; /* value NULL data: "True", or anything */
	struct rk_jsonpath *path;
	struct rk_span last; /* of a rollout: the line that was told last */
	int err;
	struct rk_error *error;
};

static int parse_aim(struct waiting *w, struct rk_error *error)
{
	struct rk_span what, arg = rk_span_cut(rk_span_str(w->aim_text), '=', &what);

	if (rk_span_is(what, "delete") && arg.data == NULL) {
		w->aim = AIM_DELETE;
	} else if (rk_span_is(what, "create") && arg.data == NULL) {
		w->aim = AIM_CREATE;
	} else if (rk_span_is(what, "condition") && arg.size > 0) {
		w->aim = AIM_CONDITION;
		w->value = rk_span_cut(arg, '=', &w->condition);
		if (w->value.data == NULL)
			w->value = RK_SPAN("True");
	} else if (rk_span_is(what, "jsonpath") && arg.size > 0) {
		/* The path may hold "=" within its braces. */
		const uint8_t *end = memrchr(arg.data, '}', arg.size);
		const size_t from = end != NULL ? (size_t)(end - arg.data) + 1 : 0;
		const struct rk_span rest = rk_span_sub(arg, from, arg.size);
		w->aim = AIM_PATH;
		if (end != NULL && rest.size > 0 && rest.data[0] == '=') {
			w->value = rk_span_sub(rest, 1, rest.size);
			arg = rk_span_sub(arg, 0, from);
		} else if (end == NULL) {
			w->value = rk_span_cut(arg, '=', &arg);
		}
		return rk_jsonpath_parse_one(&w->session.arena, arg, &w->path, error);
	} else {
		return rk_fail(error, RK_EINVAL,
			       "--for: \"%s\" is not delete, create, condition=NAME or "
			       "jsonpath=PATH",
			       w->aim_text);
	}
	return RK_OK;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool same_word(struct rk_span a, struct rk_span b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (lower((char)a.data[i]) != lower((char)b.data[i]))
			return false;
	return true;
}

static bool has_condition(const struct waiting *w, const struct rk_val *object)
{
	const struct rk_val *list = rk_val_at(object, "status.conditions");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (same_word(rk_val_text_at(rk_val_item(list, i), "type"), w->condition))
			return same_word(rk_val_text_at(rk_val_item(list, i), "status"), w->value);
	return false;
}

static bool has_value(struct waiting *w, const struct rk_val *object)
{
	struct rk_arena arena = { 0 };
	struct rk_val *found = NULL;
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	bool is_so = false;

	if (rk_jsonpath_find(&arena, w->path, object, &found, NULL) == RK_OK &&
	    rk_val_count(found) == 1) {
		rk_jsonpath_put(&text, rk_val_item(found, 0));
		is_so = w->value.data == NULL || rk_span_eq(rk_buf_span(&text), w->value);
	}
	rk_arena_done(&arena);
	return is_so;
}

/* --- rollouts --- */

static const char *rollout_line(struct waiting *w, struct rk_arena *arena,
				const struct rk_val *object, bool *ret_done)
{
	const long long wanted = (long long)rk_val_int_at(object, "spec.replicas", 1);
	const long long updated = (long long)rk_val_int_at(object, "status.updatedReplicas", 0);
	const long long total = (long long)rk_val_int_at(object, "status.replicas", 0);
	const long long ready = (long long)rk_val_int_at(object, "status.availableReplicas", 0);
	const struct rk_val *list = rk_val_at(object, "status.conditions");
	const char *name = rk_arena_str(arena, rk_val_text_at(object, "metadata.name"));

	*ret_done = false;
	if (rk_val_int_at(object, "metadata.generation", 0) >
	    rk_val_int_at(object, "status.observedGeneration", 0))
		return "Waiting for deployment spec update to be observed...";
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "reason"),
			       "ProgressDeadlineExceeded"))
			w->err = rk_fail(w->error, RK_ETIMEDOUT,
					 "deployment \"%s\" exceeded its progress deadline", name);
	if (updated < wanted)
		return rk_arena_printf(
			arena,
			"Waiting for deployment \"%s\" rollout to finish: %lld out of "
			"%lld new replicas have been updated...",
			name, updated, wanted);
	if (total > updated)
		return rk_arena_printf(arena,
				       "Waiting for deployment \"%s\" rollout to finish: %lld old "
				       "replicas are pending termination...",
				       name, total - updated);
	if (ready < updated)
		return rk_arena_printf(arena,
				       "Waiting for deployment \"%s\" rollout to finish: %lld of "
				       "%lld updated replicas are available...",
				       name, ready, updated);
	*ret_done = true;
	return rk_arena_printf(arena, "deployment \"%s\" successfully rolled out", name);
}

static bool rollout_is_done(struct waiting *w, const struct rk_val *object)
{
	struct rk_arena arena = { 0 };
	bool is_done;
	const struct rk_span line = rk_span_str(rollout_line(w, &arena, object, &is_done));

	if (w->err == RK_OK && !rk_span_eq(line, w->last)) {
		(void)printf("%.*s\n", RK_SPAN_ARGS(line));
		(void)fflush(stdout);
		w->last = rk_arena_span(&w->session.arena, line);
	}
	rk_arena_done(&arena);
	return is_done;
}

static int on_event(void *context, struct rk_span type, const struct rk_val *object)
{
	struct waiting *w = context;
	const bool is_gone = rk_span_is(type, "DELETED");

	if (w->aim == AIM_DELETE)
		return is_gone;
	if (w->aim == AIM_CREATE)
		return !is_gone;
	if (is_gone) {
		w->err = rk_fail(w->error, RK_ENOENT, "it was deleted while waiting");
		return 1;
	}
	if (w->aim == AIM_ROLLOUT)
		return rollout_is_done(w, object) || w->err < 0 || !w->watches;
	return w->aim == AIM_CONDITION ? has_condition(w, object) : has_value(w, object);
}

static int wait_one(struct waiting *w, const struct rk_kind *kind, struct rk_span name,
		    uint64_t until_ms, struct rk_error *error)
{
	struct rk_arena *arena = &w->session.arena;
	const struct rk_span ns = rk_span_str(w->session.namespace);
	const char *shown = rk_output_name(arena, kind, name);
	struct rk_val *object = NULL;

	w->error = error;
	w->err = RK_OK;
	const int err =
		rk_session_get(&w->session, rk_target(arena, kind, ns, name, NULL), &object, error);
	if (err == RK_ENOENT && w->aim == AIM_DELETE)
		return RK_OK;
	if (err < 0 && !(err == RK_ENOENT && w->aim == AIM_CREATE))
		return err;
	if (err < 0 || on_event(w, RK_SPAN("ADDED"), object) == 0) {
		const uint64_t now_ms = rk_clock_mono_ms();
		const struct rk_watch watch = {
			.target = rk_target_with(
				arena, rk_target(arena, kind, ns, rk_span_str(""), NULL),
				"fieldSelector",
				rk_span_str(rk_arena_printf(arena, "metadata.name=%.*s",
							    RK_SPAN_ARGS(name)))),
			.version = rk_val_text_at(object, "metadata.resourceVersion"),
			.for_ms = until_ms == 0       ? 0
				  : until_ms > now_ms ? (uint32_t)(until_ms - now_ms)
						      : 1,
			.each = on_event,
			.context = w,
		};
		const int watched = rk_watch_run(&w->session, &watch, error);
		if (watched == RK_ETIMEDOUT)
			return rk_fail(error, RK_ETIMEDOUT,
				       "timed out waiting for the condition%s%s",
				       w->aim == AIM_ROLLOUT ? "" : " on ",
				       w->aim == AIM_ROLLOUT
					       ? ""
					       : rk_arena_printf(arena, "%s/%.*s", kind->plural,
								 RK_SPAN_ARGS(name)));
		RK_TRY(watched);
	}
	RK_TRY(w->err);
	if (w->aim != AIM_ROLLOUT)
		(void)printf("%s condition met\n", shown);
	return RK_OK;
}

static int wait_refs(struct waiting *w, int argc, char **argv, struct rk_error *error)
{
	struct rk_session *session = &w->session;
	struct rk_refs refs = { 0 };
	const uint64_t until_ms =
		w->timeout_ms > 0 ? rk_clock_mono_ms() + (uint64_t)w->timeout_ms : 0;

	RK_TRY(rk_session_open(session, error));
	RK_TRY(rk_refs_parse(&session->arena, session->kinds, argc, argv, &refs, error));
	if (!refs.has_names && w->labels == NULL && !w->all)
		return rk_fail(error, RK_EINVAL,
			       "resource(s) were provided, but no name was specified");
	for (size_t i = 0; i < refs.count; i++) {
		const struct rk_kind *kind = refs.at[i].kind;
		struct rk_val *list = NULL;
		if (refs.has_names) {
			RK_TRY(wait_one(w, kind, refs.at[i].name, until_ms, error));
			continue;
		}
		const char *target =
			rk_target(&session->arena, kind, rk_span_str(session->namespace),
				  rk_span_str(""), NULL);
		if (w->labels != NULL)
			target = rk_target_with(&session->arena, target, "labelSelector",
						rk_span_str(w->labels));
		RK_TRY(rk_session_get(session, target, &list, error));
		const struct rk_val *items = rk_val_at(list, "items");
		if (rk_val_count(items) == 0)
			return rk_fail(error, RK_ENOENT, "no matching resources found");
		for (uint32_t n = 0; n < rk_val_count(items); n++)
			RK_TRY(wait_one(w, kind,
					rk_val_text_at(rk_val_item(items, n), "metadata.name"),
					until_ms, error));
	}
	return RK_OK;
}

static int run_wait(int argc, char **argv)
{
	struct waiting w = { .timeout_ms = WAIT_MS };
	struct rk_error error = { 0 };
	int status, err;
	const struct rk_flag flags[] = {
		RK_FLAG_STR("for", 0, &w.aim_text, "WHAT", "what to wait for"),
		RK_FLAG("timeout", 0, RK_FLAG_DURATION, &w.timeout_ms, "TIME", "at most so long"),
		RK_FLAG_STR("selector", 'l', &w.labels, "LABELS", "those with these labels"),
		RK_FLAG_YES("all", 0, &w.all, "all of the type, in the namespace"),
		RK_SESSION_FLAGS(&w.session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_wait, flags, &argc, argv, NULL, &status))
		return status;
	err = w.aim_text != NULL ? parse_aim(&w, &error)
				 : rk_fail(&error, RK_EINVAL, "--for is needed");
	if (err == RK_OK)
		err = wait_refs(&w, argc, argv, &error);
	return rk_session_end(&w.session, err, &error);
}

static int run_status(int argc, char **argv)
{
	struct waiting w = { .aim = AIM_ROLLOUT, .watches = true };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG_YES("watch", 'w', &w.watches, "to its end (the default)"),
		RK_FLAG("timeout", 0, RK_FLAG_DURATION, &w.timeout_ms, "TIME",
			"at most so long; 0: any time"),
		RK_FLAG_STR("selector", 'l', &w.labels, "LABELS", "those with these labels"),
		RK_SESSION_FLAGS(&w.session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_rollout_status, flags, &argc, argv, NULL, &status))
		return status;
	const int err = wait_refs(&w, argc, argv, &error);
	return rk_session_end(&w.session, err, &error);
}
