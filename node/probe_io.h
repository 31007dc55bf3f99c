/* node/probe_io.h - one check, or one hook, over the network. Blocks: for jobs. */
#ifndef RK_NODE_PROBE_IO_H
#define RK_NODE_PROBE_IO_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/val.h"

/* A number, or the name of a port of the container. RK_EINVAL: neither. */
RK_MUST_CHECK int rk_probe_port(const struct rk_val *port, const struct rk_val *container,
				uint16_t *ret, struct rk_error *error);
/* httpGet: success is a status from 200 to 399. Certificates are not verified, as kubelets do.
 * address: the pod's, for handlers without a host. */
RK_MUST_CHECK int rk_probe_http(const struct rk_val *http, const struct rk_val *container,
				const char *address, uint32_t timeout_ms, struct rk_error *error);
/* tcpSocket: success is a connection. */
RK_MUST_CHECK int rk_probe_tcp(const struct rk_val *tcp, const struct rk_val *container,
			       const char *address, uint32_t timeout_ms, struct rk_error *error);

#endif
