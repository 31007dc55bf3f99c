#include "cli/change.h"

#include <stdio.h>

#include "base/mem.h"

static bool is_text(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

bool rk_change_is_client(const struct rk_change *change)
{
	return is_text(change->dry_run, "client");
}

int rk_change_open(struct rk_change *change, const char *manager, struct rk_error *error)
{
	struct rk_session *session = &change->session;

	if (change->manager == NULL)
		change->manager = manager;
	if (is_text(change->dry_run, ""))
		return rk_fail(error, RK_EINVAL, "--dry-run needs a value: client or server");
	RK_TRY(rk_output_parse(&session->arena, change->form, &change->output, error));
	if (change->output.kind == RK_OUTPUT_COLUMNS || change->output.is_wide)
		return rk_fail(error, RK_EINVAL,
			       "unable to match a printer suitable for the output format \"%s\", "
			       "allowed formats are: json,jsonpath,name,yaml",
			       change->form);
	const int err = rk_session_open(session, error);
	if (err == RK_ENOENT && rk_change_is_client(change)) {
		session->namespace =
			session->choice.namespace != NULL ? session->choice.namespace : "default";
		return RK_OK;
	}
	return err;
}

static const char *validation(const struct rk_change *change)
{
	if (is_text(change->validate, "warn"))
		return "Warn";
	if (is_text(change->validate, "ignore") || is_text(change->validate, "false"))
		return "Ignore";
	return "Strict";
}

int rk_change_send(struct rk_change *change, const char *method, const char *target,
		   const char *type, const struct rk_val *body, struct rk_val **ret,
		   struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;

	target = rk_target_with(arena, target, "fieldManager", rk_span_str(change->manager));
	target = rk_target_with(arena, target, "fieldValidation", rk_span_str(validation(change)));
	if (is_text(change->dry_run, "server"))
		target = rk_target_with(arena, target, "dryRun", RK_SPAN("All"));
	return rk_session_send(&change->session, method, target, type, body, ret, error);
}

void rk_change_tell(struct rk_change *change, const struct rk_kind *kind,
		    const struct rk_val *object, const char *done)
{
	struct rk_arena *arena = &change->session.arena;
	const struct rk_span name = rk_val_text_at(object, "metadata.name");
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_error error = { 0 };

	if (change->is_silent)
		return;
	if (change->output.kind == RK_OUTPUT_TABLE) {
		(void)printf("%s %s%s\n", rk_output_name(arena, kind, name), done,
			     rk_change_is_client(change)          ? " (dry run)"
			     : is_text(change->dry_run, "server") ? " (server dry run)"
								  : "");
		return;
	}
	struct rk_val *shown = rk_val_copy(arena, object);
	if (rk_val_is(rk_val_at(shown, "metadata"), RK_VAL_MAP))
		(void)rk_val_remove(rk_val_at(shown, "metadata"), RK_SPAN("managedFields"));
	if (rk_output_put(arena, &change->output, change->session.kinds, shown, &out, &error) < 0)
		rk_session_tell(&change->session, NULL, &error);
	rk_cli_put(&out);
}

const char *rk_change_patch_type(const struct rk_kind *kind)
{
	return kind->custom != NULL ? RK_TYPE_MERGE : RK_TYPE_STRATEGIC;
}

int rk_change_files(struct rk_change *change, const char *manager, const struct rk_flag_list *files,
		    bool is_recursive, const char *doing, rk_change_one *one, const void *context,
		    struct rk_error *error)
{
	struct rk_session *session = &change->session;
	struct rk_manifests manifests = { 0 };

	RK_TRY(rk_change_open(change, manager, error));
	const int err = rk_manifests_read(session, files, is_recursive, &manifests, error);
	for (size_t i = 0; err == RK_OK && i < manifests.count; i++) {
		struct rk_error failed = { 0 };
		if (one(change, &manifests.at[i], context, &failed) < 0)
			rk_session_tell(session,
					rk_arena_printf(&session->arena, "error when %s \"%s\"",
							doing, manifests.at[i].file),
					&failed);
	}
	rk_manifests_done(&manifests);
	return err;
}
