#include "control/etcd/worker_io.h"

#include <stdlib.h>

#include "base/mem.h"

#define WAITING_MAX 256 /* jobs */

struct rk_etcd_worker {
	struct rk_queue *queue;
	struct rk_message stop;
	pthread_t thread;
	atomic_uint waiting;
};

enum { JOB, STOP };

static void *run(void *context)
{
	struct rk_etcd_worker *worker = context;
	bool stops = false;

	(void)pthread_setname_np(pthread_self(), "reckon-etcd-job");
	while (!stops) {
		rk_queue_wait(worker->queue, -1);
		struct rk_message *next = rk_queue_take(worker->queue);
		while (next != NULL) {
			struct rk_message *message = next;
			next = next->next;
			if (message->kind == STOP) {
				stops = true;
				continue;
			}
			struct rk_etcd_job *job =
				RK_CONTAINER(message, struct rk_etcd_job, message);
			job->run(job);
			atomic_fetch_sub_explicit(&worker->waiting, 1, memory_order_relaxed);
			rk_queue_push(job->call->thread->jobs, &job->message);
		}
	}
	return NULL;
}

int rk_etcd_worker_new(struct rk_etcd_worker **ret)
{
	struct rk_etcd_worker *worker = rk_zalloc(sizeof *worker);

	worker->stop.kind = STOP;
	if (rk_queue_new(&worker->queue) < 0) {
		free(worker);
		return RK_EIO;
	}
	if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
		(void)rk_queue_free(worker->queue);
		free(worker);
		return RK_EIO;
	}
	*ret = worker;
	return RK_OK;
}

struct rk_etcd_worker *rk_etcd_worker_free(struct rk_etcd_worker *worker)
{
	if (worker != NULL) {
		rk_queue_push(worker->queue, &worker->stop);
		(void)pthread_join(worker->thread, NULL);
		(void)rk_queue_free(worker->queue);
		free(worker);
	}
	return NULL;
}

bool rk_etcd_work(struct rk_etcd_call *call, struct rk_etcd_job *job)
{
	struct rk_etcd_worker *worker = call->thread->etcd->worker;

	if (atomic_load_explicit(&worker->waiting, memory_order_relaxed) >= WAITING_MAX) {
		job->drop(job);
		rk_etcd_fail(call, RK_ETCD_TOO_MANY_REQUESTS);
		return false;
	}
	atomic_fetch_add_explicit(&worker->waiting, 1, memory_order_relaxed);
	job->message.kind = JOB;
	job->call = call;
	call->awaited++;
	rk_queue_push(worker->queue, &job->message);
	return true;
}

void rk_etcd_take_jobs(struct rk_etcd_thread *thread)
{
	struct rk_message *next = rk_queue_take(thread->jobs);

	while (next != NULL) {
		struct rk_etcd_job *job = RK_CONTAINER(next, struct rk_etcd_job, message);
		struct rk_etcd_call *call = job->call;
		next = next->next;
		call->awaited--;
		if (call->exchange != NULL && !call->has_ended)
			job->done(call, job);
		job->drop(job);
		rk_etcd_maybe_free(call);
	}
}
