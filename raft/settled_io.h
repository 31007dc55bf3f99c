/* raft/settled_io.h - the entries of a log directory in order, each once, and only in the form that
 * stays: an entry that a later leader replaced is never given, a replaced one is never given twice.
 *
 * An entry is settled when the log itself, further on, says that it was committed. Behind the last
 * such note come entries that may have been committed or not; they are told apart. May be used
 * beside a running member. */
#ifndef RK_RAFT_SETTLED_IO_H
#define RK_RAFT_SETTLED_IO_H

#include "raft/entry.h"

struct rk_settled;

struct rk_settled_entry {
	struct rk_entry entry; /* borrowed until the next call */
	bool is_committed;     /* the log says so */
};

/* Begins with entry `from` (at least 1). RK_ENOENT: there is no log. */
RK_MUST_CHECK int rk_settled_open(struct rk_settled **ret, const char *dir, uint64_t from,
				  struct rk_error *error);
struct rk_settled *rk_settled_close(struct rk_settled *settled); /* takes NULL, returns NULL */
/* 1: *ret is the next one. 0: the end. RK_ENOENT: the log does not reach back to the next one that
 * is due. RK_ECORRUPT: damage; error says where. */
int rk_settled_next(struct rk_settled *settled, struct rk_settled_entry *ret,
		    struct rk_error *error);

/* What the log remembered last, of what was read up to now. */
struct rk_hard_state rk_settled_hard(const struct rk_settled *settled);

#endif
