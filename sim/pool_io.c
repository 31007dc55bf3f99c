#include "sim/pool_io.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"

struct shared { /* by all workers: one writes each part */
	atomic_uint_fast64_t next; /* seed */
	atomic_bool stops;
	struct slot {
		pid_t pid;
		atomic_uint_fast64_t seed; /* that it runs; 0: none */
		uint64_t done, failed;
		struct sim_result sum;
		uint32_t failures_count;
		struct {
			uint64_t seed;
			char text[256];
		} failures[SIM_FAILURES_MAX];
	} slots[SIM_WORKERS_MAX];
};

static void note_failure(struct slot *slot, uint64_t seed, const char *text)
{
	slot->failed++;
	if (slot->failures_count == SIM_FAILURES_MAX)
		return;
	slot->failures[slot->failures_count].seed = seed;
	(void)snprintf(slot->failures[slot->failures_count].text,
		       sizeof slot->failures[0].text, "%.255s", text);
	slot->failures_count++;
}

static void add(struct sim_result *sum, const struct sim_result *more)
{
	sum->virtual_ms += more->virtual_ms;
	for (int i = 0; i < SIM_COUNT_LAST; i++)
		sum->counts[i] += more->counts[i];
}

static void work(struct shared *shared, struct slot *slot, const struct sim_pool_opts *opts,
		 uint64_t until_ms)
{
	while (!atomic_load(&shared->stops) && (until_ms == 0 || rk_clock_mono_ms() < until_ms)) {
		const uint64_t seed = atomic_fetch_add(&shared->next, 1);
		struct sim_params params;
		struct sim_result result;
		if (opts->count != 0 && seed >= opts->first + opts->count)
			break;
		atomic_store(&slot->seed, seed);
		sim_params_draw(seed, &params);
		const bool good = sim_run(&params, false, &result);
		slot->done++;
		add(&slot->sum, &result);
		if (!good)
			note_failure(slot, seed, result.failure);
		if (!good && opts->stop_at_first)
			atomic_store(&shared->stops, true);
	}
	atomic_store(&slot->seed, 0);
}

static bool start(struct shared *shared, struct slot *slot, const struct sim_pool_opts *opts,
		  uint64_t until_ms)
{
	(void)fflush(NULL);
	const pid_t pid = fork();
	if (pid == 0) {
		work(shared, slot, opts, until_ms);
		_exit(0);
	}
	slot->pid = pid; /* the child must not write it: the memory is shared */
	return pid > 0;
}

/* A worker that died in a run: that is a finding, and another goes on in its place. */
static void reap(struct shared *shared, struct slot *slot, const struct sim_pool_opts *opts,
		 uint64_t until_ms, int status)
{
	char text[64];
	const uint64_t seed = atomic_load(&slot->seed);

	slot->pid = 0;
	if (seed == 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return;
	(void)snprintf(text, sizeof text, "the process ended by signal %d",
		       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	note_failure(slot, seed, text);
	slot->done++;
	atomic_store(&slot->seed, 0);
	if (opts->stop_at_first)
		atomic_store(&shared->stops, true);
	(void)start(shared, slot, opts, until_ms);
}

static void progress(const struct shared *shared, uint32_t workers, uint64_t elapsed_ms)
{
	uint64_t done = 0, failed = 0;

	for (uint32_t i = 0; i < workers; i++) {
		done += shared->slots[i].done;
		failed += shared->slots[i].failed;
	}
	(void)fprintf(stderr, "\r%llu seeds, %llu failed, %llu s ", (unsigned long long)done,
		      (unsigned long long)failed, (unsigned long long)(elapsed_ms / 1000));
}

static int by_seed(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void gather(const struct shared *shared, uint32_t workers, struct sim_pool_result *ret)
{
	for (uint32_t i = 0; i < workers; i++) {
		const struct slot *slot = &shared->slots[i];
		ret->seeds += slot->done;
		ret->failed += slot->failed;
		add(&ret->sum, &slot->sum);
		for (uint32_t k = 0;
		     k < slot->failures_count && ret->failures_count < SIM_FAILURES_MAX; k++)
			memcpy(&ret->failures[ret->failures_count++], &slot->failures[k],
			       sizeof ret->failures[0]);
	}
	qsort(ret->failures, ret->failures_count, sizeof ret->failures[0], by_seed);
}

static void wait_for_all(struct shared *shared, const struct sim_pool_opts *opts, uint32_t workers,
			 uint64_t started_ms, uint64_t until_ms)
{
	for (uint32_t running = workers; running > 0;) {
		running = 0;
		for (uint32_t i = 0; i < workers; i++) {
			struct slot *slot = &shared->slots[i];
			int status;
			if (slot->pid > 0 && waitpid(slot->pid, &status, WNOHANG) == slot->pid)
				reap(shared, slot, opts, until_ms, status);
			running += slot->pid > 0;
		}
		if (running == 0)
			break;
		(void)usleep(20000);
		if (opts->shows_progress)
			progress(shared, workers, rk_clock_mono_ms() - started_ms);
	}
	if (opts->shows_progress)
		(void)fprintf(stderr, "\r%40s\r", "");
}

bool sim_pool(const struct sim_pool_opts *opts, struct sim_pool_result *ret)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const uint32_t wished = opts->workers != 0 ? opts->workers
						   : (uint32_t)RK_MAX(processors, 1);
	const uint32_t workers = RK_MIN(wished, (uint32_t)SIM_WORKERS_MAX);
	const uint64_t started_ms = rk_clock_mono_ms();
	const uint64_t until_ms = opts->for_ms != 0 ? started_ms + opts->for_ms : 0;
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool any = false;

	*ret = (struct sim_pool_result){ 0 };
	if (shared == MAP_FAILED)
		return false;
	atomic_store(&shared->next, opts->first);
	for (uint32_t i = 0; i < workers; i++)
		any |= start(shared, &shared->slots[i], opts, until_ms);
	wait_for_all(shared, opts, workers, started_ms, until_ms);
	gather(shared, workers, ret);
	ret->elapsed_ms = rk_clock_mono_ms() - started_ms;
	(void)munmap(shared, sizeof *shared);
	return any;
}
