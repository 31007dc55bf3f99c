/* Protobuf: what kubectl sends, every field of every kind there and back, and what is refused. */
#include "base/mem.h"
#include "control/schema/proto.h"
#include "control/schema/schema.h"
#include "tests/control/schema.h"
#include "wire/doc.h"

static struct rk_span from_hex(struct rk_arena *arena, const char *hex)
{
	const size_t size = strlen(hex) / 2;
	uint8_t *bytes = rk_arena_alloc(arena, size + 1);

	for (size_t i = 0; i < size; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], 0 };
		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return rk_span_of(bytes, size);
}

static const char *to_hex(struct rk_arena *arena, struct rk_span bytes)
{
	char *hex = rk_arena_alloc(arena, 2 * bytes.size + 1);

	for (size_t i = 0; i < bytes.size; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes.data[i]);
	hex[2 * bytes.size] = 0;
	return hex;
}

static struct rk_span envelope(struct rk_arena *arena, const char *api_version, const char *kind,
			       struct rk_span message)
{
	struct rk_buf out = { 0 };

	rk_protobuf_put_envelope(&out, (struct rk_type_meta){ api_version, kind }, message);
	const struct rk_span copy = rk_arena_span(arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return copy;
}

/* --- what kubectl sends --- */

/* Bodies that kubectl 1.32 and 1.33 sent, and the objects that 1.31 sends as JSON for the same
 * commands (zero values that are left out there go in rk_schema_decode). */
static const struct {
	const char *command, *hex, *json;
} sent[] = {
	{ "create namespace n1",
	  "6b3873000a0f0a02763112094e616d657370616365121a0a120a026e3112001a0022002a0032003800420012"
	  "00"
	  "1a020a001a002200",
	  "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n1\"},\"spec\":{}"
	  ","
	  "\"status\":{}}" },
	{ "create configmap c1 --from-literal=a=b",
	  "6b3873000a0f0a0276311209436f6e6669674d6170121c0a120a02633112001a0022002a0032003800420012"
	  "06"
	  "0a01611201621a002200",
	  "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"c1\"},\"data\":{"
	  "\"a\":\"b\"}}" },
	{ "create secret generic s1 --from-literal=p=w",
	  "6b3873000a0c0a0276311206536563726574121e0a120a02733112001a0022002a003200380042001206"
	  "0a01701201771a001a002200",
	  "{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"s1\"},\"data\":{"
	  "\"p\":\"dw==\"}}" },
	{ "create service nodeport s1 --tcp=80:web",
	  "6b3873000a0d0a02763112075365727669636512660a1d0a02733112001a0022002a003200380042005a090a"
	  "03"
	  "6170701202733112410a1c0a0638302d776562120354435018502209080110001a0377656228001209"
	  "0a03617070120273311a0022084e6f6465506f72743a00420052005a00600068001a020a001a002200",
	  "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"s1\",\"labels\":{"
	  "\"app\":\"s1\"}},\"spec\":{\"ports\":[{\"name\":\"80-web\",\"protocol\":\"TCP\","
	  "\"port\":"
	  "80,\"targetPort\":\"web\"}],\"selector\":{\"app\":\"s1\"},\"type\":\"NodePort\"},"
	  "\"status\":{\"loadBalancer\":{}}}" },
	{ "create deployment d1 --image=nginx --replicas=2 --port=80",
	  "6b3873000a150a07617070732f7631120a4465706c6f796d656e7412b4010a1d0a02643112001a0022002a00"
	  "32"
	  "00380042005a090a036170701202643112840108021"
	  "20b0a090a03617070120264311a6b0a1b0a0012001a0022002a003200380042005a090a03617070120264311"
	  "24c"
	  "122e0a056e67696e7812056e67696e782a00320a0a001000185022002a0042006a0072008001008801009001"
	  "00"
	  "a201001a00320042004a0052005800600068008201008a01009a0100c2010022020a00280038001a0c080010"
	  "00"
	  "18002000280038001a002200",
	  "{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":\"d1\","
	  "\"labels\":{\"app\":\"d1\"}},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{"
	  "\"app\":\"d1\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d1\"}},\"spec\":{"
	  "\"containers\":[{\"name\":\"nginx\",\"image\":\"nginx\",\"ports\":[{\"containerPort\":"
	  "80}],"
	  "\"resources\":{}}]}},\"strategy\":{}},\"status\":{}}" },
};

Test(proto, what_kubectl_sends)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(sent); i++) {
		struct rk_arena arena = { 0 };
		struct rk_error error = { .text = "" };
		struct rk_val *object = NULL, *status = NULL;
		const struct rk_val *wanted = json_in(&arena, sent[i].json);
		const struct rk_kind *kind =
			rk_kinds_of(kinds, rk_val_text_at(wanted, "apiVersion"),
				    rk_val_text_at(wanted, "kind"));
		cr_assert_eq(rk_protobuf_read(&arena, kinds, from_hex(&arena, sent[i].hex), &object,
					      &error),
			     RK_OK, "%s: %s", sent[i].command, error.text);
		cr_assert_eq(
			rk_schema_decode(&arena, kind, object, RK_STRICT_STRICT, NULL, &status),
			RK_OK, "%s", sent[i].command);
		cr_expect(rk_val_eq(object, wanted), "%s: %s", sent[i].command,
			  json_out(&arena, object));
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

/* --- every field --- */

static struct rk_val *sample_of(struct rk_arena *arena, const struct rk_prop *prop, unsigned depth);

static struct rk_val *sample_object(struct rk_arena *arena, const struct rk_type *type,
				    unsigned depth)
{
	struct rk_val *object = rk_val_map(arena);

	for (uint32_t i = 0; depth > 0 && i < type->prop_count; i++) {
		const struct rk_prop *prop = &type->props[i];
		const bool is_recursive = prop->type == type; /* one level tells enough */
		if (prop->proto[0] != 0)
			rk_val_put(arena, object, prop->name,
				   sample_of(arena, prop, is_recursive ? depth > 1 : depth - 1));
	}
	return object;
}

static struct rk_val *sample_one(struct rk_arena *arena, const struct rk_prop *prop, unsigned depth,
				 unsigned number)
{
	if (strcmp(prop->type->name, "schema-or-bool") == 0)
		return number % 2 == 0 ? json_in(arena, "{\"not\":{\"maximum\":2.5}}")
				       : rk_val_bool(arena, true);
	if (strcmp(prop->type->name, "schema-or-array") == 0)
		return json_in(arena, depth % 2 == 0 ? "[{\"type\":\"string\"},{}]"
						     : "{\"items\":{\"minimum\":-7}}");
	if (strcmp(prop->type->name, "schema-or-strings") == 0)
		return json_in(arena, number % 2 == 0 ? "[\"a\",\"\"]" : "{\"$ref\":\"x\"}");
	switch (prop->type->kind) {
	case RK_TYPE_NUMBER: return rk_val_real(arena, -0.125);
	case RK_TYPE_STRINGS: return json_in(arena, number % 2 == 0 ? "[]" : "[\"x\",\"\"]");
	case RK_TYPE_ANY: return json_in(arena, "{\"f:a\":{\"k:{}\":[1,null,true,\"\\u00e4\"]}}");
	case RK_TYPE_BOOL: return rk_val_bool(arena, number % 2 == 0);
	case RK_TYPE_INT32: return rk_val_int(arena, number % 2 == 0 ? -5 : INT32_MAX);
	case RK_TYPE_INT64: return rk_val_int(arena, number % 2 == 0 ? INT64_MIN : 1ll << 40);
	case RK_TYPE_STRING:
		return prop->choices != NULL
			       ? rk_val_cstr(arena, prop->choices[0])
			       : rk_val_strf(arena, "%s \xc3\xa4 %u", prop->name, number);
	case RK_TYPE_BYTES: return rk_val_cstr(arena, number % 2 == 0 ? "AAEC/w==" : "");
	case RK_TYPE_TIME: return rk_val_cstr(arena, "2026-01-02T03:04:05Z");
	case RK_TYPE_MICRO_TIME: return rk_val_cstr(arena, "1969-12-31T23:59:59.000678Z");
	case RK_TYPE_QUANTITY: return rk_val_cstr(arena, "1500m");
	case RK_TYPE_INT_OR_STRING:
		return depth % 2 == 0 ? rk_val_int(arena, 8080) : rk_val_cstr(arena, "25%");
	case RK_TYPE_OBJECT: break;
	}
	return sample_object(arena, prop->type, depth);
}

static struct rk_val *sample_of(struct rk_arena *arena, const struct rk_prop *prop, unsigned depth)
{
	if (prop->shape == RK_SHAPE_ONE)
		return sample_one(arena, prop, depth, 0);
	struct rk_val *many = prop->shape == RK_SHAPE_LIST ? rk_val_list(arena) : rk_val_map(arena);
	for (unsigned i = 0; i < 2; i++) {
		struct rk_val *one = sample_one(arena, prop, depth, i);
		if (prop->shape == RK_SHAPE_LIST)
			rk_val_append(arena, many, one);
		else
			rk_val_put(arena, many, i == 0 ? "example.com/a" : "b", one);
	}
	return many;
}

/* There and back: the same object, as a tree and as the bytes of a document in normal form. */
static void expect_kept(struct rk_arena *arena, const struct rk_kinds *kinds,
			const struct rk_type *type, const struct rk_val *object)
{
	const char *api_version = rk_arena_str(arena, rk_val_text_at(object, "apiVersion"));
	const char *kind = rk_arena_str(arena, rk_val_text_at(object, "kind"));
	struct rk_error error = { .text = "" };
	struct rk_buf message = { 0 };
	struct rk_val *back = NULL, *owners = rk_val_at(object, "metadata.managedFields");

	if (owners != NULL)
		owners->is_sealed = true; /* as stored objects have it */
	struct rk_blob *doc = rk_doc_of(object);

	rk_protobuf_put_message(&message, arena, type, rk_blob_span(doc));
	const int err = rk_protobuf_read(arena, kinds,
					 envelope(arena, api_version, kind, rk_buf_span(&message)),
					 &back, &error);
	cr_assert_eq(err, RK_OK, "%s: %s", kind, error.text);
	cr_expect(rk_val_eq(back, object), "%s\n%s", json_out(arena, object),
		  json_out(arena, back));
	rk_buf_done(&message);
	(void)rk_blob_unref(doc);
}

Test(proto, every_field_of_every_kind)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		struct rk_arena arena = { 0 };
		struct rk_val *object = sample_object(&arena, kind->type, 9);
		rk_val_put_cstr(&arena, object, "kind", kind->kind);
		rk_val_put_cstr(&arena, object, "apiVersion", kind->api_version);
		expect_kept(&arena, kinds, kind->type, object);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(proto, types_of_subresources)
{
	static const char *const names[][2] = { { "autoscaling/v1", "Scale" },
						{ "v1", "Binding" },
						{ "policy/v1", "Eviction" },
						{ "apps/v1", "DeleteOptions" },
						{ "v1", "Status" } };
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(names); i++) {
		struct rk_arena arena = { 0 };
		const struct rk_type *type =
			rk_protobuf_type(kinds, rk_span_str(names[i][0]), rk_span_str(names[i][1]));
		cr_assert_not_null(type, "%s", names[i][1]);
		struct rk_val *object = sample_object(&arena, type, 9);
		rk_val_put_cstr(&arena, object, "kind", names[i][1]);
		rk_val_put_cstr(&arena, object, "apiVersion", names[i][0]);
		expect_kept(&arena, kinds, type, object);
		rk_arena_done(&arena);
	}
	cr_expect_null(rk_protobuf_type(kinds, RK_SPAN("v1"), RK_SPAN("PodSpec")));
	cr_expect_null(rk_protobuf_type(kinds, RK_SPAN("v1"), RK_SPAN("Widget")));
	(void)rk_kinds_free(kinds);
}

/* Only what the envelope says is not a field of the message. */
Test(proto, every_field_has_a_number)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < rk_types_count(kinds); i++) {
		const struct rk_type *type = rk_types_at(kinds, i);
		for (uint32_t n = 0; n < type->prop_count; n++) {
			const struct rk_prop *prop = &type->props[n];
			const bool is_meta = strcmp(prop->name, "apiVersion") == 0 ||
					     strcmp(prop->name, "kind") == 0;
			cr_expect(prop->proto[0] != 0 || is_meta, "%s.%s", type->name, prop->name);
		}
	}
	(void)rk_kinds_free(kinds);
}

/* Zero where a pointer is set says something: it is written, and read again. */
Test(proto, zeros_that_were_given)
{
	static const char *const objects[] = {
		"{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{},\"spec\":{"
		"\"replicas\":0,\"paused\":false,\"selector\":{},\"strategy\":{\"rollingUpdate\":{"
		"\"maxSurge\":0,\"maxUnavailable\":\"\"}},\"template\":{\"spec\":{\"volumes\":[{"
		"\"name\":\"v\",\"emptyDir\":{}}],\"enableServiceLinks\":false}}}}",
		"{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"immutable\":false,\"data\":{\"\":"
		"\"\"},"
		"\"metadata\":{\"deletionGracePeriodSeconds\":0,\"annotations\":{\"\":\"\"}}}",
	};
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(objects); i++) {
		const struct rk_val *object = json_in(&arena, objects[i]);
		expect_kept(&arena, kinds,
			    rk_protobuf_type(kinds, rk_val_text_at(object, "apiVersion"),
					     rk_val_text_at(object, "kind")),
			    object);
	}
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

/* --- bytes --- */

Test(proto, what_is_written)
{
	static const struct {
		const char *kind, *json, *hex; /* hex of the message */
	} cases[] = {
		{ "Namespace", "{\"metadata\":{\"name\":\"a\"},\"status\":{\"phase\":\"Active\"}}",
		  "0a030a01611a080a06416374697665" },
		{ "Namespace", "{\"metadata\":{\"creationTimestamp\":\"1970-01-01T00:00:01Z\"}}",
		  "0a06420408011000" },
		{ "Namespace", "{\"metadata\":{\"creationTimestamp\":\"0001-01-01T00:00:00Z\"}}",
		  "0a024200" },
		{ "Service",
		  "{\"spec\":{\"ports\":[{\"targetPort\":8080},{\"targetPort\":\"web\"}]}}",
		  "12180a092207080010903f1a000a0b2209080110001a03776562" },
		{ "Pod",
		  "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"1\"}}}]}}",
		  "1210120e420c0a0a0a0363707512030a0131" },
		{ "Secret", "{\"data\":{\"k\":\"AAH/\"},\"unknown\":{\"a\":[1]}}",
		  "12080a016b1203"
		  "0001ff" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_buf out = { 0 };
		struct rk_blob *doc = rk_doc_of(json_in(&arena, cases[i].json));
		rk_protobuf_put_message(
			&out, &arena,
			rk_protobuf_type(kinds, RK_SPAN("v1"), rk_span_str(cases[i].kind)),
			rk_blob_span(doc));
		cr_expect_str_eq(to_hex(&arena, rk_buf_span(&out)), cases[i].hex, "%s: %s",
				 cases[i].json, to_hex(&arena, rk_buf_span(&out)));
		rk_buf_done(&out);
		(void)rk_blob_unref(doc);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

/* A length that needs more than one byte: what is behind it moves, at every level. */
Test(proto, long_messages)
{
	static const size_t sizes[] = { 1, 119, 120, 126, 127, 128, 16375, 16384, 70000, 2100000 };
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(sizes); i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *object = json_in(
			&arena, "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{},\"spec\":{"
				"\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}");
		char *text = rk_arena_alloc(&arena, sizes[i]);
		memset(text, 'x', sizes[i]);
		rk_val_put_str(&arena, rk_val_item(rk_val_at(object, "spec.containers"), 0),
			       "image", rk_span_of(text, sizes[i]));
		expect_kept(&arena, kinds, rk_protobuf_type(kinds, RK_SPAN("v1"), RK_SPAN("Pod")),
			    object);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(proto, frames)
{
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };
	const struct rk_type_meta meta = { "v1", "Pod" };

	rk_protobuf_put_envelope(&out, meta, RK_SPAN("m"));
	cr_expect_str_eq(to_hex(&arena, rk_buf_span(&out)), "6b387300"
							    "0a090a027631"
							    "1203506f64"
							    "12016d1a002200");
	rk_buf_clear(&out);
	rk_protobuf_put_event(&out, "ADDED", RK_SPAN("xyz"));
	cr_expect_str_eq(to_hex(&arena, rk_buf_span(&out)), "0000000e"
							    "0a054144444544"
							    "12050a0378797a");
	rk_buf_done(&out);
	rk_arena_done(&arena);
}

/* --- reading what others write --- */

static void expect_read(const char *kind, const char *hex, const char *json, const char *why)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };
	struct rk_error error = { .text = "" };
	struct rk_val *object = NULL;
	const int err =
		rk_protobuf_read(&arena, kinds, envelope(&arena, "v1", kind, from_hex(&arena, hex)),
				 &object, &error);

	if (why != NULL) {
		cr_expect_eq(err, RK_EINVAL, "%s %s", kind, hex);
		cr_expect_str_eq(error.text, why);
	} else {
		cr_assert_eq(err, RK_OK, "%s %s: %s", kind, hex, error.text);
		(void)rk_val_remove(object, RK_SPAN("kind"));
		(void)rk_val_remove(object, RK_SPAN("apiVersion"));
		cr_expect_str_eq(json_out(&arena, object), json);
	}
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

Test(proto, what_is_understood)
{
	static const struct {
		const char *kind, *hex, *json;
	} cases[] = {
		{ "Pod", "", "{}" },
		{ "Pod", "0a00", "{\"metadata\":{}}" },
		/* a message in two parts, the second with another field; the last name wins */
		{ "Pod", "0a030a01610a060a01621a0163",
		  "{\"metadata\":{\"name\":\"b\",\"namespace\":\"c\"}}" },
		/* fields of a newer version: a number, bytes, fixed ones */
		{ "Pod", "a0060ba206017ba50601020304a1060102030405060708", "{}" },
		/* supplementalGroups (4 of PodSecurityContext), plain and packed */
		{ "Pod", "12087206200120022002",
		  "{\"spec\":{\"securityContext\":{"
		  "\"supplementalGroups\":[1,2,2]}}}" },
		{ "Pod", "120772052203018001",
		  "{\"spec\":{\"securityContext\":{"
		  "\"supplementalGroups\":[1,128]}}}" },
		/* an entry of a map without a value, and one without anything; sorted */
		{ "ConfigMap",
		  "12050a01621200"
		  "12030a0161"
		  "1200",
		  "{\"data\":{\"\":\"\",\"a\":\"\",\"b\":\"\"}}" },
		{ "Namespace", "0a024200", "{\"metadata\":{\"creationTimestamp\":null}}" },
		{ "Namespace", "0a0442020801",
		  "{\"metadata\":{\"creationTimestamp\":"
		  "\"1970-01-01T00:00:01Z\"}}" },
		/* -1 second: ten bytes */
		{ "Namespace", "0a0d420b08ffffffffffffffffff01",
		  "{\"metadata\":{"
		  "\"creationTimestamp\":"
		  "\"1969-12-31T23:59:59Z\"}}" },
		/* a quantity that says nothing is zero */
		{ "Pod",
		  "120e120c420a0a080a0463707531"
		  "1200",
		  "{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"cpu1\":\"0\"}}}]}}" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		expect_read(cases[i].kind, cases[i].hex, cases[i].json, NULL);
}

Test(proto, what_is_refused)
{
	static const struct {
		const char *kind, *hex, *why;
	} cases[] = {
		{ "Pod", "0a", "Pod: the message is malformed" },
		{ "Pod", "0a05", "Pod: the message is malformed" },
		{ "Pod", "0b", "Pod: the message is malformed" }, /* a group */
		{ "Pod", "0801", "Pod.metadata: not the wire type of the field" },
		{ "Pod", "0a020801", "ObjectMeta.name: not the wire type of the field" },
		{ "Pod", "0a033a0101", "ObjectMeta.generation: a number was expected" },
		{ "Pod",
		  "0a093901000000"
		  "00000000",
		  "ObjectMeta.generation: not the wire type of the field" },
		{ "Pod", "0a030a01ff", "ObjectMeta.name: the text is not UTF-8" },
		{ "Pod", "0a040a02c080", "ObjectMeta.name: the text is not UTF-8" },
		{ "Pod", "0a050a03eda080", "ObjectMeta.name: the text is not UTF-8" },
		{ "Pod", "0a060a04f4908080", "ObjectMeta.name: the text is not UTF-8" },
		{ "Pod", "0a040a02e282", "ObjectMeta.name: the text is not UTF-8" },
		{ "Pod", "0a045a020a01", "ObjectMeta.labels: an entry of a map is malformed" },
		{ "Pod", "0a055a030a01ff", "ObjectMeta.labels: a key is not UTF-8" },
		{ "Pod", "0a0a5a030a01615a030a0161", "Pod.metadata: a map holds a key twice" },
		{ "Pod", "0a0a420808ffffffffffff7f",
		  "ObjectMeta.creationTimestamp: the time is out "
		  "of range" },
		{ "Event", "520710ff93ebdc0310", "Event.eventTime: a message within is malformed" },
		{ "Event", "520610ffffffff0f", "Event.eventTime: the time is out of range" },
		{ "Service", "120462020801",
		  "ServiceSpec.healthCheckNodePort: a number was expected" },
		{ "Service",
		  "12080a062204080210"
		  "00",
		  "ServicePort.targetPort: neither a number "
		  "nor a text" },
		{ "Pod", "0a088a01053a030a017b",
		  "ManagedFieldsEntry.fieldsV1: not JSON: line 1, "
		  "column 1: string or '}' expected near end of file" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		expect_read(cases[i].kind, cases[i].hex, NULL, cases[i].why);
}

Test(proto, envelopes_that_are_refused)
{
	static const struct {
		const char *hex, *why;
	} cases[] = {
		{ "",
		  "provided data does not appear to be a protobuf message, expected prefix [107 "
		  "56 115 0]" },
		{ "6b3873",
		  "provided data does not appear to be a protobuf message, expected prefix "
		  "[107 56 115 0]" },
		{ "6b387300", "no kind \"\" is registered for version \"\"" },
		{ "6b38730012", "the envelope is malformed" },
		{ "6b3873000801", "the envelope is malformed" },
		{ "6b3873000a090a0276321203506f64",
		  "no kind \"Pod\" is registered for version \"v2\"" },
		{ "6b3873000a090a0276311203506f641a0167", "the content is encoded once more" },
		{ "6b3873000a090a0276311203ff6f64", "the kind is not UTF-8" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_error error = { .text = "" };
		struct rk_val *object = NULL;
		cr_expect_eq(rk_protobuf_read(&arena, kinds, from_hex(&arena, cases[i].hex),
					      &object, &error),
			     RK_EINVAL, "%s", cases[i].hex);
		cr_expect_str_eq(error.text, cases[i].why);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

/* A body of megabytes that stands for gigabytes, and one that would nest without end. */
Test(proto, what_is_too_much)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };
	struct rk_error error = { .text = "" };
	struct rk_val *object = NULL;
	struct rk_buf inner = { 0 }, outer = { 0 };

	for (size_t i = 0; i < 1100000; i++) /* metadata.finalizers: "" */
		rk_buf_put(&inner, "\x72\x00", 2);
	rk_buf_put_u8(&outer, 0x0a);
	rk_buf_put_bytes(&outer, rk_buf_span(&inner));
	cr_expect_eq(rk_protobuf_read(&arena, kinds,
				      envelope(&arena, "v1", "Pod", rk_buf_span(&outer)), &object,
				      &error),
		     RK_EINVAL);
	cr_expect_str_eq(error.text, "ObjectMeta.finalizers: the message holds too many values");
	rk_buf_clear(&inner);
	rk_buf_clear(&outer);
	char json[200];
	memset(json, '[', 100);
	memset(json + 100, ']', 100);
	rk_buf_put(&inner, "\x8a\x01\xce\x01\x3a\xcb\x01\x0a\xc8\x01", 10);
	rk_buf_put(&inner, json, sizeof json);
	rk_buf_put_u8(&outer, 0x0a);
	rk_buf_put_bytes(&outer, rk_buf_span(&inner));
	cr_expect_eq(rk_protobuf_read(&arena, kinds,
				      envelope(&arena, "v1", "Pod", rk_buf_span(&outer)), &object,
				      &error),
		     RK_EINVAL);
	cr_expect_str_eq(error.text, "ManagedFieldsEntry.fieldsV1: nested too deep");
	rk_buf_done(&inner);
	rk_buf_done(&outer);
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

/* Whatever is cut off is refused or means something, and nothing is read behind the end. */
Test(proto, cut_anywhere)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	size_t refused = 0;

	for (size_t i = 0; i < RK_COUNT(sent); i++) {
		struct rk_arena arena = { 0 };
		const struct rk_span whole = from_hex(&arena, sent[i].hex);
		for (size_t size = 0; size < whole.size; size++) {
			struct rk_error error = { .text = "" };
			struct rk_val *object = NULL;
			uint8_t *exact = rk_zalloc(size + 1);
			memcpy(exact, whole.data, size);
			if (rk_protobuf_read(&arena, kinds, rk_span_of(exact, size), &object,
					     &error) < 0) {
				cr_expect_gt(strlen(error.text), 0);
				refused++;
			}
			free(exact);
		}
		rk_arena_done(&arena);
	}
	cr_expect_gt(refused, 400);
	(void)rk_kinds_free(kinds);
}
