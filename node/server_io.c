#include "node/server_io.h"

#include <stdio.h>

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "node/container_step.h"
#include "node/exec_io.h"
#include "node/logs_io.h"
#include "node/oci_runtime_io.h"
#include "node/portforward_io.h"
#include "node/way_io.h"
#include "wire/json.h"

#define PORT_DEFAULT    10250
#define CONNECTIONS_MAX 512
#define BODY_MAX        65536u
#define PATH_PARTS      4
#define SINCE_MAX_S     INT64_C(10000000000)

struct rk_node_server {
	struct rk_agent *agent;
	struct rk_tls *tls;
	struct rk_http_server *http;
	struct rk_session *sessions;
	struct rk_pipe *pipes; /* ways that are open */
};

static void answer(struct rk_http_exchange *exchange, int status, const char *text)
{
	static const struct rk_http_header headers[] = { { RK_SPAN("content-type"),
							   RK_SPAN("text/plain") } };

	rk_http_respond(exchange, status, headers, RK_COUNT(headers),
			rk_blob_copy(rk_span_str(text)));
}

static bool may_enter(const struct rk_tls_peer *peer)
{
	for (unsigned i = 0; peer != NULL && peer->has_cert && i < peer->group_count; i++)
		if (strcmp(peer->groups[i], "system:masters") == 0 ||
		    strcmp(peer->groups[i], "reckon:members") == 0)
			return true;
	return false;
}

struct serving { /* what goes on after a request was taken, while its exchange is there */
	struct rk_logs *logs;
	struct rk_way *way;
};

static void serve_on(struct rk_http_exchange *exchange, struct rk_logs *logs, struct rk_way *way)
{
	struct serving *serving = rk_zalloc(sizeof *serving);

	*serving = (struct serving){ logs, way };
	rk_http_set_user(exchange, serving);
}

struct target { /* the container that a request is about */
	const struct rk_pod *pod;
	const struct rk_container *container;
};

/* /VERB/NAMESPACE/POD...; answers when there is no such pod. */
static const struct rk_pod *find_pod(struct rk_node_server *server,
				     struct rk_http_exchange *exchange,
				     const struct rk_span parts[PATH_PARTS])
{
	const struct rk_nodecore *core = server->agent->members[0].core;

	for (const struct rk_pod *pod = rk_nodecore_next(core, NULL); pod != NULL;
	     pod = rk_nodecore_next(core, pod))
		if (!pod->is_gone && rk_span_eq(pod->ns, parts[1]) &&
		    rk_span_eq(pod->name, parts[2]))
			return pod;
	answer(exchange, 404, "no such pod on this node\n");
	return NULL;
}

/* /VERB/NAMESPACE/POD/CONTAINER; answers when there is no such container. */
static bool find_target(struct rk_node_server *server, struct rk_http_exchange *exchange,
			const struct rk_span parts[PATH_PARTS], struct target *ret)
{
	const struct rk_pod *pod = find_pod(server, exchange, parts);

	if (pod == NULL)
		return false;
	*ret = (struct target){ pod, rk_pod_find_container(pod, parts[3]) };
	if (ret->container != NULL)
		return true;
	answer(exchange, 404, "container not found in that pod\n");
	return false;
}

/* --- logs --- */

static int64_t number(struct rk_arena *arena, struct rk_span query, const char *name)
{
	struct rk_span text;

	if (!rk_query_get(arena, query, name, &text) || text.size == 0 || text.size > 18)
		return -1;
	return strtoll(rk_arena_str(arena, text), NULL, 10);
}

static bool flag(struct rk_arena *arena, struct rk_span query, const char *name)
{
	struct rk_span text;

	return rk_query_get(arena, query, name, &text) &&
	       (rk_span_is(text, "true") || rk_span_is(text, "1"));
}

static bool is_growing(void *context, const char *path)
{
	struct rk_node_server *server = context;
	const struct rk_nodecore *core = server->agent->members[0].core;
	const struct rk_oci *oci = rk_oci_runtime_oci(server->agent->members[0].runtime);
	char log[RK_PATH_MAX];

	for (const struct rk_pod *pod = rk_nodecore_next(core, NULL); pod != NULL;
	     pod = rk_nodecore_next(core, pod)) {
		const struct rk_pod_view view = rk_pod_view_of(pod->object);

		for (uint32_t i = 0; i < pod->container_count; i++) {
			const struct rk_container *container = &pod->containers[i];
			rk_oci_log_path(oci, log, &view, rk_span_str(container->name),
					container->attempt);
			if (strcmp(log, path) == 0)
				return rk_container_is_alive(container);
		}
	}
	return false;
}

static bool read_view(struct rk_arena *arena, struct rk_span query, struct rk_log_view *view)
{
	const int64_t seconds = number(arena, query, "sinceSeconds");
	struct rk_span time;

	*view = (struct rk_log_view){
		.timestamps = flag(arena, query, "timestamps"),
		.limit = number(arena, query, "limitBytes"),
		.has_since = seconds >= 0,
		.since_ms = rk_clock_wall_ms() - RK_MIN(seconds, SINCE_MAX_S) * 1000,
	};
	if (!rk_query_get(arena, query, "sinceTime", &time) || time.size == 0)
		return true;
	view->has_since = true;
	return rk_time_parse(time, &view->since_ms);
}

static void serve_logs(struct rk_node_server *server, struct rk_http_exchange *exchange,
		       const struct rk_span parts[PATH_PARTS], struct rk_arena *arena)
{
	const struct rk_span query = rk_http_request(exchange)->query;
	const struct rk_oci *oci = rk_oci_runtime_oci(server->agent->members[0].runtime);
	struct rk_error error = { 0 };
	struct rk_logs *logs = NULL;
	char path[RK_PATH_MAX];
	struct target target;
	struct rk_log_view view;

	if (!find_target(server, exchange, parts, &target))
		return;
	if (!read_view(arena, query, &view)) {
		answer(exchange, 400, "sinceTime is not a time\n");
		return;
	}
	const struct rk_pod_view pod = rk_pod_view_of(target.pod->object);
	uint32_t attempt = target.container->attempt;
	rk_oci_log_path(oci, path, &pod, parts[3], attempt);
	if (attempt > 0 &&
	    access(path, F_OK) < 0) /* the next run has not begun: the last one is the current */
		attempt--;
	if (flag(arena, query, "previous") && attempt-- == 0) {
		answer(exchange, 400,
		       rk_arena_printf(arena,
				       "previous terminated container \"%s\" in pod \"%.*s\" not found\n",
				       target.container->name, RK_SPAN_ARGS(target.pod->name)));
		return;
	}
	rk_oci_log_path(oci, path, &pod, parts[3], attempt);
	const struct rk_logs_opts opts = {
		.loop = server->agent->loop,
		.exchange = exchange,
		.path = path,
		.view = view,
		.tail = number(arena, query, "tailLines"),
		.follow = flag(arena, query, "follow"),
		.context = server,
		.is_growing = is_growing,
	};
	if (rk_logs_open(&logs, &opts, &error) < 0) {
		const char *text = rk_arena_printf(
			arena, "container \"%s\" in pod \"%.*s\" is waiting to start: %s\n",
			target.container->name, RK_SPAN_ARGS(target.pod->name),
			target.container->reason);
		answer(exchange, 400, text);
		return;
	}
	serve_on(exchange, logs, NULL);
}

/* --- exec --- */

static bool read_words(struct rk_arena *arena, struct rk_span query,
		       const char *words[RK_EXEC_ARGS_MAX + 1])
{
	struct rk_span name, value;
	size_t at = 0, count = 0;

	while (rk_query_next(arena, query, &at, &name, &value)) {
		if (!rk_span_is(name, "command"))
			continue;
		if (count == RK_EXEC_ARGS_MAX)
			return false;
		words[count++] = rk_arena_str(arena, value);
	}
	words[count] = NULL;
	return count > 0;
}

static bool any_flag(struct rk_arena *arena, struct rk_span query, const char *name,
		     const char *old_name)
{
	return flag(arena, query, name) || flag(arena, query, old_name);
}

/* Exec, or attach when `words` is NULL. */
static void serve_streams(struct rk_node_server *server, struct rk_http_exchange *exchange,
			  const struct target *target, const char *const *words,
			  struct rk_arena *arena)
{
	const struct rk_span query = rk_http_request(exchange)->query;
	const bool wants_stdout = any_flag(arena, query, "stdout", "output");
	const bool wants_stderr = any_flag(arena, query, "stderr", "error");
	char id[RK_CONTAINER_ID_MAX];
	const struct rk_exec_opts exec = {
		.loop = server->agent->loop,
		.oci = rk_oci_runtime_oci(server->agent->members[0].runtime),
		.uid = target->pod->uid,
		.id = id,
		.words = words,
		.has_stdin = any_flag(arena, query, "stdin", "input"),
		.has_tty = flag(arena, query, "tty"),
		.takes_stdin = rk_val_bool_at(target->container->spec, "stdin", false),
		.is_tty = rk_val_bool_at(target->container->spec, "tty", false),
	};

	rk_oci_id(id, target->pod->uid, rk_span_str(target->container->name),
		  target->container->attempt);
	if (!exec.has_stdin && !wants_stdout && !wants_stderr)
		answer(exchange, 400, "you must specify at least one of stdin, stdout, stderr\n");
	else if (rk_session_wants(exchange, "websocket"))
		rk_exec_websocket(exchange, &exec, wants_stdout, wants_stderr, &server->sessions);
	else if (rk_session_wants(exchange, "SPDY/3.1"))
		rk_exec_spdy(exchange, &exec, wants_stdout, wants_stderr, &server->sessions);
	else
		answer(exchange, 400, "this needs an upgrade to websocket or SPDY/3.1\n");
}

static void serve_exec(struct rk_node_server *server, struct rk_http_exchange *exchange,
		       const struct rk_span parts[PATH_PARTS], struct rk_arena *arena)
{
	const bool is_attach = rk_span_is(parts[0], "attach");
	const char **words = rk_arena_alloc(arena, (RK_EXEC_ARGS_MAX + 1) * sizeof *words);
	struct target target;

	if (!find_target(server, exchange, parts, &target))
		return;
	if (target.container->phase != RK_CONTAINER_RUNNING)
		answer(exchange, 400, "the container is not running\n");
	else if (!is_attach && !read_words(arena, rk_http_request(exchange)->query, words))
		answer(exchange, 400,
		       "you must specify at least 1 and at most 256 words of a command\n");
	else
		serve_streams(server, exchange, &target, is_attach ? NULL : words, arena);
}

/* --- port-forward --- */

/* /VERB/NAMESPACE/POD...: one whose network is there; answers when there is none. */
static const struct rk_pod *find_networked(struct rk_node_server *server,
					   struct rk_http_exchange *exchange,
					   const struct rk_span parts[PATH_PARTS])
{
	const struct rk_pod *pod = find_pod(server, exchange, parts);

	if (pod == NULL || (pod->sandbox == RK_STEP_DONE && !pod->is_ended))
		return pod;
	answer(exchange, 400, "the pod is not running\n");
	return NULL;
}

static struct rk_portforward_place place_of(const struct rk_node_server *server,
					    const struct rk_pod *pod)
{
	return (struct rk_portforward_place){
		.oci = rk_oci_runtime_oci(server->agent->members[0].runtime),
		.uid = pod->uid,
		.is_host = rk_val_bool_at(pod->object, "spec.hostNetwork", false),
	};
}

static void serve_forward(struct rk_node_server *server, struct rk_http_exchange *exchange,
			  const struct rk_span parts[PATH_PARTS])
{
	const struct rk_pod *pod = find_networked(server, exchange, parts);

	if (pod == NULL)
		return;
	const struct rk_portforward_place place = place_of(server, pod);
	if (rk_session_wants(exchange, "websocket") || rk_session_wants(exchange, "SPDY/3.1"))
		rk_portforward_serve(exchange, server->agent->loop, &place, &server->sessions);
	else
		answer(exchange, 400, "port-forward needs an upgrade to websocket or SPDY/3.1\n");
}

/* --- a way to a port of a pod, for the API's proxy --- */

static bool read_port(struct rk_span text, uint16_t *ret)
{
	uint64_t number = 0;

	if (!rk_span_u64(text, &number) || number == 0 || number > UINT16_MAX)
		return false;
	*ret = (uint16_t)number;
	return true;
}

static void serve_way(struct rk_node_server *server, struct rk_http_exchange *exchange,
		      const struct rk_span parts[PATH_PARTS], struct rk_arena *arena)
{
	const struct rk_pod *pod = find_networked(server, exchange, parts);
	uint16_t port;

	if (pod == NULL)
		return;
	if (!read_port(parts[3], &port) || !rk_session_wants(exchange, RK_WAY_PROTOCOL)) {
		answer(exchange, 400, "this needs the number of a port and an upgrade to tcp\n");
		return;
	}
	const struct rk_portforward_place place = place_of(server, pod);
	const struct rk_way_opts opts = {
		.loop = server->agent->loop,
		.place = place,
		.address = rk_arena_printf(
			arena, "%s:%u", place.is_host ? server->agent->opts.node_ip : pod->address, port),
		.is_tls = flag(arena, rk_http_request(exchange)->query, "tls"),
		.pipes = &server->pipes,
	};
	struct rk_way *way = rk_way_open(exchange, &opts);
	if (way != NULL)
		serve_on(exchange, NULL, way);
}

/* --- the rest --- */

static void serve_pods(struct rk_node_server *server, struct rk_http_exchange *exchange,
		       struct rk_arena *arena)
{
	static const struct rk_http_header headers[] = { { RK_SPAN("content-type"),
							   RK_SPAN("application/json") } };
	const struct rk_nodecore *core = server->agent->members[0].core;
	struct rk_val *list = rk_val_map(arena), *items = rk_val_list(arena);
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	for (const struct rk_pod *pod = rk_nodecore_next(core, NULL); pod != NULL;
	     pod = rk_nodecore_next(core, pod))
		rk_val_append(arena, items, rk_val_copy(arena, pod->object));
	rk_val_put_cstr(arena, list, "kind", "PodList");
	rk_val_put_cstr(arena, list, "apiVersion", "v1");
	rk_val_put(arena, list, "metadata", rk_val_map(arena));
	rk_val_put(arena, list, "items", items);
	rk_json_write(&text, list, false);
	rk_http_respond(exchange, 200, headers, RK_COUNT(headers),
			rk_blob_copy(rk_buf_span(&text)));
}

static bool split_path(struct rk_arena *arena, struct rk_span path,
		       struct rk_span parts[PATH_PARTS], size_t *ret_count)
{
	struct rk_span rest = rk_span_sub(path, 1, path.size), part;

	for (*ret_count = 0; rest.data != NULL; (*ret_count)++) {
		rest = rk_span_cut(rest, '/', &part);
		if (*ret_count == PATH_PARTS ||
		    !rk_url_decode(arena, part, false, &parts[*ret_count]))
			return false;
	}
	return true;
}

static void on_request(void *context, struct rk_http_exchange *exchange)
{
	struct rk_node_server *server = context;
	const struct rk_http_request *request = rk_http_request(exchange);
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_span parts[PATH_PARTS] = { 0 };
	const bool is_get = rk_span_is(request->method, "GET");
	size_t count = 0;

	if (!may_enter(request->peer)) {
		answer(exchange, 403,
		       "forbidden: a client certificate of system:masters or reckon:members is "
		       "needed\n");
	} else if (!split_path(&arena, request->path, parts, &count)) {
		answer(exchange, 404, "not found\n");
	} else if (is_get && count == 1 && rk_span_is(parts[0], "healthz")) {
		answer(exchange, 200, "ok");
	} else if (is_get && count <= 2 && rk_span_is(parts[0], "pods") && parts[1].size == 0) {
		serve_pods(server, exchange, &arena);
	} else if (is_get && count == 4 && rk_span_is(parts[0], "containerLogs")) {
		serve_logs(server, exchange, parts, &arena);
	} else if (count == 4 && (rk_span_is(parts[0], "exec") || rk_span_is(parts[0], "attach")) &&
		   (is_get || rk_span_is(request->method, "POST"))) {
		serve_exec(server, exchange, parts, &arena);
	} else if (count == 3 && rk_span_is(parts[0], "portForward") &&
		   (is_get || rk_span_is(request->method, "POST"))) {
		serve_forward(server, exchange, parts);
	} else if (is_get && count == 4 && rk_span_is(parts[0], "way")) {
		serve_way(server, exchange, parts, &arena);
	} else {
		answer(exchange, 404, "not found\n");
	}
}

static void on_gone(void *context, struct rk_http_exchange *exchange)
{
	struct serving *serving = rk_http_user(exchange);

	(void)context;
	if (serving == NULL)
		return;
	(void)rk_logs_close(serving->logs);
	rk_way_drop(serving->way);
	free(serving);
}

static void on_drained(void *context, struct rk_http_exchange *exchange)
{
	const struct serving *serving = rk_http_user(exchange);

	(void)context;
	if (serving != NULL && serving->logs != NULL)
		rk_logs_drained(serving->logs);
}

int rk_node_server_open(struct rk_node_server **ret, struct rk_agent *agent, struct rk_error *error)
{
	static const char *const alpn[] = { "http/1.1", NULL };
	const struct rk_tls_opts tls_opts = {
		.cert_path = agent->opts.cert,
		.key_path = agent->opts.key,
		.ca_path = agent->opts.ca,
		.is_server = true,
		.peer_cert_required = true,
		.alpn = alpn,
	};
	const unsigned port = agent->opts.port != 0 ? agent->opts.port : PORT_DEFAULT;
	struct rk_node_server *server = rk_zalloc(sizeof *server);
	char address[80];
	uint16_t bound;
	int fd = -1;

	server->agent = agent;
	(void)snprintf(address, sizeof address, "%s:%u", agent->opts.node_ip, port);
	int err = rk_tls_new(&server->tls, &tls_opts, error);
	if (err == 0)
		err = rk_listen(address, false, &fd, &bound, error);
	const struct rk_http_server_opts opts = {
		.loop = agent->loop,
		.listen_fd = fd,
		.tls = server->tls,
		.body_max = BODY_MAX,
		.connections_max = CONNECTIONS_MAX,
		.context = server,
		.request = on_request,
		.gone = on_gone,
		.drained = on_drained,
	};
	if (err == 0)
		err = rk_http_server_new(&server->http, &opts);
	if (err < 0) {
		(void)rk_node_server_close(server);
		return err;
	}
	*ret = server;
	return 0;
}

struct rk_node_server *rk_node_server_close(struct rk_node_server *server)
{
	if (server == NULL)
		return NULL;
	while (server->sessions != NULL)
		server->sessions->end(server->sessions);
	rk_pipe_end_all(&server->pipes);
	server->http = rk_http_server_free(server->http);
	(void)rk_tls_unref(server->tls);
	free(server);
	return NULL;
}
