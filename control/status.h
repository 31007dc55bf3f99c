/* control/status.h - Kubernetes Status objects (metav1.Status) as value trees, with upstream's reasons and texts. */
#ifndef RK_CONTROL_STATUS_H
#define RK_CONTROL_STATUS_H

#include "wire/val.h"

/* One cause of an Invalid status. Lists of them are value lists of maps {reason, message, field}. */
void rk_cause_add(struct rk_arena *arena, struct rk_val *causes, const char *reason, const char *field,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* {kind: Status, apiVersion: v1, metadata: {}, status: Failure, message, reason, code}; details by the functions below. */
struct rk_val *rk_status(struct rk_arena *arena, int code, const char *reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Sets details.name, .group, .kind (resource plural, as upstream does); empty ones are left out. */
void rk_status_about(struct rk_arena *arena, struct rk_val *status, struct rk_span group,
		     struct rk_span resource, struct rk_span name);
void rk_status_retry_after(struct rk_arena *arena, struct rk_val *status, int seconds);

/* `resource` is "pods" or "deployments.apps": the texts use it as it is, the details take it apart. */
struct rk_val *rk_status_not_found(struct rk_arena *arena, struct rk_span resource, struct rk_span name);
struct rk_val *rk_status_exists(struct rk_arena *arena, struct rk_span resource, struct rk_span name);
struct rk_val *rk_status_conflict(struct rk_arena *arena, struct rk_span resource, struct rk_span name,
				  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* 403: "<resource> \"name\" is forbidden: " and what the format says. */
struct rk_val *rk_status_forbidden(struct rk_arena *arena, struct rk_span resource, struct rk_span name,
				   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "<Kind> \"name\" is invalid: field: message" or "[a, b]" for several; code 422. */
struct rk_val *rk_status_invalid(struct rk_arena *arena, struct rk_span group, struct rk_span kind_name,
				 struct rk_span name, const struct rk_val *causes);
struct rk_val *rk_status_bad_request(struct rk_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* status: Success with details {name, group, kind, uid}: the answer to a delete that is complete. */
struct rk_val *rk_status_success(struct rk_arena *arena, struct rk_span resource, struct rk_span name,
				 struct rk_span uid);

#endif
