/* Watches, leases that are kept alive, long lists, and the first answer after a start. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "tests/bench/etcd_load.h"
#include "wire/proto.h"

#define PER_STREAM 100 /* watchers */

static void stream_over(void *context, int status, const char *text)
{
	(void)context;
	(void)fprintf(stderr, "loader: a stream ended with %d: %s\n", status, text);
	exit(1);
}

static void nothing_more(void *context, struct call *call, struct rk_span message)
{
	(void)context;
	(void)call;
	(void)message;
}

/* --- one writer, many watchers of its key --- */

struct watch {
	struct load *load;
	int64_t created, rounds, arrived;
	uint64_t since_ns;
};

static void write_next(struct watch *watch)
{
	const struct call_opts opts = { .path = "/etcdserverpb.KV/Put", .message = nothing_more };
	struct rk_buf message = { 0 };
	struct load *load = watch->load;

	load->keys = 1;
	op_find("put")->make(load, (uint64_t)watch->rounds++, &message);
	watch->arrived = 0;
	watch->since_ns = rk_clock_mono_ns();
	(void)call_start(load->callers[load->connections - 1], &opts, rk_buf_span(&message));
	rk_buf_done(&message);
}

static void on_watch(void *context, struct call *call, struct rk_span message)
{
	struct watch *watch = context;
	struct load *load = watch->load;
	struct rk_reader reader = rk_reader_of(message);
	struct rk_proto_field field;

	(void)call;
	if (op_number(message, 3) != 0 && ++watch->created == load->clients) {
		load_begin(load, load->count * load->clients);
		write_next(watch);
	}
	while (rk_proto_next(&reader, &field) == 1) {
		if (field.number != 11)
			continue;
		load_note(load, watch->since_ns);
		if (++watch->arrived < load->clients)
			continue;
		if (watch->rounds == load->count)
			ev_break(load->loop, EVBREAK_ALL);
		else
			write_next(watch);
	}
}

void run_watch(struct load *load)
{
	struct watch watch = { .load = load };
	const struct call_opts opts = { .path = "/etcdserverpb.Watch/Watch",
					.is_stream = true,
					.context = &watch,
					.message = on_watch,
					.done = stream_over };
	struct rk_buf key = { 0 }, create = { 0 }, message = { 0 };
	struct call *call = NULL;

	load_connect(load);
	op_key(load, 0, &key);
	rk_proto_put_bytes(&create, 1, rk_buf_span(&key));
	rk_proto_put_message(&message, 1, rk_buf_span(&create));
	for (int64_t i = 0; i < load->clients; i++) {
		if (i % PER_STREAM == 0)
			call = call_start(load->callers[i / PER_STREAM % load->connections], &opts,
					  rk_buf_span(&message));
		else
			call_send(call, rk_buf_span(&message));
	}
	(void)ev_run(load->loop, 0);
	load_report(load, "watch");
	rk_buf_done(&key);
	rk_buf_done(&create);
	rk_buf_done(&message);
}

/* --- leases --- */

struct keeper {
	struct load *load;
	int64_t *left; /* of all keepers */
	int64_t lease;
	uint64_t since_ns;
};

static void keep(struct keeper *keeper, struct rk_buf *message)
{
	rk_proto_put_number(message, 1, (uint64_t)keeper->lease);
	keeper->since_ns = rk_clock_mono_ns();
	--*keeper->left;
}

static void on_kept(void *context, struct call *call, struct rk_span answer)
{
	struct keeper *keeper = context;
	struct load *load = keeper->load;
	struct rk_buf message = { 0 };

	if (op_number(answer, 3) > 0)
		load_note(load, keeper->since_ns);
	else
		load_fail(load, "the lease is gone");
	if (load->acked + load->failed == load->count)
		ev_break(load->loop, EVBREAK_ALL);
	if (*keeper->left <= 0)
		return;
	keep(keeper, &message);
	call_send(call, rk_buf_span(&message));
	rk_buf_done(&message);
}

void run_keep_alive(struct load *load)
{
	int64_t left = load->count;
	struct keeper *all = rk_zalloc((size_t)load->clients * sizeof *all);

	load_connect(load);
	load_begin(load, load->count);
	for (int64_t i = 0; i < load->clients && left > 0; i++) {
		struct rk_buf message = { 0 };
		const struct call_opts opts = { .path = "/etcdserverpb.Lease/LeaseKeepAlive",
						.is_stream = true,
						.context = &all[i],
						.message = on_kept,
						.done = stream_over };
		all[i] =
			(struct keeper){ .load = load, .left = &left, .lease = load->base + i + 1 };
		keep(&all[i], &message);
		(void)call_start(load->callers[i % load->connections], &opts,
				 rk_buf_span(&message));
		rk_buf_done(&message);
	}
	(void)ev_run(load->loop, 0);
	load_report(load, "keep-alive");
	free(all);
}

/* --- everything below the prefix, in one answer --- */

struct list {
	struct load *load;
	uint64_t since_ns;
	bool is_whole;
};

/* The end of the answer: its count is the last field. */
static void on_listed(void *context, struct call *call, struct rk_span tail)
{
	struct list *list = context;
	struct rk_buf end = { 0 };

	rk_proto_put_number(&end, 4, (uint64_t)list->load->keys);
	list->is_whole = rk_span_ends(tail, rk_buf_span(&end)) &&
			 call_bytes(call) > (size_t)(list->load->keys * list->load->bytes);
	rk_buf_done(&end);
}

static void on_list_done(void *context, int status, const char *text)
{
	struct list *list = context;

	if (status == 0 && list->is_whole)
		load_note(list->load, list->since_ns);
	else
		load_fail(list->load, status == 0 ? "the list is not whole" : text);
	ev_break(list->load->loop, EVBREAK_ALL);
}

static void forget_peaks(const struct load *load)
{
	char path[64];

	for (unsigned i = 0; i < load->pid_count; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/clear_refs", load->pids[i]);
		FILE *file = fopen(path, "we");
		if (file != NULL) {
			(void)fputs("5", file);
			(void)fclose(file);
		}
	}
}

void run_list(struct load *load)
{
	struct list list = { .load = load };
	const struct call_opts opts = { .path = "/etcdserverpb.KV/Range",
					.is_bulk = true,
					.context = &list,
					.message = on_listed,
					.done = on_list_done };
	struct rk_buf message = { 0 }, key = { 0 };
	long before[ENDPOINTS_MAX] = { 0 }, grown = 0;

	load_connect(load);
	rk_buf_printf(&key, "%s/", load->prefix);
	rk_proto_put_bytes(&message, 1, rk_buf_span(&key));
	key.data[key.size - 1]++;
	rk_proto_put_bytes(&message, 2, rk_buf_span(&key));
	forget_peaks(load);
	for (unsigned i = 0; i < load->pid_count; i++)
		before[i] = load_kib(load->pids[i], "VmRSS");
	load_begin(load, load->count);
	for (int64_t i = 0; i < load->count; i++) {
		list.since_ns = rk_clock_mono_ns();
		(void)call_start(load->callers[0], &opts, rk_buf_span(&message));
		(void)ev_run(load->loop, 0);
	}
	for (unsigned i = 0; i < load->pid_count; i++)
		grown = RK_MAX(grown, load_kib(load->pids[i], "VmHWM") - before[i]);
	(void)printf("grown_kib=%ld ", grown);
	load_report(load, "list");
	rk_buf_done(&message);
	rk_buf_done(&key);
}

/* --- until any member answers a linearizable read --- */

struct ready;
struct asked { /* one endpoint */
	struct ready *ready;
	struct caller *caller;
	bool is_broken, is_waiting;
	uint64_t asked_ms;
};
struct ready {
	struct load *load;
	ev_timer timer;
	struct asked at[ENDPOINTS_MAX];
	struct rk_buf message;
};

static void on_broken(void *context) { ((struct asked *)context)->is_broken = true; }

static void on_answer(void *context, int status, const char *text)
{
	struct asked *asked = context;

	(void)text;
	asked->is_waiting = false;
	if (status == 0)
		ev_break(asked->ready->load->loop, EVBREAK_ALL);
}

static void ask(struct asked *asked, const char *endpoint)
{
	const struct call_opts opts = { .path = "/etcdserverpb.KV/Range",
					.context = asked,
					.message = nothing_more,
					.done = on_answer };
	const uint64_t now_ms = rk_clock_mono_ms();

	if (asked->is_broken) {
		asked->is_broken = asked->is_waiting = false;
		asked->caller = caller_free(asked->caller);
	}
	if (asked->caller == NULL)
		asked->caller = caller_new(asked->ready->load->loop, endpoint, asked, on_broken);
	if (asked->caller == NULL || (asked->is_waiting && now_ms - asked->asked_ms < 500))
		return;
	asked->is_waiting = true;
	asked->asked_ms = now_ms;
	(void)call_start(asked->caller, &opts, rk_buf_span(&asked->ready->message));
}

static void on_ready_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct ready *ready = RK_CONTAINER(timer, struct ready, timer);

	(void)loop;
	(void)events;
	for (unsigned i = 0; i < ready->load->endpoint_count; i++)
		ask(&ready->at[i], ready->load->endpoints[i]);
}

void run_ready(struct load *load, int64_t since_ms)
{
	struct ready ready = { .load = load };
	struct rk_buf key = { 0 };

	for (unsigned i = 0; i < load->endpoint_count; i++)
		ready.at[i].ready = &ready;
	op_key(load, 0, &key);
	rk_proto_put_bytes(&ready.message, 1, rk_buf_span(&key));
	ev_timer_init(&ready.timer, on_ready_timer, 0., 0.005);
	ev_timer_start(load->loop, &ready.timer);
	(void)ev_run(load->loop, 0);
	(void)printf("op=ready ms=%lld\n", (long long)(rk_clock_wall_ms() - since_ms));
	for (unsigned i = 0; i < load->endpoint_count; i++)
		(void)caller_free(ready.at[i].caller);
	rk_buf_done(&ready.message);
	rk_buf_done(&key);
}
