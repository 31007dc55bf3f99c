#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static _Noreturn void refused(size_t size)
{
	(void)fprintf(stderr, "reckon: out of memory (%zu bytes refused); stopping\n", size);
	abort();
}

void *rk_alloc(size_t size)
{
	void *memory = malloc(size > 0 ? size : 1);

	if (memory == NULL)
		refused(size);
	return memory;
}

void *rk_zalloc(size_t size)
{
	void *memory = calloc(1, size > 0 ? size : 1);

	if (memory == NULL)
		refused(size);
	return memory;
}

void *rk_realloc(void *old, size_t size)
{
	void *memory = realloc(old, size > 0 ? size : 1);

	if (memory == NULL)
		refused(size);
	return memory;
}

char *rk_strdup(const char *text)
{
	return rk_memdup(text, strlen(text) + 1);
}

char *rk_strdup_span(struct rk_span text)
{
	char *copy = rk_alloc(text.size + 1);

	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return copy;
}

void *rk_memdup(const void *data, size_t size)
{
	void *copy = rk_alloc(size);

	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

void *rk_grow(void *array, size_t *capacity, size_t need, size_t item_size)
{
	size_t next = *capacity > 0 ? *capacity : item_size == 1 ? 64 : 8; /* bytes come in rows */

	if (need <= *capacity && array != NULL)
		return array;
	while (next < need)
		next *= 2;
	*capacity = next;
	return rk_realloc(array, next * item_size);
}
