#include "raft/settled_io.h"

#include <inttypes.h>

#include "base/mem.h"
#include "raft/wal_io.h"

struct rk_settled {
	struct rk_wal_reader *reader;
	uint64_t next;             /* index that is given next */
	uint64_t last;             /* of the log as far as it was read; 0: nothing of it yet */
	uint64_t commit;           /* by frames that were read to their end */
	struct rk_hard_state hard; /* newest; of the frame that is being read, perhaps */
	struct rk_wal_place place;
	bool ended;
	size_t start, count, capacity; /* entries that wait: [start, count) */
	struct rk_entry *entries;
	struct rk_entry given;
};

int rk_settled_open(struct rk_settled **ret, const char *dir, uint64_t from, struct rk_error *error)
{
	struct rk_settled *settled = rk_zalloc(sizeof *settled);

	rk_assert(from > 0);
	settled->next = from;
	const int err = rk_wal_reader_open(&settled->reader, dir, from, error);
	if (err < 0) {
		free(settled);
		return err;
	}
	*ret = settled;
	return RK_OK;
}

static void cut(struct rk_settled *settled, uint64_t from)
{
	while (settled->count > settled->start &&
	       settled->entries[settled->count - 1].index >= from)
		(void)rk_blob_unref(settled->entries[--settled->count].payload);
}

struct rk_settled *rk_settled_close(struct rk_settled *settled)
{
	if (settled == NULL)
		return NULL;
	cut(settled, 0);
	(void)rk_blob_unref(settled->given.payload);
	(void)rk_wal_reader_close(settled->reader);
	free(settled->entries);
	free(settled);
	return NULL;
}

struct rk_hard_state rk_settled_hard(const struct rk_settled *settled) { return settled->hard; }

static void note_hard(struct rk_settled *settled, struct rk_hard_state hard)
{
	const uint64_t commit = settled->hard.commit;

	settled->hard = hard;
	if (hard.commit == RK_COMMIT_FORGOTTEN || hard.commit < commit)
		settled->hard.commit = commit;
}

static int add(struct rk_settled *settled, const struct rk_record *record, struct rk_error *error)
{
	struct rk_entry entry = record->entry;

	if (settled->last != 0 && entry.index > settled->last + 1)
		return rk_fail(error, RK_ECORRUPT, "%s: entry %" PRIu64 " follows entry %" PRIu64,
			       settled->place.segment, entry.index, settled->last);
	settled->last = entry.index;
	cut(settled, entry.index);
	if (entry.index < settled->next)
		return RK_OK;
	if (settled->start == settled->count)
		settled->start = settled->count = 0;
	entry.payload = entry.kind != RK_ENTRY_NOOP ? rk_blob_copy(record->payload) : NULL;
	settled->entries = rk_grow(settled->entries, &settled->capacity, settled->count + 1,
				   sizeof *settled->entries);
	settled->entries[settled->count++] = entry;
	return RK_OK;
}

static int take(struct rk_settled *settled, const struct rk_record *record, struct rk_error *error)
{
	switch (record->kind) {
	case RK_RECORD_HEAD:
		if (settled->last == 0)
			settled->last = record->head.base_index;
		note_hard(settled, record->head.hard);
		return RK_OK;
	case RK_RECORD_HARD: note_hard(settled, record->hard); return RK_OK;
	case RK_RECORD_RESET:
		cut(settled, settled->commit + 1);
		settled->last = record->mark.index;
		return RK_OK;
	case RK_RECORD_ENTRY: return add(settled, record, error);
	case RK_RECORD_TRAIL: return RK_OK;
	case RK_RECORD_FILL: return RK_OK; /* behind a LOST */
	case RK_RECORD_LOST:
		return record->trail.index < record->entry.index
			       ? RK_OK
			       : rk_fail(error, RK_ECORRUPT,
					 "%s: entries %" PRIu64 " to %" PRIu64
					 " are damaged here: ask another member",
					 settled->place.segment, record->entry.index, record->trail.index);
	}
	return RK_ECORRUPT;
}

/* One record more. What a frame notes as committed counts when the frame is over: its records are
 * one step of the log, and replace each other in no order that matters. */
static int read_on(struct rk_settled *settled, struct rk_error *error)
{
	struct rk_wal_place place;
	struct rk_record record;
	const int more = rk_wal_reader_next(settled->reader, &record, &place, error);

	if (more == 0 || more == RK_EAGAIN) {
		settled->ended = true;
		settled->commit = settled->hard.commit;
		return RK_OK;
	}
	if (more < 0)
		return more;
	if (place.offset != settled->place.offset ||
	    strcmp(place.segment, settled->place.segment) != 0)
		settled->commit = settled->hard.commit;
	settled->place = place;
	return take(settled, &record, error);
}

int rk_settled_next(struct rk_settled *settled, struct rk_settled_entry *ret,
		    struct rk_error *error)
{
	(void)rk_blob_unref(rk_take_ptr(settled->given.payload));
	while (!settled->ended && (settled->start == settled->count ||
				   settled->entries[settled->start].index > settled->commit))
		RK_TRY(read_on(settled, error));
	if (settled->start == settled->count) {
		if (settled->last + 1 > settled->next)
			return rk_fail(error, RK_ENOENT,
				       "the log does not hold entry %" PRIu64 " any more",
				       settled->next);
		return 0;
	}
	if (settled->entries[settled->start].index != settled->next)
		return rk_fail(error, RK_ENOENT, "the log does not hold entry %" PRIu64 " any more",
			       settled->next);
	settled->given = settled->entries[settled->start++];
	settled->next++;
	ret->entry = settled->given;
	ret->is_committed = settled->given.index <= settled->commit;
	return 1;
}
