/* A whole HTTP server, HTTP/1 and HTTP/2, against bytes from outside: the first byte says how they are cut and whether bodies are
 * taken in pieces. Each request is told once that it is gone, and nothing is left when the client has left. */
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuzz.h"
#include "wire/http_io.h"

#define TURNS_MAX 400
#define LATE_MAX  8

struct world {
	struct ev_loop *loop;
	struct rk_http_server *servers[2]; /* the second takes bodies in pieces */
	struct sockaddr_un at[2];
	size_t begun, gone;
	struct rk_http_exchange *late[LATE_MAX]; /* answered when the client has left */
};

static bool is_kept(struct world *world, struct rk_http_exchange *exchange)
{
	for (size_t i = 0; i < LATE_MAX; i++)
		if (world->late[i] == NULL) {
			world->late[i] = exchange;
			return true;
		}
	return false;
}

static void respond(struct world *world, struct rk_http_exchange *exchange)
{
	const struct rk_http_request *http = rk_http_request(exchange);
	const struct rk_http_header header = { RK_SPAN("x-path"), http->path };

	if (rk_span_ends(http->path, RK_SPAN("p"))) {
		rk_http_begin(exchange, 200, &header, 1);
		for (size_t i = 0; i < 3; i++)
			(void)rk_http_write(exchange, rk_blob_copy(http->query));
		rk_http_trailers(exchange, &header, 1);
	} else if (rk_span_ends(http->path, RK_SPAN("a"))) {
		rk_http_begin(exchange, 200, &header, 1);
		(void)rk_http_write(exchange, rk_blob_copy(RK_SPAN("cut")));
		rk_http_abort(exchange);
	} else if (!rk_span_ends(http->path, RK_SPAN("l")) || !is_kept(world, exchange)) {
		rk_http_respond(exchange, 200, &header, 1, rk_blob_copy(http->body));
	}
}

static void on_whole(void *context, struct rk_http_exchange *exchange)
{
	((struct world *)context)->begun++;
	respond(context, exchange);
}

static void on_head(void *context, struct rk_http_exchange *exchange)
{
	((struct world *)context)->begun++;
	if (rk_http_request(exchange)->version == 1)
		respond(context, exchange);
}

static void on_piece(void *context, struct rk_http_exchange *exchange, struct rk_span bytes,
		     bool is_last)
{
	(void)bytes;
	if (is_last)
		respond(context, exchange);
}

static void on_gone(void *context, struct rk_http_exchange *exchange)
{
	struct world *world = context;

	world->gone++;
	for (size_t i = 0; i < LATE_MAX; i++)
		if (world->late[i] == exchange)
			world->late[i] = NULL;
}

static void on_drained(void *context, struct rk_http_exchange *exchange)
{
	(void)context, (void)exchange;
}

static void listen_on(struct world *world, size_t which)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct rk_http_server_opts opts = { .loop = world->loop,
						  .listen_fd = fd,
						  .body_max = 4096,
						  .connections_max = 4,
						  .context = world,
						  .request = which == 0 ? on_whole : on_head,
						  .gone = on_gone,
						  .drained = on_drained,
						  .data = which == 0 ? NULL : on_piece };

	world->at[which].sun_family = AF_UNIX;
	(void)snprintf(world->at[which].sun_path + 1, sizeof world->at[which].sun_path - 1,
		       "reckon-fuzz-%d-%zu", (int)getpid(), which);
	rk_assert(fd >= 0 && bind(fd, (struct sockaddr *)&world->at[which],
				  sizeof world->at[which]) == 0);
	rk_assert(listen(fd, 8) == 0);
	rk_assert(rk_http_server_new(&world->servers[which], &opts) == RK_OK);
}

static struct world *world_of(void)
{
	static struct world world;

	if (world.loop != NULL)
		return &world;
	world.loop = ev_loop_new(EVFLAG_AUTO);
	rk_assert(world.loop != NULL);
	for (size_t i = 0; i < 2; i++)
		listen_on(&world, i);
	return &world;
}

static void answer_late(struct world *world)
{
	for (size_t i = 0; i < LATE_MAX; i++) {
		struct rk_http_exchange *exchange = rk_take_ptr(world->late[i]);
		if (exchange != NULL)
			rk_http_respond(exchange, 200, NULL, 0, rk_blob_copy(RK_SPAN("late")));
	}
}

static void turn(struct world *world, int client)
{
	char answer[4096];

	(void)ev_run(world->loop, EVRUN_NOWAIT);
	while (recv(client, answer, sizeof answer, MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *world = world_of();
	const size_t which = size > 0 ? data[0] & 1 : 0, step = size > 0 ? (data[0] >> 1) * 8u + 1 : 1;
	const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned turns = 0;

	if (size == 0 || size > (32u << 10)) {
		(void)close(client);
		return 0;
	}
	world->begun = world->gone = 0;
	rk_assert(client >= 0 && connect(client, (struct sockaddr *)&world->at[which],
					 sizeof world->at[which]) == 0);
	for (size_t at = 1; at < size;) {
		const size_t some = RK_MIN(step, size - at);
		const ssize_t sent = send(client, data + at, some, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN)
			break;
		at += sent > 0 ? (size_t)sent : 0;
		turn(world, client);
	}
	for (unsigned i = 0; i < 3; i++)
		turn(world, client);
	(void)close(client);
	while (rk_http_server_connections(world->servers[which]) > 0 && turns++ < TURNS_MAX) {
		answer_late(world);
		(void)ev_run(world->loop, EVRUN_NOWAIT);
	}
	(void)ev_run(world->loop, EVRUN_NOWAIT);
	rk_assert(rk_http_server_connections(world->servers[which]) == 0);
	rk_assert(world->begun == world->gone);
	return 0;
}
