#include "net/dns_zone.h"

#include "base/mem.h"
#include "net/addresses.h"
#include "net/dns_zone_inner.h"

static bool is_label(struct rk_span label)
{
	if (label.size == 0 || label.size >= RK_DNS_LABEL_MAX)
		return false;
	for (size_t i = 0; i < label.size; i++) {
		const uint8_t byte = label.data[i];
		if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-')
			return false;
	}
	return true;
}

int rk_dns_zone_new(struct rk_dns_zone **ret, const char *domain, struct rk_error *error)
{
	struct rk_span rest = rk_span_str(domain);

	if (rest.size > 128)
		return rk_fail(error, RK_EINVAL, "the cluster's domain is longer than 128 bytes");
	do {
		struct rk_span label;
		rest = rk_span_cut(rest, '.', &label);
		if (!is_label(label))
			return rk_fail(error, RK_EINVAL, "\"%s\" is not a domain name", domain);
	} while (rest.data != NULL);
	*ret = rk_zalloc(sizeof **ret);
	(*ret)->domain = rk_strdup(domain);
	(*ret)->serial = 1;
	return RK_OK;
}

static void free_slice(struct rk_dns_slice *slice)
{
	free(slice->name);
	free(slice->ports);
	free(slice->endpoints);
	free(slice);
}

static void forget_service(struct rk_dns_service *service)
{
	free(service->external);
	free(service->ports);
	service->external = NULL;
	service->ports = NULL;
	service->port_count = 0;
	service->address = 0;
	service->is_known = service->is_headless = false;
}

static void free_service(struct rk_dns_service *service)
{
	while (service->slices != NULL) {
		struct rk_dns_slice *slice = service->slices;
		service->slices = slice->next;
		free_slice(slice);
	}
	forget_service(service);
	free(service->key);
	free(service);
}

struct rk_dns_zone *rk_dns_zone_free(struct rk_dns_zone *zone)
{
	if (zone == NULL)
		return NULL;
	for (size_t i = 0; i < zone->count; i++)
		free_service(zone->services[i]);
	free(zone->services);
	free(zone->domain);
	free(zone);
	return NULL;
}

bool rk_dns_service_find(const struct rk_dns_zone *zone, const char *key, size_t *ret_at)
{
	size_t low = 0, high = zone->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(zone->services[middle]->key, key);
		if (order == 0) {
			*ret_at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_at = low;
	return false;
}

static struct rk_dns_service *service_of(struct rk_dns_zone *zone, struct rk_span ns,
					 struct rk_span name, bool can_make)
{
	char key[2 * RK_DNS_LABEL_MAX];
	size_t at;

	/* A name that is no label cannot be asked for. */
	if (!is_label(ns) || !is_label(name))
		return NULL;
	(void)snprintf(key, sizeof key, "%.*s.%.*s", RK_SPAN_ARGS(name), RK_SPAN_ARGS(ns));
	if (rk_dns_service_find(zone, key, &at))
		return zone->services[at];
	if (!can_make)
		return NULL;
	struct rk_dns_service *service = rk_zalloc(sizeof *service);
	service->key = rk_strdup(key);
	zone->services = rk_grow(zone->services, &zone->capacity, zone->count + 1,
				 sizeof(struct rk_dns_service *));
	memmove(zone->services + at + 1, zone->services + at,
		(zone->count - at) * sizeof(struct rk_dns_service *));
	zone->services[at] = service;
	zone->count++;
	return service;
}

static void drop_if_empty(struct rk_dns_zone *zone, struct rk_dns_service *service)
{
	size_t at;

	if (service->is_known || service->slices != NULL ||
	    !rk_dns_service_find(zone, service->key, &at))
		return;
	free_service(service);
	zone->count--;
	memmove(zone->services + at, zone->services + at + 1,
		(zone->count - at) * sizeof(struct rk_dns_service *));
}

static struct rk_dns_port *ports_of(const struct rk_val *list, uint32_t *ret_count)
{
	struct rk_dns_port *ports = rk_zalloc((rk_val_count(list) + 1) * sizeof *ports);
	uint32_t count = 0;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *port = rk_val_item(list, i);
		const struct rk_span name = rk_val_text_at(port, "name");
		const struct rk_span protocol = rk_val_text_at(port, "protocol");
		const int64_t number = rk_val_int_at(port, "port", 0);
		if (number < 1 || number > UINT16_MAX || (name.size > 0 && !is_label(name)))
			continue;
		struct rk_dns_port *to = &ports[count++];
		to->port = (uint16_t)number;
		if (name.size > 0)
			memcpy(to->name, name.data, name.size);
		(void)snprintf(to->protocol, sizeof to->protocol, "%s",
			       rk_span_is(protocol, "UDP")    ? "udp"
			       : rk_span_is(protocol, "SCTP") ? "sctp"
							      : "tcp");
	}
	*ret_count = count;
	return ports;
}

void rk_dns_zone_put(struct rk_dns_zone *zone, struct rk_span ns, struct rk_span name,
		     const struct rk_val *val)
{
	struct rk_dns_service *service = service_of(zone, ns, name, val != NULL);
	const struct rk_span address = rk_val_text_at(val, "spec.clusterIP");

	if (service == NULL)
		return;
	zone->serial++;
	forget_service(service);
	if (val == NULL) {
		drop_if_empty(zone, service);
		return;
	}
	service->is_known = true;
	if (rk_span_is(rk_val_text_at(val, "spec.type"), "ExternalName")) {
		struct rk_span target = rk_val_text_at(val, "spec.externalName");
		if (rk_span_ends(target, RK_SPAN(".")))
			target.size--;
		service->external = rk_zalloc(target.size + 1);
		for (size_t i = 0; i < target.size; i++)
			service->external[i] = (char)(target.data[i] >= 'A' && target.data[i] <= 'Z'
							      ? target.data[i] - 'A' + 'a'
							      : target.data[i]);
		return;
	}
	service->is_headless = rk_span_is(address, "None");
	if (!service->is_headless && !rk_ipv4_parse(address, &service->address))
		service->address = 0;
	service->ports = ports_of(rk_val_at(val, "spec.ports"), &service->port_count);
}

static void read_endpoints(struct rk_dns_slice *slice, const struct rk_val *list)
{
	slice->endpoints = rk_zalloc((rk_val_count(list) + 1) * sizeof *slice->endpoints);
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *from = rk_val_item(list, i);
		const struct rk_span hostname = rk_val_text_at(from, "hostname");
		struct rk_dns_endpoint *to = &slice->endpoints[slice->endpoint_count];
		if (!rk_val_bool_at(from, "conditions.ready", true) ||
		    !rk_ipv4_parse(rk_val_text(rk_val_item(rk_val_at(from, "addresses"), 0)),
				   &to->address))
			continue;
		slice->endpoint_count++;
		to->has_hostname = is_label(hostname);
		if (to->has_hostname)
			memcpy(to->name, hostname.data, hostname.size);
		else
			(void)snprintf(to->name, sizeof to->name, "%u-%u-%u-%u", to->address >> 24,
				       to->address >> 16 & 255, to->address >> 8 & 255,
				       to->address & 255);
	}
}

/* A slice does not say whose it was when it is gone or has changed hands: its name is looked for in
 * its namespace. */
static void remove_slice(struct rk_dns_zone *zone, struct rk_span ns, struct rk_span name)
{
	for (size_t i = 0; i < zone->count; i++) {
		struct rk_dns_service *service = zone->services[i];
		struct rk_dns_slice **at = &service->slices;
		if (!rk_span_is(ns, strchr(service->key, '.') + 1))
			continue;
		while (*at != NULL && !rk_span_is(name, (*at)->name))
			at = &(*at)->next;
		if (*at == NULL)
			continue;
		struct rk_dns_slice *slice = *at;
		*at = slice->next;
		free_slice(slice);
		drop_if_empty(zone, service);
		return;
	}
}

void rk_dns_zone_put_slice(struct rk_dns_zone *zone, struct rk_span ns, struct rk_span name,
			   const struct rk_val *val)
{
	const struct rk_span owner = rk_val_text(rk_val_get(rk_val_at(val, "metadata.labels"),
							    RK_SPAN("kubernetes.io/service-name")));

	zone->serial++;
	remove_slice(zone, ns, name);
	if (val == NULL || owner.size == 0 ||
	    !rk_span_is(rk_val_text_at(val, "addressType"), "IPv4"))
		return;
	struct rk_dns_service *service = service_of(zone, ns, owner, true);
	if (service == NULL)
		return;
	struct rk_dns_slice *slice = rk_zalloc(sizeof *slice);
	slice->name = rk_zalloc(name.size + 1);
	memcpy(slice->name, name.data, name.size);
	slice->ports = ports_of(rk_val_at(val, "ports"), &slice->port_count);
	read_endpoints(slice, rk_val_at(val, "endpoints"));
	slice->next = service->slices;
	service->slices = slice;
}
