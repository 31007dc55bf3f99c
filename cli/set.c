/* reckon set image: other images for the containers of a pod or a workload. */
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/modify.h"

static int run_image(int argc, char **argv);

const struct rk_command rk_command_set_image = {
	.name = "set image",
	.usage = "(TYPE NAME | TYPE/NAME) CONTAINER=IMAGE... [flags]",
	.summary = "Change the images of containers",
	.examples = "  reckon set image deployment/web web=web:2\n",
	.run = run_image,
	.section = "Workloads",
};

struct images {
	struct rk_modify modify;
	char *const *words;
	int count;
};

/* The pod's spec in it: "spec" of a pod, "spec.template.spec" of what makes pods. */
static const char *spec_path(const struct rk_val *object)
{
	return rk_val_at(object, "spec.template.spec") != NULL ? "spec.template.spec" : "spec";
}

static int put_image(struct rk_arena *arena, const struct rk_val *spec, struct rk_val *patch_spec,
		     const char *word, bool *ret_changed, struct rk_error *error)
{
	static const char *const lists[] = { "containers", "initContainers" };
	struct rk_span name;
	const struct rk_span image = rk_span_cut(rk_span_str(word), '=', &name);
	const bool is_any = rk_span_is(name, "*");
	bool is_there = false;

	for (size_t n = 0; n < RK_COUNT(lists); n++) {
		const struct rk_val *list = rk_val_at(spec, lists[n]);
		for (uint32_t i = 0; i < rk_val_count(list); i++) {
			const struct rk_val *container = rk_val_item(list, i);
			const struct rk_span own = rk_val_text_at(container, "name");
			if (!is_any && !rk_span_eq(own, name))
				continue;
			is_there = true;
			if (rk_span_eq(rk_val_text_at(container, "image"), image))
				continue;
			struct rk_val *to = rk_val_at(patch_spec, lists[n]);
			if (to == NULL) {
				to = rk_val_list(arena);
				rk_val_put(arena, patch_spec, lists[n], to);
			}
			struct rk_val *item = rk_val_map(arena);
			rk_val_put_str(arena, item, "name", own);
			rk_val_put_str(arena, item, "image", image);
			rk_val_append(arena, to, item);
			*ret_changed = true;
		}
	}
	if (!is_there)
		return rk_fail(error, RK_EINVAL, "unable to find container named \"%.*s\"",
			       RK_SPAN_ARGS(name));
	return RK_OK;
}

static int decide(void *context, const struct rk_kind *kind, const struct rk_val *object,
		  struct rk_modification *ret, struct rk_error *error)
{
	struct images *images = context;
	struct rk_arena *arena = &images->modify.change.session.arena;
	const char *path = spec_path(object);
	struct rk_val *patch = rk_val_map(arena);
	bool is_changed = false;

	if (rk_val_at(rk_val_at(object, path), "containers") == NULL)
		return rk_fail(error, RK_EINVAL, "a %s has no containers", kind->singular);
	for (int i = 0; i < images->count; i++)
		RK_TRY(put_image(arena, rk_val_at(object, path), rk_val_make(arena, patch, path),
				 images->words[i], &is_changed, error));
	if (!is_changed)
		return RK_OK;
	ret->patch = patch;
	ret->done = "image updated";
	return RK_OK;
}

static int run_image(int argc, char **argv)
{
	struct images images = { .modify = { .manager = "kubectl-set" } };
	struct rk_error error = { 0 };
	int status, err, names = 0;
	const struct rk_flag flags[] = { RK_MODIFY_FLAGS(&images.modify), { 0 } };

	if (!rk_cli_begin(&rk_command_set_image, flags, &argc, argv, NULL, &status))
		return status;
	while (names < argc && strchr(argv[names], '=') == NULL)
		names++;
	images.words = argv + names;
	images.count = argc - names;
	if (images.count == 0)
		err = rk_fail(&error, RK_EINVAL, "at least one image update is required");
	else
		err = rk_modify_each(&images.modify, names, argv, decide, &images, &error);
	return rk_session_end(&images.modify.change.session, err, &error);
}
