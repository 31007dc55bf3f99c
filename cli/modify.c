#include "cli/modify.h"

#include "base/mem.h"
#include "cli/manifests_io.h"

struct walk {
	struct rk_modify *modify;
	rk_modify_fn *decide;
	void *context;
};

static int modify_one(struct walk *walk, const struct rk_kind *kind, struct rk_val *object,
		      struct rk_error *error)
{
	struct rk_change *change = &walk->modify->change;
	struct rk_arena *arena = &change->session.arena;
	struct rk_modification what = { .type = RK_TYPE_STRATEGIC };
	struct rk_val *made = object;

	RK_TRY(walk->decide(walk->context, kind, object, &what, error));
	if (what.patch != NULL && !rk_change_is_client(change))
		RK_TRY(rk_change_send(change, "PATCH",
				      rk_target(arena, kind,
						rk_val_text_at(object, "metadata.namespace"),
						rk_val_text_at(object, "metadata.name"), what.sub),
				      what.type, what.patch, &made, error));
	if (what.done != NULL)
		rk_change_tell(change, kind, made, what.done);
	return RK_OK;
}

static void one(struct walk *walk, const struct rk_kind *kind, struct rk_val *object)
{
	struct rk_error error = { 0 };

	if (modify_one(walk, kind, object, &error) < 0)
		rk_session_tell(&walk->modify->change.session, NULL, &error);
}

static void by_ref(struct walk *walk, const struct rk_kind *kind, struct rk_span ns,
		   struct rk_span name)
{
	struct rk_session *session = &walk->modify->change.session;
	const char *target = rk_target(&session->arena, kind, ns, name, NULL);
	struct rk_val *got = NULL;
	struct rk_error error = { 0 };

	if (name.size == 0 && walk->modify->labels != NULL)
		target = rk_target_with(&session->arena, target, "labelSelector",
					rk_span_str(walk->modify->labels));
	if (rk_session_get(session, target, &got, &error) < 0) {
		rk_session_tell(session, NULL, &error);
		return;
	}
	if (name.size > 0) {
		one(walk, kind, got);
		return;
	}
	const struct rk_val *items = rk_val_at(got, "items");
	for (uint32_t i = 0; i < rk_val_count(items); i++)
		one(walk, kind, rk_val_item(items, i));
}

int rk_modify_each(struct rk_modify *modify, int argc, char **argv, rk_modify_fn *decide,
		   void *context, struct rk_error *error)
{
	struct walk walk = { modify, decide, context };
	struct rk_session *session = &modify->change.session;
	struct rk_refs refs = { 0 };

	RK_TRY(rk_change_open(&modify->change, modify->manager, error));
	if (session->api == NULL)
		return rk_fail(error, RK_ENOENT, "no cluster is chosen: set KUBECONFIG");
	if (modify->files.count > 0) {
		struct rk_manifests manifests = { 0 };
		const int err =
			rk_manifests_read(session, &modify->files, false, &manifests, error);
		for (size_t i = 0; err == RK_OK && i < manifests.count; i++)
			by_ref(&walk, manifests.at[i].kind, manifests.at[i].ns,
			       manifests.at[i].name);
		rk_manifests_done(&manifests);
		return err;
	}
	RK_TRY(rk_refs_parse(&session->arena, session->kinds, argc, argv, &refs, error));
	if (!refs.has_names && modify->labels == NULL && !modify->all)
		return rk_fail(error, RK_EINVAL,
			       "resource(s) were provided, but no name was specified");
	for (size_t i = 0; i < refs.count; i++)
		by_ref(&walk, refs.at[i].kind,
		       rk_span_str(modify->all_namespaces ? "" : session->namespace),
		       refs.at[i].name);
	return RK_OK;
}
