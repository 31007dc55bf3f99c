/* /reckon/v1/backup: what a back-up takes from this member. Without more: how far its state is, and
 * the hash of it; with ?stale=true also when there is no leader. ?snapshot=INDEX&offset=N: a piece
 * of that snapshot's file. ?from=INDEX&to=INDEX: entries as records (control/backup.h). In pieces,
 * so that nothing is held between two of them; ?member=N sees to it that all come from one member.
 */
#include <inttypes.h>

#include "base/timefmt.h"
#include "control/api/server.h"
#include "control/backup_io.h"
#include "raft/member_io.h"
#include "store/view.h"

#define OCTETS "application/octet-stream"

static void put_hash(struct rk_arena *arena, struct rk_val *val, const char *key, uint64_t high,
		     uint64_t low)
{
	rk_val_put(arena, val, key, rk_val_strf(arena, "%016" PRIx64 "%016" PRIx64, high, low));
}

static void put_time(struct rk_arena *arena, struct rk_val *val, int64_t time_ms)
{
	char when[RK_TIME_TEXT_MAX];

	(void)rk_time_format_ms(when, time_ms);
	rk_val_put(arena, val, "time", rk_val_strf(arena, "%s", when));
}

/* The state may be newer than what was asked for. */
static void extent(struct rk_req *req, struct rk_feed_answer *answer)
{
	const struct rk_view *view = req->thread->view;
	struct rk_arena *arena = &req->arena;
	struct rk_val *val = rk_val_map(arena);
	struct rk_member_dir member;
	struct rk_snapshot_meta meta;
	struct rk_error error;

	if (answer != NULL && answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	if (rk_member_peek(&member, req->thread->api->dir, &error) < 0) {
		rk_req_fail(req, 500, "InternalError", "%s", error.text);
		return;
	}
	const struct rk_hash128 hash = rk_view_hash(view);
	rk_val_put_int(arena, val, "member", (int64_t)member.id);
	put_hash(arena, val, "cluster", member.cluster.high, member.cluster.low);
	rk_val_put_int(arena, val, "index", (int64_t)rk_view_index(view));
	put_time(arena, val, rk_view_time_ms(view));
	rk_val_put_int(arena, val, "revision", (int64_t)rk_view_revision(view));
	put_hash(arena, val, "hash", hash.high, hash.low);
	const int err = rk_backup_newest(req->thread->api->dir, member.cluster, &meta, &error);
	if (err == RK_OK) {
		struct rk_val *snapshot = rk_val_make(arena, val, "snapshot");
		rk_val_put_int(arena, snapshot, "index", (int64_t)meta.index);
		rk_val_put_int(arena, snapshot, "term", (int64_t)meta.term);
		put_time(arena, snapshot, meta.time_ms);
		put_hash(arena, snapshot, "hash", meta.state_hash.high, meta.state_hash.low);
	} else if (err != RK_ENOENT) {
		rk_req_fail(req, 500, "InternalError", "%s", error.text);
		return;
	}
	rk_req_val(req, 200, val);
}

static void fail(struct rk_req *req, int err, const struct rk_error *error)
{
	if (err == RK_ENOENT)
		rk_req_fail(req, 410, "Gone", "%s", error->text);
	else
		rk_req_fail(req, 500, "InternalError", "%s", error->text);
}

static void piece(struct rk_req *req, int64_t snapshot)
{
	const char *dir = req->thread->api->dir;
	struct rk_buf out = { 0 };
	struct rk_error error;
	int64_t offset = 0, from = 0, to = 0;
	int err;

	(void)rk_req_query_int(req, "offset", &offset);
	(void)rk_req_query_int(req, "from", &from);
	(void)rk_req_query_int(req, "to", &to);
	if (offset < 0 || (snapshot <= 0 && (from <= 0 || to < from))) {
		rk_req_fail(req, 400, "BadRequest",
			    "snapshot and offset, or from and to, must be numbers");
		return;
	}
	const uint64_t applied = req->thread->view != NULL ? rk_view_index(req->thread->view) : 0;
	if (snapshot > 0)
		err = rk_backup_read_snapshot(dir, (uint64_t)snapshot, (uint64_t)offset, &out,
					      &error);
	else
		err = rk_backup_read_entries(dir, (uint64_t)from, (uint64_t)to, applied, &out,
					     &error);
	if (err < 0)
		fail(req, err, &error);
	else
		rk_req_send(req, 200, OCTETS, rk_blob_copy(rk_buf_span(&out)));
	rk_buf_done(&out);
}

void rk_api_backup(struct rk_req *req)
{
	struct rk_member_dir member;
	struct rk_error error;
	int64_t wanted = 0, snapshot = 0, from = 0;

	if (rk_member_peek(&member, req->thread->api->dir, &error) < 0) {
		rk_req_fail(req, 500, "InternalError", "%s", error.text);
	} else if (rk_req_query_int(req, "member", &wanted) && (uint64_t)wanted != member.id) {
		rk_req_fail(req, 409, "Conflict", "this is member %" PRIu64 ", not %" PRId64,
			    member.id, wanted);
	} else if (rk_req_query_int(req, "snapshot", &snapshot) ||
		   rk_req_query_int(req, "from", &from)) {
		piece(req, snapshot);
	} else if (req->thread->view == NULL || !req->thread->is_ready) {
		rk_req_err(req, RK_EAGAIN);
	} else if (rk_req_query_bool(req, "stale")) {
		extent(req, NULL);
	} else if (rk_req_await(req, extent)) { /* all that was acknowledged up to now is in it */
		rk_feed_read(req->thread->feed, req->id, RK_API_READ_MS);
	}
}
