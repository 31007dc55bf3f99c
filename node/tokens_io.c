#include "node/tokens_io.h"

#include <string.h>

#include "base/clock_io.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"

#define DAY_MS       (24 * 3600 * INT64_C(1000))
#define JITTER_MS    10000 /* tokens that were asked for together are not all asked for again together */
#define RENEW_MS_MIN 5000  /* whatever the clocks say */
#define RETRY_MS     1000
#define RETRY_MS_MAX 60000
#define SECONDS      3600 /* of a source that does not say */

struct token {
	struct token *next;
	struct rk_tokens *tokens;
	char *uid, *ns, *pod, *account, *audience;
	int64_t seconds;
	char *text; /* NULL: none yet */
	int64_t expires; /* wall */
	char why[256]; /* it was refused last time; "" when it was not */
	int64_t retry_ms;
	bool is_asking, is_over;
	ev_timer timer;
};

struct rk_tokens {
	struct rk_tokens_opts opts;
	struct ev_loop *loop;
	struct token *first;
	unsigned count;
};

int64_t rk_token_renew_ms(int64_t life_ms, uint64_t random)
{
	const int64_t wait = RK_MIN(life_ms / 5 * 4, DAY_MS);

	return RK_MAX(wait - (int64_t)(random % JITTER_MS), (int64_t)RENEW_MS_MIN);
}

static void drop_text(struct token *token)
{
	if (token->text != NULL)
		explicit_bzero(token->text, strlen(token->text));
	free(token->text);
	token->text = NULL;
}

static void token_free(struct token *token)
{
	ev_timer_stop(token->tokens->loop, &token->timer);
	drop_text(token);
	free(token->uid);
	free(token->ns);
	free(token->pod);
	free(token->account);
	free(token->audience);
	free(token);
}

static void drop(struct token *token)
{
	struct token **at = &token->tokens->first;

	while (*at != token)
		at = &(*at)->next;
	*at = token->next;
	token->tokens->count--;
	token_free(token);
}

static void ask_after(struct token *token, int64_t wait_ms)
{
	ev_timer_stop(token->tokens->loop, &token->timer);
	ev_now_update(token->tokens->loop);
	ev_timer_set(&token->timer, (double)wait_ms / 1e3, 0);
	ev_timer_start(token->tokens->loop, &token->timer);
}

static void take(struct token *token, struct rk_span text, int64_t expires)
{
	const int64_t life = expires - rk_clock_wall_ms();

	drop_text(token);
	token->text = rk_zalloc(text.size + 1);
	memcpy(token->text, text.data, text.size);
	token->expires = expires;
	token->why[0] = '\0';
	token->retry_ms = 0;
	ask_after(token, rk_token_renew_ms(life, rk_hash64(rk_span_str(token->uid), (uint64_t)expires)));
	token->tokens->opts.changed(token->tokens->opts.context, rk_span_str(token->uid));
}

static void on_answer(void *context, int err, int status, const struct rk_val *answer)
{
	struct token *token = context;
	const struct rk_span text = rk_val_text_at(answer, "status.token"), said = rk_val_text_at(answer, "message");
	int64_t expires = 0;

	token->is_asking = false;
	if (token->is_over || err == RK_ECLOSED) {
		drop(token);
		return;
	}
	if (err == 0 && status == 201 && text.size > 0 &&
	    rk_time_parse(rk_val_text_at(answer, "status.expirationTimestamp"), &expires)) {
		take(token, text, expires);
		return;
	}
	if (err == 0)
		(void)snprintf(token->why, sizeof token->why, "%.*s", RK_SPAN_ARGS(rk_span_sub(said, 0, 250)));
	token->retry_ms = RK_MIN(RK_MAX(token->retry_ms * 2, (int64_t)RETRY_MS), (int64_t)RETRY_MS_MAX);
	rk_log(RK_LOG_WARN, "no token", "pod=%s/%s account=%s status=%d message=\"%s\"", token->ns, token->pod,
	       token->account, status, token->why);
	ask_after(token, token->retry_ms);
}

static void ask(struct token *token)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *body = rk_val_map(&arena), *audiences = rk_val_list(&arena);
	struct rk_val *ref = rk_val_make(&arena, body, "spec.boundObjectRef");
	const struct rk_apiclient_call call = {
		.method = "POST",
		.target = rk_arena_printf(&arena, "/api/v1/namespaces/%s/serviceaccounts/%s/token", token->ns,
					  token->account),
		.body = body,
		.context = token,
		.done = on_answer,
	};

	if (token->audience[0] != '\0')
		rk_val_append(&arena, audiences, rk_val_cstr(&arena, token->audience));
	rk_val_put_cstr(&arena, body, "kind", "TokenRequest");
	rk_val_put_cstr(&arena, body, "apiVersion", "authentication.k8s.io/v1");
	rk_val_put_cstr(&arena, ref, "kind", "Pod");
	rk_val_put_cstr(&arena, ref, "apiVersion", "v1");
	rk_val_put_cstr(&arena, ref, "name", token->pod);
	rk_val_put_cstr(&arena, ref, "uid", token->uid);
	rk_val_set_at(&arena, body, "spec.audiences", audiences);
	rk_val_set_at(&arena, body, "spec.expirationSeconds", rk_val_int(&arena, token->seconds));
	token->is_asking = true;
	rk_apiclient_call(token->tokens->opts.api, &call);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct token *token = timer->data;
	const struct rk_tokens_opts *opts = &token->tokens->opts;

	(void)loop, (void)events;
	if (opts->is_wanted(opts->context, rk_span_str(token->uid)))
		ask(token);
	else
		drop(token);
}

static struct token *find(const struct rk_tokens *tokens, struct rk_span uid, const struct rk_val *source)
{
	const int64_t seconds = rk_val_int_at(source, "expirationSeconds", SECONDS);

	for (struct token *token = tokens->first; token != NULL; token = token->next)
		if (token->seconds == seconds && !token->is_over && rk_span_is(uid, token->uid) &&
		    rk_span_is(rk_val_text_at(source, "audience"), token->audience))
			return token;
	return NULL;
}

static void add(struct rk_tokens *tokens, const struct rk_val *pod, const struct rk_val *source)
{
	const struct rk_span uid = rk_val_text_at(pod, "metadata.uid");

	if (find(tokens, uid, source) != NULL)
		return;
	if (tokens->count == RK_TOKENS_MAX) {
		rk_log(RK_LOG_WARN, "too many tokens", "pod=%.*s", RK_SPAN_ARGS(uid));
		return;
	}
	struct token *token = rk_zalloc(sizeof *token);
	token->tokens = tokens;
	token->uid = rk_strdup_span(uid);
	token->ns = rk_strdup_span(rk_val_text_at(pod, "metadata.namespace"));
	token->pod = rk_strdup_span(rk_val_text_at(pod, "metadata.name"));
	token->account = rk_strdup_span(rk_val_text_at(pod, "spec.serviceAccountName"));
	token->audience = rk_strdup_span(rk_val_text_at(source, "audience"));
	token->seconds = rk_val_int_at(source, "expirationSeconds", SECONDS);
	ev_timer_init(&token->timer, on_timer, 0, 0);
	token->timer.data = token;
	token->next = tokens->first;
	tokens->first = token;
	tokens->count++;
	ask_after(token, 0); /* by then the pod is known to whoever says whether it is wanted */
}

/* The next source behind (*volume, *at), which are zero at first; NULL at the end. */
static const struct rk_val *next_source(const struct rk_val *pod, uint32_t *volume, uint32_t *at)
{
	const struct rk_val *volumes = rk_val_at(pod, "spec.volumes");

	for (; *volume < rk_val_count(volumes); (*volume)++, *at = 0) {
		const struct rk_val *sources = rk_val_at(rk_val_item(volumes, *volume), "projected.sources");
		while (*at < rk_val_count(sources)) {
			const struct rk_val *source = rk_val_at(rk_val_item(sources, (*at)++), "serviceAccountToken");
			if (source != NULL)
				return source;
		}
	}
	return NULL;
}

void rk_tokens_add(struct rk_tokens *tokens, const struct rk_val *pod)
{
	uint32_t volume = 0, at = 0;

	for (const struct rk_val *source; (source = next_source(pod, &volume, &at)) != NULL;)
		add(tokens, pod, source);
}

bool rk_tokens_wait(const struct rk_tokens *tokens, const struct rk_val *pod)
{
	uint32_t volume = 0, at = 0;

	for (const struct rk_val *source; (source = next_source(pod, &volume, &at)) != NULL;) {
		const struct token *token = find(tokens, rk_val_text_at(pod, "metadata.uid"), source);
		if (token == NULL || (token->text == NULL && token->why[0] == '\0'))
			return true;
	}
	return false;
}

void rk_tokens_forget(struct rk_tokens *tokens, struct rk_span uid)
{
	for (struct token *token = tokens->first, *next; token != NULL; token = next) {
		next = token->next;
		if (!rk_span_is(uid, token->uid))
			continue;
		token->is_over = true;
		if (!token->is_asking)
			drop(token);
	}
}

int rk_tokens_find(const struct rk_tokens *tokens, struct rk_span uid, const struct rk_val *source, struct rk_span *ret,
		   struct rk_error *error)
{
	const struct token *token = find(tokens, uid, source);
	const bool was_refused = token != NULL && token->why[0] != '\0';

	/* An old one is good as long as it lives; whether a new one lives is its maker's clock to say. */
	if (token != NULL && token->text != NULL && (!was_refused || token->expires > rk_clock_wall_ms()))
		*ret = rk_span_str(token->text);
	else if (was_refused)
		return rk_fail(error, RK_EPERM, "failed to fetch token: %s", token->why);
	else
		return rk_fail(error, RK_EAGAIN, "the token has not come yet");
	return 0;
}

struct rk_tokens *rk_tokens_new(const struct rk_tokens_opts *opts)
{
	struct rk_tokens *tokens = rk_zalloc(sizeof *tokens);

	tokens->opts = *opts;
	tokens->loop = rk_apiclient_loop(opts->api);
	return tokens;
}

struct rk_tokens *rk_tokens_free(struct rk_tokens *tokens)
{
	if (tokens == NULL)
		return NULL;
	while (tokens->first != NULL)
		drop(tokens->first);
	free(tokens);
	return NULL;
}
