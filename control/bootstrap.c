#include "control/bootstrap.h"

#include "control/auth/policy.h"
#include "control/machine.h"
#include "control/objects.h"
#include "wire/doc.h"

#define CONFIG_KEY   RK_SPAN("mconfig")

struct rk_blob *rk_cluster_config_encode(const struct rk_cluster_config *config)
{
	struct rk_arena arena = { 0 };
	struct rk_val *val = rk_val_map(&arena);

	rk_val_put(&arena, val, "clusterID",
		   rk_val_strf(&arena, "%016llx%016llx", (unsigned long long)config->cluster_high,
			       (unsigned long long)config->cluster_low));
	rk_val_put_str(&arena, val, "serviceCIDR", config->service_cidr);
	rk_val_put_str(&arena, val, "podCIDR", config->pod_cidr);
	rk_val_put_str(&arena, val, "dnsDomain", config->dns_domain);
	rk_val_put_int(&arena, val, "machineVersion", RK_MACHINE_VERSION);
	struct rk_blob *doc = rk_doc_of(val);
	rk_arena_done(&arena);
	return doc;
}

struct rk_span rk_bootstrap_config(const struct rk_state *state)
{
	const struct rk_item *item = rk_store_get(state->store, CONFIG_KEY);

	return item != NULL ? rk_blob_span(item->value) : (struct rk_span){ NULL, 0 };
}

bool rk_bootstrap_is_done(const struct rk_state *state)
{
	return rk_bootstrap_config(state).data != NULL;
}

static uint64_t hex_of(struct rk_span text)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t c = text.data[i];
		value = value << 4 | (uint64_t)(c >= 'a' ? c - 'a' + 10 : c - '0');
	}
	return value;
}

void rk_bootstrap_recall(struct rk_state *state)
{
	const struct rk_span id = rk_doc_text(rk_bootstrap_config(state), "clusterID");

	state->version = (uint32_t)rk_doc_int(rk_bootstrap_config(state), "machineVersion", 0);

	if (id.size == 32) {
		state->cluster_high = hex_of(rk_span_sub(id, 0, 16));
		state->cluster_low = hex_of(rk_span_sub(id, 16, 16));
	}
}

static void make_namespace(struct rk_state *state, const char *name)
{
	struct rk_val *object = rk_val_map(&state->arena);

	rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, object, "metadata"), "name", name);
	(void)rk_object_make(state, "namespaces", RK_SPAN(""), object);
}

/* Its endpoints are set by the members as they serve. */
void rk_bootstrap_service(struct rk_state *state, struct rk_span address)
{
	struct rk_val *object = rk_val_map(&state->arena);
	struct rk_val *meta = rk_val_make(&state->arena, object, "metadata");
	struct rk_val *ports = rk_val_list(&state->arena), *port = rk_val_map(&state->arena);

	rk_val_put_cstr(&state->arena, meta, "name", "kubernetes");
	rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, meta, "labels"), "component", "apiserver");
	rk_val_put_cstr(&state->arena, rk_val_at(meta, "labels"), "provider", "kubernetes");
	rk_val_put_cstr(&state->arena, port, "name", "https");
	rk_val_put_cstr(&state->arena, port, "protocol", "TCP");
	rk_val_put_int(&state->arena, port, "port", 443);
	rk_val_put_int(&state->arena, port, "targetPort", 6443);
	rk_val_append(&state->arena, ports, port);
	rk_val_put(&state->arena, rk_val_make(&state->arena, object, "spec"), "ports", ports);
	if (address.size > 0)
		rk_val_put_str(&state->arena, rk_val_at(object, "spec"), "clusterIP", address);
	(void)rk_object_make(state, "services", RK_SPAN("default"), object);
}

/* The two classes that stand above all that users can make. */
static void make_priority_classes(struct rk_state *state)
{
	static const struct {
		const char *name, *description;
		int64_t value;
	} classes[] = {
		{ "system-cluster-critical", "For pods without which the cluster does not work, on whatever node.", 2000000000 },
		{ "system-node-critical", "For pods without which their node does not work.", 2000001000 },
	};

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		struct rk_val *object = rk_val_map(&state->arena);
		rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, object, "metadata"), "name", classes[i].name);
		rk_val_put_cstr(&state->arena, object, "description", classes[i].description);
		rk_val_put_int(&state->arena, object, "value", classes[i].value);
		(void)rk_object_make(state, "priorityclasses.scheduling.k8s.io", RK_SPAN(""), object);
	}
}

void rk_bootstrap_apply(struct rk_state *state, struct rk_span body)
{
	static const char *const namespaces[] = { "default", "kube-node-lease", "kube-public", "kube-system" };

	if (rk_bootstrap_is_done(state))
		return;
	rk_store_put(state->store, CONFIG_KEY, rk_blob_copy(body), 0);
	rk_bootstrap_recall(state);
	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
		make_namespace(state, namespaces[i]);
	rk_bootstrap_service(state, RK_SPAN(""));
	if (state->version < RK_POLICY_SINCE)
		return;
	make_priority_classes(state);
	rk_policy_make(state);
}
