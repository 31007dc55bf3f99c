/* reckon log salvage: what can still be read of a damaged log, for a member that has no others to
 * ask. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "control/logview.h"
#include "node/files_io.h"
#include "raft/walsalvage_io.h"
#include "wire/json.h"

static int run(int argc, char **argv);

const struct rk_command rk_command_log_salvage = {
	.name = "log salvage",
	.usage = "DIR",
	.summary = "Print every entry of a damaged log that can be read, whole, one JSON object a "
		   "line",
	.examples = "  reckon log salvage /var/lib/reckon >entries.ndjson   # the damage is told "
		    "on stderr\n",
	.run = run,
	.section = "The log",
};

struct salvage {
	uint64_t last, count, missing, damaged;
};

static void on_record(void *context, const struct rk_record *record)
{
	struct salvage *salvage = context;
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };

	if (record->kind == RK_RECORD_RESET)
		salvage->last = record->mark.index;
	if (record->kind != RK_RECORD_ENTRY)
		return;
	if (salvage->last != 0 && record->entry.index > salvage->last + 1) {
		salvage->missing += record->entry.index - salvage->last - 1;
		(void)fprintf(stderr, "entries %" PRIu64 " to %" PRIu64 " cannot be read\n",
			      salvage->last + 1, record->entry.index - 1);
	}
	salvage->last = record->entry.index;
	salvage->count++;
	rk_json_write(&out, rk_logview_entry(&arena, record, true), false);
	rk_buf_put_u8(&out, '\n');
	rk_cli_put(&out);
	rk_buf_done(&out);
	rk_arena_done(&arena);
}

static void on_damage(void *context, const char *segment, size_t from, size_t to)
{
	struct salvage *salvage = context;

	salvage->damaged++;
	(void)fprintf(stderr, "%s, bytes %zu to %zu: damaged\n", segment, from, to);
}

static int run(int argc, char **argv)
{
	const struct rk_flag flags[] = { { 0 } };
	struct rk_error error = { 0 };
	struct salvage found = { 0 };
	const struct rk_salvage salvage = { .context = &found,
					    .record = on_record,
					    .damage = on_damage };
	char dir[RK_PATH_MAX];
	int status;

	if (!rk_cli_begin(&rk_command_log_salvage, flags, &argc, argv, NULL, &status))
		return status;
	if (argc != 1)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "log salvage needs a member's data directory" });
	(void)snprintf(dir, sizeof dir, "%s/data/log", argv[0]); /* mN/ of a local cluster */
	if (access(dir, F_OK) < 0)
		(void)snprintf(dir, sizeof dir, "%s/log", argv[0]);
	if (rk_salvage_dir(&salvage, dir, &error) < 0)
		return rk_cli_fail(&error);
	(void)fprintf(stderr,
		      "%" PRIu64 " entries read up to %" PRIu64 ", %" PRIu64 " missing, %" PRIu64
		      " damaged places\n",
		      found.count, found.last, found.missing, found.damaged);
	return found.damaged > 0 || found.missing > 0 ? 1 : 0;
}
