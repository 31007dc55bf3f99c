/* tests/wire/web.h - a server for the tests of HTTP, whose paths do what the tests need. */
#ifndef RK_TESTS_WIRE_WEB_H
#define RK_TESTS_WIRE_WEB_H

#include "help.h"
#include "wire/http_io.h"

#define FLOOD_SIZE (6u << 20)

/* /echo: "METHOD path?query body" at once; /later: the same from a timer; /stream: "one", "two",
 * "three" in pieces; /watch: "begun\n", then nothing; /flood: FLOOD_SIZE bytes, waiting for
 * `drained`; /abort: "part", then cut off; /upgrade: 101, then every byte comes back; /silent:
 * never answered. */
struct web {
	struct ev_loop *loop;
	struct rk_http_server *server;
	char address[32];
	uint16_t port;
	unsigned requests, gone, drained;
	size_t flood_left;
	bool is_quiet; /* every request is gone */
	struct rk_http_exchange *late;
	ev_timer timer;
	struct rk_stream *upgraded;
};

void web_open(struct web *web, struct rk_tls *tls);
void web_close(struct web *web);

#endif
