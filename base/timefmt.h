/* base/timefmt.h - times as text, without locale or time zone (RFC 3339, always UTC with a Z). */
#ifndef RK_BASE_TIMEFMT_H
#define RK_BASE_TIMEFMT_H

#include "base/span.h"

#define RK_TIME_TEXT_MAX 32

/* Kubernetes metav1.Time: "2026-01-02T03:04:05Z". Return the length; text is NUL-terminated. */
size_t rk_time_format(char text[RK_TIME_TEXT_MAX], int64_t time_ms);
size_t rk_time_format_ms(char text[RK_TIME_TEXT_MAX], int64_t time_ms);    /* ...05.678Z */
size_t rk_time_format_micro(char text[RK_TIME_TEXT_MAX], int64_t time_us); /* MicroTime: ...05.678901Z */

/* Reads any RFC 3339 time (fraction and offset allowed). False when it is not one. */
bool rk_time_parse(struct rk_span text, int64_t *ret_ms);
bool rk_time_parse_micro(struct rk_span text, int64_t *ret_us); /* the same, to the microsecond */

/* Kubernetes' duration.HumanDuration: "35s", "4m5s", "3h", "2d4h"... */
size_t rk_duration_human(char text[RK_TIME_TEXT_MAX], int64_t duration_ms);

#endif
