/* reckon edit, replace: objects written anew, by an editor or from files. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/refs.h"
#include "cli/three_way.h"
#include "node/files_io.h"
#include "wire/yaml.h"

#define TEXT_MAX (16u << 20)

static int run_edit(int argc, char **argv);
static int run_replace(int argc, char **argv);

const struct rk_command rk_command_edit = {
	.name = "edit",
	.usage = "(TYPE NAME | TYPE/NAME) [flags]",
	.summary = "Change an object in your editor (KUBE_EDITOR, EDITOR, else vi)",
	.examples =
		"  reckon edit deployment web\n  EDITOR='sed -i s/:1/:2/' reckon edit deploy web\n",
	.run = run_edit,
	.section = "Basic",
};
const struct rk_command rk_command_replace = {
	.name = "replace",
	.usage = "-f FILE [flags]",
	.summary = "Replace objects by what files say",
	.examples = "  reckon replace -f web.yaml\n",
	.run = run_replace,
	.section = "Workloads",
};

static const char *editor_name(void)
{
	const char *editor = getenv("KUBE_EDITOR");

	if (editor == NULL || *editor == '\0')
		editor = getenv("EDITOR");
	return editor != NULL && *editor != '\0' ? editor : "vi";
}

/* Runs the editor with the file, by the shell, so that it may have arguments. */
static int run_editor(const char *path, struct rk_error *error)
{
	const char *editor = editor_name();
	int status = 0;
	const pid_t pid = fork();

	if (pid < 0)
		return rk_fail_errno(error, "fork");
	if (pid == 0) {
		char *script = NULL;
		if (asprintf(&script, "%s \"$1\"", editor) < 0)
			_exit(127);
		execl("/bin/sh", "sh", "-c", script, "reckon-edit", path, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return rk_fail_errno(error, "waiting for the editor");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return rk_fail(error, RK_EIO, "there was a problem with the editor \"%s\"", editor);
	return RK_OK;
}

static int edit_text(struct rk_span text, struct rk_buf *ret, struct rk_error *error)
{
	const char *dir = getenv("TMPDIR");
	char path[RK_PATH_MAX];

	rk_path(path, "%s/reckon-edit-XXXXXX.yaml", dir != NULL && *dir != '\0' ? dir : "/tmp");
	RK_AUTO(rk_drop_fd) int fd = mkstemps(path, 5);
	if (fd < 0)
		return rk_fail_errno(error, "%s", path);
	int err = rk_file_write(path, text, 0600, false, error);
	if (err == RK_OK)
		err = run_editor(path, error);
	if (err == RK_OK)
		err = rk_file_read(path, TEXT_MAX, ret, error);
	if (err == RK_OK || rk_span_eq(text, rk_buf_span(ret)))
		(void)unlink(path);
	return err;
}

static int edit_one(struct rk_change *change, const struct rk_ref *ref, struct rk_error *error)
{
	static const char head[] = "# Edit the object below. Lines that begin with '#' are left "
				   "out, and an empty file "
				   "ends it\n# without a change.\n";
	struct rk_session *session = &change->session;
	struct rk_arena *arena = &session->arena;
	const char *target =
		rk_target(arena, ref->kind, rk_span_str(session->namespace), ref->name, NULL);
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf edited = { 0 };
	struct rk_val *live = NULL, *docs = NULL, *made = NULL;

	RK_TRY(rk_session_get(session, target, &live, error));
	struct rk_val *shown = rk_val_copy(arena, live);
	(void)rk_val_remove(rk_val_make(arena, shown, "metadata"), RK_SPAN("managedFields"));
	rk_output_sort(shown);
	rk_buf_put_str(&text, head);
	rk_yaml_write(&text, shown);
	RK_TRY(edit_text(rk_buf_span(&text), &edited, error));
	RK_TRY(rk_yaml_parse(arena, rk_arena_span(arena, rk_buf_span(&edited)), &docs, error));
	struct rk_val *after = rk_val_item(docs, 0);
	if (after == NULL || rk_val_eq(after, shown)) {
		(void)printf("Edit cancelled, no changes made.\n");
		return RK_OK;
	}
	const struct rk_val *patch = rk_three_way(arena, ref->kind->type, shown, after, live);
	RK_TRY(rk_change_send(change, "PATCH", target, RK_TYPE_STRATEGIC, patch, &made, error));
	rk_change_tell(change, ref->kind, made, "edited");
	return RK_OK;
}

static int run_edit(int argc, char **argv)
{
	struct rk_change change = { 0 };
	struct rk_error error = { 0 };
	struct rk_refs refs = { 0 };
	int status;
	const struct rk_flag flags[] = { RK_CHANGE_FLAGS(&change), { 0 } };

	if (!rk_cli_begin(&rk_command_edit, flags, &argc, argv, NULL, &status))
		return status;
	int err = rk_change_open(&change, "kubectl-edit", &error);
	if (err == RK_OK)
		err = rk_refs_parse(&change.session.arena, change.session.kinds, argc, argv, &refs,
				    &error);
	if (err == RK_OK && !refs.has_names)
		err = rk_fail(&error, RK_EINVAL, "edit needs TYPE NAME or TYPE/NAME");
	for (size_t i = 0; err == RK_OK && i < refs.count; i++)
		err = edit_one(&change, &refs.at[i], &error);
	return rk_session_end(&change.session, err, &error);
}

/* --- replace --- */

static int replace_one(struct rk_change *change, const struct rk_manifest *manifest,
		       const void *context, struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *made = manifest->object;

	(void)context;
	if (manifest->ns.size > 0)
		rk_val_put_str(arena, rk_val_make(arena, manifest->object, "metadata"), "namespace",
			       manifest->ns);
	if (!rk_change_is_client(change))
		RK_TRY(rk_change_send(
			change, "PUT",
			rk_target(arena, manifest->kind, manifest->ns, manifest->name, NULL), NULL,
			manifest->object, &made, error));
	rk_change_tell(change, manifest->kind, made, "replaced");
	return RK_OK;
}

static int run_replace(int argc, char **argv)
{
	struct rk_change change = { 0 };
	struct rk_flag_list files = { .count = 0 };
	struct rk_error error = { 0 };
	bool is_recursive = false;
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG("filename", 'f', RK_FLAG_LIST, &files, "FILE", "a file, a directory, or -"),
		RK_FLAG_YES("recursive", 'R', &is_recursive, "directories below, too"),
		RK_CHANGE_FLAGS(&change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_replace, flags, &argc, argv, NULL, &status))
		return status;
	const int err = files.count > 0
				? rk_change_files(&change, "kubectl-replace", &files, is_recursive,
						  "replacing", replace_one, NULL, &error)
				: rk_fail(&error, RK_EINVAL, "must specify -f FILE");
	return rk_session_end(&change.session, err, &error);
}
