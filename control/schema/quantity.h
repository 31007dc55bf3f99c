/* control/schema/quantity.h - Kubernetes quantities ("100m", "1.5Gi", "2e3") in exact integer arithmetic.
 *
 * Like upstream: nothing below a billionth (rounded up, away from zero), nothing above 2^63-1 (cut). */
#ifndef RK_CONTROL_SCHEMA_QUANTITY_H
#define RK_CONTROL_SCHEMA_QUANTITY_H

#include "base/arena.h"
#include "base/err.h"

#define RK_QUANTITY_TEXT_MAX 40

enum rk_quantity_format { RK_QUANTITY_DECIMAL, RK_QUANTITY_BINARY, RK_QUANTITY_EXPONENT };

struct rk_quantity {
	__int128 nano; /* billionths */
	enum rk_quantity_format format;
};

RK_MUST_CHECK int rk_quantity_parse(struct rk_span text, struct rk_quantity *ret);
/* Canonical text; returns its length. */
size_t rk_quantity_format(char text[RK_QUANTITY_TEXT_MAX], const struct rk_quantity *quantity);

/* Whole units and thousandths, rounded up; saturating. What is not a quantity counts as `otherwise`. */
int64_t rk_quantity_value(struct rk_span text, int64_t otherwise);
int64_t rk_quantity_milli(struct rk_span text, int64_t otherwise);
/* Order of two quantities; what is not one counts as zero. */
int rk_quantity_cmp(struct rk_span a, struct rk_span b);

#endif
