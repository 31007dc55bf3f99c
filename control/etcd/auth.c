#include "control/etcd/auth.h"

#include "base/mem.h"
#include "control/etcd/lease.h"
#include "wire/proto.h"

/* --- what is kept --- */

static const struct rk_item *item_of(const struct rk_node *root, struct rk_span prefix,
				     struct rk_span name)
{
	struct rk_buf key = { 0 };

	rk_buf_put_span(&key, prefix);
	rk_buf_put_span(&key, name);
	const struct rk_item *item = rk_tree_get(root, rk_buf_span(&key));
	rk_buf_done(&key);
	return item;
}

struct rk_etcd_auth rk_etcd_auth(const struct rk_node *root)
{
	const struct rk_item *item = rk_tree_get(root, RK_ETCD_AUTH);
	struct rk_etcd_auth auth = { .revision = 1 };

	if (item == NULL)
		return auth;
	struct rk_reader reader = rk_reader_of(rk_blob_span(item->value));
	auth.revision = item->revision;
	auth.is_on = rk_read_u8(&reader) != 0;
	auth.epoch = rk_read_u64(&reader);
	rk_assert(!reader.failed);
	return auth;
}

static struct rk_etcd_user user_of(struct rk_span encoded)
{
	static const struct rk_proto_row rows[] = {
		{ 1, RK_PROTO_SPAN, offsetof(struct rk_etcd_user, name) },
		{ 2, RK_PROTO_SPAN, offsetof(struct rk_etcd_user, password) },
		{ 15, RK_PROTO_I64, offsetof(struct rk_etcd_user, since) },
	};
	struct rk_etcd_user user = { .encoded = encoded };
	struct rk_reader reader = rk_reader_of(encoded);
	struct rk_proto_field field;
	int more;

	while ((more = rk_proto_next(&reader, &field)) == 1) {
		user.no_password = user.no_password || (field.number == 4 && field.bytes.size > 0);
		more = rk_proto_store(rows, RK_COUNT(rows), &field, &user);
		rk_assert(more == RK_OK);
	}
	rk_assert(more == 0);
	return user;
}

bool rk_etcd_user_get(const struct rk_node *root, struct rk_span name, struct rk_etcd_user *ret)
{
	const struct rk_item *item = item_of(root, RK_ETCD_USERS, name);

	if (item != NULL)
		*ret = user_of(rk_blob_span(item->value));
	return item != NULL;
}

/* The next role of a user; false at the end. */
static bool next_role(struct rk_reader *reader, struct rk_span *ret)
{
	struct rk_proto_field field;

	while (rk_proto_next(reader, &field) == 1) {
		if (field.number == 3) {
			*ret = field.bytes;
			return true;
		}
	}
	return false;
}

bool rk_etcd_user_has(const struct rk_etcd_user *user, struct rk_span role)
{
	struct rk_reader reader = rk_reader_of(user->encoded);
	struct rk_span at;

	while (next_role(&reader, &at))
		if (rk_span_eq(at, role))
			return true;
	return false;
}

void rk_etcd_user_roles(const struct rk_etcd_user *user, struct rk_buf *out, uint32_t field)
{
	struct rk_reader reader = rk_reader_of(user->encoded);
	struct rk_span role;

	while (next_role(&reader, &role))
		rk_proto_put_message(out, field, role);
}

static void list(const struct rk_node *root, struct rk_span prefix, struct rk_buf *out,
		 uint32_t field)
{
	struct rk_tree_iter iter;
	const struct rk_item *item;

	rk_tree_seek(&iter, root, prefix);
	while ((item = rk_tree_next(&iter)) != NULL && rk_span_starts(rk_item_key(item), prefix))
		rk_proto_put_message(out, field,
				     rk_span_sub(rk_item_key(item), prefix.size, item->key_size));
}

void rk_etcd_user_list(const struct rk_node *root, struct rk_buf *out, uint32_t field)
{
	list(root, RK_ETCD_USERS, out, field);
}

void rk_etcd_role_list(const struct rk_node *root, struct rk_buf *out, uint32_t field)
{
	list(root, RK_ETCD_ROLES, out, field);
}

bool rk_etcd_role_grants(const struct rk_node *root, struct rk_span name, struct rk_buf *out,
			 uint32_t field)
{
	const struct rk_item *item = item_of(root, RK_ETCD_ROLES, name);
	struct rk_proto_field at;

	if (item == NULL)
		return false;
	struct rk_reader reader = rk_reader_of(rk_blob_span(item->value));
	while (rk_proto_next(&reader, &at) == 1)
		if (at.number == 2)
			rk_proto_put_message(out, field, at.bytes);
	return true;
}

bool rk_etcd_token_get(const struct rk_node *root, struct rk_span hash, int64_t now_ms,
		       struct rk_etcd_token *ret)
{
	const struct rk_item *item = item_of(root, RK_ETCD_TOKENS, hash);

	if (item == NULL)
		return false;
	struct rk_reader reader = rk_reader_of(rk_blob_span(item->value));
	ret->made = rk_read_u64(&reader);
	ret->ends_ms = (int64_t)rk_read_u64(&reader);
	ret->user = rk_read_bytes(&reader);
	rk_assert(!reader.failed);
	return ret->ends_ms > now_ms;
}

/* --- intervals --- */

struct asked { /* what of [at, end) is not covered yet */
	struct rk_buf at;
	struct rk_span end;
	bool is_open, is_one;
};

static bool is_covered(const struct asked *asked)
{
	return !asked->is_open && rk_span_cmp(rk_buf_span(&asked->at), asked->end) >= 0;
}

static void cover_to(struct asked *asked, struct rk_span end)
{
	rk_buf_clear(&asked->at);
	rk_buf_put_span(&asked->at, end);
}

/* True when the permission covered something. An open one covers all that is left. */
static bool cover(struct asked *asked, const struct rk_etcd_range *range)
{
	if (!rk_etcd_range_has(range, rk_buf_span(&asked->at)))
		return false;
	if (asked->is_one || (range->end.size == 1 && range->end.data[0] == 0)) {
		asked->is_open = false;
		asked->end = rk_buf_span(&asked->at);
	} else if (rk_etcd_range_is_one(range)) {
		rk_buf_put_u8(&asked->at, 0); /* the key behind it */
	} else {
		cover_to(asked, range->end);
	}
	return true;
}

/* By one role, in one pass: its permissions are sorted. */
static bool cover_by(const struct rk_node *root, struct rk_span role, enum rk_etcd_perm perm,
		     struct asked *asked)
{
	struct grant {
		int64_t kind;
		struct rk_etcd_range range;
	};
	static const struct rk_proto_row rows[] = {
		{ 1, RK_PROTO_I64, offsetof(struct grant, kind) },
		{ 2, RK_PROTO_SPAN, offsetof(struct grant, range.key) },
		{ 3, RK_PROTO_SPAN, offsetof(struct grant, range.end) },
	};
	const struct rk_item *item = item_of(root, RK_ETCD_ROLES, role);
	struct rk_proto_field field;
	bool any = false;

	if (item == NULL)
		return false;
	struct rk_reader reader = rk_reader_of(rk_blob_span(item->value));
	while (!is_covered(asked) && rk_proto_next(&reader, &field) == 1) {
		struct grant grant = { 0 };
		if (field.number != 2)
			continue;
		const int err = rk_proto_read(rows, RK_COUNT(rows), field.bytes, &grant);
		rk_assert(err == RK_OK);
		if (grant.kind == RK_ETCD_READ_WRITE || grant.kind == (int64_t)perm)
			any = cover(asked, &grant.range) || any;
	}
	return any;
}

/* Whether the permissions of all roles, taken together, cover the range. */
static bool covers(const struct rk_node *root, const struct rk_etcd_user *user,
		   enum rk_etcd_perm perm, const struct rk_etcd_range *range)
{
	struct asked asked = { .end = range->end };
	bool any = true;

	asked.is_open = range->end.size == 1 && range->end.data[0] == 0;
	asked.is_one = !asked.is_open && rk_span_cmp(range->key, range->end) >= 0;
	asked.is_open = asked.is_open || asked.is_one; /* until its key is covered */
	rk_buf_put_span(&asked.at, range->key);
	while (any && !is_covered(&asked)) {
		struct rk_reader roles = rk_reader_of(user->encoded);
		struct rk_span role;
		any = false;
		while (next_role(&roles, &role))
			any = cover_by(root, role, perm, &asked) || any;
	}
	const bool is_whole = is_covered(&asked);
	rk_buf_done(&asked.at);
	return is_whole;
}

/* --- who may --- */

/* The user behind a name; `stranger` when there is none. */
static enum rk_etcd_error identify(const struct rk_node *root, const struct rk_etcd_who *who,
				   enum rk_etcd_error stranger, struct rk_etcd_user *ret)
{
	const struct rk_etcd_auth auth = rk_etcd_auth(root);

	if (who->name.size == 0)
		return RK_ETCD_USER_EMPTY;
	if (!rk_etcd_user_get(root, who->name, ret))
		return stranger;
	if (who->made != 0 && (who->made < ret->since || who->made < auth.epoch))
		return RK_ETCD_BAD_TOKEN;
	return RK_ETCD_OK;
}

enum rk_etcd_error rk_etcd_may_ask(const struct rk_node *root, const struct rk_etcd_who *who)
{
	struct rk_etcd_user user;

	return rk_etcd_auth(root).is_on ? identify(root, who, RK_ETCD_DENIED, &user) : RK_ETCD_OK;
}

enum rk_etcd_error rk_etcd_may_rule(const struct rk_node *root, const struct rk_etcd_who *who)
{
	struct rk_etcd_user user;

	if (!rk_etcd_auth(root).is_on)
		return RK_ETCD_OK;
	const enum rk_etcd_error error = identify(root, who, RK_ETCD_USER_NOT_FOUND, &user);
	if (error != RK_ETCD_OK)
		return error;
	return rk_etcd_user_has(&user, RK_SPAN("root")) ? RK_ETCD_OK : RK_ETCD_DENIED;
}

enum rk_etcd_error rk_etcd_may(const struct rk_node *root, const struct rk_etcd_who *who,
			       enum rk_etcd_perm perm, const struct rk_etcd_range *range)
{
	struct rk_etcd_user user;

	if (!rk_etcd_auth(root).is_on)
		return RK_ETCD_OK;
	const enum rk_etcd_error error = identify(root, who, RK_ETCD_DENIED, &user);
	if (error != RK_ETCD_OK)
		return error;
	return rk_etcd_user_has(&user, RK_SPAN("root")) || covers(root, &user, perm, range)
		       ? RK_ETCD_OK
		       : RK_ETCD_DENIED;
}

enum rk_etcd_error rk_etcd_may_lease(const struct rk_node *root, const struct rk_etcd_who *who,
				     enum rk_etcd_perm perm, int64_t lease)
{
	enum rk_etcd_error error = rk_etcd_may_ask(root, who);
	struct rk_buf prefix = { 0 };
	struct rk_tree_iter iter;
	const struct rk_item *item;

	if (error != RK_ETCD_OK || rk_etcd_may_rule(root, who) == RK_ETCD_OK)
		return error;
	rk_etcd_key_attached(&prefix, lease, (struct rk_span){ NULL, 0 });
	rk_tree_seek(&iter, root, rk_buf_span(&prefix));
	while (error == RK_ETCD_OK && (item = rk_tree_next(&iter)) != NULL &&
	       rk_span_starts(rk_item_key(item), rk_buf_span(&prefix))) {
		const struct rk_etcd_range key = {
			.key = rk_span_sub(rk_item_key(item), prefix.size, item->key_size)
		};
		error = rk_etcd_may(root, who, perm, &key);
	}
	rk_buf_done(&prefix);
	return error;
}

/* Whoever attaches a key to a lease could let its other keys end. */
enum rk_etcd_error rk_etcd_may_put(const struct rk_node *root, const struct rk_etcd_who *who,
				   const struct rk_etcd_put_request *request)
{
	const struct rk_etcd_range key = { .key = request->key };
	enum rk_etcd_error error = rk_etcd_may(root, who, RK_ETCD_WRITE, &key);

	if (error == RK_ETCD_OK && request->lease != 0)
		error = rk_etcd_may_lease(root, who, RK_ETCD_WRITE, request->lease);
	if (error == RK_ETCD_OK && request->prev_kv)
		error = rk_etcd_may(root, who, RK_ETCD_READ, &key);
	return error;
}

enum rk_etcd_error rk_etcd_may_delete(const struct rk_node *root, const struct rk_etcd_who *who,
				      const struct rk_etcd_delete_request *request)
{
	const enum rk_etcd_error error = rk_etcd_may(root, who, RK_ETCD_WRITE, &request->range);

	return error == RK_ETCD_OK && request->prev_kv
		       ? rk_etcd_may(root, who, RK_ETCD_READ, &request->range)
		       : error;
}

static enum rk_etcd_error may_ops(const struct rk_node *root, const struct rk_etcd_who *who,
				  const struct rk_etcd_op *op)
{
	enum rk_etcd_error error = RK_ETCD_OK;

	for (; op != NULL && error == RK_ETCD_OK; op = op->next) {
		switch (op->kind) {
		case RK_ETCD_RANGE:
			error = rk_etcd_may(root, who, RK_ETCD_READ, &op->range.range);
			break;
		case RK_ETCD_PUT: error = rk_etcd_may_put(root, who, &op->put); break;
		case RK_ETCD_DELETE:
			error = rk_etcd_may_delete(root, who, &op->delete_range);
			break;
		case RK_ETCD_TXN: error = rk_etcd_may_txn(root, who, op->txn); break;
		}
	}
	return error;
}

/* Both branches: which one is taken would tell what was compared. */
enum rk_etcd_error rk_etcd_may_txn(const struct rk_node *root, const struct rk_etcd_who *who,
				   const struct rk_etcd_txn *txn)
{
	enum rk_etcd_error error = rk_etcd_may_ask(root, who);

	for (const struct rk_etcd_compare *at = txn->compares; at != NULL && error == RK_ETCD_OK;
	     at = at->next)
		error = rk_etcd_may(root, who, RK_ETCD_READ, &at->range);
	if (error == RK_ETCD_OK)
		error = may_ops(root, who, txn->success);
	return error == RK_ETCD_OK ? may_ops(root, who, txn->failure) : error;
}
