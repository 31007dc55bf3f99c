/* Budgets, quotas, bounds, and classes of pods. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/quantity.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

#define USER_PRIORITY_MAX 1000000000

void rk_validate_budget(const struct rk_check *check, const struct rk_val *obj,
			const struct rk_val *old)
{
	static const struct rk_rule rules[] = { RK_SELECTOR("spec.selector") };
	const struct rk_path path = rk_path_field(NULL, "spec");
	const struct rk_path least = rk_path_field(&path, "minAvailable"),
			     most = rk_path_field(&path, "maxUnavailable");
	const struct rk_val *stay = rk_val_at(obj, "spec.minAvailable");
	const struct rk_val *go = rk_val_at(obj, "spec.maxUnavailable");
	int64_t share = 0;

	if (stay != NULL && go != NULL)
		(void)rk_bad(check, &path, rk_val_at(obj, "spec"),
			     "minAvailable and maxUnavailable cannot be both set");
	if (stay != NULL)
		(void)rk_check_share(check, &least, stay, true, &share);
	if (go != NULL)
		(void)rk_check_share(check, &most, go, true, &share);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}

/* --- ResourceQuota --- */

static const char *const measured[] = {
	"cpu",
	"memory",
	"ephemeral-storage",
	"requests.cpu",
	"requests.memory",
	"requests.storage",
	"requests.ephemeral-storage",
	"limits.cpu",
	"limits.memory",
	"limits.ephemeral-storage",
};
static const char *const counted[] = {
	"pods",
	"resourcequotas",
	"services",
	"replicationcontrollers",
	"secrets",
	"persistentvolumeclaims",
	"configmaps",
	"services.nodeports",
	"services.loadbalancers",
};
static const char *const scopes[] = { "BestEffort",    "CrossNamespacePodAffinity",
				      "NotBestEffort", "NotTerminating",
				      "PriorityClass", "Terminating" };

static bool is_in(struct rk_span text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rk_span_is(text, list[i]))
			return true;
	return false;
}

static bool has_slash(struct rk_span text)
{
	return text.size > 0 && memchr(text.data, '/', text.size) != NULL;
}

static void check_amounts(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *amounts)
{
	for (uint32_t i = 0; i < rk_val_count(amounts); i++) {
		const struct rk_span name = amounts->fields[i].key,
				     amount = rk_val_text(amounts->fields[i].val);
		const struct rk_path item = rk_path_key(path, name);
		const char *why = rk_name_qualified(name);
		if (why != NULL)
			(void)rk_bad_text(check, &item, name, why);
		else if (!has_slash(name) && !is_in(name, measured, RK_COUNT(measured)) &&
			 !is_in(name, counted, RK_COUNT(counted)) &&
			 !rk_span_starts(name, RK_SPAN("hugepages-")) &&
			 !rk_span_starts(name, RK_SPAN("requests.hugepages-")))
			(void)rk_bad_text(check, &item, name,
					  "must be a standard resource for quota");
		if (rk_quantity_cmp(amount, RK_SPAN("0")) < 0)
			(void)rk_bad(check, &item, amounts->fields[i].val,
				     "must be greater than or equal to 0");
		if (is_in(name, counted, RK_COUNT(counted)) &&
		    rk_quantity_milli(amount, 0) % 1000 != 0)
			(void)rk_bad(check, &item, amounts->fields[i].val, "must be an integer");
	}
}

static void check_scopes(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "spec.scopes");
	const struct rk_val *list = rk_val_at(obj, "spec.scopes");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (!is_in(rk_val_text(rk_val_item(list, i)), scopes, RK_COUNT(scopes))) {
			(void)rk_bad(check, &path, list, "unsupported scope");
			break;
		}
	if ((rk_val_has_text(list, RK_SPAN("BestEffort")) && rk_val_has_text(list, RK_SPAN("NotBestEffort"))) ||
	    (rk_val_has_text(list, RK_SPAN("Terminating")) && rk_val_has_text(list, RK_SPAN("NotTerminating"))))
		(void)rk_bad(check, &path, list, "conflicting scopes");
}

static void check_scope_selector(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "spec.scopeSelector.matchExpressions");
	const struct rk_val *list = rk_val_at(obj, "spec.scopeSelector.matchExpressions");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     scope = rk_path_field(&item, "scopeName"),
				     op = rk_path_field(&item, "operator"),
				     values = rk_path_field(&item, "values");
		const struct rk_val *one = rk_val_item(list, i), *has = rk_val_at(one, "values");
		const struct rk_span name = rk_val_text_at(one, "scopeName"),
				     how = rk_val_text_at(one, "operator");
		const bool by_value = rk_span_is(how, "In") || rk_span_is(how, "NotIn");
		const bool by_being = rk_span_is(how, "Exists") || rk_span_is(how, "DoesNotExist");
		if (!is_in(name, scopes, RK_COUNT(scopes)))
			(void)rk_bad_text(check, &scope, name, "unsupported scope");
		else if (!rk_span_is(name, "PriorityClass") && !rk_span_is(how, "Exists"))
			(void)rk_bad_text(check, &op, how,
					  "must be 'Exist' when scope is any of "
					  "ResourceQuotaScopeTerminating, "
					  "ResourceQuotaScopeNotTerminating, "
					  "ResourceQuotaScopeBestEffort, "
					  "ResourceQuotaScopeNotBestEffort or "
					  "ResourceQuotaScopeCrossNamespacePodAffinity");
		if (by_value && rk_val_count(has) == 0)
			(void)rk_missing(check, &values,
					 "must be at least one value when `operator` is 'In' or "
					 "'NotIn' for scope selector");
		else if (by_being && rk_val_count(has) > 0)
			(void)rk_bad(check, &values, has,
				     "must be no value when `operator` is 'Exists' or "
				     "'DoesNotExist' for scope selector");
		else if (!by_value && !by_being)
			(void)rk_bad_text(check, &op, how, "not a valid selector operator");
	}
}

void rk_validate_quota(const struct rk_check *check, const struct rk_val *obj,
		       const struct rk_val *old)
{
	static const struct rk_rule rules[] = { RK_FIXED("spec.scopes") };
	const struct rk_path hard = rk_path_field(NULL, "spec.hard");

	check_amounts(check, &hard, rk_val_at(obj, "spec.hard"));
	check_scopes(check, obj);
	check_scope_selector(check, obj);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}

/* --- LimitRange --- */

/* What must not be more than what; `at` is where it is said, `shown` the value that is shown. */
static const struct order {
	const char *low, *high, *at, *shown;
	const char *low_name, *high_name;
} orders[] = {
	{ "min", "max", "min", "min", "min", "max" },
	{ "min", "defaultRequest", "defaultRequest", "defaultRequest", "min", "default request" },
	{ "defaultRequest", "max", "defaultRequest", "defaultRequest", "default request", "max" },
	{ "defaultRequest", "default", "defaultRequest", "defaultRequest", "default request",
	  "default limit" },
	{ "min", "default", "default", "min", "min", "default" },
	{ "default", "max", "default", "max", "default", "max" },
};

static void check_order(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *item, const struct order *order)
{
	const struct rk_val *from = rk_val_at(item, order->low), *to = rk_val_at(item, order->high);
	const struct rk_path path = rk_path_field(up, order->at);

	for (uint32_t i = 0; i < rk_val_count(from); i++) {
		const struct rk_span name = from->fields[i].key;
		const struct rk_span less = rk_val_text(from->fields[i].val),
				     more = rk_val_text(rk_val_get(to, name));
		const struct rk_path key = rk_path_key(&path, name);
		if (more.size > 0 && rk_quantity_cmp(less, more) > 0)
			(void)rk_bad(check, &key, rk_val_get(rk_val_at(item, order->shown), name),
				     rk_arena_printf(check->arena,
						     "%s value %.*s is greater than %s value %.*s",
						     order->low_name, RK_SPAN_ARGS(less),
						     order->high_name, RK_SPAN_ARGS(more)));
	}
}

static void check_ratios(const struct rk_check *check, const struct rk_path *up,
			 const struct rk_val *item)
{
	const struct rk_path path = rk_path_field(up, "maxLimitRequestRatio");
	const struct rk_val *ratios = rk_val_at(item, "maxLimitRequestRatio");

	for (uint32_t i = 0; i < rk_val_count(ratios); i++) {
		const struct rk_path key = rk_path_key(&path, ratios->fields[i].key);
		const struct rk_span ratio = rk_val_text(ratios->fields[i].val);
		if (rk_quantity_cmp(ratio, RK_SPAN("1")) < 0)
			(void)rk_bad(check, &key, ratios->fields[i].val,
				     rk_arena_printf(check->arena, "ratio %.*s is less than 1",
						     RK_SPAN_ARGS(ratio)));
	}
}

static void check_item(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *item)
{
	static const struct rk_rule of_pods[] = {
		{ RK_RULE_ABSENT, "default", "may not be specified when `type` is 'Pod'", 0, NULL,
		  NULL },
		{ RK_RULE_ABSENT, "defaultRequest", "may not be specified when `type` is 'Pod'", 0,
		  NULL, NULL },
	};
	static const char *const types[] = { "Container", "Pod", "PersistentVolumeClaim" };
	const struct rk_path type_path = rk_path_field(path, "type");
	const struct rk_span type = rk_val_text_at(item, "type");
	const char *why = rk_name_qualified(type);

	if (why != NULL)
		(void)rk_bad_text(check, &type_path, type, why);
	else if (!has_slash(type) && !is_in(type, types, RK_COUNT(types)))
		(void)rk_bad_text(check, &type_path, type,
				  "must be a standard limit type or fully qualified");
	if (rk_span_is(type, "Pod"))
		rk_check_rules(check, path, item, NULL, of_pods, RK_COUNT(of_pods));
	if (rk_span_is(type, "PersistentVolumeClaim") && rk_val_at(item, "min.storage") == NULL &&
	    rk_val_at(item, "max.storage") == NULL)
		(void)rk_missing(check, path,
				 "either minimum or maximum storage value is required, but neither "
				 "was provided");
	for (size_t i = 0; i < RK_COUNT(orders); i++)
		check_order(check, path, item, &orders[i]);
	check_ratios(check, path, item);
}

void rk_validate_limitrange(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "spec.limits");
	const struct rk_val *limits = rk_val_at(obj, "spec.limits");

	(void)old;
	for (uint32_t i = 0; i < rk_val_count(limits); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		(void)rk_check_unique(check, &item, limits, i, "type");
		check_item(check, &item, rk_val_item(limits, i));
	}
}

/* --- classes --- */

static bool is_system_class(const struct rk_val *obj, int64_t value)
{
	const struct rk_span name = rk_val_text_at(obj, "metadata.name");

	return (rk_span_is(name, "system-cluster-critical") && value == 2000000000) ||
	       (rk_span_is(name, "system-node-critical") && value == 2000001000);
}

void rk_validate_priorityclass(const struct rk_check *check, const struct rk_val *obj,
			       const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		{ RK_RULE_FIXED, "value", "may not be changed in an update.", 0, NULL, NULL },
		RK_FIXED("preemptionPolicy"),
	};
	const struct rk_path name_path = rk_path_field(NULL, "metadata.name"),
			     value_path = rk_path_field(NULL, "value");
	const struct rk_span name = rk_val_text_at(obj, "metadata.name");
	const int64_t value = rk_val_int_at(obj, "value", 0);

	if (rk_span_starts(name, RK_SPAN("system-")) && !is_system_class(obj, value))
		(void)rk_forbidden(
			check, &name_path,
			rk_arena_printf(
				check->arena,
				"priority class names with 'system-' prefix are reserved for "
				"system use only. error: %.*s is not a known system priority "
				"class",
				RK_SPAN_ARGS(name)));
	else if (value > USER_PRIORITY_MAX && !is_system_class(obj, value))
		(void)rk_forbidden(
			check, &value_path,
			"maximum allowed value of a user defined priority is 1000000000");
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}

void rk_validate_runtimeclass(const struct rk_check *check, const struct rk_val *obj,
			      const struct rk_val *old)
{
	static const struct rk_rule rules[] = { RK_FIXED("handler") };
	const struct rk_path handler = rk_path_field(NULL, "handler");
	const struct rk_path labels = rk_path_field(NULL, "scheduling.nodeSelector");
	const char *why = rk_name_label(rk_val_text_at(obj, "handler"));

	if (why != NULL)
		(void)rk_bad_text(check, &handler, rk_val_text_at(obj, "handler"), why);
	rk_check_labels(check, &labels, rk_val_at(obj, "scheduling.nodeSelector"));
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}
