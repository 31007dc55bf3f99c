/* Every planted bug (base/mutant.h) must be found by the simulator, each within so many seeds; and without one, none is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "sim/pool_io.h"
#include "tests/sim/figure8.h"

enum rk_mutant rk_mutant = RK_MUTANT_NONE;

#define CLEAN_SEEDS 300
#define QUICK_SEEDS 1000

static const struct {
	const char *name, *what;
} mutants[] = {
	[RK_MUTANT_NONE] = { "none", "the code as it is" },
#define ONE(name, text) [RK_MUTANT_##name] = { #name, text },
	RK_MUTANTS_ALL(ONE)
#undef ONE
};

/* Seeds within which it is to be found; from RK_MUTANT_SEEDS, for looking how many that takes. */
static uint64_t limit_of(enum rk_mutant mutant)
{
	/* What takes several accidents in a row: not among those that run without being named. */
	static const uint64_t slow[RK_MUTANT_COUNT] = {
		[RK_MUTANT_STALE_LEASE] = 10000,
		[RK_MUTANT_READ_UNCONFIRMED] = 20000,
		[RK_MUTANT_OLD_SNAPSHOT] = 5000,
		[RK_MUTANT_WITNESS_DROPS] = 40000,
	};
	const char *given = getenv("RK_MUTANT_SEEDS");

	if (mutant == RK_MUTANT_NONE)
		return CLEAN_SEEDS;
	if (given != NULL)
		return strtoull(given, NULL, 10);
	return slow[mutant] != 0 ? slow[mutant] : QUICK_SEEDS;
}

/* So many accidents in this order would take tens of thousands of seeds: it is told step by step. */
static bool try_figure8(void)
{
	bool ran = false;

	rk_mutant = RK_MUTANT_OLD_TERM_COMMIT;
	const bool is_found = !figure8_is_safe(&ran);
	(void)printf("%-7s %-18s %s: %s by the story of the Raft paper's figure 8\n",
		     is_found ? "ok" : "not ok", mutants[rk_mutant].name, mutants[rk_mutant].what,
		     is_found ? "found" : "not found");
	return is_found && ran;
}

static bool try_one(enum rk_mutant mutant)
{
	if (mutant == RK_MUTANT_OLD_TERM_COMMIT)
		return try_figure8();
	const struct sim_pool_opts opts = { .first = 1,
					    .count = limit_of(mutant),
					    .stop_at_first = true };
	struct sim_pool_result result;

	rk_mutant = mutant;
	if (!sim_pool(&opts, &result))
		return false;
	const bool is_found = result.failed > 0;
	const bool is_good = is_found == (mutant != RK_MUTANT_NONE);
	(void)printf("%-7s %-18s %s: ", is_good ? "ok" : "not ok", mutants[mutant].name,
		     mutants[mutant].what);
	if (is_found)
		(void)printf("found after %" PRIu64 " seeds, by seed %" PRIu64 ": %.*s\n", result.seeds,
			     result.failures[0].seed, (int)strcspn(result.failures[0].text, "\n"),
			     result.failures[0].text);
	else
		(void)printf("nothing found in %" PRIu64 " seeds\n", result.seeds);
	(void)fflush(stdout);
	return is_good;
}

/* Those that are named; "all"; or, without arguments, those that are found soon. */
int main(int argc, char **argv)
{
	unsigned bad = 0;

	for (int mutant = 0; mutant < RK_MUTANT_COUNT; mutant++) {
		bool is_wished = argc == 1 && limit_of((enum rk_mutant)mutant) <= QUICK_SEEDS;
		for (int i = 1; i < argc; i++)
			is_wished |= strcmp(argv[i], mutants[mutant].name) == 0 ||
				     strcmp(argv[i], "all") == 0;
		if (is_wished)
			bad += !try_one((enum rk_mutant)mutant);
	}
	return bad == 0 ? 0 : 1;
}
