/* base/vfs.h - the files of one directory, as the log and the snapshots use them: a real one
 * (base/vfs_io.h), or a simulated disk that fails in every way that disks fail (sim/disk.h).
 *
 * Functions return RK_OK, or RK_EIO with errno set. Nothing is durable before rk_vfile_sync; a name
 * that was made, changed or removed, not before rk_vfs_sync. */
#ifndef RK_BASE_VFS_H
#define RK_BASE_VFS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

struct rk_vfs;
struct rk_vfile;

enum rk_vfile_mode {
	RK_VFILE_READ,
	RK_VFILE_WRITE, /* and read */
	RK_VFILE_NEW,   /* the same; made, or emptied */
};

struct rk_vfs_ops {
	int (*list)(struct rk_vfs *vfs, void *context,
		    void (*found)(void *context, const char *name));
	int (*open)(struct rk_vfs *vfs, const char *name, enum rk_vfile_mode mode,
		    struct rk_vfile **ret);
	int (*rename)(struct rk_vfs *vfs, const char *from, const char *to);
	int (*remove)(struct rk_vfs *vfs, const char *name);
	int (*sync)(struct rk_vfs *vfs);
	struct rk_vfs *(*close)(struct rk_vfs *vfs);
	struct rk_vfs *(*dup)(struct rk_vfs *vfs); /* the same directory, closed on its own */
};

struct rk_vfs {
	const struct rk_vfs_ops *ops;
	const char *path; /* for messages */
};

struct rk_vfile_ops {
	int (*size)(struct rk_vfile *file, uint64_t *ret);
	/* Exactly `size` bytes; beyond the end they are zeros. */
	int (*read)(struct rk_vfile *file, uint64_t at, uint8_t *bytes, size_t size);
	int (*write)(struct rk_vfile *file, uint64_t at, struct rk_span bytes);
	/* Makes it this long, with blocks that are really there. */
	int (*reserve)(struct rk_vfile *file, uint64_t size);
	int (*sync)(struct rk_vfile *file);
	struct rk_vfile *(*close)(struct rk_vfile *file);
};

struct rk_vfile {
	const struct rk_vfile_ops *ops;
};

static inline int rk_vfs_list(struct rk_vfs *vfs, void *context,
			      void (*found)(void *context, const char *name))
{
	return vfs->ops->list(vfs, context, found);
}
RK_MUST_CHECK static inline int rk_vfs_open(struct rk_vfs *vfs, const char *name,
					    enum rk_vfile_mode mode, struct rk_vfile **ret)
{
	return vfs->ops->open(vfs, name, mode, ret);
}
RK_MUST_CHECK static inline int rk_vfs_rename(struct rk_vfs *vfs, const char *from, const char *to)
{
	return vfs->ops->rename(vfs, from, to);
}
static inline int rk_vfs_remove(struct rk_vfs *vfs, const char *name)
{
	return vfs->ops->remove(vfs, name);
}
RK_MUST_CHECK static inline int rk_vfs_sync(struct rk_vfs *vfs) { return vfs->ops->sync(vfs); }
static inline struct rk_vfs *rk_vfs_dup(struct rk_vfs *vfs) { return vfs->ops->dup(vfs); }
static inline struct rk_vfs *rk_vfs_close(struct rk_vfs *vfs) /* takes NULL, returns NULL */
{
	return vfs != NULL ? vfs->ops->close(vfs) : NULL;
}
static inline void rk_vfs_drop(struct rk_vfs **vfs) { (void)rk_vfs_close(*vfs); }

RK_MUST_CHECK static inline int rk_vfile_size(struct rk_vfile *file, uint64_t *ret)
{
	return file->ops->size(file, ret);
}
RK_MUST_CHECK static inline int rk_vfile_read(struct rk_vfile *file, uint64_t at, uint8_t *bytes,
					     size_t size)
{
	return file->ops->read(file, at, bytes, size);
}
RK_MUST_CHECK static inline int rk_vfile_write(struct rk_vfile *file, uint64_t at,
					      struct rk_span bytes)
{
	return file->ops->write(file, at, bytes);
}
RK_MUST_CHECK static inline int rk_vfile_reserve(struct rk_vfile *file, uint64_t size)
{
	return file->ops->reserve(file, size);
}
RK_MUST_CHECK static inline int rk_vfile_sync(struct rk_vfile *file) { return file->ops->sync(file); }
static inline struct rk_vfile *rk_vfile_close(struct rk_vfile *file) /* takes NULL, returns NULL */
{
	return file != NULL ? file->ops->close(file) : NULL;
}
static inline void rk_vfile_drop(struct rk_vfile **file) { (void)rk_vfile_close(*file); }

#endif
