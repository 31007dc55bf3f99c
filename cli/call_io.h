/* cli/call_io.h - one request to a member, whole: what small commands need. */
#ifndef RK_CLI_CALL_IO_H
#define RK_CLI_CALL_IO_H

#include "base/arena.h"
#include "base/err.h"
#include "wire/tls_io.h"
#include "wire/val.h"

/* The administrator's identity of a local cluster: DIR/pki/admin.*. */
RK_MUST_CHECK int rk_call_identity(const char *dir, struct rk_tls **ret, struct rk_error *error);
struct rk_call {
	const char *method, *target;
	const char *type;    /* of the body */
	struct rk_span body; /* data NULL: none */
	size_t answer_max;   /* bytes */
	unsigned timeout_ms;
};
/* *ret_status is HTTP's, whatever it is; *ret_text (in the arena) what came with it. */
RK_MUST_CHECK int rk_call(const char *address, struct rk_tls *tls, const struct rk_call *call,
			  struct rk_arena *arena, int *ret_status, struct rk_span *ret_text,
			  struct rk_error *error);
/* GET; *ret_val (may be NULL) is the JSON answer in the arena. An HTTP status of 400 and more is
 * RK_EIO with its message. */
RK_MUST_CHECK int rk_call_get(const char *address, struct rk_tls *tls, const char *target,
			      unsigned timeout_ms, struct rk_arena *arena, struct rk_val **ret_val,
			      struct rk_error *error);

#endif
