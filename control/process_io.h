/* control/process_io.h - what every /metrics says about the process, in Prometheus' text format. */
#ifndef RK_CONTROL_PROCESS_IO_H
#define RK_CONTROL_PROCESS_IO_H

#include <stdint.h>

#include "base/buf.h"

#define RK_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct rk_metric {
	const char *name, *type; /* type: "gauge" or "counter" */
	uint64_t value;
};

void rk_metrics_put(struct rk_buf *out, const struct rk_metric *metrics, size_t count);
/* process_open_fds, process_max_fds, process_resident_memory_bytes, process_cpu_seconds_total; and etcd's os_fd_used,
 * os_fd_limit. */
void rk_metrics_put_process(struct rk_buf *out);

#endif
