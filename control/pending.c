#include "control/pending.h"

#include <stdlib.h>

#include "base/mem.h"

void rk_pending_done(struct rk_pending *pending)
{
	for (size_t i = 0; i < pending->count; i++)
		(void)rk_blob_unref(rk_pending_at(pending, i)->payload);
	free(pending->writes);
	free(pending->reads);
	*pending = (struct rk_pending){ 0 };
}

struct rk_pending_write *rk_pending_at(struct rk_pending *pending, size_t n)
{
	return &pending->writes[(pending->head + n) & (pending->capacity - 1)];
}

uint64_t rk_pending_next(const struct rk_pending *pending)
{
	return (pending->first == 0 ? 1 : pending->first) + pending->count;
}

static void grow(struct rk_pending *pending)
{
	const size_t capacity = pending->capacity == 0 ? 64 : pending->capacity * 2;
	struct rk_pending_write *writes = rk_alloc(capacity * sizeof *writes);

	for (size_t i = 0; i < pending->count; i++)
		writes[i] = *rk_pending_at(pending, i);
	free(pending->writes);
	pending->writes = writes;
	pending->capacity = capacity;
	pending->head = 0;
}

int rk_pending_write(struct rk_pending *pending, void *owner, uint64_t request_id,
		     uint64_t deadline_ms, struct rk_blob *payload)
{
	if (pending->count >= RK_PENDING_MAX)
		return RK_EAGAIN;
	if (pending->count == pending->capacity)
		grow(pending);
	if (pending->first == 0)
		pending->first = 1;
	*rk_pending_at(pending, pending->count++) =
		(struct rk_pending_write){ .owner = owner,
					   .request_id = request_id,
					   .deadline_ms = deadline_ms,
					   .payload = payload };
	return RK_OK;
}

struct rk_pending_write *rk_pending_find(struct rk_pending *pending, uint64_t sequence)
{
	if (sequence < pending->first || sequence - pending->first >= pending->count)
		return NULL;
	struct rk_pending_write *write =
		rk_pending_at(pending, (size_t)(sequence - pending->first));
	return write->owner != NULL ? write : NULL;
}

void rk_pending_answered(struct rk_pending *pending, uint64_t sequence)
{
	if (sequence < pending->first || sequence - pending->first >= pending->count)
		return;
	struct rk_pending_write *write =
		rk_pending_at(pending, (size_t)(sequence - pending->first));
	write->owner = NULL;
	write->payload = rk_blob_unref(write->payload);
	while (pending->count > 0 && rk_pending_at(pending, 0)->owner == NULL) {
		pending->head = (pending->head + 1) & (pending->capacity - 1);
		pending->first++;
		pending->count--;
	}
}

int rk_pending_read(struct rk_pending *pending, void *owner, uint64_t request_id,
		    uint64_t deadline_ms, uint64_t *ret_context)
{
	if (pending->read_count >= RK_PENDING_MAX)
		return RK_EAGAIN;
	pending->reads = rk_grow(pending->reads, &pending->read_capacity, pending->read_count + 1,
				 sizeof *pending->reads);
	*ret_context = ++pending->next_context;
	pending->reads[pending->read_count++] =
		(struct rk_pending_read){ .owner = owner,
					  .request_id = request_id,
					  .deadline_ms = deadline_ms,
					  .context = *ret_context };
	return RK_OK;
}

struct rk_pending_read *rk_pending_find_read(struct rk_pending *pending, uint64_t context)
{
	size_t low = 0, high = pending->read_count;

	while (low < high) {
		const size_t at = low + (high - low) / 2;
		if (pending->reads[at].context < context)
			low = at + 1;
		else
			high = at;
	}
	return low < pending->read_count && pending->reads[low].context == context
		       ? &pending->reads[low]
		       : NULL;
}

void rk_pending_forget(struct rk_pending *pending, const void *owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < pending->read_count; i++)
		if (pending->reads[i].owner != owner)
			pending->reads[kept++] = pending->reads[i];
	pending->read_count = kept;
	for (uint64_t sequence = pending->first, end = rk_pending_next(pending); sequence < end;
	     sequence++) {
		const struct rk_pending_write *write = rk_pending_find(pending, sequence);
		if (write != NULL && write->owner == owner)
			rk_pending_answered(pending, sequence);
	}
}
