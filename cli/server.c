/* reckon server: a member of the control plane. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/absent_io.h"
#include "cli/commands.h"
#include "control/api/api_io.h"
#include "control/etcd/etcd_io.h"
#include "wire/jws_io.h"
#include "wire/stream_io.h"

struct server {
	const char *dir, *name, *cluster_id, *members, *peer_listen, *cert, *key, *ca, *token_key;
	const char *service_cidr, *pod_cidr, *domain, *advertise, *etcd_listen, *etcd_advertise;
	bool etcd_insecure;
	struct rk_flag_list listen;
	bool join, no_repair, is_witness;
	int64_t id, threads, snapshot_entries, heartbeat_ms, election_ms, history_mib, scrub_mib;
};

static int run(int argc, char **argv);

const struct rk_command rk_command_server = {
	.name = "server",
	.usage = "--dir DIR --id N --cluster-id ID --members 1=HOST:PORT,... --listen ADDR --cert "
		 "F --key F --ca F",
	.summary = "Run a member of the control plane",
	.examples = "  reckon server --dir /var/lib/reckon --id 1 --cluster-id 5f1c...e0 --members "
		    "1=10.0.0.1:2380,2=10.0.0.2:2380,3=10.0.0.3:2380 \\\n"
		    "      --peer-listen 10.0.0.1:2380 --listen 10.0.0.1:6443 --cert m1.crt --key "
		    "m1.key --ca ca.crt\n",
	.run = run,
	.section = "Members and nodes",
};

static bool hex64(const char *text, uint64_t *ret)
{
	char part[17] = { 0 };
	char *end = NULL;

	memcpy(part, text, 16);
	*ret = strtoull(part, &end, 16);
	return end == part + 16;
}

static int cluster_of(const struct server *server, struct rk_cluster_config *ret,
		      struct rk_error *error)
{
	*ret = (struct rk_cluster_config){ .service_cidr = rk_span_str(server->service_cidr),
					   .pod_cidr = rk_span_str(server->pod_cidr),
					   .dns_domain = rk_span_str(server->domain) };
	if (server->cluster_id == NULL || strlen(server->cluster_id) != 32 ||
	    !hex64(server->cluster_id, &ret->cluster_high) ||
	    !hex64(server->cluster_id + 16, &ret->cluster_low))
		return rk_fail(
			error, RK_EINVAL,
			"--cluster-id must be 32 hexadecimal digits, the same on every member");
	return RK_OK;
}

/* Who is a witness is known to the cluster, to the member's directory and to who starts it: all must agree. */
static int check_witness(const struct server *server, const struct rk_config *members,
			 struct rk_error *error)
{
	const int at = rk_config_find(members, (uint64_t)server->id);
	const bool is_one = at >= 0 && (members->at[at].role & RK_MEMBER_WITNESS) != 0;
	uint32_t witnesses = 0;

	for (uint32_t i = 0; i < members->count; i++)
		witnesses += (members->at[i].role & RK_MEMBER_WITNESS) != 0;
	if (at >= 0 && is_one != server->is_witness)
		return rk_fail(error, RK_EINVAL,
			       is_one ? "--members says that member %lld is a witness: start it with --witness"
				      : "--witness: --members must say so of member %lld (ID=HOST:PORT:witness)",
			       (long long)server->id);
	if (witnesses > 0 && witnesses >= members->count - witnesses)
		return rk_fail(error, RK_EINVAL,
			       "--members: there must be more full voters than witnesses");
	return RK_OK;
}

static int members_of(const struct server *server, struct rk_config *ret, struct rk_error *error)
{
	struct rk_span rest = rk_span_str(server->members);

	ret->count = 0;
	while (rest.data != NULL && rest.size > 0) {
		struct rk_span part, id_text;
		uint64_t id;
		char address[RK_ADDRESS_MAX] = { 0 };
		rest = rk_span_cut(rest, ',', &part);
		struct rk_span at = rk_span_cut(part, '=', &id_text);
		uint8_t role = RK_MEMBER_VOTER;
		if (rk_span_ends(at, RK_SPAN(":witness"))) {
			role |= RK_MEMBER_WITNESS;
			at.size -= sizeof ":witness" - 1;
		}
		if (!rk_span_u64(id_text, &id) || at.size == 0 || at.size >= sizeof address)
			return rk_fail(error, RK_EINVAL, "--members: \"%.*s\" is not ID=HOST:PORT",
				       RK_SPAN_ARGS(part));
		memcpy(address, at.data, at.size);
		if (rk_config_add(ret, id, role, address) < 0)
			return rk_fail(
				error, RK_EINVAL,
				"--members: member %llu is named twice, or there are too many",
				(unsigned long long)id);
	}
	if (!server->join && rk_config_find(ret, (uint64_t)server->id) < 0)
		return rk_fail(error, RK_EINVAL, "--members does not name this member (--id %lld)",
			       (long long)server->id);
	return check_witness(server, ret, error);
}

static void on_fatal(void *context, const struct rk_error *error)
{
	(void)context;
	rk_log(RK_LOG_ERROR, "stopped", "why=\"%s\"", error->text);
	_exit(1);
}

/* Who comes to the API without a certificate may have a token. */
static int tls_of(const struct server *server, bool is_server, bool is_api, bool needs_cert,
		  struct rk_tls **ret, struct rk_error *error)
{
	static const char *const alpn[] = { "h2", "http/1.1", NULL };
	const struct rk_tls_opts opts = {
		.cert_path = server->cert,
		.key_path = server->key,
		.ca_path = server->ca,
		.is_server = is_server,
		.peer_cert_required = is_server && needs_cert,
		.alpn = is_api ? alpn : NULL,
	};

	return rk_tls_new(ret, &opts, error);
}

static void drop_tls(struct rk_tls **tls) { (void)rk_tls_unref(*tls); }

static void drop_jws(struct rk_jws **jws) { (void)rk_jws_free(*jws); }

static void drop_kinds(const struct rk_kinds **kinds) { (void)rk_kinds_free(*kinds); }

static int start_core(const struct server *server, const struct rk_kinds *kinds,
		      struct rk_tls *peer_server, struct rk_tls *client, struct rk_span root_ca,
		      struct rk_core **ret, struct rk_error *error)
{
	struct rk_core_opts opts = {
		.kinds = kinds,
		.dir = server->dir,
		.id = (uint64_t)server->id,
		.root_ca = root_ca,
		.peer_fd = -1,
		.peer_server = peer_server,
		.peer_client = client,
		.heartbeat_ms = (uint32_t)server->heartbeat_ms,
		.election_ms = (uint32_t)server->election_ms,
		.snapshot_entries = (uint64_t)server->snapshot_entries,
		.is_witness = server->is_witness,
		.no_repair = server->no_repair,
		.scrub_mib_per_second = (uint32_t)server->scrub_mib,
		.history_bytes = (uint64_t)server->history_mib << 20,
		.fatal = on_fatal,
	};
	uint16_t port;

	RK_TRY(cluster_of(server, &opts.cluster, error));
	RK_TRY(members_of(server, &opts.members, error));
	/* A lone member listens too: others may be added while it runs. */
	const int at = rk_config_find(&opts.members, opts.id);
	const char *listen = server->peer_listen != NULL ? server->peer_listen
							 : opts.members.at[at].address;
	RK_TRY(rk_listen(listen, false, &opts.peer_fd, &port, error));
	return rk_core_new(ret, &opts, error);
}

/* Before anything is recovered: a port that is taken is the commonest mistake. */
static int probe_ports(const struct server *server, struct rk_error *error)
{
	for (size_t i = 0; i < server->listen.count; i++) {
		uint16_t port;
		int fd;
		RK_TRY(rk_listen(server->listen.at[i], false, &fd, &port, error));
		(void)close(fd);
	}
	return RK_OK;
}

static int start_etcd(const struct server *server, struct rk_core *core, struct rk_tls *tls,
		      struct rk_etcd **ret, struct rk_error *error)
{
	struct rk_cluster_config cluster;

	if (server->etcd_listen == NULL)
		return RK_OK;
	RK_TRY(cluster_of(server, &cluster, error));
	const struct rk_etcd_opts opts = { .core = core,
					   .address = server->etcd_listen,
					   .advertise = server->etcd_advertise,
					   .server = server->etcd_insecure ? NULL : tls,
					   .threads = (unsigned)server->threads,
					   .cluster_id = cluster.cluster_low,
					   .member_id = (uint64_t)server->id,
					   .name = server->name };
	RK_TRY(rk_etcd_new(ret, &opts, error));
	rk_log(RK_LOG_INFO, "listening", "address=%s api=etcd", server->etcd_listen);
	return RK_OK;
}

/* Until a signal comes; meanwhile others are told where this member is, and by the leader who is not there. */
static void await_signal(const struct server *server, const sigset_t *signals,
			 struct rk_tls *client)
{
	const struct timespec soon = { .tv_nsec = 250000000 }, often = { .tv_sec = 2 };
	const struct rk_advertise_opts opts = {
		.name = server->name,
		.id = (uint64_t)server->id,
		.address = server->is_witness	       ? NULL /* who comes here finds no data */
			   : server->advertise != NULL ? server->advertise
						       : rk_advertise_choose(server->listen.at),
		.ask = server->listen.at[0],
		.client = client,
	};
	struct rk_absent absent = { 0 };
	struct rk_error error = { 0 };
	bool is_told = opts.address == NULL;

	while (sigtimedwait(signals, NULL, is_told ? &often : &soon) < 0) {
		if (is_told) {
			if (!server->is_witness && rk_absent_look(&absent, &opts, (int64_t)rk_clock_mono_ms(), &error) < 0)
				rk_log(RK_LOG_DEBUG, "cannot look for absent members", "why=\"%s\"", error.text);
			continue;
		}
		const int err = rk_advertise(&opts, &error);
		is_told = err == RK_OK || err == RK_EINVAL;
		if (err == RK_EINVAL)
			rk_log(RK_LOG_WARN, "not advertised", "why=\"%s\"", error.text);
	}
	rk_log(RK_LOG_INFO, "stopping", "%s", "");
}

static int serve(const struct server *server, const sigset_t *signals, struct rk_error *error)
{
	RK_AUTO(drop_tls) struct rk_tls *peer_server = NULL;
	RK_AUTO(drop_tls) struct rk_tls *client = NULL;
	RK_AUTO(drop_tls) struct rk_tls *api_server = NULL;
	RK_AUTO(drop_tls) struct rk_tls *etcd_server = NULL;
	RK_AUTO(drop_jws) struct rk_jws *tokens = NULL;
	RK_AUTO(drop_kinds) const struct rk_kinds *kinds = rk_kinds_new();
	RK_AUTO(rk_buf_done) struct rk_buf root_ca = { 0 };
	struct rk_core *core = NULL;
	struct rk_api *api = NULL;
	struct rk_etcd *etcd = NULL;

	RK_TRY(probe_ports(server, error));
	RK_TRY(tls_of(server, true, false, true, &peer_server, error));
	RK_TRY(tls_of(server, false, false, true, &client, error));
	RK_TRY(tls_of(server, true, true, false, &api_server, error));
	RK_TRY(tls_of(server, true, true, true, &etcd_server, error));
	if (server->token_key != NULL)
		RK_TRY(rk_jws_new(&tokens, server->token_key, error));
	RK_TRY(rk_ca_read(&root_ca, server->ca, error));
	RK_TRY(start_core(server, kinds, peer_server, client, rk_buf_span(&root_ca), &core, error));
	struct rk_apiserver_opts opts = { .core = core,
					  .kinds = kinds,
					  .server = api_server,
					  .tokens = tokens,
					  .client = client,
					  .threads = (unsigned)server->threads,
					  .dir = server->dir,
					  .name = server->name,
					  .is_witness = server->is_witness };
	for (size_t i = 0; i < server->listen.count && i + 1 < RK_API_ADDRESSES_MAX; i++)
		opts.addresses[i] = server->listen.at[i];
	int err = rk_apiserver_new(&api, &opts, error);
	if (err == RK_OK)
		err = start_etcd(server, core, etcd_server, &etcd, error);
	if (err == RK_OK) {
		for (size_t i = 0; i < server->listen.count; i++)
			rk_log(RK_LOG_INFO, "listening", "address=%s", server->listen.at[i]);
		await_signal(server, signals, client);
	}
	(void)rk_etcd_free(etcd, 1000);
	(void)rk_apiserver_free(api, 2000);
	(void)rk_core_free(core);
	return err;
}

static int check(const struct server *server, struct rk_error *error)
{
	const struct {
		const char *name;
		bool is_there;
	} needed[] = { { "dir", server->dir != NULL },
		       { "id", server->id > 0 },
		       { "members", server->members != NULL || server->join },
		       { "peer-listen", server->peer_listen != NULL || !server->join },
		       { "listen", server->listen.count > 0 },
		       { "cert", server->cert != NULL },
		       { "key", server->key != NULL },
		       { "ca", server->ca != NULL } };

	for (size_t i = 0; i < RK_COUNT(needed); i++)
		if (!needed[i].is_there)
			return rk_fail(error, RK_EINVAL, "--%s is missing", needed[i].name);
	if (server->scrub_mib < 0 || server->scrub_mib > 100000)
		return rk_fail(error, RK_EINVAL, "--scrub-mib-per-second must be 0 to 100000");
	if (server->is_witness && server->etcd_listen != NULL)
		return rk_fail(error, RK_EINVAL,
			       "--witness and --etcd-listen exclude each other: a witness has no data");
	if (server->join && server->members != NULL)
		return rk_fail(error, RK_EINVAL,
			       "--join and --members exclude each other: who joins is told by the leader");
	return RK_OK;
}

static void set_name(struct server *server, char text[32])
{
	(void)snprintf(text, 32, "m%lld", (long long)server->id);
	if (server->name == NULL)
		server->name = text;
	rk_log_set_who(server->name);
}

/* Before any thread is started. */
static void prepare_process(sigset_t *signals)
{
	/* A heap for each thread would make idle members large; one for all would make busy ones
	 * wait. */
	(void)mallopt(M_ARENA_MAX, 4);
	(void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	/* The pieces that lists are written in come from the heap, again and again, and not each from fresh pages. */
	(void)mallopt(M_MMAP_THRESHOLD, 512 * 1024);
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static int run(int argc, char **argv)
{
	struct server server = { .service_cidr = "10.96.0.0/16",
				 .pod_cidr = "10.244.0.0/16",
				 .domain = "cluster.local",
				 .scrub_mib = 1 };
	const struct rk_flag flags[] = {
		{ "dir", 'd', RK_FLAG_TEXT, &server.dir, "DIR",
		  "data directory: log, snapshots, identity", NULL },
		{ "id", 0, RK_FLAG_NUMBER, &server.id, "N", "this member's number", NULL },
		{ "name", 0, RK_FLAG_TEXT, &server.name, "NAME", "for people (default mN)", NULL },
		{ "cluster-id", 0, RK_FLAG_TEXT, &server.cluster_id, "HEX",
		  "the cluster's identity, 32 hexadecimal digits", NULL },
		{ "members", 0, RK_FLAG_TEXT, &server.members, "LIST",
		  "members of a new cluster: ID=HOST:PORT[:witness],...", NULL },
		{ "join", 0, RK_FLAG_BOOL, &server.join, NULL, "join a running cluster", NULL },
		{ "witness", 0, RK_FLAG_BOOL, &server.is_witness, NULL,
		  "vote and keep the log, without any state: the API answers 503", NULL },
		{ "no-repair", 0, RK_FLAG_BOOL, &server.no_repair, NULL,
		  "refuse to start with a damaged log instead of fetching it from the others", NULL },
		{ "listen", 0, RK_FLAG_LIST, &server.listen, "ADDR",
		  "HOST:PORT for the API; may be given several times", NULL },
		{ "advertise", 0, RK_FLAG_TEXT, &server.advertise, "ADDR",
		  "HOST:PORT of the API for pods (default: the first --listen that is not loopback)", NULL },
		{ "peer-listen", 0, RK_FLAG_TEXT, &server.peer_listen, "ADDR",
		  "HOST:PORT for the other members (default: as in --members)", NULL },
		{ "etcd-listen", 0, RK_FLAG_TEXT, &server.etcd_listen, "ADDR",
		  "HOST:PORT for the etcd v3 API (default: none)", NULL },
		{ "etcd-advertise", 0, RK_FLAG_TEXT, &server.etcd_advertise, "URL",
		  "where clients reach it (default: --etcd-listen)", NULL },
		{ "etcd-insecure", 0, RK_FLAG_BOOL, &server.etcd_insecure, NULL,
		  "the etcd API without TLS, on a loopback address", NULL },
		{ "cert", 0, RK_FLAG_TEXT, &server.cert, "FILE", "certificate (PEM)", NULL },
		{ "key", 0, RK_FLAG_TEXT, &server.key, "FILE", "its private key (PEM)", NULL },
		{ "ca", 0, RK_FLAG_TEXT, &server.ca, "FILE", "the cluster's CA (PEM)", NULL },
		{ "service-account-key", 0, RK_FLAG_TEXT, &server.token_key, "FILE",
		  "signs tokens of service accounts (P-256, PEM); the same on every member", NULL },
		{ "service-cidr", 0, RK_FLAG_TEXT, &server.service_cidr, "CIDR", "of Services", NULL },
		{ "pod-cidr", 0, RK_FLAG_TEXT, &server.pod_cidr, "CIDR",
		  "addresses of pods, a /24 for each node", NULL },
		{ "cluster-domain", 0, RK_FLAG_TEXT, &server.domain, "NAME",
		  "DNS domain of the cluster", NULL },
		{ "api-threads", 0, RK_FLAG_NUMBER, &server.threads, "N",
		  "threads that serve connections (default 2)", NULL },
		{ "snapshot-entries", 0, RK_FLAG_NUMBER, &server.snapshot_entries, "N",
		  "a snapshot after so many entries (default: by size only)", NULL },
		{ "history-mib", 0, RK_FLAG_NUMBER, &server.history_mib, "N",
		  "MiB of log kept for looking back (default 64)", NULL },
		{ "scrub-mib-per-second", 0, RK_FLAG_NUMBER, &server.scrub_mib, "N",
		  "pace of reading log and snapshots again to find damage (default 1; 0: never)", NULL },
		{ "heartbeat-ms", 0, RK_FLAG_NUMBER, &server.heartbeat_ms, "N",
		  "between a leader's heartbeats (default 50)", NULL },
		{ "election-ms", 0, RK_FLAG_NUMBER, &server.election_ms, "N",
		  "without a leader until an election (default 300)", NULL },
		{ 0 },
	};
	struct rk_error error = { 0 };
	char name[32];
	sigset_t signals;
	int status;

	if (!rk_cli_begin(&rk_command_server, flags, &argc, argv, NULL, &status))
		return status;
	if (argc > 0)
		return rk_cli_fail(&(struct rk_error){ RK_EINVAL, "server takes flags only" });
	if (check(&server, &error) < 0)
		return rk_cli_fail(&error);
	set_name(&server, name);
	prepare_process(&signals);
	if (serve(&server, &signals, &error) < 0)
		return rk_cli_fail(&error);
	return 0;
}
