/* A snapshot's bytes in pieces of any size: refused, or a store whose dump is the same again. */
#include "base/mem.h"
#include "fuzz.h"
#include "store/store.h"

static void dump(struct rk_store *store, struct rk_buf *out)
{
	struct rk_store_dump dump = { 0 };
	struct rk_view *view = rk_store_view(store);
	bool done = false;

	while (!done)
		rk_store_dump_next(&dump, view, 100, out, &done);
	(void)rk_view_unref(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_store_load *load = rk_store_load_new();
	struct rk_store *store = NULL;
	const size_t step = size > 0 ? 1 + data[0] : 1;
	int err = RK_OK;

	for (size_t at = 0; at < size && err == RK_OK; at += step)
		err = rk_store_load_feed(load, rk_span_of(data + at, RK_MIN(step, size - at)));
	if (err == RK_OK && rk_store_load_finish(load, &store) == RK_OK) {
		struct rk_buf first = { 0 }, second = { 0 };
		struct rk_store_load *again = rk_store_load_new();
		struct rk_store *copy = NULL;
		dump(store, &first);
		rk_assert(rk_store_load_feed(again, rk_buf_span(&first)) == RK_OK);
		rk_assert(rk_store_load_finish(again, &copy) == RK_OK);
		dump(copy, &second);
		rk_assert(rk_span_eq(rk_buf_span(&first), rk_buf_span(&second)));
		(void)rk_store_load_free(again);
		(void)rk_store_free(copy);
		rk_buf_done(&first);
		rk_buf_done(&second);
	}
	(void)rk_store_free(store);
	(void)rk_store_load_free(load);
	return 0;
}
