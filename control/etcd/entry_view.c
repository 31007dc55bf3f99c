#include "control/etcd/entry_view.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/etcd/message.h"
#include "wire/proto.h"

static const struct {
	const char *verb;
	enum { NOTHING, KEYS, NUMBER, FIRST, BOTH } names; /* what the request is about */
} entries[] = {
	[RK_ETCD_ENTRY_PUT] = { "put", KEYS },
	[RK_ETCD_ENTRY_DELETE] = { "delete", KEYS },
	[RK_ETCD_ENTRY_TXN] = { "txn", NOTHING },
	[RK_ETCD_ENTRY_COMPACT] = { "compact", NUMBER },
	[RK_ETCD_ENTRY_GRANT] = { "lease-grant", NUMBER },
	[RK_ETCD_ENTRY_REVOKE] = { "lease-revoke", NUMBER },
	[RK_ETCD_ENTRY_KEEP] = { "lease-keep", NUMBER },
	[RK_ETCD_ENTRY_MEMBER] = { "member", NUMBER },
	[RK_ETCD_ENTRY_AUTH_ENABLE] = { "auth-enable", NOTHING },
	[RK_ETCD_ENTRY_AUTH_DISABLE] = { "auth-disable", NOTHING },
	[RK_ETCD_ENTRY_USER_ADD] = { "user-add", FIRST },
	[RK_ETCD_ENTRY_USER_DELETE] = { "user-delete", FIRST },
	[RK_ETCD_ENTRY_PASSWORD] = { "user-passwd", FIRST },
	[RK_ETCD_ENTRY_USER_GRANT] = { "user-grant", BOTH },
	[RK_ETCD_ENTRY_USER_REVOKE] = { "user-revoke", BOTH },
	[RK_ETCD_ENTRY_ROLE_ADD] = { "role-add", FIRST },
	[RK_ETCD_ENTRY_ROLE_DELETE] = { "role-delete", FIRST },
	[RK_ETCD_ENTRY_ROLE_GRANT] = { "role-grant", FIRST },
	[RK_ETCD_ENTRY_ROLE_REVOKE] = { "role-revoke", FIRST },
	[RK_ETCD_ENTRY_TOKEN] = { "token", FIRST },
	[RK_ETCD_ENTRY_TOKEN_KEEP] = { "token-keep", NOTHING },
};

/* Keys are bytes; people and terminals read text. */
static void put_text(struct rk_buf *out, struct rk_span bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] < 0x80 && isprint(bytes.data[i]) && bytes.data[i] != '\\')
			rk_buf_put_u8(out, bytes.data[i]);
		else
			rk_buf_printf(out, "\\x%02x", bytes.data[i]);
	}
}

static void put_range(struct rk_buf *out, const struct rk_etcd_range *range)
{
	if (rk_etcd_range_is_one(range)) {
		put_text(out, range->key);
		return;
	}
	rk_buf_put_u8(out, '[');
	put_text(out, range->key);
	rk_buf_put_str(out, ", ");
	if (range->end.size > 1 || range->end.data[0] != 0)
		put_text(out, range->end);
	rk_buf_put_u8(out, ')');
}

static void add_op(struct rk_arena *arena, struct rk_val *ops, const char *verb,
		   const struct rk_buf *name)
{
	struct rk_val *op = rk_val_map(arena);

	rk_val_put_cstr(arena, op, "verb", verb);
	rk_val_put_cstr(arena, op, "kind", "etcd");
	if (name->size > 0)
		rk_val_put_str(arena, op, "name", rk_arena_span(arena, rk_buf_span(name)));
	rk_val_append(arena, ops, op);
}

/* Field 1, and 2 when there is one and it counts. */
static void put_names(struct rk_buf *out, struct rk_span request, bool both)
{
	struct rk_reader reader = rk_reader_of(request);
	struct rk_proto_field field;

	while (rk_proto_next(&reader, &field) == 1) {
		if (field.kind != RK_PROTO_BYTES || field.number > (both ? 2u : 1u))
			continue;
		if (out->size > 0)
			rk_buf_put_u8(out, ' ');
		put_text(out, field.bytes);
	}
}

static void put_number(struct rk_buf *out, struct rk_span request)
{
	struct rk_reader reader = rk_reader_of(request);
	struct rk_proto_field field;

	while (rk_proto_next(&reader, &field) == 1)
		if (field.number == 1 && field.kind == RK_PROTO_NUMBER)
			rk_buf_printf(out, "%" PRId64, (int64_t)field.value);
}

static void put_keys(struct rk_buf *out, uint8_t entry, struct rk_span request)
{
	struct rk_etcd_delete_request delete_range;
	struct rk_etcd_put_request put;

	if (entry == RK_ETCD_ENTRY_PUT && rk_etcd_read_put(request, &put) == RK_OK)
		put_text(out, put.key);
	else if (entry == RK_ETCD_ENTRY_DELETE &&
		 rk_etcd_read_delete(request, &delete_range) == RK_OK)
		put_range(out, &delete_range.range);
}

/* Each operation that would change something, of both branches. */
static void add_txn(struct rk_arena *arena, struct rk_val *ops, const struct rk_etcd_op *op)
{
	for (; op != NULL; op = op->next) {
		struct rk_buf name = { 0 };
		if (op->kind == RK_ETCD_PUT) {
			put_text(&name, op->put.key);
			add_op(arena, ops, "txn put", &name);
		} else if (op->kind == RK_ETCD_DELETE) {
			put_range(&name, &op->delete_range.range);
			add_op(arena, ops, "txn delete", &name);
		} else if (op->kind == RK_ETCD_TXN) {
			add_txn(arena, ops, op->txn->success);
			add_txn(arena, ops, op->txn->failure);
		}
		rk_buf_done(&name);
	}
}

static void add_entry(struct rk_arena *arena, struct rk_val *ops, uint8_t entry,
		      struct rk_span request)
{
	struct rk_buf name = { 0 };
	struct rk_etcd_txn txn;

	if (entry >= RK_COUNT(entries) || entries[entry].verb == NULL)
		return;
	if (entry == RK_ETCD_ENTRY_TXN && rk_etcd_read_txn(arena, request, &txn) == RK_OK) {
		add_txn(arena, ops, txn.success);
		add_txn(arena, ops, txn.failure);
		return;
	}
	switch (entries[entry].names) {
	case KEYS: put_keys(&name, entry, request); break;
	case NUMBER: put_number(&name, request); break;
	case FIRST: put_names(&name, request, false); break;
	case BOTH: put_names(&name, request, true); break;
	case NOTHING: break;
	}
	add_op(arena, ops, entries[entry].verb, &name);
	rk_buf_done(&name);
}

void rk_etcd_entry_view(struct rk_arena *arena, struct rk_val *view, struct rk_span body)
{
	struct rk_val *ops = rk_val_list(arena);
	struct rk_reader reader = rk_reader_of(rk_arena_span(arena, body));
	uint8_t entry = rk_read_u8(&reader);

	if (entry == RK_ETCD_ENTRY_AS) {
		struct rk_buf name = { 0 };
		(void)rk_read_varint(&reader);
		put_text(&name, rk_read_bytes(&reader));
		if (name.size > 0)
			rk_val_put_str(arena, view, "user",
				       rk_arena_span(arena, rk_buf_span(&name)));
		rk_buf_done(&name);
		entry = rk_read_u8(&reader);
	}
	const struct rk_span request = rk_read_raw(&reader, rk_reader_left(&reader));
	if (reader.failed)
		return;
	add_entry(arena, ops, entry, request);
	rk_val_put(arena, view, "ops", ops);
}
