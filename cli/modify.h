/* cli/modify.h - commands that look at each object named and send a patch for it. */
#ifndef RK_CLI_MODIFY_H
#define RK_CLI_MODIFY_H

#include "cli/change.h"
#include "cli/refs.h"

struct rk_modify {
	struct rk_change change;
	const char *labels; /* -l */
	bool all, all_namespaces;
	struct rk_flag_list files; /* -f */
	const char *manager;
};

#define RK_MODIFY_FLAGS(m)                                                                         \
	RK_FLAG_STR("selector", 'l', &(m)->labels, "LABELS", "those with these labels"),           \
		RK_FLAG_YES("all", 0, &(m)->all, "all of the type, in the namespace"),             \
		RK_FLAG_YES("all-namespaces", 'A', &(m)->all_namespaces, "in every namespace"),    \
		RK_FLAG("filename", 'f', RK_FLAG_LIST, &(m)->files, "FILE",                        \
			"what these files describe"),                                              \
		RK_CHANGE_FLAGS(&(m)->change)

struct rk_modification {      /* what is to be done to one object */
	struct rk_val *patch; /* NULL: nothing */
	const char *type;     /* RK_TYPE_... */
	const char *sub;      /* subresource, or NULL */
	const char *done;     /* "labeled" */
};

/* Decides for one object. */
typedef int rk_modify_fn(void *context, const struct rk_kind *kind, const struct rk_val *object,
			 struct rk_modification *ret, struct rk_error *error);

/* Opens the session, and goes through everything that argv and the flags name. What fails for one
 * object is told, and the others go on. */
RK_MUST_CHECK int rk_modify_each(struct rk_modify *modify, int argc, char **argv,
				 rk_modify_fn *decide, void *context, struct rk_error *error);

#endif
