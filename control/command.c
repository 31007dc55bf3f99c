#include "control/command.h"

#include <stdlib.h>

struct rk_changes *rk_changes_ref(struct rk_changes *changes)
{
	if (changes != NULL)
		atomic_fetch_add_explicit(&changes->refs, 1, memory_order_relaxed);
	return changes;
}

struct rk_changes *rk_changes_unref(struct rk_changes *changes)
{
	if (changes == NULL || atomic_fetch_sub_explicit(&changes->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	for (uint32_t i = 0; i < changes->count; i++) {
		(void)rk_blob_unref(changes->at[i].key);
		(void)rk_blob_unref(changes->at[i].before);
		(void)rk_blob_unref(changes->at[i].after);
	}
	free(changes);
	return NULL;
}
