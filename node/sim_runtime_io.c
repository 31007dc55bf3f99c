#include "node/sim_runtime_io.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock_io.h"
#include "base/err.h"
#include "base/mem.h"

struct sim {
	struct rk_runtime base;
	uint32_t network; /* host byte order; 0: none yet */
	uint32_t size, next;
	int pids;
	char host_ip[64];
};

static struct sim *of(struct rk_runtime *runtime)
{
	return RK_CONTAINER(runtime, struct sim, base);
}

/* Addresses go round; a simulated node holds far fewer pods than its network has addresses. */
static void give_address(struct sim *sim, char text[INET_ADDRSTRLEN])
{
	struct in_addr address = { htonl(sim->network + 2 + sim->next++ % (sim->size - 3)) };

	(void)inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN);
}

static void on_sandbox(struct sim *sim, const struct rk_act *act, struct rk_fact *fact,
		       char address[INET_ADDRSTRLEN])
{
	fact->kind = RK_FACT_SANDBOX;
	fact->pid = ++sim->pids;
	if (rk_val_bool_at(act->pod, "spec.hostNetwork", false)) {
		fact->address = rk_span_str(sim->host_ip);
		return;
	}
	if (sim->network == 0) {
		fact->err = RK_EAGAIN;
		return;
	}
	give_address(sim, address);
	fact->address = rk_span_str(address);
}

static void act(struct rk_runtime *base, const struct rk_act *what)
{
	struct sim *sim = of(base);
	struct rk_fact fact = {
		.uid = what->uid,
		.container = rk_val_text_at(what->container, "name"),
		.attempt = what->attempt,
		.probe = what->probe,
		.hook = what->hook,
		.time_ms = rk_clock_wall_ms(),
	};
	char address[INET_ADDRSTRLEN] = "", id[160];

	switch (what->kind) {
	case RK_ACT_VOLUMES: fact.kind = RK_FACT_VOLUMES; break;
	case RK_ACT_SANDBOX: on_sandbox(sim, what, &fact, address); break;
	case RK_ACT_PULL:
		fact.kind = RK_FACT_IMAGE;
		fact.image_id = rk_val_text_at(what->container, "image");
		fact.text = RK_SPAN("Container image is simulated");
		break;
	case RK_ACT_START:
		fact.kind = RK_FACT_STARTED;
		(void)snprintf(id, sizeof id, "%.*s.%.*s.%u",
			       RK_SPAN_ARGS(rk_span_sub(what->uid, 0, 64)),
			       RK_SPAN_ARGS(rk_span_sub(fact.container, 0, 64)), what->attempt);
		fact.id = rk_span_str(id);
		break;
	case RK_ACT_SIGNAL:
		fact.kind = RK_FACT_EXITED;
		fact.code = what->signal == SIGKILL ? 137 : 0;
		break;
	case RK_ACT_HOOK: fact.kind = RK_FACT_HOOK; break;
	case RK_ACT_PROBE: fact.kind = RK_FACT_PROBED; break;
	case RK_ACT_RESIZE: fact.kind = RK_FACT_RESIZED; break;
	case RK_ACT_CLEAR: fact.kind = RK_FACT_CLEARED; break;
	default: return; /* nothing to forget */
	}
	base->fact(base->context, &fact);
}

/* Simulated containers end with the process: all begin again. */
static void adopt(struct rk_runtime *base, const struct rk_val *pod, const struct rk_val *state)
{
	(void)base, (void)pod, (void)state;
}

static void refresh(struct rk_runtime *base, const struct rk_act *volumes)
{
	(void)base, (void)volumes;
}

static struct rk_runtime *sim_free(struct rk_runtime *base)
{
	free(of(base));
	return NULL;
}

static const struct rk_runtime_ops operations = { act, adopt, refresh, sim_free };

struct rk_runtime *rk_sim_runtime_new(void (*fact)(void *context, const struct rk_fact *fact),
				      void *context, const char *host_ip)
{
	struct sim *sim = rk_zalloc(sizeof *sim);

	sim->base = (struct rk_runtime){ &operations, context, fact };
	(void)snprintf(sim->host_ip, sizeof sim->host_ip, "%s", host_ip);
	return &sim->base;
}

int rk_sim_runtime_set_network(struct rk_runtime *runtime, const char *pod_cidr)
{
	struct sim *sim = of(runtime);
	char text[INET_ADDRSTRLEN];
	struct rk_span host;
	struct in_addr address;
	int bits = 0;

	const struct rk_span length = rk_span_cut(rk_span_str(pod_cidr), '/', &host);
	(void)snprintf(text, sizeof text, "%.*s",
		       RK_SPAN_ARGS(rk_span_sub(host, 0, INET_ADDRSTRLEN - 1)));
	for (size_t i = 0; i < length.size && i < 3; i++)
		bits = bits * 10 + (length.data[i] - '0');
	if (inet_pton(AF_INET, text, &address) != 1 || bits < 8 || bits > 29)
		return RK_EINVAL;
	sim->network = ntohl(address.s_addr);
	sim->size = 1u << (32 - bits);
	return 0;
}
