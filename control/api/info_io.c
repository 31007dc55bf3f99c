/* What the server says about itself: version, health, discovery, OpenAPI, its status and its log.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "config.h"
#include "control/api/server.h"
#include "control/logview.h"
#include "control/schema/discovery.h"
#include "control/status.h"
#include "raft/wal_io.h"
#include "wire/doc.h"
#include "wire/gzip.h"
#include "wire/json.h"

#define LOG_LIMIT_MAX 10000
#define ZIP_BYTES                                                                                  \
	1024 /* documents are compressed once, and asked for by every client that starts */

/* --- documents that never change while the process runs: made once, when first asked for --- */

static struct rk_blob *json_of(const struct rk_val *val)
{
	struct rk_buf out = { 0 };

	rk_json_write(&out, val, false);
	rk_buf_put_u8(&out, '\n');
	struct rk_blob *blob = rk_blob_copy(rk_buf_span(&out));
	rk_buf_done(&out);
	return blob;
}

enum document {
	DOC_AGGREGATED, /* four: core or groups, v2 or v2beta1 */
	DOC_GROUPS = DOC_AGGREGATED + 4,
	DOC_OPENAPI_V2_JSON,
	DOC_OPENAPI_V2_PROTO,
	DOC_OPENAPI_V3_ROOT,
	DOC_OPENAPI_V3, /* one for each group and version, by the place of its first kind */
};

/* Those that are about other kinds than these go. */
static void forget_others(struct rk_api *api, const struct rk_kinds *kinds)
{
	if (api->documents_kinds == kinds)
		return;
	for (size_t i = 0; i < RK_COUNT(api->documents); i++) {
		api->documents[i] = rk_blob_unref(api->documents[i]);
		api->compressed[i] = rk_blob_unref(api->compressed[i]);
	}
	(void)rk_kinds_free(api->documents_kinds);
	api->documents_kinds = rk_kinds_ref(kinds);
}

/* A share of the document, from the cache or made now; NULL when there is no such document. */
static struct rk_blob *document(struct rk_req *req, unsigned number,
				struct rk_blob *(*make)(struct rk_req *req, unsigned number))
{
	struct rk_api *api = req->thread->api;

	if (number >= RK_COUNT(api->documents))
		return make(req, number);
	(void)pthread_mutex_lock(&api->lock);
	forget_others(api, req->kinds);
	struct rk_blob *blob = rk_blob_ref(api->documents[number]);
	(void)pthread_mutex_unlock(&api->lock);
	if (blob != NULL)
		return blob;
	blob = make(req, number);
	(void)pthread_mutex_lock(&api->lock);
	if (api->documents[number] == NULL && api->documents_kinds == req->kinds)
		api->documents[number] = rk_blob_ref(blob);
	(void)pthread_mutex_unlock(&api->lock);
	return blob;
}

static struct rk_blob *make_aggregated(struct rk_req *req, unsigned number)
{
	const bool is_core = (number & 2) == 0;

	return json_of(rk_discovery_aggregated(&req->arena, req->kinds, is_core,
					       (number & 1) == 0 ? "v2" : "v2beta1"));
}

static struct rk_blob *make_groups(struct rk_req *req, unsigned number)
{
	(void)number;
	return json_of(rk_discovery_groups(&req->arena, req->kinds));
}

static struct rk_blob *make_v2(struct rk_req *req, unsigned number)
{
	struct rk_val *val = rk_openapi_v2(&req->arena, req->kinds);
	struct rk_buf out = { 0 };

	if (number == DOC_OPENAPI_V2_JSON)
		return json_of(val);
	rk_openapi_v2_proto(&out, val);
	struct rk_blob *blob = rk_blob_copy(rk_buf_span(&out));
	rk_buf_done(&out);
	return blob;
}

static struct rk_blob *make_v3_root(struct rk_req *req, unsigned number)
{
	(void)number;
	return json_of(rk_openapi_root(&req->arena, req->kinds));
}

static struct rk_blob *make_v3(struct rk_req *req, unsigned number)
{
	struct rk_val *val = rk_openapi_v3(&req->arena, req->kinds,
					   req->route.group, req->route.version);

	(void)number;
	return val != NULL ? json_of(val) : NULL;
}

/* The same compressed, made once too. */
static struct rk_blob *document_gzip(struct rk_req *req, unsigned number, struct rk_blob *plain)
{
	struct rk_api *api = req->thread->api;
	struct rk_blob *blob = NULL;

	if (number < RK_COUNT(api->documents)) {
		(void)pthread_mutex_lock(&api->lock);
		blob = rk_blob_ref(api->compressed[number]);
		(void)pthread_mutex_unlock(&api->lock);
	}
	if (blob != NULL)
		return blob;
	blob = rk_gzip_of(rk_blob_span(plain));
	if (number < RK_COUNT(api->documents)) {
		(void)pthread_mutex_lock(&api->lock);
		if (api->compressed[number] == NULL && api->documents[number] == plain)
			api->compressed[number] = rk_blob_ref(blob);
		(void)pthread_mutex_unlock(&api->lock);
	}
	return blob;
}

/* With an ETag, so that a client which has it already gets 304 and no bytes. */
static void send_document(struct rk_req *req, const char *type, unsigned number,
			  struct rk_blob *blob)
{
	const struct rk_hash128 hash = rk_hash128(rk_blob_span(blob), 0);
	char tag[48];

	(void)snprintf(tag, sizeof tag, "\"%016" PRIX64 "%016" PRIX64 "\"", hash.high, hash.low);
	const struct rk_http_header headers[] = {
		{ RK_SPAN("content-type"), rk_span_str(type) },
		{ RK_SPAN("etag"), rk_span_str(tag) },
		{ RK_SPAN("vary"), RK_SPAN("Accept, Accept-Encoding") },
		{ RK_SPAN("cache-control"), RK_SPAN("public") },
		rk_req_audit_id(req),
		{ RK_SPAN("content-encoding"), RK_SPAN("gzip") }
	};
	const bool zips = blob->size > ZIP_BYTES &&
			  rk_gzip_is_taken(rk_http_header(req->http, "accept-encoding"));
	if (rk_span_is(rk_http_header(req->http, "if-none-match"), tag)) {
		(void)rk_blob_unref(blob);
		rk_http_respond(req->exchange, 304, headers + 1, 4, NULL);
		return;
	}
	if (zips) {
		struct rk_blob *plain = blob;
		blob = document_gzip(req, number, plain);
		(void)rk_blob_unref(plain);
	}
	rk_http_respond(req->exchange, 200, headers, zips ? 6 : 5, blob);
}

static void discovery(struct rk_req *req)
{
	const bool is_core = req->route.what == RK_ROUTE_API;
	const char *version = rk_form_aggregated(rk_http_header(req->http, "accept"));
	const char *type = "application/json";

	if (version != NULL) {
		const bool is_v2 = strcmp(version, "v2") == 0;
		const unsigned number = DOC_AGGREGATED + (is_core ? 0u : 2u) + (is_v2 ? 0u : 1u);
		type = is_v2 ? "application/"
			       "json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
			     : "application/"
			       "json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
		send_document(req, type, number, document(req, number, make_aggregated));
	} else if (is_core) {
		rk_req_val(req, 200,
			   rk_discovery_api(&req->arena, rk_http_header(req->http, "host")));
	} else {
		send_document(req, type, DOC_GROUPS, document(req, DOC_GROUPS, make_groups));
	}
}

static void or_not_found(struct rk_req *req, const struct rk_val *val)
{
	if (val != NULL)
		rk_req_val(req, 200, val);
	else
		rk_req_not_found(req);
}

static bool contains(struct rk_span text, const char *part)
{
	return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static void openapi_v2(struct rk_req *req)
{
	const bool proto =
		contains(rk_http_header(req->http, "accept"), "com.github.proto-openapi.spec.v2");

	const unsigned number = proto ? DOC_OPENAPI_V2_PROTO : DOC_OPENAPI_V2_JSON;

	send_document(req, proto ? "application/octet-stream" : "application/json", number,
		      document(req, number, make_v2));
}

static void openapi_v3(struct rk_req *req)
{
	const struct rk_kinds *kinds = req->kinds;

	if (req->route.version.size == 0) {
		send_document(req, "application/json", DOC_OPENAPI_V3_ROOT,
			      document(req, DOC_OPENAPI_V3_ROOT, make_v3_root));
		return;
	}
	for (unsigned i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		if (!rk_span_is(req->route.group, kind->group) ||
		    !rk_span_is(req->route.version, kind->version))
			continue;
		struct rk_blob *blob = document(req, DOC_OPENAPI_V3 + i, make_v3);
		if (blob == NULL)
			break;
		send_document(req, "application/json", DOC_OPENAPI_V3 + i, blob);
		return;
	}
	rk_req_not_found(req);
}

/* --- version and health --- */

static void version(struct rk_req *req)
{
	static const struct {
		const char *key, *value;
	} fields[] = {
		{ "major", "1" },
		{ "minor", "32" },
		{ "gitVersion", RK_API_VERSION },
		{ "gitCommit", "" },
		{ "gitTreeState", "clean" },
		{ "buildDate", "1970-01-01T00:00:00Z" },
		{ "goVersion", "none" },
		{ "compiler", "cc" },
		{ "platform", "linux/amd64" },
	};
	struct rk_val *val = rk_val_map(&req->arena);

	for (size_t i = 0; i < RK_COUNT(fields); i++)
		rk_val_put_cstr(&req->arena, val, fields[i].key, fields[i].value);
	rk_req_val(req, 200, val);
}

static void root(struct rk_req *req)
{
	static const char *const paths[] = { "/.well-known/openid-configuration",
					     "/api",
					     "/api/v1",
					     "/apis",
					     "/healthz",
					     "/livez",
					     "/metrics",
					     "/openapi/v2",
					     "/openapi/v3",
					     "/openid/v1/jwks",
					     "/readyz",
					     "/reckon/v1/backup",
					     "/reckon/v1/log",
					     "/reckon/v1/members",
					     "/reckon/v1/status",
					     "/reckon/v1/transfer",
					     "/version" };
	struct rk_val *val = rk_val_map(&req->arena), *list = rk_val_list(&req->arena);

	for (size_t i = 0; i < RK_COUNT(paths); i++)
		rk_val_append(&req->arena, list, rk_val_cstr(&req->arena, paths[i]));
	rk_val_put(&req->arena, val, "paths", list);
	rk_req_val(req, 200, val);
}

/* --- the member and its log --- */

static void status_answered(struct rk_req *req, struct rk_feed_answer *answer)
{
	if (answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	struct rk_val *val = rk_doc_val(&req->arena, answer->results[0].doc);
	rk_val_put_cstr(&req->arena, val, "name", req->thread->api->name);
	rk_val_put_cstr(&req->arena, val, "version", PACKAGE_VERSION);
	rk_req_val(req, 200, val);
}

static void status(struct rk_req *req)
{
	if (rk_req_await(req, status_answered))
		rk_feed_status(req->thread->feed, req->id);
}

/* A page of entries: ?from=INDEX&limit=N&docs=true. */
static void log_page(struct rk_req *req)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *val = rk_val_map(arena), *entries = rk_val_list(arena);
	struct rk_wal_reader *reader = NULL;
	struct rk_record record;
	struct rk_error error;
	char dir[512];
	int64_t from = 0, limit = 0;
	int more;

	(void)rk_req_query_int(req, "from", &from);
	if (!rk_req_query_int(req, "limit", &limit) || limit > LOG_LIMIT_MAX)
		limit = 500;
	(void)snprintf(dir, sizeof dir, "%s/log", req->thread->api->dir);
	if (rk_wal_reader_open(&reader, dir, (uint64_t)from, &error) < 0) {
		rk_req_fail(req, 500, "InternalError", "%s", error.text);
		return;
	}
	while ((more = rk_wal_reader_next(reader, &record, NULL, &error)) == 1) {
		if (record.kind == RK_RECORD_LOST && record.trail.index >= record.entry.index)
			rk_val_put(arena, val, "damage",
				   rk_val_strf(arena,
					       "entries %llu to %llu were damaged on this member's "
					       "disk: ask another",
					       (unsigned long long)record.entry.index,
					       (unsigned long long)record.trail.index));
		if (record.kind != RK_RECORD_ENTRY || record.entry.index < (uint64_t)from)
			continue;
		while (rk_val_count(entries) > 0 &&
		       rk_val_int_at(rk_val_item(entries, rk_val_count(entries) - 1), "index", 0) >=
			       (int64_t)record.entry.index)
			rk_val_remove_item(entries, rk_val_count(entries) - 1);
		if ((int64_t)rk_val_count(entries) < limit)
			rk_val_append(
				arena, entries,
				rk_logview_entry(arena, &record, rk_req_query_bool(req, "docs")));
	}
	(void)rk_wal_reader_close(reader);
	rk_val_put(arena, val, "entries", entries);
	if (more < 0 && more != RK_EAGAIN)
		rk_val_put(arena, val, "damage", rk_val_strf(arena, "%s", error.text));
	rk_req_val(req, 200, val);
}

void rk_api_info(struct rk_req *req)
{
	const struct rk_kinds *kinds = req->kinds;

	if (strcmp(req->verb, "get") != 0) {
		rk_req_fail(req, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
		return;
	}
	switch (req->route.what) {
	case RK_ROUTE_ROOT: root(req); break;
	case RK_ROUTE_VERSION: version(req); break;
	case RK_ROUTE_HEALTH: rk_api_health(req); break;
	case RK_ROUTE_LOGS: rk_api_logs(req); break;
	case RK_ROUTE_METRICS: rk_api_metrics(req); break;
	case RK_ROUTE_OPENID:
	case RK_ROUTE_OPENID_KEYS: rk_api_token_keys(req); break;
	case RK_ROUTE_API:
	case RK_ROUTE_APIS: discovery(req); break;
	case RK_ROUTE_GROUP:
		or_not_found(req, rk_discovery_group(&req->arena, kinds, req->route.group));
		break;
	case RK_ROUTE_RESOURCES:
		or_not_found(req, rk_discovery_resources(&req->arena, kinds, req->route.group,
							 req->route.version));
		break;
	case RK_ROUTE_OPENAPI_V2: openapi_v2(req); break;
	case RK_ROUTE_OPENAPI_V3: openapi_v3(req); break;
	case RK_ROUTE_STATUS: status(req); break;
	case RK_ROUTE_LOG: log_page(req); break;
	case RK_ROUTE_BACKUP: rk_api_backup(req); break;
	case RK_ROUTE_NONE:
	case RK_ROUTE_MEMBERS:
	case RK_ROUTE_TRANSFER:
	case RK_ROUTE_OBJECTS:
	case RK_ROUTE_OBJECT: rk_req_not_found(req); break;
	}
}
