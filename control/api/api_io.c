/* The API server's threads: a loop, a feed from the core, and what each request needs done. */
#include "control/api/api_io.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/api/access.h"
#include "control/api/relay.h"
#include "control/api/server.h"
#include "control/schema/proto.h"
#include "control/schema/subresource.h"
#include "control/status.h"

#define TICK_S          0.1
#define BODY_MAX        (3u * 1024 * 1024)
#define CONNECTIONS_MAX 20000

/* --- requests --- */

static const char *verb_of(const struct rk_req *req, bool is_watch)
{
	const struct rk_span method = req->http->method;
	const bool is_one = req->route.what == RK_ROUTE_OBJECT;

	if (rk_span_is(method, "GET") || rk_span_is(method, "HEAD"))
		return is_watch ? "watch" : is_one || req->route.kind == NULL ? "get" : "list";
	if (rk_span_is(method, "POST"))
		return "create";
	if (rk_span_is(method, "PUT"))
		return "update";
	if (rk_span_is(method, "PATCH"))
		return "patch";
	if (rk_span_is(method, "DELETE"))
		return is_one ? "delete" : "deletecollection";
	return NULL;
}

void rk_api_forbid(struct rk_req *req)
{
	const struct rk_span user = req->user.name;
	const struct rk_kind *kind = req->route.kind;

	if (kind == NULL) {
		rk_req_fail(req, 403, "Forbidden", "forbidden: User \"%.*s\" cannot %s path \"%.*s\"",
			    RK_SPAN_ARGS(user), req->verb, RK_SPAN_ARGS(req->http->path));
		return;
	}
	struct rk_val *status =
		rk_status(&req->arena, 403, "Forbidden",
			  "%s%s%.*s%s is forbidden: User \"%.*s\" cannot %s resource \"%s%s%.*s\" in API "
			  "group \"%s\" %s%.*s%s",
			  kind->resource, req->route.name.size > 0 ? " \"" : "",
			  RK_SPAN_ARGS(req->route.name), req->route.name.size > 0 ? "\"" : "",
			  RK_SPAN_ARGS(user), req->verb, kind->plural,
			  req->route.sub.size > 0 ? "/" : "", RK_SPAN_ARGS(req->route.sub), kind->group,
			  req->route.ns.size > 0 ? "in the namespace \"" : "at the cluster scope",
			  RK_SPAN_ARGS(req->route.ns), req->route.ns.size > 0 ? "\"" : "");
	rk_status_about(&req->arena, status, rk_span_str(kind->group), rk_span_str(kind->plural),
			req->route.name);
	rk_req_status(req, status);
}

bool rk_api_is_streamed(const struct rk_req *req)
{
	const struct rk_route *route = &req->route;
	const struct rk_subresource *sub = NULL;

	if (route->what == RK_ROUTE_OBJECT && route->sub.size > 0 &&
	    rk_kind_has_sub(route->kind, route->sub))
		sub = rk_subresource_find(route->sub);
	return sub != NULL && (sub->is_streamed || rk_span_is(route->sub, "log"));
}

/* What the kind itself does not know. Questions, which are never stored, are answered elsewhere. */
static bool is_not_served(const struct rk_req *req)
{
	const struct rk_kind *kind = req->route.kind;

	return kind->is_request ||
	       (req->route.sub.size == 0 && !rk_kind_has_verb(kind, rk_span_str(req->verb)));
}

/* What a witness answers: about itself and its log, and about the members. */
static bool needs_no_data(enum rk_route_kind what)
{
	return what == RK_ROUTE_NONE || what == RK_ROUTE_ROOT || what == RK_ROUTE_VERSION ||
	       what == RK_ROUTE_HEALTH || what == RK_ROUTE_METRICS || what == RK_ROUTE_LOGS ||
	       what == RK_ROUTE_STATUS || what == RK_ROUTE_LOG || what == RK_ROUTE_MEMBERS || what == RK_ROUTE_TRANSFER;
}

static void dispatch(struct rk_req *req)
{
	const struct rk_route *route = &req->route;

	if (req->thread->api->opts.is_witness && !needs_no_data(route->what)) {
		rk_req_fail(
			req, 503, "ServiceUnavailable",
			"member %s is a witness: it keeps the log and no data; ask another member",
			req->thread->api->name);
	} else if (route->what == RK_ROUTE_NONE ||
		   (route->kind != NULL && route->sub.size > 0 && !rk_kind_has_sub(route->kind, route->sub))) {
		rk_req_fail(req, 404, "NotFound",
			    "the server could not find the requested resource");
	} else if (route->what == RK_ROUTE_MEMBERS || route->what == RK_ROUTE_TRANSFER) {
		rk_api_members(req);
	} else if (route->kind == NULL) {
		rk_api_info(req);
	} else if (req->thread->view == NULL || !req->thread->is_ready) {
		rk_req_err(req, RK_EAGAIN); /* still recovering, or no first leader yet */
	} else if (rk_api_is_streamed(req)) {
		if (rk_span_is(route->sub, "proxy"))
			rk_api_proxy(req);
		else
			rk_api_pod(req);
	} else if (rk_span_is(route->sub, "token")) {
		rk_api_token(req);
	} else if (route->kind->is_request && strcmp(req->verb, "create") == 0) {
		rk_api_review(req);
	} else if (is_not_served(req)) {
		rk_req_fail(req, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
	} else if (strcmp(req->verb, "watch") == 0) {
		rk_api_watch(req);
	} else if (strcmp(req->verb, "get") == 0 || strcmp(req->verb, "list") == 0) {
		rk_api_read(req);
	} else {
		rk_api_write(req);
	}
}

static void dispatch_allowed(struct rk_req *req)
{
	const struct rk_ask ask = rk_access_ask(req->verb, &req->route, req->http->path);

	if (rk_access_allowed(&req->arena, rk_api_rbac(req->thread), &req->user, &ask, NULL))
		dispatch(req);
	else
		rk_api_forbid(req);
}

/* People who look at it with these do not say that they want it so. */
static bool is_pretty(struct rk_req *req)
{
	const struct rk_span agent = rk_http_header(req->http, "user-agent");
	struct rk_span value;

	if (rk_query_get(&req->arena, req->http->query, "pretty", &value) && value.size > 0)
		return rk_req_query_bool(req, "pretty");
	return rk_span_starts(agent, RK_SPAN("curl")) || rk_span_starts(agent, RK_SPAN("Wget"));
}

static bool choose_form(struct rk_req *req)
{
	const struct rk_span include = rk_req_query(req, "includeObject");

	if (!rk_form_choose(req->kinds, req->route.kind,
			    rk_http_header(req->http, "accept"), &req->form) &&
	    req->route.kind != NULL) {
		rk_req_fail(req, 406, "NotAcceptable",
			    "only the following media types are accepted: application/json, "
			    "application/yaml%s",
			    rk_type_has_protobuf(req->route.kind->type) ? ", " RK_PROTOBUF_TYPE
									: "");
		return false;
	}
	req->form.include = rk_span_is(include, "Object") ? RK_INCLUDE_OBJECT
			    : rk_span_is(include, "None") ? RK_INCLUDE_NONE
							  : RK_INCLUDE_METADATA;
	req->pretty = is_pretty(req);
	return true;
}

static void on_request(void *context, struct rk_http_exchange *exchange)
{
	struct rk_api_thread *thread = context;
	struct rk_req *req = rk_zalloc(sizeof *req);

	req->thread = thread;
	req->exchange = exchange;
	req->http = rk_http_request(exchange);
	rk_http_set_user(exchange, req);
	req->kinds = rk_kinds_ref(thread->kinds);
	rk_route_parse(&req->arena, req->kinds, req->http->path, &req->route);
	const bool is_watch = (rk_req_query_bool(req, "watch") || req->route.is_old_watch) &&
			      (req->route.what == RK_ROUTE_OBJECTS ||
			       (req->route.what == RK_ROUTE_OBJECT && req->route.sub.size == 0));
	req->verb = verb_of(req, is_watch);
	rk_api_count_begun(req);
	req->body_bytes = req->http->body.size;
	thread->body_bytes += req->body_bytes;
	if (!choose_form(req))
		return;
	if (req->body_bytes > 0 && thread->body_bytes > RK_API_BODY_BYTES)
		rk_req_busy(req);
	else if (req->verb == NULL)
		rk_req_fail(req, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
	else if (rk_api_user(req))
		dispatch_allowed(req);
}

static void on_gone(void *context, struct rk_http_exchange *exchange)
{
	struct rk_req *req = rk_http_user(exchange);

	(void)context;
	if (req == NULL)
		return;
	req->exchange = NULL;
	req->http = NULL;
	if (!rk_api_watch_stays(req))
		rk_req_free(req);
}

static void on_drained(void *context, struct rk_http_exchange *exchange)
{
	struct rk_req *req = rk_http_user(exchange);

	(void)context;
	if (req != NULL && req->watch != NULL)
		rk_api_watch_drained(req);
	else if (req != NULL && req->page != NULL)
		rk_api_job_wake(req);
	else if (req != NULL && req->relay != NULL)
		rk_api_relay_drained(req);
}

/* --- the feed --- */

static void forget_oldest(struct rk_api_thread *thread)
{
	struct rk_history_item *item = &thread->history[thread->history_start];

	if (item->changes->last_revision > thread->history_from)
		thread->history_from = item->changes->last_revision;
	for (unsigned form = 0; form < RK_API_LINES; form++) {
		for (uint32_t i = 0; item->lines[form] != NULL && i < item->changes->count; i++)
			(void)rk_blob_unref(item->lines[form][i]);
		free(item->lines[form]);
		item->lines[form] = NULL;
	}
	thread->history_bytes -= item->bytes;
	item->changes = rk_changes_unref(item->changes);
	thread->history_start = (thread->history_start + 1) % RK_API_HISTORY;
	thread->history_count--;
}

static void remember(struct rk_api_thread *thread, struct rk_changes *changes)
{
	size_t bytes = sizeof *changes;

	for (uint32_t i = 0; i < changes->count; i++)
		bytes += sizeof changes->at[i] + rk_blob_span(changes->at[i].after).size;
	while (thread->history_count == RK_API_HISTORY ||
	       (thread->history_count > 0 && thread->history_bytes + bytes > RK_API_HISTORY_BYTES))
		forget_oldest(thread);
	const size_t at = (thread->history_start + thread->history_count++) % RK_API_HISTORY;
	thread->history[at] =
		(struct rk_history_item){ .changes = rk_changes_ref(changes), .bytes = bytes };
	thread->history_bytes += bytes;
}

static void wake_waiting(struct rk_api_thread *thread)
{
	const uint64_t revision = rk_view_revision(thread->view);

	for (struct rk_req *req = thread->waiting, *next; req != NULL; req = next) {
		next = req->next;
		if (req->wait_revision > revision)
			continue;
		rk_req_unlink(req);
		req->resume(req, NULL);
	}
}

static bool changes_rights(const struct rk_feed_news *news)
{
	for (size_t i = 0; i < news->count; i++)
		for (uint32_t n = 0; n < news->changes[i]->count; n++)
			if (rk_rbac_follows(news->changes[i]->at[n].kind))
				return true;
	return false;
}

static void take_news(struct rk_api_thread *thread, struct rk_feed_news *news)
{
	(void)rk_view_unref(thread->view);
	thread->view = rk_view_ref(news->view);
	const bool are_others = thread->kinds != news->kinds;
	(void)rk_kinds_free(thread->kinds);
	thread->kinds = rk_kinds_ref(news->kinds);
	thread->leader_id = news->leader_id;
	thread->is_ready = rk_view_revision(thread->view) > 0;
	if (news->restarted) {
		while (thread->history_count > 0)
			forget_oldest(thread);
		thread->history_from = rk_view_revision(thread->view);
		rk_api_watch_end_all(thread, true);
	}
	for (size_t i = 0; i < news->count; i++)
		if (news->changes[i]->count > 0)
			remember(thread, news->changes[i]);
	if (news->restarted || changes_rights(news))
		thread->rbac = rk_rbac_free(thread->rbac);
	rk_api_watch_news(thread, news->changes, news->count);
	if (are_others)
		rk_api_watch_end_gone(thread);
	wake_waiting(thread);
	rk_feed_news_free(news);
}

static void take_answer(struct rk_api_thread *thread, struct rk_feed_answer *answer)
{
	const uint32_t slot = (uint32_t)answer->request_id;
	struct rk_req *req = slot < thread->slot_count ? thread->slots[slot] : NULL;

	thread->slots[slot] = NULL;
	thread->free_slots = rk_grow(thread->free_slots, &thread->free_capacity,
				     thread->free_count + 1, sizeof *thread->free_slots);
	thread->free_slots[thread->free_count++] = slot;
	if (req != NULL) {
		rk_assert(req->id == answer->request_id);
		req->id = 0;
		req->resume(req, answer);
	}
	rk_feed_answer_free(answer);
}

static void on_feed(struct ev_loop *loop, ev_io *io, int events)
{
	struct rk_api_thread *thread = RK_CONTAINER(io, struct rk_api_thread, feed_io);
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

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_api_thread *thread = RK_CONTAINER(timer, struct rk_api_thread, timer);
	const uint64_t now_ms = rk_clock_mono_ms();

	(void)loop;
	(void)events;
	for (struct rk_req *req = thread->waiting, *next; req != NULL; req = next) {
		next = req->next;
		if (req->wait_until_ms > now_ms)
			continue;
		rk_req_unlink(req);
		struct rk_val *status =
			rk_status(&req->arena, 504, "Timeout",
				  "Too large resource version: %llu, current: %llu",
				  (unsigned long long)req->wait_revision,
				  (unsigned long long)rk_view_revision(thread->view));
		struct rk_val *causes = rk_val_list(&req->arena),
			      *details = rk_val_make(&req->arena, status, "details");
		rk_cause_add(&req->arena, causes, "ResourceVersionTooLarge", "",
			     "Too large resource version");
		(void)rk_val_remove(rk_val_item(causes, 0), RK_SPAN("field"));
		rk_val_put(&req->arena, details, "causes", causes);
		rk_val_put_int(&req->arena, details, "retryAfterSeconds", 1);
		rk_req_status(req, status);
	}
	rk_api_watch_tick(thread);
	if (thread->number == 0)
		rk_api_read_tick(thread->api);
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
	struct rk_api_thread *thread = RK_CONTAINER(async, struct rk_api_thread, stop);
	unsigned busy = 0;

	(void)events;
	rk_api_watch_end_all(thread, false);
	for (unsigned i = 0; i < thread->server_count; i++) {
		rk_http_server_drain(thread->servers[i]);
		busy += rk_http_server_connections(thread->servers[i]);
	}
	if (busy == 0)
		ev_break(loop, EVBREAK_ALL);
	else
		ev_timer_start(loop, &thread->stop_timer);
}

static void *run(void *context)
{
	struct rk_api_thread *thread = context;

	(void)pthread_setname_np(pthread_self(), "reckon-api");
	(void)ev_run(thread->loop, 0);
	for (unsigned i = 0; i < thread->server_count; i++)
		thread->servers[i] = rk_http_server_free(thread->servers[i]);
	rk_pipe_end_all(&thread->pipes);
	while (thread->watchers != NULL) /* on WebSockets */
		rk_req_free(thread->watchers);
	while (thread->finished != NULL)
		rk_req_free(thread->finished);
	return NULL;
}

static int start_thread(struct rk_api_thread *thread, struct rk_error *error)
{
	rk_assert(getrandom(thread->audit_seed, sizeof thread->audit_seed, 0) ==
		  sizeof thread->audit_seed);
	thread->loop = ev_loop_new(EVFLAG_AUTO);
	if (thread->loop == NULL || rk_core_join(thread->api->opts.core, &thread->feed) < 0)
		return rk_fail(error, RK_EIO, "cannot make an event loop for the API");
	ev_async_init(&thread->stop, on_stop);
	ev_async_start(thread->loop, &thread->stop);
	ev_io_init(&thread->feed_io, on_feed, rk_queue_fd(rk_feed_queue(thread->feed)), EV_READ);
	ev_io_start(thread->loop, &thread->feed_io);
	ev_timer_init(&thread->timer, on_timer, TICK_S, TICK_S);
	ev_timer_start(thread->loop, &thread->timer);
	ev_timer_init(&thread->stop_timer, on_stop_timer, 1., 0.);
	rk_api_jobs_init(thread);
	for (unsigned i = 0; i < RK_API_ADDRESSES_MAX && thread->listen_fds[i] >= 0; i++) {
		const struct rk_http_server_opts opts = { .loop = thread->loop,
							  .listen_fd = thread->listen_fds[i],
							  .tls = thread->api->opts.server,
							  .body_max = BODY_MAX,
							  .connections_max = CONNECTIONS_MAX,
							  .context = thread,
							  .request = on_request,
							  .gone = on_gone,
							  .drained = on_drained };
		thread->listen_fds[i] = -1;
		RK_TRY(rk_http_server_new(&thread->servers[thread->server_count], &opts));
		thread->server_count++;
	}
	if (pthread_create(&thread->thread, NULL, run, thread) != 0)
		return rk_fail(error, RK_EIO, "cannot start an API thread");
	thread->runs = true;
	return RK_OK;
}

static void free_thread(struct rk_api_thread *thread)
{
	for (unsigned i = 0; i < thread->server_count; i++)
		thread->servers[i] = rk_http_server_free(thread->servers[i]);
	for (unsigned i = 0; i < RK_API_ADDRESSES_MAX; i++)
		if (thread->listen_fds[i] >= 0)
			(void)close(thread->listen_fds[i]);
	if (thread->feed != NULL)
		rk_core_leave(thread->feed);
	while (thread->history_count > 0)
		forget_oldest(thread);
	(void)rk_view_unref(thread->view);
	(void)rk_kinds_free(thread->kinds);
	(void)rk_rbac_free(thread->rbac);
	rk_api_tokens_done(thread);
	rk_counts_done(&thread->counts);
	rk_api_jobs_done(thread);
	(void)rk_tls_unref(thread->any_tls);
	free(thread->slots);
	free(thread->free_slots);
	if (thread->loop != NULL)
		ev_loop_destroy(thread->loop);
}

/* All ports first, so that one in use is told before anything runs. */
static int listen_all(struct rk_api *api, struct rk_error *error)
{
	for (unsigned i = 0; i < RK_API_ADDRESSES_MAX && api->opts.addresses[i] != NULL; i++) {
		int probe = -1;
		uint16_t port;
		RK_TRY(rk_listen(api->opts.addresses[i], false, &probe, &port,
				 error)); /* SO_REUSEPORT would share a stranger's */
		(void)close(probe);
		for (unsigned j = 0; j < api->thread_count; j++)
			RK_TRY(rk_listen(api->opts.addresses[i], true,
					 &api->threads[j].listen_fds[i], &port, error));
	}
	return RK_OK;
}

int rk_apiserver_new(struct rk_api **ret, const struct rk_apiserver_opts *opts,
		     struct rk_error *error)
{
	struct rk_api *api = rk_zalloc(sizeof *api);

	api->opts = *opts;
	(void)rk_tls_ref(opts->server);
	(void)rk_tls_ref(opts->client);
	(void)pthread_mutex_init(&api->lock, NULL);
	api->dir = rk_strdup(opts->dir);
	api->name = rk_strdup(opts->name);
	api->thread_count = opts->threads != 0 ? opts->threads : 2;
	api->threads = rk_zalloc(api->thread_count * sizeof *api->threads);
	for (unsigned i = 0; i < api->thread_count; i++) {
		api->threads[i].api = api;
		api->threads[i].number = i;
		api->threads[i].kinds = rk_kinds_ref(opts->kinds);
		for (unsigned j = 0; j < RK_API_ADDRESSES_MAX; j++)
			api->threads[i].listen_fds[j] = -1;
	}
	int err = listen_all(api, error);
	for (unsigned i = 0; err == RK_OK && i < api->thread_count; i++)
		err = start_thread(&api->threads[i], error);
	if (err < 0) {
		(void)rk_apiserver_free(api, 0);
		return err;
	}
	*ret = api;
	return RK_OK;
}

struct rk_api *rk_apiserver_free(struct rk_api *api, uint32_t grace_ms)
{
	if (api == NULL)
		return NULL;
	for (unsigned i = 0; i < api->thread_count; i++) {
		if (!api->threads[i].runs)
			continue;
		ev_timer_set(&api->threads[i].stop_timer, RK_MAX(grace_ms, 1u) / 1000., 0.);
		ev_async_send(api->threads[i].loop, &api->threads[i].stop);
	}
	for (unsigned i = 0; i < api->thread_count; i++)
		if (api->threads[i].runs)
			(void)pthread_join(api->threads[i].thread, NULL);
	for (unsigned i = 0; i < api->thread_count; i++)
		free_thread(&api->threads[i]);
	for (size_t i = 0; i < RK_API_HELD; i++)
		(void)rk_view_unref(api->held[i].view);
	for (size_t i = 0; i < RK_COUNT(api->documents); i++) {
		(void)rk_blob_unref(api->documents[i]);
		(void)rk_blob_unref(api->compressed[i]);
	}
	(void)rk_kinds_free(api->documents_kinds);
	(void)rk_tls_unref(api->opts.server);
	(void)rk_tls_unref(api->opts.client);
	(void)pthread_mutex_destroy(&api->lock);
	free(api->threads);
	free(api->dir);
	free(api->name);
	free(api);
	return NULL;
}
