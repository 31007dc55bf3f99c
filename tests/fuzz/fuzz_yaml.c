/* YAML that parses must come back as the same value from what we write. */
#include "base/mem.h"
#include "fuzz.h"
#include "wire/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_arena arena = { 0 };
	struct rk_val *list, *again;
	struct rk_error error;

	if (size <= (64u << 10) &&
	    rk_yaml_parse(&arena, rk_span_of(data, size), &list, &error) == RK_OK) {
		for (uint32_t i = 0; i < rk_val_count(list) && i < 8; i++) {
			struct rk_buf text = { 0 };
			rk_yaml_write(&text, rk_val_item(list, i));
			rk_assert(rk_yaml_parse(&arena, rk_buf_span(&text), &again, &error) ==
				  RK_OK);
			rk_assert(rk_val_count(again) == 1 &&
				  rk_val_eq(rk_val_item(again, 0), rk_val_item(list, i)));
			rk_buf_done(&text);
		}
	}
	rk_arena_done(&arena);
	return 0;
}
