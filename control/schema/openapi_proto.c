/* OpenAPI v2 in gnostic's protobuf form (openapi.v2.Document), the only one that older clients ask
 * for. Extensions travel as YAML text; JSON is YAML. */
#include "control/schema/discovery.h"
#include "wire/json.h"

static void put_bytes(struct rk_buf *out, unsigned field, struct rk_span bytes)
{
	rk_buf_put_varint(out, field << 3 | 2);
	rk_buf_put_bytes(out, bytes);
}

static void put_text(struct rk_buf *out, unsigned field, const struct rk_val *val)
{
	if (rk_val_text(val).size > 0)
		put_bytes(out, field, rk_val_text(val));
}

static void put_texts(struct rk_buf *out, unsigned field, const struct rk_val *list)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		put_text(out, field, rk_val_item(list, i));
}

static void put_bool(struct rk_buf *out, unsigned field, const struct rk_val *val)
{
	if (rk_val_is(val, RK_VAL_BOOL) && val->boolean) {
		rk_buf_put_varint(out, field << 3);
		rk_buf_put_varint(out, 1);
	}
}

/* Appends the message and empties it. */
static void put_message(struct rk_buf *out, unsigned field, struct rk_buf *message)
{
	put_bytes(out, field, rk_buf_span(message));
	rk_buf_done(message);
}

/* NamedAny: name, Any { yaml } */
static void put_extensions(struct rk_buf *out, unsigned field, const struct rk_val *map)
{
	for (uint32_t i = 0; i < rk_val_count(map); i++) {
		struct rk_buf text = { 0 }, any = { 0 }, named = { 0 };
		if (!rk_span_starts(map->fields[i].key, RK_SPAN("x-")))
			continue;
		rk_json_write(&text, map->fields[i].val, false);
		put_message(&any, 2, &text);
		put_bytes(&named, 1, map->fields[i].key);
		put_message(&named, 2, &any);
		put_message(out, field, &named);
	}
}

static void put_schema(struct rk_buf *out, const struct rk_val *schema);

/* NamedSchema for each field of the map. */
static void put_schemas(struct rk_buf *out, unsigned field, const struct rk_val *map)
{
	for (uint32_t i = 0; i < rk_val_count(map); i++) {
		struct rk_buf named = { 0 }, schema = { 0 };
		put_bytes(&named, 1, map->fields[i].key);
		put_schema(&schema, map->fields[i].val);
		put_message(&named, 2, &schema);
		put_message(out, field, &named);
	}
}

static void put_schema(struct rk_buf *out, const struct rk_val *schema)
{
	const struct rk_val *type = rk_val_at(schema, "type"), *items = rk_val_at(schema, "items");
	const struct rk_val *values = rk_val_at(schema, "additionalProperties");
	const struct rk_val *properties = rk_val_at(schema, "properties");
	struct rk_buf inner = { 0 }, holder = { 0 };

	put_text(out, 1, rk_val_at(schema, "$ref"));
	put_text(out, 2, rk_val_at(schema, "format"));
	put_text(out, 4, rk_val_at(schema, "description"));
	put_texts(out, 19, rk_val_at(schema, "required"));
	if (values != NULL) {
		put_schema(&inner, values);
		put_message(&holder, 1, &inner);
		put_message(out, 21, &holder);
	}
	if (type != NULL) {
		put_text(&holder, 1, type);
		put_message(out, 22, &holder);
	}
	if (items != NULL) {
		put_schema(&inner, items);
		put_message(&holder, 1, &inner);
		put_message(out, 23, &holder);
	}
	if (properties != NULL) {
		put_schemas(&holder, 1, properties);
		put_message(out, 25, &holder);
	}
	put_extensions(out, 31, schema);
}

static void put_body_parameter(struct rk_buf *out, const struct rk_val *parameter)
{
	struct rk_buf schema = { 0 };

	put_text(out, 2, rk_val_at(parameter, "name"));
	put_text(out, 3, rk_val_at(parameter, "in"));
	put_bool(out, 4, rk_val_at(parameter, "required"));
	put_schema(&schema, rk_val_at(parameter, "schema"));
	put_message(out, 5, &schema);
}

/* Query and path parameters differ in where the type stands. */
static void put_plain_parameter(struct rk_buf *out, const struct rk_val *parameter, bool is_query)
{
	put_bool(out, 1, rk_val_at(parameter, "required"));
	put_text(out, 2, rk_val_at(parameter, "in"));
	put_text(out, 3, rk_val_at(parameter, "description"));
	put_text(out, 4, rk_val_at(parameter, "name"));
	put_text(out, is_query ? 6 : 5, rk_val_at(parameter, "type"));
}

/* ParametersItem { Parameter { BodyParameter | NonBodyParameter { query | path } } } */
static void put_parameters(struct rk_buf *out, unsigned field, const struct rk_val *list)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *one = rk_val_item(list, i);
		const bool is_query = rk_span_is(rk_val_text_at(one, "in"), "query");
		struct rk_buf inner = { 0 }, kind = { 0 }, parameter = { 0 }, item = { 0 };
		if (rk_span_is(rk_val_text_at(one, "in"), "body")) {
			put_body_parameter(&inner, one);
			put_message(&parameter, 1, &inner);
		} else {
			put_plain_parameter(&inner, one, is_query);
			put_message(&kind, is_query ? 3 : 4, &inner);
			put_message(&parameter, 2, &kind);
		}
		put_message(&item, 1, &parameter);
		put_message(out, field, &item);
	}
}

/* Responses { NamedResponseValue { name, ResponseValue { Response { description, SchemaItem {
 * Schema } } } } } */
static void put_responses(struct rk_buf *out, const struct rk_val *responses)
{
	for (uint32_t i = 0; i < rk_val_count(responses); i++) {
		const struct rk_val *one = responses->fields[i].val;
		struct rk_buf schema = { 0 }, item = { 0 }, response = { 0 }, value = { 0 },
			      named = { 0 };
		put_text(&response, 1, rk_val_at(one, "description"));
		put_schema(&schema, rk_val_at(one, "schema"));
		put_message(&item, 1, &schema);
		put_message(&response, 2, &item);
		put_message(&value, 1, &response);
		put_bytes(&named, 1, responses->fields[i].key);
		put_message(&named, 2, &value);
		put_message(out, 1, &named);
	}
}

static void put_operation(struct rk_buf *out, unsigned field, const struct rk_val *operation)
{
	struct rk_buf message = { 0 }, responses = { 0 };

	if (operation == NULL)
		return;
	put_text(&message, 5, rk_val_at(operation, "operationId"));
	put_texts(&message, 7, rk_val_at(operation, "consumes"));
	put_parameters(&message, 8, rk_val_at(operation, "parameters"));
	put_responses(&responses, rk_val_at(operation, "responses"));
	put_message(&message, 9, &responses);
	put_extensions(&message, 13, operation);
	put_message(out, field, &message);
}

static void put_paths(struct rk_buf *out, const struct rk_val *paths)
{
	for (uint32_t i = 0; i < rk_val_count(paths); i++) {
		const struct rk_val *path = paths->fields[i].val;
		struct rk_buf item = { 0 }, named = { 0 };
		put_operation(&item, 2, rk_val_at(path, "get"));
		put_operation(&item, 3, rk_val_at(path, "put"));
		put_operation(&item, 4, rk_val_at(path, "post"));
		put_operation(&item, 5, rk_val_at(path, "delete"));
		put_operation(&item, 8, rk_val_at(path, "patch"));
		put_parameters(&item, 9, rk_val_at(path, "parameters"));
		put_bytes(&named, 1, paths->fields[i].key);
		put_message(&named, 2, &item);
		put_message(out, 2, &named);
	}
}

void rk_openapi_v2_proto(struct rk_buf *out, const struct rk_val *document)
{
	struct rk_buf info = { 0 }, paths = { 0 }, definitions = { 0 };

	put_text(out, 1, rk_val_at(document, "swagger"));
	put_text(&info, 1, rk_val_at(document, "info.title"));
	put_text(&info, 2, rk_val_at(document, "info.version"));
	put_message(out, 2, &info);
	put_paths(&paths, rk_val_at(document, "paths"));
	put_message(out, 8, &paths);
	put_schemas(&definitions, 1, rk_val_at(document, "definitions"));
	put_message(out, 9, &definitions);
}
