#include "node/journal_io.h"

#include <fcntl.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "node/files_io.h"
#include "wire/json.h"

#define TEXT_MAX 200

struct rk_journal {
	char path[RK_PATH_MAX];
	int fd;
	off_t size;
};

static const char *const names[] = {
	[RK_FACT_TIME] = "time",
	[RK_FACT_POD] = "pod",
	[RK_FACT_RESTORED] = "restored",
	[RK_FACT_GONE] = "gone",
	[RK_FACT_VOLUMES] = "volumes",
	[RK_FACT_SANDBOX] = "sandbox",
	[RK_FACT_SANDBOX_LOST] = "sandbox-lost",
	[RK_FACT_IMAGE] = "image",
	[RK_FACT_STARTED] = "started",
	[RK_FACT_EXITED] = "exited",
	[RK_FACT_HOOK] = "hook",
	[RK_FACT_PROBED] = "probed",
	[RK_FACT_RESIZED] = "resized",
	[RK_FACT_CLEARED] = "cleared",
	[RK_FACT_ARRIVED] = "arrived",
};

static int open_file(struct rk_journal *journal, struct rk_error *error)
{
	journal->fd = open(journal->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (journal->fd < 0)
		return rk_fail_errno(error, "open %s", journal->path);
	journal->size = lseek(journal->fd, 0, SEEK_END);
	return 0;
}

int rk_journal_open(struct rk_journal **ret, const char *dir, struct rk_error *error)
{
	struct rk_journal *journal = rk_zalloc(sizeof *journal);

	rk_path(journal->path, "%s/journal", dir);
	const int err = open_file(journal, error);
	if (err < 0) {
		free(journal);
		return err;
	}
	*ret = journal;
	return 0;
}

struct rk_journal *rk_journal_close(struct rk_journal *journal)
{
	if (journal != NULL && journal->fd >= 0)
		(void)close(journal->fd);
	free(journal);
	return NULL;
}

static void rotate(struct rk_journal *journal)
{
	char old[RK_PATH_MAX];

	rk_path(old, "%s.1", journal->path);
	(void)close(journal->fd);
	(void)rename(journal->path, old);
	if (open_file(journal, NULL) < 0)
		rk_log(RK_LOG_WARN, "journal closed", "path=%s", journal->path);
}

static void put_text(struct rk_buf *line, const char *key, struct rk_span text)
{
	if (text.size == 0)
		return;
	rk_buf_printf(line, ",\"%s\":", key);
	rk_json_write_str(line, rk_span_sub(text, 0, TEXT_MAX));
}

static void put_int(struct rk_buf *line, const char *key, int64_t value)
{
	if (value != 0)
		rk_buf_printf(line, ",\"%s\":%lld", key, (long long)value);
}

void rk_journal_put(struct rk_journal *journal, struct rk_now now, const struct rk_fact *fact)
{
	RK_AUTO(rk_buf_done) struct rk_buf line = { 0 };
	char time[RK_TIME_TEXT_MAX];

	if (journal == NULL || journal->fd < 0 || fact->kind == RK_FACT_TIME)
		return;
	(void)rk_time_format_ms(time, now.wall);
	rk_buf_printf(&line, "{\"time\":\"%s\",\"mono\":%lld,\"fact\":\"%s\"", time,
		      (long long)now.mono, names[fact->kind]);
	put_text(&line, "uid",
		 fact->pod != NULL ? rk_val_text_at(fact->pod, "metadata.uid") : fact->uid);
	if (fact->pod != NULL) {
		put_text(&line, "pod", rk_val_text_at(fact->pod, "metadata.name"));
		put_text(&line, "version", rk_val_text_at(fact->pod, "metadata.resourceVersion"));
	}
	put_text(&line, "container", fact->container);
	put_int(&line, "attempt", fact->attempt);
	put_int(&line, "err", fact->err);
	put_int(&line, "code", fact->code);
	put_int(&line, "pid", fact->pid);
	put_text(&line, "address", fact->address);
	put_text(&line, "reason", fact->reason);
	if (fact->kind == RK_FACT_PROBED)
		rk_buf_printf(&line, ",\"probe\":%d", (int)fact->probe);
	put_text(&line, "text", fact->text);
	rk_buf_put_str(&line, "}\n");
	const ssize_t wrote = write(journal->fd, line.data, line.size);
	journal->size += wrote > 0 ? wrote : 0;
	if (journal->size > RK_JOURNAL_BYTES)
		rotate(journal);
}
