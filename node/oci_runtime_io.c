#include "node/oci_runtime_io.h"

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/schema/pod.h"
#include "node/oci_job.h"
#include "node/pod_state.h"

#define JOBS_MAX      6
#define CHECKS_MAX    32
#define JOB_MS        120000u
#define PULL_MS       600000u
#define CHECK_MORE_MS 5000u /* beyond the probe's own deadline, which the child keeps itself */

static struct rk_oci_runtime *of(struct rk_runtime *runtime)
{
	return RK_CONTAINER(runtime, struct rk_oci_runtime, base);
}

static struct rk_oci_job *job_new(struct rk_oci_runtime *runtime, const struct rk_act *act)
{
	struct rk_oci_job *job = rk_zalloc(sizeof *job);
	struct rk_val *pod = rk_val_copy(&job->arena, act->pod);
	const struct rk_span name = rk_val_text_at(act->container, "name");

	job->runtime = runtime;
	job->act = *act;
	job->act.pod = pod;
	job->act.uid = rk_arena_span(&job->arena, act->uid);
	job->act.address = rk_arena_span(&job->arena, act->address);
	if (act->container != NULL)
		job->act.container = rk_pod_container(pod, rk_arena_span(&job->arena, name));
	if (act->handler != NULL)
		job->act.handler = rk_val_copy(&job->arena, act->handler);
	job->view = rk_pod_view_of(pod);
	job->view.objects = runtime->opts.objects;
	job->view.host_ip = rk_span_str(runtime->host_ip);
	job->view.pod_ip = job->act.address;
	job->view.node_cpu_milli = runtime->opts.node_cpu_milli;
	job->view.node_memory = runtime->opts.node_memory;
	rk_oci_id(job->id, job->act.uid, name, act->attempt);
	return job;
}

static void job_free(struct rk_oci_job *job)
{
	rk_arena_done(&job->arena);
	free(job);
}

/* --- what comes back --- */

static struct rk_fact fact_of(const struct rk_oci_job *job, enum rk_fact_kind kind, int err,
			      const struct rk_error *error)
{
	return (struct rk_fact){
		.kind = kind,
		.uid = job->act.uid,
		.container = rk_val_text_at(job->act.container, "name"),
		.attempt = job->act.attempt,
		.err = err,
		.text = err < 0 ? rk_span_str(error->text) : (struct rk_span){ 0 },
		.probe = job->act.probe,
		.hook = job->act.hook,
		.time_ms = rk_clock_wall_ms(),
	};
}

static void say(struct rk_oci_runtime *runtime, const struct rk_fact *fact)
{
	runtime->base.fact(runtime->base.context, fact);
}

static pid_t pid_of(struct rk_span text)
{
	char digits[16];

	(void)snprintf(digits, sizeof digits, "%.*s", RK_SPAN_ARGS(rk_span_sub(text, 0, 15)));
	return (pid_t)strtol(digits, NULL, 10);
}

static void attach(struct rk_oci_job *job, struct rk_span out, struct rk_fact *fact,
		   char address[RK_IP_TEXT_MAX], struct rk_error *error)
{
	struct rk_oci_runtime *runtime = job->runtime;
	const char *uid = rk_arena_str(&job->arena, job->act.uid);

	fact->pid = pid_of(out);
	if (rk_val_bool_at(job->view.pod, "spec.hostNetwork", false)) {
		fact->address = rk_span_str(runtime->host_ip);
		return;
	}
	(void)snprintf(address, RK_IP_TEXT_MAX, "%.*s",
		       RK_SPAN_ARGS(rk_span_sub(job->act.address, 0, 15)));
	fact->err = runtime->podnet == NULL
			    ? rk_fail(error, RK_EAGAIN, "the pod network is gone")
			    : rk_podnet_attach(runtime->podnet, uid, fact->pid, address, error);
	fact->text = rk_span_str(fact->err < 0 ? error->text : "");
	fact->address = rk_span_str(address);
}

static void started(struct rk_oci_job *job, int err, struct rk_span out, struct rk_fact *fact)
{
	fact->kind = RK_FACT_STARTED;
	fact->id = rk_span_str(job->id);
	fact->reason = err < 0 ? out : (struct rk_span){ 0 };
	if (err < 0)
		rk_oci_live_drop(job->runtime, job->id);
	for (struct rk_oci_live *live = job->runtime->live; live != NULL; live = live->next)
		if (strcmp(live->id, job->id) == 0)
			live->is_starting = false;
	say(job->runtime, fact);
	if (err == 0) /* it may have ended already */
		(void)rk_oci_exits_check(job->runtime, job->id);
}

static void done(void *context, int err, struct rk_span out, const struct rk_error *error)
{
	struct rk_oci_job *job = context;
	struct rk_oci_runtime *runtime = job->runtime;
	struct rk_fact fact = fact_of(job, RK_FACT_VOLUMES, err, error);
	char address[RK_IP_TEXT_MAX] = "";
	struct rk_error failure = { 0 };

	if (err == RK_ECLOSED) {
		job_free(job);
		return;
	}
	switch (job->act.kind) {
	case RK_ACT_VOLUMES: say(runtime, &fact); break;
	case RK_ACT_SANDBOX:
		fact.kind = RK_FACT_SANDBOX;
		if (err == 0)
			attach(job, out, &fact, address, &failure);
		say(runtime, &fact);
		break;
	case RK_ACT_PULL:
		fact.kind = RK_FACT_IMAGE;
		if (err == 0)
			fact.text = rk_span_cut(out, '\0', &fact.image_id);
		else
			fact.reason = out;
		say(runtime, &fact);
		break;
	case RK_ACT_START: started(job, err, out, &fact); break;
	case RK_ACT_HOOK:
		fact.kind = RK_FACT_HOOK;
		say(runtime, &fact);
		break;
	case RK_ACT_PROBE:
		fact.kind = RK_FACT_PROBED;
		say(runtime, &fact);
		break;
	case RK_ACT_RESIZE:
		fact.kind = RK_FACT_RESIZED;
		say(runtime, &fact);
		break;
	case RK_ACT_CLEAR:
		fact.kind = RK_FACT_CLEARED;
		if (err == 0 && runtime->podnet != NULL)
			rk_podnet_detach(runtime->podnet, rk_arena_str(&job->arena, job->act.uid));
		say(runtime, &fact);
		break;
	default:
		if (err < 0)
			rk_log(RK_LOG_WARN, "runtime job failed", "container=%s error=\"%s\"",
			       job->id, error->text);
		break;
	}
	job_free(job);
}

/* A refreshed volume changes nothing in the core; failures wait for the next change. */
static void refreshed(void *context, int err, struct rk_span out, const struct rk_error *error)
{
	struct rk_oci_job *job = context;

	(void)out;
	if (err < 0 && err != RK_ECLOSED)
		rk_log(RK_LOG_WARN, "volumes not refreshed", "pod=%.*s error=\"%s\"",
		       RK_SPAN_ARGS(job->act.uid), error->text);
	job_free(job);
}

/* --- what goes out --- */

static void submit(struct rk_oci_runtime *runtime, struct rk_oci_job *job)
{
	const enum rk_act_kind kind = job->act.kind;
	const bool is_check = kind == RK_ACT_HOOK || kind == RK_ACT_PROBE;
	const struct rk_span image = rk_val_text_at(job->act.container, "image");
	const char *uid = rk_arena_str(&job->arena, job->act.uid);
	const char *lane = kind == RK_ACT_PULL
				   ? rk_arena_printf(&job->arena, "image %.*s", RK_SPAN_ARGS(image))
			   : is_check || kind == RK_ACT_SIGNAL ? NULL
							       : uid;
	const struct rk_job_opts opts = {
		.lane = lane,
		.timeout_ms = kind == RK_ACT_PULL ? PULL_MS
			      : is_check          ? job->act.timeout_ms + CHECK_MORE_MS
						  : JOB_MS,
		.context = job,
		.work = rk_oci_work,
		.done = done,
	};
	rk_job_start(is_check || kind == RK_ACT_SIGNAL ? runtime->checks : runtime->jobs, &opts);
}

static void act(struct rk_runtime *base, const struct rk_act *what)
{
	struct rk_oci_runtime *runtime = of(base);
	struct rk_oci_job *job = job_new(runtime, what);
	const bool is_host = rk_val_bool_at(what->pod, "spec.hostNetwork", false);
	char log[RK_PATH_MAX];

	if (what->kind == RK_ACT_SANDBOX && runtime->podnet == NULL && !is_host) {
		struct rk_error error = { 0 };
		(void)rk_fail(&error, RK_EAGAIN, "the node's pod network is not ready");
		const struct rk_fact fact = fact_of(job, RK_FACT_SANDBOX, RK_EAGAIN, &error);
		say(runtime, &fact);
		job_free(job);
		return;
	}
	if (what->kind == RK_ACT_START) {
		rk_oci_log_path(&runtime->oci, log, &job->view,
				rk_val_text_at(what->container, "name"), what->attempt);
		rk_oci_live_add(runtime, job->id, log)->is_starting = true;
	}
	submit(runtime, job);
}

static void refresh(struct rk_runtime *base, const struct rk_act *volumes)
{
	struct rk_oci_runtime *runtime = of(base);
	struct rk_oci_job *job = job_new(runtime, volumes);
	const struct rk_job_opts opts = {
		.lane = rk_arena_str(&job->arena, job->act.uid),
		.timeout_ms = JOB_MS,
		.context = job,
		.work = rk_oci_work,
		.done = refreshed,
	};

	job->act.kind = RK_ACT_VOLUMES;
	rk_job_start(runtime->jobs, &opts);
}

struct removal {
	const struct rk_oci *oci;
	char uid[80];
	char id[RK_CONTAINER_ID_MAX];
};

static int work_remove(void *context, struct rk_buf *out, struct rk_error *error)
{
	const struct removal *removal = context;

	(void)out;
	return rk_oci_remove(removal->oci, rk_span_str(removal->uid), removal->id, error);
}

static void removed(void *context, int err, struct rk_span out, const struct rk_error *error)
{
	struct removal *removal = context;

	(void)out;
	if (err < 0 && err != RK_ECLOSED) /* clearing the pod tries again */
		rk_log(RK_LOG_WARN, "container not removed", "container=%s error=\"%s\"",
		       removal->id, error->text);
	free(removal);
}

void rk_oci_remove_later(struct rk_oci_runtime *runtime, struct rk_span uid, const char *id)
{
	struct removal *removal = rk_zalloc(sizeof *removal);
	const struct rk_job_opts opts = { removal->uid, JOB_MS, removal, work_remove, removed };

	removal->oci = &runtime->oci;
	(void)snprintf(removal->uid, sizeof removal->uid, "%.*s",
		       RK_SPAN_ARGS(rk_span_sub(uid, 0, 79)));
	(void)snprintf(removal->id, sizeof removal->id, "%s", id);
	rk_job_start(runtime->jobs, &opts);
}

/* --- after a restart of the agent --- */

static void adopt_container(struct rk_oci_runtime *runtime, const struct rk_pod_view *view,
			    const struct rk_val *state)
{
	const struct rk_span name = rk_val_text_at(state, "name");
	const int64_t phase = rk_val_int_at(state, "phase", 0);
	const uint32_t attempt = (uint32_t)rk_val_int_at(state, "attempt", 0);
	struct rk_fact fact = { .uid = view->uid,
				.container = name,
				.attempt = attempt,
				.time_ms = rk_clock_wall_ms() };
	char id[RK_CONTAINER_ID_MAX], log[RK_PATH_MAX];

	rk_oci_id(id, view->uid, name, attempt);
	if ((phase != RK_CONTAINER_RUNNING && phase != RK_CONTAINER_STARTING) ||
	    rk_oci_exits_check(runtime, id))
		return;
	if (rk_oci_is_running(&runtime->oci, view->uid, id)) {
		rk_oci_log_path(&runtime->oci, log, view, name, attempt);
		(void)rk_oci_live_add(runtime, id, log);
		if (phase != RK_CONTAINER_STARTING)
			return;
	}
	if (phase == RK_CONTAINER_STARTING) { /* nobody saw whether it got to run: once more */
		fact.kind = RK_FACT_STARTED;
		fact.err = RK_EAGAIN;
	} else {
		fact.kind = RK_FACT_EXITED;
		fact.code = 255;
		fact.reason = RK_SPAN("ContainerStatusUnknown");
		fact.text = RK_SPAN("The container ended while nobody was there to see how");
		rk_oci_remove_later(runtime, view->uid, id);
	}
	say(runtime, &fact);
}

static void adopt(struct rk_runtime *base, const struct rk_val *pod, const struct rk_val *state)
{
	struct rk_oci_runtime *runtime = of(base);
	const struct rk_pod_view view = rk_pod_view_of(pod);
	const struct rk_val *list = rk_val_at(state, "containers");
	char id[RK_CONTAINER_ID_MAX];

	rk_oci_id(id, view.uid, (struct rk_span){ 0 }, 0);
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		adopt_container(runtime, &view, rk_val_item(list, i));
	if (rk_val_int_at(state, "pid", 0) > 0 && !rk_oci_is_running(&runtime->oci, view.uid, id)) {
		const struct rk_fact fact = { .kind = RK_FACT_SANDBOX_LOST, .uid = view.uid };
		say(runtime, &fact);
	}
}

/* --- making it --- */

static struct rk_runtime *runtime_free(struct rk_runtime *base)
{
	struct rk_oci_runtime *runtime = of(base);

	runtime->jobs = rk_jobs_free(runtime->jobs);
	runtime->checks = rk_jobs_free(runtime->checks);
	rk_oci_exits_close(runtime);
	free(runtime);
	return NULL;
}

static const struct rk_runtime_ops operations = { act, adopt, refresh, runtime_free };

int rk_oci_runtime_new(struct rk_runtime **ret, const struct rk_oci_runtime_opts *opts,
		       struct rk_error *error)
{
	struct rk_oci oci;

	RK_TRY(rk_oci_open(&oci, opts->dir, opts->cgroup, error));
	struct rk_oci_runtime *runtime = rk_zalloc(sizeof *runtime);
	runtime->base = (struct rk_runtime){ &operations, opts->context, opts->fact };
	runtime->oci = oci;
	runtime->opts = *opts;
	(void)snprintf(runtime->host_ip, sizeof runtime->host_ip, "%s", opts->host_ip);
	(void)snprintf(runtime->oci.domain, sizeof runtime->oci.domain, "%s", opts->domain);
	runtime->jobs = rk_jobs_new(opts->loop, JOBS_MAX);
	runtime->checks = rk_jobs_new(opts->loop, CHECKS_MAX);
	const int err = rk_oci_exits_open(runtime, error);
	if (err < 0) {
		(void)runtime_free(&runtime->base);
		return err;
	}
	*ret = &runtime->base;
	return 0;
}

void rk_oci_runtime_set_network(struct rk_runtime *base, struct rk_podnet *podnet, const char *dns)
{
	struct rk_oci_runtime *runtime = of(base);

	runtime->podnet = podnet;
	(void)snprintf(runtime->oci.dns, sizeof runtime->oci.dns, "%s", dns);
}

const struct rk_oci *rk_oci_runtime_oci(struct rk_runtime *base) { return &of(base)->oci; }
