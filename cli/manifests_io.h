/* cli/manifests_io.h - objects out of files: YAML with several documents, JSON, Lists, directories,
 * standard input. */
#ifndef RK_CLI_MANIFESTS_IO_H
#define RK_CLI_MANIFESTS_IO_H

#include "cli/session_io.h"

struct rk_manifest {
	struct rk_val *object;
	const struct rk_kind *kind;
	const char *file;        /* as it was named; "STDIN" for "-" */
	struct rk_span ns, name; /* ns: the object's, or the session's; empty for what has none */
};

struct rk_manifests {
	struct rk_manifest *at; /* heap */
	size_t count, capacity;
	bool has_broken; /* a document was refused, and told; the others are here */
};

/* Reads them all. Documents of unknown kinds are told and left out. RK_EINVAL with file, line and
 * column for what is malformed. */
RK_MUST_CHECK int rk_manifests_read(struct rk_session *session, const struct rk_flag_list *files,
				    bool is_recursive, struct rk_manifests *ret,
				    struct rk_error *error);
void rk_manifests_done(struct rk_manifests *manifests);

#endif
