/* reckon log backup: a copy of the log from which any state of it can be made again. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "cli/backup_replay_io.h"
#include "cli/backup_take_io.h"
#include "cli/commands.h"
#include "cli/etcd_file_io.h"
#include "control/rebirth.h"

#define PATIENCE_MS 10000 /* for a leader */
#define POLL_US     200000

static int run(int argc, char **argv);

const struct rk_command rk_command_log_backup = {
	.name = "log backup",
	.usage = "--to DIR [--dir DATA] [flags] | --verify DIR|FILE",
	.summary = "Back up a cluster: the first time all of it, then what is new; and prove a "
		   "back-up",
	.examples = "  reckon log backup --to /backup/prod                 # of a running cluster\n"
		    "  reckon log backup --to /backup/prod --cluster /tmp/demo\n"
		    "  reckon log backup --to /backup/prod --dir /var/lib/reckon   # of a data "
		    "directory\n"
		    "  reckon log backup --verify /backup/prod\n"
		    "  reckon log backup --verify saved.db   # of etcdctl snapshot save\n",
	.run = run,
	.section = "The log",
};

struct job {
	struct rk_session session;
	const char *to, *dir, *verify, *cluster;
	char kubeconfig[512], data[RK_PATH_MAX];
	bool wants_base, no_verify, is_stale;
};

static void on_progress(uint64_t at, uint64_t of)
{
	(void)fprintf(stderr, "\rEntries     %" PRIu64 " of %" PRIu64 "   %s", at, of,
		      at >= of ? "\n" : "");
	(void)fflush(stderr);
}

static void on_replay(void *context, uint64_t index)
{
	(void)context;
	(void)fprintf(stderr, "\rProving     entry %" PRIu64 "   ", index);
	(void)fflush(stderr);
}

static int prove(const struct rk_backup_dir *dir, struct rk_error *error)
{
	RK_AUTO(rk_replay_done) struct rk_replay replay = { .kinds = rk_kinds_new() };
	struct rk_backup_proof proof;
	char hash[40];

	const bool is_told = isatty(STDERR_FILENO) != 0;
	replay.progress = is_told ? on_replay : NULL;
	const int err = rk_backup_prove(dir, &replay, &proof, error);
	if (is_told)
		(void)fprintf(stderr, "\r\033[K");
	rk_replay_done(&replay);
	(void)rk_kinds_free(replay.kinds);
	RK_TRY(err);
	rk_backup_hex(hash, proof.hash.high, proof.hash.low);
	(void)printf("Proved      %" PRIu64 " files of %" PRIu64 " bytes, %" PRIu64
		     " entries run again up to %" PRIu64 ", %" PRIu64
		     " times the state that was told; hash %s\n",
		     proof.files, proof.bytes, proof.entries, proof.last, proof.compared, hash);
	return RK_OK;
}

/* A file of etcdctl snapshot save holds its state's hash, and SHA-256 over all of it. */
static int prove_file(const char *path, struct rk_error *error)
{
	char hash[40], when[RK_TIME_TEXT_MAX];
	struct rk_store *store = NULL;
	uint64_t bytes;

	RK_TRY(rk_etcd_file_read(path, &store, &bytes, error));
	const struct rk_holdings holds = rk_rebirth_count(store);
	rk_backup_hex(hash, rk_store_hash(store).high, rk_store_hash(store).low);
	(void)rk_time_format_ms(when, rk_store_time_ms(store));
	(void)printf("Proved      %" PRIu64 " bytes, the state after entry %" PRIu64
		     " of %s, revision %" PRIu64 ": %" PRIu64 " objects, %" PRIu64
		     " etcd keys, %" PRIu64 " leases; hash %s\n",
		     bytes, rk_store_index(store), when, rk_store_revision(store), holds.objects,
		     holds.keys, holds.leases, hash);
	(void)rk_store_free(store);
	return RK_OK;
}

static int verify(const struct job *job, struct rk_error *error)
{
	RK_AUTO(rk_backup_dir_close) struct rk_backup_dir dir = { .lock_fd = -1 };
	struct stat status;

	if (stat(job->verify, &status) == 0 && S_ISREG(status.st_mode))
		return prove_file(job->verify, error);
	RK_TRY(rk_backup_dir_read(&dir, job->verify, error));
	return prove(&dir, error);
}

/* There may be no leader for a moment, or it has too much to do. */
static bool may_try_again(const struct rk_backup_source *source, int err)
{
	const char *text =
		err < 0 && source->session != NULL ? rk_api_text(source->session->api) : NULL;

	return err == RK_EAGAIN || (text != NULL && strstr(text, "(ServiceUnavailable)") != NULL);
}

static int look(struct rk_backup_source *source, struct rk_error *error)
{
	const uint64_t until_ms = rk_clock_mono_ms() + PATIENCE_MS;
	int err;

	while (may_try_again(source, err = rk_backup_source_look(source, error)) &&
	       rk_clock_mono_ms() < until_ms)
		(void)usleep(POLL_US);
	return err;
}

static void tell(const struct rk_backup_source *source, const struct rk_backup_took *took)
{
	if (took->has_base)
		(void)printf("Snapshot    of the state after entry %" PRIu64 "\n", took->base);
	if (took->first != 0)
		(void)printf("Entries     %" PRIu64 " to %" PRIu64 "\n", took->first, took->last);
	if (!took->has_base && took->first == 0)
		(void)printf("Nothing     is new: entry %" PRIu64 " is the last\n", source->last);
	else
		(void)printf("Backed up   member %" PRIu64 " up to entry %" PRIu64 ", %" PRIu64
			     " bytes\n",
			     source->member, source->last, took->bytes);
	if (source->left_out > 0)
		(void)printf("Left out    %" PRIu64
			     " entries that the log does not say are committed\n",
			     source->left_out);
}

static int back_up(struct job *job, struct rk_error *error)
{
	RK_AUTO(rk_backup_dir_close) struct rk_backup_dir dir = { .lock_fd = -1 };
	RK_AUTO(rk_backup_source_done)
	struct rk_backup_source source = { .dir = job->dir, .is_stale = job->is_stale };
	struct rk_backup_took took;

	if (job->dir == NULL) {
		RK_TRY(rk_session_open(&job->session, error));
		source.session = &job->session;
	}
	RK_TRY(look(&source, error));
	RK_TRY(rk_backup_dir_open(&dir, job->to, error));
	RK_TRY(rk_backup_take(&dir, &source, job->wants_base,
			      isatty(STDERR_FILENO) != 0 ? on_progress : NULL, &took, error));
	tell(&source, &took);
	return job->no_verify ? RK_OK : prove(&dir, error);
}

static int check(struct job *job, int argc, struct rk_error *error)
{
	if (argc > 0)
		return rk_fail(error, RK_EINVAL, "log backup takes flags only");
	if ((job->to == NULL) == (job->verify == NULL))
		return rk_fail(error, RK_EINVAL, "give --to DIR, or --verify DIR or FILE");
	if (job->cluster != NULL) {
		(void)snprintf(job->kubeconfig, sizeof job->kubeconfig, "%s/admin.kubeconfig",
			       job->cluster);
		job->session.kubeconfig = job->kubeconfig;
	}
	if (job->dir != NULL) { /* mN/ of a local cluster may be meant */
		(void)snprintf(job->data, sizeof job->data, "%s/data", job->dir);
		if (access(job->data, F_OK) == 0)
			job->dir = job->data;
	}
	return RK_OK;
}

static int run(int argc, char **argv)
{
	struct job job = { 0 };
	const struct rk_flag flags[] = {
		RK_FLAG_STR("to", 0, &job.to, "DIR", "the back-up's directory, its own"),
		RK_FLAG_STR("dir", 'd', &job.dir, "DATA",
			    "back up a member's data directory instead of a running cluster"),
		RK_FLAG_STR("verify", 0, &job.verify, "DIR|FILE",
			    "read a back-up, run it and compare, or what etcdctl snapshot save "
			    "wrote; change nothing"),
		RK_FLAG_YES("base", 0, &job.wants_base,
			    "take the newest snapshot too, so that a restore is faster"),
		RK_FLAG_YES("stale", 0, &job.is_stale,
			    "also without a leader: what the member asked has"),
		RK_FLAG_YES("no-verify", 0, &job.no_verify, "do not read the back-up again"),
		RK_FLAG_STR("cluster", 'c', &job.cluster, "DIR", "a local cluster's directory"),
		RK_FLAG_STR("kubeconfig", 0, &job.session.kubeconfig, "FILE",
			    "how to reach the cluster (KUBECONFIG, else ~/.kube/config)"),
		RK_FLAG_STR("server", 's', &job.session.choice.server, "URL", "the member to ask"),
		{ 0 },
	};
	struct rk_error error = { 0 };
	int status;

	if (!rk_cli_begin(&rk_command_log_backup, flags, &argc, argv, NULL, &status))
		return status;
	int err = check(&job, argc, &error);
	if (err == RK_EINVAL)
		return rk_cli_fail(&error);
	err = job.verify != NULL ? verify(&job, &error) : back_up(&job, &error);
	return rk_session_end(&job.session, err, &error);
}
