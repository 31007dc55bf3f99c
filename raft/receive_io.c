#include "raft/receive_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "raft/snapshot_io.h"

#define MAGIC     0x53534b52u /* "RKSS" */
#define HEAD_SIZE 12          /* magic u32, checksum u32 of the offer, its size u32 */
#define OFFER_MAX (64 + RK_CONFIG_SIZE_MAX + 64)
#define SUM_SIZE  4

struct rk_receive {
	struct rk_vfs *vfs;
	struct rk_vfile *part, *sums; /* NULL: nothing is here */
	struct rk_offer offer; /* whose file they hold; number and term: of the last sender */
	uint64_t sums_at;      /* where the checksums begin */
	uint64_t got;
	const void *owner;    /* who sends it; NULL: nobody */
	uint64_t checked;     /* the peer whose snapshot is being looked at; 0: none is */
	struct rk_offer last; /* that was whole; index 0: none was */
};

static uint64_t chunk_size(const struct rk_receive *receive, uint64_t at)
{
	return RK_MIN((uint64_t)RK_TRANSFER_CHUNK, receive->offer.size - at);
}

static uint64_t sum_at(const struct rk_receive *receive, uint64_t at)
{
	return receive->sums_at + at / RK_TRANSFER_CHUNK * SUM_SIZE;
}

static int failed(const struct rk_receive *receive, struct rk_error *error)
{
	char part[RK_SNAPSHOT_NAME_MAX];

	rk_snapshot_name(part, receive->offer.meta.index, RK_SNAPSHOT_PART);
	return rk_fail_errno(error, "cannot write %s/%s", receive->vfs->path, part);
}

/* Closes both files; with `remove` they go. */
static void drop(struct rk_receive *receive, bool remove)
{
	char name[RK_SNAPSHOT_NAME_MAX];

	if (remove && receive->part != NULL) {
		rk_snapshot_name(name, receive->offer.meta.index, RK_SNAPSHOT_SUMS);
		(void)rk_vfs_remove(receive->vfs, name);
		rk_snapshot_name(name, receive->offer.meta.index, RK_SNAPSHOT_PART);
		(void)rk_vfs_remove(receive->vfs, name);
	}
	receive->part = rk_vfile_close(receive->part);
	receive->sums = rk_vfile_close(receive->sums);
	receive->got = 0;
	receive->owner = NULL;
}

/* --- what is left from before --- */

static int read_offer(struct rk_receive *receive)
{
	uint8_t head[HEAD_SIZE], bytes[OFFER_MAX];

	RK_TRY(rk_vfile_read(receive->sums, 0, head, sizeof head));
	struct rk_reader in = rk_reader_of(rk_span_of(head, sizeof head));
	const uint32_t magic = rk_read_u32(&in), crc = rk_read_u32(&in), size = rk_read_u32(&in);
	if (magic != MAGIC || size > sizeof bytes)
		return RK_ECORRUPT;
	RK_TRY(rk_vfile_read(receive->sums, HEAD_SIZE, bytes, size));
	if (rk_crc32c(0, bytes, size) != crc)
		return RK_ECORRUPT;
	receive->sums_at = HEAD_SIZE + (uint64_t)size;
	return rk_offer_decode(rk_span_of(bytes, size), &receive->offer);
}

/* Up to the first chunk that does not have its checksum. */
static void read_chunks(struct rk_receive *receive)
{
	uint64_t part_size = 0, sums_size = 0;
	RK_AUTO(rk_drop_mem) uint8_t *bytes = rk_alloc(RK_TRANSFER_CHUNK);
	uint8_t sum[SUM_SIZE];

	if (rk_vfile_size(receive->part, &part_size) < 0 ||
	    rk_vfile_size(receive->sums, &sums_size) < 0)
		return;
	while (receive->got < receive->offer.size) {
		const uint64_t at = receive->got, size = chunk_size(receive, at);
		if (at + size > part_size || sum_at(receive, at) + SUM_SIZE > sums_size ||
		    rk_vfile_read(receive->sums, sum_at(receive, at), sum, sizeof sum) < 0 ||
		    rk_vfile_read(receive->part, at, bytes, (size_t)size) < 0)
			return;
		struct rk_reader in = rk_reader_of(rk_span_of(sum, sizeof sum));
		if (rk_read_u32(&in) != rk_crc32c(0, bytes, (size_t)size))
			return;
		receive->got += size;
	}
}

struct found {
	uint64_t index; /* the newest */
	struct rk_vfs *vfs;
};

static void note_newest(void *context, const char *name)
{
	struct found *found = context;
	uint64_t index;

	if (rk_snapshot_is_name(name, RK_SNAPSHOT_SUMS, &index))
		found->index = RK_MAX(found->index, index);
}

static void recover(struct rk_receive *receive)
{
	struct found found = { 0 };
	char part[RK_SNAPSHOT_NAME_MAX], sums[RK_SNAPSHOT_NAME_MAX];

	(void)rk_vfs_list(receive->vfs, &found, note_newest);
	if (found.index == 0)
		return;
	receive->offer.meta.index = found.index;
	rk_snapshot_name(part, found.index, RK_SNAPSHOT_PART);
	rk_snapshot_name(sums, found.index, RK_SNAPSHOT_SUMS);
	if (rk_vfs_open(receive->vfs, part, RK_VFILE_WRITE, &receive->part) < 0 ||
	    rk_vfs_open(receive->vfs, sums, RK_VFILE_WRITE, &receive->sums) < 0 ||
	    read_offer(receive) < 0 || receive->offer.meta.index != found.index) {
		receive->offer.meta.index = found.index;
		drop(receive, true);
		(void)rk_vfs_remove(receive->vfs, sums); /* also without its part */
		return;
	}
	read_chunks(receive);
}

struct rk_receive *rk_receive_new(struct rk_vfs *vfs)
{
	struct rk_receive *receive = rk_zalloc(sizeof *receive);

	receive->vfs = vfs;
	recover(receive);
	return receive;
}

struct rk_receive *rk_receive_free(struct rk_receive *receive)
{
	if (receive == NULL)
		return NULL;
	drop(receive, false);
	(void)rk_vfs_close(receive->vfs);
	free(receive);
	return NULL;
}

/* --- receiving --- */

static int make_files(struct rk_receive *receive, struct rk_error *error)
{
	char part[RK_SNAPSHOT_NAME_MAX], sums[RK_SNAPSHOT_NAME_MAX];
	RK_AUTO(rk_buf_done) struct rk_buf offer = { 0 }, head = { 0 };

	rk_offer_encode(&receive->offer, &offer);
	rk_buf_put_u32(&head, MAGIC);
	rk_buf_put_u32(&head, rk_crc32c(0, offer.data, offer.size));
	rk_buf_put_u32(&head, (uint32_t)offer.size);
	rk_buf_put_span(&head, rk_buf_span(&offer));
	receive->sums_at = head.size;
	rk_snapshot_name(part, receive->offer.meta.index, RK_SNAPSHOT_PART);
	rk_snapshot_name(sums, receive->offer.meta.index, RK_SNAPSHOT_SUMS);
	if (rk_vfs_open(receive->vfs, part, RK_VFILE_NEW, &receive->part) < 0 ||
	    rk_vfs_open(receive->vfs, sums, RK_VFILE_NEW, &receive->sums) < 0 ||
	    rk_vfile_write(receive->sums, 0, rk_buf_span(&head)) < 0) {
		const int err = failed(receive, error);
		drop(receive, true);
		return err;
	}
	return RK_OK;
}

/* An admitted one has the name of a whole one. Between that and the answer of raft the leader may
 * think that it is needed still. In a later term that answer may never come: raft passes over what
 * came in an old one. */
static bool is_here(const struct rk_receive *receive, const struct rk_offer *offer)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	char name[RK_SNAPSHOT_NAME_MAX];

	rk_snapshot_name(name, offer->meta.index, RK_SNAPSHOT_WHOLE);
	return offer->term == receive->last.term && rk_offer_is_same_file(&receive->last, offer) &&
	       rk_vfs_open(receive->vfs, name, RK_VFILE_READ, &file) == RK_OK;
}

int rk_receive_begin(struct rk_receive *receive, const void *owner, const struct rk_offer *offer,
		     uint64_t *ret_at, struct rk_error *error)
{
	if (receive->checked != 0)
		return rk_fail(error, RK_EBUSY, "another snapshot is being looked at");
	if (receive->owner != NULL && receive->owner != owner && offer->term < receive->offer.term)
		return rk_fail(error, RK_EBUSY, "another snapshot comes in from a later leader");
	if (is_here(receive, offer))
		return rk_fail(error, RK_EEXIST, "this snapshot is here already");
	const bool goes_on = receive->part != NULL && rk_offer_is_same_file(&receive->offer, offer);
	if (!goes_on)
		drop(receive, true);
	receive->offer = *offer;
	if (!goes_on)
		RK_TRY(make_files(receive, error));
	receive->owner = owner;
	*ret_at = receive->got;
	return RK_OK;
}

void rk_receive_leave(struct rk_receive *receive, const void *owner)
{
	if (receive->owner == owner)
		receive->owner = NULL;
}

int rk_receive_chunk(struct rk_receive *receive, const void *owner, const struct rk_chunk *chunk,
		     uint64_t *ret_at, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf sum = { 0 };

	if (receive->owner == NULL || receive->owner != owner ||
	    chunk->number != receive->offer.number)
		return rk_fail(error, RK_EBUSY, "a chunk of a transfer that is over");
	if (chunk->at != receive->got || receive->got == receive->offer.size ||
	    chunk->bytes.size != chunk_size(receive, receive->got))
		return rk_fail(error, RK_EINVAL, "a chunk that does not follow");
	if (!rk_chunk_is_whole(chunk)) {
		receive->owner = NULL;
		return rk_fail(error, RK_ECORRUPT, "a chunk came damaged");
	}
	rk_buf_put_u32(&sum, chunk->checksum);
	if (rk_vfile_write(receive->part, chunk->at, chunk->bytes) < 0 ||
	    rk_vfile_write(receive->sums, sum_at(receive, chunk->at), rk_buf_span(&sum)) < 0) {
		receive->owner = NULL; /* what is here stays: there may be room again */
		return failed(receive, error);
	}
	receive->got += chunk->bytes.size;
	*ret_at = receive->got;
	return RK_OK;
}

bool rk_receive_is_whole(const struct rk_receive *receive)
{
	return receive->part != NULL && receive->got == receive->offer.size;
}

int rk_receive_finish(struct rk_receive *receive, uint64_t peer, struct rk_offer *ret,
		      struct rk_error *error)
{
	char part[RK_SNAPSHOT_NAME_MAX], sums[RK_SNAPSHOT_NAME_MAX], came[RK_SNAPSHOT_NAME_MAX];

	rk_assert(rk_receive_is_whole(receive));
	rk_assert(receive->checked == 0);
	rk_snapshot_name(part, receive->offer.meta.index, RK_SNAPSHOT_PART);
	rk_snapshot_name(sums, receive->offer.meta.index, RK_SNAPSHOT_SUMS);
	rk_snapshot_incoming_name(came, peer);
	*ret = receive->offer;
	if (rk_vfs_rename(receive->vfs, part, came) < 0) {
		const int err = failed(receive, error);
		drop(receive, true);
		return err;
	}
	drop(receive, false);
	(void)rk_vfs_remove(receive->vfs, sums);
	receive->checked = peer;
	receive->last = *ret;
	return RK_OK;
}

void rk_receive_checked(struct rk_receive *receive, uint64_t peer)
{
	if (receive->checked == peer)
		receive->checked = 0;
}
