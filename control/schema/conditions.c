#include "control/schema/conditions.h"

const struct rk_val *rk_conditions_find(const struct rk_val *conditions, const char *type)
{
	for (uint32_t i = 0; i < rk_val_count(conditions); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(conditions, i), "type"), type))
			return rk_val_item(conditions, i);
	return NULL;
}

bool rk_conditions_say(const struct rk_val *conditions, const char *type, const char *status)
{
	return rk_span_is(rk_val_text_at(rk_conditions_find(conditions, type), "status"), status);
}
