#include "raft/progress.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

static void inflights_free_to(struct rk_inflights *inflights, uint64_t index)
{
	while (inflights->count > 0 && inflights->at[inflights->start].last <= index) {
		inflights->bytes -= inflights->at[inflights->start].bytes;
		inflights->start = (inflights->start + 1) % inflights->count_max;
		inflights->count--;
	}
}

static void inflights_clear(struct rk_inflights *inflights)
{
	inflights->start = inflights->count = 0;
	inflights->bytes = 0;
}

static bool inflights_full(const struct rk_inflights *inflights)
{
	return inflights->count == inflights->count_max || inflights->bytes >= inflights->bytes_max;
}

void rk_progress_init(struct rk_progress *progress, uint32_t inflight_max, size_t inflight_bytes)
{
	*progress = (struct rk_progress){ .next = 1 };
	progress->inflights.count_max = inflight_max;
	progress->inflights.bytes_max = inflight_bytes;
	progress->inflights.at = rk_alloc(inflight_max * sizeof *progress->inflights.at);
}

void rk_progress_done(struct rk_progress *progress)
{
	free(progress->inflights.at);
	*progress = (struct rk_progress){ 0 };
}

static void enter(struct rk_progress *progress, enum rk_progress_state state)
{
	progress->state = state;
	progress->probe_sent = false;
	progress->snapshot_index = 0;
	inflights_clear(&progress->inflights);
}

void rk_progress_reset(struct rk_progress *progress, uint64_t next)
{
	enter(progress, RK_PROGRESS_PROBE);
	progress->match = 0;
	progress->next = next;
	progress->commit_sent = 0;
	progress->read_acked = 0;
	progress->lease_acked_ms = 0;
	progress->active = false;
	progress->remembers = false;
	progress->wants_append = false;
}

void rk_progress_probe(struct rk_progress *progress)
{
	/* After a snapshot the peer may already hold it, though its answer has not come. */
	const uint64_t snapshot = progress->state == RK_PROGRESS_SNAPSHOT ? progress->snapshot_index : 0;

	enter(progress, RK_PROGRESS_PROBE);
	progress->next = RK_MAX(progress->match, snapshot) + 1;
}

void rk_progress_replicate(struct rk_progress *progress)
{
	enter(progress, RK_PROGRESS_REPLICATE);
	progress->next = progress->match + 1;
}

void rk_progress_snapshot(struct rk_progress *progress, uint64_t index)
{
	enter(progress, RK_PROGRESS_SNAPSHOT);
	progress->snapshot_index = index;
	progress->next = index + 1;
}

bool rk_progress_match(struct rk_progress *progress, uint64_t index)
{
	const bool news = index > progress->match;

	if (news) {
		progress->match = index;
		progress->probe_sent = false;
	}
	progress->next = RK_MAX(progress->next, index + 1);
	inflights_free_to(&progress->inflights, index);
	return news;
}

bool rk_progress_back_up(struct rk_progress *progress, uint64_t rejected, uint64_t hint)
{
	if (progress->state == RK_PROGRESS_REPLICATE) {
		/* Only appends after `match` can be refused now; others are answers from before. */
		if (rejected <= progress->match)
			return false;
		progress->next = progress->match + 1;
		return true;
	}
	if (progress->state == RK_PROGRESS_SNAPSHOT || progress->next - 1 != rejected)
		return false; /* not the probe that is out */
	progress->next = RK_MAX(RK_MIN(rejected, hint + 1), progress->match + 1);
	progress->probe_sent = false;
	return true;
}

void rk_progress_sent(struct rk_progress *progress, uint64_t last, size_t bytes)
{
	struct rk_inflights *inflights = &progress->inflights;

	if (progress->state == RK_PROGRESS_PROBE) {
		progress->probe_sent = true;
		return;
	}
	rk_assert(progress->state == RK_PROGRESS_REPLICATE && last >= progress->next);
	rk_assert(inflights->count < inflights->count_max);
	inflights->at[(inflights->start + inflights->count++) % inflights->count_max] =
		(struct rk_inflight){ last, bytes };
	inflights->bytes += bytes;
	progress->next = last + 1;
}

bool rk_progress_paused(const struct rk_progress *progress)
{
	switch (progress->state) {
	case RK_PROGRESS_PROBE: return progress->probe_sent;
	case RK_PROGRESS_REPLICATE: return inflights_full(&progress->inflights);
	case RK_PROGRESS_SNAPSHOT: return true;
	}
	return true;
}

void rk_progress_free_first(struct rk_progress *progress)
{
	if (inflights_full(&progress->inflights))
		inflights_free_to(&progress->inflights,
				  progress->inflights.at[progress->inflights.start].last);
}
