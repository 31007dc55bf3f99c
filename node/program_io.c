#include "node/program_io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock_io.h"
#include "base/mem.h"

#define COMMAND_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define OUTPUT_MAX   65536u
#define EXIT_NO_EXEC 127

bool rk_program_find(const char *name, char *path, size_t size)
{
	struct rk_span rest = RK_SPAN(COMMAND_PATH), head;

	while (rest.data != NULL) {
		rest = rk_span_cut(rest, ':', &head);
		(void)snprintf(path, size, "%.*s/%s", RK_SPAN_ARGS(head), name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static _Noreturn void exec_child(const struct rk_program *command, const char *path, int out,
				 int sync)
{
	char variable[64];
	char *const envp[] = { (char[]){ "PATH=" COMMAND_PATH }, (char[]){ "LC_ALL=C" },
			       (char[]){ "HOME=/root" }, sync >= 0 ? variable : NULL, NULL };
	char *argv[64];
	size_t count = 0;

	while (command->argv[count] != NULL && count + 1 < RK_COUNT(argv)) {
		argv[count] = rk_strdup(command->argv[count]);
		count++;
	}
	argv[count] = NULL;
	const int null = open("/dev/null", O_RDONLY);
	(void)dup2(null, 0);
	(void)dup2(out, 1);
	(void)dup2(out, 2);
	if (sync >= 0) {
		(void)snprintf(variable, sizeof variable, "%s=%d", command->sync_variable, sync);
		(void)fcntl(sync, F_SETFD, 0);
	}
	(void)execve(path, argv, envp);
	_exit(EXIT_NO_EXEC);
}

struct run { /* one program being waited for */
	pid_t pid;
	int out, sync;
	struct rk_buf *output, *line;
};

static void drop_run(struct run *run)
{
	if (run->out >= 0)
		(void)close(run->out);
	if (run->sync >= 0)
		(void)close(run->sync);
}

/* Reads what is there; closes the descriptor at its end. */
static void drain(int *fd, struct rk_buf *into)
{
	uint8_t bytes[4096];
	const ssize_t got = read(*fd, bytes, sizeof bytes);

	if (got > 0 && into != NULL && into->size < OUTPUT_MAX)
		rk_buf_put(into, bytes, (size_t)got);
	if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
		(void)close(*fd);
		*fd = -1;
	}
}

static bool line_is_here(const struct run *run)
{
	return run->line != NULL &&
	       (run->sync < 0 ||
		(run->line->size > 0 && memchr(run->line->data, '\n', run->line->size) != NULL));
}

/* Until the output ends, or the line is here. */
static int collect(struct run *run, uint32_t timeout_ms, struct rk_error *error)
{
	const uint64_t deadline = rk_clock_mono_ms() + timeout_ms;

	while (run->out >= 0 || run->sync >= 0) {
		struct pollfd fds[2] = { { run->out, POLLIN, 0 }, { run->sync, POLLIN, 0 } };
		const uint64_t now = rk_clock_mono_ms();

		if (line_is_here(run))
			return 0;
		if (now >= deadline)
			return rk_fail(error, RK_ETIMEDOUT, "not done after %u ms", timeout_ms);
		if (poll(fds, 2, (int)(deadline - now)) < 0 && errno != EINTR)
			return rk_fail_errno(error, "poll");
		if (fds[0].revents != 0)
			drain(&run->out, run->output);
		if (fds[1].revents != 0)
			drain(&run->sync, run->line);
	}
	return 0;
}

static int launch(const struct rk_program *command, struct run *run, struct rk_error *error)
{
	char path[256];
	int out[2], sync[2] = { -1, -1 };

	if (command->argv[0][0] == '/')
		(void)snprintf(path, sizeof path, "%s", command->argv[0]);
	else if (!rk_program_find(command->argv[0], path, sizeof path))
		return rk_fail(error, RK_ENOENT, "the program %s is not installed",
			       command->argv[0]);
	if (pipe2(out, O_CLOEXEC) < 0)
		return rk_fail_errno(error, "pipe");
	if (command->sync != NULL && pipe2(sync, O_CLOEXEC) < 0) {
		(void)close(out[0]);
		(void)close(out[1]);
		return rk_fail_errno(error, "pipe");
	}
	run->pid = fork();
	if (run->pid == 0)
		exec_child(command, path, out[1], sync[1]);
	(void)close(out[1]);
	if (sync[1] >= 0)
		(void)close(sync[1]);
	run->out = out[0];
	run->sync = sync[0];
	if (run->pid < 0)
		return rk_fail_errno(error, "fork");
	return 0;
}

int rk_program_run(const struct rk_program *command, struct rk_buf *output, int *ret_status,
		   struct rk_error *error)
{
	RK_AUTO(drop_run)
	struct run run = { .out = -1, .sync = -1, .output = output, .line = command->sync };
	int status = 0;

	RK_TRY(launch(command, &run, error));
	const int err = collect(&run, command->timeout_ms, error);
	if (err < 0)
		(void)kill(run.pid, SIGKILL);
	while (waitpid(run.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (err < 0)
		return rk_fail_wrap(error, err, "%s", command->argv[0]);
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

static struct rk_span last_line(struct rk_span text)
{
	while (text.size > 0 &&
	       (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == ' '))
		text.size--;
	for (size_t i = text.size; i > 0; i--)
		if (text.data[i - 1] == '\n')
			return rk_span_sub(text, i, text.size);
	return text;
}

struct rk_span rk_program_message(struct rk_span line)
{
	static const char mark[] = " msg=\"";

	line = last_line(line);
	for (size_t i = 0; i + sizeof mark - 1 < line.size; i++) {
		if (memcmp(line.data + i, mark, sizeof mark - 1) != 0)
			continue;
		line = rk_span_sub(line, i + sizeof mark - 1, line.size);
		if (rk_span_ends(line, RK_SPAN("\"")))
			line.size--;
		break;
	}
	return line;
}

int rk_program_check(const struct rk_program *command, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf output = { 0 };
	int status = 0;

	RK_TRY(rk_program_run(command, &output, &status, error));
	if (status != 0)
		return rk_fail(error, RK_EIO, "%s: %.*s", command->argv[0],
			       RK_SPAN_ARGS(rk_span_sub(rk_program_message(rk_buf_span(&output)), 0,
							320)));
	return 0;
}
