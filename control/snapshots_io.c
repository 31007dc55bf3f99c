#include "control/snapshots_io.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "raft/snapshot_io.h"

#define KEEP 3

struct work {
	struct rk_message message; /* kind: enum rk_snapshot_work, or STOP */
	struct rk_view *view;
	struct rk_snapshot_meta meta;
	uint64_t peer, term;
};

enum { STOP = 100 };

struct rk_snapshots {
	struct rk_vfs *vfs;
	struct rk_cluster_id cluster;
	struct rk_queue *queue, *inbox;
	int kind;
	pthread_t thread;
};

void rk_snapshot_result_free(struct rk_snapshot_result *result)
{
	(void)rk_store_free(result->store);
	free(result);
}

int rk_snapshot_save(struct rk_vfs *vfs, struct rk_cluster_id cluster,
		     const struct rk_snapshot_meta *meta, struct rk_view *view, size_t *ret_bytes,
		     struct rk_error *error)
{
	struct rk_snapshot_writer *writer = NULL;
	RK_AUTO(rk_buf_done) struct rk_buf piece = { 0 };
	struct rk_store_dump dump = { 0 };
	bool done = view == NULL;

	*ret_bytes = 0;
	RK_TRY(rk_snapshot_create(&writer, vfs, cluster, meta, error));
	while (!done) {
		rk_buf_clear(&piece);
		rk_store_dump_next(&dump, view, RK_SNAPSHOT_PIECE, &piece, &done);
		*ret_bytes += piece.size;
		const int err = rk_snapshot_write(writer, rk_buf_span(&piece), error);
		if (err < 0) {
			(void)rk_snapshot_abort(writer);
			return err;
		}
	}
	RK_TRY(rk_snapshot_commit(writer, error));
	rk_snapshot_prune(vfs, KEEP, false);
	return RK_OK;
}

int rk_snapshot_load(struct rk_vfs *vfs, struct rk_cluster_id cluster, uint64_t index,
		     struct rk_store **ret, struct rk_snapshot_meta *ret_meta,
		     struct rk_error *error)
{
	struct rk_snapshot_reader *reader = NULL;
	struct rk_store_load *store = ret != NULL ? rk_store_load_new() : NULL;
	struct rk_span bytes;
	int more = rk_snapshot_open(&reader, vfs, cluster, index, ret_meta, error);

	if (more == RK_OK) {
		while ((more = rk_snapshot_read(reader, &bytes, error)) == 1) {
			if (store != NULL && rk_store_load_feed(store, bytes) < 0) {
				more = rk_fail(error, RK_ECORRUPT,
					       "%s: snapshot %llu holds no state", vfs->path,
					       (unsigned long long)ret_meta->index);
				break;
			}
		}
		if (more == 0 && store != NULL && rk_store_load_finish(store, ret) < 0)
			more = rk_fail(error, RK_ECORRUPT,
				       "%s: snapshot %llu is not the state that it says it is",
				       vfs->path, (unsigned long long)ret_meta->index);
	}
	(void)rk_snapshot_close(reader);
	if (store != NULL)
		(void)rk_store_load_free(store);
	return more;
}

int rk_snapshot_recover(struct rk_vfs *vfs, struct rk_cluster_id cluster, bool may_repair,
			struct rk_store **ret, struct rk_snapshot_meta *ret_meta,
			struct rk_error *ret_damage, struct rk_error *error)
{
	rk_snapshot_prune(vfs, KEEP, true);
	for (;;) {
		*ret_meta = (struct rk_snapshot_meta){ 0 };
		const int err = rk_snapshot_load(vfs, cluster, 0, ret, ret_meta, error);
		if (err != RK_ECORRUPT || !may_repair)
			return err;
		if (error != NULL)
			*ret_damage = *error;
		*ret_meta = (struct rk_snapshot_meta){ 0 };
		RK_TRY(rk_snapshot_set_aside(vfs, error));
	}
}

static void do_work(struct rk_snapshots *snapshots, struct work *work)
{
	struct rk_snapshot_result *result = rk_zalloc(sizeof *result);

	result->message.kind = snapshots->kind;
	result->work = (enum rk_snapshot_work)work->message.kind;
	result->meta = work->meta;
	result->peer = work->peer;
	result->term = work->term;
	switch (result->work) {
	case RK_SNAPSHOT_SAVE:
	case RK_SNAPSHOT_NOTE:
		result->err = rk_snapshot_save(snapshots->vfs, snapshots->cluster, &work->meta,
					       work->view, &result->bytes, &result->error);
		break;
	case RK_SNAPSHOT_ADMIT:
		result->err = rk_snapshot_admit(snapshots->vfs, work->peer, snapshots->cluster,
						&work->meta, &result->error);
		break;
	case RK_SNAPSHOT_LOAD:
		result->err = rk_snapshot_load(snapshots->vfs, snapshots->cluster, work->meta.index,
					       &result->store, &result->meta, &result->error);
		break;
	}
	rk_queue_push(snapshots->inbox, &result->message);
}

static void *run(void *context)
{
	struct rk_snapshots *snapshots = context;
	bool goes_on = true;

	(void)pthread_setname_np(pthread_self(), "reckon-snap");
	while (goes_on) {
		rk_queue_wait(snapshots->queue, -1);
		struct rk_message *next = rk_queue_take(snapshots->queue);
		while (next != NULL) {
			struct work *work = RK_CONTAINER(next, struct work, message);
			next = next->next;
			if (work->message.kind == STOP)
				goes_on = false;
			else
				do_work(snapshots, work);
			(void)rk_view_unref(work->view);
			free(work);
		}
	}
	return NULL;
}

int rk_snapshots_new(struct rk_snapshots **ret, const char *dir, struct rk_cluster_id cluster,
		     struct rk_queue *inbox, int kind, struct rk_error *error)
{
	struct rk_vfs *vfs = NULL;

	RK_TRY(rk_vfs_dir(&vfs, dir, false, error));
	struct rk_snapshots *snapshots = rk_zalloc(sizeof *snapshots);
	snapshots->vfs = vfs;
	snapshots->cluster = cluster;
	snapshots->inbox = inbox;
	snapshots->kind = kind;
	if (rk_queue_new(&snapshots->queue) < 0 ||
	    pthread_create(&snapshots->thread, NULL, run, snapshots) != 0) {
		(void)rk_queue_free(snapshots->queue);
		(void)rk_vfs_close(vfs);
		free(snapshots);
		return rk_fail(error, RK_EIO, "cannot start the snapshot thread");
	}
	*ret = snapshots;
	return RK_OK;
}

static void push(struct rk_snapshots *snapshots, int kind, struct rk_view *view,
		 const struct rk_snapshot_meta *meta, uint64_t peer, uint64_t term)
{
	struct work *work = rk_zalloc(sizeof *work);

	work->message.kind = kind;
	work->view = view;
	if (meta != NULL)
		work->meta = *meta;
	work->peer = peer;
	work->term = term;
	rk_queue_push(snapshots->queue, &work->message);
}

struct rk_snapshots *rk_snapshots_free(struct rk_snapshots *snapshots)
{
	if (snapshots == NULL)
		return NULL;
	push(snapshots, STOP, NULL, NULL, 0, 0);
	(void)pthread_join(snapshots->thread, NULL);
	(void)rk_queue_free(snapshots->queue);
	(void)rk_vfs_close(snapshots->vfs);
	free(snapshots);
	return NULL;
}

void rk_snapshots_save(struct rk_snapshots *snapshots, struct rk_view *view,
		       const struct rk_snapshot_meta *meta)
{
	push(snapshots, RK_SNAPSHOT_SAVE, view, meta, 0, 0);
}

void rk_snapshots_note(struct rk_snapshots *snapshots, uint64_t peer, uint64_t term,
		       const struct rk_snapshot_meta *meta)
{
	push(snapshots, RK_SNAPSHOT_NOTE, NULL, meta, peer, term);
}

void rk_snapshots_admit(struct rk_snapshots *snapshots, uint64_t peer, uint64_t term,
			const struct rk_snapshot_meta *meta)
{
	push(snapshots, RK_SNAPSHOT_ADMIT, NULL, meta, peer, term);
}

void rk_snapshots_load(struct rk_snapshots *snapshots, const struct rk_snapshot_meta *meta)
{
	push(snapshots, RK_SNAPSHOT_LOAD, NULL, meta, 0, 0);
}
