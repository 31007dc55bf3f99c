/* Work that takes longer than a turn of the loop may: it goes on step by step, a step in each turn.
 * The steps go around among the connections that have such work, and within one among its requests,
 * so that whoever asks for much waits for it himself: the others, and all that is answered at once,
 * wait for one step at most. */
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/api/server.h"

struct rk_job_queue {      /* of a connection, while it has work */
	const void *whose; /* the connection; only compared */
	struct rk_req *first, **last;
	size_t count; /* of requests with jobs, those that wait for their client too */
	struct rk_job_queue *next, *before; /* in a ring, while there is something to do */
	bool is_in_ring;
};

static struct rk_job_queue *queue_of(struct rk_req *req)
{
	struct rk_api_jobs *jobs = &req->thread->jobs;
	const void *whose = rk_http_connection(req->exchange);

	for (size_t i = 0; i < jobs->queue_count; i++)
		if (jobs->queues[i]->whose == whose)
			return jobs->queues[i];
	return NULL;
}

static void ring_in(struct rk_api_jobs *jobs, struct rk_job_queue *queue)
{
	if (queue->is_in_ring)
		return;
	queue->is_in_ring = true;
	if (jobs->turn == NULL) {
		queue->next = queue->before = queue;
		jobs->turn = queue;
		return;
	}
	queue->next = jobs->turn; /* behind all others */
	queue->before = jobs->turn->before;
	queue->before->next = queue->next->before = queue;
}

static void ring_out(struct rk_api_jobs *jobs, struct rk_job_queue *queue)
{
	if (!queue->is_in_ring)
		return;
	queue->is_in_ring = false;
	if (jobs->turn == queue)
		jobs->turn = queue->next != queue ? queue->next : NULL;
	queue->before->next = queue->next;
	queue->next->before = queue->before;
}

static void append(struct rk_req *req)
{
	struct rk_job_queue *queue = req->job.queue;

	req->job.is_queued = true;
	req->job.next = NULL;
	*queue->last = req;
	queue->last = &req->job.next;
	ring_in(&req->thread->jobs, queue);
	ev_idle_start(req->thread->loop, &req->thread->jobs.idle);
}

static void take_out(struct rk_req *req)
{
	struct rk_job_queue *queue = req->job.queue;
	struct rk_req **at = &queue->first;

	if (!req->job.is_queued)
		return;
	while (*at != req)
		at = &(*at)->job.next;
	*at = req->job.next;
	if (queue->last == &req->job.next)
		queue->last = at;
	req->job.is_queued = false;
	if (queue->first == NULL)
		ring_out(&req->thread->jobs, queue);
}

bool rk_api_job_fits(struct rk_req *req)
{
	const struct rk_job_queue *queue = queue_of(req);

	return req->thread->jobs.count < RK_API_JOBS &&
	       (queue == NULL || queue->count < RK_API_JOBS_OF_ONE);
}

void rk_api_job_start(struct rk_req *req, enum rk_job_step (*step)(struct rk_req *req))
{
	struct rk_api_jobs *jobs = &req->thread->jobs;
	struct rk_job_queue *queue = queue_of(req);

	if (queue == NULL) {
		queue = rk_zalloc(sizeof *queue);
		queue->whose = rk_http_connection(req->exchange);
		queue->last = &queue->first;
		jobs->queues = rk_grow(jobs->queues, &jobs->queue_capacity, jobs->queue_count + 1,
				       sizeof(struct rk_job_queue *));
		jobs->queues[jobs->queue_count++] = queue;
	}
	queue->count++;
	jobs->count++;
	req->job = (struct rk_job){ .step = step, .queue = queue };
	append(req);
}

void rk_api_job_rest(struct rk_req *req) { take_out(req); }

void rk_api_job_wake(struct rk_req *req)
{
	if (req->job.queue != NULL && !req->job.is_queued)
		append(req);
}

void rk_api_job_stop(struct rk_req *req)
{
	struct rk_api_jobs *jobs = &req->thread->jobs;
	struct rk_job_queue *queue = req->job.queue;

	if (queue == NULL)
		return;
	take_out(req);
	req->job.queue = NULL;
	jobs->count--;
	if (--queue->count > 0)
		return;
	for (size_t i = 0; i < jobs->queue_count; i++)
		if (jobs->queues[i] == queue)
			jobs->queues[i] = jobs->queues[--jobs->queue_count];
	free(queue);
}

/* One step of whose turn it is. */
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct rk_api_jobs *jobs = RK_CONTAINER(prepare, struct rk_api_jobs, prepare);

	(void)events;
	if (jobs->turn == NULL) {
		ev_idle_stop(loop, &jobs->idle);
		return;
	}
	struct rk_req *req = jobs->turn->first;
	jobs->turn = jobs->turn->next;
	take_out(req);
	switch (req->job.step(req)) {
	case RK_STEP_AGAIN: append(req); break;
	case RK_STEP_WAITS: break;
	case RK_STEP_DONE: rk_api_job_stop(req); break;
	}
}

/* While it runs the loop does not sleep. */
static void on_idle(struct ev_loop *loop, ev_idle *idle, int events)
{
	(void)loop;
	(void)idle;
	(void)events;
}

void rk_api_jobs_init(struct rk_api_thread *thread)
{
	ev_prepare_init(&thread->jobs.prepare, on_prepare);
	ev_prepare_start(thread->loop, &thread->jobs.prepare);
	ev_idle_init(&thread->jobs.idle, on_idle);
}

void rk_api_jobs_done(struct rk_api_thread *thread)
{
	free(thread->jobs.queues);
	thread->jobs.queues = NULL;
}
