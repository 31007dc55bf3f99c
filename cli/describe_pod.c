/* Pods, and the templates that pods are made from. */
#include "cli/describe.h"

static struct rk_span or_else(struct rk_span text, const char *otherwise)
{
	return text.size > 0 ? text : rk_span_str(otherwise);
}

static void put_where(struct rk_describe *d)
{
	const struct rk_span node = rk_val_text_at(d->object, "spec.nodeName");
	const struct rk_span host = rk_val_text_at(d->object, "status.hostIP");

	rk_describe_put(d, "Node:\t%.*s%s%.*s\n", RK_SPAN_ARGS(or_else(node, "<none>")),
			node.size > 0 ? "/" : "", RK_SPAN_ARGS(node.size > 0 ? host : RK_SPAN("")));
	if (rk_val_at(d->object, "status.startTime") != NULL)
		rk_describe_put(
			d, "Start Time:\t%s\n",
			rk_describe_time(d, rk_val_text_at(d->object, "status.startTime"), ""));
}

static void put_phase(struct rk_describe *d)
{
	const struct rk_span gone = rk_val_text_at(d->object, "metadata.deletionTimestamp");

	if (gone.size > 0)
		rk_describe_put(
			d, "Status:\tTerminating (lasts %s)\nTermination Grace Period:\t%llds\n",
			rk_describe_age(d, gone),
			(long long)rk_val_int_at(d->object, "metadata.deletionGracePeriodSeconds",
						 0));
	else
		rk_describe_put(d, "Status:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(d->object, "status.phase")));
	if (rk_val_text_at(d->object, "status.reason").size > 0)
		rk_describe_put(d, "Reason:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(d->object, "status.reason")));
	if (rk_val_text_at(d->object, "status.message").size > 0)
		rk_describe_put(d, "Message:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(d->object, "status.message")));
}

static void put_addresses(struct rk_describe *d)
{
	const struct rk_val *list = rk_val_at(d->object, "status.podIPs");

	rk_describe_put(d, "IP:\t%.*s\n", RK_SPAN_ARGS(rk_val_text_at(d->object, "status.podIP")));
	rk_describe_put(d, "IPs:%s\n", rk_val_count(list) == 0 ? "\t<none>" : "");
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_describe_put(d, "  IP:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "ip")));
}

static void put_conditions(struct rk_describe *d)
{
	const struct rk_val *list = rk_val_at(d->object, "status.conditions");

	if (rk_val_count(list) == 0)
		return;
	rk_describe_put(d, "Conditions:\n  Type\tStatus\n");
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_describe_put(d, "  %.*s \t%.*s \n",
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "type")),
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "status")));
}

void rk_describe_pod(struct rk_describe *d)
{
	const struct rk_val *pod = d->object;

	rk_describe_meta(d, true);
	rk_describe_put(d, "Priority:\t%lld\n", (long long)rk_val_int_at(pod, "spec.priority", 0));
	rk_describe_put(
		d, "Service Account:\t%.*s\n",
		RK_SPAN_ARGS(or_else(rk_val_text_at(pod, "spec.serviceAccountName"), "default")));
	put_where(d);
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	put_phase(d);
	put_addresses(d);
	rk_describe_owner(d);
	if (rk_val_count(rk_val_at(pod, "spec.initContainers")) > 0)
		rk_describe_containers(d, "Init Containers", rk_val_at(pod, "spec.initContainers"),
				       rk_val_at(pod, "status.initContainerStatuses"), "");
	rk_describe_containers(d, "Containers", rk_val_at(pod, "spec.containers"),
			       rk_val_at(pod, "status.containerStatuses"), "");
	if (rk_val_count(rk_val_at(pod, "spec.ephemeralContainers")) > 0)
		rk_describe_containers(d, "Ephemeral Containers", rk_val_at(pod, "spec.ephemeralContainers"),
				       rk_val_at(pod, "status.ephemeralContainerStatuses"), "");
	put_conditions(d);
	rk_describe_volumes(d, rk_val_at(pod, "spec.volumes"), "");
	rk_describe_put(d, "QoS Class:\t%.*s\n",
			RK_SPAN_ARGS(rk_val_text_at(pod, "status.qosClass")));
	rk_describe_map(d, "Node-Selectors", rk_val_at(pod, "spec.nodeSelector"), "=", "");
	rk_describe_tolerations(d, rk_val_at(pod, "spec.tolerations"), "");
}

void rk_describe_template(struct rk_describe *d, const struct rk_val *template)
{
	const struct rk_span account = rk_val_text_at(template, "spec.serviceAccountName");

	rk_describe_put(d, "Pod Template:\n");
	rk_describe_map(d, "Labels", rk_val_at(template, "metadata.labels"), "=", "  ");
	if (rk_val_count(rk_val_at(template, "metadata.annotations")) > 0)
		rk_describe_map(d, "Annotations", rk_val_at(template, "metadata.annotations"), ": ",
				"  ");
	if (account.size > 0)
		rk_describe_put(d, "  Service Account:\t%.*s\n", RK_SPAN_ARGS(account));
	if (rk_val_count(rk_val_at(template, "spec.initContainers")) > 0)
		rk_describe_containers(d, "Init Containers",
				       rk_val_at(template, "spec.initContainers"), NULL, "  ");
	rk_describe_containers(d, "Containers", rk_val_at(template, "spec.containers"), NULL, "  ");
	rk_describe_volumes(d, rk_val_at(template, "spec.volumes"), "  ");
	rk_describe_map(d, "Node-Selectors", rk_val_at(template, "spec.nodeSelector"), "=", "  ");
	rk_describe_tolerations(d, rk_val_at(template, "spec.tolerations"), "  ");
}
