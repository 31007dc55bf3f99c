#include "control/etcd/list.h"

#include "base/mem.h"
#include "store/store.h"
#include "wire/proto.h"

#define KVS 2 /* the field of a RangeResponse */

bool rk_etcd_list_takes(const struct rk_etcd_range_request *request, uint64_t now)
{
	return !rk_etcd_range_is_one(&request->range) && !request->keys_only &&
	       !request->count_only &&
	       (request->revision <= 0 || (uint64_t)request->revision == now) &&
	       request->order != RK_ETCD_DESCEND && request->target == RK_ETCD_BY_KEY &&
	       request->min_mod == 0 && request->max_mod == 0 && request->min_create == 0 &&
	       request->max_create == 0;
}

static size_t field_size(const struct rk_item *item)
{
	const size_t size = item->value->size;
	size_t head = 2; /* the tag, and the size */

	for (size_t rest = size >> 7; rest > 0; rest >>= 7)
		head++;
	return head + size;
}

void rk_etcd_list_begin(struct rk_etcd_list *list, const struct rk_node *root,
			const struct rk_etcd_range_request *request)
{
	const struct rk_item *item;
	struct rk_buf first = { 0 };

	*list = (struct rk_etcd_list){ 0 };
	rk_etcd_key_now(&first, request->range.key);
	rk_tree_seek(&list->next, root, rk_buf_span(&first));
	rk_buf_done(&first);
	struct rk_tree_iter iter = list->next;
	while ((item = rk_tree_next(&iter)) != NULL && item->key[0] == RK_SPACE_ETCD &&
	       rk_etcd_range_has(&request->range,
				 rk_span_sub(rk_item_key(item), 1, item->key_size))) {
		list->count++;
		if (request->limit > 0 && list->count > request->limit)
			continue;
		list->bytes += field_size(item);
		list->left++;
	}
	list->more = list->left < list->count;
}

struct rk_blob *rk_etcd_list_piece(struct rk_etcd_list *list, size_t bytes)
{
	struct rk_tree_iter iter = list->next;
	int64_t count = 0;
	size_t size = 0;

	for (; size < bytes && count < list->left; count++)
		size += field_size(rk_tree_next(&iter));
	if (count == 0)
		return NULL;
	struct rk_blob *piece = rk_blob_new(size);
	struct rk_buf out = { piece->data, 0,
			      size + 10 }; /* a varint asks for more room than it uses */
	for (; count > 0; count--, list->left--)
		rk_proto_put_message(&out, KVS, rk_blob_span(rk_tree_next(&list->next)->value));
	rk_assert(out.size == size && out.data == piece->data);
	return piece;
}
