/* The syntax of names. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "control/schema/names.h"

Test(names, syntax)
{
	static const struct {
		const char *(*check)(struct rk_span);
		const char *text;
		const char *why; /* how the text of what is wrong begins; NULL: it is right */
	} cases[] = {
		{ rk_name_subdomain, "a.b-c.9", NULL },
		{ rk_name_subdomain, "", "a lowercase RFC 1123 subdomain must consist of" },
		{ rk_name_subdomain, "A", "a lowercase RFC 1123 subdomain must consist of" },
		{ rk_name_subdomain, "a..b", "a lowercase RFC 1123 subdomain must consist of" },
		{ rk_name_label, "9-a", NULL },
		{ rk_name_label, "a.b", "a lowercase RFC 1123 label must consist of" },
		{ rk_name_label, "a234567890123456789012345678901234567890123456789012345678901234",
		  "must be no more than 63 characters" },
		{ rk_name_label_1035, "a-9", NULL },
		{ rk_name_label_1035, "9a", "a DNS-1035 label must consist of" },
		{ rk_name_qualified, "app.kubernetes.io/Name", NULL },
		{ rk_name_qualified, "/x", "prefix part must be non-empty" },
		{ rk_name_qualified, "a/", "name part must be non-empty" },
		{ rk_name_qualified, "a/b/c", "a qualified name must consist of" },
		{ rk_name_qualified, "A/b", "prefix part a lowercase RFC 1123 subdomain" },
		{ rk_name_qualified, "-x", "name part must consist of" },
		{ rk_name_label_value, "", NULL },
		{ rk_name_label_value, "a b",
		  "a valid label must be an empty string or consist of" },
		{ rk_name_config_key, "a.b_C-1", NULL },
		{ rk_name_config_key, "", "a valid config key must consist of" },
		{ rk_name_config_key, "..", "must not be '..'" },
		{ rk_name_config_key, "..a", "must not start with '..'" },
		{ rk_name_config_key, "a/b", "a valid config key must consist of" },
		{ rk_name_env, "MY_VAR", NULL },
		{ rk_name_env, "1VAR", "a valid environment variable name must consist of" },
		{ rk_name_port, "http", NULL },
		{ rk_name_port, "80", "must contain at least one letter (a-z)" },
		{ rk_name_port, "a--b", "must not contain consecutive hyphens" },
		{ rk_name_port, "-a", "must not begin or end with a hyphen" },
		{ rk_name_port, "a-very-long-name", "must be no more than 15 characters" },
		{ rk_name_port, "HTTP", "must contain only alpha-numeric characters" },
		{ rk_name_path_segment, "a/b", "may not contain '/'" },
		{ rk_name_path_segment, "a%", "may not contain '%'" },
		{ rk_name_path_segment, "..", "may not be '..'" },
		{ rk_name_ip, "10.0.0.1", NULL },
		{ rk_name_ip, "fe80::1", NULL },
		{ rk_name_ip, "10.0.0.256", "must be a valid IP address" },
		{ rk_name_ip, "", "must be a valid IP address" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const char *why = cases[i].check(rk_span_str(cases[i].text));
		cr_expect_eq(why != NULL, cases[i].why != NULL, "case %zu: %s: %s", i,
			     cases[i].text, why);
		if (why != NULL && cases[i].why != NULL)
			cr_expect_eq(strncmp(why, cases[i].why, strlen(cases[i].why)), 0, "%s: %s",
				     cases[i].text, why);
	}
}
