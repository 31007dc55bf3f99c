/* node/agent.h - inside the agent: one process, its nodes (one real, or many simulated), and what
 * they share. */
#ifndef RK_NODE_AGENT_H
#define RK_NODE_AGENT_H

#include <ev.h>

#include "net/dns_io.h"
#include "net/podnet_io.h"
#include "net/service_io.h"
#include "node/api_io.h"
#include "node/core.h"
#include "node/files_io.h"
#include "node/node_io.h"
#include "node/pod_view.h"
#include "node/runtime.h"
#include "node/watch_io.h"

struct rk_reports;
struct rk_refs;
struct rk_tokens;
struct rk_journal;
struct rk_node_server;

struct rk_queued_fact {
	struct rk_queued_fact *next;
	struct rk_arena arena; /* holds what the fact points to */
	struct rk_fact fact;
};

struct rk_agent;
struct rk_kept;

struct rk_member { /* one node */
	struct rk_agent *agent;
	char name[256], ip[64], pod_cidr[64];
	struct rk_nodecore *core;
	struct rk_runtime *runtime;
	struct rk_acts acts;
	struct rk_queued_fact *first_fact, **last_fact;
	bool is_registered;
	bool network_failed;
	char network_text[256]; /* why services or the pod network do not work; "" when they do */
	int64_t ready_since;    /* wall: when the conditions got as they are */
	ev_timer lease, heartbeat, register_again;
	int64_t renewed; /* mono: when the lease was written last */
	ev_timer due; /* the core's next time */
};

struct rk_agent {
	struct ev_loop *loop;
	struct rk_node_opts opts;
	char dir[512];
	bool is_sim;
	struct rk_tls *client_tls;
	struct rk_apiclient *api;
	unsigned member_count;
	struct rk_member *members;
	struct rk_watch *pods, *nodes, *services, *slices;
	struct rk_reports *reports;
	struct rk_refs *refs;
	struct rk_tokens *tokens;
	struct rk_journal *journal;
	struct rk_objects objects;
	struct rk_podnet *podnet; /* these four: the one real node's */
	struct rk_services *service_maps;
	struct rk_dns *dns;
	struct rk_node_server *server;
	struct rk_kept *kept_services, *kept_slices, *kept_nodes; /* of agent_net_io.c */
	ev_timer services_dirty;
	ev_prepare facts;
	ev_signal term, interrupt;
	int64_t cpu_milli, memory, storage;
};

struct rk_now rk_agent_now(void);
struct rk_member *rk_agent_find(struct rk_agent *agent, struct rk_span name);

/* agent_core_io.c: facts into the core, acts out of it. */
void rk_member_fact(void *member, const struct rk_fact *fact); /* a copy is queued */
void rk_agent_take_facts(struct rk_agent *agent);              /* everything that is queued */
void rk_member_restore(
	struct rk_member *member); /* the pods that DIR/pods knows; before anything else */

/* agent_node_io.c: the Node object, its Lease, and heartbeats. */
void rk_member_begin(struct rk_member *member, double offset_s);
void rk_member_end(struct rk_member *member);
void rk_member_say_status(struct rk_member *member); /* soon: something changed */
void rk_agent_measure(struct rk_agent *agent);       /* cpu, memory and storage of this machine */

/* agent_net_io.c: the pod network, services and DNS of the real node. */
void rk_agent_net_watch(struct rk_agent *agent);
/* Before anything is heard: the network of an earlier life, so that a node that is cut off still
 * has it. */
void rk_agent_net_restore(struct rk_agent *agent);
void rk_agent_net_close(struct rk_agent *agent);
void rk_agent_on_node(void *agent,
		      const struct rk_val *node); /* its own: pod CIDR; another: a route */
void rk_agent_route(struct rk_agent *agent, const struct rk_val *node);
void rk_agent_off_node(void *agent, struct rk_span ns, struct rk_span name);
const struct rk_val *rk_agent_object(void *agent, enum rk_ref_kind kind, struct rk_span ns,
				     struct rk_span name, bool *ret_is_known);
void rk_agent_each_service(void *agent, struct rk_span ns,
			   void (*each)(void *each_context, const struct rk_val *service),
			   void *each_context);

#endif
