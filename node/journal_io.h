/* node/journal_io.h - every fact that the core was told, a JSON line each: why a container
 * restarted can be read there.
 *
 * DIR/journal, and DIR/journal.1 for what came before: together at most twice RK_JOURNAL_BYTES. */
#ifndef RK_NODE_JOURNAL_IO_H
#define RK_NODE_JOURNAL_IO_H

#include "base/err.h"
#include "node/facts.h"

#define RK_JOURNAL_BYTES (1 << 20)

struct rk_journal;

RK_MUST_CHECK int rk_journal_open(struct rk_journal **ret, const char *dir, struct rk_error *error);
struct rk_journal *rk_journal_close(struct rk_journal *journal); /* takes NULL, returns NULL */
/* Pods are named, not written whole; texts of containers (which may hold anything) are cut short.
 */
void rk_journal_put(struct rk_journal *journal, struct rk_now now, const struct rk_fact *fact);

#endif
