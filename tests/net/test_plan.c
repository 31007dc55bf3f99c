/* Write lists, executed one write at a time on maps in memory: at each moment each cluster address
 * leads to exactly the endpoints of before the list or of after it. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/plan.h"
#include "tests/net/cluster.h"

#define SERVICES 16
#define BACKENDS 64
#define SLOTS    64
#define SHOW_MAX 2048

static const struct rk_plan_limits limits = { SERVICES, BACKENDS, SLOTS };

struct maps {
	struct rk_vip vips[SERVICES];
	uint32_t vip_services[SERVICES];
	size_t vip_count;
	struct rk_head heads[SERVICES];
	uint64_t options[SERVICES];
	uint32_t slots[SLOTS];
	struct rk_backend backends[BACKENDS];
};

static size_t find_vip(const struct maps *maps, const struct rk_vip *vip)
{
	size_t at = 0;

	while (at < maps->vip_count && memcmp(&maps->vips[at], vip, sizeof *vip) != 0)
		at++;
	return at;
}

static void execute(struct maps *maps, const struct rk_write *write)
{
	const size_t at = write->kind >= RK_WRITE_VIP ? find_vip(maps, &write->vip) : 0;

	switch (write->kind) {
	case RK_WRITE_BACKEND: maps->backends[write->index] = write->backend; break;
	case RK_WRITE_SLOT: maps->slots[write->index] = write->slot; break;
	case RK_WRITE_OPTION: maps->options[write->index] = write->option; break;
	case RK_WRITE_HEAD: maps->heads[write->index] = write->head; break;
	case RK_WRITE_VIP:
		cr_assert_lt(at, SERVICES);
		maps->vips[at] = write->vip;
		maps->vip_services[at] = write->index;
		maps->vip_count += at == maps->vip_count;
		break;
	case RK_WRITE_VIP_GONE:
		if (at == maps->vip_count)
			break;
		maps->vip_count--;
		maps->vips[at] = maps->vips[maps->vip_count];
		maps->vip_services[at] = maps->vip_services[maps->vip_count];
		break;
	}
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* What one address leads to: "10.1.0.1:8080 10.1.0.2:8080 affinity=5", sorted; "-" when it is
 * nobody's. */
static void show(const struct maps *maps, const struct rk_vip *vip, char text[SHOW_MAX])
{
	const size_t at = find_vip(maps, vip);
	char parts[SLOTS][24];

	if (at == maps->vip_count) {
		(void)snprintf(text, SHOW_MAX, "-");
		return;
	}
	const uint32_t id = maps->vip_services[at];
	const struct rk_head head = maps->heads[id];
	for (uint32_t i = 0; i < head.count; i++) {
		const struct rk_backend *backend = &maps->backends[maps->slots[head.base + i]];
		const struct in_addr address = { backend->address };
		cr_assert_eq(backend->service, id, "a backend is its service's");
		cr_assert_neq(backend->port, 0, "a backend is complete");
		(void)snprintf(parts[i], sizeof parts[i], "%s:%u ", inet_ntoa(address),
			       ntohs(backend->port));
	}
	qsort(parts, head.count, sizeof parts[0], by_text);
	text[0] = '\0';
	for (uint32_t i = 0; i < head.count; i++)
		(void)snprintf(text + strlen(text), SHOW_MAX - strlen(text), "%s", parts[i]);
	if ((head.flags & RK_HEAD_AFFINITY) != 0)
		(void)snprintf(text + strlen(text), SHOW_MAX - strlen(text), "affinity=%llu",
			       (unsigned long long)maps->options[id]);
}

/* Executes a list and looks at every address after each write; `writes` is empty afterwards. */
static void execute_all(struct maps *maps, struct rk_writes *writes)
{
	const struct maps before = *maps;
	struct maps after = *maps;

	for (size_t i = 0; i < writes->count; i++)
		execute(&after, &writes->at[i]);
	for (size_t i = 0; i < writes->count; i++) {
		execute(maps, &writes->at[i]);
		for (size_t v = 0; v < before.vip_count + after.vip_count; v++) {
			const struct rk_vip *vip = v < before.vip_count
							   ? &before.vips[v]
							   : &after.vips[v - before.vip_count];
			char was[SHOW_MAX], is[SHOW_MAX], will[SHOW_MAX];
			show(&before, vip, was);
			show(maps, vip, is);
			show(&after, vip, will);
			cr_assert(strcmp(is, was) == 0 || strcmp(is, will) == 0,
				  "write %zu of %zu: \"%s\" is neither \"%s\" nor \"%s\"", i + 1,
				  writes->count, is, was, will);
		}
	}
	writes->count = 0;
}

static void step(struct rk_plan *plan, struct maps *maps)
{
	RK_AUTO(rk_writes_done) struct rk_writes writes = { 0 };
	struct rk_error error = { 0 };

	cr_assert_eq(rk_plan_step(plan, &writes, &error), RK_OK, "%s", error.text);
	execute_all(maps, &writes);
}

static void expect(const struct maps *maps, const char *address, uint16_t port, uint8_t protocol,
		   const char *want)
{
	const struct rk_vip vip = { inet_addr(address), htons(port), protocol, 0 };
	char text[SHOW_MAX];

	show(maps, &vip, text);
	cr_expect_str_eq(text, want, "%s:%u is \"%s\", not \"%s\"", address, port, text, want);
}

static void put(struct rk_plan *plan, const char *name, const char *service)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	rk_plan_put(plan, RK_SPAN("default"), rk_span_str(name),
		    service != NULL ? test_object(&arena, "{%s}", service) : NULL);
}

static void put_slice(struct rk_plan *plan, const char *name, const char *service, const char *rest)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	rk_plan_put_slice(
		plan, RK_SPAN("default"), rk_span_str(name),
		service == NULL
			? NULL
			: test_object(&arena,
				      "{metadata: {labels: {kubernetes.io/service-name: %s}},"
				      "%s %s}",
				      service,
				      strncmp(rest, "addressType", 11) == 0 ? ""
									    : "addressType: IPv4,",
				      rest));
}

#define WEB  "spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}"
#define PORT "ports: [{name: '', port: 8080, protocol: TCP}], "

static const struct {
	const char *name;
	const char *service;
	const char *slices[3];
	const char *want;
} cases[] = {
	{ "no slices", WEB, { NULL }, "" },
	{ "one endpoint", WEB, { PORT "endpoints: [{addresses: [10.1.0.1]}]" }, "10.1.0.1:8080 " },
	{ "several slices, the same endpoint twice",
	  WEB,
	  { PORT "endpoints: [{addresses: [10.1.0.1]}]",
	    PORT "endpoints: [{addresses: [10.1.0.2]}, {addresses: [10.1.0.1]}]" },
	  "10.1.0.1:8080 10.1.0.2:8080 " },
	{ "slices with different target ports",
	  WEB,
	  { PORT "endpoints: [{addresses: [10.1.0.1]}]",
	    "ports: [{name: '', port: 9090, protocol: TCP}], endpoints: [{addresses: "
	    "[10.1.0.2]}]" },
	  "10.1.0.1:8080 10.1.0.2:9090 " },
	{ "another port's name",
	  WEB,
	  { "ports: [{name: other, port: 8080}], endpoints: [{addresses: [10.1.0.1]}]" },
	  "" },
	{ "another protocol",
	  WEB,
	  { "ports: [{name: '', port: 8080, protocol: UDP}], endpoints: [{addresses: "
	    "[10.1.0.1]}]" },
	  "" },
	{ "one that is not ready",
	  WEB,
	  { PORT "endpoints: [{addresses: [10.1.0.1]}, {addresses: [10.1.0.2], conditions: {ready: "
		 "false}}]" },
	  "10.1.0.1:8080 " },
	{ "one that ends, beside a ready one",
	  WEB,
	  { PORT "endpoints: [{addresses: [10.1.0.1]}, {addresses: [10.1.0.2], conditions: {ready: "
		 "false, "
		 "serving: true, terminating: true}}]" },
	  "10.1.0.1:8080 " },
	{ "only one that ends",
	  WEB,
	  { PORT "endpoints: [{addresses: [10.1.0.2], conditions: {ready: false, serving: true, "
		 "terminating: true}},"
		 "{addresses: [10.1.0.3], conditions: {ready: false, serving: false, terminating: "
		 "true}}]" },
	  "10.1.0.2:8080 " },
	{ "publishNotReadyAddresses",
	  "spec: {clusterIP: 10.96.0.1, publishNotReadyAddresses: true, ports: [{port: 80}]}",
	  { PORT "endpoints: [{addresses: [10.1.0.2], conditions: {ready: false}}]" },
	  "10.1.0.2:8080 " },
	{ "internalTrafficPolicy Local",
	  "spec: {clusterIP: 10.96.0.1, internalTrafficPolicy: Local, ports: [{port: 80}]}",
	  { PORT "endpoints: [{addresses: [10.1.0.1], nodeName: node-1}, {addresses: [10.1.0.2], "
		 "nodeName: node-2}]" },
	  "10.1.0.1:8080 " },
	{ "session affinity",
	  "spec: {clusterIP: 10.96.0.1, sessionAffinity: ClientIP, ports: [{port: 80}]}",
	  { PORT "endpoints: [{addresses: [10.1.0.1]}]" },
	  "10.1.0.1:8080 affinity=10800" },
	{ "headless",
	  "spec: {clusterIP: None, ports: [{port: 80}]}",
	  { PORT "endpoints: [{addresses: [10.1.0.1]}]" },
	  "-" },
	{ "ExternalName",
	  "spec: {type: ExternalName, externalName: example.org, ports: [{port: 80}]}",
	  { NULL },
	  "-" },
	{ "SCTP",
	  "spec: {clusterIP: 10.96.0.1, ports: [{port: 80, protocol: SCTP}]}",
	  { NULL },
	  "-" },
	{ "nonsense", "spec: {clusterIP: 7, ports: {port: 80}}", { PORT "endpoints: 3" }, "-" },
	{ "broken addresses",
	  WEB,
	  { PORT
	    "endpoints: [{addresses: [10.1.0]}, {addresses: []}, {}, 4, {addresses: ['::1']}]" },
	  "" },
	{ "IPv6 slices are another's",
	  WEB,
	  { "addressType: IPv6, " PORT "endpoints: [{addresses: [10.1.0.1]}]" },
	  "" },
};

Test(plan, what_serves_a_service)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_plan *plan = rk_plan_new("node-1", &limits);
		struct maps maps = { 0 };
		char name[16];
		put(plan, "web", cases[i].service);
		for (int s = 0; s < 3 && cases[i].slices[s] != NULL; s++) {
			(void)snprintf(name, sizeof name, "web-%d", s);
			put_slice(plan, name, "web", cases[i].slices[s]);
		}
		step(plan, &maps);
		const struct rk_vip vip = { inet_addr("10.96.0.1"), htons(80), IPPROTO_TCP, 0 };
		char text[SHOW_MAX];
		show(&maps, &vip, text);
		cr_expect_str_eq(text, cases[i].want, "%s: \"%s\"", cases[i].name, text);
		(void)rk_plan_free(plan);
	}
}

Test(plan, ports_services_and_slices_come_and_go)
{
	struct rk_plan *plan = rk_plan_new("node-1", &limits);
	struct maps maps = { 0 };

	put(plan, "dns",
	    "spec: {clusterIP: 10.96.0.2, ports: [{name: u, port: 53, protocol: UDP}, {name: t, "
	    "port: 53}]}");
	put_slice(plan, "dns-1", "dns",
		  "ports: [{name: u, port: 5353, protocol: UDP}, {name: t, port: 5354}], "
		  "endpoints: [{addresses: "
		  "[10.1.0.1]}]");
	step(plan, &maps);
	expect(&maps, "10.96.0.2", 53, IPPROTO_UDP, "10.1.0.1:5353 ");
	expect(&maps, "10.96.0.2", 53, IPPROTO_TCP, "10.1.0.1:5354 ");
	put(plan, "dns", "spec: {clusterIP: 10.96.0.2, ports: [{name: t, port: 54}]}");
	step(plan, &maps);
	expect(&maps, "10.96.0.2", 53, IPPROTO_UDP, "-");
	expect(&maps, "10.96.0.2", 54, IPPROTO_TCP, "10.1.0.1:5354 ");
	/* The slice changes hands. */
	put(plan, "other", "spec: {clusterIP: 10.96.0.3, ports: [{name: t, port: 80}]}");
	put_slice(plan, "dns-1", "other",
		  "ports: [{name: t, port: 5354}], endpoints: [{addresses: [10.1.0.1]}]");
	step(plan, &maps);
	expect(&maps, "10.96.0.2", 54, IPPROTO_TCP, "");
	expect(&maps, "10.96.0.3", 80, IPPROTO_TCP, "10.1.0.1:5354 ");
	/* An address that goes to another service in one step. */
	put(plan, "dns", NULL);
	put(plan, "new", "spec: {clusterIP: 10.96.0.2, ports: [{name: t, port: 54}]}");
	step(plan, &maps);
	expect(&maps, "10.96.0.2", 54, IPPROTO_TCP, "");
	put(plan, "new", NULL);
	put(plan, "other", NULL);
	put_slice(plan, "dns-1", NULL, NULL);
	step(plan, &maps);
	step(plan, &maps);
	cr_expect_eq(maps.vip_count, 0);
	for (size_t i = 0; i < BACKENDS; i++)
		cr_expect_eq(maps.backends[i].port, 0, "all is cleared");
	(void)rk_plan_free(plan);
}

Test(plan, nothing_to_do_writes_nothing)
{
	RK_AUTO(rk_writes_done) struct rk_writes writes = { 0 };
	struct rk_plan *plan = rk_plan_new("node-1", &limits);
	struct maps maps = { 0 };

	put(plan, "web", WEB);
	put_slice(plan, "web-1", "web", PORT "endpoints: [{addresses: [10.1.0.1]}]");
	step(plan, &maps);
	put(plan, "web", WEB);
	put_slice(plan, "web-1", "web",
		  PORT "endpoints: [{addresses: [10.1.0.1], nodeName: node-3}]");
	cr_expect_eq(rk_plan_step(plan, &writes, NULL), RK_OK);
	cr_expect_eq(writes.count, 0);
	cr_expect_not(rk_plan_rests(plan));
	(void)rk_plan_free(plan);
}

Test(plan, full_tables_are_named_and_the_rest_is_served)
{
	const struct rk_plan_limits small = { 2, 3, 4 };
	RK_AUTO(rk_writes_done) struct rk_writes writes = { 0 };
	struct rk_plan *plan = rk_plan_new("node-1", &small);
	struct rk_error error = { 0 };
	struct maps maps = { 0 };

	put(plan, "a", "spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}");
	put_slice(plan, "a", "a",
		  PORT "endpoints: [{addresses: [10.1.0.1]}, {addresses: [10.1.0.2]}]");
	put(plan, "b", "spec: {clusterIP: 10.96.0.2, ports: [{port: 80}]}");
	put_slice(plan, "b", "b",
		  PORT "endpoints: [{addresses: [10.1.0.3]}, {addresses: [10.1.0.4]}]");
	cr_expect_eq(rk_plan_step(plan, &writes, &error), RK_ETOOBIG);
	cr_expect_str_eq(error.text, "service default/b: the table of backends is full (3)");
	execute_all(&maps, &writes);
	expect(&maps, "10.96.0.1", 80, IPPROTO_TCP, "10.1.0.1:8080 10.1.0.2:8080 ");
	/* Room comes back one step after it was given back. */
	put_slice(plan, "a", NULL, NULL);
	cr_expect_eq(rk_plan_step(plan, &writes, &error), RK_ETOOBIG);
	cr_expect(rk_plan_rests(plan));
	execute_all(&maps, &writes);
	step(plan, &maps);
	expect(&maps, "10.96.0.2", 80, IPPROTO_TCP, "10.1.0.3:8080 10.1.0.4:8080 ");
	put(plan, "c", "spec: {clusterIP: 10.96.0.3, ports: [{port: 80}]}");
	cr_expect_eq(rk_plan_step(plan, &writes, &error), RK_ETOOBIG);
	cr_expect_str_eq(error.text, "service default/c: the table of services is full (2)");
	(void)rk_plan_free(plan);
}

static struct rk_image image_of(struct maps *maps)
{
	return (struct rk_image){ maps->vips,    maps->vip_services, maps->vip_count, maps->heads,
				  maps->options, maps->slots,        maps->backends };
}

/* Some state of three services, a different one for each number. */
static void put_state(struct rk_plan *plan, unsigned number)
{
	char service[256], slice[512];

	for (unsigned s = 0; s < 3; s++) {
		const unsigned bits = (number * 2654435761u >> (s * 7 + 3)) & 127;
		char name[16];
		(void)snprintf(name, sizeof name, "s%u", s);
		(void)snprintf(
			service, sizeof service,
			"spec: {clusterIP: 10.96.0.%u, sessionAffinity: %s, ports: [{port: 80}]}",
			2 * s + 1 + bits % 2, (bits & 2) != 0 ? "ClientIP" : "None");
		(void)snprintf(slice, sizeof slice, PORT "endpoints: [");
		for (unsigned e = 0; e < 5; e++)
			if ((bits >> (e + 2) & 1) != 0)
				(void)snprintf(slice + strlen(slice), sizeof slice - strlen(slice),
					       "{addresses: [10.1.%u.%u]},", s, e);
		(void)snprintf(slice + strlen(slice), sizeof slice - strlen(slice), "]");
		put(plan, name, bits % 5 == 0 ? NULL : service);
		put_slice(plan, name, bits % 11 == 0 ? NULL : name, slice);
	}
}

static void compare(const struct maps *a, const struct maps *b)
{
	char one[SHOW_MAX], other[SHOW_MAX];

	cr_assert_eq(a->vip_count, b->vip_count);
	for (size_t i = 0; i < a->vip_count; i++) {
		show(a, &a->vips[i], one);
		show(b, &a->vips[i], other);
		cr_assert_str_eq(one, other);
	}
}

/* At every place where a life can end, the next one goes on without a gap and comes to the same. */
Test(plan, another_life_goes_on_from_any_prefix)
{
	for (unsigned number = 1; number < 60; number++) {
		struct rk_plan *plan = rk_plan_new("node-1", &limits);
		RK_AUTO(rk_writes_done) struct rk_writes writes = { 0 };
		struct rk_error error = { 0 };
		struct maps maps = { 0 }, want;
		put_state(plan, number);
		cr_assert_eq(rk_plan_step(plan, &writes, &error), RK_OK, "%s", error.text);
		execute_all(&maps, &writes);
		put_state(plan, number + 1);
		cr_assert_eq(rk_plan_step(plan, &writes, &error), RK_OK, "%s", error.text);
		want = maps;
		for (size_t i = 0; i < writes.count; i++)
			execute(&want, &writes.at[i]);
		for (size_t end = 0; end <= writes.count; end++) {
			struct rk_plan *next = rk_plan_new("node-1", &limits);
			RK_AUTO(rk_writes_done) struct rk_writes rest = { 0 };
			struct maps now = maps;
			for (size_t i = 0; i < end; i++)
				execute(&now, &writes.at[i]);
			const struct rk_image image = image_of(&now);
			rk_plan_adopt(next, &image);
			rk_plan_settle(next);
			put_state(next, number + 1);
			cr_assert_eq(rk_plan_step(next, &rest, &error), RK_OK, "%s", error.text);
			execute_all(&now, &rest);
			compare(&now, &want);
			(void)rk_plan_free(next);
		}
		(void)rk_plan_free(plan);
	}
}

Test(plan, what_is_adopted_waits_for_its_objects)
{
	struct rk_plan *plan = rk_plan_new("node-1", &limits),
		       *next = rk_plan_new("node-1", &limits);
	struct maps maps = { 0 };

	put(plan, "gone", "spec: {clusterIP: 10.96.0.2, ports: [{port: 80}]}");
	put(plan, "web", WEB);
	put_slice(plan, "web-1", "web", PORT "endpoints: [{addresses: [10.1.0.1]}]");
	step(plan, &maps);
	const struct rk_image image = image_of(&maps);
	rk_plan_adopt(next, &image);
	step(next, &maps);
	expect(&maps, "10.96.0.1", 80, IPPROTO_TCP, "10.1.0.1:8080 ");
	put(next, "web", WEB);
	step(next, &maps);
	expect(&maps, "10.96.0.1", 80, IPPROTO_TCP, "10.1.0.1:8080 ");
	expect(&maps, "10.96.0.2", 80, IPPROTO_TCP, "");
	rk_plan_settle(next);
	step(next, &maps);
	expect(&maps, "10.96.0.1", 80, IPPROTO_TCP, "");
	expect(&maps, "10.96.0.2", 80, IPPROTO_TCP, "-");
	(void)rk_plan_free(plan);
	(void)rk_plan_free(next);
}

Test(plan, an_image_of_garbage_is_cleared)
{
	for (unsigned seed = 1; seed < 200; seed++) {
		struct rk_plan *plan = rk_plan_new("node-1", &limits);
		RK_AUTO(rk_writes_done) struct rk_writes writes = { 0 };
		struct maps maps = { 0 };
		unsigned random = seed;
		for (size_t i = 0; i < sizeof maps; i++) {
			random = random * 1103515245u + 12345u;
			((uint8_t *)&maps)[i] =
				(uint8_t)((random >> 16) % (seed % 2 == 0 ? 4 : 256));
		}
		maps.vip_count = SERVICES;
		for (size_t i = 0; i < SERVICES; i++)
			maps.vips[i].address = (uint32_t)i + 1; /* keys are different in a hash */
		const struct rk_image image = image_of(&maps);
		rk_plan_adopt(plan, &image);
		rk_plan_settle(plan);
		put(plan, "web", WEB);
		put_slice(plan, "web-1", "web", PORT "endpoints: [{addresses: [10.1.0.1]}]");
		cr_assert_eq(rk_plan_step(plan, &writes, NULL), RK_OK);
		for (size_t i = 0; i < writes.count; i++)
			execute(&maps, &writes.at[i]);
		cr_assert_eq(maps.vip_count, 1);
		expect(&maps, "10.96.0.1", 80, IPPROTO_TCP, "10.1.0.1:8080 ");
		(void)rk_plan_free(plan);
	}
}
