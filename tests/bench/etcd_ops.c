/* The requests of etcd's API that are measured. */
#include "base/mem.h"
#include "tests/bench/etcd_load.h"
#include "wire/proto.h"

/* Keys come in no order, but each number has its own. */
void op_key(const struct load *load, uint64_t number, struct rk_buf *out)
{
	rk_buf_printf(out, "%s/%08x", load->prefix, (unsigned)(number * 2654435761u));
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void put_value(const struct load *load, uint64_t number, struct rk_buf *out)
{
	uint8_t bytes[4096]; /* that no compression makes smaller */
	const size_t size = RK_MIN((size_t)load->bytes, sizeof bytes);

	for (size_t i = 0; i < size; i += 8) {
		const uint64_t word = mix(number * 4096 + i + 1);
		memcpy(bytes + i, &word, RK_MIN(size - i, sizeof word));
	}
	rk_proto_put_bytes(out, 2, rk_span_of(bytes, size));
}

static void make_put(const struct load *load, uint64_t number, struct rk_buf *out)
{
	struct rk_buf key = { 0 };

	op_key(load, load->keys > 0 ? number % (uint64_t)load->keys : number, &key);
	rk_proto_put_bytes(out, 1, rk_buf_span(&key));
	put_value(load, number, out);
	rk_buf_done(&key);
}

/* As Kubernetes creates: it must not be there yet (mod_revision is 0). */
static void make_txn(const struct load *load, uint64_t number, struct rk_buf *out)
{
	struct rk_buf key = { 0 }, part = { 0 }, op = { 0 };

	op_key(load, number, &key);
	rk_proto_put_number(&part, 2, 2);
	rk_proto_put_bytes(&part, 3, rk_buf_span(&key));
	rk_proto_put_message(out, 1, rk_buf_span(&part));
	rk_buf_clear(&part);
	make_put(load, number, &part);
	rk_proto_put_message(&op, 2, rk_buf_span(&part));
	rk_proto_put_message(out, 2, rk_buf_span(&op));
	rk_buf_done(&key);
	rk_buf_done(&part);
	rk_buf_done(&op);
}

static void make_get(const struct load *load, uint64_t number, struct rk_buf *out)
{
	struct rk_buf key = { 0 };

	op_key(load, mix(number + 1) % (uint64_t)RK_MAX(load->keys, (int64_t)1), &key);
	rk_proto_put_bytes(out, 1, rk_buf_span(&key));
	rk_buf_done(&key);
}

static void make_get_serializable(const struct load *load, uint64_t number, struct rk_buf *out)
{
	make_get(load, number, out);
	rk_proto_put_number(out, 7, 1);
}

static void make_grant(const struct load *load, uint64_t number, struct rk_buf *out)
{
	rk_proto_put_number(out, 1, 3600);
	rk_proto_put_number(out, 2, (uint64_t)load->base + number + 1);
}

int64_t op_number(struct rk_span message, uint32_t number)
{
	struct rk_reader reader = rk_reader_of(message);
	struct rk_proto_field field;

	while (rk_proto_next(&reader, &field) == 1)
		if (field.number == number && field.kind == RK_PROTO_NUMBER)
			return (int64_t)field.value;
	return 0;
}

int64_t op_revision(struct rk_span message)
{
	struct rk_reader reader = rk_reader_of(message);
	struct rk_proto_field field;

	if (rk_proto_next(&reader, &field) != 1 || field.number != 1)
		return 0;
	return op_number(field.bytes, 3);
}

static bool is_put(const struct load *load, struct rk_span answer)
{
	(void)load;
	return op_revision(answer) > 0;
}

static bool is_txn(const struct load *load, struct rk_span answer)
{
	(void)load;
	return op_number(answer, 2) == 1;
}

static bool is_one(const struct load *load, struct rk_span answer)
{
	(void)load;
	return op_number(answer, 4) == 1;
}

static bool is_grant(const struct load *load, struct rk_span answer)
{
	(void)load;
	return op_number(answer, 2) != 0;
}

const struct op *op_find(const char *name)
{
	static const struct op ops[] = {
		{ "put", "/etcdserverpb.KV/Put", make_put, is_put },
		{ "txn", "/etcdserverpb.KV/Txn", make_txn, is_txn },
		{ "get", "/etcdserverpb.KV/Range", make_get, is_one },
		{ "get-serializable", "/etcdserverpb.KV/Range", make_get_serializable, is_one },
		{ "grant", "/etcdserverpb.Lease/LeaseGrant", make_grant, is_grant },
	};

	for (size_t i = 0; i < RK_COUNT(ops); i++)
		if (strcmp(ops[i].name, name) == 0)
			return &ops[i];
	return NULL;
}
