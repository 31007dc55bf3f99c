/* Completion, and the manual page that is made from the same tables. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "node/files_io.h"

static const struct {
	const char *words[3];
	size_t count;
	const char *has, *has_not;
	const char *command; /* or NULL */
} cases[] = {
	{ { NULL }, 0, "get\n", "complete-words", NULL },
	{ { "rollout" }, 1, "status\n", "get\n", NULL },
	{ { "rollout", "undo" }, 2, "", "status\n", "rollout undo" },
	{ { "create" }, 1, "namespace\n", "get\n", "create" },
	{ { "create", "namespace" }, 2, "", "get\n", "create namespace" },
	{ { "get" }, 1, "", "apply\n", "get" },
};

Test(completion, commands)
{
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_buf out = { 0 };
		const struct rk_command *command = NULL;
		size_t used;
		rk_complete_commands(cases[i].words, cases[i].count, &out, &command, &used);
		cr_expect(strstr(rk_buf_cstr(&out), cases[i].has) != NULL, "%zu: %s", i,
			  rk_buf_cstr(&out));
		cr_expect(strstr(rk_buf_cstr(&out), cases[i].has_not) == NULL, "%zu: %s", i,
			  rk_buf_cstr(&out));
		cr_expect_eq(command == NULL, cases[i].command == NULL, "%zu", i);
		if (command != NULL && cases[i].command != NULL)
			cr_expect_str_eq(command->name, cases[i].command);
		rk_buf_done(&out);
	}
}

Test(completion, types_and_shells)
{
	struct rk_buf out = { 0 };
	const struct rk_kinds *kinds = rk_kinds_new();

	rk_complete_types(kinds, &out);
	cr_expect(strstr(rk_buf_cstr(&out), "deployments\n") != NULL);
	cr_expect(rk_completion_script("bash") != NULL && rk_completion_script("zsh") != NULL);
	cr_expect(rk_completion_script("fish") != NULL && rk_completion_script("csh") == NULL);
	rk_kinds_free(kinds);
	rk_buf_done(&out);
}

Test(completion, every_command_is_described)
{
	size_t count;
	const struct rk_command *const *all = rk_commands(&count);

	for (size_t i = 0; i < count; i++)
		cr_expect(all[i]->summary != NULL && all[i]->usage != NULL &&
				  all[i]->section != NULL && all[i]->run != NULL,
			  "%s", all[i]->name);
}

/* docs/man/reckon.1 is what `reckon help --man` prints. */
Test(completion, the_manual_page_is_up_to_date)
{
	const char *source = getenv("RK_SOURCE_DIR");
	struct rk_buf want = { 0 }, got = { 0 };
	char path[RK_PATH_MAX];
	FILE *pipe = popen("./reckon help --man", "r");
	size_t size;

	cr_assert_not_null(pipe);
	while ((size = fread(rk_buf_room(&got, 4096), 1, 4096, pipe)) > 0)
		got.size += size;
	cr_assert_eq(pclose(pipe), 0);
	rk_path(path, "%s/docs/man/reckon.1", source != NULL ? source : ".");
	cr_assert_eq(rk_file_read(path, 1u << 22, &want, NULL), RK_OK, "%s", path);
	cr_expect(rk_span_eq(rk_buf_span(&want), rk_buf_span(&got)),
		  "run: reckon help --man >docs/man/reckon.1");
	rk_buf_done(&want);
	rk_buf_done(&got);
}
