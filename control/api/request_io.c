/* Answers: in the form that was asked for, with the headers that clients look at. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/hash.h"
#include "base/mem.h"
#include "control/api/listing.h"
#include "control/api/relay.h"
#include "control/api/server.h"
#include "control/schema/convert.h"
#include "control/schema/proto.h"
#include "control/status.h"
#include "wire/doc.h"
#include "wire/gzip.h"
#include "wire/json.h"
#include "wire/yaml.h"

#define GZIP_BYTES   (128u << 10) /* what is longer goes out compressed to whoever takes it */
#define WARNINGS_MAX 16
#define AUDIT_ID_MAX 64 /* of a client's own */
#define WAIT_MS      3000 /* for a resourceVersion that has not come here yet */

struct rk_span rk_req_query(struct rk_req *req, const char *name)
{
	struct rk_span value = { NULL, 0 };

	return rk_query_get(&req->arena, req->http->query, name, &value) ? value : RK_SPAN("");
}

bool rk_req_query_bool(struct rk_req *req, const char *name)
{
	return rk_query_bool(&req->arena, req->http->query, name);
}

bool rk_req_query_int(struct rk_req *req, const char *name, int64_t *ret)
{
	const struct rk_span value = rk_req_query(req, name);
	uint64_t number = 0;

	*ret = 0;
	if (value.size == 0)
		return false;
	if (rk_span_u64(value, &number) && number <= INT64_MAX)
		*ret = (int64_t)number;
	return true;
}

/* RFC 7234, section 5.5 */
static struct rk_http_header warning(struct rk_req *req, struct rk_span text)
{
	struct rk_buf quoted = { 0 };

	rk_buf_put_str(&quoted, "299 - \"");
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			rk_buf_put_u8(&quoted, '\\');
		rk_buf_put_u8(&quoted, text.data[i] < 0x20 ? ' ' : text.data[i]);
	}
	rk_buf_put_u8(&quoted, '"');
	const struct rk_span copy = rk_arena_span(&req->arena, rk_buf_span(&quoted));
	rk_buf_done(&quoted);
	return (struct rk_http_header){ RK_SPAN("warning"), copy };
}

static void add_warnings(struct rk_req *req, struct rk_http_header *headers, size_t *count)
{
	const struct rk_custom_kind *custom = req->route.kind != NULL ? req->route.kind->custom : NULL;

	if (custom != NULL && custom->is_deprecated)
		headers[(*count)++] = warning(req, rk_span_str(custom->warning));
	for (uint32_t i = 0; i < rk_val_count(req->warnings) && i < WARNINGS_MAX; i++)
		headers[(*count)++] = warning(req, rk_val_text(rk_val_item(req->warnings, i)));
}

bool rk_req_takes_gzip(const struct rk_req *req)
{
	return rk_gzip_is_taken(rk_http_header(req->http, "accept-encoding"));
}

struct rk_http_header rk_req_audit_id(struct rk_req *req)
{
	struct rk_http_header ret = { RK_SPAN("audit-id"), rk_http_header(req->http, "audit-id") };
	uint64_t *seed = req->thread->audit_seed;

	if (ret.value.size > 0 && ret.value.size <= AUDIT_ID_MAX)
		return ret;
	const struct rk_hash128 id = rk_hash128(rk_span_of(seed, sizeof req->thread->audit_seed), 0);
	seed[1]++;
	char *text = rk_arena_alloc(&req->arena, RK_UUID_TEXT);
	rk_uuid_format(text, id, 4);
	ret.value = rk_span_of(text, RK_UUID_TEXT - 1);
	return ret;
}

#define HEADERS_MAX (8 + WARNINGS_MAX)

static size_t make_headers(struct rk_req *req, const char *type, bool is_gzip,
			   struct rk_http_header headers[HEADERS_MAX])
{
	size_t count = 0;

	headers[count++] = rk_req_audit_id(req);
	headers[count++] = (struct rk_http_header){ RK_SPAN("content-type"), rk_span_str(type) };
	headers[count++] =
		(struct rk_http_header){ RK_SPAN("cache-control"), RK_SPAN("no-cache, private") };
	if (is_gzip) {
		headers[count++] =
			(struct rk_http_header){ RK_SPAN("content-encoding"), RK_SPAN("gzip") };
		headers[count++] =
			(struct rk_http_header){ RK_SPAN("vary"), RK_SPAN("Accept-Encoding") };
	}
	if (req->retry_after_s > 0)
		headers[count++] = (struct rk_http_header){
			RK_SPAN("retry-after"),
			rk_span_str(rk_arena_printf(&req->arena, "%u", req->retry_after_s))
		};
	add_warnings(req, headers, &count);
	return count;
}

void rk_req_send(struct rk_req *req, int code, const char *type, struct rk_blob *body)
{
	struct rk_http_header headers[HEADERS_MAX];
	const bool is_gzip = rk_blob_span(body).size > GZIP_BYTES && rk_req_takes_gzip(req);

	if (is_gzip) {
		struct rk_blob *plain = body;
		body = rk_gzip_of(rk_blob_span(plain));
		(void)rk_blob_unref(plain);
	}
	const size_t count = make_headers(req, type, is_gzip, headers);
	req->code = code;
	rk_http_respond(req->exchange, code, headers, count, body);
}

void rk_req_begin(struct rk_req *req, int code, const char *type, bool is_gzip)
{
	struct rk_http_header headers[HEADERS_MAX];

	req->code = code;
	rk_http_begin(req->exchange, code, headers, make_headers(req, type, is_gzip, headers));
}

static void send_buf(struct rk_req *req, int code, const char *type, struct rk_buf *out)
{
	struct rk_blob *body = rk_blob_copy(rk_buf_span(out));

	rk_buf_done(out);
	rk_req_send(req, code, type, body);
}

static bool send_proto(struct rk_req *req, int code, const struct rk_val *val)
{
	struct rk_buf doc = { 0 }, out = { 0 };

	rk_doc_write(&doc, val);
	const bool fits = rk_form_fits(&req->form, rk_buf_span(&doc));
	if (fits)
		rk_form_write(&out, &req->arena, &req->form, req->route.kind, rk_buf_span(&doc), 0,
			      false, false);
	rk_buf_done(&doc);
	if (fits)
		send_buf(req, code, RK_PROTOBUF_TYPE, &out);
	return fits;
}

void rk_req_val(struct rk_req *req, int code, const struct rk_val *val)
{
	struct rk_buf out = { 0 };

	req->form.shape = RK_FORM_OBJECT;
	if (req->form.is_proto && send_proto(req, code, val))
		return;
	if (req->form.is_yaml)
		rk_yaml_write(&out, val);
	else
		rk_json_write(&out, val, req->pretty);
	if (!req->form.is_yaml)
		rk_buf_put_u8(&out, '\n');
	send_buf(req, code, req->form.is_yaml ? "application/yaml" : "application/json", &out);
}

void rk_req_status(struct rk_req *req, const struct rk_val *status)
{
	const int64_t code = rk_val_int_at(status, "code", 500);

	req->retry_after_s = (unsigned)rk_val_int_at(status, "details.retryAfterSeconds",
						     code == 429 || code == 503 ? 1 : 0);
	rk_req_val(req, (int)code, status);
}

void rk_req_object(struct rk_req *req, int code, struct rk_span doc)
{
	struct rk_buf out = { 0 };
	struct rk_form form = req->form;
	const int64_t now_ms = rk_clock_wall_ms();

	if (form.is_yaml) {
		struct rk_val *val = NULL;
		if (rk_doc_read(&req->arena, doc, &val) == RK_OK)
			rk_yaml_write(&out, rk_convert_out(&req->arena, req->route.kind, val));
		send_buf(req, code, "application/yaml", &out);
		return;
	}
	if (rk_span_is(rk_doc_text(doc, "kind"), "Status"))
		form.shape = RK_FORM_OBJECT;
	form.is_proto = form.is_proto && rk_form_fits(&form, doc);
	rk_form_write(&out, &req->arena, &form, req->route.kind, doc, now_ms, true, req->pretty);
	if (!form.is_proto)
		rk_buf_put_u8(&out, '\n');
	send_buf(req, code, rk_form_type(&form), &out);
}

void rk_req_fail(struct rk_req *req, int code, const char *reason, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	rk_req_status(req, rk_status(&req->arena, code, reason, "%s", text));
}

void rk_req_busy(struct rk_req *req)
{
	rk_req_fail(req, 429, "TooManyRequests",
		    "member %s has too many requests in flight: try again later",
		    req->thread->api->name);
}

void rk_req_err(struct rk_req *req, int err)
{
	const char *name = req->thread->api->name;

	if (err == RK_ETOOBIG)
		rk_req_fail(req, 413, "RequestEntityTooLarge",
			    "the request is too large for the log");
	else if (err == RK_ETIMEDOUT)
		rk_req_fail(req, 504, "Timeout",
			    "member %s could not have the request committed in time: it may or may "
			    "not have happened",
			    name);
	else if (err == RK_ENOSPC)
		rk_req_fail(req, 503, "ServiceUnavailable",
			    "the disk of member %s is full: writes wait until there is room", name);
	else
		rk_req_fail(req, 503, "ServiceUnavailable",
			    "member %s has no leader to ask at the moment, or too much to do: try "
			    "again",
			    name);
}

void rk_req_not_found(struct rk_req *req)
{
	const struct rk_kind *kind = req->route.kind;

	if (kind != NULL && req->route.name.size > 0)
		rk_req_status(req, rk_status_not_found(&req->arena, rk_span_str(kind->resource),
						       req->route.name));
	else
		rk_req_fail(req, 404, "NotFound",
			    "the server could not find the requested resource");
}

/* --- waiting for the core --- */

bool rk_req_await(struct rk_req *req,
		  void (*resume)(struct rk_req *req, struct rk_feed_answer *answer))
{
	struct rk_api_thread *thread = req->thread;
	uint32_t slot;

	if (thread->free_count > 0) {
		slot = thread->free_slots[--thread->free_count];
	} else {
		if (thread->slot_count == RK_API_REQUESTS) {
			rk_req_busy(req);
			return false;
		}
		thread->slots = rk_grow(thread->slots, &thread->slot_capacity,
					thread->slot_count + 1, sizeof *thread->slots);
		slot = (uint32_t)thread->slot_count++;
	}
	thread->slots[slot] = req;
	req->id = ((uint64_t)++thread->generation << 32) | slot;
	req->resume = resume;
	return true;
}

void rk_req_wait(struct rk_req *req,
		 void (*resume)(struct rk_req *req, struct rk_feed_answer *answer))
{
	if (rk_view_revision(req->thread->view) >= req->wait_revision) {
		resume(req, NULL);
		return;
	}
	req->wait_until_ms = rk_clock_mono_ms() + WAIT_MS;
	req->resume = resume;
	rk_req_link(req, &req->thread->waiting);
}

void rk_req_unlink(struct rk_req *req)
{
	if (req->link == NULL)
		return;
	*req->link = req->next;
	if (req->next != NULL)
		req->next->link = req->link;
	req->link = NULL;
	req->next = NULL;
}

void rk_req_link(struct rk_req *req, struct rk_req **head)
{
	req->next = *head;
	req->link = head;
	if (*head != NULL)
		(*head)->link = &req->next;
	*head = req;
}

void rk_req_free(struct rk_req *req)
{
	rk_api_count_ended(req);
	rk_req_unlink(req);
	req->thread->body_bytes -= req->body_bytes;
	if (req->id != 0)
		req->thread->slots[(uint32_t)req->id] = NULL; /* its answer will find nobody */
	rk_api_job_stop(req);
	rk_api_page_free(req);
	rk_api_watch_free(req);
	rk_api_relay_free(req);
	rk_arena_done(&req->arena);
	(void)rk_kinds_free(req->kinds);
	free(req);
}
