/* wire/jws_io.h - signed tokens: JSON Web Signatures in their compact form (RFC 7515), with ES256 (RFC 7518:
 * ECDSA on P-256 with SHA-256) and no other algorithm. */
#ifndef RK_WIRE_JWS_IO_H
#define RK_WIRE_JWS_IO_H

#include "base/arena.h"
#include "base/err.h"

#define RK_JWS_BYTES_MAX 16384

struct rk_jws; /* a key; immutable, shared by threads */

/* From a PEM file with a private key on P-256. RK_EINVAL when it is none. */
RK_MUST_CHECK int rk_jws_new(struct rk_jws **ret, const char *key_path, struct rk_error *error);
struct rk_jws *rk_jws_free(struct rk_jws *jws); /* takes NULL, returns NULL */
/* The token for a payload; in the arena. */
struct rk_span rk_jws_sign(struct rk_arena *arena, const struct rk_jws *jws, struct rk_span payload);
/* The payload of a token that this key signed; in the arena. False for anything else. */
bool rk_jws_open(struct rk_arena *arena, const struct rk_jws *jws, struct rk_span token,
		 struct rk_span *ret);
/* The public half as a JSON Web Key Set (RFC 7517); in the arena. */
struct rk_span rk_jws_keys(struct rk_arena *arena, const struct rk_jws *jws);

#endif
