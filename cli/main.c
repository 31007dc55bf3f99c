/* reckon: one program, many commands. This file finds the command; each has a file of its own. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "config.h"
#include "control/schema/kinds.h"

struct list { /* of all commands */
	const struct rk_command *const *at;
	size_t count;
};

static struct list all(void)
{
	struct list list;

	list.at = rk_commands(&list.count);
	return list;
}

static void print_help(void)
{
	const struct list list = all();
	const char *section = "";

	(void)printf("reckon runs containers on machines: all of Kubernetes, from one replicated "
		     "log.\n\n"
		     "Usage:\n  reckon COMMAND [flags]\n");
	for (size_t i = 0; i < list.count; i++) {
		if (list.at[i] == &rk_command_complete_words)
			continue; /* for scripts */
		if (strcmp(section, list.at[i]->section) != 0)
			(void)printf("\n%s:\n", list.at[i]->section);
		section = list.at[i]->section;
		(void)printf("  %-22s %s\n", list.at[i]->name, list.at[i]->summary);
	}
	(void)printf("\n'reckon COMMAND --help' tells more about one of them.\n");
}

/* The manual page: every command says its own part. */
static void print_man(void)
{
	const struct list list = all();
	const char *section = "";
	char help[] = "--help=man";

	(void)printf(
		".TH RECKON 1\n.SH NAME\nreckon \\- all of Kubernetes, from one replicated "
		"log\n.SH SYNOPSIS\n.B reckon\n.I COMMAND\n[flags]\n.SH DESCRIPTION\nreckon "
		"runs containers on machines. The commands that look at objects and change them "
		"are kubectl's, with its flags and its output; a kubeconfig (KUBECONFIG, "
		"\\-\\-kubeconfig, ~/.kube/config) says which cluster is meant; in a pod that has "
		"none, the pod's service account does. When the member "
		"that it names does not answer, another one of the same cluster is asked.\n");
	for (size_t i = 0; i < list.count; i++) {
		char *words[] = { help, NULL };
		if (list.at[i] == &rk_command_complete_words)
			continue;
		if (strcmp(section, list.at[i]->section) != 0)
			(void)printf(".SH %s\n", list.at[i]->section);
		section = list.at[i]->section;
		(void)list.at[i]->run(1, words);
	}
	(void)printf(".SH EXIT STATUS\n0: done. 1: refused, or it failed. 2: the command line is "
		     "wrong. exec ends with the status of the command that it ran.\n");
}

/* How many words of argv name the command: 0, 1 or 2. */
static int words_of(const struct rk_command *command, int argc, char **argv)
{
	const char *space = strchr(command->name, ' ');
	const size_t first =
		space != NULL ? (size_t)(space - command->name) : strlen(command->name);

	if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], command->name, first) != 0)
		return 0;
	if (space == NULL)
		return 1;
	return argc >= 2 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static bool is_group(const char *word)
{
	const struct list list = all();
	for (size_t i = 0; i < list.count; i++)
		if (strncmp(list.at[i]->name, word, strlen(word)) == 0 &&
		    list.at[i]->name[strlen(word)] == ' ')
			return true;
	return false;
}

static int unknown(int argc, char **argv)
{
	const struct list list = all();
	struct rk_span near = { NULL, 0 };
	unsigned best = UINT32_MAX, distance;

	if (is_group(argv[0])) {
		(void)fprintf(stderr, "reckon: '%s' needs one of these:\n", argv[0]);
		for (size_t i = 0; i < list.count; i++)
			if (strncmp(list.at[i]->name, argv[0], strlen(argv[0])) == 0)
				(void)fprintf(stderr, "  reckon %-22s %s\n", list.at[i]->name,
					      list.at[i]->summary);
		return 2;
	}
	(void)argc;
	for (size_t i = 0; i < list.count; i++) {
		/* Of commands of two words the first is what was mistyped. */
		struct rk_span word;
		(void)rk_span_cut(rk_span_str(list.at[i]->name), ' ', &word);
		if (rk_names_near(word, rk_span_str(argv[0]), &distance) && distance < best) {
			near = word;
			best = distance;
		}
	}
	(void)fprintf(stderr,
		      "reckon: unknown command \"%s\"%s%.*s%s; 'reckon help' lists them all\n",
		      argv[0], near.size > 0 ? " (did you mean \"" : "", RK_SPAN_ARGS(near),
		      near.size > 0 ? "\"?)" : "");
	return 2;
}

static int run_command(int argc, char **argv);

/* `help COMMAND` is `COMMAND --help`. */
static int help_of(int argc, char **argv)
{
	char help[] = "--help";
	char *words[4] = { NULL };

	for (int i = 0; i < argc && i < 2; i++)
		words[i] = argv[i];
	words[argc < 2 ? argc : 2] = help;
	return run_command((argc < 2 ? argc : 2) + 1, words);
}

static int run_command(int argc, char **argv)
{
	const struct list list = all();

	/* "create namespace" is a command of its own beside "create". */
	for (int words = 2; words > 0; words--)
		for (size_t i = 0; i < list.count; i++)
			if (words_of(list.at[i], argc, argv) == words)
				return list.at[i]->run(argc - words, argv + words);
	return unknown(argc, argv);
}

int main(int argc, char **argv)
{
	(void)prctl(PR_SET_NAME, "reckon"); /* started as /proc/self/exe it would be called "exe" */
	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		if (argc > 2 && strcmp(argv[2], "--man") == 0)
			print_man();
		else if (argc > 2)
			return help_of(argc - 2, argv + 2);
		else
			print_help();
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0)
		return rk_command_version.run(0, argv + 2);
	return run_command(argc - 1, argv + 1);
}
