/* What a pod's containers become: names, environment, users, capabilities, config.json, and lines
 * of their logs. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "node/image_ref.h"
#include "node/log_line.h"
#include "node/oci_parts.h"
#include "node/oci_spec.h"
#include "node/pod_env.h"
#include "control/schema/pod.h"
#include "node/unsupported.h"
#include "wire/json.h"
#include "wire/yaml.h"

static struct rk_val *yaml(struct rk_arena *arena, const char *text)
{
	struct rk_val *docs = NULL;
	struct rk_error error = { 0 };

	cr_assert_eq(rk_yaml_parse(arena, rk_span_str(text), &docs, &error), 0, "%s", error.text);
	return rk_val_item(docs, 0);
}

Test(image_ref, names_in_full)
{
	static const struct {
		const char *text, *full;
	} cases[] = {
		{ "busybox", "docker.io/library/busybox:latest" },
		{ "busybox:1.36", "docker.io/library/busybox:1.36" },
		{ "me/web", "docker.io/me/web:latest" },
		{ "localhost/web:1", "localhost/web:1" },
		{ "reg.example:5000/a/b:v1", "reg.example:5000/a/b:v1" },
		{ "a.b/c:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		  "a.b/c@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
		{ "", NULL },
		{ "UPPER", NULL },
		{ "a b", NULL },
		{ "a:", NULL },
		{ "/a", NULL },
		{ "a/", NULL },
		{ "a//b", NULL },
		{ "a@sha256:12", NULL },
		{ "a;rm", NULL },
		{ "--option", "docker.io/library/--option:latest" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		char full[RK_IMAGE_REF_MAX] = "";
		const int err = rk_image_ref_full(rk_span_str(cases[i].text), full, NULL);

		cr_expect_eq(err == 0, cases[i].full != NULL, "%s", cases[i].text);
		if (err == 0 && cases[i].full != NULL)
			cr_expect_str_eq(full, cases[i].full);
	}
	cr_expect(rk_image_ref_is_latest(RK_SPAN("a")));
	cr_expect(rk_image_ref_is_latest(RK_SPAN("r.io:5000/a:latest")));
	cr_expect_not(rk_image_ref_is_latest(RK_SPAN("a:1")));
}

Test(env, expansion)
{
	static const struct {
		const char *text, *expanded;
	} cases[] = {
		{ "$(A)", "1" },     { "x$(A)y$(B)", "x1y2" }, { "$(NONE)", "$(NONE)" },
		{ "$$(A)", "$(A)" }, { "$$$(A)", "$1" },       { "$(A", "$(A" },
		{ "$", "$" },        { "$A", "$A" },           { "", "" },
		{ "$()", "$()" },
	};
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const struct rk_val *env = yaml(&arena, "{A: '1', B: '2'}");

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_span got = rk_env_expand(&arena, rk_span_str(cases[i].text), env);
		cr_expect(rk_span_is(got, cases[i].expanded), "%s gave %.*s", cases[i].text,
			  RK_SPAN_ARGS(got));
	}
}

struct store {
	const struct rk_val *config, *secret, *service;
};

static const struct rk_val *find(void *context, enum rk_ref_kind kind, struct rk_span ns,
				 struct rk_span name, bool *ret_is_known)
{
	const struct store *store = context;

	(void)ns;
	*ret_is_known = !rk_span_is(name, "unread");
	if (rk_span_is(name, "there"))
		return kind == RK_REF_SECRET ? store->secret : store->config;
	return NULL;
}

static void services(void *context, struct rk_span ns,
		     void (*each)(void *each_context, const struct rk_val *service),
		     void *each_context)
{
	const struct store *store = context;

	if (rk_span_is(ns, "default"))
		each(each_context, store->service);
}

static int env_of(struct rk_arena *arena, const char *container, struct rk_val **ret,
		  struct rk_error *error)
{
	struct store *store = rk_arena_zalloc(arena, sizeof *store);
	struct rk_objects *objects = rk_arena_zalloc(arena, sizeof *objects);
	struct rk_pod_view view =
		rk_pod_view_of(yaml(arena, "{metadata: {name: p, namespace: default, uid: u, "
					   "labels: {app: web}}, spec: {nodeName: n}}"));

	store->config = yaml(arena, "data: {k: value, other: x}");
	store->secret = yaml(arena, "data: {pw: czNjcmV0}");
	store->service = yaml(
		arena,
		"{metadata: {name: kubernetes}, spec: {clusterIP: 10.96.0.1, ports: [{name: https, "
		"port: 443, protocol: TCP}]}}");
	*objects = (struct rk_objects){ store, find, services, NULL };
	view.objects = objects;
	view.pod_ip = RK_SPAN("10.0.0.7");
	view.node_cpu_milli = 4000;
	view.node_memory = 1ll << 30;
	return rk_pod_env(arena, &view, yaml(arena, container), yaml(arena, "[IMG=1, A=image]"),
			  ret, error);
}

Test(env, sources)
{
	static const struct {
		const char *container, *name, *value; /* value NULL: it is not set */
	} cases[] = {
		{ "env: [{name: A, value: own}]", "A", "own" },
		{ "env: [{name: B, value: $(IMG)2}]", "B", "12" },
		{ "{}", "KUBERNETES_SERVICE_HOST", "10.96.0.1" },
		{ "{}", "KUBERNETES_PORT_443_TCP_ADDR", "10.96.0.1" },
		{ "{}", "KUBERNETES_SERVICE_PORT_HTTPS", "443" },
		{ "envFrom: [{prefix: P_, configMapRef: {name: there}}]", "P_k", "value" },
		{ "envFrom: [{secretRef: {name: there}}]", "pw", "s3cret" },
		{ "env: [{name: S, valueFrom: {secretKeyRef: {name: there, key: pw}}}]", "S",
		  "s3cret" },
		{ "env: [{name: S, valueFrom: {configMapKeyRef: {name: none, key: k, optional: "
		  "true}}}]",
		  "S", NULL },
		{ "env: [{name: F, valueFrom: {fieldRef: {fieldPath: "
		  "\"metadata.labels['app']\"}}}]",
		  "F", "web" },
		{ "env: [{name: F, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]", "F",
		  "10.0.0.7" },
		{ "{resources: {limits: {cpu: 1500m}}, env: [{name: R, valueFrom: "
		  "{resourceFieldRef: {resource: limits.cpu}}}]}",
		  "R", "2" },
		{ "{resources: {limits: {cpu: 1500m}}, env: [{name: R, valueFrom: "
		  "{resourceFieldRef: {resource: limits.cpu, "
		  "divisor: 1m}}}]}",
		  "R", "1500" },
		{ "env: [{name: R, valueFrom: {resourceFieldRef: {resource: limits.memory, "
		  "divisor: 1Mi}}}]",
		  "R", "1024" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
		struct rk_error error = { 0 };
		struct rk_val *env = NULL;

		cr_assert_eq(env_of(&arena, cases[i].container, &env, &error), 0, "%zu: %s", i,
			     error.text);
		const struct rk_val *val = rk_val_get(env, rk_span_str(cases[i].name));
		cr_expect_eq(val != NULL, cases[i].value != NULL, "%zu", i);
		if (cases[i].value != NULL)
			cr_expect(rk_span_is(rk_val_text(val), cases[i].value), "%zu: %.*s", i,
				  RK_SPAN_ARGS(rk_val_text(val)));
	}
}

Test(env, what_is_missing_is_named)
{
	static const struct {
		const char *container;
		int err;
		const char *text;
	} cases[] = {
		{ "envFrom: [{configMapRef: {name: none}}]", RK_ENOENT,
		  "configmap \"none\" not found" },
		{ "envFrom: [{secretRef: {name: unread}}]", RK_EAGAIN, "secret \"unread\"" },
		{ "env: [{name: X, valueFrom: {configMapKeyRef: {name: there, key: gone}}}]",
		  RK_ENOENT, "couldn't find key gone in ConfigMap" },
		{ "env: [{name: X, valueFrom: {fieldRef: {fieldPath: spec.nope}}}]", RK_EINVAL,
		  "spec.nope" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
		struct rk_error error = { 0 };
		struct rk_val *env = NULL;

		cr_expect_eq(env_of(&arena, cases[i].container, &env, &error), cases[i].err, "%zu",
			     i);
		cr_expect_not_null(strstr(error.text, cases[i].text), "%zu: %s", i, error.text);
	}
}

Test(user, names_and_numbers)
{
	static const struct rk_span passwd =
		RK_SPAN("root:x:0:0::/root:/bin/sh\nweb:x:1234:1235::/home/web:/bin/sh\n");
	static const struct rk_span group = RK_SPAN("root:x:0:\nstaff:x:50:\n");
	static const struct {
		const char *pod, *container, *image;
		int err;
		uint32_t uid, gid;
	} cases[] = {
		{ "{}", "{}", "", 0, 0, 0 },
		{ "{}", "{}", "web", 0, 1234, 1235 },
		{ "{}", "{}", "1234", 0, 1234, 1235 },
		{ "{}", "{}", "77", 0, 77, 0 },
		{ "{}", "{}", "web:staff", 0, 1234, 50 },
		{ "{}", "{}", "77:88", 0, 77, 88 },
		{ "{}", "{}", "nobody", RK_EINVAL, 0, 0 },
		{ "{}", "{}", "web:none", RK_EINVAL, 0, 0 },
		{ "spec: {securityContext: {runAsUser: 5, runAsGroup: 6}}", "{}", "web", 0, 5, 6 },
		{ "spec: {securityContext: {runAsUser: 5}}", "securityContext: {runAsUser: 9}",
		  "web", 0, 9, 0 },
		{ "{}", "securityContext: {runAsNonRoot: true}", "", RK_EINVAL, 0, 0 },
		{ "{}", "securityContext: {runAsNonRoot: true}", "web", 0, 1234, 1235 },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
		struct rk_user user = { 0 };
		const int err =
			rk_pod_user(yaml(&arena, cases[i].pod), yaml(&arena, cases[i].container),
				    rk_span_str(cases[i].image), passwd, group, &user, NULL);

		cr_expect_eq(err, cases[i].err, "%zu", i);
		cr_expect(user.uid == cases[i].uid && user.gid == cases[i].gid, "%zu: %u:%u", i,
			  user.uid, user.gid);
	}
}

static bool has_capability(const struct rk_val *capabilities, const char *name)
{
	const struct rk_val *list = rk_val_at(capabilities, "effective");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text(rk_val_item(list, i)), name))
			return true;
	return false;
}

Test(capabilities, add_and_drop)
{
	static const struct {
		const char *container, *name;
		bool is_there;
	} cases[] = { /* where there is no SYS_MODULE to give */
		{ "{}", "CAP_CHOWN", true },
		{ "{}", "CAP_SYS_ADMIN", false },
		{ "securityContext: {capabilities: {add: [SYS_ADMIN]}}", "CAP_SYS_ADMIN", true },
		{ "securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}", "CAP_SYS_ADMIN",
		  true },
		{ "securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}",
		  "CAP_NET_BIND_SERVICE", true },
		{ "securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}",
		  "CAP_CHOWN", false },
		{ "securityContext: {capabilities: {drop: [CHOWN]}}", "CAP_CHOWN", false },
		{ "securityContext: {privileged: true}", "CAP_SYS_ADMIN", true },
		{ "securityContext: {privileged: true}", "CAP_SYS_MODULE", false },
		{ "securityContext: {capabilities: {add: [ALL]}}", "CAP_SYS_ADMIN", true },
		{ "securityContext: {capabilities: {add: [ALL]}}", "CAP_SYS_MODULE", false },
		{ "securityContext: {capabilities: {add: [SYS_MODULE]}}", "CAP_SYS_MODULE", true },
	};
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *capabilities = NULL;

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		cr_assert_eq(rk_oci_capabilities(&arena, yaml(&arena, cases[i].container),
						 ~(1ull << 16), &capabilities, NULL),
			     0);
		cr_expect_eq(has_capability(capabilities, cases[i].name), cases[i].is_there, "%zu",
			     i);
	}
	cr_expect_eq(rk_oci_capabilities(
			     &arena, yaml(&arena, "securityContext: {capabilities: {add: [NOPE]}}"),
			     UINT64_MAX, &capabilities, NULL),
		     RK_EINVAL);
}

Test(spec, args_and_limits)
{
	static const struct {
		const char *container, *image, *json;
	} cases[] = {
		{ "{}", "config: {Entrypoint: [e], Cmd: [c]}", "[\"e\",\"c\"]" },
		{ "args: [a]", "config: {Entrypoint: [e], Cmd: [c]}", "[\"e\",\"a\"]" },
		{ "command: [x]", "config: {Entrypoint: [e], Cmd: [c]}", "[\"x\"]" },
		{ "{command: [x], args: [$(A)]}", "config: {Entrypoint: [e], Cmd: [c]}",
		  "[\"x\",\"1\"]" },
	};
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const struct rk_val *env = yaml(&arena, "{A: '1'}");
	struct rk_val *args = NULL;

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
		cr_assert_eq(rk_oci_args(&arena, yaml(&arena, cases[i].container),
					 yaml(&arena, cases[i].image), env, &args, NULL),
			     0);
		rk_json_write(&text, args, false);
		cr_expect_str_eq(rk_buf_cstr(&text), cases[i].json);
	}
	cr_expect_eq(rk_oci_args(&arena, yaml(&arena, "{}"), yaml(&arena, "config: {}"), env, &args,
				 NULL),
		     RK_EINVAL);
	const struct rk_val *resources = rk_oci_resources(
		&arena, yaml(&arena, "resources: {limits: {cpu: 500m, memory: 64Mi}}"));
	cr_expect_eq(rk_val_int_at(resources, "cpu.quota", 0), 50000);
	cr_expect_eq(rk_val_int_at(resources, "cpu.shares", 0), 512);
	cr_expect_eq(rk_val_int_at(resources, "memory.limit", 0), 64 << 20);
	cr_expect_eq(rk_val_int_at(rk_oci_resources(&arena, yaml(&arena, "{}")), "cpu.shares", 0),
		     2);
}

Test(spec, qos)
{
	static const struct {
		const char *pod, *qos;
	} cases[] = {
		{ "spec: {containers: [{name: a}]}", "BestEffort" },
		{ "spec: {containers: [{name: a, resources: {requests: {cpu: 1m}}}]}",
		  "Burstable" },
		{ "spec: {containers: [{name: a, resources: {limits: {cpu: '1', memory: 1Gi}}}]}",
		  "Guaranteed" },
		{ "spec: {containers: [{name: a, resources: {limits: {cpu: '1', memory: 1Gi}, "
		  "requests: {cpu: 500m}}}]}",
		  "Burstable" },
		{ "spec: {containers: [{name: a, resources: {limits: {cpu: '1', memory: 1Gi}}}, "
		  "{name: b}]}",
		  "Burstable" },
	};
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		cr_expect_str_eq(rk_pod_qos(yaml(&arena, cases[i].pod)), cases[i].qos, "%zu", i);
}

struct seen {
	char path[256];
	bool is_fatal;
	int count;
};

static void see(void *context, const char *path, bool is_fatal)
{
	struct seen *seen = context;

	(void)snprintf(seen->path, sizeof seen->path, "%s", path);
	seen->is_fatal = is_fatal;
	seen->count++;
}

Test(unsupported, names_the_field)
{
	static const struct {
		const char *pod, *path;
		bool is_fatal;
	} cases[] = {
		{ "spec: {containers: [{name: a, stdin: true}]}", NULL, false },
		{ "spec: {containers: [{name: a, lifecycle: {stopSignal: SIGINT}}]}",
		  "spec.containers[0].lifecycle.stopSignal", false },
		{ "spec: {ephemeralContainers: [{name: a, volumeDevices: [{name: v}]}]}", NULL, false },
		{ "spec: {hostUsers: false}", "spec.hostUsers", true },
		{ "spec: {hostUsers: true}", NULL, false },
		{ "spec: {runtimeClassName: kata}", "spec.runtimeClassName", true },
		{ "spec: {volumes: [{name: v, csi: {driver: d}}]}", "spec.volumes[0].csi", true },
		{ "spec: {volumes: [{name: v, emptyDir: {}}]}", NULL, false },
		{ "spec: {volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: "
		  "t}}]}}]}",
		  NULL, false },
		{ "spec: {volumes: [{name: v, projected: {sources: [{clusterTrustBundle: {path: "
		  "t}}]}}]}",
		  "spec.volumes[0].projected.sources[0].clusterTrustBundle", true },
		{ "spec: {containers: [{name: a, securityContext: {seccompProfile: {type: "
		  "Localhost}}}]}",
		  "spec.containers[0].securityContext.seccompProfile.type", true },
		{ "spec: {containers: [{name: a, securityContext: {seccompProfile: {type: "
		  "Unconfined}}}]}",
		  NULL, false },
		{ "spec: {containers: [{name: a, livenessProbe: {grpc: {port: 1}}}]}",
		  "spec.containers[0].livenessProbe.grpc", true },
		{ "spec: {initContainers: [{name: a, volumeMounts: [{name: v, subPathExpr: x}]}]}",
		  "spec.initContainers[0].volumeMounts[0].subPathExpr", true },
	};
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct seen seen = { 0 };
		rk_unsupported_each(yaml(&arena, cases[i].pod), see, &seen);
		cr_expect_eq(seen.count, cases[i].path != NULL, "%zu", i);
		if (cases[i].path != NULL) {
			cr_expect_str_eq(seen.path, cases[i].path);
			cr_expect_eq(seen.is_fatal, cases[i].is_fatal, "%zu", i);
		}
	}
}

Test(log_line, views)
{
	static const struct {
		const char *line, *seen;
		struct rk_log_view view;
	} cases[] = {
		{ "2026-01-01T00:00:00.1Z stdout F hello you", "hello you\n", { .limit = -1 } },
		{ "2026-01-01T00:00:00.1Z stderr P half", "half", { .limit = -1 } },
		{ "2026-01-01T00:00:00.1+00:00 stdout F ", "\n", { .limit = -1 } },
		{ "2026-01-01T00:00:00.1Z stdout F x",
		  "2026-01-01T00:00:00.1Z x\n",
		  { .limit = -1, .timestamps = true } },
		{ "2026-01-01T00:00:00.1+00:00 stdout F x",
		  "2026-01-01T00:00:00.1Z x\n",
		  { .limit = -1, .timestamps = true } },
		{ "2026-01-01T00:00:00.1+02:00 stdout P x",
		  "2026-01-01T00:00:00.1+02:00 x",
		  { .limit = -1, .timestamps = true } },
		{ "2026-01-01T00:00:00.1Z stdout F the rest of a line",
		  "the rest of a line\n",
		  { .limit = -1, .timestamps = true, .is_inside = true } },
		{ "2026-01-01T00:00:00Z stdout F x",
		  "",
		  { .limit = -1, .has_since = true, .since_ms = 1900000000000 } },
		{ "2026-01-01T00:00:00Z stdout F x",
		  "x\n",
		  { .limit = -1, .has_since = true, .since_ms = 1000 } },
		{ "2026-01-01T00:00:00Z stdout F abcdef", "abc", { .limit = 3 } },
		{ "not a line", "", { .limit = -1 } },
		{ "", "", { .limit = -1 } },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
		struct rk_log_view view = cases[i].view;
		rk_log_line(&view, rk_span_str(cases[i].line), &out);
		cr_expect_str_eq(rk_buf_cstr(&out), cases[i].seen, "%zu", i);
	}
}
