#include "control/backup_io.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "control/backup.h"
#include "raft/settled_io.h"
#include "raft/snapshot_io.h"

#define PATH_SIZE 512

static void drop_settled(struct rk_settled **settled) { (void)rk_settled_close(*settled); }

static int open_log(const char *dir, uint64_t from, struct rk_settled **ret, struct rk_error *error)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof path, "%s/log", dir);
	return rk_settled_open(ret, path, from, error);
}

int rk_backup_read_entries(const char *dir, uint64_t from, uint64_t to, uint64_t known,
			   struct rk_buf *out, struct rk_error *error)
{
	RK_AUTO(drop_settled) struct rk_settled *settled = NULL;
	const size_t end = out->size + RK_BACKUP_PIECE;
	struct rk_settled_entry next;
	int more;

	RK_TRY(open_log(dir, from, &settled, error));
	while ((more = rk_settled_next(settled, &next, error)) == 1) {
		if (next.entry.index > to || (!next.is_committed && next.entry.index > known))
			return RK_OK;
		rk_backup_put_entry(out, &next.entry);
		if (next.entry.index == to || out->size >= end)
			return RK_OK;
	}
	return more;
}

int rk_backup_newest(const char *dir, struct rk_cluster_id cluster, struct rk_snapshot_meta *ret,
		     struct rk_error *error)
{
	struct rk_snapshot_reader *reader = NULL;
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof path, "%s/snapshots", dir);
	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;
	RK_TRY(rk_vfs_dir(&vfs, path, false, error));
	RK_TRY(rk_snapshot_open(&reader, vfs, cluster, 0, ret, error));
	(void)rk_snapshot_close(reader);
	return RK_OK;
}

int rk_backup_read_snapshot(const char *dir, uint64_t index, uint64_t offset, struct rk_buf *out,
			    struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = -1;
	char path[PATH_SIZE];
	uint64_t size;

	(void)snprintf(path, sizeof path, "%s/snapshots", dir);
	RK_TRY(rk_snapshot_raw(path, index, &fd, &size, NULL, error));
	uint64_t left = offset < size ? RK_MIN(size - offset, (uint64_t)RK_BACKUP_PIECE) : 0;
	while (left > 0) {
		const ssize_t got =
			pread(fd, rk_buf_room(out, (size_t)left), (size_t)left, (off_t)offset);
		if (got <= 0)
			return rk_fail_errno(error, "cannot read snapshot %llu",
					     (unsigned long long)index);
		out->size += (size_t)got;
		offset += (uint64_t)got;
		left -= (uint64_t)got;
	}
	return RK_OK;
}

/* Whether the configuration makes one member the majority. */
static bool is_one_voter(const struct rk_config *config)
{
	unsigned voters = 0;

	for (uint32_t i = 0; i < config->count; i++)
		voters += (config->at[i].role & (RK_MEMBER_VOTER | RK_MEMBER_OUTGOING)) != 0;
	return voters == 1;
}

int rk_backup_extent(const char *dir, struct rk_cluster_id cluster, struct rk_backup_extent *ret,
		     struct rk_error *error)
{
	RK_AUTO(drop_settled) struct rk_settled *settled = NULL;
	struct rk_backup_extent extent = { 0 };
	struct rk_snapshot_meta meta = { 0 };
	struct rk_settled_entry next;
	int more = rk_backup_newest(dir, cluster, &meta, error);

	if (more < 0 && more != RK_ENOENT)
		return more;
	extent.committed = extent.last = meta.index;
	struct rk_config config = meta.config;
	RK_TRY(open_log(dir, meta.index + 1, &settled, error));
	while ((more = rk_settled_next(settled, &next, error)) == 1) {
		extent.last = next.entry.index;
		if (next.is_committed)
			extent.committed = next.entry.index;
		if (next.entry.kind == RK_ENTRY_CONFIG)
			RK_TRY(rk_config_decode(rk_blob_span(next.entry.payload), &config));
	}
	RK_TRY(more);
	if (is_one_voter(&config))
		extent.committed = extent.last;
	*ret = extent;
	return RK_OK;
}
