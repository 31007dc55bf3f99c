/* reckon drain: empties a node, as far as its pods may be moved. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/refs.h"

#define POLL_US 200000

static int run_drain(int argc, char **argv);

const struct rk_command rk_command_drain = {
	.name = "drain",
	.usage = "NODE [--ignore-daemonsets] [--delete-emptydir-data] [--force] [flags]",
	.summary = "Cordon a node, and move its pods elsewhere",
	.examples = "  reckon drain node-1 --delete-emptydir-data\n",
	.run = run_drain,
	.section = "Looking deeper",
};

struct drain {
	struct rk_change change;
	bool force, empties, ignores_daemons;
	int64_t timeout_ms, grace_s;
};

static const char *pod_target(struct drain *drain, const struct rk_val *pod, const char *sub)
{
	struct rk_session *session = &drain->change.session;

	return rk_target(&session->arena, rk_kinds_by_name(session->kinds, RK_SPAN("pods")),
			 rk_val_text_at(pod, "metadata.namespace"),
			 rk_val_text_at(pod, "metadata.name"), sub);
}

static struct rk_span owner_kind(const struct rk_val *pod)
{
	return rk_val_text_at(rk_val_item(rk_val_at(pod, "metadata.ownerReferences"), 0), "kind");
}

/* What stands against moving the pod; NULL: nothing. */
static const char *obstacle(const struct drain *drain, const struct rk_val *pod)
{
	const struct rk_val *volumes = rk_val_at(pod, "spec.volumes");

	if (owner_kind(pod).size == 0 && !drain->force)
		return "nothing would make it again (use --force)";
	if (rk_span_is(owner_kind(pod), "DaemonSet") && !drain->ignores_daemons)
		return "a DaemonSet runs it (use --ignore-daemonsets)";
	for (uint32_t i = 0; i < rk_val_count(volumes); i++)
		if (rk_val_at(rk_val_item(volumes, i), "emptyDir") != NULL && !drain->empties)
			return "it has local data (use --delete-emptydir-data)";
	return NULL;
}

static int evict(struct drain *drain, const struct rk_val *pod, uint64_t until_ms,
		 struct rk_error *error)
{
	struct rk_session *session = &drain->change.session;
	struct rk_arena *arena = &session->arena;
	struct rk_val *eviction = rk_val_map(arena);
	int err;

	rk_val_put_cstr(arena, eviction, "apiVersion", "policy/v1");
	rk_val_put_cstr(arena, eviction, "kind", "Eviction");
	rk_val_set_at(arena, eviction, "metadata.name",
		      rk_val_str(arena, rk_val_text_at(pod, "metadata.name")));
	rk_val_set_at(arena, eviction, "metadata.namespace",
		      rk_val_str(arena, rk_val_text_at(pod, "metadata.namespace")));
	if (drain->grace_s >= 0)
		rk_val_set_at(arena, eviction, "deleteOptions.gracePeriodSeconds",
			      rk_val_int(arena, drain->grace_s));
	for (;;) {
		err = rk_session_send(session, "POST", pod_target(drain, pod, "eviction"), NULL,
				      eviction, NULL, error);
		if (err != RK_EAGAIN || (until_ms != 0 && rk_clock_mono_ms() > until_ms))
			break;
		(void)usleep(POLL_US); /* a disruption budget says: not yet */
	}
	return err == RK_ENOENT ? RK_OK : err;
}

static int wait_gone(struct drain *drain, const struct rk_val *pod, uint64_t until_ms,
		     struct rk_error *error)
{
	for (;;) {
		struct rk_val *now = NULL;
		const int err = rk_session_get(&drain->change.session, pod_target(drain, pod, NULL),
					       &now, error);
		if (err == RK_ENOENT ||
		    (err == RK_OK && !rk_span_eq(rk_val_text_at(now, "metadata.uid"),
						 rk_val_text_at(pod, "metadata.uid"))))
			break;
		RK_TRY(err);
		if (until_ms != 0 && rk_clock_mono_ms() > until_ms)
			return rk_fail(error, RK_ETIMEDOUT, "timed out: pod %.*s is still there",
				       RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.name")));
		(void)usleep(POLL_US);
	}
	(void)printf("pod/%.*s evicted\n", RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.name")));
	return RK_OK;
}

static int cordon(struct drain *drain, const char *target, struct rk_error *error)
{
	struct rk_session *session = &drain->change.session;
	struct rk_val *patch = rk_val_map(&session->arena), *node = NULL;
	const struct rk_kind *kind = rk_kinds_by_name(session->kinds, RK_SPAN("nodes"));

	RK_TRY(rk_session_get(session, target, &node, error));
	const bool was = rk_val_bool_at(node, "spec.unschedulable", false);
	rk_val_set_at(&session->arena, patch, "spec.unschedulable",
		      rk_val_bool(&session->arena, true));
	if (!was && !rk_change_is_client(&drain->change))
		RK_TRY(rk_change_send(&drain->change, "PATCH", target, RK_TYPE_STRATEGIC, patch,
				      &node, error));
	rk_change_tell(&drain->change, kind, node, was ? "already cordoned" : "cordoned");
	return RK_OK;
}

static int drain_node(struct drain *drain, const char *name, struct rk_error *error)
{
	struct rk_session *session = &drain->change.session;
	struct rk_arena *arena = &session->arena;
	const uint64_t until_ms =
		drain->timeout_ms > 0 ? rk_clock_mono_ms() + (uint64_t)drain->timeout_ms : 0;
	struct rk_val *list = NULL;
	bool is_blocked = false;

	RK_TRY(cordon(drain,
		      rk_target(arena, rk_kinds_by_name(session->kinds, RK_SPAN("nodes")),
				rk_span_str(""), rk_span_str(name), NULL),
		      error));
	RK_TRY(rk_session_get(
		session,
		rk_target_with(arena, "/api/v1/pods", "fieldSelector",
			       rk_span_str(rk_arena_printf(arena, "spec.nodeName=%s", name))),
		&list, error));
	const struct rk_val *pods = rk_val_at(list, "items");
	for (uint32_t i = 0; i < rk_val_count(pods); i++) {
		const char *why = obstacle(drain, rk_val_item(pods, i));
		if (why == NULL)
			continue;
		is_blocked = true;
		(void)fprintf(
			stderr, "cannot move pod %.*s/%.*s: %s\n",
			RK_SPAN_ARGS(rk_val_text_at(rk_val_item(pods, i), "metadata.namespace")),
			RK_SPAN_ARGS(rk_val_text_at(rk_val_item(pods, i), "metadata.name")), why);
	}
	if (is_blocked)
		return rk_fail(error, RK_EPERM, "unable to drain node \"%s\"", name);
	for (unsigned round = 0; round < 2 && drain->change.dry_run == NULL; round++)
		for (uint32_t i = 0; i < rk_val_count(pods); i++) {
			const struct rk_val *pod = rk_val_item(pods, i);
			if (rk_span_is(owner_kind(pod), "DaemonSet"))
				continue;
			RK_TRY(round == 0 ? evict(drain, pod, until_ms, error)
					  : wait_gone(drain, pod, until_ms, error));
		}
	(void)printf("node/%s drained\n", name);
	return RK_OK;
}

static int run_drain(int argc, char **argv)
{
	struct drain drain = { .grace_s = -1 };
	struct rk_error error = { 0 };
	int status, err;
	const struct rk_flag flags[] = {
		RK_FLAG_YES("force", 0, &drain.force, "pods that nothing makes again, too"),
		RK_FLAG_YES("delete-emptydir-data", 0, &drain.empties, "pods with local data, too"),
		RK_FLAG_YES("ignore-daemonsets", 0, &drain.ignores_daemons, "leave those pods"),
		RK_FLAG("grace-period", 0, RK_FLAG_NUMBER, &drain.grace_s, "SECONDS",
			"how long pods may take to end"),
		RK_FLAG("timeout", 0, RK_FLAG_DURATION, &drain.timeout_ms, "TIME",
			"at most so long"),
		RK_CHANGE_FLAGS(&drain.change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_drain, flags, &argc, argv, NULL, &status))
		return status;
	err = argc == 1 ? rk_change_open(&drain.change, "kubectl-drain", &error)
			: rk_fail(&error, RK_EINVAL, "drain needs one NODE");
	if (err == RK_OK)
		err = drain_node(&drain, argv[0], &error);
	return rk_session_end(&drain.change.session, err, &error);
}
