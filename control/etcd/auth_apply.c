/* Changes of users, roles and tokens. Each that etcd counts adds one to auth's revision. */
#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/etcd/auth.h"
#include "control/follow.h"
#include "control/work.h"
#include "wire/proto.h"

static bool is_root(struct rk_span name) { return rk_span_is(name, "root"); }

/* --- storing --- */

static void store_auth(struct rk_etcd_run *run, const struct rk_etcd_auth *auth)
{
	struct rk_buf value = { 0 };

	rk_buf_put_u8(&value, auth->is_on);
	rk_buf_put_u64(&value, auth->epoch);
	rk_store_put(run->state->store, RK_ETCD_AUTH, rk_blob_copy(rk_buf_span(&value)),
		     auth->revision);
	rk_buf_done(&value);
}

/* Auth's revision goes on by one; returns it. */
static uint64_t count_change(struct rk_etcd_run *run)
{
	struct rk_etcd_auth auth = rk_etcd_auth(rk_etcd_run_root(run));

	auth.revision++;
	store_auth(run, &auth);
	return auth.revision;
}

static void store_named(struct rk_etcd_run *run, struct rk_span prefix, struct rk_span name,
			const struct rk_buf *value /* NULL: remove */)
{
	struct rk_buf key = { 0 };

	rk_buf_put_span(&key, prefix);
	rk_buf_put_span(&key, name);
	if (value != NULL)
		rk_store_put(run->state->store, rk_buf_span(&key), rk_blob_copy(rk_buf_span(value)),
			     0);
	else
		(void)rk_store_remove(run->state->store, rk_buf_span(&key));
	rk_buf_done(&key);
}

/* The user again, with other roles. */
struct roles {
	struct rk_span add, remove; /* or empty */
};
static void store_user(struct rk_etcd_run *run, const struct rk_etcd_user *user,
		       const struct roles *roles)
{
	struct rk_buf value = { 0 }, list = { 0 }, options = { 0 };
	struct rk_span add = roles->add;
	struct rk_proto_field field;

	rk_proto_put_bytes(&value, 1, user->name);
	rk_proto_put_bytes(&value, 2, user->password);
	rk_etcd_user_roles(user, &list, 3);
	struct rk_reader reader = rk_reader_of(rk_buf_span(&list));
	while (rk_proto_next(&reader, &field) == 1) { /* they stay sorted */
		if (add.size > 0 && rk_span_cmp(add, field.bytes) < 0) {
			rk_proto_put_message(&value, 3, add);
			add.size = 0;
		}
		if (roles->remove.size == 0 || !rk_span_eq(roles->remove, field.bytes))
			rk_proto_put_message(&value, 3, field.bytes);
	}
	rk_proto_put_bytes(&value, 3, add);
	rk_proto_put_number(&options, 1, user->no_password);
	rk_proto_put_bytes(&value, 4, rk_buf_span(&options));
	rk_proto_put_number(&value, 15, user->since);
	store_named(run, RK_ETCD_USERS, user->name, &value);
	rk_buf_done(&value);
	rk_buf_done(&list);
	rk_buf_done(&options);
}

/* --- on and off --- */

static enum rk_etcd_error enable(struct rk_etcd_run *run)
{
	struct rk_etcd_auth auth = rk_etcd_auth(rk_etcd_run_root(run));
	struct rk_etcd_user root;

	if (auth.is_on)
		return RK_ETCD_OK;
	if (!rk_etcd_user_get(rk_etcd_run_root(run), RK_SPAN("root"), &root))
		return RK_ETCD_ROOT_USER_MISSING;
	if (!rk_etcd_user_has(&root, RK_SPAN("root")))
		return RK_ETCD_ROOT_ROLE_MISSING;
	auth.is_on = true;
	store_auth(run, &auth);
	return RK_ETCD_OK;
}

static enum rk_etcd_error disable(struct rk_etcd_run *run)
{
	struct rk_etcd_auth auth = rk_etcd_auth(rk_etcd_run_root(run));

	if (!auth.is_on)
		return RK_ETCD_OK;
	auth.is_on = false;
	auth.epoch = ++auth.revision;
	store_auth(run, &auth);
	return RK_ETCD_OK;
}

/* --- requests: of them all, by their field numbers --- */

struct request {
	struct rk_span first, second, third, fourth;
};
static const struct rk_proto_row request_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct request, first) },
	{ 2, RK_PROTO_SPAN, offsetof(struct request, second) },
	{ 3, RK_PROTO_SPAN, offsetof(struct request, third) },
	{ 4, RK_PROTO_SPAN, offsetof(struct request, fourth) },
};

/* name 1, options 3, hash of the password 4 */
static enum rk_etcd_error user_add(struct rk_etcd_run *run, const struct request *request)
{
	struct rk_etcd_numbers options;
	struct rk_etcd_user user;

	if (request->first.size == 0)
		return RK_ETCD_USER_EMPTY;
	if (rk_etcd_user_get(rk_etcd_run_root(run), request->first, &user))
		return RK_ETCD_USER_EXISTS;
	if (rk_etcd_read_numbers(request->third, &options) < 0)
		return RK_ETCD_MALFORMED;
	user = (struct rk_etcd_user){ .name = request->first,
				      .no_password = options.first != 0,
				      .since = count_change(run) };
	if (!user.no_password)
		user.password = request->fourth;
	store_user(run, &user, &(struct roles){ 0 });
	return RK_ETCD_OK;
}

/* The user as it is, in the entry's arena, so that it outlives its change. */
static bool user_of(struct rk_etcd_run *run, struct rk_span name, struct rk_etcd_user *ret)
{
	const struct rk_node *root = rk_etcd_run_root(run);

	if (!rk_etcd_user_get(root, name, ret))
		return false;
	ret->encoded = rk_arena_span(&run->state->arena, ret->encoded);
	ret->name = rk_arena_span(&run->state->arena, ret->name);
	ret->password = rk_arena_span(&run->state->arena, ret->password);
	return true;
}

static enum rk_etcd_error user_delete(struct rk_etcd_run *run, const struct request *request)
{
	struct rk_etcd_user user;

	if (rk_etcd_auth(rk_etcd_run_root(run)).is_on && is_root(request->first))
		return RK_ETCD_BAD_MANAGEMENT;
	if (!rk_etcd_user_get(rk_etcd_run_root(run), request->first, &user))
		return RK_ETCD_USER_NOT_FOUND;
	store_named(run, RK_ETCD_USERS, request->first, NULL);
	(void)count_change(run);
	return RK_ETCD_OK;
}

/* name 1, hash of the password 3 */
static enum rk_etcd_error user_password(struct rk_etcd_run *run, const struct request *request)
{
	struct rk_etcd_user user;

	if (!user_of(run, request->first, &user))
		return RK_ETCD_USER_NOT_FOUND;
	if (!user.no_password)
		user.password = request->third;
	user.since = count_change(run);
	store_user(run, &user, &(struct roles){ 0 });
	return RK_ETCD_OK;
}

static bool has_role(struct rk_etcd_run *run, struct rk_span name)
{
	struct rk_buf out = { 0 };
	const bool is_there = rk_etcd_role_grants(rk_etcd_run_root(run), name, &out, 1);

	rk_buf_done(&out);
	return is_there;
}

/* user 1, role 2 */
static enum rk_etcd_error user_grant(struct rk_etcd_run *run, const struct request *request)
{
	struct rk_etcd_user user;

	if (!user_of(run, request->first, &user))
		return RK_ETCD_USER_NOT_FOUND;
	if (!is_root(request->second) && !has_role(run, request->second))
		return RK_ETCD_ROLE_NOT_FOUND;
	if (rk_etcd_user_has(&user, request->second))
		return RK_ETCD_OK;
	store_user(run, &user, &(struct roles){ .add = request->second });
	(void)count_change(run);
	return RK_ETCD_OK;
}

static enum rk_etcd_error user_revoke(struct rk_etcd_run *run, const struct request *request)
{
	struct rk_etcd_user user;

	if (rk_etcd_auth(rk_etcd_run_root(run)).is_on && is_root(request->first) &&
	    is_root(request->second))
		return RK_ETCD_BAD_MANAGEMENT;
	if (!user_of(run, request->first, &user))
		return RK_ETCD_USER_NOT_FOUND;
	if (!rk_etcd_user_has(&user, request->second))
		return RK_ETCD_ROLE_NOT_GRANTED;
	store_user(run, &user, &(struct roles){ .remove = request->second });
	(void)count_change(run);
	return RK_ETCD_OK;
}

static enum rk_etcd_error role_add(struct rk_etcd_run *run, const struct request *request)
{
	struct rk_buf value = { 0 };

	if (request->first.size == 0)
		return RK_ETCD_ROLE_EMPTY;
	if (has_role(run, request->first))
		return RK_ETCD_ROLE_EXISTS;
	rk_proto_put_bytes(&value, 1, request->first);
	store_named(run, RK_ETCD_ROLES, request->first, &value);
	rk_buf_done(&value);
	(void)count_change(run);
	return RK_ETCD_OK;
}

static enum rk_etcd_error role_delete(struct rk_etcd_run *run, const struct request *request)
{
	struct rk_buf users = { 0 };
	struct rk_proto_field field;
	struct rk_etcd_user user;

	if (rk_etcd_auth(rk_etcd_run_root(run)).is_on && is_root(request->first))
		return RK_ETCD_BAD_MANAGEMENT;
	if (!has_role(run, request->first))
		return RK_ETCD_ROLE_NOT_FOUND;
	store_named(run, RK_ETCD_ROLES, request->first, NULL);
	rk_etcd_user_list(rk_etcd_run_root(run), &users, 1);
	struct rk_reader reader = rk_reader_of(rk_buf_span(&users));
	while (rk_proto_next(&reader, &field) == 1)
		if (user_of(run, field.bytes, &user) && rk_etcd_user_has(&user, request->first))
			store_user(run, &user, &(struct roles){ .remove = request->first });
	rk_buf_done(&users);
	(void)count_change(run);
	return RK_ETCD_OK;
}

/* --- permissions of a role, sorted by key --- */

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
	store_named(run, RK_ETCD_ROLES, name, &value);
	rk_buf_done(&value);
	rk_buf_done(&old);
	return was_there;
}

/* name 1, permission 2 */
static enum rk_etcd_error role_grant(struct rk_etcd_run *run, const struct request *request)
{
	struct grant grant = { 0 };

	if (request->second.data == NULL)
		return RK_ETCD_PERMISSION_NOT_GIVEN;
	if (rk_proto_read(grant_rows, RK_COUNT(grant_rows), request->second, &grant) < 0)
		return RK_ETCD_MALFORMED;
	if (!is_range(&grant.range) || grant.kind < RK_ETCD_READ || grant.kind > RK_ETCD_READ_WRITE)
		return RK_ETCD_BAD_MANAGEMENT;
	if (!has_role(run, request->first))
		return RK_ETCD_ROLE_NOT_FOUND;
	(void)rewrite_role(run, request->first, &grant.range, &grant);
	(void)count_change(run);
	return RK_ETCD_OK;
}

/* role 1, key 2, range_end 3 */
static enum rk_etcd_error role_revoke(struct rk_etcd_run *run, const struct request *request)
{
	const struct rk_etcd_range range = { request->second, request->third };

	if (!has_role(run, request->first))
		return RK_ETCD_ROLE_NOT_FOUND;
	if (!rewrite_role(run, request->first, &range, NULL))
		return RK_ETCD_PERMISSION_NOT_GRANTED; /* the caller takes the rewriting back */
	(void)count_change(run);
	return RK_ETCD_OK;
}

/* --- tokens --- */

static void store_token(struct rk_etcd_run *run, struct rk_span hash,
			const struct rk_etcd_token *token)
{
	struct rk_buf value = { 0 };

	rk_buf_put_u64(&value, token->made);
	rk_buf_put_u64(&value, (uint64_t)token->ends_ms);
	rk_buf_put_bytes(&value, token->user);
	store_named(run, RK_ETCD_TOKENS, hash, &value);
	rk_buf_done(&value);
}

static void set_timer(struct rk_etcd_run *run, struct rk_span hash, int64_t due_ms)
{
	struct rk_buf key = { 0 };

	rk_buf_put_u8(&key, 'T');
	rk_buf_put_span(&key, hash);
	rk_work_at(run->state, due_ms, RK_CONTROLLER_ETCD, rk_buf_span(&key));
	rk_buf_done(&key);
}

/* user 1, hash of the token 2, auth's revision at which the password was right 3 */
static enum rk_etcd_error token_make(struct rk_etcd_run *run, struct rk_span message)
{
	struct making {
		struct rk_span user, hash;
		int64_t checked;
	} making = { 0 };
	static const struct rk_proto_row rows[] = {
		{ 1, RK_PROTO_SPAN, offsetof(struct making, user) },
		{ 2, RK_PROTO_SPAN, offsetof(struct making, hash) },
		{ 3, RK_PROTO_I64, offsetof(struct making, checked) },
	};
	const struct rk_etcd_auth auth = rk_etcd_auth(rk_etcd_run_root(run));
	struct rk_etcd_user user;

	if (rk_proto_read(rows, RK_COUNT(rows), message, &making) < 0 ||
	    making.hash.size != RK_ETCD_TOKEN_BYTES)
		return RK_ETCD_MALFORMED;
	if (!auth.is_on)
		return RK_ETCD_AUTH_NOT_ENABLED;
	if (!rk_etcd_user_get(rk_etcd_run_root(run), making.user, &user))
		return RK_ETCD_AUTH_FAILED;
	if (user.since > (uint64_t)making.checked)
		return RK_ETCD_OLD_REVISION;
	const struct rk_etcd_token token = { .user = making.user,
					     .made = auth.revision,
					     .ends_ms = run->state->now_ms + RK_ETCD_TOKEN_MS };
	store_token(run, making.hash, &token);
	set_timer(run, making.hash, token.ends_ms);
	return RK_ETCD_OK;
}

/* It was used. */
static enum rk_etcd_error token_keep(struct rk_etcd_run *run, struct rk_span hash)
{
	struct rk_etcd_token token;

	if (hash.size != RK_ETCD_TOKEN_BYTES)
		return RK_ETCD_MALFORMED;
	if (!rk_etcd_token_get(rk_etcd_run_root(run), hash, run->state->now_ms, &token))
		return RK_ETCD_BAD_TOKEN;
	token.user = rk_arena_span(&run->state->arena, token.user);
	token.ends_ms = run->state->now_ms + RK_ETCD_TOKEN_MS;
	store_token(run, hash, &token);
	return RK_ETCD_OK;
}

void rk_etcd_token_due(struct rk_etcd_run *run, struct rk_span hash)
{
	struct rk_etcd_token token;

	if (rk_etcd_token_get(rk_etcd_run_root(run), hash, run->state->now_ms, &token))
		set_timer(run, hash, token.ends_ms);
	else
		store_named(run, RK_ETCD_TOKENS, hash, NULL);
}

enum rk_etcd_error rk_etcd_auth_apply(struct rk_etcd_run *run, uint8_t entry,
				      struct rk_span message)
{
	static enum rk_etcd_error (*const changes[])(struct rk_etcd_run *,
						     const struct request *) = {
		[RK_ETCD_ENTRY_USER_ADD] = user_add,
		[RK_ETCD_ENTRY_USER_DELETE] = user_delete,
		[RK_ETCD_ENTRY_PASSWORD] = user_password,
		[RK_ETCD_ENTRY_USER_GRANT] = user_grant,
		[RK_ETCD_ENTRY_USER_REVOKE] = user_revoke,
		[RK_ETCD_ENTRY_ROLE_ADD] = role_add,
		[RK_ETCD_ENTRY_ROLE_DELETE] = role_delete,
		[RK_ETCD_ENTRY_ROLE_GRANT] = role_grant,
		[RK_ETCD_ENTRY_ROLE_REVOKE] = role_revoke,
	};
	struct request request = { 0 };

	if (entry == RK_ETCD_ENTRY_TOKEN)
		return token_make(run, message);
	if (entry == RK_ETCD_ENTRY_TOKEN_KEEP)
		return token_keep(run, message);
	const enum rk_etcd_error error = rk_etcd_may_rule(rk_etcd_run_root(run), &run->who);
	if (error != RK_ETCD_OK)
		return error;
	if (rk_proto_read(request_rows, RK_COUNT(request_rows), message, &request) < 0)
		return RK_ETCD_MALFORMED;
	if (entry == RK_ETCD_ENTRY_AUTH_ENABLE)
		return enable(run);
	if (entry == RK_ETCD_ENTRY_AUTH_DISABLE)
		return disable(run);
	rk_assert(entry < RK_COUNT(changes) && changes[entry] != NULL);
	return changes[entry](run, &request);
}
