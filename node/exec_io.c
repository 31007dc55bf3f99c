#include "node/exec_io.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/mem.h"

#define KILL_AFTER_S 5.0

struct output {
	struct command *exec;
	int fd, channel;
	ev_io readable;
};

struct command {
	struct rk_exec base;
	struct rk_exec_opts opts;
	pid_t pid;
	int pidfd, code;
	bool has_exited, is_closed, wants_input_end, was_full;
	int input; /* write end, or the terminal's master; -1: closed */
	int pty;   /* -1: none; it is also outputs[0].fd and input (as copies) */
	struct rk_buf queue;
	struct output outputs[2];
	ev_io writable, ended;
	ev_timer kill;
};

static void exec_free(struct command *exec)
{
	struct ev_loop *loop = exec->opts.loop;

	for (int i = 0; i < 2; i++) {
		ev_io_stop(loop, &exec->outputs[i].readable);
		if (exec->outputs[i].fd >= 0)
			(void)close(exec->outputs[i].fd);
	}
	ev_io_stop(loop, &exec->writable);
	ev_io_stop(loop, &exec->ended);
	ev_timer_stop(loop, &exec->kill);
	if (exec->input >= 0)
		(void)close(exec->input);
	if (exec->pidfd >= 0)
		(void)close(exec->pidfd);
	rk_buf_done(&exec->queue);
	free(exec);
}

static void check_end(struct command *exec)
{
	if (!exec->has_exited ||
	    (!exec->is_closed && (exec->outputs[0].fd >= 0 || exec->outputs[1].fd >= 0)))
		return;
	if (!exec->is_closed)
		exec->opts.ended(exec->opts.context, exec->code);
	exec_free(exec);
}

static void close_output(struct output *output)
{
	ev_io_stop(output->exec->opts.loop, &output->readable);
	(void)close(output->fd);
	output->fd = -1;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct output *output = watcher->data;
	struct command *exec = output->exec;
	uint8_t bytes[16384];
	const ssize_t got = read(output->fd, bytes, sizeof bytes);

	(void)loop, (void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		exec->opts.data(exec->opts.context, output->channel,
				rk_span_of(bytes, (size_t)got));
		return;
	}
	close_output(output); /* a terminal whose last user is gone reads as EIO */
	check_end(exec);
}

static void on_ended(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct command *exec = watcher->data;
	int status = 0;

	(void)events;
	if (waitpid(exec->pid, &status, WNOHANG) == 0)
		return;
	ev_io_stop(loop, &exec->ended);
	exec->has_exited = true;
	exec->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	check_end(exec);
}

static void close_input(struct command *exec)
{
	ev_io_stop(exec->opts.loop, &exec->writable);
	if (exec->input >= 0)
		(void)close(exec->input);
	exec->input = -1;
	rk_buf_clear(&exec->queue);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct command *exec = watcher->data;
	const ssize_t wrote = write(exec->input, exec->queue.data, exec->queue.size);

	(void)events;
	if (wrote < 0 && errno != EAGAIN && errno != EINTR) {
		/* Nobody reads any more; what comes from now on is dropped, so it may come. */
		close_input(exec);
		if (exec->was_full)
			exec->opts.input_drained(exec->opts.context);
		exec->was_full = false;
		return;
	}
	if (wrote > 0)
		rk_buf_consume(&exec->queue, (size_t)wrote);
	if (exec->queue.size == 0) {
		ev_io_stop(loop, &exec->writable);
		if (exec->wants_input_end)
			close_input(exec);
	}
	if (exec->was_full && exec->queue.size < RK_EXEC_INPUT_MAX / 2) {
		exec->was_full = false;
		exec->opts.input_drained(exec->opts.context);
	}
}

static bool command_write(struct rk_exec *base, struct rk_span bytes)
{
	struct command *exec = RK_CONTAINER(base, struct command, base);

	if (exec->input < 0 || exec->wants_input_end)
		return true; /* nobody reads: dropped, as a closed pipe does */
	rk_buf_put_span(&exec->queue, bytes);
	if (exec->queue.size > 0)
		ev_io_start(exec->opts.loop, &exec->writable);
	exec->was_full = exec->queue.size >= RK_EXEC_INPUT_MAX;
	return !exec->was_full;
}

static void command_close_input(struct rk_exec *base)
{
	static const uint8_t end_of_input = 4; /* what Ctrl-D sends */
	struct command *exec = RK_CONTAINER(base, struct command, base);

	if (exec->pty >= 0) {
		(void)command_write(base, rk_span_of(&end_of_input, 1));
		return;
	}
	exec->wants_input_end = true;
	if (exec->queue.size == 0)
		close_input(exec);
}

static void command_resize(struct rk_exec *base, unsigned width, unsigned height)
{
	const struct command *exec = RK_CONTAINER(base, struct command, base);
	const struct winsize size = { .ws_col = (unsigned short)RK_MIN(width, 65535u),
				      .ws_row = (unsigned short)RK_MIN(height, 65535u) };

	if (exec->pty >= 0 && exec->outputs[0].fd >= 0)
		(void)ioctl(exec->outputs[0].fd, TIOCSWINSZ, &size);
}

static void command_pause(struct rk_exec *base, bool is_paused)
{
	struct command *exec = RK_CONTAINER(base, struct command, base);

	for (int i = 0; i < 2; i++) {
		if (exec->outputs[i].fd < 0)
			continue;
		if (is_paused)
			ev_io_stop(exec->opts.loop, &exec->outputs[i].readable);
		else
			ev_io_start(exec->opts.loop, &exec->outputs[i].readable);
	}
}

static void command_close(struct rk_exec *base)
{
	struct command *exec = RK_CONTAINER(base, struct command, base);

	exec->is_closed = true;
	close_input(exec);
	for (int i = 0; i < 2; i++)
		if (exec->outputs[i].fd >= 0)
			close_output(&exec->outputs[i]);
	if (exec->has_exited) {
		exec_free(exec);
		return;
	}
	(void)kill(exec->pid, SIGHUP); /* the runtime hands signals on */
	ev_timer_start(exec->opts.loop, &exec->kill);
}

static void command_abandon(struct rk_exec *base)
{
	struct command *exec = RK_CONTAINER(base, struct command, base);

	if (!exec->has_exited)
		(void)kill(exec->pid, SIGHUP);
	exec_free(exec);
}

static const struct rk_exec_ops ops = {
	.write = command_write,
	.close_input = command_close_input,
	.resize = command_resize,
	.pause = command_pause,
	.close = command_close,
	.abandon = command_abandon,
};

/* --- starting --- */

static _Noreturn void run_child(const struct rk_exec_opts *opts, const int fds[3])
{
	char root[RK_PATH_MAX], pod[80];
	char *argv[RK_EXEC_ARGS_MAX + 8];
	char *const envp[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
			       (char[]){ "TERM=xterm" }, NULL };
	size_t count = 0;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setsid();
	for (int i = 0; i < 3; i++)
		(void)dup2(fds[i], i);
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	if (opts->has_tty)
		(void)ioctl(0, TIOCSCTTY, 0);
	(void)snprintf(pod, sizeof pod, "pod%.*s", RK_SPAN_ARGS(opts->uid));
	if (rk_cgroups_enter(&opts->oci->cgroups, pod, NULL) < 0)
		_exit(126);
	rk_path(root, "--root=%s/run", opts->oci->dir);
	argv[count++] = rk_strdup(opts->oci->runtime);
	argv[count++] = root;
	argv[count++] = rk_strdup("exec");
	if (opts->has_tty)
		argv[count++] = rk_strdup("--tty");
	argv[count++] = rk_strdup(opts->id);
	for (size_t i = 0; opts->words[i] != NULL && i < RK_EXEC_ARGS_MAX; i++)
		argv[count++] = rk_strdup(opts->words[i]);
	argv[count] = NULL;
	(void)execve(opts->oci->runtime, argv, envp);
	_exit(126);
}

struct ends { /* descriptors of one start: ours, and the child's */
	int ours[3], theirs[3];
};

static void drop_ends(struct ends *ends)
{
	for (int i = 0; i < 3; i++) {
		if (ends->ours[i] >= 0)
			(void)close(ends->ours[i]);
		if (ends->theirs[i] >= 0)
			(void)close(ends->theirs[i]);
	}
}

static int open_pipes(struct ends *ends, bool has_stdin, struct rk_error *error)
{
	for (int i = 0; i < 3; i++) {
		int pair[2];

		if (i == 0 && !has_stdin) {
			ends->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
			continue;
		}
		if (pipe2(pair, O_CLOEXEC) < 0)
			return rk_fail_errno(error, "pipe");
		ends->ours[i] = pair[i == 0 ? 1 : 0];
		ends->theirs[i] = pair[i == 0 ? 0 : 1];
	}
	return 0;
}

static int open_terminal(struct ends *ends, bool has_stdin, struct rk_error *error)
{
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		return rk_fail_errno(error, "open a terminal");
	(void)fcntl(master, F_SETFD, FD_CLOEXEC);
	(void)fcntl(slave, F_SETFD, FD_CLOEXEC);
	ends->ours[1] = master;
	ends->ours[0] = has_stdin ? fcntl(master, F_DUPFD_CLOEXEC, 3) : -1;
	ends->theirs[0] = slave;
	ends->theirs[1] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	ends->theirs[2] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static void watch_output(struct command *exec, int at, int fd)
{
	struct output *output = &exec->outputs[at];

	*output = (struct output){ .exec = exec, .fd = fd, .channel = at + 1 };
	ev_io_init(&output->readable, on_readable, fd, EV_READ);
	output->readable.data = output;
	if (fd < 0)
		return;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	ev_io_start(exec->opts.loop, &output->readable);
}

static void on_kill(struct ev_loop *loop, ev_timer *timer, int events)
{
	const struct command *exec = timer->data;

	(void)loop, (void)events;
	(void)kill(exec->pid, SIGKILL);
}

static struct command *watch_all(const struct rk_exec_opts *opts, pid_t pid, int pidfd,
				 struct ends *ends)
{
	struct command *exec = rk_zalloc(sizeof *exec);

	exec->base.ops = &ops;
	exec->opts = *opts;
	exec->opts.words = NULL;
	exec->pid = pid;
	exec->pidfd = pidfd;
	exec->pty = opts->has_tty ? ends->ours[1] : -1;
	exec->input = rk_take_fd(&ends->ours[0]);
	watch_output(exec, 0, rk_take_fd(&ends->ours[1]));
	watch_output(exec, 1, rk_take_fd(&ends->ours[2]));
	ev_io_init(&exec->writable, on_writable, exec->input, EV_WRITE);
	ev_io_init(&exec->ended, on_ended, pidfd, EV_READ);
	ev_timer_init(&exec->kill, on_kill, KILL_AFTER_S, 0);
	exec->writable.data = exec->ended.data = exec->kill.data = exec;
	if (exec->input >= 0)
		(void)fcntl(exec->input, F_SETFL, O_NONBLOCK);
	ev_io_start(opts->loop, &exec->ended);
	return exec;
}

int rk_exec_start(struct rk_exec **ret, const struct rk_exec_opts *opts, struct rk_error *error)
{
	RK_AUTO(drop_ends) struct ends ends = { { -1, -1, -1 }, { -1, -1, -1 } };

	if (opts->words == NULL)
		return rk_attach_start(ret, opts, error);
	RK_TRY(opts->has_tty ? open_terminal(&ends, opts->has_stdin, error)
			     : open_pipes(&ends, opts->has_stdin, error));
	const pid_t pid = fork();
	if (pid == 0)
		run_child(opts, ends.theirs);
	if (pid < 0)
		return rk_fail_errno(error, "fork");
	const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		const int code = rk_fail_errno(error, "pidfd_open");
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return code;
	}
	(void)fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	*ret = &watch_all(opts, pid, pidfd, &ends)->base;
	return 0;
}

void rk_exec_status(struct rk_buf *out, int code)
{
	if (code == 0)
		rk_buf_put_str(out, "{\"metadata\":{},\"status\":\"Success\"}");
	else
		rk_buf_printf(
			out,
			"{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated "
			"with non-zero "
			"exit code: exit "
			"%d\",\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":"
			"\"ExitCode\",\"message\":\"%d\"}]}}",
			code, code);
}
