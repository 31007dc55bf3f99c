/* reckon label, annotate. */
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/modify.h"

static int run_label(int argc, char **argv);
static int run_annotate(int argc, char **argv);

const struct rk_command rk_command_label = {
	.name = "label",
	.usage = "(TYPE NAME... | TYPE/NAME...) KEY=VALUE... KEY-... [flags]",
	.summary = "Set and remove labels",
	.examples = "  reckon label pod web-1 tier=front\n  reckon label nodes --all zone-\n",
	.run = run_label,
	.section = "Workloads",
};
const struct rk_command rk_command_annotate = {
	.name = "annotate",
	.usage = "(TYPE NAME... | TYPE/NAME...) KEY=VALUE... KEY-... [flags]",
	.summary = "Set and remove annotations",
	.examples = "  reckon annotate deploy/web kubernetes.io/change-cause='new image'\n",
	.run = run_annotate,
	.section = "Workloads",
};

struct pairs {
	struct rk_modify modify;
	bool overwrites, is_label;
	char *const *words;
	int count;
};

static bool is_pair(const char *word)
{
	const size_t size = strlen(word);

	return strchr(word, '=') != NULL || (size > 1 && word[size - 1] == '-');
}

static int decide(void *context, const struct rk_kind *kind, const struct rk_val *object,
		  struct rk_modification *ret, struct rk_error *error)
{
	struct pairs *pairs = context;
	struct rk_arena *arena = &pairs->modify.change.session.arena;
	const char *field = pairs->is_label ? "metadata.labels" : "metadata.annotations";
	const struct rk_val *now = rk_val_at(object, field);
	struct rk_val *patch = rk_val_map(arena), *map = rk_val_make(arena, patch, field);
	bool only_removes = true;

	(void)kind;
	for (int i = 0; i < pairs->count; i++) {
		struct rk_span key;
		const struct rk_span value = rk_span_cut(rk_span_str(pairs->words[i]), '=', &key);
		if (value.data == NULL) {
			key.size--; /* the minus */
			if (rk_val_get(now, key) != NULL)
				rk_val_set(arena, map, key, rk_val_null(arena));
			continue;
		}
		only_removes = false;
		const struct rk_val *old = rk_val_get(now, key);
		if (old != NULL && !rk_span_eq(rk_val_text(old), value) && !pairs->overwrites)
			return rk_fail(
				error, RK_EINVAL,
				"'%.*s' already has a value (%.*s), and --overwrite is false",
				RK_SPAN_ARGS(key), RK_SPAN_ARGS(rk_val_text(old)));
		if (old == NULL || !rk_span_eq(rk_val_text(old), value))
			rk_val_set(arena, map, key, rk_val_str(arena, value));
	}
	ret->type = RK_TYPE_MERGE;
	if (rk_val_count(map) > 0)
		ret->patch = patch;
	if (pairs->is_label)
		ret->done = ret->patch == NULL ? "not labeled"
			    : only_removes     ? "unlabeled"
					       : "labeled";
	else
		ret->done = "annotated";
	return RK_OK;
}

static int run_pairs(const struct rk_command *command, bool is_label, int argc, char **argv)
{
	struct pairs pairs = { .is_label = is_label };
	struct rk_error error = { 0 };
	int status, err, names = 0;
	const struct rk_flag flags[] = {
		RK_FLAG_YES("overwrite", 0, &pairs.overwrites, "replace other values"),
		RK_MODIFY_FLAGS(&pairs.modify),
		{ 0 },
	};

	if (!rk_cli_begin(command, flags, &argc, argv, NULL, &status))
		return status;
	while (names < argc && !is_pair(argv[names]))
		names++;
	pairs.words = argv + names;
	pairs.count = argc - names;
	pairs.modify.manager = is_label ? "kubectl-label" : "kubectl-annotate";
	if (pairs.count == 0)
		err = rk_fail(&error, RK_EINVAL, "at least one %s update is required",
			      is_label ? "label" : "annotation");
	else
		err = rk_modify_each(&pairs.modify, names, argv, decide, &pairs, &error);
	return rk_session_end(&pairs.modify.change.session, err, &error);
}

static int run_label(int argc, char **argv)
{
	return run_pairs(&rk_command_label, true, argc, argv);
}

static int run_annotate(int argc, char **argv)
{
	return run_pairs(&rk_command_annotate, false, argc, argv);
}
