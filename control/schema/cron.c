#include "control/schema/cron.h"

#include "base/mem.h"

#define FIELDS    5
#define WORDS_MAX 16

struct bounds {
	unsigned min, max;
	const char *const *names; /* of min and what follows; NULL: none */
	unsigned count;
};

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun",
					   "jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static const struct bounds fields[FIELDS] = {
	{ 0, 59, NULL, 0 },         { 0, 23, NULL, 0 },     { 1, 31, NULL, 0 },
	{ 1, 12, month_names, 12 }, { 0, 6, day_names, 7 },
};

static bool is_name(struct rk_span text, const char *name)
{
	if (text.size != strlen(name))
		return false;
	for (size_t i = 0; i < text.size; i++)
		if ((text.data[i] | 0x20) != (uint8_t)name[i])
			return false;
	return true;
}

static const char *not_a_number(struct rk_arena *arena, struct rk_span text)
{
	return rk_arena_printf(
		arena,
		"failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": invalid syntax",
		RK_SPAN_ARGS(text), RK_SPAN_ARGS(text));
}

static const char *number(struct rk_arena *arena, struct rk_span text, unsigned *ret)
{
	uint64_t value = 0;

	if (!rk_span_u64(text, &value) || value > INT32_MAX)
		return not_a_number(arena, text);
	*ret = (unsigned)value;
	return NULL;
}

static const char *number_or_name(struct rk_arena *arena, struct rk_span text,
				  const struct bounds *bounds, unsigned *ret)
{
	for (unsigned i = 0; i < bounds->count; i++)
		if (is_name(text, bounds->names[i])) {
			*ret = bounds->min + i;
			return NULL;
		}
	return number(arena, text, ret);
}

static size_t pieces(struct rk_span text, char at, struct rk_span *ret)
{
	size_t count = 0;

	do {
		struct rk_span piece;
		text = rk_span_cut(text, at, &piece);
		if (count < 3)
			ret[count] = piece;
		count++;
	} while (text.data != NULL);
	return count;
}

struct range {
	unsigned start, end, step;
	bool is_star;
};

/* "low-high" or "*", without the step. */
static const char *span_of(struct rk_arena *arena, struct rk_span text, struct rk_span expr,
			   const struct bounds *bounds, struct range *ret)
{
	struct rk_span ends[3];
	const size_t count = pieces(text, '-', ends);
	const char *why;

	if (rk_span_is(ends[0], "*") || rk_span_is(ends[0], "?")) {
		ret->start = bounds->min;
		ret->end = bounds->max;
		ret->is_star = true;
		return NULL;
	}
	if ((why = number_or_name(arena, ends[0], bounds, &ret->start)) != NULL)
		return why;
	ret->end = ret->start;
	if (count == 2)
		return number_or_name(arena, ends[1], bounds, &ret->end);
	if (count > 2)
		return rk_arena_printf(arena, "too many hyphens: %.*s", RK_SPAN_ARGS(expr));
	return NULL;
}

static const char *check_range(struct rk_arena *arena, struct rk_span expr,
			       const struct bounds *bounds, const struct range *range)
{
	if (range->start < bounds->min)
		return rk_arena_printf(arena, "beginning of range (%u) below minimum (%u): %.*s",
				       range->start, bounds->min, RK_SPAN_ARGS(expr));
	if (range->end > bounds->max)
		return rk_arena_printf(arena, "end of range (%u) above maximum (%u): %.*s",
				       range->end, bounds->max, RK_SPAN_ARGS(expr));
	if (range->start > range->end)
		return rk_arena_printf(arena,
				       "beginning of range (%u) beyond end of range (%u): %.*s",
				       range->start, range->end, RK_SPAN_ARGS(expr));
	if (range->step == 0)
		return rk_arena_printf(arena, "step of range should be a positive number: %.*s",
				       RK_SPAN_ARGS(expr));
	return NULL;
}

static const char *range_of(struct rk_arena *arena, struct rk_span expr,
			    const struct bounds *bounds, struct range *ret)
{
	struct rk_span halves[3];
	const size_t count = pieces(expr, '/', halves);
	const char *why;

	*ret = (struct range){ .step = 1 };
	if ((why = span_of(arena, halves[0], expr, bounds, ret)) != NULL)
		return why;
	if (count > 2)
		return rk_arena_printf(arena, "too many slashes: %.*s", RK_SPAN_ARGS(expr));
	if (count == 2) {
		if ((why = number(arena, halves[1], &ret->step)) != NULL)
			return why;
		if (!ret->is_star && memchr(halves[0].data, '-', halves[0].size) == NULL)
			ret->end = bounds->max; /* "N/step" means "N-max/step" */
		if (ret->step > 1)
			ret->is_star = false;
	}
	return check_range(arena, expr, bounds, ret);
}

static const char *field_of(struct rk_arena *arena, struct rk_span text,
			    const struct bounds *bounds, uint64_t *ret, bool *ret_star)
{
	do {
		struct rk_span expr;
		struct range range;
		text = rk_span_cut(text, ',', &expr);
		const char *why = range_of(arena, expr, bounds, &range);
		if (why != NULL)
			return why;
		for (unsigned at = range.start; at <= range.end; at += range.step)
			*ret |= UINT64_C(1) << at;
		*ret_star = *ret_star || range.is_star;
	} while (text.data != NULL);
	return NULL;
}

/* --- "@daily" and its like --- */

static const char *every(struct rk_arena *arena, struct rk_span text, struct rk_span all,
			 struct rk_cron *ret)
{
	int64_t total = 0;
	size_t at = 0;

	while (at < text.size) {
		const size_t begin = at;
		uint64_t value = 0;
		while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9')
			at++;
		const bool good = rk_span_u64(rk_span_sub(text, begin, at - begin), &value) &&
				  value <= INT32_MAX && at < text.size;
		const int64_t unit = !good                  ? 0
				     : text.data[at] == 'h' ? 3600
				     : text.data[at] == 'm' ? 60
				     : text.data[at] == 's' ? 1
							    : 0;
		if (unit == 0) {
			total = 0;
			break;
		}
		total += (int64_t)value * unit;
		at++;
	}
	if (total <= 0)
		return rk_arena_printf(
			arena, "failed to parse duration %.*s: time: invalid duration \"%.*s\"",
			RK_SPAN_ARGS(all), RK_SPAN_ARGS(text));
	ret->every_s = total;
	return NULL;
}

static const char *descriptor(struct rk_arena *arena, struct rk_span text, struct rk_cron *ret)
{
	static const char *const known[][2] = {
		{ "@yearly", "0 0 1 1 *" },  { "@annually", "0 0 1 1 *" },
		{ "@monthly", "0 0 1 * *" }, { "@weekly", "0 0 * * 0" },
		{ "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" },
		{ "@hourly", "0 * * * *" },
	};

	for (size_t i = 0; i < RK_COUNT(known); i++)
		if (rk_span_is(text, known[i][0]))
			return rk_cron_parse(arena, rk_span_str(known[i][1]), ret);
	if (rk_span_starts(text, RK_SPAN("@every ")))
		return every(arena, rk_span_sub(text, 7, text.size), text, ret);
	return rk_arena_printf(arena, "unrecognized descriptor: %.*s", RK_SPAN_ARGS(text));
}

static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

const char *rk_cron_parse(struct rk_arena *arena, struct rk_span text, struct rk_cron *ret)
{
	struct rk_span words[WORDS_MAX];
	size_t count = 0, at = 0;
	bool stars[FIELDS] = { false };

	*ret = (struct rk_cron){ 0 };
	if (text.size == 0)
		return "empty spec string";
	if (text.data[0] == '@')
		return descriptor(arena, text, ret);
	while (at < text.size) {
		while (at < text.size && is_space(text.data[at]))
			at++;
		const size_t begin = at;
		while (at < text.size && !is_space(text.data[at]))
			at++;
		if (at > begin && count < WORDS_MAX)
			words[count] = rk_span_sub(text, begin, at - begin);
		count += at > begin;
	}
	if (count != FIELDS)
		return rk_arena_printf(arena, "expected exactly 5 fields, found %zu: [%.*s]", count,
				       RK_SPAN_ARGS(text));
	uint64_t *const sets[FIELDS] = { &ret->minutes, &ret->hours, &ret->days, &ret->months,
					 &ret->weekdays };
	for (size_t i = 0; i < FIELDS; i++) {
		const char *why = field_of(arena, words[i], &fields[i], sets[i], &stars[i]);
		if (why != NULL)
			return why;
	}
	ret->any_day = stars[2];
	ret->any_weekday = stars[4];
	return NULL;
}
