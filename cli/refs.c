#include "cli/refs.h"

int rk_ref_kind(const struct rk_kinds *kinds, struct rk_span name, const struct rk_kind **ret,
		struct rk_error *error)
{
	const struct rk_kind *kind = rk_kinds_by_name(kinds, name);

	if (kind == NULL) {
		const char *near = rk_kinds_nearest(kinds, name);
		return rk_fail(error, RK_EINVAL,
			       "the server doesn't have a resource type \"%.*s\"%s%s%s",
			       RK_SPAN_ARGS(name), near != NULL ? " (did you mean \"" : "",
			       near != NULL ? near : "", near != NULL ? "\"?)" : "");
	}
	*ret = kind;
	return RK_OK;
}

static int add(struct rk_refs *refs, const struct rk_kind *kind, struct rk_span name,
	       struct rk_error *error)
{
	if (refs->count == RK_REFS_MAX)
		return rk_fail(error, RK_ETOOBIG, "more than %d things are named", RK_REFS_MAX);
	if (refs->count > 0 && refs->at[refs->count - 1].kind != kind)
		refs->has_kinds = true;
	refs->at[refs->count++] = (struct rk_ref){ kind, name };
	return RK_OK;
}

static int add_all(const struct rk_kinds *kinds, struct rk_refs *refs, struct rk_error *error)
{
	refs->has_kinds = true;
	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		bool is_in = false;
		if (kind->stored != kind)
			continue; /* another form of what is listed anyway */
		for (size_t n = 0; kind->categories[n] != NULL; n++)
			is_in = is_in || strcmp(kind->categories[n], "all") == 0;
		if (is_in)
			RK_TRY(add(refs, kind, rk_span_str(""), error));
	}
	return RK_OK;
}

static int add_types(const struct rk_kinds *kinds, struct rk_span types, int argc,
		     char *const *argv, struct rk_refs *refs, struct rk_error *error)
{
	while (types.size > 0) {
		const struct rk_kind *kind = NULL;
		struct rk_span type;
		types = rk_span_cut(types, ',', &type);
		if (rk_span_is(type, "all") && argc == 0) {
			RK_TRY(add_all(kinds, refs, error));
			continue;
		}
		RK_TRY(rk_ref_kind(kinds, type, &kind, error));
		if (argc == 0)
			RK_TRY(add(refs, kind, rk_span_str(""), error));
		for (int i = 0; i < argc; i++) {
			if (strchr(argv[i], '/') != NULL)
				return rk_fail(error, RK_EINVAL,
					       "there is no need to specify a resource type as a "
					       "separate argument when passing arguments in "
					       "resource/name form (e.g. '%s')",
					       argv[i]);
			RK_TRY(add(refs, kind, rk_span_str(argv[i]), error));
		}
	}
	refs->has_names = argc > 0;
	return RK_OK;
}

int rk_ref_one(const struct rk_kinds *kinds, const char *text, const char *preset,
	       struct rk_ref *ret, struct rk_error *error)
{
	struct rk_span type, name = rk_span_cut(rk_span_str(text), '/', &type);
	struct rk_ref ref = { .name = name };

	if (name.data == NULL) {
		ref.name = type;
		type = rk_span_str(preset);
	}
	if (ref.name.size == 0 || type.size == 0)
		return rk_fail(error, RK_EINVAL,
			       "arguments in resource/name form must have a single resource and "
			       "name: \"%s\"",
			       text);
	RK_TRY(rk_ref_kind(kinds, type, &ref.kind, error));
	*ret = ref;
	return RK_OK;
}

int rk_refs_parse(struct rk_arena *arena, const struct rk_kinds *kinds, int argc, char *const *argv,
		  struct rk_refs *ret, struct rk_error *error)
{
	struct rk_refs refs = { .at = rk_arena_alloc(arena, RK_REFS_MAX * sizeof *refs.at) };

	if (argc == 0)
		return rk_fail(
			error, RK_EINVAL,
			"You must specify the type of resource: TYPE, TYPE NAME or TYPE/NAME");
	if (strchr(argv[0], '/') == NULL) {
		RK_TRY(add_types(kinds, rk_span_str(argv[0]), argc - 1, argv + 1, &refs, error));
		*ret = refs;
		return RK_OK;
	}
	for (int i = 0; i < argc; i++) {
		struct rk_ref ref;
		if (strchr(argv[i], '/') == NULL)
			return rk_fail(error, RK_EINVAL,
				       "there is no resource type before \"%s\": TYPE/NAME",
				       argv[i]);
		RK_TRY(rk_ref_one(kinds, argv[i], "", &ref, error));
		RK_TRY(add(&refs, ref.kind, ref.name, error));
	}
	refs.has_names = true;
	*ret = refs;
	return RK_OK;
}
