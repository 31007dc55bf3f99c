#include "cli/files_io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FILE_MAX (16u << 20)

int rk_file_read(const char *path, struct rk_buf *out, struct rk_error *error)
{
	const bool is_stdin = strcmp(path, "-") == 0;
	RK_AUTO(rk_drop_fd) int own = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	const int fd = is_stdin ? STDIN_FILENO : own;
	const size_t start = out->size;

	if (fd < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	for (;;) {
		const ssize_t got = read(fd, rk_buf_room(out, 65536), 65536);
		if (got < 0)
			return rk_fail_errno(error, "cannot read %s", path);
		if (got == 0)
			return RK_OK;
		out->size += (size_t)got;
		if (out->size - start > FILE_MAX)
			return rk_fail(error, RK_ETOOBIG, "%s is larger than %u MiB", path, FILE_MAX >> 20);
	}
}

int rk_file_write(const char *path, struct rk_span bytes, mode_t mode, struct rk_error *error)
{
	char fresh[RK_PATH_MAX + 8];

	(void)snprintf(fresh, sizeof fresh, "%s.tmp", path);
	RK_AUTO(rk_drop_fd) int fd = open(fresh, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
	if (fd < 0)
		return rk_fail_errno(error, "cannot make %s", path);
	while (bytes.size > 0) {
		const ssize_t done = write(fd, bytes.data, bytes.size);
		if (done <= 0)
			return rk_fail_errno(error, "cannot write %s", path);
		bytes = rk_span_sub(bytes, (size_t)done, bytes.size);
	}
	if (fsync(fd) < 0 || rename(fresh, path) < 0)
		return rk_fail_errno(error, "cannot write %s", path);
	return RK_OK;
}

int rk_dir_make(const char *path, struct rk_error *error)
{
	char part[RK_PATH_MAX];

	for (size_t i = 1;; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		(void)snprintf(part, sizeof part, "%.*s", (int)i, path);
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return rk_fail_errno(error, "cannot make the directory %s", part);
		if (path[i] == '\0')
			return RK_OK;
	}
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

int rk_dir_remove(const char *path, struct rk_error *error)
{
	if (!rk_file_exists(path))
		return RK_OK;
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
		return rk_fail_errno(error, "cannot remove %s", path);
	return RK_OK;
}

bool rk_file_exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}
