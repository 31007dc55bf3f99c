#include "cli/call_io.h"

#include <stdio.h>

#include "base/mem.h"
#include "node/files_io.h"
#include "wire/client_io.h"
#include "wire/json.h"

#define ANSWER_MAX (64u << 20)

int rk_call_identity(const char *dir, struct rk_tls **ret, struct rk_error *error)
{
	char cert[RK_PATH_MAX], key[RK_PATH_MAX], ca[RK_PATH_MAX];
	const struct rk_tls_opts opts = { .cert_path = cert, .key_path = key, .ca_path = ca };

	(void)snprintf(cert, sizeof cert, "%s/pki/admin.crt", dir);
	(void)snprintf(key, sizeof key, "%s/pki/admin.key", dir);
	(void)snprintf(ca, sizeof ca, "%s/pki/ca.crt", dir);
	return rk_tls_new(ret, &opts, error);
}

int rk_call(const char *address, struct rk_tls *tls, const struct rk_call *call,
	    struct rk_arena *arena, int *ret_status, struct rk_span *ret_text, struct rk_error *error)
{
	const struct rk_http_header headers[] = {
		{ RK_SPAN("accept"), RK_SPAN("application/json") },
		{ RK_SPAN("content-type"), rk_span_str(call->type) },
	};
	RK_AUTO(rk_drop_blob) struct rk_blob *body =
		call->body.data != NULL ? rk_blob_copy(call->body) : NULL;
	const struct rk_http_simple request = { .method = call->method,
						.target = call->target,
						.headers = headers,
						.header_count = body != NULL ? 2 : 1,
						.body = body,
						.answer_max = call->answer_max,
						.timeout_ms = call->timeout_ms };
	RK_AUTO(rk_buf_done) struct rk_buf answer = { 0 };

	RK_TRY(rk_http_simple(address, tls, &request, ret_status, &answer, error));
	*ret_text = rk_arena_span(arena, rk_buf_span(&answer));
	return RK_OK;
}

int rk_call_get(const char *address, struct rk_tls *tls, const char *target, unsigned timeout_ms,
		struct rk_arena *arena, struct rk_val **ret_val, struct rk_error *error)
{
	const struct rk_call call = { .method = "GET",
				      .target = target,
				      .answer_max = ANSWER_MAX,
				      .timeout_ms = timeout_ms };
	struct rk_val *val = NULL;
	struct rk_span text;
	int status = 0;

	RK_TRY(rk_call(address, tls, &call, arena, &status, &text, error));
	const bool is_json = text.size > 0 && text.data[0] == '{';
	if (is_json)
		RK_TRY(rk_json_parse(arena, text, 0, &val, error));
	if (status >= 400)
		return rk_fail(error, RK_EIO, "%.*s",
			       RK_SPAN_ARGS(is_json ? rk_val_text_at(val, "message") : text));
	if (ret_val != NULL)
		*ret_val = val;
	return RK_OK;
}
