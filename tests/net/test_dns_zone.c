#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/dns_zone.h"
#include "tests/net/cluster.h"

#define SHOW_MAX 4096

static struct rk_dns_zone *zone_of_example(void)
{
	static const struct {
		const char *ns, *name, *service, *slice;
	} objects[] = {
		{ "default", "kubernetes",
		  "{spec: {clusterIP: 10.96.0.1, ports: [{name: https, port: 443}]}}", NULL },
		{ "default", "web",
		  "{spec: {clusterIP: 10.96.0.10, ports: [{name: http, port: 80}, {name: q, port: "
		  "81, protocol: UDP}]}}",
		  "{metadata: {labels: {kubernetes.io/service-name: web}}, addressType: IPv4, "
		  "ports: [{name: http, port: "
		  "8080}], endpoints: [{addresses: [10.1.0.1]}]}" },
		{ "prod", "db", "{spec: {clusterIP: None, ports: [{name: sql, port: 5432}]}}",
		  "{metadata: {labels: {kubernetes.io/service-name: db}}, addressType: IPv4, "
		  "ports: [{name: sql, port: "
		  "5432}], endpoints: [{addresses: [10.1.0.2], hostname: db-0}, {addresses: "
		  "[10.1.0.3]},"
		  "{addresses: [10.1.0.4], conditions: {ready: false}}]}" },
		{ "prod", "out", "{spec: {type: ExternalName, externalName: WWW.Example.org.}}",
		  NULL },
		{ "prod", "in",
		  "{spec: {type: ExternalName, externalName: web.default.svc.cluster.local}}",
		  NULL },
		{ "prod", "loop",
		  "{spec: {type: ExternalName, externalName: loop.prod.svc.cluster.local}}", NULL },
		{ "prod", "orphan", NULL,
		  "{metadata: {labels: {kubernetes.io/service-name: orphan}}, addressType: IPv4, "
		  "endpoints: "
		  "[{addresses: [10.1.0.9]}]}" },
	};
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_dns_zone *zone = NULL;

	cr_assert_eq(rk_dns_zone_new(&zone, "cluster.local", NULL), 0);
	for (size_t i = 0; i < RK_COUNT(objects); i++) {
		if (objects[i].service != NULL)
			rk_dns_zone_put(zone, rk_span_str(objects[i].ns),
					rk_span_str(objects[i].name),
					test_object(&arena, "%s", objects[i].service));
		if (objects[i].slice != NULL)
			rk_dns_zone_put_slice(zone, rk_span_str(objects[i].ns),
					      rk_span_str(objects[i].name),
					      test_object(&arena, "%s", objects[i].slice));
	}
	return zone;
}

static uint16_t get16(struct rk_span message, size_t at)
{
	cr_assert_leq(at + 2, message.size);
	return (uint16_t)(message.data[at] << 8 | message.data[at + 1]);
}

/* Reads a name at *at, which it moves behind it. */
static void read_name(struct rk_span message, size_t *at, char name[RK_DNS_NAME_MAX])
{
	size_t from = *at, size = 0;
	bool has_jumped = false;

	for (int labels = 0; labels < 128; labels++) {
		cr_assert_lt(from, message.size);
		const uint8_t label = message.data[from];
		if (label >= 0xc0) {
			if (!has_jumped)
				*at = from + 2;
			has_jumped = true;
			from = get16(message, from) & 0x3fffu;
			continue;
		}
		from += label + 1u;
		if (label == 0)
			break;
		cr_assert_leq(from, message.size);
		size += (size_t)snprintf(name + size, RK_DNS_NAME_MAX - size, "%s%.*s",
					 size > 0 ? "." : "", label,
					 (const char *)message.data + from - label);
	}
	if (!has_jumped)
		*at = from;
	name[size] = '\0';
}

static void show_data(struct rk_span message, size_t at, uint16_t type, char *text, size_t room)
{
	char name[RK_DNS_NAME_MAX] = "";
	const uint8_t *data = message.data + at;

	if (type == RK_DNS_A) {
		(void)snprintf(text, room, "A %u.%u.%u.%u;", data[0], data[1], data[2], data[3]);
	} else if (type == RK_DNS_SRV) {
		const unsigned port = get16(message, at + 4);
		at += 6;
		read_name(message, &at, name);
		(void)snprintf(text, room, "SRV %u %s;", port, name);
	} else if (type == RK_DNS_TXT) {
		(void)snprintf(text, room, "TXT %.*s;", data[0], (const char *)data + 1);
	} else {
		read_name(message, &at, name);
		(void)snprintf(text, room, "%s %s;",
			       type == RK_DNS_PTR     ? "PTR"
			       : type == RK_DNS_CNAME ? "CNAME"
			       : type == RK_DNS_SOA   ? "SOA"
						      : "?",
			       name);
	}
}

/* "0 A 10.96.0.1; + A ..." : the code, the records, + in front of further sections. */
static void show(struct rk_span message, char text[SHOW_MAX])
{
	size_t at = RK_DNS_HEADER;
	char name[RK_DNS_NAME_MAX];

	(void)snprintf(text, SHOW_MAX, "%u", message.data[3] & 15u);
	read_name(message, &at, name);
	at += 4;
	for (size_t section = 0; section < 3; section++) {
		const unsigned count = get16(message, 6 + 2 * section);
		if (section > 0 && count > 0)
			(void)snprintf(text + strlen(text), SHOW_MAX - strlen(text), " +");
		for (unsigned i = 0; i < count; i++) {
			read_name(message, &at, name);
			const uint16_t type = get16(message, at), size = get16(message, at + 8);
			(void)snprintf(text + strlen(text), SHOW_MAX - strlen(text), " ");
			show_data(message, at + 10, type, text + strlen(text),
				  SHOW_MAX - strlen(text));
			at += 10u + size;
		}
	}
	cr_assert_eq(at, message.size, "nothing is left over");
}

static bool ask(const struct rk_dns_zone *zone, const char *name, uint16_t type, size_t room,
		char text[SHOW_MAX])
{
	RK_AUTO(rk_buf_done) struct rk_buf question = { 0 }, out = { 0 };
	struct rk_span rest = rk_span_str(name);
	struct rk_dns_query query;

	rk_buf_put(&question, "\0\0\1\0\0\1\0\0\0\0\0\0", RK_DNS_HEADER);
	while (rest.size > 0) {
		struct rk_span label;
		rest = rk_span_cut(rest, '.', &label);
		rk_buf_put_u8(&question, (uint8_t)label.size);
		rk_buf_put_span(&question, label);
	}
	rk_buf_put_u8(&question, 0);
	rk_buf_put(&question, (uint8_t[]){ (uint8_t)(type >> 8), (uint8_t)type, 0, 1 }, 4);
	cr_assert_eq(rk_dns_query_parse(rk_buf_span(&question), &query), 0);
	if (!rk_dns_zone_answer(zone, &query, room, false, &out)) {
		cr_expect_eq(out.size, 0);
		return false;
	}
	cr_expect_leq(out.size, room);
	show(rk_buf_span(&out), text);
	return true;
}

static const struct {
	const char *name;
	uint16_t type;
	const char *want; /* NULL: not the zone's */
} cases[] = {
	{ "kubernetes.default.svc.cluster.local", RK_DNS_A, "0 A 10.96.0.1;" },
	{ "Web.Default.svc.CLUSTER.local", RK_DNS_A, "0 A 10.96.0.10;" },
	{ "web.default.svc.cluster.local", RK_DNS_AAAA, "0 + SOA ns.dns.cluster.local;" },
	{ "web.prod.svc.cluster.local", RK_DNS_A, "3 + SOA ns.dns.cluster.local;" },
	{ "x.web.default.svc.cluster.local", RK_DNS_A, "3 + SOA ns.dns.cluster.local;" },
	{ "web.default.pod.cluster.local", RK_DNS_A, "3 + SOA ns.dns.cluster.local;" },
	{ "default.svc.cluster.local", RK_DNS_A, "0 + SOA ns.dns.cluster.local;" },
	{ "nobody.svc.cluster.local", RK_DNS_A, "3 + SOA ns.dns.cluster.local;" },
	{ "cluster.local", RK_DNS_SOA, "0 SOA ns.dns.cluster.local;" },
	{ "dns-version.cluster.local", RK_DNS_TXT, "0 TXT 1.1.0;" },
	{ "_http._tcp.web.default.svc.cluster.local", RK_DNS_SRV,
	  "0 SRV 80 web.default.svc.cluster.local; + A 10.96.0.10;" },
	{ "_q._udp.web.default.svc.cluster.local", RK_DNS_SRV,
	  "0 SRV 81 web.default.svc.cluster.local; + A 10.96.0.10;" },
	{ "_q._tcp.web.default.svc.cluster.local", RK_DNS_SRV, "3 + SOA ns.dns.cluster.local;" },
	{ "_http._tcp.web.default.svc.cluster.local", RK_DNS_A, "0 + SOA ns.dns.cluster.local;" },
	{ "_tcp.web.default.svc.cluster.local", RK_DNS_SRV, "3 + SOA ns.dns.cluster.local;" },
	{ "db.prod.svc.cluster.local", RK_DNS_A, "0 A 10.1.0.2; A 10.1.0.3;" },
	{ "db-0.db.prod.svc.cluster.local", RK_DNS_A, "0 A 10.1.0.2;" },
	{ "10-1-0-3.db.prod.svc.cluster.local", RK_DNS_A, "0 A 10.1.0.3;" },
	{ "10-1-0-4.db.prod.svc.cluster.local", RK_DNS_A, "3 + SOA ns.dns.cluster.local;" },
	{ "_sql._tcp.db.prod.svc.cluster.local", RK_DNS_SRV,
	  "0 SRV 5432 db-0.db.prod.svc.cluster.local; SRV 5432 10-1-0-3.db.prod.svc.cluster.local;"
	  " + A 10.1.0.2; A 10.1.0.3;" },
	{ "out.prod.svc.cluster.local", RK_DNS_A, "0 CNAME www.example.org;" },
	{ "in.prod.svc.cluster.local", RK_DNS_A,
	  "0 CNAME web.default.svc.cluster.local; A 10.96.0.10;" },
	{ "in.prod.svc.cluster.local", RK_DNS_CNAME, "0 CNAME web.default.svc.cluster.local;" },
	{ "orphan.prod.svc.cluster.local", RK_DNS_A, "3 + SOA ns.dns.cluster.local;" },
	{ "10.0.96.10.in-addr.arpa", RK_DNS_PTR, "0 PTR web.default.svc.cluster.local;" },
	{ "2.0.1.10.in-addr.arpa", RK_DNS_PTR, "0 PTR db-0.db.prod.svc.cluster.local;" },
	{ "3.0.1.10.in-addr.arpa", RK_DNS_PTR, NULL },
	{ "0.0.0.0.in-addr.arpa", RK_DNS_PTR, NULL },
	{ "example.org", RK_DNS_A, NULL },
	{ "notcluster.local", RK_DNS_A, NULL },
	{ "", RK_DNS_A, NULL },
};

Test(dns_zone, names)
{
	struct rk_dns_zone *zone = zone_of_example();
	char text[SHOW_MAX];

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const bool is_ours = ask(zone, cases[i].name, cases[i].type, 512, text);
		cr_expect_eq(is_ours, cases[i].want != NULL, "%s", cases[i].name);
		if (is_ours && cases[i].want != NULL)
			cr_expect_str_eq(text, cases[i].want, "%s: \"%s\"", cases[i].name, text);
	}
	cr_expect(ask(zone, "loop.prod.svc.cluster.local", RK_DNS_A, 512, text),
		  "names in a circle end");
	(void)rk_dns_zone_free(zone);
}

Test(dns_zone, objects_go)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_dns_zone *zone = zone_of_example();
	char text[SHOW_MAX];

	rk_dns_zone_put(zone, RK_SPAN("default"), RK_SPAN("web"), NULL);
	cr_expect(ask(zone, "web.default.svc.cluster.local", RK_DNS_A, 512, text));
	cr_expect_str_eq(text, "3 + SOA ns.dns.cluster.local;");
	rk_dns_zone_put_slice(zone, RK_SPAN("prod"), RK_SPAN("db"), NULL);
	cr_expect(ask(zone, "db.prod.svc.cluster.local", RK_DNS_A, 512, text));
	cr_expect_str_eq(text, "0 + SOA ns.dns.cluster.local;", "it is there, and has no address");
	rk_dns_zone_put(zone, RK_SPAN("prod"), RK_SPAN("orphan"),
			test_object(&arena, "{spec: {clusterIP: None}}"));
	cr_expect(ask(zone, "orphan.prod.svc.cluster.local", RK_DNS_A, 512, text));
	cr_expect_str_eq(text, "0 A 10.1.0.9;", "the slice came before its service");
	rk_dns_zone_put(zone, RK_SPAN("prod"), RK_SPAN("never"), NULL);
	rk_dns_zone_put_slice(zone, RK_SPAN("prod"), RK_SPAN("never"), NULL);
	(void)rk_dns_zone_free(zone);
}

Test(dns_zone, many_endpoints_are_cut_to_the_room)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_dns_zone *zone = zone_of_example();
	char text[SHOW_MAX], endpoints[7000] = "";

	for (unsigned i = 1; i < 200; i++)
		(void)snprintf(endpoints + strlen(endpoints), sizeof endpoints - strlen(endpoints),
			       "{addresses: [10.2.0.%u]},", i);
	rk_dns_zone_put_slice(
		zone, RK_SPAN("prod"), RK_SPAN("db-2"),
		test_object(
			&arena,
			"{metadata: {labels: {kubernetes.io/service-name: db}}, addressType: IPv4,"
			"endpoints: [%s]}",
			endpoints));
	cr_expect(ask(zone, "db.prod.svc.cluster.local", RK_DNS_A, 512, text));
	cr_expect_lt(strlen(text), 512);
	cr_expect(ask(zone, "db.prod.svc.cluster.local", RK_DNS_A, 65535, text));
	(void)rk_dns_zone_free(zone);
}

Test(dns_zone, domains)
{
	static const char *const bad[] = { "", ".", "a..b", "Upper.case", "a.b.", "under_score" };
	struct rk_dns_zone *zone = NULL;

	for (size_t i = 0; i < RK_COUNT(bad); i++)
		cr_expect_eq(rk_dns_zone_new(&zone, bad[i], NULL), RK_EINVAL, "%s", bad[i]);
}
