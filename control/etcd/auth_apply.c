/* Auth on and off, and changes of users. Each change that etcd counts adds one to auth's revision.
 */
#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/etcd/auth_inner.h"
#include "wire/proto.h"

static bool is_root(struct rk_span name) { return rk_span_is(name, "root"); }

/* --- storing --- */

void rk_etcd_auth_store(struct rk_etcd_run *run, const struct rk_etcd_auth *auth)
{
	struct rk_buf value = { 0 };

	rk_buf_put_u8(&value, auth->is_on);
	rk_buf_put_u64(&value, auth->epoch);
	rk_store_put(run->state->store, RK_ETCD_AUTH, rk_blob_copy(rk_buf_span(&value)),
		     auth->revision);
	rk_buf_done(&value);
}

/* Auth's revision goes on by one; returns it. */
uint64_t rk_etcd_auth_count(struct rk_etcd_run *run)
{
	struct rk_etcd_auth auth = rk_etcd_auth(rk_etcd_run_root(run));

	auth.revision++;
	rk_etcd_auth_store(run, &auth);
	return auth.revision;
}

void rk_etcd_auth_store_named(struct rk_etcd_run *run, struct rk_span prefix, struct rk_span name,
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
	rk_etcd_auth_store_named(run, RK_ETCD_USERS, user->name, &value);
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
	rk_etcd_auth_store(run, &auth);
	return RK_ETCD_OK;
}

static enum rk_etcd_error disable(struct rk_etcd_run *run)
{
	struct rk_etcd_auth auth = rk_etcd_auth(rk_etcd_run_root(run));

	if (!auth.is_on)
		return RK_ETCD_OK;
	auth.is_on = false;
	auth.epoch = ++auth.revision;
	rk_etcd_auth_store(run, &auth);
	return RK_ETCD_OK;
}

/* --- requests: of them all, by their field numbers --- */

static const struct rk_proto_row request_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct rk_etcd_auth_request, first) },
	{ 2, RK_PROTO_SPAN, offsetof(struct rk_etcd_auth_request, second) },
	{ 3, RK_PROTO_SPAN, offsetof(struct rk_etcd_auth_request, third) },
	{ 4, RK_PROTO_SPAN, offsetof(struct rk_etcd_auth_request, fourth) },
};

/* name 1, options 3, hash of the password 4 */
static enum rk_etcd_error user_add(struct rk_etcd_run *run,
				   const struct rk_etcd_auth_request *request)
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
				      .since = rk_etcd_auth_count(run) };
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

static enum rk_etcd_error user_delete(struct rk_etcd_run *run,
				      const struct rk_etcd_auth_request *request)
{
	struct rk_etcd_user user;

	if (rk_etcd_auth(rk_etcd_run_root(run)).is_on && is_root(request->first))
		return RK_ETCD_BAD_MANAGEMENT;
	if (!rk_etcd_user_get(rk_etcd_run_root(run), request->first, &user))
		return RK_ETCD_USER_NOT_FOUND;
	rk_etcd_auth_store_named(run, RK_ETCD_USERS, request->first, NULL);
	(void)rk_etcd_auth_count(run);
	return RK_ETCD_OK;
}

/* name 1, hash of the password 3 */
static enum rk_etcd_error user_password(struct rk_etcd_run *run,
					const struct rk_etcd_auth_request *request)
{
	struct rk_etcd_user user;

	if (!user_of(run, request->first, &user))
		return RK_ETCD_USER_NOT_FOUND;
	if (!user.no_password)
		user.password = request->third;
	user.since = rk_etcd_auth_count(run);
	store_user(run, &user, &(struct roles){ 0 });
	return RK_ETCD_OK;
}

/* user 1, role 2 */
static enum rk_etcd_error user_grant(struct rk_etcd_run *run,
				     const struct rk_etcd_auth_request *request)
{
	struct rk_etcd_user user;

	if (!user_of(run, request->first, &user))
		return RK_ETCD_USER_NOT_FOUND;
	if (!is_root(request->second) && !rk_etcd_role_is(run, request->second))
		return RK_ETCD_ROLE_NOT_FOUND;
	if (rk_etcd_user_has(&user, request->second))
		return RK_ETCD_OK;
	store_user(run, &user, &(struct roles){ .add = request->second });
	(void)rk_etcd_auth_count(run);
	return RK_ETCD_OK;
}

static enum rk_etcd_error user_revoke(struct rk_etcd_run *run,
				      const struct rk_etcd_auth_request *request)
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
	(void)rk_etcd_auth_count(run);
	return RK_ETCD_OK;
}

static enum rk_etcd_error role_delete(struct rk_etcd_run *run,
				      const struct rk_etcd_auth_request *request)
{
	struct rk_buf users = { 0 };
	struct rk_proto_field field;
	struct rk_etcd_user user;

	if (rk_etcd_auth(rk_etcd_run_root(run)).is_on && is_root(request->first))
		return RK_ETCD_BAD_MANAGEMENT;
	if (!rk_etcd_role_is(run, request->first))
		return RK_ETCD_ROLE_NOT_FOUND;
	rk_etcd_auth_store_named(run, RK_ETCD_ROLES, request->first, NULL);
	rk_etcd_user_list(rk_etcd_run_root(run), &users, 1);
	struct rk_reader reader = rk_reader_of(rk_buf_span(&users));
	while (rk_proto_next(&reader, &field) == 1)
		if (user_of(run, field.bytes, &user) && rk_etcd_user_has(&user, request->first))
			store_user(run, &user, &(struct roles){ .remove = request->first });
	rk_buf_done(&users);
	(void)rk_etcd_auth_count(run);
	return RK_ETCD_OK;
}

enum rk_etcd_error rk_etcd_auth_apply(struct rk_etcd_run *run, uint8_t entry,
				      struct rk_span message)
{
	static enum rk_etcd_error (*const changes[])(struct rk_etcd_run *,
						     const struct rk_etcd_auth_request *) = {
		[RK_ETCD_ENTRY_USER_ADD] = user_add,
		[RK_ETCD_ENTRY_USER_DELETE] = user_delete,
		[RK_ETCD_ENTRY_PASSWORD] = user_password,
		[RK_ETCD_ENTRY_USER_GRANT] = user_grant,
		[RK_ETCD_ENTRY_USER_REVOKE] = user_revoke,
		[RK_ETCD_ENTRY_ROLE_ADD] = rk_etcd_role_add,
		[RK_ETCD_ENTRY_ROLE_DELETE] = role_delete,
		[RK_ETCD_ENTRY_ROLE_GRANT] = rk_etcd_role_grant,
		[RK_ETCD_ENTRY_ROLE_REVOKE] = rk_etcd_role_revoke,
	};
	struct rk_etcd_auth_request request = { 0 };

	if (entry == RK_ETCD_ENTRY_TOKEN)
		return rk_etcd_token_make(run, message);
	if (entry == RK_ETCD_ENTRY_TOKEN_KEEP)
		return rk_etcd_token_keep(run, message);
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
