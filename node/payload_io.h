/* node/payload_io.h - a set of small files that changes as a whole: what configMap, secret,
 * downwardAPI and projected volumes are. */
#ifndef RK_NODE_PAYLOAD_IO_H
#define RK_NODE_PAYLOAD_IO_H

#include <sys/types.h>

#include "node/files_io.h"
#include "node/pod_view.h"

#define RK_PAYLOAD_FILES_MAX 1024

struct rk_payload_file {
	struct rk_span path; /* relative, without ".." */
	struct rk_span bytes;
	mode_t mode;
	int64_t owner; /* uid; -1: root */
};

struct rk_payload { /* all zero is empty; files are in the arena */
	struct rk_arena *arena;
	uint32_t count;
	struct rk_payload_file files[RK_PAYLOAD_FILES_MAX];
};

/* Adds the files of one source ("configMap", "secret", "downwardAPI", "serviceAccountToken"), as a
 * volume or a projection has it. */
RK_MUST_CHECK int rk_payload_add(struct rk_payload *payload, const struct rk_pod_view *view,
				 const char *kind, const struct rk_val *source, mode_t default_mode,
				 struct rk_error *error);
/* Makes `dir` hold exactly these files, at once: readers see all the old ones or all the new ones
 * ("..data" is swapped). group: -1, or the owner group of the files. */
RK_MUST_CHECK int rk_payload_write(const struct rk_payload *payload, const char *dir, int64_t group,
				   struct rk_error *error);

#endif
