/* wire/grpc.h - what gRPC adds to HTTP/2: messages behind five bytes, and a status in the trailers.
 * Pure.
 *
 * A message is a flag byte (1: compressed, which is refused: we offer no encoding), its size in 32
 * bits, big-endian, and its bytes. */
#ifndef RK_WIRE_GRPC_H
#define RK_WIRE_GRPC_H

#include "base/buf.h"
#include "base/err.h"

enum rk_grpc_code {
	RK_GRPC_OK = 0,
	RK_GRPC_UNKNOWN = 2,
	RK_GRPC_INVALID = 3,
	RK_GRPC_DEADLINE = 4,
	RK_GRPC_NOT_FOUND = 5,
	RK_GRPC_DENIED = 7,
	RK_GRPC_EXHAUSTED = 8,
	RK_GRPC_PRECONDITION = 9,
	RK_GRPC_OUT_OF_RANGE = 11,
	RK_GRPC_UNIMPLEMENTED = 12,
	RK_GRPC_INTERNAL = 13,
	RK_GRPC_UNAVAILABLE = 14,
	RK_GRPC_UNAUTHENTICATED = 16,
};

#define RK_GRPC_HEAD 5

/* 1: *ret is the first message of *bytes, which is cut off there; 0: it is not whole yet;
 * RK_ETOOBIG: it is larger than `max`; RK_ENOTSUP: it is compressed. */
RK_MUST_CHECK int rk_grpc_next(struct rk_span *bytes, size_t max, struct rk_span *ret);

/* Begins a message in `out`; what is put after it is its body; end with the offset it returned. */
size_t rk_grpc_begin(struct rk_buf *out);
void rk_grpc_end(struct rk_buf *out, size_t begun);
/* The same when `more` bytes of its body will follow by another way. */
void rk_grpc_end_later(struct rk_buf *out, size_t begun, size_t more);

/* grpc-message: percent-encoded as the protocol has it. */
void rk_grpc_text(struct rk_buf *out, struct rk_span text);

/* grpc-timeout: "100m", "5S"...; false when it is not one. */
bool rk_grpc_timeout(struct rk_span text, uint64_t *ret_ms);

#endif
