#include "net/dns_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/addresses.h"
#include "net/dns_forward_io.h"
#include "net/dns_zone.h"

#define DATAGRAMS_A_TURN 64
#define CONNS_MAX        128
#define CONN_WAITING_MAX 16    /* questions of one connection that wait for the upstream */
#define CONN_OUT_MAX     65536 /* answers that one does not read: no further questions are taken */
#define IDLE_SECONDS     10.0
#define BACKLOG          128
#define LENGTH_SIZE      2

struct conn {
	ev_io io;
	ev_timer idle;
	struct conn *next, **link;
	struct rk_dns *dns;
	struct rk_buf in, out;
	unsigned waiting;
	bool has_ended; /* the client asks nothing more */
};

struct rk_dns {
	struct ev_loop *loop;
	struct rk_dns_zone *zone;
	struct rk_forward *forward; /* NULL: no upstream */
	ev_io udp, tcp;
	struct conn *conns;
	unsigned conn_count;
	struct rk_buf reply;
	uint8_t datagram[RK_DNS_MESSAGE_MAX];
};

static void conn_settle(struct conn *conn);

/* One answer on its way out: by UDP at once, by TCP into the connection's buffer. */
static void send_reply(struct rk_dns *dns, const struct rk_dns_client *client,
		       struct rk_span message)
{
	struct conn *conn = client->conn;

	if (conn == NULL) {
		/* When the socket's buffer is full the client asks again, as for any lost datagram.
		 */
		(void)!sendto(dns->udp.fd, message.data, message.size, MSG_NOSIGNAL,
			      (const struct sockaddr *)&client->from, sizeof client->from);
		return;
	}
	rk_buf_put_u8(&conn->out, (uint8_t)(message.size >> 8));
	rk_buf_put_u8(&conn->out, (uint8_t)message.size);
	rk_buf_put_span(&conn->out, message);
}

static void send_code(struct rk_dns *dns, const struct rk_dns_client *client,
		      const struct rk_dns_query *query, enum rk_dns_code code)
{
	struct rk_dns_reply reply;

	rk_buf_clear(&dns->reply);
	rk_dns_reply_begin(&reply, &dns->reply, query, RK_DNS_UDP_MIN);
	rk_dns_reply_end(&reply, code, false, dns->forward != NULL);
	send_reply(dns, client, rk_buf_span(&dns->reply));
}

/* Whether the question came to be answered later. */
static bool handle(struct rk_dns *dns, const struct rk_dns_client *client, struct rk_span message)
{
	struct rk_dns_query query;

	if (rk_dns_query_parse(message, &query) < 0)
		return false;
	if (query.code != RK_DNS_NOERROR) {
		send_code(dns, client, &query, query.code);
		return false;
	}
	rk_buf_clear(&dns->reply);
	if (rk_dns_zone_answer(dns->zone, &query,
			       client->conn != NULL ? RK_DNS_MESSAGE_MAX : query.room,
			       dns->forward != NULL, &dns->reply)) {
		send_reply(dns, client, rk_buf_span(&dns->reply));
		return false;
	}
	if (dns->forward != NULL && query.wants_recursion &&
	    rk_forward_ask(dns->forward, client, &query, message))
		return true;
	send_code(dns, client, &query, RK_DNS_SERVFAIL);
	return false;
}

static void on_forwarded(void *context, const struct rk_dns_client *client, struct rk_span asked,
			 struct rk_span answer)
{
	struct rk_dns *dns = context;
	struct conn *conn = client->conn;
	struct rk_dns_query query;

	rk_assert(rk_dns_query_parse(asked, &query) == RK_OK);
	if (answer.size == 0) {
		send_code(dns, client, &query, RK_DNS_SERVFAIL);
	} else if (conn == NULL && answer.size > query.room) {
		rk_buf_clear(&dns->reply);
		rk_buf_put_span(&dns->reply, answer);
		dns->reply.size = rk_dns_truncate(dns->reply.data, dns->reply.size);
		send_reply(dns, client, rk_buf_span(&dns->reply));
	} else {
		send_reply(dns, client, answer);
	}
	if (conn != NULL) {
		conn->waiting--;
		conn_settle(conn);
	}
}

static void on_datagram(struct ev_loop *loop, ev_io *io, int events)
{
	struct rk_dns *dns = RK_CONTAINER(io, struct rk_dns, udp);

	(void)loop, (void)events;
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		struct rk_dns_client client = { .conn = NULL };
		socklen_t size = sizeof client.from;
		const ssize_t got = recvfrom(io->fd, dns->datagram, sizeof dns->datagram, 0,
					     (struct sockaddr *)&client.from, &size);
		if (got < 0)
			return;
		(void)handle(dns, &client, rk_span_of(dns->datagram, (size_t)got));
	}
}

static void conn_free(struct conn *conn)
{
	struct rk_dns *dns = conn->dns;

	if (dns->forward != NULL)
		rk_forward_forget(dns->forward, conn);
	ev_io_stop(dns->loop, &conn->io);
	ev_timer_stop(dns->loop, &conn->idle);
	(void)close(conn->io.fd);
	*conn->link = conn->next;
	if (conn->next != NULL)
		conn->next->link = conn->link;
	dns->conn_count--;
	rk_buf_done(&conn->in);
	rk_buf_done(&conn->out);
	free(conn);
}

static bool may_ask(const struct conn *conn)
{
	return conn->waiting < CONN_WAITING_MAX && conn->out.size < CONN_OUT_MAX;
}

/* Handles whole questions. False: one is longer than any that we take. */
static bool conn_handle(struct conn *conn)
{
	const struct rk_dns_client client = { .conn = conn };

	while (conn->in.size >= LENGTH_SIZE && may_ask(conn)) {
		const size_t size = (size_t)(conn->in.data[0] << 8 | conn->in.data[1]);
		if (size > RK_FORWARD_QUERY_MAX)
			return false;
		if (conn->in.size < LENGTH_SIZE + size)
			break;
		const struct rk_span message =
			rk_span_sub(rk_buf_span(&conn->in), LENGTH_SIZE, size);
		conn->waiting += handle(conn->dns, &client, message);
		rk_buf_consume(&conn->in, LENGTH_SIZE + size);
	}
	return true;
}

/* Does what can be done, and waits for what can come. The connection may be gone afterwards. */
static void conn_settle(struct conn *conn)
{
	struct ev_loop *loop = conn->dns->loop;

	const bool is_sound = conn_handle(conn);
	const ssize_t sent = conn->out.size > 0 ? send(conn->io.fd, conn->out.data, conn->out.size,
						       MSG_NOSIGNAL | MSG_DONTWAIT)
						: 0;
	if (sent > 0)
		rk_buf_consume(&conn->out, (size_t)sent);
	const bool is_over = conn->has_ended && conn->waiting == 0 && conn->out.size == 0;
	if (!is_sound || is_over || (sent < 0 && errno != EAGAIN && errno != EINTR)) {
		conn_free(conn);
		return;
	}
	const bool reads = !conn->has_ended && may_ask(conn);
	ev_io_stop(loop, &conn->io);
	ev_io_set(&conn->io, conn->io.fd,
		  (reads ? EV_READ : 0) | (conn->out.size > 0 ? EV_WRITE : 0));
	ev_io_start(loop, &conn->io);
}

static void on_conn(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *conn = RK_CONTAINER(io, struct conn, io);

	if ((events & EV_READ) != 0) {
		uint8_t *room = rk_buf_room(&conn->in, RK_FORWARD_QUERY_MAX);
		const ssize_t got = recv(io->fd, room, RK_FORWARD_QUERY_MAX, 0);
		if (got < 0 && errno != EAGAIN && errno != EINTR) {
			conn_free(conn);
			return;
		}
		conn->has_ended |= got == 0;
		conn->in.size += got > 0 ? (size_t)got : 0;
	}
	ev_timer_again(loop, &conn->idle);
	conn_settle(conn);
}

static void on_idle(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	conn_free(RK_CONTAINER(timer, struct conn, idle));
}

static void on_connect(struct ev_loop *loop, ev_io *io, int events)
{
	struct rk_dns *dns = RK_CONTAINER(io, struct rk_dns, tcp);
	RK_AUTO(rk_drop_fd) int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0 || dns->conn_count >= CONNS_MAX)
		return;
	struct conn *conn = rk_zalloc(sizeof *conn);
	conn->dns = dns;
	conn->next = dns->conns;
	conn->link = &dns->conns;
	if (conn->next != NULL)
		conn->next->link = &conn->next;
	dns->conns = conn;
	dns->conn_count++;
	ev_io_init(&conn->io, on_conn, rk_take_fd(&fd), EV_READ);
	ev_io_start(loop, &conn->io);
	ev_timer_init(&conn->idle, on_idle, 0., IDLE_SECONDS);
	ev_timer_again(loop, &conn->idle);
}

static int parse_address(const char *text, struct sockaddr_in *ret, struct rk_error *error)
{
	struct rk_span host;
	const struct rk_span port = rk_span_cut(rk_span_str(text), ':', &host);
	uint32_t address;
	uint64_t number;

	if (!rk_ipv4_parse(host, &address) || !rk_span_u64(port, &number) || number > UINT16_MAX)
		return rk_fail(error, RK_EINVAL, "\"%s\" is not an IPv4 address and port", text);
	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons((uint16_t)number),
				     .sin_addr.s_addr = htonl(address) };
	return RK_OK;
}

static int listen_at(const struct sockaddr_in *at, int type, const char *text, int *ret,
		     struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0)
		return rk_fail_errno(error, "cannot serve DNS on %s", text);
	if (type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)at, sizeof *at) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
		if (errno == EADDRINUSE)
			return rk_fail(error, RK_EBUSY,
				       "cannot serve DNS on %s: the port is in use", text);
		return rk_fail_errno(error, "cannot serve DNS on %s", text);
	}
	*ret = rk_take_fd(&fd);
	return RK_OK;
}

static int open_parts(struct rk_dns *dns, const struct rk_dns_opts *opts, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int udp = -1, tcp = -1;
	struct sockaddr_in at;

	RK_TRY(parse_address(opts->address, &at, error));
	RK_TRY(rk_dns_zone_new(&dns->zone, opts->domain, error));
	if (opts->upstream != NULL) {
		RK_TRY(rk_forward_open(&dns->forward, opts->loop, opts->upstream, on_forwarded, dns,
				       error));
		if (rk_forward_is(dns->forward, &at))
			return rk_fail(error, RK_EINVAL, "the upstream resolver %s is this one",
				       opts->upstream);
	}
	RK_TRY(listen_at(&at, SOCK_DGRAM, opts->address, &udp, error));
	RK_TRY(listen_at(&at, SOCK_STREAM, opts->address, &tcp, error));
	ev_io_init(&dns->udp, on_datagram, rk_take_fd(&udp), EV_READ);
	ev_io_init(&dns->tcp, on_connect, rk_take_fd(&tcp), EV_READ);
	ev_io_start(dns->loop, &dns->udp);
	ev_io_start(dns->loop, &dns->tcp);
	return RK_OK;
}

int rk_dns_open(struct rk_dns **ret, const struct rk_dns_opts *opts, struct rk_error *error)
{
	struct rk_dns *dns = rk_zalloc(sizeof *dns);

	dns->loop = opts->loop;
	dns->udp.fd = dns->tcp.fd = -1;
	const int rc = open_parts(dns, opts, error);
	if (rc < 0) {
		(void)rk_dns_close(dns);
		return rc;
	}
	*ret = dns;
	return RK_OK;
}

struct rk_dns *rk_dns_close(struct rk_dns *dns)
{
	if (dns == NULL)
		return NULL;
	while (dns->conns != NULL)
		conn_free(dns->conns);
	(void)rk_forward_close(dns->forward);
	if (dns->udp.fd >= 0) {
		ev_io_stop(dns->loop, &dns->udp);
		ev_io_stop(dns->loop, &dns->tcp);
		(void)close(dns->udp.fd);
		(void)close(dns->tcp.fd);
	}
	(void)rk_dns_zone_free(dns->zone);
	rk_buf_done(&dns->reply);
	free(dns);
	return NULL;
}

void rk_dns_put(struct rk_dns *dns, struct rk_span ns, struct rk_span name,
		const struct rk_val *service)
{
	rk_dns_zone_put(dns->zone, ns, name, service);
}

void rk_dns_put_slice(struct rk_dns *dns, struct rk_span ns, struct rk_span name,
		      const struct rk_val *slice)
{
	rk_dns_zone_put_slice(dns->zone, ns, name, slice);
}
