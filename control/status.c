#include "control/status.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"

static struct rk_span vtext(struct rk_arena *arena, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	const int need = vsnprintf(NULL, 0, format, again);
	va_end(again);
	const size_t size = need > 0 ? (size_t)need : 0;
	char *text = rk_arena_alloc(arena, size + 1);
	(void)vsnprintf(text, size + 1, format, args);
	return rk_span_of(text, size);
}

void rk_cause_add(struct rk_arena *arena, struct rk_val *causes, const char *reason,
		  const char *field, const char *format, ...)
{
	struct rk_val *cause = rk_val_map(arena);
	va_list args;

	va_start(args, format);
	rk_val_put_cstr(arena, cause, "reason", reason);
	rk_val_put_str(arena, cause, "message", vtext(arena, format, args));
	rk_val_put_str(arena, cause, "field", rk_arena_span(arena, rk_span_str(field)));
	va_end(args);
	rk_val_append(arena, causes, cause);
}

static struct rk_val *make(struct rk_arena *arena, const char *status)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "kind", "Status");
	rk_val_put_cstr(arena, val, "apiVersion", "v1");
	rk_val_put(arena, val, "metadata", rk_val_map(arena));
	rk_val_put_cstr(arena, val, "status", status);
	return val;
}

static struct rk_val *failure(struct rk_arena *arena, int code, const char *reason,
			      struct rk_span message)
{
	struct rk_val *status = make(arena, "Failure");

	rk_val_put_str(arena, status, "message", message);
	rk_val_put_cstr(arena, status, "reason", reason);
	rk_val_put_int(arena, status, "code", code);
	return status;
}

struct rk_val *rk_status(struct rk_arena *arena, int code, const char *reason, const char *format,
			 ...)
{
	va_list args;

	va_start(args, format);
	struct rk_val *status = failure(arena, code, reason, vtext(arena, format, args));
	va_end(args);
	return status;
}

static void put_text(struct rk_arena *arena, struct rk_val *map, const char *key,
		     struct rk_span text)
{
	if (text.size > 0)
		rk_val_put_str(arena, map, key, rk_arena_span(arena, text));
}

void rk_status_about(struct rk_arena *arena, struct rk_val *status, struct rk_span group,
		     struct rk_span resource, struct rk_span name)
{
	struct rk_val *details = rk_val_make(arena, status, "details");

	put_text(arena, details, "name", name);
	put_text(arena, details, "group", group);
	put_text(arena, details, "kind", resource);
}

void rk_status_retry_after(struct rk_arena *arena, struct rk_val *status, int seconds)
{
	rk_val_put_int(arena, rk_val_make(arena, status, "details"), "retryAfterSeconds", seconds);
}

/* "deployments.apps" -> "deployments", "apps" */
static void about_resource(struct rk_arena *arena, struct rk_val *status, struct rk_span resource,
			   struct rk_span name)
{
	struct rk_span plural;
	const struct rk_span group = rk_span_cut(resource, '.', &plural);

	rk_status_about(arena, status, group, plural, name);
}

struct rk_val *rk_status_not_found(struct rk_arena *arena, struct rk_span resource,
				   struct rk_span name)
{
	struct rk_val *status = rk_status(arena, 404, "NotFound", "%.*s \"%.*s\" not found",
					  RK_SPAN_ARGS(resource), RK_SPAN_ARGS(name));

	about_resource(arena, status, resource, name);
	return status;
}

struct rk_val *rk_status_exists(struct rk_arena *arena, struct rk_span resource,
				struct rk_span name)
{
	struct rk_val *status =
		rk_status(arena, 409, "AlreadyExists", "%.*s \"%.*s\" already exists",
			  RK_SPAN_ARGS(resource), RK_SPAN_ARGS(name));

	about_resource(arena, status, resource, name);
	return status;
}

struct rk_val *rk_status_conflict(struct rk_arena *arena, struct rk_span resource,
				  struct rk_span name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const struct rk_span why = vtext(arena, format, args);
	va_end(args);
	struct rk_val *status = rk_status(
		arena, 409, "Conflict", "Operation cannot be fulfilled on %.*s \"%.*s\": %.*s",
		RK_SPAN_ARGS(resource), RK_SPAN_ARGS(name), RK_SPAN_ARGS(why));
	about_resource(arena, status, resource, name);
	return status;
}

struct rk_val *rk_status_forbidden(struct rk_arena *arena, struct rk_span resource,
				   struct rk_span name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const struct rk_span why = vtext(arena, format, args);
	va_end(args);
	struct rk_val *status =
		rk_status(arena, 403, "Forbidden", "%.*s \"%.*s\" is forbidden: %.*s",
			  RK_SPAN_ARGS(resource), RK_SPAN_ARGS(name), RK_SPAN_ARGS(why));
	about_resource(arena, status, resource, name);
	return status;
}

static bool said_before(const struct rk_val *causes, uint32_t at)
{
	for (uint32_t i = 0; i < at; i++)
		if (rk_val_eq(rk_val_item(causes, i), rk_val_item(causes, at)))
			return true;
	return false;
}

struct rk_val *rk_status_invalid(struct rk_arena *arena, struct rk_span group,
				 struct rk_span kind_name, struct rk_span name,
				 const struct rk_val *causes)
{
	struct rk_buf text = { 0 };
	const bool many = rk_val_count(causes) > 1;

	rk_buf_printf(&text, "%.*s%s%.*s \"%.*s\" is invalid: %s", RK_SPAN_ARGS(kind_name),
		      group.size > 0 ? "." : "", RK_SPAN_ARGS(group), RK_SPAN_ARGS(name),
		      many ? "[" : "");
	for (uint32_t i = 0; i < rk_val_count(causes); i++) {
		const struct rk_val *cause = rk_val_item(causes, i);
		if (said_before(causes, i))
			continue;
		rk_buf_printf(&text, "%s%.*s: %.*s", i > 0 ? ", " : "",
			      RK_SPAN_ARGS(rk_val_text_at(cause, "field")),
			      RK_SPAN_ARGS(rk_val_text_at(cause, "message")));
	}
	rk_buf_put_str(&text, many ? "]" : "");
	struct rk_val *status =
		failure(arena, 422, "Invalid", rk_arena_span(arena, rk_buf_span(&text)));
	rk_buf_done(&text);
	rk_status_about(arena, status, group, kind_name, name);
	rk_val_put(arena, rk_val_at(status, "details"), "causes", rk_val_copy(arena, causes));
	return status;
}

struct rk_val *rk_status_bad_request(struct rk_arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct rk_val *status = failure(arena, 400, "BadRequest", vtext(arena, format, args));
	va_end(args);
	return status;
}

struct rk_val *rk_status_success(struct rk_arena *arena, struct rk_span resource,
				 struct rk_span name, struct rk_span uid)
{
	struct rk_val *status = make(arena, "Success");

	about_resource(arena, status, resource, name);
	put_text(arena, rk_val_at(status, "details"), "uid", uid);
	return status;
}
