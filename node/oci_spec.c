#include "node/oci_spec.h"

#include "base/mem.h"
#include "control/schema/pod.h"
#include "control/schema/quantity.h"
#include "node/oci_parts.h"
#include "node/pod_env.h"

struct rk_span rk_pod_hostname(const struct rk_val *pod)
{
	struct rk_span name = rk_val_text_at(pod, "spec.hostname");

	if (name.size == 0)
		name = rk_val_text_at(pod, "metadata.name");
	name = rk_span_sub(name, 0, 63);
	while (name.size > 0 &&
	       (name.data[name.size - 1] == '-' || name.data[name.size - 1] == '.'))
		name.size--;
	return name;
}

int rk_oom_score(const struct rk_pod_view *view, const struct rk_val *container)
{
	const char *qos = rk_pod_qos(view->pod);

	if (strcmp(qos, "Guaranteed") == 0)
		return -997;
	if (strcmp(qos, "BestEffort") == 0)
		return 1000;
	const struct rk_span asked = rk_val_text_at(container, "resources.requests.memory");
	const int64_t request = rk_quantity_value(asked, 0);
	const int64_t share =
		view->node_memory > 0 ? request / RK_MAX(view->node_memory / 1000, 1) : 0;
	const int64_t score = 1000 - share;
	return (int)RK_MAX(RK_MIN(score, 999), 3);
}

int rk_oci_args(struct rk_arena *arena, const struct rk_val *container,
		const struct rk_val *image_config, const struct rk_val *env, struct rk_val **ret,
		struct rk_error *error)
{
	const struct rk_val *own_command = rk_val_at(container, "command"),
			    *own_args = rk_val_at(container, "args");
	const struct rk_val *command = own_command, *args = own_args;
	struct rk_val *list = rk_val_list(arena);

	if (rk_val_count(own_command) == 0) {
		command = rk_val_at(image_config, "config.Entrypoint");
		if (rk_val_count(own_args) == 0)
			args = rk_val_at(image_config, "config.Cmd");
	}
	for (uint32_t i = 0; i < rk_val_count(command); i++)
		rk_val_append(
			arena, list,
			rk_val_str(arena, rk_env_expand(arena, rk_val_text(rk_val_item(command, i)),
							env)));
	for (uint32_t i = 0; i < rk_val_count(args); i++)
		rk_val_append(
			arena, list,
			rk_val_str(arena,
				   rk_env_expand(arena, rk_val_text(rk_val_item(args, i)), env)));
	if (rk_val_count(list) == 0)
		return rk_fail(
			error, RK_EINVAL,
			"no command specified: neither the pod nor the image says what to run");
	*ret = list;
	return 0;
}

static void add_namespace(struct rk_arena *arena, struct rk_val *list, const char *type,
			  const char *path)
{
	struct rk_val *one = rk_val_map(arena);

	rk_val_put_cstr(arena, one, "type", type);
	if (path != NULL)
		rk_val_put_cstr(arena, one, "path", path);
	rk_val_append(arena, list, one);
}

/* pid 0: new ones (the sandbox); else those of the sandbox. What the pod shares with the node is
 * left out: inherited. */
static struct rk_val *namespaces(struct rk_arena *arena, const struct rk_val *pod, pid_t pid, pid_t target)
{
	const bool is_host_network = rk_val_bool_at(pod, "spec.hostNetwork", false);
	const bool is_shared_pid = rk_val_bool_at(pod, "spec.shareProcessNamespace", false);
	const bool is_host_pid = rk_val_bool_at(pod, "spec.hostPID", false);
	struct rk_val *list = rk_val_list(arena);
	const struct {
		const char *type, *file;
		bool is_shared;
	} joined[] = {
		{ "network", "net", !is_host_network },
		{ "uts", "uts", !is_host_network },
		{ "ipc", "ipc", !rk_val_bool_at(pod, "spec.hostIPC", false) },
		{ "pid", "pid", is_shared_pid && !is_host_pid },
	};

	add_namespace(arena, list, "mount", NULL);
	for (size_t i = 0; i < RK_COUNT(joined); i++)
		if (joined[i].is_shared)
			add_namespace(arena, list, joined[i].type,
				      pid == 0 ? NULL
					       : rk_arena_printf(arena, "/proc/%d/ns/%s", (int)pid,
								 joined[i].file));
	if (pid != 0 && !is_shared_pid && !is_host_pid)
		add_namespace(arena, list, "pid",
			      target == 0 ? NULL : rk_arena_printf(arena, "/proc/%d/ns/pid", (int)target));
	return list;
}

static struct rk_val *user_part(struct rk_arena *arena, const struct rk_user *user)
{
	struct rk_val *part = rk_val_map(arena), *groups = rk_val_list(arena);

	rk_val_put_int(arena, part, "uid", user->uid);
	rk_val_put_int(arena, part, "gid", user->gid);
	for (uint32_t i = 0; i < user->group_count; i++)
		rk_val_append(arena, groups, rk_val_int(arena, user->groups[i]));
	if (user->group_count > 0)
		rk_val_put(arena, part, "additionalGids", groups);
	return part;
}

static struct rk_val *env_part(struct rk_arena *arena, const struct rk_val *env,
			       const struct rk_user *user)
{
	struct rk_val *list = rk_val_list(arena);

	for (uint32_t i = 0; i < rk_val_count(env); i++)
		rk_val_append(arena, list,
			      rk_val_strf(arena, "%.*s=%.*s", RK_SPAN_ARGS(env->fields[i].key),
					  RK_SPAN_ARGS(rk_val_text(env->fields[i].val))));
	if (rk_val_get(env, RK_SPAN("HOME")) == NULL)
		rk_val_append(
			arena, list,
			rk_val_strf(arena, "HOME=%.*s",
				    RK_SPAN_ARGS(user->home.size > 0 ? user->home : RK_SPAN("/"))));
	return list;
}

static int process_part(struct rk_arena *arena, const struct rk_spec_in *in, struct rk_val **ret,
			struct rk_error *error)
{
	struct rk_val *process = rk_val_map(arena), *args = NULL, *capabilities = NULL;
	struct rk_span cwd = rk_val_text_at(in->container, "workingDir");
	const bool may_escalate =
		rk_val_bool_at(in->container, "securityContext.allowPrivilegeEscalation", true);

	RK_TRY(rk_oci_args(arena, in->container, in->image_config, in->env, &args, error));
	RK_TRY(rk_oci_capabilities(arena, in->container, in->capabilities, &capabilities, error));
	if (cwd.size == 0)
		cwd = rk_val_text_at(in->image_config, "config.WorkingDir");
	rk_val_put_bool(arena, process, "terminal", rk_val_bool_at(in->container, "tty", false));
	rk_val_put(arena, process, "user", user_part(arena, in->user));
	rk_val_put(arena, process, "args", args);
	rk_val_put(arena, process, "env", env_part(arena, in->env, in->user));
	rk_val_put_str(arena, process, "cwd", cwd.size > 0 ? cwd : RK_SPAN("/"));
	rk_val_put(arena, process, "capabilities", capabilities);
	rk_val_put_bool(arena, process, "noNewPrivileges", !may_escalate);
	rk_val_put_int(arena, process, "oomScoreAdj",
		       RK_MAX(rk_oom_score(in->view, in->container), in->oom_least));
	*ret = process;
	return 0;
}

static struct rk_val *mounts_part(struct rk_arena *arena, const struct rk_spec_in *in)
{
	struct rk_val *list =
		rk_oci_system_mounts(arena, rk_container_is_privileged(in->container), in->shm);

	for (size_t i = 0; i < in->mount_count; i++) {
		const struct rk_spec_mount *mount = &in->mounts[i];
		const char *const options[] = { "rbind", mount->propagation,
						mount->is_readonly ? "ro" : "rw", NULL };
		rk_val_append(arena, list,
			      rk_oci_mount(arena, mount->to, "bind", mount->from, options));
	}
	return list;
}

static struct rk_val *root_part(struct rk_arena *arena, const char *path, bool is_readonly)
{
	struct rk_val *root = rk_val_map(arena);

	rk_val_put_cstr(arena, root, "path", path);
	rk_val_put_bool(arena, root, "readonly", is_readonly);
	return root;
}

int rk_oci_spec(struct rk_arena *arena, const struct rk_spec_in *in, struct rk_val **ret,
		struct rk_error *error)
{
	struct rk_val *spec = rk_val_map(arena), *linux_part = rk_val_map(arena), *process = NULL;
	const bool is_readonly =
		rk_val_bool_at(in->container, "securityContext.readOnlyRootFilesystem", false);
	const bool is_unmasked =
		rk_span_is(rk_val_text_at(in->container, "securityContext.procMount"), "Unmasked");

	RK_TRY(process_part(arena, in, &process, error));
	rk_val_put_cstr(arena, spec, "ociVersion", "1.0.2");
	rk_val_put(arena, spec, "process", process);
	rk_val_put(arena, spec, "root", root_part(arena, in->rootfs, is_readonly));
	rk_val_put(arena, spec, "mounts", mounts_part(arena, in));
	rk_val_put_cstr(arena, linux_part, "cgroupsPath", in->cgroups_path);
	rk_val_put(arena, linux_part, "namespaces",
		   namespaces(arena, in->view->pod, in->sandbox_pid, in->target_pid));
	rk_val_put(arena, linux_part, "resources", rk_oci_resources(arena, in->container));
	for (size_t i = 0; i < in->mount_count; i++)
		if (strcmp(in->mounts[i].propagation, "rprivate") != 0)
			rk_val_put_cstr(arena, linux_part, "rootfsPropagation",
					in->mounts[i].propagation);
	if (!rk_container_is_privileged(in->container) && !is_unmasked)
		rk_oci_hide_paths(arena, linux_part);
	rk_val_put(arena, spec, "linux", linux_part);
	*ret = spec;
	return 0;
}

struct rk_val *rk_oci_sandbox_spec(struct rk_arena *arena, const struct rk_pod_view *view,
				   const char *rootfs, const char *cgroups_path, int oom_least)
{
	struct rk_val *spec = rk_val_map(arena), *linux_part = rk_val_map(arena),
		      *process = rk_val_map(arena);
	struct rk_val *args = rk_val_list(arena), *mounts = rk_val_list(arena);
	static const char *const proc[] = { "nosuid", "noexec", "nodev", NULL };
	const struct rk_user nobody = { .uid = 65535, .gid = 65535 };

	rk_val_append(arena, args, rk_val_cstr(arena, "/pause"));
	rk_val_put(arena, process, "args", args);
	rk_val_put(arena, process, "user", user_part(arena, &nobody));
	rk_val_put_cstr(arena, process, "cwd", "/");
	rk_val_put_bool(arena, process, "noNewPrivileges", true);
	rk_val_put_int(arena, process, "oomScoreAdj", RK_MAX(-998, oom_least));
	rk_val_append(arena, mounts, rk_oci_mount(arena, "/proc", "proc", "proc", proc));
	rk_val_put_cstr(arena, spec, "ociVersion", "1.0.2");
	rk_val_put(arena, spec, "process", process);
	rk_val_put(arena, spec, "root", root_part(arena, rootfs, true));
	rk_val_put(arena, spec, "mounts", mounts);
	if (!rk_val_bool_at(view->pod, "spec.hostNetwork", false))
		rk_val_put_str(arena, spec, "hostname", rk_pod_hostname(view->pod));
	rk_val_put_cstr(arena, linux_part, "cgroupsPath", cgroups_path);
	rk_val_put(arena, linux_part, "namespaces", namespaces(arena, view->pod, 0, 0));
	rk_val_put(arena, spec, "linux", linux_part);
	return spec;
}
