/* Roles and their bindings. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

#define RBAC "rbac.authorization.k8s.io"

static const char *const only_rbac[] = { RBAC, NULL };
static const char *const only_core[] = { "", NULL };

static void check_policy(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_val *rule, bool is_namespaced)
{
	static const struct rk_rule verbs[] = {
		RK_NEEDED_FOR("verbs", "verbs must contain at least one value"),
	};
	static const struct rk_rule resources[] = {
		RK_NEEDED_FOR("apiGroups", "resource rules must supply at least one api group"),
		RK_NEEDED_FOR("resources", "resource rules must supply at least one resource"),
	};
	const struct rk_path urls = rk_path_field(path, "nonResourceURLs");
	const struct rk_val *list = rk_val_at(rule, "nonResourceURLs");

	rk_check_rules(check, path, rule, NULL, verbs, RK_COUNT(verbs));
	if (rk_val_count(list) == 0) {
		rk_check_rules(check, path, rule, NULL, resources, RK_COUNT(resources));
		return;
	}
	if (is_namespaced)
		(void)rk_bad(check, &urls, list,
			     "namespaced rules cannot apply to non-resource URLs");
	if (rk_val_count(rk_val_at(rule, "apiGroups")) > 0 ||
	    rk_val_count(rk_val_at(rule, "resources")) > 0 ||
	    rk_val_count(rk_val_at(rule, "resourceNames")) > 0)
		(void)rk_bad(check, &urls, list,
			     "rules cannot apply to both regular resources and non-resource URLs");
}

static void check_policies(const struct rk_check *check, const struct rk_val *obj,
			   bool is_namespaced)
{
	const struct rk_path path = rk_path_field(NULL, "rules");
	const struct rk_val *rules = rk_val_at(obj, "rules");

	for (uint32_t i = 0; i < rk_val_count(rules); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		check_policy(check, &item, rk_val_item(rules, i), is_namespaced);
	}
}

void rk_validate_role(const struct rk_check *check, const struct rk_val *obj,
		      const struct rk_val *old)
{
	(void)old;
	check_policies(check, obj, true);
}

void rk_validate_clusterrole(const struct rk_check *check, const struct rk_val *obj,
			     const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "aggregationRule.clusterRoleSelectors");
	const struct rk_val *list = rk_val_at(obj, "aggregationRule.clusterRoleSelectors");

	(void)old;
	check_policies(check, obj, false);
	if (rk_val_at(obj, "aggregationRule") == NULL)
		return;
	if (rk_val_count(list) == 0)
		(void)rk_missing(
			check, &path,
			"at least one clusterRoleSelector required if aggregationRule is non-nil");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		rk_check_selector(check, &item, rk_val_item(list, i));
	}
}

static void check_group(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *map, const char *const *groups)
{
	const struct rk_path path = rk_path_field(up, "apiGroup");
	const struct rk_val *group = rk_val_at(map, "apiGroup");

	if (!rk_span_is(rk_val_text(group), groups[0]))
		(void)rk_unsupported(check, &path,
				     group != NULL ? group : rk_val_cstr(check->arena, ""), groups);
}

static void check_subject(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *subject, bool is_namespaced)
{
	static const char *const kinds[] = { "ServiceAccount", "User", "Group", NULL };
	const struct rk_path kind_path = rk_path_field(path, "kind");
	const struct rk_span kind = rk_val_text_at(subject, "kind");

	(void)rk_check_text(check, path, subject, "name");
	if (rk_span_is(kind, kinds[0])) {
		(void)rk_check_syntax(check, path, subject, "name", rk_name_subdomain);
		check_group(check, path, subject, only_core);
		if (!is_namespaced)
			(void)rk_check_text(check, path, subject, "namespace");
	} else if (rk_span_is(kind, kinds[1]) || rk_span_is(kind, kinds[2])) {
		check_group(check, path, subject, only_rbac);
	} else {
		(void)rk_unsupported(check, &kind_path, rk_val_at(subject, "kind"), kinds);
	}
}

static void check_binding(const struct rk_check *check, const struct rk_val *obj,
			  const struct rk_val *old, const char *const *kinds, bool is_namespaced)
{
	const struct rk_path role = rk_path_field(NULL, "roleRef"),
			     kind = rk_path_field(&role, "kind");
	const struct rk_path path = rk_path_field(NULL, "subjects");
	const struct rk_val *ref = rk_val_at(obj, "roleRef"), *list = rk_val_at(obj, "subjects");
	bool is_known = false;

	for (size_t i = 0; kinds[i] != NULL; i++)
		is_known = is_known || rk_span_is(rk_val_text_at(ref, "kind"), kinds[i]);
	check_group(check, &role, ref, only_rbac);
	if (!is_known)
		(void)rk_unsupported(check, &kind, rk_val_at(ref, "kind"), kinds);
	(void)rk_check_named(check, &role, ref, "name", rk_name_path_segment);
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		check_subject(check, &item, rk_val_item(list, i), is_namespaced);
	}
	if (old != NULL && !rk_val_eq(ref, rk_val_at(old, "roleRef")))
		(void)rk_bad(check, &role, ref, "cannot change roleRef");
}

void rk_validate_rolebinding(const struct rk_check *check, const struct rk_val *obj,
			     const struct rk_val *old)
{
	static const char *const kinds[] = { "Role", "ClusterRole", NULL };

	check_binding(check, obj, old, kinds, true);
}

void rk_validate_clusterrolebinding(const struct rk_check *check, const struct rk_val *obj,
				    const struct rk_val *old)
{
	static const char *const kinds[] = { "ClusterRole", NULL };

	check_binding(check, obj, old, kinds, false);
}
