/* Requests that have one answer each: as fast as they are answered, or at a pace. */
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "tests/bench/etcd_load.h"
#include "wire/proto.h"

struct loop {
	struct load *load;
	const struct op *op;
	int64_t started, ended;
	bool is_paced;
	ev_timer pace, compact;
};

struct request { /* of a client, one after the other; or, at a pace, one */
	struct loop *loop;
	struct caller *caller;
	uint64_t since_ns;
	bool is_right;
};

static void start(struct request *request);

static void on_message(void *context, struct call *call, struct rk_span message)
{
	struct request *request = context;
	struct load *load = request->loop->load;

	(void)call;
	request->is_right = request->loop->op->is_right(load, message);
	if (request->loop->is_paced)
		load->revision = RK_MAX(load->revision, op_revision(message));
}

static void on_done(void *context, int status, const char *text)
{
	struct request *request = context;
	struct loop *loop = request->loop;

	if (status == 0 && request->is_right)
		load_note(loop->load, request->since_ns);
	else
		load_fail(loop->load, status == 0 ? "another answer than expected" : text);
	if (++loop->ended == loop->load->count)
		ev_break(loop->load->loop, EVBREAK_ALL);
	if (loop->is_paced)
		free(request);
	else if (loop->started < loop->load->count)
		start(request);
}

static void start(struct request *request)
{
	struct loop *loop = request->loop;
	const struct call_opts opts = {
		.path = loop->op->path, .context = request, .message = on_message, .done = on_done
	};
	struct rk_buf message = { 0 };

	loop->op->make(loop->load, (uint64_t)loop->started++, &message);
	request->is_right = false;
	if (!loop->is_paced)
		request->since_ns = rk_clock_mono_ns();
	(void)call_start(request->caller, &opts, rk_buf_span(&message));
	rk_buf_done(&message);
}

void run_closed(struct load *load, const struct op *op)
{
	struct loop loop = { .load = load, .op = op };
	struct request *clients = rk_zalloc((size_t)load->clients * sizeof *clients);

	load_connect(load);
	load_begin(load, load->count);
	for (int64_t i = 0; i < load->clients && i < load->count; i++) {
		clients[i] = (struct request){ .loop = &loop,
					       .caller = load->callers[i % load->connections] };
		start(&clients[i]);
	}
	(void)ev_run(load->loop, 0);
	load_report(load, op->name);
	free(clients);
}

/* --- at a pace: latency counts from when a request was due --- */

static void on_pace(struct ev_loop *ev, ev_timer *timer, int events)
{
	struct loop *loop = RK_CONTAINER(timer, struct loop, pace);
	struct load *load = loop->load;
	const uint64_t now_ns = rk_clock_mono_ns(), each_ns = 1000000000 / (uint64_t)load->rate;

	(void)ev;
	(void)events;
	while (loop->started < load->count &&
	       load->begin_ns + (uint64_t)loop->started * each_ns <= now_ns) {
		struct request *request = rk_zalloc(sizeof *request);
		request->loop = loop;
		request->caller = load->callers[loop->started % load->connections];
		request->since_ns = load->begin_ns + (uint64_t)loop->started * each_ns;
		start(request);
	}
}

static void ignore_message(void *context, struct call *call, struct rk_span message)
{
	(void)context;
	(void)call;
	(void)message;
}

static void on_compact(struct ev_loop *ev, ev_timer *timer, int events)
{
	struct load *load = RK_CONTAINER(timer, struct loop, compact)->load;
	const struct call_opts opts = { .path = "/etcdserverpb.KV/Compact",
					.message = ignore_message };
	struct rk_buf message = { 0 };

	(void)ev;
	(void)events;
	rk_proto_put_number(&message, 1, (uint64_t)load->revision);
	if (load->revision > 0)
		(void)call_start(load->callers[0], &opts, rk_buf_span(&message));
	rk_buf_done(&message);
}

void run_paced(struct load *load, const struct op *op)
{
	struct loop loop = { .load = load, .op = op, .is_paced = true };

	load_connect(load);
	load_begin(load, load->count);
	ev_timer_init(&loop.pace, on_pace, 0., 0.001);
	ev_timer_start(load->loop, &loop.pace);
	ev_timer_init(&loop.compact, on_compact, 0.1, (double)load->compact_ms / 1000.);
	if (load->compact_ms > 0)
		ev_timer_start(load->loop, &loop.compact);
	(void)ev_run(load->loop, 0);
	load_report(load, op->name);
}
