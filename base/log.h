/* base/log.h - one line for each event, `key=value`, on stderr. Only code at the edge logs. */
#ifndef RK_BASE_LOG_H
#define RK_BASE_LOG_H

enum rk_log_level { RK_LOG_DEBUG, RK_LOG_INFO, RK_LOG_WARN, RK_LOG_ERROR };

void rk_log_set_level(enum rk_log_level least);
/* A short name that every line of this process carries, such as "m1" or "node-1"; copied. */
void rk_log_set_who(const char *who);

/* The last lines of this process, whole ones, at most RK_LOG_KEPT bytes of them; any thread. */
#define RK_LOG_KEPT (256u << 10)
struct rk_buf;
void rk_log_kept(struct rk_buf *out);

/* what: a fixed phrase such as "listening"; then key=value pairs as printf makes them, or "". Never secrets. */
void rk_log(enum rk_log_level level, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
