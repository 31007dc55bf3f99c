/* YAML that parses must come back from what we write. */
#include "base/mem.h"
#include "fuzz.h"
#include "wire/yaml.h"

static struct rk_val *again(struct rk_arena *arena, const struct rk_val *val, struct rk_buf *text)
{
	struct rk_val *list = NULL;

	rk_yaml_write(text, val);
	rk_assert(rk_yaml_parse(arena, rk_buf_span(text), &list, NULL) == RK_OK);
	rk_assert(rk_val_count(list) == 1);
	return rk_val_item(list, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_arena arena = { 0 };
	struct rk_val *list;

	if (size <= (64u << 10) &&
	    rk_yaml_parse(&arena, rk_span_of(data, size), &list, NULL) == RK_OK) {
		for (uint32_t i = 0; i < rk_val_count(list) && i < 8; i++) {
			/* A real that is whole comes back as an integer; the second time nothing
			 * may change. */
			struct rk_buf first = { 0 }, second = { 0 }, third = { 0 };
			const struct rk_val *val = again(&arena, rk_val_item(list, i), &first);
			val = again(&arena, val, &second);
			(void)again(&arena, val, &third);
			rk_assert(rk_span_eq(rk_buf_span(&second), rk_buf_span(&third)));
			rk_buf_done(&first);
			rk_buf_done(&second);
			rk_buf_done(&third);
		}
	}
	rk_arena_done(&arena);
	return 0;
}
