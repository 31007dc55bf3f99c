/* The rows of services and what stands behind them. */
#include "control/schema/selector.h"
#include "control/schema/table_cells.h"

#define SHOWN_MAX 3 /* addresses or ports; of the others only the number is told */

struct joined { /* a list of which the first few are shown */
	struct rk_buf text;
	unsigned count;
};

static void join(struct joined *joined, const char *item)
{
	if (joined->count < SHOWN_MAX)
		rk_buf_printf(&joined->text, "%s%s", joined->count > 0 ? "," : "", item);
	joined->count++;
}

static void cell_joined(const struct rk_cells *cells, struct joined *joined, const char *otherwise)
{
	if (joined->count > SHOWN_MAX)
		rk_buf_printf(&joined->text, " + %u more...", joined->count - SHOWN_MAX);
	if (joined->count == 0)
		rk_buf_put_str(&joined->text, otherwise);
	rk_cell_buf(cells, &joined->text);
}

static void join_texts(struct rk_buf *out, const struct rk_val *list, const char *field)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *item = rk_val_item(list, i);
		struct rk_span text =
			field != NULL ? rk_val_text_at(item, field) : rk_val_text(item);
		if (text.size == 0 && field != NULL)
			text = rk_val_text_at(item, "hostname");
		rk_buf_printf(out, "%s%.*s", out->size > 0 ? "," : "", RK_SPAN_ARGS(text));
	}
}

static void cell_external(const struct rk_cells *cells, const struct rk_val *service)
{
	const struct rk_span type = rk_val_text_at(service, "spec.type");
	const bool is_balancer = rk_span_is(type, "LoadBalancer");
	struct rk_buf text = { 0 };

	if (rk_span_is(type, "ExternalName"))
		rk_buf_put_span(&text, rk_val_text_at(service, "spec.externalName"));
	if (is_balancer)
		join_texts(&text, rk_val_at(service, "status.loadBalancer.ingress"), "ip");
	join_texts(&text, rk_val_at(service, "spec.externalIPs"), NULL);
	if (text.size == 0)
		rk_buf_put_str(&text, is_balancer ? "<pending>" : "<none>");
	rk_cell_buf(cells, &text);
}

static void cell_ports(const struct rk_cells *cells, const struct rk_val *ports)
{
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *port = rk_val_item(ports, i);
		const int64_t node = rk_val_int_at(port, "nodePort", 0);
		rk_buf_printf(&text, "%s%lld", i > 0 ? "," : "",
			      (long long)rk_val_int_at(port, "port", 0));
		if (node != 0)
			rk_buf_printf(&text, ":%lld", (long long)node);
		rk_buf_printf(&text, "/%.*s", RK_SPAN_ARGS(rk_val_text_at(port, "protocol")));
	}
	if (text.size == 0)
		rk_buf_put_str(&text, "<none>");
	rk_cell_buf(cells, &text);
}

void rk_row_service(const struct rk_cells *cells, const struct rk_val *object)
{
	const struct rk_selector *selector =
		rk_selector_of_map(cells->arena, rk_val_at(object, "spec.selector"));

	rk_cell_name(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "spec.type"));
	rk_cell_or(cells, rk_val_text_at(object, "spec.clusterIP"), "<none>");
	cell_external(cells, object);
	cell_ports(cells, rk_val_at(object, "spec.ports"));
	rk_cell_age(cells, object);
	rk_cell_text(cells, rk_selector_text(cells->arena, selector));
}

static void join_address(const struct rk_cells *cells, struct joined *joined, struct rk_span ip,
			 int64_t port)
{
	const bool is_v6 = ip.size > 0 && memchr(ip.data, ':', ip.size) != NULL;

	join(joined, rk_arena_printf(cells->arena, "%s%.*s%s:%lld", is_v6 ? "[" : "",
				     RK_SPAN_ARGS(ip), is_v6 ? "]" : "", (long long)port));
}

void rk_row_endpoints(const struct rk_cells *cells, const struct rk_val *object)
{
	const struct rk_val *subsets = rk_val_at(object, "subsets");
	struct joined joined = { 0 };

	for (uint32_t i = 0; i < rk_val_count(subsets); i++) {
		const struct rk_val *ports = rk_val_at(rk_val_item(subsets, i), "ports");
		const struct rk_val *addresses = rk_val_at(rk_val_item(subsets, i), "addresses");
		for (uint32_t n = 0; n < rk_val_count(addresses) && rk_val_count(ports) == 0; n++)
			join(&joined,
			     rk_arena_str(cells->arena,
					  rk_val_text_at(rk_val_item(addresses, n), "ip")));
		for (uint32_t p = 0; p < rk_val_count(ports); p++)
			for (uint32_t n = 0; n < rk_val_count(addresses); n++)
				join_address(cells, &joined,
					     rk_val_text_at(rk_val_item(addresses, n), "ip"),
					     rk_val_int_at(rk_val_item(ports, p), "port", 0));
	}
	rk_cell_name(cells, object);
	cell_joined(cells, &joined, "<none>");
	rk_cell_age(cells, object);
}

void rk_row_endpointslice(const struct rk_cells *cells, const struct rk_val *object)
{
	const struct rk_val *ports = rk_val_at(object, "ports"),
			    *endpoints = rk_val_at(object, "endpoints");
	struct joined numbers = { 0 }, addresses = { 0 };

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const int64_t port = rk_val_int_at(rk_val_item(ports, i), "port", 0);
		join(&numbers,
		     port != 0 ? rk_arena_printf(cells->arena, "%lld", (long long)port) : "*");
	}
	for (uint32_t i = 0; i < rk_val_count(endpoints); i++) {
		const struct rk_val *list = rk_val_at(rk_val_item(endpoints, i), "addresses");
		for (uint32_t n = 0; n < rk_val_count(list); n++)
			join(&addresses,
			     rk_arena_str(cells->arena, rk_val_text(rk_val_item(list, n))));
	}
	rk_cell_name(cells, object);
	rk_cell_text(cells, rk_val_text_at(object, "addressType"));
	cell_joined(cells, &numbers, "<unset>");
	cell_joined(cells, &addresses, "<unset>");
	rk_cell_age(cells, object);
}
