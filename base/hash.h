/* base/hash.h - checksums and hashes: CRC32C for bytes at rest, XXH3 for state and tables. */
#ifndef RK_BASE_HASH_H
#define RK_BASE_HASH_H

#include "base/span.h"

/* CRC32C (Castagnoli, RFC 3720 appendix B.4) continued from `crc`; start with 0. */
uint32_t rk_crc32c(uint32_t crc, const void *data, size_t size);

/* A 128-bit value that adds up: the hash of a set is the sum of the hashes of its members, so that
 * putting one in or taking one out costs the same whatever the size of the set. */
struct rk_hash128 {
	uint64_t low;
	uint64_t high;
};

uint64_t rk_hash64(struct rk_span bytes, uint64_t seed);        /* XXH3-64 */
struct rk_hash128 rk_hash128(struct rk_span bytes, uint64_t seed); /* XXH3-128 */

#define RK_UUID_TEXT 37 /* with the NUL */
/* These bits as a UUID (RFC 9562): version 4 for random ones, 8 for others. */
void rk_uuid_format(char ret[RK_UUID_TEXT], struct rk_hash128 bits, unsigned version);

static inline bool rk_hash128_eq(struct rk_hash128 a, struct rk_hash128 b)
{
	return a.low == b.low && a.high == b.high;
}

static inline struct rk_hash128 rk_hash128_add(struct rk_hash128 a, struct rk_hash128 b)
{
	const uint64_t low = a.low + b.low;

	return (struct rk_hash128){ low, a.high + b.high + (low < a.low) };
}

static inline struct rk_hash128 rk_hash128_sub(struct rk_hash128 a, struct rk_hash128 b)
{
	return (struct rk_hash128){ a.low - b.low, a.high - b.high - (a.low < b.low) };
}

#endif
