#include "node/api_io.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"

#define HEAD_MS        5000u
#define CONNECT_MS     1500u
#define CALLS_MAX      16u  /* connections for calls to one member */
#define WATCHES_MAX    256u /* connections for watches of one member */
#define TRIES_A_SERVER 2u

struct server {
	char *address;
	struct rk_http_client *calls, *watches; /* made when first used */
};

struct call {
	struct call *next;
	struct rk_apiclient *api;
	char *method, *target, *type;
	struct rk_blob *body;
	struct rk_http_client *client;
	unsigned tries;
	int status;
	struct rk_buf answer;
	bool is_too_big;
	void *context;
	void (*done)(void *context, int err, int status, const struct rk_val *answer);
};

struct rk_apiclient {
	struct ev_loop *loop;
	struct rk_tls *tls;
	unsigned server_count, current, in_flight;
	struct server servers[RK_API_SERVERS_MAX];
	bool is_closing;
};

static struct rk_http_client *client_of(struct rk_apiclient *api, bool is_watch)
{
	struct server *server = &api->servers[api->current];
	struct rk_http_client **at = is_watch ? &server->watches : &server->calls;
	const struct rk_http_client_opts opts = {
		.loop = api->loop,
		.address = server->address,
		.tls = api->tls,
		.connections_max = is_watch ? WATCHES_MAX : CALLS_MAX,
		.connect_ms = CONNECT_MS,
	};

	if (*at == NULL)
		*at = rk_http_client_new(&opts);
	return *at;
}

struct rk_http_client *rk_apiclient_watch_client(struct rk_apiclient *api)
{
	return client_of(api, true);
}

struct ev_loop *rk_apiclient_loop(struct rk_apiclient *api) { return api->loop; }

unsigned rk_apiclient_in_flight(const struct rk_apiclient *api) { return api->in_flight; }

void rk_apiclient_blame(struct rk_apiclient *api, const struct rk_http_client *client)
{
	const struct server *now = &api->servers[api->current];

	if (client != now->calls && client != now->watches)
		return; /* somebody else has moved on already */
	api->current = (api->current + 1) % api->server_count;
	if (api->server_count > 1)
		rk_log(RK_LOG_INFO, "another member", "server=%s",
		       api->servers[api->current].address);
}

static void call_free(struct call *call)
{
	(void)rk_blob_unref(call->body);
	rk_buf_done(&call->answer);
	free(call->method);
	free(call->target);
	free(call->type);
	free(call);
}

static void finish(struct call *call, int err)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *answer = NULL;

	call->api->in_flight--;
	if (err == 0 && rk_json_parse(&arena, rk_buf_span(&call->answer), 0, &answer, NULL) < 0)
		answer = NULL;
	if (call->done != NULL)
		call->done(call->context, err, call->status, answer);
	call_free(call);
}

static void start(struct call *call);

static void on_head(void *context, struct rk_http_call *http, const struct rk_http_answer *answer)
{
	struct call *call = context;

	(void)http;
	call->status = answer->status;
}

static void on_data(void *context, struct rk_http_call *http, struct rk_span bytes)
{
	struct call *call = context;

	(void)http;
	if (call->answer.size + bytes.size > RK_API_ANSWER_MAX)
		call->is_too_big = true;
	else
		rk_buf_put_span(&call->answer, bytes);
}

/* 503 and 504: that member has no leader, or is not ready. 500 is an answer. */
static bool is_worth_another(const struct call *call, int err)
{
	return (err < 0 || call->status == 503 || call->status == 504) && !call->api->is_closing &&
	       call->tries < call->api->server_count * TRIES_A_SERVER;
}

static void on_done(void *context, struct rk_http_call *http, int err, const struct rk_error *error)
{
	struct call *call = context;

	(void)http, (void)error;
	if (is_worth_another(call, err)) {
		rk_apiclient_blame(call->api, call->client);
		start(call);
		return;
	}
	finish(call, call->is_too_big ? RK_ETOOBIG : err);
}

static void start(struct call *call)
{
	const struct rk_http_header headers[] = {
		{ RK_SPAN("accept"), RK_SPAN(RK_JSON_TYPE) },
		{ RK_SPAN("user-agent"), RK_SPAN("reckon-node") },
		{ RK_SPAN("content-type"), rk_span_str(call->type) },
	};
	const struct rk_http_call_opts opts = {
		.method = call->method,
		.target = call->target,
		.headers = headers,
		.header_count = call->body != NULL ? 3 : 2,
		.body = call->body, /* it takes a share of its own */
		.head_ms = HEAD_MS,
		.idle_ms = HEAD_MS,
		.context = call,
		.head = on_head,
		.data = on_data,
		.done = on_done,
	};

	call->tries++;
	call->status = 0;
	rk_buf_clear(&call->answer);
	call->client = client_of(call->api, false);
	(void)rk_http_call_start(call->client, &opts);
}

void rk_apiclient_call(struct rk_apiclient *api, const struct rk_apiclient_call *what)
{
	struct call *call = rk_zalloc(sizeof *call);

	call->api = api;
	call->method = rk_strdup(what->method);
	call->target = rk_strdup(what->target);
	call->type = rk_strdup(what->type != NULL ? what->type : RK_JSON_TYPE);
	call->context = what->context;
	call->done = what->done;
	if (what->body != NULL) {
		RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
		rk_json_write(&text, what->body, false);
		call->body = rk_blob_copy(rk_buf_span(&text));
	}
	api->in_flight++;
	start(call);
}

int rk_apiclient_new(struct rk_apiclient **ret, struct ev_loop *loop, const char *const *servers,
		     struct rk_tls *tls, struct rk_error *error)
{
	struct rk_apiclient *api = rk_zalloc(sizeof *api);

	api->loop = loop;
	api->tls = rk_tls_ref(tls);
	for (size_t i = 0; servers[i] != NULL; i++) {
		const char *address =
			strncmp(servers[i], "https://", 8) == 0 ? servers[i] + 8 : servers[i];

		if (api->server_count == RK_API_SERVERS_MAX) {
			(void)rk_apiclient_free(api);
			return rk_fail(error, RK_EINVAL, "more than %d servers",
				       RK_API_SERVERS_MAX);
		}
		api->servers[api->server_count++].address = rk_strdup(address);
	}
	if (api->server_count == 0) {
		(void)rk_apiclient_free(api);
		return rk_fail(error, RK_EINVAL, "no server was given");
	}
	*ret = api;
	return 0;
}

struct rk_apiclient *rk_apiclient_free(struct rk_apiclient *api)
{
	if (api == NULL)
		return NULL;
	api->is_closing = true;
	for (unsigned i = 0; i < api->server_count; i++) {
		(void)rk_http_client_free(api->servers[i].calls);
		(void)rk_http_client_free(api->servers[i].watches);
		free(api->servers[i].address);
	}
	(void)rk_tls_unref(api->tls);
	free(api);
	return NULL;
}
