#include "control/process_io.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"

static uint64_t resident_bytes(void)
{
	unsigned long long total = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return 0;
	const int got = fscanf(file, "%llu %llu", &total, &resident);
	(void)fclose(file);
	return got == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count > 3 ? count - 3 : 0; /* ".", "..", and this one */
}

static uint64_t max_fds(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void rk_metrics_put(struct rk_buf *out, const struct rk_metric *metrics, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rk_buf_printf(out, "# TYPE %s %s\n%s %" PRIu64 "\n", metrics[i].name,
			      metrics[i].type, metrics[i].name, metrics[i].value);
}

void rk_metrics_put_process(struct rk_buf *out)
{
	const uint64_t used = open_fds(), limit = max_fds();
	const struct rk_metric metrics[] = {
		{ "os_fd_used", "gauge", used },
		{ "os_fd_limit", "gauge", limit },
		{ "process_open_fds", "gauge", used },
		{ "process_max_fds", "gauge", limit },
		{ "process_resident_memory_bytes", "gauge", resident_bytes() },
	};

	rk_metrics_put(out, metrics, RK_COUNT(metrics));
	rk_buf_printf(out,
		      "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.2f\n",
		      cpu_seconds());
}
