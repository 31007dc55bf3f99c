/* reckon completion: scripts for shells, which ask the program itself (complete-words), so that
 * they know every command, flag, type and name that there is. */
#include "cli/completion.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"

#define WORDS_MAX 256

static int run_completion(int argc, char **argv);
static int run_words(int argc, char **argv);

const struct rk_command rk_command_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.summary = "Print the script that completes command lines in a shell",
	.examples = "  . <(reckon completion bash)\n  reckon completion fish | source\n",
	.run = run_completion,
	.section = "Other",
};
const struct rk_command rk_command_complete_words = {
	.name = "complete-words",
	.usage = "-- WORD...",
	.summary = "Print what may stand in the place of the last word: for completion scripts",
	.run = run_words,
	.section = "Other",
};

static const char bash[] =
	"# reckon completion bash\n"
	"_reckon() {\n"
	"\tlocal IFS=$'\\n'\n"
	"\tCOMPREPLY=($(compgen -W \"$(reckon complete-words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
	"2>/dev/null | cut -f1)\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
	"}\n"
	"complete -o default -F _reckon reckon\n";
static const char zsh[] = "#compdef reckon\n"
			  "_reckon() {\n"
			  "\tlocal -a found\n"
			  "\tfound=(${(f)\"$(reckon complete-words -- \"${(@)words[2,CURRENT]}\" "
			  "2>/dev/null | cut -f1)\"})\n"
			  "\tif (( $#found )); then compadd -a found; else _files; fi\n"
			  "}\n"
			  "compdef _reckon reckon\n";
static const char fish[] =
	"# reckon completion fish\n"
	"function __reckon_words\n"
	"\treckon complete-words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null\n"
	"end\n"
	"complete -c reckon -a '(__reckon_words)'\n";

const char *rk_completion_script(const char *shell)
{
	return strcmp(shell, "bash") == 0   ? bash
	       : strcmp(shell, "zsh") == 0  ? zsh
	       : strcmp(shell, "fish") == 0 ? fish
					    : NULL;
}

/* How many of the words name the command: all of its own, or 0. */
static size_t named_by(const struct rk_command *command, const char *const *words, size_t count)
{
	struct rk_span rest = rk_span_str(command->name), part;
	size_t used = 0;

	while (rest.size > 0) {
		rest = rk_span_cut(rest, ' ', &part);
		if (used == count || !rk_span_is(part, words[used]))
			return 0;
		used++;
	}
	return used;
}

void rk_complete_commands(const char *const *words, size_t count, struct rk_buf *out,
			  const struct rk_command **ret_command, size_t *ret_used)
{
	size_t commands;
	const struct rk_command *const *all = rk_commands(&commands);
	size_t best = 0;
	struct rk_span last = { NULL, 0 };

	for (size_t i = 0; i < commands; i++) {
		const size_t used = named_by(all[i], words, count);
		struct rk_span first, second = rk_span_cut(rk_span_str(all[i]->name), ' ', &first);
		if (used > best) {
			best = used;
			if (ret_command != NULL)
				*ret_command = all[i];
		}
		if (all[i] == &rk_command_complete_words)
			continue;
		const struct rk_span shown = count == 0 ? first
					     : count == 1 && rk_span_is(first, words[0])
						     ? second
						     : (struct rk_span){ NULL, 0 };
		if (shown.size > 0 && !rk_span_eq(shown, last))
			rk_buf_printf(out, "%.*s\n", RK_SPAN_ARGS(shown));
		last = shown;
	}
	if (ret_used != NULL)
		*ret_used = best;
}

void rk_complete_types(const struct rk_kinds *kinds, struct rk_buf *out)
{
	for (size_t i = 0; i < rk_kinds_count(kinds); i++)
		if (rk_kinds_at(kinds, i)->stored == rk_kinds_at(kinds, i))
			rk_buf_printf(out, "%s\n", rk_kinds_at(kinds, i)->plural);
}

/* --- the commands --- */

static int run_completion(int argc, char **argv)
{
	const struct rk_flag flags[] = { { 0 } };
	int status;

	if (!rk_cli_begin(&rk_command_completion, flags, &argc, argv, NULL, &status))
		return status;
	const char *script = argc == 1 ? rk_completion_script(argv[0]) : NULL;
	if (script == NULL)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "completion needs the name of a shell: bash, zsh or fish" });
	(void)printf("%s", script);
	return 0;
}

/* What the command itself says of its flags. */
static void print_flags(const struct rk_command *command)
{
	char help[] = "--help=flags";
	char *words[] = { help, NULL };

	(void)command->run(1, words);
}

static void print_names(const struct rk_kinds *kinds, const char *type)
{
	char form[] = "-o=jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}";
	char timeout[] = "--request-timeout=2s";
	RK_AUTO(rk_drop_mem) char *copy = rk_strdup(type);
	char *words[] = { copy, form, timeout, NULL };

	if (rk_kinds_by_name(kinds, rk_span_str(type)) == NULL)
		return;
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDERR_FILENO); /* no cluster: nothing to offer */
		(void)close(null);
	}
	(void)rk_command_get.run(3, words);
}

/* Whether its usage begins with a type of object, or a pod. */
static bool takes(const struct rk_command *command, const char *word)
{
	return strstr(command->usage, word) != NULL;
}

static void print_words(const char *const *words, size_t count, const char *typed)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	const struct rk_command *command = NULL;
	const struct rk_kinds *kinds;
	size_t used = 0, plain = 0;
	const char *type = NULL;

	rk_complete_commands(words, count, &out, &command, &used);
	rk_cli_put(&out);
	if (command == NULL)
		return;
	if (typed[0] == '-') {
		print_flags(command);
		return;
	}
	for (size_t i = used; i < count; i++) {
		if (words[i][0] == '-')
			continue;
		type = plain == 0 ? words[i] : type;
		plain++;
	}
	kinds = rk_kinds_new();
	if (takes(command, "(TYPE") && plain == 0) {
		rk_buf_clear(&out);
		rk_complete_types(kinds, &out);
		rk_cli_put(&out);
	} else if (takes(command, "(TYPE")) {
		print_names(kinds, type);
	} else if (takes(command, "(deployment")) {
		print_names(kinds, "deployments");
	} else if (takes(command, "(POD")) {
		print_names(kinds, "pods");
	} else if (takes(command, "NODE") && strcmp(command->name, "cluster enter") != 0) {
		print_names(kinds, "nodes");
	}
	(void)rk_kinds_free(kinds);
}

static int run_words(int argc, char **argv)
{
	const struct rk_flag flags[] = { { 0 } };
	const char *words[WORDS_MAX] = { NULL };
	int status;

	if (!rk_cli_begin(&rk_command_complete_words, flags, &argc, argv, NULL, &status))
		return status;
	for (int i = 0; i < argc && i < WORDS_MAX; i++)
		words[i] = argv[i];
	const size_t count = (size_t)RK_MIN(RK_MAX(argc - 1, 0), WORDS_MAX - 1);
	print_words(words, count, argc > 0 ? argv[argc - 1] : "");
	return 0;
}
