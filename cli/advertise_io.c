#include "cli/advertise_io.h"

#include <stdio.h>

#include "base/ipv4.h"
#include "base/mem.h"
#include "cli/call_io.h"

static bool split(const char *address, uint32_t *ret_ip, struct rk_span *ret_host,
		  uint64_t *ret_port)
{
	const struct rk_span port = rk_span_cut(rk_span_str(address), ':', ret_host);

	return rk_ipv4_parse(*ret_host, ret_ip) && rk_span_u64(port, ret_port);
}

const char *rk_advertise_choose(const char *const *addresses)
{
	for (; *addresses != NULL; addresses++) {
		struct rk_span host;
		uint32_t ip;
		uint64_t port;
		/* Not 0.0.0.0, not 127.0.0.0/8: nobody else can use those. */
		if (split(*addresses, &ip, &host, &port) && ip != 0 && ip >> 24 != 127)
			return *addresses;
	}
	return NULL;
}

static int write_slice(const struct rk_advertise_opts *opts, const char *method, const char *target,
		       const char *type, struct rk_span body, int *ret_status, struct rk_error *error)
{
	const struct rk_call call = { .method = method,
				      .target = target,
				      .type = type,
				      .body = body,
				      .answer_max = RK_ADVERTISE_ANSWER_MAX,
				      .timeout_ms = RK_ADVERTISE_MS };
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_span text;

	return rk_call(opts->ask, opts->client, &call, &arena, ret_status, &text, error);
}

int rk_advertise(const struct rk_advertise_opts *opts, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_span host;
	uint32_t ip;
	uint64_t port;
	char target[256];
	int status = 0;

	if (!split(opts->address, &ip, &host, &port))
		return rk_fail(error, RK_EINVAL, "%s is not an IPv4 address and port",
			       opts->address);
	rk_buf_printf(&text,
		      "{\"apiVersion\":\"discovery.k8s.io/"
		      "v1\",\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"kubernetes-%s\","
		      "\"labels\":{\"kubernetes.io/"
		      "service-name\":\"kubernetes\",\"" RK_ADVERTISE_LABEL "\":\"%llu\"}},\"addressType\":\"IPv4\","
		      "\"endpoints\":[{\"addresses\":[\"%.*s\"],\"conditions\":{\"ready\":true}}],"
		      "\"ports\":[{\"name\":\"https\",\"protocol\":\"TCP\",\"port\":%llu}]}",
		      opts->name, (unsigned long long)opts->id, RK_SPAN_ARGS(host), (unsigned long long)port);
	const struct rk_span body = rk_buf_span(&text);
	(void)snprintf(target, sizeof target, RK_ADVERTISE_SLICES "/kubernetes-%s", opts->name);
	RK_TRY(write_slice(opts, "PATCH", target, "application/merge-patch+json", body, &status, error));
	if (status == 404)
		RK_TRY(write_slice(opts, "POST", RK_ADVERTISE_SLICES, "application/json", body, &status, error));
	return status == 200 || status == 201
		       ? RK_OK
		       : rk_fail(error, RK_EAGAIN, "the API answered %d", status);
}
