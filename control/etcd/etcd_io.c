/* The etcd API's threads: a loop, a feed from the core, and what is told of this member. */
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
#define PUBLISH_MS      3000 /* until this member's URL is told again, when it was not heard */

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
	rk_etcd_look_again(thread);
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
			rk_etcd_take_answer(thread,
					    RK_CONTAINER(message, struct rk_feed_answer, message));
	}
}

static void on_jobs(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	rk_etcd_take_jobs(RK_CONTAINER(io, struct rk_etcd_thread, jobs_io));
}

/* --- telling the cluster this member's name and URL --- */

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
	rk_etcd_end_late(thread);
	rk_etcd_look_again(thread);
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
						  .body_max = RK_ETCD_INPUT_MAX,
						  .connections_max = CONNECTIONS_MAX,
						  .context = thread,
						  .request = rk_etcd_on_request,
						  .gone = rk_etcd_on_gone,
						  .drained = rk_etcd_on_drained,
						  .data = rk_etcd_on_data };

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
