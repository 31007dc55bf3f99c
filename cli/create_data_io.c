/* reckon create configmap, secret: data from flags and files. */
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/create.h"
#include "wire/base64.h"
#include "control/schema/names.h"
#include "node/files_io.h"

#define DATA_MAX (4u << 20)

static int run_configmap(int argc, char **argv);
static int run_secret(int argc, char **argv);

const struct rk_command rk_command_create_configmap = {
	.name = "create configmap",
	.usage = "NAME [--from-literal=KEY=VALUE] [--from-file=[KEY=]FILE] [flags]",
	.summary = "Create a ConfigMap from values and files",
	.examples = "  reckon create configmap app --from-literal=mode=fast --from-file=app.conf\n",
	.run = run_configmap,
	.section = "Basic",
};
const struct rk_command rk_command_create_secret = {
	.name = "create secret",
	.usage = "generic NAME [--from-literal=KEY=VALUE] [--from-file=[KEY=]FILE] [flags]",
	.summary = "Create a Secret from values and files",
	.examples = "  reckon create secret generic db --from-literal=password=...\n",
	.run = run_secret,
	.section = "Basic",
};

struct data {
	struct rk_change change;
	struct rk_flag_list literals, files, env_files;
	const char *type;
	bool is_secret;
	struct rk_val *object;
};

static bool is_utf8_text(struct rk_span bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		const uint8_t byte = bytes.data[i];
		const size_t more = byte < 0x80         ? 0
				    : (byte >> 5) == 6  ? 1
				    : (byte >> 4) == 14 ? 2
				    : (byte >> 3) == 30 ? 3
							: SIZE_MAX;
		if (more == SIZE_MAX || byte == 0 || i + more >= bytes.size + (more == 0))
			return false;
		for (size_t n = 0; n < more; n++)
			if ((bytes.data[++i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static int put(struct data *data, struct rk_span key, struct rk_span value, struct rk_error *error)
{
	struct rk_arena *arena = &data->change.session.arena;
	const char *why = rk_name_config_key(key);
	const bool is_binary = !data->is_secret && !is_utf8_text(value);

	if (why != NULL)
		return rk_fail(error, RK_EINVAL, "\"%.*s\" is not a valid key name: %s",
			       RK_SPAN_ARGS(key), why);
	if (rk_val_get(rk_val_at(data->object, "data"), key) != NULL ||
	    rk_val_get(rk_val_at(data->object, "binaryData"), key) != NULL)
		return rk_fail(error, RK_EINVAL,
			       "cannot add key \"%.*s\", another key by that name "
			       "already exists",
			       RK_SPAN_ARGS(key));
	if (data->is_secret || is_binary)
		value = rk_base64_encode(arena, value);
	rk_val_set(arena, rk_val_make(arena, data->object, is_binary ? "binaryData" : "data"), key,
		   rk_val_str(arena, value));
	return RK_OK;
}

static int put_file(struct data *data, const char *word, struct rk_error *error)
{
	struct rk_arena *arena = &data->change.session.arena;
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_span key;
	const struct rk_span rest = rk_span_cut(rk_span_str(word), '=', &key);
	const char *path = rest.data != NULL ? (const char *)rest.data : word;
	const char *slash = strrchr(path, '/');

	if (rest.data == NULL)
		key = rk_span_str(slash != NULL ? slash + 1 : path);
	RK_TRY(rk_file_read(path, DATA_MAX, &text, error));
	return put(data, key, rk_arena_span(arena, rk_buf_span(&text)), error);
}

static int put_env_file(struct data *data, const char *path, struct rk_error *error)
{
	struct rk_arena *arena = &data->change.session.arena;
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	RK_TRY(rk_file_read(path, DATA_MAX, &text, error));
	struct rk_span rest = rk_arena_span(arena, rk_buf_span(&text)), line, key;
	while (rest.size > 0) {
		rest = rk_span_cut(rest, '\n', &line);
		if (line.size == 0 || line.data[0] == '#')
			continue;
		const struct rk_span value = rk_span_cut(line, '=', &key);
		if (value.data == NULL)
			return rk_fail(error, RK_EINVAL, "%s: \"%.*s\" is not KEY=VALUE", path,
				       RK_SPAN_ARGS(line));
		RK_TRY(put(data, key, value, error));
	}
	return RK_OK;
}

static int fill(struct data *data, struct rk_error *error)
{
	for (size_t i = 0; i < data->literals.count; i++) {
		struct rk_span key;
		const struct rk_span value =
			rk_span_cut(rk_span_str(data->literals.at[i]), '=', &key);
		if (value.data == NULL)
			return rk_fail(error, RK_EINVAL,
				       "invalid literal source %s, expected key=value",
				       data->literals.at[i]);
		RK_TRY(put(data, key, value, error));
	}
	for (size_t i = 0; i < data->files.count; i++)
		RK_TRY(put_file(data, data->files.at[i], error));
	for (size_t i = 0; i < data->env_files.count; i++)
		RK_TRY(put_env_file(data, data->env_files.at[i], error));
	return RK_OK;
}

static int make(struct data *data, int argc, char **argv, struct rk_error *error)
{
	struct rk_arena *arena = &data->change.session.arena;
	const struct rk_kind *kind = NULL;

	if (data->is_secret && (argc < 1 || strcmp(argv[0], "generic") != 0))
		return rk_fail(
			error, RK_EINVAL,
			"create secret knows \"generic\"%s%s; docker-registry and tls are not "
			"supported: use apply -f",
			argc > 0 ? ", not " : "", argc > 0 ? argv[0] : "");
	RK_TRY(rk_create_begin(&data->change, data->is_secret ? "secrets" : "configmaps",
			       argc - data->is_secret, argv + data->is_secret, &kind, &data->object,
			       error));
	RK_TRY(fill(data, error));
	if (data->is_secret && data->type != NULL)
		rk_val_put_cstr(arena, data->object, "type", data->type);
	return rk_create_send(&data->change, kind, data->object, error);
}

static int run_data(const struct rk_command *command, bool is_secret, int argc, char **argv)
{
	struct data data = { .is_secret = is_secret };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG("from-literal", 0, RK_FLAG_LIST, &data.literals, "KEY=VALUE", "a value"),
		RK_FLAG("from-file", 0, RK_FLAG_LIST, &data.files, "[KEY=]FILE",
			"what a file holds"),
		RK_FLAG("from-env-file", 0, RK_FLAG_LIST, &data.env_files, "FILE",
			"lines of KEY=VALUE"),
		RK_FLAG_STR("type", 0, &data.type, "TYPE", "of a secret"),
		RK_CHANGE_FLAGS(&data.change),
		{ 0 },
	};

	if (!rk_cli_begin(command, flags, &argc, argv, NULL, &status))
		return status;
	const int err = make(&data, argc, argv, &error);
	return rk_session_end(&data.change.session, err, &error);
}

static int run_configmap(int argc, char **argv)
{
	return run_data(&rk_command_create_configmap, false, argc, argv);
}

static int run_secret(int argc, char **argv)
{
	return run_data(&rk_command_create_secret, true, argc, argv);
}
