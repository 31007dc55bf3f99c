#include "cli/absent_io.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/call_io.h"
#include "wire/json.h"

#define AGAIN_MS   10000 /* whatever has changed in the slices meanwhile */
#define ENDPOINTS  "/api/v1/namespaces/default/endpoints"

static int ask(const struct rk_advertise_opts *opts, struct rk_arena *arena, const char *method,
	       const char *target, const char *body, struct rk_val **ret, struct rk_error *error)
{
	const bool is_patch = strcmp(method, "PATCH") == 0;
	const struct rk_call call = { .method = method,
				      .target = target,
				      .type = is_patch ? "application/json-patch+json" : "application/json",
				      .body = rk_span_str(body),
				      .answer_max = RK_ADVERTISE_ANSWER_MAX,
				      .timeout_ms = RK_ADVERTISE_MS };
	struct rk_span text;
	int status = 0;

	RK_TRY(rk_call(opts->ask, opts->client, &call, arena, &status, &text, error));
	if (status == 404)
		return rk_fail(error, RK_ENOENT, "%s is not there", target);
	if (status != 200 && status != 201)
		return rk_fail(error, RK_EAGAIN, "%s %s was answered %d", method, target, status);
	return rk_json_parse(arena, text, 0, ret, error);
}

/* --- who is there --- */

static size_t place_of(struct rk_absent *absent, int64_t id, int64_t now_ms)
{
	size_t at = 0;

	while (at < absent->count && absent->at[at].id != id)
		at++;
	if (at == absent->count && at < RK_ABSENT_MEMBERS) {
		absent->at[at].id = id;
		absent->at[at].heard_ms = now_ms; /* time to show itself */
		absent->count++;
	}
	return at;
}

/* The members that there are, with when they were heard of last. */
static void see(struct rk_absent *absent, const struct rk_val *members, int64_t now_ms)
{
	struct rk_absent seen = { .told = absent->told, .told_ms = absent->told_ms };

	for (uint32_t i = 0; i < rk_val_count(members) && i < RK_ABSENT_MEMBERS; i++) {
		const struct rk_val *member = rk_val_item(members, i);
		const int64_t id = rk_val_int_at(member, "id", 0);
		const size_t at = place_of(absent, id, now_ms);
		seen.at[i].id = id;
		seen.at[i].heard_ms = rk_val_bool_at(member, "active", false) || at == RK_ABSENT_MEMBERS
					      ? now_ms
					      : absent->at[at].heard_ms;
		seen.count++;
	}
	*absent = seen;
}

static bool is_there(const struct rk_absent *absent, size_t at, int64_t now_ms)
{
	return now_ms - absent->at[at].heard_ms < RK_ABSENT_AFTER_MS;
}

static uint64_t hash_of(const struct rk_absent *absent, int64_t now_ms)
{
	uint64_t hash = 1;

	for (size_t i = 0; i < absent->count; i++) {
		const int64_t say[2] = { absent->at[i].id, is_there(absent, i, now_ms) };
		hash = rk_hash64(rk_span_of(say, sizeof say), hash);
	}
	return hash;
}

/* --- what the slices say --- */

static int set_slice(const struct rk_advertise_opts *opts, struct rk_arena *arena,
		     const struct rk_val *slice, const struct rk_absent *absent, int64_t now_ms,
		     bool *ret_is_ready, struct rk_error *error)
{
	const struct rk_span label = rk_val_text(
		rk_val_get(rk_val_at(slice, "metadata.labels"), RK_SPAN(RK_ADVERTISE_LABEL)));
	const char *target = rk_arena_printf(arena, RK_ADVERTISE_SLICES "/%.*s",
					     RK_SPAN_ARGS(rk_val_text_at(slice, "metadata.name")));
	const struct rk_val *endpoint = rk_val_item(rk_val_at(slice, "endpoints"), 0);
	struct rk_val *answer;
	uint64_t id;
	size_t at = 0;

	if (!rk_span_u64(label, &id) || endpoint == NULL)
		return RK_OK; /* somebody else's */
	while (at < absent->count && absent->at[at].id != (int64_t)id)
		at++;
	if (at == absent->count) {
		rk_log(RK_LOG_INFO, "no member any more", "slice=%s", target);
		return ask(opts, arena, "DELETE", target, NULL, &answer, error);
	}
	const bool is_ready = *ret_is_ready = is_there(absent, at, now_ms);
	if (rk_val_bool_at(endpoint, "conditions.ready", true) == is_ready)
		return RK_OK;
	rk_log(RK_LOG_INFO, is_ready ? "member is back" : "member is not heard of",
	       "id=%llu service=default/kubernetes", (unsigned long long)id);
	return ask(opts, arena, "PATCH", target,
		   is_ready ? "[{\"op\":\"add\",\"path\":\"/endpoints/0/conditions/ready\",\"value\":true}]"
			    : "[{\"op\":\"add\",\"path\":\"/endpoints/0/conditions/ready\",\"value\":false}]",
		   &answer, error);
}

/* --- the same as Endpoints, for clients that do not know slices --- */

static struct rk_val *subset_of(struct rk_arena *arena, const struct rk_val *slice)
{
	const struct rk_val *endpoint = rk_val_item(rk_val_at(slice, "endpoints"), 0),
			    *port = rk_val_item(rk_val_at(slice, "ports"), 0);
	struct rk_val *subset = rk_val_map(arena), *address = rk_val_map(arena), *one = rk_val_map(arena),
		      *addresses = rk_val_list(arena), *ports = rk_val_list(arena);

	rk_val_put(arena, address, "ip",
		   rk_val_copy(arena, rk_val_item(rk_val_at(endpoint, "addresses"), 0)));
	rk_val_append(arena, addresses, address);
	rk_val_put_cstr(arena, one, "name", "https");
	rk_val_put_int(arena, one, "port", rk_val_int_at(port, "port", 0));
	rk_val_put_cstr(arena, one, "protocol", "TCP");
	rk_val_append(arena, ports, one);
	rk_val_put(arena, subset, "addresses", addresses);
	rk_val_put(arena, subset, "ports", ports);
	return subset;
}

static int set_endpoints(const struct rk_advertise_opts *opts, struct rk_arena *arena,
			 struct rk_val *subsets, struct rk_error *error)
{
	struct rk_val *had = NULL, *map = rk_val_map(arena), *answer;
	struct rk_buf text = { 0 };
	const int err = ask(opts, arena, "GET", ENDPOINTS "/kubernetes", NULL, &had, error);

	if (err < 0 && err != RK_ENOENT)
		return err;
	if (err == RK_OK && rk_val_eq(rk_val_at(had, "subsets"), subsets))
		return RK_OK;
	rk_val_put_cstr(arena, map, "apiVersion", "v1");
	rk_val_put_cstr(arena, map, "kind", "Endpoints");
	rk_val_set_at(arena, map, "metadata.name", rk_val_cstr(arena, "kubernetes"));
	/* The members' slices are there already. */
	rk_val_put_cstr(arena, rk_val_make(arena, map, "metadata.labels"),
			"endpointslice.kubernetes.io/skip-mirror", "true");
	rk_val_put(arena, map, "subsets", subsets);
	rk_json_write(&text, map, false);
	const char *body = rk_arena_str(arena, rk_buf_span(&text));
	rk_buf_done(&text);
	return ask(opts, arena, err == RK_OK ? "PUT" : "POST",
		   err == RK_OK ? ENDPOINTS "/kubernetes" : ENDPOINTS, body, &answer, error);
}

static int set_slices(const struct rk_advertise_opts *opts, struct rk_arena *arena,
		      const struct rk_absent *absent, int64_t now_ms, struct rk_error *error)
{
	struct rk_val *list = NULL, *subsets = rk_val_list(arena);

	RK_TRY(ask(opts, arena, "GET",
		   RK_ADVERTISE_SLICES "?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes", NULL, &list,
		   error));
	const struct rk_val *items = rk_val_at(list, "items");
	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		bool is_ready = false;
		RK_TRY(set_slice(opts, arena, rk_val_item(items, i), absent, now_ms, &is_ready, error));
		if (is_ready)
			rk_val_append(arena, subsets, subset_of(arena, rk_val_item(items, i)));
	}
	return rk_val_count(items) > 0 ? set_endpoints(opts, arena, subsets, error) : RK_OK;
}

int rk_absent_look(struct rk_absent *absent, const struct rk_advertise_opts *opts, int64_t now_ms,
		   struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *status = NULL;

	RK_TRY(ask(opts, &arena, "GET", "/reckon/v1/status", NULL, &status, error));
	if (!rk_span_is(rk_val_text_at(status, "role"), "leader")) {
		*absent = (struct rk_absent){ 0 };
		return RK_OK;
	}
	see(absent, rk_val_at(status, "members"), now_ms);
	const uint64_t says = hash_of(absent, now_ms);
	if (says == absent->told && now_ms - absent->told_ms < AGAIN_MS)
		return RK_OK;
	RK_TRY(set_slices(opts, &arena, absent, now_ms, error));
	absent->told = says;
	absent->told_ms = now_ms;
	return RK_OK;
}
