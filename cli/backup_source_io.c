#include "cli/backup_source_io.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/backup.h"
#include "control/backup_io.h"
#include "raft/member_io.h"

#define PATH "/reckon/v1/backup"

void rk_backup_source_done(struct rk_backup_source *source) { rk_arena_done(&source->arena); }

/* --- a running member --- */

static int append(void *context, struct rk_span bytes)
{
	rk_buf_put_span(context, bytes);
	return 0;
}

static bool read_hash(const struct rk_val *val, const char *key, struct rk_hash128 *ret)
{
	return rk_backup_unhex(rk_val_text_at(val, key), &ret->high, &ret->low);
}

static int look_online(struct rk_backup_source *source, struct rk_error *error)
{
	struct rk_api *api = source->session->api;
	struct rk_val *val = NULL, *status = NULL;
	struct rk_snapshot_meta *meta = &source->snapshot;

	RK_TRY(rk_api_call(api, &source->arena,
			   &(struct rk_api_call){ .target = "/reckon/v1/status" }, &status, error));
	if (rk_val_bool_at(status, "quarantined", false))
		return rk_fail(error, RK_EPERM,
			       "member %" PRId64 "'s state is not that of the others: back up "
			       "another one",
			       rk_val_int_at(status, "id", 0));
	const char *target = source->is_stale ? PATH "?stale=true" : PATH;
	RK_TRY(rk_api_call(api, &source->arena, &(struct rk_api_call){ .target = target }, &val,
			   error));
	source->member = (uint64_t)rk_val_int_at(val, "member", 0);
	source->last = (uint64_t)rk_val_int_at(val, "index", 0);
	source->revision = (uint64_t)rk_val_int_at(val, "revision", 0);
	const struct rk_val *snapshot = rk_val_at(val, "snapshot");
	meta->index = (uint64_t)rk_val_int_at(snapshot, "index", 0);
	meta->term = (uint64_t)rk_val_int_at(snapshot, "term", 0);
	source->has_hash = read_hash(val, "hash", &source->hash) &&
			   rk_time_parse(rk_val_text_at(val, "time"), &source->time_ms) &&
			   rk_backup_unhex(rk_val_text_at(val, "cluster"), &source->cluster.high,
					   &source->cluster.low) &&
			   (meta->index == 0 ||
			    (read_hash(snapshot, "hash", &meta->state_hash) &&
			     rk_time_parse(rk_val_text_at(snapshot, "time"), &meta->time_ms)));
	if (!source->has_hash || source->last == 0)
		return rk_fail(error, RK_EIO, "the member's answer cannot be understood");
	/* A snapshot that is newer than what it told of its state: ask again. */
	return meta->index > source->last ? rk_fail(error, RK_EAGAIN, "the member's state moves on")
					  : RK_OK;
}

static int piece_online(struct rk_backup_source *source, const char *target, struct rk_buf *out,
			struct rk_error *error)
{
	const size_t before = out->size;
	const int err = rk_api_call(
		source->session->api, &source->arena,
		&(struct rk_api_call){
			.target = target, .accept = "*/*", .data = append, .context = out },
		NULL, error);

	if (err < 0)
		out->size = before;
	return err;
}

/* --- a data directory --- */

static int look_offline(struct rk_backup_source *source, struct rk_error *error)
{
	struct rk_member_dir member;
	struct rk_backup_extent extent;

	RK_TRY(rk_member_peek(&member, source->dir, error));
	if (member.is_witness)
		return rk_fail(error, RK_ENOTSUP, "%s is a witness's: it holds no state",
			       source->dir);
	source->cluster = member.cluster;
	source->member = member.id;
	RK_TRY(rk_backup_extent(source->dir, member.cluster, &extent, error));
	source->last = extent.committed;
	source->left_out = extent.last - extent.committed;
	const int err = rk_backup_newest(source->dir, member.cluster, &source->snapshot, error);
	return err == RK_ENOENT ? RK_OK : err;
}

/* --- both --- */

int rk_backup_source_look(struct rk_backup_source *source, struct rk_error *error)
{
	rk_arena_reset(&source->arena);
	source->snapshot = (struct rk_snapshot_meta){ 0 };
	return source->session != NULL ? look_online(source, error) : look_offline(source, error);
}

int rk_backup_source_entries(struct rk_backup_source *source, uint64_t from, struct rk_buf *out,
			     struct rk_error *error)
{
	char target[128];

	rk_arena_reset(&source->arena);
	if (source->session == NULL)
		return rk_backup_read_entries(source->dir, from, source->last, source->last, out,
					      error);
	(void)snprintf(target, sizeof target, PATH "?from=%" PRIu64 "&to=%" PRIu64, from,
		       source->last);
	const int err = piece_online(source, target, out, error);
	/* 410 */
	return err == RK_ESTALE
		       ? rk_fail(error, RK_ENOENT,
				 "the member's log does not hold entry %" PRIu64 " any more", from)
		       : err;
}

int rk_backup_source_snapshot(struct rk_backup_source *source, uint64_t offset, struct rk_buf *out,
			      struct rk_error *error)
{
	char target[160];

	rk_arena_reset(&source->arena);
	if (source->session == NULL)
		return rk_backup_read_snapshot(source->dir, source->snapshot.index, offset, out,
					       error);
	(void)snprintf(target, sizeof target,
		       PATH "?snapshot=%" PRIu64 "&offset=%" PRIu64 "&member=%" PRIu64,
		       source->snapshot.index, offset, source->member);
	return piece_online(source, target, out, error);
}
