/* Ingresses, their classes, and NetworkPolicies. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

#define CONTROLLER_BYTES_MAX 250

static const char *valid_host(struct rk_span text)
{
	return memchr(text.data, '*', text.size) != NULL ? rk_name_wildcard(text)
							 : rk_name_subdomain(text);
}

/* --- Ingress --- */

static void check_service(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *service)
{
	const struct rk_path path = rk_path_field(up, "service"),
			     port_path = rk_path_field(&path, "port");
	const struct rk_path number_path = rk_path_field(&port_path, "number");
	const struct rk_val *port = rk_val_at(service, "port"), *number = rk_val_at(port, "number");
	const bool has_name = rk_val_text_at(port, "name").size > 0;
	const bool has_number = rk_val_int_at(port, "number", 0) != 0;

	(void)rk_check_named(check, &path, service, "name", rk_name_label_1035);
	if (has_name && has_number)
		(void)rk_bad_text(check, up, RK_SPAN(""),
				  "cannot set both port name & port number");
	else if (has_name)
		(void)rk_check_syntax(check, &port_path, port, "name", rk_name_port);
	else if (has_number)
		(void)rk_check_port(check, &number_path, number);
	else
		(void)rk_missing(check, up, "port name or number is required");
}

static void check_backend(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *backend)
{
	static const struct rk_rule rules[] = { RK_NEEDED("resource.kind"),
						RK_NEEDED("resource.name") };
	const struct rk_val *service = rk_val_at(backend, "service");
	const struct rk_val *resource = rk_val_at(backend, "resource");

	if (service != NULL && resource != NULL)
		(void)rk_bad_text(check, path, RK_SPAN(""),
				  "cannot set both resource and service backends");
	else if (resource != NULL)
		rk_check_rules(check, path, backend, NULL, rules, RK_COUNT(rules));
	else if (service != NULL)
		check_service(check, path, service);
	else
		(void)rk_missing(check, path, "resource or service backend is required");
}

static bool holds(struct rk_span text, const char *part)
{
	const size_t size = strlen(part);

	for (size_t i = 0; i + size <= text.size; i++)
		if (memcmp(text.data + i, part, size) == 0)
			return true;
	return false;
}

/* A path that means one place, whoever reads it. */
static void check_plain_path(const struct rk_check *check, const struct rk_path *path,
			     struct rk_span text)
{
	static const char *const inside[] = { "//", "/./", "/../", "%2f", "%2F" };
	static const char *const behind[] = { "/..", "/." };

	if (text.size == 0 || text.data[0] != '/')
		(void)rk_bad_text(check, path, text, "must be an absolute path");
	for (size_t i = 0; i < RK_COUNT(inside); i++)
		if (holds(text, inside[i]))
			(void)rk_bad_text(
				check, path, text,
				rk_arena_printf(check->arena, "must not contain '%s'", inside[i]));
	for (size_t i = 0; i < RK_COUNT(behind); i++)
		if (rk_span_ends(text, rk_span_str(behind[i])))
			(void)rk_bad_text(
				check, path, text,
				rk_arena_printf(check->arena, "cannot end with '%s'", behind[i]));
}

static void check_path(const struct rk_check *check, const struct rk_path *at,
		       const struct rk_val *one)
{
	const struct rk_path path = rk_path_field(at, "path"), type = rk_path_field(at, "pathType"),
			     backend = rk_path_field(at, "backend");
	const struct rk_span text = rk_val_text_at(one, "path"),
			     kind = rk_val_text_at(one, "pathType");

	if (rk_val_at(one, "pathType") == NULL)
		(void)rk_missing(check, &type, "pathType must be specified");
	else if (rk_span_is(kind, "Exact") || rk_span_is(kind, "Prefix"))
		check_plain_path(check, &path, text);
	else if (rk_span_is(kind, "ImplementationSpecific") && text.size > 0 && text.data[0] != '/')
		(void)rk_bad_text(check, &path, text, "must be an absolute path");
	check_backend(check, &backend, rk_val_at(one, "backend"));
}

static void check_rule(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *rule)
{
	const struct rk_path host = rk_path_field(path, "host"),
			     list = rk_path_field(path, "http.paths");
	const struct rk_span name = rk_val_text_at(rule, "host");
	const struct rk_val *paths = rk_val_at(rule, "http.paths");
	const char *why = name.size > 0 ? valid_host(name) : NULL;

	if (rk_name_is_ipv4(name) || rk_name_is_ipv6(name))
		(void)rk_bad_text(check, &host, name, "must be a DNS name, not an IP address");
	else if (why != NULL)
		(void)rk_bad_text(check, &host, name, why);
	if (rk_val_at(rule, "http") != NULL && rk_val_count(paths) == 0)
		(void)rk_missing(check, &list, "");
	for (uint32_t i = 0; i < rk_val_count(paths); i++) {
		const struct rk_path item = rk_path_item(&list, i);
		check_path(check, &item, rk_val_item(paths, i));
	}
}

static void check_tls(const struct rk_check *check, const struct rk_path *path,
		      const struct rk_val *tls)
{
	const struct rk_path hosts = rk_path_field(path, "hosts");
	const struct rk_val *list = rk_val_at(tls, "hosts");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&hosts, i);
		const struct rk_span text = rk_val_text(rk_val_item(list, i));
		const char *why = text.size > 0 ? valid_host(text) : rk_name_subdomain(text);
		if (why != NULL)
			(void)rk_bad_text(check, &item, text, why);
	}
	(void)rk_check_syntax(check, path, tls, "secretName", rk_name_subdomain);
}

void rk_validate_ingress(const struct rk_check *check, const struct rk_val *obj,
			 const struct rk_val *old)
{
	static const char class_name[] = "kubernetes.io/ingress.class";
	const struct rk_path spec = rk_path_field(NULL, "spec"),
			     rules = rk_path_field(&spec, "rules"),
			     tls = rk_path_field(&spec, "tls"),
			     backend = rk_path_field(&spec, "defaultBackend");
	const struct rk_path note = rk_path_field(NULL, "annotations.kubernetes.io/ingress.class");
	const struct rk_val *list = rk_val_at(obj, "spec.rules"),
			    *certs = rk_val_at(obj, "spec.tls");
	const struct rk_val *otherwise = rk_val_at(obj, "spec.defaultBackend");
	const struct rk_val *old_class =
		rk_val_get(rk_val_at(obj, "metadata.annotations"), rk_span_str(class_name));

	if (old == NULL && old_class != NULL && rk_val_at(obj, "spec.ingressClassName") != NULL)
		(void)rk_bad(check, &note, old_class,
			     "can not be set when the class field is also set");
	if (rk_val_count(list) == 0 && otherwise == NULL)
		(void)rk_bad(check, &spec, rk_val_list(check->arena),
			     "either `defaultBackend` or `rules` must be specified");
	if (otherwise != NULL)
		check_backend(check, &backend, otherwise);
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&rules, i);
		check_rule(check, &item, rk_val_item(list, i));
	}
	for (uint32_t i = 0; i < rk_val_count(certs); i++) {
		const struct rk_path item = rk_path_item(&tls, i);
		check_tls(check, &item, rk_val_item(certs, i));
	}
	(void)rk_check_syntax(check, &spec, rk_val_at(obj, "spec"), "ingressClassName",
			      rk_name_subdomain);
}

/* --- IngressClass --- */

void rk_validate_ingressclass(const struct rk_check *check, const struct rk_val *obj,
			      const struct rk_val *old)
{
	static const char *const scopes[] = { "Cluster", "Namespace", NULL };
	static const struct rk_rule rules[] = {
		RK_NEEDED("spec.controller"),
		RK_SYNTAX("spec.controller", rk_name_domain_path),
		RK_FIXED("spec.controller"),
	};
	static const struct rk_rule of_parameters[] = {
		RK_NEEDED("kind"),
		RK_SYNTAX("kind", rk_name_path_segment),
		RK_NEEDED("name"),
		RK_SYNTAX("name", rk_name_path_segment),
		RK_SYNTAX("apiGroup", rk_name_subdomain),
		RK_NEEDED("scope"),
		RK_ONE_OF("scope", scopes),
	};
	const struct rk_path path = rk_path_field(NULL, "spec.parameters"),
			     ns = rk_path_field(&path, "namespace"),
			     controller = rk_path_field(NULL, "spec.controller");
	const struct rk_val *parameters = rk_val_at(obj, "spec.parameters");
	const struct rk_span scope = rk_val_text_at(parameters, "scope");
	const bool has_ns = rk_val_text_at(parameters, "namespace").size > 0;

	if (rk_val_text_at(obj, "spec.controller").size > CONTROLLER_BYTES_MAX)
		(void)rk_too_long(check, &controller, CONTROLLER_BYTES_MAX);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (parameters == NULL)
		return;
	rk_check_rules(check, &path, parameters, NULL, of_parameters, RK_COUNT(of_parameters));
	if (rk_span_is(scope, "Namespace") && !has_ns)
		(void)rk_missing(check, &ns, "`parameters.scope` is set to 'Namespace'");
	else if (rk_span_is(scope, "Cluster") && has_ns)
		(void)rk_forbidden(check, &ns, "`parameters.scope` is set to 'Cluster'");
	else if (has_ns)
		(void)rk_check_syntax(check, &path, parameters, "namespace", rk_name_label);
}

/* --- NetworkPolicy --- */

static void check_policy_port(const struct rk_check *check, const struct rk_path *path,
			      const struct rk_val *one)
{
	const struct rk_path port_path = rk_path_field(path, "port"),
			     end_path = rk_path_field(path, "endPort");
	const struct rk_val *port = rk_val_at(one, "port"), *last = rk_val_at(one, "endPort");

	if (port == NULL && last != NULL) {
		(void)rk_missing(check, &port_path, "must be specified when `endPort` is set");
		return;
	}
	if (port == NULL)
		return;
	(void)rk_check_port(check, &port_path, port);
	if (last == NULL)
		return;
	if (rk_val_is(port, RK_VAL_STR))
		(void)rk_bad(check, &end_path, last,
			     "may not be specified when `port` is non-numeric");
	else if (last->integer < port->integer)
		(void)rk_bad(check, &end_path, port, "must be greater than or equal to `port`");
	else
		(void)rk_check_port(check, &end_path, last);
}

static void check_block(const struct rk_check *check, const struct rk_path *path,
			const struct rk_val *block)
{
	const struct rk_path cidr = rk_path_field(path, "cidr"),
			     except = rk_path_field(path, "except");
	const struct rk_span net = rk_val_text_at(block, "cidr");
	const struct rk_val *list = rk_val_at(block, "except");
	const char *why = net.size > 0 ? rk_name_cidr(net) : NULL;

	if (net.size == 0) {
		(void)rk_missing(check, &cidr, "");
		return;
	}
	if (why != NULL) {
		(void)rk_bad_text(check, &cidr, net, why);
		return;
	}
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&except, i);
		const struct rk_span part = rk_val_text(rk_val_item(list, i));
		if (rk_name_cidr(part) != NULL)
			(void)rk_bad_text(check, &item, part, rk_name_cidr(part));
		else if (!rk_cidr_within(part, net))
			(void)rk_bad_text(check, &item, part, "must be a strict subset of `cidr`");
	}
}

static void check_peer(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *peer)
{
	static const struct rk_rule rules[] = { RK_SELECTOR("podSelector"),
						RK_SELECTOR("namespaceSelector") };
	const struct rk_path block_path = rk_path_field(path, "ipBlock");
	const struct rk_val *block = rk_val_at(peer, "ipBlock");
	const bool has_labels = rk_val_at(peer, "podSelector") != NULL ||
				rk_val_at(peer, "namespaceSelector") != NULL;

	rk_check_rules(check, path, peer, NULL, rules, RK_COUNT(rules));
	if (block != NULL)
		check_block(check, &block_path, block);
	if (!has_labels && block == NULL)
		(void)rk_missing(check, path, "must specify a peer");
	else if (has_labels && block != NULL)
		(void)rk_forbidden(check, path, "may not specify both ipBlock and another peer");
}

/* The rules of one direction; `peers` is "from" or "to". */
static void check_direction(const struct rk_check *check, const struct rk_val *spec,
			    const char *direction, const char *peers)
{
	const struct rk_path up = rk_path_field(NULL, "spec"), path = rk_path_field(&up, direction);
	const struct rk_val *rules = rk_val_at(spec, direction);

	for (uint32_t i = 0; i < rk_val_count(rules); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     ports_path = rk_path_field(&item, "ports"),
				     peers_path = rk_path_field(&item, peers);
		const struct rk_val *ports = rk_val_at(rk_val_item(rules, i), "ports");
		const struct rk_val *list = rk_val_at(rk_val_item(rules, i), peers);
		for (uint32_t n = 0; n < rk_val_count(ports); n++) {
			const struct rk_path one = rk_path_item(&ports_path, n);
			check_policy_port(check, &one, rk_val_item(ports, n));
		}
		for (uint32_t n = 0; n < rk_val_count(list); n++) {
			const struct rk_path one = rk_path_item(&peers_path, n);
			check_peer(check, &one, rk_val_item(list, n));
		}
	}
}

void rk_validate_networkpolicy(const struct rk_check *check, const struct rk_val *obj,
			       const struct rk_val *old)
{
	static const struct rk_rule rules[] = { RK_SELECTOR("spec.podSelector") };
	const struct rk_path types = rk_path_field(NULL, "spec.policyTypes");
	const struct rk_val *spec = rk_val_at(obj, "spec");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	check_direction(check, spec, "ingress", "from");
	check_direction(check, spec, "egress", "to");
	if (rk_val_count(rk_val_at(spec, "policyTypes")) > 2)
		(void)rk_bad(check, &types, rk_val_at(spec, "policyTypes"),
			     "may not specify more than two policyTypes");
}
