/* Containers of a pod. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/quantity.h"
#include "control/schema/validate.h"

static void check_ports(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *container)
{
	const struct rk_path path = rk_path_field(up, "ports");
	const struct rk_val *ports = rk_val_at(container, "ports");

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *port = rk_val_item(ports, i);
		const struct rk_path item = rk_path_item(&path, i);
		const struct rk_path number = rk_path_field(&item, "containerPort");
		const struct rk_path host = rk_path_field(&item, "hostPort");
		if (rk_val_at(port, "name") != NULL &&
		    rk_check_syntax(check, &item, port, "name", rk_name_port))
			(void)rk_check_unique(check, &item, ports, i, "name");
		if (rk_val_int_at(port, "containerPort", 0) == 0)
			(void)rk_missing(check, &number, "");
		else
			(void)rk_check_port(check, &number, rk_val_at(port, "containerPort"));
		if (rk_val_int_at(port, "hostPort", 0) != 0)
			(void)rk_check_port(check, &host, rk_val_at(port, "hostPort"));
	}
}

static void check_env_source(const struct rk_check *check, const struct rk_path *up,
			     const struct rk_val *variable)
{
	const struct rk_path path = rk_path_field(up, "valueFrom");
	const struct rk_val *from = rk_val_at(variable, "valueFrom");
	static const char *const keyed[] = { "configMapKeyRef", "secretKeyRef" };

	if (from == NULL)
		return;
	if (rk_val_count(from) == 0)
		(void)rk_bad(check, &path, from,
			     "must specify one of: `fieldRef`, `resourceFieldRef`, "
			     "`configMapKeyRef` or `secretKeyRef`");
	else if (rk_val_text_at(variable, "value").size > 0)
		(void)rk_bad(check, &path, from, "may not be specified when `value` is not empty");
	else if (rk_val_count(from) > 1)
		(void)rk_bad(check, &path, from,
			     "may not have more than one field specified at a time");
	for (size_t i = 0; i < 2; i++) {
		const struct rk_path source = rk_path_field(&path, keyed[i]);
		const struct rk_val *ref = rk_val_at(from, keyed[i]);
		if (ref == NULL)
			continue;
		(void)rk_check_text(check, &source, ref, "name");
		(void)rk_check_named(check, &source, ref, "key", rk_name_config_key);
	}
	const struct rk_path field = rk_path_field(&path, "fieldRef");
	const struct rk_path resource = rk_path_field(&path, "resourceFieldRef");
	if (rk_val_at(from, "fieldRef") != NULL)
		(void)rk_check_text(check, &field, rk_val_at(from, "fieldRef"), "fieldPath");
	if (rk_val_at(from, "resourceFieldRef") != NULL)
		(void)rk_check_text(check, &resource, rk_val_at(from, "resourceFieldRef"),
				    "resource");
}

static void check_env(const struct rk_check *check, const struct rk_path *up,
		      const struct rk_val *container)
{
	const struct rk_path path = rk_path_field(up, "env"),
			     from_path = rk_path_field(up, "envFrom");
	const struct rk_val *env = rk_val_at(container, "env"),
			    *from = rk_val_at(container, "envFrom");

	for (uint32_t i = 0; i < rk_val_count(env); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		(void)rk_check_named(check, &item, rk_val_item(env, i), "name", rk_name_env);
		check_env_source(check, &item, rk_val_item(env, i));
	}
	for (uint32_t i = 0; i < rk_val_count(from); i++) {
		const struct rk_path item = rk_path_item(&from_path, i);
		const struct rk_val *source = rk_val_item(from, i);
		const struct rk_path config = rk_path_field(&item, "configMapRef");
		const struct rk_path secret = rk_path_field(&item, "secretRef");
		const bool has_config = rk_val_at(source, "configMapRef") != NULL;
		const bool has_secret = rk_val_at(source, "secretRef") != NULL;
		(void)rk_check_syntax(check, &item, source, "prefix", rk_name_env);
		if (has_config)
			(void)rk_check_text(check, &config, rk_val_at(source, "configMapRef"),
					    "name");
		if (has_secret)
			(void)rk_check_text(check, &secret, rk_val_at(source, "secretRef"), "name");
		if (has_config == has_secret)
			(void)rk_bad(
				check, &item, NULL,
				has_config ? "may not have more than one field specified at a time"
					   : "must specify one of: `configMapRef` or `secretRef`");
	}
}

static bool has_name(const struct rk_val *list, struct rk_span name)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(list, i), "name"), name))
			return true;
	return false;
}

static void check_mounts(const struct rk_check *check, const struct rk_path *up,
			 const struct rk_val *container, const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(up, "volumeMounts");
	const struct rk_val *mounts = rk_val_at(container, "volumeMounts");

	for (uint32_t i = 0; i < rk_val_count(mounts); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     where = rk_path_field(&item, "mountPath");
		const struct rk_path name = rk_path_field(&item, "name"),
				     sub = rk_path_field(&item, "subPath");
		const struct rk_val *mount = rk_val_item(mounts, i);
		if (rk_check_text(check, &item, mount, "name") &&
		    !has_name(rk_val_at(spec, "volumes"), rk_val_text_at(mount, "name")))
			(void)rk_not_found(check, &name, rk_val_at(mount, "name"));
		if (rk_check_text(check, &item, mount, "mountPath"))
			for (uint32_t n = 0; n < i; n++)
				if (rk_val_eq(rk_val_at(mount, "mountPath"),
					      rk_val_at(rk_val_item(mounts, n), "mountPath")))
					(void)rk_bad(check, &where, rk_val_at(mount, "mountPath"),
						     "must be unique");
		if (rk_val_at(mount, "subPath") != NULL && rk_val_at(mount, "subPathExpr") != NULL)
			(void)rk_bad(check, &sub, rk_val_at(mount, "subPathExpr"),
				     "subPathExpr and subPath are mutually exclusive");
		if (rk_val_text_at(mount, "subPath").size > 0 &&
		    rk_val_text_at(mount, "subPath").data[0] == '/')
			(void)rk_bad(check, &sub, rk_val_at(mount, "subPath"),
				     "must be a relative path");
	}
}

/* --- handlers of probes and hooks --- */

static void check_handler(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *handler)
{
	static const char *const names[] = { "exec", "httpGet", "tcpSocket", "grpc", "sleep" };
	unsigned count = 0;

	for (size_t i = 0; i < RK_COUNT(names); i++) {
		const struct rk_path here = rk_path_field(path, names[i]),
				     port = rk_path_field(&here, "port");
		const struct rk_path command = rk_path_field(&here, "command");
		const struct rk_val *one = rk_val_at(handler, names[i]);
		if (one == NULL)
			continue;
		if (count++ > 0) {
			(void)rk_forbidden(check, &here,
					   "may not specify more than 1 handler type");
			continue;
		}
		if (i == 0 && rk_val_count(rk_val_at(one, "command")) == 0)
			(void)rk_missing(check, &command, "");
		if (i >= 1 && i <= 3)
			(void)rk_check_port(check, &port, rk_val_at(one, "port"));
		if (i == 1)
			(void)rk_check_text(check, &here, one, "path");
	}
	if (count == 0)
		(void)rk_missing(check, path, "must specify a handler type");
}

static void check_probe(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *container, const char *name)
{
	static const char *const numbers[] = { "initialDelaySeconds", "timeoutSeconds",
					       "periodSeconds", "successThreshold",
					       "failureThreshold" };
	const struct rk_path path = rk_path_field(up, name);
	const struct rk_path threshold = rk_path_field(&path, "successThreshold");
	const struct rk_path grace = rk_path_field(&path, "terminationGracePeriodSeconds");
	const struct rk_val *probe = rk_val_at(container, name);
	const bool is_readiness = strcmp(name, "readinessProbe") == 0;

	if (probe == NULL)
		return;
	check_handler(check, &path, probe);
	for (size_t i = 0; i < RK_COUNT(numbers); i++)
		(void)rk_check_not_negative(check, &path, probe, numbers[i]);
	if (!is_readiness && rk_val_int_at(probe, "successThreshold", 1) > 1)
		(void)rk_bad(check, &threshold, rk_val_at(probe, "successThreshold"), "must be 1");
	if (rk_val_at(probe, "terminationGracePeriodSeconds") == NULL)
		return;
	if (is_readiness)
		(void)rk_bad(check, &grace, rk_val_at(probe, "terminationGracePeriodSeconds"),
			     "must not be set for readinessProbes");
	else if (rk_val_int_at(probe, "terminationGracePeriodSeconds", 0) <= 0)
		(void)rk_bad(check, &grace, rk_val_at(probe, "terminationGracePeriodSeconds"),
			     "must be greater than 0");
}

/* --- resources --- */

static void check_resource_name(const struct rk_check *check, const struct rk_path *path,
				struct rk_span name)
{
	static const char *const plain[] = { "cpu", "memory", "ephemeral-storage", "storage" };
	const char *why = rk_name_qualified(name);

	if (why != NULL) {
		(void)rk_bad_text(check, path, name, why);
		return;
	}
	if (memchr(name.data, '/', name.size) != NULL ||
	    rk_span_starts(name, RK_SPAN("hugepages-")))
		return;
	for (size_t i = 0; i < RK_COUNT(plain); i++)
		if (rk_span_is(name, plain[i]))
			return;
	(void)rk_bad_text(check, path, name, "must be a standard resource for containers");
}

static void check_amounts(const struct rk_check *check, const struct rk_path *up, const char *list,
			  const struct rk_val *amounts)
{
	const struct rk_path path = rk_path_field(up, list);

	for (uint32_t i = 0; i < rk_val_count(amounts); i++) {
		const struct rk_path key = rk_path_key(&path, amounts->fields[i].key);
		check_resource_name(check, &key, amounts->fields[i].key);
		if (rk_quantity_cmp(rk_val_text(amounts->fields[i].val), RK_SPAN("0")) < 0)
			(void)rk_bad(check, &key, amounts->fields[i].val,
				     "must be greater than or equal to 0");
	}
}

static void check_resources(const struct rk_check *check, const struct rk_path *up,
			    const struct rk_val *container)
{
	const struct rk_path path = rk_path_field(up, "resources"),
			     list = rk_path_field(&path, "requests");
	const struct rk_val *limits = rk_val_at(container, "resources.limits");
	const struct rk_val *requests = rk_val_at(container, "resources.requests");

	check_amounts(check, &path, "limits", limits);
	check_amounts(check, &path, "requests", requests);
	for (uint32_t i = 0; i < rk_val_count(requests); i++) {
		const struct rk_span name = requests->fields[i].key;
		const struct rk_val *limit = rk_val_get(limits, name);
		if (limit != NULL &&
		    rk_quantity_cmp(rk_val_text(requests->fields[i].val), rk_val_text(limit)) > 0)
			(void)rk_bad(check, &list, requests->fields[i].val,
				     rk_arena_printf(
					     check->arena,
					     "must be less than or equal to %.*s limit of %.*s",
					     RK_SPAN_ARGS(name), RK_SPAN_ARGS(rk_val_text(limit))));
	}
}

/* --- one container --- */

static void check_probes(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_val *container, bool may_have)
{
	static const char *const probes[] = { "livenessProbe", "readinessProbe", "startupProbe" };
	static const char *const hooks[] = { "postStart", "preStop" };
	const struct rk_path lifecycle = rk_path_field(path, "lifecycle");

	for (size_t i = 0; i < 3; i++) {
		const struct rk_path probe = rk_path_field(path, probes[i]);
		if (!may_have && rk_val_at(container, probes[i]) != NULL)
			(void)rk_forbidden(
				check, &probe,
				"may not be set for init containers without restartPolicy=Always");
		else
			check_probe(check, path, container, probes[i]);
	}
	if (!may_have && rk_val_at(container, "lifecycle") != NULL) {
		(void)rk_forbidden(
			check, &lifecycle,
			"may not be set for init containers without restartPolicy=Always");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct rk_path hook = rk_path_field(&lifecycle, hooks[i]);
		const struct rk_val *handler =
			rk_val_at(rk_val_at(container, "lifecycle"), hooks[i]);
		if (handler != NULL)
			check_handler(check, &hook, handler);
	}
}

static void check_resize_policy(const struct rk_check *check, const struct rk_path *up,
				const struct rk_val *container, const struct rk_val *spec,
				bool may_have)
{
	static const char *const resources[] = { "cpu", "memory", NULL };
	const struct rk_path path = rk_path_field(up, "resizePolicy");
	const struct rk_val *list = rk_val_at(container, "resizePolicy");
	const bool is_never = rk_span_is(rk_val_text_at(spec, "restartPolicy"), "Never");

	if (!may_have && rk_val_count(list) > 0)
		(void)rk_bad(check, &path, list, "must not be set for init containers");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		const struct rk_val *name = rk_val_at(rk_val_item(list, i), "resourceName");
		const struct rk_val *policy = rk_val_at(rk_val_item(list, i), "restartPolicy");
		bool is_again = false;
		for (uint32_t n = 0; n < i; n++)
			is_again |= rk_val_eq(name, rk_val_at(rk_val_item(list, n), "resourceName"));
		if (is_again)
			(void)rk_duplicate(check, &item, name);
		if (rk_val_text(name).size == 0)
			(void)rk_missing(check, &path, "");
		else if (!rk_span_is(rk_val_text(name), "cpu") &&
			 !rk_span_is(rk_val_text(name), "memory"))
			(void)rk_unsupported(check, &path, name, resources);
		if (rk_val_text(policy).size == 0)
			(void)rk_missing(check, &path, "");
		if (is_never && !rk_span_is(rk_val_text(policy), "NotRequired"))
			(void)rk_bad(check, &path, policy,
				     "must be 'NotRequired' when `restartPolicy` is 'Never'");
	}
}

/* What an ephemeral container may not have: it is no part of what the pod does. */
static void check_ephemeral(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *container, const struct rk_val *spec)
{
	static const char *const fields[] = { "ports",		"resources",	  "resizePolicy",
					      "restartPolicy",	"livenessProbe", "readinessProbe",
					      "startupProbe",	"lifecycle" };
	static const char *const subs[] = { "subPath", "subPathExpr" };
	const char *why = "cannot be set for an Ephemeral Container";
	const struct rk_path mounts_path = rk_path_field(path, "volumeMounts"),
			     target_path = rk_path_field(path, "targetContainerName");
	const struct rk_val *mounts = rk_val_at(container, "volumeMounts"),
			    *target = rk_val_at(container, "targetContainerName");

	if (rk_val_text(target).size > 0 &&
	    !has_name(rk_val_at(spec, "containers"), rk_val_text(target)) &&
	    !has_name(rk_val_at(spec, "initContainers"), rk_val_text(target)))
		(void)rk_not_found(check, &target_path, target);
	for (size_t i = 0; i < RK_COUNT(fields); i++) {
		const struct rk_path field = rk_path_field(path, fields[i]);
		const struct rk_val *val = rk_val_at(container, fields[i]);
		if (val != NULL && (rk_val_count(val) > 0 || val->kind == RK_VAL_STR))
			(void)rk_forbidden(check, &field, why);
	}
	for (uint32_t i = 0; i < rk_val_count(mounts); i++) {
		const struct rk_path item = rk_path_item(&mounts_path, i);
		for (size_t k = 0; k < RK_COUNT(subs); k++) {
			const struct rk_path field = rk_path_field(&item, subs[k]);
			if (rk_val_text_at(rk_val_item(mounts, i), subs[k]).size > 0)
				(void)rk_forbidden(check, &field, why);
		}
	}
}

enum list { APPS, INITS, EPHEMERALS };

static void check_container(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *container, const struct rk_val *spec, enum list of)
{
	const struct rk_path image_path = rk_path_field(path, "image"),
			     policy = rk_path_field(path, "restartPolicy");
	const struct rk_span image = rk_val_text_at(container, "image");
	const bool has_policy = rk_val_at(container, "restartPolicy") != NULL;
	const bool is_lasting = of != INITS || has_policy;

	(void)rk_check_named(check, path, container, "name", rk_name_label);
	if (image.size == 0)
		(void)rk_missing(check, &image_path, "");
	else if (image.data[0] == ' ' || image.data[image.size - 1] == ' ')
		(void)rk_bad_text(check, &image_path, image,
				  "must not have leading or trailing whitespace");
	if (has_policy && (of == APPS || (of == EPHEMERALS && check->is_lenient)))
		(void)rk_forbidden(check, &policy, "may not be set for non-init containers");
	check_ports(check, path, container);
	check_env(check, path, container);
	check_mounts(check, path, container, spec);
	check_resources(check, path, container);
	check_probes(check, path, container, is_lasting);
	if (!check->is_lenient)
		check_resize_policy(check, path, container, spec, is_lasting);
	if (of == EPHEMERALS && !check->is_lenient)
		check_ephemeral(check, path, container, spec);
}

/* Names are unique over all the lists of a pod. */
static bool has_name_before(const struct rk_val *spec, size_t list_at, uint32_t at,
			    const char *const *lists)
{
	const struct rk_val *name =
		rk_val_at(rk_val_item(rk_val_at(spec, lists[list_at]), at), "name");

	for (size_t l = 0; l <= list_at && name != NULL; l++) {
		const struct rk_val *list = rk_val_at(spec, lists[l]);
		for (uint32_t i = 0; i < rk_val_count(list) && (l < list_at || i < at); i++)
			if (rk_val_eq(name, rk_val_at(rk_val_item(list, i), "name")))
				return true;
	}
	return false;
}

void rk_validate_containers(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *spec)
{
	static const char *const lists[] = { "containers", "initContainers",
					     "ephemeralContainers" };
	const struct rk_path containers = rk_path_field(path, "containers");

	if (rk_val_count(rk_val_at(spec, "containers")) == 0)
		(void)rk_missing(check, &containers, "");
	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_path list_path = rk_path_field(path, lists[l]);
		const struct rk_val *list = rk_val_at(spec, lists[l]);
		for (uint32_t i = 0; i < rk_val_count(list); i++) {
			const struct rk_path item = rk_path_item(&list_path, i),
					     name = rk_path_field(&item, "name");
			const struct rk_val *container = rk_val_item(list, i);
			check_container(check, &item, container, spec, (enum list)l);
			if (has_name_before(spec, l, i, lists))
				(void)rk_duplicate(check, &name, rk_val_at(container, "name"));
		}
	}
}
