/* cli/args.h - command lines: commands and flags described as data, from which parsing, --help and
 * completion are made. */
#ifndef RK_CLI_ARGS_H
#define RK_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum rk_flag_kind {
	RK_FLAG_BOOL,     /* bool: --name, --name=false */
	RK_FLAG_TEXT,     /* const char * */
	RK_FLAG_NUMBER,   /* int64_t */
	RK_FLAG_DURATION, /* int64_t milliseconds: 5s, 2m, 1h, 300ms; a plain number is seconds */
	RK_FLAG_LIST,     /* struct rk_flag_list: may be given several times */
	RK_FLAG_CHOICE,   /* const char *: one of the words in `value` ("a|b|c"), behind "=";
			     "" when it stands alone */
};

#define RK_FLAG_LIST_MAX 64
struct rk_flag_list {
	const char *at[RK_FLAG_LIST_MAX];
	size_t count;
};

struct rk_flag {
	const char *name; /* "namespace" */
	char letter;      /* 'n', or 0 */
	enum rk_flag_kind kind;
	void *to;          /* what it sets; its value before is the default */
	const char *value; /* "NAME" in the help; NULL for BOOL */
	const char *help;
	bool *given; /* set when it was there; may be NULL */
};

struct rk_command {
	const char *name;     /* "cluster up"; one or two words */
	const char *usage;    /* what follows the name: "[NAME...] [flags]" */
	const char *summary;  /* one line */
	const char *examples; /* lines, or NULL */
	int (*run)(int argc,
		   char **argv); /* exit status; argv[0] is the first word behind the name */
	const char *section;     /* heading in `reckon help` */
};

/* Parses the flags out of argv (ends with a {0} entry); what is left moves to the front and *argc
 * is how many. After "--" nothing is a flag: *ret_dash (may be NULL) is where that part starts, or
 * -1. --help prints and gives RK_EAGAIN: the caller returns 0. RK_EINVAL: error says what is wrong,
 * with the nearest right name. */
RK_MUST_CHECK int rk_flags_parse(const struct rk_command *command, const struct rk_flag *flags,
				 int *argc, char **argv, int *ret_dash, struct rk_error *error);
void rk_flags_help(const struct rk_command *command, const struct rk_flag *flags);
void rk_flags_man(const struct rk_command *command, const struct rk_flag *flags); /* roff */

/* Writes it to stdout. */
void rk_cli_put(const struct rk_buf *text);
/* "reckon: text" on stderr; returns 1, or 2 for misuse (RK_EINVAL). */
int rk_cli_fail(const struct rk_error *error);
/* Like rk_flags_parse, for a command's first lines: 0 go on; else return (*ret_status) from the
 * command. */
bool rk_cli_begin(const struct rk_command *command, const struct rk_flag *flags, int *argc,
		  char **argv, int *ret_dash, int *ret_status);

#endif
