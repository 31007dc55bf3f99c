#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/agent.h"
#include "node/oci_runtime_io.h"
#include "node/sim_runtime_io.h"

#define SYNC_AFTER_S 0.005 /* changes that come together are written together */

/* --- Services and their endpoints --- */

static void services_changed(struct rk_agent *agent)
{
	if (ev_is_active(&agent->services_dirty))
		return;
	ev_timer_set(&agent->services_dirty, SYNC_AFTER_S, 0);
	ev_timer_start(agent->loop, &agent->services_dirty);
}

static void on_services_dirty(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_agent *agent = timer->data;
	struct rk_error error = { 0 };

	(void)loop, (void)events;
	if (agent->service_maps == NULL)
		return;
	/* Only once all are known does what an earlier life served, and nobody named since, go. */
	if (rk_watch_is_synced(agent->services) && rk_watch_is_synced(agent->slices))
		rk_services_settle(agent->service_maps);
	if (rk_services_sync(agent->service_maps, &error) < 0)
		rk_log(RK_LOG_ERROR, "services not synced", "error=\"%s\"", error.text);
}

static void on_all_read(void *context) { services_changed(context); }

/* What was read is kept: pods want it in their environment, and the kernel and DNS once they are
 * there. */
struct rk_kept {
	struct rk_kept *next;
	struct rk_arena arena;
	const struct rk_val *object;
	struct rk_span ns, name;
};

static struct rk_kept **slot_of(struct rk_kept **first, struct rk_span ns, struct rk_span name)
{
	struct rk_kept **at = first;

	for (; *at != NULL; at = &(*at)->next) {
		const int order = rk_span_cmp((*at)->ns, ns);
		if (order > 0 || (order == 0 && rk_span_cmp((*at)->name, name) >= 0))
			break;
	}
	return at;
}

static bool is_at(const struct rk_kept *kept, struct rk_span ns, struct rk_span name)
{
	return kept != NULL && rk_span_eq(kept->ns, ns) && rk_span_eq(kept->name, name);
}

static void keep_none(struct rk_kept **first, struct rk_span ns, struct rk_span name)
{
	struct rk_kept **at = slot_of(first, ns, name);
	struct rk_kept *kept = *at;

	if (!is_at(kept, ns, name))
		return;
	*at = kept->next;
	rk_arena_done(&kept->arena);
	free(kept);
}

static const struct rk_kept *keep(struct rk_kept **first, const struct rk_val *object)
{
	const struct rk_span ns = rk_val_text_at(object, "metadata.namespace");
	const struct rk_span name = rk_val_text_at(object, "metadata.name");

	keep_none(first, ns, name);
	struct rk_kept **at = slot_of(first, ns, name);
	struct rk_kept *kept = rk_zalloc(sizeof *kept);
	kept->object = rk_val_copy(&kept->arena, object);
	kept->ns = rk_val_text_at(kept->object, "metadata.namespace");
	kept->name = rk_val_text_at(kept->object, "metadata.name");
	kept->next = *at;
	*at = kept;
	return kept;
}

static void keep_clear(struct rk_kept **first)
{
	while (*first != NULL)
		keep_none(first, (*first)->ns, (*first)->name);
}

static void put_service(struct rk_agent *agent, struct rk_span ns, struct rk_span name,
			const struct rk_val *object)
{
	if (agent->service_maps != NULL)
		rk_services_put(agent->service_maps, ns, name, object);
	if (agent->dns != NULL)
		rk_dns_put(agent->dns, ns, name, object);
	services_changed(agent);
}

static void put_slice(struct rk_agent *agent, struct rk_span ns, struct rk_span name,
		      const struct rk_val *object)
{
	if (agent->service_maps != NULL)
		rk_services_put_slice(agent->service_maps, ns, name, object);
	if (agent->dns != NULL)
		rk_dns_put_slice(agent->dns, ns, name, object);
	services_changed(agent);
}

static void on_service(void *context, const struct rk_val *object)
{
	struct rk_agent *agent = context;
	const struct rk_kept *kept = keep(&agent->kept_services, object);

	put_service(agent, kept->ns, kept->name, kept->object);
}

static void off_service(void *context, struct rk_span ns, struct rk_span name)
{
	struct rk_agent *agent = context;

	put_service(agent, ns, name, NULL);
	keep_none(&agent->kept_services, ns, name);
}

static void on_slice(void *context, const struct rk_val *object)
{
	struct rk_agent *agent = context;
	const struct rk_kept *kept = keep(&agent->kept_slices, object);

	put_slice(agent, kept->ns, kept->name, kept->object);
}

static void off_slice(void *context, struct rk_span ns, struct rk_span name)
{
	struct rk_agent *agent = context;

	put_slice(agent, ns, name, NULL);
	keep_none(&agent->kept_slices, ns, name);
}

void rk_agent_each_service(void *context, struct rk_span ns,
			   void (*each)(void *each_context, const struct rk_val *service),
			   void *each_context)
{
	const struct rk_agent *agent = context;

	for (const struct rk_kept *kept = agent->kept_services; kept != NULL; kept = kept->next)
		if (rk_span_eq(kept->ns, ns))
			each(each_context, kept->object);
}

/* --- the pod network --- */

static void open_services(struct rk_member *member)
{
	struct rk_agent *agent = member->agent;
	struct rk_error error = { 0 };
	char cgroup[RK_PATH_MAX], pin[RK_PATH_MAX];
	const struct rk_oci *oci = rk_oci_runtime_oci(member->runtime);

	rk_path(cgroup, "%s%s", oci->cgroups.roots[0], oci->cgroups.path);
	if (agent->opts.bpf_dir != NULL)
		rk_path(pin, "%s", agent->opts.bpf_dir);
	else
		rk_path(pin, "/sys/fs/bpf/reckon/%s", member->name);
	const struct rk_services_opts opts = { .cgroup = cgroup, .pin = pin, .node = member->name };
	if (rk_services_open(&agent->service_maps, &opts, &error) < 0) {
		agent->service_maps = NULL;
		(void)snprintf(member->network_text, sizeof member->network_text,
			       "services do not work here: %.180s", error.text);
		rk_log(RK_LOG_ERROR, "services do not work", "error=\"%s\"", error.text);
	}
}

static void open_dns(struct rk_member *member)
{
	struct rk_agent *agent = member->agent;
	const char *gateway = rk_podnet_gateway(agent->podnet);
	struct rk_error error = { 0 };
	char address[80];

	(void)snprintf(address, sizeof address, "%s:53", gateway);
	const struct rk_dns_opts opts = {
		.loop = agent->loop,
		.address = address,
		.domain = agent->opts.domain,
		.upstream = agent->opts.upstream_dns,
	};
	if (rk_dns_open(&agent->dns, &opts, &error) < 0) {
		agent->dns = NULL;
		(void)snprintf(member->network_text, sizeof member->network_text,
			       "cluster DNS does not work here: %.180s", error.text);
		rk_log(RK_LOG_ERROR, "cluster DNS does not work", "error=\"%s\"", error.text);
	}
	rk_oci_runtime_set_network(member->runtime, agent->podnet,
				   agent->dns != NULL ? gateway : "");
}

static void open_network(struct rk_member *member)
{
	struct rk_agent *agent = member->agent;
	const struct rk_podnet_opts opts = { .bridge = agent->opts.bridge,
					     .pod_cidr = member->pod_cidr };
	struct rk_error error = { 0 };

	if (rk_podnet_open(&agent->podnet, &opts, &error) < 0) {
		agent->podnet = NULL;
		member->network_failed = true;
		(void)snprintf(member->network_text, sizeof member->network_text, "%.240s",
			       error.text);
		rk_log(RK_LOG_ERROR, "no pod network", "cidr=%s error=\"%s\"", member->pod_cidr,
		       error.text);
		return;
	}
	for (const struct rk_pod *pod = rk_nodecore_next(member->core, NULL); pod != NULL;
	     pod = rk_nodecore_next(member->core, pod)) {
		RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
		if (pod->address[0] != '\0' &&
		    !rk_val_bool_at(pod->object, "spec.hostNetwork", false))
			rk_podnet_adopt(agent->podnet, rk_arena_str(&arena, pod->uid),
					pod->address);
	}
	open_services(member);
	open_dns(member);
	for (const struct rk_kept *kept = agent->kept_services; kept != NULL; kept = kept->next)
		put_service(agent, kept->ns, kept->name, kept->object);
	for (const struct rk_kept *kept = agent->kept_slices; kept != NULL; kept = kept->next)
		put_slice(agent, kept->ns, kept->name, kept->object);
	for (const struct rk_kept *kept = agent->kept_nodes; kept != NULL; kept = kept->next)
		rk_agent_route(agent, kept->object);
}

/* Kept so that an agent that is cut off, or that cleans up, knows it too. */
static void save_cidr(const struct rk_member *member)
{
	struct rk_error error = { 0 };
	char path[RK_PATH_MAX];

	rk_path(path, "%s/pod-cidr", member->agent->dir);
	if (rk_file_write(path, rk_span_str(member->pod_cidr), 0600, true, &error) < 0)
		rk_log(RK_LOG_ERROR, "pod CIDR not saved", "error=\"%s\"", error.text);
}

static void take_cidr(struct rk_member *member, struct rk_span cidr)
{
	if (cidr.size > 0 && member->pod_cidr[0] != '\0' && !rk_span_is(cidr, member->pod_cidr)) {
		member->network_failed = true;
		(void)snprintf(member->network_text, sizeof member->network_text,
			       "the pod network is %s, but the Node says %.*s: drain it and clean "
			       "its directory",
			       member->pod_cidr, RK_SPAN_ARGS(rk_span_sub(cidr, 0, 48)));
		rk_log(RK_LOG_ERROR, "pod CIDR differs", "ours=%s node=%.*s", member->pod_cidr,
		       RK_SPAN_ARGS(cidr));
		return;
	}
	if (cidr.size == 0 || cidr.size >= sizeof member->pod_cidr || member->pod_cidr[0] != '\0')
		return; /* it never changes during the life of a Node */
	(void)snprintf(member->pod_cidr, sizeof member->pod_cidr, "%.*s", RK_SPAN_ARGS(cidr));
	if (!member->agent->is_sim) {
		save_cidr(member);
		open_network(member);
	} else if (rk_sim_runtime_set_network(member->runtime, member->pod_cidr) < 0)
		rk_log(RK_LOG_ERROR, "pod CIDR not understood", "node=%s cidr=%s", member->name,
		       member->pod_cidr);
	rk_member_say_status(member);
}

/* --- routes to other nodes --- */

static struct rk_span internal_ip(const struct rk_val *node)
{
	const struct rk_val *list = rk_val_at(node, "status.addresses");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "type"), "InternalIP"))
			return rk_val_text_at(rk_val_item(list, i), "address");
	return (struct rk_span){ 0 };
}

static void set_route(struct rk_agent *agent, struct rk_span cidr, struct rk_span gateway)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const char *to = rk_arena_str(&arena, cidr);
	const char *by = gateway.size > 0 ? rk_arena_str(&arena, gateway) : NULL;
	struct rk_error error = { 0 };

	if (rk_podnet_route(agent->podnet, to, by, &error) < 0)
		rk_log(RK_LOG_ERROR, "no route", "to=%s gateway=%s error=\"%s\"", to,
		       by != NULL ? by : "none", error.text);
}

void rk_agent_route(struct rk_agent *agent, const struct rk_val *node)
{
	const struct rk_span cidr = rk_val_text_at(node, "spec.podCIDR"), ip = internal_ip(node);

	/* Simulated nodes share one address, often a loopback one, and have no pods to reach. */
	if (agent->podnet == NULL || cidr.size == 0 || ip.size == 0 ||
	    rk_span_is(ip, agent->members[0].ip) ||
	    rk_span_starts(rk_val_text_at(node, "status.nodeInfo.containerRuntimeVersion"),
			   RK_SPAN("sim:")))
		return;
	set_route(agent, cidr, ip);
}

void rk_agent_on_node(void *context, const struct rk_val *node)
{
	struct rk_agent *agent = context;
	struct rk_member *member = rk_agent_find(agent, rk_val_text_at(node, "metadata.name"));

	if (member != NULL) {
		take_cidr(member, rk_val_text_at(node, "spec.podCIDR"));
		return;
	}
	if (!agent->is_sim)
		rk_agent_route(agent, keep(&agent->kept_nodes, node)->object);
}

void rk_agent_off_node(void *context, struct rk_span ns, struct rk_span name)
{
	struct rk_agent *agent = context;
	struct rk_member *member = rk_agent_find(agent, name);
	const struct rk_kept *kept = *slot_of(&agent->kept_nodes, ns, name);

	if (member != NULL) {
		member->is_registered = false;
		member->register_again.data = member;
		ev_timer_stop(agent->loop, &member->register_again);
		ev_timer_set(&member->register_again, 1.0, 0);
		ev_timer_start(agent->loop, &member->register_again);
		return;
	}
	if (!is_at(kept, ns, name))
		return;
	if (agent->podnet != NULL && rk_val_text_at(kept->object, "spec.podCIDR").size > 0)
		set_route(agent, rk_val_text_at(kept->object, "spec.podCIDR"),
			  (struct rk_span){ 0 });
	keep_none(&agent->kept_nodes, ns, name);
}

void rk_agent_net_restore(struct rk_agent *agent)
{
	RK_AUTO(rk_buf_done) struct rk_buf cidr = { 0 };
	char path[RK_PATH_MAX];

	rk_path(path, "%s/pod-cidr", agent->dir);
	if (!agent->is_sim && rk_file_read(path, 63, &cidr, NULL) == 0)
		take_cidr(&agent->members[0], rk_buf_span(&cidr));
}

void rk_agent_net_watch(struct rk_agent *agent)
{
	const struct rk_watch_opts nodes = { .path = "/api/v1/nodes",
					     .context = agent,
					     .put = rk_agent_on_node,
					     .gone = rk_agent_off_node };
	const struct rk_watch_opts services = {
		.path = "/api/v1/services",
		.context = agent,
		.put = on_service,
		.gone = off_service,
		.synced = on_all_read,
	};
	const struct rk_watch_opts slices = { .path = "/apis/discovery.k8s.io/v1/endpointslices",
					      .context = agent,
					      .put = on_slice,
					      .gone = off_slice,
					      .synced = on_all_read };

	ev_timer_init(&agent->services_dirty, on_services_dirty, 0, 0);
	agent->services_dirty.data = agent;
	agent->nodes = rk_watch_open(agent->api, &nodes);
	if (agent->is_sim)
		return;
	agent->services = rk_watch_open(agent->api, &services);
	agent->slices = rk_watch_open(agent->api, &slices);
}

void rk_agent_net_close(struct rk_agent *agent)
{
	agent->nodes = rk_watch_close(agent->nodes);
	agent->services = rk_watch_close(agent->services);
	agent->slices = rk_watch_close(agent->slices);
	ev_timer_stop(agent->loop, &agent->services_dirty);
	agent->dns = rk_dns_close(agent->dns);
	agent->service_maps = rk_services_close(agent->service_maps);
	agent->podnet = rk_podnet_close(agent->podnet);
	keep_clear(&agent->kept_services);
	keep_clear(&agent->kept_slices);
	keep_clear(&agent->kept_nodes);
}
