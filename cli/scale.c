/* reckon scale: how many pods a workload has. */
#include "base/mem.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/refs.h"

static int run_scale(int argc, char **argv);

const struct rk_command rk_command_scale = {
	.name = "scale",
	.usage = "(TYPE NAME... | TYPE/NAME...) --replicas=N [flags]",
	.summary = "Change how many pods a workload has",
	.examples = "  reckon scale deployment web --replicas=5\n",
	.run = run_scale,
	.section = "Workloads",
};

struct scale {
	struct rk_change change;
	int64_t replicas, current;
};

static int scale_one(struct scale *scale, const struct rk_ref *ref, struct rk_error *error)
{
	struct rk_session *session = &scale->change.session;
	struct rk_arena *arena = &session->arena;
	const struct rk_span ns = rk_span_str(session->namespace);
	struct rk_val *object = NULL, *made = NULL, *patch = rk_val_map(arena);

	if (!ref->kind->has_scale)
		return rk_fail(error, RK_EINVAL, "a %s cannot be scaled", ref->kind->singular);
	RK_TRY(rk_session_get(session, rk_target(arena, ref->kind, ns, ref->name, NULL), &object,
			      error));
	if (scale->current >= 0 && rk_val_int_at(object, "spec.replicas", 0) != scale->current)
		return rk_fail(error, RK_ESTALE, "Expected replicas to be %lld, was %lld",
			       (long long)scale->current,
			       (long long)rk_val_int_at(object, "spec.replicas", 0));
	rk_val_set_at(arena, patch, "spec.replicas", rk_val_int(arena, scale->replicas));
	if (scale->current >= 0) /* the check above holds only for this version */
		rk_val_set_at(
			arena, patch, "metadata.resourceVersion",
			rk_val_str(arena, rk_val_text_at(object, "metadata.resourceVersion")));
	if (!rk_change_is_client(&scale->change))
		RK_TRY(rk_change_send(&scale->change, "PATCH",
				      rk_target(arena, ref->kind, ns, ref->name, "scale"),
				      RK_TYPE_MERGE, patch, &made, error));
	rk_change_tell(&scale->change, ref->kind, object, "scaled");
	return RK_OK;
}

static int run_with(struct scale *scale, bool is_given, int argc, char **argv,
		    struct rk_error *error)
{
	struct rk_session *session = &scale->change.session;
	struct rk_refs refs = { 0 };

	if (!is_given)
		return rk_fail(error, RK_EINVAL, "required flag(s) \"replicas\" not set");
	if (scale->replicas < 0)
		return rk_fail(error, RK_EINVAL,
			       "The --replicas=COUNT flag is required, and COUNT must be greater "
			       "than or equal to 0");
	RK_TRY(rk_change_open(&scale->change, "kubectl-scale", error));
	RK_TRY(rk_refs_parse(&session->arena, session->kinds, argc, argv, &refs, error));
	if (!refs.has_names)
		return rk_fail(error, RK_EINVAL,
			       "resource(s) were provided, but no name was specified");
	for (size_t i = 0; i < refs.count; i++) {
		struct rk_error one = { 0 };
		if (scale_one(scale, &refs.at[i], &one) < 0)
			rk_session_tell(session, NULL, &one);
	}
	return RK_OK;
}

static int run_scale(int argc, char **argv)
{
	struct scale scale = { .replicas = 0, .current = -1 };
	struct rk_error error = { 0 };
	bool is_given = false;
	int status;
	const struct rk_flag flags[] = {
		{ "replicas", 0, RK_FLAG_NUMBER, &scale.replicas, "N", "how many", &is_given },
		RK_FLAG("current-replicas", 0, RK_FLAG_NUMBER, &scale.current, "N",
			"only if it has so many now"),
		RK_CHANGE_FLAGS(&scale.change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_scale, flags, &argc, argv, NULL, &status))
		return status;
	const int err = run_with(&scale, is_given, argc, argv, &error);
	return rk_session_end(&scale.change.session, err, &error);
}
