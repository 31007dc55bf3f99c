#include "control/account.h"

#include "base/mem.h"
#include "control/created.h"
#include "wire/doc.h"

#define VOLUME        "kube-api-access-"
#define TOKEN_SECONDS 3607 /* upstream's number, by which others tell these tokens from those that were asked for */

void rk_account_make(struct rk_state *state, struct rk_span ns)
{
	struct rk_val *account = rk_val_map(&state->arena);

	rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, account, "metadata"), "name", "default");
	(void)rk_object_make(state, "serviceaccounts", ns, account);
}

/* --- the volume --- */

static struct rk_val *item_of(struct rk_arena *arena, const char *from, struct rk_val *what, const char *path)
{
	struct rk_val *item = rk_val_map(arena);

	rk_val_put(arena, item, from, what);
	rk_val_put_cstr(arena, item, "path", path);
	return item;
}

/* One source of a projection; `source` may get more fields than the single item. */
static struct rk_val *add_source(struct rk_arena *arena, struct rk_val *sources, const char *kind, struct rk_val *item)
{
	struct rk_val *projection = rk_val_map(arena), *source = rk_val_map(arena), *items = rk_val_list(arena);

	rk_val_append(arena, items, item);
	rk_val_put(arena, source, "items", items);
	rk_val_put(arena, projection, kind, source);
	rk_val_append(arena, sources, projection);
	return source;
}

static struct rk_val *volume_of(struct rk_arena *arena, struct rk_span name)
{
	struct rk_val *volume = rk_val_map(arena), *projected = rk_val_map(arena), *sources = rk_val_list(arena);
	struct rk_val *token = rk_val_map(arena), *asked = rk_val_map(arena), *field = rk_val_map(arena);

	rk_val_put_int(arena, asked, "expirationSeconds", TOKEN_SECONDS);
	rk_val_put_cstr(arena, asked, "path", "token");
	rk_val_put(arena, token, "serviceAccountToken", asked);
	rk_val_append(arena, sources, token);
	rk_val_put_cstr(arena,
			add_source(arena, sources, "configMap",
				   item_of(arena, "key", rk_val_cstr(arena, "ca.crt"), "ca.crt")),
			"name", "kube-root-ca.crt");
	rk_val_put_cstr(arena, field, "apiVersion", "v1");
	rk_val_put_cstr(arena, field, "fieldPath", "metadata.namespace");
	(void)add_source(arena, sources, "downwardAPI", item_of(arena, "fieldRef", field, "namespace"));
	rk_val_put(arena, projected, "sources", sources);
	rk_val_put_int(arena, projected, "defaultMode", 0644);
	rk_val_put_str(arena, volume, "name", name);
	rk_val_put(arena, volume, "projected", projected);
	return volume;
}

static struct rk_val *list_at(struct rk_arena *arena, struct rk_val *map, const char *key)
{
	struct rk_val *list = rk_val_get(map, rk_span_str(key));

	if (!rk_val_is(list, RK_VAL_LIST)) {
		list = rk_val_list(arena);
		rk_val_put(arena, map, key, list);
	}
	return list;
}

static bool has_mount(const struct rk_val *container)
{
	const struct rk_val *mounts = rk_val_get(container, RK_SPAN("volumeMounts"));

	for (uint32_t i = 0; i < rk_val_count(mounts); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(mounts, i), "mountPath"), RK_ACCOUNT_PLACE))
			return true;
	return false;
}

/* The volume with a token that somebody put there himself, by its name; empty: none. */
static struct rk_span own_volume(const struct rk_val *spec)
{
	const struct rk_val *volumes = rk_val_get(spec, RK_SPAN("volumes"));

	for (uint32_t i = 0; i < rk_val_count(volumes); i++) {
		const struct rk_span name = rk_val_text_at(rk_val_item(volumes, i), "name");
		if (rk_span_starts(name, RK_SPAN(VOLUME)))
			return name;
	}
	return (struct rk_span){ NULL, 0 };
}

static void mount_token(struct rk_state *state, struct rk_val *spec)
{
	static const char *const lists[] = { "initContainers", "containers" };
	struct rk_arena *arena = &state->arena;
	const struct rk_span own = own_volume(spec);
	const struct rk_span name = own.size > 0 ? own : rk_state_suffix(state, RK_SPAN(VOLUME));
	struct rk_val *mount = rk_val_map(arena); /* the containers share it: nobody changes it any more */
	bool is_needed = false;

	rk_val_put_str(arena, mount, "name", name);
	rk_val_put_bool(arena, mount, "readOnly", true);
	rk_val_put_cstr(arena, mount, "mountPath", RK_ACCOUNT_PLACE);
	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_val *containers = rk_val_get(spec, rk_span_str(lists[l]));
		for (uint32_t i = 0; i < rk_val_count(containers); i++) {
			struct rk_val *container = rk_val_item(containers, i);
			if (has_mount(container))
				continue;
			rk_val_append(arena, list_at(arena, container, "volumeMounts"), mount);
			is_needed = true;
		}
	}
	if (is_needed && own.size == 0)
		rk_val_append(arena, list_at(arena, spec, "volumes"), volume_of(arena, name));
}

/* --- kubernetes.io/enforce-mountable-secrets --- */

struct limits { /* what pods of the account may refer to */
	struct rk_arena *arena;
	struct rk_span account;
	const struct rk_val *secrets, *pull_secrets; /* lists of {name} */
};

static const char *not_listed(const struct limits *limits, struct rk_span secret, const char *where)
{
	return rk_arena_printf(limits->arena,
			       "%s secret.secretName=\"%.*s\" is not allowed because service account %.*s does not reference that secret",
			       where, RK_SPAN_ARGS(secret), RK_SPAN_ARGS(limits->account));
}

/* NULL: the container refers to nothing but what is listed. */
static const char *container_breach(const struct limits *limits, const struct rk_val *container, const char *what)
{
	const struct rk_val *env = rk_val_at(container, "env"), *from = rk_val_at(container, "envFrom");
	const struct rk_span name = rk_val_text_at(container, "name");

	for (uint32_t i = 0; i < rk_val_count(env); i++) {
		const struct rk_val *one = rk_val_item(env, i), *ref = rk_val_at(one, "valueFrom.secretKeyRef");
		if (ref != NULL && rk_val_find(limits->secrets, "name", rk_val_text_at(ref, "name")) == NULL)
			return not_listed(limits, rk_val_text_at(ref, "name"),
					  rk_arena_printf(limits->arena, "%s %.*s with envVar %.*s referencing", what,
							  RK_SPAN_ARGS(name), RK_SPAN_ARGS(rk_val_text_at(one, "name"))));
	}
	for (uint32_t i = 0; i < rk_val_count(from); i++) {
		const struct rk_val *ref = rk_val_at(rk_val_item(from, i), "secretRef");
		if (ref != NULL && rk_val_find(limits->secrets, "name", rk_val_text_at(ref, "name")) == NULL)
			return not_listed(limits, rk_val_text_at(ref, "name"),
					  rk_arena_printf(limits->arena, "%s %.*s with envFrom referencing", what,
							  RK_SPAN_ARGS(name)));
	}
	return NULL;
}

static const char *breach(const struct limits *limits, const struct rk_val *spec)
{
	static const char *const lists[][2] = { { "initContainers", "init container" }, { "containers", "container" } };
	const struct rk_val *volumes = rk_val_at(spec, "volumes"), *pulls = rk_val_at(spec, "imagePullSecrets");
	const char *why = NULL;

	for (uint32_t i = 0; i < rk_val_count(volumes); i++) {
		const struct rk_val *secret = rk_val_at(rk_val_item(volumes, i), "secret");
		if (secret != NULL && rk_val_find(limits->secrets, "name", rk_val_text_at(secret, "secretName")) == NULL)
			return not_listed(limits, rk_val_text_at(secret, "secretName"), "volume with");
	}
	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_val *containers = rk_val_at(spec, lists[l][0]);
		for (uint32_t i = 0; i < rk_val_count(containers) && why == NULL; i++)
			why = container_breach(limits, rk_val_item(containers, i), lists[l][1]);
	}
	for (uint32_t i = 0; i < rk_val_count(pulls) && why == NULL; i++) {
		const struct rk_span name = rk_val_text_at(rk_val_item(pulls, i), "name");
		if (rk_val_find(limits->pull_secrets, "name", name) == NULL)
			why = rk_arena_printf(limits->arena,
					      "imagePullSecrets[%u].name=\"%.*s\" is not allowed because service account %.*s does not "
					      "reference that imagePullSecret",
					      i, RK_SPAN_ARGS(name), RK_SPAN_ARGS(limits->account));
	}
	return why;
}

static bool enforces(struct rk_span account)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	const struct rk_span says = rk_doc_as_text(rk_doc_get(rk_doc_at(account, "metadata.annotations"),
							      RK_SPAN("kubernetes.io/enforce-mountable-secrets")));

	for (size_t i = 0; i < RK_COUNT(yes); i++)
		if (rk_span_is(says, yes[i]))
			return true;
	return false;
}

/* --- the whole --- */

static struct rk_val *list_in(struct rk_state *state, struct rk_span account, const char *key)
{
	const struct rk_span encoded = rk_doc_at(account, key);
	struct rk_val *list = NULL;

	return encoded.data != NULL && rk_doc_read(&state->arena, rk_arena_span(&state->arena, encoded), &list) == RK_OK ?
		       list :
		       NULL;
}

/* `default` is made under the entry that made the namespace, but after its operations: one of them may need it. */
static struct rk_span find(struct rk_state *state, struct rk_span ns, struct rk_span name)
{
	const struct rk_span account = rk_state_doc(state, "serviceaccounts", ns, name);

	if (account.data != NULL || !rk_span_is(name, "default"))
		return account;
	rk_account_make(state, ns);
	return rk_state_doc(state, "serviceaccounts", ns, name);
}

bool rk_account_admit(struct rk_state *state, struct rk_val *pod, struct rk_outcome *ret)
{
	struct rk_arena *arena = &state->arena;
	struct rk_val *spec = rk_val_make(arena, pod, "spec");
	const struct rk_span ns = rk_object_ns(pod), said = rk_val_text_at(spec, "serviceAccountName");
	const struct rk_span name = said.size > 0 ? said : RK_SPAN("default"), account = find(state, ns, name);
	const char *why = NULL;

	if (account.data == NULL)
		return rk_created_forbid(state, pod, ret,
					 rk_arena_printf(arena,
							 "error looking up service account %.*s/%.*s: serviceaccount \"%.*s\" not found",
							 RK_SPAN_ARGS(ns), RK_SPAN_ARGS(name), RK_SPAN_ARGS(name)));
	rk_val_put_str(arena, spec, "serviceAccountName", name);
	rk_val_put_str(arena, spec, "serviceAccount", name);
	if (rk_val_bool_at(spec, "automountServiceAccountToken",
			   rk_doc_bool(account, "automountServiceAccountToken", true)))
		mount_token(state, spec);
	struct rk_val *pulls = list_in(state, account, "imagePullSecrets");
	if (rk_val_count(rk_val_at(spec, "imagePullSecrets")) == 0 && rk_val_count(pulls) > 0)
		rk_val_put(arena, spec, "imagePullSecrets", pulls);
	if (enforces(account)) {
		const struct limits limits = { arena, name, list_in(state, account, "secrets"), pulls };
		why = breach(&limits, spec);
	}
	return why == NULL || rk_created_forbid(state, pod, ret, why);
}
