/* control/schema/table.h - server-side printing: the cells of metav1 Tables. */
#ifndef RK_CONTROL_SCHEMA_TABLE_H
#define RK_CONTROL_SCHEMA_TABLE_H

#include "control/schema/kinds.h"

/* columnDefinitions of a Table of this kind. */
struct rk_val *rk_table_columns(struct rk_arena *arena, const struct rk_kind *kind)
	__attribute__((returns_nonnull));
/* The cells of one row: as many as there are columns. Ages are counted at now_ms. */
struct rk_val *rk_table_cells(struct rk_arena *arena, const struct rk_kind *kind,
			      const struct rk_val *object, int64_t now_ms)
	__attribute__((returns_nonnull));
/* The row's conditions ("Completed" for pods that are done), or NULL. */
struct rk_val *rk_table_conditions(struct rk_arena *arena, const struct rk_kind *kind,
				   const struct rk_val *object);
/* The same for a Scale: kind "Scale" has columns, but is no kind of its own. */
struct rk_val *rk_table_scale_columns(struct rk_arena *arena) __attribute__((returns_nonnull));
struct rk_val *rk_table_scale_cells(struct rk_arena *arena, const struct rk_val *object,
				    int64_t now_ms) __attribute__((returns_nonnull));

#endif
