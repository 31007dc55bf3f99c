/* tests/golden/golden.h - recorded logs: what was applied once must give the same state for ever.
 *
 * A file is zstd over entries: index u64, time u64, kind u8 (1: for the machine, 0: raft's own),
 * size u32, payload. Beside NAME.log stands NAME.hash: the state hash after the last entry, as 32
 * hexadecimal digits. */
#ifndef RK_TESTS_GOLDEN_GOLDEN_H
#define RK_TESTS_GOLDEN_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct golden_entry {
	uint64_t index;
	int64_t time_ms;
	bool is_command;
	uint32_t size;
	uint8_t *payload;
};

bool golden_write(const char *path, const struct golden_entry *entries, size_t count);
/* NULL when it cannot be read. */
struct golden_entry *golden_read(const char *path, size_t *ret_count);

#endif
