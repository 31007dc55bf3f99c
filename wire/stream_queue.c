#include "wire/stream_queue.h"

#include "base/err.h"
#include "base/mem.h"

#define TAIL_MIN 1024 /* small writes gather in blobs of at least this size */

static struct rk_queue_part *part_at(const struct rk_stream_queue *queue, size_t index)
{
	return &queue->parts[(queue->head + index) & (queue->capacity - 1)];
}

static void push(struct rk_stream_queue *queue, struct rk_queue_part part)
{
	if (queue->count == queue->capacity) {
		const size_t capacity = RK_MAX(queue->capacity * 2, (size_t)8);
		struct rk_queue_part *parts = rk_alloc(capacity * sizeof *parts);
		for (size_t i = 0; i < queue->count; i++)
			parts[i] = *part_at(queue, i);
		free(queue->parts);
		queue->parts = parts;
		queue->capacity = capacity;
		queue->head = 0;
	}
	queue->count++;
	*part_at(queue, queue->count - 1) = part;
	queue->size += part.end - part.from;
}

void rk_stream_queue_put(struct rk_stream_queue *queue, struct rk_span bytes)
{
	if (bytes.size == 0)
		return;
	if (queue->count > 0 && queue->tail_room >= bytes.size) {
		struct rk_queue_part *tail = part_at(queue, queue->count - 1);
		memcpy(tail->blob->data + tail->end, bytes.data, bytes.size);
		tail->end += bytes.size;
		queue->size += bytes.size;
		queue->tail_room -= bytes.size;
		return;
	}
	struct rk_blob *blob = rk_blob_new(RK_MAX(bytes.size, (size_t)TAIL_MIN));
	memcpy(blob->data, bytes.data, bytes.size);
	push(queue, (struct rk_queue_part){ blob, 0, bytes.size });
	queue->tail_room = blob->size - bytes.size;
}

void rk_stream_queue_put_part(struct rk_stream_queue *queue, struct rk_blob *blob, size_t from,
			      size_t size)
{
	rk_assert(from <= blob->size && size <= blob->size - from);
	if (size == 0) {
		(void)rk_blob_unref(blob);
		return;
	}
	push(queue, (struct rk_queue_part){ blob, from, from + size });
	queue->tail_room = 0;
}

const struct rk_queue_part *rk_stream_queue_first(const struct rk_stream_queue *queue)
{
	rk_assert(queue->count > 0);
	return part_at(queue, 0);
}

int rk_stream_queue_pieces(const struct rk_stream_queue *queue, struct iovec *ret, int max)
{
	int count = 0;

	for (size_t i = 0; i < queue->count && count < max; i++) {
		const struct rk_queue_part *part = part_at(queue, i);
		ret[count].iov_base = part->blob->data + part->from;
		ret[count++].iov_len = part->end - part->from;
	}
	return count;
}

struct rk_span rk_stream_queue_gather(const struct rk_stream_queue *queue, uint8_t *scratch,
				      size_t room)
{
	size_t at = 0;

	if (queue->count == 0)
		return (struct rk_span){ NULL, 0 };
	const struct rk_queue_part *first = part_at(queue, 0);
	if (queue->count == 1 || first->end - first->from >= room)
		return rk_span_of(first->blob->data + first->from,
				  RK_MIN(first->end - first->from, room));
	for (size_t i = 0; i < queue->count && at < room; i++) {
		const struct rk_queue_part *part = part_at(queue, i);
		const size_t size = RK_MIN(part->end - part->from, room - at);
		memcpy(scratch + at, part->blob->data + part->from, size);
		at += size;
	}
	return rk_span_of(scratch, at);
}

void rk_stream_queue_drop(struct rk_stream_queue *queue, size_t size)
{
	rk_assert(size <= queue->size);
	queue->size -= size;
	while (size > 0) {
		struct rk_queue_part *part = part_at(queue, 0);
		const size_t here = RK_MIN(size, part->end - part->from);
		part->from += here;
		size -= here;
		if (part->from < part->end)
			return;
		(void)rk_blob_unref(part->blob);
		queue->head = (queue->head + 1) & (queue->capacity - 1);
		queue->count--;
	}
	if (queue->count == 0)
		queue->tail_room = 0;
}

void rk_stream_queue_done(struct rk_stream_queue *queue)
{
	if (queue->size > 0)
		rk_stream_queue_drop(queue, queue->size);
	free(queue->parts);
	*queue = (struct rk_stream_queue){ 0 };
}
