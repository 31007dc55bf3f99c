/* reckon sim: the cluster's own code under virtual time, with every fault, from a seed. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "sim/pool_io.h"

static int run(int argc, char **argv);

const struct rk_command rk_command_sim = {
	.name = "sim",
	.usage = "[--seed S | --seeds N | --for TIME]",
	.summary = "Run simulated clusters with every fault there is, and check what they promise",
	.examples = "  reckon sim --seeds 1000              # a thousand clusters, each with troubles of its own\n"
		    "  reckon sim --for 10m --from 100000   # as many as fit, from that seed on\n"
		    "  reckon sim --seed 4711               # one of them again, telling what happens\n",
	.run = run,
	.section = "The log",
};

static void print_report(const struct sim_pool_result *result)
{
	const double seconds = (double)result->elapsed_ms / 1000;

	for (int i = 0; i < SIM_COUNT_LAST; i++)
		(void)printf("%12" PRIu64 "  %s\n", result->sum.counts[i],
			     sim_count_name((enum sim_count)i));
	(void)printf("%12" PRIu64 "  seeds, %.1f a second, %.1f simulated hours in %.1f s (%.0f times real time)\n",
		     result->seeds, (double)result->seeds / RK_MAX(seconds, 0.001),
		     (double)result->sum.virtual_ms / 3600000, seconds,
		     (double)result->sum.virtual_ms / 1000 / RK_MAX(seconds, 0.001));
	(void)printf("%12" PRIu64 "  failed\n", result->failed);
}

/* False: something of what is promised (sim/sim.h) never happened. */
static bool check_complete(const struct sim_pool_result *result)
{
	bool all = true;

	for (int i = 0; i < SIM_COUNT_LAST; i++) {
		if (result->sum.counts[i] != 0)
			continue;
		(void)printf("NEVER HAPPENED: %s\n", sim_count_name((enum sim_count)i));
		all = false;
	}
	return all;
}

static int run_one(uint64_t seed, bool quiet)
{
	struct sim_params params;
	struct sim_result result;

	sim_params_draw(seed, &params);
	const bool good = sim_run(&params, !quiet, &result);
	for (int i = 0; i < SIM_COUNT_LAST; i++)
		if (result.counts[i] != 0)
			(void)printf("%12" PRIu64 "  %s\n", result.counts[i],
				     sim_count_name((enum sim_count)i));
	(void)printf("seed %" PRIu64 ": %u nodes, %.1f s of virtual time: %s\n", seed, params.nodes,
		     (double)result.virtual_ms / 1000, good ? "good" : result.failure);
	return good ? 0 : 1;
}

static int run(int argc, char **argv)
{
	int64_t seed = -1, seeds = 0, from = 1, for_ms = 0, workers = 0;
	bool quiet = false, all_faults = false;
	const struct rk_flag flags[] = {
		{ "seed", 0, RK_FLAG_NUMBER, &seed, "S", "Run this one, and tell what happens", NULL },
		{ "seeds", 0, RK_FLAG_NUMBER, &seeds, "N", "Run so many (default 100)", NULL },
		{ "from", 0, RK_FLAG_NUMBER, &from, "S", "The first one (default 1)", NULL },
		{ "for", 0, RK_FLAG_DURATION, &for_ms, "TIME", "Run for so long instead", NULL },
		{ "workers", 0, RK_FLAG_NUMBER, &workers, "N",
		  "Processes (default: one for each processor)", NULL },
		{ "all-faults", 0, RK_FLAG_BOOL, &all_faults, NULL,
		  "Fail when a fault of the list never struck: then more seeds are needed", NULL },
		{ "quiet", 'q', RK_FLAG_BOOL, &quiet, NULL, "With --seed: only the outcome", NULL },
		{ 0 }
	};
	struct sim_pool_result result;
	int status;

	if (!rk_cli_begin(&rk_command_sim, flags, &argc, argv, NULL, &status))
		return status;
	if (argc != 0 || seeds < 0 || from < 0 || for_ms < 0 || workers < 0)
		return rk_cli_fail(&(struct rk_error){ RK_EINVAL, "sim takes flags only: see --help" });
	if (seed >= 0)
		return run_one((uint64_t)seed, quiet);
	const struct sim_pool_opts opts = {
		.first = (uint64_t)from,
		.count = seeds != 0 || for_ms != 0 ? (uint64_t)seeds : 100,
		.for_ms = (uint64_t)for_ms,
		.workers = (uint32_t)workers,
		.shows_progress = isatty(STDERR_FILENO) != 0,
	};
	if (!sim_pool(&opts, &result))
		return rk_cli_fail(&(struct rk_error){ RK_ENOMEM, "cannot start a process" });
	print_report(&result);
	for (uint32_t i = 0; i < result.failures_count; i++)
		(void)printf("FAILED: %s\n        again: reckon sim --seed %" PRIu64 "\n",
			     result.failures[i].text, result.failures[i].seed);
	const bool is_complete = !all_faults || check_complete(&result);
	return result.failed == 0 && is_complete ? 0 : 1;
}
