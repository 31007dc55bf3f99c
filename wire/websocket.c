#include "wire/websocket.h"

#include <openssl/evp.h>

#include "base/mem.h"

#define CONTROL_MAX 125

int rk_ws_accept(struct rk_span key, char ret[32])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char decoded[24], digest[EVP_MAX_MD_SIZE];
	char text[24 + sizeof guid];

	/* 16 bytes are 22 digits and two "=". */
	if (key.size != 24 || key.data[22] != '=' || key.data[23] != '=' || key.data[21] == '=' ||
	    EVP_DecodeBlock(decoded, key.data, 24) != 18)
		return RK_EINVAL;
	memcpy(text, key.data, 24);
	memcpy(text + 24, guid, sizeof guid);
	unsigned size = 0;
	rk_assert(EVP_Digest(text, sizeof text - 1, digest, &size, EVP_sha1(), NULL) == 1);
	(void)EVP_EncodeBlock((unsigned char *)ret, digest, (int)size);
	return RK_OK;
}

const char *rk_ws_protocol(struct rk_span offered, const char *const *supported)
{
	for (; *supported != NULL; supported++) {
		struct rk_span rest = offered;
		while (rest.size > 0) {
			struct rk_span one;
			rest = rk_span_cut(rest, ',', &one);
			if (rk_span_is(rk_span_trim(one), *supported))
				return *supported;
		}
	}
	return NULL;
}

struct frame {
	bool is_final;
	int opcode;
	uint64_t size;
	size_t head_size;
	const uint8_t *mask; /* NULL: not masked */
};

/* Reads a frame's head and holds it against the rules of RFC 6455 section 5. */
static int frame_read(const struct rk_ws_parser *parser, const uint8_t *bytes, size_t size,
		      struct frame *ret)
{
	if (size < 2)
		return RK_EAGAIN;
	const size_t size_bytes = (bytes[1] & 0x7f) == 126 ? 2 : (bytes[1] & 0x7f) == 127 ? 8 : 0;
	const bool is_masked = (bytes[1] & 0x80) != 0;

	ret->is_final = (bytes[0] & 0x80) != 0;
	ret->opcode = bytes[0] & 0x0f;
	if ((bytes[0] & 0x70) != 0 || is_masked == parser->is_client)
		return RK_EINVAL; /* extensions were not agreed on; clients mask, servers do not */
	ret->head_size = 2 + size_bytes + (is_masked ? 4 : 0);
	if (size < ret->head_size)
		return RK_EAGAIN;
	ret->size = size_bytes == 0 ? bytes[1] & 0x7f : 0;
	for (size_t i = 0; i < size_bytes; i++)
		ret->size = ret->size << 8 | bytes[2 + i];
	ret->mask = is_masked ? bytes + 2 + size_bytes : NULL;
	if (size_bytes > 0 && ret->size < (size_bytes == 2 ? 126u : 65536u))
		return RK_EINVAL; /* not the shortest form */
	if (ret->opcode >= RK_WS_CLOSE)
		return ret->opcode > RK_WS_PONG || !ret->is_final || ret->size > CONTROL_MAX
			       ? RK_EINVAL
			       : RK_OK;
	if (ret->opcode > RK_WS_BINARY || (ret->opcode == RK_WS_CONT) != (parser->opcode != 0))
		return RK_EINVAL;
	return ret->size > RK_WS_MESSAGE_MAX - parser->message.size ? RK_ETOOBIG : RK_OK;
}

int rk_ws_read(struct rk_ws_parser *parser, uint8_t *bytes, size_t size, size_t *ret_used,
	       struct rk_ws_message *ret)
{
	size_t at = 0;

	*ret_used = 0;
	if (parser->opcode == 0) /* the message of the call before is used up */
		rk_buf_clear(&parser->message);
	for (;;) {
		struct frame frame;
		RK_TRY(frame_read(parser, bytes + at, size - at, &frame));
		if (size - at - frame.head_size < frame.size)
			return RK_EAGAIN;
		uint8_t *payload = bytes + at + frame.head_size;
		for (size_t i = 0; frame.mask != NULL && i < frame.size; i++)
			payload[i] ^= frame.mask[i & 3];
		at += frame.head_size + (size_t)frame.size;
		*ret_used = at;
		const struct rk_span part = rk_span_of(payload, (size_t)frame.size);
		if (frame.opcode >= RK_WS_CLOSE || (frame.is_final && frame.opcode != RK_WS_CONT)) {
			*ret = (struct rk_ws_message){ (enum rk_ws_opcode)frame.opcode, part };
			return RK_OK;
		}
		rk_buf_put_span(&parser->message, part);
		if (frame.opcode != RK_WS_CONT)
			parser->opcode = frame.opcode;
		if (frame.is_final) {
			*ret = (struct rk_ws_message){ (enum rk_ws_opcode)parser->opcode,
						       rk_buf_span(&parser->message) };
			parser->opcode = 0;
			return RK_OK;
		}
	}
}

void rk_ws_parser_done(struct rk_ws_parser *parser)
{
	rk_buf_done(&parser->message);
	parser->opcode = 0;
}

void rk_ws_write(struct rk_buf *out, enum rk_ws_opcode opcode, struct rk_span payload,
		 const uint8_t *mask)
{
	const uint8_t mask_bit = mask != NULL ? 0x80 : 0;

	rk_buf_put_u8(out, (uint8_t)(0x80 | opcode));
	if (payload.size < 126) {
		rk_buf_put_u8(out, (uint8_t)(mask_bit | payload.size));
	} else {
		const int size_bytes = payload.size <= UINT16_MAX ? 2 : 8;
		rk_buf_put_u8(out, (uint8_t)(mask_bit | (size_bytes == 2 ? 126 : 127)));
		for (int shift = 8 * (size_bytes - 1); shift >= 0; shift -= 8)
			rk_buf_put_u8(out, (uint8_t)((uint64_t)payload.size >> shift));
	}
	if (mask == NULL) {
		rk_buf_put_span(out, payload);
		return;
	}
	rk_buf_put(out, mask, 4);
	uint8_t *to = rk_buf_room(out, payload.size);
	for (size_t i = 0; i < payload.size; i++)
		to[i] = payload.data[i] ^ mask[i & 3];
	out->size += payload.size;
}

void rk_ws_write_close(struct rk_buf *out, uint16_t code, const uint8_t *mask)
{
	const uint8_t payload[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	rk_ws_write(out, RK_WS_CLOSE, rk_span_of(payload, sizeof payload), mask);
}
