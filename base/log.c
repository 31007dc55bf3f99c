#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock_io.h"
#include "base/mem.h"
#include "base/timefmt.h"

static atomic_int log_least = RK_LOG_INFO;
static char log_who[64] = "reckon";

void rk_log_set_level(enum rk_log_level least)
{
	atomic_store(&log_least, (int)least);
}

void rk_log_set_who(const char *who)
{
	(void)snprintf(log_who, sizeof log_who, "%s", who);
}

/* A ring: what is older than RK_LOG_KEPT bytes is written over. */
static char kept[RK_LOG_KEPT];
static size_t kept_count; /* of all bytes that were ever put there */
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(const char *line, size_t size)
{
	(void)pthread_mutex_lock(&kept_lock);
	for (size_t i = 0; i < size; i++)
		kept[kept_count++ % RK_LOG_KEPT] = line[i];
	(void)pthread_mutex_unlock(&kept_lock);
}

void rk_log_kept(struct rk_buf *out)
{
	(void)pthread_mutex_lock(&kept_lock);
	size_t at = kept_count > RK_LOG_KEPT ? kept_count - RK_LOG_KEPT + 1 : 0;
	while (at > 0 && at < kept_count && kept[(at - 1) % RK_LOG_KEPT] != '\n')
		at++; /* the rest of a line that has lost its beginning */
	while (at < kept_count) {
		const size_t from = at % RK_LOG_KEPT,
			     size = RK_MIN(kept_count - at, RK_LOG_KEPT - from);
		rk_buf_put(out, kept + from, size);
		at += size;
	}
	(void)pthread_mutex_unlock(&kept_lock);
}

void rk_log(enum rk_log_level level, const char *what, const char *format, ...)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	char line[1024];
	char when[RK_TIME_TEXT_MAX];
	va_list args;

	if ((int)level < atomic_load(&log_least))
		return;
	(void)rk_time_format_ms(when, rk_clock_wall_ms());
	int used = snprintf(line, sizeof line - 1, "%s %s %s %s%s", when, names[level], log_who, what,
			    format[0] != '\0' ? " " : "");
	size_t at = RK_MIN((size_t)RK_MAX(used, 0), sizeof line - 2);
	va_start(args, format);
	used = vsnprintf(line + at, sizeof line - 1 - at, format, args);
	va_end(args);
	at = RK_MIN(at + (size_t)RK_MAX(used, 0), sizeof line - 2);
	for (size_t i = 0; i < at; i++) /* what came from outside must not forge lines */
		if ((unsigned char)line[i] < 0x20)
			line[i] = ' ';
	line[at++] = '\n';
	keep(line, at);
	if (write(STDERR_FILENO, line, at) < 0)
		return; /* nowhere left to say it */
}
