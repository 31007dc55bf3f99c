/* Nodes, leases, endpoints and events: what machines write, mostly. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/validate.h"

void rk_validate_node(const struct rk_check *check, const struct rk_val *obj,
		      const struct rk_val *old)
{
	const struct rk_path spec = rk_path_field(NULL, "spec"),
			     taints = rk_path_field(&spec, "taints");
	const struct rk_path range = rk_path_field(&spec, "podCIDR");
	const struct rk_val *list = rk_val_at(obj, "spec.taints");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&taints, i);
		const struct rk_val *taint = rk_val_item(list, i);
		(void)rk_check_named(check, &item, taint, "key", rk_name_qualified);
		(void)rk_check_syntax(check, &item, taint, "value", rk_name_label_value);
		(void)rk_check_text(check, &item, taint, "effect");
		for (uint32_t n = 0; n < i; n++) {
			const struct rk_val *other = rk_val_item(list, n);
			if (rk_val_eq(rk_val_at(taint, "key"), rk_val_at(other, "key")) &&
			    rk_val_eq(rk_val_at(taint, "effect"), rk_val_at(other, "effect")))
				(void)rk_duplicate(check, &item, taint);
		}
	}
	const struct rk_val *had = rk_val_at(old, "spec.podCIDR");
	if (had != NULL && !rk_val_eq(had, rk_val_at(obj, "spec.podCIDR")))
		(void)rk_forbidden(check, &range,
				   "node updates may not change podCIDR except from \"\" to valid");
}

void rk_validate_lease(const struct rk_check *check, const struct rk_val *obj,
		       const struct rk_val *old)
{
	const struct rk_path spec = rk_path_field(NULL, "spec");
	const struct rk_path duration = rk_path_field(&spec, "leaseDurationSeconds");
	const struct rk_val *seconds = rk_val_at(obj, "spec.leaseDurationSeconds");

	(void)old;
	if (rk_val_is(seconds, RK_VAL_INT) && seconds->integer <= 0)
		(void)rk_bad(check, &duration, seconds, "must be greater than 0");
	(void)rk_check_not_negative(check, &spec, rk_val_at(obj, "spec"), "leaseTransitions");
}

static void check_slice_address(const struct rk_check *check, const struct rk_path *path,
				const struct rk_val *address, struct rk_span type)
{
	const struct rk_span text = rk_val_text(address);

	if (rk_span_is(type, "IPv4") && !rk_name_is_ipv4(text))
		(void)rk_bad(check, path, address, "must be a valid IPv4 address");
	else if (rk_span_is(type, "IPv6") && !rk_name_is_ipv6(text))
		(void)rk_bad(check, path, address, "must be a valid IPv6 address");
	else if (rk_span_is(type, "FQDN") && rk_name_subdomain(text) != NULL)
		(void)rk_bad(check, path, address, rk_name_subdomain(text));
}

static void check_slice_endpoints(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "endpoints");
	const struct rk_val *endpoints = rk_val_at(obj, "endpoints");

	for (uint32_t i = 0; i < rk_val_count(endpoints); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     list = rk_path_field(&item, "addresses");
		const struct rk_val *endpoint = rk_val_item(endpoints, i),
				    *all = rk_val_at(endpoint, "addresses");
		if (rk_val_count(all) == 0)
			(void)rk_missing(check, &list, "must contain at least 1 address");
		for (uint32_t n = 0; n < rk_val_count(all); n++) {
			const struct rk_path address = rk_path_item(&list, n);
			check_slice_address(check, &address, rk_val_item(all, n),
					    rk_val_text_at(obj, "addressType"));
		}
		(void)rk_check_syntax(check, &item, endpoint, "nodeName", rk_name_subdomain);
		(void)rk_check_syntax(check, &item, endpoint, "hostname", rk_name_label);
	}
}

void rk_validate_endpointslice(const struct rk_check *check, const struct rk_val *obj,
			       const struct rk_val *old)
{
	const struct rk_path ports = rk_path_field(NULL, "ports");
	const struct rk_val *list = rk_val_at(obj, "ports");

	(void)rk_check_text(check, NULL, obj, "addressType");
	check_slice_endpoints(check, obj);
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&ports, i),
				     number = rk_path_field(&item, "port");
		const struct rk_val *port = rk_val_item(list, i);
		(void)rk_check_unique(check, &item, list, i, "name");
		(void)rk_check_syntax(check, &item, port, "name", rk_name_label);
		if (rk_val_at(port, "port") != NULL)
			(void)rk_check_port(check, &number, rk_val_at(port, "port"));
	}
	if (old != NULL)
		(void)rk_check_same(check, NULL, obj, old, "addressType");
}

static void check_addresses(const struct rk_check *check, const struct rk_path *up,
			    const struct rk_val *subset, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_val *list = rk_val_at(subset, field);

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i), ip = rk_path_field(&item, "ip");
		const char *why = rk_name_ip(rk_val_text_at(rk_val_item(list, i), "ip"));
		if (why != NULL)
			(void)rk_bad_text(check, &ip, rk_val_text_at(rk_val_item(list, i), "ip"),
					  why);
	}
}

void rk_validate_endpoints(const struct rk_check *check, const struct rk_val *obj,
			   const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "subsets");
	const struct rk_val *subsets = rk_val_at(obj, "subsets");

	(void)old;
	for (uint32_t i = 0; i < rk_val_count(subsets); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     list = rk_path_field(&item, "ports");
		const struct rk_val *subset = rk_val_item(subsets, i),
				    *ports = rk_val_at(subset, "ports");
		if (rk_val_count(rk_val_at(subset, "addresses")) +
			    rk_val_count(rk_val_at(subset, "notReadyAddresses")) ==
		    0)
			(void)rk_missing(check, &item,
					 "must specify `addresses` or `notReadyAddresses`");
		check_addresses(check, &item, subset, "addresses");
		check_addresses(check, &item, subset, "notReadyAddresses");
		for (uint32_t n = 0; n < rk_val_count(ports); n++) {
			const struct rk_path one = rk_path_item(&list, n),
					     port = rk_path_field(&one, "port");
			if (rk_val_count(ports) > 1)
				(void)rk_check_named(check, &one, rk_val_item(ports, n), "name",
						     rk_name_label);
			(void)rk_check_port(check, &port, rk_val_at(rk_val_item(ports, n), "port"));
		}
	}
}

void rk_validate_event(const struct rk_check *check, const struct rk_val *obj,
		       const struct rk_val *old)
{
	const struct rk_path about = rk_path_field(NULL, "involvedObject"),
			     ns = rk_path_field(&about, "namespace");
	const struct rk_span about_ns = rk_val_text_at(obj, "involvedObject.namespace");
	const struct rk_span own = rk_val_text_at(obj, "metadata.namespace");

	(void)old;
	/* Events about what has no namespace live in `default`. */
	if (about_ns.size > 0 && own.size > 0 && !rk_span_eq(about_ns, own))
		(void)rk_bad_text(check, &ns, about_ns, "does not match event.namespace");
	else if (about_ns.size == 0 && own.size > 0 && !rk_span_is(own, "default") &&
		 !rk_span_is(own, "kube-system"))
		(void)rk_bad_text(check, &ns, about_ns, "does not match event.namespace");
}

/* What events.k8s.io asks for, and core does not. */
void rk_validate_event_form(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	static const struct {
		const char *field;
		size_t bytes_max;
	} texts[] = { { "reportingController", 0 },
		      { "reportingInstance", 128 },
		      { "action", 128 },
		      { "reason", 128 } };
	static const char *const types[] = { "Normal", "Warning" };
	const struct rk_path time = rk_path_field(NULL, "eventTime"),
			     type = rk_path_field(NULL, "type"), note = rk_path_field(NULL, "note");
	const struct rk_span says = rk_val_text_at(obj, "type");

	(void)old;
	if (rk_val_text_at(obj, "eventTime").size == 0)
		(void)rk_missing(check, &time, "");
	for (size_t i = 0; i < RK_COUNT(texts); i++) {
		const struct rk_path path = rk_path_field(NULL, texts[i].field);
		if (rk_check_text(check, NULL, obj, texts[i].field) && texts[i].bytes_max > 0 &&
		    rk_val_text_at(obj, texts[i].field).size > texts[i].bytes_max)
			(void)rk_bad_text(check, &path, RK_SPAN(""),
					  rk_arena_printf(check->arena,
							  "can have at most %zu characters",
							  texts[i].bytes_max));
	}
	(void)rk_check_syntax(check, NULL, obj, "reportingController", rk_name_qualified);
	if (!rk_span_is(says, types[0]) && !rk_span_is(says, types[1]))
		(void)rk_bad_text(check, &type, RK_SPAN(""),
				  rk_arena_printf(check->arena, "has invalid value: %.*s",
						  RK_SPAN_ARGS(says)));
	if (rk_val_text_at(obj, "note").size > RK_NOTE_BYTES_MAX)
		(void)rk_bad_text(check, &note, RK_SPAN(""), "can have at most 1024 characters");
}
