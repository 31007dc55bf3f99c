/* Clients of the etcd API: each asks one member for one thing after the other. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/etcd/apply.h"
#include "sim/inner.h"
#include "wire/proto.h"

struct client {
	uint32_t node; /* that it asks */
	bool waits;
	uint64_t request; /* counts up */
};

struct sim_clients {
	struct sim *sim;
	uint32_t count;
	struct client *at;
	uint64_t values;
};

struct sim_clients *sim_clients_new(struct sim *sim)
{
	struct sim_clients *clients = rk_zalloc(sizeof *clients);

	clients->sim = sim;
	clients->count = sim->params.clients;
	clients->at = rk_zalloc(clients->count * sizeof *clients->at);
	return clients;
}

struct sim_clients *sim_clients_free(struct sim_clients *clients)
{
	free(clients->at);
	free(clients);
	return NULL;
}

static void put(struct sim *sim, struct sim_node *node, struct client *client)
{
	RK_AUTO(rk_buf_done) struct rk_buf body = { 0 };
	char key[16], value[24];

	(void)snprintf(key, sizeof key, "k%u", (unsigned)sim_roll(sim, sim->params.keys));
	(void)snprintf(value, sizeof value, "%llu", (unsigned long long)++sim->clients->values);
	rk_buf_put_u8(&body, RK_ETCD_ENTRY_PUT);
	rk_proto_put_bytes(&body, 1, rk_span_str(key));
	rk_proto_put_bytes(&body, 2, rk_span_str(value));
	client->waits = sim_node_write(sim, node, client, ++client->request, rk_buf_span(&body)) == RK_OK;
}

void sim_clients_turn(struct sim *sim, struct sim_node *node)
{
	struct sim_clients *clients = sim->clients;

	for (uint32_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->at[i];
		if (client->waits || sim_roll(sim, 100) >= sim->params.busy_percent ||
		    sim->applied_max > SIM_INDEX_MAX - 4096)
			continue;
		client->node = node->id;
		if (sim_roll(sim, 3) == 0)
			client->waits = sim_node_read(sim, node, client, ++client->request) == RK_OK;
		else
			put(sim, node, client);
	}
}

void sim_client_wrote(struct sim *sim, struct sim_node *node, void *client, uint64_t request,
		      int err, int code, struct rk_span answer)
{
	struct client *of = client;

	(void)node;
	(void)code;
	(void)answer;
	if (of->request != request)
		return;
	of->waits = false;
	sim_count(sim, err == RK_OK ? SIM_WRITES : SIM_UNKNOWN);
}

void sim_client_may_read(struct sim *sim, struct sim_node *node, void *client, uint64_t request,
			 int err)
{
	struct client *of = client;

	(void)node;
	if (of->request != request)
		return;
	of->waits = false;
	if (err == RK_OK)
		sim_count(sim, SIM_READS);
}

void sim_clients_node_died(struct sim *sim, struct sim_node *node)
{
	for (uint32_t i = 0; i < sim->clients->count; i++) {
		struct client *client = &sim->clients->at[i];
		if (client->waits && client->node == node->id) {
			client->waits = false;
			sim_count(sim, SIM_UNKNOWN);
		}
	}
}

void sim_clients_check(struct sim *sim) { (void)sim; }
