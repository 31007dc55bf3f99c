/* tests/fuzz/fuzz.h - what every fuzz target has: libFuzzer's entry point, which replay.c calls too. */
#ifndef RK_TESTS_FUZZ_FUZZ_H
#define RK_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
