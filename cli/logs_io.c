/* reckon logs: what containers wrote; of several, each in a connection of its own. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/podref.h"

#define REFUSAL_MAX 65536

static int run_logs(int argc, char **argv);

const struct rk_command rk_command_logs = {
	.name = "logs",
	.usage = "(POD | TYPE/NAME | -l LABELS) [flags]",
	.summary = "Show what containers wrote",
	.examples = "  reckon logs -f deploy/web\n  reckon logs -l app=web --prefix --tail=10\n"
		    "  reckon logs web-1 -p\n",
	.run = run_logs,
	.section = "Looking deeper",
};

struct logs {
	struct rk_session session;
	const char *container, *labels, *since_time;
	bool follow, all_containers, all_pods, timestamps, previous, prefix;
	int64_t tail, since_ms, limit_bytes, requests_max;
	unsigned open;
};

struct source { /* one container */
	struct logs *logs;
	const char *prefix; /* "" when there is none */
	const char *target;
	struct rk_buf line; /* with a prefix: what is not a whole line yet */
	struct rk_buf refusal;
	int status;
};

static void write_all(const void *data, size_t size) { (void)fwrite(data, 1, size, stdout); }

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	(void)call;
	((struct source *)context)->status = answer->status;
}

static void on_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	struct source *source = context;

	(void)call;
	if (source->status >= 300) {
		if (source->refusal.size < REFUSAL_MAX)
			rk_buf_put_span(&source->refusal, bytes);
		return;
	}
	if (source->prefix[0] == '\0') {
		write_all(bytes.data, bytes.size);
	} else {
		while (bytes.size > 0) {
			struct rk_span line;
			const struct rk_span rest = rk_span_cut(bytes, '\n', &line);
			rk_buf_put_span(&source->line, line);
			if (rest.data == NULL)
				break;
			(void)printf("%s%.*s\n", source->prefix,
				     RK_SPAN_ARGS(rk_buf_span(&source->line)));
			rk_buf_clear(&source->line);
			bytes = rest;
		}
	}
	if (source->logs->follow)
		(void)fflush(stdout);
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct source *source = context;
	struct rk_session *session = &source->logs->session;
	struct rk_error refusal = { 0 };

	(void)call;
	source->logs->open--;
	if (source->line.size > 0)
		(void)printf("%s%.*s\n", source->prefix, RK_SPAN_ARGS(rk_buf_span(&source->line)));
	if (err == RK_OK && source->status >= 300) {
		(void)rk_api_refusal(session->api, source->status, rk_buf_span(&source->refusal),
				     &refusal);
		rk_session_tell(session, NULL, &refusal);
	} else if (err < 0) {
		rk_session_tell(session, NULL, error);
	}
}

static const char *target_of(struct logs *logs, const struct rk_val *pod, struct rk_span container)
{
	struct rk_arena *arena = &logs->session.arena;
	const char *target =
		rk_target(arena, rk_kinds_by_name(logs->session.kinds, RK_SPAN("pods")),
			  rk_val_text_at(pod, "metadata.namespace"),
			  rk_val_text_at(pod, "metadata.name"), "log");
	const struct {
		const char *key;
		int64_t value;
		bool is_given;
	} numbers[] = { { "tailLines", logs->tail, logs->tail >= 0 },
			{ "sinceSeconds", (logs->since_ms + 999) / 1000, logs->since_ms > 0 },
			{ "limitBytes", logs->limit_bytes, logs->limit_bytes > 0 } };
	const struct {
		const char *key;
		bool is_given;
	} flags[] = { { "follow", logs->follow },
		      { "previous", logs->previous },
		      { "timestamps", logs->timestamps } };

	target = rk_target_with(arena, target, "container", container);
	for (size_t i = 0; i < RK_COUNT(numbers); i++)
		if (numbers[i].is_given)
			target = rk_target_with(
				arena, target, numbers[i].key,
				rk_span_str(rk_arena_printf(arena, "%lld",
							    (long long)numbers[i].value)));
	for (size_t i = 0; i < RK_COUNT(flags); i++)
		if (flags[i].is_given)
			target = rk_target_with(arena, target, flags[i].key, RK_SPAN("true"));
	if (logs->since_time != NULL)
		target = rk_target_with(arena, target, "sinceTime", rk_span_str(logs->since_time));
	return target;
}

/* --- which containers --- */

struct sources {
	struct source *at;
	size_t count, capacity;
};

static void add_source(struct logs *logs, struct sources *sources, const struct rk_val *pod,
		       struct rk_span container)
{
	struct rk_arena *arena = &logs->session.arena;

	sources->at =
		rk_grow(sources->at, &sources->capacity, sources->count + 1, sizeof *sources->at);
	sources->at[sources->count++] = (struct source){
		.logs = logs,
		.target = target_of(logs, pod, container),
		.prefix = logs->prefix ? rk_arena_printf(
						 arena, "[pod/%.*s/%.*s] ",
						 RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.name")),
						 RK_SPAN_ARGS(container))
				       : "",
	};
}

static int add_pod(struct logs *logs, struct sources *sources, const struct rk_val *pod,
		   struct rk_error *error)
{
	static const char *const lists[] = { "spec.initContainers", "spec.containers",
					     "spec.ephemeralContainers" };

	if (logs->all_containers) {
		for (size_t n = 0; n < RK_COUNT(lists); n++) {
			const struct rk_val *list = rk_val_at(pod, lists[n]);
			for (uint32_t i = 0; i < rk_val_count(list); i++)
				add_source(logs, sources, pod,
					   rk_val_text_at(rk_val_item(list, i), "name"));
		}
		return RK_OK;
	}
	struct rk_span container = rk_span_str(logs->container);
	if (logs->container != NULL) {
		RK_TRY(rk_podref_check(pod, container, error));
	} else {
		container = rk_podref_container(pod);
		rk_podref_tell(pod, container);
	}
	add_source(logs, sources, pod, container);
	return RK_OK;
}

static int find_pods(struct logs *logs, int argc, char **argv, struct rk_val **ret,
		     struct rk_error *error)
{
	struct rk_session *session = &logs->session;
	struct rk_val *list = NULL;

	if (logs->labels == NULL) {
		if (argc < 1 || argc > 2)
			return rk_fail(error, RK_EINVAL,
				       "logs needs POD or TYPE/NAME, and then at most a container");
		if (argc == 2)
			logs->container = argv[1];
		RK_TRY(rk_podref_find(session, argv[0], ret, error));
		if (rk_val_count(*ret) > 1 && !logs->all_pods) {
			(void)fprintf(stderr, "Found %u pods, using pod/%.*s\n", rk_val_count(*ret),
				      RK_SPAN_ARGS(rk_val_text_at(rk_val_item(*ret, 0),
								  "metadata.name")));
			while (rk_val_count(*ret) > 1)
				rk_val_remove_item(*ret, rk_val_count(*ret) - 1);
		}
		return RK_OK;
	}
	if (argc > 0)
		return rk_fail(error, RK_EINVAL,
			       "only a selector (-l) or a POD name is allowed, not both");
	if (logs->tail < 0 && logs->since_ms == 0 && logs->since_time == NULL && !logs->follow)
		logs->tail = 10; /* as kubectl, for pods by labels */
	const char *target =
		rk_target(&session->arena, rk_kinds_by_name(session->kinds, RK_SPAN("pods")),
			  rk_span_str(session->namespace), rk_span_str(""), NULL);
	RK_TRY(rk_session_get(
		session,
		rk_target_with(&session->arena, target, "labelSelector", rk_span_str(logs->labels)),
		&list, error));
	*ret = rk_val_at(list, "items");
	if (rk_val_count(*ret) == 0)
		(void)fprintf(stderr, "No resources found in %s namespace.\n", session->namespace);
	return RK_OK;
}

static void start(struct source *source)
{
	struct rk_session *session = &source->logs->session;
	const struct rk_http_header header = { RK_SPAN("authorization"), rk_api_bearer(session->api) };

	source->logs->open++;
	(void)rk_http_call_start(rk_api_client(session->api),
				 &(struct rk_http_call_opts){ .method = "GET",
							      .target = source->target,
							      .headers = &header,
							      .header_count = header.value.size > 0,
							      .head_ms = 30000,
							      .context = source,
							      .head = on_head,
							      .data = on_data,
							      .done = on_done });
}

static int show(struct logs *logs, struct sources *sources, struct rk_error *error)
{
	if (logs->follow && sources->count > (size_t)logs->requests_max)
		return rk_fail(error, RK_EINVAL,
			       "you are attempting to follow %zu log streams, but maximum allowed "
			       "concurrency is %lld, use --max-log-requests to increase the limit",
			       sources->count, (long long)logs->requests_max);
	for (size_t i = 0; i < sources->count; i++) {
		start(&sources->at[i]);
		/* One after the other, unless they never end. */
		while (!logs->follow && logs->open > 0)
			(void)ev_run(rk_api_loop(logs->session.api), EVRUN_ONCE);
	}
	while (logs->open > 0)
		(void)ev_run(rk_api_loop(logs->session.api), EVRUN_ONCE);
	return RK_OK;
}

static int run_with(struct logs *logs, int argc, char **argv, struct rk_error *error)
{
	struct sources sources = { 0 };
	struct rk_val *pods = NULL;
	int err;

	RK_TRY(rk_session_open(&logs->session, error));
	err = find_pods(logs, argc, argv, &pods, error);
	for (uint32_t i = 0; err == RK_OK && i < rk_val_count(pods); i++)
		err = add_pod(logs, &sources, rk_val_item(pods, i), error);
	if (err == RK_OK)
		err = show(logs, &sources, error);
	for (size_t i = 0; i < sources.count; i++) {
		rk_buf_done(&sources.at[i].line);
		rk_buf_done(&sources.at[i].refusal);
	}
	free(sources.at);
	return err;
}

static int run_logs(int argc, char **argv)
{
	struct logs logs = { .tail = -1, .requests_max = 5 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG_YES("follow", 'f', &logs.follow, "go on as they write more"),
		RK_FLAG_STR("container", 'c', &logs.container, "NAME", "one container"),
		RK_FLAG_YES("all-containers", 0, &logs.all_containers,
			    "every container of the pod"),
		RK_FLAG_YES("all-pods", 0, &logs.all_pods, "every pod of TYPE/NAME"),
		RK_FLAG_STR("selector", 'l', &logs.labels, "LABELS", "pods with these labels"),
		RK_FLAG("tail", 0, RK_FLAG_NUMBER, &logs.tail, "N", "the last lines only; -1: all"),
		RK_FLAG("since", 0, RK_FLAG_DURATION, &logs.since_ms, "TIME",
			"not older than that"),
		RK_FLAG_STR("since-time", 0, &logs.since_time, "TIME", "from this time (RFC 3339)"),
		RK_FLAG_YES("timestamps", 0, &logs.timestamps, "when each line was written"),
		RK_FLAG_YES("previous", 'p', &logs.previous, "of the container before this one"),
		RK_FLAG_YES("prefix", 0, &logs.prefix, "say for each line whose it is"),
		RK_FLAG("limit-bytes", 0, RK_FLAG_NUMBER, &logs.limit_bytes, "N",
			"at most so much"),
		RK_FLAG("max-log-requests", 0, RK_FLAG_NUMBER, &logs.requests_max, "N",
			"with -f: at most so many containers"),
		RK_SESSION_FLAGS(&logs.session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_logs, flags, &argc, argv, NULL, &status))
		return status;
	const int err = run_with(&logs, argc, argv, &error);
	return rk_session_end(&logs.session, err, &error);
}
