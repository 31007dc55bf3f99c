/* Long work of the API server: turns go around among connections, not among requests. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/api/server.h"
#include "wire/http_conn.h"

#define REQUESTS 40

struct office { /* a thread's loop, and requests whose jobs take a number of steps */
	struct rk_api_thread *thread;
	struct rk_http_exchange exchanges[REQUESTS];
	struct rk_req reqs[REQUESTS];
	unsigned left[REQUESTS];
	char order[256]; /* whose step it was, by connection */
	size_t steps;
};

static struct office *office; /* steps have no context but their request */

static size_t number_of(const struct rk_req *req) { return (size_t)(req - office->reqs); }

static enum rk_job_step one_step(struct rk_req *req)
{
	const size_t number = number_of(req);
	const char *whose = rk_http_connection(req->exchange);

	cr_assert_lt(office->steps, sizeof office->order - 1);
	office->order[office->steps++] = *whose;
	return --office->left[number] > 0 ? RK_STEP_AGAIN : RK_STEP_DONE;
}

static enum rk_job_step wait_step(struct rk_req *req)
{
	const enum rk_job_step step = one_step(req);

	return step == RK_STEP_AGAIN ? RK_STEP_WAITS : step;
}

static void open_office(void)
{
	office = rk_zalloc(sizeof *office);
	office->thread = rk_zalloc(sizeof *office->thread);
	office->thread->loop = ev_loop_new(EVFLAG_AUTO);
	rk_api_jobs_init(office->thread);
}

static void close_office(void)
{
	ev_loop_destroy(office->thread->loop);
	rk_api_jobs_done(office->thread);
	free(office->thread);
	free(office);
}

/* `whose`: the connection's letter, which is its identity as well. */
static struct rk_req *start(size_t number, const char *whose, unsigned steps,
			    enum rk_job_step (*step)(struct rk_req *req))
{
	struct rk_req *req = &office->reqs[number];

	office->exchanges[number].conn = (struct rk_http_conn *)(uintptr_t)whose;
	req->thread = office->thread;
	req->exchange = &office->exchanges[number];
	office->left[number] = steps;
	rk_api_job_start(req, step);
	return req;
}

static void run(unsigned turns)
{
	while (turns-- > 0)
		(void)ev_run(office->thread->loop, EVRUN_NOWAIT);
}

Test(jobs, a_quiet_connection_has_every_second_turn)
{
	static const char *const loud = "L", *const quiet = "q";

	open_office();
	for (size_t i = 0; i < 20; i++)
		(void)start(i, loud, 4, one_step);
	(void)start(20, quiet, 5, one_step);
	run(12);
	office->order[12] = 0;
	cr_expect_str_eq(office->order, "LqLqLqLqLqLL");
	run(100);
	cr_expect_eq(office->steps, 85, "all was done");
	cr_expect_eq(office->thread->jobs.count, 0);
	cr_expect_eq(office->thread->jobs.queue_count, 0);
	close_office();
}

/* Within a connection too: each of its requests goes on. */
Test(jobs, requests_of_a_connection_take_turns)
{
	static const char *const whose = "a";

	open_office();
	for (size_t i = 0; i < 3; i++)
		(void)start(i, whose, 2, one_step);
	run(3);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(office->left[i], 1);
	run(4);
	cr_expect_eq(office->thread->jobs.count, 0);
	close_office();
}

Test(jobs, who_waits_has_no_turn)
{
	static const char *const slow = "s", *const fast = "f";

	open_office();
	struct rk_req *req = start(0, slow, 3, wait_step);
	(void)start(1, fast, 4, one_step);
	run(10);
	office->order[office->steps] = 0;
	cr_expect_str_eq(office->order, "sffff");
	rk_api_job_wake(req);
	rk_api_job_wake(req); /* once is enough */
	run(10);
	cr_expect_eq(office->left[0], 1);
	rk_api_job_wake(req);
	run(10);
	cr_expect_eq(office->left[0], 0);
	rk_api_job_wake(req); /* nothing is there to wake */
	run(2);
	cr_expect_eq(office->steps, 7);
	cr_expect_eq(office->thread->jobs.queue_count, 0);
	close_office();
}

Test(jobs, a_client_that_goes_away)
{
	static const char *const loud = "L", *const quiet = "q";

	open_office();
	for (size_t i = 0; i < 3; i++)
		(void)start(i, loud, 9, one_step);
	struct rk_req *other = start(3, quiet, 2, one_step);
	run(2);
	for (size_t i = 0; i < 3; i++)
		rk_api_job_stop(&office->reqs[i]);
	rk_api_job_stop(&office->reqs[0]); /* has none any more */
	run(5);
	office->order[office->steps] = 0;
	cr_expect_str_eq(office->order, "Lqq");
	rk_api_job_stop(other);
	cr_expect_eq(office->thread->jobs.count, 0);
	cr_expect_eq(office->thread->jobs.queue_count, 0);
	close_office();
}

Test(jobs, limits)
{
	static const char *const loud = "L", *const quiet = "q";
	struct rk_http_exchange *exchanges = rk_zalloc(RK_API_JOBS_OF_ONE * sizeof *exchanges);
	struct rk_req *reqs = rk_zalloc(RK_API_JOBS_OF_ONE * sizeof *reqs);
	struct rk_http_exchange other = { .conn = (struct rk_http_conn *)(uintptr_t)quiet };

	open_office();
	for (size_t i = 0; i < RK_API_JOBS_OF_ONE; i++) {
		exchanges[i].conn = (struct rk_http_conn *)(uintptr_t)loud;
		reqs[i].thread = office->thread;
		reqs[i].exchange = &exchanges[i];
		cr_expect(rk_api_job_fits(&reqs[i]));
		rk_api_job_start(&reqs[i], one_step);
	}
	cr_expect_not(rk_api_job_fits(&reqs[0]), "its connection has enough");
	office->reqs[0].thread = office->thread;
	office->reqs[0].exchange = &other;
	cr_expect(rk_api_job_fits(&office->reqs[0]), "another one has not");
	office->thread->jobs.count = RK_API_JOBS;
	cr_expect_not(rk_api_job_fits(&office->reqs[0]), "nobody has more");
	office->thread->jobs.count = RK_API_JOBS_OF_ONE;
	for (size_t i = 0; i < RK_API_JOBS_OF_ONE; i++)
		rk_api_job_stop(&reqs[i]);
	close_office();
	free(exchanges);
	free(reqs);
}
