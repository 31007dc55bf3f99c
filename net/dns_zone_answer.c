/* Answers from the zone: what a name in it means, and the records that it has. */
#include "base/mem.h"
#include "net/addresses.h"
#include "net/dns_zone_inner.h"

#define CNAMES_MAX 8
#define NAME_ROOM  512

struct asked { /* a question on its way */
	const struct rk_dns_zone *zone;
	const struct rk_dns_query *query;
	struct rk_dns_reply reply;
	bool is_there;  /* the name exists, whatever its types */
	uint32_t first; /* where to begin in lists of equals: spreads what takes the first */
};

static bool wants(const struct asked *asked, enum rk_dns_type type)
{
	return asked->query->type == type || asked->query->type == RK_DNS_ANY;
}

static void add_address(struct asked *asked, enum rk_dns_section section, const char *name,
			uint32_t address)
{
	const struct rk_dns_record record = {
		.name = name, .type = RK_DNS_A, .ttl_s = RK_DNS_TTL_S, .address = address
	};

	rk_dns_reply_add(&asked->reply, section, &record);
}

static void add_target(struct asked *asked, enum rk_dns_type type, const char *name,
		       const char *target, uint16_t port)
{
	const struct rk_dns_record record = {
		.name = name, .type = type, .ttl_s = RK_DNS_TTL_S, .target = target, .port = port
	};

	rk_dns_reply_add(&asked->reply, RK_DNS_ANSWER, &record);
}

static void full_name(const struct asked *asked, const struct rk_dns_service *service,
		      const char *endpoint, char name[NAME_ROOM])
{
	(void)snprintf(name, NAME_ROOM, "%s%s%s.svc.%s", endpoint != NULL ? endpoint : "",
		       endpoint != NULL ? "." : "", service->key, asked->zone->domain);
}

static uint32_t count_endpoints(const struct rk_dns_service *service)
{
	uint32_t count = 0;

	for (const struct rk_dns_slice *slice = service->slices; slice != NULL; slice = slice->next)
		count += slice->endpoint_count;
	return count;
}

static void add_headless(struct asked *asked, const struct rk_dns_service *service,
			 const char *name)
{
	const uint32_t count = count_endpoints(service);
	const uint32_t first = count > 0 ? asked->first % count : 0;

	/* Twice over the list: from the first one on, then those before it. */
	for (int round = 0; round < 2; round++) {
		uint32_t i = 0;
		for (const struct rk_dns_slice *slice = service->slices; slice != NULL;
		     slice = slice->next)
			for (uint32_t e = 0; e < slice->endpoint_count; e++, i++)
				if ((i >= first) == (round == 0))
					add_address(asked, RK_DNS_ANSWER, name,
						    slice->endpoints[e].address);
	}
}

static bool is_port(const struct rk_dns_port *port, struct rk_span name, struct rk_span protocol)
{
	return name.size == 0 ||
	       (rk_span_is(name, port->name) && rk_span_is(protocol, port->protocol));
}

/* Ports by name and protocol, or (name empty) all. False: there is no such port. */
static bool add_ports(struct asked *asked, const struct rk_dns_service *service,
		      struct rk_span name, struct rk_span protocol)
{
	char target[NAME_ROOM];
	bool has_any = false;

	for (uint32_t i = 0; !service->is_headless && i < service->port_count; i++) {
		if (service->address == 0 || !is_port(&service->ports[i], name, protocol))
			continue;
		has_any = true;
		full_name(asked, service, NULL, target);
		if (wants(asked, RK_DNS_SRV))
			add_target(asked, RK_DNS_SRV, asked->query->name, target,
				   service->ports[i].port);
	}
	for (const struct rk_dns_slice *slice = service->slices;
	     service->is_headless && slice != NULL; slice = slice->next)
		for (uint32_t p = 0; p < slice->port_count; p++)
			for (uint32_t e = 0; e < slice->endpoint_count; e++) {
				if (!is_port(&slice->ports[p], name, protocol))
					continue;
				has_any = true;
				full_name(asked, service, slice->endpoints[e].name, target);
				if (wants(asked, RK_DNS_SRV))
					add_target(asked, RK_DNS_SRV, asked->query->name, target,
						   slice->ports[p].port);
			}
	return has_any;
}

/* The addresses behind the targets of SRV records, so that nobody has to ask again. */
static void add_port_addresses(struct asked *asked, const struct rk_dns_service *service)
{
	char target[NAME_ROOM];

	if (!wants(asked, RK_DNS_SRV))
		return;
	if (!service->is_headless) {
		full_name(asked, service, NULL, target);
		add_address(asked, RK_DNS_ADDITIONAL, target, service->address);
		return;
	}
	for (const struct rk_dns_slice *slice = service->slices; slice != NULL; slice = slice->next)
		for (uint32_t e = 0; e < slice->endpoint_count; e++) {
			full_name(asked, service, slice->endpoints[e].name, target);
			add_address(asked, RK_DNS_ADDITIONAL, target, slice->endpoints[e].address);
		}
}

static void answer_service(struct asked *asked, const struct rk_dns_service *service,
			   const char *name)
{
	asked->is_there = true;
	if (wants(asked, RK_DNS_A)) {
		if (service->is_headless)
			add_headless(asked, service, name);
		else if (service->address != 0)
			add_address(asked, RK_DNS_ANSWER, name, service->address);
	}
	if (asked->query->type == RK_DNS_SRV &&
	    add_ports(asked, service, (struct rk_span){ NULL, 0 }, (struct rk_span){ NULL, 0 }))
		add_port_addresses(asked, service);
}

static void answer_endpoint(struct asked *asked, const struct rk_dns_service *service,
			    struct rk_span endpoint, const char *name)
{
	for (const struct rk_dns_slice *slice = service->slices;
	     service->is_headless && slice != NULL; slice = slice->next)
		for (uint32_t e = 0; e < slice->endpoint_count; e++) {
			if (!rk_span_is(endpoint, slice->endpoints[e].name))
				continue;
			asked->is_there = true;
			if (wants(asked, RK_DNS_A))
				add_address(asked, RK_DNS_ANSWER, name,
					    slice->endpoints[e].address);
		}
}

/* Of a name, what is before the zone's domain; false when it is not in the zone. */
static bool inside(const struct rk_dns_zone *zone, const char *name, struct rk_span *ret)
{
	const struct rk_span whole = rk_span_str(name), domain = rk_span_str(zone->domain);

	if (!rk_span_ends(whole, domain))
		return false;
	*ret = rk_span_sub(whole, 0, whole.size - domain.size);
	if (ret->size == 0)
		return true;
	if (!rk_span_ends(*ret, RK_SPAN(".")))
		return false;
	ret->size--;
	return true;
}

/* Takes the last label off. */
static struct rk_span cut_last(struct rk_span *name)
{
	size_t at = name->size;

	while (at > 0 && name->data[at - 1] != '.')
		at--;
	const struct rk_span last = rk_span_sub(*name, at, name->size);
	name->size = at > 0 ? at - 1 : 0;
	return last;
}

static void answer_namespace(struct asked *asked, struct rk_span ns)
{
	for (size_t i = 0; i < asked->zone->count && !asked->is_there; i++) {
		const struct rk_dns_service *service = asked->zone->services[i];
		asked->is_there = service->is_known &&
				  (ns.size == 0 || rk_span_is(ns, strchr(service->key, '.') + 1));
	}
}

/* A name under the service's: "_port._protocol" or an endpoint. */
static void answer_under(struct asked *asked, const struct rk_dns_service *service,
			 struct rk_span rest, const char *name)
{
	const struct rk_span last = cut_last(&rest);

	if (rest.size == 0 && !rk_span_starts(last, RK_SPAN("_"))) {
		answer_endpoint(asked, service, last, name);
		return;
	}
	if (rest.size < 2 || memchr(rest.data, '.', rest.size) != NULL ||
	    !rk_span_starts(rest, RK_SPAN("_")) || !rk_span_starts(last, RK_SPAN("_")))
		return;
	asked->is_there = add_ports(asked, service, rk_span_sub(rest, 1, rest.size),
				    rk_span_sub(last, 1, last.size));
	if (asked->is_there)
		add_port_addresses(asked, service);
}

/* Records of one name of the zone. Gives the target when it is another name for something else. */
static const char *answer_name(struct asked *asked, struct rk_span rest, const char *name)
{
	char key[NAME_ROOM];
	size_t at;

	if (rest.size == 0) {
		asked->is_there = true;
		return NULL;
	}
	if (rk_span_is(rest, "dns-version")) {
		asked->is_there = true;
		if (wants(asked, RK_DNS_TXT))
			add_target(asked, RK_DNS_TXT, name, "1.1.0", 0);
		return NULL;
	}
	if (!rk_span_is(cut_last(&rest), "svc"))
		return NULL;
	const struct rk_span ns = cut_last(&rest);
	const struct rk_span service_name = cut_last(&rest);
	if (service_name.size == 0) {
		answer_namespace(asked, ns);
		return NULL;
	}
	(void)snprintf(key, sizeof key, "%.*s.%.*s", RK_SPAN_ARGS(service_name), RK_SPAN_ARGS(ns));
	if (!rk_dns_service_find(asked->zone, key, &at) || !asked->zone->services[at]->is_known)
		return NULL;
	const struct rk_dns_service *service = asked->zone->services[at];
	if (rest.size > 0)
		answer_under(asked, service, rest, name);
	else if (service->external != NULL)
		asked->is_there = true;
	else
		answer_service(asked, service, name);
	return rest.size == 0 ? service->external : NULL;
}

/* Follows other names as long as they are the zone's: a stub resolver would not ask again. */
static void answer_forward(struct asked *asked, struct rk_span rest)
{
	const char *name = asked->query->name;

	for (int i = 0; i < CNAMES_MAX; i++) {
		const char *target = answer_name(asked, rest, name);
		if (target == NULL)
			return;
		add_target(asked, RK_DNS_CNAME, name, target, 0);
		if (asked->query->type == RK_DNS_CNAME || !inside(asked->zone, target, &rest))
			return;
		name = target;
	}
}

/* "4.3.2.1.in-addr.arpa" as 1.2.3.4. */
static bool reverse_address(const char *name, uint32_t *ret)
{
	struct rk_span rest = rk_span_str(name);
	uint32_t backwards;

	if (!rk_span_ends(rest, RK_SPAN(".in-addr.arpa")))
		return false;
	rest.size -= sizeof ".in-addr.arpa" - 1;
	if (!rk_ipv4_parse(rest, &backwards))
		return false;
	*ret = __builtin_bswap32(backwards);
	return true;
}

static void answer_reverse(struct asked *asked, uint32_t address)
{
	char target[NAME_ROOM];

	for (size_t i = 0; i < asked->zone->count; i++) {
		const struct rk_dns_service *service = asked->zone->services[i];
		const char *endpoint = NULL;
		bool is_it = service->is_known && service->address == address && address != 0;
		for (const struct rk_dns_slice *slice = service->slices; slice != NULL && !is_it;
		     slice = slice->next)
			for (uint32_t e = 0; e < slice->endpoint_count && !is_it; e++) {
				endpoint = slice->endpoints[e].name;
				is_it = service->is_headless && slice->endpoints[e].has_hostname &&
					slice->endpoints[e].address == address;
			}
		if (!is_it)
			continue;
		asked->is_there = true;
		full_name(asked, service, service->address == address ? NULL : endpoint, target);
		if (wants(asked, RK_DNS_PTR))
			add_target(asked, RK_DNS_PTR, asked->query->name, target, 0);
	}
}

bool rk_dns_zone_answer(const struct rk_dns_zone *zone, const struct rk_dns_query *query,
			size_t room, bool can_recurse, struct rk_buf *out)
{
	struct asked asked = { .zone = zone, .query = query, .first = query->id };
	struct rk_span rest;
	uint32_t address;
	const bool is_inside = inside(zone, query->name, &rest);
	const size_t before = out->size;

	if (!is_inside && !reverse_address(query->name, &address))
		return false;
	rk_dns_reply_begin(&asked.reply, out, query, room);
	if (is_inside)
		answer_forward(&asked, rest);
	else
		answer_reverse(&asked, address);
	if (!is_inside && !asked.is_there) {
		out->size = before;
		return false; /* addresses of others are for others to name */
	}
	const struct rk_dns_record soa = { .name = zone->domain,
					   .type = RK_DNS_SOA,
					   .ttl_s = RK_DNS_TTL_S,
					   .target = zone->domain,
					   .serial = zone->serial };
	if (is_inside && rest.size == 0 && wants(&asked, RK_DNS_SOA))
		rk_dns_reply_add(&asked.reply, RK_DNS_ANSWER, &soa);
	else if (asked.reply.counts[RK_DNS_ANSWER] == 0 && !asked.reply.is_cut)
		rk_dns_reply_add(&asked.reply, RK_DNS_AUTHORITY, &soa);
	rk_dns_reply_end(&asked.reply, asked.is_there ? RK_DNS_NOERROR : RK_DNS_NXDOMAIN, true,
			 can_recurse);
	return true;
}
