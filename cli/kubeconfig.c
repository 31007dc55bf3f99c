#include "cli/kubeconfig.h"

#include "base/mem.h"
#include "control/account.h"
#include "wire/base64.h"
#include "wire/yaml.h"

#define IN_CLUSTER "in-cluster"

static struct rk_val *named(const struct rk_val *list, struct rk_span name)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(list, i), "name"), name))
			return rk_val_item(list, i);
	return NULL;
}

static void anchor(struct rk_arena *arena, struct rk_val *map, const char *field, const char *path)
{
	const struct rk_span file = rk_val_text_at(map, field);
	const char *slash = strrchr(path, '/');

	if (file.size == 0 || file.data[0] == '/' || slash == NULL)
		return;
	rk_val_put(arena, map, field,
		   rk_val_strf(arena, "%.*s/%.*s", (int)(slash - path), path, RK_SPAN_ARGS(file)));
}

static void merge_list(struct rk_arena *arena, struct rk_val *config, const struct rk_val *file,
		       const char *lists, const char *inner, const char *path)
{
	static const char *const paths[] = { "certificate-authority", "client-certificate",
					     "client-key", "tokenFile" };
	struct rk_val *to = rk_val_at(config, lists);
	const struct rk_val *from = rk_val_at(file, lists);

	if (to == NULL) {
		to = rk_val_list(arena);
		rk_val_put(arena, config, lists, to);
	}
	for (uint32_t i = 0; i < rk_val_count(from); i++) {
		struct rk_val *item = rk_val_item(from, i);
		if (named(to, rk_val_text_at(item, "name")) != NULL)
			continue;
		for (size_t n = 0; n < RK_COUNT(paths); n++)
			anchor(arena, rk_val_at(item, inner), paths[n], path);
		rk_val_append(arena, to, item);
	}
}

int rk_kubeconfig_merge(struct rk_arena *arena, struct rk_val *config, struct rk_span text,
			const char *path, struct rk_error *error)
{
	struct rk_val *docs = NULL;

	if (rk_yaml_parse(arena, rk_arena_span(arena, text), &docs, error) < 0)
		return rk_fail_wrap(error, RK_EINVAL, "%s", path);
	if (rk_val_count(docs) == 0)
		return RK_OK;
	const struct rk_val *file = rk_val_item(docs, 0);
	if (!rk_val_is(file, RK_VAL_MAP) || !rk_span_is(rk_val_text_at(file, "kind"), "Config"))
		return rk_fail(error, RK_EINVAL, "%s is not a kubeconfig (kind: Config)", path);
	const struct rk_span current = rk_val_text_at(file, "current-context");
	if (current.size > 0 && rk_val_text_at(config, "current-context").size == 0)
		rk_val_put_str(arena, config, "current-context", current);
	merge_list(arena, config, file, "clusters", "cluster", path);
	merge_list(arena, config, file, "contexts", "context", path);
	merge_list(arena, config, file, "users", "user", path);
	return RK_OK;
}

static int server_address(struct rk_arena *arena, struct rk_span url, bool *ret_plain,
			  const char **ret, struct rk_error *error)
{
	bool is_plain = false;
	struct rk_span host = url, path;

	if (rk_span_starts(host, RK_SPAN("https://"))) {
		host = rk_span_sub(host, 8, host.size);
	} else if (rk_span_starts(host, RK_SPAN("http://"))) {
		host = rk_span_sub(host, 7, host.size);
		is_plain = true;
	} else if (memmem(url.data, url.size, "://", 3) != NULL) {
		return rk_fail(error, RK_EINVAL, "the server %.*s is neither https:// nor http://",
			       RK_SPAN_ARGS(url));
	}
	path = rk_span_cut(host, '/', &host);
	if (path.size > 0)
		return rk_fail(error, RK_ENOTSUP, "a server below a path is not supported: %.*s",
			       RK_SPAN_ARGS(url));
	if (host.size == 0)
		return rk_fail(error, RK_EINVAL, "the server \"%.*s\" has no host",
			       RK_SPAN_ARGS(url));
	const uint8_t *colon = memrchr(host.data, ':', host.size);
	const uint8_t *bracket = memrchr(host.data, ']', host.size);
	const bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
	*ret = has_port
		       ? rk_arena_str(arena, host)
		       : rk_arena_printf(arena, "%.*s:%d", RK_SPAN_ARGS(host), is_plain ? 80 : 443);
	*ret_plain = is_plain;
	return RK_OK;
}

static struct rk_span ca_of(const struct rk_val *cluster)
{
	const struct rk_span data = rk_val_text_at(cluster, "certificate-authority-data");

	return data.size > 0 ? data : rk_val_text_at(cluster, "certificate-authority");
}

static void add_others(struct rk_arena *arena, const struct rk_val *config,
		       const struct rk_val *cluster, struct rk_access *access)
{
	const struct rk_val *clusters = rk_val_at(config, "clusters");

	for (uint32_t i = 0; i < rk_val_count(clusters); i++) {
		const struct rk_val *other = rk_val_at(rk_val_item(clusters, i), "cluster");
		const char *address = NULL;
		bool is_plain;
		if (other == cluster || ca_of(other).size == 0 ||
		    !rk_span_eq(ca_of(other), ca_of(cluster)) ||
		    access->server_count == RK_ACCESS_SERVERS_MAX ||
		    server_address(arena, rk_val_text_at(other, "server"), &is_plain, &address,
				   NULL) < 0 ||
		    is_plain)
			continue;
		access->servers[access->server_count++] = address;
	}
}

/* PEM from FIELD-data (base64), or the path in FIELD. */
static int credential(struct rk_arena *arena, const struct rk_val *map, const char *field,
		      const char **path, struct rk_span *pem, struct rk_error *error)
{
	const char *data_field = rk_arena_printf(arena, "%s-data", field);
	const struct rk_span data = rk_val_text_at(map, data_field);
	const struct rk_span file = rk_val_text_at(map, field);

	if (*path != NULL)
		return RK_OK;
	if (data.size > 0 && !rk_base64_decode(arena, data, pem))
		return rk_fail(error, RK_EINVAL, "kubeconfig: %s is not base64", data_field);
	if (data.size == 0 && file.size > 0)
		*path = rk_arena_str(arena, file);
	return RK_OK;
}

static int user_of(struct rk_arena *arena, const struct rk_val *user, struct rk_access *access,
		   struct rk_error *error)
{
	static const char *const others[] = { "username", "auth-provider", "exec", "as" };
	const struct rk_span file = rk_val_text_at(user, "tokenFile");

	for (size_t i = 0; i < RK_COUNT(others); i++)
		if (rk_val_at(user, others[i]) != NULL)
			return rk_fail(
				error, RK_ENOTSUP,
				"kubeconfig: users log in by client certificate or token; \"%s\" is "
				"not supported",
				others[i]);
	access->token = rk_val_text_at(user, "token");
	access->token_path = file.size > 0 ? rk_arena_str(arena, file) : NULL;
	if (access->is_plain && (access->token.size > 0 || access->token_path != NULL))
		return rk_fail(error, RK_ENOTSUP, "a token is not sent without TLS");
	RK_TRY(credential(arena, user, "client-certificate", &access->cert_path, &access->cert,
			  error));
	return credential(arena, user, "client-key", &access->key_path, &access->key, error);
}

void rk_kubeconfig_in_cluster(struct rk_arena *arena, struct rk_val *config, const char *host,
			      const char *port, struct rk_span namespace)
{
	static const char *const lists[][2] = { { "clusters", "cluster" },
						{ "users", "user" },
						{ "contexts", "context" } };
	const bool is_v6 = strchr(host, ':') != NULL;
	struct rk_val *parts[RK_COUNT(lists)];

	for (size_t i = 0; i < RK_COUNT(lists); i++) {
		struct rk_val *list = rk_val_list(arena), *item = rk_val_map(arena);
		rk_val_put_cstr(arena, item, "name", IN_CLUSTER);
		parts[i] = rk_val_make(arena, item, lists[i][1]);
		rk_val_append(arena, list, item);
		rk_val_put(arena, config, lists[i][0], list);
	}
	rk_val_put(arena, parts[0], "server",
		   rk_val_strf(arena, "https://%s%s%s:%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
			       port));
	rk_val_put_cstr(arena, parts[0], "certificate-authority", RK_ACCOUNT_PLACE "/ca.crt");
	rk_val_put_cstr(arena, parts[1], "tokenFile", RK_ACCOUNT_PLACE "/token");
	rk_val_put_cstr(arena, parts[2], "cluster", IN_CLUSTER);
	rk_val_put_cstr(arena, parts[2], "user", IN_CLUSTER);
	if (namespace.size > 0)
		rk_val_put_str(arena, parts[2], "namespace", namespace);
	rk_val_put_cstr(arena, config, "current-context", IN_CLUSTER);
}

bool rk_kubeconfig_is_empty(const struct rk_val *config, const struct rk_kubeconfig_choice *choice)
{
	return rk_val_count(rk_val_at(config, "clusters")) == 0 &&
	       rk_val_count(rk_val_at(config, "users")) == 0 &&
	       rk_val_count(rk_val_at(config, "contexts")) == 0 && choice->server == NULL &&
	       choice->context == NULL && choice->cluster == NULL && choice->user == NULL;
}

static int find(const struct rk_val *config, const char *lists, const char *what,
		struct rk_span name, const struct rk_val **ret, struct rk_error *error)
{
	const struct rk_val *item = named(rk_val_at(config, lists), name);

	if (item == NULL)
		return rk_fail(error, RK_ENOENT, "%s \"%.*s\" does not exist in the kubeconfig",
			       what, RK_SPAN_ARGS(name));
	*ret = rk_val_at(item, what);
	return RK_OK;
}

int rk_kubeconfig_resolve(struct rk_arena *arena, const struct rk_val *config,
			  const struct rk_kubeconfig_choice *choice, struct rk_access *ret,
			  struct rk_error *error)
{
	struct rk_access access = { .ca_path = choice->ca_path,
				    .cert_path = choice->cert_path,
				    .key_path = choice->key_path };
	const struct rk_val *context = NULL, *cluster = NULL, *user = NULL;
	struct rk_span name = rk_span_str(choice->context);

	if (name.size == 0)
		name = rk_val_text_at(config, "current-context");
	if (name.size > 0)
		RK_TRY(find(config, "contexts", "context", name, &context, error));
	name = rk_span_str(choice->cluster);
	if (name.size == 0)
		name = rk_val_text_at(context, "cluster");
	if (name.size > 0)
		RK_TRY(find(config, "clusters", "cluster", name, &cluster, error));
	name = rk_span_str(choice->user);
	if (name.size == 0)
		name = rk_val_text_at(context, "user");
	if (name.size > 0)
		RK_TRY(find(config, "users", "user", name, &user, error));
	struct rk_span url = rk_span_str(choice->server);
	if (url.size == 0)
		url = rk_val_text_at(cluster, "server");
	if (url.size == 0)
		return rk_fail(error, RK_ENOENT,
			       "no cluster is chosen: set KUBECONFIG (a local cluster writes "
			       "DIR/admin.kubeconfig), or give --kubeconfig or --server");
	RK_TRY(server_address(arena, url, &access.is_plain, &access.servers[0], error));
	access.server_count = 1;
	if (choice->server == NULL && !access.is_plain)
		add_others(arena, config, cluster, &access);
	if (rk_val_bool_at(cluster, "insecure-skip-tls-verify", false))
		return rk_fail(error, RK_ENOTSUP,
			       "kubeconfig: insecure-skip-tls-verify is not supported; give the "
			       "certificate-authority");
	RK_TRY(credential(arena, cluster, "certificate-authority", &access.ca_path, &access.ca,
			  error));
	RK_TRY(user_of(arena, user, &access, error));
	const struct rk_span server_name = rk_val_text_at(cluster, "tls-server-name");
	access.server_name = server_name.size > 0 ? rk_arena_str(arena, server_name) : NULL;
	const struct rk_span space = rk_val_text_at(context, "namespace");
	access.namespace = choice->namespace != NULL ? choice->namespace
			   : space.size > 0          ? rk_arena_str(arena, space)
						     : "default";
	*ret = access;
	return RK_OK;
}
