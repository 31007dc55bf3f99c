/* The etcd API's threads: a loop, a feed from the core, and the way from a request's path to its
 * method. */
#include "control/etcd/etcd_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "control/etcd/worker_io.h"
#include "raft/peers_io.h"
#include "wire/proto.h"

#define TICK_S          0.1
#define CONNECTIONS_MAX 20000
#define INPUT_MAX       (4u << 20) /* bytes of one call that wait */
#define CANCELED        1 /* gRPC's code for a client that went away */
#define PUBLISH_MS      3000 /* until this member's URL is told again, when it was not heard */

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

static void untime_call(struct rk_etcd_call *call)
{
	if (call->timed_link == NULL)
		return;
	*call->timed_link = call->timed_next;
	if (call->timed_next != NULL)
		call->timed_next->timed_link = call->timed_link;
	call->timed_link = NULL;
}

/* As long as the client says that it waits (grpc-timeout). */
static void time_call(struct rk_etcd_call *call)
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

static void end_late(struct rk_etcd_thread *thread)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (struct rk_etcd_call *call = thread->timed, *next; call != NULL; call = next) {
		next = call->timed_next;
		if (call->deadline_ms <= now_ms)
			rk_etcd_fail(call, RK_ETCD_DEADLINE);
	}
}

static void look_again(struct rk_etcd_thread *thread)
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

static void take_answer(struct rk_etcd_thread *thread, struct rk_feed_answer *answer)
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

static void take_news(struct rk_etcd_thread *thread, struct rk_feed_news *news)
{
	if (thread->view == NULL) /* watches begin with what comes from now on */
		thread->seen = rk_view_revision(news->view);
	(void)rk_view_unref(thread->view);
	thread->view = rk_view_ref(news->view);
	const uint64_t auth_revision = thread->auth.revision;
	thread->auth = rk_etcd_auth(rk_view_root(thread->view));
	if (thread->auth.is_on && thread->auth.revision != auth_revision)
		rk_etcd_watch_check(thread);
	if (thread == thread->etcd->threads && news->leader_id != 0 &&
	    news->leader_id != thread->led_by) {
		thread->led_by = news->leader_id;
		atomic_fetch_add_explicit(&thread->etcd->counts.leader_changes, 1,
					  memory_order_relaxed);
	}
	thread->leader_id = news->leader_id;
	thread->term = news->term;
	rk_etcd_watch_news(thread);
	look_again(thread);
	rk_feed_news_free(news);
}

static void on_feed(struct ev_loop *loop, ev_io *io, int events)
{
	struct rk_etcd_thread *thread = RK_CONTAINER(io, struct rk_etcd_thread, feed_io);
	struct rk_message *next = rk_queue_take(rk_feed_queue(thread->feed));

	(void)loop;
	(void)events;
	while (next != NULL) {
		struct rk_message *message = next;
		next = next->next;
		if (message->kind == RK_FEED_NEWS)
			take_news(thread, RK_CONTAINER(message, struct rk_feed_news, message));
		else
			take_answer(thread, RK_CONTAINER(message, struct rk_feed_answer, message));
	}
}

static void on_jobs(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	rk_etcd_take_jobs(RK_CONTAINER(io, struct rk_etcd_thread, jobs_io));
}

/* --- calls --- */

static const struct rk_etcd_method *const tables[] = {
	rk_etcd_kv_methods,          rk_etcd_watch_methods,    rk_etcd_lease_methods,
	rk_etcd_cluster_methods,     rk_etcd_auth_methods,     rk_etcd_maintenance_methods,
	rk_etcd_snapshot_methods,    rk_etcd_lock_methods,     rk_etcd_range_stream_methods,
};

const struct rk_etcd_method *rk_etcd_method_at(uint32_t number)
{
	for (size_t i = 0; i < RK_COUNT(tables); i++)
		for (const struct rk_etcd_method *at = tables[i]; at->path != NULL; at++)
			if (number-- == 0)
				return at;
	return NULL;
}

static void set_method(struct rk_etcd_call *call, struct rk_span path)
{
	uint32_t number = 0;

	for (size_t i = 0; i < RK_COUNT(tables); i++) {
		for (const struct rk_etcd_method *at = tables[i]; at->path != NULL; at++, number++) {
			if (!rk_span_is(path, at->path))
				continue;
			rk_assert(number < RK_ETCD_METHODS);
			call->method = at;
			call->number = number;
			return;
		}
	}
}

/* While auth is on, users are asked for, and any certificate of the cluster's CA may be one's. */
static bool is_allowed(const struct rk_etcd_thread *thread, const struct rk_tls_peer *peer)
{
	if (thread->etcd->opts.server == NULL || thread->auth.is_on)
		return true; /* plain: on loopback only */
	for (unsigned i = 0; peer->has_cert && i < peer->group_count; i++)
		if (strcmp(peer->groups[i], "system:masters") == 0 ||
		    strcmp(peer->groups[i], RK_PEER_GROUP) == 0)
			return true;
	return false;
}

static void unimplemented(struct rk_etcd_call *call, struct rk_span path)
{
	char text[256];
	struct rk_span service;
	const struct rk_span method = rk_span_cut(rk_span_sub(path, 1, path.size), '/', &service);

	(void)snprintf(text, sizeof text, "unknown method %.*s for service %.*s",
		       (int)RK_MIN(method.size, (size_t)80), (const char *)method.data,
		       (int)RK_MIN(service.size, (size_t)80), (const char *)service.data);
	rk_etcd_finish(call, RK_GRPC_UNIMPLEMENTED, text);
}

static void on_request(void *context, struct rk_http_exchange *exchange)
{
	struct rk_etcd_thread *thread = context;
	const struct rk_http_request *http = rk_http_request(exchange);
	const bool is_grpc =
		http->version == 2 &&
		rk_span_starts(rk_http_header(http, "content-type"), RK_SPAN("application/grpc"));

	const struct rk_etcd_route *route = is_grpc ? NULL : rk_etcd_route_of(http->path);
	if (!is_grpc && route == NULL) {
		rk_etcd_plain(thread, exchange);
		return;
	}
	const struct rk_span path = route != NULL ? rk_span_str(route->method) : http->path;
	struct rk_etcd_call *call = rk_zalloc(sizeof *call);
	call->thread = thread;
	call->exchange = exchange;
	call->route = route;
	set_method(call, path);
	rk_etcd_count_started(call);
	rk_http_set_user(exchange, call);
	time_call(call);
	if (!is_allowed(thread, http->peer))
		rk_etcd_fail(call, RK_ETCD_DENIED);
	else if (call->method == NULL)
		unimplemented(call, path);
	else if (thread->view == NULL || rk_view_revision(thread->view) == 0)
		rk_etcd_fail(call, RK_ETCD_NO_LEADER); /* still recovering, or no first leader */
	else if (route != NULL)
		rk_etcd_gateway_begin(call);
}

void rk_etcd_take(struct rk_etcd_call *call)
{
	struct rk_span left = rk_buf_span(&call->in), message;
	int got;

	while (!call->has_ended && !call->has_message && call->awaited < RK_ETCD_AWAITED_MAX &&
	       rk_etcd_identify(call) &&
	       (got = rk_grpc_next(&left, RK_ETCD_MESSAGE_MAX, &message)) != 0) {
		if (got < 0) {
			rk_etcd_finish(
				call, got == RK_ETOOBIG ? RK_GRPC_EXHAUSTED : RK_GRPC_UNIMPLEMENTED,
				got == RK_ETOOBIG ? "grpc: received message larger than max"
						  : "grpc: compressed messages are not taken here");
			return;
		}
		call->message = message;
		call->has_message = !call->method->is_stream; /* then `in` stays as it is */
		if (rk_etcd_is_permitted(call))
			call->method->message(call, message);
	}
	if (!call->has_message)
		rk_buf_consume(&call->in, call->in.size - left.size);
}

void rk_etcd_maybe_ended(struct rk_etcd_call *call)
{
	if (!call->is_input_ended || call->is_waiting || call->has_ended)
		return;
	if (call->method->is_stream)
		call->method->ended(call);
	else if (!call->has_message)
		rk_etcd_finish(call, RK_GRPC_INTERNAL, "grpc: the request has no message");
}

static void on_data(void *context, struct rk_http_exchange *exchange, struct rk_span bytes,
		    bool is_last)
{
	struct rk_etcd_call *call = rk_http_user(exchange);

	(void)context;
	if (call == NULL || call->has_ended || call->has_message)
		return;
	rk_etcd_count_bytes(call->thread->etcd, bytes.size, 0);
	if (call->route != NULL) {
		rk_etcd_gateway_data(call, bytes, is_last);
		return;
	}
	rk_buf_put_span(&call->in, bytes);
	if (call->in.size > INPUT_MAX) {
		rk_etcd_fail(call, RK_ETCD_TOO_MANY_REQUESTS);
		return;
	}
	call->is_input_ended = is_last;
	rk_etcd_take(call);
	rk_etcd_maybe_ended(call);
}

static void on_gone(void *context, struct rk_http_exchange *exchange)
{
	struct rk_etcd_call *call = rk_http_user(exchange);

	(void)context;
	if (call == NULL)
		return;
	if (!call->has_ended)
		rk_etcd_count_handled(call, CANCELED);
	rk_etcd_watch_free(call);
	if (call->tail != NULL)
		call->tail->drop(call->tail);
	call->tail = NULL;
	unlink_call(call);
	untime_call(call);
	call->exchange = NULL;
	rk_etcd_maybe_free(call);
}

static void on_drained(void *context, struct rk_http_exchange *exchange)
{
	struct rk_etcd_call *call = rk_http_user(exchange);

	(void)context;
	if (call != NULL && call->watches != NULL)
		rk_etcd_watch_drained(call);
	if (call != NULL && call->tail != NULL && !call->has_ended)
		call->tail->drained(call);
}

/* --- telling the cluster this member's name and URL --- */

/* A call without an exchange: its answer interests nobody, the timer looks again. */
void rk_etcd_tell(struct rk_etcd_thread *thread, enum rk_etcd_entry entry, struct rk_span request)
{
	struct rk_etcd_call *call = rk_zalloc(sizeof *call);

	call->thread = thread;
	rk_etcd_propose(call, entry, request, NULL);
}

static void maybe_publish(struct rk_etcd_thread *thread)
{
	const struct rk_etcd *etcd = thread->etcd;
	const uint64_t now_ms = rk_clock_mono_ms();
	struct rk_buf member = { 0 }, key = { 0 };

	if (thread != etcd->threads || thread->view == NULL || thread->leader_id == 0 ||
	    rk_view_revision(thread->view) == 0 || now_ms < thread->publish_ms)
		return;
	thread->publish_ms = now_ms + PUBLISH_MS;
	rk_proto_put_number(&member, 1, etcd->opts.member_id);
	rk_proto_put_bytes(&member, 2, rk_span_str(etcd->name));
	rk_proto_put_bytes(&member, 4, rk_span_str(etcd->advertise));
	rk_buf_put_span(&key, RK_ETCD_MEMBER);
	rk_etcd_put_be64(&key, etcd->opts.member_id);
	const struct rk_item *item = rk_tree_get(rk_view_root(thread->view), rk_buf_span(&key));
	if (item == NULL || !rk_span_eq(rk_blob_span(item->value), rk_buf_span(&member)))
		rk_etcd_tell(thread, RK_ETCD_ENTRY_MEMBER, rk_buf_span(&member));
	rk_buf_done(&member);
	rk_buf_done(&key);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_etcd_thread *thread = RK_CONTAINER(timer, struct rk_etcd_thread, timer);

	(void)loop;
	(void)events;
	maybe_publish(thread);
	rk_etcd_watch_tick(thread);
	end_late(thread);
	look_again(thread);
	rk_etcd_hurry(thread);
}

/* --- threads --- */

static void on_stop_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void on_stop(struct ev_loop *loop, ev_async *async, int events)
{
	struct rk_etcd_thread *thread = RK_CONTAINER(async, struct rk_etcd_thread, stop);

	(void)events;
	rk_etcd_watch_end_all(thread);
	for (struct rk_etcd_call *call = thread->waiting; call != NULL; call = call->next)
		rk_etcd_finish(call, RK_GRPC_UNAVAILABLE, "etcdserver: server stopped");
	rk_http_server_drain(thread->server);
	if (rk_http_server_connections(thread->server) == 0)
		ev_break(loop, EVBREAK_ALL);
	else
		ev_timer_start(loop, &thread->stop_timer);
}

static void *run(void *context)
{
	struct rk_etcd_thread *thread = context;

	(void)pthread_setname_np(pthread_self(), "reckon-etcd");
	(void)ev_run(thread->loop, 0);
	thread->server = rk_http_server_free(thread->server);
	return NULL;
}

static int start_thread(struct rk_etcd_thread *thread, struct rk_error *error)
{
	const struct rk_http_server_opts opts = { .loop = thread->loop = ev_loop_new(EVFLAG_AUTO),
						  .listen_fd = thread->listen_fd,
						  .tls = thread->etcd->opts.server,
						  .body_max = INPUT_MAX,
						  .connections_max = CONNECTIONS_MAX,
						  .context = thread,
						  .request = on_request,
						  .gone = on_gone,
						  .drained = on_drained,
						  .data = on_data };

	if (thread->loop == NULL || rk_queue_new(&thread->jobs) < 0 ||
	    rk_core_join(thread->etcd->opts.core, &thread->feed) < 0)
		return rk_fail(error, RK_EIO, "cannot make an event loop for the etcd API");
	ev_async_init(&thread->stop, on_stop);
	ev_async_start(thread->loop, &thread->stop);
	ev_io_init(&thread->feed_io, on_feed, rk_queue_fd(rk_feed_queue(thread->feed)), EV_READ);
	ev_io_start(thread->loop, &thread->feed_io);
	ev_io_init(&thread->jobs_io, on_jobs, rk_queue_fd(thread->jobs), EV_READ);
	ev_io_start(thread->loop, &thread->jobs_io);
	ev_timer_init(&thread->timer, on_timer, TICK_S, TICK_S);
	ev_timer_start(thread->loop, &thread->timer);
	ev_timer_init(&thread->stop_timer, on_stop_timer, 1., 0.);
	thread->listen_fd = -1;
	if (rk_http_server_new(&thread->server, &opts) < 0)
		return rk_fail(error, RK_EIO, "cannot serve the etcd API");
	if (pthread_create(&thread->thread, NULL, run, thread) != 0)
		return rk_fail(error, RK_EIO, "cannot start a thread for the etcd API");
	thread->runs = true;
	return RK_OK;
}

static void free_thread(struct rk_etcd_thread *thread)
{
	thread->server = rk_http_server_free(thread->server);
	if (thread->listen_fd >= 0)
		(void)close(thread->listen_fd);
	if (thread->feed != NULL)
		rk_core_leave(thread->feed);
	/* Calls that still waited for the core: one has several slots when it is a stream. */
	for (size_t i = 0; i < thread->free_count; i++)
		thread->slots[thread->free_slots[i]].call = NULL;
	for (size_t i = 0; i < thread->slot_count; i++) {
		if (thread->slots[i].call == NULL)
			continue;
		thread->slots[i].call->awaited--;
		rk_etcd_maybe_free(thread->slots[i].call);
	}
	if (thread->jobs != NULL) {
		rk_etcd_take_jobs(thread);
		(void)rk_queue_free(thread->jobs);
	}
	(void)rk_view_unref(thread->view);
	free(thread->slots);
	free(thread->free_slots);
	if (thread->loop != NULL)
		ev_loop_destroy(thread->loop);
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "localhost:", 10) == 0 ||
	       strncmp(address, "[::1]:", 6) == 0;
}

static int listen_all(struct rk_etcd *etcd, struct rk_error *error)
{
	const char *address = etcd->opts.address;
	int probe = -1;
	uint16_t port;

	if (etcd->opts.server == NULL && !is_loopback(address))
		return rk_fail(error, RK_EINVAL,
			       "the etcd API without TLS is for loopback addresses only, not %s",
			       address);
	RK_TRY(rk_listen(address, false, &probe, &port, error));
	(void)close(probe); /* SO_REUSEPORT would share a stranger's port */
	for (unsigned i = 0; i < etcd->thread_count; i++)
		RK_TRY(rk_listen(address, true, &etcd->threads[i].listen_fd, &port, error));
	return RK_OK;
}

int rk_etcd_new(struct rk_etcd **ret, const struct rk_etcd_opts *opts, struct rk_error *error)
{
	struct rk_etcd *etcd = rk_zalloc(sizeof *etcd);
	struct rk_buf url = { 0 };

	etcd->opts = *opts;
	(void)rk_tls_ref(opts->server);
	rk_buf_printf(&url, "%s://%s", opts->server != NULL ? "https" : "http", opts->address);
	etcd->advertise = rk_strdup(opts->advertise != NULL ? opts->advertise : rk_buf_cstr(&url));
	rk_buf_done(&url);
	etcd->name = rk_strdup(opts->name);
	etcd->thread_count = opts->threads != 0 ? opts->threads : 1;
	etcd->threads = rk_zalloc(etcd->thread_count * sizeof *etcd->threads);
	for (unsigned i = 0; i < etcd->thread_count; i++) {
		etcd->threads[i].etcd = etcd;
		etcd->threads[i].listen_fd = -1;
	}
	int err = listen_all(etcd, error);
	if (err == RK_OK && rk_etcd_worker_new(&etcd->worker) < 0)
		err = rk_fail(error, RK_EIO, "cannot start a thread for the etcd API");
	for (unsigned i = 0; err == RK_OK && i < etcd->thread_count; i++)
		err = start_thread(&etcd->threads[i], error);
	if (err < 0) {
		(void)rk_etcd_free(etcd, 0);
		return err;
	}
	*ret = etcd;
	return RK_OK;
}

struct rk_etcd *rk_etcd_free(struct rk_etcd *etcd, uint32_t grace_ms)
{
	if (etcd == NULL)
		return NULL;
	for (unsigned i = 0; i < etcd->thread_count; i++) {
		if (!etcd->threads[i].runs)
			continue;
		ev_timer_set(&etcd->threads[i].stop_timer, RK_MAX(grace_ms, 1u) / 1000., 0.);
		ev_async_send(etcd->threads[i].loop, &etcd->threads[i].stop);
	}
	for (unsigned i = 0; i < etcd->thread_count; i++)
		if (etcd->threads[i].runs)
			(void)pthread_join(etcd->threads[i].thread, NULL);
	etcd->worker = rk_etcd_worker_free(etcd->worker);
	for (unsigned i = 0; i < etcd->thread_count; i++)
		free_thread(&etcd->threads[i]);
	(void)rk_tls_unref(etcd->opts.server);
	free(etcd->threads);
	free(etcd->name);
	free(etcd->advertise);
	free(etcd);
	return NULL;
}
