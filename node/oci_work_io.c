#include <dirent.h>

#include "base/mem.h"
#include "node/image_store_io.h"
#include "node/oci_job.h"
#include "node/probe_io.h"
#include "node/program_io.h"
#include "node/volume_io.h"

#define PULL_MS 600000u

static struct rk_span policy_of(const struct rk_val *container, struct rk_span image)
{
	const struct rk_span policy = rk_val_text_at(container, "imagePullPolicy");

	if (policy.size > 0)
		return policy;
	return rk_image_ref_is_latest(image) ? RK_SPAN("Always") : RK_SPAN("IfNotPresent");
}

/* "docker.io/library/web@sha256:..." */
static void put_image_id(struct rk_buf *out, const char *ref, struct rk_span digest)
{
	const char *slash = strrchr(ref, '/');
	const char *end = strpbrk(slash != NULL ? slash : ref, ":@");

	rk_buf_printf(out, "%.*s@%.*s", end != NULL ? (int)(end - ref) : (int)strlen(ref), ref,
		      RK_SPAN_ARGS(digest));
}

/* Answers: image id, NUL, text of the event. On failure: the reason. */
static int work_pull(struct rk_oci_job *job, struct rk_buf *out, struct rk_error *error)
{
	const struct rk_span image = rk_val_text_at(job->act.container, "image");
	const struct rk_span policy = policy_of(job->act.container, image);
	const char *dir = job->runtime->oci.dir;
	char ref[RK_IMAGE_REF_MAX];
	struct rk_image found;

	rk_buf_put_str(out, "InvalidImageName");
	RK_TRY(rk_image_ref_full(image, ref, error));
	rk_buf_clear(out);
	rk_buf_put_str(out, rk_span_is(policy, "Never") ? "ErrImageNeverPull" : "ErrImagePull");
	int err = rk_image_find(&job->arena, dir, ref, &found, error);
	if (rk_span_is(policy, "Never") && err == RK_ENOENT)
		return rk_fail(error, RK_ENOENT,
			       "Container image \"%.*s\" is not present with pull policy of Never",
			       RK_SPAN_ARGS(image));
	const bool is_pulled =
		rk_span_is(policy, "Always") || (err == RK_ENOENT && !rk_span_is(policy, "Never"));
	if (is_pulled) {
		RK_TRY(rk_image_pull(dir, ref, PULL_MS - 10000, error));
		err = rk_image_find(&job->arena, dir, ref, &found, error);
	}
	RK_TRY(err);
	RK_TRY(rk_image_unpack(dir, &found, error));
	rk_buf_clear(out);
	put_image_id(out, ref, found.digest);
	rk_buf_put_u8(out, '\0');
	if (is_pulled)
		rk_buf_printf(out, "Successfully pulled image \"%.*s\". Image size: %lld bytes.",
			      RK_SPAN_ARGS(image), (long long)found.size);
	else
		rk_buf_printf(out, "Container image \"%.*s\" already present on machine",
			      RK_SPAN_ARGS(image));
	return 0;
}

/* Answers: pid. On failure: the reason. */
static int work_start(struct rk_oci_job *job, struct rk_buf *out, struct rk_error *error)
{
	const struct rk_oci_run run = { &job->view, job->act.container, job->act.attempt,
					job->act.target_attempt, job->act.sandbox_pid };
	const char *reason = "";
	pid_t pid = 0;

	const int err = rk_oci_start(&job->runtime->oci, &run, &pid, &reason, error);
	if (err < 0)
		rk_buf_put_str(out, reason);
	else
		rk_buf_printf(out, "%d", (int)pid);
	return err;
}

static int work_command(struct rk_oci_job *job, const struct rk_val *command,
			struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf output = { 0 };
	int status = 0;

	RK_TRY(rk_oci_exec(&job->runtime->oci, job->act.uid, job->id, command, job->act.timeout_ms,
			   &output, &status, error));
	if (status != 0)
		return rk_fail(error, RK_EIO, "%.*s (exit code %d)",
			       RK_SPAN_ARGS(rk_span_sub(rk_buf_span(&output), 0, 256)), status);
	return 0;
}

/* A probe or a hook. */
static int work_check(struct rk_oci_job *job, struct rk_error *error)
{
	const struct rk_val *handler = job->act.handler;
	const struct rk_val *exec = rk_val_at(handler, "exec"),
			    *http = rk_val_at(handler, "httpGet");
	const struct rk_val *tcp = rk_val_at(handler, "tcpSocket"),
			    *nap = rk_val_at(handler, "sleep");
	const bool is_host = rk_val_bool_at(job->view.pod, "spec.hostNetwork", false);
	const char *address =
		rk_arena_str(&job->arena, is_host || job->act.address.size == 0 ? job->view.host_ip
										: job->act.address);

	if (exec != NULL)
		return work_command(job, rk_val_at(exec, "command"), error);
	if (http != NULL)
		return rk_probe_http(http, job->act.container, address, job->act.timeout_ms, error);
	if (tcp != NULL)
		return rk_probe_tcp(tcp, job->act.container, address, job->act.timeout_ms, error);
	if (nap != NULL) {
		(void)sleep((unsigned)RK_MAX(rk_val_int_at(nap, "seconds", 0), 0));
		return 0;
	}
	return rk_fail(error, RK_ENOTSUP, "no kind of check that this node knows");
}

static void drop_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static void remove_exits(const struct rk_oci *oci, struct rk_span uid)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/exits", oci->dir);
	RK_AUTO(drop_dir) DIR *exits = opendir(path);
	for (const struct dirent *entry; exits != NULL && (entry = readdir(exits)) != NULL;)
		if (rk_span_starts(rk_span_str(entry->d_name), uid))
			(void)unlinkat(dirfd(exits), entry->d_name, 0);
}

static int work_forget(struct rk_oci_job *job, struct rk_error *error)
{
	const struct rk_oci *oci = &job->runtime->oci;
	char path[RK_PATH_MAX];

	RK_TRY(rk_oci_clear(oci, job->act.uid, error));
	rk_oci_log_path(oci, path, &job->view, RK_SPAN("c"), 0);
	*strrchr(path, '/') = '\0'; /* of the container, then of the pod */
	*strrchr(path, '/') = '\0';
	RK_TRY(rk_dir_remove(path, error));
	remove_exits(oci, job->act.uid);
	rk_path(path, "%s/pods/%.*s", oci->dir, RK_SPAN_ARGS(job->act.uid));
	return rk_dir_remove(path, error);
}

static int work_volumes(struct rk_oci_job *job, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/pods/%.*s/volumes", job->runtime->oci.dir, RK_SPAN_ARGS(job->act.uid));
	return rk_volumes_prepare(path, &job->view, error);
}

int rk_oci_work(void *context, struct rk_buf *out, struct rk_error *error)
{
	struct rk_oci_job *job = context;
	const struct rk_oci *oci = &job->runtime->oci;
	pid_t pid = 0;

	switch (job->act.kind) {
	case RK_ACT_VOLUMES: return work_volumes(job, error);
	case RK_ACT_SANDBOX:
		RK_TRY(rk_oci_sandbox(oci, &job->view, &pid, error));
		rk_buf_printf(out, "%d", (int)pid);
		return 0;
	case RK_ACT_PULL: return work_pull(job, out, error);
	case RK_ACT_START: return work_start(job, out, error);
	case RK_ACT_SIGNAL:
		return rk_oci_signal(oci, job->act.uid, job->id, job->act.signal, error);
	case RK_ACT_RESIZE: return rk_oci_resize(oci, job->act.uid, job->id, job->act.container, error);
	case RK_ACT_HOOK:
	case RK_ACT_PROBE: return work_check(job, error);
	case RK_ACT_CLEAR: return rk_oci_clear(oci, job->act.uid, error);
	case RK_ACT_FORGET: return work_forget(job, error);
	default: return rk_fail(error, RK_EINVAL, "not an act for the runtime");
	}
}
