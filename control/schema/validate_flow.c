/* FlowSchemas and PriorityLevelConfigurations. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

/* --- FlowSchema --- */

static void check_subject(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *subject)
{
	static const char *const kinds[] = { "Group", "ServiceAccount", "User", NULL };
	static const struct {
		const char *kind, *field;
	} parts[] = { { "ServiceAccount", "serviceAccount" },
		      { "User", "user" },
		      { "Group", "group" } };
	static const struct rk_rule account[] = {
		RK_NEEDED("serviceAccount.namespace"),
		RK_NEEDED("serviceAccount.name"),
	};
	const struct rk_path kind_path = rk_path_field(path, "kind");
	const struct rk_span kind = rk_val_text_at(subject, "kind");
	bool is_known = false;

	for (size_t i = 0; i < RK_COUNT(parts); i++) {
		const struct rk_path field = rk_path_field(path, parts[i].field),
				     name = rk_path_field(&field, "name");
		const struct rk_val *part = rk_val_at(subject, parts[i].field);
		const bool is_it = rk_span_is(kind, parts[i].kind);
		is_known = is_known || is_it;
		if (is_it && part == NULL)
			(void)rk_missing(check, &field,
					 rk_arena_printf(check->arena,
							 "%s is required when subject kind is '%s'",
							 parts[i].field, parts[i].kind));
		else if (!is_it && part != NULL)
			(void)rk_forbidden(
				check, &field,
				rk_arena_printf(check->arena,
						"%s is forbidden when subject kind is not "
						"'%s'",
						parts[i].field, parts[i].kind));
		else if (is_it && i > 0 && rk_val_text_at(part, "name").size == 0)
			(void)rk_missing(check, &name, "");
		else if (is_it && i == 0)
			rk_check_rules(check, path, subject, NULL, account, RK_COUNT(account));
	}
	if (!is_known)
		(void)rk_unsupported(check, &kind_path, rk_val_at(subject, "kind"), kinds);
}

static bool has_star(const struct rk_val *list)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text(rk_val_item(list, i)), "*"))
			return true;
	return false;
}

/* "*" stands alone. */
static void check_star(const struct rk_check *check, const struct rk_path *up,
		       const struct rk_val *rule, const char *field, const char *what)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_val *list = rk_val_at(rule, field);

	if (rk_val_count(list) > 1 && has_star(list))
		(void)rk_bad(check, &path, list,
			     rk_arena_printf(check->arena,
					     "if '*' is present, must not specify other %s", what));
}

static void check_resource_rule(const struct rk_check *check, const struct rk_path *path,
				const struct rk_val *rule)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("verbs", "verbs must contain at least one value"),
		RK_NEEDED_FOR("apiGroups", "resource rules must supply at least one api group"),
		RK_NEEDED_FOR("resources", "resource rules must supply at least one resource"),
	};
	const struct rk_path ns = rk_path_field(path, "namespaces");

	rk_check_rules(check, path, rule, NULL, rules, RK_COUNT(rules));
	check_star(check, path, rule, "verbs", "verbs");
	check_star(check, path, rule, "apiGroups", "api groups");
	check_star(check, path, rule, "resources", "resources");
	check_star(check, path, rule, "namespaces", "namespaces");
	if (rk_val_count(rk_val_at(rule, "namespaces")) == 0 &&
	    !rk_val_bool_at(rule, "clusterScope", false))
		(void)rk_missing(
			check, &ns,
			"resource rules that are not cluster scoped must supply at least one "
			"namespace");
}

static void check_flow_rule(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *rule)
{
	static const struct rk_rule needed[] = {
		RK_NEEDED_FOR("subjects", "subjects must contain at least one value"),
	};
	static const struct rk_rule of_urls[] = {
		RK_NEEDED_FOR("verbs", "verbs must contain at least one value"),
		RK_NEEDED_FOR("nonResourceURLs", "nonResourceURLs must contain at least one value"),
	};
	const struct rk_path subjects = rk_path_field(path, "subjects"),
			     resources = rk_path_field(path, "resourceRules"),
			     urls = rk_path_field(path, "nonResourceRules");
	const struct rk_val *who = rk_val_at(rule, "subjects"),
			    *what = rk_val_at(rule, "resourceRules"),
			    *where = rk_val_at(rule, "nonResourceRules");

	rk_check_rules(check, path, rule, NULL, needed, RK_COUNT(needed));
	if (rk_val_count(what) == 0 && rk_val_count(where) == 0)
		(void)rk_missing(check, path,
				 "at least one of resourceRules and nonResourceRules has to be "
				 "non-empty");
	for (uint32_t i = 0; i < rk_val_count(who); i++) {
		const struct rk_path item = rk_path_item(&subjects, i);
		check_subject(check, &item, rk_val_item(who, i));
	}
	for (uint32_t i = 0; i < rk_val_count(what); i++) {
		const struct rk_path item = rk_path_item(&resources, i);
		check_resource_rule(check, &item, rk_val_item(what, i));
	}
	for (uint32_t i = 0; i < rk_val_count(where); i++) {
		const struct rk_path item = rk_path_item(&urls, i);
		rk_check_rules(check, &item, rk_val_item(where, i), NULL, of_urls,
			       RK_COUNT(of_urls));
		check_star(check, &item, rk_val_item(where, i), "verbs", "verbs");
	}
}

void rk_validate_flowschema(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	static const char *const methods[] = { "ByNamespace", "ByUser", NULL };
	static const struct rk_rule rules[] = {
		{ RK_RULE_AT_LEAST, "spec.matchingPrecedence", "must be a positive value", 1, NULL,
		  NULL },
		{ RK_RULE_AT_MOST, "spec.matchingPrecedence", "must not be greater than 10000",
		  10000, NULL, NULL },
		RK_ONE_OF("spec.distinguisherMethod.type", methods),
		RK_NEEDED_FOR("spec.priorityLevelConfiguration.name",
			      "must reference a priority level"),
		RK_SYNTAX("spec.priorityLevelConfiguration.name", rk_name_subdomain),
	};
	const struct rk_path path = rk_path_field(NULL, "spec.rules"),
			     order = rk_path_field(NULL, "spec.matchingPrecedence");
	const struct rk_val *list = rk_val_at(obj, "spec.rules");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (rk_val_int_at(obj, "spec.matchingPrecedence", 0) == 1 &&
	    !rk_span_is(rk_val_text_at(obj, "metadata.name"), "exempt"))
		(void)rk_bad(check, &order, rk_val_at(obj, "spec.matchingPrecedence"),
			     "only the schema named 'exempt' may have matchingPrecedence 1");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		check_flow_rule(check, &item, rk_val_item(list, i));
	}
}

/* --- PriorityLevelConfiguration --- */

static void check_queuing(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *queuing)
{
	static const struct rk_rule rules[] = {
		{ RK_RULE_AT_LEAST, "queues", "must be positive", 1, NULL, NULL },
		{ RK_RULE_AT_MOST, "queues", "must not be greater than 10000000", 10000000, NULL,
		  NULL },
		{ RK_RULE_AT_LEAST, "handSize", "must be positive", 1, NULL, NULL },
		{ RK_RULE_AT_LEAST, "queueLengthLimit", "must be positive", 1, NULL, NULL },
	};
	const struct rk_path hand = rk_path_field(path, "handSize");
	const int64_t queues = rk_val_int_at(queuing, "queues", 0);

	rk_check_rules(check, path, queuing, NULL, rules, RK_COUNT(rules));
	if (rk_val_int_at(queuing, "handSize", 0) > queues)
		(void)rk_bad(check, &hand, rk_val_at(queuing, "handSize"),
			     rk_arena_printf(check->arena,
					     "should not be greater than queues (%lld)",
					     (long long)queues));
}

static void check_limited(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *limited)
{
	static const char *const responses[] = { "Queue", "Reject", NULL };
	static const struct rk_rule rules[] = {
		{ RK_RULE_AT_LEAST, "nominalConcurrencyShares", "must be a non-negative integer", 0,
		  NULL, NULL },
		{ RK_RULE_AT_LEAST, "lendablePercent", "must be between 0 and 100, inclusive", 0,
		  NULL, NULL },
		{ RK_RULE_AT_MOST, "lendablePercent", "must be between 0 and 100, inclusive", 100,
		  NULL, NULL },
		{ RK_RULE_AT_LEAST, "borrowingLimitPercent",
		  "if specified, must be a non-negative integer", 0, NULL, NULL },
	};
	const struct rk_path response = rk_path_field(path, "limitResponse"),
			     type_path = rk_path_field(&response, "type"),
			     queuing_path = rk_path_field(&response, "queuing");
	const struct rk_val *says = rk_val_at(limited, "limitResponse");
	const struct rk_val *queuing = rk_val_at(says, "queuing");
	const struct rk_span type = rk_val_text_at(says, "type");

	rk_check_rules(check, path, limited, NULL, rules, RK_COUNT(rules));
	if (rk_span_is(type, "Queue")) {
		if (queuing == NULL)
			(void)rk_missing(check, &queuing_path,
					 "must not be empty if limiting means queuing");
		else
			check_queuing(check, &queuing_path, queuing);
	} else if (rk_span_is(type, "Reject")) {
		if (queuing != NULL)
			(void)rk_forbidden(
				check, &queuing_path,
				"must be nil if limited.limitResponse.type is not Limited");
	} else {
		(void)rk_unsupported(check, &type_path, rk_val_at(says, "type"), responses);
	}
}

void rk_validate_prioritylevel(const struct rk_check *check, const struct rk_val *obj,
			       const struct rk_val *old)
{
	static const char *const types[] = { "Exempt", "Limited", NULL };
	const struct rk_path spec = rk_path_field(NULL, "spec"),
			     type_path = rk_path_field(&spec, "type"),
			     limited_path = rk_path_field(&spec, "limited"),
			     exempt_path = rk_path_field(&spec, "exempt");
	const struct rk_val *limited = rk_val_at(obj, "spec.limited");
	const struct rk_span type = rk_val_text_at(obj, "spec.type");

	(void)old;
	if (rk_span_is(type, "Exempt")) {
		if (limited != NULL)
			(void)rk_forbidden(check, &limited_path,
					   "must be nil if the type is not Limited");
	} else if (rk_span_is(type, "Limited")) {
		if (rk_val_at(obj, "spec.exempt") != NULL)
			(void)rk_forbidden(check, &exempt_path,
					   "must be nil if the type is Limited");
		if (limited == NULL)
			(void)rk_missing(check, &limited_path,
					 "must not be empty when type is Limited");
		else
			check_limited(check, &limited_path, limited);
	} else {
		(void)rk_unsupported(check, &type_path, rk_val_at(obj, "spec.type"), types);
	}
}
