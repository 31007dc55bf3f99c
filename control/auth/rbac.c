#include "control/auth/rbac.h"

#include <stdlib.h>

#include "base/mem.h"
#include "wire/doc.h"

#define GROUP "rbac.authorization.k8s.io"

struct role {
	struct rk_span ns, name; /* ns empty: a ClusterRole */
	const struct rk_val *rules;
};

struct binding {
	struct rk_span ns, name; /* ns empty: a ClusterRoleBinding */
	const struct rk_val *subjects;
	const struct role *role;
};

struct rk_rbac {
	struct rk_arena arena;
	size_t role_count, role_capacity, binding_count, binding_capacity;
	struct role *roles; /* in the order of the store: cluster-wide ones, then by namespace and name */
	struct binding *bindings;
};

static const char *const kinds[] = { "clusterroles." GROUP, "roles." GROUP, "clusterrolebindings." GROUP,
				     "rolebindings." GROUP };

bool rk_rbac_follows(struct rk_span kind)
{
	for (size_t i = 0; i < RK_COUNT(kinds); i++)
		if (rk_span_is(kind, kinds[i]))
			return true;
	return false;
}

/* --- compiling --- */

static const struct rk_val *value_of(struct rk_rbac *rbac, const struct rk_object *object)
{
	struct rk_val *val = NULL;
	const struct rk_span copy = rk_arena_span(&rbac->arena, rk_blob_span(object->doc));

	return rk_doc_read(&rbac->arena, copy, &val) == RK_OK ? val : NULL;
}

static void add_role(struct rk_rbac *rbac, const struct rk_object *object)
{
	const struct rk_val *val = value_of(rbac, object), *rules = rk_val_at(val, "rules");

	rbac->roles = rk_grow(rbac->roles, &rbac->role_capacity, rbac->role_count + 1,
			      sizeof *rbac->roles);
	rbac->roles[rbac->role_count++] =
		(struct role){ rk_arena_span(&rbac->arena, object->ns),
			       rk_arena_span(&rbac->arena, object->name),
			       rules != NULL ? rules : rk_val_list(&rbac->arena) };
}

static int by_name(const void *left, const void *right)
{
	const struct role *a = left, *b = right;
	const int order = rk_span_cmp(a->ns, b->ns);

	return order != 0 ? order : rk_span_cmp(a->name, b->name);
}

static const struct role *find_role(const struct rk_rbac *rbac, const struct rk_val *role_ref,
				    struct rk_span ns)
{
	const bool is_cluster = rk_span_is(rk_val_text_at(role_ref, "kind"), "ClusterRole");
	const struct role key = { is_cluster ? RK_SPAN("") : ns, rk_val_text_at(role_ref, "name"),
				  NULL };

	if (rbac->role_count == 0 || (!is_cluster && ns.size == 0))
		return NULL;
	return bsearch(&key, rbac->roles, rbac->role_count, sizeof key, by_name);
}

static void add_binding(struct rk_rbac *rbac, const struct rk_object *object)
{
	const struct rk_val *val = value_of(rbac, object);
	const struct role *role = find_role(rbac, rk_val_at(val, "roleRef"), object->ns);

	if (role == NULL) /* it grants nothing until its role is there */
		return;
	rbac->bindings = rk_grow(rbac->bindings, &rbac->binding_capacity, rbac->binding_count + 1,
				 sizeof *rbac->bindings);
	rbac->bindings[rbac->binding_count++] =
		(struct binding){ rk_arena_span(&rbac->arena, object->ns),
				  rk_arena_span(&rbac->arena, object->name),
				  rk_val_at(val, "subjects"), role };
}

static void each(struct rk_rbac *rbac, const struct rk_view *view, const char *kind,
		 void (*add)(struct rk_rbac *, const struct rk_object *))
{
	struct rk_view_iter iter;
	struct rk_object object;

	rk_view_list(&iter, view, rk_span_str(kind), RK_SPAN(""), RK_SPAN(""), RK_SPAN(""));
	while (rk_view_next(&iter, &object))
		add(rbac, &object);
}

struct rk_rbac *rk_rbac_new(const struct rk_view *view)
{
	struct rk_rbac *rbac = rk_zalloc(sizeof *rbac);

	each(rbac, view, kinds[0], add_role);
	each(rbac, view, kinds[1], add_role);
	if (rbac->role_count > 0)
		qsort(rbac->roles, rbac->role_count, sizeof *rbac->roles, by_name);
	each(rbac, view, kinds[2], add_binding);
	each(rbac, view, kinds[3], add_binding);
	return rbac;
}

struct rk_rbac *rk_rbac_free(struct rk_rbac *rbac)
{
	if (rbac == NULL)
		return NULL;
	free(rbac->roles);
	free(rbac->bindings);
	rk_arena_done(&rbac->arena);
	free(rbac);
	return NULL;
}

/* --- asking --- */

static bool has(const struct rk_val *rule, const char *key, struct rk_span text)
{
	const struct rk_val *list = rk_val_get(rule, rk_span_str(key));

	return rk_val_has_text(list, RK_SPAN("*")) || rk_val_has_text(list, text);
}

/* "pods", "pods/log", "*", or any resource with this subresource. */
static bool has_resource(const struct rk_val *rule, struct rk_span resource, struct rk_span sub)
{
	const struct rk_val *list = rk_val_at(rule, "resources");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		struct rk_span name;
		const struct rk_span text = rk_val_text(rk_val_item(list, i));
		const struct rk_span rest = rk_span_cut(text, '/', &name);
		if (rk_span_is(text, "*"))
			return true;
		if (rk_span_eq(rest, sub) && (rk_span_eq(name, resource) ||
					      (sub.size > 0 && rk_span_is(name, "*"))))
			return true;
	}
	return false;
}

static bool has_path(const struct rk_val *rule, struct rk_span path)
{
	const struct rk_val *list = rk_val_at(rule, "nonResourceURLs");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_span text = rk_val_text(rk_val_item(list, i));
		const bool is_open = rk_span_ends(text, RK_SPAN("*"));
		if (rk_span_eq(text, path) ||
		    (is_open && rk_span_starts(path, rk_span_sub(text, 0, text.size - 1))))
			return true;
	}
	return false;
}

static bool rule_allows(const struct rk_val *rule, const struct rk_ask *ask)
{
	const struct rk_val *names = rk_val_at(rule, "resourceNames");

	if (!has(rule, "verbs", ask->verb))
		return false;
	if (ask->path.size > 0)
		return has_path(rule, ask->path);
	return has(rule, "apiGroups", ask->group) && has_resource(rule, ask->resource, ask->sub) &&
	       (rk_val_count(names) == 0 || rk_val_has_text(names, ask->name));
}

static bool is_subject(const struct rk_val *subject, const struct rk_user *user, struct rk_span ns)
{
	const struct rk_span kind = rk_val_text_at(subject, "kind"),
			     name = rk_val_text_at(subject, "name");
	struct rk_span of = rk_val_text_at(subject, "namespace"), rest = user->name;

	if (rk_span_is(kind, "User"))
		return rk_span_eq(name, user->name);
	if (rk_span_is(kind, "Group")) {
		for (uint32_t i = 0; i < user->group_count; i++)
			if (rk_span_eq(name, user->groups[i]))
				return true;
		return false;
	}
	if (!rk_span_is(kind, "ServiceAccount") ||
	    !rk_span_starts(user->name, RK_SPAN("system:serviceaccount:")))
		return false;
	of = of.size > 0 ? of : ns;
	rest = rk_span_sub(rest, sizeof "system:serviceaccount:" - 1, rest.size);
	return rest.size == of.size + 1 + name.size && rk_span_starts(rest, of) &&
	       rest.data[of.size] == ':' && rk_span_ends(rest, name);
}

static const struct rk_val *subject_of(const struct binding *binding, const struct rk_user *user)
{
	for (uint32_t i = 0; i < rk_val_count(binding->subjects); i++)
		if (is_subject(rk_val_item(binding->subjects, i), user, binding->ns))
			return rk_val_item(binding->subjects, i);
	return NULL;
}

static bool reaches(const struct binding *binding, struct rk_span ns)
{
	return binding->ns.size == 0 || (ns.size > 0 && rk_span_eq(binding->ns, ns));
}

static bool role_allows(const struct role *role, const struct rk_ask *ask)
{
	for (uint32_t i = 0; i < rk_val_count(role->rules); i++)
		if (rule_allows(rk_val_item(role->rules, i), ask))
			return true;
	return false;
}

static const char *explain(struct rk_arena *arena, const struct binding *binding,
			   const struct rk_val *subject)
{
	const bool is_cluster = binding->ns.size == 0;
	const char *of = is_cluster ? ""
				    : rk_arena_printf(arena, "/%.*s", RK_SPAN_ARGS(binding->ns));

	return rk_arena_printf(arena,
			       "RBAC: allowed by %s \"%.*s%s\" of %s \"%.*s\" to %.*s \"%.*s\"",
			       is_cluster ? "ClusterRoleBinding" : "RoleBinding",
			       RK_SPAN_ARGS(binding->name), of,
			       binding->role->ns.size == 0 ? "ClusterRole" : "Role",
			       RK_SPAN_ARGS(binding->role->name),
			       RK_SPAN_ARGS(rk_val_text_at(subject, "kind")),
			       RK_SPAN_ARGS(rk_val_text_at(subject, "name")));
}

bool rk_rbac_allows(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
		    const struct rk_ask *ask, const char **ret_why)
{
	for (size_t i = 0; i < rbac->binding_count; i++) {
		const struct binding *binding = &rbac->bindings[i];
		const struct rk_val *subject;
		if (!reaches(binding, ask->ns) || !role_allows(binding->role, ask) ||
		    (subject = subject_of(binding, user)) == NULL)
			continue;
		if (ret_why != NULL)
			*ret_why = explain(arena, binding, subject);
		return true;
	}
	return false;
}

/* --- listing --- */

static void put_list(struct rk_arena *arena, struct rk_val *to, const struct rk_val *rule,
		     const char *key, bool is_required)
{
	const struct rk_val *list = rk_val_get(rule, rk_span_str(key));

	if (rk_val_count(list) > 0)
		rk_val_put(arena, to, key, rk_val_copy(arena, list));
	else if (is_required)
		rk_val_put(arena, to, key, rk_val_list(arena));
}

static void list_rule(struct rk_arena *arena, const struct rk_val *rule,
		      struct rk_val *resource_rules, struct rk_val *path_rules)
{
	struct rk_val *copy = rk_val_map(arena);

	put_list(arena, copy, rule, "verbs", true);
	if (rk_val_count(rk_val_at(rule, "nonResourceURLs")) > 0) {
		put_list(arena, copy, rule, "nonResourceURLs", false);
		rk_val_append(arena, path_rules, copy);
	} else {
		put_list(arena, copy, rule, "apiGroups", false);
		put_list(arena, copy, rule, "resources", false);
		put_list(arena, copy, rule, "resourceNames", false);
		rk_val_append(arena, resource_rules, copy);
	}
}

void rk_rbac_rules(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
		   struct rk_span ns, struct rk_val *resource_rules, struct rk_val *path_rules)
{
	for (size_t i = 0; i < rbac->binding_count; i++) {
		const struct binding *binding = &rbac->bindings[i];
		if (!reaches(binding, ns) || subject_of(binding, user) == NULL)
			continue;
		for (uint32_t n = 0; n < rk_val_count(binding->role->rules); n++)
			list_rule(arena, rk_val_item(binding->role->rules, n), resource_rules,
				  path_rules);
	}
}

/* --- granting --- */

/* Each single thing that the rule allows is asked for: "*" only "*" covers. */
static bool covers_resources(const struct rk_rbac *rbac, const struct rk_user *user,
			     const struct rk_val *rule, struct rk_ask ask)
{
	static const struct rk_span any = { NULL, 0 };
	const struct rk_val *groups = rk_val_at(rule, "apiGroups"),
			    *resources = rk_val_at(rule, "resources"),
			    *names = rk_val_at(rule, "resourceNames");

	for (uint32_t g = 0; g < rk_val_count(groups); g++) {
		ask.group = rk_val_text(rk_val_item(groups, g));
		for (uint32_t r = 0; r < rk_val_count(resources); r++) {
			ask.sub = rk_span_cut(rk_val_text(rk_val_item(resources, r)), '/',
					      &ask.resource);
			for (uint32_t n = 0; n < RK_MAX(rk_val_count(names), 1u); n++) {
				ask.name = rk_val_count(names) > 0
						   ? rk_val_text(rk_val_item(names, n))
						   : any;
				if (!rk_rbac_allows(NULL, rbac, user, &ask, NULL))
					return false;
			}
		}
	}
	return true;
}

static bool covers_paths(const struct rk_rbac *rbac, const struct rk_user *user,
			 const struct rk_val *rule, struct rk_ask ask)
{
	const struct rk_val *paths = rk_val_at(rule, "nonResourceURLs");

	for (uint32_t i = 0; i < rk_val_count(paths); i++) {
		ask.path = rk_val_text(rk_val_item(paths, i));
		if (!rk_rbac_allows(NULL, rbac, user, &ask, NULL))
			return false;
	}
	return true;
}

bool rk_rbac_covers(const struct rk_rbac *rbac, const struct rk_user *user, struct rk_span ns,
		    const struct rk_val *rules)
{
	for (uint32_t i = 0; i < rk_val_count(rules); i++) {
		const struct rk_val *rule = rk_val_item(rules, i), *verbs = rk_val_at(rule, "verbs");
		for (uint32_t v = 0; v < rk_val_count(verbs); v++) {
			const struct rk_ask ask = { .verb = rk_val_text(rk_val_item(verbs, v)),
						    .ns = ns };
			if (!covers_resources(rbac, user, rule, ask) ||
			    !covers_paths(rbac, user, rule, ask))
				return false;
		}
	}
	return true;
}

const struct rk_val *rk_rbac_role(const struct rk_rbac *rbac, const struct rk_val *role_ref,
				  struct rk_span ns)
{
	const struct role *role = find_role(rbac, role_ref, ns);

	return role != NULL ? role->rules : NULL;
}
