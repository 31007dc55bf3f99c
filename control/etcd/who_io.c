/* Who asks, while auth is on: the user of the token that came with the call, or else the common
 * name of the client's certificate. A token that this member has not heard of may have been made a
 * moment ago by another one: then the call waits until the view is new enough. */
#include <openssl/sha.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/auth.h"
#include "control/etcd/server_io.h"
#include "wire/proto.h"

#define KEEP_MS 5000 /* until a token's use is told again, when it was not heard */

static struct rk_span token_of(const struct rk_etcd_call *call)
{
	const struct rk_http_request *http = rk_http_request(call->exchange);
	const struct rk_span token = rk_http_header(http, "token");

	return token.data != NULL ? token : rk_http_header(http, "authorization");
}

static void set_who(struct rk_etcd_call *call, struct rk_span name, uint64_t made)
{
	rk_buf_clear(&call->user);
	rk_buf_put_span(&call->user, name);
	call->who = (struct rk_etcd_who){ rk_buf_span(&call->user), made };
	call->is_known = true;
}

/* A token that is used lives on. Who uses it tells so when half its life is over. */
static void keep(struct rk_etcd_thread *thread, struct rk_span hash,
		 const struct rk_etcd_token *token)
{
	struct rk_etcd_use *use = &thread->uses[hash.data[0] % RK_ETCD_USES];
	const uint64_t now_ms = rk_clock_mono_ms();

	if (token->ends_ms - rk_clock_wall_ms() > RK_ETCD_TOKEN_MS / 2 ||
	    (use->hash == rk_etcd_be64(hash.data) && now_ms - use->told_ms < KEEP_MS))
		return;
	*use = (struct rk_etcd_use){ rk_etcd_be64(hash.data), now_ms };
	rk_etcd_tell(thread, RK_ETCD_ENTRY_TOKEN_KEEP, hash);
}

/* False: there is no such token in the view. */
static bool find_token(struct rk_etcd_call *call, struct rk_span text)
{
	const struct rk_view *view = call->thread->view;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct rk_etcd_token token;

	(void)SHA256(text.data, text.size, digest);
	const struct rk_span hash = rk_span_of(digest, sizeof digest);
	if (!rk_etcd_token_get(rk_view_root(view), hash, rk_view_time_ms(view), &token))
		return false;
	keep(call->thread, hash, &token);
	set_who(call, token.user, token.made);
	return true;
}

static void looked(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (!rk_etcd_answered(call, answer))
		return;
	call->is_waiting = false;
	if (!find_token(call, token_of(call))) {
		call->stranger = RK_ETCD_BAD_TOKEN;
		call->is_known = true;
	}
	rk_etcd_take(call);
	rk_etcd_maybe_ended(call);
}

bool rk_etcd_identify(struct rk_etcd_call *call)
{
	if (call->is_known || !call->thread->auth.is_on)
		return true;
	if (call->is_waiting)
		return false;
	const struct rk_tls_peer *peer = rk_http_request(call->exchange)->peer;
	const struct rk_span token = token_of(call);
	if (token.size == 0) {
		set_who(call, rk_span_str(peer->has_cert ? peer->name : ""), 0);
		return true;
	}
	if (find_token(call, token))
		return true;
	call->is_waiting = true;
	rk_etcd_await_read(call, looked);
	return false;
}

bool rk_etcd_is_permitted(struct rk_etcd_call *call)
{
	const struct rk_node *root = rk_view_root(call->thread->view);
	enum rk_etcd_error error = call->stranger;

	if (!call->thread->auth.is_on || call->method->needs == RK_ETCD_NEEDS_NOBODY)
		return true;
	if (error == RK_ETCD_OK)
		error = call->method->needs == RK_ETCD_NEEDS_ROOT
				? rk_etcd_may_rule(root, &call->who)
				: rk_etcd_may_ask(root, &call->who);
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	return error == RK_ETCD_OK;
}
