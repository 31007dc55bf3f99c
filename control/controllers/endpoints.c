/* Endpoints and EndpointSlices of Services that select pods. One slice of up to 1,000 endpoints for each service, then
 * further ones: slices are named after the service and a number, so that the same pods give the same objects. */
#include "base/mem.h"
#include "control/controllers/controllers.h"
#include "control/index.h"
#include "wire/doc.h"

#define SLICES RK_SPAN("endpointslices.discovery.k8s.io")
#define SLICE_MAX 1000 /* upstream's hard limit for a slice, and for Endpoints */

/* Endpoints of this size and more are made anew at most ten times a second: all of them are written each time. */
#define LARGE_BYTES (16u << 10)
#define GATHER_MS   1 /* timers fall due at whole tenths of a second */

static void add_service(struct rk_state *state, struct rk_span ns, struct rk_span name)
{
	const struct rk_span key = rk_work_key(state, ns, name);

	if (rk_state_doc(state, "endpoints", ns, name).size > LARGE_BYTES)
		rk_work_at(state, state->now_ms + GATHER_MS, RK_CONTROLLER_ENDPOINTS, key);
	else
		rk_work_add(state, RK_CONTROLLER_ENDPOINTS, key);
}

/* What of a pod an endpoint is made of: a change of anything else is of no interest. */
static bool same_endpoint(struct rk_state *state, struct rk_span a, struct rk_span b)
{
	static const char *const paths[] = { "metadata.labels", "metadata.deletionTimestamp", "status.podIP",
					     "status.phase", "spec.nodeName" };

	for (size_t i = 0; i < RK_COUNT(paths); i++)
		if (!rk_span_eq(rk_doc_at(a, paths[i]), rk_doc_at(b, paths[i])))
			return false;
	return rk_pod_facts(state, a).is_ready == rk_pod_facts(state, b).is_ready;
}

static void add_services(struct rk_state *state, const struct rk_change *change)
{
	struct rk_names services = { 0 };

	if (change->type == RK_CHANGE_MODIFIED &&
	    same_endpoint(state, rk_blob_span(change->before), rk_blob_span(change->after)))
		return;
	rk_state_names(state, RK_SPAN("services"), change->ns, &services);
	for (size_t i = 0; i < services.count; i++) {
		const struct rk_span doc = rk_state_doc(state, "services", change->ns, services.at[i].name);
		const struct rk_span encoded = rk_doc_at(doc, "spec.selector");
		struct rk_val *selector = NULL;
		if (encoded.data == NULL || rk_doc_read(&state->arena, encoded, &selector) != RK_OK)
			continue;
		if (rk_selects_map(selector, rk_blob_span(change->after)) ||
		    (change->before != NULL && rk_selects_map(selector, rk_blob_span(change->before))))
			add_service(state, change->ns, services.at[i].name);
	}
}

static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, "services"))
		rk_work_add(state, RK_CONTROLLER_ENDPOINTS, rk_work_key(state, change->ns, change->name));
	else if (rk_span_is(change->kind, "pods"))
		add_services(state, change);
}

struct backend { /* a pod behind the service */
	struct rk_val *pod;
	bool ready, serving, going;
};

struct view {
	struct rk_state *state;
	struct rk_val *service;
	struct rk_span ns, name;
	struct backend *backends;
	size_t count;
};

static void collect(struct view *view)
{
	struct rk_state *state = view->state;
	const struct rk_val *selector = rk_val_at(view->service, "spec.selector");
	const bool unready_too = rk_val_bool_at(view->service, "spec.publishNotReadyAddresses", false);
	struct rk_names names = { 0 };

	rk_state_names(state, RK_SPAN("pods"), view->ns, &names);
	view->backends = rk_arena_alloc(&state->arena, names.count * sizeof *view->backends);
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_span doc = rk_state_doc(state, "pods", view->ns, names.at[i].name);
		if (!rk_selects_map(selector, doc) || rk_doc_text(doc, "status.podIP").size == 0)
			continue;
		const struct rk_pod_facts facts = rk_pod_facts(state, doc);
		if (facts.has_ended)
			continue;
		view->backends[view->count++] = (struct backend){
			.pod = rk_state_val(state, RK_SPAN("pods"), view->ns, names.at[i].name),
			.ready = unready_too || (facts.is_ready && !facts.is_going),
			.serving = unready_too || facts.is_ready,
			.going = facts.is_going,
		};
	}
}

/* The number behind targetPort, which may be the name of a container's port; 0 when this pod has none. */
static int64_t target_port(const struct rk_val *port, const struct rk_val *pod)
{
	const struct rk_val *target = rk_val_at(port, "targetPort");
	const struct rk_val *containers = rk_val_at(pod, "spec.containers");

	if (rk_val_is(target, RK_VAL_INT))
		return target->integer;
	for (uint32_t c = 0; c < rk_val_count(containers); c++) {
		const struct rk_val *ports = rk_val_at(rk_val_item(containers, c), "ports");
		for (uint32_t p = 0; p < rk_val_count(ports); p++) {
			const struct rk_val *named = rk_val_item(ports, p);
			if (rk_span_eq(rk_val_text_at(named, "name"), rk_val_text(target)) &&
			    rk_span_eq(rk_val_text_at(named, "protocol"), rk_val_text_at(port, "protocol")))
				return rk_val_int_at(named, "containerPort", 0);
		}
	}
	return target == NULL ? rk_val_int_at(port, "port", 0) : 0;
}

/* The ports as this pod serves them. A headless service may have none. */
static struct rk_val *ports_for(struct view *view, const struct rk_val *pod, bool for_slice)
{
	struct rk_arena *arena = &view->state->arena;
	const struct rk_val *ports = rk_val_at(view->service, "spec.ports");
	struct rk_val *list = rk_val_list(arena);

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *port = rk_val_item(ports, i);
		const int64_t number = target_port(port, pod);
		const struct rk_span name = rk_val_text_at(port, "name");
		struct rk_val *entry = rk_val_map(arena);
		if (number == 0)
			continue;
		if (name.size > 0 || for_slice)
			rk_val_put_str(arena, entry, "name", name.size > 0 ? name : RK_SPAN(""));
		rk_val_put_int(arena, entry, "port", number);
		rk_val_put_str(arena, entry, "protocol", rk_val_text_at(port, "protocol"));
		rk_val_put(arena, entry, "appProtocol", rk_val_at(port, "appProtocol"));
		rk_val_append(arena, list, entry);
	}
	return list;
}

static struct rk_val *target_ref(struct view *view, const struct rk_val *pod)
{
	struct rk_arena *arena = &view->state->arena;
	struct rk_val *ref = rk_val_map(arena);

	rk_val_put_cstr(arena, ref, "kind", "Pod");
	rk_val_put_str(arena, ref, "namespace", view->ns);
	rk_val_put_str(arena, ref, "name", rk_object_name(pod));
	rk_val_put_str(arena, ref, "uid", rk_object_uid(pod));
	return ref;
}

static struct rk_val *slice_endpoint(struct view *view, const struct backend *backend)
{
	struct rk_arena *arena = &view->state->arena;
	struct rk_val *endpoint = rk_val_map(arena), *addresses = rk_val_list(arena);
	struct rk_val *conditions = rk_val_make(arena, endpoint, "conditions");

	rk_val_append(arena, addresses, rk_val_at(backend->pod, "status.podIP"));
	rk_val_put(arena, endpoint, "addresses", addresses);
	rk_val_put_bool(arena, conditions, "ready", backend->ready);
	rk_val_put_bool(arena, conditions, "serving", backend->serving);
	rk_val_put_bool(arena, conditions, "terminating", backend->going);
	rk_val_put(arena, endpoint, "nodeName", rk_val_at(backend->pod, "spec.nodeName"));
	rk_val_put(arena, endpoint, "targetRef", target_ref(view, backend->pod));
	if (rk_val_text_at(backend->pod, "spec.subdomain").size > 0)
		rk_val_put(arena, endpoint, "hostname", rk_val_at(backend->pod, "spec.hostname"));
	return endpoint;
}

/* Stores `wanted` under its name: makes it, or changes what differs. */
static void settle(struct view *view, struct rk_span kind, const char *kind_name, struct rk_val *wanted)
{
	struct rk_state *state = view->state;
	struct rk_val *have = rk_state_val(state, kind, view->ns, rk_object_name(wanted));

	if (have == NULL) {
		(void)rk_object_make(state, kind_name, view->ns, wanted);
		return;
	}
	for (uint32_t i = 0; i < wanted->count; i++)
		if (!rk_span_is(wanted->fields[i].key, "metadata"))
			rk_val_set(&state->arena, have, wanted->fields[i].key, wanted->fields[i].val);
	if (rk_val_at(wanted, "subsets") == NULL && rk_val_at(have, "subsets") != NULL)
		(void)rk_val_remove(have, RK_SPAN("subsets"));
	rk_val_put(&state->arena, rk_val_make(&state->arena, have, "metadata"), "labels",
		   rk_val_at(wanted, "metadata.labels"));
	rk_object_store(state, kind, have);
}

static struct rk_val *labels_for(struct view *view, bool for_slice)
{
	struct rk_arena *arena = &view->state->arena;
	const struct rk_val *from = rk_val_at(view->service, "metadata.labels");
	struct rk_val *labels = from != NULL ? rk_val_copy(arena, from) : rk_val_map(arena);

	if (for_slice) {
		rk_val_put_str(arena, labels, "kubernetes.io/service-name", view->name);
		rk_val_put_cstr(arena, labels, "endpointslice.kubernetes.io/managed-by",
				"endpointslice-controller.k8s.io");
	}
	if (rk_span_is(rk_val_text_at(view->service, "spec.clusterIP"), "None"))
		rk_val_put_cstr(arena, labels, "service.kubernetes.io/headless", "");
	return rk_val_count(labels) > 0 ? labels : NULL;
}

static struct rk_val *slice_of(struct view *view, uint32_t number, struct rk_val *ports)
{
	struct rk_arena *arena = &view->state->arena;
	struct rk_val *slice = rk_val_map(arena), *owners = rk_val_list(arena);
	struct rk_val *meta = rk_val_make(arena, slice, "metadata");
	/* upstream appends five random letters; these stay the same for the same service */
	const struct rk_span letters =
		rk_safe_text(arena, rk_hash64(rk_object_uid(view->service), number), 5);

	rk_val_put(arena, meta, "name",
		   rk_val_strf(arena, "%.*s-%.*s", RK_SPAN_ARGS(view->name), RK_SPAN_ARGS(letters)));
	rk_val_put(arena, meta, "labels", labels_for(view, true));
	rk_val_append(arena, owners, rk_owner_ref(view->state, view->service, true));
	rk_val_put(arena, meta, "ownerReferences", owners);
	rk_val_put_cstr(arena, slice, "addressType", "IPv4");
	rk_val_put(arena, slice, "ports", ports);
	rk_val_put(arena, slice, "endpoints", rk_val_list(arena));
	return slice;
}

struct slices {
	struct rk_val **at;
	uint32_t count;
};

/* The slice for these ports that has room, made when there is none. */
static struct rk_val *slice_for(struct view *view, struct slices *slices, struct rk_val *ports)
{
	for (uint32_t i = 0; i < slices->count; i++)
		if (rk_val_eq(rk_val_at(slices->at[i], "ports"), ports) &&
		    rk_val_count(rk_val_at(slices->at[i], "endpoints")) < SLICE_MAX)
			return slices->at[i];
	slices->at[slices->count] = slice_of(view, slices->count, ports);
	return slices->at[slices->count++];
}

static void settle_slices(struct view *view)
{
	struct rk_state *state = view->state;
	struct slices slices = { rk_arena_alloc(&state->arena, (view->count + 1) * sizeof(struct rk_val *)), 0 };
	struct rk_names have = { 0 };

	if (view->count == 0) /* an empty slice says that there is nothing, a missing one that nobody looked */
		(void)slice_for(view, &slices, ports_for(view, NULL, true));
	for (size_t i = 0; i < view->count; i++) {
		struct rk_val *slice = slice_for(view, &slices, ports_for(view, view->backends[i].pod, true));
		rk_val_append(&state->arena, rk_val_at(slice, "endpoints"), slice_endpoint(view, &view->backends[i]));
	}
	for (uint32_t i = 0; i < slices.count; i++)
		settle(view, SLICES, "endpointslices.discovery.k8s.io", slices.at[i]);
	const char *index = rk_arena_printf(&state->arena, "%.*s/%.*s", RK_SPAN_ARGS(view->ns), RK_SPAN_ARGS(view->name));
	rk_state_indexed(state, RK_INDEX_SERVICE, rk_span_str(index), &have);
	for (size_t i = 0; i < have.count; i++) {
		const struct rk_val *slice = rk_state_val(state, SLICES, view->ns, have.at[i].name);
		bool wanted = !rk_span_eq(rk_val_text_at(rk_object_controller(slice), "uid"), rk_object_uid(view->service));
		for (uint32_t s = 0; s < slices.count && !wanted; s++)
			wanted = rk_span_eq(have.at[i].name, rk_object_name(slices.at[s]));
		if (!wanted)
			rk_object_drop(state, SLICES, view->ns, have.at[i].name);
	}
}

static struct rk_val *address_of(struct view *view, const struct backend *backend)
{
	struct rk_arena *arena = &view->state->arena;
	struct rk_val *address = rk_val_map(arena);

	rk_val_put(arena, address, "ip", rk_val_at(backend->pod, "status.podIP"));
	rk_val_put(arena, address, "nodeName", rk_val_at(backend->pod, "spec.nodeName"));
	rk_val_put(arena, address, "targetRef", target_ref(view, backend->pod));
	return address;
}

static struct rk_val *subset_for(struct view *view, struct rk_val *subsets, struct rk_val *ports)
{
	struct rk_arena *arena = &view->state->arena;

	for (uint32_t i = 0; i < rk_val_count(subsets); i++)
		if (rk_val_eq(rk_val_at(rk_val_item(subsets, i), "ports"), ports))
			return rk_val_item(subsets, i);
	struct rk_val *subset = rk_val_map(arena);
	rk_val_put(arena, subset, "ports", ports);
	rk_val_append(arena, subsets, subset);
	return subset;
}

static void settle_endpoints(struct view *view)
{
	struct rk_arena *arena = &view->state->arena;
	struct rk_val *wanted = rk_val_map(arena), *subsets = rk_val_list(arena);
	struct rk_val *meta = rk_val_make(arena, wanted, "metadata");

	rk_val_put_str(arena, meta, "name", view->name);
	rk_val_put(arena, meta, "labels", labels_for(view, false));
	for (size_t i = 0; i < view->count && i < SLICE_MAX; i++) {
		const struct backend *backend = &view->backends[i];
		if (backend->going && !backend->ready)
			continue; /* Endpoints know no terminating ones */
		struct rk_val *subset = subset_for(view, subsets, ports_for(view, backend->pod, false));
		const char *key = backend->ready ? "addresses" : "notReadyAddresses";
		if (rk_val_at(subset, key) == NULL)
			rk_val_put(arena, subset, key, rk_val_list(arena));
		rk_val_append(arena, rk_val_at(subset, key), address_of(view, backend));
	}
	if (rk_val_count(subsets) > 0)
		rk_val_put(arena, wanted, "subsets", subsets);
	settle(view, RK_SPAN("endpoints"), "endpoints", wanted);
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	struct view view = { .state = state };

	rk_work_key_split(key, &view.ns, &view.name);
	view.service = rk_state_val(state, RK_SPAN("services"), view.ns, view.name);
	if (view.service == NULL) {
		/* Slices go with their owner; Endpoints have the service's name and no owner. */
		if (rk_state_item(state, RK_SPAN("endpoints"), view.ns, view.name) != NULL)
			rk_object_drop(state, RK_SPAN("endpoints"), view.ns, view.name);
		return;
	}
	if (rk_val_count(rk_val_at(view.service, "spec.selector")) == 0 || rk_object_is_going(view.service) ||
	    rk_span_is(rk_val_text_at(view.service, "spec.type"), "ExternalName"))
		return; /* endpoints without a selector are the user's own */
	collect(&view);
	settle_endpoints(&view);
	settle_slices(&view);
}

const struct rk_controller rk_controller_endpoints = {
	RK_CONTROLLER_ENDPOINTS,
	"endpoints",
	follow,
	reconcile,
};
