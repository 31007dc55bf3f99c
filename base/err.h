/* base/err.h - results and messages. A function that can fail returns 0 or a negative rk_err. */
#ifndef RK_BASE_ERR_H
#define RK_BASE_ERR_H

#include <stddef.h>

enum rk_err {
	RK_OK = 0,
	RK_ENOMEM = -1,     /* an allocation was refused */
	RK_EIO = -2,        /* the medium or the network failed */
	RK_ECORRUPT = -3,   /* bytes read back are not the bytes written */
	RK_ETOOBIG = -4,    /* a declared limit would be passed */
	RK_ESTALE = -5,     /* the caller's term, revision or lease is behind */
	RK_EINVAL = -6,     /* input that breaks the format or the rules */
	RK_ENOENT = -7,     /* the thing named is not there */
	RK_EEXIST = -8,     /* the thing named is there already */
	RK_EAGAIN = -9,     /* not now: try again later */
	RK_EBUSY = -10,     /* in use by somebody else */
	RK_EPERM = -11,     /* not allowed */
	RK_ENOSPC = -12,    /* the medium is full */
	RK_ETIMEDOUT = -13, /* a deadline passed */
	RK_ENOTSUP = -14,   /* known, but not served here */
	RK_ECLOSED = -15,   /* the other side, or this one, is gone */
};

/* A short fixed name such as "corrupt data"; never NULL. */
const char *rk_err_name(int err);

/* The detail of a failure: one line for people. Callers that do not care pass NULL. */
struct rk_error {
	int code;
	char text[384];
};

/* Fills *error (when not NULL) with a formatted line and returns `code`, so that it can be returned at once. */
int rk_fail(struct rk_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Like rk_fail, with errno's text appended after ": ". Maps ENOSPC, ENOENT, EACCES and friends to rk_err. */
int rk_fail_errno(struct rk_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the text already in *error; returns error->code. */
int rk_fail_wrap(struct rk_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define RK_MUST_CHECK __attribute__((warn_unused_result))

/* Hand a failure to the caller unchanged; the callee has already undone its own work. */
#define RK_TRY(call)                       \
	do {                               \
		const int rk_rc_ = (call); \
		if (rk_rc_ < 0)            \
			return rk_rc_;     \
	} while (0)

/* Always on. For programmer errors only, never for facts about the outside world. */
#define rk_assert(condition) \
	((condition) ? (void)0 : rk_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void rk_assert_failed(const char *condition, const char *file, int line);

#endif
