/* Jobs and CronJobs. */
#include "base/mem.h"
#include "control/schema/cron.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

#define INDEXED_PARALLELISM_MAX 100000
#define POLICY_RULES_MAX        20
#define MANAGED_BY_MAX          63
#define CRON_NAME_MAX           52 /* a job's name is this and eleven characters more */

static const char *const endings[] = { "OnFailure", "Never", NULL };

static void check_restart(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(up, "template.spec.restartPolicy");
	const struct rk_val *policy = rk_val_at(spec, "template.spec.restartPolicy");
	const struct rk_span text = rk_val_text(policy);

	if (text.size == 0 || rk_span_is(text, "Always"))
		(void)rk_missing(check, &path, "valid values: \"OnFailure\", \"Never\"");
	else if (!rk_span_is(text, "OnFailure") && !rk_span_is(text, "Never"))
		(void)rk_unsupported(check, &path, policy, endings);
	else if (rk_val_at(spec, "podFailurePolicy") != NULL && !rk_span_is(text, "Never"))
		(void)rk_bad(check, &path, policy,
			     "only \"Never\" is supported when podFailurePolicy is specified");
}

static void check_indexes(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *spec)
{
	const struct rk_path completions = rk_path_field(up, "completions"),
			     at_once = rk_path_field(up, "parallelism");
	const struct rk_path each = rk_path_field(up, "backoffLimitPerIndex"),
			     failed = rk_path_field(up, "maxFailedIndexes");
	const struct rk_val *limit = rk_val_at(spec, "backoffLimitPerIndex");
	const struct rk_val *most = rk_val_at(spec, "maxFailedIndexes");

	if (rk_span_is(rk_val_text_at(spec, "completionMode"), "Indexed")) {
		if (rk_val_at(spec, "completions") == NULL)
			(void)rk_missing(check, &completions, "when completion mode is Indexed");
		if (rk_val_int_at(spec, "parallelism", 0) > INDEXED_PARALLELISM_MAX)
			(void)rk_bad(check, &at_once, rk_val_at(spec, "parallelism"),
				     "must be less than or equal to 100000 when completion mode is "
				     "Indexed");
		if (most != NULL && limit == NULL)
			(void)rk_missing(check, &each, "when maxFailedIndexes is specified");
		return;
	}
	if (limit != NULL)
		(void)rk_bad(check, &each, limit, "requires indexed completion mode");
	if (most != NULL)
		(void)rk_bad(check, &failed, most, "requires indexed completion mode");
}

static void check_failure_policy(const struct rk_check *check, const struct rk_path *up,
				 const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(up, "podFailurePolicy.rules");
	const struct rk_path replacing = rk_path_field(up, "podReplacementPolicy");
	const struct rk_val *rules = rk_val_at(spec, "podFailurePolicy.rules");
	static const char *const failed[] = { "Failed", NULL };

	if (rk_val_at(spec, "podFailurePolicy") == NULL)
		return;
	if (rk_val_count(rules) > POLICY_RULES_MAX)
		(void)rk_too_many(check, &path, rk_val_count(rules), POLICY_RULES_MAX);
	for (uint32_t i = 0; i < rk_val_count(rules); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		const struct rk_val *rule = rk_val_item(rules, i);
		const bool by_code = rk_val_at(rule, "onExitCodes") != NULL;
		const bool by_condition = rk_val_count(rk_val_at(rule, "onPodConditions")) > 0;
		if (by_code && by_condition)
			(void)rk_bad(check, &item, rk_val_cstr(check->arena, ""),
				     "specifying both OnExitCodes and OnPodConditions is not "
				     "supported");
		else if (!by_code && !by_condition)
			(void)rk_bad(
				check, &item, rk_val_cstr(check->arena, ""),
				"specifying one of OnExitCodes and OnPodConditions is required");
		(void)rk_check_text(check, &item, rule, "action");
	}
	if (!rk_span_is(rk_val_text_at(spec, "podReplacementPolicy"), "Failed") &&
	    rk_val_at(spec, "podReplacementPolicy") != NULL)
		(void)rk_unsupported(check, &replacing, rk_val_at(spec, "podReplacementPolicy"),
				     failed);
}

/* What holds for a job wherever its spec stands. */
static void check_job_spec(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec)
{
	static const struct rk_rule rules[] = {
		RK_AT_LEAST("parallelism", 0),
		RK_AT_LEAST("completions", 0),
		RK_AT_LEAST("activeDeadlineSeconds", 0),
		RK_AT_LEAST("backoffLimit", 0),
		RK_AT_LEAST("ttlSecondsAfterFinished", 0),
		RK_AT_LEAST("backoffLimitPerIndex", 0),
		RK_AT_LEAST("maxFailedIndexes", 0),
		RK_SELECTOR("selector"),
		RK_SYNTAX("managedBy", rk_name_domain_path),
	};
	const struct rk_path manager = rk_path_field(up, "managedBy"),
			     template = rk_path_field(up, "template");

	rk_check_rules(check, up, spec, NULL, rules, RK_COUNT(rules));
	check_indexes(check, up, spec);
	check_failure_policy(check, up, spec);
	if (rk_val_text_at(spec, "managedBy").size > MANAGED_BY_MAX)
		(void)rk_too_long(check, &manager, MANAGED_BY_MAX);
	rk_validate_template(check, &template, rk_val_at(spec, "template"));
	check_restart(check, up, spec);
}

/* An indexed job may grow and shrink, as long as all of it runs at once. */
static bool is_elastic(const struct rk_val *spec, const struct rk_val *old)
{
	return rk_span_is(rk_val_text_at(spec, "completionMode"), "Indexed") &&
	       rk_val_int_at(spec, "completions", -1) == rk_val_int_at(spec, "parallelism", -2) &&
	       rk_val_int_at(old, "completions", -1) == rk_val_int_at(old, "parallelism", -2);
}

void rk_validate_job(const struct rk_check *check, const struct rk_val *obj,
		     const struct rk_val *old)
{
	static const struct rk_rule fixed[] = {
		RK_FIXED("selector"),       RK_FIXED("template"),
		RK_FIXED("completionMode"), RK_FIXED("podFailurePolicy"),
		RK_FIXED("managedBy"),      RK_FIXED("backoffLimitPerIndex"),
		RK_FIXED("successPolicy"),
	};
	static const struct rk_rule count[] = { RK_FIXED("completions") };
	const struct rk_path path = rk_path_field(NULL, "spec"),
			     chosen = rk_path_field(&path, "selector"),
			     template = rk_path_field(&path, "template");
	const struct rk_val *spec = rk_val_at(obj, "spec"), *was = rk_val_at(old, "spec");
	struct rk_selector *selector = NULL;

	/* A job that brings no selector gets one when it is stored. */
	if (rk_val_at(spec, "selector") == NULL &&
	    (old != NULL || rk_val_bool_at(spec, "manualSelector", false)))
		(void)rk_missing(check, &chosen, "");
	else if (rk_val_at(spec, "selector") != NULL &&
		 rk_selector_of(check->arena, rk_val_at(spec, "selector"), &selector, NULL) ==
			 RK_OK &&
		 (old != NULL || rk_val_bool_at(spec, "manualSelector", false)))
		rk_check_selects(check, &template, selector, rk_val_at(spec, "template"));
	else if (rk_val_at(spec, "selector") != NULL && old == NULL)
		(void)rk_bad(check, &chosen, rk_val_at(spec, "selector"),
			     "`selector` not auto-generated");
	check_job_spec(check, &path, spec);
	rk_check_rules(check, &path, spec, was, fixed, RK_COUNT(fixed));
	if (was != NULL && !is_elastic(spec, was))
		rk_check_rules(check, &path, spec, was, count, RK_COUNT(count));
}

/* --- CronJobs --- */

static void check_zone(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(NULL, "spec.timeZone");
	const struct rk_val *zone = rk_val_at(spec, "timeZone");
	const struct rk_span text = rk_val_text(zone);

	if (zone == NULL)
		return;
	if (text.size == 0) {
		(void)rk_bad(check, &path, zone, "timeZone must be nil or non-empty string");
		return;
	}
	if (rk_span_is(text, "Local") || rk_span_is(text, "local")) {
		(void)rk_bad(check, &path, zone,
			     "timeZone must be an explicit time zone as defined in "
			     "https://www.iana.org/time-zones");
		return;
	}
	for (size_t i = 0; i < text.size; i++) {
		const uint8_t c = text.data[i];
		if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    c != '_' && c != '+' && c != '-' && c != '/') {
			(void)rk_bad(check, &path, zone,
				     rk_arena_printf(check->arena, "unknown time zone %.*s",
						     RK_SPAN_ARGS(text)));
			return;
		}
	}
}

static void check_schedule(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(NULL, "spec.schedule");
	const struct rk_val *schedule = rk_val_at(spec, "schedule");
	const struct rk_span text = rk_val_text(schedule);
	struct rk_cron cron;

	if (text.size == 0) {
		(void)rk_missing(check, &path, "");
		return;
	}
	if (rk_span_starts(text, RK_SPAN("TZ=")) || rk_span_starts(text, RK_SPAN("CRON_TZ="))) {
		(void)rk_bad(check, &path, schedule,
			     "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
		return;
	}
	const char *why = rk_cron_parse(check->arena, text, &cron);
	if (why != NULL)
		(void)rk_bad(check, &path, schedule, why);
}

void rk_validate_cronjob(const struct rk_check *check, const struct rk_val *obj,
			 const struct rk_val *old)
{
	static const char *const automatic[] = { "nil", "false", NULL };
	static const struct rk_rule rules[] = {
		RK_AT_LEAST("spec.startingDeadlineSeconds", 0),
		RK_NEEDED("spec.concurrencyPolicy"),
		RK_AT_LEAST("spec.successfulJobsHistoryLimit", 0),
		RK_AT_LEAST("spec.failedJobsHistoryLimit", 0),
	};
	const struct rk_path name = rk_path_field(NULL, "metadata.name");
	const struct rk_path job = rk_path_field(NULL, "spec.jobTemplate.spec");
	const struct rk_path selector = rk_path_field(&job, "selector"),
			     manual = rk_path_field(&job, "manualSelector");
	const struct rk_val *spec = rk_val_at(obj, "spec"),
			    *of = rk_val_at(spec, "jobTemplate.spec");

	check_schedule(check, spec);
	check_zone(check, spec);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	check_job_spec(check, &job, of);
	if (rk_val_at(of, "selector") != NULL)
		(void)rk_bad(check, &selector, rk_val_at(of, "selector"),
			     "`selector` will be auto-generated");
	if (rk_val_bool_at(of, "manualSelector", false))
		(void)rk_unsupported(check, &manual, rk_val_at(of, "manualSelector"), automatic);
	if (old == NULL && rk_val_text_at(obj, "metadata.name").size > CRON_NAME_MAX)
		(void)rk_bad_text(check, &name, rk_val_text_at(obj, "metadata.name"),
				  "must be no more than 52 characters");
}
