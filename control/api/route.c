#include "control/api/route.h"

#include "wire/http_io.h"

#define PARTS_MAX 12

struct parts {
	struct rk_span at[PARTS_MAX];
	struct rk_span behind[PARTS_MAX]; /* each: as it was sent, from its "/" on */
	size_t count;
	struct rk_span rest; /* behind the last part that fits */
};

static bool split(struct rk_arena *arena, struct rk_span path, struct parts *ret)
{
	if (path.size == 0 || path.data[0] != '/')
		return false;
	path = rk_span_sub(path, 1, path.size);
	ret->count = 0;
	while (path.size > 0 && ret->count < PARTS_MAX) {
		struct rk_span part;
		path = rk_span_cut(path, '/', &part);
		if (part.size == 0 && path.data != NULL)
			continue; /* doubled slashes */
		if (part.size > 0 && !rk_url_decode(arena, part, false, &ret->at[ret->count]))
			return false;
		ret->behind[ret->count] =
			path.data == NULL ? RK_SPAN("") : rk_span_of(path.data - 1, path.size + 1);
		ret->count += part.size > 0;
	}
	ret->rest = path;
	return true;
}

static bool is(const struct parts *parts, size_t at, const char *text)
{
	return at < parts->count && rk_span_is(parts->at[at], text);
}

static void resource(const struct rk_kinds *kinds, const struct parts *parts, size_t at,
		     struct rk_route *ret)
{
	const struct rk_kind *kind;
	size_t left;

	if (is(parts, at, "watch")) {
		ret->is_old_watch = true;
		at++;
	}
	if (at >= parts->count)
		return;
	/* namespaces/NAME/RESOURCE..., but namespaces/NAME[/SUB] is the namespace itself. */
	if (is(parts, at, "namespaces") && parts->count - at >= 3) {
		kind = rk_kinds_by_plural(kinds, ret->group, ret->version, parts->at[at + 2]);
		if (kind != NULL && kind->namespaced) {
			ret->ns = parts->at[at + 1];
			at += 2;
		}
	}
	kind = rk_kinds_by_plural(kinds, ret->group, ret->version, parts->at[at]);
	left = parts->count - at;
	if (kind == NULL || (ret->ns.size > 0 && !kind->namespaced) ||
	    (left > 1 && kind->namespaced && ret->ns.size == 0))
		return;
	ret->kind = kind;
	ret->what = left == 1 ? RK_ROUTE_OBJECTS : RK_ROUTE_OBJECT;
	if (left > 1)
		ret->name = parts->at[at + 1];
	if (left > 2)
		ret->sub = parts->at[at + 2];
	if (rk_span_is(ret->sub, "proxy"))
		ret->rest = parts->behind[at + 2];
	else if (left > 3 || parts->rest.size > 0)
		ret->what = RK_ROUTE_NONE;
}

static void api(const struct rk_kinds *kinds, const struct parts *parts, struct rk_route *ret)
{
	const bool is_core = is(parts, 0, "api");
	const size_t at = is_core ? 1 : 2;

	if (parts->count == 1) {
		ret->what = is_core ? RK_ROUTE_API : RK_ROUTE_APIS;
		return;
	}
	ret->group = is_core ? RK_SPAN("") : parts->at[1];
	if (parts->count == at) {
		ret->what = RK_ROUTE_GROUP;
		return;
	}
	ret->version = parts->at[at];
	if (parts->count == at + 1)
		ret->what = RK_ROUTE_RESOURCES;
	else
		resource(kinds, parts, at + 1, ret);
}

static void openapi(const struct parts *parts, struct rk_route *ret)
{
	if (parts->count == 2 && is(parts, 1, "v2")) {
		ret->what = RK_ROUTE_OPENAPI_V2;
	} else if (is(parts, 1, "v3")) {
		const bool is_core = is(parts, 2, "api") && parts->count == 4;
		const bool is_group = is(parts, 2, "apis") && parts->count == 5;
		if (parts->count != 2 && !is_core && !is_group)
			return;
		ret->what = RK_ROUTE_OPENAPI_V3;
		if (is_group)
			ret->group = parts->at[3];
		if (is_core || is_group)
			ret->version = parts->at[parts->count - 1];
	}
}

void rk_route_parse(struct rk_arena *arena, const struct rk_kinds *kinds, struct rk_span path,
		    struct rk_route *ret)
{
	struct parts parts;

	*ret = (struct rk_route){ 0 };
	if (!split(arena, path, &parts))
		return;
	if (parts.count == 0)
		ret->what = RK_ROUTE_ROOT;
	else if (is(&parts, 0, "api") || is(&parts, 0, "apis"))
		api(kinds, &parts, ret);
	else if (is(&parts, 0, "openapi"))
		openapi(&parts, ret);
	else if (parts.count == 1 && is(&parts, 0, "version"))
		ret->what = RK_ROUTE_VERSION;
	else if (parts.count <= 2 &&
		 (is(&parts, 0, "healthz") || is(&parts, 0, "livez") || is(&parts, 0, "readyz"))) {
		ret->what = RK_ROUTE_HEALTH;
		ret->sub = parts.at[0];
		ret->name = parts.count == 2 ? parts.at[1] : RK_SPAN("");
	} else if (parts.count == 1 && is(&parts, 0, "metrics"))
		ret->what = RK_ROUTE_METRICS;
	else if (parts.count <= 2 && is(&parts, 0, "logs")) {
		ret->what = RK_ROUTE_LOGS;
		ret->name = parts.count == 2 ? parts.at[1] : RK_SPAN("");
	} else if (parts.count == 2 && is(&parts, 0, ".well-known") && is(&parts, 1, "openid-configuration"))
		ret->what = RK_ROUTE_OPENID;
	else if (parts.count == 3 && is(&parts, 0, "openid") && is(&parts, 1, "v1") && is(&parts, 2, "jwks"))
		ret->what = RK_ROUTE_OPENID_KEYS;
	else if (parts.count == 3 && is(&parts, 0, "reckon") && is(&parts, 1, "v1"))
		ret->what = is(&parts, 2, "status")     ? RK_ROUTE_STATUS
			    : is(&parts, 2, "log")      ? RK_ROUTE_LOG
			    : is(&parts, 2, "backup")   ? RK_ROUTE_BACKUP
			    : is(&parts, 2, "members")  ? RK_ROUTE_MEMBERS
			    : is(&parts, 2, "transfer") ? RK_ROUTE_TRANSFER
							: RK_ROUTE_NONE;
}
