#include "node/unsupported.h"

#include <stdio.h>

#include "base/mem.h"

struct entry {
	const char *path;
	bool is_fatal;
	const char *only; /* only this text is not implemented; NULL: any value */
};

static const struct entry of_spec[] = {
	{ "overhead", false, NULL },
	{ "resourceClaims", true, NULL },
	{ "resources", true, NULL },
	{ "runtimeClassName", true, NULL },
	{ "setHostnameAsFQDN", false, NULL },
	{ "readinessGates", false, NULL },
	{ "imagePullSecrets", false, NULL },
	{ "securityContext.seLinuxOptions", true, NULL },
	{ "securityContext.windowsOptions", true, NULL },
	{ "securityContext.sysctls", true, NULL },
	{ "securityContext.appArmorProfile", true, NULL },
	{ "securityContext.seccompProfile.type", true, "Localhost" },
	{ "securityContext.seccompProfile.type", false, "RuntimeDefault" },
	{ "os.name", true, "windows" },
};

static const struct entry of_container[] = {
	{ "volumeDevices", true, NULL },
	{ "resources.claims", true, NULL },
	{ "securityContext.seLinuxOptions", true, NULL },
	{ "securityContext.windowsOptions", true, NULL },
	{ "securityContext.appArmorProfile", true, NULL },
	{ "securityContext.seccompProfile.type", true, "Localhost" },
	{ "securityContext.seccompProfile.type", false, "RuntimeDefault" },
	{ "livenessProbe.grpc", true, NULL },
	{ "readinessProbe.grpc", true, NULL },
	{ "startupProbe.grpc", true, NULL },
	{ "lifecycle.stopSignal", false, NULL },
};

static const struct entry of_mount[] = {
	{ "subPathExpr", true, NULL },
	{ "recursiveReadOnly", true, "Enabled" },
};

static const struct entry of_port[] = {
	{ "hostPort", false, NULL },
};

struct walk {
	void (*each)(void *context, const char *path, bool is_fatal);
	void *context;
};

static bool is_set(const struct rk_val *val)
{
	if (val == NULL || val->kind == RK_VAL_NULL)
		return false;
	if (val->kind == RK_VAL_LIST || val->kind == RK_VAL_MAP)
		return rk_val_count(val) > 0;
	if (val->kind == RK_VAL_STR)
		return val->str.size > 0;
	return val->kind == RK_VAL_BOOL ? val->boolean : val->integer != 0;
}

static void check(const struct walk *walk, const struct rk_val *val, const char *prefix,
		  const struct entry *table, size_t count)
{
	char path[256];

	for (size_t i = 0; i < count; i++) {
		const struct rk_val *at = rk_val_at(val, table[i].path);

		if (!is_set(at) ||
		    (table[i].only != NULL && !rk_span_is(rk_val_text(at), table[i].only)))
			continue;
		(void)snprintf(path, sizeof path, "%s.%s", prefix, table[i].path);
		walk->each(walk->context, path, table[i].is_fatal);
	}
}

static void check_container(const struct walk *walk, const struct rk_val *container,
			    const char *prefix)
{
	const struct rk_val *mounts = rk_val_at(container, "volumeMounts"),
			    *ports = rk_val_at(container, "ports");
	char inner[192];

	check(walk, container, prefix, of_container, RK_COUNT(of_container));
	for (uint32_t i = 0; i < rk_val_count(mounts); i++) {
		(void)snprintf(inner, sizeof inner, "%s.volumeMounts[%u]", prefix, i);
		check(walk, rk_val_item(mounts, i), inner, of_mount, RK_COUNT(of_mount));
	}
	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		(void)snprintf(inner, sizeof inner, "%s.ports[%u]", prefix, i);
		check(walk, rk_val_item(ports, i), inner, of_port, RK_COUNT(of_port));
	}
}

/* Any key beside the name is the kind of the volume; what is not in the list is not implemented. */
static void check_volume(const struct walk *walk, const struct rk_val *volume, uint32_t at)
{
	static const char *const known[] = { "name",   "emptyDir",    "hostPath", "configMap",
					     "secret", "downwardAPI", "projected" };
	char path[192];

	for (uint32_t i = 0; i < rk_val_count(volume); i++) {
		bool is_known = false;

		for (size_t k = 0; k < RK_COUNT(known); k++)
			is_known |= rk_span_is(volume->fields[i].key, known[k]);
		if (is_known)
			continue;
		(void)snprintf(path, sizeof path, "spec.volumes[%u].%.*s", at,
			       RK_SPAN_ARGS(rk_span_sub(volume->fields[i].key, 0, 100)));
		walk->each(walk->context, path, true);
	}
	const struct rk_val *sources = rk_val_at(volume, "projected.sources");
	for (uint32_t i = 0; i < rk_val_count(sources); i++)
		for (uint32_t k = 0; k < rk_val_count(rk_val_item(sources, i)); k++) {
			const struct rk_span key = rk_val_item(sources, i)->fields[k].key;
			if (rk_span_is(key, "configMap") || rk_span_is(key, "secret") ||
			    rk_span_is(key, "downwardAPI") || rk_span_is(key, "serviceAccountToken"))
				continue;
			(void)snprintf(path, sizeof path,
				       "spec.volumes[%u].projected.sources[%u].%.*s", at, i,
				       RK_SPAN_ARGS(rk_span_sub(key, 0, 100)));
			walk->each(walk->context, path, true);
		}
}

void rk_unsupported_each(const struct rk_val *pod,
			 void (*each)(void *context, const char *path, bool is_fatal),
			 void *context)
{
	static const char *const lists[] = { "initContainers", "containers" };
	const struct walk walk = { each, context };
	const struct rk_val *spec = rk_val_at(pod, "spec");
	const struct rk_val *volumes = rk_val_at(spec, "volumes");
	char path[64];

	check(&walk, spec, "spec", of_spec, RK_COUNT(of_spec));
	if (!rk_val_bool_at(spec, "hostUsers", true))
		each(context, "spec.hostUsers", true);
	for (size_t i = 0; i < RK_COUNT(lists); i++) {
		const struct rk_val *list = rk_val_at(spec, lists[i]);
		for (uint32_t k = 0; k < rk_val_count(list); k++) {
			(void)snprintf(path, sizeof path, "spec.%s[%u]", lists[i], k);
			check_container(&walk, rk_val_item(list, k), path);
		}
	}
	for (uint32_t i = 0; i < rk_val_count(volumes); i++)
		check_volume(&walk, rk_val_item(volumes, i), i);
}

void rk_unsupported_container(const struct rk_val *container, const char *path,
			      void (*each)(void *context, const char *path, bool is_fatal),
			      void *context)
{
	const struct walk walk = { each, context };

	check_container(&walk, container, path);
}
