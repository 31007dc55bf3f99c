/* What calls wait for: an answer of the core (one slot each), another state or leader, and the end
 * of the time that their client gives them. */
#include <string.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/server_io.h"

/* --- waiting for the core --- */

uint64_t rk_etcd_await(struct rk_etcd_call *call, rk_etcd_resume *resume)
{
	struct rk_etcd_thread *thread = call->thread;
	uint32_t slot;

	if (thread->free_count > 0) {
		slot = thread->free_slots[--thread->free_count];
	} else {
		thread->slots = rk_grow(thread->slots, &thread->slot_capacity,
					thread->slot_count + 1, sizeof *thread->slots);
		slot = (uint32_t)thread->slot_count++;
	}
	thread->slots[slot] = (struct rk_etcd_slot){ call, resume };
	call->awaited++;
	return slot;
}

uint32_t rk_etcd_left_ms(const struct rk_etcd_call *call)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	if (call->deadline_ms == 0)
		return RK_ETCD_CALL_MS;
	return call->deadline_ms <= now_ms
		       ? 0
		       : (uint32_t)RK_MIN(call->deadline_ms - now_ms, (uint64_t)RK_ETCD_CALL_MS);
}

void rk_etcd_await_read(struct rk_etcd_call *call, rk_etcd_resume *resume)
{
	rk_feed_read(call->thread->feed, rk_etcd_await(call, resume), rk_etcd_left_ms(call));
}

void rk_etcd_await_status(struct rk_etcd_call *call, rk_etcd_resume *resume)
{
	rk_feed_status(call->thread->feed, rk_etcd_await(call, resume));
}

void rk_etcd_propose(struct rk_etcd_call *call, enum rk_etcd_entry entry, struct rk_span request,
		     rk_etcd_resume *resume)
{
	if (request.size > RK_ETCD_REQUEST_MAX) {
		rk_etcd_fail(call, RK_ETCD_TOO_LARGE);
		return;
	}
	struct rk_buf as = { 0 }; /* who asks */
	if (call->thread->auth.is_on) {
		rk_buf_put_u8(&as, RK_ETCD_ENTRY_AS);
		rk_buf_put_varint(&as, call->who.made);
		rk_buf_put_bytes(&as, call->who.name);
	}
	struct rk_blob *body = rk_blob_new(as.size + 1 + request.size);
	if (as.size > 0)
		memcpy(body->data, as.data, as.size);
	body->data[as.size] = (uint8_t)entry;
	if (request.size > 0)
		memcpy(body->data + as.size + 1, request.data, request.size);
	rk_buf_done(&as);
	rk_feed_write_etcd(call->thread->feed, rk_etcd_await(call, resume), body,
			   rk_etcd_left_ms(call));
}

/* --- waiting for the state --- */

static void unlink_call(struct rk_etcd_call *call)
{
	if (call->link == NULL)
		return;
	*call->link = call->next;
	if (call->next != NULL)
		call->next->link = call->link;
	call->link = NULL;
}

void rk_etcd_wait(struct rk_etcd_call *call, bool (*look)(struct rk_etcd_call *call),
		  uint64_t until_ms)
{
	struct rk_etcd_thread *thread = call->thread;

	if (look(call))
		return;
	call->look = look;
	call->until_ms = until_ms;
	call->next = thread->waiting;
	call->link = &thread->waiting;
	if (call->next != NULL)
		call->next->link = &call->next;
	thread->waiting = call;
	rk_etcd_hurry(thread);
}

void rk_etcd_hurry(const struct rk_etcd_thread *thread)
{
	rk_feed_hurry(thread->feed, thread->watches != NULL || thread->waiting != NULL);
}

static void untime(struct rk_etcd_call *call)
{
	if (call->timed_link == NULL)
		return;
	*call->timed_link = call->timed_next;
	if (call->timed_next != NULL)
		call->timed_next->timed_link = call->timed_link;
	call->timed_link = NULL;
}

void rk_etcd_unwait(struct rk_etcd_call *call)
{
	unlink_call(call);
	untime(call);
}

/* As long as the client says that it waits (grpc-timeout). */
void rk_etcd_time(struct rk_etcd_call *call)
{
	struct rk_etcd_thread *thread = call->thread;
	uint64_t left_ms;

	if (!rk_grpc_timeout(rk_http_header(rk_http_request(call->exchange), "grpc-timeout"),
			     &left_ms))
		return;
	call->deadline_ms = rk_clock_mono_ms() + left_ms;
	call->timed_next = thread->timed;
	call->timed_link = &thread->timed;
	if (call->timed_next != NULL)
		call->timed_next->timed_link = &call->timed_next;
	thread->timed = call;
}

void rk_etcd_end_late(struct rk_etcd_thread *thread)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (struct rk_etcd_call *call = thread->timed, *next; call != NULL; call = next) {
		next = call->timed_next;
		if (call->deadline_ms <= now_ms)
			rk_etcd_fail(call, RK_ETCD_DEADLINE);
	}
}

void rk_etcd_look_again(struct rk_etcd_thread *thread)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (struct rk_etcd_call *call = thread->waiting, *next; call != NULL; call = next) {
		next = call->next;
		const bool is_late = call->until_ms != 0 && call->until_ms < now_ms;
		if (is_late)
			rk_etcd_fail(call, RK_ETCD_TIMEOUT);
		if (is_late || call->has_ended || call->look(call))
			unlink_call(call);
	}
}

void rk_etcd_maybe_free(struct rk_etcd_call *call)
{
	if (call->exchange != NULL || call->awaited > 0)
		return;
	rk_buf_done(&call->in);
	rk_buf_done(&call->key);
	rk_buf_done(&call->user);
	rk_buf_done(&call->json);
	free(call);
}

void rk_etcd_take_answer(struct rk_etcd_thread *thread, struct rk_feed_answer *answer)
{
	const uint32_t id = (uint32_t)answer->request_id;
	const struct rk_etcd_slot slot = thread->slots[id];

	thread->free_slots = rk_grow(thread->free_slots, &thread->free_capacity,
				     thread->free_count + 1, sizeof *thread->free_slots);
	thread->free_slots[thread->free_count++] = id;
	slot.call->awaited--;
	if (slot.call->exchange != NULL)
		slot.resume(slot.call, answer);
	rk_etcd_maybe_free(slot.call);
	rk_feed_answer_free(answer);
}

/* --- what the member has to say --- */

/* A call without an exchange: its answer interests nobody, the timer looks again. */
void rk_etcd_tell(struct rk_etcd_thread *thread, enum rk_etcd_entry entry, struct rk_span request)
{
	struct rk_etcd_call *call = rk_zalloc(sizeof *call);

	call->thread = thread;
	rk_etcd_propose(call, entry, request, NULL);
}
