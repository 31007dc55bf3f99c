/* base/span.h - borrowed bytes: the lender keeps them alive for the call. */
#ifndef RK_BASE_SPAN_H
#define RK_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rk_span {
	const uint8_t *data;
	size_t size;
};

/* A span over a string literal or array, without its final NUL. */
#define RK_SPAN(literal) ((struct rk_span){ (const uint8_t *)(literal), sizeof(literal) - 1 })
/* For printf's "%.*s". */
#define RK_SPAN_ARGS(span) (int)(span).size, (const char *)(span).data

static inline struct rk_span rk_span_of(const void *data, size_t size)
{
	return (struct rk_span){ (const uint8_t *)data, size };
}

static inline struct rk_span rk_span_str(const char *text)
{
	return (struct rk_span){ (const uint8_t *)text, text != NULL ? strlen(text) : 0 };
}

static inline bool rk_span_eq(struct rk_span a, struct rk_span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool rk_span_is(struct rk_span a, const char *text)
{
	return rk_span_eq(a, rk_span_str(text));
}

static inline bool rk_span_starts(struct rk_span a, struct rk_span prefix)
{
	return a.size >= prefix.size &&
	       (prefix.size == 0 || memcmp(a.data, prefix.data, prefix.size) == 0);
}

static inline bool rk_span_ends(struct rk_span a, struct rk_span suffix)
{
	return a.size >= suffix.size &&
	       (suffix.size == 0 ||
		memcmp(a.data + (a.size - suffix.size), suffix.data, suffix.size) == 0);
}

/* Order by bytes, the shorter first when one is the start of the other. */
static inline int rk_span_cmp(struct rk_span a, struct rk_span b)
{
	const size_t shared = a.size < b.size ? a.size : b.size;
	const int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;

	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

/* The part from `from` (clamped) of at most `size` bytes. */
static inline struct rk_span rk_span_sub(struct rk_span a, size_t from, size_t size)
{
	if (from > a.size)
		from = a.size;
	if (size > a.size - from)
		size = a.size - from;
	return (struct rk_span){ from > 0 ? a.data + from : a.data, size }; /* NULL + 0 is not C */
}

/* Splits at the first `separator`: *head gets what is before, the return value is what is after.
 * Without a separator *head is everything and the rest has NULL data. */
static inline struct rk_span rk_span_cut(struct rk_span a, char separator, struct rk_span *head)
{
	const uint8_t *at = a.size > 0 ? memchr(a.data, separator, a.size) : NULL;

	if (at == NULL) {
		*head = a;
		return (struct rk_span){ NULL, 0 };
	}
	*head = (struct rk_span){ a.data, (size_t)(at - a.data) };
	return (struct rk_span){ at + 1, a.size - head->size - 1 };
}

/* Without the blanks and tabs around it. */
static inline struct rk_span rk_span_trim(struct rk_span a)
{
	while (a.size > 0 && (a.data[0] == ' ' || a.data[0] == '\t'))
		a = rk_span_sub(a, 1, a.size);
	while (a.size > 0 && (a.data[a.size - 1] == ' ' || a.data[a.size - 1] == '\t'))
		a.size--;
	return a;
}

/* Decimal digits only, no sign, no overflow. */
static inline bool rk_span_u64(struct rk_span a, uint64_t *ret)
{
	uint64_t value = 0;

	if (a.size == 0 || a.size > 20)
		return false;
	for (size_t i = 0; i < a.size; i++) {
		const unsigned digit = (unsigned)a.data[i] - '0';
		if (digit > 9 || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*ret = value;
	return true;
}

#endif
