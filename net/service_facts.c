#include "net/service_facts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>

#include "base/mem.h"
#include "net/addresses.h"

#define AFFINITY_SECONDS 10800 /* upstream's default */
#define AFFINITY_MAX     86400

static bool port_of(const struct rk_val *val, struct rk_port_facts *port)
{
	const struct rk_span name = rk_val_text_at(val, "name");
	const struct rk_span protocol = rk_val_text_at(val, "protocol");
	const int64_t number = rk_val_int_at(val, "port", 0);

	if (name.size >= RK_PORT_NAME_MAX || number < 1 || number > UINT16_MAX)
		return false;
	*port = (struct rk_port_facts){ .port = htons((uint16_t)number) };
	if (name.size > 0)
		memcpy(port->name, name.data, name.size);
	if (protocol.size == 0 || rk_span_is(protocol, "TCP"))
		port->protocol = IPPROTO_TCP;
	else if (rk_span_is(protocol, "UDP"))
		port->protocol = IPPROTO_UDP;
	return port->protocol != 0;
}

static void add_vip(struct rk_service_facts *facts, struct rk_span text)
{
	uint32_t address;

	if (!rk_ipv4_parse(text, &address) || facts->vip_count == RK_VIPS_MAX)
		return;
	for (uint32_t i = 0; i < facts->vip_count; i++)
		if (facts->vips[i] == htonl(address))
			return;
	facts->vips[facts->vip_count++] = htonl(address);
}

static void add_vips(struct rk_service_facts *facts, const struct rk_val *service)
{
	const struct rk_val *list = rk_val_at(service, "spec.clusterIPs");

	if (rk_span_is(rk_val_text_at(service, "spec.type"), "ExternalName"))
		return;
	add_vip(facts, rk_val_text_at(service, "spec.clusterIP"));
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		add_vip(facts, rk_val_text(rk_val_item(list, i)));
}

struct rk_service_facts *rk_service_facts_new(const struct rk_val *service)
{
	const struct rk_val *ports = rk_val_at(service, "spec.ports");
	const uint32_t count = rk_val_count(ports);
	struct rk_service_facts *facts = rk_zalloc(sizeof *facts + count * sizeof facts->ports[0]);

	add_vips(facts, service);
	if (rk_span_is(rk_val_text_at(service, "spec.sessionAffinity"), "ClientIP")) {
		const int64_t seconds =
			rk_val_int_at(service, "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
				      AFFINITY_SECONDS);
		facts->affinity_s = (uint32_t)RK_MAX(1, RK_MIN(seconds, AFFINITY_MAX));
	}
	facts->is_local =
		rk_span_is(rk_val_text_at(service, "spec.internalTrafficPolicy"), "Local");
	facts->takes_unready = rk_val_bool_at(service, "spec.publishNotReadyAddresses", false);
	for (uint32_t i = 0; i < count; i++)
		if (port_of(rk_val_item(ports, i), &facts->ports[facts->port_count]))
			facts->port_count++;
	return facts;
}

static void add_endpoint(struct rk_slice_facts *facts, const struct rk_val *endpoint,
			 struct rk_span node)
{
	/* Of several addresses consumers take the first: they stand for the same endpoint. */
	const struct rk_span text = rk_val_text(rk_val_item(rk_val_at(endpoint, "addresses"), 0));
	const bool ready = rk_val_bool_at(endpoint, "conditions.ready", true);
	uint32_t address;

	if (!rk_ipv4_parse(text, &address))
		return;
	facts->endpoints[facts->endpoint_count++] = (struct rk_endpoint_facts){
		.address = htonl(address),
		.is_ready = ready,
		.is_serving = rk_val_bool_at(endpoint, "conditions.serving", ready),
		.is_terminating = rk_val_bool_at(endpoint, "conditions.terminating", false),
		.is_here = rk_span_eq(rk_val_text_at(endpoint, "nodeName"), node),
	};
}

struct rk_slice_facts *rk_slice_facts_new(const struct rk_val *slice, struct rk_span node)
{
	const struct rk_val *ports = rk_val_at(slice, "ports");
	const struct rk_val *endpoints = rk_val_at(slice, "endpoints");
	const bool is_ours = rk_span_is(rk_val_text_at(slice, "addressType"), "IPv4");
	const uint32_t count = is_ours ? rk_val_count(endpoints) : 0;
	struct rk_slice_facts *facts =
		rk_zalloc(sizeof *facts + count * sizeof facts->endpoints[0] +
			  rk_val_count(ports) * sizeof *facts->ports);

	facts->ports = (void *)&facts->endpoints[count];
	for (uint32_t i = 0; i < rk_val_count(ports); i++)
		if (port_of(rk_val_item(ports, i), &facts->ports[facts->port_count]))
			facts->port_count++;
	for (uint32_t i = 0; i < count; i++)
		add_endpoint(facts, rk_val_item(endpoints, i), node);
	return facts;
}

struct rk_span rk_slice_service(const struct rk_val *slice)
{
	return rk_val_text(rk_val_get(rk_val_at(slice, "metadata.labels"),
				      RK_SPAN("kubernetes.io/service-name")));
}

static void add_text(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void add_text(char *text, size_t room, const char *format, ...)
{
	size_t size = strlen(text);
	va_list args;

	if (size > 0)
		size += (size_t)snprintf(text + size, room - size, ", ");
	if (size >= room)
		return;
	va_start(args, format);
	(void)vsnprintf(text + size, room - size, format, args);
	va_end(args);
}

void rk_service_unserved(const struct rk_val *service, char *text, size_t room)
{
	const struct rk_val *ports = rk_val_at(service, "spec.ports");
	const struct rk_val *vips = rk_val_at(service, "spec.clusterIPs");
	bool has_node_port = false;
	uint32_t ignored;

	text[0] = '\0';
	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *port = rk_val_item(ports, i);
		struct rk_port_facts facts;
		has_node_port |= rk_val_int_at(port, "nodePort", 0) != 0;
		if (!port_of(port, &facts))
			add_text(text, room, "port %lld (%.*s)",
				 (long long)rk_val_int_at(port, "port", 0),
				 RK_SPAN_ARGS(rk_val_text_at(port, "protocol")));
	}
	if (has_node_port)
		add_text(text, room, "nodePort");
	if (rk_val_count(rk_val_at(service, "spec.externalIPs")) > 0)
		add_text(text, room, "externalIPs");
	if (rk_val_count(rk_val_at(service, "status.loadBalancer.ingress")) > 0)
		add_text(text, room, "status.loadBalancer.ingress");
	for (uint32_t i = 0; i < rk_val_count(vips); i++) {
		const struct rk_span vip = rk_val_text(rk_val_item(vips, i));
		if (!rk_span_is(vip, "None") && !rk_ipv4_parse(vip, &ignored))
			add_text(text, room, "clusterIP %.*s", RK_SPAN_ARGS(vip));
	}
}
