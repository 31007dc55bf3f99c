/* Requests for certificates. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"
#include "wire/base64.h"

#define DOMAIN_BYTES_MAX 253
#define PATH_BYTES_MAX   507
#define LIFETIME_MIN_S   600

/* Only that it is a PEM block of the right type: whether its signature is good is for the signer to
 * find out. */
static void check_request(const struct rk_check *check, const struct rk_val *obj)
{
	static const char head[] = "-----BEGIN CERTIFICATE REQUEST-----";
	static const char tail[] = "-----END CERTIFICATE REQUEST-----";
	const struct rk_path path = rk_path_field(NULL, "spec.request");
	const struct rk_val *request = rk_val_at(obj, "spec.request");
	struct rk_span text = { NULL, 0 };
	bool good = rk_base64_decode(check->arena, rk_val_text(request), &text);
	size_t at = 0;

	while (good && at < text.size &&
	       !rk_span_starts(rk_span_sub(text, at, text.size), rk_span_str(head)))
		at++;
	good = good && at < text.size;
	while (good && at < text.size &&
	       !rk_span_starts(rk_span_sub(text, at, text.size), rk_span_str(tail)))
		at++;
	if (!good || at == text.size)
		(void)rk_bad(check, &path, request, "PEM block type must be CERTIFICATE REQUEST");
}

static void check_domain(const struct rk_check *check, const struct rk_path *path,
			 struct rk_span domain)
{
	struct rk_span rest = domain, part;
	unsigned parts = 0;

	if (domain.size > DOMAIN_BYTES_MAX)
		(void)rk_too_long(check, path, DOMAIN_BYTES_MAX);
	do {
		rest = rk_span_cut(rest, '.', &part);
		const char *why = rk_name_label(part);
		parts++;
		if (why != NULL)
			(void)rk_bad_text(check, path, domain,
					  rk_arena_printf(check->arena,
							  "validating label \"%.*s\": %s",
							  RK_SPAN_ARGS(part), why));
	} while (rest.data != NULL);
	if (parts < 2)
		(void)rk_bad_text(
			check, path, domain,
			"should be a domain with at least two segments separated by dots");
}

static void check_signer(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "spec.signerName");
	const struct rk_span name = rk_val_text_at(obj, "spec.signerName");
	struct rk_span domain;
	const struct rk_span rest = rk_span_cut(name, '/', &domain);

	if (name.size == 0) {
		(void)rk_missing(check, &path, "");
		return;
	}
	if (rk_span_is(name, "kubernetes.io/legacy-unknown")) {
		(void)rk_bad_text(check, &path, name,
				  "the legacy signerName is not allowed via this API version");
		return;
	}
	if (rest.data == NULL || memchr(rest.data, '/', rest.size) != NULL) {
		(void)rk_bad_text(check, &path, name,
				  "must be a fully qualified domain and path of the form "
				  "'example.com/signer-name'");
		return;
	}
	check_domain(check, &path, domain);
	if (rest.size > PATH_BYTES_MAX)
		(void)rk_too_long(check, &path, PATH_BYTES_MAX);
	else if (rk_name_subdomain(rest) != NULL)
		(void)rk_bad_text(check, &path, rest, rk_name_subdomain(rest));
}

static void check_usages(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "spec.usages");
	const struct rk_val *list = rk_val_at(obj, "spec.usages");

	if (rk_val_count(list) == 0)
		(void)rk_missing(check, &path, "");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		for (uint32_t n = 0; n < i; n++)
			if (rk_val_eq(rk_val_item(list, i), rk_val_item(list, n))) {
				(void)rk_duplicate(check, &item, rk_val_item(list, i));
				break;
			}
	}
}

static void check_conditions(const struct rk_check *check, const struct rk_val *obj)
{
	static const char *const only_true[] = { "True", NULL };
	static const char *const verdicts[] = { "Approved", "Denied", "Failed" };
	const struct rk_path path = rk_path_field(NULL, "status.conditions");
	const struct rk_val *list = rk_val_at(obj, "status.conditions");
	bool approved = false;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i),
				     type = rk_path_field(&item, "type"),
				     status = rk_path_field(&item, "status");
		const struct rk_val *one = rk_val_item(list, i);
		const struct rk_span name = rk_val_text_at(one, "type");
		bool is_verdict = false;
		for (size_t n = 0; n < RK_COUNT(verdicts); n++)
			is_verdict = is_verdict || rk_span_is(name, verdicts[n]);
		if (name.size == 0)
			(void)rk_missing(check, &type, "");
		(void)rk_check_unique(check, &item, list, i, "type");
		if (rk_val_text_at(one, "status").size == 0)
			(void)rk_missing(check, &status, "");
		else if (is_verdict && !rk_span_is(rk_val_text_at(one, "status"), "True"))
			(void)rk_unsupported(check, &status, rk_val_at(one, "status"), only_true);
		if (rk_span_is(name, "Denied") && approved)
			(void)rk_bad(check, &type, rk_val_at(one, "type"),
				     "Approved and Denied conditions are mutually exclusive");
		approved = approved || rk_span_is(name, "Approved");
	}
}

void rk_validate_csr(const struct rk_check *check, const struct rk_val *obj,
		     const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		{ RK_RULE_AT_LEAST, "spec.expirationSeconds",
		  "may not specify a duration less than 600 seconds (10 minutes)", LIFETIME_MIN_S,
		  NULL, NULL },
	};

	check_request(check, obj);
	check_usages(check, obj);
	check_signer(check, obj);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	check_conditions(check, obj);
}
