/* Kubeconfigs: merged, resolved, and refused with a reason. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "cli/kubeconfig.h"

static const char first[] =
	"apiVersion: v1\nkind: Config\ncurrent-context: m1\n"
	"clusters:\n"
	"- {name: m1, cluster: {server: 'https://127.0.0.1:1', certificate-authority-data: Y2E=}}\n"
	"- {name: m2, cluster: {server: 'https://127.0.0.1:2', certificate-authority-data: Y2E=}}\n"
	"- {name: other, cluster: {server: 'https://example.org', certificate-authority-data: "
	"eA==}}\n"
	"contexts:\n"
	"- {name: m1, context: {cluster: m1, user: admin, namespace: here}}\n"
	"- {name: broken, context: {cluster: nowhere, user: admin}}\n"
	"- {name: token, context: {cluster: m1, user: token}}\n"
	"- {name: exec, context: {cluster: m1, user: exec}}\n"
	"users:\n"
	"- {name: admin, user: {client-certificate-data: Y2VydA==, client-key: key.pem}}\n"
	"- {name: exec, user: {exec: {command: secret}}}\n"
	"- {name: token, user: {token: secret, tokenFile: t}}\n";
static const char second[] = "kind: Config\ncurrent-context: x\n"
			     "clusters:\n- {name: m1, cluster: {server: 'https://10.0.0.1:9'}}\n"
			     "- {name: plain, cluster: {server: 'http://10.0.0.1'}}\n"
			     "contexts:\n- {name: plain, context: {cluster: plain}}\n";

static int resolve(struct rk_arena *arena, const struct rk_kubeconfig_choice *choice,
		   struct rk_access *access, struct rk_error *error)
{
	struct rk_val *config = rk_val_map(arena);

	cr_assert_eq(
		rk_kubeconfig_merge(arena, config, rk_span_str(first), "/home/a/config", error),
		RK_OK, "%s", error->text);
	cr_assert_eq(rk_kubeconfig_merge(arena, config, rk_span_str(second), "second", error),
		     RK_OK);
	return rk_kubeconfig_resolve(arena, config, choice, access, error);
}

Test(kubeconfig, the_current_context_with_its_other_members)
{
	struct rk_arena arena = { 0 };
	struct rk_access access = { 0 };
	struct rk_error error = { 0 };

	cr_assert_eq(resolve(&arena, &(struct rk_kubeconfig_choice){ 0 }, &access, &error), RK_OK,
		     "%s", error.text);
	cr_expect_eq(access.server_count, 2);
	cr_expect_str_eq(access.servers[0], "127.0.0.1:1");
	cr_expect_str_eq(access.servers[1], "127.0.0.1:2");
	cr_expect_str_eq(access.namespace, "here");
	cr_expect(rk_span_is(access.ca, "ca"));
	cr_expect(rk_span_is(access.cert, "cert"));
	cr_expect_str_eq(access.key_path, "/home/a/key.pem");
	rk_arena_done(&arena);
}

Test(kubeconfig, flags_win)
{
	struct rk_arena arena = { 0 };
	struct rk_access access = { 0 };
	struct rk_error error = { 0 };
	const struct rk_kubeconfig_choice choice = { .context = "plain", .namespace = "n" };

	cr_assert_eq(resolve(&arena, &choice, &access, &error), RK_OK, "%s", error.text);
	cr_expect_str_eq(access.servers[0], "10.0.0.1:80");
	cr_expect(access.is_plain);
	cr_expect_str_eq(access.namespace, "n");
	rk_arena_done(&arena);
}

Test(kubeconfig, tokens)
{
	struct rk_arena arena = { 0 };
	struct rk_access access = { 0 };
	struct rk_error error = { 0 };

	cr_assert_eq(resolve(&arena, &(struct rk_kubeconfig_choice){ .context = "token" }, &access, &error),
		     RK_OK, "%s", error.text);
	cr_expect_str_eq(access.token_path, "/home/a/t");
	cr_expect(rk_span_is(access.token, "secret"));
	rk_arena_done(&arena);
}

Test(kubeconfig, in_a_pod)
{
	struct rk_arena arena = { 0 };
	struct rk_access access = { 0 };
	struct rk_error error = { 0 };
	struct rk_val *config = rk_val_map(&arena);
	const struct rk_kubeconfig_choice none = { 0 }, other = { .namespace = "n" }, server = { .server = "https://x" };

	cr_expect(rk_kubeconfig_is_empty(config, &none));
	cr_expect(rk_kubeconfig_is_empty(config, &other));
	cr_expect_not(rk_kubeconfig_is_empty(config, &server));
	rk_kubeconfig_in_cluster(&arena, config, "10.96.0.1", "443", RK_SPAN("here"));
	cr_expect_not(rk_kubeconfig_is_empty(config, &none));
	cr_assert_eq(rk_kubeconfig_resolve(&arena, config, &none, &access, &error), RK_OK, "%s", error.text);
	cr_expect_str_eq(access.servers[0], "10.96.0.1:443");
	cr_expect_eq(access.server_count, 1);
	cr_expect_str_eq(access.namespace, "here");
	cr_expect_str_eq(access.token_path, "/var/run/secrets/kubernetes.io/serviceaccount/token");
	cr_expect_str_eq(access.ca_path, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
	cr_expect_not(access.is_plain);
	cr_assert_eq(rk_kubeconfig_resolve(&arena, config, &other, &access, &error), RK_OK);
	cr_expect_str_eq(access.namespace, "n");
	config = rk_val_map(&arena);
	rk_kubeconfig_in_cluster(&arena, config, "fd00::1", "443", RK_SPAN(""));
	cr_assert_eq(rk_kubeconfig_resolve(&arena, config, &none, &access, &error), RK_OK, "%s", error.text);
	cr_expect_str_eq(access.servers[0], "[fd00::1]:443");
	cr_expect_str_eq(access.namespace, "default");
	rk_arena_done(&arena);
}

Test(kubeconfig, what_cannot_be_used_is_named)
{
	static const struct {
		struct rk_kubeconfig_choice choice;
		int err;
		const char *part;
	} cases[] = {
		{ { .context = "none" }, RK_ENOENT, "context \"none\"" },
		{ { .context = "broken" }, RK_ENOENT, "cluster \"nowhere\"" },
		{ { .context = "exec" }, RK_ENOTSUP, "exec" },
		{ { .context = "token", .server = "http://x" }, RK_ENOTSUP, "without TLS" },
		{ { .user = "none" }, RK_ENOENT, "user \"none\"" },
		{ { .server = "ftp://x" }, RK_EINVAL, "ftp://x" },
		{ { .server = "https://x/path" }, RK_ENOTSUP, "path" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_access access = { 0 };
		struct rk_error error = { 0 };
		cr_expect_eq(resolve(&arena, &cases[i].choice, &access, &error), cases[i].err);
		cr_expect(strstr(error.text, cases[i].part) != NULL, "%s", error.text);
		cr_expect(strstr(error.text, "secret") == NULL);
		rk_arena_done(&arena);
	}
}
