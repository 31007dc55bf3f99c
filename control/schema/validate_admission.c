/* Webhooks, admission policies and aggregated APIs. What would have to be asked on every request is
 * not served yet: to accept it and not to ask would be worse than to refuse it. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

void rk_validate_webhooks(const struct rk_check *check, const struct rk_val *obj,
			  const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "webhooks");

	(void)old;
	if (rk_val_count(rk_val_at(obj, "webhooks")) > 0)
		(void)rk_forbidden(check, &path,
				   "not served yet: admission webhooks would not be called");
}

/* --- ValidatingAdmissionPolicy --- */

static void check_lines(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *one)
{
	const struct rk_path path = rk_path_field(up, "message");
	const struct rk_span text = rk_val_text_at(one, "message");

	if (text.size > 0 && memchr(text.data, '\n', text.size) != NULL)
		(void)rk_bad_text(check, &path, text, "message must not contain line breaks");
}

static void check_validations(const struct rk_check *check, const struct rk_val *spec)
{
	static const char needed[] =
		"validations or auditAnnotations must contain at least one item";
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("expression", "expression is not specified"),
	};
	static const struct rk_rule notes[] = {
		RK_NEEDED("key"),
		RK_NEEDED_FOR("valueExpression", "valueExpression is required"),
	};
	const struct rk_path path = rk_path_field(NULL, "spec.validations"),
			     audit_path = rk_path_field(NULL, "spec.auditAnnotations");
	const struct rk_val *list = rk_val_at(spec, "validations"),
			    *audit = rk_val_at(spec, "auditAnnotations");

	if (rk_val_count(list) == 0 && rk_val_count(audit) == 0) {
		(void)rk_missing(check, &path, needed);
		(void)rk_missing(check, &audit_path, needed);
	}
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		rk_check_rules(check, &item, rk_val_item(list, i), NULL, rules, RK_COUNT(rules));
		check_lines(check, &item, rk_val_item(list, i));
	}
	for (uint32_t i = 0; i < rk_val_count(audit); i++) {
		const struct rk_path item = rk_path_item(&audit_path, i);
		rk_check_rules(check, &item, rk_val_item(audit, i), NULL, notes, RK_COUNT(notes));
		(void)rk_check_unique(check, &item, audit, i, "key");
	}
}

static void check_match(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *match)
{
	static const struct rk_rule rules[] = {
		RK_SELECTOR("namespaceSelector"),
		RK_SELECTOR("objectSelector"),
	};
	static const struct rk_rule of_rules[] = {
		RK_NEEDED("operations"),
		RK_NEEDED("apiGroups"),
		RK_NEEDED("apiVersions"),
		RK_NEEDED("resources"),
	};
	const struct rk_path path = rk_path_field(up, "resourceRules");
	const struct rk_val *list = rk_val_at(match, "resourceRules");

	rk_check_rules(check, up, match, NULL, rules, RK_COUNT(rules));
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		rk_check_rules(check, &item, rk_val_item(list, i), NULL, of_rules,
			       RK_COUNT(of_rules));
	}
}

void rk_validate_admissionpolicy(const struct rk_check *check, const struct rk_val *obj,
				 const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED("spec.matchConstraints"),
		RK_NEEDED("spec.matchConstraints.resourceRules"),
	};
	static const struct rk_rule of_kind[] = {
		RK_NEEDED("apiVersion"),
		RK_NEEDED("kind"),
	};
	static const struct rk_rule of_variables[] = {
		RK_NEEDED_FOR("name", "name is not specified"),
		RK_NEEDED_FOR("expression", "expression is not specified"),
	};
	const struct rk_path match = rk_path_field(NULL, "spec.matchConstraints"),
			     kind = rk_path_field(NULL, "spec.paramKind"),
			     path = rk_path_field(NULL, "spec.variables");
	const struct rk_val *spec = rk_val_at(obj, "spec"), *list = rk_val_at(spec, "variables");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	check_match(check, &match, rk_val_at(spec, "matchConstraints"));
	if (rk_val_at(spec, "paramKind") != NULL)
		rk_check_rules(check, &kind, rk_val_at(spec, "paramKind"), NULL, of_kind,
			       RK_COUNT(of_kind));
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		rk_check_rules(check, &item, rk_val_item(list, i), NULL, of_variables,
			       RK_COUNT(of_variables));
	}
	check_validations(check, spec);
}

void rk_validate_admissionbinding(const struct rk_check *check, const struct rk_val *obj,
				  const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED("spec.policyName"),
		RK_NEEDED("spec.validationActions"),
	};
	const struct rk_path path = rk_path_field(NULL, "spec");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	(void)rk_forbidden(check, &path,
			   "not served yet: admission policies would not be enforced");
}

/* --- APIService --- */

void rk_validate_apiservice(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	const struct rk_path name_path = rk_path_field(NULL, "metadata.name"),
			     group_path = rk_path_field(NULL, "spec.groupPriorityMinimum"),
			     version_path = rk_path_field(NULL, "spec.versionPriority"),
			     service = rk_path_field(NULL, "spec.service"),
			     version = rk_path_field(NULL, "spec.version"),
			     bundle = rk_path_field(NULL, "spec.caBundle"),
			     skips = rk_path_field(NULL, "spec.insecureSkipTLSVerify");
	static const struct rk_rule rules[] = { RK_SYNTAX("spec.group", rk_name_subdomain) };
	const struct rk_val *spec = rk_val_at(obj, "spec");
	const struct rk_span name = rk_val_text_at(obj, "metadata.name");
	const char *wanted = rk_arena_printf(check->arena, "%.*s.%.*s",
					     RK_SPAN_ARGS(rk_val_text_at(spec, "version")),
					     RK_SPAN_ARGS(rk_val_text_at(spec, "group")));
	const int64_t group_priority = rk_val_int_at(spec, "groupPriorityMinimum", 0);
	const int64_t version_priority = rk_val_int_at(spec, "versionPriority", 0);
	const char *why = rk_name_label_1035(rk_val_text_at(spec, "version"));

	if (name.size > 0 && !rk_span_is(name, wanted))
		(void)rk_bad_text(check, &name_path, name,
				  rk_arena_printf(check->arena,
						  "must be `spec.version+\".\"+spec.group`: \"%s\"",
						  wanted));
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (why != NULL)
		(void)rk_bad_text(check, &version, rk_val_text_at(spec, "version"), why);
	if (group_priority <= 0 || group_priority > 20000)
		(void)rk_bad(check, &group_path, rk_val_int(check->arena, group_priority),
			     "must be positive and less than 20000");
	if (version_priority <= 0 || version_priority > 1000)
		(void)rk_bad(check, &version_path, rk_val_int(check->arena, version_priority),
			     "must be positive and less than 1000");
	if (rk_val_at(spec, "service") != NULL) {
		(void)rk_forbidden(check, &service,
				   "not served yet: requests would not reach another server");
		return;
	}
	if (rk_val_text_at(spec, "caBundle").size > 0)
		(void)rk_bad_text(check, &bundle, RK_SPAN("..."),
				  "local APIServices may not have a caBundle");
	if (rk_val_bool_at(spec, "insecureSkipTLSVerify", false))
		(void)rk_bad(check, &skips, rk_val_at(spec, "insecureSkipTLSVerify"),
			     "local APIServices may not have insecureSkipTLSVerify");
}
