#include "sim/messages.h"

#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/etcd/keys.h"
#include "wire/proto.h"

/* --- requests --- */

static void put_op(struct rk_buf *out, const struct rk_hist_request *request)
{
	rk_proto_put_bytes(out, 1, request->range.key);
	switch (request->kind) {
	case RK_HIST_PUT:
		rk_proto_put_bytes(out, 2, request->value);
		rk_proto_put_number(out, 4, request->prev_kv);
		break;
	case RK_HIST_DELETE:
		rk_proto_put_bytes(out, 2, request->range.end);
		rk_proto_put_number(out, 3, request->prev_kv);
		break;
	default: /* RANGE */
		rk_proto_put_bytes(out, 2, request->range.end);
		rk_proto_put_number(out, 3, (uint64_t)request->limit);
		rk_proto_put_number(out, 4, (uint64_t)request->revision);
		rk_proto_put_number(out, 9, request->count_only);
	}
}

static void put_compare(struct rk_buf *out, const struct rk_hist_compare *compare)
{
	static const uint64_t relations[] = { [RK_HIST_EQUAL] = 0, [RK_HIST_GREATER] = 1,
					      [RK_HIST_LESS] = 2, [RK_HIST_NOT_EQUAL] = 3 };
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	rk_assert(compare->target == RK_HIST_VERSION);
	rk_proto_put_number(&bytes, 1, relations[compare->relation]);
	rk_proto_put_bytes(&bytes, 3, compare->key);
	rk_proto_put_number(&bytes, 4, (uint64_t)compare->number);
	rk_proto_put_message(out, 1, rk_buf_span(&bytes));
}

static void put_branch(struct rk_buf *out, uint32_t field, const struct rk_hist_request *ops,
		       size_t count)
{
	static const uint32_t kinds[] = { [RK_HIST_RANGE] = 1, [RK_HIST_PUT] = 2,
					  [RK_HIST_DELETE] = 3 };

	for (size_t i = 0; i < count; i++) {
		RK_AUTO(rk_buf_done) struct rk_buf op = { 0 };
		RK_AUTO(rk_buf_done) struct rk_buf request = { 0 };
		put_op(&request, &ops[i]);
		rk_proto_put_message(&op, kinds[ops[i].kind], rk_buf_span(&request));
		rk_proto_put_message(out, field, rk_buf_span(&op));
	}
}

void sim_request_encode(const struct rk_hist_request *request, struct rk_buf *out)
{
	static const uint8_t entries[] = { [RK_HIST_PUT] = RK_ETCD_ENTRY_PUT,
					   [RK_HIST_DELETE] = RK_ETCD_ENTRY_DELETE,
					   [RK_HIST_TXN] = RK_ETCD_ENTRY_TXN,
					   [RK_HIST_COMPACT] = RK_ETCD_ENTRY_COMPACT };

	rk_buf_put_u8(out, entries[request->kind]);
	if (request->kind == RK_HIST_COMPACT) {
		rk_proto_put_number(out, 1, (uint64_t)request->revision);
	} else if (request->kind == RK_HIST_TXN) {
		for (size_t i = 0; i < request->compare_count; i++)
			put_compare(out, &request->compares[i]);
		put_branch(out, 2, request->then_ops, request->then_count);
		put_branch(out, 3, request->else_ops, request->else_count);
	} else {
		put_op(out, request);
	}
}

/* --- answers --- */

struct list { /* of KeyValues, in the arena */
	struct rk_arena *arena;
	struct rk_hist_kv *at;
	size_t count, capacity;
};

static void add_kv(struct list *list, struct rk_span encoded)
{
	const struct rk_etcd_kv kv = rk_etcd_kv_read(encoded);

	list->at = rk_arena_grow(list->arena, list->at, &list->capacity, list->count, sizeof *list->at);
	list->at[list->count++] = (struct rk_hist_kv){
		.key = rk_arena_span(list->arena, kv.key),
		.value = rk_arena_span(list->arena, kv.value),
		.created = kv.created,
		.modified = kv.modified,
		.version = kv.version,
		.lease = kv.lease,
	};
}

static int decode_part(struct rk_arena *arena, const struct rk_hist_request *request,
		       struct rk_span bytes, struct rk_hist_answer *ret);

/* ResponseOp: its one field is the answer. */
static int add_part(struct rk_arena *arena, const struct rk_hist_request *request,
		    struct rk_hist_answer *answer, struct rk_hist_answer *parts, struct rk_span bytes)
{
	const size_t count = answer->succeeded ? request->then_count : request->else_count;
	const struct rk_hist_request *ops = answer->succeeded ? request->then_ops
							      : request->else_ops;
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;

	if (answer->part_count == count || rk_proto_next(&reader, &field) != 1)
		return RK_EINVAL;
	struct rk_hist_answer *part = &parts[answer->part_count];
	part->revision = answer->revision;
	return decode_part(arena, &ops[answer->part_count++], field.bytes, part);
}

static int decode_part(struct rk_arena *arena, const struct rk_hist_request *request,
		       struct rk_span bytes, struct rk_hist_answer *ret)
{
	const bool is_txn = request->kind == RK_HIST_TXN;
	struct rk_hist_answer *parts =
		is_txn ? rk_arena_zalloc(arena, (request->then_count + request->else_count + 1) *
							sizeof *parts)
		       : NULL;
	struct rk_reader reader = rk_reader_of(bytes);
	struct list list = { .arena = arena };
	struct rk_proto_field field;
	int more;

	while ((more = rk_proto_next(&reader, &field)) == 1) {
		if (is_txn && field.number == 2)
			ret->succeeded = field.value != 0;
		else if (is_txn && field.number == 3)
			RK_TRY(add_part(arena, request, ret, parts, field.bytes));
		else if (request->kind == RK_HIST_RANGE && field.number == 4)
			ret->count = (int64_t)field.value;
		else if (request->kind == RK_HIST_DELETE && field.number == 2)
			ret->count = (int64_t)field.value;
		else if (field.number == (request->kind == RK_HIST_DELETE ? 3 : 2) &&
			 field.kind == RK_PROTO_BYTES)
			add_kv(&list, field.bytes);
	}
	ret->kvs = list.at;
	ret->kv_count = list.count;
	ret->parts = parts;
	return more;
}

int sim_answer_decode(struct rk_arena *arena, const struct rk_hist_request *request,
		      struct rk_span bytes, struct rk_hist_answer *ret)
{
	return decode_part(arena, request, bytes, ret);
}
