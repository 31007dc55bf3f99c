/* Files on the disk: payload volumes that change as a whole, archives that want out, jobs, logs of
 * images. */
#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/files_io.h"
#include "node/image_store_io.h"
#include "node/job_io.h"
#include "node/payload_io.h"
#include "node/unpack_io.h"
#include "tests/node/oci_image.h"
#include "wire/yaml.h"

static const struct rk_val *the_map(void *context, enum rk_ref_kind kind, struct rk_span ns,
				    struct rk_span name, bool *ret_is_known)
{
	(void)kind, (void)ns, (void)name;
	*ret_is_known = true;
	return context;
}

static int write_payload(const char *dir, const char *data, const char *source,
			 struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_payload *payload = rk_arena_zalloc(&arena, sizeof *payload);
	struct rk_val *docs = NULL;

	payload->arena = &arena;
	cr_assert_eq(
		rk_yaml_parse(&arena,
			      rk_span_str(rk_arena_printf(&arena, "%s\n---\n%s", data, source)),
			      &docs, NULL),
		0);
	const struct rk_objects objects = { rk_val_item(docs, 0), the_map, NULL, NULL };
	struct rk_pod_view view = { .objects = &objects };
	const int err =
		rk_payload_add(payload, &view, "configMap", rk_val_item(docs, 1), 0644, error);
	return err < 0 ? err : rk_payload_write(payload, dir, -1, error);
}

static const char *content(const char *dir, const char *name, struct rk_buf *text)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/%s", dir, name);
	rk_buf_clear(text);
	return rk_file_read(path, 4096, text, NULL) == 0 ? rk_buf_cstr(text) : "(none)";
}

Test(payload, changes_as_a_whole)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char dir[64], link[256], before[256], path[RK_PATH_MAX];

	test_dir_make(dir);
	cr_assert_eq(write_payload(dir, "data: {a: one, b: two}", "name: m", NULL), 0);
	cr_expect_str_eq(content(dir, "a", &text), "one");
	rk_path(path, "%s/..data", dir);
	before[readlink(path, before, sizeof before - 1)] = '\0';
	cr_assert_eq(write_payload(dir, "data: {b: two, a: one}", "name: m", NULL), 0);
	link[readlink(path, link, sizeof link - 1)] = '\0';
	cr_assert_eq(write_payload(dir, "data: {a: new}", "name: m", NULL), 0);
	cr_expect_str_eq(content(dir, "a", &text), "new");
	cr_expect_str_eq(content(dir, "b", &text), "(none)");
	rk_path(path, "%s/%s", dir, before);
	cr_expect_neq(access(path, F_OK), 0, "the old files are removed");
	cr_assert_eq(write_payload(dir, "data: {k: v}",
				   "{name: m, items: [{key: k, path: sub/file, mode: 256}]}", NULL),
		     0);
	cr_expect_str_eq(content(dir, "sub/file", &text), "v");
	test_dir_remove(dir);
}

static int a_token(void *context, struct rk_span uid, const struct rk_val *source,
		   struct rk_span *ret, struct rk_error *error)
{
	(void)context, (void)uid, (void)error;
	*ret = rk_val_text_at(source, "audience");
	return 0;
}

/* Who may read a token: everybody in the pod, its only user, or its group (KEP-2451). */
Test(payload, tokens_are_for_who_needs_them)
{
	static const struct {
		const char *spec;
		mode_t mode;
		uid_t owner;
		gid_t group;
	} cases[] = {
		{ "{containers: [{name: a}]}", 0444, 0, 0 },
		{ "{securityContext: {fsGroup: 77}, containers: [{name: a}]}", 0640, 0, 77 },
		{ "{securityContext: {runAsUser: 55}, containers: [{name: a}, {name: b}]}", 0600, 55, 0 },
		{ "{securityContext: {runAsUser: 55}, initContainers: [{name: i, securityContext: "
		  "{runAsUser: 56}}], containers: [{name: a}]}",
		  0444, 0, 0 },
		{ "{containers: [{name: a, securityContext: {runAsUser: 55}}, {name: b}]}", 0444, 0, 0 },
		{ "{securityContext: {runAsUser: 55, fsGroup: 77}, containers: [{name: a}]}", 0640, 55,
		  77 },
	};
	const struct rk_objects objects = { .token = a_token };

	if (geteuid() != 0)
		cr_skip_test("files of others need root");
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
		RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
		struct rk_payload *payload = rk_arena_zalloc(&arena, sizeof *payload);
		struct rk_val *docs = NULL;
		char dir[64], path[RK_PATH_MAX];
		struct stat info;
		test_dir_make(dir);
		payload->arena = &arena;
		cr_assert_eq(rk_yaml_parse(&arena,
					   rk_span_str(rk_arena_printf(&arena, "spec: %s\n---\n{path: token, audience: abc}",
								       cases[i].spec)),
					   &docs, NULL),
			     0);
		struct rk_pod_view view = rk_pod_view_of(rk_val_item(docs, 0));
		view.objects = &objects;
		cr_assert_eq(rk_payload_add(payload, &view, "serviceAccountToken", rk_val_item(docs, 1), 0444,
					    NULL),
			     0);
		cr_assert_eq(rk_payload_write(payload, dir,
					      rk_val_int_at(view.pod, "spec.securityContext.fsGroup", -1), NULL),
			     0);
		cr_expect_str_eq(content(dir, "token", &text), "abc");
		rk_path(path, "%s/token", dir);
		cr_assert_eq(stat(path, &info), 0);
		cr_expect_eq(info.st_mode & 0777, cases[i].mode, "%zu: %o", i, (unsigned)info.st_mode & 0777);
		cr_expect_eq(info.st_uid, cases[i].owner, "%zu: %u", i, (unsigned)info.st_uid);
		cr_expect_eq(info.st_gid, cases[i].group, "%zu: %u", i, (unsigned)info.st_gid);
		test_dir_remove(dir);
	}
}

Test(payload, never_leaves_its_directory)
{
	static const char *const paths[] = { "../x", "/x", "a/../../x", "..x", "a//b", "" };
	char dir[64], source[128];

	test_dir_make(dir);
	for (size_t i = 0; i < RK_COUNT(paths); i++) {
		(void)snprintf(source, sizeof source, "{name: m, items: [{key: k, path: '%s'}]}",
			       paths[i]);
		cr_expect_eq(write_payload(dir, "data: {k: v}", source, NULL), RK_EINVAL, "%s",
			     paths[i]);
	}
	test_dir_remove(dir);
}

static void put(struct archive *archive, const char *path, mode_t type, const char *target,
		bool is_hard)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 0755);
	archive_entry_set_size(entry, 0);
	if (target != NULL && is_hard)
		archive_entry_set_hardlink(entry, target);
	else if (target != NULL)
		archive_entry_set_symlink(entry, target);
	cr_assert_eq(archive_write_header(archive, entry), ARCHIVE_OK);
	archive_entry_free(entry);
}

/* rk_unpack changes the working directory, so it runs in a child, as it does in the agent. */
static int unpack_in_child(const char *file, const char *dir)
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(rk_unpack(file, dir, true, NULL) == 0 ? 0 : 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

Test(unpack, hostile_archives_stay_inside)
{
	static const struct {
		const char *first, *first_target, *second;
		bool is_hard;
	} cases[] = {
		{ "../evil", NULL, NULL, false },
		{ "a/../../evil", NULL, NULL, false },
		{ "link", "..", "link/evil", false },
		{ "link", "/tmp", "link/rk-evil-through-a-link", false },
		{ "link", "..", "link/.wh.evil", false },
		{ "link", "/tmp", "link/.wh.rk-evil-through-a-link", false },
		{ "hard", "../secret", NULL, true },
		{ "/evil", NULL, NULL, false }, /* taken as relative */
	};
	char dir[64], file[RK_PATH_MAX], root[RK_PATH_MAX], evil[RK_PATH_MAX];

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		test_dir_make(dir);
		rk_path(file, "%s/a.tar", dir);
		rk_path(root, "%s/root", dir);
		rk_path(evil, "%s/evil", dir);
		cr_assert_eq(rk_dir_make(root, 0755, NULL), 0);
		struct archive *archive = archive_write_new();
		(void)archive_write_set_format_pax(archive);
		cr_assert_eq(archive_write_open_filename(archive, file), ARCHIVE_OK);
		put(archive, cases[i].first,
		    cases[i].first_target != NULL && !cases[i].is_hard ? AE_IFLNK : AE_IFREG,
		    cases[i].first_target, cases[i].is_hard);
		if (cases[i].second != NULL)
			put(archive, cases[i].second, AE_IFREG, NULL, false);
		(void)archive_write_free(archive);
		(void)unpack_in_child(file, root);
		cr_expect_neq(access(evil, F_OK), 0, "case %zu escaped", i);
		cr_expect_neq(access("/tmp/rk-evil-through-a-link", F_OK), 0, "case %zu escaped",
			      i);
		test_dir_remove(dir);
	}
}

Test(unpack, whiteouts_become_marks)
{
	char dir[64], file[RK_PATH_MAX], path[RK_PATH_MAX];
	struct stat info;

	if (!test_can_run("unpack.whiteouts_become_marks"))
		return;
	test_dir_make(dir);
	rk_path(file, "%s/a.tar", dir);
	struct archive *archive = archive_write_new();
	(void)archive_write_set_format_pax(archive);
	cr_assert_eq(archive_write_open_filename(archive, file), ARCHIVE_OK);
	put(archive, "d", AE_IFDIR, NULL, false);
	put(archive, "d/.wh.gone", AE_IFREG, NULL, false);
	put(archive, "new/dir/.wh.gone", AE_IFREG, NULL, false);
	(void)archive_write_free(archive);
	cr_assert_eq(unpack_in_child(file, dir), 0);
	rk_path(path, "%s/d/gone", dir);
	cr_assert_eq(lstat(path, &info), 0);
	cr_expect(S_ISCHR(info.st_mode) && info.st_rdev == 0);
	rk_path(path, "%s/new/dir/gone", dir);
	cr_expect_eq(lstat(path, &info), 0, "its directory comes with it");
	test_dir_remove(dir);
}

Test(image, a_changed_blob_is_refused)
{
	char dir[64], layout[RK_PATH_MAX], ref[RK_IMAGE_REF_MAX];
	const char *const spoil[] = {
		"sh", "-c", "for f in \"$0\"/layout/blobs/sha256/*; do echo x >> $f; done", dir,
		NULL
	};
	struct rk_error error = { 0 };

	if (!test_can_run("image.a_changed_blob_is_refused"))
		return;
	test_dir_make(dir);
	rk_path(layout, "%s/layout", dir);
	test_make_image(layout);
	cr_assert_eq(rk_images_open(dir, &error), 0);
	test_run(spoil);
	cr_expect_eq(rk_image_load(dir, layout, NULL, ref, &error), RK_ECORRUPT, "%s", error.text);
	test_dir_remove(dir);
}

struct outcome {
	int err, count;
	char text[64];
};

static int work(void *context, struct rk_buf *out, struct rk_error *error)
{
	const char *what = context;

	if (strcmp(what, "fail") == 0)
		return rk_fail(error, RK_ENOENT, "told so");
	if (strcmp(what, "hang") == 0)
		(void)sleep(30);
	if (strcmp(what, "die") == 0)
		abort();
	rk_buf_put_str(out, what);
	return 0;
}

static struct outcome outcomes;

static void note(void *context, int err, struct rk_span out, const struct rk_error *error)
{
	(void)context;
	outcomes.err = err;
	outcomes.count++;
	(void)snprintf(outcomes.text, sizeof outcomes.text, "%.*s",
		       RK_SPAN_ARGS(err < 0 ? rk_span_str(error->text) : out));
}

Test(job, ends)
{
	static const struct {
		const char *what;
		int err;
		const char *text;
	} cases[] = {
		{ "fine", 0, "fine" },
		{ "fail", RK_ENOENT, "told so" },
		{ "hang", RK_ETIMEDOUT, "not done after 0 s" },
		{ "die", RK_EIO, "the job's process died" },
	};
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct rk_jobs *jobs = rk_jobs_new(loop, 2);

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_job_opts opts = { "lane", 300, (void *)(uintptr_t)cases[i].what,
						  work, note };
		rk_job_start(jobs, &opts);
		ev_run(loop, 0);
		cr_expect_eq(outcomes.err, cases[i].err, "%s", cases[i].what);
		cr_expect_str_eq(outcomes.text, cases[i].text);
	}
	cr_expect_eq(outcomes.count, (int)RK_COUNT(cases));
	cr_expect_eq(rk_jobs_count(jobs), 0);
	jobs = rk_jobs_free(jobs);
	ev_loop_destroy(loop);
}
