/* cli/describe.h - `describe`, a function for each kind: text with tabs, as cli/tabs.h lays it out.
 */
#ifndef RK_CLI_DESCRIBE_H
#define RK_CLI_DESCRIBE_H

#include "base/buf.h"
#include "cli/session_io.h"

struct rk_describe {
	struct rk_buf out;
	struct rk_session
		*session; /* to ask for what belongs to the object; NULL: say nothing of it */
	struct rk_arena *arena;
	const struct rk_kind *kind;
	const struct rk_val *object;
	int64_t now_ms;
};

/* Appends the description of the object, without its events. */
void rk_describe_object(struct rk_describe *d);

/* --- parts, used by several kinds --- */

void rk_describe_put(struct rk_describe *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "Label:\ta=b\n\tc=d\n", or <none> */
void rk_describe_map(struct rk_describe *d, const char *label, const struct rk_val *map,
		     const char *between, const char *indent);
void rk_describe_meta(struct rk_describe *d, bool has_namespace); /* Name, Namespace */
void rk_describe_labels(struct rk_describe *d, const char *indent);
void rk_describe_annotations(struct rk_describe *d, const char *indent);
/* "Wed, 25 Nov 2026 20:42:40 +0000", in local time; `otherwise` when there is no time. */
const char *rk_describe_time(struct rk_describe *d, struct rk_span time, const char *otherwise);
void rk_describe_owner(struct rk_describe *d);
/* Whatever the object holds, as a tree of titles. */
void rk_describe_generic(struct rk_describe *d);
/* The list at `target`, or NULL (told) when it cannot be had. */
struct rk_val *rk_describe_fetch(struct rk_describe *d, const char *target);
const char *rk_describe_age(struct rk_describe *d, struct rk_span time);

/* describe_pod.c */
void rk_describe_pod(struct rk_describe *d);
void rk_describe_template(struct rk_describe *d, const struct rk_val *template);
/* describe_parts.c: containers with their states, of a pod (status) or a template (NULL). */
void rk_describe_containers(struct rk_describe *d, const char *label, const struct rk_val *list,
			    const struct rk_val *statuses, const char *space);
void rk_describe_volumes(struct rk_describe *d, const struct rk_val *volumes, const char *space);
void rk_describe_tolerations(struct rk_describe *d, const struct rk_val *list, const char *space);
/* describe_workload.c */
void rk_describe_deployment(struct rk_describe *d);
void rk_describe_replicaset(struct rk_describe *d);
/* describe_other.c */
void rk_describe_service(struct rk_describe *d);
void rk_describe_namespace(struct rk_describe *d);
void rk_describe_configmap(struct rk_describe *d);
void rk_describe_secret(struct rk_describe *d);
/* describe_node.c */
void rk_describe_node(struct rk_describe *d);

#endif
