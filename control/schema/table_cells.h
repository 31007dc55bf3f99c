/* control/schema/table_cells.h - how the cells of a row are written; a file for each group of
 * kinds. */
#ifndef RK_CONTROL_SCHEMA_TABLE_CELLS_H
#define RK_CONTROL_SCHEMA_TABLE_CELLS_H

#include "base/buf.h"
#include "control/schema/kinds.h"
#include "wire/val.h"

struct rk_cells {
	struct rk_arena *arena;
	struct rk_val *list;
	int64_t now_ms;
};

typedef void rk_row(const struct rk_cells *cells, const struct rk_val *object);

rk_row rk_row_pod, rk_row_deployment, rk_row_replicaset, rk_row_service, rk_row_endpoints,
	rk_row_endpointslice;
rk_row rk_row_node, rk_row_event, rk_row_namespace, rk_row_configmap, rk_row_secret,
	rk_row_serviceaccount, rk_row_lease;

/* Of a custom kind: what its columns' paths find. */
void rk_row_custom(const struct rk_cells *cells, const struct rk_kind *kind,
		   const struct rk_val *object);

void rk_cell_text(const struct rk_cells *cells, struct rk_span text);
void rk_cell_or(const struct rk_cells *cells, struct rk_span text,
		const char *otherwise); /* when it is empty */
void rk_cell_int(const struct rk_cells *cells, int64_t value);
void rk_cell_buf(const struct rk_cells *cells,
		 struct rk_buf *text); /* copies, and frees the buffer */
void rk_cell_name(const struct rk_cells *cells, const struct rk_val *object);
/* How long ago that time was; "<unknown>" when it is not given. */
struct rk_span rk_cell_since(const struct rk_cells *cells, struct rk_span time);
void rk_cell_age(const struct rk_cells *cells, const struct rk_val *object); /* of its creation */

#endif
