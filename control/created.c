#include "control/created.h"

#include "base/mem.h"
#include "control/account.h"
#include "control/status.h"
#include "wire/doc.h"

#define CSR "certificatesigningrequests.certificates.k8s.io"

static bool is_of(const struct rk_kind *kind, const char *resource)
{
	return strcmp(kind->resource, resource) == 0;
}

/* --- jobs: generateSelector --- */

static void put_label(struct rk_state *state, struct rk_val *labels, const char *key, struct rk_span value)
{
	rk_val_set(&state->arena, labels, rk_span_str(key), rk_val_str(&state->arena, value));
}

/* A job without a selector of its own finds its pods by its uid. */
static void job_created(struct rk_state *state, struct rk_val *job)
{
	struct rk_val *spec = rk_val_make(&state->arena, job, "spec");

	if (rk_val_bool_at(spec, "manualSelector", false))
		return;
	const struct rk_span uid = rk_object_uid(job), name = rk_object_name(job);
	struct rk_val *labels = rk_val_make(&state->arena, spec, "template.metadata.labels");
	put_label(state, labels, "job-name", name);
	put_label(state, labels, "batch.kubernetes.io/job-name", name);
	put_label(state, labels, "controller-uid", uid);
	put_label(state, labels, "batch.kubernetes.io/controller-uid", uid);
	struct rk_val *selector = rk_val_make(&state->arena, spec, "selector.matchLabels");
	put_label(state, selector, "batch.kubernetes.io/controller-uid", uid);
}

/* --- volumes, APIs --- */

static void pending(struct rk_state *state, struct rk_val *object)
{
	rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, object, "status"), "phase", "Pending");
}

/* An API of our own is there from the beginning. */
static void api_created(struct rk_state *state, struct rk_val *api)
{
	if (rk_val_at(api, "spec.service") == NULL)
		(void)rk_condition_set(state, api, "Available", "True", "Local", "Local APIServices are always available");
}

static void crd_created(struct rk_state *state, struct rk_val *crd)
{
	const struct rk_val *versions = rk_val_at(crd, "spec.versions");
	struct rk_val *stored = rk_val_list(&state->arena);

	for (uint32_t i = 0; i < rk_val_count(versions); i++)
		if (rk_val_bool_at(rk_val_item(versions, i), "storage", false))
			rk_val_append(&state->arena, stored, rk_val_at(rk_val_item(versions, i), "name"));
	rk_val_put(&state->arena, rk_val_make(&state->arena, crd, "status"), "storedVersions", stored);
}

/* --- pods: the Priority admission --- */

#define CLASSES          "priorityclasses.scheduling.k8s.io"
#define CRITICAL_CLUSTER 2000000000
#define CRITICAL_NODE    2000001000

struct priority {
	struct rk_span class_name;
	int64_t value;
	struct rk_span policy; /* of preemption */
};

static void take_class(struct rk_span doc, struct priority *ret)
{
	ret->class_name = rk_doc_text(doc, "metadata.name");
	ret->value = rk_doc_int(doc, "value", 0);
	ret->policy = rk_doc_text(doc, "preemptionPolicy");
}

/* The class that pods get when they name none: of several, the one with the lowest value. */
static void default_class(struct rk_state *state, struct priority *ret)
{
	struct rk_names names = { 0 };
	bool found = false;

	rk_state_names(state, RK_SPAN(CLASSES), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_span doc = rk_state_doc(state, CLASSES, RK_SPAN(""), names.at[i].name);
		if (!rk_doc_bool(doc, "globalDefault", false) || (found && rk_doc_int(doc, "value", 0) >= ret->value))
			continue;
		take_class(doc, ret);
		found = true;
	}
}

static bool named_class(struct rk_state *state, struct rk_span name, struct priority *ret)
{
	const struct rk_span doc = rk_state_doc(state, CLASSES, RK_SPAN(""), name);

	if (doc.data != NULL) {
		take_class(doc, ret);
		return true;
	}
	/* Two that every cluster has, whether or not they are written down. */
	ret->class_name = name;
	ret->value = rk_span_is(name, "system-cluster-critical") ? CRITICAL_CLUSTER : CRITICAL_NODE;
	return rk_span_is(name, "system-cluster-critical") || rk_span_is(name, "system-node-critical");
}

bool rk_created_forbid(struct rk_state *state, const struct rk_val *pod, struct rk_outcome *ret, const char *why)
{
	const struct rk_span name = rk_object_name(pod), base = rk_val_text_at(pod, "metadata.generateName");
	const bool is_made_up = base.size > 0 && rk_span_starts(name, base);

	*ret = (struct rk_outcome){
		.code = 403,
		.body = rk_status_forbidden(&state->arena, RK_SPAN("pods"), is_made_up ? base : name, "%s", why),
	};
	return false;
}

static bool pod_priority(struct rk_state *state, struct rk_val *pod, struct rk_outcome *ret)
{
	struct rk_val *spec = rk_val_make(&state->arena, pod, "spec");
	const struct rk_span name = rk_val_text_at(spec, "priorityClassName");
	const struct rk_val *says = rk_val_at(spec, "priority");
	struct priority priority = { 0 };

	if (name.size == 0)
		default_class(state, &priority);
	else if (!named_class(state, name, &priority))
		return rk_created_forbid(state, pod, ret,
				  rk_arena_printf(&state->arena, "no PriorityClass with name %.*s was found",
						  RK_SPAN_ARGS(name)));
	if (says != NULL && rk_val_int_at(spec, "priority", 0) != priority.value)
		return rk_created_forbid(state, pod, ret,
				  rk_arena_printf(&state->arena,
						  "the integer value of priority (%lld) must not be provided in pod spec; "
						  "priority admission controller computed %lld from the given PriorityClass name",
						  (long long)rk_val_int_at(spec, "priority", 0), (long long)priority.value));
	if (priority.class_name.size > 0)
		rk_val_put_str(&state->arena, spec, "priorityClassName", priority.class_name);
	rk_val_put_int(&state->arena, spec, "priority", priority.value);
	if (rk_val_at(spec, "preemptionPolicy") == NULL && priority.policy.size > 0)
		rk_val_put_str(&state->arena, spec, "preemptionPolicy", priority.policy);
	return true;
}

bool rk_created_fill(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object, struct rk_outcome *ret)
{
	/* Clusters that began without these go on as their log was. */
	if (is_of(kind, "pods"))
		return (state->version < RK_ACCOUNTS_SINCE || rk_account_admit(state, object, ret)) &&
		       (state->version < RK_PRIORITY_SINCE || pod_priority(state, object, ret));
	if (is_of(kind, "jobs.batch"))
		job_created(state, object);
	else if (is_of(kind, "persistentvolumes") || is_of(kind, "persistentvolumeclaims"))
		pending(state, object);
	else if (is_of(kind, "apiservices.apiregistration.k8s.io"))
		api_created(state, object);
	else if (is_of(kind, "customresourcedefinitions.apiextensions.k8s.io"))
		crd_created(state, object);
	return true;
}

/* --- requests for certificates --- */

void rk_created_sign(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
		     const struct rk_val *command)
{
	if (!is_of(kind, CSR))
		return;
	struct rk_val *spec = rk_val_make(&state->arena, object, "spec");
	static const char *const said[] = { "username", "uid", "groups", "extra" };
	for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
		(void)rk_val_remove(spec, rk_span_str(said[i]));
	if (rk_val_text_at(command, "user").size > 0)
		rk_val_put_str(&state->arena, spec, "username", rk_val_text_at(command, "user"));
	if (rk_val_count(rk_val_at(command, "groups")) > 0)
		rk_val_put(&state->arena, spec, "groups", rk_val_copy(&state->arena, rk_val_at(command, "groups")));
}

static bool is_verdict(const struct rk_val *condition)
{
	const struct rk_span type = rk_val_text_at(condition, "type");

	return rk_span_is(type, "Approved") || rk_span_is(type, "Denied");
}

static const struct rk_val *same_type(const struct rk_val *list, const struct rk_val *condition)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(list, i), "type"), rk_val_text_at(condition, "type")))
			return rk_val_item(list, i);
	return NULL;
}

/* Times that the writer left out: when it was said, and since when it is so. */
static void fill_times(struct rk_state *state, struct rk_val *conditions, const struct rk_val *old)
{
	for (uint32_t i = 0; i < rk_val_count(conditions); i++) {
		struct rk_val *condition = rk_val_item(conditions, i);
		const struct rk_val *was = same_type(old, condition);
		const bool is_same = was != NULL && rk_span_eq(rk_val_text_at(was, "status"),
							       rk_val_text_at(condition, "status"));
		const struct rk_span since = rk_val_text_at(was, "lastTransitionTime");
		if (rk_val_text_at(condition, "lastUpdateTime").size == 0)
			rk_val_put_str(&state->arena, condition, "lastUpdateTime", rk_state_time(state));
		if (rk_val_text_at(condition, "lastTransitionTime").size == 0)
			rk_val_put_str(&state->arena, condition, "lastTransitionTime",
				       is_same && since.size > 0 ? since : rk_state_time(state));
	}
}

/* The verdict is said through `approval` and the certificate through `status`; neither reaches the other's. */
static void keep_csr(struct rk_state *state, struct rk_val *object, const struct rk_val *old, const char *sub)
{
	struct rk_val *had = rk_val_at(old, "status.conditions");
	struct rk_val *conditions = rk_val_copy(&state->arena, rk_val_at(object, "status.conditions"));
	struct rk_val *kept = rk_val_list(&state->arena);

	rk_val_put(&state->arena, object, "spec", rk_val_at(old, "spec"));
	if (strcmp(sub, "status") != 0 && strcmp(sub, "approval") != 0)
		return;
	const bool is_approval = strcmp(sub, "approval") == 0;
	for (uint32_t i = 0; i < rk_val_count(had) && !is_approval; i++)
		if (is_verdict(rk_val_item(had, i)))
			rk_val_append(&state->arena, kept, rk_val_item(had, i));
	for (uint32_t i = 0; i < rk_val_count(conditions); i++)
		if (is_approval || !is_verdict(rk_val_item(conditions, i)))
			rk_val_append(&state->arena, kept, rk_val_item(conditions, i));
	fill_times(state, kept, had);
	if (is_approval) {
		rk_val_put(&state->arena, object, "metadata", rk_val_copy(&state->arena, rk_val_at(old, "metadata")));
		rk_val_put(&state->arena, object, "status",
			   rk_val_at(old, "status") != NULL ? rk_val_copy(&state->arena, rk_val_at(old, "status")) : NULL);
	}
	if (kept->count > 0)
		rk_val_put(&state->arena, rk_val_make(&state->arena, object, "status"), "conditions", kept);
	else if (rk_val_at(object, "status") != NULL)
		(void)rk_val_remove(rk_val_at(object, "status"), RK_SPAN("conditions"));
}

/* --- parts of a pod that change through subresources --- */

static bool are_same_containers(const struct rk_val *now, const struct rk_val *was)
{
	bool same = rk_val_count(now) == rk_val_count(was);

	for (uint32_t i = 0; same && i < rk_val_count(was); i++)
		same = rk_span_eq(rk_val_text_at(rk_val_item(now, i), "name"),
				  rk_val_text_at(rk_val_item(was, i), "name"));
	return same;
}

/* Resources of containers. When these are not the same ones, all is left as it was sent, for the validation to refuse. */
static void keep_sizes(struct rk_state *state, struct rk_val *spec, const struct rk_val *now)
{
	static const char *const lists[] = { "containers", "initContainers" }, *const fields[] = { "resources", "resizePolicy" };

	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		struct rk_val *list = rk_val_at(spec, lists[l]), *said = rk_val_at(now, lists[l]);
		if (!are_same_containers(said, list)) {
			rk_val_put(&state->arena, spec, lists[l], said);
			continue;
		}
		for (uint32_t i = 0; i < rk_val_count(list); i++)
			for (size_t f = 0; f < RK_COUNT(fields); f++)
				rk_val_put(&state->arena, rk_val_item(list, i), fields[f],
					   rk_val_at(rk_val_item(said, i), fields[f]));
	}
}

static void keep_pod(struct rk_state *state, struct rk_val *pod, const struct rk_val *old, const char *sub)
{
	const bool is_debug = strcmp(sub, "ephemeralcontainers") == 0;
	const struct rk_val *said = rk_val_at(pod, "spec");
	struct rk_val *spec;

	if (!is_debug && strcmp(sub, "resize") != 0)
		return;
	spec = rk_val_copy(&state->arena, rk_val_at(old, "spec"));
	if (is_debug)
		rk_val_put(&state->arena, spec, "ephemeralContainers", rk_val_at(said, "ephemeralContainers"));
	else
		keep_sizes(state, spec, said);
	rk_val_put(&state->arena, pod, "spec", spec);
	rk_val_put(&state->arena, pod, "metadata", rk_val_copy(&state->arena, rk_val_at(old, "metadata")));
}

void rk_created_keep(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object, const struct rk_val *old,
		     const char *sub)
{
	if (is_of(kind, CSR))
		keep_csr(state, object, old, sub);
	else if (is_of(kind, "pods"))
		keep_pod(state, object, old, sub);
}
