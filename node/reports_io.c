#include "node/reports_io.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "wire/doc.h"

#define RETRY_S        1.0
#define EVENTS_MAX     256u
#define IN_FLIGHT_MAX  512u
#define EVENT_ROUND_MS 3600000

struct report {
	struct report *next;
	struct rk_reports *reports;
	char *uid, *ns, *name;
	struct rk_blob *status; /* waits to be written; NULL: nothing */
	struct rk_blob *sent;   /* under way */
	bool wants_delete, is_busy, is_over;
};

struct seen { /* an Event that was written */
	uint64_t hash;
	char name[80];
	int64_t first_wall;
	int64_t count;
};

struct rk_reports {
	struct rk_apiclient *api;
	struct ev_loop *loop;
	struct report *first;
	struct seen events[EVENTS_MAX];
	uint32_t next_event;
	ev_timer retry;
};

static void report_free(struct report *report)
{
	(void)rk_blob_unref(report->status);
	(void)rk_blob_unref(report->sent);
	free(report->uid);
	free(report->ns);
	free(report->name);
	free(report);
}

static void unlink_report(struct report *report)
{
	struct report **at = &report->reports->first;

	while (*at != report)
		at = &(*at)->next;
	*at = report->next;
	report_free(report);
}

static struct report *find(struct rk_reports *reports, struct rk_span uid)
{
	for (struct report *report = reports->first; report != NULL; report = report->next)
		if (rk_span_is(uid, report->uid))
			return report;
	return NULL;
}

static struct report *find_or_add(struct rk_reports *reports, const struct rk_act *act)
{
	struct report *report = find(reports, act->uid);

	if (report != NULL)
		return report;
	report = rk_zalloc(sizeof *report);
	report->reports = reports;
	report->uid = rk_strdup_span(act->uid);
	report->ns = rk_strdup_span(act->ns);
	report->name = rk_strdup_span(act->name);
	report->next = reports->first;
	reports->first = report;
	return report;
}

void rk_reports_pod(struct rk_reports *reports, const struct rk_act *act)
{
	struct report *report = find_or_add(reports, act);

	if (act->kind == RK_ACT_DELETE) {
		report->wants_delete = true;
		return;
	}
	(void)rk_blob_unref(report->status);
	report->status = rk_doc_of(act->body);
}

static void retry_soon(struct rk_reports *reports)
{
	if (!ev_is_active(&reports->retry)) {
		ev_timer_set(&reports->retry, RETRY_S, 0);
		ev_timer_start(reports->loop, &reports->retry);
	}
}

/* 404 and 409: it is gone, or its name belongs to another pod now; the watch says so too. */
static bool is_settled(int err, int status)
{
	return err == 0 &&
	       ((status >= 200 && status < 300) || status == 404 || status == 409 || status == 422);
}

static void on_deleted(void *context, int err, int status, const struct rk_val *answer)
{
	struct report *report = context;

	(void)answer;
	report->is_busy = false;
	if (err == RK_ECLOSED || report->is_over || is_settled(err, status)) {
		unlink_report(report);
		return;
	}
	report->wants_delete = true;
	retry_soon(report->reports);
}

static void send_delete(struct report *report)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *body = rk_val_map(&arena);
	const struct rk_apiclient_call call = {
		.method = "DELETE",
		.target = rk_arena_printf(&arena, "/api/v1/namespaces/%s/pods/%s", report->ns,
					  report->name),
		.body = body,
		.context = report,
		.done = on_deleted,
	};

	rk_val_put_cstr(&arena, body, "kind", "DeleteOptions");
	rk_val_put_cstr(&arena, body, "apiVersion", "v1");
	rk_val_put_int(&arena, body, "gracePeriodSeconds", 0);
	rk_val_set_at(&arena, body, "preconditions.uid", rk_val_cstr(&arena, report->uid));
	report->wants_delete = false;
	report->is_busy = true;
	rk_apiclient_call(report->reports->api, &call);
}

static void on_written(void *context, int err, int status, const struct rk_val *answer)
{
	struct report *report = context;

	struct rk_blob *sent = rk_take_ptr(report->sent);

	report->is_busy = false;
	if (err == RK_ECLOSED || report->is_over) {
		(void)rk_blob_unref(sent);
		unlink_report(report);
		return;
	}
	if (!is_settled(err, status)) {
		rk_log(RK_LOG_WARN, "status not written", "pod=%s/%s status=%d message=\"%.*s\"",
		       report->ns, report->name, status,
		       RK_SPAN_ARGS(rk_val_text_at(answer, "message")));
		if (report->status == NULL) /* nothing newer waits */
			report->status = rk_take_ptr(sent);
		(void)rk_blob_unref(sent);
		retry_soon(report->reports);
		return;
	}
	(void)rk_blob_unref(sent);
	if (status == 422)
		rk_log(RK_LOG_ERROR, "status refused", "pod=%s/%s message=\"%.*s\"", report->ns,
		       report->name, RK_SPAN_ARGS(rk_val_text_at(answer, "message")));
	if (status == 404 || status == 409) {
		unlink_report(report);
		return;
	}
	if (report->status == NULL && !report->wants_delete)
		unlink_report(report);
	else
		rk_reports_flush(report->reports);
}

static void send_status(struct report *report)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *body = rk_val_map(&arena);
	const struct rk_apiclient_call call = {
		.method = "PATCH",
		.target = rk_arena_printf(&arena, "/api/v1/namespaces/%s/pods/%s/status",
					  report->ns, report->name),
		.type = RK_STRATEGIC_PATCH,
		.body = body,
		.context = report,
		.done = on_written,
	};

	rk_val_set_at(&arena, body, "metadata.uid", rk_val_cstr(&arena, report->uid));
	report->sent = rk_take_ptr(report->status);
	rk_val_put(&arena, body, "status", rk_doc_val(&arena, report->sent));
	report->is_busy = true;
	rk_apiclient_call(report->reports->api, &call);
}

void rk_reports_flush(struct rk_reports *reports)
{
	for (struct report *report = reports->first, *next; report != NULL; report = next) {
		next = report->next;
		if (report->is_busy || rk_apiclient_in_flight(reports->api) > IN_FLIGHT_MAX)
			continue;
		if (report->status != NULL)
			send_status(report);
		else if (report->wants_delete)
			send_delete(report);
	}
}

void rk_reports_forget(struct rk_reports *reports, struct rk_span uid)
{
	struct report *report = find(reports, uid);

	if (report == NULL)
		return;
	report->is_over = true;
	report->wants_delete = false;
	(void)rk_blob_unref(report->status);
	report->status = NULL;
	if (!report->is_busy)
		unlink_report(report);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	rk_reports_flush(timer->data);
}

/* --- Events --- */

static struct rk_val *time_val(struct rk_arena *arena, int64_t wall)
{
	char text[RK_TIME_TEXT_MAX];

	(void)rk_time_format(text, wall);
	return rk_val_cstr(arena, rk_arena_str(arena, rk_span_str(text)));
}

static struct seen *find_event(struct rk_reports *reports, uint64_t hash, int64_t now_wall)
{
	for (uint32_t i = 0; i < EVENTS_MAX; i++) {
		struct seen *seen = &reports->events[i];
		if (seen->hash == hash && now_wall - seen->first_wall < EVENT_ROUND_MS)
			return seen;
	}
	return NULL;
}

static uint64_t event_hash(const struct rk_act *act)
{
	const uint64_t about =
		rk_hash64(rk_val_text_at(act->container, "name"), rk_hash64(act->uid, 1));

	return rk_hash64(act->text, rk_hash64(act->reason, about)) | 1;
}

static void count_event(struct rk_reports *reports, const struct rk_act *act, struct seen *seen,
			int64_t now_wall)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *body = rk_val_map(&arena);
	const struct rk_apiclient_call call = {
		.method = "PATCH",
		.target = rk_arena_printf(&arena, "/api/v1/namespaces/%.*s/events/%s",
					  RK_SPAN_ARGS(act->ns), seen->name),
		.type = RK_STRATEGIC_PATCH,
		.body = body,
	};

	rk_val_put_int(&arena, body, "count", ++seen->count);
	rk_val_put(&arena, body, "lastTimestamp", time_val(&arena, now_wall));
	rk_apiclient_call(reports->api, &call);
}

static const char *list_of(const struct rk_act *act)
{
	static const char *const lists[] = { "spec.initContainers", "spec.ephemeralContainers" };

	for (size_t i = 0; i < RK_COUNT(lists); i++) {
		const struct rk_val *list = rk_val_at(act->pod, lists[i]);
		for (uint32_t k = 0; k < rk_val_count(list); k++)
			if (rk_val_item(list, k) == act->container)
				return lists[i];
	}
	return "spec.containers";
}

static struct rk_val *about(struct rk_arena *arena, const struct rk_act *act)
{
	struct rk_val *object = rk_val_map(arena);
	const struct rk_span container = rk_val_text_at(act->container, "name");

	rk_val_put_cstr(arena, object, "kind", "Pod");
	rk_val_put_cstr(arena, object, "apiVersion", "v1");
	rk_val_put_str(arena, object, "namespace", act->ns);
	rk_val_put_str(arena, object, "name", act->name);
	rk_val_put_str(arena, object, "uid", act->uid);
	if (container.size > 0)
		rk_val_put(arena, object, "fieldPath",
			   rk_val_strf(arena, "%s{%.*s}", list_of(act), RK_SPAN_ARGS(container)));
	return object;
}

void rk_reports_event(struct rk_reports *reports, const struct rk_act *act, const char *node,
		      int64_t now_wall)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const uint64_t hash = event_hash(act);
	struct seen *seen = find_event(reports, hash, now_wall);
	struct rk_val *body = rk_val_map(&arena);

	if (rk_apiclient_in_flight(reports->api) > IN_FLIGHT_MAX)
		return; /* events are best effort: status comes first */
	if (seen != NULL) {
		count_event(reports, act, seen, now_wall);
		return;
	}
	seen = &reports->events[reports->next_event++ % EVENTS_MAX];
	*seen = (struct seen){ .hash = hash, .first_wall = now_wall, .count = 1 };
	(void)snprintf(
		seen->name, sizeof seen->name, "%.*s.%016llx",
		RK_SPAN_ARGS(rk_span_sub(act->name, 0, 60)),
		(unsigned long long)rk_hash64(
			(struct rk_span){ (const uint8_t *)&now_wall, sizeof now_wall }, hash));
	rk_val_put_cstr(&arena, body, "kind", "Event");
	rk_val_put_cstr(&arena, body, "apiVersion", "v1");
	rk_val_set_at(&arena, body, "metadata.name", rk_val_cstr(&arena, seen->name));
	rk_val_set_at(&arena, body, "metadata.namespace", rk_val_str(&arena, act->ns));
	rk_val_put(&arena, body, "involvedObject", about(&arena, act));
	rk_val_put_str(&arena, body, "reason", act->reason);
	rk_val_put_str(&arena, body, "message", act->text);
	rk_val_put_cstr(&arena, body, "type", act->is_warning ? "Warning" : "Normal");
	rk_val_set_at(&arena, body, "source.component", rk_val_cstr(&arena, "kubelet"));
	rk_val_set_at(&arena, body, "source.host", rk_val_cstr(&arena, node));
	rk_val_put_cstr(&arena, body, "reportingComponent", "kubelet");
	rk_val_put_cstr(&arena, body, "reportingInstance", node);
	rk_val_put(&arena, body, "firstTimestamp", time_val(&arena, now_wall));
	rk_val_put(&arena, body, "lastTimestamp", time_val(&arena, now_wall));
	rk_val_put_int(&arena, body, "count", 1);
	const struct rk_apiclient_call call = {
		.method = "POST",
		.target = rk_arena_printf(&arena, "/api/v1/namespaces/%.*s/events",
					  RK_SPAN_ARGS(act->ns)),
		.body = body,
	};
	rk_apiclient_call(reports->api, &call);
}

struct rk_reports *rk_reports_new(struct rk_apiclient *api)
{
	struct rk_reports *reports = rk_zalloc(sizeof *reports);

	reports->api = api;
	reports->loop = rk_apiclient_loop(api);
	ev_timer_init(&reports->retry, on_retry, 0, 0);
	reports->retry.data = reports;
	return reports;
}

/* After the api: every call has ended by then. */
struct rk_reports *rk_reports_free(struct rk_reports *reports)
{
	if (reports == NULL)
		return NULL;
	ev_timer_stop(reports->loop, &reports->retry);
	while (reports->first != NULL)
		unlink_report(reports->first);
	free(reports);
	return NULL;
}
