/* reckon: one program, many commands. This file finds the command; each has a file of its own. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "config.h"
#include "control/schema/kinds.h"

static const struct rk_command *const commands[] = {
	/* Basic */
	&rk_command_get,
	&rk_command_apply,
	&rk_command_create,
	&rk_command_create_namespace,
	&rk_command_create_deployment,
	&rk_command_create_service,
	&rk_command_create_configmap,
	&rk_command_create_secret,
	&rk_command_create_serviceaccount,
	&rk_command_run_pod,
	&rk_command_delete,
	/* Looking deeper */
	&rk_command_describe,
	/* Clusters */
	&rk_command_cluster_up,
	&rk_command_cluster_down,
	&rk_command_cluster_status,
	&rk_command_cluster_enter,
	/* Members and nodes */
	&rk_command_server,
	&rk_command_node,
	&rk_command_image_load,
	&rk_command_image_ls,
	/* The log */
	&rk_command_log_ls,
	&rk_command_log_show,
	&rk_command_log_stat,
	&rk_command_log_verify,
};

static void print_help(void)
{
	const char *section = "";

	(void)printf("reckon runs containers on machines: all of Kubernetes, from one replicated "
		     "log.\n\n"
		     "Usage:\n  reckon COMMAND [flags]\n");
	for (size_t i = 0; i < RK_COUNT(commands); i++) {
		if (strcmp(section, commands[i]->section) != 0)
			(void)printf("\n%s:\n", commands[i]->section);
		section = commands[i]->section;
		(void)printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
	}
	(void)printf("\n'reckon COMMAND --help' tells more about one of them.\n");
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
	for (size_t i = 0; i < RK_COUNT(commands); i++)
		if (strncmp(commands[i]->name, word, strlen(word)) == 0 &&
		    commands[i]->name[strlen(word)] == ' ')
			return true;
	return false;
}

static int unknown(int argc, char **argv)
{
	const char *near = NULL;
	unsigned best = UINT32_MAX, distance;
	char typed[128];

	if (is_group(argv[0])) {
		(void)fprintf(stderr, "reckon: '%s' needs one of these:\n", argv[0]);
		for (size_t i = 0; i < RK_COUNT(commands); i++)
			if (strncmp(commands[i]->name, argv[0], strlen(argv[0])) == 0)
				(void)fprintf(stderr, "  reckon %-16s %s\n", commands[i]->name,
					      commands[i]->summary);
		return 2;
	}
	(void)snprintf(typed, sizeof typed, "%s", argv[0]);
	(void)argc;
	for (size_t i = 0; i < RK_COUNT(commands); i++) {
		if (rk_names_near(rk_span_str(commands[i]->name), rk_span_str(typed), &distance) &&
		    distance < best) {
			near = commands[i]->name;
			best = distance;
		}
	}
	(void)fprintf(stderr,
		      "reckon: unknown command \"%s\"%s%s%s; 'reckon help' lists them all\n",
		      argv[0], near != NULL ? " (did you mean \"" : "", near != NULL ? near : "",
		      near != NULL ? "\"?)" : "");
	return 2;
}

int main(int argc, char **argv)
{
	(void)prctl(PR_SET_NAME, "reckon"); /* started as /proc/self/exe it would be called "exe" */
	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		print_help();
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
		(void)printf("reckon %s (Kubernetes API v1.32)\n", PACKAGE_VERSION);
		return 0;
	}
	/* "create namespace" is a command of its own beside "create". */
	for (int words = 2; words > 0; words--)
		for (size_t i = 0; i < RK_COUNT(commands); i++)
			if (words_of(commands[i], argc - 1, argv + 1) == words)
				return commands[i]->run(argc - 1 - words, argv + 1 + words);
	return unknown(argc - 1, argv + 1);
}
