/* base/arena.h - memory that is given back all at once: one arena for each request or applied entry. */
#ifndef RK_BASE_ARENA_H
#define RK_BASE_ARENA_H

#include "base/span.h"

struct rk_arena_block;

struct rk_arena { /* all zero is an empty arena */
	struct rk_arena_block *blocks;
	uint8_t *at;
	size_t left;
	size_t used;
};

/* Aligned to 16 bytes, never NULL, not zeroed. */
void *rk_arena_alloc(struct rk_arena *arena, size_t size) __attribute__((returns_nonnull));
void *rk_arena_zalloc(struct rk_arena *arena, size_t size) __attribute__((returns_nonnull));
/* As rk_grow: an array with room for one item more than `count`, twice as large when it had none. What it was stays behind. */
void *rk_arena_grow(struct rk_arena *arena, const void *array, size_t *capacity, size_t count, size_t item_size)
	__attribute__((returns_nonnull));
struct rk_span rk_arena_span(struct rk_arena *arena, struct rk_span from); /* a copy */
char *rk_arena_str(struct rk_arena *arena, struct rk_span from);           /* a copy with a NUL */
char *rk_arena_printf(struct rk_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));
/* Forgets everything; keeps one block for the next round. */
void rk_arena_reset(struct rk_arena *arena);
void rk_arena_done(struct rk_arena *arena);

#endif
