/* The core thread with a disk: one member, what is written is there after a restart, and a cluster
 * of three over TLS. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/core_io.h"
#include "control/pending.h"
#include "wire/doc.h"
#include "wire/json.h"
#include "wire/stream_io.h"
#include "tests/raft/peer_tls.h"

static char dir[64];

static void make_dir(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/rk-core-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(core, .init = make_dir, .fini = remove_dir, .timeout = 60);

static void on_fatal(void *context, const struct rk_error *error)
{
	(void)context;
	cr_assert_fail("%s", error->text);
}

struct member {
	struct rk_core *core;
	struct rk_feed *feed;
	struct rk_view *view;
	uint64_t next_id;
	const struct rk_kinds *kinds;
};

static void start(struct member *member, struct rk_core_opts *opts)
{
	struct rk_error error = { 0 };

	member->kinds = opts->kinds = rk_kinds_new();
	opts->fatal = on_fatal;
	opts->cluster = (struct rk_cluster_config){ .cluster_high = 7,
						    .cluster_low = 9,
						    .service_cidr = RK_SPAN("10.96.0.0/16"),
						    .pod_cidr = RK_SPAN("10.244.0.0/16"),
						    .dns_domain = RK_SPAN("cluster.local") };
	cr_assert_eq(rk_core_new(&member->core, opts, &error), RK_OK, "%s", error.text);
	cr_assert_eq(rk_core_join(member->core, &member->feed), RK_OK);
}

static void stop(struct member *member)
{
	rk_core_leave(member->feed);
	(void)rk_view_unref(member->view);
	(void)rk_core_free(member->core);
	(void)rk_kinds_free(member->kinds);
	*member = (struct member){ 0 };
}

/* Takes what comes until the answer to `id` (owned by the caller then), or until the state has a
 * first entry when id is 0. */
static struct rk_feed_answer *wait_for(struct member *member, uint64_t id)
{
	const uint64_t until = rk_clock_mono_ms() + 10000;
	struct rk_feed_answer *found = NULL;

	while (found == NULL && rk_clock_mono_ms() < until) {
		if (id == 0 && member->view != NULL && rk_view_revision(member->view) > 0)
			return NULL;
		rk_queue_wait(rk_feed_queue(member->feed), 100);
		for (struct rk_message *next = rk_queue_take(rk_feed_queue(member->feed));
		     next != NULL;) {
			struct rk_message *message = next;
			next = next->next;
			if (message->kind == RK_FEED_NEWS) {
				struct rk_feed_news *news =
					RK_CONTAINER(message, struct rk_feed_news, message);
				(void)rk_view_unref(member->view);
				member->view = rk_view_ref(news->view);
				rk_feed_news_free(news);
				continue;
			}
			struct rk_feed_answer *answer =
				RK_CONTAINER(message, struct rk_feed_answer, message);
			if (answer->request_id == id)
				found = answer;
			else
				rk_feed_answer_free(answer);
		}
	}
	cr_assert(found != NULL || id == 0, "no answer came");
	return found;
}

static int create_config_map(struct member *member, const char *name)
{
	struct rk_arena arena = { 0 };
	struct rk_val *command = NULL;
	struct rk_error error;
	const char *text = rk_arena_printf(
		&arena,
		"{\"user\":\"test\",\"ops\":[{\"verb\":\"create\",\"kind\":\"configmaps\","
		"\"version\":\"v1\",\"ns\":\"default\","
		"\"doc\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%"
		"s\",\"namespace\":\"default\"}},\"opts\":{}}]}",
		name);

	cr_assert_eq(rk_json_parse(&arena, rk_span_str(text), 0, &command, &error), RK_OK, "%s",
		     error.text);
	rk_feed_write(member->feed, ++member->next_id, rk_doc_of(command), 5000);
	rk_arena_done(&arena);
	struct rk_feed_answer *answer = wait_for(member, member->next_id);
	const int code = answer->err < 0 ? answer->err : answer->results[0].code;
	rk_feed_answer_free(answer);
	return code;
}

/* A linearizable read: from then on the view holds all that was ever acknowledged. */
static void catch_up(struct member *member)
{
	rk_feed_read(member->feed, ++member->next_id, 5000);
	struct rk_feed_answer *answer = wait_for(member, member->next_id);
	cr_expect_eq(answer->err, RK_OK);
	cr_expect_leq(answer->index, rk_view_index(member->view));
	rk_feed_answer_free(answer);
}

static bool has(const struct member *member, const char *name)
{
	struct rk_object object;

	return rk_view_get(member->view, RK_SPAN("configmaps"), RK_SPAN("default"),
			   rk_span_str(name), &object);
}

Test(core, one_member_remembers)
{
	struct rk_core_opts opts = { .dir = dir, .id = 1, .peer_fd = -1, .snapshot_entries = 10 };
	struct member member = { 0 };
	char name[16];

	cr_assert_eq(rk_config_add(&opts.members, 1, RK_MEMBER_VOTER, "127.0.0.1:1"), RK_OK);
	for (int life = 0; life < 3; life++) {
		start(&member, &opts);
		wait_for(&member, 0);
		catch_up(&member);
		for (int i = 0; i < life * 25; i++) {
			(void)snprintf(name, sizeof name, "c%d", i);
			cr_expect(has(&member, name), "%s of an earlier life", name);
		}
		for (int i = life * 25; i < (life + 1) * 25; i++) {
			(void)snprintf(name, sizeof name, "c%d", i);
			cr_expect_eq(create_config_map(&member, name), 201);
			cr_expect(has(&member, name), "the view comes before the answer");
		}
		cr_expect_eq(create_config_map(&member, "c0"), 409);
		catch_up(&member);
		stop(&member);
	}
}

/* What an operator would do by hand to see whether it is noticed. */
static void damage_snapshots(const char *member_dir)
{
	char command[256];

	(void)snprintf(command, sizeof command,
		       "for f in %s/snapshots/*.snap; do printf x | dd of=$f bs=1 seek=200 "
		       "conv=notrunc 2>/dev/null; "
		       "done",
		       member_dir);
	cr_assert_eq(system(command), 0);
}

static void three_members(bool is_damaged)
{
	struct rk_pem_pair ca = { 0 };
	struct rk_error error;
	struct rk_config members = { 0 };
	struct member all[3] = { 0 };
	struct rk_core_opts opts[3] = { 0 };
	char dirs[3][80], address[32];
	int fds[3];

	cr_assert_eq(rk_ca_make(&ca, "test", &error), RK_OK);
	for (unsigned i = 0; i < 3; i++) {
		uint16_t port = 0;
		cr_assert_eq(rk_listen("127.0.0.1:0", false, &fds[i], &port, &error), RK_OK, "%s",
			     error.text);
		(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
		cr_assert_eq(rk_config_add(&members, i + 1, RK_MEMBER_VOTER, address), RK_OK);
		(void)snprintf(dirs[i], sizeof dirs[i], "%s/m%u", dir, i + 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		opts[i] = (struct rk_core_opts){ .dir = dirs[i],
						 .id = i + 1,
						 .peer_fd = fds[i],
						 .members = members,
						 .snapshot_entries = 20 };
		peer_tls_make(&opts[i].peer_server, &opts[i].peer_client, &ca, i + 1);
		start(&all[i], &opts[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		wait_for(&all[i], 0);
	/* Writes on every member, also on those that do not lead. */
	for (int i = 0; i < 30; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "a%d", i);
		cr_expect_eq(create_config_map(&all[i % 3], name), 201);
	}
	/* One goes, the others go on, and it comes back to the same state. */
	stop(&all[2]);
	for (int i = 0; i < 60; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "b%d", i);
		cr_expect_eq(create_config_map(&all[i % 2], name), 201);
	}
	if (is_damaged)
		damage_snapshots(dirs[2]);
	cr_assert_eq(
		rk_listen(members.at[2].address, false, &opts[2].peer_fd, &(uint16_t){ 0 }, &error),
		RK_OK, "%s", error.text);
	start(&all[2], &opts[2]);
	wait_for(&all[2], 0);
	cr_expect_eq(create_config_map(&all[2], "last"), 201);
	for (unsigned i = 0; i < 3; i++) {
		catch_up(&all[i]);
		cr_expect(has(&all[i], "a0") && has(&all[i], "b59") && has(&all[i], "last"),
			  "member %u", i + 1);
	}
	/* An entry of the leader's own may have come in between. */
	for (int i = 0; i < 50 && rk_view_index(all[0].view) != rk_view_index(all[2].view); i++) {
		catch_up(&all[0]);
		catch_up(&all[2]);
	}
	cr_expect_eq(rk_view_index(all[0].view), rk_view_index(all[2].view));
	cr_expect(rk_hash128_eq(rk_view_hash(all[0].view), rk_view_hash(all[2].view)),
		  "the state is the same");
	for (unsigned i = 0; i < 3; i++) {
		stop(&all[i]);
		(void)rk_tls_unref(opts[i].peer_server);
		(void)rk_tls_unref(opts[i].peer_client);
	}
	rk_pem_pair_done(&ca);
}

static struct rk_arena scratch;

/* What the leader says to this; the value lasts until the test ends. */
static struct rk_val *admin(struct member *member, const char *text)
{
	struct rk_val *ask = NULL, *val = NULL;
	struct rk_error error = { 0 };

	cr_assert_eq(rk_json_parse(&scratch, rk_span_str(text), 0, &ask, &error), RK_OK, "%s",
		     error.text);
	rk_feed_admin(member->feed, ++member->next_id, rk_doc_of(ask), 3000);
	struct rk_feed_answer *answer = wait_for(member, member->next_id);
	if (answer->err == RK_OK)
		val = rk_val_copy(&scratch, rk_doc_val(&scratch, answer->results[0].doc));
	rk_feed_answer_free(answer);
	return val;
}

static void wait_members(struct member *member, uint32_t count)
{
	const uint64_t until = rk_clock_mono_ms() + 10000;

	while (rk_clock_mono_ms() < until) {
		const struct rk_val *val = admin(member, "{\"op\":\"list\"}");
		if (val != NULL && !rk_val_bool_at(val, "changing", true) &&
		    rk_val_count(rk_val_at(val, "members")) == count)
			return;
		(void)usleep(20000);
	}
	cr_assert_fail("%u members were expected", count);
}

/* A lone member becomes three, who know of the others only what the leader sends; then it leaves
 * itself. */
Test(core, one_member_grows_to_three_and_the_first_one_leaves)
{
	struct rk_pem_pair ca = { 0 };
	struct rk_error error;
	struct member all[3] = { 0 };
	struct rk_core_opts opts[3] = { 0 };
	char dirs[3][80], addresses[3][32], text[256], name[16];

	cr_assert_eq(rk_ca_make(&ca, "test", &error), RK_OK);
	for (unsigned i = 0; i < 3; i++) {
		uint16_t port = 0;
		(void)snprintf(dirs[i], sizeof dirs[i], "%s/m%u", dir, i + 1);
		opts[i] = (struct rk_core_opts){ .dir = dirs[i],
						 .id = i + 1,
						 .snapshot_entries = 20 };
		cr_assert_eq(rk_listen("127.0.0.1:0", false, &opts[i].peer_fd, &port, &error),
			     RK_OK, "%s", error.text);
		(void)snprintf(addresses[i], sizeof addresses[i], "127.0.0.1:%u", port);
		peer_tls_make(&opts[i].peer_server, &opts[i].peer_client, &ca, i + 1);
	}
	cr_assert_eq(rk_config_add(&opts[0].members, 1, RK_MEMBER_VOTER, addresses[0]), RK_OK);
	for (unsigned i = 0; i < 3; i++)
		start(&all[i], &opts[i]);
	wait_for(&all[0], 0);
	for (int i = 0; i < 50; i++) { /* more than a snapshot */
		(void)snprintf(name, sizeof name, "a%d", i);
		cr_expect_eq(create_config_map(&all[0], name), 201);
	}
	(void)snprintf(text, sizeof text,
		       "{\"op\":\"change\",\"add\":[{\"id\":2,\"address\":\"%s\"},{\"id\":3,"
		       "\"address\":\"%s\"}]}",
		       addresses[1], addresses[2]);
	cr_expect_eq(rk_val_int_at(admin(&all[0], text), "code", 0), 200);
	wait_members(&all[0], 3);
	for (unsigned i = 0; i < 3; i++) {
		catch_up(&all[i]);
		cr_expect(has(&all[i], "a0") && has(&all[i], "a49"), "member %u", i + 1);
	}
	/* Asked of one that does not lead. */
	cr_expect_eq(rk_val_int_at(admin(&all[1], "{\"op\":\"change\",\"remove\":[7]}"), "code", 0),
		     404);
	cr_expect_eq(rk_val_int_at(admin(&all[1], "{\"op\":\"change\",\"remove\":[1]}"), "code", 0),
		     200);
	wait_members(&all[1], 2);
	cr_expect_eq(create_config_map(&all[1], "b1"), 201);
	cr_expect_eq(create_config_map(&all[2], "b2"), 201);
	for (unsigned i = 0; i < 3; i++) {
		stop(&all[i]);
		(void)rk_tls_unref(opts[i].peer_server);
		(void)rk_tls_unref(opts[i].peer_client);
	}
	rk_pem_pair_done(&ca);
	rk_arena_done(&scratch);
}

Test(core, three_members_agree_and_one_comes_back) { three_members(false); }

Test(core, damaged_snapshots_are_set_aside_and_come_from_the_others) { three_members(true); }

Test(pending, sequences_are_answered_in_any_order)
{
	struct rk_pending pending = { 0 };
	int owner = 0;

	for (uint64_t i = 1; i <= 200; i++) {
		cr_expect_eq(rk_pending_next(&pending), i);
		cr_expect_eq(
			rk_pending_write(&pending, &owner, 1000 + i, 5, rk_blob_copy(RK_SPAN("x"))),
			RK_OK);
	}
	for (uint64_t i = 200; i > 100; i--)
		rk_pending_answered(&pending, i);
	cr_expect_eq(rk_pending_oldest(&pending), 1);
	cr_expect_null(rk_pending_find(&pending, 150));
	cr_expect_eq(rk_pending_find(&pending, 100)->request_id, 1100);
	for (uint64_t i = 1; i <= 100; i++)
		rk_pending_answered(&pending, i);
	cr_expect_eq(rk_pending_oldest(&pending), 201);
	cr_expect_eq(rk_pending_next(&pending), 201);
	cr_expect_eq(rk_pending_write(&pending, &owner, 1, 5, rk_blob_copy(RK_SPAN("x"))), RK_OK);
	rk_pending_forget(&pending, &owner);
	cr_expect_eq(pending.count, 0);
	rk_pending_done(&pending);
}
