/* reckon log who: which manager set each field of an object last, and when. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/refs.h"
#include "cli/session_io.h"
#include "cli/tabs.h"
#include "control/schema/owners.h"

static int run_who(int argc, char **argv);

const struct rk_command rk_command_log_who = {
	.name = "log who",
	.usage = "(TYPE NAME | TYPE/NAME) [FIELD] [flags]",
	.summary = "Tell who set the fields of an object last, and when",
	.examples = "  reckon log who deployment/web\n"
		    "  reckon log who deployment web spec.replicas\n"
		    "  reckon log who deploy/web 'spec.template.spec.containers[name=\"web\"].image'\n",
	.run = run_who,
	.section = "The log",
};

struct telling {
	struct rk_arena *arena;
	const struct rk_val *managed;
	struct rk_buf rows;
	size_t count;
};

static void tell(struct telling *telling, struct rk_span path)
{
	struct rk_owner owner;

	if (!rk_owners_who(telling->arena, telling->managed, path, &owner))
		return;
	telling->count++;
	rk_buf_printf(&telling->rows, "%.*s\t%.*s\t%s%s%.*s\t%.*s\n", RK_SPAN_ARGS(path),
		      RK_SPAN_ARGS(owner.manager), owner.is_apply ? "apply" : "update",
		      owner.sub.size > 0 ? " of " : "", RK_SPAN_ARGS(owner.sub),
		      RK_SPAN_ARGS(owner.time));
}

/* Every path that has none below it. */
static void tell_all(struct telling *telling, const struct rk_fieldset *set, struct rk_buf *path)
{
	const size_t size = path->size;

	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		rk_step_print(path, &set->at[i].step);
		if (set->at[i].children != NULL)
			tell_all(telling, set->at[i].children, path);
		else
			tell(telling, rk_buf_span(path));
		path->size = size;
	}
}

static int tell_object(struct telling *telling, const char *field, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf path = { 0 };
	const struct rk_fieldset *all = NULL;
	struct rk_owners owners;

	if (rk_owners_read(telling->arena, telling->managed, false, &owners) < 0)
		return rk_fail(error, RK_ECORRUPT, "the object's managedFields cannot be read");
	for (uint32_t i = 0; i < owners.count; i++)
		all = rk_fieldset_union(telling->arena, all,
					rk_owner_fields(telling->arena, &owners.at[i]));
	rk_buf_put_str(&telling->rows, "FIELD\tMANAGER\tBY\tTIME\n");
	if (field != NULL)
		tell(telling, rk_span_str(field));
	else
		tell_all(telling, all, &path);
	if (telling->count == 0)
		return rk_fail(error, RK_ENOENT,
			       "nobody is known to have set %s: what controllers set has no owner",
			       field != NULL ? field : "a field of it");
	return RK_OK;
}

static int run_with(struct rk_session *session, int argc, char **argv, struct rk_error *error)
{
	const int words = argc > 0 && strchr(argv[0], '/') != NULL ? 1 : 2;
	struct telling telling = { .arena = &session->arena };
	struct rk_val *object = NULL;
	struct rk_refs refs = { 0 };

	if (argc < words || argc > words + 1)
		return rk_fail(error, RK_EINVAL, "one object is needed, and a field of it or none");
	RK_TRY(rk_session_open(session, error));
	RK_TRY(rk_refs_parse(&session->arena, session->kinds, words, argv, &refs, error));
	if (refs.count != 1 || refs.at[0].name.size == 0)
		return rk_fail(error, RK_EINVAL, "one object is needed");
	const char *target = rk_target(&session->arena, refs.at[0].kind,
				       rk_span_str(session->namespace), refs.at[0].name, NULL);
	RK_TRY(rk_session_get(session, target, &object, error));
	telling.managed = rk_val_at(object, "metadata.managedFields");
	const int err = tell_object(&telling, argc > words ? argv[words] : NULL, error);
	if (err == RK_OK) {
		RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
		rk_tabs_write(&out, rk_buf_span(&telling.rows), 0, 3);
		rk_cli_put(&out);
	}
	rk_buf_done(&telling.rows);
	return err;
}

static int run_who(int argc, char **argv)
{
	struct rk_session session = { 0 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = { RK_SESSION_FLAGS(&session), { 0 } };

	if (!rk_cli_begin(&rk_command_log_who, flags, &argc, argv, NULL, &status))
		return status;
	const int err = run_with(&session, argc, argv, &error);
	return rk_session_end(&session, err, &error);
}
