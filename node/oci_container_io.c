#include "node/oci_container_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "node/image_store_io.h"
#include "node/oci_parts.h"
#include "node/oci_spec.h"
#include "node/pause_image.h"
#include "node/pod_env.h"
#include "node/pod_files_io.h"
#include "node/program_io.h"
#include "node/volume_io.h"
#include "wire/json.h"

#define RUNTIME_MS 60000u

void rk_oci_id(char id[RK_CONTAINER_ID_MAX], struct rk_span uid, struct rk_span container,
	       uint32_t attempt)
{
	uid = rk_span_sub(uid, 0, 64);
	if (container.size == 0)
		(void)snprintf(id, RK_CONTAINER_ID_MAX, "%.*s", RK_SPAN_ARGS(uid));
	else
		(void)snprintf(id, RK_CONTAINER_ID_MAX, "%.*s.%.*s.%u", RK_SPAN_ARGS(uid),
			       RK_SPAN_ARGS(rk_span_sub(container, 0, 64)), attempt);
}

void rk_oci_bundle_path(const struct rk_oci *oci, char path[RK_PATH_MAX], struct rk_span uid,
			const char *id)
{
	rk_path(path, "%s/pods/%.*s/c/%s", oci->dir, RK_SPAN_ARGS(uid), id);
}

void rk_oci_log_path(const struct rk_oci *oci, char path[RK_PATH_MAX],
		     const struct rk_pod_view *view, struct rk_span container, uint32_t attempt)
{
	rk_path(path, "%s/logs/%.*s_%.*s_%.*s/%.*s/%u.log", oci->dir, RK_SPAN_ARGS(view->ns),
		RK_SPAN_ARGS(view->name), RK_SPAN_ARGS(view->uid), RK_SPAN_ARGS(container),
		attempt);
}

/* Lowering the score needs a right that not every root has; raising it back does not. */
static int find_oom_least(void)
{
	RK_AUTO(rk_buf_done) struct rk_buf now = { 0 };
	RK_AUTO(rk_drop_fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || rk_file_read("/proc/self/oom_score_adj", 32, &now, NULL) < 0)
		return 0;
	if (write(fd, "-998", 4) != 4)
		return (int)strtol(rk_buf_cstr(&now), NULL, 10);
	return write(fd, now.data, now.size) > 0 ? -1000 : 0;
}

/* Not every root has all of them, and nobody can give what he does not have. */
static uint64_t find_capabilities(void)
{
	uint64_t set = 0;

	for (unsigned bit = 0; bit < 64; bit++)
		if (prctl(PR_CAPBSET_READ, bit, 0, 0, 0) == 1)
			set |= 1ull << bit;
	return set;
}

int rk_oci_open(struct rk_oci *ret, const char *dir, const char *cgroup, struct rk_error *error)
{
	static const char *const dirs[] = { "pods", "exits",      "logs",
					    "run",  "infra/proc", "infra/dev" };
	struct rk_oci oci = { 0 };
	char path[RK_PATH_MAX];

	if (dir[0] != '/' || strlen(dir) > 300)
		return rk_fail(error, RK_EINVAL,
			       "the node's directory must be an absolute, short path: %s", dir);
	(void)snprintf(oci.dir, sizeof oci.dir, "%s", dir);
	oci.oom_least = find_oom_least();
	oci.capabilities = find_capabilities();
	RK_TRY(rk_cgroups_open(&oci.cgroups, cgroup, error));
	/* crun refuses hosts where version 1 groups are beside version 2; runc knows both. */
	const bool has_runc = rk_program_find("runc", oci.runtime, sizeof oci.runtime);
	if (!has_runc &&
	    (!oci.cgroups.is_pure || !rk_program_find("crun", oci.runtime, sizeof oci.runtime)))
		return rk_fail(error, RK_ENOENT, "no OCI runtime is installed: install runc");
	if (!rk_program_find("conmon", oci.conmon, sizeof oci.conmon))
		return rk_fail(error, RK_ENOENT, "conmon is not installed");
	for (size_t i = 0; i < RK_COUNT(dirs); i++) {
		rk_path(path, "%s/%s", dir, dirs[i]);
		RK_TRY(rk_dir_make(path, 0711, error));
	}
	RK_TRY(rk_images_open(dir, error));
	rk_path(path, "%s/infra/pause", dir);
	RK_TRY(rk_file_write(path, rk_pause_image(), 0755, false, error));
	*ret = oci;
	return 0;
}

static int enter_pod(const struct rk_oci *oci, struct rk_span uid, struct rk_error *error)
{
	char pod[80];

	(void)snprintf(pod, sizeof pod, "pod%.*s", RK_SPAN_ARGS(uid));
	return rk_cgroups_enter(&oci->cgroups, pod, error);
}

static int runtime(const struct rk_oci *oci, const char *verb, const char *option, const char *id,
		   const char *last, struct rk_error *error)
{
	char root[RK_PATH_MAX];
	const char *argv[8];
	size_t count = 0;

	rk_path(root, "--root=%s/run", oci->dir);
	argv[count++] = oci->runtime;
	argv[count++] = root;
	argv[count++] = verb;
	if (option != NULL)
		argv[count++] = option;
	argv[count++] = id;
	if (last != NULL)
		argv[count++] = last;
	argv[count] = NULL;
	const struct rk_program command = { .argv = argv, .timeout_ms = RUNTIME_MS };
	return rk_program_check(&command, error);
}

/* conmon's answer: {"data": PID}, or a negative number and a message. */
static int read_answer(struct rk_span line, pid_t *ret_pid, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *answer = NULL;

	if (rk_json_parse(&arena, line, 0, &answer, NULL) < 0)
		return rk_fail(error, RK_EIO, "conmon gave no answer");
	const int64_t pid = rk_val_int_at(answer, "data", -1);
	const struct rk_span message = rk_val_text_at(answer, "message");
	if (pid <= 0)
		return rk_fail(
			error, RK_EIO, "%.*s",
			RK_SPAN_ARGS(message.size > 0
					     ? rk_span_sub(rk_program_message(message), 0, 320)
					     : RK_SPAN("the runtime failed")));
	*ret_pid = (pid_t)pid;
	return 0;
}

/* What conmon is told of a container's standard streams (NULL: the sandbox's). */
static const char *const *stdio_options(const struct rk_val *container)
{
	static const char *const none[] = { NULL, NULL };
	static const char *const terminal[] = { "-t", NULL };
	static const char *const once[] = { "-i", NULL };
	static const char *const kept[] = { "-i", "--leave-stdin-open" };

	if (rk_val_bool_at(container, "tty", false))
		return terminal;
	if (!rk_val_bool_at(container, "stdin", false))
		return none;
	return rk_val_bool_at(container, "stdinOnce", false) ? once : kept;
}

/* conmon makes the container (runc create) and stays to hold its log and to wait for its end. */
static int launch(const struct rk_oci *oci, struct rk_span uid, const char *id, const char *log,
		  const struct rk_val *container, pid_t *ret_pid, struct rk_error *error)
{
	const char *const *stdio = stdio_options(container);
	RK_AUTO(rk_buf_done) struct rk_buf line = { 0 }, output = { 0 };
	char bundle[RK_PATH_MAX], pid_file[RK_PATH_MAX], conmon_pid[RK_PATH_MAX],
		exits[RK_PATH_MAX];
	char root[RK_PATH_MAX], log_option[RK_PATH_MAX];
	const char *const argv[] = { oci->conmon,
				     "--api-version",
				     "1",
				     "-c",
				     id,
				     "-u",
				     id,
				     "-n",
				     id,
				     "-r",
				     oci->runtime,
				     "--runtime-arg",
				     root,
				     "-b",
				     bundle,
				     "-p",
				     pid_file,
				     "-P",
				     conmon_pid,
				     "--exit-dir",
				     exits,
				     "--log-path",
				     log_option,
				     "--full-attach",
				     "--no-sync-log",
				     stdio[0],
				     stdio[1],
				     NULL };
	const struct rk_program command = { .argv = argv,
					    .timeout_ms = RUNTIME_MS,
					    .sync = &line,
					    .sync_variable = "_OCI_SYNCPIPE" };
	int status = 0;

	rk_oci_bundle_path(oci, bundle, uid, id);
	rk_path(pid_file, "%s/pid", bundle);
	rk_path(conmon_pid, "%s/conmon.pid", bundle);
	rk_path(exits, "%s/exits", oci->dir);
	rk_path(root, "--root=%s/run", oci->dir);
	rk_path(log_option, "k8s-file:%s", log);
	RK_TRY(enter_pod(oci, uid, error));
	RK_TRY(rk_program_run(&command, &output, &status, error));
	return read_answer(rk_buf_span(&line), ret_pid, error);
}

static int write_json(const char *bundle, const char *name, const struct rk_val *spec, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char path[RK_PATH_MAX];

	rk_json_write(&text, spec, false);
	rk_path(path, "%s/%s", bundle, name);
	return rk_file_write(path, rk_buf_span(&text), 0600, false, error);
}

/* A fresh bundle; what an attempt that failed half way left is removed first. */
static int make_bundle(const struct rk_oci *oci, struct rk_span uid, const char *id,
		       char bundle[RK_PATH_MAX], struct rk_error *error)
{
	char exit_file[RK_PATH_MAX];

	rk_oci_bundle_path(oci, bundle, uid, id);
	if (access(bundle, F_OK) == 0)
		RK_TRY(rk_oci_remove(oci, uid, id, error));
	rk_path(exit_file, "%s/exits/%s", oci->dir, id);
	(void)unlink(exit_file);
	return rk_dir_make(bundle, 0711, error);
}

static void cgroups_path(const struct rk_oci *oci, char path[RK_PATH_MAX], struct rk_span uid,
			 const char *id)
{
	rk_path(path, "%s/pod%.*s/%s", oci->cgroups.path, RK_SPAN_ARGS(uid), id);
}

int rk_oci_sandbox(const struct rk_oci *oci, const struct rk_pod_view *view, pid_t *ret_pid,
		   struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	char id[RK_CONTAINER_ID_MAX], bundle[RK_PATH_MAX], rootfs[RK_PATH_MAX], cgroup[RK_PATH_MAX];

	rk_oci_id(id, view->uid, (struct rk_span){ 0 }, 0);
	RK_TRY(make_bundle(oci, view->uid, id, bundle, error));
	rk_path(rootfs, "%s/infra", oci->dir);
	cgroups_path(oci, cgroup, view->uid, id);
	RK_TRY(write_json(bundle, "config.json", rk_oci_sandbox_spec(&arena, view, rootfs, cgroup, oci->oom_least),
			  error));
	RK_TRY(launch(oci, view->uid, id, "/dev/null", NULL, ret_pid, error));
	return runtime(oci, "start", NULL, id, NULL, error);
}

/* --- starting a container --- */

struct starting { /* paths and parts of one start */
	const struct rk_oci *oci;
	const struct rk_oci_run *run;
	struct rk_arena *arena;
	const char *id;
	char bundle[RK_PATH_MAX];
	char rootfs[RK_PATH_MAX];
	struct rk_image image;
	struct rk_spec_mount mounts[RK_POD_MOUNTS_MAX + 8];
	size_t mount_count;
};

static int mount_rootfs(const struct starting *start, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf options = { 0 };
	char upper[RK_PATH_MAX], work[RK_PATH_MAX], layers[RK_PATH_MAX];

	rk_path(upper, "%s/upper", start->bundle);
	rk_path(work, "%s/work", start->bundle);
	rk_path(layers, "%s/layers", start->oci->dir);
	RK_TRY(rk_dir_make(upper, 0755, error));
	RK_TRY(rk_dir_make(work, 0700, error));
	RK_TRY(rk_dir_make(start->rootfs, 0755, error));
	/* Short relative names: the options of a mount must fit one page. */
	if (chdir(layers) < 0)
		return rk_fail_errno(error, "enter %s", layers);
	rk_buf_put_str(&options, "lowerdir=");
	if (start->image.layer_count == 0)
		rk_buf_put_str(&options, "../infra/dev");
	for (uint32_t i = start->image.layer_count; i > 0; i--)
		rk_buf_printf(&options, "%.*s%s", RK_SPAN_ARGS(start->image.layers[i - 1]),
			      i > 1 ? ":" : "");
	rk_buf_printf(&options, ",upperdir=%s,workdir=%s", upper, work);
	if (options.size >= 4096)
		return rk_fail(error, RK_ETOOBIG, "the image has too many layers to mount");
	if (mount("overlay", start->rootfs, "overlay", 0, rk_buf_cstr(&options)) < 0)
		return rk_fail_errno(error, "mount the image");
	return 0;
}

/* A file of the image, never through a link that leads out of it. Not there: empty. */
static struct rk_span read_inside(struct rk_arena *arena, const char *rootfs, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	RK_AUTO(rk_drop_fd) int dir = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	RK_AUTO(rk_drop_fd)
	int fd = dir < 0 ? -1 : (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
	ssize_t got = 0;

	while (fd >= 0 && bytes.size < (1u << 20) &&
	       (got = read(fd, rk_buf_room(&bytes, 8192), 8192)) > 0)
		bytes.size += (size_t)got;
	return rk_arena_span(arena, rk_buf_span(&bytes));
}

static void add_file(struct starting *start, const char *from, const char *to, bool is_readonly)
{
	start->mounts[start->mount_count++] =
		(struct rk_spec_mount){ from, to, is_readonly, "rprivate" };
}

static bool has_mount_at(const struct starting *start, const char *to)
{
	for (size_t i = 0; i < start->mount_count; i++)
		if (strcmp(start->mounts[i].to, to) == 0)
			return true;
	return false;
}

static int gather_mounts(struct starting *start, struct rk_error *error)
{
	static const char *const files[] = { "hosts", "hostname", "resolv.conf" };
	const struct rk_pod_view *view = start->run->view;
	const char *pod = rk_arena_printf(start->arena, "%s/pods/%.*s", start->oci->dir,
					  RK_SPAN_ARGS(view->uid));
	const struct rk_span said = rk_val_text_at(start->run->container, "terminationMessagePath");
	const char *message = rk_arena_printf(start->arena, "%s/termination-log", start->bundle);

	RK_TRY(rk_volume_mounts(start->arena, rk_arena_printf(start->arena, "%s/volumes", pod),
				view, start->run->container, start->mounts, &start->mount_count,
				error));
	for (size_t i = 0; i < RK_COUNT(files); i++) {
		const char *to = rk_arena_printf(start->arena, "/etc/%s", files[i]);
		if (!has_mount_at(start, to))
			add_file(start, rk_arena_printf(start->arena, "%s/etc/%s", pod, files[i]),
				 to, false);
	}
	RK_TRY(rk_file_write(message, (struct rk_span){ 0 }, 0666, false, error));
	if (rk_span_is(rk_val_text_at(start->run->container, "terminationMessagePolicy"),
		       "FallbackToLogsOnError")) {
		const char *note = rk_arena_printf(start->arena, "%s/fallback", start->bundle);
		char log[RK_PATH_MAX];
		rk_oci_log_path(start->oci, log, view,
				rk_val_text_at(start->run->container, "name"), start->run->attempt);
		RK_TRY(rk_file_write(note, rk_span_str(log), 0600, false, error));
	}
	add_file(start, message,
		 said.size > 0 ? rk_arena_str(start->arena, said) : "/dev/termination-log", false);
	return 0;
}

/* The first process of the container whose processes this one is to see; 0: none is named. */
static int find_target(const struct starting *start, pid_t *ret, struct rk_error *error)
{
	const struct rk_span name = rk_val_text_at(start->run->container, "targetContainerName");
	const struct rk_span uid = start->run->view->uid;
	char id[RK_CONTAINER_ID_MAX];

	*ret = 0;
	if (name.size == 0)
		return 0;
	rk_oci_id(id, uid, name, start->run->target_attempt);
	*ret = rk_oci_pid(start->oci, uid, id);
	return *ret != 0 ? 0
			 : rk_fail(error, RK_ENOENT, "unable to find target container %.*s",
				   RK_SPAN_ARGS(rk_span_sub(name, 0, 253)));
}

static int make_spec(struct starting *start, struct rk_error *error)
{
	const struct rk_pod_view *view = start->run->view;
	struct rk_arena *arena = start->arena;
	struct rk_val *env = NULL, *spec = NULL;
	char cgroup[RK_PATH_MAX], shm[RK_PATH_MAX];
	struct rk_user user;
	pid_t target = 0;

	RK_TRY(find_target(start, &target, error));
	RK_TRY(rk_pod_env(arena, view, start->run->container,
			  rk_val_at(start->image.config, "config.Env"), &env, error));
	RK_TRY(rk_pod_user(view->pod, start->run->container,
			   rk_val_text_at(start->image.config, "config.User"),
			   read_inside(arena, start->rootfs, "etc/passwd"),
			   read_inside(arena, start->rootfs, "etc/group"), &user, error));
	cgroups_path(start->oci, cgroup, view->uid, start->id);
	rk_path(shm, "%s/pods/%.*s/shm", start->oci->dir, RK_SPAN_ARGS(view->uid));
	const struct rk_spec_in in = {
		.view = view,
		.container = start->run->container,
		.image_config = start->image.config,
		.env = env,
		.user = &user,
		.rootfs = start->rootfs,
		.cgroups_path = cgroup,
		.sandbox_pid = start->run->sandbox_pid,
		.target_pid = target,
		.mount_count = start->mount_count,
		.mounts = start->mounts,
		.shm = rk_val_bool_at(view->pod, "spec.hostIPC", false) ? "/dev/shm" : shm,
		.oom_least = start->oci->oom_least,
		.capabilities = start->oci->capabilities,
	};
	RK_TRY(rk_oci_spec(arena, &in, &spec, error));
	return write_json(start->bundle, "config.json", spec, error);
}

static int write_stop_signal(const struct starting *start, struct rk_error *error)
{
	const struct rk_span name = rk_val_text_at(start->image.config, "config.StopSignal");
	char path[RK_PATH_MAX];

	rk_path(path, "%s/stop-signal", start->bundle);
	return rk_file_write(path, name.size > 0 ? rk_span_sub(name, 0, 32) : RK_SPAN("TERM"), 0600,
			     false, error);
}

/* The steps up to the config; failures here are the configuration's. */
static int configure(struct starting *start, struct rk_error *error)
{
	const struct rk_pod_view *view = start->run->view;
	char ref[RK_IMAGE_REF_MAX];

	RK_TRY(rk_image_ref_full(rk_val_text_at(start->run->container, "image"), ref, error));
	RK_TRY(rk_image_find(start->arena, start->oci->dir, ref, &start->image, error));
	RK_TRY(make_bundle(start->oci, view->uid, start->id, start->bundle, error));
	rk_path(start->rootfs, "%s/rootfs", start->bundle);
	RK_TRY(mount_rootfs(start, error));
	RK_TRY(rk_pod_files(start->oci, view, error));
	RK_TRY(gather_mounts(start, error));
	RK_TRY(write_stop_signal(start, error));
	return make_spec(start, error);
}

int rk_oci_start(const struct rk_oci *oci, const struct rk_oci_run *run, pid_t *ret_pid,
		 const char **ret_reason, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct starting *start = rk_arena_zalloc(&arena, sizeof *start);
	const struct rk_span name = rk_val_text_at(run->container, "name");
	char id[RK_CONTAINER_ID_MAX], log[RK_PATH_MAX], dir[RK_PATH_MAX];

	start->oci = oci;
	start->run = run;
	start->arena = &arena;
	start->id = id;
	rk_oci_id(id, run->view->uid, name, run->attempt);
	(void)umask(0);
	*ret_reason = "CreateContainerConfigError";
	RK_TRY(configure(start, error));
	rk_oci_log_path(oci, log, run->view, name, run->attempt);
	rk_path(dir, "%s", log);
	*strrchr(dir, '/') = '\0';
	RK_TRY(rk_dir_make(dir, 0755, error));
	*ret_reason = "CreateContainerError";
	RK_TRY(launch(oci, run->view->uid, id, log, run->container, ret_pid, error));
	*ret_reason = "RunContainerError";
	return runtime(oci, "start", NULL, id, NULL, error);
}

/* --- while it runs --- */

int rk_oci_resize(const struct rk_oci *oci, struct rk_span uid, const char *id, const struct rk_val *container,
		  struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *resources = rk_oci_resources(&arena, container);
	char bundle[RK_PATH_MAX], option[RK_PATH_MAX];

	(void)rk_val_remove(resources, RK_SPAN("devices")); /* they stay as they are */
	rk_oci_bundle_path(oci, bundle, uid, id);
	rk_path(option, "--resources=%s/resources.json", bundle);
	RK_TRY(write_json(bundle, "resources.json", resources, error));
	return runtime(oci, "update", option, id, NULL, error);
}

/* --- ending --- */

int rk_oci_signal(const struct rk_oci *oci, struct rk_span uid, const char *id, int number,
		  struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf name = { 0 };
	char bundle[RK_PATH_MAX], path[RK_PATH_MAX];

	rk_oci_bundle_path(oci, bundle, uid, id);
	rk_path(path, "%s/stop-signal", bundle);
	if (number == SIGKILL || rk_file_read(path, 64, &name, NULL) < 0)
		rk_buf_put_str(&name, number == SIGKILL ? "KILL" : "TERM");
	const int err = runtime(oci, "kill", NULL, id, rk_buf_cstr(&name), error);
	return err < 0 && rk_oci_is_running(oci, uid, id) ? err : 0;
}

pid_t rk_oci_pid(const struct rk_oci *oci, struct rk_span uid, const char *id)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char bundle[RK_PATH_MAX], path[RK_PATH_MAX];

	rk_oci_bundle_path(oci, bundle, uid, id);
	rk_path(path, "%s/pid", bundle);
	if (rk_file_read(path, 32, &text, NULL) < 0)
		return 0;
	const long pid = strtol(rk_buf_cstr(&text), NULL, 10);
	if (pid <= 0)
		return 0;
	rk_buf_clear(&text);
	/* The number may be somebody else's by now: its control group tells. */
	rk_path(path, "/proc/%ld/cgroup", pid);
	return rk_file_read(path, 65536, &text, NULL) == 0 && strstr(rk_buf_cstr(&text), id) != NULL
		       ? (pid_t)pid
		       : 0;
}

bool rk_oci_is_running(const struct rk_oci *oci, struct rk_span uid, const char *id)
{
	return rk_oci_pid(oci, uid, id) != 0;
}

int rk_oci_remove(const struct rk_oci *oci, struct rk_span uid, const char *id,
		  struct rk_error *error)
{
	char bundle[RK_PATH_MAX], state[RK_PATH_MAX];

	rk_oci_bundle_path(oci, bundle, uid, id);
	rk_path(state, "%s/run/%s", oci->dir, id);
	if (access(state, F_OK) == 0)
		RK_TRY(runtime(oci, "delete", "--force", id, NULL, error));
	rk_unmount_below(bundle);
	return rk_dir_remove(bundle, error);
}

static void drop_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

int rk_oci_clear(const struct rk_oci *oci, struct rk_span uid, struct rk_error *error)
{
	char path[RK_PATH_MAX], pod[80];

	rk_path(path, "%s/pods/%.*s/c", oci->dir, RK_SPAN_ARGS(uid));
	RK_AUTO(drop_dir) DIR *runs = opendir(path);
	for (const struct dirent *entry; runs != NULL && (entry = readdir(runs)) != NULL;)
		if (entry->d_name[0] != '.')
			RK_TRY(rk_oci_remove(oci, uid, entry->d_name, error));
	rk_path(path, "%s/pods/%.*s", oci->dir, RK_SPAN_ARGS(uid));
	rk_unmount_below(path);
	(void)snprintf(pod, sizeof pod, "pod%.*s", RK_SPAN_ARGS(uid));
	rk_cgroups_remove(&oci->cgroups, pod);
	return 0;
}

int rk_oci_exec(const struct rk_oci *oci, struct rk_span uid, const char *id,
		const struct rk_val *command, uint32_t timeout_ms, struct rk_buf *output,
		int *ret_status, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	char root[RK_PATH_MAX];
	const char *argv[64] = { oci->runtime, root, "exec", id };
	size_t count = 4;

	if (rk_val_count(command) == 0 || rk_val_count(command) > RK_COUNT(argv) - 5)
		return rk_fail(error, RK_EINVAL, "exec: the command must have 1 to %zu words",
			       RK_COUNT(argv) - 5);
	for (uint32_t i = 0; i < rk_val_count(command); i++)
		argv[count++] = rk_arena_str(&arena, rk_val_text(rk_val_item(command, i)));
	rk_path(root, "--root=%s/run", oci->dir);
	RK_TRY(enter_pod(oci, uid, error));
	const struct rk_program run = { .argv = argv, .timeout_ms = timeout_ms };
	return rk_program_run(&run, output, ret_status, error);
}
