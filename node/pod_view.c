#include "node/pod_view.h"

#include "base/mem.h"
#include "control/schema/pod.h"
#include "control/schema/quantity.h"
#include "wire/base64.h"
#include "wire/json.h"

struct rk_pod_view rk_pod_view_of(const struct rk_val *pod)
{
	return (struct rk_pod_view){
		.pod = pod,
		.ns = rk_val_text_at(pod, "metadata.namespace"),
		.name = rk_val_text_at(pod, "metadata.name"),
		.uid = rk_val_text_at(pod, "metadata.uid"),
		.host_ip = rk_val_text_at(pod, "status.hostIP"),
		.pod_ip = rk_val_text_at(pod, "status.podIP"),
	};
}

/* "metadata.labels['app']": the key between the quotes. */
static bool subscript(struct rk_span path, const char *prefix, struct rk_span *ret_key)
{
	const struct rk_span before = rk_span_str(prefix);

	if (!rk_span_starts(path, before) || !rk_span_ends(path, RK_SPAN("']")) ||
	    path.size < before.size + 4 || path.data[before.size] != '[' ||
	    path.data[before.size + 1] != '\'')
		return false;
	*ret_key = rk_span_sub(path, before.size + 2, path.size - before.size - 4);
	return true;
}

/* A whole map as lines of key="value", sorted by key, as downwardAPI files have it. */
static struct rk_span map_lines(struct rk_arena *arena, const struct rk_val *map)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_val *sorted = map != NULL ? rk_val_copy(arena, map) : NULL;

	if (sorted != NULL)
		rk_val_sort(sorted);
	for (uint32_t i = 0; i < rk_val_count(sorted); i++) {
		rk_buf_printf(&text, "%s%.*s=", i > 0 ? "\n" : "",
			      RK_SPAN_ARGS(sorted->fields[i].key));
		rk_json_write_str(&text, rk_val_text(sorted->fields[i].val));
	}
	return rk_arena_span(arena, rk_buf_span(&text));
}

int rk_pod_field(struct rk_arena *arena, const struct rk_pod_view *view, struct rk_span path,
		 struct rk_span *ret, struct rk_error *error)
{
	static const char *const plain[] = { "metadata.name", "metadata.namespace", "metadata.uid",
					     "spec.nodeName", "spec.serviceAccountName" };
	struct rk_span key;

	for (size_t i = 0; i < RK_COUNT(plain); i++)
		if (rk_span_is(path, plain[i])) {
			*ret = rk_val_text_at(view->pod, plain[i]);
			return 0;
		}
	if (rk_span_is(path, "status.podIP") || rk_span_is(path, "status.podIPs"))
		*ret = view->pod_ip;
	else if (rk_span_is(path, "status.hostIP") || rk_span_is(path, "status.hostIPs"))
		*ret = view->host_ip;
	else if (rk_span_is(path, "metadata.labels"))
		*ret = map_lines(arena, rk_val_at(view->pod, "metadata.labels"));
	else if (rk_span_is(path, "metadata.annotations"))
		*ret = map_lines(arena, rk_val_at(view->pod, "metadata.annotations"));
	else if (subscript(path, "metadata.labels", &key))
		*ret = rk_val_text(rk_val_get(rk_val_at(view->pod, "metadata.labels"), key));
	else if (subscript(path, "metadata.annotations", &key))
		*ret = rk_val_text(rk_val_get(rk_val_at(view->pod, "metadata.annotations"), key));
	else
		return rk_fail(error, RK_EINVAL, "fieldRef: there is no field \"%.*s\"",
			       RK_SPAN_ARGS(path));
	return 0;
}

/* In thousandths, so that cpu and its divisor "1m" stay exact. */
static int64_t resource_milli(const struct rk_pod_view *view, const struct rk_val *container,
			      bool is_limit, struct rk_span name)
{
	const struct rk_val *limits = rk_val_at(container, "resources.limits");
	const struct rk_val *own = is_limit ? limits : rk_val_at(container, "resources.requests");
	const struct rk_val *val = rk_val_get(own, name);

	if (val == NULL && !is_limit)
		val = rk_val_get(limits, name);
	if (val != NULL)
		return rk_quantity_milli(rk_val_text(val), 0);
	if (!is_limit)
		return 0;
	if (rk_span_is(name, "cpu"))
		return view->node_cpu_milli;
	return rk_span_is(name, "memory") ? view->node_memory * 1000 : 0;
}

int rk_pod_resource(struct rk_arena *arena, const struct rk_pod_view *view,
		    const struct rk_val *container, const struct rk_val *ref, struct rk_span *ret,
		    struct rk_error *error)
{
	const struct rk_span named = rk_val_text_at(ref, "containerName");
	const struct rk_val *of = named.size > 0 ? rk_pod_container(view->pod, named) : container;
	const struct rk_span resource = rk_val_text_at(ref, "resource");
	struct rk_span verb;

	const struct rk_span name = rk_span_cut(resource, '.', &verb);
	const bool is_limit = rk_span_is(verb, "limits");
	if (of == NULL)
		return rk_fail(error, RK_EINVAL, "resourceFieldRef: no container \"%.*s\"",
			       RK_SPAN_ARGS(named));
	if ((!is_limit && !rk_span_is(verb, "requests")) ||
	    !(rk_span_is(name, "cpu") || rk_span_is(name, "memory") ||
	      rk_span_is(name, "ephemeral-storage")))
		return rk_fail(error, RK_EINVAL, "resourceFieldRef: \"%.*s\" is not known",
			       RK_SPAN_ARGS(resource));
	int64_t divisor = rk_quantity_milli(rk_val_text_at(ref, "divisor"), 0);
	if (divisor <= 0)
		divisor = 1000;
	const int64_t milli = resource_milli(view, of, is_limit, name);
	*ret = rk_val_text(
		rk_val_strf(arena, "%lld", (long long)(milli / divisor + (milli % divisor > 0))));
	return 0;
}

int rk_ref_object(const struct rk_pod_view *view, enum rk_ref_kind kind, struct rk_span name,
		  const struct rk_val **ret, struct rk_error *error)
{
	const char *what = kind == RK_REF_SECRET ? "secret" : "configmap";
	bool is_known = false;
	const struct rk_val *found =
		view->objects->find(view->objects->context, kind, view->ns, name, &is_known);

	if (found == NULL && !is_known)
		return rk_fail(error, RK_EAGAIN, "%s \"%.*s\" is not read yet", what,
			       RK_SPAN_ARGS(name));
	if (found == NULL)
		return rk_fail(error, RK_ENOENT, "%s \"%.*s\" not found", what, RK_SPAN_ARGS(name));
	*ret = found;
	return 0;
}

int rk_ref_key(struct rk_arena *arena, const struct rk_pod_view *view, enum rk_ref_kind kind,
	       struct rk_span name, struct rk_span key, struct rk_span *ret, struct rk_error *error)
{
	const struct rk_val *object = NULL;

	RK_TRY(rk_ref_object(view, kind, name, &object, error));
	const struct rk_val *val = rk_val_get(rk_val_at(object, "data"), key);
	const bool is_binary = kind == RK_REF_SECRET || val == NULL;
	if (val == NULL && kind == RK_REF_CONFIGMAP)
		val = rk_val_get(rk_val_at(object, "binaryData"), key);
	if (val == NULL)
		return rk_fail(error, RK_ENOENT, "couldn't find key %.*s in %s %.*s/%.*s",
			       RK_SPAN_ARGS(key), kind == RK_REF_SECRET ? "Secret" : "ConfigMap",
			       RK_SPAN_ARGS(view->ns), RK_SPAN_ARGS(name));
	if (!is_binary)
		*ret = rk_val_text(val);
	else if (!rk_base64_decode(arena, rk_val_text(val), ret))
		return rk_fail(error, RK_EINVAL, "the value of key %.*s is not base64",
			       RK_SPAN_ARGS(key));
	return 0;
}
