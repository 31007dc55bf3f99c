/* sim/dice.h - every choice of a run comes from one seed. */
#ifndef RK_SIM_DICE_H
#define RK_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct sim_dice {
	uint64_t state;
};

static inline struct sim_dice sim_dice_of(uint64_t seed)
{
	return (struct sim_dice){ seed * UINT64_C(0x9e3779b97f4a7c15) + 0x5851f42d };
}

static inline uint64_t sim_draw(struct sim_dice *dice) /* SplitMix64 */
{
	uint64_t z = (dice->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t sim_below(struct sim_dice *dice, uint64_t limit) /* 0 when limit is 0 */
{
	return limit == 0 ? 0 : (sim_draw(dice) >> 11) % limit;
}

/* With this chance in a million. */
static inline bool sim_chance(struct sim_dice *dice, uint32_t millionths)
{
	return millionths != 0 && sim_below(dice, 1000000) < millionths;
}

#endif
