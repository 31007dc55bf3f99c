/* control/etcd/list.h - the present values of a range in order, in pieces: its size is known first,
 * so that it can be sent as one message without ever being in memory as one. Pure. */
#ifndef RK_CONTROL_ETCD_LIST_H
#define RK_CONTROL_ETCD_LIST_H

#include "base/blob.h"
#include "control/etcd/message.h"

struct rk_etcd_list {
	struct rk_tree_iter next;
	int64_t count, left; /* in the range; of those to be sent, not sent yet */
	bool more;           /* in the range than will be sent */
	size_t bytes;        /* that will be sent: fields of a RangeResponse */
};

/* Whether the answer is the range's first values as they are now, and no less than that. */
bool rk_etcd_list_takes(const struct rk_etcd_range_request *request, uint64_t now);
/* Counts and measures. The root must stay as long as the list is used. */
void rk_etcd_list_begin(struct rk_etcd_list *list, const struct rk_node *root,
			const struct rk_etcd_range_request *request);
/* The next `bytes` or a little more; NULL when nothing is left. */
struct rk_blob *rk_etcd_list_piece(struct rk_etcd_list *list, size_t bytes);

#endif
