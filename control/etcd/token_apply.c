/* Tokens: made by whoever knew the password, kept by being used, ended by their timer. */
#include "base/mem.h"
#include "control/etcd/auth_inner.h"
#include "control/follow.h"
#include "control/work.h"
#include "wire/proto.h"

static void store_token(struct rk_etcd_run *run, struct rk_span hash,
			const struct rk_etcd_token *token)
{
	struct rk_buf value = { 0 };

	rk_buf_put_u64(&value, token->made);
	rk_buf_put_u64(&value, (uint64_t)token->ends_ms);
	rk_buf_put_bytes(&value, token->user);
	rk_etcd_auth_store_named(run, RK_ETCD_TOKENS, hash, &value);
	rk_buf_done(&value);
}

static void set_timer(struct rk_etcd_run *run, struct rk_span hash, int64_t due_ms)
{
	struct rk_buf key = { 0 };

	rk_buf_put_u8(&key, 'T');
	rk_buf_put_span(&key, hash);
	rk_work_at(run->state, due_ms, RK_CONTROLLER_ETCD, rk_buf_span(&key));
	rk_buf_done(&key);
}

/* user 1, hash of the token 2, auth's revision at which the password was right 3 */
enum rk_etcd_error rk_etcd_token_make(struct rk_etcd_run *run, struct rk_span message)
{
	struct making {
		struct rk_span user, hash;
		int64_t checked;
	} making = { 0 };
	static const struct rk_proto_row rows[] = {
		{ 1, RK_PROTO_SPAN, offsetof(struct making, user) },
		{ 2, RK_PROTO_SPAN, offsetof(struct making, hash) },
		{ 3, RK_PROTO_I64, offsetof(struct making, checked) },
	};
	const struct rk_etcd_auth auth = rk_etcd_auth(rk_etcd_run_root(run));
	struct rk_etcd_user user;

	if (rk_proto_read(rows, RK_COUNT(rows), message, &making) < 0 ||
	    making.hash.size != RK_ETCD_TOKEN_BYTES)
		return RK_ETCD_MALFORMED;
	if (!auth.is_on)
		return RK_ETCD_AUTH_NOT_ENABLED;
	if (!rk_etcd_user_get(rk_etcd_run_root(run), making.user, &user))
		return RK_ETCD_AUTH_FAILED;
	if (user.since > (uint64_t)making.checked)
		return RK_ETCD_OLD_REVISION;
	const struct rk_etcd_token token = { .user = making.user,
					     .made = auth.revision,
					     .ends_ms = run->state->now_ms + RK_ETCD_TOKEN_MS };
	store_token(run, making.hash, &token);
	set_timer(run, making.hash, token.ends_ms);
	return RK_ETCD_OK;
}

/* It was used. */
enum rk_etcd_error rk_etcd_token_keep(struct rk_etcd_run *run, struct rk_span hash)
{
	struct rk_etcd_token token;

	if (hash.size != RK_ETCD_TOKEN_BYTES)
		return RK_ETCD_MALFORMED;
	if (!rk_etcd_token_get(rk_etcd_run_root(run), hash, run->state->now_ms, &token))
		return RK_ETCD_BAD_TOKEN;
	token.user = rk_arena_span(&run->state->arena, token.user);
	token.ends_ms = run->state->now_ms + RK_ETCD_TOKEN_MS;
	store_token(run, hash, &token);
	return RK_ETCD_OK;
}

void rk_etcd_token_due(struct rk_etcd_run *run, struct rk_span hash)
{
	struct rk_etcd_token token;

	if (rk_etcd_token_get(rk_etcd_run_root(run), hash, run->state->now_ms, &token))
		set_timer(run, hash, token.ends_ms);
	else
		rk_etcd_auth_store_named(run, RK_ETCD_TOKENS, hash, NULL);
}
