/* Who set a field last. */
#include "base/timefmt.h"
#include "control/schema/owners.h"

struct who {
	struct rk_span path;
	size_t best; /* bytes of the path that the best entry so far names; more than all: the field itself */
	size_t here; /* the same for the entry that is looked at */
};

static bool is_start(struct rk_span path, struct rk_span start)
{
	return rk_span_starts(path, start) &&
	       (path.size == start.size || path.data[start.size] == '.' || path.data[start.size] == '[');
}

static void look(void *context, struct rk_span path)
{
	struct who *who = context;
	const struct rk_span whole = rk_span_sub(who->path, 0, who->here);

	if (is_start(path, who->path))
		who->here = SIZE_MAX;
	else if (is_start(who->path, path) && path.size > who->here) /* perhaps owned as one with all that is in it */
		who->here = path.size;
	else if (who->here > 0 && who->here != SIZE_MAX && is_start(path, whole)) /* no: its parts are owned */
		who->here = 0;
}

bool rk_owners_who(struct rk_arena *arena, const struct rk_val *managed_fields, struct rk_span path,
		   struct rk_owner *ret)
{
	struct who who = { path, 0, 0 };
	struct rk_owners owners;
	int64_t latest = INT64_MIN;

	if (path.size > 0 && path.data[0] != '.' && path.data[0] != '[')
		who.path = rk_span_str(rk_arena_printf(arena, ".%.*s", RK_SPAN_ARGS(path)));
	if (rk_owners_read(arena, managed_fields, true, &owners) < 0)
		return false;
	for (uint32_t i = 0; i < owners.count; i++) {
		int64_t ms = INT64_MIN;
		who.here = 0;
		rk_fieldset_each(rk_owner_fields(arena, &owners.at[i]), look, &who);
		(void)rk_time_parse(owners.at[i].time, &ms); /* not known: as if it were long ago */
		if (who.here == 0 || who.here < who.best || (who.here == who.best && ms < latest))
			continue;
		who.best = who.here;
		latest = ms;
		*ret = owners.at[i];
	}
	return who.best > 0;
}
