#include "cli/api_io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/mem.h"
#include "config.h"
#include "node/files_io.h"
#include "wire/address_io.h"
#include "wire/json.h"

#define ANSWER_MAX   (256u << 20)
#define CONNECT_MS   1500
#define TIMEOUT_MS   30000
#define WARNINGS_MAX 32
#define TOKEN_MAX    65536

struct rk_api {
	struct rk_arena arena; /* the access, and the text of the last refusal */
	struct rk_access access;
	struct rk_tls *tls;
	struct ev_loop *loop;
	struct rk_http_client *client; /* to access.servers[at]; NULL until the first call */
	size_t at;
	uint32_t timeout_ms;
	const char *text;
	struct rk_buf bearer; /* "Bearer ..."; empty without a token */
	uint64_t warned[WARNINGS_MAX]; /* hashes: the same warning is told once */
	size_t warned_count;
};

int rk_api_new(struct rk_api **ret, const struct rk_access *access, uint32_t timeout_ms,
	       struct rk_error *error)
{
	const struct rk_tls_opts opts = { .cert_path = access->cert_path,
					  .key_path = access->key_path,
					  .ca_path = access->ca_path,
					  .cert = access->cert,
					  .key = access->key,
					  .ca = access->ca };
	struct rk_tls *tls = NULL;

	if (!access->is_plain)
		RK_TRY(rk_tls_new(&tls, &opts, error));
	struct rk_api *api = rk_zalloc(sizeof *api);
	api->access = *access;
	for (size_t i = 0; i < access->server_count; i++)
		api->access.servers[i] = rk_arena_str(&api->arena, rk_span_str(access->servers[i]));
	if (access->server_name != NULL)
		api->access.server_name =
			rk_arena_str(&api->arena, rk_span_str(access->server_name));
	if (access->token_path != NULL)
		api->access.token_path = rk_arena_str(&api->arena, rk_span_str(access->token_path));
	api->access.token = rk_arena_span(&api->arena, access->token);
	api->tls = tls;
	api->timeout_ms = timeout_ms != 0 ? timeout_ms : TIMEOUT_MS;
	api->loop = ev_loop_new(EVFLAG_AUTO);
	rk_assert(api->loop != NULL);
	*ret = api;
	return RK_OK;
}

struct rk_api *rk_api_free(struct rk_api *api)
{
	if (api == NULL)
		return NULL;
	(void)rk_http_client_free(api->client);
	ev_loop_destroy(api->loop);
	(void)rk_tls_unref(api->tls);
	rk_buf_done(&api->bearer);
	rk_arena_done(&api->arena);
	free(api);
	return NULL;
}

bool rk_api_is_refused(const struct rk_api *api) { return api->text != NULL; }
const char *rk_api_text(const struct rk_api *api) { return api->text; }
struct ev_loop *rk_api_loop(const struct rk_api *api) { return api->loop; }
struct rk_http_client *rk_api_client(const struct rk_api *api) { return api->client; }
struct rk_span rk_api_bearer(const struct rk_api *api) { return rk_buf_span(&api->bearer); }
const char *rk_api_server(const struct rk_api *api) { return api->access.servers[api->at]; }

/* --- which member --- */

/* Whether somebody accepts connections there: a member that is down is passed over before anything
 * is sent, so that no write can be sent twice. */
static bool is_open(const char *address)
{
	struct addrinfo *list = NULL;
	bool open = false;

	if (rk_address_find(address, false, &list, NULL) < 0)
		return false;
	for (const struct addrinfo *a = list; a != NULL && !open; a = a->ai_next) {
		RK_AUTO(rk_drop_fd)
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct pollfd ready = { .fd = fd, .events = POLLOUT };
		int failure = 0;
		socklen_t size = sizeof failure;
		if (fd < 0)
			continue;
		open = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ||
		       (errno == EINPROGRESS && poll(&ready, 1, CONNECT_MS) == 1 &&
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0);
	}
	freeaddrinfo(list);
	return open;
}

static void use(struct rk_api *api, size_t at)
{
	(void)rk_http_client_free(api->client);
	api->at = at;
	api->client = rk_http_client_new(
		&(struct rk_http_client_opts){ .loop = api->loop,
					       .address = api->access.servers[at],
					       .server_name = api->access.server_name,
					       .tls = api->tls });
}

/* The next server that is up, counted from `from`. */
static int choose(struct rk_api *api, size_t from, struct rk_error *error)
{
	const size_t count = api->access.server_count;

	for (size_t i = 0; i < count; i++) {
		const size_t at = (from + i) % count;
		if (is_open(api->access.servers[at])) {
			use(api, at);
			return RK_OK;
		}
	}
	return rk_fail(error, RK_EIO, "%s did not accept a connection%s: is the cluster up?",
		       api->access.servers[0], count > 1 ? ", nor did any other member" : "");
}

/* --- what a refusal says --- */

static int code_of(struct rk_span reason, int status)
{
	static const struct {
		const char *reason;
		int code;
	} codes[] = {
		{ "NotFound", RK_ENOENT }, { "AlreadyExists", RK_EEXIST },
		{ "Conflict", RK_ESTALE }, { "Expired", RK_ESTALE },
		{ "Gone", RK_ESTALE },     { "Timeout", RK_ETIMEDOUT },
	};

	for (size_t i = 0; i < RK_COUNT(codes); i++)
		if (rk_span_is(reason, codes[i].reason))
			return codes[i].code;
	return status == 404 ? RK_ENOENT : status == 429 ? RK_EAGAIN : RK_EPERM;
}

/* kubectl's form for what is invalid: every cause on a line of its own. */
static const char *invalid_text(struct rk_arena *arena, const struct rk_val *status)
{
	const struct rk_val *causes = rk_val_at(status, "details.causes");
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	rk_buf_printf(&text, "The %.*s \"%.*s\" is invalid",
		      RK_SPAN_ARGS(rk_val_text_at(status, "details.kind")),
		      RK_SPAN_ARGS(rk_val_text_at(status, "details.name")));
	for (uint32_t i = 0; i < rk_val_count(causes); i++) {
		const struct rk_val *cause = rk_val_item(causes, i);
		rk_buf_printf(&text, "%s%.*s: %.*s",
			      rk_val_count(causes) == 1 ? ": "
			      : i == 0                  ? ": \n* "
							: "\n* ",
			      RK_SPAN_ARGS(rk_val_text_at(cause, "field")),
			      RK_SPAN_ARGS(rk_val_text_at(cause, "message")));
	}
	return rk_arena_str(arena, rk_buf_span(&text));
}

int rk_api_refusal(struct rk_api *api, int status, struct rk_span body, struct rk_error *error)
{
	struct rk_val *val = NULL;

	if (body.size == 0 || body.data[0] != '{' ||
	    rk_json_parse(&api->arena, rk_arena_span(&api->arena, body), 0, &val, NULL) < 0) {
		api->text = rk_arena_printf(&api->arena, "Error from server: %.*s (HTTP %d)",
					    RK_SPAN_ARGS(rk_span_sub(body, 0, 300)), status);
		return rk_fail(error, code_of(rk_span_str(""), status), "%s", api->text);
	}
	const struct rk_span reason = rk_val_text_at(val, "reason");
	if (rk_span_is(reason, "Invalid") && rk_val_count(rk_val_at(val, "details.causes")) > 0)
		api->text = invalid_text(&api->arena, val);
	else if (rk_span_is(reason, "Invalid"))
		api->text = rk_arena_printf(&api->arena, "The request is invalid: %.*s",
					    RK_SPAN_ARGS(rk_val_text_at(val, "message")));
	else
		api->text = rk_arena_printf(&api->arena, "Error from server%s%.*s%s: %.*s",
					    reason.size > 0 ? " (" : "", RK_SPAN_ARGS(reason),
					    reason.size > 0 ? ")" : "",
					    RK_SPAN_ARGS(rk_val_text_at(val, "message")));
	return rk_fail(error, code_of(reason, status), "%s", api->text);
}

/* --- one call --- */

struct pending {
	struct rk_api *api;
	const struct rk_api_call *call;
	struct rk_buf body;
	int status, err;
	struct rk_error error;
	bool is_done;
};

/* Warning: 299 - "text" */
static void tell_warning(struct rk_api *api, struct rk_span value)
{
	const uint8_t *from = value.size > 0 ? memchr(value.data, '"', value.size) : NULL;
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	if (from == NULL)
		return;
	for (from++; from < value.data + value.size && *from != '"'; from++) {
		if (*from == '\\' && from + 1 < value.data + value.size)
			from++;
		if (*from >= ' ' && *from != 0x7f)
			rk_buf_put_u8(&text, *from);
	}
	const uint64_t hash = rk_hash64(rk_buf_span(&text), 0);
	for (size_t i = 0; i < api->warned_count; i++)
		if (api->warned[i] == hash)
			return;
	if (api->warned_count < WARNINGS_MAX)
		api->warned[api->warned_count++] = hash;
	(void)fprintf(stderr, "Warning: %s\n", rk_buf_cstr(&text));
}

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct pending *pending = context;

	(void)call;
	pending->status = answer->status;
	for (size_t i = 0; i < answer->header_count; i++)
		if (rk_span_is(answer->headers[i].name, "warning"))
			tell_warning(pending->api, answer->headers[i].value);
}

static void stop(struct pending *pending, struct rk_http_call *call)
{
	pending->is_done = true;
	rk_http_call_abort(call);
}

static void on_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	struct pending *pending = context;

	if (pending->call->data != NULL && pending->status < 300) {
		if (pending->call->data(pending->call->context, bytes) != 0)
			stop(pending, call);
	} else if (bytes.size > ANSWER_MAX - pending->body.size) {
		pending->err = rk_fail(&pending->error, RK_ETOOBIG,
				       "the answer is larger than %u MiB", ANSWER_MAX >> 20);
		stop(pending, call);
	} else {
		rk_buf_put_span(&pending->body, bytes);
	}
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct pending *pending = context;

	(void)call;
	if (pending->is_done)
		return;
	pending->is_done = true;
	pending->err = err;
	if (err < 0)
		pending->error = *error;
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct pending *pending = timer->data;

	(void)loop, (void)events;
	pending->err = rk_fail(&pending->error, RK_ETIMEDOUT, "timed out");
	pending->is_done = true;
}

/* The file changes while a pod runs, so it is read anew. */
static int read_token(struct rk_api *api, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_span token = api->access.token;

	if (api->access.token_path != NULL) {
		RK_TRY(rk_file_read(api->access.token_path, TOKEN_MAX, &text, error));
		(void)rk_span_cut(rk_span_trim(rk_buf_span(&text)), '\n', &token);
	}
	rk_buf_clear(&api->bearer);
	for (size_t i = 0; i < token.size; i++)
		if (token.data[i] <= ' ' || token.data[i] >= 0x7f)
			return rk_fail(error, RK_EINVAL, "the token holds what is no part of a token");
	if (token.size > 0)
		rk_buf_printf(&api->bearer, "Bearer %.*s", RK_SPAN_ARGS(token));
	return RK_OK;
}

static void run(struct pending *pending)
{
	struct rk_api *api = pending->api;
	const struct rk_api_call *call = pending->call;
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_blob *body = NULL;
	struct rk_http_header headers[4] = {
		{ RK_SPAN("accept"),
		  rk_span_str(call->accept != NULL ? call->accept : "application/json") },
		{ RK_SPAN("user-agent"), RK_SPAN("reckon/" PACKAGE_VERSION) },
		{ RK_SPAN("content-type"),
		  rk_span_str(call->type != NULL ? call->type : "application/json") },
	};
	size_t header_count = call->body != NULL ? 3 : 2;
	ev_timer late;

	if (call->body != NULL) {
		rk_json_write(&text, call->body, false);
		body = rk_blob_copy(rk_buf_span(&text));
	}
	if (api->bearer.size > 0)
		headers[header_count++] =
			(struct rk_http_header){ RK_SPAN("authorization"), rk_buf_span(&api->bearer) };
	ev_timer_init(&late, on_late, call->for_ms / 1000., 0.);
	late.data = pending;
	if (call->for_ms != 0)
		ev_timer_start(api->loop, &late);
	struct rk_http_call *started = rk_http_call_start(
		api->client,
		&(struct rk_http_call_opts){ .method = call->method != NULL ? call->method : "GET",
					     .target = call->target,
					     .headers = headers,
					     .header_count = header_count,
					     .body = body,
					     .head_ms = api->timeout_ms,
					     .idle_ms = call->data != NULL ? 0 : api->timeout_ms,
					     .context = pending,
					     .head = on_head,
					     .data = on_data,
					     .done = on_done });
	while (!pending->is_done)
		(void)ev_run(api->loop, EVRUN_ONCE);
	if (pending->err == RK_ETIMEDOUT && call->for_ms != 0 && !ev_is_active(&late))
		rk_http_call_abort(started);
	ev_timer_stop(api->loop, &late);
	(void)rk_blob_unref(body);
}

static bool may_repeat(const struct rk_api_call *call)
{
	return call->method == NULL || strcmp(call->method, "GET") == 0;
}

int rk_api_call(struct rk_api *api, struct rk_arena *arena, const struct rk_api_call *call,
		struct rk_val **ret, struct rk_error *error)
{
	struct pending pending = { .api = api, .call = call };
	int err = RK_OK;

	api->text = NULL;
	RK_TRY(read_token(api, error));
	if (api->client == NULL)
		RK_TRY(choose(api, 0, error));
	for (size_t tries = 0;; tries++) {
		run(&pending);
		const bool unanswered = pending.err < 0 && pending.status == 0;
		if (!unanswered || !may_repeat(call) || tries >= api->access.server_count)
			break;
		if (choose(api, api->at + 1, NULL) < 0)
			break;
		pending.is_done = false;
		pending.err = RK_OK;
	}
	if (pending.err < 0) {
		err = pending.err;
		if (error != NULL)
			*error = pending.error;
	} else if (pending.status >= 300 || pending.status < 200) {
		err = rk_api_refusal(api, pending.status, rk_buf_span(&pending.body), error);
	} else if (ret != NULL && call->data == NULL) {
		err = rk_json_parse(arena, rk_arena_span(arena, rk_buf_span(&pending.body)), 0, ret,
				    error);
	}
	rk_buf_done(&pending.body);
	return err;
}
