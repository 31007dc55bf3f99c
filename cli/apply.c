/* reckon apply: makes the cluster what files say, by three-way merge or by the server. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/three_way.h"

static int run_apply(int argc, char **argv);

const struct rk_command rk_command_apply = {
	.name = "apply",
	.usage = "-f FILE|DIR|- [flags]",
	.summary = "Make the cluster what files say",
	.examples = "  reckon apply -f web.yaml\n  reckon apply -R -f manifests/\n"
		    "  reckon apply -f web.yaml --dry-run=server -o yaml\n"
		    "  reckon apply --atomic -f manifests/\n"
		    "  reckon apply --server-side --field-manager=ci -f web.yaml\n",
	.run = run_apply,
	.section = "Basic",
};

/* --- all or nothing: what is to be sent is collected, and goes as one transaction --- */

struct batch {
	struct rk_val *operations; /* NULL: each change is sent by itself */
	bool is_spoilt;            /* one of them cannot be */
	bool is_server_side, is_forced;
	size_t count, capacity;
	struct batch_item {
		const struct rk_kind *kind;
		const char *done;
	} * items;
};

static struct rk_val *collect(struct rk_change *change, struct batch *batch,
			      const struct rk_manifest *manifest, const char *verb, const char *done)
{
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *operation = rk_val_map(arena);

	rk_val_put_cstr(arena, operation, "verb", verb);
	rk_val_put_cstr(arena, operation, "apiVersion", manifest->kind->api_version);
	rk_val_put_cstr(arena, operation, "kind", manifest->kind->kind);
	if (manifest->ns.size > 0)
		rk_val_put_str(arena, operation, "namespace", manifest->ns);
	rk_val_append(arena, batch->operations, operation);
	batch->items = rk_grow(batch->items, &batch->capacity, batch->count + 1, sizeof *batch->items);
	batch->items[batch->count++] = (struct batch_item){ manifest->kind, done };
	return operation;
}

static int send_batch(struct rk_change *change, struct batch *batch, struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *body = rk_val_map(arena), *made = NULL;

	if (batch->is_spoilt)
		return rk_fail(error, RK_EINVAL, "nothing was applied: with --atomic it is all or none");
	if (batch->count == 0)
		return RK_OK;
	rk_val_put_cstr(arena, body, "apiVersion", "reckon.dev/v1");
	rk_val_put_cstr(arena, body, "kind", "Transaction");
	rk_val_put(arena, rk_val_make(arena, body, "spec"), "operations", batch->operations);
	RK_TRY(rk_change_send(change, "POST", "/apis/reckon.dev/v1/transactions", NULL, body, &made,
			      error));
	const struct rk_val *results = rk_val_at(made, "status.results");
	for (uint32_t i = 0; i < rk_val_count(results) && i < batch->count; i++)
		rk_change_tell(change, batch->items[i].kind,
			       rk_val_at(rk_val_item(results, i), "object"), batch->items[i].done);
	return RK_OK;
}

static int create(struct rk_change *change, struct batch *batch, const struct rk_manifest *manifest,
		  const struct rk_val *object, struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *made = NULL;

	if (rk_change_is_client(change)) {
		rk_change_tell(change, manifest->kind, object, "created");
		return RK_OK;
	}
	if (batch->operations != NULL) {
		rk_val_put(arena, collect(change, batch, manifest, "create", "created"), "object",
			   rk_val_copy(arena, object));
		return RK_OK;
	}
	RK_TRY(rk_change_send(change, "POST",
			      rk_target(arena, manifest->kind, manifest->ns, rk_span_str(""), NULL),
			      NULL, object, &made, error));
	rk_change_tell(change, manifest->kind, made, "created");
	return RK_OK;
}

static void warn_missing(const struct rk_manifest *manifest)
{
	(void)fprintf(
		stderr,
		"Warning: resource %s/%.*s is missing the " RK_LAST_APPLIED
		" annotation which is required by kubectl apply. kubectl apply should only be "
		"used on resources created declaratively by either kubectl create "
		"--save-config or kubectl apply. The missing annotation will be patched "
		"automatically.\n",
		manifest->kind->plural, RK_SPAN_ARGS(manifest->name));
}

static int patch(struct rk_change *change, struct batch *batch, const struct rk_manifest *manifest,
		 const struct rk_val *object, const struct rk_val *live, const char *target,
		 struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;
	const struct rk_val *original = rk_last_applied_of(arena, live);
	const struct rk_val *what =
		rk_three_way(arena, manifest->kind->type, original, object, live);
	struct rk_val *made = NULL;

	if (original == NULL)
		warn_missing(manifest);
	if (rk_val_count(what) == 0) {
		rk_change_tell(change, manifest->kind, live, "unchanged");
		return RK_OK;
	}
	if (rk_change_is_client(change)) {
		rk_change_tell(change, manifest->kind, live, "configured");
		return RK_OK;
	}
	if (batch->operations != NULL) {
		struct rk_val *operation = collect(change, batch, manifest, "patch", "configured");
		rk_val_put_str(arena, operation, "name", manifest->name);
		rk_val_put_cstr(arena, operation, "patchType",
			       manifest->kind->custom != NULL ? "merge" : "strategic");
		rk_val_put(arena, operation, "patch", rk_val_copy(arena, what));
		return RK_OK;
	}
	RK_TRY(rk_change_send(change, "PATCH", target, rk_change_patch_type(manifest->kind), what, &made,
			      error));
	const bool is_same = rk_span_eq(rk_val_text_at(made, "metadata.resourceVersion"),
					rk_val_text_at(live, "metadata.resourceVersion")) &&
			     change->dry_run == NULL;
	rk_change_tell(change, manifest->kind, made, is_same ? "unchanged" : "configured");
	return RK_OK;
}

static int apply_one(struct rk_change *change, const struct rk_manifest *manifest,
		     struct batch *batch, struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;
	struct rk_val *live = NULL;

	if (manifest->name.size == 0)
		return rk_fail(error, RK_EINVAL,
			       "%s: a %s has no metadata.name: apply needs one (create does not)",
			       manifest->file, manifest->kind->kind);
	if (manifest->ns.size > 0)
		rk_val_put_str(arena, rk_val_make(arena, manifest->object, "metadata"), "namespace",
			       manifest->ns);
	const struct rk_val *object = rk_last_applied_put(arena, manifest->object);
	const char *target = rk_target(arena, manifest->kind, manifest->ns, manifest->name, NULL);
	if (change->session.api == NULL)
		return create(change, batch, manifest, object, error);
	const int err = rk_session_get(&change->session, target, &live, error);
	if (err == RK_ENOENT)
		return create(change, batch, manifest, object, error);
	RK_TRY(err);
	return patch(change, batch, manifest, object, live, target, error);
}

/* --- by the server: it knows who owns which field --- */

static int apply_there(struct rk_change *change, const struct rk_manifest *manifest, bool is_forced,
		       struct rk_error *error)
{
	struct rk_arena *arena = &change->session.arena;
	const char *target = rk_target(arena, manifest->kind, manifest->ns, manifest->name, NULL);
	struct rk_val *made = NULL;

	if (manifest->name.size == 0)
		return rk_fail(error, RK_EINVAL,
			       "%s: a %s has no metadata.name: apply needs one (create does not)",
			       manifest->file, manifest->kind->kind);
	if (is_forced)
		target = rk_target_with(arena, target, "force", RK_SPAN("true"));
	RK_TRY(rk_change_send(change, "PATCH", target, RK_TYPE_APPLY, manifest->object, &made, error));
	rk_change_tell(change, manifest->kind, made, "serverside-applied");
	return RK_OK;
}

static int apply_of_files(struct rk_change *change, const struct rk_manifest *manifest,
			  const void *context, struct rk_error *error)
{
	struct batch *batch = *(struct batch *const *)context;
	const int err = batch->is_server_side ?
				apply_there(change, manifest, batch->is_forced, error) :
				apply_one(change, manifest, batch, error);

	batch->is_spoilt |= err < 0;
	return err;
}

static int run_apply(int argc, char **argv)
{
	struct rk_change change = { 0 };
	struct rk_flag_list files = { .count = 0 };
	struct rk_error error = { 0 };
	bool is_recursive = false, is_atomic = false;
	struct batch batch = { 0 }, *const context = &batch;
	int status, err;
	const struct rk_flag flags[] = {
		RK_FLAG("filename", 'f', RK_FLAG_LIST, &files, "FILE", "a file, a directory, or -"),
		RK_FLAG_YES("recursive", 'R', &is_recursive, "directories below, too"),
		RK_FLAG_YES("atomic", 0, &is_atomic, "all of it in one step, or nothing"),
		RK_FLAG_YES("server-side", 0, &batch.is_server_side,
			    "let the server merge, by who owns which field"),
		RK_FLAG_YES("force-conflicts", 0, &batch.is_forced,
			    "with --server-side: take fields that others own"),
		RK_CHANGE_FLAGS(&change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_apply, flags, &argc, argv, NULL, &status))
		return status;
	if (argc > 0)
		err = rk_fail(&error, RK_EINVAL, "Unexpected args: %s", argv[0]);
	else if (files.count == 0)
		err = rk_fail(&error, RK_EINVAL, "must specify -f FILE");
	else if (batch.is_server_side && (is_atomic || rk_change_is_client(&change)))
		err = rk_fail(&error, RK_EINVAL, "--server-side goes neither with --atomic nor with --dry-run=client");
	else if (batch.is_forced && !batch.is_server_side)
		err = rk_fail(&error, RK_EINVAL, "--force-conflicts only works with --server-side");
	else {
		if (is_atomic)
			batch.operations = rk_val_list(&change.session.arena);
		err = rk_change_files(&change, batch.is_server_side ? "kubectl" : "kubectl-client-side-apply", &files, is_recursive,
				      "applying", apply_of_files, &context, &error);
	}
	if (err == RK_OK && is_atomic)
		err = send_batch(&change, &batch, &error);
	free(batch.items);
	return rk_session_end(&change.session, err, &error);
}
