/* Templates that parse must print without harm, whatever they ask for. */
#include "base/mem.h"
#include "wire/jsonpath.h"
#include "fuzz.h"
#include "wire/json.h"

static const char object[] =
	"{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]},\"items\":[{\"n\":1},{\"n\":\"x\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };
	struct rk_jsonpath *path = NULL;
	struct rk_val *val = NULL, *found = NULL;

	rk_assert(rk_json_parse(&arena, RK_SPAN(object), 0, &val, NULL) == RK_OK);
	if (size <= 4096 && rk_jsonpath_parse(&arena, rk_span_of(data, size), &path, NULL) == RK_OK)
		(void)!rk_jsonpath_print(path, val, &out, NULL);
	if (size <= 4096 &&
	    rk_jsonpath_parse_one(&arena, rk_span_of(data, size), &path, NULL) == RK_OK)
		(void)!rk_jsonpath_find(&arena, path, val, &found, NULL);
	rk_buf_done(&out);
	rk_arena_done(&arena);
	return 0;
}
