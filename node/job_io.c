#include "node/job_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/mem.h"

struct job {
	struct job *next;
	struct rk_jobs *jobs;
	struct rk_job_opts opts;
	char *lane;
	pid_t pid; /* 0: it waits */
	int pipe;
	bool is_late;
	struct rk_buf result;
	ev_io readable;
	ev_timer deadline;
};

struct rk_jobs {
	struct ev_loop *loop;
	unsigned running, running_max;
	struct job *first; /* oldest first */
};

static void start_waiting(struct rk_jobs *jobs);

static void write_all(int fd, struct rk_span bytes)
{
	while (bytes.size > 0) {
		const ssize_t wrote = write(fd, bytes.data, bytes.size);

		if (wrote < 0 && errno != EINTR)
			return;
		if (wrote > 0)
			bytes = rk_span_sub(bytes, (size_t)wrote, bytes.size);
	}
}

/* The child: result = code, text, then what the work gave. */
static _Noreturn void run_child(const struct job *job, int fd)
{
	struct rk_buf out = { 0 }, head = { 0 };
	struct rk_error error = { 0 };
	sigset_t none;

	(void)setpgid(0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (fd != 3)
		(void)dup2(fd, 3);
	(void)fcntl(3, F_SETFD, FD_CLOEXEC);
	(void)syscall(SYS_close_range, 4u, ~0u, 0u);
	const int err = job->opts.work(job->opts.context, &out, &error);
	rk_buf_put_u32(&head, (uint32_t)err);
	rk_buf_put_bytes(&head, rk_span_str(error.text));
	write_all(3, rk_buf_span(&head));
	write_all(3, rk_buf_span(&out));
	_exit(0);
}

static void unlink_job(struct job *job)
{
	struct job **at = &job->jobs->first;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
}

static void finish(struct job *job, int err, struct rk_span out, const struct rk_error *error)
{
	unlink_job(job);
	job->opts.done(job->opts.context, err, out, error);
	rk_buf_done(&job->result);
	free(job->lane);
	free(job);
}

static void ended(struct job *job)
{
	struct rk_jobs *jobs = job->jobs;
	struct rk_reader reader = rk_reader_of(rk_buf_span(&job->result));
	struct rk_error error = { 0 };

	ev_io_stop(jobs->loop, &job->readable);
	ev_timer_stop(jobs->loop, &job->deadline);
	(void)close(job->pipe);
	while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
		;
	jobs->running--;
	int err = (int)rk_read_u32(&reader);
	const struct rk_span text = rk_read_bytes(&reader);
	if (job->is_late)
		err = rk_fail(&error, RK_ETIMEDOUT, "not done after %u s",
			      job->opts.timeout_ms / 1000);
	else if (reader.failed)
		err = rk_fail(&error, RK_EIO, "the job's process died");
	else if (err < 0)
		(void)rk_fail(&error, err, "%.*s", RK_SPAN_ARGS(text));
	finish(job, err, rk_read_raw(&reader, rk_reader_left(&reader)), &error);
	start_waiting(jobs);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct job *job = watcher->data;
	const ssize_t got = read(job->pipe, rk_buf_room(&job->result, 16384), 16384);

	(void)loop, (void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		job->result.size += (size_t)got;
	if (got <= 0 || job->result.size > RK_JOB_RESULT_MAX) {
		if (got > 0)
			(void)kill(-job->pid, SIGKILL);
		ended(job);
	}
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct job *job = timer->data;

	(void)loop, (void)events;
	job->is_late = true;
	(void)kill(-job->pid, SIGKILL);
	(void)kill(job->pid, SIGKILL);
}

static int launch(struct job *job, struct rk_error *error)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return rk_fail_errno(error, "pipe");
	const pid_t pid = fork();
	if (pid == 0)
		run_child(job, pipes[1]);
	(void)close(pipes[1]);
	if (pid < 0) {
		(void)close(pipes[0]);
		return rk_fail_errno(error, "fork");
	}
	(void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	job->pid = pid;
	job->pipe = pipes[0];
	ev_io_init(&job->readable, on_readable, job->pipe, EV_READ);
	job->readable.data = job;
	ev_io_start(job->jobs->loop, &job->readable);
	ev_timer_init(&job->deadline, on_deadline, job->opts.timeout_ms / 1e3, 0);
	job->deadline.data = job;
	ev_now_update(job->jobs->loop);
	ev_timer_start(job->jobs->loop, &job->deadline);
	job->jobs->running++;
	return 0;
}

static bool lane_is_free(const struct rk_jobs *jobs, const struct job *job)
{
	if (job->lane == NULL)
		return true;
	for (const struct job *other = jobs->first; other != job; other = other->next)
		if (other->lane != NULL && strcmp(other->lane, job->lane) == 0)
			return false;
	return true;
}

static void start_waiting(struct rk_jobs *jobs)
{
	struct rk_error error = { 0 };

	for (struct job *job = jobs->first; job != NULL && jobs->running < jobs->running_max;) {
		struct job *next = job->next;

		if (job->pid == 0 && lane_is_free(jobs, job)) {
			const int err = launch(job, &error);
			if (err < 0) {
				finish(job, err, (struct rk_span){ 0 }, &error);
				next = jobs->first; /* the list may have changed */
			}
		}
		job = next;
	}
}

void rk_job_start(struct rk_jobs *jobs, const struct rk_job_opts *opts)
{
	struct job *job = rk_zalloc(sizeof *job);
	struct job **at = &jobs->first;

	job->jobs = jobs;
	job->opts = *opts;
	job->lane = opts->lane != NULL ? rk_strdup(opts->lane) : NULL;
	while (*at != NULL)
		at = &(*at)->next;
	*at = job;
	start_waiting(jobs);
}

unsigned rk_jobs_count(const struct rk_jobs *jobs)
{
	unsigned count = 0;

	for (const struct job *job = jobs->first; job != NULL; job = job->next)
		count++;
	return count;
}

struct rk_jobs *rk_jobs_new(struct ev_loop *loop, unsigned running_max)
{
	struct rk_jobs *jobs = rk_zalloc(sizeof *jobs);

	jobs->loop = loop;
	jobs->running_max = running_max;
	return jobs;
}

struct rk_jobs *rk_jobs_free(struct rk_jobs *jobs)
{
	struct rk_error error = { 0 };

	if (jobs == NULL)
		return NULL;
	(void)rk_fail(&error, RK_ECLOSED, "the agent ends");
	jobs->running_max = 0;
	while (jobs->first != NULL) {
		struct job *job = jobs->first;

		if (job->pid != 0) {
			ev_io_stop(jobs->loop, &job->readable);
			ev_timer_stop(jobs->loop, &job->deadline);
			(void)close(job->pipe);
		}
		finish(job, RK_ECLOSED, (struct rk_span){ 0 }, &error);
	}
	free(jobs);
	return NULL;
}
