/* Descriptions in kubectl's layout, and tables. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "cli/describe.h"
#include "cli/output.h"
#include "cli/table_print.h"
#include "cli/tabs.h"
#include "wire/yaml.h"

static struct rk_val *yaml(struct rk_arena *arena, const char *text)
{
	struct rk_val *docs = NULL;
	struct rk_error error = { 0 };

	cr_assert_eq(rk_yaml_parse(arena, rk_span_str(text), &docs, &error), RK_OK, "%s",
		     error.text);
	return rk_val_item(docs, 0);
}

static void describe(const struct rk_kinds *kinds, const char *kind, const char *object,
		     struct rk_buf *out)
{
	struct rk_arena arena = { 0 };
	struct rk_describe d = { .arena = &arena,
				 .kind = rk_kinds_by_name(kinds, rk_span_str(kind)),
				 .object = yaml(&arena, object) };

	rk_describe_object(&d);
	rk_tabs_write(out, rk_buf_span(&d.out), 0, 2);
	rk_buf_done(&d.out);
	rk_arena_done(&arena);
}

static const struct {
	const char *kind, *object, *want;
} cases[] = {
	{ "secrets",
	  "{metadata: {name: s, namespace: n, labels: {b: c, a: b}}, type: Opaque, data: {p: "
	  "aGVsbG8=}}",
	  "Name:         s\nNamespace:    n\nLabels:       a=b\n              b=c\n"
	  "Annotations:  <none>\n\nType:  Opaque\n\nData\n====\np:  5 bytes\n" },
	{ "namespaces", "{metadata: {name: n}, status: {phase: Active}}",
	  "Name:         n\nLabels:       <none>\nAnnotations:  <none>\nStatus:       Active\n" },
	{ "configmaps", "{metadata: {name: c, namespace: n}, data: {k: v}}",
	  "Name:         c\nNamespace:    n\nLabels:       <none>\nAnnotations:  <none>\n\nData\n"
	  "====\nk:\n----\nv\n\n\nBinaryData\n====\n\n" },
	{ "services",
	  "{metadata: {name: w, namespace: n}, spec: {type: ClusterIP, clusterIP: 10.0.0.1, "
	  "selector: {app: w}, sessionAffinity: None, ports: [{port: 80, protocol: TCP, "
	  "targetPort: "
	  "http}]}}",
	  "Name:              w\nNamespace:         n\nLabels:            <none>\n"
	  "Annotations:       <none>\nSelector:          app=w\nType:              ClusterIP\n"
	  "IP:                10.0.0.1\nPort:              <unset>  80/TCP\n"
	  "TargetPort:        http/TCP\nEndpoints:         \nSession Affinity:  None\n" },
	{ "leases", "{metadata: {name: l, namespace: n, uid: u}, spec: {holderIdentity: x}}",
	  "Name:         l\nNamespace:    n\nLabels:       <none>\nAnnotations:  <none>\n"
	  "API Version:  coordination.k8s.io/v1\nKind:         Lease\nMetadata:\n  UID:  u\nSpec:\n"
	  "  Holder Identity:  x\n" },
};

Test(describe, layouts)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_buf out = { 0 };
		describe(kinds, cases[i].kind, cases[i].object, &out);
		cr_expect_str_eq(rk_buf_cstr(&out), cases[i].want, "%s:\n%s", cases[i].kind,
				 rk_buf_cstr(&out));
		rk_buf_done(&out);
	}
	rk_kinds_free(kinds);
}

static const char pod[] =
	"metadata: {name: p, ownerReferences: [{kind: ReplicaSet, name: r, controller: true}]}\n"
	"spec:\n  volumes: [{name: d, emptyDir: {}}]\n  containers:\n  - name: c\n    image: i\n"
	"    env: [{name: KEY, value: value}, {name: PASS, valueFrom: {secretKeyRef: {name: s, "
	"key: "
	"p}}}]\n"
	"    volumeMounts: [{name: d, mountPath: /data, readOnly: true}]\n"
	"    livenessProbe: {httpGet: {port: 8080, path: /}, initialDelaySeconds: 1, "
	"periodSeconds: "
	"5}\n"
	"status:\n  phase: Running\n  containerStatuses:\n"
	"  - {name: c, containerID: 'x://1', state: {waiting: {reason: CrashLoopBackOff}}, "
	"lastState: {terminated: {exitCode: 3}}}\n";
static const char *const parts[] = {
	"  ReplicaSet/r\n",
	"  c:\n    Container ID:   x://1\n",
	"    State:          Waiting\n      Reason:       CrashLoopBackOff\n",
	"    Last State:     Terminated\n",
	"      Exit Code:    3\n",
	"http-get http://:8080/ delay=1s timeout=1s period=5s #success=1 #failure=3\n",
	"<set to the key 'p' in secret 's'>  Optional: false\n",
	"      /data from d (ro)\n",
	"EmptyDir (a temporary directory that shares a pod's lifetime)\n",
};

Test(describe, a_pod_has_its_parts)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_buf out = { 0 };

	describe(kinds, "pods", pod, &out);
	for (size_t i = 0; i < RK_COUNT(parts); i++)
		cr_expect(strstr(rk_buf_cstr(&out), parts[i]) != NULL, "%s is missing in:\n%s",
			  parts[i], rk_buf_cstr(&out));
	rk_buf_done(&out);
	rk_kinds_free(kinds);
}

Test(describe, tables_remember_their_widths)
{
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *pods = rk_kinds_by_name(kinds, RK_SPAN("pods"));
	struct rk_table_printer printer = { .show_labels = true, .with_kind = true };

	rk_table_print(&printer, pods,
		       yaml(&arena, "columnDefinitions: [{name: Name}, {name: IP, priority: 1}, "
				    "{name: Age}]\nrows: [{cells: [long-name, x, 5s], object: "
				    "{metadata: {labels: {b: '1', a: '2'}}}}]"),
		       &out);
	rk_table_print(&printer, pods, yaml(&arena, "rows: [{cells: [a, x, 1m], object: {}}]"),
		       &out);
	cr_expect_str_eq(rk_buf_cstr(&out), "NAME            AGE   LABELS\n"
					    "pod/long-name   5s    a=2,b=1\n"
					    "pod/a           1m    <none>\n");
	rk_table_printer_done(&printer);
	rk_buf_done(&out);
	rk_kinds_free(kinds);
	rk_arena_done(&arena);
}

Test(describe, json_has_four_spaces)
{
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };

	rk_output_json(&out, yaml(&arena, "{a: {b: ['  x']}}"));
	cr_expect_str_eq(rk_buf_cstr(&out),
			 "{\n    \"a\": {\n        \"b\": [\n            \"  x\"\n"
			 "        ]\n    }\n}\n");
	rk_buf_done(&out);
	rk_arena_done(&arena);
}
