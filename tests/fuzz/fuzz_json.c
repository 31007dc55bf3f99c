/* JSON that parses must come back from a document as the same value, and from text as the same
 * text. */
#include "base/mem.h"
#include "fuzz.h"
#include "wire/doc.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_arena arena = { 0 };
	struct rk_buf text = { 0 };
	struct rk_val *val, *again;
	struct rk_error error;
	const unsigned flags = size > 0 && (data[0] & 1) != 0 ? RK_JSON_UNIQUE_KEYS : 0;

	if (rk_json_parse(&arena, rk_span_of(data, size), flags, &val, &error) == RK_OK) {
		rk_json_write(&text, val, false);
		rk_assert(rk_json_parse(&arena, rk_buf_span(&text), 0, &again, &error) == RK_OK);
		/* A real that is whole reads back as an integer (as Go's do), so the texts are
		 * compared. */
		struct rk_buf first = { 0 }, second = { 0 };
		rk_json_write(&first, again, false);
		rk_assert(rk_json_parse(&arena, rk_buf_span(&first), 0, &again, &error) == RK_OK);
		rk_json_write(&second, again, false);
		rk_assert(rk_span_eq(rk_buf_span(&first), rk_buf_span(&second)));
		rk_buf_done(&first);
		rk_buf_done(&second);
		struct rk_blob *doc = rk_doc_of(val);
		rk_assert(rk_val_eq(val, rk_doc_val(&arena, doc)));
		rk_blob_unref(doc);
	}
	rk_buf_done(&text);
	rk_arena_done(&arena);
	return 0;
}
