/* wire/doc.h - documents: values as msgpack bytes, immutable once shared (struct rk_blob), read in place.
 *
 * A list or map may be sealed: its bytes stand as one binary value, which whoever looks for something behind it passes
 * over at once. That is for what is large and seldom read; it reads like any other.
 *
 * Limits: RK_DOC_DEPTH_MAX levels, sizes as msgpack's 32 bits. Bytes that break them are refused, never trusted. */
#ifndef RK_WIRE_DOC_H
#define RK_WIRE_DOC_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/val.h"

#define RK_DOC_DEPTH_MAX 128

/* Appends the msgpack form. The same tree gives the same bytes. */
void rk_doc_write(struct rk_buf *out, const struct rk_val *val);
struct rk_blob *rk_doc_of(const struct rk_val *val) __attribute__((returns_nonnull));

/* Decodes one value that fills `bytes` exactly; strings are borrowed from `bytes`. RK_EINVAL when it is malformed. */
RK_MUST_CHECK int rk_doc_read(struct rk_arena *arena, struct rk_span bytes, struct rk_val **ret);
/* For documents from our own store, which are well formed: stops the process otherwise. */
struct rk_val *rk_doc_val(struct rk_arena *arena, const struct rk_blob *doc) __attribute__((returns_nonnull));

/* In-place lookups by dotted path, without decoding; nothing found gives {NULL, 0}, `otherwise`, ... */
struct rk_span rk_doc_at(struct rk_span bytes, const char *path); /* the encoded value there */
struct rk_span rk_doc_get(struct rk_span bytes, struct rk_span key); /* one key of a map, dots allowed */
struct rk_span rk_doc_text(struct rk_span bytes, const char *path);
int64_t rk_doc_int(struct rk_span bytes, const char *path, int64_t otherwise);
bool rk_doc_bool(struct rk_span bytes, const char *path, bool otherwise);
struct rk_span rk_doc_as_text(struct rk_span value); /* of an encoded value itself */

/* Walking in place, for those who write a document in another form: the head of a value, and behind that of a list
 * its items, behind that of a map its keys and values by turns. What breaks the form sets reader->failed. */
struct rk_doc_head {
	enum rk_val_kind kind;
	uint32_t count;  /* of items or fields that follow */
	int64_t integer; /* of a boolean too: 0 or 1 */
	double real;
	struct rk_span text;
};
struct rk_doc_head rk_doc_next(struct rk_reader *reader);
struct rk_span rk_doc_key(struct rk_reader *reader);
void rk_doc_skip(struct rk_reader *reader); /* one value, whole */

/* Appends `bytes` as JSON without building a tree. pretty: two-space indent. RK_EINVAL when malformed. */
RK_MUST_CHECK int rk_doc_to_json(struct rk_buf *out, struct rk_span bytes, bool pretty);

#endif
