#include "node/acts.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

void rk_acts_reset(struct rk_acts *acts)
{
	rk_arena_reset(&acts->arena);
	acts->count = 0;
}

void rk_acts_done(struct rk_acts *acts)
{
	rk_arena_done(&acts->arena);
	free(acts->items);
	*acts = (struct rk_acts){ 0 };
}

struct rk_act *rk_act_add(struct rk_acts *acts, enum rk_act_kind kind, const struct rk_pod *pod,
			  const struct rk_container *container)
{
	acts->items = rk_grow(acts->items, &acts->capacity, acts->count + 1, sizeof *acts->items);
	struct rk_act *act = &acts->items[acts->count++];

	*act = (struct rk_act){
		.kind = kind,
		.uid = pod->uid,
		.ns = pod->ns,
		.name = pod->name,
		.address = rk_span_str(pod->address),
		.pod = pod->object,
		.sandbox_pid = pod->sandbox_pid,
	};
	if (container != NULL) {
		act->container = container->spec;
		act->attempt = container->attempt;
	}
	return act;
}

void rk_act_event(struct rk_acts *acts, const struct rk_pod *pod,
		  const struct rk_container *container, bool is_warning, const char *reason,
		  const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct rk_act *act = rk_act_add(acts, RK_ACT_EVENT, pod, container);
	act->is_warning = is_warning;
	act->reason = rk_span_str(reason);
	act->text = rk_arena_span(&acts->arena, rk_span_str(text));
}
