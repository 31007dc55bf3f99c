/* Changes of roles: their permissions stay sorted by key. */
#include "base/mem.h"
#include "control/etcd/auth_inner.h"
#include "wire/proto.h"

bool rk_etcd_role_is(struct rk_etcd_run *run, struct rk_span name)
{
	struct rk_buf out = { 0 };
	const bool is_there = rk_etcd_role_grants(rk_etcd_run_root(run), name, &out, 1);

	rk_buf_done(&out);
	return is_there;
}

enum rk_etcd_error rk_etcd_role_add(struct rk_etcd_run *run,
				    const struct rk_etcd_auth_request *request)
{
	struct rk_buf value = { 0 };

	if (request->first.size == 0)
		return RK_ETCD_ROLE_EMPTY;
	if (rk_etcd_role_is(run, request->first))
		return RK_ETCD_ROLE_EXISTS;
	rk_proto_put_bytes(&value, 1, request->first);
	rk_etcd_auth_store_named(run, RK_ETCD_ROLES, request->first, &value);
	rk_buf_done(&value);
	(void)rk_etcd_auth_count(run);
	return RK_ETCD_OK;
}

struct grant {
	int64_t kind;
	struct rk_etcd_range range;
};
static const struct rk_proto_row grant_rows[] = {
	{ 1, RK_PROTO_I64, offsetof(struct grant, kind) },
	{ 2, RK_PROTO_SPAN, offsetof(struct grant, range.key) },
	{ 3, RK_PROTO_SPAN, offsetof(struct grant, range.end) },
};

static bool is_range(const struct rk_etcd_range *range)
{
	return range->key.size > 0 &&
	       (range->end.size == 0 || rk_etcd_range_has(range, range->key));
}

static void put_grant(struct rk_buf *out, const struct grant *grant)
{
	struct rk_buf body = { 0 };

	rk_proto_put_number(&body, 1, (uint64_t)grant->kind);
	rk_proto_put_bytes(&body, 2, grant->range.key);
	rk_proto_put_bytes(&body, 3, grant->range.end);
	rk_proto_put_message(out, 2, rk_buf_span(&body));
	rk_buf_done(&body);
}

/* The role's permissions without that of `range`, and with `added` in its place; true when one of
 * that range was there. */
static bool rewrite_role(struct rk_etcd_run *run, struct rk_span name,
			 const struct rk_etcd_range *range, const struct grant *added)
{
	struct rk_buf value = { 0 }, old = { 0 };
	struct rk_proto_field field;
	bool was_there = false;

	(void)rk_etcd_role_grants(rk_etcd_run_root(run), name, &old, 2);
	struct rk_reader reader = rk_reader_of(rk_buf_span(&old));
	rk_proto_put_bytes(&value, 1, name);
	while (rk_proto_next(&reader, &field) == 1) {
		struct grant grant = { 0 };
		const int err =
			rk_proto_read(grant_rows, RK_COUNT(grant_rows), field.bytes, &grant);
		rk_assert(err == RK_OK);
		if (added != NULL && rk_span_cmp(range->key, grant.range.key) < 0) {
			put_grant(&value, added);
			added = NULL;
		}
		if (rk_span_eq(grant.range.key, range->key) &&
		    rk_span_eq(grant.range.end, range->end))
			was_there = true;
		else
			put_grant(&value, &grant);
	}
	if (added != NULL)
		put_grant(&value, added);
	rk_etcd_auth_store_named(run, RK_ETCD_ROLES, name, &value);
	rk_buf_done(&value);
	rk_buf_done(&old);
	return was_there;
}

/* name 1, permission 2 */
enum rk_etcd_error rk_etcd_role_grant(struct rk_etcd_run *run,
				      const struct rk_etcd_auth_request *request)
{
	struct grant grant = { 0 };

	if (request->second.data == NULL)
		return RK_ETCD_PERMISSION_NOT_GIVEN;
	if (rk_proto_read(grant_rows, RK_COUNT(grant_rows), request->second, &grant) < 0)
		return RK_ETCD_MALFORMED;
	if (!is_range(&grant.range) || grant.kind < RK_ETCD_READ || grant.kind > RK_ETCD_READ_WRITE)
		return RK_ETCD_BAD_MANAGEMENT;
	if (!rk_etcd_role_is(run, request->first))
		return RK_ETCD_ROLE_NOT_FOUND;
	(void)rewrite_role(run, request->first, &grant.range, &grant);
	(void)rk_etcd_auth_count(run);
	return RK_ETCD_OK;
}

/* role 1, key 2, range_end 3 */
enum rk_etcd_error rk_etcd_role_revoke(struct rk_etcd_run *run,
				       const struct rk_etcd_auth_request *request)
{
	const struct rk_etcd_range range = { request->second, request->third };

	if (!rk_etcd_role_is(run, request->first))
		return RK_ETCD_ROLE_NOT_FOUND;
	if (!rewrite_role(run, request->first, &range, NULL))
		return RK_ETCD_PERMISSION_NOT_GRANTED; /* the caller takes the rewriting back */
	(void)rk_etcd_auth_count(run);
	return RK_ETCD_OK;
}
