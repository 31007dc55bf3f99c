/* Pods: their spec, and what may change in one that exists. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/quantity.h"
#include "control/schema/validate.h"

static void check_toleration(const struct rk_check *check, const struct rk_path *path,
			     const struct rk_val *toleration)
{
	const struct rk_path op = rk_path_field(path, "operator"),
			     effect = rk_path_field(path, "effect");
	const struct rk_span key = rk_val_text_at(toleration, "key"),
			     text = rk_val_text_at(toleration, "operator");
	const bool exists = rk_span_is(text, "Exists");

	(void)rk_check_syntax(check, path, toleration, "key", rk_name_qualified);
	if (key.size == 0 && !exists)
		(void)rk_bad_text(check, &op, text,
				  "operator must be Exists when `key` is empty, which means "
				  "\"match all values and all keys\"");
	if (rk_val_at(toleration, "tolerationSeconds") != NULL &&
	    !rk_span_is(rk_val_text_at(toleration, "effect"), "NoExecute"))
		(void)rk_bad_text(check, &effect, rk_val_text_at(toleration, "effect"),
				  "effect must be 'NoExecute' when `tolerationSeconds` is set");
	if (exists && rk_val_text_at(toleration, "value").size > 0)
		(void)rk_bad(check, &op, rk_val_at(toleration, "value"),
			     "value must be empty when `operator` is 'Exists'");
	if (!exists && rk_val_at(toleration, "value") != NULL)
		(void)rk_check_syntax(check, path, toleration, "value", rk_name_label_value);
}

static void check_spreads(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(up, "topologySpreadConstraints");
	const struct rk_val *list = rk_val_at(spec, "topologySpreadConstraints");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     skew = rk_path_field(&item, "maxSkew");
		const struct rk_path selector = rk_path_field(&item, "labelSelector");
		const struct rk_val *one = rk_val_item(list, i);
		if (rk_val_int_at(one, "maxSkew", 0) <= 0)
			(void)rk_bad(check, &skew, rk_val_at(one, "maxSkew"),
				     "must be greater than zero");
		(void)rk_check_named(check, &item, one, "topologyKey", rk_name_qualified);
		(void)rk_check_text(check, &item, one, "whenUnsatisfiable");
		rk_check_selector(check, &selector, rk_val_at(one, "labelSelector"));
	}
}

static void check_node_terms(const struct rk_check *check, const struct rk_path *up,
			     const struct rk_val *spec)
{
	static const char *const where[] = { "affinity", "nodeAffinity",
					     "requiredDuringSchedulingIgnoredDuringExecution" };
	struct rk_path steps[3];
	const struct rk_val *required = spec;

	for (size_t i = 0; i < 3; i++) {
		steps[i] = rk_path_field(i > 0 ? &steps[i - 1] : up, where[i]);
		required = rk_val_at(required, where[i]);
	}
	const struct rk_path terms = rk_path_field(&steps[2], "nodeSelectorTerms");
	const struct rk_val *list = rk_val_at(required, "nodeSelectorTerms");
	if (required != NULL && rk_val_count(list) == 0)
		(void)rk_missing(check, &terms, "must have at least one node selector term");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&terms, i),
				     path = rk_path_field(&item, "matchExpressions");
		const struct rk_val *expressions =
			rk_val_at(rk_val_item(list, i), "matchExpressions");
		for (uint32_t n = 0; n < rk_val_count(expressions); n++) {
			const struct rk_path one = rk_path_item(&path, n),
					     values = rk_path_field(&one, "values");
			const struct rk_val *expression = rk_val_item(expressions, n);
			const struct rk_span op = rk_val_text_at(expression, "operator");
			const uint32_t count = rk_val_count(rk_val_at(expression, "values"));
			(void)rk_check_named(check, &one, expression, "key", rk_name_qualified);
			if ((rk_span_is(op, "In") || rk_span_is(op, "NotIn")) && count == 0)
				(void)rk_missing(
					check, &values,
					"must be specified when `operator` is 'In' or 'NotIn'");
			else if ((rk_span_is(op, "Gt") || rk_span_is(op, "Lt")) && count != 1)
				(void)rk_missing(check, &values,
						 "must be specified single value when `operator` "
						 "is 'Lt' or 'Gt'");
			else if ((rk_span_is(op, "Exists") || rk_span_is(op, "DoesNotExist")) &&
				 count > 0)
				(void)rk_forbidden(check, &values,
						   "may not be specified when `operator` is "
						   "'Exists' or 'DoesNotExist'");
		}
	}
}

static void check_names(const struct rk_check *check, const struct rk_path *path,
			const struct rk_val *spec)
{
	static const struct {
		const char *field;
		rk_syntax *syntax;
	} names[] = {
		{ "serviceAccountName", rk_name_subdomain },
		{ "nodeName", rk_name_subdomain },
		{ "hostname", rk_name_label },
		{ "subdomain", rk_name_label },
		{ "priorityClassName", rk_name_subdomain },
		{ "runtimeClassName", rk_name_subdomain },
	};

	for (size_t i = 0; i < RK_COUNT(names); i++)
		(void)rk_check_syntax(check, path, spec, names[i].field, names[i].syntax);
}

static void check_host_ports(const struct rk_check *check, const struct rk_path *up,
			     const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(up, "containers");
	const struct rk_val *containers = rk_val_at(spec, "containers");

	if (!rk_val_bool_at(spec, "hostNetwork", false))
		return;
	for (uint32_t i = 0; i < rk_val_count(containers); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     list = rk_path_field(&item, "ports");
		const struct rk_val *ports = rk_val_at(rk_val_item(containers, i), "ports");
		for (uint32_t n = 0; n < rk_val_count(ports); n++) {
			const struct rk_path port = rk_path_item(&list, n),
					     field = rk_path_field(&port, "containerPort");
			const struct rk_val *one = rk_val_item(ports, n);
			if (rk_val_int_at(one, "hostPort", 0) != 0 &&
			    rk_val_int_at(one, "hostPort", 0) !=
				    rk_val_int_at(one, "containerPort", 0))
				(void)rk_bad(check, &field, rk_val_at(one, "containerPort"),
					     "must match `hostPort` when `hostNetwork` is true");
		}
	}
}

static void check_dns(const struct rk_check *check, const struct rk_path *up,
		      const struct rk_val *spec)
{
	const struct rk_path config = rk_path_field(up, "dnsConfig"),
			     servers = rk_path_field(&config, "nameservers");
	const struct rk_val *list = rk_val_at(spec, "dnsConfig.nameservers");

	if (rk_span_is(rk_val_text_at(spec, "dnsPolicy"), "None") && rk_val_count(list) == 0)
		(void)rk_missing(
			check, &servers,
			"must provide at least one DNS nameserver when `dnsPolicy` is None");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&servers, i);
		const char *why = rk_name_ip(rk_val_text(rk_val_item(list, i)));
		if (why != NULL)
			(void)rk_bad(check, &item, rk_val_item(list, i), why);
	}
}

static void check_deadlines(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *spec)
{
	const struct rk_path grace = rk_path_field(path, "terminationGracePeriodSeconds");
	const struct rk_path deadline = rk_path_field(path, "activeDeadlineSeconds");
	const int64_t seconds = rk_val_int_at(spec, "activeDeadlineSeconds", 1);

	if (rk_val_int_at(spec, "terminationGracePeriodSeconds", 0) < 0)
		(void)rk_bad(check, &grace, rk_val_at(spec, "terminationGracePeriodSeconds"),
			     "must be greater than or equal to 0");
	if (seconds < 1 || seconds > INT32_MAX)
		(void)rk_bad(check, &deadline, rk_val_at(spec, "activeDeadlineSeconds"),
			     "must be between 1 and 2147483647, inclusive");
}

void rk_validate_pod_spec(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *spec)
{
	const struct rk_path volumes = rk_path_field(path, "volumes"),
			     selector = rk_path_field(path, "nodeSelector");
	const struct rk_path tolerations = rk_path_field(path, "tolerations");
	const struct rk_val *list = rk_val_at(spec, "tolerations");

	rk_validate_volumes(check, &volumes, rk_val_at(spec, "volumes"));
	rk_validate_containers(check, path, spec);
	rk_check_labels(check, &selector, rk_val_at(spec, "nodeSelector"));
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&tolerations, i);
		check_toleration(check, &item, rk_val_item(list, i));
	}
	check_names(check, path, spec);
	check_host_ports(check, path, spec);
	check_dns(check, path, spec);
	check_deadlines(check, path, spec);
	check_spreads(check, path, spec);
	check_node_terms(check, path, spec);
}

void rk_validate_pod(const struct rk_check *check, const struct rk_val *obj,
		     const struct rk_val *old)
{
	const struct rk_path spec = rk_path_field(NULL, "spec"),
			     ephemeral = rk_path_field(&spec, "ephemeralContainers");

	rk_validate_pod_spec(check, &spec, rk_val_at(obj, "spec"));
	if (old == NULL && !check->is_lenient && rk_val_count(rk_val_at(obj, "spec.ephemeralContainers")) > 0)
		(void)rk_forbidden(check, &ephemeral, "cannot be set on create");
	else if (old != NULL && check->sub != NULL && strcmp(check->sub, "ephemeralcontainers") == 0)
		rk_validate_pod_ephemeral(check, obj, old);
	else if (old != NULL && check->sub != NULL && strcmp(check->sub, "resize") == 0)
		rk_validate_pod_resize(check, obj, old);
	else if (old != NULL)
		rk_validate_pod_update(check, obj, old);
}
