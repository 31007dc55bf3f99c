/* wire/stream_queue.h - bytes on their way out: parts of shared blobs, and small writes gathered.
 * Only for wire/. */
#ifndef RK_WIRE_STREAM_QUEUE_H
#define RK_WIRE_STREAM_QUEUE_H

#include <sys/uio.h>

#include "base/blob.h"

struct rk_queue_part {
	struct rk_blob *blob;
	size_t from, end;
};

struct rk_stream_queue { /* all zero is empty */
	struct rk_queue_part *parts;
	size_t capacity, head, count; /* a ring */
	size_t size;                  /* bytes */
	size_t tail_room; /* what still fits into the last part's blob, which is then ours alone */
};

void rk_stream_queue_put(struct rk_stream_queue *queue, struct rk_span bytes);
void rk_stream_queue_put_part(struct rk_stream_queue *queue, struct rk_blob *blob, size_t from,
			      size_t size);
/* The first part, borrowed; the queue must not be empty. */
const struct rk_queue_part *rk_stream_queue_first(const struct rk_stream_queue *queue);
/* The next bytes as at most `max` pieces; returns how many. */
int rk_stream_queue_pieces(const struct rk_stream_queue *queue, struct iovec *ret, int max);
/* At most `room` of the next bytes: in place when one part has them, else gathered into `scratch`.
 */
struct rk_span rk_stream_queue_gather(const struct rk_stream_queue *queue, uint8_t *scratch,
				      size_t room);
void rk_stream_queue_drop(struct rk_stream_queue *queue, size_t size); /* they are sent */
void rk_stream_queue_done(struct rk_stream_queue *queue);

#endif
