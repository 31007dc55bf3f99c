#include "control/controllers/rootca.h"

#include "control/controllers/controllers.h"
#include "wire/doc.h"

#define KEY     RK_SPAN("mca")
#define NAME    "kube-root-ca.crt"
#define AT_ONCE 16 /* namespaces */

static const char note[] = "kubernetes.io/description";
static const char says[] =
	"Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal "
	"service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

static struct rk_span known(const struct rk_state *state)
{
	const struct rk_item *item = rk_store_get(state->store, KEY);

	return item != NULL ? rk_blob_span(item->value) : (struct rk_span){ NULL, 0 };
}

bool rk_rootca_is_news(const struct rk_state *state, struct rk_span pem)
{
	return state->version >= RK_ACCOUNTS_SINCE && pem.size > 0 && !rk_span_eq(pem, known(state));
}

/* Work is the name of a namespace, or '/' and the one behind which to go on through all of them. */
void rk_rootca_apply(struct rk_state *state, struct rk_span pem)
{
	rk_store_put(state->store, KEY, rk_blob_copy(pem), 0);
	rk_work_add(state, RK_CONTROLLER_ROOTCA, RK_SPAN("/"));
}

static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (state->version < RK_ACCOUNTS_SINCE)
		return;
	if (rk_span_is(change->kind, "namespaces") && change->type == RK_CHANGE_ADDED)
		rk_work_add(state, RK_CONTROLLER_ROOTCA, change->name);
	else if (rk_span_is(change->kind, "configmaps") && rk_span_is(change->name, NAME) && change->type != RK_CHANGE_ADDED)
		rk_work_add(state, RK_CONTROLLER_ROOTCA, change->ns);
}

static void publish(struct rk_state *state, struct rk_span ns)
{
	const struct rk_span pem = rk_arena_span(&state->arena, known(state));
	const struct rk_span space = rk_state_doc(state, "namespaces", RK_SPAN(""), ns);
	struct rk_val *map = rk_state_val(state, RK_SPAN("configmaps"), ns, RK_SPAN(NAME)), *data = rk_val_map(&state->arena);
	const bool is_new = map == NULL;

	if (pem.size == 0 || space.data == NULL || rk_doc_at(space, "metadata.deletionTimestamp").data != NULL)
		return;
	if (is_new)
		map = rk_val_map(&state->arena);
	struct rk_val *notes = rk_val_make(&state->arena, map, "metadata.annotations");
	if (rk_val_text(rk_val_get(notes, rk_span_str(note))).size == 0)
		rk_val_set(&state->arena, notes, rk_span_str(note), rk_val_cstr(&state->arena, says));
	rk_val_set(&state->arena, data, RK_SPAN("ca.crt"), rk_val_str(&state->arena, pem));
	rk_val_put(&state->arena, map, "data", data);
	if (!is_new) {
		rk_object_store(state, RK_SPAN("configmaps"), map);
		return;
	}
	rk_val_put_cstr(&state->arena, rk_val_at(map, "metadata"), "name", NAME);
	(void)rk_object_make(state, "configmaps", ns, map);
}

static void publish_behind(struct rk_state *state, struct rk_span after)
{
	struct rk_names names = { 0 };
	size_t done = 0;

	rk_state_names(state, RK_SPAN("namespaces"), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count; i++) {
		if (rk_span_cmp(names.at[i].name, after) <= 0)
			continue;
		if (done++ == AT_ONCE) {
			rk_work_add(state, RK_CONTROLLER_ROOTCA,
				    rk_span_str(rk_arena_printf(&state->arena, "/%.*s", RK_SPAN_ARGS(names.at[i - 1].name))));
			return;
		}
		publish(state, names.at[i].name);
	}
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	if (rk_span_starts(key, RK_SPAN("/")))
		publish_behind(state, rk_span_sub(key, 1, key.size));
	else
		publish(state, key);
}

const struct rk_controller rk_controller_rootca = { RK_CONTROLLER_ROOTCA, "root-ca-publisher", follow, reconcile };
