/* cli/files_io.h - small whole files. */
#ifndef RK_CLI_FILES_IO_H
#define RK_CLI_FILES_IO_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define RK_PATH_MAX 512

/* Appends the contents; at most 16 MiB (RK_ETOOBIG). "-" is standard input. */
RK_MUST_CHECK int rk_file_read(const char *path, struct rk_buf *out, struct rk_error *error);
/* All or nothing: a new file takes the place of the old one. */
RK_MUST_CHECK int rk_file_write(const char *path, struct rk_span bytes, mode_t mode, struct rk_error *error);
/* mkdir -p, mode 0700 for what is made. */
RK_MUST_CHECK int rk_dir_make(const char *path, struct rk_error *error);
/* rm -rf; does not cross mounts' roots that are still mounted (they stay, with an error). */
RK_MUST_CHECK int rk_dir_remove(const char *path, struct rk_error *error);
bool rk_file_exists(const char *path);

#endif
