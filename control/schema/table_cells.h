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

/* A cell made from one place of the object; what `otherwise` means is the writer's own: mostly what
 * stands there when the object has nothing. */
typedef void rk_cell_writer(const struct rk_cells *cells, const struct rk_val *object,
			    const char *path, const char *otherwise);
struct rk_cell_rule {
	rk_cell_writer *write;
	const char *path, *otherwise;
};
/* The rules of a kind whose row is nothing but such cells, ended by one without a writer; or NULL.
 */
const struct rk_cell_rule *rk_cell_rules(const char *resource);
rk_cell_writer rk_write_name, rk_write_text, rk_write_int, rk_write_bool, rk_write_count,
	rk_write_age, rk_write_since, rk_write_selector, rk_write_labels, rk_write_containers,
	rk_write_joined;
/* table_policy.c, table_storage.c, table_workload.c */
rk_cell_writer rk_write_role, rk_write_subjects, rk_write_csr_state, rk_write_csr_lifetime,
	rk_write_quota, rk_write_owner, rk_write_completions, rk_write_job_time, rk_write_job_state,
	rk_write_ratio, rk_write_metrics, rk_write_reference, rk_write_hosts, rk_write_addresses,
	rk_write_parameters, rk_write_modes, rk_write_phase, rk_write_claim, rk_write_class,
	rk_write_capacity, rk_write_default_name, rk_write_audiences, rk_write_param_kind,
	rk_write_param_ref, rk_write_condition, rk_write_healthy, rk_write_available,
	rk_write_service, rk_write_tls_ports, rk_write_flag;

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
