/* reckon delete: objects by name, by file, by labels. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/manifests_io.h"
#include "cli/refs.h"

#define POLL_US 100000

static int run_delete(int argc, char **argv);

const struct rk_command rk_command_delete = {
	.name = "delete",
	.usage = "(TYPE NAME... | TYPE/NAME... | TYPE -l LABELS | TYPE --all | -f FILE) [flags]",
	.summary = "Delete objects",
	.examples = "  reckon delete pod web-1 --grace-period=0 --force\n"
		    "  reckon delete deploy,svc -l app=web\n  reckon delete -f web.yaml\n",
	.run = run_delete,
	.section = "Basic",
};

struct gone { /* what to wait for */
	const char *target;
	struct rk_span uid;
};

struct deleting {
	struct rk_change change;
	const char *labels, *fields, *cascade;
	bool all, all_namespaces, force, now, wait, ignores_missing, is_recursive;
	int64_t grace_s, timeout_ms;
	struct rk_flag_list files;
	struct gone *gone; /* heap */
	size_t count, capacity;
};

static const char *policy_of(const char *cascade)
{
	if (cascade != NULL && strcmp(cascade, "foreground") == 0)
		return "Foreground";
	if (cascade != NULL && (strcmp(cascade, "orphan") == 0 || strcmp(cascade, "false") == 0))
		return "Orphan";
	return "Background";
}

static struct rk_val *options_of(struct deleting *now)
{
	struct rk_arena *arena = &now->change.session.arena;
	struct rk_val *options = rk_val_map(arena), *all = rk_val_list(arena);

	rk_val_put_cstr(arena, options, "apiVersion", "v1");
	rk_val_put_cstr(arena, options, "kind", "DeleteOptions");
	rk_val_put_cstr(arena, options, "propagationPolicy", policy_of(now->cascade));
	if (now->grace_s >= 0)
		rk_val_put_int(arena, options, "gracePeriodSeconds", now->grace_s);
	if (now->change.dry_run != NULL && strcmp(now->change.dry_run, "server") == 0) {
		rk_val_append(arena, all, rk_val_cstr(arena, "All"));
		rk_val_put(arena, options, "dryRun", all);
	}
	return options;
}

static void tell(struct deleting *now, const struct rk_kind *kind, struct rk_span name)
{
	const bool is_client = rk_change_is_client(&now->change);

	if (now->change.output.kind == RK_OUTPUT_NAME)
		(void)printf("%s\n", rk_output_name(&now->change.session.arena, kind, name));
	else
		(void)printf("%s%s%s \"%.*s\" %s%s\n", kind->singular,
			     kind->group[0] != '\0' ? "." : "", kind->group, RK_SPAN_ARGS(name),
			     now->force && now->grace_s == 0 ? "force deleted" : "deleted",
			     is_client                     ? " (dry run)"
			     : now->change.dry_run != NULL ? " (server dry run)"
							   : "");
}

static void delete_one(struct deleting *now, const struct rk_kind *kind, struct rk_span ns,
		       struct rk_span name)
{
	struct rk_session *session = &now->change.session;
	const char *target = rk_target(&session->arena, kind, ns, name, NULL);
	struct rk_val *answer = NULL;
	struct rk_error error = { 0 };
	int err;

	if (rk_change_is_client(&now->change))
		err = rk_session_get(session, target, &answer, &error);
	else
		err = rk_session_send(session, "DELETE", target, NULL, options_of(now), &answer,
				      &error);
	if (err == RK_ENOENT && now->ignores_missing)
		return;
	if (err < 0) {
		rk_session_tell(session, NULL, &error);
		return;
	}
	tell(now, kind, name);
	struct rk_span uid = rk_val_text_at(answer, "metadata.uid");
	if (uid.size == 0) /* a Status: it is gone */
		return;
	now->gone = rk_grow(now->gone, &now->capacity, now->count + 1, sizeof *now->gone);
	now->gone[now->count++] = (struct gone){ target, uid };
}

static void delete_listed(struct deleting *now, const struct rk_kind *kind, struct rk_span ns)
{
	struct rk_session *session = &now->change.session;
	const char *target = rk_target(&session->arena, kind, ns, rk_span_str(""), NULL);
	struct rk_val *list = NULL;
	struct rk_error error = { 0 };

	if (now->labels != NULL)
		target = rk_target_with(&session->arena, target, "labelSelector",
					rk_span_str(now->labels));
	if (now->fields != NULL)
		target = rk_target_with(&session->arena, target, "fieldSelector",
					rk_span_str(now->fields));
	if (rk_session_get(session, target, &list, &error) < 0) {
		rk_session_tell(session, NULL, &error);
		return;
	}
	const struct rk_val *items = rk_val_at(list, "items");
	if (rk_val_count(items) == 0)
		(void)printf("No resources found\n");
	for (uint32_t i = 0; i < rk_val_count(items); i++)
		delete_one(now, kind, rk_val_text_at(rk_val_item(items, i), "metadata.namespace"),
			   rk_val_text_at(rk_val_item(items, i), "metadata.name"));
}

/* Until each of them is not there, or is another one of the same name. */
static int wait_gone(struct deleting *now, struct rk_error *error)
{
	struct rk_session *session = &now->change.session;
	const uint64_t until_ms = rk_clock_mono_ms() + (uint64_t)now->timeout_ms;

	for (size_t i = 0; i < now->count; i++) {
		for (;;) {
			struct rk_arena arena = { 0 };
			struct rk_val *val = NULL;
			const int err =
				rk_api_call(session->api, &arena,
					    &(struct rk_api_call){ .target = now->gone[i].target },
					    &val, error);
			const bool is_same =
				err == RK_OK &&
				rk_span_eq(rk_val_text_at(val, "metadata.uid"), now->gone[i].uid);
			rk_arena_done(&arena);
			if (err < 0 && err != RK_ENOENT)
				return err;
			if (!is_same)
				break;
			if (now->timeout_ms > 0 && rk_clock_mono_ms() > until_ms)
				return rk_fail(error, RK_ETIMEDOUT,
					       "timed out waiting for the condition on %s",
					       now->gone[i].target);
			(void)usleep(POLL_US);
		}
	}
	return RK_OK;
}

static int delete_refs(struct deleting *now, int argc, char **argv, struct rk_error *error)
{
	struct rk_session *session = &now->change.session;
	const bool by_selector = now->labels != NULL || now->fields != NULL || now->all;
	struct rk_refs refs = { 0 };

	RK_TRY(rk_refs_parse(&session->arena, session->kinds, argc, argv, &refs, error));
	if (refs.has_names && by_selector)
		return rk_fail(error, RK_EINVAL,
			       "name cannot be provided when a selector is specified");
	if (!refs.has_names && !by_selector)
		return rk_fail(error, RK_EINVAL,
			       "resource(s) were provided, but no name was specified");
	for (size_t i = 0; i < refs.count; i++) {
		const struct rk_span ns =
			rk_span_str(now->all_namespaces ? "" : session->namespace);
		if (refs.has_names)
			delete_one(now, refs.at[i].kind, ns, refs.at[i].name);
		else
			delete_listed(now, refs.at[i].kind, ns);
	}
	return RK_OK;
}

static int delete_files(struct deleting *now, struct rk_error *error)
{
	struct rk_manifests manifests = { 0 };
	const int err = rk_manifests_read(&now->change.session, &now->files, now->is_recursive,
					  &manifests, error);

	for (size_t i = 0; err == RK_OK && i < manifests.count; i++)
		delete_one(now, manifests.at[i].kind, manifests.at[i].ns, manifests.at[i].name);
	rk_manifests_done(&manifests);
	return err;
}

static int run_with(struct deleting *now, int argc, char **argv, struct rk_error *error)
{
	if (now->now)
		now->grace_s = 1;
	if (now->force && now->grace_s < 0)
		now->grace_s = 0;
	if (now->grace_s == 0 && !now->force)
		now->grace_s = 1; /* as kubectl: only --force takes it from the node at once */
	if (now->force && now->grace_s == 0)
		(void)fprintf(stderr,
			      "Warning: Immediate deletion does not wait for confirmation that the "
			      "running resource has been terminated. The resource may continue to "
			      "run on the cluster indefinitely.\n");
	RK_TRY(rk_change_open(&now->change, "kubectl-delete", error));
	if (now->change.output.kind != RK_OUTPUT_TABLE && now->change.output.kind != RK_OUTPUT_NAME)
		return rk_fail(error, RK_EINVAL, "delete knows no output but -o name");
	RK_TRY(now->files.count > 0 ? delete_files(now, error)
				    : delete_refs(now, argc, argv, error));
	(void)fflush(stdout);
	if (now->wait && now->change.dry_run == NULL && !(now->force && now->grace_s == 0))
		return wait_gone(now, error);
	return RK_OK;
}

static int run_delete(int argc, char **argv)
{
	struct deleting now = { .grace_s = -1, .wait = true };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG("filename", 'f', RK_FLAG_LIST, &now.files, "FILE",
			"what these files describe"),
		RK_FLAG_YES("recursive", 'R', &now.is_recursive, "with -f: directories below, too"),
		RK_FLAG_STR("selector", 'l', &now.labels, "LABELS", "those with these labels"),
		RK_FLAG_STR("field-selector", 0, &now.fields, "FIELDS", "those with these fields"),
		RK_FLAG_YES("all", 0, &now.all, "all of the type, in the namespace"),
		RK_FLAG_YES("all-namespaces", 'A', &now.all_namespaces, "in every namespace"),
		RK_FLAG("cascade", 0, RK_FLAG_CHOICE, &now.cascade,
			"background|foreground|orphan|true|false", "what depends on it"),
		RK_FLAG("grace-period", 0, RK_FLAG_NUMBER, &now.grace_s, "SECONDS",
			"how long pods may take to end"),
		RK_FLAG_YES("now", 0, &now.now, "the same as --grace-period=1"),
		RK_FLAG_YES("force", 0, &now.force, "at once, without the node's word"),
		RK_FLAG_YES("wait", 0, &now.wait, "until they are gone (the default)"),
		RK_FLAG("timeout", 0, RK_FLAG_DURATION, &now.timeout_ms, "TIME", "at most so long"),
		RK_FLAG_YES("ignore-not-found", 0, &now.ignores_missing,
			    "what is not there is no error"),
		RK_CHANGE_FLAGS(&now.change),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_delete, flags, &argc, argv, NULL, &status))
		return status;
	now.ignores_missing = now.ignores_missing || now.all;
	const int err = run_with(&now, argc, argv, &error);
	free(now.gone);
	return rk_session_end(&now.change.session, err, &error);
}
