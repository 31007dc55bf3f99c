/* Attach: conmon has a socket beside each bundle. Its packets are a byte (2: stdout, 3: stderr) and
 * output from then on; what is sent to it is the process's input. It waits for whoever does not
 * read, and the container with it: so those are cut off. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/exec_io.h"

#define PACKET_OUT 8192u  /* of input; conmon reads four times as much */
#define PACKET_IN  65536u /* conmon sends 8 KiB at once */
#define RESIZE_S   0.1
#define WINDOW_MAX 1000u
#define STALL_S    30.0 /* the longest that output may wait for the client */

struct attach {
	struct rk_exec base;
	struct rk_exec_opts opts; /* without what is borrowed */
	char id[RK_CONTAINER_ID_MAX];
	int fd, ctl; /* ctl: -1 without a terminal */
	bool wants_input_end, was_full, is_resized;
	unsigned width, height;
	struct rk_buf queue;
	ev_io readable, writable;
	ev_timer stall, resized;
};

static void attach_close(struct rk_exec *base)
{
	struct attach *attach = RK_CONTAINER(base, struct attach, base);

	ev_io_stop(attach->opts.loop, &attach->readable);
	ev_io_stop(attach->opts.loop, &attach->writable);
	ev_timer_stop(attach->opts.loop, &attach->stall);
	ev_timer_stop(attach->opts.loop, &attach->resized);
	rk_drop_fd(&attach->fd);
	rk_drop_fd(&attach->ctl);
	rk_buf_done(&attach->queue);
	free(attach);
}

static void over(struct attach *attach, int code)
{
	const struct rk_exec_opts opts = attach->opts;

	attach_close(&attach->base);
	opts.ended(opts.context, code);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct attach *attach = watcher->data;
	uint8_t packet[PACKET_IN];
	const ssize_t got = recv(attach->fd, packet, sizeof packet, 0);

	(void)loop, (void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) /* the process is gone; how it ended, the pod's status tells */
		over(attach, 0);
	else if (packet[0] == 2 || packet[0] == 3)
		attach->opts.data(attach->opts.context, packet[0] - 1,
				  rk_span_of(packet + 1, (size_t)got - 1));
}

static void attach_pause(struct rk_exec *base, bool is_paused)
{
	struct attach *attach = RK_CONTAINER(base, struct attach, base);
	struct ev_loop *loop = attach->opts.loop;

	if (is_paused) {
		ev_io_stop(loop, &attach->readable);
		ev_timer_start(loop, &attach->stall);
		return;
	}
	ev_timer_stop(loop, &attach->stall);
	ev_timer_set(&attach->stall, STALL_S, 0);
	ev_io_start(loop, &attach->readable);
}

static void on_stall(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct attach *attach = timer->data;

	(void)loop, (void)events;
	rk_log(RK_LOG_WARN, "an attached client does not read: it is cut off", "container=%s",
	       attach->id);
	over(attach, 1);
}

/* --- input --- */

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct attach *attach = watcher->data;
	const size_t size = RK_MIN(attach->queue.size, (size_t)PACKET_OUT);
	const ssize_t sent =
		size > 0 ? send(attach->fd, attach->queue.data, size, MSG_NOSIGNAL) : 0;

	(void)events;
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* When conmon takes no more, reading tells of the end; what comes until then is dropped. */
	rk_buf_consume(&attach->queue, sent < 0 ? attach->queue.size : (size_t)sent);
	if (attach->queue.size == 0) {
		ev_io_stop(loop, &attach->writable);
		if (attach->wants_input_end)
			(void)shutdown(attach->fd, SHUT_WR);
	}
	if (attach->was_full && attach->queue.size < RK_EXEC_INPUT_MAX / 2) {
		attach->was_full = false;
		attach->opts.input_drained(attach->opts.context);
	}
}

static bool attach_write(struct rk_exec *base, struct rk_span bytes)
{
	struct attach *attach = RK_CONTAINER(base, struct attach, base);

	if (!attach->opts.takes_stdin || attach->wants_input_end)
		return true;
	rk_buf_put_span(&attach->queue, bytes);
	if (attach->queue.size > 0)
		ev_io_start(attach->opts.loop, &attach->writable);
	attach->was_full = attach->queue.size >= RK_EXEC_INPUT_MAX;
	return !attach->was_full;
}

/* A terminal has no end of input: the next client goes on typing. */
static void attach_close_input(struct rk_exec *base)
{
	struct attach *attach = RK_CONTAINER(base, struct attach, base);

	if (!attach->opts.takes_stdin || attach->opts.is_tty)
		return;
	attach->wants_input_end = true;
	ev_io_start(attach->opts.loop, &attach->writable);
}

/* --- the window's size --- */

static void write_size(struct attach *attach)
{
	char line[64];
	const int size = snprintf(line, sizeof line, "1 %u %u\n", attach->height, attach->width);

	attach->is_resized = false;
	if (write(attach->ctl, line, (size_t)size) < 0)
		rk_log(RK_LOG_WARN, "a window size was lost", "container=%s", attach->id);
	ev_timer_set(&attach->resized, RESIZE_S, 0);
	ev_timer_start(attach->opts.loop, &attach->resized);
}

static void on_resized(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct attach *attach = timer->data;

	(void)loop, (void)events;
	if (attach->is_resized)
		write_size(attach);
}

/* kubectl sends two sizes at once, and conmon 2.1 may forget the second of two lines that it reads
 * together: so they go one by one, the last one always. */
static void attach_resize(struct rk_exec *base, unsigned width, unsigned height)
{
	struct attach *attach = RK_CONTAINER(base, struct attach, base);

	if (attach->ctl < 0)
		return;
	attach->width = RK_MIN(width, WINDOW_MAX);
	attach->height = RK_MIN(height, WINDOW_MAX);
	attach->is_resized = true;
	if (!ev_is_active(&attach->resized))
		write_size(attach);
}

/* --- starting --- */

static const struct rk_exec_ops ops = {
	.write = attach_write,
	.close_input = attach_close_input,
	.resize = attach_resize,
	.pause = attach_pause,
	.close = attach_close,
	.abandon = attach_close,
};

/* By way of the directory's descriptor: the whole path may be longer than socket addresses are. */
static int connect_in(int dir, int *ret, struct rk_error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	RK_AUTO(rk_drop_fd)
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/attach", dir);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return rk_fail_errno(error, "attach to the container");
	*ret = rk_take_fd(&fd);
	return 0;
}

int rk_attach_start(struct rk_exec **ret, const struct rk_exec_opts *opts, struct rk_error *error)
{
	char bundle[RK_PATH_MAX];
	RK_AUTO(rk_drop_fd) int dir = -1;
	int fd = -1;

	rk_oci_bundle_path(opts->oci, bundle, opts->uid, opts->id);
	dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return rk_fail_errno(error, "attach to the container");
	RK_TRY(connect_in(dir, &fd, error));
	struct attach *attach = rk_zalloc(sizeof *attach);
	attach->base.ops = &ops;
	attach->opts = *opts;
	attach->opts.uid = (struct rk_span){ 0 };
	attach->opts.id = NULL;
	(void)snprintf(attach->id, sizeof attach->id, "%s", opts->id);
	attach->fd = fd;
	attach->ctl = opts->is_tty ? openat(dir, "ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	ev_io_init(&attach->readable, on_readable, fd, EV_READ);
	ev_io_init(&attach->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&attach->stall, on_stall, STALL_S, 0);
	ev_init(&attach->resized, on_resized);
	attach->readable.data = attach->writable.data = attach;
	attach->stall.data = attach->resized.data = attach;
	ev_io_start(opts->loop, &attach->readable);
	*ret = &attach->base;
	return 0;
}
