/* Services. */
#include "control/schema/names.h"
#include "control/schema/validate.h"

static bool same_port(const struct rk_val *a, const struct rk_val *b, const char *number)
{
	return rk_val_int_at(a, number, 0) == rk_val_int_at(b, number, 0) &&
	       rk_span_eq(rk_val_text_at(a, "protocol"), rk_val_text_at(b, "protocol"));
}

static void check_port(const struct rk_check *check, const struct rk_path *item,
		       const struct rk_val *ports, uint32_t at, bool may_have_node_ports)
{
	const struct rk_path number = rk_path_field(item, "port"),
			     target = rk_path_field(item, "targetPort");
	const struct rk_path node = rk_path_field(item, "nodePort");
	const struct rk_val *port = rk_val_item(ports, at);

	if (rk_val_count(ports) > 1 && !rk_check_text(check, item, port, "name"))
		return;
	if (rk_check_syntax(check, item, port, "name", rk_name_label))
		(void)rk_check_unique(check, item, ports, at, "name");
	(void)rk_check_port(check, &number, rk_val_at(port, "port"));
	(void)rk_check_text(check, item, port, "protocol");
	(void)rk_check_port(check, &target, rk_val_at(port, "targetPort"));
	(void)rk_check_syntax(check, item, port, "appProtocol", rk_name_qualified);
	if (!may_have_node_ports && rk_val_int_at(port, "nodePort", 0) != 0)
		(void)rk_forbidden(check, &node, "may not be used when `type` is 'ClusterIP'");
	for (uint32_t i = 0; i < at; i++) {
		const struct rk_val *other = rk_val_item(ports, i);
		if (same_port(port, other, "port"))
			(void)rk_duplicate(check, item, port);
		if (rk_val_int_at(port, "nodePort", 0) != 0 && same_port(port, other, "nodePort"))
			(void)rk_duplicate(check, &node, rk_val_at(port, "nodePort"));
	}
}

static void check_ports(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *spec, bool may_have_node_ports)
{
	const struct rk_path path = rk_path_field(up, "ports");
	const struct rk_val *ports = rk_val_at(spec, "ports");
	const struct rk_span type = rk_val_text_at(spec, "type");
	const bool is_headless = rk_span_is(rk_val_text_at(spec, "clusterIP"), "None");

	if (rk_val_count(ports) == 0 && !is_headless && !rk_span_is(type, "ExternalName"))
		(void)rk_missing(check, &path, "");
	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		check_port(check, &item, ports, i, may_have_node_ports);
	}
}

static void check_address(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *spec, bool may_have_address)
{
	const struct rk_path path = rk_path_field(up, "clusterIP"),
			     list = rk_path_field(up, "clusterIPs");
	const struct rk_path first = rk_path_item(&list, 0);
	const struct rk_val *address = rk_val_at(spec, "clusterIP"),
			    *all = rk_val_at(spec, "clusterIPs");
	const struct rk_span type = rk_val_text_at(spec, "type"), text = rk_val_text(address);
	const bool is_headless = rk_span_is(text, "None");

	if (rk_span_is(type, "ExternalName")) {
		if (text.size > 0 && !may_have_address)
			(void)rk_forbidden(check, &list,
					   "may not be set when `type` is ExternalName");
		return;
	}
	if (is_headless && (rk_span_is(type, "NodePort") || rk_span_is(type, "LoadBalancer")))
		(void)rk_bad(check, &list, all != NULL ? all : address,
			     rk_arena_printf(check->arena,
					     "may not be set to 'None' for %.*s services",
					     RK_SPAN_ARGS(type)));
	const char *why = text.size > 0 && !is_headless ? rk_name_ip(text) : NULL;
	if (why != NULL)
		(void)rk_bad(check, &first, address, why);
	if (rk_val_count(all) > 0 && !rk_val_eq(rk_val_item(all, 0), address))
		(void)rk_bad(check, &path, address, "clusterIP must be equal to clusterIPs[0]");
}

static void check_external(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec, bool may_have_policy)
{
	const struct rk_path path = rk_path_field(up, "externalIPs"),
			     name = rk_path_field(up, "externalName");
	const struct rk_val *list = rk_val_at(spec, "externalIPs");
	const struct rk_span type = rk_val_text_at(spec, "type");
	const bool is_outside = rk_span_is(type, "NodePort") || rk_span_is(type, "LoadBalancer");
	const struct rk_path policy = rk_path_field(up, "externalTrafficPolicy");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		const char *why = rk_name_ip(rk_val_text(rk_val_item(list, i)));
		if (why != NULL)
			(void)rk_bad(check, &item, rk_val_item(list, i), why);
	}
	if (rk_span_is(type, "ExternalName")) {
		struct rk_span host = rk_val_text_at(spec, "externalName");
		if (host.size > 0 && host.data[host.size - 1] == '.')
			host.size--;
		const char *why = host.size > 0 ? rk_name_subdomain(host) : NULL;
		if (host.size == 0)
			(void)rk_missing(check, &name, "");
		else if (why != NULL)
			(void)rk_bad_text(check, &name, host, why);
	}
	if (!is_outside && !may_have_policy && rk_val_count(list) == 0 &&
	    rk_val_at(spec, "externalTrafficPolicy") != NULL)
		(void)rk_bad(check, &policy, rk_val_at(spec, "externalTrafficPolicy"),
			     "may only be set for externally-accessible services");
}

static void check_affinity(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec)
{
	const struct rk_path config = rk_path_field(up, "sessionAffinityConfig");
	const struct rk_path client = rk_path_field(&config, "clientIP");
	const struct rk_path timeout = rk_path_field(&client, "timeoutSeconds");
	const struct rk_val *seconds =
		rk_val_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");

	if (rk_val_is(seconds, RK_VAL_INT) && (seconds->integer <= 0 || seconds->integer > 86400))
		(void)rk_bad(check, &timeout, seconds,
			     "must be greater than 0 and less than 86400");
}

/* An address stays while the type keeps needing one. */
static void check_update(const struct rk_check *check, const struct rk_path *up,
			 const struct rk_val *spec, const struct rk_val *was)
{
	const struct rk_path list = rk_path_field(up, "clusterIPs"), path = rk_path_item(&list, 0);
	const struct rk_val *now = rk_val_at(spec, "clusterIP"),
			    *before = rk_val_at(was, "clusterIP");

	if (rk_span_is(rk_val_text_at(was, "type"), "ExternalName") ||
	    rk_span_is(rk_val_text_at(spec, "type"), "ExternalName"))
		return;
	/* An update that does not speak of the address keeps it (the machine fills it in). */
	if (rk_val_text(before).size > 0 && rk_val_text(now).size > 0 && !rk_val_eq(now, before))
		(void)rk_bad(check, &path, now, "field is immutable");
}

void rk_validate_service(const struct rk_check *check, const struct rk_val *obj,
			 const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "spec"),
			     selector = rk_path_field(&path, "selector");
	const struct rk_val *spec = rk_val_at(obj, "spec");

	/* When the type changes, what the new one cannot have is not refused: the machine drops it.
	 */
	const bool changes =
		old != NULL && !rk_val_eq(rk_val_at(old, "spec.type"), rk_val_at(spec, "type"));
	check_ports(check, &path, spec,
		    changes || !rk_span_is(rk_val_text_at(spec, "type"), "ClusterIP"));
	check_address(check, &path, spec, changes);
	check_external(check, &path, spec, changes);
	check_affinity(check, &path, spec);
	rk_check_labels(check, &selector, rk_val_at(spec, "selector"));
	if (old != NULL)
		check_update(check, &path, spec, rk_val_at(old, "spec"));
}
