#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/agent.h"
#include "node/journal_io.h"
#include "node/oci_runtime_io.h"
#include "node/refs_io.h"
#include "node/reports_io.h"
#include "node/server_io.h"
#include "node/sim_runtime_io.h"
#include "node/tokens_io.h"

#define MEMBERS_MAX 5000u

struct rk_member *rk_agent_find(struct rk_agent *agent, struct rk_span name)
{
	for (unsigned i = 0; i < agent->member_count; i++)
		if (rk_span_is(name, agent->members[i].name))
			return &agent->members[i];
	return NULL;
}

/* --- pods --- */

/* The same name with another uid: the old pod is gone for good. */
static void drop_namesakes(struct rk_member *member, struct rk_span ns, struct rk_span name,
			   struct rk_span but)
{
	for (const struct rk_pod *pod = rk_nodecore_next(member->core, NULL); pod != NULL;
	     pod = rk_nodecore_next(member->core, pod)) {
		const struct rk_fact fact = { .kind = RK_FACT_GONE, .uid = pod->uid };
		if (!pod->is_gone && rk_span_eq(pod->ns, ns) && rk_span_eq(pod->name, name) &&
		    !rk_span_eq(pod->uid, but))
			rk_member_fact(member, &fact);
	}
}

static void on_pod(void *context, const struct rk_val *pod)
{
	struct rk_agent *agent = context;
	struct rk_member *member = rk_agent_find(agent, rk_val_text_at(pod, "spec.nodeName"));
	const struct rk_fact fact = { .kind = RK_FACT_POD, .pod = pod };

	if (member == NULL)
		return;
	if (!agent->is_sim) {
		drop_namesakes(member, rk_val_text_at(pod, "metadata.namespace"),
			       rk_val_text_at(pod, "metadata.name"),
			       rk_val_text_at(pod, "metadata.uid"));
		rk_refs_add(agent->refs, pod);
		rk_tokens_add(agent->tokens, pod);
	}
	rk_member_fact(member, &fact);
}

static void off_pod(void *context, struct rk_span ns, struct rk_span name)
{
	struct rk_agent *agent = context;

	for (unsigned i = 0; i < agent->member_count; i++)
		drop_namesakes(&agent->members[i], ns, name, (struct rk_span){ 0 });
}

/* Pods that the disk knows and the control plane does not: deleted while the agent was down. */
static void on_pods_synced(void *context)
{
	struct rk_agent *agent = context;

	rk_agent_take_facts(agent);
	for (unsigned i = 0; i < agent->member_count; i++)
		for (const struct rk_pod *pod = rk_nodecore_next(agent->members[i].core, NULL);
		     pod != NULL; pod = rk_nodecore_next(agent->members[i].core, pod)) {
			const struct rk_fact fact = { .kind = RK_FACT_GONE, .uid = pod->uid };
			if (!pod->is_gone && !rk_watch_has(agent->pods, pod->ns, pod->name))
				rk_member_fact(&agent->members[i], &fact);
		}
}

/* What its volumes hold has come or changed. */
static void refresh(struct rk_member *member, const struct rk_pod *pod)
{
	const struct rk_fact arrived = { .kind = RK_FACT_ARRIVED, .uid = pod->uid };
	const struct rk_act act = {
		.kind = RK_ACT_VOLUMES,
		.uid = pod->uid,
		.ns = pod->ns,
		.name = pod->name,
		.pod = pod->object,
		.address = rk_span_str(pod->address),
	};

	if (pod->volumes == RK_STEP_DONE && !pod->is_stopping && !pod->is_ended)
		member->runtime->ops->refresh(member->runtime, &act);
	else if (pod->volumes == RK_STEP_TODO)
		rk_member_fact(member, &arrived);
}

static void on_ref_changed(void *context, enum rk_ref_kind kind, struct rk_span ns,
			   struct rk_span name)
{
	struct rk_agent *agent = context;

	for (unsigned i = 0; i < agent->member_count; i++)
		for (const struct rk_pod *pod = rk_nodecore_next(agent->members[i].core, NULL);
		     pod != NULL; pod = rk_nodecore_next(agent->members[i].core, pod))
			if (rk_refs_pod_uses(pod->object, kind, ns, name))
				refresh(&agent->members[i], pod);
}

/* Only a real node, which is one, has tokens. */
static void on_token_changed(void *context, struct rk_span uid)
{
	struct rk_agent *agent = context;
	const struct rk_pod *pod = rk_nodecore_find(agent->members[0].core, uid);

	if (pod != NULL)
		refresh(&agent->members[0], pod);
}

static bool wants_token(void *context, struct rk_span uid)
{
	const struct rk_agent *agent = context;
	const struct rk_pod *pod = rk_nodecore_find(agent->members[0].core, uid);

	return pod != NULL && !pod->is_gone && !pod->is_ended;
}

static int find_token(void *context, struct rk_span uid, const struct rk_val *source,
		      struct rk_span *ret, struct rk_error *error)
{
	const struct rk_agent *agent = context;

	return rk_tokens_find(agent->tokens, uid, source, ret, error);
}

static void watch_pods(struct rk_agent *agent)
{
	char selector[300];
	const struct rk_watch_opts opts = {
		.path = "/api/v1/pods",
		.field_selector = agent->member_count == 1 ? selector : NULL,
		.context = agent,
		.put = on_pod,
		.gone = off_pod,
		.synced = on_pods_synced,
	};

	(void)snprintf(selector, sizeof selector, "spec.nodeName=%s", agent->members[0].name);
	agent->pods = rk_watch_open(agent->api, &opts);
}

/* --- making and ending it --- */

static int make_runtime(struct rk_member *member, struct rk_error *error)
{
	struct rk_agent *agent = member->agent;
	char cgroup[300];
	const struct rk_oci_runtime_opts opts = {
		.loop = agent->loop,
		.dir = agent->dir,
		.cgroup = agent->opts.cgroup != NULL ? agent->opts.cgroup : cgroup,
		.host_ip = member->ip,
		.domain = agent->opts.domain,
		.node_cpu_milli = agent->cpu_milli,
		.node_memory = agent->memory,
		.objects = &agent->objects,
		.context = member,
		.fact = rk_member_fact,
	};

	(void)snprintf(cgroup, sizeof cgroup, "/reckon/%s", member->name);
	if (!agent->is_sim)
		return rk_oci_runtime_new(&member->runtime, &opts, error);
	member->runtime = rk_sim_runtime_new(rk_member_fact, member, member->ip);
	return 0;
}

static int make_member(struct rk_agent *agent, unsigned at, struct rk_error *error)
{
	struct rk_member *member = &agent->members[at];

	member->agent = agent;
	member->last_fact = &member->first_fact;
	if (agent->opts.count > 0)
		(void)snprintf(member->name, sizeof member->name, "%.240s-%u", agent->opts.name,
			       at);
	else
		(void)snprintf(member->name, sizeof member->name, "%.250s", agent->opts.name);
	(void)snprintf(member->ip, sizeof member->ip, "%s", agent->opts.node_ip);
	member->core = rk_nodecore_new(member->ip, (struct rk_size){ agent->cpu_milli, agent->memory });
	ev_timer_init(&member->due, NULL, 0, 0);
	return make_runtime(member, error);
}

static void member_done(struct rk_member *member)
{
	rk_member_end(member);
	if (member->runtime != NULL)
		member->runtime = member->runtime->ops->free(member->runtime);
	while (member->first_fact != NULL) {
		struct rk_queued_fact *next = member->first_fact->next;

		rk_arena_done(&member->first_fact->arena);
		free(member->first_fact);
		member->first_fact = next;
	}
	member->core = rk_nodecore_free(member->core);
	rk_acts_done(&member->acts);
}

static void agent_done(struct rk_agent *agent)
{
	agent->server = rk_node_server_close(agent->server);
	agent->pods = rk_watch_close(agent->pods);
	rk_agent_net_close(agent);
	agent->refs = rk_refs_free(agent->refs);
	for (unsigned i = 0; i < agent->member_count; i++)
		member_done(&agent->members[i]);
	/* Calls in flight end (and tell the reports) before the reports do. */
	agent->api = rk_apiclient_free(agent->api);
	agent->reports = rk_reports_free(agent->reports);
	agent->tokens = rk_tokens_free(agent->tokens);
	free(agent->members);
	agent->journal = rk_journal_close(agent->journal);
	(void)rk_tls_unref(agent->client_tls);
	ev_prepare_stop(agent->loop, &agent->facts);
	ev_signal_stop(agent->loop, &agent->term);
	ev_signal_stop(agent->loop, &agent->interrupt);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	(void)loop, (void)events;
	rk_agent_take_facts(prepare->data);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal_watcher, int events)
{
	(void)signal_watcher, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static int check_opts(struct rk_agent *agent, struct rk_error *error)
{
	struct rk_node_opts *opts = &agent->opts;

	if (opts->name == NULL || opts->dir == NULL || opts->servers == NULL ||
	    opts->node_ip == NULL)
		return rk_fail(error, RK_EINVAL,
			       "a node needs a name, a directory, servers and an address");
	if (opts->runtime != NULL && strcmp(opts->runtime, "oci") != 0 &&
	    strcmp(opts->runtime, "sim") != 0)
		return rk_fail(error, RK_EINVAL, "there is no runtime \"%s\": oci or sim",
			       opts->runtime);
	agent->is_sim = opts->runtime != NULL && strcmp(opts->runtime, "sim") == 0;
	if (opts->count > 1 && !agent->is_sim)
		return rk_fail(error, RK_EINVAL, "only the simulated runtime can be several nodes");
	if (opts->count > MEMBERS_MAX)
		return rk_fail(error, RK_EINVAL, "at most %u simulated nodes", MEMBERS_MAX);
	if (opts->domain == NULL)
		opts->domain = "cluster.local";
	if (opts->bridge == NULL)
		opts->bridge = "reckon0";
	RK_TRY(rk_dir_make(opts->dir, 0711, error));
	RK_AUTO(rk_drop_mem) char *full = realpath(opts->dir, NULL);
	if (full == NULL || strlen(full) >= sizeof agent->dir)
		return rk_fail(error, RK_EINVAL, "the directory %s cannot be used", opts->dir);
	(void)snprintf(agent->dir, sizeof agent->dir, "%s", full);
	return 0;
}

/* Two agents in one directory would fight over the same containers. */
static int lock_dir(const struct rk_agent *agent, int *ret_fd, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/lock", agent->dir);
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return rk_fail_errno(error, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return rk_fail(error, RK_EBUSY, "another node agent runs in %s", agent->dir);
	*ret_fd = rk_take_fd(&fd);
	return 0;
}

static int agent_open(struct rk_agent *agent, struct rk_error *error)
{
	const struct rk_tls_opts tls = { .cert_path = agent->opts.cert,
					 .key_path = agent->opts.key,
					 .ca_path = agent->opts.ca };

	RK_TRY(rk_tls_new(&agent->client_tls, &tls, error));
	RK_TRY(rk_apiclient_new(&agent->api, agent->loop, agent->opts.servers, agent->client_tls,
				error));
	if (!agent->is_sim)
		RK_TRY(rk_journal_open(&agent->journal, agent->dir, error));
	rk_agent_measure(agent);
	agent->reports = rk_reports_new(agent->api);
	agent->refs = rk_refs_new(agent->api, on_ref_changed, agent);
	agent->tokens = rk_tokens_new(&(struct rk_tokens_opts){ agent->api, agent, wants_token, on_token_changed });
	agent->objects = (struct rk_objects){ agent, rk_agent_object, rk_agent_each_service, find_token };
	agent->member_count = agent->opts.count > 1 ? agent->opts.count : 1;
	agent->members = rk_zalloc(agent->member_count * sizeof *agent->members);
	for (unsigned i = 0; i < agent->member_count; i++) {
		const int err = make_member(agent, i, error);
		if (err < 0) {
			agent->member_count = i + 1;
			return err;
		}
	}
	return agent->is_sim ? 0 : rk_node_server_open(&agent->server, agent, error);
}

static void begin(struct rk_agent *agent)
{
	if (!agent->is_sim)
		rk_member_restore(&agent->members[0]);
	rk_agent_take_facts(agent);
	for (unsigned i = 0; i < agent->member_count; i++)
		rk_member_begin(&agent->members[i], 10.0 * i / agent->member_count);
	rk_agent_net_restore(agent);
	watch_pods(agent);
	rk_agent_net_watch(agent);
	ev_prepare_init(&agent->facts, on_prepare);
	agent->facts.data = agent;
	ev_prepare_start(agent->loop, &agent->facts);
	ev_signal_init(&agent->term, on_signal, SIGTERM);
	ev_signal_init(&agent->interrupt, on_signal, SIGINT);
	ev_signal_start(agent->loop, &agent->term);
	ev_signal_start(agent->loop, &agent->interrupt);
}

const struct rk_val *rk_agent_object(void *context, enum rk_ref_kind kind, struct rk_span ns,
				     struct rk_span name, bool *ret_is_known)
{
	const struct rk_agent *agent = context;

	return rk_refs_find(agent->refs, kind, ns, name, ret_is_known);
}

static void drop_loop(struct ev_loop **loop)
{
	if (*loop != NULL)
		ev_loop_destroy(*loop);
}

int rk_node_run(const struct rk_node_opts *opts, struct rk_error *error)
{
	RK_AUTO(drop_loop) struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	RK_AUTO(rk_drop_fd) int lock = -1;
	RK_AUTO(rk_drop_mem) struct rk_agent *agent = rk_zalloc(sizeof *agent);

	(void)signal(SIGPIPE, SIG_IGN);
	agent->loop = loop;
	agent->opts = *opts;
	RK_TRY(check_opts(agent, error));
	RK_TRY(lock_dir(agent, &lock, error));
	const int err = agent_open(agent, error);
	if (err == 0) {
		begin(agent);
		rk_log(RK_LOG_INFO, "node runs", "name=%s nodes=%u runtime=%s", opts->name,
		       agent->member_count, agent->is_sim ? "sim" : "oci");
		ev_run(loop, 0);
		rk_log(RK_LOG_INFO, "node ends", "name=%s", opts->name);
	}
	agent_done(agent);
	return err;
}
