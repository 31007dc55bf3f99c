#include "node/core.h"

#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "node/container_step.h"
#include "node/pod_status.h"
#include "node/resize.h"
#include "node/unsupported.h"
#include "wire/doc.h"

#define GRACE_DEFAULT_S 30
#define GRACE_GONE_MS   2000 /* for a pod that was deleted by force */
#define DELETE_AGAIN_MS 10000
#define RETRY_SOON_MS   500

struct rk_nodecore {
	char host_ip[64];
	struct rk_size room;
	struct rk_pod *pods;
	uint32_t count;
};

static struct rk_pod *find(const struct rk_nodecore *core, struct rk_span uid)
{
	for (struct rk_pod *pod = core->pods; pod != NULL; pod = pod->next)
		if (!pod->is_dead && rk_span_eq(pod->uid, uid))
			return pod;
	return NULL;
}

const struct rk_pod *rk_nodecore_find(const struct rk_nodecore *core, struct rk_span uid)
{
	return find(core, uid);
}

const struct rk_pod *rk_nodecore_next(const struct rk_nodecore *core, const struct rk_pod *before)
{
	const struct rk_pod *pod = before != NULL ? before->next : core->pods;

	while (pod != NULL && pod->is_dead)
		pod = pod->next;
	return pod;
}

static void bury_dead(struct rk_nodecore *core)
{
	for (struct rk_pod **at = &core->pods; *at != NULL;) {
		struct rk_pod *pod = *at;

		if (!pod->is_dead) {
			at = &pod->next;
			continue;
		}
		*at = pod->next;
		core->count--;
		(void)rk_pod_free(pod);
	}
}

/* --- ending a pod --- */

static void end_pod(struct rk_pod *pod, const char *phase, const char *reason, const char *message)
{
	pod->is_ended = true;
	(void)snprintf(pod->phase, sizeof pod->phase, "%s", phase);
	if (reason != pod->reason) /* it may keep the one that it has */
		(void)snprintf(pod->reason, sizeof pod->reason, "%s", reason);
	rk_text_set(&pod->message, rk_span_str(message));
}

/* In seconds; 0: none. The API bounds it to 32 bits, and so does this, whoever made the pod. */
static int64_t deadline_of(const struct rk_pod *pod)
{
	return RK_MIN(rk_val_int_at(pod->object, "spec.activeDeadlineSeconds", 0),
		      (int64_t)INT32_MAX);
}

static void check_end(struct rk_pod *pod, struct rk_now now)
{
	const int64_t deadline = deadline_of(pod);

	if (pod->is_ended)
		return;
	if (deadline > 0 && now.wall >= pod->start_time + deadline * 1000) {
		end_pod(pod, "Failed", "DeadlineExceeded",
			"Pod was active on the node longer than the specified deadline");
		return;
	}
	const char *phase = rk_pod_phase(pod);
	if (!pod->is_stopping && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0))
		end_pod(pod, phase, "", "");
}

static bool any_alive(const struct rk_pod *pod, bool count_sidecars)
{
	for (uint32_t i = 0; i < pod->container_count; i++)
		if (rk_container_is_alive(&pod->containers[i]) &&
		    (count_sidecars || !pod->containers[i].is_sidecar))
			return true;
	return false;
}

/* The others first; sidecars serve them to the end. */
static void stop_containers(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	const bool stop_sidecars = !any_alive(pod, false);

	for (uint32_t i = 0; i < pod->container_count; i++) {
		struct rk_container *container = &pod->containers[i];

		if (container->is_sidecar && !stop_sidecars)
			continue;
		if (container->phase == RK_CONTAINER_RUNNING && container->stop == RK_STOP_NONE)
			rk_container_stop(pod, container, pod->grace_ms, now, acts);
		rk_container_stop_on(pod, container, now, acts);
	}
}

/* The last phase of a deleted pod: what never ran to its end has failed. */
static void settle_phase(struct rk_pod *pod)
{
	const char *phase = rk_pod_phase(pod);

	if (!pod->is_ended)
		end_pod(pod, strcmp(phase, "Succeeded") == 0 ? "Succeeded" : "Failed", pod->reason,
			pod->message != NULL ? pod->message : "");
}

static void wind_up(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	stop_containers(pod, now, acts);
	if (any_alive(pod, true))
		return;
	if (pod->sandbox_exists && pod->sandbox != RK_STEP_BUSY && pod->volumes != RK_STEP_BUSY) {
		if (pod->clearing != RK_STEP_BUSY &&
		    !rk_backoff_waits(&pod->clear_backoff, now.mono)) {
			pod->clearing = RK_STEP_BUSY;
			(void)rk_act_add(acts, RK_ACT_CLEAR, pod, NULL);
		}
		return;
	}
	if (pod->sandbox == RK_STEP_BUSY || pod->volumes == RK_STEP_BUSY)
		return;
	if (pod->is_gone) {
		(void)rk_act_add(acts, RK_ACT_FORGET, pod, NULL);
		pod->is_dead = true;
	} else if (pod->is_stopping && now.mono >= pod->delete_at) {
		settle_phase(pod);
		pod->delete_at = now.mono + DELETE_AGAIN_MS;
		pod->is_deleting = true;
	}
}

/* --- running a pod --- */

static void save(struct rk_pod *pod, struct rk_acts *acts)
{
	struct rk_val *state = rk_pod_save(&acts->arena, pod);
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	rk_doc_write(&bytes, state);
	const uint64_t hash = rk_hash64(rk_buf_span(&bytes), 0);
	if (hash == pod->saved_hash)
		return;
	pod->saved_hash = hash;
	rk_act_add(acts, RK_ACT_SAVE, pod, NULL)->body = state;
}

static void prepare(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	if (pod->volumes == RK_STEP_TODO && !rk_backoff_waits(&pod->volumes_backoff, now.mono)) {
		pod->volumes = RK_STEP_BUSY;
		pod->sandbox_exists = true; /* there may be something mounted from now on */
		save(pod, acts);
		(void)rk_act_add(acts, RK_ACT_VOLUMES, pod, NULL);
	}
	if (pod->volumes == RK_STEP_DONE && pod->sandbox == RK_STEP_TODO &&
	    !rk_backoff_waits(&pod->sandbox_backoff, now.mono)) {
		pod->sandbox = RK_STEP_BUSY;
		(void)rk_act_add(acts, RK_ACT_SANDBOX, pod, NULL);
	}
}

/* Whatever the others are waiting for: that may be what somebody wants to look at. */
static void run_ephemeral(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	for (uint32_t i = 0; i < pod->container_count; i++)
		if (pod->containers[i].is_ephemeral && !pod->containers[i].is_unsupported)
			rk_container_run(pod, &pod->containers[i], now, acts);
}

static void run_containers(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	for (uint32_t i = 0; i < pod->container_count; i++) {
		struct rk_container *container = &pod->containers[i];
		const bool is_done =
			container->phase == RK_CONTAINER_EXITED && container->ending.code == 0;

		if (container->is_ephemeral)
			return; /* these are last */
		if (container->is_init && !container->is_sidecar && is_done)
			continue;
		rk_container_run(pod, container, now, acts);
		if (container->is_sidecar ? !rk_container_is_started(container)
					  : container->is_init)
			return; /* what comes later waits for it */
	}
}

static void run_pod(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	if (pod->is_unsupported)
		return;
	prepare(pod, now, acts);
	if (pod->volumes != RK_STEP_DONE || pod->sandbox != RK_STEP_DONE)
		return;
	run_ephemeral(pod, now, acts);
	run_containers(pod, now, acts);
}

/* `status` NULL: there is nobody to tell. */
static void report(struct rk_pod *pod, struct rk_val *status, struct rk_acts *acts)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	if (status == NULL)
		return;
	rk_doc_write(&bytes, status);
	const uint64_t hash = rk_hash64(rk_buf_span(&bytes), 0);
	if (hash != pod->status_hash) {
		pod->status_hash = hash;
		rk_act_add(acts, RK_ACT_STATUS, pod, NULL)->body = status;
	}
	if (pod->is_deleting) {
		pod->is_deleting = false;
		(void)rk_act_add(acts, RK_ACT_DELETE, pod, NULL);
	}
}

/* Beside this pod. */
static struct rk_size used(const struct rk_nodecore *core, const struct rk_pod *but)
{
	struct rk_size sum = { 0 };

	for (const struct rk_pod *pod = core->pods; pod != NULL; pod = pod->next) {
		if (pod == but || pod->is_dead || pod->is_ended)
			continue;
		const struct rk_size size = rk_pod_size(pod);
		sum.cpu_milli += size.cpu_milli;
		sum.memory += size.memory;
	}
	return sum;
}

static void sync_pod(struct rk_nodecore *core, struct rk_pod *pod, struct rk_now now,
		     struct rk_acts *acts)
{
	if (pod->is_dead)
		return;
	pod->synced = now.mono;
	check_end(pod, now);
	if (rk_resize_is_wanted(pod) || pod->resize_pending != NULL)
		rk_resize_grant(pod, core->room, used(core, pod));
	if (pod->is_stopping || pod->is_ended)
		wind_up(pod, now, acts);
	else
		run_pod(pod, now, acts);
	if (pod->is_dead)
		return;
	/* What the status says of times is saved before it is said. */
	struct rk_val *status =
		pod->is_gone ? NULL : rk_pod_status(&acts->arena, pod, core->host_ip, now);
	save(pod, acts);
	report(pod, status, acts);
}

/* --- facts --- */

struct complaint {
	struct rk_pod *pod;
	struct rk_container *container; /* an ephemeral one; NULL: all the others */
	struct rk_acts *acts;
};

static void refuse(struct rk_container *container, const char *text)
{
	(void)snprintf(container->reason, sizeof container->reason, "CreateContainerConfigError");
	rk_text_set(&container->message, rk_span_str(text));
	container->is_unsupported = container->is_ephemeral;
}

static void complain(void *context, const char *path, bool is_fatal)
{
	const struct complaint *to = context;
	char text[320];

	(void)snprintf(text, sizeof text, "%s is not implemented by this node%s", path,
		       !is_fatal		 ? ", and is ignored"
		       : to->container != NULL ? ": the container is not started"
					       : ": the pod's containers are not started");
	rk_act_event(to->acts, to->pod, to->container, true, "Unsupported", "%s", text);
	if (is_fatal && to->container != NULL)
		refuse(to->container, text);
	if (!is_fatal || to->container != NULL || to->pod->is_unsupported)
		return;
	to->pod->is_unsupported = true;
	for (uint32_t i = 0; i < to->pod->container_count; i++)
		refuse(&to->pod->containers[i], text);
}

static void complain_of_ephemeral(struct rk_pod *pod, uint32_t from, struct rk_acts *acts)
{
	for (uint32_t i = from; i < pod->container_count; i++) {
		struct complaint to = { pod, &pod->containers[i], acts };
		char path[128];

		if (!to.container->is_ephemeral)
			continue;
		(void)snprintf(path, sizeof path, "ephemeral container %.64s", to.container->name);
		rk_unsupported_container(to.container->spec, path, complain, &to);
	}
}

/* A deletion, or a shorter grace than before. */
static void take_deletion(struct rk_pod *pod)
{
	const int64_t spec =
		rk_val_int_at(pod->object, "spec.terminationGracePeriodSeconds", GRACE_DEFAULT_S);
	const int64_t asked =
		rk_val_int_at(pod->object, "metadata.deletionGracePeriodSeconds", spec);
	const bool is_deleted = rk_val_at(pod->object, "metadata.deletionTimestamp") != NULL;
	const int64_t grace = RK_MIN(RK_MAX(is_deleted ? asked : spec, 0), 86400 * 7) * 1000;

	if (!pod->is_stopping || grace < pod->grace_ms)
		pod->grace_ms = grace;
	pod->is_stopping |= is_deleted;
}

static void shorten_grace(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	for (uint32_t i = 0; pod->is_stopping && i < pod->container_count; i++)
		if (pod->containers[i].stop != RK_STOP_NONE)
			rk_container_stop(pod, &pod->containers[i], pod->grace_ms, now, acts);
}

static struct rk_pod *add_pod(struct rk_nodecore *core, const struct rk_fact *fact,
			      struct rk_now now, struct rk_acts *acts)
{
	struct rk_pod *pod = rk_pod_new(fact->pod);

	pod->next = core->pods;
	core->pods = pod;
	core->count++;
	pod->start_time = now.wall;
	if (fact->state != NULL)
		rk_pod_restore(pod, fact->state, now);
	struct complaint to = { pod, NULL, acts };
	rk_unsupported_each(pod->object, complain, &to);
	complain_of_ephemeral(pod, 0, acts);
	return pod;
}

static struct rk_pod *on_pod(struct rk_nodecore *core, const struct rk_fact *fact,
			     struct rk_now now, struct rk_acts *acts)
{
	struct rk_pod *pod = find(core, rk_val_text_at(fact->pod, "metadata.uid"));
	const struct rk_span phase = rk_val_text_at(fact->pod, "status.phase");
	const bool has_ended = rk_span_is(phase, "Succeeded") || rk_span_is(phase, "Failed");

	if (pod == NULL && core->count >= RK_CORE_PODS_MAX)
		return NULL; /* the scheduler keeps to the node's allocatable pods long before */
	if (pod == NULL) {
		pod = add_pod(core, fact, now, acts);
		if (has_ended &&
		    fact->state == NULL) /* it ran here in a life that left no records */
			end_pod(pod, rk_span_is(phase, "Failed") ? "Failed" : "Succeeded", "", "");
	} else {
		const uint32_t count = pod->container_count;
		rk_pod_update(pod, fact->pod);
		complain_of_ephemeral(pod, count, acts);
	}
	take_deletion(pod);
	shorten_grace(pod, now, acts);
	return pod;
}

static void on_gone(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	pod->is_gone = true;
	if (!pod->is_stopping || pod->grace_ms > GRACE_GONE_MS)
		pod->grace_ms = GRACE_GONE_MS;
	pod->is_stopping = true;
	shorten_grace(pod, now, acts);
}

static void on_volumes(struct rk_pod *pod, const struct rk_fact *fact, struct rk_now now,
		       struct rk_acts *acts)
{
	pod->volumes = fact->err == 0 ? RK_STEP_DONE : RK_STEP_TODO;
	if (fact->err == 0)
		return;
	if (fact->err == RK_EAGAIN) {
		pod->volumes_backoff.until = now.mono + RETRY_SOON_MS;
		return;
	}
	rk_backoff_fail(&pod->volumes_backoff, now.mono + 1000);
	rk_act_event(acts, pod, NULL, true, "FailedMount", "%.*s", RK_SPAN_ARGS(fact->text));
}

static void on_sandbox(struct rk_pod *pod, const struct rk_fact *fact, struct rk_now now,
		       struct rk_acts *acts)
{
	pod->sandbox = fact->err == 0 ? RK_STEP_DONE : RK_STEP_TODO;
	if (fact->err == 0) {
		pod->sandbox_pid = fact->pid;
		pod->sandbox_backoff = (struct rk_backoff){ 0 };
		(void)snprintf(
			pod->address, sizeof pod->address, "%.*s",
			RK_SPAN_ARGS(rk_span_sub(fact->address, 0, sizeof pod->address - 1)));
		return;
	}
	if (fact->err == RK_EAGAIN) { /* the node's network is not ready yet */
		pod->sandbox_backoff.until = now.mono + RETRY_SOON_MS;
		return;
	}
	rk_backoff_fail(&pod->sandbox_backoff, now.mono + 1000);
	rk_act_event(acts, pod, NULL, true, "FailedCreatePodSandBox",
		     "Failed to create pod sandbox: %.*s", RK_SPAN_ARGS(fact->text));
}

/* Without its first process the pod's network is gone: its containers end, and all begin again. */
static void on_sandbox_lost(struct rk_pod *pod, struct rk_now now, struct rk_acts *acts)
{
	if (pod->sandbox != RK_STEP_DONE)
		return;
	pod->sandbox = RK_STEP_TODO;
	pod->sandbox_pid = 0;
	if (pod->is_stopping || pod->is_ended)
		return;
	rk_act_event(acts, pod, NULL, false, "SandboxChanged",
		     "Pod sandbox changed, it will be killed and re-created.");
	for (uint32_t i = 0; i < pod->container_count; i++)
		rk_container_stop(pod, &pod->containers[i], 0, now, acts);
}

static void on_cleared(struct rk_pod *pod, const struct rk_fact *fact, struct rk_now now,
		       struct rk_acts *acts)
{
	pod->clearing = fact->err == 0 ? RK_STEP_DONE : RK_STEP_TODO;
	if (fact->err < 0) {
		rk_backoff_fail(&pod->clear_backoff, now.mono + 1000);
		rk_act_event(acts, pod, NULL, true, "FailedKillPod", "%.*s",
			     RK_SPAN_ARGS(fact->text));
		return;
	}
	pod->sandbox_exists = false;
	pod->sandbox = pod->volumes = RK_STEP_TODO;
	pod->sandbox_pid = 0;
}

static void on_fact(struct rk_pod *pod, const struct rk_fact *fact, struct rk_now now,
		    struct rk_acts *acts)
{
	struct rk_container *container = NULL;

	switch (fact->kind) {
	case RK_FACT_GONE: on_gone(pod, now, acts); break;
	case RK_FACT_VOLUMES: on_volumes(pod, fact, now, acts); break;
	case RK_FACT_SANDBOX: on_sandbox(pod, fact, now, acts); break;
	case RK_FACT_SANDBOX_LOST: on_sandbox_lost(pod, now, acts); break;
	case RK_FACT_CLEARED: on_cleared(pod, fact, now, acts); break;
	case RK_FACT_ARRIVED: pod->volumes_backoff.until = now.mono; break;
	case RK_FACT_IMAGE:
	case RK_FACT_STARTED:
	case RK_FACT_EXITED:
	case RK_FACT_HOOK:
	case RK_FACT_PROBED:
	case RK_FACT_RESIZED:
		container = rk_pod_find_container(pod, fact->container);
		if (container != NULL)
			rk_container_fact(pod, container, now, fact, acts);
		break;
	case RK_FACT_TIME:
	case RK_FACT_POD:
	case RK_FACT_RESTORED: break;
	}
}

void rk_nodecore_step(struct rk_nodecore *core, struct rk_now now, const struct rk_fact *fact,
		      struct rk_acts *acts)
{
	bury_dead(core);
	if (fact->kind == RK_FACT_TIME) {
		for (struct rk_pod *pod = core->pods; pod != NULL; pod = pod->next)
			sync_pod(core, pod, now, acts);
		return;
	}
	struct rk_pod *pod = fact->kind == RK_FACT_POD || fact->kind == RK_FACT_RESTORED
				     ? on_pod(core, fact, now, acts)
				     : find(core, fact->uid);
	if (pod == NULL)
		return;
	on_fact(pod, fact, now, acts);
	sync_pod(core, pod, now, acts);
	/* What it let go of may be what another one waits for. */
	for (struct rk_pod *other = core->pods; other != NULL; other = other->next)
		if (other != pod && other->resize_pending != NULL)
			sync_pod(core, other, now, acts);
}

static int64_t sooner(int64_t best, int64_t at, struct rk_now now)
{
	return at > now.mono && at < best ? at : best;
}

int64_t rk_nodecore_due(const struct rk_nodecore *core, struct rk_now now)
{
	int64_t due = INT64_MAX;

	for (const struct rk_pod *pod = core->pods; pod != NULL; pod = pod->next) {
		const int64_t deadline = deadline_of(pod);

		/* What fell due after the pod's last step counts, also when it is past by now. */
		const struct rk_now since = { now.wall, pod->synced };

		if (pod->is_dead)
			continue;
		due = sooner(due, pod->volumes_backoff.until, since);
		due = sooner(due, pod->sandbox_backoff.until, since);
		due = sooner(due, pod->clear_backoff.until, since);
		due = sooner(due, pod->delete_at, since);
		if (deadline > 0 && !pod->is_ended)
			due = sooner(due, now.mono + pod->start_time + deadline * 1000 - now.wall,
				     since);
		for (uint32_t i = 0; i < pod->container_count; i++) {
			const int64_t at = rk_container_due(&pod->containers[i], since);
			due = RK_MIN(due, at);
		}
	}
	return due;
}

struct rk_nodecore *rk_nodecore_new(const char *host_ip, struct rk_size room)
{
	struct rk_nodecore *core = rk_zalloc(sizeof *core);

	core->room = room;
	(void)snprintf(core->host_ip, sizeof core->host_ip, "%s", host_ip);
	return core;
}

struct rk_nodecore *rk_nodecore_free(struct rk_nodecore *core)
{
	if (core == NULL)
		return NULL;
	while (core->pods != NULL) {
		struct rk_pod *next = core->pods->next;

		(void)rk_pod_free(core->pods);
		core->pods = next;
	}
	free(core);
	return NULL;
}
