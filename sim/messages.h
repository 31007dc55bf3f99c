/* sim/messages.h - requests of a history as etcd's messages, and its answers from them. Pure. */
#ifndef RK_SIM_MESSAGES_H
#define RK_SIM_MESSAGES_H

#include "sim/history.h"

/* The body of an RK_ENTRY_ETCD: PUT, DELETE, TXN or COMPACT. */
void sim_request_encode(const struct rk_hist_request *request, struct rk_buf *out);
/* RK_EINVAL when the bytes are not the answer to such a request. Header revision and code stay as they are. */
RK_MUST_CHECK int sim_answer_decode(struct rk_arena *arena, const struct rk_hist_request *request,
				    struct rk_span bytes, struct rk_hist_answer *ret);

#endif
