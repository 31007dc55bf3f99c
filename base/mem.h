/* base/mem.h - ownership by scope, and allocation that cannot fail silently. */
#ifndef RK_BASE_MEM_H
#define RK_BASE_MEM_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/span.h"

/* Runs drop(&variable) when the variable leaves its scope. */
#define RK_AUTO(drop) __attribute__((cleanup(drop)))

/* These stop the process when memory is refused: a replica that skipped an entry is worse than one
 * that is down, and every buffer whose size an outsider chooses is bounded before it gets here. */
void *rk_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *rk_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *rk_realloc(void *old, size_t size) __attribute__((returns_nonnull));
char *rk_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *rk_strdup_span(struct rk_span text) __attribute__((malloc, returns_nonnull)); /* with a NUL behind it */
void *rk_memdup(const void *data, size_t size) __attribute__((malloc, returns_nonnull));

/* Grows an array of `item_size` elements so that `need` fit; doubles, never shrinks. */
void *rk_grow(void *array, size_t *capacity, size_t need, size_t item_size)
	__attribute__((returns_nonnull));

static inline void rk_drop_mem(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void rk_drop_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void rk_drop_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}

static inline int rk_take_fd(int *fd)
{
	const int taken = *fd;

	*fd = -1;
	return taken;
}

#define rk_take_ptr(pointer)                     \
	({                                       \
		__typeof__(pointer) rk_ptr_ = (pointer); \
		(pointer) = NULL;                \
		rk_ptr_;                         \
	})

#define RK_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RK_CONTAINER(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))
#define RK_MIN(a, b) ((a) < (b) ? (a) : (b))
#define RK_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
