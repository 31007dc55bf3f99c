/* control/schema/cron.h - cron expressions: minute, hour, day of the month, month, day of the week; or "@daily" and its like,
 * or "@every 5m". As upstream's parser reads them (robfig/cron, standard form). */
#ifndef RK_CONTROL_SCHEMA_CRON_H
#define RK_CONTROL_SCHEMA_CRON_H

#include "base/arena.h"

struct rk_cron { /* a bit for each value that is chosen */
	uint64_t minutes, hours, days, months, weekdays;
	bool any_day, any_weekday; /* written as "*" or "?": then the other one decides */
	int64_t every_s;           /* of "@every": the rest is 0 then */
};

/* NULL and *ret when it is right; else what is wrong, as upstream says it. */
const char *rk_cron_parse(struct rk_arena *arena, struct rk_span text, struct rk_cron *ret);

#endif
