#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *rk_err_name(int err)
{
	switch ((enum rk_err)err) {
	case RK_OK: return "ok";
	case RK_ENOMEM: return "out of memory";
	case RK_EIO: return "input/output error";
	case RK_ECORRUPT: return "corrupt data";
	case RK_ETOOBIG: return "too large";
	case RK_ESTALE: return "out of date";
	case RK_EINVAL: return "invalid";
	case RK_ENOENT: return "not found";
	case RK_EEXIST: return "already exists";
	case RK_EAGAIN: return "try again";
	case RK_EBUSY: return "in use";
	case RK_EPERM: return "not allowed";
	case RK_ENOSPC: return "no space left";
	case RK_ETIMEDOUT: return "timed out";
	case RK_ENOTSUP: return "not supported";
	case RK_ECLOSED: return "closed";
	}
	return "unknown error";
}

static int code_of_errno(int number)
{
	switch (number) {
	case ENOMEM: return RK_ENOMEM;
	case ENOENT: return RK_ENOENT;
	case EEXIST: return RK_EEXIST;
	case EAGAIN: return RK_EAGAIN;
	case EBUSY:
	case EADDRINUSE: return RK_EBUSY;
	case EACCES:
	case EPERM: return RK_EPERM;
	case EDQUOT:
	case ENOSPC: return RK_ENOSPC;
	case ETIMEDOUT: return RK_ETIMEDOUT;
	default: return RK_EIO;
	}
}

int rk_fail(struct rk_error *error, int code, const char *format, ...)
{
	va_list args;

	if (error == NULL)
		return code;
	error->code = code;
	va_start(args, format);
	(void)vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	return code;
}

int rk_fail_errno(struct rk_error *error, const char *format, ...)
{
	const int saved = errno;
	const int code = code_of_errno(saved);
	va_list args;

	if (error == NULL)
		return code;
	error->code = code;
	va_start(args, format);
	int used = vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof error->text)
		(void)snprintf(error->text + used, sizeof error->text - (size_t)used, ": %s",
			       strerror(saved));
	return code;
}

int rk_fail_wrap(struct rk_error *error, int code, const char *format, ...)
{
	va_list args;

	if (error == NULL)
		return code;
	char inner[sizeof error->text];
	memcpy(inner, error->text, sizeof inner);
	inner[sizeof inner - 1] = '\0';
	va_start(args, format);
	int used = vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof error->text)
		(void)snprintf(error->text + used, sizeof error->text - (size_t)used, ": %.200s", inner);
	error->code = code;
	return code;
}

_Noreturn void rk_assert_failed(const char *condition, const char *file, int line)
{
	(void)fprintf(stderr, "reckon: %s:%d: this must hold: %s\n", file, line, condition);
	abort();
}
