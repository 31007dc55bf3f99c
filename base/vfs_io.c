#include "base/vfs_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct dir {
	struct rk_vfs vfs;
	char *path;
	int fd;
};

struct file {
	struct rk_vfile file;
	int fd;
};

static struct dir *dir_of(struct rk_vfs *vfs) { return RK_CONTAINER(vfs, struct dir, vfs); }
static int fd_of(struct rk_vfile *file) { return RK_CONTAINER(file, struct file, file)->fd; }
static int check(int result) { return result < 0 ? RK_EIO : RK_OK; }

/* --- files --- */

static int file_size(struct rk_vfile *file, uint64_t *ret)
{
	struct stat status;

	RK_TRY(check(fstat(fd_of(file), &status)));
	*ret = (uint64_t)status.st_size;
	return RK_OK;
}

static int file_read(struct rk_vfile *file, uint64_t at, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t got = pread(fd_of(file), bytes, size, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return RK_EIO;
		if (got == 0) {
			memset(bytes, 0, size);
			return RK_OK;
		}
		bytes += got;
		at += (uint64_t)got;
		size -= (size_t)got;
	}
	return RK_OK;
}

static int file_write(struct rk_vfile *file, uint64_t at, struct rk_span bytes)
{
	while (bytes.size > 0) {
		const ssize_t put = pwrite(fd_of(file), bytes.data, bytes.size, (off_t)at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return RK_EIO;
		bytes = rk_span_sub(bytes, (size_t)put, bytes.size);
		at += (uint64_t)put;
	}
	return RK_OK;
}

static int file_reserve(struct rk_vfile *file, uint64_t size)
{
	const int err = posix_fallocate(fd_of(file), 0, (off_t)size);

	errno = err;
	return err != 0 ? RK_EIO : RK_OK;
}

static int file_sync(struct rk_vfile *file) { return check(fdatasync(fd_of(file))); }

static struct rk_vfile *file_close(struct rk_vfile *file)
{
	(void)close(fd_of(file));
	free(RK_CONTAINER(file, struct file, file));
	return NULL;
}

static const struct rk_vfile_ops file_ops = { file_size,	   file_read, file_write,
					     file_reserve, file_sync, file_close };

/* --- the directory --- */

static int dir_list(struct rk_vfs *vfs, void *context,
		    void (*found)(void *context, const char *name))
{
	const int fd = openat(dir_of(vfs)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (listing == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return RK_EIO;
	}
	while ((entry = readdir(listing)) != NULL)
		if (entry->d_name[0] != '.')
			found(context, entry->d_name);
	(void)closedir(listing);
	return RK_OK;
}

static int dir_open(struct rk_vfs *vfs, const char *name, enum rk_vfile_mode mode,
		    struct rk_vfile **ret)
{
	static const int flags[] = { [RK_VFILE_READ] = O_RDONLY,
				     [RK_VFILE_WRITE] = O_RDWR,
				     [RK_VFILE_NEW] = O_RDWR | O_CREAT | O_TRUNC };
	const int fd = openat(dir_of(vfs)->fd, name, flags[mode] | O_CLOEXEC, 0600);

	if (fd < 0)
		return RK_EIO;
	struct file *file = rk_zalloc(sizeof *file);
	file->file.ops = &file_ops;
	file->fd = fd;
	*ret = &file->file;
	return RK_OK;
}

static int dir_rename(struct rk_vfs *vfs, const char *from, const char *to)
{
	return check(renameat(dir_of(vfs)->fd, from, dir_of(vfs)->fd, to));
}

static int dir_remove(struct rk_vfs *vfs, const char *name)
{
	return check(unlinkat(dir_of(vfs)->fd, name, 0));
}

static int dir_sync(struct rk_vfs *vfs) { return check(fsync(dir_of(vfs)->fd)); }

static struct rk_vfs *dir_close(struct rk_vfs *vfs)
{
	struct dir *dir = dir_of(vfs);

	(void)close(dir->fd);
	free(dir->path);
	free(dir);
	return NULL;
}

static struct rk_vfs *dir_dup(struct rk_vfs *vfs);

static const struct rk_vfs_ops dir_ops = { dir_list, dir_open,	dir_rename, dir_remove,
					   dir_sync, dir_close, dir_dup };

static struct rk_vfs *dir_new(int fd, const char *path)
{
	struct dir *dir = rk_zalloc(sizeof *dir);

	dir->fd = fd;
	dir->path = rk_strdup(path);
	dir->vfs = (struct rk_vfs){ &dir_ops, dir->path };
	return &dir->vfs;
}

static struct rk_vfs *dir_dup(struct rk_vfs *vfs)
{
	const int fd = fcntl(dir_of(vfs)->fd, F_DUPFD_CLOEXEC, 0);

	return dir_new(fd, vfs->path); /* without a descriptor every call fails by itself */
}

int rk_vfs_dir(struct rk_vfs **ret, const char *path, bool make, struct rk_error *error)
{
	if (make && mkdir(path, 0700) < 0 && access(path, F_OK) < 0)
		return rk_fail_errno(error, "cannot make %s", path);
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	*ret = dir_new(fd, path);
	return RK_OK;
}
