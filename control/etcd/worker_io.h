/* control/etcd/worker_io.h - one thread for what would hold up other requests: passwords, and walks
 * over the whole state. Only for control/etcd/. */
#ifndef RK_CONTROL_ETCD_WORKER_IO_H
#define RK_CONTROL_ETCD_WORKER_IO_H

#include "control/etcd/server_io.h"

struct rk_etcd_job { /* the first member of what it is about */
	struct rk_message message;
	struct rk_etcd_call *call;
	void (*run)(struct rk_etcd_job *job); /* in the worker: it sees the job and nothing else */
	/* In the call's thread; the call may have ended. */
	void (*done)(struct rk_etcd_call *call, struct rk_etcd_job *job);
	void (*drop)(struct rk_etcd_job *job); /* frees it */
};

RK_MUST_CHECK int rk_etcd_worker_new(struct rk_etcd_worker **ret);
/* Finishes what waits; the results are in the threads' queues then. Takes NULL, returns NULL. */
struct rk_etcd_worker *rk_etcd_worker_free(struct rk_etcd_worker *worker);

/* Takes the job. False: too many wait, the job was dropped and the call has failed. */
bool rk_etcd_work(struct rk_etcd_call *call, struct rk_etcd_job *job);

/* Takes back what the worker has done for a thread. */
void rk_etcd_take_jobs(struct rk_etcd_thread *thread);

#endif
