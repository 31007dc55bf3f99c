/* node/tokens_io.h - the tokens that pods of this node have as files: asked for when a pod comes, again before they expire,
 * bound to the pod. They are in memory only; an agent that starts asks anew, and until then the files stay as they are. */
#ifndef RK_NODE_TOKENS_IO_H
#define RK_NODE_TOKENS_IO_H

#include "node/api_io.h"

#define RK_TOKENS_MAX 4096

struct rk_tokens;

struct rk_tokens_opts { /* copied */
	struct rk_apiclient *api;
	void *context;
	bool (*is_wanted)(void *context, struct rk_span uid); /* whether the pod still runs here */
	void (*changed)(void *context, struct rk_span uid);   /* it has a token, or another than before */
};

struct rk_tokens *rk_tokens_new(const struct rk_tokens_opts *opts) __attribute__((returns_nonnull));
/* After the api: every call has ended by then. Takes NULL, returns NULL. */
struct rk_tokens *rk_tokens_free(struct rk_tokens *tokens);
/* Soon asks for every token that the pod's volumes hold, and that is not there yet. */
void rk_tokens_add(struct rk_tokens *tokens, const struct rk_val *pod);
void rk_tokens_forget(struct rk_tokens *tokens, struct rk_span uid);
/* *ret: borrowed until the loop turns. RK_EAGAIN: it is being asked for; RK_EPERM: it was refused, as the error says. */
RK_MUST_CHECK int rk_tokens_find(const struct rk_tokens *tokens, struct rk_span uid, const struct rk_val *source,
				 struct rk_span *ret, struct rk_error *error);
/* Whether one of them is being asked for, and neither there nor refused. */
bool rk_tokens_wait(const struct rk_tokens *tokens, const struct rk_val *pod);
/* How long to wait from now until a token that lives `life_ms` more is to be asked for again. */
int64_t rk_token_renew_ms(int64_t life_ms, uint64_t random);

#endif
