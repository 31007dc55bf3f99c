/* The Cluster service: who the members are, and changes of that, through the same questions to the
 * leader as `reckon member` asks (rk_feed_admin). A change is answered once the leader's list shows
 * it; before, the leader has been asked for the list, so that etcd's own refusals can be told. */
#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/doc.h"
#include "wire/proto.h"

#define SCHEMES       2
#define READY_PERCENT 90 /* of the leader's log, before a learner is promoted */

/* --- members as etcd shows them --- */

/* What the member told of itself: name (2) and client URLs (4). */
static void put_told(struct rk_etcd_call *call, int64_t id, struct rk_buf *out, uint32_t number)
{
	struct rk_buf key = { 0 };

	rk_buf_put_span(&key, RK_ETCD_MEMBER);
	rk_etcd_put_be64(&key, (uint64_t)id);
	const struct rk_item *item =
		rk_tree_get(rk_view_root(call->thread->view), rk_buf_span(&key));
	rk_buf_done(&key);
	if (item == NULL)
		return;
	struct rk_reader fields = rk_reader_of(rk_blob_span(item->value));
	struct rk_proto_field field;
	while (rk_proto_next(&fields, &field) == 1)
		if (field.number == number && field.kind == RK_PROTO_BYTES)
			rk_proto_put_message(out, number, field.bytes);
}

static void put_member(struct rk_etcd_call *call, const struct rk_val *member, struct rk_buf *out,
		       uint32_t number)
{
	const int64_t id = rk_val_int_at(member, "id", 0);
	struct rk_buf body = { 0 }, url = { 0 };

	rk_buf_printf(&url, "https://%.*s", RK_SPAN_ARGS(rk_val_text_at(member, "address")));
	rk_proto_put_number(&body, 1, (uint64_t)id);
	put_told(call, id, &body, 2);
	rk_proto_put_message(&body, 3, rk_buf_span(&url));
	put_told(call, id, &body, 4);
	rk_proto_put_number(&body, 5, rk_span_is(rk_val_text_at(member, "role"), "learner"));
	rk_proto_put_message(out, number, rk_buf_span(&body));
	rk_buf_done(&body);
	rk_buf_done(&url);
}

static void put_members(struct rk_etcd_call *call, const struct rk_val *members, struct rk_buf *out,
			uint32_t number)
{
	for (uint32_t i = 0; i < rk_val_count(members); i++)
		put_member(call, rk_val_item(members, i), out, number);
}

static const struct rk_val *find(const struct rk_val *members, uint64_t id)
{
	for (uint32_t i = 0; i < rk_val_count(members); i++)
		if ((uint64_t)rk_val_int_at(rk_val_item(members, i), "id", 0) == id)
			return rk_val_item(members, i);
	return NULL;
}

/* --- MemberList --- */

static void members_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	put_members(call, rk_val_at(rk_doc_val(&arena, answer->results[0].doc), "members"), &body,
		    2);
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void members_read(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (rk_etcd_answered(call, answer))
		rk_etcd_await_status(call, members_resumed);
}

static void on_member_list(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_numbers request;

	if (rk_etcd_read_numbers(message, &request) < 0)
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
	else if (request.first != 0)
		rk_etcd_await_read(call, members_read);
	else
		rk_etcd_await_status(call, members_resumed);
}

/* --- changes --- */

struct change {                         /* MemberAdd, MemberRemove, MemberUpdate, MemberPromote */
	const char *name;               /* as rk_members_edit knows it */
	uint32_t url_field, flag_field; /* 0: the request has none */
	/* Whether it may be; it may choose call->wanted, the member's id. */
	enum rk_etcd_error (*check)(struct rk_etcd_call *call, const struct rk_val *members);
	/* Whether the list shows it. `member` is the one that it is about, or NULL. */
	bool (*is_done)(struct rk_etcd_call *call, const struct rk_val *member);
};

static const struct change *change_of(const struct rk_etcd_call *call);

/* "https://10.0.0.4:7001" -> "10.0.0.4:7001"; our peers have one address. */
static bool address_of(struct rk_span url, struct rk_buf *ret)
{
	static const char *const schemes[SCHEMES] = { "https://", "http://" };
	struct rk_span host;

	for (size_t i = 0; i < SCHEMES; i++) {
		const struct rk_span scheme = rk_span_str(schemes[i]);
		if (!rk_span_starts(url, scheme))
			continue;
		const struct rk_span rest = rk_span_sub(url, scheme.size, url.size);
		const struct rk_span path = rk_span_cut(rest, '/', &host);
		const uint8_t *colon = memrchr(host.data, ':', host.size);
		uint64_t port;
		if (path.size > 0 || colon == NULL || colon == host.data ||
		    !rk_span_u64(rk_span_sub(host, (size_t)(colon + 1 - host.data), host.size),
				 &port) ||
		    port == 0 || port > UINT16_MAX)
			return false;
		rk_buf_clear(ret);
		rk_buf_put_span(ret, host);
		return true;
	}
	return false;
}

/* Puts the address into call->key, the id (0: one is to be chosen) into call->wanted. */
static enum rk_etcd_error read_change(struct rk_etcd_call *call, struct rk_span message)
{
	const struct change *change = change_of(call);
	struct rk_reader fields = rk_reader_of(message);
	struct rk_proto_field field;
	size_t urls = 0;
	int more;

	while ((more = rk_proto_next(&fields, &field)) == 1) {
		if (field.number == change->url_field && field.kind == RK_PROTO_BYTES) {
			if (++urls > 1 || !address_of(field.bytes, &call->key))
				return RK_ETCD_BAD_URLS;
		} else if (field.number == change->flag_field && field.kind == RK_PROTO_NUMBER) {
			call->is_learner = field.value != 0;
		} else if (field.number == 1 && field.kind == RK_PROTO_NUMBER) {
			call->wanted = field.value;
		}
	}
	if (more < 0)
		return RK_ETCD_MALFORMED;
	return change->url_field != 0 && urls == 0 ? RK_ETCD_BAD_URLS : RK_ETCD_OK;
}

/* A number that no member has or had, as far as members told of themselves. */
static uint64_t free_id(struct rk_etcd_call *call, const struct rk_val *members)
{
	struct rk_tree_iter iter;
	const struct rk_item *item;
	uint64_t last = 0;

	for (uint32_t i = 0; i < rk_val_count(members); i++)
		last = RK_MAX(last, (uint64_t)rk_val_int_at(rk_val_item(members, i), "id", 0));
	rk_tree_seek(&iter, rk_view_root(call->thread->view), RK_ETCD_MEMBER);
	while ((item = rk_tree_next(&iter)) != NULL &&
	       rk_span_starts(rk_item_key(item), RK_ETCD_MEMBER) &&
	       item->key_size == RK_ETCD_MEMBER.size + 8)
		last = RK_MAX(last, rk_etcd_be64(item->key + RK_ETCD_MEMBER.size));
	return last + 1;
}

static enum rk_etcd_error check_address(struct rk_etcd_call *call, const struct rk_val *members)
{
	for (uint32_t i = 0; i < rk_val_count(members); i++) {
		const struct rk_val *member = rk_val_item(members, i);
		if (rk_span_eq(rk_val_text_at(member, "address"), rk_buf_span(&call->key)) &&
		    (uint64_t)rk_val_int_at(member, "id", 0) != call->wanted)
			return RK_ETCD_PEER_URL_EXISTS;
	}
	return RK_ETCD_OK;
}

static enum rk_etcd_error check_add(struct rk_etcd_call *call, const struct rk_val *members)
{
	const enum rk_etcd_error error = check_address(call, members);

	call->wanted = free_id(call, members);
	return error;
}

static enum rk_etcd_error check_known(struct rk_etcd_call *call, const struct rk_val *members)
{
	return find(members, call->wanted) != NULL ? RK_ETCD_OK : RK_ETCD_MEMBER_NOT_FOUND;
}

static enum rk_etcd_error check_update(struct rk_etcd_call *call, const struct rk_val *members)
{
	const enum rk_etcd_error error = check_known(call, members);

	return error != RK_ETCD_OK ? error : check_address(call, members);
}

static enum rk_etcd_error check_promote(struct rk_etcd_call *call, const struct rk_val *members)
{
	const struct rk_val *member = find(members, call->wanted);
	int64_t most = 0;

	if (member == NULL)
		return RK_ETCD_MEMBER_NOT_FOUND;
	if (!rk_span_is(rk_val_text_at(member, "role"), "learner"))
		return RK_ETCD_NOT_LEARNER;
	for (uint32_t i = 0; i < rk_val_count(members); i++)
		most = RK_MAX(most, rk_val_int_at(rk_val_item(members, i), "match", 0));
	return rk_val_int_at(member, "match", 0) * 100 < most * READY_PERCENT
		       ? RK_ETCD_LEARNER_NOT_READY
		       : RK_ETCD_OK;
}

static bool is_there(struct rk_etcd_call *call, const struct rk_val *member)
{
	(void)call;
	return member != NULL;
}

static bool is_gone(struct rk_etcd_call *call, const struct rk_val *member)
{
	(void)call;
	return member == NULL;
}

static bool is_moved(struct rk_etcd_call *call, const struct rk_val *member)
{
	return member == NULL ||
	       rk_span_eq(rk_val_text_at(member, "address"), rk_buf_span(&call->key));
}

static bool is_voter(struct rk_etcd_call *call, const struct rk_val *member)
{
	(void)call;
	return member == NULL || rk_span_is(rk_val_text_at(member, "role"), "voter");
}

static const struct change *change_of(const struct rk_etcd_call *call)
{
	static const struct {
		const char *method;
		struct change change;
	} changes[] = {
		{ "Add", { "add", 1, 2, check_add, is_there } },
		{ "Remove", { "remove", 0, 0, check_known, is_gone } },
		{ "Update", { "update", 2, 0, check_update, is_moved } },
		{ "Promote", { "promote", 0, 0, check_promote, is_voter } },
	};

	for (size_t i = 0; i < RK_COUNT(changes); i++)
		if (rk_span_ends(rk_span_str(call->method->path), rk_span_str(changes[i].method)))
			return &changes[i].change;
	rk_assert(false);
	return NULL;
}

/* --- asking the leader --- */

static void ask(struct rk_etcd_call *call, struct rk_arena *arena, struct rk_val *val,
		const char *op, rk_etcd_resume *resume)
{
	rk_val_put_cstr(arena, val, "op", op);
	rk_feed_admin(call->thread->feed, rk_etcd_await(call, resume), rk_doc_of(val),
		      RK_ETCD_CALL_MS);
}

static void ask_list(struct rk_etcd_call *call, rk_etcd_resume *resume)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	ask(call, &arena, rk_val_map(&arena), "list", resume);
}

static void refuse(struct rk_etcd_call *call, int64_t code, struct rk_span message)
{
	struct rk_buf text = { 0 };

	switch (code) {
	case 404: rk_etcd_fail(call, RK_ETCD_MEMBER_NOT_FOUND); return;
	case 409: rk_etcd_fail(call, RK_ETCD_NOT_ENOUGH_STARTED); return;
	case 503: rk_etcd_fail(call, RK_ETCD_NO_LEADER); return;
	default: break;
	}
	rk_buf_printf(&text, "etcdserver: %.*s", RK_SPAN_ARGS(message));
	rk_etcd_finish(call, RK_GRPC_PRECONDITION, rk_buf_cstr(&text));
	rk_buf_done(&text);
}

static void answer_change(struct rk_etcd_call *call, const struct rk_val *members)
{
	const bool is_add = strcmp(change_of(call)->name, "add") == 0;
	const struct rk_val *member = find(members, call->wanted);
	struct rk_buf body = { 0 };

	if (is_add && member != NULL)
		put_member(call, member, &body, 2);
	put_members(call, members, &body, is_add ? 3 : 2);
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

/* The list again. While the leader changes there is none: it is asked for once more. */
static void settled(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	if (answer->err != RK_OK || call->has_ended)
		return;
	const struct rk_val *members =
		rk_val_at(rk_doc_val(&arena, answer->results[0].doc), "members");
	if (rk_val_count(members) > 0 &&
	    change_of(call)->is_done(call, find(members, call->wanted)))
		answer_change(call, members);
}

static bool has_settled(struct rk_etcd_call *call)
{
	if (!call->has_ended && call->awaited == 0)
		ask_list(call, settled);
	return call->has_ended;
}

static void changed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	const struct rk_val *val = rk_doc_val(&arena, answer->results[0].doc);
	const int64_t code = rk_val_int_at(val, "code", 500);
	if (code != 200)
		refuse(call, code, rk_val_text_at(val, "message"));
	else if (call->wanted == call->thread->etcd->opts.member_id)
		answer_change(call, rk_val_at(val, "to")); /* it may not hear of it any more */
	else
		rk_etcd_wait(call, has_settled, rk_clock_mono_ms() + RK_ETCD_CALL_MS);
}

static void ask_change(struct rk_etcd_call *call)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *val = rk_val_map(&arena), *list = rk_val_list(&arena);
	struct rk_val *id = rk_val_int(&arena, (int64_t)call->wanted);

	if (change_of(call)->url_field != 0) {
		struct rk_val *member = rk_val_map(&arena);
		rk_val_put(&arena, member, "id", id);
		rk_val_put_str(&arena, member, "address", rk_buf_span(&call->key));
		rk_val_put_bool(&arena, member, "learner", call->is_learner);
		id = member;
	}
	rk_val_append(&arena, list, id);
	rk_val_put(&arena, val, change_of(call)->name, list);
	ask(call, &arena, val, "change", changed);
}

static void listed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	const struct rk_val *val = rk_doc_val(&arena, answer->results[0].doc);
	const enum rk_etcd_error error = change_of(call)->check(call, rk_val_at(val, "members"));
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else
		ask_change(call);
}

static void on_change(struct rk_etcd_call *call, struct rk_span message)
{
	const enum rk_etcd_error error = read_change(call, message);

	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else
		ask_list(call, listed);
}

const struct rk_etcd_method rk_etcd_cluster_methods[] = {
	{ "/etcdserverpb.Cluster/MemberList", false, on_member_list, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.Cluster/MemberAdd", false, on_change, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/etcdserverpb.Cluster/MemberRemove", false, on_change, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/etcdserverpb.Cluster/MemberUpdate", false, on_change, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/etcdserverpb.Cluster/MemberPromote", false, on_change, NULL, RK_ETCD_NEEDS_ROOT },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
