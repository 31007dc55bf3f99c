/* reckon create namespace, serviceaccount, deployment, service; run; expose. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/create.h"
#include "cli/refs.h"

static int run_namespace(int argc, char **argv);
static int run_serviceaccount(int argc, char **argv);
static int run_deployment(int argc, char **argv);
static int run_service(int argc, char **argv);
static int run_run(int argc, char **argv);

const struct rk_command rk_command_create_namespace = {
	.name = "create namespace",
	.usage = "NAME [flags]",
	.summary = "Create a namespace",
	.run = run_namespace,
	.section = "Basic",
};
const struct rk_command rk_command_create_serviceaccount = {
	.name = "create serviceaccount",
	.usage = "NAME [flags]",
	.summary = "Create a service account",
	.run = run_serviceaccount,
	.section = "Basic",
};
const struct rk_command rk_command_create_deployment = {
	.name = "create deployment",
	.usage = "NAME --image=IMAGE [flags] [-- COMMAND [ARG...]]",
	.summary = "Create a deployment of one image",
	.examples = "  reckon create deployment web --image=web:1 --replicas=3 --port=8080\n",
	.run = run_deployment,
	.section = "Basic",
};
const struct rk_command rk_command_create_service = {
	.name = "create service",
	.usage = "clusterip|nodeport NAME --tcp=PORT[:TARGET] [flags]",
	.summary = "Create a service for the pods labelled app=NAME",
	.examples = "  reckon create service clusterip web --tcp=80:8080\n",
	.run = run_service,
	.section = "Basic",
};
const struct rk_command rk_command_run_pod = {
	.name = "run",
	.usage = "NAME --image=IMAGE [flags] [-- ARG...]",
	.summary = "Run one pod",
	.examples = "  reckon run once --image=busybox --restart=Never --command -- date\n",
	.run = run_run,
	.section = "Basic",
};

/* --- only a name --- */

static int run_plain(const struct rk_command *command, const char *kind_name, int argc, char **argv)
{
	struct rk_change change = { 0 };
	struct rk_error error = { 0 };
	const struct rk_kind *kind = NULL;
	struct rk_val *object = NULL;
	int status;
	const struct rk_flag flags[] = { RK_CHANGE_FLAGS(&change), { 0 } };

	if (!rk_cli_begin(command, flags, &argc, argv, NULL, &status))
		return status;
	int err = rk_create_begin(&change, kind_name, argc, argv, &kind, &object, &error);
	if (err == RK_OK)
		err = rk_create_send(&change, kind, object, &error);
	return rk_session_end(&change.session, err, &error);
}

static int run_namespace(int argc, char **argv)
{
	return run_plain(&rk_command_create_namespace, "namespaces", argc, argv);
}

static int run_serviceaccount(int argc, char **argv)
{
	return run_plain(&rk_command_create_serviceaccount, "serviceaccounts", argc, argv);
}

/* --- containers from flags --- */

struct making {
	struct rk_change change;
	struct rk_flag_list images, env, tcp;
	const char *labels, *restart, *pull, *cluster_ip;
	int64_t replicas, port;
	bool is_command;
};

static struct rk_val *words(struct rk_arena *arena, int argc, char **argv)
{
	struct rk_val *list = rk_val_list(arena);

	for (int i = 0; i < argc; i++)
		rk_val_append(arena, list, rk_val_cstr(arena, argv[i]));
	return list;
}

/* "registry/web:1" is called "web". */
static struct rk_span image_base(const char *image)
{
	const char *slash = strrchr(image, '/');
	struct rk_span name, base = rk_span_str(slash != NULL ? slash + 1 : image);

	(void)rk_span_cut(base, '@', &name);
	(void)rk_span_cut(name, ':', &base);
	return base;
}

static int put_env(struct rk_arena *arena, const struct rk_flag_list *env, struct rk_val *container,
		   struct rk_error *error)
{
	struct rk_val *list = rk_val_list(arena);

	for (size_t i = 0; i < env->count; i++) {
		struct rk_span name, value = rk_span_cut(rk_span_str(env->at[i]), '=', &name);
		struct rk_val *item = rk_val_map(arena);
		if (value.data == NULL || name.size == 0)
			return rk_fail(error, RK_EINVAL, "invalid env: %s", env->at[i]);
		rk_val_put_str(arena, item, "name", name);
		rk_val_put_str(arena, item, "value", value);
		rk_val_append(arena, list, item);
	}
	if (env->count > 0)
		rk_val_put(arena, container, "env", list);
	return RK_OK;
}

static int put_container(struct making *making, struct rk_val *list, struct rk_span name,
			 const char *image, struct rk_val *command, const char *command_field,
			 struct rk_error *error)
{
	struct rk_arena *arena = &making->change.session.arena;
	struct rk_val *container = rk_val_map(arena), *ports = rk_val_list(arena);

	rk_val_put_str(arena, container, "name", name);
	rk_val_put_cstr(arena, container, "image", image);
	if (rk_val_count(command) > 0)
		rk_val_put(arena, container, command_field, command);
	if (making->pull != NULL)
		rk_val_put_cstr(arena, container, "imagePullPolicy", making->pull);
	if (making->port != 0) {
		struct rk_val *port = rk_val_map(arena);
		rk_val_put_int(arena, port, "containerPort", making->port);
		rk_val_append(arena, ports, port);
		rk_val_put(arena, container, "ports", ports);
	}
	RK_TRY(put_env(arena, &making->env, container, error));
	rk_val_append(arena, list, container);
	return RK_OK;
}

static int make_deployment(struct making *making, int argc, char **argv, int dash,
			   struct rk_error *error)
{
	struct rk_arena *arena = &making->change.session.arena;
	const int names = dash >= 0 ? dash : argc;
	const struct rk_kind *kind = NULL;
	struct rk_val *object = NULL, *labels = rk_val_map(arena), *list = rk_val_list(arena);

	if (making->images.count == 0)
		return rk_fail(error, RK_EINVAL, "required flag(s) \"image\" not set");
	RK_TRY(rk_create_begin(&making->change, "deployments", names, argv, &kind, &object, error));
	rk_val_put_cstr(arena, labels, "app", argv[0]);
	rk_val_set_at(arena, object, "metadata.labels", labels);
	rk_val_set_at(arena, object, "spec.replicas", rk_val_int(arena, making->replicas));
	rk_val_set_at(arena, object, "spec.selector.matchLabels", labels);
	rk_val_set_at(arena, object, "spec.template.metadata.labels", labels);
	for (size_t i = 0; i < making->images.count; i++)
		RK_TRY(put_container(
			making, list, image_base(making->images.at[i]), making->images.at[i],
			dash >= 0 ? words(arena, argc - dash, argv + dash) : rk_val_list(arena),
			"command", error));
	rk_val_set_at(arena, object, "spec.template.spec.containers", list);
	return rk_create_send(&making->change, kind, object, error);
}

static int run_deployment(int argc, char **argv)
{
	struct making making = { .replicas = 1 };
	struct rk_error error = { 0 };
	int status, dash;
	const struct rk_flag flags[] = {
		RK_FLAG("image", 0, RK_FLAG_LIST, &making.images, "IMAGE", "of its container"),
		RK_FLAG("replicas", 'r', RK_FLAG_NUMBER, &making.replicas, "N", "how many pods"),
		RK_FLAG("port", 0, RK_FLAG_NUMBER, &making.port, "PORT", "that it listens on"),
		RK_CHANGE_FLAGS(&making.change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_create_deployment, flags, &argc, argv, &dash, &status))
		return status;
	const int err = make_deployment(&making, argc, argv, dash, &error);
	return rk_session_end(&making.change.session, err, &error);
}

static int make_pod(struct making *making, int argc, char **argv, int dash, struct rk_error *error)
{
	struct rk_arena *arena = &making->change.session.arena;
	const int names = dash >= 0 ? dash : RK_MIN(argc, 1);
	const struct rk_kind *kind = NULL;
	struct rk_val *object = NULL, *labels = rk_val_map(arena), *list = rk_val_list(arena);

	if (making->images.count != 1)
		return rk_fail(error, RK_EINVAL, "--image is required");
	if (making->change.manager == NULL)
		making->change.manager = "kubectl-run";
	RK_TRY(rk_create_begin(&making->change, "pods", names, argv, &kind, &object, error));
	if (making->labels != NULL)
		RK_TRY(rk_create_labels(arena, making->labels, labels, error));
	else
		rk_val_put_cstr(arena, labels, "run", argv[0]);
	rk_val_set_at(arena, object, "metadata.labels", labels);
	RK_TRY(put_container(making, list, rk_span_str(argv[0]), making->images.at[0],
			     words(arena, argc - names, argv + names),
			     making->is_command ? "command" : "args", error));
	rk_val_set_at(arena, object, "spec.containers", list);
	if (making->restart != NULL)
		rk_val_set_at(arena, object, "spec.restartPolicy",
			      rk_val_cstr(arena, making->restart));
	return rk_create_send(&making->change, kind, object, error);
}

static int run_run(int argc, char **argv)
{
	struct making making = { 0 };
	struct rk_error error = { 0 };
	int status, dash;
	const struct rk_flag flags[] = {
		RK_FLAG("image", 0, RK_FLAG_LIST, &making.images, "IMAGE", "of its container"),
		RK_FLAG("env", 0, RK_FLAG_LIST, &making.env, "NAME=VALUE", "a variable"),
		RK_FLAG_STR("labels", 'l', &making.labels, "LABELS", "a=b,c=d"),
		RK_FLAG("port", 0, RK_FLAG_NUMBER, &making.port, "PORT", "that it listens on"),
		RK_FLAG("restart", 0, RK_FLAG_CHOICE, &making.restart, "Always|OnFailure|Never",
			"what happens when it ends"),
		RK_FLAG("image-pull-policy", 0, RK_FLAG_CHOICE, &making.pull,
			"Always|IfNotPresent|Never", "when the image is fetched"),
		RK_FLAG_YES("command", 0, &making.is_command,
			    "what follows -- replaces the image's program, too"),
		RK_CHANGE_FLAGS(&making.change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_run_pod, flags, &argc, argv, &dash, &status))
		return status;
	const int err = make_pod(&making, argc, argv, dash, &error);
	return rk_session_end(&making.change.session, err, &error);
}

/* --- services --- */

static int put_tcp(struct making *making, struct rk_val *list, struct rk_error *error)
{
	struct rk_arena *arena = &making->change.session.arena;

	for (size_t i = 0; i < making->tcp.count; i++) {
		struct rk_span port,
			target = rk_span_cut(rk_span_str(making->tcp.at[i]), ':', &port);
		struct rk_val *item = rk_val_map(arena);
		uint64_t number;
		if (!rk_span_u64(port, &number) || number == 0 || number > 65535)
			return rk_fail(error, RK_EINVAL, "invalid port \"%.*s\" in --tcp=%s",
				       RK_SPAN_ARGS(port), making->tcp.at[i]);
		if (target.size == 0)
			target = port;
		rk_val_put(
			arena, item, "name",
			rk_val_strf(arena, "%.*s-%.*s", RK_SPAN_ARGS(port), RK_SPAN_ARGS(target)));
		rk_val_put_int(arena, item, "port", (int64_t)number);
		rk_val_put_cstr(arena, item, "protocol", "TCP");
		rk_val_put(arena, item, "targetPort", rk_create_port(arena, target));
		rk_val_append(arena, list, item);
	}
	return RK_OK;
}

static int make_service(struct making *making, int argc, char **argv, struct rk_error *error)
{
	struct rk_arena *arena = &making->change.session.arena;
	const struct rk_kind *kind = NULL;
	struct rk_val *object = NULL, *labels = rk_val_map(arena), *ports = rk_val_list(arena);
	const bool is_node_port = argc > 0 && strcmp(argv[0], "nodeport") == 0;

	if (argc < 1 || (!is_node_port && strcmp(argv[0], "clusterip") != 0))
		return rk_fail(error, RK_EINVAL, "create service knows clusterip and nodeport%s%s",
			       argc > 0 ? ", not " : "", argc > 0 ? argv[0] : "");
	RK_TRY(rk_create_begin(&making->change, "services", argc - 1, argv + 1, &kind, &object,
			       error));
	RK_TRY(put_tcp(making, ports, error));
	if (making->tcp.count == 0)
		return rk_fail(error, RK_EINVAL,
			       "at least one tcp port specifier must be provided");
	rk_val_put_cstr(arena, labels, "app", argv[1]);
	rk_val_set_at(arena, object, "metadata.labels", labels);
	rk_val_set_at(arena, object, "spec.ports", ports);
	rk_val_set_at(arena, object, "spec.selector", labels);
	rk_val_set_at(arena, object, "spec.type",
		      rk_val_cstr(arena, is_node_port ? "NodePort" : "ClusterIP"));
	if (making->cluster_ip != NULL)
		rk_val_set_at(arena, object, "spec.clusterIP",
			      rk_val_cstr(arena, making->cluster_ip));
	return rk_create_send(&making->change, kind, object, error);
}

static int run_service(int argc, char **argv)
{
	struct making making = { 0 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG("tcp", 0, RK_FLAG_LIST, &making.tcp, "PORT[:TARGET]",
			"a port, and where it leads"),
		RK_FLAG_STR("clusterip", 0, &making.cluster_ip, "ADDRESS", "its address, or None"),
		RK_CHANGE_FLAGS(&making.change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_create_service, flags, &argc, argv, NULL, &status))
		return status;
	const int err = make_service(&making, argc, argv, &error);
	return rk_session_end(&making.change.session, err, &error);
}
