/* Command lines: what flags take, and what is said of wrong ones. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/refs.h"

static const struct rk_command command = { .name = "test", .usage = "", .summary = "A test" };

struct taken {
	bool yes, more;
	const char *text, *choice;
	int64_t number, ms;
	struct rk_flag_list list;
};

static int parse(struct taken *taken, int *argc, char **argv, int *ret_dash, struct rk_error *error)
{
	const struct rk_flag flags[] = {
		{ "yes", 'y', RK_FLAG_BOOL, &taken->yes, NULL, "", NULL },
		{ "more", 'm', RK_FLAG_BOOL, &taken->more, NULL, "", NULL },
		{ "text", 't', RK_FLAG_TEXT, &taken->text, "TEXT", "", NULL },
		{ "choice", 0, RK_FLAG_CHOICE, &taken->choice, "one|two", "", NULL },
		{ "number", 'n', RK_FLAG_NUMBER, &taken->number, "N", "", NULL },
		{ "time", 0, RK_FLAG_DURATION, &taken->ms, "TIME", "", NULL },
		{ "list", 'l', RK_FLAG_LIST, &taken->list, "ITEM", "", NULL },
		{ 0 },
	};

	return rk_flags_parse(&command, flags, argc, argv, ret_dash, error);
}

#define WORDS(...)                                                                                 \
	char line[][32] = { __VA_ARGS__ };                                                         \
	char *argv[RK_COUNT(line) + 1] = { NULL };                                                 \
	int argc = (int)RK_COUNT(line), dash;                                                      \
	struct taken taken = { 0 };                                                                \
	struct rk_error error = { 0 };                                                             \
	for (size_t word = 0; word < RK_COUNT(line); word++)                                       \
	argv[word] = line[word]

Test(args, all_kinds_of_flags_and_the_rest)
{
	WORDS("a", "-ym", "--text=x=y", "-n", "7", "--time=1m30s", "-l", "p", "--list=q", "b", "--",
	      "--yes");

	cr_assert_eq(parse(&taken, &argc, argv, &dash, &error), RK_OK, "%s", error.text);
	cr_expect(taken.yes && taken.more);
	cr_expect_str_eq(taken.text, "x=y");
	cr_expect_eq(taken.number, 7);
	cr_expect_eq(taken.ms, 90000);
	cr_expect_eq(taken.list.count, 2);
	cr_expect_eq(argc, 3);
	cr_expect_eq(dash, 2);
	cr_expect_str_eq(argv[2], "--yes");
}

Test(args, a_choice_takes_no_further_word)
{
	WORDS("--choice", "two");

	cr_assert_eq(parse(&taken, &argc, argv, &dash, &error), RK_OK);
	cr_expect_str_eq(taken.choice, "");
	cr_expect_eq(argc, 1);
}

Test(args, what_is_wrong_is_named)
{
	static const struct {
		const char *word, *part;
	} cases[] = {
		{ "--yess", "did you mean --yes?" }, { "-z", "unknown flag -z" },
		{ "--number=x", "not a number" },    { "--time=5x", "not a time" },
		{ "--choice=three", "one|two" },     { "--text", "needs a value" },
		{ "--yes=maybe", "true or false" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		WORDS("");
		(void)snprintf(line[0], sizeof line[0], "%s", cases[i].word);
		cr_expect_eq(parse(&taken, &argc, argv, &dash, &error), RK_EINVAL);
		cr_expect(strstr(error.text, cases[i].part) != NULL, "%s: %s", cases[i].word,
			  error.text);
	}
}

Test(args, names_of_objects)
{
	static const struct {
		const char *words[3];
		int argc;
		size_t count; /* 0: refused */
		bool has_names;
	} cases[] = {
		{ { "pods" }, 1, 1, false },
		{ { "po", "a", "b" }, 3, 2, true },
		{ { "deploy,rs" }, 1, 2, false },
		{ { "pod/a", "svc/b" }, 2, 2, true },
		{ { "deploy/a", "b" }, 2, 0, false },
		{ { "pods", "deploy/a" }, 2, 0, false },
		{ { "podz" }, 1, 0, false },
		{ { "pod/" }, 1, 0, false },
		{ { "deployments.apps" }, 1, 1, false },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_refs refs = { 0 };
		struct rk_error error = { 0 };
		char words[3][32], *argv[3];
		for (int n = 0; n < cases[i].argc; n++) {
			(void)snprintf(words[n], sizeof words[n], "%s", cases[i].words[n]);
			argv[n] = words[n];
		}
		const int err = rk_refs_parse(&arena, kinds, cases[i].argc, argv, &refs, &error);
		cr_expect_eq(err == RK_OK, cases[i].count > 0, "%zu: %s", i, error.text);
		cr_expect_eq(refs.count, cases[i].count, "%zu", i);
		cr_expect_eq(refs.has_names, cases[i].has_names, "%zu", i);
		rk_arena_done(&arena);
	}
	rk_kinds_free(kinds);
}
