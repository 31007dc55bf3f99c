/* reckon patch, cordon, uncordon, expose: one change to objects that are there. */
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/create.h"
#include "cli/modify.h"
#include "wire/yaml.h"

static int run_patch(int argc, char **argv);
static int run_cordon(int argc, char **argv);
static int run_uncordon(int argc, char **argv);
static int run_expose(int argc, char **argv);

const struct rk_command rk_command_patch = {
	.name = "patch",
	.usage = "(TYPE NAME... | TYPE/NAME...) -p PATCH [--type=strategic|merge|json] [flags]",
	.summary = "Change fields of objects by a patch",
	.examples = "  reckon patch deploy web -p '{\"spec\":{\"replicas\":2}}'\n"
		    "  reckon patch pod web-1 --type=json -p "
		    "'[{\"op\":\"remove\",\"path\":\"/metadata/labels/app\"}]'\n",
	.run = run_patch,
	.section = "Workloads",
};
const struct rk_command rk_command_cordon = {
	.name = "cordon",
	.usage = "NODE... [flags]",
	.summary = "Give a node no new pods",
	.run = run_cordon,
	.section = "Looking deeper",
};
const struct rk_command rk_command_uncordon = {
	.name = "uncordon",
	.usage = "NODE... [flags]",
	.summary = "Let a node have new pods again",
	.run = run_uncordon,
	.section = "Looking deeper",
};
const struct rk_command rk_command_expose = {
	.name = "expose",
	.usage = "(TYPE NAME | TYPE/NAME) [--port=PORT] [--target-port=PORT] [flags]",
	.summary = "Make a service for the pods of a workload",
	.examples = "  reckon expose deployment web --port=80 --target-port=8080\n",
	.run = run_expose,
	.section = "Basic",
};

/* --- patch --- */

struct patch {
	struct rk_modify modify;
	const char *text, *type, *sub;
	struct rk_val *parsed;
};

static int decide_patch(void *context, const struct rk_kind *kind, const struct rk_val *object,
			struct rk_modification *ret, struct rk_error *error)
{
	struct patch *patch = context;

	(void)kind, (void)object, (void)error;
	ret->patch = patch->parsed;
	ret->type = strcmp(patch->type, "json") == 0    ? RK_TYPE_JSON
		    : strcmp(patch->type, "merge") == 0 ? RK_TYPE_MERGE
							: RK_TYPE_STRATEGIC;
	ret->sub = patch->sub;
	ret->done = "patched";
	return RK_OK;
}

static int parse_patch(struct patch *patch, struct rk_error *error)
{
	struct rk_arena *arena = &patch->modify.change.session.arena;
	struct rk_val *docs = NULL;

	if (patch->text == NULL)
		return rk_fail(error, RK_EINVAL, "must specify -p to patch");
	if (rk_yaml_parse(arena, rk_span_str(patch->text), &docs, error) < 0)
		return rk_fail_wrap(error, RK_EINVAL, "unable to parse the patch");
	if (rk_val_count(docs) != 1)
		return rk_fail(error, RK_EINVAL, "the patch must be one JSON or YAML value");
	patch->parsed = rk_val_item(docs, 0);
	return RK_OK;
}

static int run_patch(int argc, char **argv)
{
	struct patch patch = { .type = "strategic", .modify = { .manager = "kubectl-patch" } };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG_STR("patch", 'p', &patch.text, "PATCH", "JSON or YAML"),
		RK_FLAG("type", 0, RK_FLAG_CHOICE, &patch.type, "strategic|merge|json",
			"what kind of patch it is"),
		RK_FLAG_STR("subresource", 0, &patch.sub, "NAME", "status, scale, resize, ephemeralcontainers..."),
		RK_MODIFY_FLAGS(&patch.modify),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_patch, flags, &argc, argv, NULL, &status))
		return status;
	int err = parse_patch(&patch, &error);
	if (err == RK_OK)
		err = rk_modify_each(&patch.modify, argc, argv, decide_patch, &patch, &error);
	return rk_session_end(&patch.modify.change.session, err, &error);
}

/* --- cordon --- */

struct cordon {
	struct rk_modify modify;
	bool is_on;
};

static int decide_cordon(void *context, const struct rk_kind *kind, const struct rk_val *object,
			 struct rk_modification *ret, struct rk_error *error)
{
	struct cordon *cordon = context;
	struct rk_arena *arena = &cordon->modify.change.session.arena;

	(void)kind, (void)error;
	if (rk_val_bool_at(object, "spec.unschedulable", false) == cordon->is_on) {
		ret->done = cordon->is_on ? "already cordoned" : "already uncordoned";
		return RK_OK;
	}
	ret->patch = rk_val_map(arena);
	rk_val_set_at(arena, ret->patch, "spec.unschedulable",
		      cordon->is_on ? rk_val_bool(arena, true) : rk_val_null(arena));
	ret->done = cordon->is_on ? "cordoned" : "uncordoned";
	return RK_OK;
}

static int run_cordoning(const struct rk_command *command, bool is_on, int argc, char **argv)
{
	struct cordon cordon = { .is_on = is_on, .modify = { .manager = "kubectl-cordon" } };
	struct rk_error error = { 0 };
	char type[] = "nodes";
	char *words[RK_FLAG_LIST_MAX + 1] = { type };
	int status, err;
	const struct rk_flag flags[] = { RK_MODIFY_FLAGS(&cordon.modify), { 0 } };

	if (!rk_cli_begin(command, flags, &argc, argv, NULL, &status))
		return status;
	for (int i = 0; i < argc && i < RK_FLAG_LIST_MAX; i++)
		words[i + 1] = strncmp(argv[i], "node/", 5) == 0 ? argv[i] + 5 : argv[i];
	if (argc > RK_FLAG_LIST_MAX)
		err = rk_fail(&error, RK_EINVAL, "more than %d nodes", RK_FLAG_LIST_MAX);
	else
		err = rk_modify_each(&cordon.modify, argc + 1, words, decide_cordon, &cordon,
				     &error);
	return rk_session_end(&cordon.modify.change.session, err, &error);
}

static int run_cordon(int argc, char **argv)
{
	return run_cordoning(&rk_command_cordon, true, argc, argv);
}

static int run_uncordon(int argc, char **argv)
{
	return run_cordoning(&rk_command_uncordon, false, argc, argv);
}

/* --- expose --- */

struct expose {
	struct rk_change change;
	const char *name, *target, *type, *protocol, *selector, *labels, *cluster_ip;
	int64_t port;
};

/* The labels that the service selects by. */
static int selected(struct expose *expose, const struct rk_ref *ref, const struct rk_val *object,
		    struct rk_val *map, struct rk_error *error)
{
	struct rk_arena *arena = &expose->change.session.arena;
	const char *path = strcmp(ref->kind->kind, "Pod") == 0       ? "metadata.labels"
			   : strcmp(ref->kind->kind, "Service") == 0 ? "spec.selector"
								     : "spec.selector.matchLabels";
	const struct rk_val *from = rk_val_at(object, path);

	if (expose->selector != NULL)
		return rk_create_labels(arena, expose->selector, map, error);
	if (rk_val_count(from) == 0)
		return rk_fail(error, RK_EINVAL,
			       "couldn't retrieve selectors of %s/%.*s: give --selector",
			       ref->kind->plural, RK_SPAN_ARGS(ref->name));
	for (uint32_t i = 0; i < from->count; i++)
		rk_val_set(arena, map, from->fields[i].key, from->fields[i].val);
	return RK_OK;
}

static void add_port(struct expose *expose, struct rk_val *ports, int64_t number, unsigned of)
{
	struct rk_arena *arena = &expose->change.session.arena;
	struct rk_val *port = rk_val_map(arena);

	if (of > 1)
		rk_val_put(arena, port, "name",
			   rk_val_strf(arena, "port-%u", rk_val_count(ports) + 1));
	rk_val_put_int(arena, port, "port", number);
	rk_val_put_cstr(arena, port, "protocol",
			expose->protocol != NULL ? expose->protocol : "TCP");
	rk_val_put(arena, port, "targetPort",
		   expose->target != NULL ? rk_create_port(arena, rk_span_str(expose->target))
					  : rk_val_int(arena, number));
	rk_val_append(arena, ports, port);
}

/* --port, or every port that the containers say. */
static int put_ports(struct expose *expose, const struct rk_val *object, struct rk_val *ports,
		     struct rk_error *error)
{
	const struct rk_val *spec = rk_val_at(object, "spec.template.spec");
	unsigned count = 0;

	if (expose->port != 0) {
		add_port(expose, ports, expose->port, 1);
		return RK_OK;
	}
	const struct rk_val *list =
		rk_val_at(spec != NULL ? spec : rk_val_at(object, "spec"), "containers");
	for (unsigned round = 0; round < 2; round++)
		for (uint32_t i = 0; i < rk_val_count(list); i++) {
			const struct rk_val *own = rk_val_at(rk_val_item(list, i), "ports");
			if (round == 0)
				count += rk_val_count(own);
			for (uint32_t n = 0; round == 1 && n < rk_val_count(own); n++)
				add_port(expose, ports,
					 rk_val_int_at(rk_val_item(own, n), "containerPort", 0),
					 count);
		}
	if (count == 0)
		return rk_fail(error, RK_EINVAL,
			       "couldn't find port via --port flag or introspection");
	return RK_OK;
}

static int make_service(struct expose *expose, int argc, char **argv, struct rk_error *error)
{
	struct rk_session *session = &expose->change.session;
	struct rk_arena *arena = &session->arena;
	struct rk_val *object = NULL, *selector = rk_val_map(arena), *ports = rk_val_list(arena);
	const struct rk_kind *kind = NULL;
	struct rk_refs refs = { 0 };

	RK_TRY(rk_change_open(&expose->change, "kubectl-expose", error));
	RK_TRY(rk_refs_parse(arena, session->kinds, argc, argv, &refs, error));
	if (refs.count != 1 || !refs.has_names)
		return rk_fail(error, RK_EINVAL, "expose needs one TYPE NAME");
	RK_TRY(rk_ref_kind(session->kinds, RK_SPAN("services"), &kind, error));
	RK_TRY(rk_session_get(session,
			      rk_target(arena, refs.at[0].kind, rk_span_str(session->namespace),
					refs.at[0].name, NULL),
			      &object, error));
	RK_TRY(selected(expose, &refs.at[0], object, selector, error));
	RK_TRY(put_ports(expose, object, ports, error));
	struct rk_val *service = rk_create_object(&expose->change, kind,
						  expose->name != NULL ? rk_span_str(expose->name)
								       : refs.at[0].name);
	struct rk_val *labels = rk_val_at(object, "metadata.labels");
	if (expose->labels != NULL) {
		labels = rk_val_map(arena);
		RK_TRY(rk_create_labels(arena, expose->labels, labels, error));
	}
	if (rk_val_count(labels) > 0)
		rk_val_set_at(arena, service, "metadata.labels", labels);
	rk_val_set_at(arena, service, "spec.ports", ports);
	rk_val_set_at(arena, service, "spec.selector", selector);
	if (expose->type != NULL)
		rk_val_set_at(arena, service, "spec.type", rk_val_cstr(arena, expose->type));
	if (expose->cluster_ip != NULL)
		rk_val_set_at(arena, service, "spec.clusterIP",
			      rk_val_cstr(arena, expose->cluster_ip));
	struct rk_val *made = service;
	if (!rk_change_is_client(&expose->change))
		RK_TRY(rk_change_send(&expose->change, "POST",
				      rk_target(arena, kind, rk_span_str(session->namespace),
						rk_span_str(""), NULL),
				      NULL, service, &made, error));
	rk_change_tell(&expose->change, kind, made, "exposed");
	return RK_OK;
}

static int run_expose(int argc, char **argv)
{
	struct expose expose = { 0 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG("port", 0, RK_FLAG_NUMBER, &expose.port, "PORT", "of the service"),
		RK_FLAG_STR("target-port", 0, &expose.target, "PORT", "of the pods"),
		RK_FLAG_STR("name", 0, &expose.name, "NAME", "of the service"),
		RK_FLAG_STR("type", 0, &expose.type, "TYPE", "ClusterIP or NodePort"),
		RK_FLAG_STR("protocol", 0, &expose.protocol, "PROTOCOL", "TCP or UDP"),
		RK_FLAG_STR("selector", 0, &expose.selector, "LABELS", "the pods that it leads to"),
		RK_FLAG_STR("labels", 'l', &expose.labels, "LABELS", "of the service"),
		RK_FLAG_STR("cluster-ip", 0, &expose.cluster_ip, "ADDRESS", "its address, or None"),
		RK_CHANGE_FLAGS(&expose.change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_expose, flags, &argc, argv, NULL, &status))
		return status;
	const int err = make_service(&expose, argc, argv, &error);
	return rk_session_end(&expose.change.session, err, &error);
}
