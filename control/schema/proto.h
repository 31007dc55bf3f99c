/* control/schema/proto.h - objects in Kubernetes' protobuf form, by the field numbers that the
 * kinds hold. Pure.
 *
 * An object on the wire is an envelope: four magic bytes, then runtime.Unknown {1: TypeMeta, 2: the
 * message}. Read, it is the same value that its JSON would have given, before rk_schema_decode:
 * what is unknown, zero or wrong is judged there, in one place. Written, it comes straight from the
 * stored document. */
#ifndef RK_CONTROL_SCHEMA_PROTO_H
#define RK_CONTROL_SCHEMA_PROTO_H

#include "base/buf.h"
#include "control/schema/kinds.h"

#define RK_PROTOBUF_TYPE  "application/vnd.kubernetes.protobuf"
#define RK_PROTOBUF_WATCH "application/vnd.kubernetes.protobuf;stream=watch"

/* The type of an object by what it says that it is: a kind, or what is sent to and answered by
 * subresources (Status, Scale, DeleteOptions...). NULL when there is none, or when it has no
 * protobuf form. */
const struct rk_type *rk_protobuf_type(const struct rk_kinds *kinds, struct rk_span api_version,
				       struct rk_span kind);
/* Whether objects of the type have this form: custom kinds have not. */
bool rk_type_has_protobuf(const struct rk_type *type);

/* A body. Texts are borrowed from it. On RK_EINVAL `error` says what is wrong. */
RK_MUST_CHECK int rk_protobuf_read(struct rk_arena *arena, const struct rk_kinds *kinds,
				   struct rk_span body, struct rk_val **ret,
				   struct rk_error *error);

/* Appends the message of a document, without an envelope. What the type does not know has no number
 * and stays out. `arena` is for scratch. */
void rk_protobuf_put_message(struct rk_buf *out, struct rk_arena *arena, const struct rk_type *type,
			     struct rk_span doc);
/* The same as field `number` of a message that the caller writes. */
void rk_protobuf_put_field(struct rk_buf *out, struct rk_arena *arena, uint32_t number,
			   const struct rk_type *type, struct rk_span doc);

struct rk_type_meta { /* what an envelope says that it holds */
	const char *api_version, *kind;
};
/* Appends a message in its envelope. */
void rk_protobuf_put_envelope(struct rk_buf *out, struct rk_type_meta meta, struct rk_span message);
/* What stands before a message of that size, and behind it. */
void rk_protobuf_put_head(struct rk_buf *out, struct rk_type_meta meta, size_t message_size);
void rk_protobuf_put_tail(struct rk_buf *out);
/* Appends one event of a watch: length, then WatchEvent {1: type, 2: RawExtension {1: the
 * envelope}}. */
void rk_protobuf_put_event(struct rk_buf *out, const char *type, struct rk_span envelope);

#endif
