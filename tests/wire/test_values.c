/* Values, documents, JSON and YAML: what goes in comes out, and what is broken is refused with its
 * place. */
#include <criterion/criterion.h>

#include "wire/doc.h"
#include "wire/json.h"
#include "wire/yaml.h"

static struct rk_val *parse(struct rk_arena *arena, const char *text)
{
	struct rk_val *val = NULL;
	struct rk_error error = { 0 };
	const int err = rk_json_parse(arena, rk_span_str(text), 0, &val, &error);

	cr_assert_eq(err, RK_OK, "%s: %s", text, error.text);
	return val;
}

static const char *const same[] = {
	"null",
	"true",
	"false",
	"0",
	"-1",
	"127",
	"128",
	"-32",
	"-33",
	"255",
	"256",
	"65535",
	"65536",
	"4294967295",
	"4294967296",
	"9223372036854775807",
	"-9223372036854775808",
	"-129",
	"-32769",
	"1.5",
	"0.1",
	"1e+300",
	"\"\"",
	"\"a\"",
	"[]",
	"{}",
	"[1,[2,[3]],{\"a\":{}}]",
	"{\"b\":1,\"a\":[true,null],\"c\":{\"d\":\"e\"}}",
	"\"\\u0001\\n\\t\\\"\\\\/\"",
	"\"\xc3\xa9\xe2\x82\xac\"",
};

Test(values, json_to_document_and_back)
{
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_buf direct = { 0 }, through = { 0 };
		struct rk_val *val = parse(&arena, same[i]);
		struct rk_blob *doc = rk_doc_of(val);
		rk_json_write(&direct, val, false);
		cr_assert_eq(rk_doc_to_json(&through, rk_blob_span(doc), false), RK_OK);
		cr_expect_str_eq(rk_buf_cstr(&direct), same[i]);
		cr_expect_str_eq(rk_buf_cstr(&through), same[i]);
		cr_expect(rk_val_eq(val, rk_doc_val(&arena, doc)), "%s", same[i]);
		rk_blob_unref(doc);
		rk_buf_done(&direct);
		rk_buf_done(&through);
		rk_arena_done(&arena);
	}
}

Test(values, long_strings_and_lists_keep_their_sizes)
{
	const size_t sizes[] = { 0, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *list = rk_val_list(&arena);
		char *text = rk_arena_alloc(&arena, sizes[i] + 1);
		memset(text, 'x', sizes[i]);
		for (size_t n = 0; n < sizes[i]; n++)
			rk_val_append(&arena, list, rk_val_int(&arena, (int64_t)n));
		struct rk_val *map = rk_val_map(&arena);
		rk_val_put_str(&arena, map, "text", rk_span_of(text, sizes[i]));
		rk_val_put(&arena, map, "list", list);
		struct rk_blob *doc = rk_doc_of(map);
		cr_expect(rk_val_eq(map, rk_doc_val(&arena, doc)), "%zu", sizes[i]);
		cr_expect_eq(rk_doc_text(rk_blob_span(doc), "text").size, sizes[i]);
		rk_blob_unref(doc);
		rk_arena_done(&arena);
	}
}

Test(values, a_document_is_read_in_place)
{
	struct rk_arena arena = { 0 };
	struct rk_blob *doc =
		rk_doc_of(parse(&arena, "{\"skip\":[1,{\"x\":[2]}],\"spec\":{\"n\":-5,\"t\":\"hi\","
					"\"b\":true},\"a.b\":\"dot\"}"));
	const struct rk_span bytes = rk_blob_span(doc);

	cr_expect_eq(rk_doc_int(bytes, "spec.n", 0), -5);
	cr_expect(rk_span_is(rk_doc_text(bytes, "spec.t"), "hi"));
	cr_expect(rk_doc_bool(bytes, "spec.b", false));
	cr_expect_eq(rk_doc_int(bytes, "spec.none", 7), 7);
	cr_expect_null(rk_doc_text(bytes, "spec.n").data);
	cr_expect(rk_span_is(rk_doc_as_text(rk_doc_get(bytes, RK_SPAN("a.b"))), "dot"));
	rk_blob_unref(doc);
	rk_arena_done(&arena);
}

Test(values, what_is_sealed_reads_like_anything_else)
{
	static const char text[] = "{\"a\":{\"b\":[1,{\"c\":\"d\"}]},\"e\":[\"f\"],\"g\":\"h\"}";
	struct rk_arena arena = { 0 };
	struct rk_val *val = parse(&arena, text), *again = NULL;
	struct rk_buf json = { 0 };

	struct rk_blob *plain = rk_doc_of(val);
	rk_val_at(val, "a")->is_sealed = true;
	rk_val_item(rk_val_at(val, "a.b"), 1)->is_sealed = true;
	rk_val_at(val, "g")->is_sealed = true; /* of a scalar it means nothing */
	struct rk_blob *sealed = rk_doc_of(val);
	const struct rk_span bytes = rk_blob_span(sealed);
	cr_expect_eq(sealed->size, plain->size + 4, "two bytes for each of the two");
	cr_assert_eq(rk_doc_read(&arena, bytes, &again), RK_OK);
	cr_expect(rk_val_eq(val, again));
	cr_expect(rk_val_at(again, "a")->is_sealed && rk_val_copy(&arena, rk_val_at(again, "a"))->is_sealed);
	cr_expect_eq(rk_doc_to_json(&json, bytes, false), RK_OK);
	cr_expect_str_eq(rk_buf_cstr(&json), text);
	cr_expect(rk_span_is(rk_doc_text(bytes, "g"), "h"), "passed over");
	cr_expect_not_null(rk_doc_at(bytes, "a.b").data);
	cr_assert_eq(rk_doc_read(&arena, rk_doc_at(bytes, "a"), &again), RK_OK);
	cr_expect(rk_val_eq(rk_val_at(val, "a"), again));
	for (size_t size = 0; size < sealed->size; size++)
		cr_expect_eq(rk_doc_read(&arena, rk_span_of(bytes.data, size), &again), RK_EINVAL);
	rk_buf_done(&json);
	rk_blob_unref(plain);
	rk_blob_unref(sealed);
	rk_arena_done(&arena);
}

Test(values, seals_that_lie_are_refused)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{ "\xc4\x00", 2 },		 /* nothing is in it */
		{ "\xc4\x02\x80\x80", 4 },	 /* more than one value */
		{ "\xc4\x02\x91\xc0\x01", 5 }, /* something behind it */
		{ "\xc4\x01\x91\xc0", 4 },	 /* its value is longer */
		{ "\xc4\x05\x80", 3 },		 /* its end is not there */
		{ "\xc4\x01\x07", 3 },		 /* a scalar */
		{ "\xc4\x03\xc4\x01\x80", 5 }, /* a seal */
		{ "\xc6\xff\xff\xff\xff\x80", 6 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_buf json = { 0 };
		struct rk_val *val;
		const struct rk_span bytes = rk_span_of(cases[i].bytes, cases[i].size);
		cr_expect_eq(rk_doc_read(&arena, bytes, &val), RK_EINVAL, "%zu", i);
		cr_expect_eq(rk_doc_to_json(&json, bytes, false), RK_EINVAL, "%zu", i);
		cr_expect_null(rk_doc_at(bytes, "a.b").data);
		rk_buf_done(&json);
		rk_arena_done(&arena);
	}
}

Test(values, every_truncation_of_a_document_is_refused)
{
	struct rk_arena arena = { 0 };
	struct rk_blob *doc =
		rk_doc_of(parse(&arena, "{\"a\":[1,2,\"three\",{\"b\":1.5}],\"c\":70000}"));

	for (size_t size = 0; size < doc->size; size++) {
		struct rk_buf out = { 0 };
		struct rk_val *val;
		cr_expect_eq(rk_doc_read(&arena, rk_span_of(doc->data, size), &val), RK_EINVAL);
		cr_expect_eq(rk_doc_to_json(&out, rk_span_of(doc->data, size), false), RK_EINVAL);
		cr_expect_eq(out.size, 0);
		rk_buf_done(&out);
	}
	rk_blob_unref(doc);
	rk_arena_done(&arena);
}

Test(values, random_bytes_do_no_harm)
{
	uint64_t seed = 42;

	for (int round = 0; round < 20000; round++) {
		struct rk_arena arena = { 0 };
		struct rk_buf out = { 0 };
		struct rk_val *val;
		uint8_t bytes[48];
		for (size_t i = 0; i < sizeof bytes; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = (uint8_t)(seed >> 33);
		}
		const struct rk_span span = rk_span_of(bytes, (size_t)(round % 48));
		if (rk_doc_read(&arena, span, &val) == RK_OK)
			rk_json_write(&out, val, true);
		(void)rk_doc_text(span, "a.b");
		const int err = rk_doc_to_json(&out, span, false);
		(void)err;
		rk_buf_done(&out);
		rk_arena_done(&arena);
	}
}

static const struct {
	const char *text;
	const char *says;
} broken_json[] = {
	{ "{\"a\":1,\n \"b\":}", "line 2, column 6" },
	{ "{\"a\":1} x", "line 1" },
	{ "", "line 1" },
	{ "\"\xff\"", "decode byte" },
	{ "[1,2", "line 1" },
};

Test(values, broken_json_is_refused_with_its_place)
{
	for (size_t i = 0; i < sizeof broken_json / sizeof broken_json[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_error error = { 0 };
		struct rk_val *val;
		cr_expect_eq(
			rk_json_parse(&arena, rk_span_str(broken_json[i].text), 0, &val, &error),
			RK_EINVAL);
		cr_expect_not_null(strstr(error.text, broken_json[i].says), "%s: %s",
				   broken_json[i].text, error.text);
		rk_arena_done(&arena);
	}
}

Test(values, json_deeper_than_the_limit_is_refused)
{
	struct rk_arena arena = { 0 };
	struct rk_buf text = { 0 };
	struct rk_error error;
	struct rk_val *val;

	for (int i = 0; i < 100000; i++)
		rk_buf_put_u8(&text, '[');
	cr_expect_eq(rk_json_parse(&arena, rk_buf_span(&text), 0, &val, &error), RK_ETOOBIG);
	rk_buf_done(&text);
	rk_arena_done(&arena);
}

static const struct {
	const char *yaml;
	const char *json;
} yaml_cases[] = {
	{ "a: 1\nb: [x, 'y', \"z\\n\"]\n", "[{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\"]}]" },
	{ "a: yes\nb: off\nc: ~\nd: '1'\ne: 0x10\nf: 010\ng: 1.5\nh: 1_000\ni: y\n",
	  "[{\"a\":true,\"b\":false,\"c\":null,\"d\":\"1\",\"e\":16,\"f\":8,\"g\":1.5,\"h\":1000,"
	  "\"i\":\"y\"}]" },
	{ "---\na: 1\n---\n---\nb: 2\n", "[{\"a\":1},{\"b\":2}]" },
	{ "x: &a {k: v}\ny: *a\nz:\n  <<: *a\n  q: 1\n",
	  "[{\"x\":{\"k\":\"v\"},\"y\":{\"k\":\"v\"},\"z\":{\"k\":\"v\",\"q\":1}}]" },
	{ "t: |\n  one\n  two\n", "[{\"t\":\"one\\ntwo\\n\"}]" },
	{ "{\"json\": [1, true, null]}", "[{\"json\":[1,true,null]}]" },
	{ "1: a\ntrue: b\n", "[{\"1\":\"a\",\"true\":\"b\"}]" },
	{ "", "[]" },
	{ "v: 1.2.3\nw: 10Gi\nu: 12e\n", "[{\"v\":\"1.2.3\",\"w\":\"10Gi\",\"u\":\"12e\"}]" },
};

Test(values, yaml_reads_as_kubernetes_reads_it)
{
	for (size_t i = 0; i < sizeof yaml_cases / sizeof yaml_cases[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_buf out = { 0 };
		struct rk_error error = { 0 };
		struct rk_val *val = NULL;
		cr_assert_eq(rk_yaml_parse(&arena, rk_span_str(yaml_cases[i].yaml), &val, &error),
			     RK_OK, "%s", error.text);
		rk_json_write(&out, val, false);
		cr_expect_str_eq(rk_buf_cstr(&out), yaml_cases[i].json);
		rk_buf_done(&out);
		rk_arena_done(&arena);
	}
}

static const struct {
	const char *yaml;
	const char *says;
} broken_yaml[] = {
	{ "a: 1\n  b: 2\n", "line 2" },
	{ "a: [1, 2\n", "line 2" },
	{ "a: 1\na: 2\n", "line 2, column 1: key \"a\" already set" },
	{ "a: *nothing\n", "unknown anchor" },
	{ "? [a]\n: b\n", "key must be" },
};

Test(values, broken_yaml_is_refused_with_its_place)
{
	for (size_t i = 0; i < sizeof broken_yaml / sizeof broken_yaml[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_error error = { 0 };
		struct rk_val *val;
		cr_expect_eq(rk_yaml_parse(&arena, rk_span_str(broken_yaml[i].yaml), &val, &error),
			     RK_EINVAL);
		cr_expect_not_null(strstr(error.text, broken_yaml[i].says), "%s: %s",
				   broken_yaml[i].yaml, error.text);
		rk_arena_done(&arena);
	}
}

Test(values, aliases_cannot_blow_up_memory)
{
	struct rk_arena arena = { 0 };
	struct rk_buf text = { 0 };
	struct rk_error error;
	struct rk_val *val;

	rk_buf_put_str(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 12; i++)
		rk_buf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
			      i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	cr_expect_eq(rk_yaml_parse(&arena, rk_buf_span(&text), &val, &error), RK_EINVAL);
	cr_expect_not_null(strstr(error.text, "too many nodes"));
	rk_buf_done(&text);
	rk_arena_done(&arena);
}

static const char *const round_trips[] = {
	"{\"a\":\"1\",\"b\":\"true\",\"c\":\"\",\"d\":\"x: y\",\"e\":\"- "
	"a\",\"f\":\"null\",\"g\":\"~\",\"h\":\"1e3\"}",
	"{\"a\":\"line\\nline\\n\",\"b\":\"no "
	"end\\nhere\",\"c\":\"two\\n\\n\",\"d\":\"a\\tb\\u0001\"}",
	"{\"l\":[[1,2],[{\"a\":[]},{}]],\"m\":{\"n\":{\"o\":[\"#x\",\"'q'\",\"\\\"\"]}}}",
	"{\"t\":\"2024-01-01T00:00:00Z\",\"u\":\"*\",\"v\":\"--flag\",\"w\":\" "
	"lead\",\"x\":\"trail \",\"y\":\"n\"}",
	"[1,\"a\",{\"b\":null}]",
};

/* A reader takes no more than 1,024 bytes of a key before its ":". */
Test(values, yaml_with_long_keys)
{
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };
	struct rk_val *val = rk_val_map(&arena), *map = rk_val_map(&arena), *list = rk_val_list(&arena), *back = NULL;
	const char *const keys[] = { rk_arena_printf(&arena, "%01200d", 1), rk_arena_printf(&arena, "%01300d\n", 2),
				     rk_arena_printf(&arena, "k%0128d", 3), rk_arena_printf(&arena, "k%0127d", 4) };

	rk_val_append(&arena, list, rk_val_cstr(&arena, "one"));
	rk_val_append(&arena, list, val);
	rk_val_put_bool(&arena, map, keys[0], true);
	rk_val_put(&arena, val, keys[0], rk_val_cstr(&arena, "text\nof lines"));
	rk_val_put(&arena, val, keys[1], map);
	rk_val_put(&arena, val, keys[2], rk_val_list(&arena));
	rk_val_put_bool(&arena, val, keys[3], true);
	struct rk_val *all = rk_val_map(&arena);
	rk_val_put(&arena, all, keys[0], list);
	rk_yaml_write(&out, all);
	cr_assert_eq(rk_yaml_parse(&arena, rk_buf_span(&out), &back, NULL), RK_OK, "%s", rk_buf_cstr(&out));
	cr_expect(rk_val_eq(all, rk_val_item(back, 0)), "%s", rk_buf_cstr(&out));
	cr_expect_not_null(strstr(rk_buf_cstr(&out), rk_arena_printf(&arena, "? %s\n", keys[2])));
	cr_expect_not_null(strstr(rk_buf_cstr(&out), rk_arena_printf(&arena, "%s: true\n", keys[3])));
	rk_buf_done(&out);
	rk_arena_done(&arena);
}

Test(values, yaml_that_we_write_reads_back)
{
	for (size_t i = 0; i < sizeof round_trips / sizeof round_trips[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_buf out = { 0 };
		struct rk_error error = { 0 };
		struct rk_val *val = parse(&arena, round_trips[i]), *back = NULL;
		rk_yaml_write(&out, val);
		cr_assert_eq(rk_yaml_parse(&arena, rk_buf_span(&out), &back, &error), RK_OK,
			     "%s\n%s", error.text, rk_buf_cstr(&out));
		cr_expect(rk_val_eq(val, rk_val_item(back, 0)), "%s", rk_buf_cstr(&out));
		rk_buf_done(&out);
		rk_arena_done(&arena);
	}
}
