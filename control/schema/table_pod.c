/* The row of a pod: what upstream's printPod makes of its containers. */
#include "base/timefmt.h"
#include "control/schema/table_cells.h"

struct summary {
	const struct rk_cells *cells;
	const struct rk_val *pod;
	struct rk_span status;
	int64_t ready, total, restarts;
	struct rk_span restarted; /* when, last */
};

static bool has_condition(const struct rk_val *pod, const char *type)
{
	const struct rk_val *list = rk_val_at(pod, "status.conditions");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "type"), type))
			return rk_span_is(rk_val_text_at(rk_val_item(list, i), "status"), "True");
	return false;
}

static struct rk_span text(const struct summary *summary, const char *prefix, struct rk_span body)
{
	const char *whole =
		rk_arena_printf(summary->cells->arena, "%s%.*s", prefix, RK_SPAN_ARGS(body));

	return rk_span_str(whole);
}

/* "Reason", else "Signal:n" or "ExitCode:n". */
static struct rk_span ended_as(const struct summary *summary, const char *prefix,
			       const struct rk_val *ended)
{
	const struct rk_span reason = rk_val_text_at(ended, "reason");
	const int64_t signal = rk_val_int_at(ended, "signal", 0);

	if (reason.size > 0)
		return text(summary, prefix, reason);
	return rk_span_str(rk_arena_printf(
		summary->cells->arena, "%s%s:%lld", prefix, signal != 0 ? "Signal" : "ExitCode",
		(long long)(signal != 0 ? signal : rk_val_int_at(ended, "exitCode", 0))));
}

static void count_restarts(struct summary *summary, const struct rk_val *status)
{
	const struct rk_span ended = rk_val_text_at(status, "lastState.terminated.finishedAt");

	summary->restarts += rk_val_int_at(status, "restartCount", 0);
	/* Times in their one form are in order as text. */
	if (rk_span_cmp(ended, summary->restarted) > 0)
		summary->restarted = ended;
}

static const struct rk_val *init_spec(const struct rk_val *pod, struct rk_span name)
{
	const struct rk_val *list = rk_val_at(pod, "spec.initContainers");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(list, i), "name"), name))
			return rk_val_item(list, i);
	return NULL;
}

static bool runs_beside(const struct rk_val *container)
{
	return rk_span_is(rk_val_text_at(container, "restartPolicy"), "Always");
}

/* Goes through the init containers up to the first that is not done. True when there is one.
 * `beside` counts only what runs on beside the containers. */
static bool sum_init(struct summary *summary, struct summary *beside)
{
	const struct rk_val *list = rk_val_at(summary->pod, "status.initContainerStatuses");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *status = rk_val_item(list, i);
		const struct rk_val *ended = rk_val_at(status, "state.terminated");
		const struct rk_span waits = rk_val_text_at(status, "state.waiting.reason");
		const bool stays =
			runs_beside(init_spec(summary->pod, rk_val_text_at(status, "name")));
		count_restarts(summary, status);
		if (stays)
			count_restarts(beside, status);
		if (ended != NULL && rk_val_int_at(ended, "exitCode", 0) == 0)
			continue;
		if (stays && rk_val_bool_at(status, "started", false)) {
			summary->ready += rk_val_bool_at(status, "ready", false);
			continue;
		}
		if (ended != NULL)
			summary->status = ended_as(summary, "Init:", ended);
		else if (waits.size > 0 && !rk_span_is(waits, "PodInitializing"))
			summary->status = text(summary, "Init:", waits);
		else
			summary->status = rk_span_str(rk_arena_printf(
				summary->cells->arena, "Init:%u/%u", i,
				rk_val_count(rk_val_at(summary->pod, "spec.initContainers"))));
		return true;
	}
	return false;
}

static void sum_containers(struct summary *summary)
{
	const struct rk_val *list = rk_val_at(summary->pod, "status.containerStatuses");
	bool has_running = false;

	for (uint32_t i = rk_val_count(list); i > 0; i--) {
		const struct rk_val *status = rk_val_item(list, i - 1);
		const struct rk_val *ended = rk_val_at(status, "state.terminated");
		const struct rk_span waits = rk_val_text_at(status, "state.waiting.reason");
		count_restarts(summary, status);
		if (waits.size > 0) {
			summary->status = waits;
		} else if (ended != NULL) {
			summary->status = ended_as(summary, "", ended);
		} else if (rk_val_bool_at(status, "ready", false) &&
			   rk_val_at(status, "state.running") != NULL) {
			has_running = true;
			summary->ready++;
		}
	}
	if (has_running && rk_span_is(summary->status, "Completed"))
		summary->status = has_condition(summary->pod, "Ready") ? RK_SPAN("Running")
								       : RK_SPAN("NotReady");
}

static void sum_up(struct summary *summary)
{
	const struct rk_val *pod = summary->pod, *init = rk_val_at(pod, "spec.initContainers");
	const struct rk_val *conditions = rk_val_at(pod, "status.conditions");
	const struct rk_span phase = rk_val_text_at(pod, "status.phase"),
			     why = rk_val_text_at(pod, "status.reason");
	struct summary beside = { .cells = summary->cells, .pod = pod };

	summary->status = why.size > 0 ? why : phase;
	summary->total = rk_val_count(rk_val_at(pod, "spec.containers"));
	for (uint32_t i = 0; i < rk_val_count(init); i++)
		summary->total += runs_beside(rk_val_item(init, i));
	for (uint32_t i = 0; i < rk_val_count(conditions); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(conditions, i), "reason"),
			       "SchedulingGated"))
			summary->status = RK_SPAN("SchedulingGated");
	if (!sum_init(summary, &beside) || has_condition(pod, "Initialized")) {
		summary->restarts = beside.restarts;
		summary->restarted = beside.restarted;
		sum_containers(summary);
	}
	if (rk_val_at(pod, "metadata.deletionTimestamp") == NULL)
		return;
	if (rk_span_is(why, "NodeLost"))
		summary->status = RK_SPAN("Unknown");
	else if (!rk_span_is(phase, "Succeeded") && !rk_span_is(phase, "Failed"))
		summary->status = RK_SPAN("Terminating");
}

static void cell_gates(const struct rk_cells *cells, const struct rk_val *pod)
{
	const struct rk_val *gates = rk_val_at(pod, "spec.readinessGates");
	unsigned open = 0;

	for (uint32_t i = 0; i < rk_val_count(gates); i++) {
		const struct rk_span type = rk_val_text_at(rk_val_item(gates, i), "conditionType");
		open += has_condition(pod, rk_arena_str(cells->arena, type));
	}
	if (rk_val_count(gates) == 0)
		rk_cell_text(cells, RK_SPAN("<none>"));
	else
		rk_cell_text(cells, rk_span_str(rk_arena_printf(cells->arena, "%u/%u", open,
								rk_val_count(gates))));
}

void rk_row_pod(const struct rk_cells *cells, const struct rk_val *pod)
{
	struct summary summary = { .cells = cells, .pod = pod };
	const struct rk_val *first_ip = rk_val_item(rk_val_at(pod, "status.podIPs"), 0);
	struct rk_buf restarts = { 0 }, ready = { 0 };

	sum_up(&summary);
	rk_buf_printf(&ready, "%lld/%lld", (long long)summary.ready, (long long)summary.total);
	rk_buf_printf(&restarts, "%lld", (long long)summary.restarts);
	if (summary.restarts != 0 && summary.restarted.size > 0)
		rk_buf_printf(&restarts, " (%.*s ago)",
			      RK_SPAN_ARGS(rk_cell_since(cells, summary.restarted)));
	rk_cell_name(cells, pod);
	rk_cell_buf(cells, &ready);
	rk_cell_text(cells, summary.status);
	rk_cell_buf(cells, &restarts);
	rk_cell_age(cells, pod);
	rk_cell_or(cells,
		   rk_val_text_at(first_ip != NULL ? first_ip : rk_val_at(pod, "status"),
				  first_ip != NULL ? "ip" : "podIP"),
		   "<none>");
	rk_cell_or(cells, rk_val_text_at(pod, "spec.nodeName"), "<none>");
	rk_cell_or(cells, rk_val_text_at(pod, "status.nominatedNodeName"), "<none>");
	cell_gates(cells, pod);
}
