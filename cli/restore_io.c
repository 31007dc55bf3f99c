#include "cli/restore_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "control/snapshots_io.h"
#include "raft/member_io.h"
#include "raft/wal_io.h"

static int write_snapshot(const char *dir, struct rk_cluster_id cluster,
			  const struct rk_store *store, const struct rk_snapshot_meta *meta,
			  struct rk_error *error)
{
	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;
	char path[RK_PATH_MAX];
	size_t bytes;

	rk_path(path, "%s/snapshots", dir);
	RK_TRY(rk_vfs_dir(&vfs, path, false, error));
	struct rk_view *view = rk_store_view(store);
	const int err = rk_snapshot_save(vfs, cluster, meta, view, &bytes, error);
	(void)rk_view_unref(view);
	return err;
}

/* A log without entries, which follows the snapshot. */
static int write_log(const char *dir, struct rk_cluster_id cluster, uint64_t id, uint64_t term,
		     const struct rk_snapshot_meta *meta, struct rk_error *error)
{
	char path[RK_PATH_MAX];
	const struct rk_wal_opts opts = {
		.dir = path, .cluster = cluster, .member = id, .from_index = meta->index
	};
	struct rk_wal_found found = { 0 };
	struct rk_wal *wal = NULL;

	rk_path(path, "%s/log", dir);
	RK_TRY(rk_wal_open(&wal, &opts, &found, error));
	rk_wal_found_done(&found);
	struct rk_persist *job = rk_zalloc(sizeof *job);
	job->id = 1;
	job->hard = (struct rk_hard_state){ .term = term, .commit = meta->index };
	job->reset = true;
	job->mark = *meta;
	const int err = rk_wal_write(wal, &job, 1, error);
	(void)rk_persist_free(job);
	(void)rk_wal_close(wal);
	return err;
}

static int sync_path(const char *path, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? rk_fail_errno(error, "cannot write %s", path) : RK_OK;
}

static int fill(const struct rk_restore *restore, const char *dir, struct rk_cluster_id cluster,
		const struct rk_store *store, const struct rk_snapshot_meta *meta,
		struct rk_error *error)
{
	struct rk_member_dir member;

	RK_TRY(rk_member_open(&member, dir, cluster, restore->id, false, error));
	int err = write_snapshot(dir, cluster, store, meta, error);
	if (err == RK_OK)
		err = write_log(dir, cluster, restore->id, RK_MAX(restore->term, meta->term), meta,
				error);
	rk_member_close(&member);
	RK_TRY(err);
	return sync_path(dir, error);
}

/* The directory in which `path` is. */
static void parent_of(char parent[RK_PATH_MAX], const char *path)
{
	rk_path(parent, "%s", path);
	char *slash = strrchr(parent, '/');
	if (slash == NULL)
		rk_path(parent, ".");
	else if (slash == parent)
		rk_path(parent, "/");
	else
		*slash = '\0';
}

static int choose_cluster(const struct rk_restore *restore, const struct rk_replay *replay,
			  struct rk_hash128 hash, struct rk_cluster_id *ret, struct rk_error *error)
{
	const struct rk_cluster_id given = restore->cluster;
	const bool is_given = given.high != 0 || given.low != 0;
	uint64_t random = given.high;

	if (!is_given && getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return rk_fail_errno(error, "no randomness");
	const struct rk_cluster_id cluster =
		rk_rebirth_id(random, replay->index, hash, restore->skip, &restore->members);
	if (is_given && cluster.low != given.low)
		return rk_fail(error, RK_EPERM,
			       "--cluster-id is that of a cluster with another beginning: the same "
			       "back-up, entry, members and --bump-revision make the same cluster");
	*ret = cluster;
	return RK_OK;
}

static int make(const struct rk_restore *restore, struct rk_replay *replay, const char *partial,
		struct rk_restored *ret, struct rk_error *error)
{
	struct rk_store *store = rk_machine_store(replay->machine);
	struct rk_restored done = { .index = replay->index,
				    .time_ms = replay->time_ms,
				    .revision = rk_store_revision(store),
				    .holdings = rk_rebirth_count(store) };

	RK_TRY(choose_cluster(restore, replay, rk_store_hash(store), &done.cluster, error));
	const struct rk_rebirth how = { .cluster = done.cluster, .skip = restore->skip };
	if (rk_rebirth(store, replay->kinds, &how) < 0)
		return rk_fail(error, RK_EINVAL, "entry %llu is before the first of the cluster",
			       (unsigned long long)replay->index);
	done.new_revision = rk_store_revision(store);
	done.hash = rk_store_hash(store);
	const struct rk_snapshot_meta meta = { .index = replay->index,
					       .term = replay->term,
					       .time_ms = replay->time_ms,
					       .state_hash = done.hash,
					       .config = restore->members };
	RK_TRY(fill(restore, partial, done.cluster, store, &meta, error));
	*ret = done;
	return RK_OK;
}

int rk_restore_write(const struct rk_restore *restore, struct rk_replay *replay,
		     struct rk_restored *ret, struct rk_error *error)
{
	char to[RK_PATH_MAX - 16], partial[RK_PATH_MAX], parent[RK_PATH_MAX];

	if ((size_t)snprintf(to, sizeof to, "%s", restore->to) >= sizeof to)
		return rk_fail(error, RK_EINVAL, "the path is too long");
	for (size_t size = strlen(to); size > 1 && to[size - 1] == '/'; size--)
		to[size - 1] = '\0';
	rk_path(partial, "%s.partial", to);
	parent_of(parent, to);
	if (access(to, F_OK) == 0)
		return rk_fail(error, RK_EEXIST,
			       "%s is there already: nothing is ever restored over it", to);
	RK_TRY(rk_dir_make(parent, 0755, error));
	RK_TRY(rk_dir_remove(partial, error));
	const int err = make(restore, replay, partial, ret, error);
	if (err < 0) {
		(void)rk_dir_remove(partial, NULL);
		return err;
	}
	if (rename(partial, to) < 0)
		return rk_fail_errno(error, "cannot make %s", to);
	return sync_path(parent, error);
}
