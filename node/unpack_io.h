/* node/unpack_io.h - archives onto the disk: image layers (with their whiteouts) and archives of
 * layouts. */
#ifndef RK_NODE_UNPACK_IO_H
#define RK_NODE_UNPACK_IO_H

#include <stdbool.h>

#include "base/err.h"

#define RK_UNPACK_ENTRIES_MAX 1000000u
#define RK_UNPACK_BYTES_MAX   (16ull << 30)

/* Unpacks a tar (plain, gzip or zstd) into the directory, which must exist. Entries that would
 * leave it are RK_EINVAL; device nodes are skipped without root. is_layer: whiteouts become
 * overlayfs's marks, owners are kept. Blocks. Changes the working directory: only for jobs. */
RK_MUST_CHECK int rk_unpack(const char *archive, const char *dir, bool is_layer,
			    struct rk_error *error);

#endif
