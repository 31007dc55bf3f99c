#include "wire/http1.h"

#include <llhttp.h>

#include "base/mem.h"

/* Where something is within the collected bytes of the head; the bytes move while they grow. */
struct mark {
	uint32_t at, size;
};

struct rk_http1 {
	llhttp_t parser;
	llhttp_settings_t settings;
	struct rk_buf bytes; /* the target, then names and values, one behind the other */
	struct mark target;
	struct mark names[RK_HTTP_HEADERS_MAX], values[RK_HTTP_HEADERS_MAX];
	size_t count;
	struct rk_http_header headers[RK_HTTP_HEADERS_MAX];
	struct rk_http1_head head;
	struct rk_span piece;
	enum rk_http1_event event;
	uint32_t trailer_bytes;
	bool is_within, is_head_done, is_value, is_too_big;
};

static int too_big(struct rk_http1 *http)
{
	http->is_too_big = true;
	return HPE_USER;
}

static int grow(struct rk_http1 *http, struct mark *mark, const char *at, size_t size)
{
	if (http->bytes.size + size > RK_HTTP1_HEAD_MAX)
		return too_big(http);
	if (mark->size == 0)
		mark->at = (uint32_t)http->bytes.size;
	mark->size += (uint32_t)size;
	rk_buf_put(&http->bytes, at, size);
	return HPE_OK;
}

static int on_begin(llhttp_t *parser)
{
	struct rk_http1 *http = parser->data;

	rk_buf_clear(&http->bytes);
	http->target = (struct mark){ 0, 0 };
	http->count = 0;
	http->trailer_bytes = 0;
	http->is_within = true;
	http->is_head_done = http->is_value = false;
	return HPE_OK;
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
	struct rk_http1 *http = parser->data;

	return grow(http, &http->target, at, size);
}

/* Trailers behind a chunked body: nobody here uses them, but they are bounded like a head. */
static int on_trailer(struct rk_http1 *http, size_t size)
{
	http->trailer_bytes += (uint32_t)RK_MIN(size, (size_t)RK_HTTP1_HEAD_MAX);
	return http->trailer_bytes > RK_HTTP1_HEAD_MAX ? too_big(http) : HPE_OK;
}

static int on_name(llhttp_t *parser, const char *at, size_t size)
{
	struct rk_http1 *http = parser->data;

	if (http->is_head_done)
		return on_trailer(http, size);
	if (http->count == 0 || http->is_value) {
		if (http->count == RK_HTTP_HEADERS_MAX)
			return too_big(http);
		http->names[http->count] = http->values[http->count] = (struct mark){ 0, 0 };
		http->count++;
		http->is_value = false;
	}
	struct mark *mark = &http->names[http->count - 1];
	const int err = grow(http, mark, at, size);
	if (err != HPE_OK)
		return err;
	for (size_t i = http->bytes.size - size; i < http->bytes.size; i++)
		if (http->bytes.data[i] >= 'A' && http->bytes.data[i] <= 'Z')
			http->bytes.data[i] |= 0x20;
	return HPE_OK;
}

static int on_value(llhttp_t *parser, const char *at, size_t size)
{
	struct rk_http1 *http = parser->data;

	if (http->is_head_done)
		return on_trailer(http, size);
	if (http->count == 0)
		return HPE_USER;
	return grow(http, &http->values[http->count - 1], at, size);
}

/* Empty values are not always told, so it is the end of a name that tells names apart. */
static int on_name_done(llhttp_t *parser)
{
	struct rk_http1 *http = parser->data;

	http->is_value = true;
	return HPE_OK;
}

static struct rk_span span_of(const struct rk_http1 *http, struct mark mark)
{
	return mark.size > 0 ? rk_span_of(http->bytes.data + mark.at, mark.size)
			     : rk_span_of("", 0);
}

static struct rk_span trimmed(struct rk_span text)
{
	while (text.size > 0 &&
	       (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
		text.size--;
	return text;
}

static int on_head(llhttp_t *parser)
{
	struct rk_http1 *http = parser->data;

	for (size_t i = 0; i < http->count; i++)
		http->headers[i] =
			(struct rk_http_header){ span_of(http, http->names[i]),
						 trimmed(span_of(http, http->values[i])) };
	http->head = (struct rk_http1_head){
		.method = rk_span_str(parser->type == HTTP_REQUEST
					      ? llhttp_method_name((llhttp_method_t)parser->method)
					      : ""),
		.target = span_of(http, http->target),
		.status = parser->status_code,
		.minor = parser->http_minor,
		.header_count = http->count,
		.headers = http->headers,
		.has_length = (parser->flags & F_CONTENT_LENGTH) != 0,
		.length = parser->content_length,
		.is_upgrade = parser->upgrade != 0,
		.keep_alive = llhttp_should_keep_alive(parser) != 0,
	};
	http->is_head_done = true;
	http->event = RK_HTTP1_HEAD;
	return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
	struct rk_http1 *http = parser->data;

	if (size == 0) /* where one feed ended and the next has nothing */
		return HPE_OK;
	http->piece = rk_span_of(at, size);
	http->event = RK_HTTP1_BODY;
	return HPE_PAUSED;
}

static int on_done(llhttp_t *parser)
{
	struct rk_http1 *http = parser->data;

	http->is_within = false;
	http->event = RK_HTTP1_DONE;
	return HPE_PAUSED;
}

struct rk_http1 *rk_http1_new(bool is_server)
{
	struct rk_http1 *http = rk_zalloc(sizeof *http);

	llhttp_settings_init(&http->settings);
	http->settings.on_message_begin = on_begin;
	http->settings.on_url = on_url;
	http->settings.on_header_field = on_name;
	http->settings.on_header_field_complete = on_name_done;
	http->settings.on_header_value = on_value;
	http->settings.on_headers_complete = on_head;
	http->settings.on_body = on_body;
	http->settings.on_message_complete = on_done;
	llhttp_init(&http->parser, is_server ? HTTP_REQUEST : HTTP_RESPONSE, &http->settings);
	http->parser.data = http;
	return http;
}

struct rk_http1 *rk_http1_free(struct rk_http1 *http)
{
	if (http != NULL)
		rk_buf_done(&http->bytes);
	free(http);
	return NULL;
}

/* A pause that follows a callback of ours is an event; an upgrade that the owner did not take is no
 * event. */
static void unpause(struct rk_http1 *http)
{
	const llhttp_errno_t err = llhttp_get_errno(&http->parser);

	if (err == HPE_PAUSED)
		llhttp_resume(&http->parser);
	else if (err == HPE_PAUSED_UPGRADE)
		llhttp_resume_after_upgrade(&http->parser);
}

int rk_http1_feed(struct rk_http1 *http, struct rk_span bytes, size_t *ret_used,
		  enum rk_http1_event *ret_event)
{
	const char *at = bytes.data != NULL ? (const char *)bytes.data : "";
	const char *const end = at + bytes.size;

	for (;;) {
		http->event = RK_HTTP1_MORE;
		unpause(http);
		const llhttp_errno_t err = llhttp_execute(&http->parser, at, (size_t)(end - at));
		if (err != HPE_OK && err != HPE_PAUSED && err != HPE_PAUSED_UPGRADE)
			return http->is_too_big ? RK_ETOOBIG : RK_EINVAL;
		at = err == HPE_OK ? end : llhttp_get_error_pos(&http->parser);
		/* Empty pieces may pause the parser at its end without an event. */
		if (http->event != RK_HTTP1_MORE || err == HPE_OK)
			break;
	}
	*ret_used = bytes.size - (size_t)(end - at);
	*ret_event = http->event;
	return RK_OK;
}

int rk_http1_finish(struct rk_http1 *http, enum rk_http1_event *ret_event)
{
	unpause(http);
	http->event = RK_HTTP1_MORE;
	const llhttp_errno_t err = llhttp_finish(&http->parser);
	if (err != HPE_OK && err != HPE_PAUSED)
		return RK_EINVAL;
	if (http->is_within)
		return RK_EINVAL;
	*ret_event = http->event;
	return RK_OK;
}

const struct rk_http1_head *rk_http1_head(const struct rk_http1 *http) { return &http->head; }

struct rk_span rk_http1_piece(const struct rk_http1 *http) { return http->piece; }

bool rk_http1_is_within(const struct rk_http1 *http) { return http->is_within; }

void rk_http1_no_body(struct rk_http1 *http) { http->parser.flags |= F_SKIPBODY; }

const char *rk_http1_reason(const struct rk_http1 *http)
{
	const char *reason = llhttp_get_error_reason(&http->parser);

	if (http->is_too_big)
		return "the head is too large";
	return reason != NULL && reason[0] != '\0' ? reason : "malformed";
}

const char *rk_http_status_name(int status)
{
	static const struct {
		int status;
		const char *name;
	} names[] = {
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Request Entity Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 422, "Unprocessable Entity" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < RK_COUNT(names); i++)
		if (names[i].status == status)
			return names[i].name;
	return "";
}
