/* Deployments and ReplicaSets. */
#include "base/mem.h"
#include "cli/describe.h"
#include "wire/jsonpath.h"
#include "control/schema/selector.h"

static struct rk_span selector_text(struct rk_describe *d)
{
	struct rk_selector *selector = NULL;

	if (rk_selector_of(d->arena, rk_val_at(d->object, "spec.selector"), &selector, NULL) < 0)
		return RK_SPAN("<error>");
	return rk_selector_text(d->arena, selector);
}

static const struct rk_val *list_owned(struct rk_describe *d, const char *kind)
{
	const struct rk_kind *of =
		rk_kinds_by_name(d->session != NULL ? d->session->kinds : NULL, rk_span_str(kind));
	const char *target =
		rk_target(d->arena, of, rk_val_text_at(d->object, "metadata.namespace"),
			  rk_span_str(""), NULL);

	return rk_val_at(rk_describe_fetch(d, rk_target_with(d->arena, target, "labelSelector",
							     selector_text(d))),
			 "items");
}

static bool owns(struct rk_describe *d, const struct rk_val *object)
{
	const struct rk_val *owners = rk_val_at(object, "metadata.ownerReferences");

	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(owners, i), "uid"),
			       rk_val_text_at(d->object, "metadata.uid")))
			return true;
	return false;
}

static void put_conditions(struct rk_describe *d)
{
	const struct rk_val *list = rk_val_at(d->object, "status.conditions");

	if (rk_val_count(list) == 0)
		return;
	rk_describe_put(d, "Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n");
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_describe_put(d, "  %.*s \t%.*s\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "type")),
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "status")),
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "reason")));
}

static const char *set_text(struct rk_describe *d, const struct rk_val *set)
{
	return rk_arena_printf(d->arena, "%.*s (%lld/%lld replicas created)",
			       RK_SPAN_ARGS(rk_val_text_at(set, "metadata.name")),
			       (long long)rk_val_int_at(set, "status.replicas", 0),
			       (long long)rk_val_int_at(set, "spec.replicas", 0));
}

/* The set of the newest revision is the new one; the others are old ones. */
static void put_sets(struct rk_describe *d)
{
	const char *const key = "deployment.kubernetes.io/revision";
	const struct rk_val *sets = d->session != NULL ? list_owned(d, "replicasets.apps") : NULL;
	const struct rk_span revision = rk_val_text(
		rk_val_get(rk_val_at(d->object, "metadata.annotations"), rk_span_str(key)));
	const char *newest = "<none>", *old = "";

	for (uint32_t i = 0; i < rk_val_count(sets); i++) {
		const struct rk_val *set = rk_val_item(sets, i);
		if (!owns(d, set))
			continue;
		if (rk_span_eq(rk_val_text(rk_val_get(rk_val_at(set, "metadata.annotations"),
						      rk_span_str(key))),
			       revision))
			newest = set_text(d, set);
		else
			old = rk_arena_printf(d->arena, "%s%s%s", old, old[0] != '\0' ? ", " : "",
					      set_text(d, set));
	}
	rk_describe_put(d, "OldReplicaSets:\t%s\nNewReplicaSet:\t%s\n",
			old[0] != '\0' ? old : "<none>", newest);
}

static void put_strategy(struct rk_describe *d)
{
	const struct rk_val *rolling = rk_val_at(d->object, "spec.strategy.rollingUpdate");

	rk_describe_put(d, "StrategyType:\t%.*s\nMinReadySeconds:\t%lld\n",
			RK_SPAN_ARGS(rk_val_text_at(d->object, "spec.strategy.type")),
			(long long)rk_val_int_at(d->object, "spec.minReadySeconds", 0));
	if (rolling == NULL)
		return;
	rk_describe_put(d, "RollingUpdateStrategy:\t");
	rk_jsonpath_put(&d->out, rk_val_at(rolling, "maxUnavailable"));
	rk_describe_put(d, " max unavailable, ");
	rk_jsonpath_put(&d->out, rk_val_at(rolling, "maxSurge"));
	rk_describe_put(d, " max surge\n");
}

void rk_describe_deployment(struct rk_describe *d)
{
	const struct rk_val *object = d->object;

	rk_describe_meta(d, true);
	rk_describe_put(
		d, "CreationTimestamp:\t%s\n",
		rk_describe_time(d, rk_val_text_at(object, "metadata.creationTimestamp"), ""));
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	rk_describe_put(d, "Selector:\t%.*s\n", RK_SPAN_ARGS(selector_text(d)));
	rk_describe_put(
		d,
		"Replicas:\t%lld desired | %lld updated | %lld total | %lld available | %lld "
		"unavailable\n",
		(long long)rk_val_int_at(object, "spec.replicas", 0),
		(long long)rk_val_int_at(object, "status.updatedReplicas", 0),
		(long long)rk_val_int_at(object, "status.replicas", 0),
		(long long)rk_val_int_at(object, "status.availableReplicas", 0),
		(long long)rk_val_int_at(object, "status.unavailableReplicas", 0));
	put_strategy(d);
	rk_describe_template(d, rk_val_at(object, "spec.template"));
	put_conditions(d);
	put_sets(d);
}

static void put_pods(struct rk_describe *d)
{
	static const char *const phases[] = { "Running", "Pending", "Succeeded", "Failed" };
	const struct rk_val *pods = d->session != NULL ? list_owned(d, "pods") : NULL;
	unsigned counts[RK_COUNT(phases)] = { 0 };

	for (uint32_t i = 0; i < rk_val_count(pods); i++)
		for (size_t n = 0; n < RK_COUNT(phases) && owns(d, rk_val_item(pods, i)); n++)
			counts[n] += rk_span_is(
				rk_val_text_at(rk_val_item(pods, i), "status.phase"), phases[n]);
	rk_describe_put(d, "Pods Status:\t%u Running / %u Waiting / %u Succeeded / %u Failed\n",
			counts[0], counts[1], counts[2], counts[3]);
}

void rk_describe_replicaset(struct rk_describe *d)
{
	rk_describe_meta(d, true);
	rk_describe_put(d, "Selector:\t%.*s\n", RK_SPAN_ARGS(selector_text(d)));
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	rk_describe_owner(d);
	rk_describe_put(d, "Replicas:\t%lld current / %lld desired\n",
			(long long)rk_val_int_at(d->object, "status.replicas", 0),
			(long long)rk_val_int_at(d->object, "spec.replicas", 0));
	put_pods(d);
	rk_describe_template(d, rk_val_at(d->object, "spec.template"));
	put_conditions(d);
}
