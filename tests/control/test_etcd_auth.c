/* Users, roles and tokens: every rule of who may what, in the log and out of it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "control/etcd/auth.h"
#include "etcd_world.h"
#include "wire/grpc.h"
#include "wire/proto.h"

/* A request whose fields 1, 2, ... are these; NULL leaves one out. */
static void ask(struct world *world, enum rk_etcd_entry entry, const char *first,
		const char *second, const char *third, const char *fourth)
{
	const char *const fields[] = { first, second, third, fourth };
	struct rk_buf message = { 0 };

	for (uint32_t i = 0; i < RK_COUNT(fields); i++)
		if (fields[i] != NULL)
			rk_proto_put_message(&message, i + 1, rk_span_str(fields[i]));
	world_request(world, entry, &message);
	rk_buf_done(&message);
}

static void add_user(struct world *world, const char *name)
{
	ask(world, RK_ETCD_ENTRY_USER_ADD, name, NULL, NULL, "$2b$10$hash");
}

static void grant(struct world *world, const char *role, enum rk_etcd_perm kind, struct rk_span key,
		  struct rk_span end)
{
	struct rk_buf perm = { 0 }, message = { 0 };

	rk_proto_put_number(&perm, 1, kind);
	rk_proto_put_bytes(&perm, 2, key);
	rk_proto_put_bytes(&perm, 3, end);
	rk_proto_put_bytes(&message, 1, rk_span_str(role));
	rk_proto_put_message(&message, 2, rk_buf_span(&perm));
	world_request(world, RK_ETCD_ENTRY_ROLE_GRANT, &message);
	rk_buf_done(&perm);
	rk_buf_done(&message);
}

/* The same request, asked by somebody. */
static void as(struct world *world, const char *name, uint64_t made, enum rk_etcd_entry entry,
	       const struct rk_buf *message)
{
	struct rk_buf body = { 0 };

	rk_buf_put_varint(&body, made);
	rk_buf_put_bytes(&body, rk_span_str(name));
	rk_buf_put_u8(&body, (uint8_t)entry);
	rk_buf_put_span(&body, rk_buf_span(message));
	world_request(world, RK_ETCD_ENTRY_AS, &body);
	rk_buf_done(&body);
}

static int put_as(struct world *world, const char *name, const char *key, int64_t lease, bool prev)
{
	struct rk_buf message = { 0 };

	rk_proto_put_bytes(&message, 1, rk_span_str(key));
	rk_proto_put_number(&message, 3, (uint64_t)lease);
	rk_proto_put_number(&message, 4, prev);
	as(world, name, 0, RK_ETCD_ENTRY_PUT, &message);
	rk_buf_done(&message);
	return world->code;
}

static uint64_t auth_revision(const struct world *world)
{
	return rk_etcd_auth(world_root(world)).revision;
}

/* root, and alice with the role "role" */
static struct world with_auth(void)
{
	struct world world = world_new();

	add_user(&world, "root");
	add_user(&world, "alice");
	ask(&world, RK_ETCD_ENTRY_ROLE_ADD, "role", NULL, NULL, NULL);
	ask(&world, RK_ETCD_ENTRY_USER_GRANT, "alice", "role", NULL, NULL);
	ask(&world, RK_ETCD_ENTRY_USER_GRANT, "root", "root", NULL, NULL);
	ask(&world, RK_ETCD_ENTRY_AUTH_ENABLE, NULL, NULL, NULL, NULL);
	cr_assert_eq(world.code, RK_GRPC_OK);
	return world;
}

Test(etcd_auth, it_needs_root_to_be_turned_on)
{
	RK_AUTO(world_done) struct world world = world_new();

	cr_assert_eq(auth_revision(&world), 1);
	ask(&world, RK_ETCD_ENTRY_AUTH_ENABLE, NULL, NULL, NULL, NULL);
	cr_text(rk_buf_cstr(&world.answer), "etcdserver: root user does not exist");
	add_user(&world, "root");
	ask(&world, RK_ETCD_ENTRY_AUTH_ENABLE, NULL, NULL, NULL, NULL);
	cr_text(rk_buf_cstr(&world.answer), "etcdserver: root user does not have root role");
	ask(&world, RK_ETCD_ENTRY_USER_GRANT, "root", "root", NULL, NULL);
	ask(&world, RK_ETCD_ENTRY_AUTH_ENABLE, NULL, NULL, NULL, NULL);
	cr_assert_eq(world.code, RK_GRPC_OK);
	cr_assert(rk_etcd_auth(world_root(&world)).is_on);
	cr_assert_eq(auth_revision(&world), 3);
}

Test(etcd_auth, what_is_refused)
{
	RK_AUTO(world_done) struct world world = world_new();
	const struct {
		enum rk_etcd_entry entry;
		const char *first, *second;
		const char *want;
	} cases[] = {
		{ RK_ETCD_ENTRY_USER_ADD, NULL, NULL, "etcdserver: user name is empty" },
		{ RK_ETCD_ENTRY_USER_ADD, "alice", NULL, "etcdserver: user name already exists" },
		{ RK_ETCD_ENTRY_USER_DELETE, "bob", NULL, "etcdserver: user name not found" },
		{ RK_ETCD_ENTRY_PASSWORD, "bob", NULL, "etcdserver: user name not found" },
		{ RK_ETCD_ENTRY_USER_GRANT, "bob", "role", "etcdserver: user name not found" },
		{ RK_ETCD_ENTRY_USER_GRANT, "alice", "none", "etcdserver: role name not found" },
		{ RK_ETCD_ENTRY_USER_REVOKE, "alice", "none",
		  "etcdserver: role is not granted to the user" },
		{ RK_ETCD_ENTRY_ROLE_ADD, NULL, NULL, "etcdserver: role name is empty" },
		{ RK_ETCD_ENTRY_ROLE_ADD, "role", NULL, "etcdserver: role name already exists" },
		{ RK_ETCD_ENTRY_ROLE_DELETE, "none", NULL, "etcdserver: role name not found" },
		{ RK_ETCD_ENTRY_ROLE_GRANT, "role", NULL, "etcdserver: permission not given" },
		{ RK_ETCD_ENTRY_ROLE_REVOKE, "role", "key",
		  "etcdserver: permission is not granted to the role" },
		{ RK_ETCD_ENTRY_TOKEN_KEEP, NULL, NULL,
		  "grpc: the request is not a protobuf message" },
	};

	add_user(&world, "alice");
	ask(&world, RK_ETCD_ENTRY_ROLE_ADD, "role", NULL, NULL, NULL);
	const uint64_t before = auth_revision(&world);
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		ask(&world, cases[i].entry, cases[i].first, cases[i].second, NULL, NULL);
		cr_text(rk_buf_cstr(&world.answer), cases[i].want);
	}
	cr_assert_eq(auth_revision(&world), before, "nothing was changed");
	grant(&world, "role", RK_ETCD_READ, RK_SPAN("b"), RK_SPAN("a"));
	cr_text(rk_buf_cstr(&world.answer), "etcdserver: invalid auth management");
}

Test(etcd_auth, root_stays_root)
{
	RK_AUTO(world_done) struct world world = with_auth();
	static const struct {
		enum rk_etcd_entry entry;
		const char *second;
	} cases[] = { { RK_ETCD_ENTRY_USER_DELETE, "" },
		      { RK_ETCD_ENTRY_USER_REVOKE, "root" },
		      { RK_ETCD_ENTRY_ROLE_DELETE, "" } };

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_buf message = { 0 };
		rk_proto_put_bytes(&message, 1, RK_SPAN("root"));
		rk_proto_put_bytes(&message, 2, rk_span_str(cases[i].second));
		as(&world, "root", 0, cases[i].entry, &message);
		cr_text(rk_buf_cstr(&world.answer), "etcdserver: invalid auth management");
		rk_buf_done(&message);
	}
}

Test(etcd_auth, ranges_are_covered_by_what_is_granted_taken_together)
{
	RK_AUTO(world_done) struct world world = world_new();
	const struct rk_etcd_who alice = { RK_SPAN("alice"), 0 };
	static const struct {
		struct rk_etcd_range range;
		bool is_read, is_write;
	} cases[] = {
		{ { RK_SPAN("a"), RK_SPAN("") }, true, false },
		{ { RK_SPAN("a"), RK_SPAN("b") }, true, false },
		{ { RK_SPAN("a"), RK_SPAN("c") }, true, false }, /* of two roles */
		{ { RK_SPAN("a"), RK_SPAN("ca") }, false, false },
		{ { RK_SPAN("b"), RK_SPAN("bb") }, true, true },
		{ { RK_SPAN("a"), RK_SPAN("\0") }, false, false },
		{ { RK_SPAN("c"), RK_SPAN("") }, false, false },
		{ { RK_SPAN("p"), RK_SPAN("") }, false, true },
		{ { RK_SPAN("p"), RK_SPAN("p\0") }, false, true },
		{ { RK_SPAN("p"), RK_SPAN("p\0\0") }, false, false },
		{ { RK_SPAN("p"), RK_SPAN("o") }, false, true }, /* nothing, at a key */
		{ { RK_SPAN("x"), RK_SPAN("\0") }, true, false },
		{ { RK_SPAN("zz"), RK_SPAN("\0") }, true, false },
		{ { RK_SPAN("w"), RK_SPAN("y") }, false, false },
		{ { RK_SPAN("\0"), RK_SPAN("\0") }, false, false },
	};

	add_user(&world, "root");
	ask(&world, RK_ETCD_ENTRY_USER_GRANT, "root", "root", NULL, NULL);
	add_user(&world, "alice");
	ask(&world, RK_ETCD_ENTRY_ROLE_ADD, "one", NULL, NULL, NULL);
	ask(&world, RK_ETCD_ENTRY_ROLE_ADD, "two", NULL, NULL, NULL);
	ask(&world, RK_ETCD_ENTRY_USER_GRANT, "alice", "two", NULL, NULL);
	ask(&world, RK_ETCD_ENTRY_USER_GRANT, "alice", "one", NULL, NULL);
	grant(&world, "two", RK_ETCD_READ, RK_SPAN("a"), RK_SPAN("b"));
	grant(&world, "one", RK_ETCD_READ_WRITE, RK_SPAN("b"), RK_SPAN("bz"));
	grant(&world, "two", RK_ETCD_READ, RK_SPAN("bq"), RK_SPAN("c"));
	grant(&world, "one", RK_ETCD_WRITE, RK_SPAN("p"), RK_SPAN(""));
	grant(&world, "one", RK_ETCD_READ, RK_SPAN("x"), RK_SPAN("\0"));
	for (size_t i = 0; i < RK_COUNT(cases); i++)
		cr_expect_eq(rk_etcd_may(world_root(&world), &alice, RK_ETCD_READ, &cases[i].range),
			     RK_ETCD_OK, "auth is off");
	ask(&world, RK_ETCD_ENTRY_AUTH_ENABLE, NULL, NULL, NULL, NULL);
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const enum rk_etcd_error reads =
			rk_etcd_may(world_root(&world), &alice, RK_ETCD_READ, &cases[i].range);
		const enum rk_etcd_error writes =
			rk_etcd_may(world_root(&world), &alice, RK_ETCD_WRITE, &cases[i].range);
		cr_expect_eq(reads, cases[i].is_read ? RK_ETCD_OK : RK_ETCD_DENIED, "read %zu", i);
		cr_expect_eq(writes, cases[i].is_write ? RK_ETCD_OK : RK_ETCD_DENIED, "write %zu",
			     i);
	}
}

Test(etcd_auth, a_permission_is_changed_in_place_and_revoked_by_its_range)
{
	RK_AUTO(world_done) struct world world = world_new();
	struct rk_buf out = { 0 };

	ask(&world, RK_ETCD_ENTRY_ROLE_ADD, "role", NULL, NULL, NULL);
	grant(&world, "role", RK_ETCD_READ, RK_SPAN("b"), RK_SPAN("c"));
	grant(&world, "role", RK_ETCD_READ, RK_SPAN("a"), RK_SPAN(""));
	grant(&world, "role", RK_ETCD_WRITE, RK_SPAN("b"), RK_SPAN("c"));
	cr_assert(rk_etcd_role_grants(world_root(&world), RK_SPAN("role"), &out, 1));
	cr_assert(rk_span_eq(rk_buf_span(&out), RK_SPAN("\x0a\x03\x12\x01"
							"a\x0a\x08\x08\x01\x12\x01"
							"b\x1a\x01"
							"c")));
	ask(&world, RK_ETCD_ENTRY_ROLE_REVOKE, "role", "b", NULL, NULL);
	cr_assert_eq(world.code, RK_GRPC_PRECONDITION);
	ask(&world, RK_ETCD_ENTRY_ROLE_REVOKE, "role", "b", "c", NULL);
	cr_assert_eq(world.code, RK_GRPC_OK);
	rk_buf_clear(&out);
	(void)rk_etcd_role_grants(world_root(&world), RK_SPAN("role"), &out, 1);
	cr_assert_eq(out.size, 5);
	rk_buf_done(&out);
}

Test(etcd_auth, writes_are_checked_where_they_are_applied)
{
	RK_AUTO(world_done) struct world world = with_auth();
	struct rk_buf message = { 0 };

	world_put(&world, "a", "1", 0);
	cr_text(rk_buf_cstr(&world.answer), "etcdserver: user name is empty");
	cr_assert_eq(put_as(&world, "nobody", "a", 0, false), RK_GRPC_DENIED);
	cr_assert_eq(put_as(&world, "alice", "a", 0, false), RK_GRPC_DENIED);
	cr_assert_eq(put_as(&world, "root", "b", 0, false), RK_GRPC_OK);
	rk_proto_put_bytes(&message, 1, RK_SPAN("role"));
	rk_proto_put_message(&message, 2,
			     RK_SPAN("\x08\x01\x12\x01"
				     "a"));
	as(&world, "alice", 0, RK_ETCD_ENTRY_ROLE_GRANT, &message);
	cr_assert_eq(world.code, RK_GRPC_DENIED, "not by herself");
	as(&world, "root", 0, RK_ETCD_ENTRY_ROLE_GRANT, &message);
	cr_assert_eq(put_as(&world, "alice", "a", 0, false), RK_GRPC_OK);
	cr_assert_eq(put_as(&world, "alice", "a", 0, true), RK_GRPC_DENIED, "she may not read it");
	rk_buf_clear(&message);
	rk_proto_put_bytes(&message, 1, RK_SPAN("role"));
	rk_proto_put_bytes(&message, 2, RK_SPAN("a"));
	as(&world, "root", 0, RK_ETCD_ENTRY_ROLE_REVOKE, &message);
	cr_assert_eq(put_as(&world, "alice", "a", 0, false), RK_GRPC_DENIED);
	rk_buf_done(&message);
}

Test(etcd_auth, a_lease_is_as_good_as_its_keys)
{
	RK_AUTO(world_done) struct world world = with_auth();
	const struct rk_etcd_who alice = { RK_SPAN("alice"), 0 };
	struct rk_buf message = { 0 };

	rk_proto_put_number(&message, 1, 10);
	rk_proto_put_number(&message, 2, 5);
	as(&world, "alice", 0, RK_ETCD_ENTRY_GRANT, &message);
	cr_assert_eq(world.code, RK_GRPC_OK, "any user may");
	rk_buf_clear(&message);
	rk_proto_put_bytes(&message, 1, RK_SPAN("role"));
	rk_proto_put_message(&message, 2,
			     RK_SPAN("\x08\x02\x12\x01"
				     "a"));
	as(&world, "root", 0, RK_ETCD_ENTRY_ROLE_GRANT, &message);
	cr_assert_eq(put_as(&world, "alice", "a", 5, false), RK_GRPC_OK);
	cr_assert_eq(rk_etcd_may_lease(world_root(&world), &alice, RK_ETCD_READ, 5), RK_ETCD_OK);
	cr_assert_eq(put_as(&world, "root", "b", 5, false), RK_GRPC_OK);
	cr_assert_eq(rk_etcd_may_lease(world_root(&world), &alice, RK_ETCD_READ, 5),
		     RK_ETCD_DENIED);
	cr_assert_eq(put_as(&world, "alice", "a", 5, false), RK_GRPC_DENIED);
	rk_buf_clear(&message);
	rk_proto_put_number(&message, 1, 5);
	as(&world, "alice", 0, RK_ETCD_ENTRY_REVOKE, &message);
	cr_assert_eq(world.code, RK_GRPC_DENIED);
	rk_buf_done(&message);
	world.now_ms += 20000; /* but its time ends it, whoever's keys they are */
	world_apply(&world, RK_ENTRY_TICK, RK_SPAN(""));
	cr_text(world_all(&world, 0), "");
}

/* --- tokens --- */

static const char hash[RK_ETCD_TOKEN_BYTES + 1] = "0123456789abcdef0123456789abcdef";

static void make_token(struct world *world, const char *user, uint64_t checked)
{
	struct rk_buf message = { 0 };

	rk_proto_put_bytes(&message, 1, rk_span_str(user));
	rk_proto_put_bytes(&message, 2, rk_span_str(hash));
	rk_proto_put_number(&message, 3, checked);
	as(world, "", 0, RK_ETCD_ENTRY_TOKEN, &message);
	rk_buf_done(&message);
}

static bool is_good(struct world *world, const char *user)
{
	struct rk_etcd_token token;
	const bool is_there =
		rk_etcd_token_get(world_root(world), rk_span_str(hash), world->now_ms, &token);
	const struct rk_etcd_who who = { rk_span_str(user), is_there ? token.made : 0 };

	return is_there && rk_span_is(token.user, user) &&
	       rk_etcd_may_ask(world_root(world), &who) == RK_ETCD_OK;
}

Test(etcd_auth, a_token_lives_while_it_is_used)
{
	RK_AUTO(world_done) struct world world = with_auth();
	struct rk_buf message = { 0 };

	make_token(&world, "alice", auth_revision(&world));
	cr_assert_eq(world.code, RK_GRPC_OK);
	world.now_ms += RK_ETCD_TOKEN_MS - 1000;
	cr_assert(is_good(&world, "alice"));
	rk_buf_put_str(&message, hash);
	world_request(&world, RK_ETCD_ENTRY_TOKEN_KEEP, &message);
	cr_assert_eq(world.code, RK_GRPC_OK);
	world.now_ms += RK_ETCD_TOKEN_MS - 1000;
	world_apply(&world, RK_ENTRY_TICK, RK_SPAN(""));
	cr_assert(is_good(&world, "alice"));
	world.now_ms = rk_machine_next_due_ms(world.machine);
	world_apply(&world, RK_ENTRY_TICK, RK_SPAN(""));
	cr_assert_not(is_good(&world, "alice"));
	cr_assert_eq(rk_machine_next_due_ms(world.machine), INT64_MAX, "nothing is left of it");
	world_request(&world, RK_ETCD_ENTRY_TOKEN_KEEP, &message);
	cr_text(rk_buf_cstr(&world.answer), "etcdserver: invalid auth token");
	rk_buf_done(&message);
}

Test(etcd_auth, a_token_ends_with_its_password_its_user_and_auth)
{
	static const struct {
		enum rk_etcd_entry entry;
		const char *name;
	} ends[] = { { RK_ETCD_ENTRY_PASSWORD, "alice" },
		     { RK_ETCD_ENTRY_USER_DELETE, "alice" },
		     { RK_ETCD_ENTRY_AUTH_DISABLE, "" } };

	for (size_t i = 0; i < RK_COUNT(ends); i++) {
		RK_AUTO(world_done) struct world world = with_auth();
		const uint64_t checked = auth_revision(&world);
		struct rk_buf message = { 0 };
		make_token(&world, "alice", checked);
		cr_assert(is_good(&world, "alice"));
		rk_proto_put_bytes(&message, 1, rk_span_str(ends[i].name));
		as(&world, "root", 0, ends[i].entry, &message);
		cr_assert_eq(world.code, RK_GRPC_OK);
		ask(&world, RK_ETCD_ENTRY_USER_ADD, "alice", NULL, NULL, NULL);
		ask(&world, RK_ETCD_ENTRY_AUTH_ENABLE, NULL, NULL, NULL, NULL);
		as(&world, "root", 0, RK_ETCD_ENTRY_USER_ADD, &message);
		cr_expect_not(is_good(&world, "alice"), "%zu", i);
		if (i < 2) {
			make_token(&world, "alice", checked);
			cr_text(rk_buf_cstr(&world.answer),
				"etcdserver: revision of auth store is old");
		}
		rk_buf_done(&message);
	}
}
