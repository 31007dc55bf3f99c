#include "node/files_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/mem.h"

void rk_path(char path[RK_PATH_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const int size = vsnprintf(path, RK_PATH_MAX, format, args);
	va_end(args);
	rk_assert(size >= 0 && size < RK_PATH_MAX);
}

int rk_dir_make(const char *path, mode_t mode, struct rk_error *error)
{
	char part[RK_PATH_MAX];

	rk_path(part, "%s", path);
	for (char *at = strchr(part + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return rk_fail_errno(error, "make the directory %s", part);
		*at = '/';
	}
	if (mkdir(part, mode) == 0)
		return chmod(part, mode) < 0 ? rk_fail_errno(error, "chmod %s", part) : 0;
	return errno == EEXIST ? 0 : rk_fail_errno(error, "make the directory %s", part);
}

int rk_file_read(const char *path, size_t max, struct rk_buf *out, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	const size_t before = out->size;

	if (fd < 0)
		return rk_fail_errno(error, "open %s", path);
	for (;;) {
		const ssize_t got = read(fd, rk_buf_room(out, 8192), 8192);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return rk_fail_errno(error, "read %s", path);
		if (got == 0)
			return 0;
		out->size += (size_t)got;
		if (out->size - before > max)
			return rk_fail(error, RK_ETOOBIG, "%s is larger than %zu bytes", path, max);
	}
}

static int write_fd(int fd, struct rk_span bytes)
{
	while (bytes.size > 0) {
		const ssize_t wrote = write(fd, bytes.data, bytes.size);

		if (wrote < 0 && errno != EINTR)
			return -1;
		if (wrote > 0)
			bytes = rk_span_sub(bytes, (size_t)wrote, bytes.size);
	}
	return 0;
}

int rk_file_write(const char *path, struct rk_span bytes, mode_t mode, bool is_durable,
		  struct rk_error *error)
{
	char temporary[RK_PATH_MAX];

	rk_path(temporary, "%s.new", path);
	RK_AUTO(rk_drop_fd)
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return rk_fail_errno(error, "make %s", temporary);
	if (fchmod(fd, mode) < 0 || write_fd(fd, bytes) < 0 || (is_durable && fsync(fd) < 0) ||
	    rename(temporary, path) < 0) {
		const int code = rk_fail_errno(error, "write %s", path);
		(void)unlink(temporary);
		return code;
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)walk;
	return kind == FTW_DP || kind == FTW_D || kind == FTW_DNR ? rmdir(path) : unlink(path);
}

int rk_dir_remove(const char *path, struct rk_error *error)
{
	struct stat info;

	if (lstat(path, &info) < 0 && errno == ENOENT)
		return 0;
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_MOUNT | FTW_PHYS) != 0)
		return rk_fail_errno(error, "remove %s", path);
	return 0;
}

void rk_unmount_below(const char *path)
{
	RK_AUTO(rk_drop_file) FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct rk_span prefix = rk_span_str(path);
	char *found[256];
	size_t count = 0;

	if (mounts == NULL)
		return;
	for (const struct mntent *entry;
	     count < RK_COUNT(found) && (entry = getmntent(mounts)) != NULL;) {
		const struct rk_span dir = rk_span_str(entry->mnt_dir);
		if (rk_span_starts(dir, prefix) &&
		    (dir.size == prefix.size || dir.data[prefix.size] == '/'))
			found[count++] = rk_strdup(entry->mnt_dir);
	}
	while (count > 0) { /* later mounts are deeper */
		(void)umount2(found[--count], MNT_DETACH | UMOUNT_NOFOLLOW);
		free(found[count]);
	}
}

bool rk_is_mounted(const char *path)
{
	RK_AUTO(rk_drop_file) FILE *mounts = setmntent("/proc/self/mounts", "re");

	for (const struct mntent *entry; mounts != NULL && (entry = getmntent(mounts)) != NULL;)
		if (strcmp(entry->mnt_dir, path) == 0)
			return true;
	return false;
}
