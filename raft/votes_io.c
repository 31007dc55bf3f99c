#include "raft/votes_io.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

#define RECORD_SIZE 29 /* count, term, vote, whether memory was lost, checksum */

static const char *const names[2] = { "vote.0", "vote.1" };

static bool read_one(struct rk_vfile *file, uint64_t *ret_count, struct rk_hard_state *ret)
{
	uint8_t bytes[RECORD_SIZE];

	if (rk_vfile_read(file, 0, bytes, sizeof bytes) < 0)
		return false;
	struct rk_reader in = rk_reader_of(rk_span_of(bytes, sizeof bytes));
	*ret_count = rk_read_u64(&in);
	ret->term = rk_read_u64(&in);
	ret->vote = rk_read_u64(&in);
	ret->commit = rk_read_u8(&in) != 0 ? RK_COMMIT_FORGOTTEN : 0;
	return rk_read_u32(&in) == rk_crc32c(0, bytes, RECORD_SIZE - 4);
}

static int write_one(struct rk_vfile *file, uint64_t count, const struct rk_hard_state *hard)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };

	rk_buf_put_u64(&out, count);
	rk_buf_put_u64(&out, hard->term);
	rk_buf_put_u64(&out, hard->vote);
	rk_buf_put_u8(&out, hard->commit == RK_COMMIT_FORGOTTEN);
	rk_buf_put_u32(&out, rk_crc32c(0, out.data, out.size));
	RK_TRY(rk_vfile_write(file, 0, rk_buf_span(&out)));
	return rk_vfile_sync(file);
}

static bool is_newer(const struct rk_hard_state *a, const struct rk_hard_state *b)
{
	return a->term > b->term || (a->term == b->term && b->vote == 0);
}

/* 1 when it was made. */
static int open_one(struct rk_vfile **ret, struct rk_vfs *vfs, const char *name,
		    struct rk_error *error)
{
	if (rk_vfs_open(vfs, name, RK_VFILE_WRITE, ret) == RK_OK)
		return 0;
	if (rk_vfs_open(vfs, name, RK_VFILE_NEW, ret) < 0 ||
	    rk_vfile_reserve(*ret, RK_SECTOR) < 0 || rk_vfile_sync(*ret) < 0)
		return rk_fail_errno(error, "cannot make %s/%s", vfs->path, name);
	return 1;
}

int rk_votes_open(struct rk_votes *ret, struct rk_vfs *vfs, struct rk_hard_state *hard,
		  struct rk_error *error)
{
	struct rk_hard_state newest = { 0 };
	int made = 0;

	*ret = (struct rk_votes){ 0 };
	for (unsigned i = 0; i < 2; i++) {
		struct rk_hard_state found = { 0 };
		uint64_t count = 0;
		const int err = open_one(&ret->files[i], vfs, names[i], error);
		if (err < 0) {
			rk_votes_close(ret);
			return err;
		}
		made |= err;
		if (err == 0 && read_one(ret->files[i], &count, &found) && count > ret->written) {
			ret->written = count;
			newest = found;
		}
	}
	if (is_newer(&newest, hard)) {
		hard->term = newest.term;
		hard->vote = newest.vote;
		if (newest.commit == RK_COMMIT_FORGOTTEN)
			hard->commit = RK_COMMIT_FORGOTTEN;
	}
	if (made != 0 && rk_vfs_sync(vfs) < 0) {
		rk_votes_close(ret);
		return rk_fail_errno(error, "cannot make %s/%s", vfs->path, names[0]);
	}
	return RK_OK;
}

void rk_votes_close(struct rk_votes *votes)
{
	for (unsigned i = 0; i < 2; i++)
		votes->files[i] = rk_vfile_close(votes->files[i]);
}

int rk_votes_write(struct rk_votes *votes, const struct rk_hard_state *hard)
{
	votes->written++;
	return write_one(votes->files[votes->written % 2], votes->written, hard);
}
