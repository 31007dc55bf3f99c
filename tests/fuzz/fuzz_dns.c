/* DNS messages: as queries to a zone, and as answers of an upstream. */
#include "base/mem.h"
#include "fuzz.h"
#include "net/dns_zone.h"
#include "wire/json.h"

static struct rk_dns_zone *zone_of_one(void)
{
	static const struct rk_span service =
		RK_SPAN("{\"spec\": {\"clusterIP\": \"10.96.0.1\", \"ports\": "
			"[{\"name\": \"http\", \"port\": 80}]}}");
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_dns_zone *zone = NULL;
	struct rk_val *val = NULL;

	rk_assert(rk_dns_zone_new(&zone, "cluster.local", NULL) == RK_OK);
	rk_assert(rk_json_parse(&arena, service, 0, &val, NULL) == RK_OK);
	rk_dns_zone_put(zone, RK_SPAN("default"), RK_SPAN("web"), val);
	return zone;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rk_dns_zone *zone;
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 }, copy = { 0 };
	struct rk_dns_query query;

	if (zone == NULL)
		zone = zone_of_one();
	rk_buf_put(&copy, data, size);
	rk_assert(rk_dns_truncate(copy.data, copy.size) <= size);
	if (rk_dns_query_parse(rk_span_of(data, size), &query) < 0)
		return 0;
	rk_assert(query.room >= RK_DNS_UDP_MIN && query.room <= RK_DNS_UDP_MAX);
	(void)rk_dns_is_answer(rk_span_of(data, size), query.id, query.question);
	if (query.code == RK_DNS_NOERROR &&
	    rk_dns_zone_answer(zone, &query, query.room, true, &out)) {
		rk_assert(out.size >= RK_DNS_HEADER && out.size <= query.room);
		rk_assert(rk_dns_is_answer(rk_buf_span(&out), query.id, query.question));
	}
	return 0;
}
