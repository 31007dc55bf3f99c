/* Nodes: what they are, what runs on them, and how much of them is asked for. */
#include "base/mem.h"
#include "cli/describe.h"
#include "control/schema/quantity.h"

static void put_roles(struct rk_describe *d)
{
	const struct rk_span prefix = RK_SPAN("node-role.kubernetes.io/");
	const struct rk_val *labels = rk_val_at(d->object, "metadata.labels");
	bool is_first = true;

	rk_describe_put(d, "Roles:\t");
	for (uint32_t i = 0; i < rk_val_count(labels); i++) {
		const struct rk_span key = labels->fields[i].key;
		if (!rk_span_starts(key, prefix))
			continue;
		rk_describe_put(d, "%s%.*s", is_first ? "" : ",",
				RK_SPAN_ARGS(rk_span_sub(key, prefix.size, key.size)));
		is_first = false;
	}
	rk_describe_put(d, "%s\n", is_first ? "<none>" : "");
}

static void put_taints(struct rk_describe *d)
{
	const struct rk_val *taints = rk_val_at(d->object, "spec.taints");

	rk_describe_put(d, "Taints:\t%s", rk_val_count(taints) == 0 ? "<none>\n" : "");
	for (uint32_t i = 0; i < rk_val_count(taints); i++) {
		const struct rk_val *taint = rk_val_item(taints, i);
		const struct rk_span value = rk_val_text_at(taint, "value");
		rk_describe_put(d, "%s%.*s%s%.*s:%.*s\n", i > 0 ? "\t" : "",
				RK_SPAN_ARGS(rk_val_text_at(taint, "key")),
				value.size > 0 ? "=" : "", RK_SPAN_ARGS(value),
				RK_SPAN_ARGS(rk_val_text_at(taint, "effect")));
	}
}

static void put_lease(struct rk_describe *d)
{
	const struct rk_kind *lease =
		d->session != NULL ? rk_kinds_by_name(d->session->kinds, RK_SPAN("leases")) : NULL;

	if (lease == NULL)
		return;
	const struct rk_val *val =
		rk_describe_fetch(d, rk_target(d->arena, lease, RK_SPAN("kube-node-lease"),
					       rk_val_text_at(d->object, "metadata.name"), NULL));
	rk_describe_put(d,
			"Lease:\n  HolderIdentity:\t%.*s\n  AcquireTime:\t%s\n  RenewTime:\t%s\n",
			RK_SPAN_ARGS(rk_val_text_at(val, "spec.holderIdentity")),
			rk_describe_time(d, rk_val_text_at(val, "spec.acquireTime"), "<unset>"),
			rk_describe_time(d, rk_val_text_at(val, "spec.renewTime"), "<unset>"));
}

static void put_conditions(struct rk_describe *d)
{
	const struct rk_val *list = rk_val_at(d->object, "status.conditions");

	rk_describe_put(d,
			"Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\t"
			"Reason\tMessage\n  "
			"----\t------\t-----------------\t------------------\t------\t-------\n");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *one = rk_val_item(list, i);
		rk_describe_put(d, "  %.*s \t%.*s \t%s \t%s \t%.*s \t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(one, "type")),
				RK_SPAN_ARGS(rk_val_text_at(one, "status")),
				rk_describe_time(d, rk_val_text_at(one, "lastHeartbeatTime"), ""),
				rk_describe_time(d, rk_val_text_at(one, "lastTransitionTime"), ""),
				RK_SPAN_ARGS(rk_val_text_at(one, "reason")),
				RK_SPAN_ARGS(rk_val_text_at(one, "message")));
	}
	rk_describe_put(d, "Addresses:\n");
	list = rk_val_at(d->object, "status.addresses");
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_describe_put(d, "  %.*s:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "type")),
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "address")));
}

static void put_amounts(struct rk_describe *d, const char *label, const char *path)
{
	struct rk_val *map = rk_val_at(d->object, path);

	if (map == NULL)
		return;
	map = rk_val_copy(d->arena, map);
	rk_val_sort(map);
	rk_describe_put(d, "%s:\n", label);
	for (uint32_t i = 0; i < map->count; i++)
		rk_describe_put(d, "  %.*s:\t%.*s\n", RK_SPAN_ARGS(map->fields[i].key),
				RK_SPAN_ARGS(rk_val_text(map->fields[i].val)));
}

static void put_info(struct rk_describe *d)
{
	static const char *const lines[][2] = {
		{ "Machine ID", "machineID" },
		{ "System UUID", "systemUUID" },
		{ "Boot ID", "bootID" },
		{ "Kernel Version", "kernelVersion" },
		{ "OS Image", "osImage" },
		{ "Operating System", "operatingSystem" },
		{ "Architecture", "architecture" },
		{ "Container Runtime Version", "containerRuntimeVersion" },
		{ "Kubelet Version", "kubeletVersion" },
		{ "Kube-Proxy Version", "kubeProxyVersion" },
	};
	const struct rk_val *info = rk_val_at(d->object, "status.nodeInfo");

	rk_describe_put(d, "System Info:\n");
	for (size_t i = 0; i < RK_COUNT(lines); i++)
		rk_describe_put(d, "  %s:\t%.*s\n", lines[i][0],
				RK_SPAN_ARGS(rk_val_text_at(info, lines[i][1])));
	if (rk_val_text_at(d->object, "spec.podCIDR").size > 0)
		rk_describe_put(d, "PodCIDR:\t%.*s\nPodCIDRs:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(d->object, "spec.podCIDR")),
				RK_SPAN_ARGS(rk_val_text_at(d->object, "spec.podCIDR")));
}

/* --- what its pods ask for --- */

enum { CPU, MEMORY, STORAGE, RESOURCES };
static const char *const resources[RESOURCES] = { "cpu", "memory", "ephemeral-storage" };

struct amount {
	struct rk_quantity asked, limit;
};

static void add(struct rk_quantity *sum, const struct rk_val *map, const char *resource)
{
	struct rk_quantity more;

	if (rk_quantity_parse(rk_val_text(rk_val_get(map, rk_span_str(resource))), &more) < 0)
		return;
	if (sum->nano == 0)
		sum->format = more.format;
	sum->nano += more.nano;
}

static void add_pod(const struct rk_val *pod, struct amount sums[RESOURCES])
{
	const struct rk_val *list = rk_val_at(pod, "spec.containers");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *container = rk_val_item(list, i);
		for (size_t n = 0; n < RESOURCES; n++) {
			add(&sums[n].asked, rk_val_at(container, "resources.requests"),
			    resources[n]);
			add(&sums[n].limit, rk_val_at(container, "resources.limits"), resources[n]);
		}
	}
}

static const char *share(struct rk_describe *d, const struct rk_quantity *amount, size_t resource)
{
	struct rk_quantity whole = { 0 };
	char text[RK_QUANTITY_TEXT_MAX];

	add(&whole, rk_val_at(d->object, "status.allocatable"), resources[resource]);
	(void)rk_quantity_format(text, amount);
	return rk_arena_printf(d->arena, "%s (%d%%)", text,
			       whole.nano > 0 ? (int)(amount->nano * 100 / whole.nano) : 0);
}

static void put_pods(struct rk_describe *d)
{
	struct amount sums[RESOURCES] = { 0 };

	if (d->session == NULL)
		return;
	const char *target = rk_target_with(
		d->arena, "/api/v1/pods", "fieldSelector",
		rk_span_str(rk_arena_printf(
			d->arena, "spec.nodeName=%.*s,status.phase!=Failed,status.phase!=Succeeded",
			RK_SPAN_ARGS(rk_val_text_at(d->object, "metadata.name")))));
	const struct rk_val *pods = rk_val_at(rk_describe_fetch(d, target), "items");
	rk_describe_put(
		d,
		"Non-terminated Pods:\t(%u in total)\n  Namespace\tName\t\tCPU "
		"Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n  "
		"---------\t----\t\t------------\t----------\t---------------\t-------------"
		"\t---\n",
		rk_val_count(pods));
	for (uint32_t i = 0; i < rk_val_count(pods); i++) {
		const struct rk_val *pod = rk_val_item(pods, i);
		struct amount own[RESOURCES] = { 0 };
		add_pod(pod, own);
		add_pod(pod, sums);
		rk_describe_put(
			d, "  %.*s\t%.*s\t\t%s\t%s\t%s\t%s\t%s\n",
			RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.namespace")),
			RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.name")),
			share(d, &own[CPU].asked, CPU), share(d, &own[CPU].limit, CPU),
			share(d, &own[MEMORY].asked, MEMORY), share(d, &own[MEMORY].limit, MEMORY),
			rk_describe_age(d, rk_val_text_at(pod, "metadata.creationTimestamp")));
	}
	rk_describe_put(d, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., "
			   "overcommitted.)\n  Resource\tRequests\tLimits\n  "
			   "--------\t--------\t------\n");
	for (size_t i = 0; i < RESOURCES; i++)
		rk_describe_put(d, "  %s\t%s\t%s\n", resources[i], share(d, &sums[i].asked, i),
				share(d, &sums[i].limit, i));
}

void rk_describe_node(struct rk_describe *d)
{
	rk_describe_meta(d, false);
	put_roles(d);
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	rk_describe_put(
		d, "CreationTimestamp:\t%s\n",
		rk_describe_time(d, rk_val_text_at(d->object, "metadata.creationTimestamp"), ""));
	put_taints(d);
	rk_describe_put(d, "Unschedulable:\t%s\n",
			rk_val_bool_at(d->object, "spec.unschedulable", false) ? "true" : "false");
	put_lease(d);
	put_conditions(d);
	put_amounts(d, "Capacity", "status.capacity");
	put_amounts(d, "Allocatable", "status.allocatable");
	put_info(d);
	put_pods(d);
}
