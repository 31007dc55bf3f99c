/* node/files_io.h - small file-system helpers of the agent: whole files, directories, trees. */
#ifndef RK_NODE_FILES_IO_H
#define RK_NODE_FILES_IO_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define RK_PATH_MAX 1024

/* Formats a path; stops the process when it does not fit (all its parts are bounded names). */
void rk_path(char path[RK_PATH_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes the directory and its parents (0755 for parents). There already: fine. */
RK_MUST_CHECK int rk_dir_make(const char *path, mode_t mode, struct rk_error *error);
/* Appends the file. RK_ENOENT, RK_ETOOBIG beyond `max` bytes. */
int rk_file_read(const char *path, size_t max, struct rk_buf *out, struct rk_error *error);
/* Replaces the file at once (temporary name, fsync when `is_durable`, rename). */
RK_MUST_CHECK int rk_file_write(const char *path, struct rk_span bytes, mode_t mode,
				bool is_durable, struct rk_error *error);
/* Removes a tree. Does not follow links, and does not leave its file system: what is mounted inside
 * stays, as an error. */
int rk_dir_remove(const char *path, struct rk_error *error);
/* Unmounts everything at or below `path`, the deepest first. */
void rk_unmount_below(const char *path);
/* Whether something is mounted exactly there. */
bool rk_is_mounted(const char *path);

#endif
