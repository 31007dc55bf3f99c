/* The Lease service. */
#include "control/etcd/lease.h"

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/proto.h"

static void on_grant(struct rk_etcd_call *call, struct rk_span message)
{
	rk_etcd_propose(call, RK_ETCD_ENTRY_GRANT, message, rk_etcd_pass_on);
}

static void on_revoke(struct rk_etcd_call *call, struct rk_span message)
{
	rk_etcd_propose(call, RK_ETCD_ENTRY_REVOKE, message, rk_etcd_pass_on);
}

static void finish_stream(struct rk_etcd_call *call)
{
	if (call->is_input_ended && call->awaited == 0)
		rk_etcd_finish(call, RK_GRPC_OK, "");
}

static void kept(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	rk_etcd_pass_on(call, answer);
	if (call->awaited <= RK_ETCD_AWAITED_MAX / 2)
		rk_etcd_take(call);
	finish_stream(call);
}

static void on_keep(struct rk_etcd_call *call, struct rk_span message)
{
	rk_etcd_propose(call, RK_ETCD_ENTRY_KEEP, message, kept);
}

static void live_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_node *root = rk_view_root(call->thread->view);
	struct rk_etcd_numbers request;
	struct rk_etcd_lease lease;
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	if (rk_etcd_read_numbers(call->message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	const enum rk_etcd_error error =
		rk_etcd_may_lease(root, &call->who, RK_ETCD_READ, request.first);
	if (error != RK_ETCD_OK) {
		rk_etcd_fail(call, error);
		return;
	}
	const int64_t now_ms = rk_clock_wall_ms();
	rk_proto_put_number(&body, 2, (uint64_t)request.first);
	if (!rk_etcd_lease_get(root, request.first, &lease) || lease.ends_ms <= now_ms) {
		rk_proto_put_number(&body, 3, (uint64_t)-1);
	} else {
		rk_proto_put_number(&body, 3, (uint64_t)(lease.ends_ms - now_ms) / 1000);
		rk_proto_put_number(&body, 4, (uint64_t)lease.ttl_s);
		if (request.second != 0)
			(void)rk_etcd_lease_keys(root, request.first, &body, 5);
	}
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void on_live(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, live_resumed);
}

static void leases_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	rk_etcd_lease_list(rk_view_root(call->thread->view), &body);
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void on_leases(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, leases_resumed);
}

const struct rk_etcd_method rk_etcd_lease_methods[] = {
	{ "/etcdserverpb.Lease/LeaseGrant", false, on_grant, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.Lease/LeaseRevoke", false, on_revoke, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.Lease/LeaseKeepAlive", true, on_keep, finish_stream, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.Lease/LeaseTimeToLive", false, on_live, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.Lease/LeaseLeases", false, on_leases, NULL, RK_ETCD_NEEDS_USER },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
