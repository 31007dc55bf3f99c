#include "control/schema/subresource.h"

#include "base/mem.h"

static const struct rk_subresource subs[] = {
	{ "approval", NULL, NULL, NULL, { "get", "patch", "update", NULL }, false },
	{ "attach", "", "v1", "PodAttachOptions", { "create", "get", NULL }, true },
	{ "binding", "", "v1", "Binding", { "create", NULL }, false },
	{ "ephemeralcontainers", NULL, NULL, NULL, { "get", "patch", "update", NULL }, false },
	{ "eviction", "policy", "v1", "Eviction", { "create", NULL }, false },
	{ "exec", "", "v1", "PodExecOptions", { "create", "get", NULL }, true },
	{ "finalize", NULL, NULL, NULL, { "update", NULL }, false },
	{ "log", NULL, NULL, NULL, { "get", NULL }, false },
	{ "portforward", "", "v1", "PodPortForwardOptions", { "create", "get", NULL }, true },
	{ "proxy", "", "v1", "*ProxyOptions", { "create", "delete", "get", "patch", "update", NULL }, true },
	{ "resize", NULL, NULL, NULL, { "get", "patch", "update", NULL }, false },
	{ "scale", "autoscaling", "v1", "Scale", { "get", "patch", "update", NULL }, false },
	{ "status", NULL, NULL, NULL, { "get", "patch", "update", NULL }, false },
	{ "token", "authentication.k8s.io", "v1", "TokenRequest", { "create", NULL }, false },
};

const struct rk_subresource *rk_subresource_find(struct rk_span name)
{
	for (size_t i = 0; i < RK_COUNT(subs); i++)
		if (rk_span_is(name, subs[i].name))
			return &subs[i];
	return NULL;
}

const char *rk_subresource_kind(struct rk_arena *arena, const struct rk_kind *kind,
				const struct rk_subresource *sub)
{
	if (sub->kind == NULL)
		return kind->kind;
	return sub->kind[0] == '*' ? rk_arena_printf(arena, "%s%s", kind->kind, sub->kind + 1)
				   : sub->kind;
}
