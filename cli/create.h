/* cli/create.h - what the commands that make objects from flags share. */
#ifndef RK_CLI_CREATE_H
#define RK_CLI_CREATE_H

#include "cli/change.h"

/* A new object of the kind with its name. */
struct rk_val *rk_create_object(struct rk_change *change, const struct rk_kind *kind,
				struct rk_span name);
/* Sends it (or only shows it, with --dry-run=client) and tells. */
RK_MUST_CHECK int rk_create_send(struct rk_change *change, const struct rk_kind *kind,
				 struct rk_val *object, struct rk_error *error);
/* Opens, takes exactly one name from argv, and begins the object. */
RK_MUST_CHECK int rk_create_begin(struct rk_change *change, const char *kind_name, int argc,
				  char **argv, const struct rk_kind **ret_kind, struct rk_val **ret,
				  struct rk_error *error);
/* "80", "http" */
struct rk_val *rk_create_port(struct rk_arena *arena, struct rk_span text);
/* "a=b,c=d" into a map. RK_EINVAL. */
RK_MUST_CHECK int rk_create_labels(struct rk_arena *arena, const char *text, struct rk_val *map,
				   struct rk_error *error);

#endif
