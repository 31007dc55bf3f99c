/* reckon log restore: a data directory for a new cluster, from a back-up or from the one member
 * that is left of an old one. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/commands.h"
#include "cli/restore_io.h"
#include "cli/session_io.h"
#include "raft/member_io.h"
#include "raft/settled_io.h"

#define SKIP 1000000000

static int run(int argc, char **argv);

const struct rk_command rk_command_log_restore = {
	.name = "log restore",
	.usage = "--from DIR | --from-snapshot FILE | --from-member DATA --force, --to DATA "
		 "--member ID=HOST:PORT... [flags]",
	.summary =
		"Make a data directory for a new cluster: from a back-up, as of any entry or time, "
		"from a file of etcdctl snapshot save, or from the one member that is left",
	.examples = "  reckon log restore --from /backup/prod --to /var/lib/reckon --member "
		    "1=10.0.0.1:2380\n"
		    "  reckon log restore --from /backup/prod --to /var/lib/reckon --member "
		    "1=10.0.0.1:2380 "
		    "--time 2026-03-01T12:00:00Z\n"
		    "  reckon log restore --from-snapshot saved.db --to /var/lib/reckon --member "
		    "1=10.0.0.1:2380\n"
		    "  reckon log restore --from-member /var/lib/reckon.old --to /var/lib/reckon "
		    "--member "
		    "1=10.0.0.1:2380 --force\n",
	.run = run,
	.section = "The log",
};

struct job {
	const char *from, *from_member, *from_snapshot, *to, *time, *cluster_id;
	struct rk_flag_list members;
	int64_t index, id, skip;
	bool index_given, force;

	int64_t until_ms; /* of --time; INT64_MAX: none */
	uint64_t until;   /* of --index; UINT64_MAX: none */
	struct rk_restore restore;
	struct rk_replay replay;
	uint64_t last;      /* that there was to restore */
	uint64_t uncertain; /* entries restored that may never have been committed */
};

/* --- what was asked for --- */

static int read_member(struct job *job, const char *text, struct rk_error *error)
{
	char address[RK_ADDRESS_MAX] = { 0 };
	struct rk_span id_text;
	const struct rk_span at = rk_span_cut(rk_span_str(text), '=', &id_text);
	uint64_t id;

	if (!rk_span_u64(id_text, &id) || id == 0 || id > INT64_MAX || at.size == 0 ||
	    at.size >= sizeof address || memchr(at.data, ':', at.size) == NULL)
		return rk_fail(error, RK_EINVAL, "--member: \"%s\" is not ID=HOST:PORT", text);
	memcpy(address, at.data, at.size);
	return rk_config_add(&job->restore.members, id, RK_MEMBER_VOTER, address) < 0
		       ? rk_fail(error, RK_EINVAL,
				 "--member: %" PRIu64 " is there twice, or too many", id)
		       : RK_OK;
}

static int read_members(struct job *job, struct rk_error *error)
{
	struct rk_config *members = &job->restore.members;

	for (size_t i = 0; i < job->members.count; i++)
		RK_TRY(read_member(job, job->members.at[i], error));
	if (members->count == 0)
		return rk_fail(error, RK_EINVAL, "--member ID=HOST:PORT is missing");
	if (job->id == 0 && members->count > 1)
		return rk_fail(error, RK_EINVAL,
			       "--id is missing: which of the members is this directory for?");
	job->restore.id = job->id != 0 ? (uint64_t)job->id : members->at[0].id;
	return rk_config_find(members, job->restore.id) < 0
		       ? rk_fail(error, RK_EINVAL, "--member does not name member %" PRIu64,
				 job->restore.id)
		       : RK_OK;
}

static int read_bounds(struct job *job, struct rk_error *error)
{
	job->until = UINT64_MAX;
	job->until_ms = INT64_MAX;
	if (job->index_given && job->time != NULL)
		return rk_fail(error, RK_EINVAL, "--index and --time exclude each other");
	if (job->index_given) {
		if (job->index <= 0)
			return rk_fail(error, RK_EINVAL, "--index must be at least 1");
		job->until = (uint64_t)job->index;
	}
	if (job->time != NULL && !rk_time_parse(rk_span_str(job->time), &job->until_ms))
		return rk_fail(error, RK_EINVAL,
			       "--time: \"%s\" is not a time such as 2026-03-01T12:00:00Z",
			       job->time);
	return RK_OK;
}

static int check(struct job *job, int argc, struct rk_error *error)
{
	struct rk_cluster_id *cluster = &job->restore.cluster;

	if (argc > 0)
		return rk_fail(error, RK_EINVAL, "log restore takes flags only");
	if ((job->from != NULL) + (job->from_member != NULL) + (job->from_snapshot != NULL) != 1)
		return rk_fail(error, RK_EINVAL,
			       "give --from DIR, --from-snapshot FILE or --from-member DATA");
	if (job->from_snapshot != NULL && (job->index_given || job->time != NULL))
		return rk_fail(error, RK_EINVAL,
			       "--from-snapshot holds one moment: no --index, no --time");
	if (job->to == NULL)
		return rk_fail(error, RK_EINVAL, "--to is missing");
	if (job->cluster_id != NULL &&
	    !rk_backup_unhex(rk_span_str(job->cluster_id), &cluster->high, &cluster->low))
		return rk_fail(error, RK_EINVAL, "--cluster-id must be 32 hexadecimal digits");
	if (job->skip < 0 || job->skip > INT64_MAX / 2)
		return rk_fail(error, RK_EINVAL, "--bump-revision must not be negative");
	job->restore.to = job->to;
	job->restore.skip = (uint64_t)job->skip;
	RK_TRY(read_bounds(job, error));
	RK_TRY(read_members(job, error));
	return access(job->to, F_OK) == 0
		       ? rk_fail(error, RK_EEXIST,
				 "%s is there already: nothing is ever restored over it", job->to)
		       : RK_OK;
}

/* --- from a back-up --- */

struct finding { /* the last entry that is not later than a time */
	int64_t until_ms;
	uint64_t found;
};

static int find_entry(void *context, const struct rk_entry *entry, struct rk_span payload,
		      struct rk_error *error)
{
	struct finding *finding = context;

	(void)payload, (void)error;
	if (entry->time_ms > finding->until_ms)
		return 1;
	finding->found = RK_MAX(finding->found, entry->index);
	return 0;
}

/* Times never fall along the log, so only the part in which the time lies is read. */
static int find_time(const struct rk_backup_dir *dir, int64_t until_ms, uint64_t *ret,
		     struct rk_error *error)
{
	struct finding finding = { .until_ms = until_ms };
	const struct rk_backup_reader reader = { .context = &finding, .each = find_entry };

	for (size_t i = 0; i < dir->backup.count; i++) {
		const struct rk_backup_item *item = &dir->backup.items[i];
		if (item->kind == RK_BACKUP_MARK)
			continue;
		if (item->time_ms <= until_ms)
			finding.found = RK_MAX(finding.found, item->last);
		else if (item->kind == RK_BACKUP_PART && item->last > finding.found)
			RK_TRY(rk_backup_part_read(dir, item, &reader, error));
	}
	if (finding.found == 0)
		return rk_fail(error, RK_ENOENT, "the back-up holds nothing as old as that");
	*ret = finding.found;
	return RK_OK;
}

static int replay_backup(struct job *job, const struct rk_backup_dir *dir, struct rk_error *error)
{
	const struct rk_backup_item *base;
	uint64_t index = rk_backup_last(&dir->backup);

	job->last = index;
	if (job->until_ms != INT64_MAX)
		RK_TRY(find_time(dir, job->until_ms, &index, error));
	else if (job->until != UINT64_MAX)
		index = job->until;
	if (index == 0 || !rk_backup_base(&dir->backup, index, &base))
		return rk_fail(error, RK_ENOENT,
			       "nothing in the back-up leads to the state after entry %" PRIu64,
			       index);
	job->replay.backup = &dir->backup;
	if (base != NULL)
		RK_TRY(rk_replay_load(&job->replay, dir->path, dir->backup.cluster, base->last,
				      error));
	else
		rk_replay_begin(&job->replay);
	RK_TRY(rk_replay_parts(&job->replay, dir, index, error));
	job->replay.backup = NULL;
	return RK_OK;
}

static int from_backup(struct job *job, struct rk_restored *ret, struct rk_error *error)
{
	RK_AUTO(rk_backup_dir_close) struct rk_backup_dir dir = { .lock_fd = -1 };

	RK_TRY(rk_backup_dir_read(&dir, job->from, error));
	RK_TRY(replay_backup(job, &dir, error));
	return rk_restore_write(&job->restore, &job->replay, ret, error);
}

static int from_snapshot(struct job *job, struct rk_restored *ret, struct rk_error *error)
{
	uint64_t bytes;

	RK_TRY(rk_replay_load_etcd(&job->replay, job->from_snapshot, &bytes, error));
	return rk_restore_write(&job->restore, &job->replay, ret, error);
}

/* --- from the member that is left --- */

/* Nobody may write to it meanwhile. */
static int lock(const char *dir, int *ret_fd, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/lock", dir);
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return rk_fail(error, RK_EBUSY, "the member of %s runs: stop it first", dir);
	*ret_fd = rk_take_fd(&fd); /* a copy of a data directory need not have one */
	return RK_OK;
}

static void drop_settled(struct rk_settled **settled) { (void)rk_settled_close(*settled); }

static int replay_log(struct job *job, const char *dir, struct rk_error *error)
{
	RK_AUTO(drop_settled) struct rk_settled *settled = NULL;
	struct rk_settled_entry next;
	char path[RK_PATH_MAX];
	int more = 0;

	rk_path(path, "%s/log", dir);
	RK_TRY(rk_settled_open(&settled, path, job->replay.index + 1, error));
	job->last = job->replay.index;
	while (job->replay.index < job->until &&
	       (more = rk_settled_next(settled, &next, error)) == 1) {
		job->last = next.entry.index;
		if (next.entry.index > job->until || next.entry.time_ms > job->until_ms)
			return RK_OK;
		job->uncertain += !next.is_committed;
		RK_TRY(rk_replay_entry(&job->replay, &next.entry, rk_blob_span(next.entry.payload),
				       error));
	}
	if (more == RK_ECORRUPT)
		return rk_fail_wrap(error, more,
				    "entries up to %" PRIu64 " are whole (--index %" PRIu64
				    " takes those), then",
				    job->replay.index, job->replay.index);
	job->restore.term = rk_settled_hard(settled).term;
	return more;
}

static int replay_member(struct job *job, const char *dir, struct rk_error *error)
{
	struct rk_member_dir member;
	char path[RK_PATH_MAX];

	RK_TRY(rk_member_peek(&member, dir, error));
	if (member.is_witness)
		return rk_fail(error, RK_ENOTSUP, "%s is a witness's: it holds no state", dir);
	rk_path(path, "%s/snapshots", dir);
	const int err = rk_replay_load(&job->replay, path, member.cluster, 0, error);
	if (err == RK_ENOENT)
		rk_replay_begin(&job->replay);
	else if (err < 0)
		return err;
	if (job->replay.index > job->until || job->replay.time_ms > job->until_ms)
		return rk_fail(error, RK_ENOENT,
			       "the member's newest snapshot, of entry %" PRIu64
			       ", is later than that: only a back-up reaches further back",
			       job->replay.index);
	return replay_log(job, dir, error);
}

static int from_member(struct job *job, struct rk_restored *ret, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int lock_fd = -1;
	char dir[RK_PATH_MAX];

	rk_path(dir, "%s/data", job->from_member); /* mN/ of a local cluster may be meant */
	if (access(dir, F_OK) < 0)
		rk_path(dir, "%s", job->from_member);
	RK_TRY(lock(dir, &lock_fd, error));
	RK_TRY(replay_member(job, dir, error));
	if (!job->force)
		return rk_fail(
			error, RK_EPERM,
			"not done without --force. This member holds entries up to %" PRIu64
			"; of %" PRIu64
			" of them it does not know whether they were committed. What the others "
			"acknowledged behind them is lost. Use it only when a majority is gone for "
			"good: while the others live, remove or replace members instead",
			job->replay.index, job->uncertain);
	return rk_restore_write(&job->restore, &job->replay, ret, error);
}

/* --- what came of it --- */

static void tell_start(const struct job *job, const char *cluster)
{
	const struct rk_config *members = &job->restore.members;
	const int self = rk_config_find(members, job->restore.id);

	(void)printf("Start it    reckon server --dir %s --id %" PRIu64
		     " --cluster-id %s --members ",
		     job->to, job->restore.id, cluster);
	for (uint32_t i = 0; i < members->count; i++)
		(void)printf("%s%" PRIu64 "=%s", i > 0 ? "," : "", members->at[i].id,
			     members->at[i].address);
	(void)printf(" --peer-listen %s ...\n", members->at[self].address);
	if (members->count > 1)
		(void)printf(
			"The others  by the same command with --cluster-id %s and their --id\n",
			cluster);
	else
		(void)printf("Others      join it: reckon server --join --cluster-id %s ..., and "
			     "reckon member add\n",
			     cluster);
}

static void tell(const struct job *job, const struct rk_restored *done)
{
	char when[RK_TIME_TEXT_MAX], cluster[40], hash[40];

	(void)rk_time_format_ms(when, done->time_ms);
	rk_backup_hex(cluster, done->cluster.high, done->cluster.low);
	rk_backup_hex(hash, done->hash.high, done->hash.low);
	(void)printf("Restored    entry %" PRIu64 " of %s, revision %" PRIu64, done->index, when,
		     done->revision);
	if (done->new_revision != done->revision)
		(void)printf(" (goes on from %" PRIu64 ")", done->new_revision);
	(void)printf("\nHolds       %" PRIu64 " objects, %" PRIu64 " etcd keys, %" PRIu64
		     " leases; hash %s\n",
		     done->holdings.objects, done->holdings.keys, done->holdings.leases, hash);
	if (job->last > done->index && job->from != NULL)
		(void)printf("Left out    entries %" PRIu64 " to %" PRIu64 "\n", done->index + 1,
			     job->last);
	else if (job->last > done->index)
		(void)printf("Left out    entries from %" PRIu64 " on\n", done->index + 1);
	if (job->from_member != NULL)
		(void)printf("Uncertain   %" PRIu64
			     " of the entries may never have been acknowledged to anybody\n",
			     job->uncertain);
	(void)printf("Cluster     %s, new\n", cluster);
	tell_start(job, cluster);
}

static int run(int argc, char **argv)
{
	struct job job = { .skip = SKIP };
	const struct rk_flag flags[] = {
		RK_FLAG_STR("from", 0, &job.from, "DIR", "a back-up"),
		RK_FLAG_STR("from-snapshot", 0, &job.from_snapshot, "FILE",
			    "what etcdctl snapshot save wrote"),
		RK_FLAG_STR("from-member", 0, &job.from_member, "DATA",
			    "the data directory of the one member that is left"),
		RK_FLAG_YES("force", 0, &job.force, "with --from-member: yes, a majority is gone"),
		RK_FLAG_STR("to", 0, &job.to, "DATA", "the data directory to make"),
		{ "index", 0, RK_FLAG_NUMBER, &job.index, "N", "the state after this entry",
		  &job.index_given },
		RK_FLAG_STR("time", 0, &job.time, "TIME",
			    "the state after the last entry that is not later (RFC 3339)"),
		RK_FLAG("member", 0, RK_FLAG_LIST, &job.members, "ID=HOST:PORT",
			"a member of the new cluster, and where the others find it; several times"),
		RK_FLAG("id", 0, RK_FLAG_NUMBER, &job.id, "N",
			"of several members the one that the directory is for"),
		RK_FLAG_STR("cluster-id", 0, &job.cluster_id, "HEX",
			    "of several members, all but the first: what the first run printed"),
		RK_FLAG("bump-revision", 0, RK_FLAG_NUMBER, &job.skip, "N",
			"revisions to leave out, so that none comes twice (default 1000000000)"),
		{ 0 },
	};
	struct rk_restored done;
	struct rk_error error = { 0 };
	int status;

	if (!rk_cli_begin(&rk_command_log_restore, flags, &argc, argv, NULL, &status))
		return status;
	int err = check(&job, argc, &error);
	if (err == RK_OK) {
		job.replay.kinds = rk_kinds_new();
		err = job.from != NULL            ? from_backup(&job, &done, &error)
		      : job.from_snapshot != NULL ? from_snapshot(&job, &done, &error)
						  : from_member(&job, &done, &error);
		rk_replay_done(&job.replay);
		(void)rk_kinds_free(job.replay.kinds);
	}
	if (err < 0)
		return rk_cli_fail(&error);
	tell(&job, &done);
	return 0;
}
