#include "tests/sim/figure8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "raft/raft.h"

enum { MEMBERS = 5, INDEX_MAX = 64 };

struct member {
	struct rk_raft *raft;
	struct rk_raft_out out;
};

struct story {
	struct member at[MEMBERS + 1]; /* by id */
	bool link[MEMBERS + 1][MEMBERS + 1];
	uint64_t append_limit; /* appends of later entries are lost */
	uint64_t now_ms;
	size_t count, capacity;
	struct rk_raft_msg **letters;
	uint64_t applied_term[INDEX_MAX]; /* by index */
	bool is_safe;
};

static void set_links(struct story *story, const char *together) /* "235": these, and nobody else */
{
	memset(story->link, 0, sizeof story->link);
	for (const char *a = together; *a != 0; a++)
		for (const char *b = together; *b != 0; b++)
			story->link[*a - '0'][*b - '0'] = true;
}

static void apply(struct story *story, const struct rk_entry *entry)
{
	uint64_t *term = &story->applied_term[entry->index % INDEX_MAX];

	if (*term != 0 && *term != entry->term)
		story->is_safe = false;
	*term = entry->term;
}

static bool passes(const struct story *story, const struct rk_raft_msg *msg)
{
	return story->link[msg->from][msg->to] &&
	       !(msg->kind == RK_MSG_APPEND && msg->index + msg->count > story->append_limit);
}

static void take_outputs(struct story *story, struct member *member)
{
	while (rk_raft_ready(member->raft, &member->out)) {
		for (size_t i = 0; i < member->out.messages_count; i++) {
			story->letters = rk_grow(story->letters, &story->capacity, story->count + 1,
						 sizeof *story->letters);
			story->letters[story->count++] = rk_take_ptr(member->out.messages[i]);
		}
		if (member->out.persist != NULL)
			rk_raft_persisted(member->raft, member->out.persist->id);
		for (size_t i = 0; i < member->out.committed_count; i++)
			apply(story, &member->out.committed[i]);
		if (member->out.committed_count > 0)
			rk_raft_applied(member->raft,
					member->out.committed[member->out.committed_count - 1].index);
	}
}

static void deliver(struct story *story)
{
	for (int round = 0; round < 20; round++) {
		for (uint64_t id = 1; id <= MEMBERS; id++)
			take_outputs(story, &story->at[id]);
		struct rk_raft_msg **letters = rk_take_ptr(story->letters);
		const size_t count = story->count;
		story->count = story->capacity = 0;
		for (size_t i = 0; i < count; i++) {
			if (passes(story, letters[i]))
				rk_raft_step(story->at[letters[i]->to].raft, letters[i]);
			else
				(void)rk_raft_msg_free(letters[i]);
		}
		free(letters);
	}
}

static void pass_time(struct story *story, uint64_t ms)
{
	for (const uint64_t end = story->now_ms + ms; story->now_ms < end;) {
		story->now_ms += 10;
		for (uint64_t id = 1; id <= MEMBERS; id++) {
			rk_raft_clock(story->at[id].raft, story->now_ms, (int64_t)story->now_ms);
			rk_raft_tick(story->at[id].raft);
		}
		deliver(story);
	}
}

static bool leads(const struct story *story, uint64_t id)
{
	struct rk_raft_status status;

	rk_raft_status(story->at[id].raft, &status);
	return status.role == RK_RAFT_LEADER;
}

/* Only `id` campaigns: the others wait for longer than we look. */
static bool elect(struct story *story, uint64_t id, const char *together)
{
	set_links(story, ""); /* until nobody holds to a leader any more */
	pass_time(story, 700);
	set_links(story, together);
	for (int tries = 0; tries < 200 && !leads(story, id); tries++) {
		rk_raft_campaign(story->at[id].raft);
		deliver(story);
	}
	return leads(story, id);
}

static bool propose(struct story *story, uint64_t id)
{
	struct rk_blob *blob = rk_blob_new(8);
	uint64_t index, term;

	memset(blob->data, 'x', 8);
	const int err = rk_raft_propose(story->at[id].raft, blob, &index, &term);
	(void)rk_blob_unref(blob);
	deliver(story);
	return err == RK_OK;
}

static void begin(struct story *story)
{
	struct rk_config config = { 0 };

	*story = (struct story){ .append_limit = UINT64_MAX, .now_ms = 1000, .is_safe = true };
	for (uint64_t id = 1; id <= MEMBERS; id++)
		rk_assert(rk_config_add(&config, id, RK_MEMBER_VOTER,
					(char[]){ 's', ':', (char)('0' + id), 0 }) == RK_OK);
	for (uint64_t id = 1; id <= MEMBERS; id++) {
		const struct rk_raft_opts opts = {
			.id = id, .seed = id, .append_bytes = 1, .config = config
		};
		rk_assert(rk_raft_new(&story->at[id].raft, &opts, NULL) == RK_OK);
		rk_raft_clock(story->at[id].raft, story->now_ms, 0);
	}
	set_links(story, "12345");
	pass_time(story, 100); /* each learns that its disk is as the others know it */
}

static bool tell(struct story *story)
{
	if (!elect(story, 1, "12345"))
		return false;
	set_links(story, "12"); /* (a) an entry of S1 comes to S2 only */
	if (!propose(story, 1))
		return false;
	story->append_limit = 0; /* (b) S5 is elected by S3 and S4, and its entry stays with it */
	if (!elect(story, 5, "345"))
		return false;
	story->append_limit = 2; /* (c) S1 leads again: its old entry comes to S3 too, its new one to nobody */
	if (!elect(story, 1, "123"))
		return false;
	pass_time(story, 200);
	story->append_limit = UINT64_MAX; /* (d) S5 is elected, and writes over it */
	if (!elect(story, 5, "2345"))
		return false;
	pass_time(story, 300);
	return true;
}

bool figure8_is_safe(bool *ret_ran)
{
	struct story story;

	begin(&story);
	*ret_ran = tell(&story);
	for (uint64_t id = 1; id <= MEMBERS; id++) {
		rk_raft_out_done(&story.at[id].out);
		(void)rk_raft_free(story.at[id].raft);
	}
	for (size_t i = 0; i < story.count; i++)
		(void)rk_raft_msg_free(story.letters[i]);
	free(story.letters);
	return story.is_safe;
}
