/* reckon-etcd-load: one workload on a cluster that speaks etcd's v3 API without TLS, whoever's it
 * is.
 *
 *     reckon-etcd-load --endpoints 127.0.0.1:2379,... [--pids 1,2,3] WORKLOAD [flags]
 *
 * Workloads: put, txn (create when it is not there), get, get-serializable, grant, keep-alive,
 * watch (one writer,
 * --clients watchers), list, ready. Clients share --connections, which go to all endpoints in turn,
 * or to the leader only (--to leader). Prints one line: how many, failures, a second, latency (ms),
 * and the servers' CPU for each (us). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/args.h"
#include "node/files_io.h"
#include "tests/bench/etcd_load.h"
#include "wire/proto.h"

/* --- the servers' side --- */

double load_cpu_us(const struct load *load)
{
	double total = 0;

	for (unsigned i = 0; i < load->pid_count; i++) {
		char path[64];
		RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
		unsigned long user = 0, system = 0;
		(void)snprintf(path, sizeof path, "/proc/%d/stat", load->pids[i]);
		if (rk_file_read(path, 4096, &text, NULL) < 0)
			continue;
		const char *rest = strrchr(rk_buf_cstr(&text), ')');
		if (rest != NULL &&
		    sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			   &system) == 2)
			total += (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
	}
	return total;
}

long load_kib(int pid, const char *name)
{
	char path[64];
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	(void)snprintf(path, sizeof path, "/proc/%d/status", pid);
	if (rk_file_read(path, 1 << 16, &text, NULL) < 0)
		return 0;
	const char *line = strstr(rk_buf_cstr(&text), name);
	return line != NULL ? strtol(line + strlen(name) + 1, NULL, 10) : 0;
}

/* --- measuring --- */

void load_begin(struct load *load, int64_t latencies)
{
	load->latencies_ms = rk_zalloc((size_t)RK_MAX(latencies, (int64_t)1) * sizeof(double));
	load->cpu_before_us = load_cpu_us(load);
	load->begin_ns = rk_clock_mono_ns();
}

void load_note(struct load *load, uint64_t since_ns)
{
	load->latencies_ms[load->acked++] = (double)(rk_clock_mono_ns() - since_ns) / 1e6;
}

void load_fail(struct load *load, const char *text)
{
	load->failed++;
	(void)snprintf(load->failure, sizeof load->failure, "%s", text);
}

static int by_size(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double at(const struct load *load, double part)
{
	return load->acked == 0 ? 0
				: load->latencies_ms[(size_t)((double)(load->acked - 1) * part)];
}

void load_report(struct load *load, const char *name)
{
	const double seconds = (double)(rk_clock_mono_ns() - load->begin_ns) / 1e9;
	const double cpu = load_cpu_us(load) - load->cpu_before_us;
	long rss = 0;

	for (unsigned i = 0; i < load->pid_count; i++)
		rss += load_kib(load->pids[i], "VmRSS");
	qsort(load->latencies_ms, (size_t)load->acked, sizeof(double), by_size);
	(void)printf("op=%s clients=%lld acked=%lld failed=%lld rate=%.1f p50=%.3f p99=%.3f "
		     "p999=%.3f max=%.3f cpu=%.2f rss_kib=%ld%s%s\n",
		     name, (long long)load->clients, (long long)load->acked,
		     (long long)load->failed, (double)load->acked / seconds, at(load, 0.5),
		     at(load, 0.99), at(load, 0.999), at(load, 1),
		     cpu / (double)RK_MAX(load->acked, (int64_t)1), rss,
		     load->failed > 0 ? " why=" : "", load->failure);
	free(load->latencies_ms);
}

/* --- connecting --- */

struct status {
	struct load *load;
	bool leads;
};

static void on_status(void *context, struct call *call, struct rk_span message)
{
	struct status *status = context;
	struct rk_reader reader = rk_reader_of(message);
	struct rk_proto_field header;

	(void)call;
	status->leads = rk_proto_next(&reader, &header) == 1 && header.number == 1 &&
			op_number(header.bytes, 2) == op_number(message, 4);
}

static void on_status_done(void *context, int status, const char *text)
{
	(void)status;
	(void)text;
	ev_break(((struct status *)context)->load->loop, EVBREAK_ALL);
}

static void keep_leader_only(struct load *load)
{
	for (unsigned i = 0; i < load->endpoint_count; i++) {
		struct status status = { .load = load };
		const struct call_opts opts = { .path = "/etcdserverpb.Maintenance/Status",
						.context = &status,
						.message = on_status,
						.done = on_status_done };
		struct caller *caller = caller_new(load->loop, load->endpoints[i], NULL, NULL);
		if (caller == NULL)
			continue;
		(void)call_start(caller, &opts, (struct rk_span){ NULL, 0 });
		(void)ev_run(load->loop, 0);
		(void)caller_free(caller);
		if (!status.leads)
			continue;
		load->endpoints[0] = load->endpoints[i];
		load->endpoint_count = 1;
		return;
	}
	(void)fprintf(stderr, "loader: nobody leads\n");
	exit(1);
}

void load_connect(struct load *load)
{
	load->callers = rk_zalloc((size_t)load->connections * sizeof(struct caller *));
	for (int64_t i = 0; i < load->connections; i++) {
		const char *endpoint = load->endpoints[i % load->endpoint_count];
		load->callers[i] = caller_new(load->loop, endpoint, NULL, NULL);
		if (load->callers[i] == NULL) {
			(void)fprintf(stderr, "loader: nobody listens at %s\n", endpoint);
			exit(1);
		}
	}
}

/* --- the command --- */

static unsigned split(char *text, const char **ret)
{
	unsigned count = 0;

	for (char *part = strtok(text, ","); part != NULL && count < ENDPOINTS_MAX;
	     part = strtok(NULL, ","))
		ret[count++] = part;
	return count;
}

static int run(struct load *load, const char *name, int64_t since_ms)
{
	const struct op *op = op_find(name);

	if (op != NULL && load->rate > 0)
		run_paced(load, op);
	else if (op != NULL)
		run_closed(load, op);
	else if (strcmp(name, "watch") == 0)
		run_watch(load);
	else if (strcmp(name, "keep-alive") == 0)
		run_keep_alive(load);
	else if (strcmp(name, "list") == 0)
		run_list(load);
	else if (strcmp(name, "ready") == 0)
		run_ready(load, since_ms);
	else
		return rk_cli_fail(&(struct rk_error){ RK_EINVAL, "there is no such workload" });
	return load->failed > 0;
}

static const struct rk_command command = { .name = "etcd-load",
					   .usage = "WORKLOAD --endpoints LIST [flags]",
					   .summary = "Measure a server of etcd's v3 API",
					   .section = "" };

int main(int argc, char **argv)
{
	const char *endpoints = NULL, *pids = "", *to = "all", *pid_texts[ENDPOINTS_MAX];
	int64_t since_ms = 0;
	struct load load = { .clients = 1, .count = 1000, .bytes = 256, .prefix = "load" };
	const struct rk_flag flags[] = {
		{ "endpoints", 0, RK_FLAG_TEXT, &endpoints, "LIST", "127.0.0.1:PORT,...", NULL },
		{ "pids", 0, RK_FLAG_TEXT, &pids, "LIST", "of the servers", NULL },
		{ "to", 0, RK_FLAG_TEXT, &to, "all|leader", "where connections go", NULL },
		{ "clients", 0, RK_FLAG_NUMBER, &load.clients, "N", "requests at a time", NULL },
		{ "connections", 0, RK_FLAG_NUMBER, &load.connections, "N", "at most", NULL },
		{ "count", 0, RK_FLAG_NUMBER, &load.count, "N", "requests in all", NULL },
		{ "keys", 0, RK_FLAG_NUMBER, &load.keys, "N", "different ones", NULL },
		{ "bytes", 0, RK_FLAG_NUMBER, &load.bytes, "N", "of each value", NULL },
		{ "rate", 0, RK_FLAG_NUMBER, &load.rate, "N", "a second, answered or not", NULL },
		{ "compact-ms", 0, RK_FLAG_NUMBER, &load.compact_ms, "N", "between compactions",
		  NULL },
		{ "base", 0, RK_FLAG_NUMBER, &load.base, "N", "leases have numbers above it",
		  NULL },
		{ "prefix", 0, RK_FLAG_TEXT, &load.prefix, "TEXT", "of the keys", NULL },
		{ "since-ms", 0, RK_FLAG_NUMBER, &since_ms, "N", "ready: when they were started",
		  NULL },
		{ 0 },
	};
	int status;

	argc--, argv++;
	if (!rk_cli_begin(&command, flags, &argc, argv, NULL, &status))
		return status;
	if (argc != 1 || endpoints == NULL || load.clients < 1 || load.count < 1)
		return rk_cli_fail(&(struct rk_error){ RK_EINVAL, "a workload and --endpoints" });
	(void)signal(SIGPIPE, SIG_IGN);
	load.loop = ev_loop_new(EVFLAG_AUTO);
	load.endpoint_count = split(rk_strdup(endpoints), load.endpoints);
	load.pid_count = split(rk_strdup(pids), pid_texts);
	for (unsigned i = 0; i < load.pid_count; i++)
		load.pids[i] = atoi(pid_texts[i]);
	load.connections = RK_MIN(load.connections > 0 ? load.connections : 30, load.clients);
	if (strcmp(to, "leader") == 0)
		keep_leader_only(&load);
	return run(&load, argv[0], since_ms);
}
