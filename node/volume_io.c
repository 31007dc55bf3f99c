#include "node/volume_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "control/schema/quantity.h"
#include "node/payload_io.h"

static int mount_tmpfs(const char *path, const char *options, struct rk_error *error)
{
	if (rk_is_mounted(path))
		return 0;
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		return rk_fail_errno(error, "mount a tmpfs on %s", path);
	return 0;
}

static int64_t fs_group(const struct rk_pod_view *view)
{
	return rk_val_int_at(view->pod, "spec.securityContext.fsGroup", -1);
}

static int empty_dir(const char *path, const struct rk_pod_view *view, const struct rk_val *source,
		     struct rk_error *error)
{
	const struct rk_span medium = rk_val_text_at(source, "medium");
	const int64_t limit = rk_quantity_value(rk_val_text_at(source, "sizeLimit"), 0);
	const int64_t group = fs_group(view);
	char options[64] = "mode=0777";

	if (access(path, F_OK) == 0 && (medium.size == 0 || rk_is_mounted(path)))
		return 0;
	RK_TRY(rk_dir_make(path, 0777, error));
	if (rk_span_is(medium, "Memory")) {
		if (limit > 0)
			(void)snprintf(options, sizeof options, "mode=0777,size=%lld",
				       (long long)limit);
		RK_TRY(mount_tmpfs(path, options, error));
	} else if (medium.size > 0) {
		return rk_fail(error, RK_ENOTSUP, "emptyDir.medium \"%.*s\" is not implemented",
			       RK_SPAN_ARGS(medium));
	}
	if (group >= 0 && (chown(path, (uid_t)-1, (gid_t)group) < 0 || chmod(path, 02777) < 0))
		return rk_fail_errno(error, "chown %s", path);
	return 0;
}

static int host_path(const struct rk_val *source, struct rk_error *error)
{
	static const struct {
		const char *type;
		mode_t mode;
		bool is_made;
	} types[] = {
		{ "Directory", S_IFDIR, false },   { "DirectoryOrCreate", S_IFDIR, true },
		{ "File", S_IFREG, false },        { "FileOrCreate", S_IFREG, true },
		{ "Socket", S_IFSOCK, false },     { "CharDevice", S_IFCHR, false },
		{ "BlockDevice", S_IFBLK, false },
	};
	const struct rk_span type = rk_val_text_at(source, "type"),
			     at = rk_val_text_at(source, "path");
	char path[RK_PATH_MAX];
	struct stat info;

	if (at.size == 0 || at.size >= RK_PATH_MAX || at.data[0] != '/')
		return rk_fail(error, RK_EINVAL, "hostPath.path must be absolute");
	rk_path(path, "%.*s", RK_SPAN_ARGS(at));
	if (type.size == 0)
		return 0;
	for (size_t i = 0; i < RK_COUNT(types); i++) {
		if (!rk_span_is(type, types[i].type))
			continue;
		if (stat(path, &info) == 0)
			return (info.st_mode & S_IFMT) == types[i].mode
				       ? 0
				       : rk_fail(error, RK_EINVAL, "hostPath %s is not a %s", path,
						 types[i].type);
		if (!types[i].is_made)
			return rk_fail_errno(error, "hostPath type check failed: %s", path);
		return types[i].mode == S_IFDIR
			       ? rk_dir_make(path, 0755, error)
			       : rk_file_write(path, (struct rk_span){ 0 }, 0644, false, error);
	}
	return rk_fail(error, RK_EINVAL, "hostPath.type \"%.*s\" is not known", RK_SPAN_ARGS(type));
}

static int projected(struct rk_payload *payload, const struct rk_pod_view *view,
		     const struct rk_val *source, bool *has_secret, struct rk_error *error)
{
	const struct rk_val *sources = rk_val_at(source, "sources");
	const mode_t mode = (mode_t)rk_val_int_at(source, "defaultMode", 0644);

	for (uint32_t i = 0; i < rk_val_count(sources); i++) {
		const struct rk_val *one = rk_val_item(sources, i);
		for (uint32_t k = 0; k < rk_val_count(one); k++) {
			const char *kind = rk_arena_str(payload->arena, one->fields[k].key);
			*has_secret |= strcmp(kind, "secret") == 0 ||
				       strcmp(kind, "serviceAccountToken") == 0;
			RK_TRY(rk_payload_add(payload, view, kind, one->fields[k].val, mode,
					      error));
		}
	}
	return 0;
}

static int prepare_files(const char *path, const struct rk_pod_view *view, const char *kind,
			 const struct rk_val *source, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_payload *payload = rk_arena_zalloc(&arena, sizeof *payload);
	bool is_secret = strcmp(kind, "secret") == 0;

	payload->arena = &arena;
	if (strcmp(kind, "projected") == 0)
		RK_TRY(projected(payload, view, source, &is_secret, error));
	else
		RK_TRY(rk_payload_add(payload, view, kind, source, 0644, error));
	RK_TRY(rk_dir_make(path, 0755, error));
	if (is_secret)
		RK_TRY(mount_tmpfs(path, "mode=0755", error));
	return rk_payload_write(payload, path, fs_group(view), error);
}

static int prepare_one(const char *dir, const struct rk_pod_view *view, const struct rk_val *volume,
		       struct rk_error *error)
{
	static const char *const kinds[] = { "configMap", "secret", "downwardAPI", "projected" };
	const struct rk_val *empty = rk_val_at(volume, "emptyDir"),
			    *host = rk_val_at(volume, "hostPath");
	char path[RK_PATH_MAX];

	rk_path(path, "%s/%.*s", dir,
		RK_SPAN_ARGS(rk_span_sub(rk_val_text_at(volume, "name"), 0, 64)));
	if (empty != NULL)
		return empty_dir(path, view, empty, error);
	if (host != NULL)
		return host_path(host, error);
	for (size_t i = 0; i < RK_COUNT(kinds); i++) {
		const struct rk_val *source = rk_val_at(volume, kinds[i]);
		if (source != NULL)
			return prepare_files(path, view, kinds[i], source, error);
	}
	if (rk_val_count(volume) == 1) /* nothing but a name: an emptyDir */
		return empty_dir(path, view, NULL, error);
	return rk_fail(error, RK_ENOTSUP, "this kind of volume is not implemented");
}

int rk_volumes_prepare(const char *dir, const struct rk_pod_view *view, struct rk_error *error)
{
	const struct rk_val *volumes = rk_val_at(view->pod, "spec.volumes");

	(void)umask(0);
	/* Containers see what is mounted of it; nobody else has a way to its secrets and tokens. */
	RK_TRY(rk_dir_make(dir, 0700, error));
	for (uint32_t i = 0; i < rk_val_count(volumes); i++) {
		const struct rk_val *volume = rk_val_item(volumes, i);
		const int err = prepare_one(dir, view, volume, error);
		if (err < 0)
			return rk_fail_wrap(error, err,
					    "MountVolume.SetUp failed for volume \"%.*s\"",
					    RK_SPAN_ARGS(rk_val_text_at(volume, "name")));
	}
	return 0;
}

static const struct rk_val *find_volume(const struct rk_val *pod, struct rk_span name)
{
	const struct rk_val *volumes = rk_val_at(pod, "spec.volumes");

	for (uint32_t i = 0; i < rk_val_count(volumes); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(volumes, i), "name"), name))
			return rk_val_item(volumes, i);
	return NULL;
}

/* The path inside the volume, resolved without ever leaving it, whatever links the pod has made
 * there. */
static int resolve_sub_path(struct rk_arena *arena, const char *root, struct rk_span sub,
			    const char **ret, struct rk_error *error)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	RK_AUTO(rk_drop_fd) int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *path = rk_arena_str(arena, sub);
	char link[64], target[RK_PATH_MAX];

	if (dir < 0)
		return rk_fail_errno(error, "open %s", root);
	RK_AUTO(rk_drop_fd) int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
	if (fd < 0 && errno == ENOENT && sub.data[0] != '/' && strstr(path, "..") == NULL) {
		RK_TRY(rk_dir_make(rk_arena_printf(arena, "%s/%s", root, path), 0755, error));
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
	}
	if (fd < 0)
		return rk_fail_errno(error, "subPath %s", path);
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	const ssize_t size = readlink(link, target, sizeof target - 1);
	if (size <= 0)
		return rk_fail_errno(error, "subPath %s", path);
	*ret = rk_arena_str(arena, rk_span_of(target, (size_t)size));
	return 0;
}

static const char *propagation(const struct rk_val *mount)
{
	const struct rk_span said = rk_val_text_at(mount, "mountPropagation");

	if (rk_span_is(said, "HostToContainer"))
		return "rslave";
	return rk_span_is(said, "Bidirectional") ? "rshared" : "rprivate";
}

int rk_volume_mounts(struct rk_arena *arena, const char *dir, const struct rk_pod_view *view,
		     const struct rk_val *container, struct rk_spec_mount mounts[RK_POD_MOUNTS_MAX],
		     size_t *ret_count, struct rk_error *error)
{
	const struct rk_val *list = rk_val_at(container, "volumeMounts");

	if (*ret_count + rk_val_count(list) > RK_POD_MOUNTS_MAX)
		return rk_fail(error, RK_ETOOBIG, "more than %d volumeMounts", RK_POD_MOUNTS_MAX);
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *one = rk_val_item(list, i);
		const struct rk_span name = rk_val_text_at(one, "name"),
				     sub = rk_val_text_at(one, "subPath");
		const struct rk_val *volume = find_volume(view->pod, name);
		const struct rk_val *host = rk_val_at(volume, "hostPath");

		if (volume == NULL)
			return rk_fail(error, RK_EINVAL,
				       "volumeMounts: there is no volume \"%.*s\"",
				       RK_SPAN_ARGS(name));
		const char *from =
			host != NULL ? rk_arena_str(arena, rk_val_text_at(host, "path"))
				     : rk_arena_printf(arena, "%s/%.*s", dir, RK_SPAN_ARGS(name));
		if (host != NULL && access(from, F_OK) < 0)
			RK_TRY(rk_dir_make(from, 0755, error));
		if (sub.size > 0)
			RK_TRY(resolve_sub_path(arena, from, sub, &from, error));
		const bool is_files = host == NULL && rk_val_at(volume, "emptyDir") == NULL;
		mounts[(*ret_count)++] = (struct rk_spec_mount){
			.from = from,
			.to = rk_arena_str(arena, rk_val_text_at(one, "mountPath")),
			.is_readonly = is_files || rk_val_bool_at(one, "readOnly", false),
			.propagation = propagation(one),
		};
	}
	return 0;
}
