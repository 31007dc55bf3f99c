#include "node/portforward_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/netns_io.h"

#define CONNECT_S 10.0
#define READ_ROOM 16384

struct rk_portforward {
	struct rk_portforward_opts opts;
	int fd;
	bool is_connected, is_paused, has_ended; /* has_ended: the pod sends no more */
	bool wants_input_end, is_input_ended, was_full;
	struct rk_buf queue;
	ev_io readable, writable;
	ev_timer deadline; /* of connecting */
};

struct rk_portforward *rk_portforward_close(struct rk_portforward *forward)
{
	if (forward == NULL)
		return NULL;
	ev_io_stop(forward->opts.loop, &forward->readable);
	ev_io_stop(forward->opts.loop, &forward->writable);
	ev_timer_stop(forward->opts.loop, &forward->deadline);
	(void)close(forward->fd);
	rk_buf_done(&forward->queue);
	free(forward);
	return NULL;
}

static void over(struct rk_portforward *forward, const struct rk_error *error)
{
	const struct rk_portforward_opts opts = forward->opts;
	const bool was_connected = forward->is_connected;

	(void)rk_portforward_close(forward);
	opts.closed(opts.context, was_connected, error);
}

/* --- from the pod --- */

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct rk_portforward *forward = watcher->data;
	struct rk_error error = { 0 };
	uint8_t bytes[READ_ROOM];
	const ssize_t got = recv(forward->fd, bytes, sizeof bytes, 0);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		forward->opts.data(forward->opts.context, rk_span_of(bytes, (size_t)got));
		return;
	}
	ev_io_stop(loop, &forward->readable);
	if (got < 0) {
		(void)rk_fail_errno(&error, "read");
		over(forward, &error);
		return;
	}
	forward->has_ended = true;
	forward->opts.finished(forward->opts.context);
	if (forward->is_input_ended)
		over(forward, &error);
}

void rk_portforward_pause(struct rk_portforward *forward, bool is_paused)
{
	forward->is_paused = is_paused;
	if (is_paused || !forward->is_connected || forward->has_ended)
		ev_io_stop(forward->opts.loop, &forward->readable);
	else
		ev_io_start(forward->opts.loop, &forward->readable);
}

/* --- to the pod --- */

static void end_input(struct rk_portforward *forward)
{
	(void)shutdown(forward->fd, SHUT_WR);
	forward->is_input_ended = true;
}

#define CONNECT_FAILED                                                                             \
	"failed to connect to localhost:%u inside the pod, IPv4: dial tcp4 127.0.0.1:%u: connect"

static int connect_failed(uint16_t port, int failure, struct rk_error *error)
{
	if (failure == ECONNREFUSED) /* the words that people and programs look for */
		return rk_fail(error, RK_ECLOSED, CONNECT_FAILED ": connection refused", port,
			       port);
	errno = failure;
	return rk_fail_errno(error, CONNECT_FAILED, port, port);
}

/* True: the connection is there, now or already. False: it failed and is freed. */
static bool is_connected(struct rk_portforward *forward)
{
	struct rk_error error = { 0 };
	int failure = 0;
	socklen_t size = sizeof failure;

	if (forward->is_connected)
		return true;
	if (getsockopt(forward->fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0)
		failure = errno;
	if (failure != 0) {
		(void)connect_failed(forward->opts.port, failure, &error);
		over(forward, &error);
		return false;
	}
	forward->is_connected = true;
	ev_timer_stop(forward->opts.loop, &forward->deadline);
	rk_portforward_pause(forward, forward->is_paused);
	return true;
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct rk_portforward *forward = watcher->data;
	struct rk_error error = { 0 };

	(void)events;
	if (!is_connected(forward))
		return;
	if (forward->queue.size > 0) {
		const ssize_t wrote =
			send(forward->fd, forward->queue.data, forward->queue.size, MSG_NOSIGNAL);
		if (wrote < 0 && errno != EAGAIN && errno != EINTR) {
			(void)rk_fail_errno(&error, "write");
			over(forward, &error);
			return;
		}
		if (wrote > 0)
			rk_buf_consume(&forward->queue, (size_t)wrote);
	}
	if (forward->queue.size == 0) {
		ev_io_stop(loop, &forward->writable);
		if (forward->wants_input_end)
			end_input(forward);
		if (forward->is_input_ended && forward->has_ended) {
			over(forward, &error);
			return;
		}
	}
	if (forward->was_full && forward->queue.size < RK_PORTFORWARD_INPUT_MAX / 2) {
		forward->was_full = false;
		forward->opts.input_drained(forward->opts.context);
	}
}

bool rk_portforward_write(struct rk_portforward *forward, struct rk_span bytes)
{
	rk_assert(!forward->wants_input_end || bytes.size == 0);
	rk_buf_put_span(&forward->queue, bytes);
	if (forward->queue.size > 0)
		ev_io_start(forward->opts.loop, &forward->writable);
	forward->was_full = forward->queue.size >= RK_PORTFORWARD_INPUT_MAX;
	return !forward->was_full;
}

void rk_portforward_close_input(struct rk_portforward *forward)
{
	forward->wants_input_end = true;
	ev_io_start(forward->opts.loop, &forward->writable);
}

/* --- connecting --- */

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_portforward *forward = timer->data;
	struct rk_error error = { 0 };

	(void)loop, (void)events;
	(void)connect_failed(forward->opts.port, ETIMEDOUT, &error);
	over(forward, &error);
}

/* The process whose namespace was opened is asked for once more afterwards: then it was that of
 * the pod, and not of a later process with its number. */
int rk_portforward_enter(const struct rk_portforward_place *place, int *ret_here,
			 struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int netns = -1;
	char id[RK_CONTAINER_ID_MAX], path[64];

	*ret_here = -1;
	if (place->is_host)
		return 0;
	rk_oci_id(id, place->uid, (struct rk_span){ 0 }, 0);
	const pid_t pid = rk_oci_pid(place->oci, place->uid, id);
	(void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
	if (pid != 0)
		netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0 || rk_oci_pid(place->oci, place->uid, id) != pid)
		return rk_fail(error, RK_ENOENT, "network namespace for sandbox \"%s\" is closed",
			       id);
	return rk_netns_enter(netns, ret_here, error);
}

void rk_portforward_leave(int here)
{
	if (here >= 0)
		rk_netns_leave(here);
}

static int pod_socket(const struct rk_portforward_place *place, int *ret, struct rk_error *error)
{
	int here;

	RK_TRY(rk_portforward_enter(place, &here, error));
	*ret = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	rk_portforward_leave(here);
	return *ret < 0 ? rk_fail_errno(error, "socket") : 0;
}

int rk_portforward_start(struct rk_portforward **ret, const struct rk_portforward_opts *opts,
			 struct rk_error *error)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(opts->port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	RK_AUTO(rk_drop_fd) int fd = -1;
	const int on = 1;

	RK_TRY(pod_socket(&opts->place, &fd, error));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
		return connect_failed(opts->port, errno, error);
	struct rk_portforward *forward = rk_zalloc(sizeof *forward);
	forward->opts = *opts;
	forward->fd = rk_take_fd(&fd);
	ev_io_init(&forward->readable, on_readable, forward->fd, EV_READ);
	ev_io_init(&forward->writable, on_writable, forward->fd, EV_WRITE);
	ev_timer_init(&forward->deadline, on_deadline, CONNECT_S, 0);
	forward->readable.data = forward->writable.data = forward->deadline.data = forward;
	ev_io_start(opts->loop, &forward->writable);
	ev_timer_start(opts->loop, &forward->deadline);
	*ret = forward;
	return 0;
}
