#include "control/schema/discovery.h"

#include "base/mem.h"
#include "control/schema/subresource.h"

static struct rk_val *texts(struct rk_arena *arena, const char *const *list)
{
	struct rk_val *val = rk_val_list(arena);

	for (size_t i = 0; list[i] != NULL; i++)
		rk_val_append(arena, val, rk_val_cstr(arena, list[i]));
	return val;
}

static struct rk_val *document(struct rk_arena *arena, const char *kind, const char *api_version)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "kind", kind);
	if (api_version != NULL)
		rk_val_put_cstr(arena, val, "apiVersion", api_version);
	return val;
}

struct rk_val *rk_discovery_api(struct rk_arena *arena, struct rk_span server)
{
	struct rk_val *val = document(arena, "APIVersions", NULL);
	struct rk_val *versions = rk_val_list(arena), *servers = rk_val_list(arena),
		      *one = rk_val_map(arena);

	rk_val_append(arena, versions, rk_val_cstr(arena, "v1"));
	rk_val_put_cstr(arena, one, "clientCIDR", "0.0.0.0/0");
	rk_val_put_str(arena, one, "serverAddress", server);
	rk_val_append(arena, servers, one);
	rk_val_put(arena, val, "versions", versions);
	rk_val_put(arena, val, "serverAddressByClientCIDRs", servers);
	return val;
}

/* --- groups --- kinds are in order of group and version */

static bool begins_group(const struct rk_kinds *kinds, size_t at)
{
	return at == 0 ||
	       strcmp(rk_kinds_at(kinds, at)->group, rk_kinds_at(kinds, at - 1)->group) != 0;
}

static bool begins_version(const struct rk_kinds *kinds, size_t at)
{
	return begins_group(kinds, at) ||
	       strcmp(rk_kinds_at(kinds, at)->version, rk_kinds_at(kinds, at - 1)->version) != 0;
}

static struct rk_val *group_of(struct rk_arena *arena, const struct rk_kinds *kinds,
			       const char *group)
{
	struct rk_val *val = rk_val_map(arena), *versions = rk_val_list(arena);

	rk_val_put_cstr(arena, val, "name", group);
	rk_val_put(arena, val, "versions", versions);
	for (size_t i = rk_kinds_count(kinds); i-- > 0;) { /* newest first */
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		if (strcmp(kind->group, group) != 0 || !begins_version(kinds, i))
			continue;
		struct rk_val *version = rk_val_map(arena);
		rk_val_put_cstr(arena, version, "groupVersion", kind->api_version);
		rk_val_put_cstr(arena, version, "version", kind->version);
		rk_val_append(arena, versions, version);
	}
	rk_val_put(arena, val, "preferredVersion", rk_val_item(versions, 0));
	return val;
}

struct rk_val *rk_discovery_groups(struct rk_arena *arena, const struct rk_kinds *kinds)
{
	struct rk_val *val = document(arena, "APIGroupList", "v1"), *groups = rk_val_list(arena);

	for (size_t i = 0; i < rk_kinds_count(kinds); i++)
		if (begins_group(kinds, i) && rk_kinds_at(kinds, i)->group[0] != 0)
			rk_val_append(arena, groups,
				      group_of(arena, kinds, rk_kinds_at(kinds, i)->group));
	rk_val_put(arena, val, "groups", groups);
	return val;
}

struct rk_val *rk_discovery_group(struct rk_arena *arena, const struct rk_kinds *kinds,
				  struct rk_span group)
{
	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const char *name = rk_kinds_at(kinds, i)->group;
		if (name[0] == 0 || !rk_span_is(group, name))
			continue;
		struct rk_val *val = document(arena, "APIGroup", "v1"),
			      *body = group_of(arena, kinds, name);
		for (uint32_t n = 0; n < body->count; n++)
			rk_val_set(arena, val, body->fields[n].key, body->fields[n].val);
		return val;
	}
	return NULL;
}

/* --- resources --- */

static struct rk_val *resource_of(struct rk_arena *arena, const struct rk_kind *kind)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "name", kind->plural);
	rk_val_put_cstr(arena, val, "singularName", kind->singular);
	rk_val_put_bool(arena, val, "namespaced", kind->namespaced);
	rk_val_put_cstr(arena, val, "kind", kind->kind);
	rk_val_put(arena, val, "verbs", texts(arena, kind->verbs));
	if (kind->short_names[0] != NULL)
		rk_val_put(arena, val, "shortNames", texts(arena, kind->short_names));
	if (kind->categories[0] != NULL)
		rk_val_put(arena, val, "categories", texts(arena, kind->categories));
	return val;
}

static struct rk_val *sub_of(struct rk_arena *arena, const struct rk_kind *kind,
			     const struct rk_subresource *sub)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put(arena, val, "name", rk_val_strf(arena, "%s/%s", kind->plural, sub->name));
	rk_val_put_cstr(arena, val, "singularName", "");
	rk_val_put_bool(arena, val, "namespaced", kind->namespaced);
	if (sub->group != NULL && sub->group[0] != 0) {
		rk_val_put_cstr(arena, val, "group", sub->group);
		rk_val_put_cstr(arena, val, "version", sub->version);
	}
	rk_val_put_cstr(arena, val, "kind", rk_subresource_kind(arena, kind, sub));
	rk_val_put(arena, val, "verbs", texts(arena, sub->verbs));
	return val;
}

struct rk_val *rk_discovery_resources(struct rk_arena *arena, const struct rk_kinds *kinds,
				      struct rk_span group, struct rk_span version)
{
	struct rk_val *val = document(arena, "APIResourceList", "v1"), *list = rk_val_list(arena);

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		if (!rk_span_is(group, kind->group) || !rk_span_is(version, kind->version))
			continue;
		rk_val_put_cstr(arena, val, "groupVersion", kind->api_version);
		rk_val_append(arena, list, resource_of(arena, kind));
		for (size_t n = 0; kind->subresources[n] != NULL; n++) {
			const struct rk_subresource *sub = rk_subresource_find(rk_span_str(kind->subresources[n]));
			if (sub != NULL)
				rk_val_append(arena, list, sub_of(arena, kind, sub));
		}
	}
	rk_val_put(arena, val, "resources", list);
	return list->count > 0 ? val : NULL;
}

/* --- the aggregated form --- */

static struct rk_val *response_kind(struct rk_arena *arena, const char *group, const char *version,
				    const char *kind)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "group", group);
	rk_val_put_cstr(arena, val, "version", version);
	rk_val_put_cstr(arena, val, "kind", kind);
	return val;
}

static struct rk_val *aggregated_subs(struct rk_arena *arena, const struct rk_kind *kind)
{
	struct rk_val *list = rk_val_list(arena);

	for (size_t i = 0; kind->subresources[i] != NULL; i++) {
		const struct rk_subresource *sub = rk_subresource_find(rk_span_str(kind->subresources[i]));
		if (sub == NULL)
			continue;
		struct rk_val *val = rk_val_map(arena);
		rk_val_put_cstr(arena, val, "subresource", sub->name);
		rk_val_put(arena, val, "responseKind",
			   sub->kind != NULL
				   ? response_kind(arena, sub->group, sub->version,
						   rk_subresource_kind(arena, kind, sub))
				   : response_kind(arena, kind->group, kind->version, kind->kind));
		rk_val_put(arena, val, "verbs", texts(arena, sub->verbs));
		rk_val_append(arena, list, val);
	}
	return list;
}

static struct rk_val *aggregated_resource(struct rk_arena *arena, const struct rk_kind *kind)
{
	struct rk_val *val = rk_val_map(arena), *subresources = aggregated_subs(arena, kind);

	rk_val_put_cstr(arena, val, "resource", kind->plural);
	rk_val_put(arena, val, "responseKind",
		   response_kind(arena, kind->group, kind->version, kind->kind));
	rk_val_put_cstr(arena, val, "scope", kind->namespaced ? "Namespaced" : "Cluster");
	rk_val_put_cstr(arena, val, "singularResource", kind->singular);
	rk_val_put(arena, val, "verbs", texts(arena, kind->verbs));
	if (kind->short_names[0] != NULL)
		rk_val_put(arena, val, "shortNames", texts(arena, kind->short_names));
	if (kind->categories[0] != NULL)
		rk_val_put(arena, val, "categories", texts(arena, kind->categories));
	if (subresources->count > 0)
		rk_val_put(arena, val, "subresources", subresources);
	return val;
}

/* The version whose last kind is at `last`; *ret_first is where it begins. */
static struct rk_val *aggregated_version(struct rk_arena *arena, const struct rk_kinds *kinds,
					 size_t last, size_t *ret_first)
{
	struct rk_val *val = rk_val_map(arena), *resources = rk_val_list(arena);
	size_t first = last;

	while (!begins_version(kinds, first))
		first--;
	rk_val_put_cstr(arena, val, "version", rk_kinds_at(kinds, first)->version);
	for (size_t i = first; i <= last; i++)
		rk_val_append(arena, resources, aggregated_resource(arena, rk_kinds_at(kinds, i)));
	rk_val_put(arena, val, "resources", resources);
	rk_val_put_cstr(arena, val, "freshness", "Current");
	*ret_first = first;
	return val;
}

/* The kinds from `first` up to `end`; what clients should take stands first: the newest version. */
static struct rk_val *aggregated_group(struct rk_arena *arena, const struct rk_kinds *kinds,
				       size_t first, size_t end)
{
	struct rk_val *val = rk_val_map(arena), *meta = rk_val_map(arena);
	struct rk_val *versions = rk_val_list(arena);

	if (rk_kinds_at(kinds, first)->group[0] != 0)
		rk_val_put_cstr(arena, meta, "name", rk_kinds_at(kinds, first)->group);
	rk_val_put(arena, val, "metadata", meta);
	while (end > first)
		rk_val_append(arena, versions, aggregated_version(arena, kinds, end - 1, &end));
	rk_val_put(arena, val, "versions", versions);
	return val;
}

struct rk_val *rk_discovery_aggregated(struct rk_arena *arena, const struct rk_kinds *kinds,
				       bool is_core, const char *format)
{
	struct rk_val *val = document(arena, "APIGroupDiscoveryList",
				      rk_arena_printf(arena, "apidiscovery.k8s.io/%s", format));
	struct rk_val *items = rk_val_list(arena);
	size_t end;

	rk_val_put(arena, val, "metadata", rk_val_map(arena));
	rk_val_put(arena, val, "items", items);
	for (size_t i = 0; i < rk_kinds_count(kinds); i = end) {
		for (end = i + 1; end < rk_kinds_count(kinds) && !begins_group(kinds, end); end++)
			;
		if ((rk_kinds_at(kinds, i)->group[0] == 0) == is_core)
			rk_val_append(arena, items, aggregated_group(arena, kinds, i, end));
	}
	return val;
}
