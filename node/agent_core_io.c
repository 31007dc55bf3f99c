#include <dirent.h>

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/agent.h"
#include "node/journal_io.h"
#include "node/refs_io.h"
#include "node/reports_io.h"
#include "node/tokens_io.h"
#include "wire/json.h"

#define STATE_MAX (1u << 20)

struct rk_now rk_agent_now(void)
{
	return (struct rk_now){ rk_clock_wall_ms(), (int64_t)rk_clock_mono_ms() };
}

/* --- facts in --- */

void rk_member_fact(void *context, const struct rk_fact *fact)
{
	struct rk_member *member = context;
	struct rk_queued_fact *queued = rk_zalloc(sizeof *queued);
	struct rk_fact *copy = &queued->fact;
	struct rk_arena *arena = &queued->arena;

	*copy = *fact;
	copy->uid = rk_arena_span(arena, fact->uid);
	copy->container = rk_arena_span(arena, fact->container);
	copy->reason = rk_arena_span(arena, fact->reason);
	copy->text = rk_arena_span(arena, fact->text);
	copy->id = rk_arena_span(arena, fact->id);
	copy->image_id = rk_arena_span(arena, fact->image_id);
	copy->address = rk_arena_span(arena, fact->address);
	copy->pod = fact->pod != NULL ? rk_val_copy(arena, fact->pod) : NULL;
	copy->state = fact->state != NULL ? rk_val_copy(arena, fact->state) : NULL;
	*member->last_fact = queued;
	member->last_fact = &queued->next;
}

/* --- state on the disk --- */

static void write_state(struct rk_member *member, const struct rk_act *act, const char *file,
			const struct rk_val *body)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_error error = { 0 };
	char path[RK_PATH_MAX];

	rk_path(path, "%s/pods/%.*s", member->agent->dir, RK_SPAN_ARGS(act->uid));
	int err = rk_dir_make(path, 0711, &error);
	rk_path(path, "%s/pods/%.*s/%s", member->agent->dir, RK_SPAN_ARGS(act->uid), file);
	rk_json_write(&text, body, false);
	if (err == 0)
		err = rk_file_write(path, rk_buf_span(&text), 0600, false, &error);
	if (err < 0)
		rk_log(RK_LOG_ERROR, "state not written", "path=%s error=\"%s\"", path, error.text);
}

static int read_state(struct rk_arena *arena, const char *dir, const char *uid, const char *file,
		      struct rk_val **ret, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char path[RK_PATH_MAX];

	rk_path(path, "%s/pods/%s/%s", dir, uid, file);
	RK_TRY(rk_file_read(path, STATE_MAX, &text, error));
	return rk_json_parse(arena, rk_arena_span(arena, rk_buf_span(&text)), 0, ret, error);
}

static void drop_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static void restore_one(struct rk_member *member, const char *uid)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *pod = NULL, *state = NULL;
	struct rk_error error = { 0 };

	if (read_state(&arena, member->agent->dir, uid, "pod.json", &pod, &error) < 0 ||
	    read_state(&arena, member->agent->dir, uid, "state.json", &state, &error) < 0 ||
	    !rk_span_is(rk_val_text_at(pod, "metadata.uid"), uid)) {
		rk_log(RK_LOG_WARN, "pod not restored", "uid=%s error=\"%s\"", uid, error.text);
		return;
	}
	const struct rk_fact fact = { .kind = RK_FACT_RESTORED, .pod = pod, .state = state };
	rk_member_fact(member, &fact);
	rk_refs_add(member->agent->refs, pod);
	rk_tokens_add(member->agent->tokens, pod);
	member->runtime->ops->adopt(member->runtime, pod, state);
}

void rk_member_restore(struct rk_member *member)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/pods", member->agent->dir);
	RK_AUTO(drop_dir) DIR *pods = opendir(path);
	for (const struct dirent *entry; pods != NULL && (entry = readdir(pods)) != NULL;)
		if (entry->d_name[0] != '.' && strlen(entry->d_name) <= 64)
			restore_one(member, entry->d_name);
}

/* --- acts out --- */

static bool is_used(void *context, enum rk_ref_kind kind, struct rk_span ns, struct rk_span name)
{
	struct rk_agent *agent = context;

	for (unsigned i = 0; i < agent->member_count; i++)
		for (const struct rk_pod *pod = rk_nodecore_next(agent->members[i].core, NULL);
		     pod != NULL; pod = rk_nodecore_next(agent->members[i].core, pod))
			if (rk_refs_pod_uses(pod->object, kind, ns, name))
				return true;
	return false;
}

static bool has_yet_to_come(struct rk_agent *agent, const struct rk_val *pod)
{
	return rk_refs_wait(agent->refs, pod) || rk_tokens_wait(agent->tokens, pod);
}

static void do_act(struct rk_member *member, const struct rk_act *act)
{
	struct rk_agent *agent = member->agent;

	switch (act->kind) {
	case RK_ACT_STATUS:
	case RK_ACT_DELETE: rk_reports_pod(agent->reports, act); break;
	case RK_ACT_EVENT:
		if (!agent->is_sim ||
		    act->is_warning) /* thousands of simulated starts are no news */
			rk_reports_event(agent->reports, act, member->name, rk_clock_wall_ms());
		break;
	case RK_ACT_SAVE:
		if (!agent->is_sim) {
			write_state(member, act, "pod.json", act->pod);
			write_state(member, act, "state.json", act->body);
		}
		break;
	case RK_ACT_FORGET:
		rk_reports_forget(agent->reports, act->uid);
		member->runtime->ops->act(member->runtime, act);
		rk_refs_sweep(agent->refs, is_used, agent);
		rk_tokens_forget(agent->tokens, act->uid);
		break;
	case RK_ACT_VOLUMES:
		if (agent->is_sim || !has_yet_to_come(agent, act->pod)) {
			member->runtime->ops->act(member->runtime, act);
		} else {
			const struct rk_fact fact = { .kind = RK_FACT_VOLUMES, .uid = act->uid, .err = RK_EAGAIN };
			rk_member_fact(member, &fact);
		}
		break;
	default: member->runtime->ops->act(member->runtime, act); break;
	}
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	const struct rk_fact fact = { .kind = RK_FACT_TIME };

	(void)loop, (void)events;
	rk_member_fact(timer->data, &fact);
}

static void set_due(struct rk_member *member)
{
	const struct rk_now now = rk_agent_now();
	const int64_t due = rk_nodecore_due(member->core, now);

	ev_timer_stop(member->agent->loop, &member->due);
	if (due == INT64_MAX)
		return;
	ev_now_update(member->agent->loop);
	ev_timer_init(&member->due, on_due, (double)RK_MAX(due - now.mono, 0) / 1e3 + 0.001, 0);
	member->due.data = member;
	ev_timer_start(member->agent->loop, &member->due);
}

static void take_facts(struct rk_member *member)
{
	if (member->first_fact == NULL)
		return;
	while (member->first_fact != NULL) {
		struct rk_queued_fact *queued = member->first_fact;
		const struct rk_now now = rk_agent_now();

		member->first_fact = queued->next;
		if (member->first_fact == NULL)
			member->last_fact = &member->first_fact;
		rk_journal_put(member->agent->journal, now, &queued->fact);
		rk_acts_reset(&member->acts);
		rk_nodecore_step(member->core, now, &queued->fact, &member->acts);
		for (size_t i = 0; i < member->acts.count; i++)
			do_act(member, &member->acts.items[i]);
		rk_arena_done(&queued->arena);
		free(queued);
	}
	set_due(member);
}

void rk_agent_take_facts(struct rk_agent *agent)
{
	for (unsigned i = 0; i < agent->member_count; i++)
		take_facts(&agent->members[i]);
	rk_reports_flush(agent->reports);
}
