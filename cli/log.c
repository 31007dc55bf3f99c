/* reckon log ls, show, stat, verify: the log, from a data directory or from a running member. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "base/timefmt.h"
#include "cli/call_io.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "control/logview.h"
#include "control/snapshots_io.h"
#include "node/files_io.h"
#include "raft/member_io.h"
#include "raft/wal_io.h"
#include "wire/json.h"
#include "wire/yaml.h"

#define PAGE 500

static int run_ls(int argc, char **argv);
static int run_show(int argc, char **argv);
static int run_stat(int argc, char **argv);
static int run_verify(int argc, char **argv);

#define SECTION "The log"
const struct rk_command rk_command_log_ls = {
	.name = "log ls",
	.usage = "DIR | --cluster DIR [--member mN] [flags]",
	.summary = "List log entries, one line each",
	.examples = "  reckon log ls /var/lib/reckon              # offline, from a member's data "
		    "directory\n"
		    "  reckon log ls --cluster /tmp/demo          # from the running member m1\n"
		    "  reckon log ls --cluster /tmp/demo --from 120 --limit 20 -o json\n",
	.run = run_ls,
	.section = SECTION,
};
const struct rk_command rk_command_log_show = {
	.name = "log show",
	.usage = "INDEX DIR | INDEX --cluster DIR",
	.summary = "Show one entry whole",
	.examples = "  reckon log show 120 --cluster /tmp/demo\n",
	.run = run_show,
	.section = SECTION,
};
const struct rk_command rk_command_log_stat = {
	.name = "log stat",
	.usage = "DIR | --cluster DIR",
	.summary = "Count entries and bytes by what they are",
	.examples = "  reckon log stat --cluster /tmp/demo\n",
	.run = run_stat,
	.section = SECTION,
};
const struct rk_command rk_command_log_verify = {
	.name = "log verify",
	.usage = "DIR | --cluster DIR",
	.summary = "Read every byte again and check it",
	.examples = "  reckon log verify /var/lib/reckon\n",
	.run = run_verify,
	.section = SECTION,
};

struct source { /* where entries come from */
	const char *cluster, *member, *output;
	const char *dir; /* a member's data directory, or NULL: ask the member */
	char own_dir[RK_PATH_MAX];
	char address[64];
	struct rk_tls *tls;
	int64_t from, limit;
	bool from_given;
};

static void source_done(struct source *source) { (void)rk_tls_unref(source->tls); }

static int resolve(struct source *source, int argc, char **argv, struct rk_error *error)
{
	struct rk_local local;
	struct rk_local_part member;

	if (source->cluster == NULL && argc == 1) {
		source->dir = argv[0];
		(void)snprintf(source->own_dir, sizeof source->own_dir, "%s/data", argv[0]);
		if (access(source->own_dir, F_OK) == 0)
			source->dir = source->own_dir; /* mN/ of a local cluster was meant */
		return RK_OK;
	}
	if (source->cluster == NULL || argc != 0)
		return rk_fail(
			error, RK_EINVAL,
			"name a member's data directory, or a running cluster by --cluster DIR");
	RK_TRY(rk_local_load(&local, source->cluster, error));
	for (unsigned i = 1; i <= local.members; i++) {
		rk_local_member(&local, i, &member);
		if (strcmp(member.name, source->member) != 0)
			continue;
		(void)snprintf(source->address, sizeof source->address, "%s", member.address);
		(void)snprintf(source->own_dir, sizeof source->own_dir, "%s/data", member.dir);
		return rk_call_identity(local.dir, &source->tls, error);
	}
	return rk_fail(error, RK_ENOENT, "the cluster has no member %s", source->member);
}

/* --- each entry, newest form of each index --- */

typedef void (*each_fn)(void *context, struct rk_arena *arena, const struct rk_val *entry);

struct held { /* an entry may be replaced by a later one of the same index: it is told when the next
		 index comes */
	struct rk_arena arena;
	struct rk_val *entry;
};

static bool wanted(const struct source *source, int64_t index, int64_t told)
{
	return index >= source->from && (source->limit == 0 || told < source->limit);
}

static int each_offline(struct source *source, bool docs, each_fn each, void *context,
			struct rk_error *error)
{
	struct rk_wal_reader *reader = NULL;
	struct rk_val **entries =
		NULL; /* few at a time are rewritten; all that were asked for are kept */
	size_t count = 0, capacity = 0;
	struct rk_arena arena = { 0 };
	struct rk_record record;
	char dir[RK_PATH_MAX + 8];
	int more;

	(void)snprintf(dir, sizeof dir, "%s/log", source->dir);
	RK_TRY(rk_wal_reader_open(&reader, dir, (uint64_t)source->from, error));
	while ((more = rk_wal_reader_next(reader, &record, NULL, error)) == 1) {
		const int64_t index = (int64_t)record.entry.index;
		const bool fills = record.kind == RK_RECORD_FILL;
		if ((record.kind != RK_RECORD_ENTRY && !fills) || index < source->from)
			continue;
		while (!fills && count > 0 &&
		       rk_val_int_at(entries[count - 1], "index", 0) >= index)
			count--;
		if (source->limit != 0 && (int64_t)count >= source->limit)
			continue;
		struct rk_record copy = record;
		copy.payload = rk_arena_span(&arena, record.payload);
		entries = rk_grow(entries, &capacity, count + 1, sizeof(struct rk_val *));
		entries[count++] = rk_logview_entry(&arena, &copy, docs);
		for (size_t i = count - 1; fills && i > 0 &&
					   rk_val_int_at(entries[i - 1], "index", 0) > index;
		     i--) { /* to where it was */
			struct rk_val *later = entries[i - 1];
			entries[i - 1] = entries[i];
			entries[i] = later;
		}
	}
	for (size_t i = 0; i < count; i++)
		each(context, &arena, entries[i]);
	free(entries);
	(void)rk_wal_reader_close(reader);
	rk_arena_done(&arena);
	return more == RK_ECORRUPT ? more : RK_OK;
}

static int each_online(struct source *source, bool docs, each_fn each, void *context,
		       struct rk_error *error)
{
	int64_t from = source->from, told = 0;

	for (;;) {
		struct rk_arena arena = { 0 };
		struct rk_val *page = NULL;
		char target[128];
		(void)snprintf(target, sizeof target, "/reckon/v1/log?from=%" PRId64 "&limit=%d%s",
			       from, PAGE, docs ? "&docs=true" : "");
		const int err = rk_call_get(source->address, source->tls, target, 10000, &arena,
					    &page, error);
		const struct rk_val *entries = rk_val_at(page, "entries");
		const uint32_t count = rk_val_count(entries);
		for (uint32_t i = 0; i < count; i++) {
			const struct rk_val *entry = rk_val_item(entries, i);
			from = rk_val_int_at(entry, "index", from) + 1;
			if (wanted(source, from - 1, told)) {
				each(context, &arena, entry);
				told++;
			}
		}
		const struct rk_span damage = rk_val_text_at(page, "damage");
		const int result = err < 0           ? err
				   : damage.size > 0 ? rk_fail(error, RK_ECORRUPT, "%.*s",
							       RK_SPAN_ARGS(damage))
						     : RK_OK;
		rk_arena_done(&arena);
		if (result < 0 || count < PAGE || (source->limit != 0 && told >= source->limit))
			return result;
	}
}

static int each_entry(struct source *source, bool docs, each_fn each, void *context,
		      struct rk_error *error)
{
	return source->dir != NULL ? each_offline(source, docs, each, context, error)
				   : each_online(source, docs, each, context, error);
}

/* --- ls --- */

static void print_line(void *context, struct rk_arena *arena, const struct rk_val *entry)
{
	const struct source *source = context;

	if (source->output != NULL && strcmp(source->output, "json") == 0) {
		struct rk_buf out = { 0 };
		rk_json_write(&out, entry, false);
		(void)printf("%s\n", rk_buf_cstr(&out));
		rk_buf_done(&out);
		return;
	}
	const struct rk_span line = rk_logview_line(arena, entry);
	(void)printf("%-8lld %-5lld %-25.*s %-8.*s %7lld  %.*s\n",
		     (long long)rk_val_int_at(entry, "index", 0),
		     (long long)rk_val_int_at(entry, "term", 0),
		     RK_SPAN_ARGS(rk_val_text_at(entry, "time")),
		     RK_SPAN_ARGS(rk_val_text_at(entry, "kind")),
		     (long long)rk_val_int_at(entry, "bytes", 0), RK_SPAN_ARGS(line));
}

static bool begin(const struct rk_command *command, struct source *source, int *argc, char **argv,
		  int *status)
{
	const struct rk_flag flags[] = {
		{ "cluster", 'c', RK_FLAG_TEXT, &source->cluster, "DIR", "a running local cluster",
		  NULL },
		{ "member", 'm', RK_FLAG_TEXT, &source->member, "NAME", "which of its members",
		  NULL },
		{ "from", 0, RK_FLAG_NUMBER, &source->from, "INDEX", "first entry",
		  &source->from_given },
		{ "limit", 0, RK_FLAG_NUMBER, &source->limit, "N",
		  "at most this many entries (0: all)", NULL },
		{ "output", 'o', RK_FLAG_TEXT, &source->output, "FORM",
		  "json: one object a line; yaml", NULL },
		{ 0 },
	};

	source->member = "m1";
	return rk_cli_begin(command, flags, argc, argv, NULL, status);
}

static int run_ls(int argc, char **argv)
{
	RK_AUTO(source_done) struct source source = { 0 };
	struct rk_error error = { 0 };
	int status;

	if (!begin(&rk_command_log_ls, &source, &argc, argv, &status))
		return status;
	if (resolve(&source, argc, argv, &error) < 0)
		return rk_cli_fail(&error);
	if (source.output == NULL)
		(void)printf("%-8s %-5s %-25s %-8s %7s  %s\n", "INDEX", "TERM", "TIME", "KIND",
			     "BYTES", "WHAT");
	if (each_entry(&source, false, print_line, &source, &error) < 0)
		return rk_cli_fail(&error);
	return 0;
}

/* --- show --- */

static void print_whole(void *context, struct rk_arena *arena, const struct rk_val *entry)
{
	struct rk_buf out = { 0 };
	bool *found = context;

	(void)arena;
	*found = true;
	rk_yaml_write(&out, entry);
	(void)printf("%s", rk_buf_cstr(&out));
	rk_buf_done(&out);
}

static int run_show(int argc, char **argv)
{
	RK_AUTO(source_done) struct source source = { 0 };
	struct rk_error error = { 0 };
	uint64_t index = 0;
	bool found = false;
	int status;

	if (!begin(&rk_command_log_show, &source, &argc, argv, &status))
		return status;
	if (argc < 1 || !rk_span_u64(rk_span_str(argv[0]), &index) || index == 0)
		return rk_cli_fail(
			&(struct rk_error){ RK_EINVAL, "log show needs the INDEX of an entry" });
	if (resolve(&source, argc - 1, argv + 1, &error) < 0)
		return rk_cli_fail(&error);
	source.from = (int64_t)index;
	source.limit = 1;
	int err = each_entry(&source, true, print_whole, &found, &error);
	if (err == RK_OK && !found)
		err = rk_fail(&error, RK_ENOENT,
			      "the log holds no entry %" PRIu64 " (any more, or yet)", index);
	return err < 0 ? rk_cli_fail(&error) : 0;
}

/* --- stat --- */

#define KINDS_MAX 16

struct stat {
	struct {
		char name[24];
		uint64_t count, bytes;
	} kinds[KINDS_MAX];
	size_t kind_count;
	uint64_t count, bytes;
	int64_t first, last;
	char first_time[40], last_time[40];
};

static void add_up(void *context, struct rk_arena *arena, const struct rk_val *entry)
{
	struct stat *stat = context;
	const struct rk_span kind = rk_val_text_at(entry, "kind");
	const uint64_t bytes = (uint64_t)rk_val_int_at(entry, "bytes", 0);
	size_t i = 0;

	(void)arena;
	while (i < stat->kind_count && !rk_span_is(kind, stat->kinds[i].name))
		i++;
	if (i == KINDS_MAX)
		return;
	if (i == stat->kind_count) {
		stat->kind_count++;
		(void)snprintf(stat->kinds[i].name, sizeof stat->kinds[i].name, "%.*s",
			       RK_SPAN_ARGS(kind));
	}
	stat->kinds[i].count++;
	stat->kinds[i].bytes += bytes;
	if (stat->count++ == 0) {
		stat->first = rk_val_int_at(entry, "index", 0);
		(void)snprintf(stat->first_time, sizeof stat->first_time, "%.*s",
			       RK_SPAN_ARGS(rk_val_text_at(entry, "time")));
	}
	stat->bytes += bytes;
	stat->last = rk_val_int_at(entry, "index", 0);
	(void)snprintf(stat->last_time, sizeof stat->last_time, "%.*s",
		       RK_SPAN_ARGS(rk_val_text_at(entry, "time")));
}

static int run_stat(int argc, char **argv)
{
	RK_AUTO(source_done) struct source source = { 0 };
	struct rk_error error = { 0 };
	struct stat stat = { 0 };
	int status;

	if (!begin(&rk_command_log_stat, &source, &argc, argv, &status))
		return status;
	if (resolve(&source, argc, argv, &error) < 0 ||
	    each_entry(&source, false, add_up, &stat, &error) < 0)
		return rk_cli_fail(&error);
	(void)printf(
		"entries %" PRIu64 " (%" PRId64 " to %" PRId64 "), %" PRIu64 " bytes, %s to %s\n",
		stat.count, stat.first, stat.last, stat.bytes, stat.first_time, stat.last_time);
	(void)printf("%-12s %10s %12s\n", "KIND", "ENTRIES", "BYTES");
	for (size_t i = 0; i < stat.kind_count; i++)
		(void)printf("%-12s %10" PRIu64 " %12" PRIu64 "\n", stat.kinds[i].name,
			     stat.kinds[i].count, stat.kinds[i].bytes);
	return 0;
}

/* --- verify --- */

static int verify_log(const char *dir, struct rk_error *error)
{
	struct rk_wal_reader *reader = NULL;
	struct rk_record record;
	char path[RK_PATH_MAX + 8];
	uint64_t entries = 0, rewritten = 0, last = 0, lost = 0, filled = 0;
	int more;

	(void)snprintf(path, sizeof path, "%s/log", dir);
	RK_TRY(rk_wal_reader_open(&reader, path, 0, error));
	while ((more = rk_wal_reader_next(reader, &record, NULL, error)) == 1) {
		filled += record.kind == RK_RECORD_FILL;
		if (record.kind == RK_RECORD_LOST) {
			lost += record.trail.index + 1 - record.entry.index;
			last = record.trail.index;
		}
		if (record.kind != RK_RECORD_ENTRY)
			continue;
		if (last != 0 && record.entry.index > last + 1 && entries > 0) {
			more = rk_fail(error, RK_ECORRUPT,
				       "entry %" PRIu64 " follows entry %" PRIu64,
				       record.entry.index, last);
			break;
		}
		rewritten += record.entry.index <= last;
		last = record.entry.index;
		entries++;
	}
	(void)rk_wal_reader_close(reader);
	if (more == RK_ECORRUPT)
		return more;
	if (lost > filled)
		return rk_fail(error, RK_ECORRUPT,
			       "%s: %" PRIu64 " entries are damaged; the other members give them back when this one runs",
			       path, lost - filled);
	if (lost > 0)
		(void)printf("           %" PRIu64
			     " damaged entries, which came back from other members\n",
			     lost);
	(void)printf(
		"log        %" PRIu64 " entries up to %" PRIu64 ", all whole%s\n", entries, last,
		more == RK_EAGAIN ? "; the end is torn and will be cut at the next start" : "");
	if (rewritten > 0)
		(void)printf("           %" PRIu64
			     " of them were written over by a later leader's\n",
			     rewritten);
	return RK_OK;
}

static int verify_snapshot(const char *dir, struct rk_error *error)
{
	struct rk_member_dir member;
	struct rk_store *store = NULL;
	struct rk_snapshot_meta meta;
	char path[RK_PATH_MAX + 16];

	RK_TRY(rk_member_peek(&member, dir, error));
	(void)snprintf(path, sizeof path, "%s/snapshots", dir);
	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;
	RK_TRY(rk_vfs_dir(&vfs, path, false, error));
	const int err = rk_snapshot_load(vfs, member.cluster, 0, member.is_witness ? NULL : &store,
					 &meta, error);
	if (err == RK_ENOENT) {
		(void)printf("snapshot   none yet\n");
		return RK_OK;
	}
	RK_TRY(err);
	if (member.is_witness) {
		(void)printf("snapshot   of entry %" PRIu64 ", held by others: this is a witness\n",
			     meta.index);
		return RK_OK;
	}
	(void)printf("snapshot   of entry %" PRIu64 ", whole; state hash %016" PRIx64 "%016" PRIx64
		     "\n",
		     meta.index, meta.state_hash.high, meta.state_hash.low);
	(void)rk_store_free(store);
	return RK_OK;
}

static int run_verify(int argc, char **argv)
{
	RK_AUTO(source_done) struct source source = { 0 };
	struct rk_error error = { 0 };
	int status;

	if (!begin(&rk_command_log_verify, &source, &argc, argv, &status))
		return status;
	if (resolve(&source, argc, argv, &error) < 0)
		return rk_cli_fail(&error);
	const char *dir = source.dir != NULL ? source.dir : source.own_dir;
	if (verify_log(dir, &error) < 0 || verify_snapshot(dir, &error) < 0)
		return rk_cli_fail(&error);
	return 0;
}
