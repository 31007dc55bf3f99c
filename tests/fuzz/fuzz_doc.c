/* Documents from outside: reading, looking up in place and writing as JSON must agree on what is
 * well formed. */
#include "base/mem.h"
#include "fuzz.h"
#include "wire/doc.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_arena arena = { 0 };
	struct rk_buf text = { 0 };
	struct rk_val *val;
	const struct rk_span bytes = rk_span_of(data, size);

	(void)rk_doc_at(bytes, "a.b");
	(void)rk_doc_get(bytes, RK_SPAN("a"));
	(void)rk_doc_text(bytes, "metadata.name");
	(void)rk_doc_int(bytes, "spec.replicas", 1);
	(void)rk_doc_bool(bytes, "a", false);
	(void)rk_doc_as_text(bytes);
	const int to_json = rk_doc_to_json(&text, bytes, size > 0 && (data[0] & 1) != 0);
	if (rk_doc_read(&arena, bytes, &val) == RK_OK) {
		struct rk_blob *doc = rk_doc_of(val);
		rk_assert(rk_val_eq(val, rk_doc_val(&arena, doc)) || to_json == RK_OK);
		rk_blob_unref(doc);
	}
	rk_buf_done(&text);
	rk_arena_done(&arena);
	return 0;
}
