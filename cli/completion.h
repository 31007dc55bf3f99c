/* cli/completion.h - what may stand next on a command line. */
#ifndef RK_CLI_COMPLETION_H
#define RK_CLI_COMPLETION_H

#include "base/buf.h"
#include "control/schema/kinds.h"

/* Appends, one to a line, the commands that words (all but the one that is being typed) may go on
 * to. *ret_command (may be NULL) becomes the command that they name already, with how many words it
 * took. */
struct rk_command;
void rk_complete_commands(const char *const *words, size_t count, struct rk_buf *out,
			  const struct rk_command **ret_command, size_t *ret_used);
/* The types, by their plural names. */
void rk_complete_types(const struct rk_kinds *kinds, struct rk_buf *out);
/* The script for "bash", "zsh" or "fish"; NULL for others. */
const char *rk_completion_script(const char *shell);

#endif
