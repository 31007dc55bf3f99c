#include "control/allocate.h"

#include "base/ipv4.h"
#include "control/bootstrap.h"
#include "wire/doc.h"

#define NODE_PORT_FIRST 30000
#define NODE_PORT_COUNT 2768
#define NODE_RANGE_BITS 24

/* "10.96.0.0/16" -> first address and count of addresses. */
static bool range_of(struct rk_span text, uint32_t *ret_first, uint64_t *ret_count)
{
	uint32_t address;
	unsigned prefix;

	if (!rk_cidr_parse(text, &address, &prefix))
		return false;
	*ret_count = (uint64_t)1 << (32 - prefix);
	*ret_first = (uint32_t)(address & ~(*ret_count - 1));
	return true;
}

static struct rk_span text_of(struct rk_arena *arena, uint32_t address)
{
	char text[RK_IPV4_TEXT_MAX];

	rk_ipv4_format(address, text);
	return rk_arena_span(arena, rk_span_str(text));
}

static struct rk_span number_key(uint8_t key[6], char what, uint32_t number)
{
	key[0] = RK_SPACE_ALLOCATION;
	key[1] = (uint8_t)what;
	for (int i = 0; i < 4; i++)
		key[2 + i] = (uint8_t)(number >> (24 - 8 * i));
	return rk_span_of(key, 6);
}

static bool is_taken(const struct rk_state *state, char what, uint32_t number)
{
	uint8_t key[6];

	return rk_store_get(state->store, number_key(key, what, number)) != NULL;
}

static void take(struct rk_state *state, char what, uint32_t number)
{
	uint8_t key[6];

	rk_store_put(state->store, number_key(key, what, number), NULL, state->index);
}

static void give_back(struct rk_state *state, char what, uint32_t number)
{
	uint8_t key[6];

	(void)rk_store_remove(state->store, number_key(key, what, number));
}

/* A free number in [first, first + count), beginning the search at a random one so that an address
 * that was just given back is not the next to be given out. */
static bool any_free(struct rk_state *state, char what, uint32_t first, uint64_t count,
		     uint32_t *ret)
{
	const uint64_t start = rk_state_random(state) % count;

	for (uint64_t i = 0; i < count; i++) {
		const uint32_t number = first + (uint32_t)((start + i) % count);
		if (!is_taken(state, what, number)) {
			*ret = number;
			return true;
		}
	}
	return false;
}

/* The first 16 addresses are kept for services that need a fixed one (10.96.0.1, 10.96.0.10):
 * KEP-3070's static band. */
#define STATIC_BAND 16

const char *rk_allocate_service_address(struct rk_state *state, struct rk_span asked,
					struct rk_span *ret)
{
	const struct rk_span range = rk_doc_text(rk_bootstrap_config(state), "serviceCIDR");
	uint32_t first, address;
	uint64_t count;

	if (!range_of(range, &first, &count) || count < 64)
		return "the cluster has no range of service addresses";
	if (asked.size > 0) {
		if (!rk_ipv4_parse(asked, &address))
			return "must be a valid IPv4 address";
		if (address <= first || address >= first + count - 1)
			return rk_arena_printf(&state->arena,
					       "the provided IP (%.*s) is not in the valid range. "
					       "The range of valid IPs is %.*s",
					       RK_SPAN_ARGS(asked), RK_SPAN_ARGS(range));
		if (is_taken(state, 's', address))
			return "provided IP is already allocated";
	} else if (!is_taken(state, 's', first + 1)) {
		address = first + 1; /* the very first Service of a cluster is default/kubernetes */
	} else if (!any_free(state, 's', first + STATIC_BAND, count - STATIC_BAND - 1, &address)) {
		return "range is full";
	}
	take(state, 's', address);
	*ret = text_of(&state->arena, address);
	return NULL;
}

void rk_release_service_address(struct rk_state *state, struct rk_span address)
{
	uint32_t number;

	if (rk_ipv4_parse(address, &number))
		give_back(state, 's', number);
}

const char *rk_allocate_node_port(struct rk_state *state, int64_t *port)
{
	uint32_t number;

	if (*port != 0) {
		if (*port < NODE_PORT_FIRST || *port >= NODE_PORT_FIRST + NODE_PORT_COUNT)
			return "provided port is not in the valid range. The range of valid ports "
			       "is 30000-32767";
		if (is_taken(state, 'p', (uint32_t)*port))
			return "provided port is already allocated";
		number = (uint32_t)*port;
	} else if (!any_free(state, 'p', NODE_PORT_FIRST, NODE_PORT_COUNT, &number)) {
		return "range is full";
	}
	take(state, 'p', number);
	*port = number;
	return NULL;
}

void rk_release_node_port(struct rk_state *state, int64_t port)
{
	give_back(state, 'p', (uint32_t)port);
}

bool rk_allocate_node_range(struct rk_state *state, struct rk_span *ret)
{
	uint32_t first;
	uint64_t count;

	if (!range_of(rk_doc_text(rk_bootstrap_config(state), "podCIDR"), &first, &count))
		return false;
	const uint32_t size = 1u << (32 - NODE_RANGE_BITS);
	for (uint64_t at = 0; at + size <= count; at += size) {
		const uint32_t range = first + (uint32_t)at;
		if (is_taken(state, 'r', range))
			continue;
		take(state, 'r', range);
		const struct rk_span text = text_of(&state->arena, range);
		*ret = rk_span_str(rk_arena_printf(&state->arena, "%.*s/%d", RK_SPAN_ARGS(text),
						   NODE_RANGE_BITS));
		return true;
	}
	return false;
}

void rk_release_node_range(struct rk_state *state, struct rk_span range)
{
	uint32_t first;
	uint64_t count;

	if (range_of(range, &first, &count))
		give_back(state, 'r', first);
}
