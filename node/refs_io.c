#include "node/refs_io.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

struct ref {
	struct ref *next;
	struct rk_refs *refs;
	enum rk_ref_kind kind;
	char *ns, *name;
	struct rk_watch *watch;
	bool was_read;
	struct rk_arena arena;
	const struct rk_val *object; /* NULL: it does not exist, or is not read */
};

struct rk_refs {
	struct rk_apiclient *api;
	struct ref *first;
	uint32_t count;
	void (*changed)(void *context, enum rk_ref_kind kind, struct rk_span ns,
			struct rk_span name);
	void *context;
};

static struct ref *find(struct rk_refs *refs, enum rk_ref_kind kind, struct rk_span ns,
			struct rk_span name)
{
	for (struct ref *ref = refs->first; ref != NULL; ref = ref->next)
		if (ref->kind == kind && rk_span_is(name, ref->name) && rk_span_is(ns, ref->ns))
			return ref;
	return NULL;
}

static void set_object(struct ref *ref, const struct rk_val *object)
{
	const bool had = ref->object != NULL;

	rk_arena_done(&ref->arena);
	ref->arena = (struct rk_arena){ 0 };
	ref->object = object != NULL ? rk_val_copy(&ref->arena, object) : NULL;
	if (had)
		ref->refs->changed(ref->refs->context, ref->kind, rk_span_str(ref->ns),
				   rk_span_str(ref->name));
}

static void on_put(void *context, const struct rk_val *object) { set_object(context, object); }

static void on_gone(void *context, struct rk_span ns, struct rk_span name)
{
	(void)ns, (void)name;
	set_object(context, NULL);
}

static void on_synced(void *context)
{
	struct ref *ref = context;

	if (!ref->was_read)
		ref->refs->changed(ref->refs->context, ref->kind, rk_span_str(ref->ns), rk_span_str(ref->name));
	ref->was_read = true;
}

static void follow(void *context, enum rk_ref_kind kind, struct rk_span ns, struct rk_span name)
{
	struct rk_refs *refs = context;
	char path[600], selector[300];

	if (name.size == 0 || name.size > 253 || ns.size > 253 ||
	    find(refs, kind, ns, name) != NULL)
		return;
	if (refs->count >= RK_REFS_MAX) {
		rk_log(RK_LOG_WARN, "too many references", "object=%.*s/%.*s", RK_SPAN_ARGS(ns),
		       RK_SPAN_ARGS(name));
		return;
	}
	struct ref *ref = rk_zalloc(sizeof *ref);
	ref->refs = refs;
	ref->kind = kind;
	ref->ns = rk_strdup_span(ns);
	ref->name = rk_strdup_span(name);
	ref->next = refs->first;
	refs->first = ref;
	refs->count++;
	(void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/%s", ref->ns,
		       kind == RK_REF_SECRET ? "secrets" : "configmaps");
	(void)snprintf(selector, sizeof selector, "metadata.name=%s", ref->name);
	const struct rk_watch_opts opts = { .path = path,
					    .field_selector = selector,
					    .context = ref,
					    .put = on_put,
					    .gone = on_gone,
					    .synced = on_synced };
	ref->watch = rk_watch_open(refs->api, &opts);
}

/* --- what a pod refers to --- */

struct walk {
	struct rk_span ns;
	void (*each)(void *context, enum rk_ref_kind kind, struct rk_span ns, struct rk_span name);
	void *context;
};

static void say(const struct walk *walk, enum rk_ref_kind kind, const struct rk_val *ref,
		const char *field)
{
	if (ref != NULL)
		walk->each(walk->context, kind, walk->ns,
			   rk_val_text(rk_val_get(ref, rk_span_str(field))));
}

static void walk_container(const struct walk *walk, const struct rk_val *container)
{
	const struct rk_val *env = rk_val_at(container, "env"),
			    *from = rk_val_at(container, "envFrom");

	for (uint32_t i = 0; i < rk_val_count(env); i++) {
		const struct rk_val *source = rk_val_at(rk_val_item(env, i), "valueFrom");
		say(walk, RK_REF_CONFIGMAP, rk_val_at(source, "configMapKeyRef"), "name");
		say(walk, RK_REF_SECRET, rk_val_at(source, "secretKeyRef"), "name");
	}
	for (uint32_t i = 0; i < rk_val_count(from); i++) {
		say(walk, RK_REF_CONFIGMAP, rk_val_at(rk_val_item(from, i), "configMapRef"),
		    "name");
		say(walk, RK_REF_SECRET, rk_val_at(rk_val_item(from, i), "secretRef"), "name");
	}
}

static void walk_volume(const struct walk *walk, const struct rk_val *volume)
{
	const struct rk_val *sources = rk_val_at(volume, "projected.sources");

	say(walk, RK_REF_CONFIGMAP, rk_val_at(volume, "configMap"), "name");
	say(walk, RK_REF_SECRET, rk_val_at(volume, "secret"), "secretName");
	for (uint32_t i = 0; i < rk_val_count(sources); i++) {
		say(walk, RK_REF_CONFIGMAP, rk_val_at(rk_val_item(sources, i), "configMap"),
		    "name");
		say(walk, RK_REF_SECRET, rk_val_at(rk_val_item(sources, i), "secret"), "name");
	}
}

static void walk_pod(const struct rk_val *pod, const struct walk *walk)
{
	static const char *const lists[] = { "spec.initContainers", "spec.containers" };
	const struct rk_val *volumes = rk_val_at(pod, "spec.volumes");

	for (size_t i = 0; i < RK_COUNT(lists); i++)
		for (uint32_t k = 0; k < rk_val_count(rk_val_at(pod, lists[i])); k++)
			walk_container(walk, rk_val_item(rk_val_at(pod, lists[i]), k));
	for (uint32_t i = 0; i < rk_val_count(volumes); i++)
		walk_volume(walk, rk_val_item(volumes, i));
}

void rk_refs_add(struct rk_refs *refs, const struct rk_val *pod)
{
	const struct walk walk = { rk_val_text_at(pod, "metadata.namespace"), follow, refs };

	walk_pod(pod, &walk);
}

struct waits {
	struct rk_refs *refs;
	bool is_any;
};

static void look(void *context, enum rk_ref_kind kind, struct rk_span ns, struct rk_span name)
{
	struct waits *waits = context;
	const struct ref *ref = find(waits->refs, kind, ns, name);

	waits->is_any |= ref != NULL && !rk_watch_is_synced(ref->watch);
}

bool rk_refs_wait(struct rk_refs *refs, const struct rk_val *pod)
{
	struct waits waits = { refs, false };
	const struct walk walk = { rk_val_text_at(pod, "metadata.namespace"), look, &waits };

	walk_pod(pod, &walk);
	return waits.is_any;
}

struct wanted {
	enum rk_ref_kind kind;
	struct rk_span ns, name;
	bool is_found;
};

static void compare(void *context, enum rk_ref_kind kind, struct rk_span ns, struct rk_span name)
{
	struct wanted *wanted = context;

	wanted->is_found |= kind == wanted->kind && rk_span_eq(ns, wanted->ns) &&
			    rk_span_eq(name, wanted->name);
}

bool rk_refs_pod_uses(const struct rk_val *pod, enum rk_ref_kind kind, struct rk_span ns,
		      struct rk_span name)
{
	struct wanted wanted = { kind, ns, name, false };
	const struct walk walk = { rk_val_text_at(pod, "metadata.namespace"), compare, &wanted };

	walk_pod(pod, &walk);
	return wanted.is_found;
}

static void ref_free(struct ref *ref)
{
	(void)rk_watch_close(ref->watch);
	rk_arena_done(&ref->arena);
	free(ref->ns);
	free(ref->name);
	free(ref);
}

void rk_refs_sweep(struct rk_refs *refs,
		   bool (*is_used)(void *context, enum rk_ref_kind kind, struct rk_span ns,
				   struct rk_span name),
		   void *context)
{
	for (struct ref **at = &refs->first; *at != NULL;) {
		struct ref *ref = *at;

		if (is_used(context, ref->kind, rk_span_str(ref->ns), rk_span_str(ref->name))) {
			at = &ref->next;
			continue;
		}
		*at = ref->next;
		refs->count--;
		ref_free(ref);
	}
}

const struct rk_val *rk_refs_find(void *context, enum rk_ref_kind kind, struct rk_span ns,
				  struct rk_span name, bool *ret_is_known)
{
	const struct ref *ref = find(context, kind, ns, name);

	*ret_is_known = ref != NULL && rk_watch_is_synced(ref->watch);
	return ref != NULL ? ref->object : NULL;
}

struct rk_refs *rk_refs_new(struct rk_apiclient *api,
			    void (*changed)(void *context, enum rk_ref_kind kind, struct rk_span ns,
					    struct rk_span name),
			    void *context)
{
	struct rk_refs *refs = rk_zalloc(sizeof *refs);

	refs->api = api;
	refs->changed = changed;
	refs->context = context;
	return refs;
}

struct rk_refs *rk_refs_free(struct rk_refs *refs)
{
	if (refs == NULL)
		return NULL;
	while (refs->first != NULL) {
		struct ref *next = refs->first->next;

		ref_free(refs->first);
		refs->first = next;
	}
	free(refs);
	return NULL;
}
