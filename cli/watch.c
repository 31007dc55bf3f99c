#include "cli/watch.h"

#include "base/clock_io.h"
#include "base/mem.h"
#include "wire/json.h"

#define EVENT_MAX   (64u << 20)
#define AGAIN_US    200000
#define AGAIN_TRIES 50

struct watching {
	const struct rk_watch *watch;
	struct rk_buf line;
	struct rk_arena arena; /* of one event */
	char version[32];
	bool is_over, has_event;
	int err;
	struct rk_error *error;
};

static struct rk_span version_of(const struct rk_val *object)
{
	const struct rk_span own = rk_val_text_at(object, "metadata.resourceVersion");

	if (own.size > 0)
		return own;
	const struct rk_val *rows = rk_val_at(object, "rows");
	return rk_val_text_at(rk_val_item(rows, rk_val_count(rows) - 1),
			      "object.metadata.resourceVersion");
}

static int one_event(struct watching *now, struct rk_span line)
{
	struct rk_val *event = NULL;

	rk_arena_reset(&now->arena);
	now->err = rk_json_parse(&now->arena, line, 0, &event, now->error);
	if (now->err < 0)
		return 1;
	const struct rk_span type = rk_val_text_at(event, "type");
	const struct rk_val *object = rk_val_at(event, "object");
	if (rk_span_is(type, "ERROR")) {
		now->err = rk_fail(
			now->error, rk_val_int_at(object, "code", 0) == 410 ? RK_ESTALE : RK_EIO,
			"the watch ended: %.*s", RK_SPAN_ARGS(rk_val_text_at(object, "message")));
		return 1;
	}
	const struct rk_span version = version_of(object);
	if (version.size > 0 && version.size < sizeof now->version) {
		memcpy(now->version, version.data, version.size);
		now->version[version.size] = '\0';
	}
	now->has_event = true;
	if (rk_span_is(type, "BOOKMARK"))
		return 0;
	now->is_over = now->watch->each(now->watch->context, type, object) != 0;
	return now->is_over;
}

static int on_bytes(void *context, struct rk_span bytes)
{
	struct watching *now = context;

	while (bytes.size > 0) {
		struct rk_span line;
		const struct rk_span rest = rk_span_cut(bytes, '\n', &line);
		rk_buf_put_span(&now->line, line);
		if (now->line.size > EVENT_MAX) {
			now->err = rk_fail(now->error, RK_ETOOBIG, "an event is too large");
			return 1;
		}
		if (rest.data == NULL)
			break;
		const int over = now->line.size > 0 ? one_event(now, rk_buf_span(&now->line)) : 0;
		rk_buf_clear(&now->line);
		if (over != 0)
			return over;
		bytes = rest;
	}
	return 0;
}

static int run_once(struct rk_session *session, struct watching *now, uint32_t for_ms,
		    struct rk_error *error)
{
	struct rk_arena arena = { 0 };
	const char *target = rk_target_with(&arena, now->watch->target, "watch", RK_SPAN("true"));

	target = rk_target_with(&arena, target, "allowWatchBookmarks", RK_SPAN("true"));
	if (now->version[0] != '\0')
		target = rk_target_with(&arena, target, "resourceVersion",
					rk_span_str(now->version));
	const int err = rk_api_call(session->api, &arena,
				    &(struct rk_api_call){ .target = target,
							   .accept = now->watch->accept,
							   .data = on_bytes,
							   .context = now,
							   .for_ms = for_ms },
				    NULL, error);
	rk_arena_done(&arena);
	rk_buf_clear(&now->line);
	return err;
}

int rk_watch_run(struct rk_session *session, const struct rk_watch *watch, struct rk_error *error)
{
	struct watching now = { .watch = watch, .error = error };
	const uint64_t until_ms = rk_clock_mono_ms() + watch->for_ms;
	unsigned tries = 0;
	int err;

	(void)snprintf(now.version, sizeof now.version, "%.*s", RK_SPAN_ARGS(watch->version));
	for (;;) {
		const uint64_t at_ms = rk_clock_mono_ms();
		if (watch->for_ms != 0 && at_ms >= until_ms) {
			err = rk_fail(error, RK_ETIMEDOUT, "timed out");
			break;
		}
		now.has_event = false;
		err = run_once(session, &now, watch->for_ms != 0 ? (uint32_t)(until_ms - at_ms) : 0,
			       error);
		if (now.err < 0)
			err = now.err;
		if (now.is_over || now.err < 0 || err == RK_ETIMEDOUT ||
		    (err < 0 && rk_api_is_refused(session->api)))
			break;
		tries = now.has_event ? 0 : tries + 1;
		if (err < 0 && tries > AGAIN_TRIES)
			break;
		(void)usleep(AGAIN_US);
	}
	rk_buf_done(&now.line);
	rk_arena_done(&now.arena);
	return now.is_over ? RK_OK : err;
}
