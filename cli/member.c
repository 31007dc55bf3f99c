/* reckon member ls, add, promote, remove, update, set; reckon transfer: who the members are, and
 * who leads. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/session_io.h"
#include "cli/tabs.h"

#define MEMBERS_PATH "/reckon/v1/members"
#define POLL_US      100000

static int run_ls(int argc, char **argv);
static int run_add(int argc, char **argv);
static int run_promote(int argc, char **argv);
static int run_remove(int argc, char **argv);
static int run_update(int argc, char **argv);
static int run_set(int argc, char **argv);
static int run_transfer(int argc, char **argv);

#define SECTION "Members and nodes"
const struct rk_command rk_command_member_ls = {
	.name = "member ls",
	.usage = "[flags]",
	.summary = "List the members of the control plane",
	.examples = "  reckon member ls --cluster /tmp/demo\n",
	.run = run_ls,
	.section = SECTION,
};
const struct rk_command rk_command_member_add = {
	.name = "member add",
	.usage = "ID=HOST:PORT... [--learner | --witness] [--dry-run] [flags]",
	.summary = "Add members; they vote once they have caught up",
	.examples = "  reckon server --join --id 4 --peer-listen 10.0.0.4:2380 ...   # on the new "
		    "machine\n"
		    "  reckon member add 4=10.0.0.4:2380\n"
		    "  reckon member add 3=10.0.0.3:2380 --witness   # it runs `reckon server --join "
		    "--witness`\n",
	.run = run_add,
	.section = SECTION,
};
const struct rk_command rk_command_member_promote = {
	.name = "member promote",
	.usage = "ID... [--dry-run] [flags]",
	.summary = "Let learners vote",
	.examples = "  reckon member promote 4\n",
	.run = run_promote,
	.section = SECTION,
};
const struct rk_command rk_command_member_remove = {
	.name = "member remove",
	.usage = "ID... [--dry-run] [flags]",
	.summary = "Remove members",
	.examples = "  reckon member remove 2\n",
	.run = run_remove,
	.section = SECTION,
};
const struct rk_command rk_command_member_update = {
	.name = "member update",
	.usage = "ID=HOST:PORT... [--dry-run] [flags]",
	.summary = "Change where the other members find one",
	.examples = "  reckon member update 2=10.0.0.22:2380\n",
	.run = run_update,
	.section = SECTION,
};
const struct rk_command rk_command_member_set = {
	.name = "member set",
	.usage = "ID[=HOST:PORT][:learner|:witness]... [--dry-run] [flags]",
	.summary = "Make these the members, and no others, in one change",
	.examples = "  reckon member set 1 2 4=10.0.0.4:2380 --dry-run\n"
		    "  reckon member set 1 2 3:learner\n"
		    "  reckon member set 1 2 3=10.0.0.3:2380:witness\n",
	.run = run_set,
	.section = SECTION,
};
const struct rk_command rk_command_transfer = {
	.name = "transfer",
	.usage = "[ID] [flags]",
	.summary = "Hand the leadership over, to member ID or to the one that is furthest",
	.examples = "  reckon transfer 2\n",
	.run = run_transfer,
	.section = SECTION,
};

struct job {
	struct rk_session session;
	const char *cluster;
	char kubeconfig[512];
	bool is_learner, is_witness, is_dry, no_wait;
	int64_t timeout_ms;
	struct rk_val *body;
};

static bool begin(const struct rk_command *command, struct job *job, int *argc, char **argv,
		  int *status)
{
	const struct rk_flag flags[] = {
		RK_FLAG_STR("cluster", 'c', &job->cluster, "DIR", "a local cluster's directory"),
		RK_FLAG_STR("kubeconfig", 0, &job->session.kubeconfig, "FILE",
			    "how to reach the cluster (KUBECONFIG, else ~/.kube/config)"),
		RK_FLAG_STR("server", 's', &job->session.choice.server, "URL", "the member to ask"),
		RK_FLAG_YES("learner", 0, &job->is_learner, "add: they never vote"),
		RK_FLAG_YES("witness", 0, &job->is_witness, "add: they vote, and keep the log only"),
		RK_FLAG_YES("dry-run", 0, &job->is_dry, "show the steps, change nothing"),
		RK_FLAG_YES("no-wait", 0, &job->no_wait, "do not wait for the end of the change"),
		RK_FLAG("timeout", 0, RK_FLAG_DURATION, &job->timeout_ms, "TIME",
			"how long to wait (default 60s)"),
		{ 0 },
	};

	job->timeout_ms = 60000;
	if (!rk_cli_begin(command, flags, argc, argv, NULL, status))
		return false;
	job->body = rk_val_map(&job->session.arena);
	return true;
}

static int open_job(struct job *job, struct rk_error *error)
{
	if (job->cluster != NULL) {
		(void)snprintf(job->kubeconfig, sizeof job->kubeconfig, "%s/admin.kubeconfig",
			       job->cluster);
		job->session.kubeconfig = job->kubeconfig;
	}
	return rk_session_open(&job->session, error);
}

static const char *witness_text(bool is_leaving, struct rk_span next)
{
	return is_leaving		    ? "witness (leaves)"
	       : rk_span_is(next, "voter") ? "witness (will vote)"
	       : rk_span_is(next, "gone")  ? "witness (will leave)"
					    : "witness";
}

/* "voter", "learner, will vote", "voter, will leave"... */
static const char *role_text(const struct rk_val *member)
{
	const struct rk_span next = rk_val_text_at(member, "next");
	const bool votes = rk_span_is(rk_val_text_at(member, "role"), "voter");

	if (rk_span_is(rk_val_text_at(member, "role"), "witness"))
		return witness_text(rk_val_bool_at(member, "leaving", false), next);

	if (rk_val_bool_at(member, "leaving", false))
		return votes ? "voter (leaves)" : "learner (leaves the voters)";
	if (rk_span_is(next, "voter"))
		return "learner (will vote)";
	if (rk_span_is(next, "learner"))
		return "voter (becomes a learner)";
	if (rk_span_is(next, "gone"))
		return "voter (will leave)";
	return votes ? "voter" : "learner";
}

static void put_members(const struct rk_val *val)
{
	const struct rk_val *members = rk_val_at(val, "members");
	const int64_t leader = rk_val_int_at(val, "leader", 0);
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };

	rk_buf_put_str(&text, "ID\tADDRESS\tROLE\tSTATE\tINDEX\tLEADER\n");
	for (uint32_t i = 0; i < rk_val_count(members); i++) {
		const struct rk_val *member = rk_val_item(members, i);
		const int64_t id = rk_val_int_at(member, "id", 0);
		const bool is_here = rk_val_bool_at(member, "active", true);
		rk_buf_printf(&text, "%lld\t%.*s\t%s\t%s\t%lld\t%s\n", (long long)id,
			      RK_SPAN_ARGS(rk_val_text_at(member, "address")), role_text(member),
			      is_here ? "up" : "silent",
			      (long long)rk_val_int_at(member, "match", 0),
			      id == leader ? "*" : "");
	}
	rk_tabs_write(&out, rk_buf_span(&text), 0, 3);
	rk_cli_put(&out);
}

static void put_step(unsigned number, const struct rk_val *members)
{
	(void)printf("%u. ", number);
	for (uint32_t i = 0; i < rk_val_count(members); i++) {
		const struct rk_val *member = rk_val_item(members, i);
		(void)printf("%s%lld %s", i > 0 ? ", " : "",
			     (long long)rk_val_int_at(member, "id", 0), role_text(member));
	}
	(void)printf("\n");
}

/* No change is under way, and those are the members that were asked for. */
static bool is_done(const struct rk_val *val, const struct rk_val *to)
{
	static const char *const fields[] = { "address", "role" };
	const struct rk_val *members = rk_val_at(val, "members");
	bool same =
		!rk_val_bool_at(val, "changing", true) && rk_val_count(members) == rk_val_count(to);

	for (uint32_t i = 0; i < rk_val_count(to) && same; i++) {
		const struct rk_val *is = rk_val_item(members, i), *want = rk_val_item(to, i);
		same = rk_val_int_at(is, "id", 0) == rk_val_int_at(want, "id", -1);
		for (size_t j = 0; j < RK_COUNT(fields); j++)
			same = same && rk_span_eq(rk_val_text_at(is, fields[j]),
						  rk_val_text_at(want, fields[j]));
	}
	return same;
}

/* The leader may change meanwhile, and a member may be silent. */
static int wait_for(struct job *job, const struct rk_val *to, struct rk_error *error)
{
	const uint64_t until_ms = rk_clock_mono_ms() + (uint64_t)job->timeout_ms;
	struct rk_val *val = NULL;
	int err;

	for (;;) {
		err = rk_session_get(&job->session, MEMBERS_PATH, &val, error);
		if ((err == RK_OK && is_done(val, to)) || rk_clock_mono_ms() >= until_ms)
			break;
		(void)usleep(POLL_US);
	}
	RK_TRY(err);
	put_members(val);
	return is_done(val, to)
		       ? RK_OK
		       : rk_fail(error, RK_ETIMEDOUT,
				 "the change is not done yet: it goes on when members that "
				 "shall vote have caught up");
}

static int change(struct job *job, struct rk_error *error)
{
	struct rk_val *answer = NULL;

	RK_TRY(open_job(job, error));
	if (job->is_dry)
		rk_val_put_bool(&job->session.arena, job->body, "dryRun", true);
	RK_TRY(rk_session_send(&job->session, "POST", MEMBERS_PATH, NULL, job->body, &answer,
			       error));
	if (rk_val_bool_at(answer, "unchanged", false)) {
		(void)printf("Nothing to change\n");
		return RK_OK;
	}
	if (job->is_dry) {
		const struct rk_val *steps = rk_val_at(answer, "steps");
		for (uint32_t i = 0; i < rk_val_count(steps); i++)
			put_step(i + 1, rk_val_item(steps, i));
		return RK_OK;
	}
	if (job->no_wait)
		return RK_OK;
	return wait_for(job, rk_val_at(answer, "to"), error);
}

static bool cut_ending(struct rk_span *text, struct rk_span ending)
{
	if (!rk_span_ends(*text, ending))
		return false;
	text->size -= ending.size;
	return true;
}

/* "4", "4=HOST:PORT", with `:learner` or `:witness` behind it. */
static int member_of(struct job *job, const char *text, struct rk_val **ret, struct rk_error *error)
{
	struct rk_arena *arena = &job->session.arena;
	struct rk_val *member = rk_val_map(arena);
	struct rk_span rest = rk_span_str(text), id_text;
	uint64_t id;
	const bool is_learner = cut_ending(&rest, RK_SPAN(":learner")) || job->is_learner;
	const bool is_witness = cut_ending(&rest, RK_SPAN(":witness")) || job->is_witness;

	const struct rk_span address = rk_span_cut(rest, '=', &id_text);
	if (!rk_span_u64(id_text, &id) || id == 0 || id > INT64_MAX)
		return rk_fail(error, RK_EINVAL, "\"%s\" is not ID=HOST:PORT", text);
	rk_val_put_int(arena, member, "id", (int64_t)id);
	if (address.size > 0)
		rk_val_put_str(arena, member, "address", address);
	if (is_learner)
		rk_val_put_bool(arena, member, "learner", true);
	if (is_witness)
		rk_val_put_bool(arena, member, "witness", true);
	*ret = member;
	return RK_OK;
}

/* Every word as an item of `field`: members, or plain numbers. */
static int run_edit(const struct rk_command *command, const char *field, bool is_plain,
		    bool needs_address, int argc, char **argv)
{
	struct job job = { 0 };
	struct rk_error error = { 0 };
	int status, err = RK_OK;

	if (!begin(command, &job, &argc, argv, &status))
		return status;
	struct rk_arena *arena = &job.session.arena;
	struct rk_val *list = rk_val_list(arena);
	if (argc == 0)
		err = rk_fail(&error, RK_EINVAL, "%s needs %s", command->name,
			      is_plain ? "the ID of a member" : "ID=HOST:PORT");
	for (int i = 0; i < argc && err == RK_OK; i++) {
		struct rk_val *member = NULL;
		err = member_of(&job, argv[i], &member, &error);
		const bool has_address = rk_val_text_at(member, "address").size > 0;
		if (err == RK_OK && needs_address && !has_address)
			err = rk_fail(&error, RK_EINVAL, "\"%s\" is not ID=HOST:PORT", argv[i]);
		if (err == RK_OK)
			rk_val_append(arena, list, is_plain ? rk_val_at(member, "id") : member);
	}
	rk_val_put(arena, job.body, field, list);
	if (err == RK_OK)
		err = change(&job, &error);
	return rk_session_end(&job.session, err, &error);
}

static int run_add(int argc, char **argv)
{
	return run_edit(&rk_command_member_add, "add", false, true, argc, argv);
}

static int run_promote(int argc, char **argv)
{
	return run_edit(&rk_command_member_promote, "promote", true, false, argc, argv);
}

static int run_remove(int argc, char **argv)
{
	return run_edit(&rk_command_member_remove, "remove", true, false, argc, argv);
}

static int run_update(int argc, char **argv)
{
	return run_edit(&rk_command_member_update, "update", false, true, argc, argv);
}

static int run_set(int argc, char **argv)
{
	return run_edit(&rk_command_member_set, "set", false, false, argc, argv);
}

static int run_ls(int argc, char **argv)
{
	struct job job = { 0 };
	struct rk_error error = { 0 };
	struct rk_val *val = NULL;
	int status;

	if (!begin(&rk_command_member_ls, &job, &argc, argv, &status))
		return status;
	int err = argc > 0 ? rk_fail(&error, RK_EINVAL, "member ls takes flags only")
			   : open_job(&job, &error);
	if (err == RK_OK)
		err = rk_session_get(&job.session, MEMBERS_PATH, &val, &error);
	if (err == RK_OK)
		put_members(val);
	return rk_session_end(&job.session, err, &error);
}

/* Asks until another member leads. */
static int hand_over(struct job *job, uint64_t to, struct rk_error *error)
{
	const uint64_t until_ms = rk_clock_mono_ms() + (uint64_t)job->timeout_ms;
	struct rk_val *answer = NULL;

	rk_val_put_int(&job->session.arena, job->body, "to", (int64_t)to);
	RK_TRY(rk_session_send(&job->session, "POST", "/reckon/v1/transfer", NULL, job->body,
			       &answer, error));
	const int64_t old = rk_val_int_at(answer, "leader", 0);
	while (old != (int64_t)to && rk_clock_mono_ms() < until_ms) {
		struct rk_val *val = NULL;
		const int err = rk_session_get(&job->session, MEMBERS_PATH, &val, error);
		const int64_t leader = rk_val_int_at(val, "leader", 0);
		if (err == RK_OK && leader != old) {
			(void)printf("Member %lld leads\n", (long long)leader);
			return RK_OK;
		}
		(void)usleep(POLL_US / 10);
	}
	if (old == (int64_t)to)
		(void)printf("Member %lld leads already\n", (long long)old);
	return old == (int64_t)to
		       ? RK_OK
		       : rk_fail(error, RK_ETIMEDOUT, "member %lld still leads", (long long)old);
}

static int run_transfer(int argc, char **argv)
{
	struct job job = { 0 };
	struct rk_error error = { 0 };
	uint64_t to = 0;
	int status;

	if (!begin(&rk_command_transfer, &job, &argc, argv, &status))
		return status;
	int err = RK_OK;
	if (argc > 1 || (argc == 1 && (!rk_span_u64(rk_span_str(argv[0]), &to) || to > INT64_MAX)))
		err = rk_fail(&error, RK_EINVAL, "transfer takes the ID of one member, or nothing");
	if (err == RK_OK)
		err = open_job(&job, &error);
	if (err == RK_OK)
		err = hand_over(&job, to, &error);
	return rk_session_end(&job.session, err, &error);
}
