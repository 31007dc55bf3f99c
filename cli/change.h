/* cli/change.h - what commands that change objects share: dry runs, who the change is by, checking
 * of fields, and the line that tells what happened. */
#ifndef RK_CLI_CHANGE_H
#define RK_CLI_CHANGE_H

#include "cli/manifests_io.h"
#include "cli/output.h"
#include "cli/session_io.h"

struct rk_change { /* all zero, then the flags */
	struct rk_session session;
	const char *form;     /* -o */
	const char *dry_run;  /* none, client, server */
	const char *validate; /* strict, warn, ignore, true, false */
	const char *manager;  /* fieldManager */
	struct rk_output output;
	bool is_silent; /* tells nothing */
};

#define RK_CHANGE_FLAGS(c)                                                                         \
	RK_FLAG_STR("output", 'o', &(c)->form, "FORM", "yaml, json, name, jsonpath=..."),          \
		RK_FLAG("dry-run", 0, RK_FLAG_CHOICE, &(c)->dry_run, "none|client|server",         \
			"change nothing; say what would be"),                                      \
		RK_FLAG("validate", 0, RK_FLAG_CHOICE, &(c)->validate,                             \
			"strict|warn|ignore|true|false", "what unknown fields are"),               \
		RK_FLAG_STR("field-manager", 0, &(c)->manager, "NAME", "who the change is by"),    \
		RK_SESSION_FLAGS(&(c)->session)

/* Opens the session; with --dry-run=client it may be without a cluster. manager: when none is
 * given. */
RK_MUST_CHECK int rk_change_open(struct rk_change *change, const char *manager,
				 struct rk_error *error);
bool rk_change_is_client(const struct rk_change *change); /* --dry-run=client */
/* Sends it with the parameters that belong to it. */
RK_MUST_CHECK int rk_change_send(struct rk_change *change, const char *method, const char *target,
				 const char *type, const struct rk_val *body, struct rk_val **ret,
				 struct rk_error *error);
/* "pod/x created (server dry run)", or the object as -o says. */
void rk_change_tell(struct rk_change *change, const struct rk_kind *kind,
		    const struct rk_val *object, const char *done);

/* What a command does to one object of its files; `context` is the command's own. */
typedef int rk_change_one(struct rk_change *change, const struct rk_manifest *manifest,
			  const void *context, struct rk_error *error);
/* Opens the session and does it to each object. One that fails is told, as "error when `doing`
 * FILE", and the others follow. */
RK_MUST_CHECK int rk_change_files(struct rk_change *change, const char *manager,
				  const struct rk_flag_list *files, bool is_recursive,
				  const char *doing, rk_change_one *one, const void *context,
				  struct rk_error *error);

/* Of a patch that rk_three_way made: of custom kinds it holds nothing that a merge patch cannot say. */
const char *rk_change_patch_type(const struct rk_kind *kind);

#define RK_TYPE_STRATEGIC "application/strategic-merge-patch+json"
#define RK_TYPE_MERGE     "application/merge-patch+json"
#define RK_TYPE_JSON      "application/json-patch+json"
#define RK_TYPE_APPLY     "application/apply-patch+yaml"

#endif
