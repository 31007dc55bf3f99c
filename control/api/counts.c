#include "control/api/counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

static const struct {
	const char *verb, *label;
	bool is_mutating, lasts;
} verbs[RK_API_VERBS] = {
	{ "get", "GET", false, false },
	{ "list", "LIST", false, false },
	{ "watch", "WATCH", false, true },
	{ "create", "POST", true, false },
	{ "update", "PUT", true, false },
	{ "patch", "PATCH", true, false },
	{ "delete", "DELETE", true, false },
	{ "deletecollection", "DELETECOLLECTION", true, false },
	{ "connect", "CONNECT", true, true }, /* however it was asked for */
	{ "", "OTHER", false, false },
};

/* The last one stands for all others. */
static const int codes[RK_API_CODES] = { 200, 201, 202, 101, 304, 307, 400, 401, 403, 404, 405, 406,
					 409, 410, 412, 413, 415, 422, 429, 500, 501, 503, 504, 0 };

/* Upper bounds in microseconds; beyond the last: +Inf. */
static const uint64_t bounds_us[RK_API_BUCKETS] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 1000000, 5000000
};

/* --- counting --- */

static void add(atomic_ullong *counter, unsigned long long more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

static unsigned number_of(const char *verb)
{
	unsigned at = 0;

	while (at + 1 < RK_API_VERBS && (verb == NULL || strcmp(verbs[at].verb, verb) != 0))
		at++;
	return at;
}

struct name { /* of a series; empty: of no resource, or of any other */
	unsigned verb;
	struct rk_span group, version, resource, sub;
	const char *scope;
};

/* What a client has made up names no series. */
static struct name name_of(unsigned verb, const struct rk_route *route)
{
	const struct rk_kind *kind = route->kind;
	struct name ret = { .verb = verb, .scope = "" };

	if (kind == NULL || (route->sub.size > 0 && !rk_kind_has_sub(kind, route->sub)))
		return ret;
	ret.group = rk_span_str(kind->group);
	ret.version = rk_span_str(kind->version);
	ret.resource = rk_span_str(kind->plural);
	ret.sub = route->sub;
	ret.scope = route->name.size > 0 ? "resource" : route->ns.size > 0 ? "namespace" : "cluster";
	return ret;
}

static bool has_name(const struct rk_api_series *series, const struct name *name)
{
	return series->verb == name->verb && series->scope[0] == name->scope[0] &&
	       rk_span_is(name->resource, series->resource) && rk_span_is(name->sub, series->sub) &&
	       rk_span_is(name->group, series->group) && rk_span_is(name->version, series->version);
}

static uint64_t hash_of(const struct name *name)
{
	uint64_t hash = rk_hash64(name->resource, name->verb);

	hash = rk_hash64(name->group, hash);
	hash = rk_hash64(name->version, hash);
	return rk_hash64(name->sub, hash + (uint8_t)name->scope[0]);
}

static void put_text(char *to, size_t room, struct rk_span text)
{
	const size_t size = RK_MIN(text.size, room - 1);

	if (size > 0)
		memcpy(to, text.data, size);
	to[size] = '\0';
}

static struct rk_api_series *series_new(const struct name *name)
{
	struct rk_api_series *series = rk_zalloc(sizeof *series);

	series->verb = name->verb;
	series->scope = name->scope;
	put_text(series->group, sizeof series->group, name->group);
	put_text(series->version, sizeof series->version, name->version);
	put_text(series->resource, sizeof series->resource, name->resource);
	put_text(series->sub, sizeof series->sub, name->sub);
	return series;
}

static struct rk_api_series *find(struct rk_api_counts *counts, const struct name *name)
{
	size_t at = hash_of(name) % RK_API_SERIES;
	struct rk_api_series *series;

	for (; (series = atomic_load_explicit(&counts->series[at], memory_order_relaxed)) != NULL;
	     at = (at + 1) % RK_API_SERIES)
		if (has_name(series, name))
			return series;
	/* What names nothing always has its place: one for each verb. */
	if (counts->series_count >= RK_API_SERIES / 4 * 3 && name->resource.size > 0)
		return find(counts, &(struct name){ .verb = name->verb, .scope = "" });
	counts->series_count++;
	series = series_new(name);
	atomic_store_explicit(&counts->series[at], series, memory_order_release);
	return series;
}

struct rk_api_series *rk_counts_begin(struct rk_api_counts *counts, const char *verb,
				      const struct rk_route *route)
{
	const unsigned number = number_of(verb);
	const struct name name = name_of(number, route);

	add(&counts->verbs[number].begun, 1);
	return find(counts, &name);
}

void rk_counts_end(struct rk_api_counts *counts, struct rk_api_series *series, int code,
		   uint64_t took_us)
{
	const bool lasts = verbs[series->verb].lasts;
	const int given = code == 0 && lasts ? 101 : code; /* WebSocket, SPDY */
	unsigned at = 0, bucket = 0;

	add(&counts->verbs[series->verb].ended, 1);
	if (given == 0)
		return;
	while (at + 1 < RK_API_CODES && codes[at] != given)
		at++;
	add(&series->codes[at], 1);
	if (lasts)
		return;
	while (bucket < RK_API_BUCKETS && took_us > bounds_us[bucket])
		bucket++;
	if (bucket < RK_API_BUCKETS)
		add(&series->took[bucket], 1);
	add(&series->took_us, took_us);
}

void rk_counts_event(struct rk_api_counts *counts)
{
	add(&counts->events, 1);
}

void rk_counts_done(struct rk_api_counts *counts)
{
	for (size_t i = 0; i < RK_API_SERIES; i++)
		free(atomic_load_explicit(&counts->series[i], memory_order_relaxed));
}

/* --- adding up and writing --- */

static uint64_t get(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

struct sum {
	const struct rk_api_series *of;
	uint64_t answered, codes[RK_API_CODES], took_us, took[RK_API_BUCKETS];
};

static int order(const struct rk_api_series *a, const struct rk_api_series *b)
{
	int by = strcmp(a->group, b->group);

	by = by != 0 ? by : strcmp(a->resource, b->resource);
	by = by != 0 ? by : strcmp(a->version, b->version);
	by = by != 0 ? by : strcmp(a->sub, b->sub);
	by = by != 0 ? by : (a->verb > b->verb) - (a->verb < b->verb);
	return by != 0 ? by : strcmp(a->scope, b->scope);
}

static int by_name(const void *a, const void *b)
{
	return order(*(const struct rk_api_series *const *)a,
		     *(const struct rk_api_series *const *)b);
}

static void add_to(struct sum *sum, const struct rk_api_series *series)
{
	for (unsigned at = 0; at < RK_API_CODES; at++) {
		const uint64_t count = get(&series->codes[at]);
		sum->codes[at] += count;
		sum->answered += count;
	}
	for (unsigned at = 0; at < RK_API_BUCKETS; at++)
		sum->took[at] += get(&series->took[at]);
	sum->took_us += get(&series->took_us);
}

static void put_labels(struct rk_buf *out, const struct rk_api_series *series)
{
	rk_buf_printf(out,
		      "component=\"apiserver\",group=\"%s\",resource=\"%s\",scope=\"%s\","
		      "subresource=\"%s\",verb=\"%s\",version=\"%s\"",
		      series->group, series->resource, series->scope, series->sub,
		      verbs[series->verb].label, series->version);
}

static void put_codes(struct rk_buf *out, const struct sum *sums, size_t count)
{
	rk_buf_put_str(out, "# TYPE apiserver_request_total counter\n");
	for (size_t i = 0; i < count; i++)
		for (unsigned at = 0; at < RK_API_CODES; at++) {
			if (sums[i].codes[at] == 0)
				continue;
			rk_buf_printf(out, "apiserver_request_total{code=\"%d\",", codes[at]);
			put_labels(out, sums[i].of);
			rk_buf_printf(out, "} %" PRIu64 "\n", sums[i].codes[at]);
		}
}

static void put_time(struct rk_buf *out, const struct sum *sum)
{
	static const char name[] = "apiserver_request_duration_seconds";
	uint64_t below = 0;

	for (unsigned at = 0; at <= RK_API_BUCKETS; at++) {
		rk_buf_printf(out, "%s_bucket{", name);
		put_labels(out, sum->of);
		if (at < RK_API_BUCKETS)
			rk_buf_printf(out, ",le=\"%g\"} %" PRIu64 "\n", (double)bounds_us[at] / 1e6,
				      below += sum->took[at]);
		else
			rk_buf_printf(out, ",le=\"+Inf\"} %" PRIu64 "\n", sum->answered);
	}
	rk_buf_printf(out, "%s_sum{", name);
	put_labels(out, sum->of);
	rk_buf_printf(out, "} %.6f\n%s_count{", (double)sum->took_us / 1e6, name);
	put_labels(out, sum->of);
	rk_buf_printf(out, "} %" PRIu64 "\n", sum->answered);
}

static void put_open(struct rk_buf *out, struct rk_api_counts *const *threads, size_t count)
{
	uint64_t open[2] = { 0 };

	rk_buf_put_str(out, "# TYPE apiserver_longrunning_requests gauge\n");
	for (unsigned verb = 0; verb < RK_API_VERBS; verb++) {
		uint64_t sum = 0;
		for (size_t i = 0; i < count; i++) {
			const uint64_t ended = get(&threads[i]->verbs[verb].ended),
				       begun = get(&threads[i]->verbs[verb].begun);
			sum += begun > ended ? begun - ended : 0;
		}
		if (verbs[verb].lasts)
			rk_buf_printf(out,
				      "apiserver_longrunning_requests{verb=\"%s\"} %" PRIu64 "\n",
				      verbs[verb].label, sum);
		else
			open[verbs[verb].is_mutating] += sum;
	}
	rk_buf_printf(out,
		      "# TYPE apiserver_current_inflight_requests gauge\n"
		      "apiserver_current_inflight_requests{request_kind=\"readOnly\"} %" PRIu64 "\n"
		      "apiserver_current_inflight_requests{request_kind=\"mutating\"} %" PRIu64
		      "\n",
		      open[0], open[1]);
}

/* Every series of every thread, in order of their names. */
static const struct rk_api_series **all_of(struct rk_api_counts *const *threads, size_t count,
					   size_t *ret_count)
{
	const struct rk_api_series **all =
		rk_zalloc((count * RK_API_SERIES + 1) * sizeof *all);

	*ret_count = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t at = 0; at < RK_API_SERIES; at++) {
			const struct rk_api_series *series = atomic_load_explicit(
				&threads[i]->series[at], memory_order_acquire);
			if (series != NULL)
				all[(*ret_count)++] = series;
		}
	qsort(all, *ret_count, sizeof *all, by_name);
	return all;
}

void rk_counts_write(struct rk_buf *out, struct rk_api_counts *const *threads, size_t count)
{
	size_t all_count, sum_count = 0;
	const struct rk_api_series **all = all_of(threads, count, &all_count);
	struct sum *sums = rk_zalloc((all_count + 1) * sizeof *sums);
	uint64_t events = 0;

	for (size_t i = 0; i < all_count; i++) {
		if (sum_count == 0 || order(sums[sum_count - 1].of, all[i]) != 0)
			sums[sum_count++].of = all[i];
		add_to(&sums[sum_count - 1], all[i]);
	}
	put_codes(out, sums, sum_count);
	rk_buf_put_str(out, "# TYPE apiserver_request_duration_seconds histogram\n");
	for (size_t i = 0; i < sum_count; i++)
		if (!verbs[sums[i].of->verb].lasts && sums[i].answered > 0)
			put_time(out, &sums[i]);
	put_open(out, threads, count);
	for (size_t i = 0; i < count; i++)
		events += get(&threads[i]->events);
	rk_buf_printf(out,
		      "# TYPE apiserver_watch_events_total counter\n"
		      "apiserver_watch_events_total %" PRIu64 "\n",
		      events);
	free(sums);
	free(all);
}
