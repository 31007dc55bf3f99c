/* reckon rollout restart, pause, resume, history, undo: the revisions of a deployment. */
#include <stdio.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/modify.h"
#include "cli/tabs.h"
#include "control/schema/selector.h"

#define REVISION "deployment.kubernetes.io/revision"
#define HASH     "pod-template-hash"

static int run_restart(int argc, char **argv);
static int run_pause(int argc, char **argv);
static int run_resume(int argc, char **argv);
static int run_history(int argc, char **argv);
static int run_undo(int argc, char **argv);

#define USAGE   "(deployment NAME | deployment/NAME) [flags]"
#define SECTION "Workloads"
const struct rk_command rk_command_rollout_restart = {
	.name = "rollout restart",
	.usage = USAGE,
	.summary = "Replace every pod of a deployment, step by step",
	.run = run_restart,
	.section = SECTION,
};
const struct rk_command rk_command_rollout_pause = {
	.name = "rollout pause",
	.usage = USAGE,
	.summary = "Hold a deployment: changes wait",
	.run = run_pause,
	.section = SECTION,
};
const struct rk_command rk_command_rollout_resume = {
	.name = "rollout resume",
	.usage = USAGE,
	.summary = "Let a held deployment go on",
	.run = run_resume,
	.section = SECTION,
};
const struct rk_command rk_command_rollout_history = {
	.name = "rollout history",
	.usage = USAGE,
	.summary = "List the revisions of a deployment",
	.examples = "  reckon rollout history deploy/web --revision=2\n",
	.run = run_history,
	.section = SECTION,
};
const struct rk_command rk_command_rollout_undo = {
	.name = "rollout undo",
	.usage = USAGE,
	.summary = "Go back to an earlier revision",
	.examples = "  reckon rollout undo deploy/web\n  reckon rollout undo deploy/web "
		    "--to-revision=3\n",
	.run = run_undo,
	.section = SECTION,
};

struct rollout {
	struct rk_modify modify;
	int64_t revision;
	enum { RESTART, PAUSE, RESUME, HISTORY, UNDO } what;
};

/* --- restart, pause, resume --- */

static int decide_flag(struct rollout *rollout, const struct rk_val *object,
		       struct rk_modification *ret, struct rk_error *error)
{
	struct rk_arena *arena = &rollout->modify.change.session.arena;
	const bool is_paused = rk_val_bool_at(object, "spec.paused", false);
	const struct rk_span name = rk_val_text_at(object, "metadata.name");

	ret->patch = rk_val_map(arena);
	if (rollout->what == RESTART) {
		char now[RK_TIME_TEXT_MAX];
		const size_t size = rk_time_format(now, rk_clock_wall_ms());
		if (is_paused)
			return rk_fail(error, RK_EINVAL,
				       "deployments.apps \"%.*s\" can't restart paused deployment "
				       "(run rollout resume first)",
				       RK_SPAN_ARGS(name));
		rk_val_put(arena,
			   rk_val_make(arena, ret->patch, "spec.template.metadata.annotations"),
			   "kubectl.kubernetes.io/restartedAt",
			   rk_val_str(arena, rk_arena_span(arena, rk_span_of(now, size))));
		ret->done = "restarted";
		return RK_OK;
	}
	if (is_paused == (rollout->what == PAUSE))
		return rk_fail(error, RK_EINVAL, "deployments.apps \"%.*s\" is %s paused",
			       RK_SPAN_ARGS(name), is_paused ? "already" : "not");
	rk_val_set_at(arena, ret->patch, "spec.paused",
		      is_paused ? rk_val_null(arena) : rk_val_bool(arena, true));
	ret->done = is_paused ? "resumed" : "paused";
	return RK_OK;
}

/* --- revisions --- */

static int64_t revision_of(const struct rk_val *object)
{
	uint64_t number = 0;

	(void)rk_span_u64(rk_val_text(rk_val_get(rk_val_at(object, "metadata.annotations"),
						 RK_SPAN(REVISION))),
			  &number);
	return (int64_t)number;
}

/* Its ReplicaSets, the oldest revision first. */
static int revisions(struct rollout *rollout, const struct rk_val *deployment, struct rk_val **ret,
		     struct rk_error *error)
{
	struct rk_session *session = &rollout->modify.change.session;
	struct rk_arena *arena = &session->arena;
	struct rk_val *list = NULL, *sorted = rk_val_list(arena);
	struct rk_selector *selector = NULL;
	const char *target =
		rk_target(arena, rk_kinds_by_name(session->kinds, RK_SPAN("replicasets.apps")),
			  rk_val_text_at(deployment, "metadata.namespace"), rk_span_str(""), NULL);

	RK_TRY(rk_selector_of(arena, rk_val_at(deployment, "spec.selector"), &selector, error));
	RK_TRY(rk_session_get(
		session,
		rk_target_with(arena, target, "labelSelector", rk_selector_text(arena, selector)),
		&list, error));
	const struct rk_val *items = rk_val_at(list, "items");
	for (int64_t last = 0;;) {
		struct rk_val *next = NULL;
		for (uint32_t i = 0; i < rk_val_count(items); i++) {
			struct rk_val *set = rk_val_item(items, i);
			const struct rk_val *owner =
				rk_val_item(rk_val_at(set, "metadata.ownerReferences"), 0);
			if (rk_span_eq(rk_val_text_at(owner, "uid"),
				       rk_val_text_at(deployment, "metadata.uid")) &&
			    revision_of(set) > last &&
			    (next == NULL || revision_of(set) < revision_of(next)))
				next = set;
		}
		if (next == NULL)
			break;
		rk_val_append(arena, sorted, next);
		last = revision_of(next);
	}
	*ret = sorted;
	return RK_OK;
}

static int show_history(struct rollout *rollout, const struct rk_kind *kind,
			const struct rk_val *object, struct rk_error *error)
{
	struct rk_arena *arena = &rollout->modify.change.session.arena;
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_describe d = { .arena = arena };
	struct rk_val *sets = NULL;
	const char *name = rk_output_name(arena, kind, rk_val_text_at(object, "metadata.name"));

	RK_TRY(revisions(rollout, object, &sets, error));
	if (rollout->revision == 0) {
		rk_describe_put(&d, "REVISION\tCHANGE-CAUSE\n");
		for (uint32_t i = 0; i < rk_val_count(sets); i++) {
			const struct rk_val *set = rk_val_item(sets, i);
			const struct rk_span why =
				rk_val_text(rk_val_get(rk_val_at(set, "metadata.annotations"),
						       RK_SPAN("kubernetes.io/change-cause")));
			rk_describe_put(&d, "%lld\t%.*s\n", (long long)revision_of(set),
					RK_SPAN_ARGS(why.size > 0 ? why : RK_SPAN("<none>")));
		}
		rk_describe_put(&d, "\n");
		(void)printf("%s \n", name);
	}
	bool is_there = rollout->revision == 0;
	for (uint32_t i = 0; i < rk_val_count(sets) && !is_there; i++) {
		if (revision_of(rk_val_item(sets, i)) != rollout->revision)
			continue;
		is_there = true;
		(void)printf("%s with revision #%lld\n", name, (long long)rollout->revision);
		rk_describe_template(&d, rk_val_at(rk_val_item(sets, i), "spec.template"));
		rk_describe_put(&d, "\n");
	}
	rk_tabs_write(&out, rk_buf_span(&d.out), 0, 2);
	rk_cli_put(&out);
	rk_buf_done(&d.out);
	return is_there ? RK_OK
			: rk_fail(error, RK_ENOENT, "unable to find the specified revision");
}

static int decide_undo(struct rollout *rollout, const struct rk_val *object,
		       struct rk_modification *ret, struct rk_error *error)
{
	struct rk_arena *arena = &rollout->modify.change.session.arena;
	struct rk_val *sets = NULL, *from = NULL;

	if (rk_val_bool_at(object, "spec.paused", false))
		return rk_fail(error, RK_EINVAL,
			       "cannot rollback a paused deployment; resume it first with 'rollout "
			       "resume' and try again");
	RK_TRY(revisions(rollout, object, &sets, error));
	for (uint32_t i = 0; i < rk_val_count(sets); i++) {
		struct rk_val *set = rk_val_item(sets, i);
		if (rollout->revision == 0 ? revision_of(set) < revision_of(object)
					   : revision_of(set) == rollout->revision)
			from = set;
	}
	if (from == NULL)
		return rk_fail(error, RK_ENOENT,
			       rollout->revision == 0 ? "no rollout history found for deployment "
							"\"%.*s\""
						      : "unable to find specified revision in "
							"history of \"%.*s\"",
			       RK_SPAN_ARGS(rk_val_text_at(object, "metadata.name")));
	struct rk_val *template = rk_val_copy(arena, rk_val_at(from, "spec.template"));
	(void)rk_val_remove(rk_val_make(arena, template, "metadata.labels"), RK_SPAN(HASH));
	if (rk_val_eq(template, rk_val_at(object, "spec.template"))) {
		ret->done = rk_arena_printf(arena,
					    "skipped rollback (current template already matches "
					    "revision %lld)",
					    (long long)revision_of(from));
		return RK_OK;
	}
	struct rk_val *op = rk_val_map(arena);
	rk_val_put_cstr(arena, op, "op", "replace");
	rk_val_put_cstr(arena, op, "path", "/spec/template");
	rk_val_put(arena, op, "value", template);
	ret->patch = rk_val_list(arena);
	rk_val_append(arena, ret->patch, op);
	ret->type = RK_TYPE_JSON;
	ret->done = "rolled back";
	return RK_OK;
}

static int decide(void *context, const struct rk_kind *kind, const struct rk_val *object,
		  struct rk_modification *ret, struct rk_error *error)
{
	struct rollout *rollout = context;

	if (strcmp(kind->kind, "Deployment") != 0)
		return rk_fail(error, RK_EINVAL, "a %s has no rollouts; a deployment has",
			       kind->singular);
	if (rollout->what == HISTORY)
		return show_history(rollout, kind, object, error);
	if (rollout->what == UNDO)
		return decide_undo(rollout, object, ret, error);
	return decide_flag(rollout, object, ret, error);
}

static int run(const struct rk_command *command, struct rollout *rollout, int argc, char **argv)
{
	struct rk_error error = { 0 };
	int status;
	const char *revision = rollout->what == HISTORY ? "revision" : "to-revision";
	const struct rk_flag with_revision[] = {
		RK_FLAG(revision, 0, RK_FLAG_NUMBER, &rollout->revision, "N", "this revision"),
		RK_MODIFY_FLAGS(&rollout->modify),
		{ 0 },
	};
	const bool has_revision = rollout->what == HISTORY || rollout->what == UNDO;

	rollout->modify.manager = "kubectl-rollout";
	if (!rk_cli_begin(command, has_revision ? with_revision : with_revision + 1, &argc, argv,
			  NULL, &status))
		return status;
	const int err = rk_modify_each(&rollout->modify, argc, argv, decide, rollout, &error);
	return rk_session_end(&rollout->modify.change.session, err, &error);
}

static int run_restart(int argc, char **argv)
{
	return run(&rk_command_rollout_restart, &(struct rollout){ .what = RESTART }, argc, argv);
}
static int run_pause(int argc, char **argv)
{
	return run(&rk_command_rollout_pause, &(struct rollout){ .what = PAUSE }, argc, argv);
}
static int run_resume(int argc, char **argv)
{
	return run(&rk_command_rollout_resume, &(struct rollout){ .what = RESUME }, argc, argv);
}
static int run_history(int argc, char **argv)
{
	return run(&rk_command_rollout_history, &(struct rollout){ .what = HISTORY }, argc, argv);
}
static int run_undo(int argc, char **argv)
{
	return run(&rk_command_rollout_undo, &(struct rollout){ .what = UNDO }, argc, argv);
}
