#include "tests/bench/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "wire/grpc.h"

#define WINDOW   (64 << 20)
#define READ_MAX (256u << 10)
#define TAIL     64 /* bytes of a bulk answer that are kept */

struct caller {
	struct ev_loop *loop;
	nghttp2_session *session;
	int fd;
	ev_io io;
	ev_prepare flush; /* before the loop sleeps: one write for all that was started */
	struct rk_buf out;
	size_t sent; /* of out */
	char authority[64];
	void *context;
	void (*broken)(void *context);
	bool is_broken;
	uint8_t in[READ_MAX];
};

struct call {
	struct caller *caller;
	struct call_opts opts;
	int32_t id;
	struct rk_buf out, in;
	size_t taken; /* of out */
	size_t bytes;
	bool is_deferred;
	int status;
	char text[96];
};

static void die(const char *what)
{
	(void)fprintf(stderr, "loader: %s\n", what);
	exit(1);
}

/* --- nghttp2's side --- */

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room,
		       uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct call *call = source->ptr;
	const size_t size = RK_MIN(room, call->out.size - call->taken);

	(void)session;
	(void)id;
	(void)context;
	if (size == 0 && call->opts.is_stream) {
		call->is_deferred = true;
		rk_buf_clear(&call->out);
		call->taken = 0;
		return NGHTTP2_ERR_DEFERRED;
	}
	memcpy(bytes, call->out.data + call->taken, size);
	call->taken += size;
	if (!call->opts.is_stream && call->taken == call->out.size)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)size;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
		     void *context)
{
	struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	const struct rk_span key = rk_span_of(name, name_size);

	(void)flags;
	(void)context;
	if (call == NULL)
		return 0;
	if (rk_span_is(key, "grpc-status"))
		call->status = atoi((const char *)value);
	else if (rk_span_is(key, "grpc-message"))
		(void)snprintf(call->text, sizeof call->text, "%.*s", (int)value_size,
			       (const char *)value);
	return 0;
}

static int on_bulk(struct call *call, struct rk_span bytes)
{
	const size_t kept = RK_MIN(bytes.size, (size_t)TAIL);

	if (call->in.size + kept > 2 * TAIL)
		rk_buf_consume(&call->in, call->in.size - TAIL);
	rk_buf_put_span(&call->in, rk_span_sub(bytes, bytes.size - kept, kept));
	return 0;
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		    size_t size, void *context)
{
	struct call *call = nghttp2_session_get_stream_user_data(session, id);
	struct rk_span left = rk_span_of(data, size), message;

	(void)flags;
	(void)context;
	if (call == NULL)
		return 0;
	call->bytes += size;
	if (call->opts.is_bulk)
		return on_bulk(call, left);
	if (call->in.size > 0) { /* the rest of one that came in part */
		rk_buf_put_span(&call->in, left);
		left = rk_buf_span(&call->in);
	}
	while (rk_grpc_next(&left, 1u << 30, &message) == 1)
		call->opts.message(call->opts.context, call, message);
	if (call->in.size > 0)
		rk_buf_consume(&call->in, call->in.size - left.size);
	else
		rk_buf_put_span(&call->in, left);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct call *call = nghttp2_session_get_stream_user_data(session, id);

	(void)code;
	(void)context;
	if (call == NULL)
		return 0;
	if (call->opts.is_bulk && call->status == 0)
		call->opts.message(call->opts.context, call, rk_buf_span(&call->in));
	if (call->opts.done != NULL)
		call->opts.done(call->opts.context, call->status, call->text);
	rk_buf_done(&call->out);
	rk_buf_done(&call->in);
	free(call);
	return 0;
}

/* --- the socket --- */

static void broke(struct caller *caller)
{
	if (caller->broken == NULL)
		die("the connection was closed");
	if (!caller->is_broken)
		caller->broken(caller->context);
	caller->is_broken = true;
	ev_io_stop(caller->loop, &caller->io);
}

static void flush(struct caller *caller)
{
	const uint8_t *bytes = NULL;
	ssize_t size;

	while (!caller->is_broken) {
		while (caller->out.size - caller->sent < READ_MAX &&
		       (size = nghttp2_session_mem_send(caller->session, &bytes)) > 0)
			rk_buf_put(&caller->out, bytes, (size_t)size);
		if (caller->out.size == caller->sent)
			break;
		size = send(caller->fd, caller->out.data + caller->sent,
			    caller->out.size - caller->sent, MSG_NOSIGNAL);
		if (size < 0 && errno != EAGAIN)
			broke(caller);
		if (size < 0)
			break;
		caller->sent += (size_t)size;
		if (caller->sent == caller->out.size)
			caller->out.size = caller->sent = 0;
	}
	const int events = EV_READ | (caller->out.size > caller->sent ? EV_WRITE : 0);
	if (!caller->is_broken && events != (caller->io.events & (EV_READ | EV_WRITE))) {
		ev_io_stop(caller->loop, &caller->io);
		ev_io_set(&caller->io, caller->fd, events);
		ev_io_start(caller->loop, &caller->io);
	}
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct caller *caller = RK_CONTAINER(io, struct caller, io);

	(void)loop;
	if ((events & EV_READ) == 0)
		return; /* `flush` comes before the loop sleeps */
	const ssize_t size = recv(caller->fd, caller->in, sizeof caller->in, 0);
	if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
		broke(caller);
	else if (size > 0 &&
		 nghttp2_session_mem_recv(caller->session, caller->in, (size_t)size) != size)
		broke(caller);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	(void)loop;
	(void)events;
	flush(RK_CONTAINER(prepare, struct caller, flush));
}

static int connect_to(const char *address)
{
	const struct rk_span whole = rk_span_str(address);
	struct rk_span host;
	uint64_t port = 0;
	const int one = 1;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (!rk_span_u64(rk_span_cut(whole, ':', &host), &port))
		die("an endpoint is not 127.0.0.1:PORT");
	to.sin_port = htons((uint16_t)port);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("no socket");
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0) {
		(void)close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static nghttp2_session *session_new(struct caller *caller)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
	};
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_session *session = NULL;

	rk_assert(nghttp2_session_callbacks_new(&callbacks) == 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	rk_assert(nghttp2_session_client_new(&session, callbacks, caller) == 0);
	nghttp2_session_callbacks_del(callbacks);
	rk_assert(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
					  RK_COUNT(settings)) == 0);
	rk_assert(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW) ==
		  0);
	return session;
}

struct caller *caller_new(struct ev_loop *loop, const char *address, void *context,
			  void (*broken)(void *context))
{
	const int fd = connect_to(address);

	if (fd < 0)
		return NULL;
	struct caller *caller = rk_zalloc(sizeof *caller);
	caller->loop = loop;
	caller->fd = fd;
	caller->context = context;
	caller->broken = broken;
	caller->session = session_new(caller);
	(void)snprintf(caller->authority, sizeof caller->authority, "%s", address);
	ev_io_init(&caller->io, on_io, fd, EV_READ);
	ev_io_start(loop, &caller->io);
	ev_prepare_init(&caller->flush, on_prepare);
	ev_prepare_start(loop, &caller->flush);
	return caller;
}

struct caller *caller_free(struct caller *caller)
{
	if (caller == NULL)
		return NULL;
	ev_io_stop(caller->loop, &caller->io);
	ev_prepare_stop(caller->loop, &caller->flush);
	nghttp2_session_del(caller->session);
	(void)close(caller->fd);
	rk_buf_done(&caller->out);
	free(caller);
	return NULL;
}

/* --- calls --- */

static void put_message(struct call *call, struct rk_span message)
{
	const size_t begun = rk_grpc_begin(&call->out);

	rk_buf_put_span(&call->out, message);
	rk_grpc_end(&call->out, begun);
}

static nghttp2_nv nv_of(const char *name, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
			     .namelen = strlen(name),
			     .value = (uint8_t *)(uintptr_t)value,
			     .valuelen = strlen(value),
			     .flags =
				     NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE };
}

struct call *call_start(struct caller *caller, const struct call_opts *opts, struct rk_span message)
{
	struct call *call = rk_zalloc(sizeof *call);
	const nghttp2_data_provider provider = { { .ptr = call }, on_read };
	const nghttp2_nv head[] = {
		nv_of(":method", "POST"),
		nv_of(":scheme", "http"),
		nv_of(":path", opts->path),
		nv_of(":authority", caller->authority),
		nv_of("content-type", "application/grpc"),
		nv_of("te", "trailers"),
	};

	call->caller = caller;
	call->opts = *opts;
	call->status = -1;
	put_message(call, message);
	call->id = nghttp2_submit_request(caller->session, NULL, head, RK_COUNT(head), &provider,
					  call);
	if (call->id < 0)
		die("a request cannot be made");
	return call;
}

void call_send(struct call *call, struct rk_span message)
{
	put_message(call, message);
	if (!call->is_deferred)
		return;
	call->is_deferred = false;
	(void)nghttp2_session_resume_data(call->caller->session, call->id);
}

size_t call_bytes(const struct call *call) { return call->bytes; }
