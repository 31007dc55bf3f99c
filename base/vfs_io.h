/* base/vfs_io.h - a directory of this machine as a struct rk_vfs. */
#ifndef RK_BASE_VFS_IO_H
#define RK_BASE_VFS_IO_H

#include "base/vfs.h"

/* `make`: the directory is made when it is missing (its parent is there). */
RK_MUST_CHECK int rk_vfs_dir(struct rk_vfs **ret, const char *path, bool make,
			     struct rk_error *error);

#endif
