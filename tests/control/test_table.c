/* Tables: the cells of each kind. */
#include "base/mem.h"
#include "control/schema/table.h"
#include "tests/control/schema.h"

static const int64_t now_ms = 1767323045000; /* 2026-01-02T03:04:05Z */

#define AGE  "\"creationTimestamp\":\"2026-01-02T03:03:30Z\"" /* 35s */
#define META "\"metadata\":{\"name\":\"a\"," AGE "}"

Test(table, cells)
{
	static const struct {
		const char *kind, *object, *cells;
	} cases[] = {
		{ "pods",
		  "{" META ",\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Pending\"}}",
		  "[\"a\",\"0/"
		  "1\",\"Pending\",\"0\",\"35s\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]" },
		{ "pods",
		  "{" META ",\"spec\":{\"nodeName\":\"n\",\"containers\":[{},{}],"
		  "\"readinessGates\":[{\"conditionType\":\"g\"}]},"
		  "\"status\":{\"phase\":\"Running\",\"podIP\":\"1.2.3.4\",\"containerStatuses\":[{"
		  "\"ready\":true,\"state\":{\"running\":{}},"
		  "\"restartCount\":2,\"lastState\":{\"terminated\":{\"finishedAt\":\"2026-01-"
		  "02T02:59:05Z\"}}},"
		  "{\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"restartCount\":1}]}"
		  "}",
		  "[\"a\",\"1/2\",\"CrashLoopBackOff\",\"3 (5m "
		  "ago)\",\"35s\",\"1.2.3.4\",\"n\",\"<none>\",\"0/1\"]" },
		{ "pods",
		  "{" META ",\"spec\":{\"initContainers\":[{\"name\":\"i\"},{\"name\":\"j\"}],"
		  "\"containers\":[{}]},"
		  "\"status\":{\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\","
		  "\"state\":{\"terminated\":{\"exitCode\":0}}},"
		  "{\"name\":\"j\",\"state\":{\"running\":{}}}]}}",
		  "[\"a\",\"0/1\",\"Init:1/"
		  "2\",\"0\",\"35s\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]" },
		{ "pods",
		  "{" META ",\"spec\":{\"initContainers\":[{\"name\":\"i\"}],\"containers\":[{}]},"
		  "\"status\":{\"initContainerStatuses\":"
		  "[{\"name\":\"i\",\"state\":{\"terminated\":{\"exitCode\":3}}}]}}",
		  "[\"a\",\"0/"
		  "1\",\"Init:ExitCode:3\",\"0\",\"35s\",\"<none>\",\"<none>\",\"<none>\",\"<none>"
		  "\"]" },
		{ "pods",
		  "{\"metadata\":{\"name\":\"a\",\"deletionTimestamp\":\"2026-01-02T03:04:35Z\"},"
		  "\"spec\":{\"containers\":[{}]},"
		  "\"status\":{\"phase\":\"Running\"}}",
		  "[\"a\",\"0/"
		  "1\",\"Terminating\",\"0\",\"<unknown>\",\"<none>\",\"<none>\",\"<none>\",\"<"
		  "none>\"]" },
		{ "pods",
		  "{" META ",\"spec\":{\"containers\":[{},{}]},\"status\":{\"phase\":\"Running\","
		  "\"conditions\":[{\"type\":\"Ready\","
		  "\"status\":\"True\"}],\"containerStatuses\":[{\"state\":{\"terminated\":{"
		  "\"reason\":\"Completed\"}}},{\"ready\":true,"
		  "\"state\":{\"running\":{}}}]}}",
		  "[\"a\",\"1/"
		  "2\",\"Running\",\"0\",\"35s\",\"<none>\",\"<none>\",\"<none>\",\"<none>\"]" },
		{ "deploy",
		  "{" META ",\"spec\":{\"replicas\":3,\"selector\":{\"matchLabels\":{\"x\":\"y\"}},"
		  "\"template\":{\"spec\":{\"containers\":"
		  "[{\"name\":\"c\",\"image\":\"i\"},{\"name\":\"d\",\"image\":\"j\"}]}}},"
		  "\"status\":{\"readyReplicas\":1,"
		  "\"updatedReplicas\":2,\"availableReplicas\":1}}",
		  "[\"a\",\"1/3\",2,1,\"35s\",\"c,d\",\"i,j\",\"x=y\"]" },
		{ "rs",
		  "{" META
		  ",\"spec\":{\"replicas\":3,\"selector\":{}},\"status\":{\"replicas\":2}}",
		  "[\"a\",3,2,0,\"35s\",\"\",\"\",\"<none>\"]" },
		{ "svc",
		  "{" META ",\"spec\":{\"type\":\"NodePort\",\"clusterIP\":\"10.0.0.1\","
		  "\"externalIPs\":[\"1.1.1.1\",\"2.2.2.2\"],\"ports\":"
		  "[{\"port\":80,\"nodePort\":30080,\"protocol\":\"TCP\"},{\"port\":53,"
		  "\"protocol\":\"UDP\"}],\"selector\":{\"b\":\"c\",\"a\":\"d\"}}}",
		  "[\"a\",\"NodePort\",\"10.0.0.1\",\"1.1.1.1,2.2.2.2\",\"80:30080/TCP,53/"
		  "UDP\",\"35s\",\"a=d,b=c\"]" },
		{ "svc", "{" META ",\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"None\"}}",
		  "[\"a\",\"LoadBalancer\",\"None\",\"<pending>\",\"<none>\",\"35s\",\"<none>\"]" },
		{ "svc", "{" META ",\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"x.y\"}}",
		  "[\"a\",\"ExternalName\",\"<none>\",\"x.y\",\"<none>\",\"35s\",\"<none>\"]" },
		{ "ep",
		  "{" META ",\"subsets\":[{\"addresses\":[{\"ip\":\"1.1.1.1\"},{\"ip\":\"::1\"}],"
		  "\"ports\":[{\"port\":80},{\"port\":81}]}]}",
		  "[\"a\",\"1.1.1.1:80,[::1]:80,1.1.1.1:81 + 1 more...\",\"35s\"]" },
		{ "ep", "{" META "}", "[\"a\",\"<none>\",\"35s\"]" },
		{ "endpointslice",
		  "{" META ",\"addressType\":\"IPv4\",\"ports\":[{\"port\":80},{}],\"endpoints\":[{"
		  "\"addresses\":[\"1.1.1.1\"]}]}",
		  "[\"a\",\"IPv4\",\"80,*\",\"1.1.1.1\",\"35s\"]" },
		{ "endpointslice", "{" META ",\"addressType\":\"IPv4\"}",
		  "[\"a\",\"IPv4\",\"<unset>\",\"<unset>\",\"35s\"]" },
		{ "no",
		  "{\"metadata\":{\"name\":\"a\"," AGE
		  ",\"labels\":{\"node-role.kubernetes.io/b\":\"\",\"node-role.kubernetes.io/"
		  "a\":\"\","
		  "\"kubernetes.io/"
		  "role\":\"b\"}},\"spec\":{\"unschedulable\":true},\"status\":{\"conditions\":[{"
		  "\"type\":\"Ready\","
		  "\"status\":\"True\"}],\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"1.1."
		  "1.1\"}],\"nodeInfo\":{\"kubeletVersion\":"
		  "\"v1\",\"osImage\":\"Debian\"}}}",
		  "[\"a\",\"Ready,SchedulingDisabled\",\"a,b\",\"35s\",\"v1\",\"1.1.1.1\",\"<none>"
		  "\",\"Debian\",\"<unknown>\",\"<unknown>\"]" },
		{ "no", "{" META "}",
		  "[\"a\",\"Unknown\",\"<none>\",\"35s\",\"\",\"<none>\",\"<none>\",\"<unknown>\","
		  "\"<unknown>\",\"<unknown>\"]" },
		{ "ev",
		  "{" META ",\"type\":\"Normal\",\"reason\":\"Pulled\",\"message\":\"done\\n\","
		  "\"involvedObject\":{\"kind\":\"Pod\",\"name\":"
		  "\"p\",\"fieldPath\":\"spec\"},\"source\":{\"component\":\"kubelet\",\"host\":"
		  "\"n\"},\"firstTimestamp\":"
		  "\"2026-01-02T03:00:05Z\",\"lastTimestamp\":\"2026-01-02T03:04:00Z\",\"count\":"
		  "4}",
		  "[\"5s\",\"Normal\",\"Pulled\",\"pod/p\",\"spec\",\"kubelet, "
		  "n\",\"done\",\"4m\",4,\"a\"]" },
		{ "ns", "{" META ",\"status\":{\"phase\":\"Active\"}}",
		  "[\"a\",\"Active\",\"35s\"]" },
		{ "cm", "{" META ",\"data\":{\"a\":\"\",\"b\":\"\"},\"binaryData\":{\"c\":\"\"}}",
		  "[\"a\",3,\"35s\"]" },
		{ "secret", "{" META ",\"type\":\"Opaque\",\"data\":{\"a\":\"\"}}",
		  "[\"a\",\"Opaque\",1,\"35s\"]" },
		{ "sa", "{" META "}", "[\"a\",0,\"35s\"]" },
		{ "lease", "{" META ",\"spec\":{\"holderIdentity\":\"me\"}}",
		  "[\"a\",\"me\",\"35s\"]" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		const struct rk_kind *kind = kind_named(kinds, cases[i].kind);
		const struct rk_val *cells =
			rk_table_cells(&arena, kind, json_in(&arena, cases[i].object), now_ms);
		cr_expect_str_eq(json_out(&arena, cells), cases[i].cells);
		cr_expect_eq(rk_val_count(cells), kind->column_count, "%s", cases[i].kind);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(table, columns_and_conditions)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };
	const struct rk_val *columns = rk_table_columns(&arena, kind_named(kinds, "ns"));

	cr_expect_str_eq(json_out(&arena, rk_val_item(columns, 0)),
			 "{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\","
			 "\"description\":\"\",\"priority\":0}");
	cr_expect_str_eq(
		json_out(&arena, rk_table_conditions(
					 &arena, kind_named(kinds, "pods"),
					 json_in(&arena, "{\"status\":{\"phase\":\"Failed\"}}"))),
		"[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Failed\",\"message\":"
		"\"The pod failed.\"}]");
	cr_expect_null(
		rk_table_conditions(&arena, kind_named(kinds, "pods"), json_in(&arena, "{}")));
	cr_expect_eq(rk_val_count(rk_table_scale_columns(&arena)),
		     rk_val_count(rk_table_scale_cells(&arena, json_in(&arena, "{}"), now_ms)));
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}
