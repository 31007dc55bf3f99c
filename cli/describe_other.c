/* Services, Namespaces, ConfigMaps and Secrets. */
#include "base/mem.h"
#include "cli/describe.h"
#include "wire/jsonpath.h"
#include "wire/base64.h"

/* --- services --- */

static void put_list(struct rk_describe *d, const char *label, const struct rk_val *list)
{
	if (rk_val_count(list) == 0)
		return;
	rk_describe_put(d, "%s:\t", label);
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_describe_put(d, "%s%.*s", i > 0 ? "," : "",
				RK_SPAN_ARGS(rk_val_text(rk_val_item(list, i))));
	rk_describe_put(d, "\n");
}

static const struct rk_val *port_named(const struct rk_val *slice, struct rk_span name)
{
	const struct rk_val *ports = rk_val_at(slice, "ports");

	for (uint32_t i = 0; i < rk_val_count(ports); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(ports, i), "name"), name))
			return rk_val_item(ports, i);
	return NULL;
}

static void put_endpoints(struct rk_describe *d, const struct rk_val *slices, struct rk_span name)
{
	const unsigned shown_max = 3;
	unsigned count = 0;

	rk_describe_put(d, "Endpoints:\t");
	for (uint32_t i = 0; i < rk_val_count(slices); i++) {
		const struct rk_val *slice = rk_val_item(slices, i);
		const struct rk_val *port = port_named(slice, name);
		const struct rk_val *points = rk_val_at(slice, "endpoints");
		for (uint32_t n = 0; port != NULL && n < rk_val_count(points); n++) {
			const struct rk_val *point = rk_val_item(points, n);
			if (!rk_val_bool_at(point, "conditions.ready", true))
				continue;
			if (count < shown_max)
				rk_describe_put(d, "%s%.*s:%lld", count > 0 ? "," : "",
						RK_SPAN_ARGS(rk_val_text(rk_val_item(
							rk_val_at(point, "addresses"), 0))),
						(long long)rk_val_int_at(port, "port", 0));
			count++;
		}
	}
	if (count > shown_max)
		rk_describe_put(d, " + %u more...", count - shown_max);
	rk_describe_put(d, "\n");
}

static void put_ports(struct rk_describe *d)
{
	const struct rk_val *ports = rk_val_at(d->object, "spec.ports"), *slices = NULL;

	if (d->session != NULL) {
		const char *target = rk_target(
			d->arena, rk_kinds_by_name(d->session->kinds, RK_SPAN("endpointslices")),
			rk_val_text_at(d->object, "metadata.namespace"), rk_span_str(""), NULL);
		const char *label =
			rk_arena_printf(d->arena, "kubernetes.io/service-name=%.*s",
					RK_SPAN_ARGS(rk_val_text_at(d->object, "metadata.name")));
		slices = rk_val_at(
			rk_describe_fetch(d, rk_target_with(d->arena, target, "labelSelector",
							    rk_span_str(label))),
			"items");
	}
	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *port = rk_val_item(ports, i);
		const struct rk_span name = rk_val_text_at(port, "name");
		const struct rk_span protocol = rk_val_text_at(port, "protocol");
		rk_describe_put(d, "Port:\t%.*s\t%lld/%.*s\nTargetPort:\t",
				RK_SPAN_ARGS(name.size > 0 ? name : RK_SPAN("<unset>")),
				(long long)rk_val_int_at(port, "port", 0), RK_SPAN_ARGS(protocol));
		rk_jsonpath_put(&d->out, rk_val_at(port, "targetPort"));
		rk_describe_put(d, "/%.*s\n", RK_SPAN_ARGS(protocol));
		if (rk_val_int_at(port, "nodePort", 0) != 0)
			rk_describe_put(d, "NodePort:\t%.*s\t%lld/%.*s\n",
					RK_SPAN_ARGS(name.size > 0 ? name : RK_SPAN("<unset>")),
					(long long)rk_val_int_at(port, "nodePort", 0),
					RK_SPAN_ARGS(protocol));
		put_endpoints(d, slices, name);
	}
}

void rk_describe_service(struct rk_describe *d)
{
	const struct rk_val *spec = rk_val_at(d->object, "spec");

	rk_describe_meta(d, true);
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	struct rk_val *pairs = rk_val_at(spec, "selector");
	rk_describe_put(d, "Selector:\t");
	if (rk_val_count(pairs) == 0)
		rk_describe_put(d, "<none>");
	else
		rk_val_sort(pairs);
	for (uint32_t i = 0; i < rk_val_count(pairs); i++)
		rk_describe_put(d, "%s%.*s=%.*s", i > 0 ? "," : "",
				RK_SPAN_ARGS(pairs->fields[i].key),
				RK_SPAN_ARGS(rk_val_text(pairs->fields[i].val)));
	rk_describe_put(d, "\nType:\t%.*s\n", RK_SPAN_ARGS(rk_val_text_at(spec, "type")));
	if (rk_val_at(spec, "ipFamilyPolicy") != NULL)
		rk_describe_put(d, "IP Family Policy:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(spec, "ipFamilyPolicy")));
	put_list(d, "IP Families", rk_val_at(spec, "ipFamilies"));
	rk_describe_put(d, "IP:\t%.*s\n", RK_SPAN_ARGS(rk_val_text_at(spec, "clusterIP")));
	put_list(d, "IPs", rk_val_at(spec, "clusterIPs"));
	put_list(d, "External IPs", rk_val_at(spec, "externalIPs"));
	put_ports(d);
	rk_describe_put(d, "Session Affinity:\t%.*s\n",
			RK_SPAN_ARGS(rk_val_text_at(spec, "sessionAffinity")));
	if (rk_val_text_at(spec, "externalTrafficPolicy").size > 0)
		rk_describe_put(d, "External Traffic Policy:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(spec, "externalTrafficPolicy")));
	if (rk_val_text_at(spec, "internalTrafficPolicy").size > 0)
		rk_describe_put(d, "Internal Traffic Policy:\t%.*s\n",
				RK_SPAN_ARGS(rk_val_text_at(spec, "internalTrafficPolicy")));
}

/* --- namespaces, config maps, secrets --- */

void rk_describe_namespace(struct rk_describe *d)
{
	rk_describe_meta(d, false);
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	rk_describe_put(d, "Status:\t%.*s\n",
			RK_SPAN_ARGS(rk_val_text_at(d->object, "status.phase")));
}

static struct rk_val *in_order(struct rk_describe *d, const char *path)
{
	struct rk_val *map = rk_val_at(d->object, path);

	map = map != NULL ? rk_val_copy(d->arena, map) : rk_val_map(d->arena);
	rk_val_sort(map);
	return map;
}

void rk_describe_configmap(struct rk_describe *d)
{
	const struct rk_val *data = in_order(d, "data"), *binary = in_order(d, "binaryData");

	rk_describe_meta(d, true);
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	rk_describe_put(d, "\nData\n====\n");
	for (uint32_t i = 0; i < data->count; i++)
		rk_describe_put(d, "%.*s:\n----\n%.*s\n\n", RK_SPAN_ARGS(data->fields[i].key),
				RK_SPAN_ARGS(rk_val_text(data->fields[i].val)));
	rk_describe_put(d, "\nBinaryData\n====\n");
	for (uint32_t i = 0; i < binary->count; i++)
		rk_describe_put(d, "%.*s: %zu bytes\n", RK_SPAN_ARGS(binary->fields[i].key),
				rk_base64_size(rk_val_text(binary->fields[i].val)));
	rk_describe_put(d, "\n");
}

/* Never the values. */
void rk_describe_secret(struct rk_describe *d)
{
	const struct rk_val *data = in_order(d, "data");

	rk_describe_meta(d, true);
	rk_describe_labels(d, "");
	rk_describe_annotations(d, "");
	rk_describe_put(d, "\nType:\t%.*s\n\nData\n====\n",
			RK_SPAN_ARGS(rk_val_text_at(d->object, "type")));
	for (uint32_t i = 0; i < data->count; i++)
		rk_describe_put(d, "%.*s:\t%zu bytes\n", RK_SPAN_ARGS(data->fields[i].key),
				rk_base64_size(rk_val_text(data->fields[i].val)));
}
