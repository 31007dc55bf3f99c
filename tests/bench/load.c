/* reckon-load: creates objects through the API of a local cluster, or gets, patches and deletes
 * those that it created, counts time, and remembers what was acknowledged.
 *
 *     reckon-load --cluster DIR [--op create] [--kind configmap] [--clients 1] [--count 1000]
 * [--rate 0]
 *                 [--bytes 1024] [--prefix load] [--acks FILE]
 *
 * Each client has a connection of its own to one of the members and one request at a time; with
 * --rate, requests start at that pace over all clients. What fails is not tried again: a name is
 * either acknowledged or not. Prints one line: count, failures, requests a second, latency (p50,
 * p99, p99.9, max in ms), and the members' CPU a request (us). */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/call_io.h"
#include "cli/local.h"
#include "node/files_io.h"
#include "wire/client_io.h"

static const struct op {
	const char *name, *method, *type;
	int code; /* of success */
} ops[] = {
	{ "create", "POST", "application/json", 201 },
	{ "get", "GET", NULL, 200 },
	{ "patch", "PATCH", "application/merge-patch+json", 200 },
	{ "delete", "DELETE", NULL, 200 },
};

struct load {
	const struct op *op;
	bool is_pod;
	struct ev_loop *loop;
	struct rk_tls *tls;
	int64_t count, rate, bytes, clients;
	const char *prefix;
	FILE *acks;
	int64_t started, ended, failed, cold, alive;
	uint64_t begin_ns;
	double *latencies_ms; /* of those that were acknowledged */
	int64_t acked;
	double slowest_ms; /* of all */
	struct rk_blob *filler;
	ev_timer pace;
	struct client *all;
	int codes[600];
};

struct client {
	struct load *load;
	struct rk_http_client *http;
	bool busy, is_dead;
	uint64_t rests_until_ns; /* after a failure: a member that is down must not take every turn
				  */
	int status;
	int64_t number;
	uint64_t since_ns;
	char target[256]; /* these live as long as the call */
	struct rk_http_header header;
};

static void start(struct client *client);

/* A connection costs a TLS handshake on both sides: they are all made before anything is measured.
 */
static void on_warm(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct client *client = context;
	struct load *load = client->load;

	(void)call;
	(void)error;
	client->is_dead = err < 0; /* its member is down: it would only fail, and fast */
	load->alive += err == RK_OK;
	if (--load->cold == 0)
		ev_break(load->loop, EVBREAK_ALL);
}

static void warm_up(struct load *load)
{
	load->cold = load->clients;
	for (int64_t i = 0; i < load->clients; i++) {
		const struct rk_http_call_opts call = { .method = "GET",
							.target = "/livez",
							.head_ms = 10000,
							.context = &load->all[i],
							.done = on_warm };
		(void)rk_http_call_start(load->all[i].http, &call);
	}
	(void)ev_run(load->loop, 0);
}

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct client *client = context;

	(void)call;
	client->status = answer->status;
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct client *client = context;
	struct load *load = client->load;
	const double ms = (double)(rk_clock_mono_ns() - client->since_ns) / 1e6;

	(void)call;
	(void)error;
	client->busy = false;
	load->ended++;
	load->slowest_ms = RK_MAX(load->slowest_ms, ms);
	if (err == RK_OK && client->status == load->op->code) {
		load->latencies_ms[load->acked++] = ms;
		if (load->acks != NULL)
			(void)fprintf(load->acks, "%s-%lld\n", load->prefix,
				      (long long)client->number);
	} else {
		load->failed++;
		client->rests_until_ns = rk_clock_mono_ns() + 200000000;
		load->codes[err == RK_OK && client->status < 600 ? client->status : 0]++;
	}
	if (load->ended == load->count)
		ev_break(load->loop, EVBREAK_ALL);
	else if (load->rate == 0 && err == RK_OK)
		start(client);
	else if (load->rate == 0 && --load->alive == 0)
		ev_break(load->loop, EVBREAK_ALL); /* nobody left to ask */
}

static struct rk_blob *body_of(const struct load *load, int64_t number)
{
	struct rk_buf body = { 0 };

	if (strcmp(load->op->name, "patch") == 0)
		rk_buf_printf(&body, "{\"metadata\":{\"labels\":{\"number\":\"%lld\"}}}",
			      (long long)number);
	else if (load->is_pod)
		rk_buf_printf(&body,
			      "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s-"
			      "%lld\",\"labels\":"
			      "{\"app\":\"web\",\"tier\":\"front\"}},\"spec\":{\"containers\":[{"
			      "\"name\":\"web\",\"image\":"
			      "\"registry/"
			      "web:1.2.3\",\"args\":[\"--port=8080\"],\"ports\":[{"
			      "\"containerPort\":8080}],\"env\":"
			      "[{\"name\":\"MODE\",\"value\":\"live\"}],\"resources\":{"
			      "\"requests\":{\"cpu\":\"100m\","
			      "\"memory\":\"64Mi\"}},\"readinessProbe\":{\"httpGet\":{\"path\":\"/"
			      "ready\",\"port\":8080}}}]}}",
			      load->prefix, (long long)number);
	else
		rk_buf_printf(&body,
			      "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
			      "\"name\":\"%s-%lld\"},"
			      "\"data\":{\"v\":\"%.*s\"}}",
			      load->prefix, (long long)number, (int)load->filler->size,
			      (const char *)load->filler->data);
	struct rk_blob *blob = rk_blob_copy(rk_buf_span(&body));
	rk_buf_done(&body);
	return blob;
}

static void start(struct client *client)
{
	struct load *load = client->load;
	const struct op *op = load->op;

	if (load->started == load->count || client->is_dead)
		return;
	client->number = load->started++;
	const int size =
		snprintf(client->target, sizeof client->target, "/api/v1/namespaces/default/%s",
			 load->is_pod ? "pods" : "configmaps");
	if (strcmp(op->name, "create") != 0)
		(void)snprintf(client->target + size, sizeof client->target - (size_t)size,
			       "/%s-%lld", load->prefix, (long long)client->number);
	client->header = (struct rk_http_header){ RK_SPAN("content-type"),
						  rk_span_str(op->type != NULL ? op->type : "") };
	struct rk_blob *blob = op->type != NULL ? body_of(load, client->number) : NULL;
	client->busy = true;
	client->status = 0;
	client->since_ns = rk_clock_mono_ns();
	const struct rk_http_call_opts call = { .method = op->method,
						.target = client->target,
						.headers = &client->header,
						.header_count = op->type != NULL,
						.body = blob,
						.head_ms = 5000,
						.context = client,
						.head = on_head,
						.done = on_done };
	(void)rk_http_call_start(client->http, &call);
	(void)rk_blob_unref(blob);
}

/* Starts what is due; a client that is still busy leaves its turn to the next. */
static void on_pace(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct load *load = RK_CONTAINER(timer, struct load, pace);
	const int64_t due =
		(int64_t)((double)(rk_clock_mono_ns() - load->begin_ns) / 1e9 * (double)load->rate);

	(void)loop;
	(void)events;
	for (int64_t i = 0; i < load->clients && load->started < due && load->started < load->count;
	     i++)
		if (!load->all[i].busy && rk_clock_mono_ns() >= load->all[i].rests_until_ns)
			start(&load->all[i]);
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

/* CPU time of the members so far, in microseconds. */
static double cpu_us(const struct rk_local *local)
{
	double total = 0;

	for (unsigned i = 1; i <= local->members; i++) {
		struct rk_local_part member;
		char path[64];
		RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
		unsigned long user = 0, system = 0;
		rk_local_member(local, i, &member);
		const struct rk_process process = rk_local_process(&member, false);
		(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)rk_process_find(&process));
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

static int run(struct load *load, const struct rk_local *local)
{
	load->all = rk_zalloc((size_t)load->clients * sizeof *load->all);
	for (int64_t i = 0; i < load->clients; i++) {
		struct rk_local_part member;
		rk_local_member(local, (unsigned)(i % local->members) + 1, &member);
		const struct rk_http_client_opts http = { .loop = load->loop,
							  .address = member.address,
							  .tls = load->tls,
							  .connections_max = 1 };
		load->all[i] = (struct client){ .load = load, .http = rk_http_client_new(&http) };
	}
	warm_up(load);
	const double cpu_before = cpu_us(local);
	load->begin_ns = rk_clock_mono_ns();
	if (load->rate > 0) {
		ev_timer_init(&load->pace, on_pace, 0., 0.001);
		ev_timer_start(load->loop, &load->pace);
	} else {
		for (int64_t i = 0; i < load->clients; i++)
			start(&load->all[i]);
	}
	(void)ev_run(load->loop, 0);
	const double seconds = (double)(rk_clock_mono_ns() - load->begin_ns) / 1e9;
	const double cpu = cpu_us(local) - cpu_before;
	qsort(load->latencies_ms, (size_t)load->acked, sizeof(double), by_size);
	(void)printf("clients=%lld acked=%lld failed=%lld rate=%.0f/s p50=%.3fms p99=%.3fms "
		     "p99.9=%.3fms slowest=%.3fms cpu=%.1fus",
		     (long long)load->clients, (long long)load->acked, (long long)load->failed,
		     (double)load->acked / seconds, at(load, 0.5), at(load, 0.99), at(load, 0.999),
		     load->slowest_ms, cpu / (double)RK_MAX(load->acked, (int64_t)1));
	for (int code = 0; code < 600; code++)
		if (load->codes[code] > 0)
			(void)printf(" %s%d:%d", code == 0 ? "broken" : "http", code,
				     load->codes[code]);
	(void)printf("\n");
	for (int64_t i = 0; i < load->clients; i++)
		(void)rk_http_client_free(load->all[i].http);
	free(load->all);
	return 0;
}

static const struct rk_command command = {
	.name = "load",
	.usage = "--cluster DIR [flags]",
	.summary = "Create, get, patch or delete objects and measure",
	.section = ""
};

int main(int argc, char **argv)
{
	const char *cluster = NULL, *acks = NULL, *op = "create", *kind = "configmap";
	struct load load = { .count = 1000, .clients = 1, .bytes = 1024, .prefix = "load" };
	const struct rk_flag flags[] = {
		{ "cluster", 'c', RK_FLAG_TEXT, &cluster, "DIR", "a running local cluster", NULL },
		{ "op", 0, RK_FLAG_TEXT, &op, "create|get|patch|delete", "what is done", NULL },
		{ "kind", 0, RK_FLAG_TEXT, &kind, "configmap|pod", "with what", NULL },
		{ "clients", 0, RK_FLAG_NUMBER, &load.clients, "N", "connections", NULL },
		{ "count", 0, RK_FLAG_NUMBER, &load.count, "N", "objects", NULL },
		{ "rate", 0, RK_FLAG_NUMBER, &load.rate, "N",
		  "requests a second (0: as fast as they are answered)", NULL },
		{ "bytes", 0, RK_FLAG_NUMBER, &load.bytes, "N", "of data in each object", NULL },
		{ "prefix", 0, RK_FLAG_TEXT, &load.prefix, "TEXT", "of the names", NULL },
		{ "acks", 0, RK_FLAG_TEXT, &acks, "FILE", "where acknowledged names go", NULL },
		{ 0 },
	};
	struct rk_error error = { 0 };
	struct rk_local local;
	int status;

	argc--, argv++;
	if (!rk_cli_begin(&command, flags, &argc, argv, NULL, &status))
		return status;
	for (size_t i = 0; i < RK_COUNT(ops); i++)
		if (strcmp(ops[i].name, op) == 0)
			load.op = &ops[i];
	load.is_pod = strcmp(kind, "pod") == 0;
	if (load.op == NULL || (!load.is_pod && strcmp(kind, "configmap") != 0))
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "--op is create, get, patch or delete; --kind is configmap or pod" });
	if (cluster == NULL || load.clients < 1 || load.count < 1 || load.bytes < 0 ||
	    load.bytes > 1000000)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "--cluster DIR is missing, or a number is out of range" });
	if (rk_local_load(&local, cluster, &error) < 0 ||
	    rk_call_identity(local.dir, &load.tls, &error) < 0)
		return rk_cli_fail(&error);
	if (acks != NULL && (load.acks = fopen(acks, "we")) == NULL)
		return rk_cli_fail(&(struct rk_error){
			RK_EIO, "cannot write the file of acknowledged names" });
	load.loop = ev_loop_new(EVFLAG_AUTO);
	load.latencies_ms = rk_zalloc((size_t)load.count * sizeof(double));
	load.filler = rk_blob_new((size_t)load.bytes);
	memset(load.filler->data, 'x', (size_t)load.bytes);
	status = run(&load, &local);
	if (load.acks != NULL && fclose(load.acks) != 0)
		status = 1;
	(void)rk_blob_unref(load.filler);
	(void)rk_tls_unref(load.tls);
	free(load.latencies_ms);
	ev_loop_destroy(load.loop);
	return status;
}
