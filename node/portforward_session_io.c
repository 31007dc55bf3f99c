/* For each connection the client opens two streams: `error`, on which at most one line is said, and
 * `data`. kubectl heeds no windows (wire/spdy.h): what holds it back is that nothing is read, which
 * holds all its connections back while one pod does not read. */
#include "base/mem.h"
#include "node/portforward_io.h"
#include "wire/spdy.h"

#define IDLE_MS   (4u * 3600 * 1000)
#define OPEN_S    30.0         /* for the client to open the second stream */
#define LINGER_S  30.0         /* a client's silence on a connection that the pod has ended */
#define QUEUE_MAX (256u << 10) /* bytes that wait for the client's window */
#define ID_MAX    64

struct pair { /* a connection; there are no more than SPDY has streams */
	struct pair *next;
	struct session *session;
	char id[ID_MAX];
	uint32_t error, data; /* streams; 0: not there */
	uint16_t port;
	bool is_started;
	struct rk_portforward *forward;
	struct rk_buf queue;     /* from the pod */
	bool has_ended, is_said; /* the pod sends no more; and the client knows */
	bool has_client_ended;
	bool is_full;
	uint32_t unread; /* bytes taken and not yet given back to the window */
	ev_timer deadline;
};

struct session {
	struct rk_session listed;
	struct rk_ws_end client; /* of a plain SPDY connection only the stream */
	bool is_websocket, is_client_full;
	struct ev_loop *loop;
	struct rk_spdy *spdy;
	struct rk_portforward_place place;
	char uid[80];
	struct pair *pairs;
};

static void settle_reading(struct session *session)
{
	for (const struct pair *pair = session->pairs; pair != NULL; pair = pair->next)
		if (pair->is_full)
			return;
	rk_stream_resume(session->client.stream);
}

static void pair_free(struct pair *pair)
{
	struct session *session = pair->session;
	struct pair **link = &session->pairs;

	while (*link != pair)
		link = &(*link)->next;
	*link = pair->next;
	ev_timer_stop(session->loop, &pair->deadline);
	pair->forward = rk_portforward_close(pair->forward);
	if (pair->is_full)
		settle_reading(session);
	rk_buf_done(&pair->queue);
	free(pair);
}

static void session_free(struct session *session)
{
	rk_session_unlink(&session->listed);
	while (session->pairs != NULL) {
		session->pairs->is_full = false; /* nothing is read any more */
		pair_free(session->pairs);
	}
	session->spdy = rk_spdy_free(session->spdy);
	rk_ws_end_done(&session->client);
	free(session);
}

static void flush(struct session *session)
{
	struct rk_buf *out = rk_spdy_out(session->spdy);
	bool has_room = true;

	if (out->size > 0 && session->is_websocket)
		has_room = rk_ws_end_send(&session->client, rk_buf_span(out));
	else if (out->size > 0)
		has_room = rk_stream_write(session->client.stream, rk_buf_span(out));
	rk_buf_clear(out);
	if (!has_room) /* until it is drained */
		session->is_client_full = true;
}

static void set_deadline(struct pair *pair, double seconds)
{
	ev_timer_stop(pair->session->loop, &pair->deadline);
	ev_timer_set(&pair->deadline, seconds, 0);
	ev_timer_start(pair->session->loop, &pair->deadline);
}

/* Ends our half of both streams, after a line on the error stream or without one. */
static void say_end(struct pair *pair, struct rk_span line)
{
	struct rk_spdy *spdy = pair->session->spdy;

	rk_spdy_write(spdy, pair->error, rk_span_sub(line, 0, rk_spdy_room(spdy, pair->error)),
		      true);
	rk_spdy_write(spdy, pair->data, (struct rk_span){ 0 }, true);
	pair->has_ended = pair->is_said = true;
	set_deadline(pair, LINGER_S);
}

static void say_failure(struct pair *pair, const struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf line = { 0 };

	rk_buf_printf(&line, "error forwarding port %u to pod %s, uid : %s", pair->port,
		      pair->session->uid, error->text);
	say_end(pair, rk_buf_span(&line));
}

/* As much as the window allows; the pair is freed once both sides know of the end. */
static void pump(struct pair *pair)
{
	struct session *session = pair->session;

	while (pair->queue.size > 0) {
		const size_t room =
			RK_MIN(rk_spdy_room(session->spdy, pair->data), pair->queue.size);
		if (room == 0)
			break;
		rk_spdy_write(session->spdy, pair->data, rk_span_of(pair->queue.data, room), false);
		rk_buf_consume(&pair->queue, room);
	}
	if (pair->queue.size == 0 && pair->has_ended && !pair->is_said)
		say_end(pair, (struct rk_span){ 0 });
	flush(session);
	if (pair->forward != NULL)
		rk_portforward_pause(pair->forward,
				     session->is_client_full || pair->queue.size > QUEUE_MAX);
	else if (pair->is_said && pair->has_client_ended)
		pair_free(pair);
}

static void pump_all(struct session *session)
{
	for (struct pair *pair = session->pairs, *next; pair != NULL; pair = next) {
		next = pair->next;
		pump(pair);
	}
	flush(session);
}

/* --- from the pod --- */

static void on_pod_data(void *context, struct rk_span bytes)
{
	struct pair *pair = context;

	rk_buf_put_span(&pair->queue, bytes);
	pump(pair);
}

static void on_pod_finished(void *context)
{
	struct pair *pair = context;

	pair->has_ended = true;
	pump(pair);
}

static void on_input_drained(void *context)
{
	struct pair *pair = context;

	rk_spdy_consumed(pair->session->spdy, pair->data, pair->unread);
	pair->unread = 0;
	pair->is_full = false;
	settle_reading(pair->session);
	flush(pair->session);
}

/* The pod hung up in the middle: the client sees a stream that breaks off, as it would see a
 * connection. That is no failure of the forwarding: upstream's clients end at those. */
static void break_off(struct pair *pair)
{
	struct rk_spdy *spdy = pair->session->spdy;

	rk_spdy_write(spdy, pair->error, (struct rk_span){ 0 }, true);
	rk_spdy_reset(spdy, pair->data);
	pair_free(pair);
}

static void on_pod_closed(void *context, bool was_connected, const struct rk_error *error)
{
	struct pair *pair = context;
	struct session *session = pair->session;

	pair->forward = NULL;
	if (pair->is_full)
		on_input_drained(pair); /* what comes from now on is dropped, so it may come */
	if (!was_connected)
		say_failure(pair, error);
	if (pair->has_ended)
		pump(pair);
	else
		break_off(pair);
	flush(session);
}

/* --- from the client --- */

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct pair *pair = timer->data;
	struct session *session = pair->session;
	struct rk_spdy *spdy = session->spdy;

	(void)loop, (void)events;
	if (!pair->is_said)
		rk_spdy_write(spdy, pair->error,
			      rk_span_sub(RK_SPAN("timed out waiting for streams"), 0,
					  rk_spdy_room(spdy, pair->error)),
			      true);
	rk_spdy_reset(spdy, pair->data);
	pair_free(pair);
	flush(session);
}

static struct pair *pair_new(struct session *session, const char *id)
{
	struct pair *pair = rk_zalloc(sizeof *pair);

	pair->session = session;
	(void)snprintf(pair->id, sizeof pair->id, "%s", id);
	ev_init(&pair->deadline, on_deadline);
	pair->deadline.data = pair;
	pair->next = session->pairs;
	session->pairs = pair;
	set_deadline(pair, OPEN_S);
	return pair;
}

static struct pair *waiting_pair(struct session *session, const char *id)
{
	for (struct pair *pair = session->pairs; pair != NULL; pair = pair->next)
		if (!pair->is_started && strcmp(pair->id, id) == 0)
			return pair;
	return NULL;
}

static struct pair *pair_of(struct session *session, uint32_t stream)
{
	for (struct pair *pair = session->pairs; pair != NULL; pair = pair->next)
		if (pair->error == stream || pair->data == stream)
			return pair;
	return NULL;
}

static void start(struct pair *pair)
{
	struct rk_error error = { 0 };
	const struct rk_portforward_opts opts = {
		.loop = pair->session->loop,
		.place = pair->session->place,
		.port = pair->port,
		.context = pair,
		.data = on_pod_data,
		.finished = on_pod_finished,
		.input_drained = on_input_drained,
		.closed = on_pod_closed,
	};

	pair->is_started = true;
	ev_timer_stop(pair->session->loop, &pair->deadline);
	if (rk_portforward_start(&pair->forward, &opts, &error) < 0)
		say_failure(pair, &error);
	else if (pair->has_client_ended)
		rk_portforward_close_input(pair->forward);
}

struct opening { /* what the headers of a new stream say */
	bool is_data;
	uint16_t port;
	char id[ID_MAX];
};

static bool read_headers(const struct rk_spdy_event *event, struct opening *ret)
{
	struct rk_span type = { 0 }, port = { 0 }, id = { 0 };
	uint64_t number = 0;

	for (size_t i = 0; i < event->header_count; i++) {
		const struct rk_spdy_header *header = &event->headers[i];

		if (rk_span_is(header->name, "streamtype"))
			type = header->value;
		else if (rk_span_is(header->name, "port"))
			port = header->value;
		else if (rk_span_is(header->name, "requestid"))
			id = header->value;
	}
	ret->is_data = rk_span_is(type, "data");
	if ((!ret->is_data && !rk_span_is(type, "error")) || !rk_span_u64(port, &number) ||
	    number == 0 || number > 65535 || id.size >= ID_MAX)
		return false;
	ret->port = (uint16_t)number;
	/* Old clients send no id, but open the data stream right after the error stream. */
	if (id.size == 0)
		(void)snprintf(ret->id, ID_MAX, "stream %u",
			       ret->is_data ? event->stream - 2 : event->stream);
	else
		(void)snprintf(ret->id, ID_MAX, "%.*s", RK_SPAN_ARGS(id));
	return true;
}

static void on_open(struct session *session, const struct rk_spdy_event *event)
{
	struct opening opening = { 0 };
	struct pair *pair = NULL;

	if (!read_headers(event, &opening)) {
		rk_spdy_reset(session->spdy, event->stream);
		return;
	}
	pair = waiting_pair(session, opening.id);
	if (pair == NULL)
		pair = pair_new(session, opening.id);
	uint32_t *stream = opening.is_data ? &pair->data : &pair->error;
	if (*stream != 0) { /* the same one twice */
		rk_spdy_reset(session->spdy, event->stream);
		return;
	}
	*stream = event->stream;
	pair->port = opening.port;
	if (opening.is_data)
		pair->has_client_ended = event->is_fin;
	rk_spdy_reply(session->spdy, event->stream);
	if (pair->data != 0 && pair->error != 0)
		start(pair);
}

static void on_stream_data(struct session *session, const struct rk_spdy_event *event)
{
	struct pair *pair = pair_of(session, event->stream);

	if (pair == NULL || pair->data != event->stream || pair->forward == NULL) {
		rk_spdy_consumed(session->spdy, event->stream, event->data.size);
	} else if (event->data.size > 0 && !rk_portforward_write(pair->forward, event->data)) {
		pair->is_full = true;
		pair->unread += (uint32_t)event->data.size;
		rk_stream_pause(session->client.stream);
	} else {
		rk_spdy_consumed(session->spdy, event->stream, event->data.size);
	}
	if (pair == NULL || pair->data != event->stream)
		return;
	if (pair->is_said)
		set_deadline(pair, LINGER_S);
	if (!event->is_fin)
		return;
	pair->has_client_ended = true;
	if (pair->forward != NULL)
		rk_portforward_close_input(pair->forward);
}

static void on_reset(struct session *session, uint32_t stream)
{
	struct pair *pair = pair_of(session, stream);

	if (pair == NULL)
		return;
	if (pair->error == stream && pair->data != 0) {
		pair->error = 0; /* it does not want to hear what goes wrong */
		return;
	}
	rk_spdy_write(session->spdy, pair->error, (struct rk_span){ 0 }, true);
	pair_free(pair);
}

static int on_bytes(void *context, struct rk_span bytes)
{
	struct session *session = context;
	struct rk_spdy_event event;

	RK_TRY(rk_spdy_feed(session->spdy, bytes));
	while (rk_spdy_next(session->spdy, &event))
		switch (event.kind) {
		case RK_SPDY_OPEN: on_open(session, &event); break;
		case RK_SPDY_DATA: on_stream_data(session, &event); break;
		case RK_SPDY_RESET: on_reset(session, event.stream); break;
		case RK_SPDY_REPLY:
		case RK_SPDY_AWAY: /* it ends by closing the connection */
		case RK_SPDY_ROOM: break;
		}
	return 0;
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct session *session = context;
	const int err = session->is_websocket
				? rk_ws_end_feed(&session->client, bytes, on_bytes, session)
				: on_bytes(session, bytes);

	if (err < 0) {
		(void)rk_stream_close(stream);
		session_free(session);
	} else {
		pump_all(session);
	}
	return bytes.size;
}

static void on_drained(void *context, struct rk_stream *stream)
{
	struct session *session = context;

	(void)stream;
	session->is_client_full = false;
	pump_all(session);
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	(void)stream, (void)error;
	session_free(context);
}

static const struct rk_stream_events events = { .data = on_data,
						.drained = on_drained,
						.closed = on_closed };

static void end(struct rk_session *listed)
{
	struct session *session = RK_CONTAINER(listed, struct session, listed);

	(void)rk_stream_close(session->client.stream);
	session_free(session);
}

static struct rk_stream *upgrade(struct rk_http_exchange *exchange, bool is_websocket)
{
	static const char *const plain[] = { "portforward.k8s.io", NULL };
	static const char *const tunnelled[] = { "SPDY/3.1+portforward.k8s.io", NULL };
	const char *protocol = is_websocket ? rk_session_ws_protocol(exchange, tunnelled)
					    : rk_session_spdy_protocol(exchange, plain);

	if (protocol == NULL)
		return NULL;
	return is_websocket ? rk_session_ws(exchange, protocol)
			    : rk_session_spdy(exchange, protocol);
}

void rk_portforward_serve(struct rk_http_exchange *exchange, struct ev_loop *loop,
			  const struct rk_portforward_place *place, struct rk_session **list)
{
	const bool is_websocket = rk_session_wants(exchange, "websocket");
	struct rk_stream *stream = upgrade(exchange, is_websocket);

	if (stream == NULL)
		return;
	struct session *session = rk_zalloc(sizeof *session);
	session->client.stream = stream;
	session->is_websocket = is_websocket;
	session->loop = loop;
	session->spdy = rk_spdy_new(true);
	session->place = *place;
	(void)snprintf(session->uid, sizeof session->uid, "%.*s", RK_SPAN_ARGS(place->uid));
	session->place.uid = rk_span_str(session->uid);
	session->listed.end = end;
	rk_session_link(&session->listed, list);
	rk_stream_idle_ms(stream, IDLE_MS);
	rk_stream_hand_over(stream, &events, session);
}
