#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "config.h"
#include "node/agent.h"

#define LEASE_EVERY_S 10.0
#define LEASE_SECONDS 40
#define HEARTBEAT_S   300.0
#define LATE_MS       15000 /* a lease this old was missed at least once */
#define RETRY_S       2.0
#define PODS_MAX      110
#define SIM_CPU_MILLI 32000
#define SIM_MEMORY    (256ll << 30)
#define SIM_STORAGE   (1024ll << 30)
#define MEMORY_LEAST  (100ll << 20) /* of the machine, as kubelets' hard threshold */
#define DISK_LEAST_SHARE                                                                           \
	20 /* one twentieth: half of kubelets' threshold, whose garbage collection we lack */
#define KUBELET_VERSION "v1.32.0+reckon." PACKAGE_VERSION

/* --- what this machine has --- */

static int64_t memory_line(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at != NULL ? strtoll(at + strlen(name), NULL, 10) * 1024 : 0;
}

static void read_memory(int64_t *ret_total, int64_t *ret_available)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	(void)rk_file_read("/proc/meminfo", 65536, &text, NULL); /* none: nothing is offered */
	*ret_total = memory_line(rk_buf_cstr(&text), "MemTotal:");
	*ret_available = memory_line(rk_buf_cstr(&text), "MemAvailable:");
}

void rk_agent_measure(struct rk_agent *agent)
{
	struct statvfs disk;
	int64_t available;

	agent->cpu_milli = agent->is_sim ? SIM_CPU_MILLI : sysconf(_SC_NPROCESSORS_ONLN) * 1000;
	read_memory(&agent->memory, &available);
	if (agent->is_sim)
		agent->memory = SIM_MEMORY;
	agent->storage = SIM_STORAGE;
	if (!agent->is_sim && statvfs(agent->dir, &disk) == 0)
		agent->storage = (int64_t)(disk.f_blocks * disk.f_frsize);
}

/* --- the Node object --- */

static struct rk_val *time_val(struct rk_arena *arena, int64_t wall)
{
	char text[RK_TIME_TEXT_MAX];

	(void)rk_time_format(text, wall);
	return rk_val_cstr(arena, rk_arena_str(arena, rk_span_str(text)));
}

static void condition(struct rk_arena *arena, struct rk_val *list, struct rk_member *member,
		      const char *type, bool is_true, const char *reason, const char *message)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "type", type);
	rk_val_put_cstr(arena, val, "status", is_true ? "True" : "False");
	rk_val_put(arena, val, "lastHeartbeatTime", time_val(arena, rk_agent_now().wall));
	rk_val_put(arena, val, "lastTransitionTime", time_val(arena, member->ready_since));
	rk_val_put_cstr(arena, val, "reason", reason);
	rk_val_put_cstr(arena, val, "message", message);
	rk_val_append(arena, list, val);
}

static struct rk_val *conditions(struct rk_arena *arena, struct rk_member *member)
{
	struct rk_agent *agent = member->agent;
	struct rk_val *list = rk_val_list(arena);
	bool is_low = false, is_full = false;
	int64_t total, available;
	struct statvfs disk;

	read_memory(&total, &available);
	is_low = !agent->is_sim && available < MEMORY_LEAST;
	if (!agent->is_sim && statvfs(agent->dir, &disk) == 0)
		is_full = disk.f_bavail < disk.f_blocks / DISK_LEAST_SHARE;
	condition(arena, list, member, "MemoryPressure", is_low,
		  is_low ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
		  is_low ? "kubelet has insufficient memory available"
			 : "kubelet has sufficient memory available");
	condition(arena, list, member, "DiskPressure", is_full,
		  is_full ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
		  is_full ? "kubelet has disk pressure" : "kubelet has no disk pressure");
	condition(arena, list, member, "PIDPressure", false, "KubeletHasSufficientPID",
		  "kubelet has sufficient PID available");
	if (member->pod_cidr[0] != '\0')
		condition(arena, list, member, "NetworkUnavailable", member->network_failed,
			  member->network_failed ? "PodNetworkFailed" : "PodNetworkReady",
			  member->network_text[0] != '\0' ? member->network_text
							  : "the pod network is set up");
	condition(arena, list, member, "Ready", true, "KubeletReady",
		  "kubelet is posting ready status");
	return list;
}

static struct rk_val *resources(struct rk_arena *arena, const struct rk_agent *agent)
{
	struct rk_val *map = rk_val_map(arena);

	rk_val_put(arena, map, "cpu",
		   agent->cpu_milli % 1000 == 0
			   ? rk_val_strf(arena, "%lld", (long long)(agent->cpu_milli / 1000))
			   : rk_val_strf(arena, "%lldm", (long long)agent->cpu_milli));
	rk_val_put(arena, map, "memory",
		   rk_val_strf(arena, "%lldKi", (long long)(agent->memory >> 10)));
	rk_val_put(arena, map, "ephemeral-storage",
		   rk_val_strf(arena, "%lldKi", (long long)(agent->storage >> 10)));
	rk_val_put(arena, map, "pods", rk_val_strf(arena, "%d", PODS_MAX));
	return map;
}

static struct rk_val *first_line(struct rk_arena *arena, const char *path)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_span line;

	(void)rk_file_read(path, 4096, &text, NULL); /* an id that is not there stays empty */
	(void)rk_span_cut(rk_buf_span(&text), '\n', &line);
	return rk_val_str(arena, rk_arena_span(arena, line));
}

static struct rk_val *os_image(struct rk_arena *arena)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_span name = RK_SPAN("Linux");

	(void)rk_file_read("/etc/os-release", 65536, &text, NULL); /* then it is just Linux */
	const char *at = strstr(rk_buf_cstr(&text), "PRETTY_NAME=\"");
	if (at != NULL)
		(void)rk_span_cut(rk_span_str(at + sizeof "PRETTY_NAME=\"" - 1), '"', &name);
	return rk_val_str(arena, rk_arena_span(arena, name));
}

static struct rk_val *node_info(struct rk_arena *arena, const struct rk_agent *agent)
{
	struct rk_val *info = rk_val_map(arena);
	struct utsname names = { 0 };

	(void)uname(&names); /* cannot fail with a valid pointer */
	const bool is_amd64 = strcmp(names.machine, "x86_64") == 0;
	const bool is_arm64 = strcmp(names.machine, "aarch64") == 0;
	rk_val_put(arena, info, "machineID", first_line(arena, "/etc/machine-id"));
	rk_val_put(arena, info, "systemUUID", first_line(arena, "/sys/class/dmi/id/product_uuid"));
	rk_val_put(arena, info, "bootID", first_line(arena, "/proc/sys/kernel/random/boot_id"));
	rk_val_put_cstr(arena, info, "kernelVersion",
			rk_arena_str(arena, rk_span_str(names.release)));
	rk_val_put(arena, info, "osImage", os_image(arena));
	rk_val_put_cstr(arena, info, "containerRuntimeVersion",
			agent->is_sim ? "sim://" PACKAGE_VERSION : "reckon://" PACKAGE_VERSION);
	rk_val_put_cstr(arena, info, "kubeletVersion", KUBELET_VERSION);
	rk_val_put_cstr(arena, info, "kubeProxyVersion", KUBELET_VERSION);
	rk_val_put_cstr(arena, info, "operatingSystem", "linux");
	rk_val_put_cstr(arena, info, "architecture",
			is_amd64   ? "amd64"
			: is_arm64 ? "arm64"
				   : rk_arena_str(arena, rk_span_str(names.machine)));
	return info;
}

static void put_address(struct rk_arena *arena, struct rk_val *list, const char *type,
			const char *address)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "type", type);
	rk_val_put_cstr(arena, val, "address", address);
	rk_val_append(arena, list, val);
}

static struct rk_val *status_val(struct rk_arena *arena, struct rk_member *member)
{
	struct rk_val *status = rk_val_map(arena), *addresses = rk_val_list(arena);
	const unsigned short port =
		member->agent->opts.port != 0 ? member->agent->opts.port : 10250;

	put_address(arena, addresses, "InternalIP", member->ip);
	put_address(arena, addresses, "Hostname", member->name);
	rk_val_put(arena, status, "addresses", addresses);
	rk_val_put(arena, status, "capacity", resources(arena, member->agent));
	rk_val_put(arena, status, "allocatable", resources(arena, member->agent));
	rk_val_put(arena, status, "conditions", conditions(arena, member));
	rk_val_put(arena, status, "nodeInfo", node_info(arena, member->agent));
	rk_val_set_at(arena, status, "daemonEndpoints.kubeletEndpoint.Port",
		      rk_val_int(arena, port));
	return status;
}

static struct rk_val *labels_val(struct rk_arena *arena, const struct rk_member *member)
{
	struct rk_val *labels = rk_val_map(arena);
	const struct rk_val *arch = rk_val_at(node_info(arena, member->agent), "architecture");

	rk_val_put_cstr(arena, labels, "kubernetes.io/hostname", member->name);
	rk_val_put_cstr(arena, labels, "kubernetes.io/os", "linux");
	rk_val_put_str(arena, labels, "kubernetes.io/arch", rk_val_text(arch));
	/* Old names, which upstream's nodes still have. */
	rk_val_put_cstr(arena, labels, "beta.kubernetes.io/os", "linux");
	rk_val_put_str(arena, labels, "beta.kubernetes.io/arch", rk_val_text(arch));
	for (size_t i = 0;
	     member->agent->opts.labels != NULL && member->agent->opts.labels[i] != NULL; i++) {
		struct rk_span key;
		const struct rk_span value =
			rk_span_cut(rk_span_str(member->agent->opts.labels[i]), '=', &key);
		rk_val_set(arena, labels, key, rk_val_str(arena, value));
	}
	return labels;
}

/* --- writing it --- */

static void retry(struct rk_member *member)
{
	ev_timer_stop(member->agent->loop, &member->register_again);
	ev_timer_set(&member->register_again, RETRY_S, 0);
	ev_timer_start(member->agent->loop, &member->register_again);
}

static void on_status(void *context, int err, int status, const struct rk_val *answer)
{
	struct rk_member *member = context;

	if (err == RK_ECLOSED)
		return;
	if (err < 0 || status != 200) {
		rk_log(RK_LOG_WARN, "node status not written", "node=%s status=%d message=\"%.*s\"",
		       member->name, status, RK_SPAN_ARGS(rk_val_text_at(answer, "message")));
		member->is_registered = member->is_registered && status != 404;
		retry(member);
		return;
	}
	if (!member->is_registered)
		rk_log(RK_LOG_INFO, "node registered", "node=%s", member->name);
	member->is_registered = true;
	rk_agent_on_node(member->agent, answer);
}

void rk_member_say_status(struct rk_member *member)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *body = rk_val_map(&arena);
	const struct rk_apiclient_call call = {
		.method = "PATCH",
		.target = rk_arena_printf(&arena, "/api/v1/nodes/%s/status", member->name),
		.type = RK_STRATEGIC_PATCH,
		.body = body,
		.context = member,
		.done = on_status,
	};

	rk_val_put(&arena, body, "status", status_val(&arena, member));
	rk_apiclient_call(member->agent->api, &call);
}

/* Made, or there already with our labels: now its status. */
static void on_made(void *context, int err, int status, const struct rk_val *answer)
{
	struct rk_member *member = context;

	if (err == RK_ECLOSED)
		return;
	if (err == 0 && (status == 200 || status == 201 || status == 409)) {
		rk_member_say_status(member);
		return;
	}
	rk_log(RK_LOG_WARN, "node not registered", "node=%s status=%d message=\"%.*s\"",
	       member->name, status, RK_SPAN_ARGS(rk_val_text_at(answer, "message")));
	retry(member);
}

static void on_labelled(void *context, int err, int status, const struct rk_val *answer)
{
	struct rk_member *member = context;
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	if (err != 0 || status != 404) {
		on_made(context, err, status, answer);
		return;
	}
	struct rk_val *body = rk_val_map(&arena);
	const struct rk_apiclient_call call = { .method = "POST",
						.target = "/api/v1/nodes",
						.body = body,
						.context = member,
						.done = on_made };
	rk_val_put_cstr(&arena, body, "kind", "Node");
	rk_val_put_cstr(&arena, body, "apiVersion", "v1");
	rk_val_set_at(&arena, body, "metadata.name", rk_val_cstr(&arena, member->name));
	rk_val_set_at(&arena, body, "metadata.labels", labels_val(&arena, member));
	rk_apiclient_call(member->agent->api, &call);
}

static void register_node(struct rk_member *member)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *body = rk_val_map(&arena);
	const struct rk_apiclient_call call = {
		.method = "PATCH",
		.target = rk_arena_printf(&arena, "/api/v1/nodes/%s", member->name),
		.type = RK_MERGE_PATCH,
		.body = body,
		.context = member,
		.done = on_labelled,
	};

	rk_val_set_at(&arena, body, "metadata.labels", labels_val(&arena, member));
	rk_apiclient_call(member->agent->api, &call);
}

static void on_register_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_member *member = timer->data;

	(void)loop, (void)events;
	if (member->is_registered)
		rk_member_say_status(member);
	else
		register_node(member);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	rk_member_say_status(timer->data);
}

/* --- the Lease --- */

static struct rk_val *lease_body(struct rk_arena *arena, const struct rk_member *member)
{
	struct rk_val *body = rk_val_map(arena);
	char text[RK_TIME_TEXT_MAX];

	(void)rk_time_format_micro(text, rk_agent_now().wall * 1000);
	rk_val_put_cstr(arena, body, "kind", "Lease");
	rk_val_put_cstr(arena, body, "apiVersion", "coordination.k8s.io/v1");
	rk_val_set_at(arena, body, "metadata.name", rk_val_cstr(arena, member->name));
	rk_val_set_at(arena, body, "spec.holderIdentity", rk_val_cstr(arena, member->name));
	rk_val_set_at(arena, body, "spec.leaseDurationSeconds", rk_val_int(arena, LEASE_SECONDS));
	rk_val_set_at(arena, body, "spec.renewTime",
		      rk_val_cstr(arena, rk_arena_str(arena, rk_span_str(text))));
	return body;
}

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

static void on_renewed(void *context, int err, int status, const struct rk_val *answer)
{
	struct rk_member *member = context;
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	if (err == 0 && status == 404) {
		const struct rk_apiclient_call call = { .method = "POST",
							.target = LEASES,
							.body = lease_body(&arena, member) };
		rk_apiclient_call(member->agent->api, &call);
	} else if (err != RK_ECLOSED && (err < 0 || status != 200)) {
		rk_log(RK_LOG_WARN, "lease not renewed", "node=%s status=%d message=\"%.*s\"",
		       member->name, status, RK_SPAN_ARGS(rk_val_text_at(answer, "message")));
	} else if (err == 0) {
		const int64_t now = rk_agent_now().mono;
		/* The node may have been given up meanwhile, and only its status takes that back. */
		if (member->is_registered && now - member->renewed > LATE_MS)
			rk_member_say_status(member);
		member->renewed = now;
	}
}

static void on_lease(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_member *member = timer->data;
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const struct rk_apiclient_call call = {
		.method = "PATCH",
		.target = rk_arena_printf(&arena, LEASES "/%s", member->name),
		.type = RK_MERGE_PATCH,
		.body = lease_body(&arena, member),
		.context = member,
		.done = on_renewed,
	};

	(void)loop, (void)events;
	rk_apiclient_call(member->agent->api, &call);
}

void rk_member_begin(struct rk_member *member, double offset_s)
{
	struct ev_loop *loop = member->agent->loop;

	member->ready_since = rk_agent_now().wall;
	member->renewed = rk_agent_now().mono;
	ev_timer_init(&member->lease, on_lease, offset_s, LEASE_EVERY_S);
	ev_timer_init(&member->heartbeat, on_heartbeat, HEARTBEAT_S + offset_s, HEARTBEAT_S);
	ev_timer_init(&member->register_again, on_register_again, 0, 0);
	member->lease.data = member->heartbeat.data = member->register_again.data = member;
	ev_timer_start(loop, &member->lease);
	ev_timer_start(loop, &member->heartbeat);
	register_node(member);
}

void rk_member_end(struct rk_member *member)
{
	struct ev_loop *loop = member->agent->loop;

	ev_timer_stop(loop, &member->lease);
	ev_timer_stop(loop, &member->heartbeat);
	ev_timer_stop(loop, &member->register_again);
	ev_timer_stop(loop, &member->due);
}
