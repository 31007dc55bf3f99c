/* tests/bench/etcd_load.h - what the workloads of reckon-etcd-load share. */
#ifndef RK_TESTS_BENCH_ETCD_LOAD_H
#define RK_TESTS_BENCH_ETCD_LOAD_H

#include "tests/bench/caller.h"

#define ENDPOINTS_MAX 9

struct load {
	struct ev_loop *loop;
	const char *endpoints[ENDPOINTS_MAX];
	int pids[ENDPOINTS_MAX]; /* the servers'; 0: not known */
	unsigned endpoint_count, pid_count;
	int64_t clients, connections, count, keys, bytes, rate, compact_ms, base;
	const char *prefix;
	struct caller **callers;

	uint64_t begin_ns;
	double cpu_before_us;
	double *latencies_ms;
	int64_t acked, failed;
	char failure[96];
	int64_t revision; /* the newest that an answer told */
};

/* What one kind of request is: how the numbered one looks, and whether an answer to it is right. */
struct op {
	const char *name, *path;
	void (*make)(const struct load *load, uint64_t number, struct rk_buf *out);
	bool (*is_right)(const struct load *load, struct rk_span answer);
};
const struct op *op_find(const char *name); /* put txn get get-serializable grant */
/* The number in field `number` of a message (of its header, when that is 1); 0: not there. */
int64_t op_number(struct rk_span message, uint32_t number);
int64_t op_revision(struct rk_span message);
void op_key(const struct load *load, uint64_t number, struct rk_buf *out);

void load_connect(struct load *load);
void load_begin(struct load *load, int64_t latencies);
void load_note(struct load *load, uint64_t since_ns);
void load_fail(struct load *load, const char *text);
void load_report(struct load *load, const char *name); /* the one line of the result */
double load_cpu_us(const struct load *load);
long load_kib(int pid, const char *name); /* "VmRSS", "VmHWM" */

/* etcd_loops.c: each runs to its end. */
void run_closed(struct load *load, const struct op *op);
void run_paced(struct load *load, const struct op *op);
/* etcd_streams.c */
void run_watch(struct load *load);
void run_keep_alive(struct load *load);
void run_list(struct load *load);
void run_ready(struct load *load, int64_t since_ms);

#endif
