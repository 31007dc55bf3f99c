#include "node/cgroup_io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define REMOVE_TRIES   20
#define REMOVE_WAIT_US 50000

static void add_root(struct rk_cgroups *cgroups, const char *dir, bool is_v2)
{
	if (cgroups->root_count == RK_CGROUP_ROOTS_MAX || strlen(dir) >= sizeof cgroups->roots[0])
		return;
	const unsigned at = is_v2 ? 0 : cgroups->root_count;

	if (is_v2)
		memcpy(cgroups->roots[cgroups->root_count], cgroups->roots[0],
		       sizeof cgroups->roots[0]);
	(void)snprintf(cgroups->roots[at], sizeof cgroups->roots[at], "%s", dir);
	cgroups->root_count++;
}

int rk_cgroups_open(struct rk_cgroups *ret, const char *path, struct rk_error *error)
{
	RK_AUTO(rk_drop_file) FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct rk_cgroups cgroups = { .is_pure = true };
	char dir[RK_PATH_MAX];
	bool has_v2 = false;

	if (mounts == NULL)
		return rk_fail_errno(error, "open /proc/self/mounts");
	if (path[0] != '/' || strstr(path, "..") != NULL || strlen(path) >= sizeof cgroups.path)
		return rk_fail(error, RK_EINVAL,
			       "control group path \"%s\": must be absolute and short", path);
	(void)snprintf(cgroups.path, sizeof cgroups.path, "%s", path);
	for (const struct mntent *entry; (entry = getmntent(mounts)) != NULL;) {
		const bool is_v2 = strcmp(entry->mnt_type, "cgroup2") == 0;

		if (!is_v2 && strcmp(entry->mnt_type, "cgroup") != 0)
			continue;
		if (is_v2 && has_v2)
			continue;
		has_v2 |= is_v2;
		cgroups.is_pure &= is_v2;
		add_root(&cgroups, entry->mnt_dir, is_v2);
	}
	if (!has_v2)
		return rk_fail(error, RK_ENOTSUP, "no cgroup2 file system is mounted");
	rk_path(dir, "%s%s", cgroups.roots[0], cgroups.path);
	RK_TRY(rk_dir_make(dir, 0755, error));
	*ret = cgroups;
	return 0;
}

int rk_cgroups_enter(const struct rk_cgroups *cgroups, const char *pod, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s%s/%s/run", cgroups->roots[0], cgroups->path, pod);
	RK_TRY(rk_dir_make(path, 0755, error));
	rk_path(path, "%s%s/%s/run/cgroup.procs", cgroups->roots[0], cgroups->path, pod);
	RK_AUTO(rk_drop_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return rk_fail_errno(error, "enter %s", path);
	return 0;
}

bool rk_cgroups_oom_killed(const struct rk_cgroups *cgroups, const char *pod, const char *id)
{
	static const char *const files[] = { "memory.events",
					     "memory.oom_control" }; /* version 2, and 1 */
	char path[RK_PATH_MAX];

	for (unsigned i = 0; i < cgroups->root_count; i++)
		for (size_t k = 0; k < RK_COUNT(files); k++) {
			RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

			rk_path(path, "%s%s/%s/%s/%s", cgroups->roots[i], cgroups->path, pod, id,
				files[k]);
			if (rk_file_read(path, 4096, &text, NULL) < 0)
				continue;
			const char *at = strstr(rk_buf_cstr(&text), "oom_kill ");
			if (at != NULL && strtol(at + sizeof "oom_kill " - 1, NULL, 10) > 0)
				return true;
		}
	return false;
}

static int remove_dir(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)walk;
	if (kind == FTW_DP)
		(void)rmdir(path);
	return 0;
}

/* conmon ends a moment after its container: its group is busy until then. */
void rk_cgroups_remove(const struct rk_cgroups *cgroups, const char *pod)
{
	char path[RK_PATH_MAX];

	for (unsigned i = 0; i < cgroups->root_count; i++) {
		rk_path(path, "%s%s%s%s", cgroups->roots[i], cgroups->path, pod != NULL ? "/" : "",
			pod != NULL ? pod : "");
		for (int tries = 0; tries < REMOVE_TRIES && access(path, F_OK) == 0; tries++) {
			if (tries > 0)
				(void)usleep(REMOVE_WAIT_US);
			(void)nftw(path, remove_dir, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		}
	}
}
