#include "node/watch_io.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"

#define LINE_MAX_BYTES (8u << 20)
#define WATCH_SECONDS  "300"
#define RETRY_FIRST_S  0.1
#define RETRY_MAX_S    5.0
#define HEAD_MS        10000u
#define SILENCE_MS     120000u /* bookmarks come at least every minute */

struct key {
	char *text; /* "ns/name" */
	uint32_t round;
};

struct rk_watch {
	struct rk_apiclient *api;
	struct rk_watch_opts opts;
	char *path, *selector; /* selector: encoded */
	char version[32];      /* "": list first */
	bool is_synced;
	struct key *keys; /* sorted by text */
	size_t count, capacity;
	uint32_t round; /* of lists */
	struct rk_http_call *call;
	struct rk_http_client *client;
	bool is_list;
	int status;
	struct rk_buf buf;
	double retry_s;
	ev_timer retry;
};

static void begin(struct rk_watch *watch);

/* --- what is there --- */

static size_t find_key(const struct rk_watch *watch, const char *text, bool *ret_found)
{
	size_t low = 0, high = watch->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(watch->keys[middle].text, text);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

static void key_text(char text[600], struct rk_span ns, struct rk_span name)
{
	(void)snprintf(text, 600, "%.*s/%.*s", RK_SPAN_ARGS(rk_span_sub(ns, 0, 280)),
		       RK_SPAN_ARGS(rk_span_sub(name, 0, 280)));
}

static void note_key(struct rk_watch *watch, struct rk_span ns, struct rk_span name)
{
	char text[600];
	bool found;

	key_text(text, ns, name);
	const size_t at = find_key(watch, text, &found);
	if (!found) {
		watch->keys = rk_grow(watch->keys, &watch->capacity, watch->count + 1,
				      sizeof *watch->keys);
		memmove(&watch->keys[at + 1], &watch->keys[at],
			(watch->count - at) * sizeof *watch->keys);
		watch->keys[at] = (struct key){ rk_strdup(text), 0 };
		watch->count++;
	}
	watch->keys[at].round = watch->round;
}

static void forget_key(struct rk_watch *watch, size_t at)
{
	char *text = watch->keys[at].text;
	struct rk_span ns;

	watch->count--;
	memmove(&watch->keys[at], &watch->keys[at + 1], (watch->count - at) * sizeof *watch->keys);
	const struct rk_span name = rk_span_cut(rk_span_str(text), '/', &ns);
	watch->opts.gone(watch->opts.context, ns, name);
	free(text);
}

bool rk_watch_has(const struct rk_watch *watch, struct rk_span ns, struct rk_span name)
{
	char text[600];
	bool found;

	key_text(text, ns, name);
	(void)find_key(watch, text, &found);
	return found;
}

bool rk_watch_is_synced(const struct rk_watch *watch) { return watch->is_synced; }

static void take_version(struct rk_watch *watch, const struct rk_val *object)
{
	const struct rk_span version = rk_val_text_at(object, "metadata.resourceVersion");

	if (version.size > 0 && version.size < sizeof watch->version)
		(void)snprintf(watch->version, sizeof watch->version, "%.*s",
			       RK_SPAN_ARGS(version));
}

static void take_object(struct rk_watch *watch, const struct rk_val *object)
{
	note_key(watch, rk_val_text_at(object, "metadata.namespace"),
		 rk_val_text_at(object, "metadata.name"));
	watch->opts.put(watch->opts.context, object);
}

/* --- answers --- */

static void again_later(struct rk_watch *watch)
{
	ev_timer_stop(rk_apiclient_loop(watch->api), &watch->retry);
	ev_timer_set(&watch->retry, watch->retry_s, 0);
	ev_timer_start(rk_apiclient_loop(watch->api), &watch->retry);
	watch->retry_s = RK_MIN(watch->retry_s * 2, RETRY_MAX_S);
}

static void take_list(struct rk_watch *watch)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *list = NULL;
	struct rk_error error;

	if (rk_json_parse(&arena, rk_buf_span(&watch->buf), 0, &list, &error) < 0) {
		rk_log(RK_LOG_WARN, "list not understood", "path=%s error=\"%s\"", watch->path,
		       error.text);
		return;
	}
	const struct rk_val *items = rk_val_at(list, "items");
	watch->round++;
	for (uint32_t i = 0; i < rk_val_count(items); i++)
		take_object(watch, rk_val_item(items, i));
	for (size_t i = watch->count; i > 0; i--)
		if (watch->keys[i - 1].round != watch->round)
			forget_key(watch, i - 1);
	take_version(watch, list);
	watch->is_synced = true;
	if (watch->opts.synced != NULL)
		watch->opts.synced(watch->opts.context);
}

static void take_event(struct rk_watch *watch, struct rk_span line)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *event = NULL;
	char text[600];
	bool found;

	if (rk_json_parse(&arena, line, 0, &event, NULL) < 0) {
		watch->version[0] = '\0';
		return;
	}
	const struct rk_span type = rk_val_text_at(event, "type");
	const struct rk_val *object = rk_val_at(event, "object");
	if (rk_span_is(type, "ERROR")) { /* 410 Expired, or worse: list again */
		watch->version[0] = '\0';
		return;
	}
	if (rk_span_is(type, "ADDED") || rk_span_is(type, "MODIFIED"))
		take_object(watch, object);
	if (rk_span_is(type, "DELETED")) {
		key_text(text, rk_val_text_at(object, "metadata.namespace"),
			 rk_val_text_at(object, "metadata.name"));
		const size_t at = find_key(watch, text, &found);
		if (found)
			forget_key(watch, at);
	}
	take_version(watch, object);
}

static void take_lines(struct rk_watch *watch)
{
	size_t used = 0;

	for (;;) {
		const struct rk_span rest =
			rk_span_sub(rk_buf_span(&watch->buf), used, watch->buf.size);
		const uint8_t *end = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;

		if (end == NULL)
			break;
		const size_t size = (size_t)(end - rest.data);
		if (size > 0)
			take_event(watch, rk_span_sub(rest, 0, size));
		used += size + 1;
	}
	rk_buf_consume(&watch->buf, used);
}

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct rk_watch *watch = context;

	(void)call;
	watch->status = answer->status;
	if (answer->status == 200)
		watch->retry_s = RETRY_FIRST_S;
}

static void on_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	struct rk_watch *watch = context;
	const size_t max = watch->is_list ? RK_API_ANSWER_MAX : LINE_MAX_BYTES;

	(void)call;
	if (watch->buf.size + bytes.size > max) {
		watch->status = 0;
		return;
	}
	rk_buf_put_span(&watch->buf, bytes);
	if (!watch->is_list && watch->status == 200)
		take_lines(watch);
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct rk_watch *watch = context;

	(void)call;
	watch->call = NULL;
	if (err < 0 && watch->is_list)
		rk_log(RK_LOG_WARN, "list failed", "path=%s error=\"%s\"", watch->path,
		       error->text);
	if (err < 0 || watch->status != 200) {
		rk_apiclient_blame(watch->api, watch->client);
		if (watch->status == 410)
			watch->version[0] = '\0';
		again_later(watch);
		return;
	}
	if (!watch->is_list) {
		again_later(watch);
		return;
	}
	take_list(watch);
	if (watch->version[0] != '\0')
		begin(watch);
	else
		again_later(watch);
}

static void begin(struct rk_watch *watch)
{
	RK_AUTO(rk_buf_done) struct rk_buf target = { 0 };
	const struct rk_http_header headers[] = {
		{ RK_SPAN("accept"), RK_SPAN(RK_JSON_TYPE) },
		{ RK_SPAN("user-agent"), RK_SPAN("reckon-node") },
	};

	watch->is_list = watch->version[0] == '\0';
	watch->status = 0;
	rk_buf_clear(&watch->buf);
	rk_buf_put_str(&target, watch->path);
	rk_buf_put_str(&target, "?");
	if (watch->selector != NULL)
		rk_buf_printf(&target, "fieldSelector=%s&", watch->selector);
	if (!watch->is_list)
		rk_buf_printf(&target,
			      "watch=true&allowWatchBookmarks=true&timeoutSeconds=" WATCH_SECONDS
			      "&resourceVersion=%s",
			      watch->version);
	const struct rk_http_call_opts opts = {
		.method = "GET",
		.target = rk_buf_cstr(&target),
		.headers = headers,
		.header_count = RK_COUNT(headers),
		.head_ms = HEAD_MS,
		.idle_ms = SILENCE_MS,
		.context = watch,
		.head = on_head,
		.data = on_data,
		.done = on_done,
	};
	watch->client = rk_apiclient_watch_client(watch->api);
	watch->call = rk_http_call_start(watch->client, &opts);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	begin(timer->data);
}

struct rk_watch *rk_watch_open(struct rk_apiclient *api, const struct rk_watch_opts *opts)
{
	struct rk_watch *watch = rk_zalloc(sizeof *watch);

	watch->api = api;
	watch->opts = *opts;
	watch->path = rk_strdup(opts->path);
	if (opts->field_selector != NULL) {
		RK_AUTO(rk_buf_done) struct rk_buf encoded = { 0 };
		rk_url_encode(&encoded, rk_span_str(opts->field_selector));
		watch->selector = rk_strdup(rk_buf_cstr(&encoded));
	}
	watch->retry_s = RETRY_FIRST_S;
	ev_timer_init(&watch->retry, on_retry, 0, 0);
	watch->retry.data = watch;
	begin(watch);
	return watch;
}

struct rk_watch *rk_watch_close(struct rk_watch *watch)
{
	if (watch == NULL)
		return NULL;
	ev_timer_stop(rk_apiclient_loop(watch->api), &watch->retry);
	if (watch->call != NULL)
		rk_http_call_abort(watch->call);
	for (size_t i = 0; i < watch->count; i++)
		free(watch->keys[i].text);
	free(watch->keys);
	rk_buf_done(&watch->buf);
	free(watch->path);
	free(watch->selector);
	free(watch);
	return NULL;
}
