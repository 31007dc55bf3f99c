#include "cli/podref.h"

#include <stdio.h>

#include "base/mem.h"
#include "cli/refs.h"
#include "control/schema/selector.h"

static const char *const lists[] = { "spec.containers", "spec.ephemeralContainers", "spec.initContainers" };
static const char *const marks[] = { "", " (ephem)", " (init)" };

static int selector_of(struct rk_session *session, const struct rk_ref *ref,
		       const struct rk_val *object, struct rk_span *ret, struct rk_error *error)
{
	const struct rk_val *spec = rk_val_at(object, "spec.selector");
	struct rk_selector *selector = NULL;

	if (rk_val_count(spec) == 0)
		return rk_fail(error, RK_EINVAL, "cannot get pods of %s/%.*s: it selects none",
			       ref->kind->plural, RK_SPAN_ARGS(ref->name));
	if (strcmp(ref->kind->kind, "Service") == 0)
		selector = rk_selector_of_map(&session->arena, spec);
	else
		RK_TRY(rk_selector_of(&session->arena, spec, &selector, error));
	*ret = rk_selector_text(&session->arena, selector);
	return RK_OK;
}

/* Running ones come first. */
static struct rk_val *ordered(struct rk_arena *arena, const struct rk_val *pods)
{
	struct rk_val *list = rk_val_list(arena);

	for (unsigned running = 2; running-- > 0;)
		for (uint32_t i = 0; i < rk_val_count(pods); i++)
			if (rk_span_is(rk_val_text_at(rk_val_item(pods, i), "status.phase"),
				       "Running") == (running == 1))
				rk_val_append(arena, list, rk_val_item(pods, i));
	return list;
}

int rk_podref_find(struct rk_session *session, const char *text, struct rk_val **ret,
		   struct rk_error *error)
{
	struct rk_arena *arena = &session->arena;
	const struct rk_span ns = rk_span_str(session->namespace);
	struct rk_val *object = NULL, *pods = NULL;
	struct rk_span selector = { NULL, 0 };
	struct rk_ref ref;

	RK_TRY(rk_ref_one(session->kinds, text, "pods", &ref, error));
	RK_TRY(rk_session_get(session, rk_target(arena, ref.kind, ns, ref.name, NULL), &object,
			      error));
	if (strcmp(ref.kind->kind, "Pod") == 0) {
		*ret = rk_val_list(arena);
		rk_val_append(arena, *ret, object);
		return RK_OK;
	}
	RK_TRY(selector_of(session, &ref, object, &selector, error));
	const char *target = rk_target(arena, rk_kinds_by_name(session->kinds, RK_SPAN("pods")), ns,
				       rk_span_str(""), NULL);
	RK_TRY(rk_session_get(session, rk_target_with(arena, target, "labelSelector", selector),
			      &pods, error));
	if (rk_val_count(rk_val_at(pods, "items")) == 0)
		return rk_fail(error, RK_ENOENT, "no pods of %s are there", text);
	*ret = ordered(arena, rk_val_at(pods, "items"));
	return RK_OK;
}

struct rk_span rk_podref_container(const struct rk_val *pod)
{
	const struct rk_span chosen =
		rk_val_text(rk_val_get(rk_val_at(pod, "metadata.annotations"),
				       RK_SPAN("kubectl.kubernetes.io/default-container")));

	if (chosen.size > 0)
		return chosen;
	return rk_val_text_at(rk_val_item(rk_val_at(pod, "spec.containers"), 0), "name");
}

static void put_names(const struct rk_val *pod, struct rk_buf *out)
{
	for (size_t n = 0; n < RK_COUNT(lists); n++) {
		const struct rk_val *list = rk_val_at(pod, lists[n]);
		for (uint32_t i = 0; i < rk_val_count(list); i++)
			rk_buf_printf(out, "%s%.*s%s", out->size > 0 ? ", " : "",
				      RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "name")),
				      marks[n]);
	}
}

void rk_podref_tell(const struct rk_val *pod, struct rk_span chosen)
{
	RK_AUTO(rk_buf_done) struct rk_buf names = { 0 };

	put_names(pod, &names);
	if (memchr(names.data, ' ', names.size) == NULL) /* only one */
		return;
	(void)fprintf(stderr, "Defaulted container \"%.*s\" out of: %s\n", RK_SPAN_ARGS(chosen),
		      rk_buf_cstr(&names));
}

int rk_podref_check(const struct rk_val *pod, struct rk_span container, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf names = { 0 };

	for (size_t n = 0; n < RK_COUNT(lists); n++) {
		const struct rk_val *list = rk_val_at(pod, lists[n]);
		for (uint32_t i = 0; i < rk_val_count(list); i++)
			if (rk_span_eq(rk_val_text_at(rk_val_item(list, i), "name"), container))
				return RK_OK;
	}
	put_names(pod, &names);
	return rk_fail(error, RK_EINVAL, "container %.*s is not valid for pod %.*s (it has %s)",
		       RK_SPAN_ARGS(container), RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.name")),
		       rk_buf_cstr(&names));
}
