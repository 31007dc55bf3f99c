#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim.h"

/* RK_SIM_SEED replays one seed, telling what happens; RK_SIM_SEEDS runs more than the usual number. */
Test(sim, swarm, .timeout = 3600)
{
	const char *one = getenv("RK_SIM_SEED"), *many = getenv("RK_SIM_SEEDS");
	const uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	const uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 60;
	struct sim_result sum = { 0 };
	uint64_t bad = 0;

	for (uint64_t seed = first; seed < first + count; seed++) {
		struct sim_params params;
		struct sim_result result;
		sim_params_draw(seed, &params);
		if (!sim_run(&params, one != NULL, &result)) {
			(void)fprintf(stderr, "RK_SIM_SEED=%llu: %s\n", (unsigned long long)seed,
				      result.failure);
			bad++;
		}
		sum.virtual_ms += result.virtual_ms;
		for (int i = 0; i < SIM_COUNT_LAST; i++)
			sum.counts[i] += result.counts[i];
	}
	for (int i = 0; i < SIM_COUNT_LAST; i++)
		(void)fprintf(stderr, "%10llu  %s\n", (unsigned long long)sum.counts[i],
			      sim_count_name((enum sim_count)i));
	cr_assert_eq(bad, 0);
}
