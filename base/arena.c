#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define FIRST_SIZE ((size_t)2 * 1024) /* many a request that stays for hours needs no more */
#define BLOCK_SIZE ((size_t)16 * 1024)
#define ALIGN      ((size_t)16)

struct rk_arena_block {
	struct rk_arena_block *next;
	size_t size;
	_Alignas(16) uint8_t bytes[];
};

void *rk_arena_alloc(struct rk_arena *arena, size_t size)
{
	const size_t need = size > 0 ? (size + ALIGN - 1) & ~(ALIGN - 1) : ALIGN;

	if (need > arena->left) {
		const size_t usual = arena->blocks == NULL ? FIRST_SIZE : BLOCK_SIZE;
		const size_t room = need > usual ? need : usual;
		struct rk_arena_block *block = rk_alloc(sizeof *block + room);
		block->size = room;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->at = block->bytes;
		arena->left = room;
	}
	void *memory = arena->at;
	arena->at += need;
	arena->left -= need;
	arena->used += need;
	return memory;
}

void *rk_arena_zalloc(struct rk_arena *arena, size_t size)
{
	return memset(rk_arena_alloc(arena, size), 0, size);
}

void *rk_arena_grow(struct rk_arena *arena, const void *array, size_t *capacity, size_t count, size_t item_size)
{
	const size_t next = *capacity > 0 ? *capacity * 2 : 4;

	if (count < *capacity)
		return (void *)(uintptr_t)array;
	void *more = rk_arena_alloc(arena, next * item_size);
	if (count > 0)
		memcpy(more, array, count * item_size);
	*capacity = next;
	return more;
}

struct rk_span rk_arena_span(struct rk_arena *arena, struct rk_span from)
{
	uint8_t *copy = rk_arena_alloc(arena, from.size);

	if (from.size > 0)
		memcpy(copy, from.data, from.size);
	return (struct rk_span){ copy, from.size };
}

char *rk_arena_str(struct rk_arena *arena, struct rk_span from)
{
	char *copy = rk_arena_alloc(arena, from.size + 1);

	if (from.size > 0)
		memcpy(copy, from.data, from.size);
	copy[from.size] = '\0';
	return copy;
}

char *rk_arena_printf(struct rk_arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const int need = vsnprintf(NULL, 0, format, args);
	va_end(args);
	rk_assert(need >= 0);
	char *text = rk_arena_alloc(arena, (size_t)need + 1);
	va_start(args, format);
	(void)vsnprintf(text, (size_t)need + 1, format, args);
	va_end(args);
	return text;
}

void rk_arena_reset(struct rk_arena *arena)
{
	struct rk_arena_block *block = arena->blocks;
	struct rk_arena_block *kept = NULL;

	while (block != NULL) {
		struct rk_arena_block *next = block->next;
		if (block->size <= BLOCK_SIZE && (kept == NULL || kept->size < block->size)) {
			free(kept);
			kept = block;
		} else {
			free(block);
		}
		block = next;
	}
	*arena = (struct rk_arena){ 0 };
	if (kept != NULL) {
		kept->next = NULL;
		arena->blocks = kept;
		arena->at = kept->bytes;
		arena->left = kept->size;
	}
}

void rk_arena_done(struct rk_arena *arena)
{
	struct rk_arena_block *block = arena->blocks;

	while (block != NULL) {
		struct rk_arena_block *next = block->next;
		free(block);
		block = next;
	}
	*arena = (struct rk_arena){ 0 };
}
