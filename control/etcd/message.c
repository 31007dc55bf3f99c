#include "control/etcd/message.h"

#include "base/mem.h"
#include "wire/proto.h"

#define ROW(number, type, of, member)                                                              \
	{                                                                                          \
		number, RK_PROTO_##type, offsetof(struct of, member)                               \
	}

static const struct rk_proto_row range_rows[] = {
	ROW(1, SPAN, rk_etcd_range_request, range.key),
	ROW(2, SPAN, rk_etcd_range_request, range.end),
	ROW(3, I64, rk_etcd_range_request, limit),
	ROW(4, I64, rk_etcd_range_request, revision),
	ROW(5, I64, rk_etcd_range_request, order),
	ROW(6, I64, rk_etcd_range_request, target),
	ROW(7, FLAG, rk_etcd_range_request, serializable),
	ROW(8, FLAG, rk_etcd_range_request, keys_only),
	ROW(9, FLAG, rk_etcd_range_request, count_only),
	ROW(10, I64, rk_etcd_range_request, min_mod),
	ROW(11, I64, rk_etcd_range_request, max_mod),
	ROW(12, I64, rk_etcd_range_request, min_create),
	ROW(13, I64, rk_etcd_range_request, max_create),
};
static const struct rk_proto_row put_rows[] = {
	ROW(1, SPAN, rk_etcd_put_request, key),
	ROW(2, SPAN, rk_etcd_put_request, value),
	ROW(3, I64, rk_etcd_put_request, lease),
	ROW(4, FLAG, rk_etcd_put_request, prev_kv),
	ROW(5, FLAG, rk_etcd_put_request, ignore_value),
	ROW(6, FLAG, rk_etcd_put_request, ignore_lease),
};
static const struct rk_proto_row delete_rows[] = {
	ROW(1, SPAN, rk_etcd_delete_request, range.key),
	ROW(2, SPAN, rk_etcd_delete_request, range.end),
	ROW(3, FLAG, rk_etcd_delete_request, prev_kv),
};
static const struct rk_proto_row compare_rows[] = {
	ROW(1, I64, rk_etcd_compare, result),      ROW(2, I64, rk_etcd_compare, target),
	ROW(3, SPAN, rk_etcd_compare, range.key),  ROW(4, I64, rk_etcd_compare, version),
	ROW(5, I64, rk_etcd_compare, create),      ROW(6, I64, rk_etcd_compare, mod),
	ROW(7, SPAN, rk_etcd_compare, value),      ROW(8, I64, rk_etcd_compare, lease),
	ROW(64, SPAN, rk_etcd_compare, range.end),
};
static const struct rk_proto_row number_rows[] = {
	ROW(1, I64, rk_etcd_numbers, first),
	ROW(2, I64, rk_etcd_numbers, second),
};
static const struct rk_proto_row watch_rows[] = {
	ROW(1, SPAN, rk_etcd_watch_request, range.key),
	ROW(2, SPAN, rk_etcd_watch_request, range.end),
	ROW(3, I64, rk_etcd_watch_request, start),
	ROW(4, FLAG, rk_etcd_watch_request, progress),
	ROW(6, FLAG, rk_etcd_watch_request, prev_kv),
	ROW(7, I64, rk_etcd_watch_request, id),
	ROW(8, FLAG, rk_etcd_watch_request, fragment),
};

int rk_etcd_read_range(struct rk_span bytes, struct rk_etcd_range_request *ret)
{
	*ret = (struct rk_etcd_range_request){ 0 };
	return rk_proto_read(range_rows, RK_COUNT(range_rows), bytes, ret);
}

int rk_etcd_read_put(struct rk_span bytes, struct rk_etcd_put_request *ret)
{
	*ret = (struct rk_etcd_put_request){ 0 };
	return rk_proto_read(put_rows, RK_COUNT(put_rows), bytes, ret);
}

int rk_etcd_read_delete(struct rk_span bytes, struct rk_etcd_delete_request *ret)
{
	*ret = (struct rk_etcd_delete_request){ 0 };
	return rk_proto_read(delete_rows, RK_COUNT(delete_rows), bytes, ret);
}

int rk_etcd_read_numbers(struct rk_span bytes, struct rk_etcd_numbers *ret)
{
	*ret = (struct rk_etcd_numbers){ 0 };
	return rk_proto_read(number_rows, RK_COUNT(number_rows), bytes, ret);
}

/* --- transactions --- */

struct txn_reader {
	struct rk_arena *arena;
	size_t ops; /* so far, in all branches */
	unsigned depth;
};

static int read_txn(struct txn_reader *reader, struct rk_span bytes, struct rk_etcd_txn *ret);

static int read_op(struct txn_reader *reader, struct rk_span bytes, struct rk_etcd_op *op)
{
	struct rk_reader fields = rk_reader_of(bytes);
	struct rk_proto_field field;
	int more;

	while ((more = rk_proto_next(&fields, &field)) == 1) {
		if (field.number < RK_ETCD_RANGE || field.number > RK_ETCD_TXN)
			continue;
		if (field.kind != RK_PROTO_BYTES)
			return RK_EINVAL;
		op->kind = (enum rk_etcd_op_kind)field.number;
		switch (op->kind) {
		case RK_ETCD_RANGE: RK_TRY(rk_etcd_read_range(field.bytes, &op->range)); break;
		case RK_ETCD_PUT: RK_TRY(rk_etcd_read_put(field.bytes, &op->put)); break;
		case RK_ETCD_DELETE:
			RK_TRY(rk_etcd_read_delete(field.bytes, &op->delete_range));
			break;
		case RK_ETCD_TXN:
			op->txn = rk_arena_zalloc(reader->arena, sizeof *op->txn);
			RK_TRY(read_txn(reader, field.bytes, op->txn));
			break;
		}
	}
	return more;
}

static int read_txn(struct txn_reader *reader, struct rk_span bytes, struct rk_etcd_txn *ret)
{
	struct rk_reader fields = rk_reader_of(bytes);
	struct rk_etcd_compare **compare_end = &ret->compares;
	struct rk_etcd_op **success_end = &ret->success, **failure_end = &ret->failure;
	struct rk_proto_field field;
	int more;

	if (++reader->depth > RK_ETCD_DEPTH_MAX)
		return RK_ETOOBIG;
	while ((more = rk_proto_next(&fields, &field)) == 1) {
		if (field.number < 1 || field.number > 3)
			continue;
		if (field.kind != RK_PROTO_BYTES)
			return RK_EINVAL;
		if (++reader->ops > RK_ETCD_ALL_OPS_MAX)
			return RK_ETOOBIG;
		if (field.number == 1) {
			struct rk_etcd_compare *compare =
				rk_arena_zalloc(reader->arena, sizeof *compare);
			RK_TRY(rk_proto_read(compare_rows, RK_COUNT(compare_rows), field.bytes,
					     compare));
			*compare_end = compare;
			compare_end = &compare->next;
			ret->compare_count++;
			continue;
		}
		struct rk_etcd_op *op = rk_arena_zalloc(reader->arena, sizeof *op);
		struct rk_etcd_op ***end = field.number == 2 ? &success_end : &failure_end;
		RK_TRY(read_op(reader, field.bytes, op));
		**end = op;
		*end = &op->next;
		*(field.number == 2 ? &ret->success_count : &ret->failure_count) += 1;
	}
	reader->depth--;
	return more;
}

int rk_etcd_read_txn(struct rk_arena *arena, struct rk_span bytes, struct rk_etcd_txn *ret)
{
	struct txn_reader reader = { .arena = arena };

	*ret = (struct rk_etcd_txn){ 0 };
	return read_txn(&reader, bytes, ret);
}

/* --- watches --- */

static void set_filter(struct rk_etcd_watch_request *ret, uint64_t filter)
{
	ret->no_put = ret->no_put || filter == 0;
	ret->no_delete = ret->no_delete || filter == 1;
}

static int read_create(struct rk_span bytes, struct rk_etcd_watch_request *ret)
{
	struct rk_reader fields = rk_reader_of(bytes);
	struct rk_proto_field field;
	int more;

	while ((more = rk_proto_next(&fields, &field)) == 1) {
		if (field.number != 5) {
			RK_TRY(rk_proto_store(watch_rows, RK_COUNT(watch_rows), &field, ret));
			continue;
		}
		struct rk_reader packed = rk_reader_of(field.bytes);
		if (field.kind == RK_PROTO_NUMBER)
			set_filter(ret, field.value);
		while (rk_reader_left(&packed) > 0 && !packed.failed)
			set_filter(ret, rk_read_varint(&packed));
		if (packed.failed)
			return RK_EINVAL;
	}
	return more;
}

int rk_etcd_read_watch(struct rk_span bytes, struct rk_etcd_watch_request *ret)
{
	struct rk_reader fields = rk_reader_of(bytes);
	struct rk_proto_field field;
	struct rk_etcd_numbers numbers;
	int more;

	*ret = (struct rk_etcd_watch_request){ 0 };
	while ((more = rk_proto_next(&fields, &field)) == 1) {
		if (field.number > 3)
			continue;
		if (field.kind != RK_PROTO_BYTES)
			return RK_EINVAL;
		*ret = (struct rk_etcd_watch_request){ 0 };
		if (field.number == 1) {
			ret->kind = RK_ETCD_WATCH_CREATE;
			RK_TRY(read_create(field.bytes, ret));
		} else if (field.number == 2) {
			RK_TRY(rk_etcd_read_numbers(field.bytes, &numbers));
			ret->kind = RK_ETCD_WATCH_CANCEL;
			ret->id = numbers.first;
		} else {
			ret->kind = RK_ETCD_WATCH_PROGRESS;
		}
	}
	return more;
}
