#include "raft/send_io.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "raft/snapshot_io.h"

int rk_send_begin(struct rk_send *send, const char *dir, uint64_t number, uint64_t term,
		  const struct rk_snapshot_meta *meta, struct rk_error *error)
{
	struct rk_send next = { .fd = -1,
				.offer = { .number = number, .term = term, .meta = *meta } };

	rk_assert(send->fd < 0);
	RK_TRY(rk_snapshot_raw(dir, meta->index, &next.fd, &next.offer.size, &next.offer.checksum,
			       error));
	*send = next;
	return RK_OK;
}

void rk_send_end(struct rk_send *send)
{
	if (send->fd >= 0)
		(void)close(send->fd);
	send->fd = -1;
}

int rk_send_take(struct rk_send *send, const struct rk_take *take)
{
	const uint64_t size = send->offer.size;

	if (send->fd < 0 || take->number != send->offer.number)
		return RK_OK;
	if (!rk_transfer_may_stand(take->at, size))
		return RK_EINVAL;
	if (!send->is_taken)
		send->first = send->sent = take->at;
	else if (take->at <= send->taken || take->at > send->sent)
		return RK_EINVAL;
	send->is_taken = true;
	send->taken = take->at;
	return send->taken == size ? 1 : RK_OK;
}

static int read_all(int fd, uint8_t *bytes, size_t size, uint64_t at)
{
	while (size > 0) {
		const ssize_t got = pread(fd, bytes, size, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return RK_EIO;
		bytes += got;
		at += (uint64_t)got;
		size -= (size_t)got;
	}
	return RK_OK;
}

int rk_send_next(struct rk_send *send, struct rk_buf *out)
{
	const uint64_t left = send->offer.size - send->sent;
	const size_t size = (size_t)RK_MIN(left, (uint64_t)RK_TRANSFER_CHUNK);

	if (send->fd < 0 || !send->is_taken || left == 0 ||
	    send->sent + size > send->taken + RK_TRANSFER_WINDOW)
		return 0;
	/* The bytes first: the head before them holds their checksum. */
	uint8_t *head = rk_buf_room(out, RK_TRANSFER_CHUNK_HEAD + size);
	uint8_t *bytes = head + RK_TRANSFER_CHUNK_HEAD;
	RK_TRY(read_all(send->fd, bytes, size, send->sent));
	rk_chunk_encode_head(&(struct rk_chunk){ .number = send->offer.number,
						 .at = send->sent,
						 .checksum = rk_crc32c(0, bytes, size) },
			     out);
	out->size += size;
	send->sent += size;
	return 1;
}
