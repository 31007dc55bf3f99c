#include "base/hash.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdatomic.h>

static uint32_t crc_table[8][256];
static atomic_int crc_table_state; /* 0 empty, 1 being filled, 2 ready */

/* Slicing-by-8 tables for the reflected polynomial 0x82F63B78. */
static void crc_table_fill(void)
{
	int expected = 0;

	if (atomic_compare_exchange_strong(&crc_table_state, &expected, 1)) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t crc = i;
			for (int bit = 0; bit < 8; bit++)
				crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0);
			crc_table[0][i] = crc;
		}
		for (uint32_t i = 0; i < 256; i++)
			for (int slice = 1; slice < 8; slice++)
				crc_table[slice][i] = (crc_table[slice - 1][i] >> 8) ^
						      crc_table[0][crc_table[slice - 1][i] & 0xff];
		atomic_store(&crc_table_state, 2);
	}
	while (atomic_load(&crc_table_state) != 2)
		;
}

static uint32_t crc_by_table(uint32_t crc, const uint8_t *data, size_t size)
{
	if (atomic_load(&crc_table_state) != 2)
		crc_table_fill();
	while (size >= 8) {
		uint32_t low, high;
		memcpy(&low, data, 4);
		memcpy(&high, data + 4, 4);
		low ^= crc;
		crc = crc_table[7][low & 0xff] ^ crc_table[6][(low >> 8) & 0xff] ^
		      crc_table[5][(low >> 16) & 0xff] ^ crc_table[4][low >> 24] ^
		      crc_table[3][high & 0xff] ^ crc_table[2][(high >> 8) & 0xff] ^
		      crc_table[1][(high >> 16) & 0xff] ^ crc_table[0][high >> 24];
		data += 8;
		size -= 8;
	}
	while (size-- > 0)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *data++) & 0xff];
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *data,
							      size_t size)
{
	uint64_t wide = crc;

	while (size >= 8) {
		uint64_t word;
		memcpy(&word, data, 8);
		wide = __builtin_ia32_crc32di(wide, word);
		data += 8;
		size -= 8;
	}
	crc = (uint32_t)wide;
	while (size-- > 0)
		crc = __builtin_ia32_crc32qi(crc, *data++);
	return crc;
}
#endif

uint32_t rk_crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_by_cpu(~crc, data, size);
#endif
	return ~crc_by_table(~crc, data, size);
}

uint64_t rk_hash64(struct rk_span bytes, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

struct rk_hash128 rk_hash128(struct rk_span bytes, uint64_t seed)
{
	const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data, bytes.size, seed);

	return (struct rk_hash128){ hash.low64, hash.high64 };
}

void rk_uuid_format(char ret[RK_UUID_TEXT], struct rk_hash128 bits, unsigned version)
{
	(void)snprintf(ret, RK_UUID_TEXT, "%08x-%04x-%1x%03x-%04x-%012llx", (unsigned)(bits.high >> 32),
		       (unsigned)(bits.high >> 16 & 0xffff), version & 0xf, (unsigned)(bits.high & 0xfff),
		       (unsigned)(0x8000 | (bits.low >> 48 & 0x3fff)),
		       (unsigned long long)(bits.low & 0xffffffffffffu));
}
