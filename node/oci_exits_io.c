#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/log_line.h"
#include "node/oci_job.h"

#define ROTATE_EVERY_S     10.0
#define MESSAGE_MAX        4096u
#define MESSAGE_OF_LOG_MAX 2048u

struct rk_oci_live *rk_oci_live_add(struct rk_oci_runtime *runtime, const char *id, const char *log)
{
	struct rk_oci_live *live = rk_zalloc(sizeof *live);

	rk_oci_live_drop(runtime, id);
	(void)snprintf(live->id, sizeof live->id, "%s", id);
	rk_path(live->log, "%s", log);
	live->next = runtime->live;
	runtime->live = live;
	return live;
}

void rk_oci_live_drop(struct rk_oci_runtime *runtime, const char *id)
{
	for (struct rk_oci_live **at = &runtime->live; *at != NULL; at = &(*at)->next) {
		struct rk_oci_live *live = *at;

		if (strcmp(live->id, id) != 0)
			continue;
		*at = live->next;
		free(live);
		return;
	}
}

static bool is_starting(const struct rk_oci_runtime *runtime, const char *id)
{
	for (const struct rk_oci_live *live = runtime->live; live != NULL; live = live->next)
		if (strcmp(live->id, id) == 0)
			return live->is_starting;
	return false;
}

/* "UID", or "UID.NAME.ATTEMPT". False for anything else, such as conmon's temporary files. */
static bool parse_id(const char *id, struct rk_fact *fact)
{
	struct rk_span rest = rk_span_cut(rk_span_str(id), '.', &fact->uid);

	if (fact->uid.size == 0)
		return false;
	if (rest.data == NULL)
		return true;
	rest = rk_span_cut(rest, '.', &fact->container);
	if (rest.data == NULL || rest.size == 0 || rest.size > 9)
		return false;
	for (size_t i = 0; i < rest.size; i++) {
		if (rest.data[i] < '0' || rest.data[i] > '9')
			return false;
		fact->attempt = fact->attempt * 10 + (uint32_t)(rest.data[i] - '0');
	}
	return true;
}

/* The file of the container, or (when it asked for that, failed and wrote none) the end of its log.
 */
static void read_message(const char *bundle, int code, struct rk_buf *out)
{
	RK_AUTO(rk_buf_done) struct rk_buf log_path = { 0 };
	char path[RK_PATH_MAX];
	struct stat info;

	rk_path(path, "%s/termination-log", bundle);
	if (lstat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= (1 << 20))
		(void)rk_file_read(path, 1u << 20, out, NULL); /* no message is fine */
	if (out->size > MESSAGE_MAX)
		out->size = MESSAGE_MAX;
	rk_path(path, "%s/fallback", bundle);
	if (out->size > 0 || code == 0 || rk_file_read(path, RK_PATH_MAX - 1, &log_path, NULL) < 0)
		return;
	RK_AUTO(rk_drop_fd) int fd = open(rk_buf_cstr(&log_path), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		return;
	RK_AUTO(rk_buf_done) struct rk_buf tail = { 0 };
	const off_t from =
		info.st_size > MESSAGE_OF_LOG_MAX ? info.st_size - MESSAGE_OF_LOG_MAX : 0;
	const ssize_t got =
		pread(fd, rk_buf_room(&tail, MESSAGE_OF_LOG_MAX), MESSAGE_OF_LOG_MAX, from);
	tail.size = got > 0 ? (size_t)got : 0;
	struct rk_span rest = rk_buf_span(&tail), line;
	while (rest.data != NULL) {
		struct rk_log_view view = { .limit = -1 };
		rest = rk_span_cut(rest, '\n', &line);
		rk_log_line(&view, line, out);
	}
}

bool rk_oci_exits_check(struct rk_oci_runtime *runtime, const char *id)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 }, message = { 0 };
	struct rk_fact fact = { .kind = RK_FACT_EXITED };
	char path[RK_PATH_MAX], bundle[RK_PATH_MAX], pod[80];
	struct stat info;

	rk_path(path, "%s/exits/%s", runtime->oci.dir, id);
	if (!parse_id(id, &fact) || stat(path, &info) < 0 ||
	    rk_file_read(path, 32, &text, NULL) < 0)
		return false;
	rk_oci_live_drop(runtime, id);
	fact.code = (int)strtol(rk_buf_cstr(&text), NULL, 10);
	fact.time_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
	if (fact.container.size == 0) {
		fact.kind = RK_FACT_SANDBOX_LOST;
		runtime->base.fact(runtime->base.context, &fact);
		return true;
	}
	rk_path(bundle, "%s/pods/%.*s/c/%s", runtime->oci.dir, RK_SPAN_ARGS(fact.uid), id);
	read_message(bundle, fact.code, &message);
	fact.text = rk_buf_span(&message);
	(void)snprintf(pod, sizeof pod, "pod%.*s", RK_SPAN_ARGS(rk_span_sub(fact.uid, 0, 64)));
	fact.is_oom = fact.code != 0 && rk_cgroups_oom_killed(&runtime->oci.cgroups, pod, id);
	runtime->base.fact(runtime->base.context, &fact);
	rk_oci_remove_later(runtime, fact.uid, id);
	return true;
}

static void on_exits(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct rk_oci_runtime *runtime = watcher->data;
	_Alignas(struct inotify_event) uint8_t bytes[4096];
	const ssize_t got = read(runtime->inotify, bytes, sizeof bytes);

	(void)loop, (void)events;
	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= got;) {
		const struct inotify_event *event = (const void *)(bytes + at);

		if (event->len > 0 && !is_starting(runtime, event->name))
			(void)rk_oci_exits_check(runtime, event->name);
		at += (ssize_t)sizeof *event + (ssize_t)event->len;
	}
}

/* --- rotation --- */

/* 0.log.3 -> 0.log.4, ..., 0.log -> 0.log.1; then conmon opens a new file. */
static void rotate(const struct rk_oci_runtime *runtime, const struct rk_oci_live *live)
{
	char from[RK_PATH_MAX + 16], to[RK_PATH_MAX + 16], control[RK_PATH_MAX];
	struct rk_span uid;

	for (int i = RK_LOG_ROTATE_FILES - 1; i > 0; i--) {
		(void)snprintf(to, sizeof to, "%s.%d", live->log, i);
		if (i > 1)
			(void)snprintf(from, sizeof from, "%s.%d", live->log, i - 1);
		else
			(void)snprintf(from, sizeof from, "%s", live->log);
		(void)rename(from, to); /* not there: nothing to keep */
	}
	(void)rk_span_cut(rk_span_str(live->id), '.', &uid);
	rk_path(control, "%s/pods/%.*s/c/%s/ctl", runtime->oci.dir, RK_SPAN_ARGS(uid), live->id);
	RK_AUTO(rk_drop_fd) int fd = open(control, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || write(fd, "2 0 0\n", 6) != 6)
		rk_log(RK_LOG_WARN, "log not reopened", "container=%s", live->id);
}

static void on_rotate(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_oci_runtime *runtime = timer->data;
	struct stat info;

	(void)loop, (void)events;
	for (const struct rk_oci_live *live = runtime->live; live != NULL; live = live->next)
		if (!live->is_starting && stat(live->log, &info) == 0 &&
		    info.st_size > RK_LOG_ROTATE_BYTES)
			rotate(runtime, live);
}

int rk_oci_exits_open(struct rk_oci_runtime *runtime, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/exits", runtime->oci.dir);
	runtime->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (runtime->inotify < 0 ||
	    inotify_add_watch(runtime->inotify, path, IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
		return rk_fail_errno(error, "watch %s", path);
	ev_io_init(&runtime->exits, on_exits, runtime->inotify, EV_READ);
	runtime->exits.data = runtime;
	ev_io_start(runtime->opts.loop, &runtime->exits);
	ev_timer_init(&runtime->rotate, on_rotate, ROTATE_EVERY_S, ROTATE_EVERY_S);
	runtime->rotate.data = runtime;
	ev_timer_start(runtime->opts.loop, &runtime->rotate);
	return 0;
}

void rk_oci_exits_close(struct rk_oci_runtime *runtime)
{
	ev_io_stop(runtime->opts.loop, &runtime->exits);
	ev_timer_stop(runtime->opts.loop, &runtime->rotate);
	if (runtime->inotify >= 0)
		(void)close(runtime->inotify);
	while (runtime->live != NULL)
		rk_oci_live_drop(runtime, runtime->live->id);
}
