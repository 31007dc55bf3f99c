#include "cli/session_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "control/account.h"
#include "control/schema/custom.h"
#include "node/files_io.h"
#include "wire/doc.h"

#define KUBECONFIG_MAX (16u << 20)

static int add_file(struct rk_session *session, struct rk_val *config, const char *path,
		    bool must_exist, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	const int err = rk_file_read(path, KUBECONFIG_MAX, &text, error);

	if (err == RK_ENOENT && !must_exist)
		return RK_OK;
	RK_TRY(err);
	return rk_kubeconfig_merge(&session->arena, config, rk_buf_span(&text), path, error);
}

static int read_config(struct rk_session *session, struct rk_val *config, struct rk_error *error)
{
	struct rk_span list = rk_span_str(getenv("KUBECONFIG"));
	const char *home = getenv("HOME");

	if (session->kubeconfig != NULL)
		return add_file(session, config, session->kubeconfig, true, error);
	if (list.size == 0 && home != NULL)
		return add_file(session, config,
				rk_arena_printf(&session->arena, "%s/.kube/config", home), false,
				error);
	while (list.size > 0) {
		struct rk_span path;
		list = rk_span_cut(list, ':', &path);
		if (path.size > 0)
			RK_TRY(add_file(session, config, rk_arena_str(&session->arena, path), false,
					error));
	}
	return RK_OK;
}

/* In a pod, when nothing else says where the cluster is; what kubectl looks at. */
static void read_pod(struct rk_session *session, struct rk_val *config)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	struct rk_span namespace = rk_span_str(getenv("POD_NAMESPACE"));
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	if (host == NULL || host[0] == '\0' || port == NULL || port[0] == '\0' ||
	    !rk_kubeconfig_is_empty(config, &session->choice) ||
	    access(RK_ACCOUNT_PLACE "/token", F_OK) < 0)
		return;
	if (namespace.size == 0 &&
	    rk_file_read(RK_ACCOUNT_PLACE "/namespace", 1024, &text, NULL) == RK_OK)
		(void)rk_span_cut(rk_span_trim(rk_buf_span(&text)), '\n', &namespace);
	rk_kubeconfig_in_cluster(&session->arena, config, host, port,
				 rk_arena_span(&session->arena, namespace));
}

void rk_session_kinds(struct rk_session *session)
{
	if (session->kinds == NULL)
		session->kinds = rk_kinds_new();
}

/* The cluster's own kinds. Who may not see the definitions, or cannot reach the cluster, goes on with the
 * built-in ones: what the command asks for will tell. */
static void learn_kinds(struct rk_session *session)
{
	struct rk_val *list = NULL;
	struct rk_error error;

	if (rk_session_get(session, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &list,
			   &error) < 0)
		return;
	const struct rk_val *items = rk_val_at(list, "items");
	const struct rk_kinds *built_in = session->kinds;
	struct rk_custom **customs =
		rk_arena_alloc(&session->arena, (rk_val_count(items) + 1) * sizeof *customs);
	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		struct rk_blob *doc = rk_doc_of(rk_val_item(items, i));
		customs[i] = rk_custom_new(built_in, rk_blob_span(doc));
		(void)rk_blob_unref(doc);
	}
	session->kinds = rk_kinds_with(built_in, customs, rk_val_count(items));
	for (uint32_t i = 0; i < rk_val_count(items); i++)
		(void)rk_custom_unref(customs[i]);
	(void)rk_kinds_free(built_in);
}

int rk_session_open(struct rk_session *session, struct rk_error *error)
{
	struct rk_val *config = rk_val_map(&session->arena);
	struct rk_access access;

	rk_session_kinds(session);
	RK_TRY(read_config(session, config, error));
	read_pod(session, config);
	RK_TRY(rk_kubeconfig_resolve(&session->arena, config, &session->choice, &access, error));
	session->namespace = access.namespace;
	RK_TRY(rk_api_new(&session->api, &access, (uint32_t)session->request_ms, error));
	learn_kinds(session);
	return RK_OK;
}

void rk_session_tell(struct rk_session *session, const char *doing, const struct rk_error *error)
{
	const char *text = session->api != NULL ? rk_api_text(session->api) : NULL;
	const char *colon;

	session->has_failed = true;
	/* The whole of it: the error's own text may be cut. */
	if (text == NULL || strncmp(text, error->text, strlen(error->text)) != 0) {
		(void)fprintf(stderr, "error: %s%s%s\n", doing != NULL ? doing : "",
			      doing != NULL ? ": " : "", error->text);
		return;
	}
	colon = strstr(text, ": ");
	if (doing != NULL && colon != NULL && strncmp(text, "Error from server", 17) == 0)
		(void)fprintf(stderr, "%.*s: %s%s\n", (int)(colon - text), text, doing, colon);
	else
		(void)fprintf(stderr, "%s\n", text);
}

int rk_session_end(struct rk_session *session, int err, const struct rk_error *error)
{
	if (err < 0)
		rk_session_tell(session, NULL, error);
	if (fflush(stdout) != 0 && errno != EPIPE)
		session->has_failed = true;
	session->api = rk_api_free(session->api);
	session->kinds = rk_kinds_free(session->kinds);
	rk_arena_done(&session->arena);
	return session->has_failed ? 1 : 0;
}

int rk_session_get(struct rk_session *session, const char *target, struct rk_val **ret,
		   struct rk_error *error)
{
	return rk_api_call(session->api, &session->arena, &(struct rk_api_call){ .target = target },
			   ret, error);
}

int rk_session_send(struct rk_session *session, const char *method, const char *target,
		    const char *type, const struct rk_val *body, struct rk_val **ret,
		    struct rk_error *error)
{
	return rk_api_call(session->api, &session->arena,
			   &(struct rk_api_call){
				   .method = method, .target = target, .type = type, .body = body },
			   ret, error);
}

static void put_part(struct rk_buf *out, struct rk_span part)
{
	rk_buf_put_u8(out, '/');
	rk_url_encode(out, part);
}

const char *rk_target(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span ns,
		      struct rk_span name, const char *sub)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };

	rk_buf_printf(&out, "%s/%s", kind->group[0] == '\0' ? "/api" : "/apis", kind->api_version);
	if (kind->namespaced && ns.size > 0) {
		rk_buf_put_str(&out, "/namespaces");
		put_part(&out, ns);
	}
	rk_buf_printf(&out, "/%s", kind->plural);
	if (name.size > 0)
		put_part(&out, name);
	if (sub != NULL)
		rk_buf_printf(&out, "/%s", sub);
	return rk_arena_str(arena, rk_buf_span(&out));
}

const char *rk_target_with(struct rk_arena *arena, const char *target, const char *key,
			   struct rk_span value)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };

	rk_buf_printf(&out, "%s%c%s=", target, strchr(target, '?') == NULL ? '?' : '&', key);
	rk_url_encode(&out, value);
	return rk_arena_str(arena, rk_buf_span(&out));
}
