/* tests/sim/figure8.h - the Raft paper's figure 8, step by step: what a leader may not commit by counting copies. */
#ifndef RK_TESTS_SIM_FIGURE8_H
#define RK_TESTS_SIM_FIGURE8_H

#include <stdbool.h>

/* True: no two members applied different entries at the same place. `*ret_ran`: it came to the end of the story. */
bool figure8_is_safe(bool *ret_ran);

#endif
