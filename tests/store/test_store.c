/* The store against a simple model: any mix of changes, held moments that do not move, snapshots that come back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store.h"

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

#define KEYS 3000

struct model {
	bool present[KEYS];
	uint64_t value[KEYS];
};

static struct rk_span key_of(char text[32], unsigned n)
{
	(void)snprintf(text, 32, "o%05u", n * 7919u % KEYS);
	return rk_span_str(text);
}


static void expect_same(const struct rk_store *store, const struct model *model)
{
	uint64_t items = 0, expected = 0;
	struct rk_tree_iter iter;
	char text[32];

	for (unsigned n = 0; n < KEYS; n++) {
		const struct rk_item *item = rk_store_get(store, key_of(text, n));
		cr_assert_eq(item != NULL, model->present[n]);
		if (item != NULL) {
			cr_assert_eq(item->revision, model->value[n]);
			expected++;
		}
	}
	rk_store_seek(store, &iter, RK_SPAN(""));
	struct rk_span last = { NULL, 0 };
	for (const struct rk_item *item; (item = rk_tree_next(&iter)) != NULL; items++) {
		cr_assert(last.data == NULL || rk_span_cmp(last, rk_item_key(item)) < 0);
		last = rk_item_key(item);
	}
	cr_assert_eq(items, expected);
}

static void change(struct rk_store *store, struct model *model, uint64_t *seed, unsigned rounds, unsigned deletes)
{
	char text[32];

	for (unsigned i = 0; i < rounds; i++) {
		const unsigned n = (unsigned)(next(seed) % KEYS);
		const struct rk_span key = key_of(text, n);
		if (next(seed) % 100 < deletes) {
			cr_assert_eq(rk_store_remove(store, key), model->present[n]);
			model->present[n] = false;
		} else {
			model->value[n] = next(seed);
			model->present[n] = true;
			rk_store_put(store, key, rk_blob_copy(key), model->value[n]);
		}
	}
}

Test(store, behaves_like_a_map_whatever_happens)
{
	for (uint64_t run = 1; run <= 6; run++) {
		uint64_t seed = run;
		struct model *model = rk_zalloc(sizeof *model);
		struct rk_store *store = rk_store_new();
		const unsigned deletes[] = { 10, 50, 90, 30, 100, 5 };
		for (size_t phase = 0; phase < 6; phase++) {
			change(store, model, &seed, 4000, deletes[phase]);
			expect_same(store, model);
		}
		rk_store_free(store);
		free(model);
	}
}

Test(store, the_hash_depends_on_the_content_and_not_on_the_way_there)
{
	struct rk_store *forward = rk_store_new(), *backward = rk_store_new();
	char text[32];

	for (unsigned n = 0; n < KEYS; n++)
		rk_store_put(forward, key_of(text, n), rk_blob_copy(RK_SPAN("v")), n);
	for (unsigned n = KEYS; n-- > 0;) {
		rk_store_put(backward, key_of(text, n), rk_blob_copy(RK_SPAN("other")), 1);
		rk_store_put(backward, key_of(text, n), rk_blob_copy(RK_SPAN("v")), n);
	}
	cr_expect(rk_hash128_eq(rk_store_hash(forward), rk_store_hash(backward)));
	rk_store_put(backward, RK_SPAN("iderived"), NULL, 0);
	cr_expect(rk_hash128_eq(rk_store_hash(forward), rk_store_hash(backward)));
	rk_store_put(backward, key_of(text, 5), rk_blob_copy(RK_SPAN("w")), 5);
	cr_expect_not(rk_hash128_eq(rk_store_hash(forward), rk_store_hash(backward)));
	rk_store_free(forward);
	rk_store_free(backward);
}

static unsigned count_kind(const struct rk_view *view, const char *kind, const char *ns)
{
	struct rk_view_iter iter;
	struct rk_object object;
	unsigned count = 0;

	rk_view_list(&iter, view, rk_span_str(kind), rk_span_str(ns), RK_SPAN(""), RK_SPAN(""));
	while (rk_view_next(&iter, &object))
		count++;
	return count;
}

static void put_object(struct rk_store *store, const char *kind, const char *ns, const char *name, const char *value)
{
	struct rk_buf key = { 0 };

	rk_buf_put_u8(&key, RK_SPACE_OBJECT);
	rk_object_key(&key, rk_span_str(kind), rk_span_str(ns), rk_span_str(name));
	rk_store_put(store, rk_buf_span(&key), rk_blob_copy(rk_span_str(value)), rk_store_next_revision(store));
	rk_buf_done(&key);
}

Test(store, a_held_moment_does_not_move)
{
	struct rk_store *store = rk_store_new();
	struct rk_view *views[20];
	char name[32];

	for (unsigned v = 0; v < 20; v++) {
		for (unsigned i = 0; i < 50; i++) {
			(void)snprintf(name, sizeof name, "p%u-%u", v, i);
			put_object(store, "pods", i % 2 ? "default" : "kube-system", name, name);
		}
		put_object(store, "nodes", "", "n", name);
		views[v] = rk_store_view(store);
	}
	for (unsigned v = 0; v < 20; v++) {
		struct rk_object object;
		cr_expect_eq(count_kind(views[v], "pods", ""), (v + 1) * 50);
		cr_expect_eq(count_kind(views[v], "pods", "default"), (v + 1) * 25);
		cr_expect_eq(count_kind(views[v], "nodes", ""), 1);
		cr_expect_eq(count_kind(views[v], "pod", ""), 0);
		(void)snprintf(name, sizeof name, "p%u-49", v);
		cr_assert(rk_view_get(views[v], RK_SPAN("nodes"), RK_SPAN(""), RK_SPAN("n"), &object));
		cr_expect(rk_span_is(rk_blob_span(object.doc), name));
		cr_expect_eq(rk_view_revision(views[v]), (v + 1) * 51);
	}
	for (unsigned v = 0; v < 20; v++)
		rk_view_unref(views[v]);
	rk_store_free(store);
}

Test(store, a_list_goes_on_after_a_name)
{
	struct rk_store *store = rk_store_new();
	struct rk_view_iter iter;
	struct rk_object object;

	put_object(store, "pods", "a", "1", "");
	put_object(store, "pods", "a", "2", "");
	put_object(store, "pods", "b", "1", "");
	struct rk_view *view = rk_store_view(store);
	rk_view_list(&iter, view, RK_SPAN("pods"), RK_SPAN(""), RK_SPAN("a"), RK_SPAN("1"));
	cr_assert(rk_view_next(&iter, &object));
	cr_expect(rk_span_is(object.ns, "a") && rk_span_is(object.name, "2"));
	cr_assert(rk_view_next(&iter, &object));
	cr_expect(rk_span_is(object.ns, "b"));
	cr_expect_not(rk_view_next(&iter, &object));
	rk_view_unref(view);
	rk_store_free(store);
}

Test(store, what_is_undone_never_was)
{
	struct rk_store *store = rk_store_new();
	put_object(store, "pods", "a", "1", "x");
	const struct rk_hash128 before = rk_store_hash(store);
	struct rk_view *view = rk_store_view(store);
	const struct rk_mark mark = rk_store_mark(store);

	put_object(store, "pods", "a", "2", "y");
	put_object(store, "pods", "a", "1", "z");
	cr_expect(rk_store_remove(store, RK_SPAN("opods\0a\0001")));
	cr_expect_not(rk_store_remove(store, RK_SPAN("opods\0a\0001")));
	put_object(store, "pods", "a", "1", "w");
	cr_expect_not(rk_hash128_eq(before, rk_store_hash(store)));
	rk_store_undo(store, &mark);
	cr_expect(rk_hash128_eq(before, rk_store_hash(store)));
	cr_expect_eq(rk_store_revision(store), 1);
	const struct rk_item *item = rk_store_get(store, RK_SPAN("opods\0a\0001"));
	cr_assert(item != NULL);
	cr_expect(item == rk_tree_get(rk_view_root(view), RK_SPAN("opods\0a\0001")));
	cr_expect(rk_store_get(store, RK_SPAN("opods\0a\0002")) == NULL);
	(void)rk_view_unref(view);
	rk_store_free(store);
}

/* Keys that are beginnings of one another, with zeros at their ends, and with long and short common beginnings: whatever
 * a node remembers of its keys, it must not confuse them. */
static struct rk_span odd_key(uint64_t *seed, uint8_t room[40])
{
	static const uint8_t letters[] = { 0, 0, 1, 'a', 'b', 0xff };
	size_t size = 0;

	room[size++] = 'e';
	for (uint64_t i = next(seed) % 3 * 9; i > 0; i--)
		room[size++] = 'p';
	for (uint64_t i = next(seed) % 8; i > 0; i--)
		room[size++] = letters[next(seed) % sizeof letters];
	return rk_span_of(room, size);
}

Test(store, keys_that_are_almost_the_same)
{
	enum { ODD = 3000 };
	static struct { uint8_t room[40]; struct rk_span key; bool is_there; } all[ODD];
	struct rk_store *store = rk_store_new();
	struct rk_view *old = NULL;
	uint64_t seed = 11, items = 0;

	for (size_t i = 0; i < ODD; i++)
		all[i].key = odd_key(&seed, all[i].room);
	for (size_t step = 0; step < 20000; step++) {
		const size_t at = next(&seed) % ODD;
		const bool was_there = rk_store_get(store, all[at].key) != NULL;
		if (step % 3000 < 2000)
			rk_store_put(store, all[at].key, NULL, step);
		else
			cr_assert_eq(rk_store_remove(store, all[at].key), was_there);
		for (size_t i = 0; i < ODD; i++)
			if (rk_span_eq(all[i].key, all[at].key))
				all[i].is_there = step % 3000 < 2000;
		if (step % 50 != 0)
			continue;
		(void)rk_view_unref(old);
		old = rk_store_view(store);
		cr_assert(rk_tree_check(rk_store_root(store), &items), "step %zu", step);
		for (size_t i = 0; i < ODD; i++)
			cr_assert_eq(rk_store_get(store, all[i].key) != NULL, all[i].is_there);
	}
	(void)rk_view_unref(old);
	rk_store_free(store);
}

Test(store, a_snapshot_comes_back_the_same)
{
	const size_t pieces[] = { 1, 7, 100, 65536 };

	for (size_t p = 0; p < 4; p++) {
		struct rk_store *store = rk_store_new(), *back = NULL;
		struct model *model = rk_zalloc(sizeof *model);
		uint64_t seed = 9;
		change(store, model, &seed, 5000, 20);
		rk_store_put(store, RK_SPAN("iderived"), NULL, 0);
		rk_store_put(store, RK_SPAN("qempty"), NULL, 3);
		rk_store_advance(store, 77, 1234567);
		struct rk_view *view = rk_store_view(store);
		struct rk_store_dump dump = { 0 };
		struct rk_store_load *load = rk_store_load_new();
		struct rk_buf bytes = { 0 };
		for (bool done = false; !done;) {
			rk_buf_clear(&bytes);
			rk_store_dump_next(&dump, view, pieces[p], &bytes, &done);
			cr_assert_eq(rk_store_load_feed(load, rk_buf_span(&bytes)), RK_OK);
		}
		cr_assert_eq(rk_store_load_finish(load, &back), RK_OK);
		cr_expect(rk_hash128_eq(rk_store_hash(store), rk_store_hash(back)));
		cr_expect_null(rk_store_get(back, RK_SPAN("iderived")));
		cr_expect_not_null(rk_store_get(back, RK_SPAN("qempty")));
		cr_expect_eq(rk_store_index(back), 77);
		rk_store_load_free(load);
		rk_buf_done(&bytes);
		rk_view_unref(view);
		rk_store_free(store);
		rk_store_free(back);
		free(model);
	}
}

Test(store, a_damaged_snapshot_is_refused)
{
	struct rk_store *store = rk_store_new();
	struct rk_store_dump dump = { 0 };
	struct rk_buf bytes = { 0 };
	bool done;

	put_object(store, "pods", "a", "1", "some value");
	put_object(store, "pods", "a", "2", "another value");
	struct rk_view *view = rk_store_view(store);
	rk_store_dump_next(&dump, view, 1 << 20, &bytes, &done);
	cr_assert(done);
	for (size_t i = 0; i < bytes.size; i++) {
		struct rk_store_load *load = rk_store_load_new();
		struct rk_store *back = NULL;
		bytes.data[i] ^= 0x40;
		const bool refused = rk_store_load_feed(load, rk_buf_span(&bytes)) != RK_OK ||
				     rk_store_load_finish(load, &back) != RK_OK;
		cr_expect(refused, "byte %zu", i);
		rk_store_free(back);
		rk_store_load_free(load);
		bytes.data[i] ^= 0x40;
	}
	rk_buf_done(&bytes);
	rk_view_unref(view);
	rk_store_free(store);
}

Test(store, zeros_behind_a_snapshot_are_taken_only_when_they_are_expected)
{
	static const struct {
		const char *name;
		bool is_padded;
		const char *behind;
		int err;
	} cases[] = {
		{ "nothing", true, "", RK_OK },
		{ "zeros", true, "\0\0\0", RK_OK },
		{ "more", true, "\0\0x", RK_ECORRUPT },
		{ "zeros that nobody expects", false, "\0\0\0", RK_ECORRUPT },
	};

	struct rk_store *store = rk_store_new();
	struct rk_store_dump dump = { 0 };
	struct rk_buf bytes = { 0 };
	bool done;

	put_object(store, "pods", "a", "1", "some value");
	struct rk_view *view = rk_store_view(store);
	rk_store_dump_next(&dump, view, 1 << 20, &bytes, &done);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t at_once = 0; at_once < 2; at_once++) {
			struct rk_store_load *load = rk_store_load_new();
			struct rk_store *back = NULL;
			struct rk_buf all = { 0 };
			int err = RK_OK;
			rk_buf_put_span(&all, rk_buf_span(&bytes));
			rk_buf_put(&all, cases[i].behind, i == 0 ? 0 : 3);
			if (cases[i].is_padded)
				rk_store_load_padded(load);
			for (size_t at = 0; at < all.size && err == RK_OK; at += at_once ? all.size : 1)
				err = rk_store_load_feed(load, rk_span_sub(rk_buf_span(&all), at,
									   at_once ? all.size : 1));
			if (err == RK_OK)
				err = rk_store_load_finish(load, &back);
			cr_expect_eq(err, cases[i].err, "%s", cases[i].name);
			rk_buf_done(&all);
			rk_store_free(back);
			rk_store_load_free(load);
		}
	}
	rk_buf_done(&bytes);
	rk_view_unref(view);
	rk_store_free(store);
}
