/* What administrators ask of the members themselves: who they are, who they shall be, who leads.
 * Only the leader knows, so the others pass it on to it and its answer back. */
#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "control/core_inner.h"
#include "control/members.h"
#include "control/status.h"
#include "raft/membership.h"
#include "wire/doc.h"

static struct rk_val *refusal(struct rk_arena *arena, const struct rk_error *error)
{
	switch (error->code) {
	case RK_ENOENT: return rk_status(arena, 404, "NotFound", "%s", error->text);
	case RK_EEXIST:
	case RK_EBUSY: return rk_status(arena, 409, "Conflict", "%s", error->text);
	case RK_EAGAIN: return rk_status(arena, 503, "ServiceUnavailable", "%s", error->text);
	default: return rk_status(arena, 400, "BadRequest", "%s", error->text);
	}
}

struct rk_val *rk_core_members(struct rk_arena *arena, const struct rk_core *core)
{
	struct rk_val *list = rk_members_val(arena, rk_raft_config(core->raft));
	struct rk_raft_status status;

	rk_raft_status(core->raft, &status);
	for (uint32_t i = 0; i < rk_val_count(list) && status.role == RK_RAFT_LEADER; i++) {
		struct rk_val *member = rk_val_item(list, i);
		const struct rk_raft_peer_status *peer = &status.peers[i];
		rk_val_put_cstr(arena, member, "state", peer->state);
		rk_val_put_int(arena, member, "match", (int64_t)peer->match);
		rk_val_put_bool(arena, member, "active", peer->active || peer->id == status.id);
	}
	return list;
}

static struct rk_val *list_members(struct rk_arena *arena, const struct rk_core *core)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_int(arena, val, "code", 200);
	rk_val_put_int(arena, val, "leader", (int64_t)core->member.id);
	rk_val_put_bool(arena, val, "changing",
			rk_membership_is_changing(rk_raft_config(core->raft)));
	rk_val_put(arena, val, "members", rk_core_members(arena, core));
	return val;
}

/* {dryRun, unchanged, from, to, steps: [members after each entry]} */
static struct rk_val *change(struct rk_arena *arena, struct rk_core *core,
			     const struct rk_val *edits)
{
	const bool is_dry = rk_val_bool_at(edits, "dryRun", false);
	const struct rk_config *now = rk_raft_config(core->raft);
	struct rk_val *val = rk_val_map(arena), *steps = rk_val_list(arena);
	struct rk_error error = { 0 };
	struct rk_config target, step;

	rk_membership_target(now, &target);
	rk_val_put_int(arena, val, "code", 200);
	rk_val_put_bool(arena, val, "dryRun", is_dry);
	rk_val_put(arena, val, "from", rk_members_val(arena, now));
	if (rk_members_edit(edits, &target, &error) < 0)
		return refusal(arena, &error);
	rk_val_put(arena, val, "to", rk_members_val(arena, &target));
	int err = rk_membership_start(now, &target, &step, &error);
	if (err == RK_EEXIST) {
		rk_val_put_bool(arena, val, "unchanged", true);
		return val;
	}
	if (err == RK_OK && !is_dry)
		err = rk_raft_change(core->raft, &target, &error);
	if (err < 0)
		return refusal(arena, &error);
	do
		rk_val_append(arena, steps, rk_members_val(arena, &step));
	while (rk_membership_next(&step, &step) == RK_OK);
	rk_val_put(arena, val, "steps", steps);
	if (!is_dry)
		rk_log(RK_LOG_INFO, "members change", "steps=%u", rk_val_count(steps));
	return val;
}

static struct rk_val *transfer(struct rk_arena *arena, struct rk_core *core,
			       const struct rk_val *ask)
{
	const int64_t to = rk_val_int_at(ask, "to", 0);
	struct rk_val *val = rk_val_map(arena);
	struct rk_error error = { 0 };
	int err = to < 0 ? RK_ENOENT : rk_raft_transfer(core->raft, (uint64_t)to);

	if (err == RK_ENOENT)
		(void)rk_fail(&error, err,
			      to == 0 ? "no other voter is there to lead"
				      : "that member is not there, or no voter");
	else if (err == RK_EPERM)
		(void)rk_fail(&error, err, "member %" PRId64 " is a witness, which does not lead", to);
	else if (err == RK_EAGAIN)
		(void)rk_fail(&error, err, "leadership is being handed over already");
	if (err < 0 && err != RK_EEXIST)
		return refusal(arena, &error);
	rk_val_put_int(arena, val, "code", 200);
	rk_val_put_int(arena, val, "leader", (int64_t)core->member.id);
	return val;
}

static struct rk_blob *answer_of(struct rk_core *core, struct rk_span ask)
{
	struct rk_arena arena = { 0 };
	struct rk_val *val = NULL, *result;

	if (rk_doc_read(&arena, ask, &val) < 0) {
		result = rk_status(&arena, 400, "BadRequest", "the request cannot be read");
	} else {
		const struct rk_span op = rk_val_text_at(val, "op");
		result = rk_span_is(op, "list")       ? list_members(&arena, core)
			 : rk_span_is(op, "transfer") ? transfer(&arena, core, val)
						      : change(&arena, core, val);
	}
	struct rk_blob *doc = rk_doc_of(result);
	rk_arena_done(&arena);
	return doc;
}

static void answer(struct rk_core *core, struct rk_feed *feed, uint64_t id, struct rk_blob *doc)
{
	struct rk_feed_answer *answer = rk_zalloc(sizeof *answer);

	answer->request_id = id;
	answer->count = 1;
	answer->results = rk_zalloc(sizeof *answer->results);
	answer->results[0].code = 200;
	answer->results[0].doc = doc;
	rk_core_answer(core, feed, answer);
}

static bool leads(const struct rk_core *core)
{
	struct rk_raft_status status;

	rk_raft_status(core->raft, &status);
	return status.role == RK_RAFT_LEADER;
}

static void send(struct rk_core *core, enum rk_raft_msg_kind kind, uint64_t to, uint64_t context,
		 struct rk_blob *payload)
{
	struct rk_raft_msg *msg = rk_raft_msg_new(kind, to);

	msg->from = core->member.id;
	msg->context = context;
	msg->entries = rk_zalloc(sizeof *msg->entries);
	msg->entries[msg->count++] = (struct rk_entry){ .index = 1,
							.kind = RK_ENTRY_NORMAL,
							.payload = rk_blob_ref(payload) };
	rk_peers_send(core->peers, msg);
}

void rk_core_take_admin(struct rk_core *core, struct rk_core_request *request)
{
	if (leads(core)) {
		answer(core, request->feed, request->id,
		       answer_of(core, rk_blob_span(request->command)));
		return;
	}
	if (rk_doc_bool(rk_blob_span(request->command), "here", false)) {
		rk_core_answer_err(core, request->feed, request->id, RK_ESTALE);
		return;
	}
	if (core->told_leader == 0 || core->peers == NULL || core->admin_count == RK_CORE_ADMINS) {
		rk_core_answer_err(core, request->feed, request->id, RK_EAGAIN);
		return;
	}
	core->admins[core->admin_count++] =
		(struct rk_core_admin){ .context = ++core->admin_next,
					.request_id = request->id,
					.deadline_ms = request->deadline_ms,
					.feed = request->feed };
	send(core, RK_MSG_ADMIN, core->told_leader, core->admin_next, request->command);
}

static void take_answer(struct rk_core *core, const struct rk_raft_msg *msg)
{
	for (uint32_t i = 0; i < core->admin_count; i++) {
		const struct rk_core_admin admin = core->admins[i];
		if (admin.context != msg->context)
			continue;
		core->admins[i] = core->admins[--core->admin_count];
		answer(core, admin.feed, admin.request_id, rk_blob_ref(msg->entries[0].payload));
		return;
	}
}

bool rk_core_admin_msg(struct rk_core *core, const struct rk_raft_msg *msg)
{
	if (msg->kind != RK_MSG_ADMIN && msg->kind != RK_MSG_ADMIN_ANSWER)
		return false;
	if (msg->count != 1 || msg->entries[0].payload == NULL)
		return true;
	if (msg->kind == RK_MSG_ADMIN_ANSWER) {
		take_answer(core, msg);
	} else if (leads(core) && core->peers != NULL) {
		struct rk_blob *doc = answer_of(core, rk_blob_span(msg->entries[0].payload));
		send(core, RK_MSG_ADMIN_ANSWER, msg->from, msg->context, doc);
		(void)rk_blob_unref(doc);
	}
	return true;
}

void rk_core_admins_expire(struct rk_core *core, const struct rk_feed *gone)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < core->admin_count; i++) {
		const struct rk_core_admin *admin = &core->admins[i];
		if (admin->feed == gone)
			continue;
		if (admin->deadline_ms <= core->now_ms)
			rk_core_answer_err(core, admin->feed, admin->request_id, RK_ETIMEDOUT);
		else
			core->admins[kept++] = *admin;
	}
	core->admin_count = kept;
}
