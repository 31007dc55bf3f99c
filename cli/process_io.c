#include "cli/process_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/files_io.h"

#define FILE_MAX (64u << 20)

static void pause_ms(long ms)
{
	const struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&span, NULL);
}

static void path_of(char path[RK_PATH_MAX], const struct rk_process *process, const char *name)
{
	(void)snprintf(path, RK_PATH_MAX, "%s/%s", process->dir, name);
}

int rk_process_enter(const struct rk_process *process, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	if (process->cgroup != NULL) {
		(void)snprintf(path, sizeof path, "%s/cgroup.procs", process->cgroup);
		RK_AUTO(rk_drop_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			return rk_fail_errno(error, "cannot join the control group %s",
					     process->cgroup);
	}
	if (process->netns != NULL) {
		(void)snprintf(path, sizeof path, "/run/netns/%s", process->netns);
		RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
			return rk_fail_errno(error, "cannot enter the network namespace %s",
					     process->netns);
	}
	return RK_OK;
}

int rk_process_become(const struct rk_process *process, char *const *argv, struct rk_error *error)
{
	RK_TRY(rk_process_enter(process, error));
	(void)execvp(argv[0], argv);
	return rk_fail_errno(error, "cannot run %s", argv[0]);
}

static void close_above(int first)
{
	for (int fd = first; fd < 1024; fd++)
		(void)close(fd);
}

#define SAY_FD 3 /* the child's: says what went wrong before exec, and closes by itself with it */

/* In the child; leaves by exec or by _exit. */
_Noreturn static void detached(const struct rk_process *process, char *const *argv, int log_fd,
			       int say_fd)
{
	const int null_fd = open("/dev/null", O_RDWR);
	struct rk_error error = { .text = "cannot start" };
	sigset_t none;

	(void)setsid();
	(void)dup2(null_fd, STDIN_FILENO);
	(void)dup2(log_fd, STDOUT_FILENO);
	(void)dup2(log_fd, STDERR_FILENO);
	if (say_fd != SAY_FD)
		(void)dup3(say_fd, SAY_FD, O_CLOEXEC);
	close_above(SAY_FD + 1);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (rk_process_enter(process, &error) == RK_OK)
		(void)execv("/proc/self/exe", argv);
	if (write(SAY_FD, error.text, strlen(error.text)) < 0)
		_exit(126);
	_exit(127);
}

/* Waits until the child is the program that it shall be, so that it can be told from a stranger
 * from then on. */
static int await_exec(int fd, struct rk_error *error)
{
	char text[256] = { 0 };

	return read(fd, text, sizeof text - 1) > 0 ? rk_fail(error, RK_EIO, "%s", text) : RK_OK;
}

int rk_process_start(const struct rk_process *process, char *const *argv, struct rk_error *error)
{
	char path[RK_PATH_MAX], text[32];
	int pipe_fds[2];

	RK_TRY(rk_dir_make(process->dir, 0700, error));
	path_of(path, process, "log");
	RK_AUTO(rk_drop_fd)
	int log_fd = open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return rk_fail_errno(error, "cannot start a process");
	const pid_t pid = fork();
	if (pid == 0)
		detached(process, argv, log_fd, pipe_fds[1]);
	(void)close(pipe_fds[1]);
	RK_AUTO(rk_drop_fd) int hears = pipe_fds[0];
	if (pid < 0)
		return rk_fail_errno(error, "cannot start a process");
	RK_TRY(await_exec(hears, error));
	(void)snprintf(text, sizeof text, "%d\n", (int)pid);
	path_of(path, process, "pid");
	return rk_file_write(path, rk_span_str(text), 0644, true, error);
}

/* The file may be old and its number somebody else's now: what it runs must name this directory. */
static bool is_ours(pid_t pid, const struct rk_process *process)
{
	char path[64];
	RK_AUTO(rk_buf_done) struct rk_buf line = { 0 };

	(void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	if (rk_file_read(path, FILE_MAX, &line, NULL) < 0 || line.size == 0)
		return false;
	return memmem(line.data, line.size, process->dir, strlen(process->dir)) != NULL;
}

pid_t rk_process_find(const struct rk_process *process)
{
	char path[RK_PATH_MAX];
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	path_of(path, process, "pid");
	if (rk_file_read(path, FILE_MAX, &text, NULL) < 0)
		return 0;
	const long pid = strtol(rk_buf_cstr(&text), NULL, 10);
	if (pid <= 1)
		return 0;
	(void)waitpid((pid_t)pid, NULL, WNOHANG); /* it may be our own child */
	return is_ours((pid_t)pid, process) ? (pid_t)pid : 0;
}

void rk_process_stop(const struct rk_process *process, unsigned grace_ms)
{
	char path[RK_PATH_MAX];
	pid_t pid = rk_process_find(process);

	if (pid != 0)
		(void)kill(pid, SIGTERM);
	for (unsigned waited = 0; pid != 0 && waited < grace_ms; waited += 20) {
		pause_ms(20);
		pid = rk_process_find(process);
	}
	if (pid != 0)
		(void)kill(pid, SIGKILL);
	for (unsigned waited = 0; pid != 0 && waited < 2000; waited += 10) {
		pause_ms(10);
		pid = rk_process_find(process);
	}
	path_of(path, process, "pid");
	(void)unlink(path);
}

void rk_process_last_words(const struct rk_process *process, char *ret, size_t size)
{
	char path[RK_PATH_MAX];
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	ret[0] = '\0';
	path_of(path, process, "log");
	if (rk_file_read(path, FILE_MAX, &text, NULL) < 0)
		return;
	size_t end = text.size;
	while (end > 0 && text.data[end - 1] == '\n')
		end--;
	size_t start = end;
	while (start > 0 && text.data[start - 1] != '\n')
		start--;
	(void)snprintf(ret, size, "%.*s", (int)(end - start), (const char *)text.data + start);
}

int rk_run(struct rk_error *error, const char *const *argv)
{
	int pipe_fds[2];
	char text[256] = { 0 };
	size_t used = 0;
	int status = 0;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return rk_fail_errno(error, "cannot run %s", argv[0]);
	const pid_t pid = fork();
	if (pid == 0) {
		union {
			const char *const *given;
			char *const *plain;
		} words = { argv };
		(void)dup2(pipe_fds[1], STDOUT_FILENO);
		(void)dup2(pipe_fds[1], STDERR_FILENO);
		(void)execvp(argv[0], words.plain);
		_exit(127);
	}
	(void)close(pipe_fds[1]);
	for (;;) {
		char byte;
		const ssize_t got = read(pipe_fds[0], &byte, 1);
		if (got <= 0)
			break;
		if (used + 1 < sizeof text)
			text[used++] = byte == '\n' ? ' ' : byte;
	}
	(void)close(pipe_fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return rk_fail_errno(error, "cannot run %s", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return RK_OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && used == 0)
		return rk_fail(error, RK_ENOENT, "%s is not installed", argv[0]);
	return rk_fail(error, RK_EIO, "%s %s: %s", argv[0], argv[1] != NULL ? argv[1] : "", text);
}
