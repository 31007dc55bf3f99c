/* Questions about who may do what, and about tokens: checked before they are answered; never
 * stored. */
#include "base/mem.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

/* One of the two must be asked, and only one. */
static void check_attributes(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path spec = rk_path_field(NULL, "spec");
	const struct rk_path resource = rk_path_field(&spec, "resourceAttributes");
	const struct rk_path other = rk_path_field(&spec, "nonResourceAttributes");
	const struct rk_val *asks = rk_val_at(obj, "spec.resourceAttributes");
	const struct rk_val *asks_other = rk_val_at(obj, "spec.nonResourceAttributes");

	if (asks != NULL && asks_other != NULL)
		(void)rk_bad(check, &other, asks_other,
			     "cannot be specified in combination with resourceAttributes");
	else if (asks == NULL && asks_other == NULL)
		(void)rk_bad(check, &resource, rk_val_null(check->arena),
			     "exactly one of nonResourceAttributes or resourceAttributes must be "
			     "specified");
}

static void check_who(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "spec.user");

	if (rk_val_text_at(obj, "spec.user").size == 0 &&
	    rk_val_count(rk_val_at(obj, "spec.groups")) == 0)
		(void)rk_bad_text(check, &path, RK_SPAN(""),
				  "at least one of user or group must be specified");
}

/* What is asked has no name. */
static void check_no_metadata(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "metadata");
	const struct rk_val *meta = rk_val_at(obj, "metadata");

	for (uint32_t i = 0; i < rk_val_count(meta); i++)
		if (!rk_span_is(meta->fields[i].key, "managedFields") &&
		    !rk_span_is(meta->fields[i].key, "creationTimestamp")) {
			(void)rk_bad(check, &path, meta, "must be empty");
			return;
		}
}

void rk_validate_tokenreview(const struct rk_check *check, const struct rk_val *obj,
			     const struct rk_val *old)
{
	static const struct rk_rule rules[] = { RK_NEEDED("spec.token") };

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}

void rk_validate_selfaccessreview(const struct rk_check *check, const struct rk_val *obj,
				  const struct rk_val *old)
{
	(void)old;
	check_attributes(check, obj);
	check_no_metadata(check, obj);
}

void rk_validate_accessreview(const struct rk_check *check, const struct rk_val *obj,
			      const struct rk_val *old)
{
	(void)old;
	check_attributes(check, obj);
	check_who(check, obj);
	check_no_metadata(check, obj);
}

void rk_validate_localaccessreview(const struct rk_check *check, const struct rk_val *obj,
				   const struct rk_val *old)
{
	const struct rk_path other = rk_path_field(NULL, "spec.nonResourceAttributes");
	const struct rk_path ns = rk_path_field(NULL, "spec.resourceAttributes.namespace");
	const struct rk_val *asks = rk_val_at(obj, "spec.resourceAttributes");
	const struct rk_val *asks_other = rk_val_at(obj, "spec.nonResourceAttributes");
	const struct rk_span about = rk_val_text_at(asks, "namespace");

	(void)old;
	check_attributes(check, obj);
	check_who(check, obj);
	if (asks != NULL && !rk_span_eq(about, rk_val_text_at(obj, "metadata.namespace")))
		(void)rk_bad_text(check, &ns, about, "must match metadata.namespace");
	if (asks_other != NULL)
		(void)rk_bad(check, &other, asks_other, "disallowed on this kind of request");
}

/* pods/binding and bindings. */
void rk_validate_target(const struct rk_check *check, const struct rk_val *obj,
			const struct rk_val *old)
{
	const struct rk_path kind_path = rk_path_field(NULL, "target.kind");
	const struct rk_span kind = rk_val_text_at(obj, "target.kind");
	static const struct rk_rule rules[] = { RK_NEEDED("target.name") };
	static const char *const kinds[] = { "Node", "<empty>", NULL };

	if (kind.size > 0 && !rk_span_is(kind, "Node"))
		(void)rk_unsupported(check, &kind_path, rk_val_at(obj, "target.kind"), kinds);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}
