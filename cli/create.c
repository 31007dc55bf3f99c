/* reckon create -f, and what every command that makes an object shares. */
#include "cli/create.h"

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/refs.h"
#include "cli/three_way.h"

static int run_create(int argc, char **argv);

const struct rk_command rk_command_create = {
	.name = "create",
	.usage = "(-f FILE | namespace|deployment|service|configmap|secret|serviceaccount ...) "
		 "[flags]",
	.summary = "Create objects from files, or of one of these types",
	.examples = "  reckon create -f pod.yaml\n  reckon create deployment web --image=web:1\n",
	.run = run_create,
	.section = "Basic",
};

struct rk_val *rk_create_object(struct rk_change *change, const struct rk_kind *kind,
				struct rk_span name)
{
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *object = rk_val_map(arena);

	rk_val_put_cstr(arena, object, "apiVersion", kind->api_version);
	rk_val_put_cstr(arena, object, "kind", kind->kind);
	rk_val_set_at(arena, object, "metadata.name", rk_val_str(arena, name));
	if (kind->namespaced && (change->session.namespace_given || !rk_change_is_client(change)))
		rk_val_set_at(arena, object, "metadata.namespace",
			      rk_val_cstr(arena, change->session.namespace));
	return object;
}

int rk_create_send(struct rk_change *change, const struct rk_kind *kind, struct rk_val *object,
		   struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *made = object;

	if (!rk_change_is_client(change))
		RK_TRY(rk_change_send(change, "POST",
				      rk_target(arena, kind, rk_span_str(change->session.namespace),
						rk_span_str(""), NULL),
				      NULL, object, &made, error));
	rk_change_tell(change, kind, made, "created");
	return RK_OK;
}

int rk_create_begin(struct rk_change *change, const char *kind_name, int argc, char **argv,
		    const struct rk_kind **ret_kind, struct rk_val **ret, struct rk_error *error)
{
	if (argc != 1)
		return rk_fail(error, RK_EINVAL, "exactly one NAME is required, got %d", argc);
	RK_TRY(rk_change_open(change, "kubectl-create", error));
	RK_TRY(rk_ref_kind(change->session.kinds, rk_span_str(kind_name), ret_kind, error));
	*ret = rk_create_object(change, *ret_kind, rk_span_str(argv[0]));
	return RK_OK;
}

struct rk_val *rk_create_port(struct rk_arena *arena, struct rk_span text)
{
	uint64_t number;

	return rk_span_u64(text, &number) && number <= 65535 ? rk_val_int(arena, (int64_t)number)
							     : rk_val_str(arena, text);
}

int rk_create_labels(struct rk_arena *arena, const char *text, struct rk_val *map,
		     struct rk_error *error)
{
	struct rk_span rest = rk_span_str(text), pair, key;

	while (rest.size > 0) {
		rest = rk_span_cut(rest, ',', &pair);
		const struct rk_span value = rk_span_cut(pair, '=', &key);
		if (value.data == NULL || key.size == 0)
			return rk_fail(error, RK_EINVAL, "unexpected label spec: %.*s",
				       RK_SPAN_ARGS(pair));
		rk_val_set(arena, map, key, rk_val_str(arena, value));
	}
	return RK_OK;
}

/* --- create -f --- */

static int create_one(struct rk_change *change, const struct rk_manifest *manifest,
		      const void *context, struct rk_error *error)
{
	const bool *saves_config = context;
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *object = manifest->object, *made = object;

	if (manifest->ns.size > 0)
		rk_val_put_str(arena, rk_val_make(arena, object, "metadata"), "namespace",
			       manifest->ns);
	if (*saves_config)
		object = rk_last_applied_put(arena, object);
	if (!rk_change_is_client(change))
		RK_TRY(rk_change_send(
			change, "POST",
			rk_target(arena, manifest->kind, manifest->ns, rk_span_str(""), NULL), NULL,
			object, &made, error));
	rk_change_tell(change, manifest->kind, made, "created");
	return RK_OK;
}

static int run_create(int argc, char **argv)
{
	struct rk_change change = { 0 };
	struct rk_flag_list files = { .count = 0 };
	struct rk_error error = { 0 };
	bool is_recursive = false, saves_config = false;
	int status, err;
	const struct rk_flag flags[] = {
		RK_FLAG("filename", 'f', RK_FLAG_LIST, &files, "FILE", "a file, a directory, or -"),
		RK_FLAG_YES("recursive", 'R', &is_recursive, "directories below, too"),
		RK_FLAG_YES("save-config", 0, &saves_config, "remember it for apply"),
		RK_CHANGE_FLAGS(&change),
		{ 0 },
	};
	static const struct {
		const char *alias;
		const struct rk_command *command;
	} aliases[] = { { "ns", &rk_command_create_namespace },
			{ "cm", &rk_command_create_configmap },
			{ "deploy", &rk_command_create_deployment },
			{ "svc", &rk_command_create_service },
			{ "sa", &rk_command_create_serviceaccount } };

	for (size_t i = 0; argc > 0 && i < RK_COUNT(aliases); i++)
		if (strcmp(argv[0], aliases[i].alias) == 0)
			return aliases[i].command->run(argc - 1, argv + 1);
	if (!rk_cli_begin(&rk_command_create, flags, &argc, argv, NULL, &status))
		return status;
	if (argc > 0)
		err = rk_fail(&error, RK_EINVAL,
			      "create does not know \"%s\": it takes -f FILE, or one of namespace, "
			      "deployment, service, configmap, secret, serviceaccount",
			      argv[0]);
	else if (files.count == 0)
		err = rk_fail(&error, RK_EINVAL, "must specify one of -f and a type");
	else
		err = rk_change_files(&change, "kubectl-create", &files, is_recursive, "creating",
				      create_one, &saves_config, &error);
	return rk_session_end(&change.session, err, &error);
}
