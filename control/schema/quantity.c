#include "control/schema/quantity.h"

#include <stdio.h>

typedef unsigned __int128 u128;

#define NANO         1000000000
#define WHOLE_MAX    INT64_MAX
#define NANO_MAX     ((u128)WHOLE_MAX * NANO)
#define DIGITS_MAX   29 /* of the whole part; more is above every limit */
#define EXPONENT_MAX 999

struct number { /* as written, before the suffix */
	bool is_negative;
	u128 whole;
	uint64_t fraction; /* in 10^-18 */
	bool has_rest;     /* digits other than 0 beyond that */
};

static bool is_digit(struct rk_span text, size_t at)
{
	return at < text.size && text.data[at] >= '0' && text.data[at] <= '9';
}

/* Returns where the suffix begins, or 0 when there is no number. */
static size_t read_number(struct rk_span text, struct number *ret)
{
	size_t at = 0, digits = 0, significant = 0;

	if (text.size > 0 && (text.data[0] == '+' || text.data[0] == '-'))
		ret->is_negative = text.data[at++] == '-';
	for (; is_digit(text, at); at++, digits++) {
		const unsigned digit = text.data[at] - '0';
		significant += significant > 0 || digit > 0;
		if (significant <= DIGITS_MAX)
			ret->whole = ret->whole * 10 + digit;
	}
	if (at < text.size && text.data[at] == '.') {
		uint64_t weight = 100000000000000000u; /* 10^17 */
		for (at++; is_digit(text, at); at++, digits++) {
			const unsigned digit = text.data[at] - '0';
			ret->fraction += weight * digit;
			ret->has_rest = ret->has_rest || (weight == 0 && digit != 0);
			weight /= 10;
		}
	}
	return digits > 0 ? at : 0;
}

struct suffix {
	unsigned two; /* the power of two */
	int ten;      /* or of ten */
	enum rk_quantity_format format;
};

static bool read_exponent(struct rk_span text, int *ret)
{
	const bool is_signed = text.size > 1 && (text.data[1] == '-' || text.data[1] == '+');
	uint64_t value = 0;

	if ((text.data[0] != 'e' && text.data[0] != 'E') ||
	    !rk_span_u64(rk_span_sub(text, is_signed ? 2 : 1, text.size), &value))
		return false;
	if (value > EXPONENT_MAX)
		value = EXPONENT_MAX;
	*ret = is_signed && text.data[1] == '-' ? -(int)value : (int)value;
	return true;
}

static bool read_suffix(struct rk_span text, struct suffix *ret)
{
	static const struct {
		const char *text;
		struct suffix suffix;
	} known[] = {
		{ "", { 0, 0, RK_QUANTITY_DECIMAL } },   { "n", { 0, -9, RK_QUANTITY_DECIMAL } },
		{ "u", { 0, -6, RK_QUANTITY_DECIMAL } }, { "m", { 0, -3, RK_QUANTITY_DECIMAL } },
		{ "k", { 0, 3, RK_QUANTITY_DECIMAL } },  { "M", { 0, 6, RK_QUANTITY_DECIMAL } },
		{ "G", { 0, 9, RK_QUANTITY_DECIMAL } },  { "T", { 0, 12, RK_QUANTITY_DECIMAL } },
		{ "P", { 0, 15, RK_QUANTITY_DECIMAL } }, { "E", { 0, 18, RK_QUANTITY_DECIMAL } },
		{ "Ki", { 10, 0, RK_QUANTITY_BINARY } }, { "Mi", { 20, 0, RK_QUANTITY_BINARY } },
		{ "Gi", { 30, 0, RK_QUANTITY_BINARY } }, { "Ti", { 40, 0, RK_QUANTITY_BINARY } },
		{ "Pi", { 50, 0, RK_QUANTITY_BINARY } }, { "Ei", { 60, 0, RK_QUANTITY_BINARY } },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (rk_span_is(text, known[i].text)) {
			*ret = known[i].suffix;
			return true;
		}
	}
	*ret = (struct suffix){ 0, 0, RK_QUANTITY_EXPONENT };
	return read_exponent(text, &ret->ten);
}

static u128 power_of_ten(int exponent)
{
	u128 value = 1;

	while (exponent-- > 0)
		value *= 10;
	return value;
}

static u128 divide_up(u128 value, u128 by, bool has_rest)
{
	return value / by + (value % by != 0 || has_rest);
}

static u128 add_cut(u128 a, u128 b)
{
	return a > NANO_MAX || b > NANO_MAX || a + b > NANO_MAX ? NANO_MAX : a + b;
}

/* number * 10^exponent in billionths, rounded up and cut. */
static u128 scale_ten(const struct number *number, int exponent)
{
	if (number->whole == 0 && number->fraction == 0)
		return number->has_rest;
	if (exponent < 0) {
		if (exponent < -29)
			return 1;
		const u128 below = divide_up(number->fraction, (u128)NANO, number->has_rest);
		return add_cut(
			divide_up(number->whole * NANO + below, power_of_ten(-exponent), false), 0);
	}
	if (exponent > 36 || (exponent > 18 && number->whole > 0))
		return NANO_MAX;
	if (exponent > 18)
		return add_cut(
			(u128)number->fraction * power_of_ten(exponent - 18) > (u128)WHOLE_MAX
				? NANO_MAX
				: (u128)number->fraction * power_of_ten(exponent - 18) * NANO,
			0);
	if (number->whole > (u128)WHOLE_MAX / power_of_ten(exponent))
		return NANO_MAX;
	return add_cut(number->whole * power_of_ten(exponent) * NANO,
		       divide_up((u128)number->fraction * power_of_ten(exponent), (u128)NANO,
				 number->has_rest));
}

static u128 scale_two(const struct number *number, unsigned exponent)
{
	if (number->whole > (u128)WHOLE_MAX >> exponent)
		return NANO_MAX;
	return add_cut((number->whole << exponent) * NANO,
		       divide_up((u128)number->fraction << exponent, (u128)NANO, number->has_rest));
}

int rk_quantity_parse(struct rk_span text, struct rk_quantity *ret)
{
	struct number number = { 0 };
	struct suffix suffix;
	const size_t at = read_number(text, &number);

	if (at == 0 || !read_suffix(rk_span_sub(text, at, text.size), &suffix))
		return RK_EINVAL;
	const u128 nano =
		suffix.two > 0 ? scale_two(&number, suffix.two) : scale_ten(&number, suffix.ten);
	ret->nano = number.is_negative ? -(__int128)nano : (__int128)nano;
	ret->format = suffix.format;
	return RK_OK;
}

/* The mantissa is below 2^93 only while it counts billionths; then it ends in "n", so two halves
 * are enough. */
static size_t write_text(char text[RK_QUANTITY_TEXT_MAX], bool is_negative, u128 mantissa,
			 const char *suffix)
{
	const uint64_t half = 1000000000000000000u;
	const uint64_t high = (uint64_t)(mantissa / half), low = (uint64_t)(mantissa % half);
	const char *sign = is_negative ? "-" : "";
	const int size =
		high > 0 ? snprintf(text, RK_QUANTITY_TEXT_MAX, "%s%llu%018llu%s", sign,
				    (unsigned long long)high, (unsigned long long)low, suffix)
			 : snprintf(text, RK_QUANTITY_TEXT_MAX, "%s%llu%s", sign,
				    (unsigned long long)low, suffix);

	return (size_t)size;
}

size_t rk_quantity_format(char text[RK_QUANTITY_TEXT_MAX], const struct rk_quantity *quantity)
{
	static const char *const decimal[] = { "n", "u", "m", "", "k", "M", "G", "T", "P", "E" };
	static const char *const exponents[] = { "e-9", "e-6", "e-3", "",    "e3",
						 "e6",  "e9",  "e12", "e15", "e18" };
	static const char *const binary[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	const bool is_negative = quantity->nano < 0;
	u128 value = (u128)(is_negative ? -quantity->nano : quantity->nano);
	size_t step = 0;

	if (value == 0)
		return write_text(text, false, 0, "");
	/* Below 1024, and where a fraction would be lost, upstream writes binary quantities as
	 * decimal ones. */
	if (quantity->format == RK_QUANTITY_BINARY && value >= (u128)1024 * NANO &&
	    value % NANO == 0) {
		value /= NANO;
		for (; step + 1 < sizeof binary / sizeof binary[0] && value % 1024 == 0; step++)
			value /= 1024;
		return write_text(text, is_negative, value, binary[step]);
	}
	for (; step + 1 < sizeof decimal / sizeof decimal[0] && value % 1000 == 0; step++)
		value /= 1000;
	return write_text(text, is_negative, value,
			  quantity->format == RK_QUANTITY_EXPONENT ? exponents[step]
								   : decimal[step]);
}

static int64_t in_units(struct rk_span text, int64_t nano_per_unit, int64_t otherwise)
{
	struct rk_quantity quantity;

	if (rk_quantity_parse(text, &quantity) != RK_OK)
		return otherwise;
	const bool is_negative = quantity.nano < 0;
	const u128 size = (u128)(is_negative ? -quantity.nano : quantity.nano);
	const u128 units = divide_up(size, (u128)nano_per_unit, false);
	const int64_t cut = units > (u128)INT64_MAX ? INT64_MAX : (int64_t)units;
	return is_negative ? -cut : cut;
}

int64_t rk_quantity_value(struct rk_span text, int64_t otherwise)
{
	return in_units(text, NANO, otherwise);
}
int64_t rk_quantity_milli(struct rk_span text, int64_t otherwise)
{
	return in_units(text, 1000000, otherwise);
}

int rk_quantity_cmp(struct rk_span a, struct rk_span b)
{
	struct rk_quantity left = { 0 }, right = { 0 };

	if (rk_quantity_parse(a, &left) != RK_OK)
		left.nano = 0;
	if (rk_quantity_parse(b, &right) != RK_OK)
		right.nano = 0;
	return left.nano < right.nano ? -1 : left.nano > right.nano;
}
