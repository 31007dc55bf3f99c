/* Bodies in protobuf: what is understood is, once in normal form, the same after there and back. */
#include "base/mem.h"
#include "control/schema/proto.h"
#include "control/schema/schema.h"
#include "fuzz.h"
#include "wire/doc.h"

static void there_and_back(struct rk_arena *arena, const struct rk_kinds *kinds,
			   const struct rk_kind *kind, const struct rk_val *object)
{
	struct rk_error error = { .text = "" };
	struct rk_buf message = { 0 }, body = { 0 };
	struct rk_val *back = NULL;
	struct rk_blob *doc = rk_doc_of(object);

	rk_protobuf_put_message(&message, arena, kind->type, rk_blob_span(doc));
	rk_protobuf_put_envelope(&body, (struct rk_type_meta){ kind->api_version, kind->kind },
				 rk_buf_span(&message));
	rk_assert(rk_protobuf_read(arena, kinds, rk_buf_span(&body), &back, &error) == RK_OK);
	rk_assert(rk_val_eq(back, object));
	rk_buf_done(&message);
	rk_buf_done(&body);
	(void)rk_blob_unref(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rk_kinds *kinds;
	struct rk_arena arena = { 0 };
	struct rk_error error = { .text = "" };
	struct rk_val *object = NULL, *status = NULL;

	if (kinds == NULL)
		kinds = rk_kinds_new();
	if (rk_protobuf_read(&arena, kinds, rk_span_of(data, size), &object, &error) == RK_OK) {
		const struct rk_kind *kind = rk_kinds_of(kinds, rk_val_text_at(object, "apiVersion"),
							 rk_val_text_at(object, "kind"));
		if (kind != NULL && rk_schema_decode(&arena, kind, object, RK_STRICT_STRICT, NULL,
						     &status) == RK_OK)
			there_and_back(&arena, kinds, kind, object);
	} else {
		rk_assert(error.text[0] != '\0');
	}
	rk_arena_done(&arena);
	return 0;
}
