#include "node/logs_io.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "node/files_io.h"

#define FILES_MAX      8
#define CHUNK          32768u
#define LINE_MAX_BYTES 65536u
#define POLL_S         0.1

struct rk_logs {
	struct rk_logs_opts opts;
	char path[RK_PATH_MAX];
	int fds[FILES_MAX]; /* oldest first */
	off_t from[FILES_MAX];
	unsigned count, at;
	struct rk_buf line; /* what is read and not yet a whole line */
	bool is_waiting;    /* for room in the response */
	bool is_over;
	ev_timer poll;
};

static void open_files(struct rk_logs *logs)
{
	char path[RK_PATH_MAX + 16];

	for (int i = FILES_MAX - 1; i >= 0; i--) {
		(void)snprintf(path, sizeof path, i > 0 ? "%s.%d" : "%s", logs->path, i);
		const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0)
			logs->fds[logs->count++] = fd;
	}
}

/* Counts newlines from the end; true with the offset after which `*left` lines begin. */
static bool tail_of(int fd, int64_t *left, off_t *ret_from)
{
	uint8_t bytes[CHUNK];
	off_t end = lseek(fd, 0, SEEK_END), at = end;

	while (at > 0) {
		const off_t from = at > (off_t)sizeof bytes ? at - (off_t)sizeof bytes : 0;
		const ssize_t got = pread(fd, bytes, (size_t)(at - from), from);

		if (got <= 0)
			return false;
		for (ssize_t i = got; i > 0; i--) {
			if (bytes[i - 1] != '\n' || from + i == end)
				continue;
			if (--*left <= 0) {
				*ret_from = from + i;
				return true;
			}
		}
		at = from;
	}
	if (end > 0)
		--*left; /* the first line has no newline before it */
	return false;
}

static void skip_to_tail(struct rk_logs *logs)
{
	int64_t left = logs->opts.tail;

	if (left < 0)
		return;
	if (left == 0) {
		logs->at = logs->count - 1;
		logs->from[logs->at] = lseek(logs->fds[logs->at], 0, SEEK_END);
		return;
	}
	for (unsigned i = logs->count; i > 0; i--) {
		logs->at = i - 1;
		if (tail_of(logs->fds[i - 1], &left, &logs->from[i - 1]) || left <= 0)
			return;
	}
}

static void take_lines(struct rk_logs *logs, struct rk_buf *out)
{
	size_t used = 0;

	while (logs->opts.view.limit != 0) {
		const struct rk_span rest =
			rk_span_sub(rk_buf_span(&logs->line), used, logs->line.size);
		const uint8_t *end = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;

		if (end == NULL)
			break;
		rk_log_line(&logs->opts.view, rk_span_sub(rest, 0, (size_t)(end - rest.data)), out);
		used += (size_t)(end - rest.data) + 1;
	}
	rk_buf_consume(&logs->line, used);
	if (logs->line.size > LINE_MAX_BYTES)
		rk_buf_clear(&logs->line); /* conmon cuts lines far below this: not its file */
}

/* The newest file was rotated away while it was followed: there is another of its name now. */
static bool reopen(struct rk_logs *logs)
{
	struct stat mine, there;

	if (fstat(logs->fds[logs->at], &mine) < 0 || stat(logs->path, &there) < 0 ||
	    mine.st_ino == there.st_ino)
		return false;
	const int fd = open(logs->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	(void)close(logs->fds[logs->at]);
	logs->fds[logs->at] = fd;
	logs->from[logs->at] = 0;
	return true;
}

static void end(struct rk_logs *logs)
{
	logs->is_over = true;
	ev_timer_stop(logs->opts.loop, &logs->poll);
	rk_http_end(logs->opts.exchange);
}

/* At the end of what is there. True: there is more to read at once. */
static bool at_end(struct rk_logs *logs, bool was_growing)
{
	if (logs->at + 1 < logs->count) {
		logs->at++;
		return true;
	}
	if (!logs->opts.follow) {
		end(logs);
		return false;
	}
	if (reopen(logs))
		return true;
	if (!was_growing) {
		end(logs);
		return false;
	}
	ev_timer_stop(logs->opts.loop, &logs->poll);
	ev_timer_set(&logs->poll, POLL_S, 0);
	ev_timer_start(logs->opts.loop, &logs->poll);
	return false;
}

static void pump(struct rk_logs *logs)
{
	while (!logs->is_waiting && !logs->is_over) {
		RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
		/* Asked before reading, so that the last words of one that ends now are not missed.
		 */
		const bool is_growing =
			logs->opts.follow && logs->opts.is_growing(logs->opts.context, logs->path);
		const ssize_t got = pread(logs->fds[logs->at], rk_buf_room(&logs->line, CHUNK),
					  CHUNK, logs->from[logs->at]);

		if (got <= 0) {
			if (!at_end(logs, is_growing))
				return;
			continue;
		}
		logs->line.size += (size_t)got;
		logs->from[logs->at] += got;
		take_lines(logs, &out);
		if (out.size > 0)
			logs->is_waiting = !rk_http_write(logs->opts.exchange,
							  rk_blob_copy(rk_buf_span(&out)));
		if (logs->opts.view.limit == 0)
			end(logs);
	}
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	pump(timer->data);
}

void rk_logs_drained(struct rk_logs *logs)
{
	logs->is_waiting = false;
	pump(logs);
}

int rk_logs_open(struct rk_logs **ret, const struct rk_logs_opts *opts, struct rk_error *error)
{
	static const struct rk_http_header headers[] = { { RK_SPAN("content-type"),
							   RK_SPAN("text/plain") } };
	struct rk_logs *logs = rk_zalloc(sizeof *logs);

	logs->opts = *opts;
	rk_path(logs->path, "%s", opts->path);
	open_files(logs);
	if (logs->count == 0) {
		free(logs);
		return rk_fail(error, RK_ENOENT, "there is no log of that container");
	}
	ev_timer_init(&logs->poll, on_poll, 0, 0);
	logs->poll.data = logs;
	skip_to_tail(logs);
	*ret = logs;
	rk_http_begin(opts->exchange, 200, headers, RK_COUNT(headers));
	pump(logs);
	return 0;
}

struct rk_logs *rk_logs_close(struct rk_logs *logs)
{
	if (logs == NULL)
		return NULL;
	ev_timer_stop(logs->opts.loop, &logs->poll);
	for (unsigned i = 0; i < logs->count; i++)
		(void)close(logs->fds[i]);
	rk_buf_done(&logs->line);
	free(logs);
	return NULL;
}
