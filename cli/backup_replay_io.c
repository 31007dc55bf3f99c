#include "cli/backup_replay_io.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "cli/etcd_file_io.h"
#include "control/snapshots_io.h"

#define PROGRESS_EVERY 256

void rk_replay_begin(struct rk_replay *replay)
{
	rk_replay_done(replay);
	replay->machine = rk_machine_new(replay->kinds);
	replay->index = replay->term = replay->told = 0;
	replay->time_ms = 0;
}

void rk_replay_done(struct rk_replay *replay)
{
	replay->machine = rk_machine_free(replay->machine);
}

/* What snapshots and members said of the state after this entry. */
static int compare_here(struct rk_replay *replay, struct rk_error *error)
{
	const struct rk_hash128 hash = rk_store_hash(rk_machine_store(replay->machine));

	for (size_t i = 0; i < replay->backup->count; i++) {
		const struct rk_backup_item *item = &replay->backup->items[i];
		if (item->kind == RK_BACKUP_PART || item->last != replay->index)
			continue;
		if (!rk_hash128_eq(item->hash, hash))
			return rk_fail(error, RK_ECORRUPT,
				       "the state after entry %" PRIu64 " is not the one that %s",
				       replay->index,
				       item->kind == RK_BACKUP_MARK ? "the member had"
								    : "the snapshot holds");
		replay->compared++;
	}
	return RK_OK;
}

static int compare(struct rk_replay *replay, struct rk_error *error)
{
	if (replay->backup == NULL || replay->index < replay->told)
		return RK_OK;
	replay->told = UINT64_MAX;
	for (size_t i = 0; i < replay->backup->count; i++) {
		const struct rk_backup_item *item = &replay->backup->items[i];
		if (item->kind != RK_BACKUP_PART && item->last > replay->index)
			replay->told = RK_MIN(replay->told, item->last);
	}
	return compare_here(replay, error);
}

static void begin_with(struct rk_replay *replay, struct rk_store *store, uint64_t term,
		       int64_t time_ms)
{
	rk_replay_done(replay);
	replay->index = rk_store_index(store);
	replay->term = term;
	replay->time_ms = time_ms;
	replay->told = 0;
	replay->machine = rk_machine_of(replay->kinds, store);
}

int rk_replay_load(struct rk_replay *replay, const char *dir, struct rk_cluster_id cluster,
		   uint64_t index, struct rk_error *error)
{
	struct rk_snapshot_meta meta;
	struct rk_store *store = NULL;

	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;
	RK_TRY(rk_vfs_dir(&vfs, dir, false, error));
	RK_TRY(rk_snapshot_load(vfs, cluster, index, &store, &meta, error));
	const bool is_it = (index == 0 || meta.index == index) &&
			   rk_store_index(store) == meta.index &&
			   rk_hash128_eq(rk_store_hash(store), meta.state_hash);
	if (!is_it) {
		(void)rk_store_free(store);
		return rk_fail(error, RK_ECORRUPT, "%s/%016" PRIx64 ".snap: is not what it says",
			       dir, meta.index);
	}
	begin_with(replay, store, meta.term, meta.time_ms);
	return compare(replay, error);
}

int rk_replay_load_etcd(struct rk_replay *replay, const char *path, uint64_t *ret_bytes,
			struct rk_error *error)
{
	struct rk_store *store = NULL;

	RK_TRY(rk_etcd_file_read(path, &store, ret_bytes, error));
	begin_with(replay, store, 1, rk_store_time_ms(store));
	return RK_OK;
}

int rk_replay_entry(struct rk_replay *replay, const struct rk_entry *entry, struct rk_span payload,
		    struct rk_error *error)
{
	struct rk_envelope envelope;
	struct rk_applied applied = { 0 };

	if (entry->index != replay->index + 1)
		return rk_fail(error, RK_ECORRUPT, "entry %" PRIu64 " follows entry %" PRIu64,
			       entry->index, replay->index);
	if (entry->kind != RK_ENTRY_NORMAL) {
		rk_machine_skip(replay->machine, entry->index, entry->time_ms);
	} else if (rk_envelope_read(payload, &envelope) < 0) {
		return rk_fail(error, RK_ENOTSUP,
			       "entry %" PRIu64 " is of a kind that this program does not know",
			       entry->index);
	} else {
		rk_machine_apply(replay->machine, entry->index, entry->time_ms, payload, false,
				 &applied);
		rk_applied_done(&applied);
	}
	replay->index = entry->index;
	replay->term = entry->term;
	replay->time_ms = entry->time_ms;
	replay->entries++;
	if (replay->progress != NULL && entry->index % PROGRESS_EVERY == 0)
		replay->progress(replay->context, entry->index);
	return compare(replay, error);
}

static int on_entry(void *context, const struct rk_entry *entry, struct rk_span payload,
		    struct rk_error *error)
{
	struct rk_replay *replay = context;

	if (entry->index > replay->index)
		RK_TRY(rk_replay_entry(replay, entry, payload, error));
	return entry->index >= replay->stop ? 1 : 0;
}

int rk_replay_parts(struct rk_replay *replay, const struct rk_backup_dir *dir, uint64_t to,
		    struct rk_error *error)
{
	const struct rk_backup_reader reader = { .context = replay, .each = on_entry };

	replay->stop = to;
	while (replay->index < to) {
		const uint64_t next = replay->index + 1;
		const struct rk_backup_item *part = rk_backup_part(&dir->backup, next);
		if (part == NULL)
			return rk_fail(error, RK_ENOENT, "the back-up does not hold entry %" PRIu64,
				       next);
		RK_TRY(rk_backup_part_read(dir, part, &reader, error));
		if (replay->index < next)
			return rk_fail(error, RK_ECORRUPT, "%s/%s does not hold entry %" PRIu64,
				       dir->path, part->name, next);
	}
	return RK_OK;
}

/* --- proof --- */

static int check_files(const struct rk_backup_dir *dir, struct rk_replay *replay,
		       struct rk_backup_proof *proof, struct rk_error *error)
{
	for (size_t i = 0; i < dir->backup.count; i++) {
		const struct rk_backup_item *item = &dir->backup.items[i];
		if (item->kind == RK_BACKUP_MARK)
			continue;
		if (item->kind == RK_BACKUP_PART)
			RK_TRY(rk_backup_part_read(dir, item, NULL, error));
		else
			RK_TRY(rk_replay_load(replay, dir->path, dir->backup.cluster, item->last,
					      error));
		RK_TRY(rk_backup_file_check(dir, item, error));
		proof->files++;
		proof->bytes += item->bytes;
	}
	return RK_OK;
}

/* The oldest base at or behind `index`, from where parts may lead on. */
static const struct rk_backup_item *base_from(const struct rk_backup *backup, uint64_t index)
{
	const struct rk_backup_item *best = NULL;

	for (size_t i = 0; i < backup->count; i++) {
		const struct rk_backup_item *item = &backup->items[i];
		if (item->kind == RK_BACKUP_BASE && item->last >= index &&
		    (best == NULL || item->last < best->last))
			best = item;
	}
	return best;
}

static int run_from(const struct rk_backup_dir *dir, struct rk_replay *replay,
		    const struct rk_backup_item *base, struct rk_error *error)
{
	const struct rk_backup_item *part;

	if (base != NULL)
		RK_TRY(rk_replay_load(replay, dir->path, dir->backup.cluster, base->last, error));
	else
		rk_replay_begin(replay);
	while ((part = rk_backup_part(&dir->backup, replay->index + 1)) != NULL)
		RK_TRY(rk_replay_parts(replay, dir, part->last, error));
	return RK_OK;
}

/* Every mark was passed, or the back-up promises a state that it does not lead to. */
static int check_marks(const struct rk_backup *backup, struct rk_error *error)
{
	const struct rk_backup_item *base;

	for (size_t i = 0; i < backup->count; i++)
		if (!rk_backup_base(backup, backup->items[i].last, &base))
			return rk_fail(error, RK_ECORRUPT,
				       "nothing in the back-up leads to entry %" PRIu64,
				       backup->items[i].last);
	return RK_OK;
}

int rk_backup_prove(const struct rk_backup_dir *dir, struct rk_replay *replay,
		    struct rk_backup_proof *ret, struct rk_error *error)
{
	const struct rk_backup_item *base = NULL;
	struct rk_backup_proof proof = { .last = rk_backup_last(&dir->backup) };

	if (proof.last == 0)
		return rk_fail(error, RK_ENOENT, "%s: there is nothing in it", dir->path);
	replay->backup = &dir->backup;
	RK_TRY(check_files(dir, replay, &proof, error));
	RK_TRY(check_marks(&dir->backup, error));
	replay->compared = replay->entries = 0;
	if (rk_backup_part(&dir->backup, 1) == NULL)
		base = base_from(&dir->backup, 0);
	do {
		RK_TRY(run_from(dir, replay, base, error));
		base = base_from(&dir->backup, replay->index + 1);
	} while (base != NULL);
	proof.entries = replay->entries;
	proof.compared = replay->compared;
	proof.hash = rk_store_hash(rk_machine_store(replay->machine));
	*ret = proof;
	return RK_OK;
}
