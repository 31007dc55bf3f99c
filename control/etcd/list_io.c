/* Sending long lists: from a held view, as fast as the client takes them. */
#include "control/etcd/list.h"

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/proto.h"

#define PIECE (64u << 10)

struct listing {
	struct rk_etcd_tail tail;
	struct rk_view *view;
	struct rk_etcd_list list;
};

static void drop(struct rk_etcd_tail *tail)
{
	struct listing *listing = RK_CONTAINER(tail, struct listing, tail);

	(void)rk_view_unref(listing->view);
	free(listing);
}

static void go_on(struct rk_etcd_call *call)
{
	struct rk_etcd_list *list = &RK_CONTAINER(call->tail, struct listing, tail)->list;
	struct rk_buf end = { 0 };
	struct rk_blob *piece;

	while ((piece = rk_etcd_list_piece(list, PIECE)) != NULL)
		if (!rk_http_write(call->exchange, piece))
			return;
	rk_proto_put_number(&end, 3, list->more);
	rk_proto_put_number(&end, 4, (uint64_t)list->count);
	(void)rk_http_write(call->exchange, rk_blob_copy(rk_buf_span(&end)));
	rk_buf_done(&end);
	rk_etcd_finish(call, RK_GRPC_OK, "");
}

void rk_etcd_list_start(struct rk_etcd_call *call, const struct rk_etcd_range_request *request)
{
	struct listing *listing = rk_zalloc(sizeof *listing);
	struct rk_buf head = { 0 }, end = { 0 };

	listing->tail = (struct rk_etcd_tail){ go_on, drop };
	call->tail = &listing->tail;
	listing->view = rk_view_ref(call->thread->view);
	rk_etcd_list_begin(&listing->list, rk_view_root(listing->view), request);
	rk_proto_put_number(&end, 3, listing->list.more);
	rk_proto_put_number(&end, 4, (uint64_t)listing->list.count);
	const size_t begun = rk_etcd_begin(call, &head, rk_view_revision(listing->view));
	if (listing->list.bytes <= INT32_MAX) {
		rk_etcd_send_head(call, &head, begun, listing->list.bytes + end.size);
		go_on(call);
	} else {
		rk_etcd_finish(call, RK_GRPC_EXHAUSTED,
			       "grpc: trying to send message larger than max");
	}
	rk_buf_done(&head);
	rk_buf_done(&end);
}
