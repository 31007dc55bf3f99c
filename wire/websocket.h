/* wire/websocket.h - WebSocket (RFC 6455) frames as pure codecs, and the opening handshake's arithmetic. */
#ifndef RK_WIRE_WEBSOCKET_H
#define RK_WIRE_WEBSOCKET_H

#include "base/buf.h"
#include "base/err.h"

#define RK_WS_MESSAGE_MAX (1u << 20)

enum rk_ws_opcode { RK_WS_CONT = 0, RK_WS_TEXT = 1, RK_WS_BINARY = 2, RK_WS_CLOSE = 8, RK_WS_PING = 9, RK_WS_PONG = 10 };

/* Sec-WebSocket-Accept for the client's Sec-WebSocket-Key. RK_EINVAL when the key is not 16 bytes in base64. */
RK_MUST_CHECK int rk_ws_accept(struct rk_span key, char ret[32]);
/* Chooses the first of `supported` (ends with NULL) that the header Sec-WebSocket-Protocol offers; NULL: none. */
const char *rk_ws_protocol(struct rk_span offered, const char *const *supported);

struct rk_ws_parser { /* all zero at first; is_client: it reads what a server sends (unmasked) */
	bool is_client;
	struct rk_buf message; /* fragments so far */
	int opcode;
};
struct rk_ws_message {
	enum rk_ws_opcode opcode; /* never CONT: fragments are joined */
	struct rk_span payload;   /* borrowed until the next call; unmasked in place */
};
/* Takes one whole message from the front of `bytes` (changed by unmasking); *ret_used is how many bytes went. RK_EAGAIN: not
 * whole yet (bytes may have gone into the parser); RK_EINVAL: breaks the protocol; RK_ETOOBIG. */
RK_MUST_CHECK int rk_ws_read(struct rk_ws_parser *parser, uint8_t *bytes, size_t size, size_t *ret_used,
			     struct rk_ws_message *ret);
void rk_ws_parser_done(struct rk_ws_parser *parser);
/* Appends one frame. mask: NULL for servers, 4 bytes for clients. */
void rk_ws_write(struct rk_buf *out, enum rk_ws_opcode opcode, struct rk_span payload, const uint8_t *mask);
void rk_ws_write_close(struct rk_buf *out, uint16_t code, const uint8_t *mask);

#endif
