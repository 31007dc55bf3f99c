#include "control/schema/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define PATTERN_BYTES_MAX 4096
#define STEPS_MAX         100000 /* of one match */
#define DEPTH_MAX         1000
#define HEAP_KIB_MAX      1024

struct rk_pattern {
	struct rk_pattern *next;
	pcre2_code *code;
};

struct rk_pattern *rk_pattern_new(struct rk_span text, struct rk_pattern *next,
				  const char **ret_why)
{
	static _Thread_local char why[128];
	int number = 0;
	size_t at = 0;

	if (text.size > PATTERN_BYTES_MAX) {
		*ret_why = "it is longer than 4096 bytes";
		return NULL;
	}
	pcre2_code *code = pcre2_compile(text.data, text.size,
					 PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C |
						 PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_POSSESS,
					 &number, &at, NULL);
	if (code == NULL) {
		(void)pcre2_get_error_message(number, (PCRE2_UCHAR *)why, sizeof why);
		*ret_why = why;
		return NULL;
	}
	struct rk_pattern *pattern = rk_zalloc(sizeof *pattern);
	pattern->code = code;
	pattern->next = next;
	return pattern;
}

struct rk_pattern *rk_pattern_free_all(struct rk_pattern *pattern)
{
	while (pattern != NULL) {
		struct rk_pattern *next = pattern->next;
		pcre2_code_free(pattern->code);
		free(pattern);
		pattern = next;
	}
	return NULL;
}

bool rk_pattern_matches(const struct rk_pattern *pattern, struct rk_span text)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);

	rk_assert(limits != NULL && match != NULL);
	(void)pcre2_set_match_limit(limits, STEPS_MAX);
	(void)pcre2_set_depth_limit(limits, DEPTH_MAX);
	(void)pcre2_set_heap_limit(limits, HEAP_KIB_MAX);
	const int found = pcre2_match(pattern->code, text.data, text.size, 0, 0, match, limits);
	pcre2_match_data_free(match);
	pcre2_match_context_free(limits);
	return found >= 0;
}
