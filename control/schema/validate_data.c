/* ConfigMaps and Secrets: keys with data. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/validate.h"
#include "wire/base64.h"

/* Checks the keys and adds up the size of what they hold. */
static size_t check_data(const struct rk_check *check, const char *field, const struct rk_val *data,
			 const struct rk_val *other, bool is_base64)
{
	const struct rk_path path = rk_path_field(NULL, field);
	size_t size = 0;

	for (uint32_t i = 0; i < rk_val_count(data); i++) {
		const struct rk_span key = data->fields[i].key,
				     value = rk_val_text(data->fields[i].val);
		const struct rk_path item = rk_path_key(&path, key);
		const char *why = rk_name_config_key(key);
		if (why != NULL)
			(void)rk_bad_text(check, &item, key, why);
		if (rk_val_get(other, key) != NULL)
			(void)rk_bad_text(check, &item, key,
					  rk_arena_printf(check->arena,
							  "duplicate of key present in %s",
							  is_base64 ? "data" : "binaryData"));
		size += is_base64 ? rk_base64_size(value) : value.size;
	}
	return size;
}

static void check_immutable(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old, const char *const *fields)
{
	const struct rk_path flag = rk_path_field(NULL, "immutable");

	if (!rk_val_bool_at(old, "immutable", false))
		return;
	if (!rk_val_bool_at(obj, "immutable", false))
		(void)rk_forbidden(check, &flag, "field is immutable when `immutable` is set");
	for (size_t i = 0; fields[i] != NULL; i++) {
		const struct rk_path path = rk_path_field(NULL, fields[i]);
		const struct rk_val *now = rk_val_at(obj, fields[i]),
				    *was = rk_val_at(old, fields[i]);
		if (rk_val_count(now) + rk_val_count(was) > 0 && !rk_val_eq(now, was))
			(void)rk_forbidden(check, &path,
					   "field is immutable when `immutable` is set");
	}
}

void rk_validate_configmap(const struct rk_check *check, const struct rk_val *obj,
			   const struct rk_val *old)
{
	static const char *const fields[] = { "data", "binaryData", NULL };
	const struct rk_val *data = rk_val_at(obj, "data"), *binary = rk_val_at(obj, "binaryData");
	const struct rk_path whole = rk_path_field(NULL, "");
	const size_t size = check_data(check, "data", data, binary, false) +
			    check_data(check, "binaryData", binary, data, true);

	if (size > RK_DATA_BYTES_MAX)
		(void)rk_too_long(check, &whole, RK_DATA_BYTES_MAX);
	check_immutable(check, obj, old, fields);
}

/* What a Secret of a known type must hold. */
static void check_type(const struct rk_check *check, const struct rk_val *obj)
{
	static const struct {
		const char *type;
		const char *keys[2];
	} types[] = {
		{ "kubernetes.io/dockercfg", { ".dockercfg", NULL } },
		{ "kubernetes.io/dockerconfigjson", { ".dockerconfigjson", NULL } },
		{ "kubernetes.io/ssh-auth", { "ssh-privatekey", NULL } },
		{ "kubernetes.io/tls", { "tls.crt", "tls.key" } },
	};
	const struct rk_path data = rk_path_field(NULL, "data");

	for (size_t i = 0; i < RK_COUNT(types); i++) {
		if (!rk_span_is(rk_val_text_at(obj, "type"), types[i].type))
			continue;
		for (size_t n = 0; n < 2 && types[i].keys[n] != NULL; n++) {
			const struct rk_path key =
				rk_path_key(&data, rk_span_str(types[i].keys[n]));
			if (rk_val_get(rk_val_at(obj, "data"), key.name) == NULL)
				(void)rk_missing(check, &key, "");
		}
	}
}

void rk_validate_secret(const struct rk_check *check, const struct rk_val *obj,
			const struct rk_val *old)
{
	static const char *const fields[] = { "data", NULL };
	const struct rk_path data = rk_path_field(NULL, "data");

	if (check_data(check, "data", rk_val_at(obj, "data"), NULL, true) > RK_DATA_BYTES_MAX)
		(void)rk_too_long(check, &data, RK_DATA_BYTES_MAX);
	check_type(check, obj);
	if (old != NULL)
		(void)rk_check_same(check, NULL, obj, old, "type");
	check_immutable(check, obj, old, fields);
}
