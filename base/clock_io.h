/* base/clock_io.h - the clocks. Only edges read them; inside apply, time is the entry's time. */
#ifndef RK_BASE_CLOCK_IO_H
#define RK_BASE_CLOCK_IO_H

#include <stdint.h>

int64_t rk_clock_wall_ms(void);  /* milliseconds since 1970, may jump */
uint64_t rk_clock_mono_ms(void); /* never goes back; unrelated to the wall clock */
uint64_t rk_clock_mono_ns(void);

#endif
