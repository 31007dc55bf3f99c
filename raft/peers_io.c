#include "raft/peers_io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/queue_io.h"
#include "base/vfs_io.h"
#include "raft/peerlink_io.h"
#include "raft/send_io.h"

#define INCOMING_MAX 64 /* connections */
#define RETRY_MIN_S  0.05
#define RETRY_MAX_S  1.0
#define PING_S       2.0
#define PATIENCE_S   10.0

struct outlink { /* to one peer */
	struct rk_peers *peers;
	uint64_t id;
	char address[RK_ADDRESS_MAX];
	struct rk_stream *stream;
	bool is_open, said_down;
	double retry_s;
	ev_timer retry;
	struct rk_buf in;    /* a peer that does not dial us answers on this connection */
	uint8_t transfers;   /* the version that it knows; 0: has not said */
	struct rk_send send; /* a snapshot on its way; offered as soon as it has said that */
	uint64_t numbers;    /* that transfers over this link had */
	ev_tstamp moved_s;   /* when it got further last */
};

enum command_kind {
	COMMAND_SET,
	COMMAND_SEND,
	COMMAND_SNAPSHOT,
	COMMAND_SNAPSHOT_DONE,
	COMMAND_STOP
};

struct command {
	struct rk_message message;
	struct rk_raft_msg *msg; /* these are owned; NULL where they do not belong */
	struct rk_config *config;
	struct rk_snapshot_meta *meta;
	uint64_t peer, term;
};

struct rk_peers {
	struct rk_peers_opts opts;
	char *snapshot_dir;
	pthread_t thread;
	struct ev_loop *loop;
	struct rk_queue *queue;
	ev_io queue_io, listen_io;
	ev_timer ping; /* and accepting again, after the process ran out of files */
	size_t out_count;
	struct outlink *out[RK_MEMBERS_MAX];
	size_t in_count;
	struct rk_inlink *in[INCOMING_MAX];
	struct rk_receive *receive;
	struct rk_buf scratch, frame;
};

/* --- out --- */

static void end_transfer(struct outlink *link, bool ok)
{
	if (link->send.fd < 0)
		return;
	rk_send_end(&link->send);
	link->peers->opts.snapshot_sent(link->peers->opts.context, link->id, ok);
}

static void give_up(struct outlink *link, const char *why)
{
	if (link->send.fd >= 0 && why != NULL)
		rk_log(RK_LOG_WARN, "snapshot not sent", "to=%llu taken=%llu why=\"%s\"",
		       (unsigned long long)link->id, (unsigned long long)link->send.taken, why);
	end_transfer(link, false);
}

static void write_frame(struct outlink *link, enum rk_link_frame kind, struct rk_span payload)
{
	struct rk_buf *frame = &link->peers->frame;

	rk_buf_clear(frame);
	rk_link_frame(frame, kind, payload);
	(void)rk_stream_write(link->stream, rk_buf_span(frame));
}

/* Chunks go while the peer and the connection take them; its answers and `drained` go on. */
static void pump_transfer(struct outlink *link)
{
	struct rk_buf *chunk = &link->peers->scratch;
	int more = 1;

	while (link->send.fd >= 0 && rk_stream_queued(link->stream) < RK_STREAM_QUEUE_HIGH) {
		rk_buf_clear(chunk);
		more = rk_send_next(&link->send, chunk);
		if (more <= 0)
			break;
		write_frame(link, RK_LINK_CHUNK, rk_buf_span(chunk));
	}
	if (more < 0)
		give_up(link, "cannot read it");
}

static void offer(struct outlink *link)
{
	struct rk_buf *payload = &link->peers->scratch;

	if (link->send.fd < 0 || link->transfers == 0)
		return;
	if (link->transfers != RK_TRANSFER_VERSION) {
		give_up(link, "it is of another version");
		return;
	}
	rk_buf_clear(payload);
	rk_offer_encode(&link->send.offer, payload);
	write_frame(link, RK_LINK_OFFER, rk_buf_span(payload));
}

static void give_up_if_stuck(struct outlink *link, ev_tstamp now_s)
{
	if (now_s - link->moved_s < link->peers->opts.patience_s)
		return;
	give_up(link, link->transfers == 0
			      ? "it is of an older version, which takes none from this one"
			      : "it takes nothing any more");
}

static void out_opened(void *context, struct rk_stream *stream)
{
	struct outlink *link = context;
	struct rk_buf hello = { 0 };

	rk_link_hello(&hello, &link->peers->opts, link->id);
	(void)rk_stream_write(stream, rk_buf_span(&hello));
	rk_buf_done(&hello);
	link->is_open = true;
	link->retry_s = RETRY_MIN_S;
	if (link->said_down)
		rk_log(RK_LOG_INFO, "peer connected", "id=%llu address=%s",
		       (unsigned long long)link->id, link->address);
	link->said_down = false;
}

static void out_message(struct outlink *link, struct rk_span payload)
{
	const struct rk_peers_opts *opts = &link->peers->opts;
	struct rk_raft_msg *msg = NULL;

	if (rk_raft_msg_decode(payload, &msg) < 0)
		return;
	if (msg->from != link->id || msg->to != opts->self ||
	    (msg->kind == RK_MSG_SNAPSHOT && !opts->is_witness))
		(void)rk_raft_msg_free(msg);
	else
		opts->message(opts->context, msg);
}

static void out_welcome(struct outlink *link, struct rk_span payload)
{
	if (payload.size == 0 || link->transfers != 0)
		return;
	link->transfers = payload.data[0];
	offer(link);
}

static void out_take(struct outlink *link, struct rk_span payload)
{
	struct rk_take take;
	const int done =
		rk_take_decode(payload, &take) < 0 ? RK_EINVAL : rk_send_take(&link->send, &take);

	if (done < 0) {
		give_up(link, "it answers what cannot be");
		return;
	}
	if (take.number == link->send.offer.number)
		link->moved_s = ev_now(link->peers->loop);
	if (done == 1)
		end_transfer(link, true);
	else
		pump_transfer(link);
}

static void out_refuse(struct outlink *link, struct rk_span payload)
{
	struct rk_take refusal;

	if (rk_refuse_decode(payload, &refusal) < 0 || refusal.number != link->send.offer.number)
		return;
	/* Those are no news: it is asked again and again meanwhile. */
	const bool is_told = refusal.why != RK_REFUSE_BUSY && refusal.why != RK_REFUSE_HERE;
	give_up(link, is_told ? rk_refusal_text(refusal.why) : NULL);
}

/* Messages and answers come this way. Anything else is passed over: the connection is of our own
 * making. */
static void out_frame(struct outlink *link, struct rk_span frame)
{
	const struct rk_span payload = rk_span_sub(frame, 1, frame.size);

	if (!rk_link_is_member(link->stream, link->id))
		return;
	switch (frame.data[0]) {
	case RK_LINK_MESSAGE: out_message(link, payload); break;
	case RK_LINK_WELCOME: out_welcome(link, payload); break;
	case RK_LINK_TAKE: out_take(link, payload); break;
	case RK_LINK_REFUSE: out_refuse(link, payload); break;
	default: break;
	}
}

static size_t out_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct outlink *link = context;
	struct rk_span frame;
	size_t used = 0, size = 0;
	int more;

	(void)stream;
	rk_buf_put_span(&link->in, bytes);
	while ((more = rk_link_next(rk_span_sub(rk_buf_span(&link->in), used, link->in.size),
				    RK_LINK_FRAME_MAX, &frame, &size)) == 1) {
		out_frame(link, frame);
		used += size;
	}
	rk_buf_consume(&link->in, more < 0 ? link->in.size : used);
	return bytes.size;
}

static void out_drained(void *context, struct rk_stream *stream)
{
	(void)stream;
	pump_transfer(context);
}

static void out_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct outlink *link = context;

	(void)stream;
	link->stream = NULL;
	link->is_open = false;
	link->transfers = 0;
	rk_buf_clear(&link->in);
	end_transfer(link, false);
	if (!link->said_down)
		rk_log(RK_LOG_WARN, "peer unreachable", "id=%llu address=%s why=\"%s\"",
		       (unsigned long long)link->id, link->address, error->text);
	link->said_down = true;
	link->peers->opts.unreachable(link->peers->opts.context, link->id);
	ev_timer_set(&link->retry, link->retry_s, 0.);
	ev_timer_start(link->peers->loop, &link->retry);
	link->retry_s = RK_MIN(link->retry_s * 2, RETRY_MAX_S);
}

static void dial(struct outlink *link)
{
	static const struct rk_stream_events events = {
		.opened = out_opened, .data = out_data, .drained = out_drained, .closed = out_closed
	};

	link->stream = rk_stream_connect(link->peers->loop, link->address, NULL,
					 link->peers->opts.client, 1000, &events, link);
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	dial(RK_CONTAINER(timer, struct outlink, retry));
}

static struct outlink *out_new(struct rk_peers *peers, const struct rk_member *member)
{
	struct outlink *link = rk_zalloc(sizeof *link);

	link->peers = peers;
	link->id = member->id;
	memcpy(link->address, member->address, sizeof link->address);
	link->send.fd = -1;
	link->retry_s = RETRY_MIN_S;
	ev_timer_init(&link->retry, on_retry, 0., 0.);
	dial(link);
	return link;
}

static void out_free(struct outlink *link)
{
	end_transfer(link, false);
	ev_timer_stop(link->peers->loop, &link->retry);
	(void)rk_stream_close(link->stream);
	rk_buf_done(&link->in);
	free(link);
}

static struct outlink *out_find(const struct rk_peers *peers, uint64_t id)
{
	for (size_t i = 0; i < peers->out_count; i++)
		if (peers->out[i]->id == id)
			return peers->out[i];
	return NULL;
}

static void on_ping(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct rk_peers *peers = RK_CONTAINER(timer, struct rk_peers, ping);

	(void)events;
	ev_io_start(loop, &peers->listen_io);
	for (size_t i = 0; i < peers->out_count; i++) {
		give_up_if_stuck(peers->out[i], ev_now(loop));
		if (peers->out[i]->is_open && rk_stream_queued(peers->out[i]->stream) == 0)
			write_frame(peers->out[i], RK_LINK_PING, RK_SPAN(""));
	}
}

/* --- in --- */

static void in_gone(void *context, struct rk_inlink *link)
{
	struct rk_peers *peers = context;

	for (size_t i = 0; i < peers->in_count; i++)
		if (peers->in[i] == link)
			peers->in[i] = peers->in[--peers->in_count];
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct rk_peers *peers = RK_CONTAINER(io, struct rk_peers, listen_io);
	const int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			ev_io_stop(loop, io); /* until the next ping */
		return;
	}
	if (peers->in_count == INCOMING_MAX) {
		(void)close(fd);
		return;
	}
	peers->in[peers->in_count++] =
		rk_inlink_new(loop, fd, &peers->opts, peers->receive, in_gone, peers);
}

/* --- commands --- */

static void set_config(struct rk_peers *peers, const struct rk_config *config)
{
	for (size_t i = 0; i < peers->out_count;) {
		const int at = rk_config_find(config, peers->out[i]->id);
		if (at >= 0 && strcmp(config->at[at].address, peers->out[i]->address) == 0) {
			i++;
			continue;
		}
		out_free(peers->out[i]);
		peers->out[i] = peers->out[--peers->out_count];
	}
	for (uint32_t i = 0; i < config->count; i++)
		if (config->at[i].id != peers->opts.self &&
		    out_find(peers, config->at[i].id) == NULL)
			peers->out[peers->out_count++] = out_new(peers, &config->at[i]);
}

/* A peer that is not in our configuration (we join and do not know it yet, or it was removed), or
 * that we have not reached again since it was away, may have dialled us: the newest connection. */
static struct rk_inlink *in_find(const struct rk_peers *peers, uint64_t id)
{
	for (size_t i = peers->in_count; i > 0; i--)
		if (rk_inlink_from(peers->in[i - 1]) == id)
			return peers->in[i - 1];
	return NULL;
}

static void send_message(struct rk_peers *peers, const struct rk_raft_msg *msg)
{
	struct outlink *link = out_find(peers, msg->to);
	const bool is_out = link != NULL && link->is_open;
	struct rk_inlink *back = is_out ? NULL : in_find(peers, msg->to);

	if (back == NULL && (!is_out || rk_stream_queued(link->stream) > RK_LINK_QUEUED_MAX))
		return;
	/* Straight into the frame: its size is known before. */
	struct rk_buf *frame = &peers->frame;
	rk_buf_clear(frame);
	rk_buf_put_u32(frame, (uint32_t)(1 + rk_raft_msg_size(msg)));
	rk_buf_put_u8(frame, RK_LINK_MESSAGE);
	rk_raft_msg_encode(msg, frame);
	if (back != NULL)
		rk_inlink_send(back, rk_buf_span(frame));
	else
		(void)rk_stream_write(link->stream, rk_buf_span(frame));
	if (frame->capacity > (1u << 20))
		rk_buf_done(frame);
}

static void send_snapshot(struct rk_peers *peers, const struct command *command)
{
	struct outlink *link = out_find(peers, command->peer);
	struct rk_error error = { .text = "not connected" };

	if (link == NULL || !link->is_open || link->send.fd >= 0 ||
	    rk_send_begin(&link->send, peers->snapshot_dir, ++link->numbers, command->term,
			  command->meta, &error) < 0) {
		rk_log(RK_LOG_WARN, "snapshot not sent", "to=%llu why=\"%s\"",
		       (unsigned long long)command->peer, error.text);
		peers->opts.snapshot_sent(peers->opts.context, command->peer, false);
		return;
	}
	rk_log(RK_LOG_INFO, "sending a snapshot", "to=%llu index=%llu bytes=%llu",
	       (unsigned long long)link->id, (unsigned long long)command->meta->index,
	       (unsigned long long)link->send.offer.size);
	link->moved_s = ev_now(peers->loop);
	offer(link);
}

static void run_command(struct rk_peers *peers, struct command *command)
{
	switch ((enum command_kind)command->message.kind) {
	case COMMAND_SET: set_config(peers, command->config); break;
	case COMMAND_SEND: send_message(peers, command->msg); break;
	case COMMAND_SNAPSHOT: send_snapshot(peers, command); break;
	case COMMAND_SNAPSHOT_DONE: rk_receive_checked(peers->receive, command->peer); break;
	case COMMAND_STOP: ev_break(peers->loop, EVBREAK_ALL); break;
	}
	(void)rk_raft_msg_free(command->msg);
	free(command->config);
	free(command->meta);
	free(command);
}

static void on_queue(struct ev_loop *loop, ev_io *io, int events)
{
	struct rk_peers *peers = RK_CONTAINER(io, struct rk_peers, queue_io);
	struct rk_message *next = rk_queue_take(peers->queue);

	(void)loop;
	(void)events;
	while (next != NULL) {
		struct command *command = RK_CONTAINER(next, struct command, message);
		next = next->next;
		run_command(peers, command);
	}
}

static void *run(void *context)
{
	struct rk_peers *peers = context;

	(void)pthread_setname_np(pthread_self(), "reckon-peers");
	(void)ev_run(peers->loop, 0);
	return NULL;
}

static struct rk_peers *destroy(struct rk_peers *peers)
{
	while (peers->out_count > 0)
		out_free(peers->out[--peers->out_count]);
	while (peers->in_count > 0)
		rk_inlink_close(peers->in[--peers->in_count]);
	if (peers->opts.listen_fd >= 0)
		(void)close(peers->opts.listen_fd);
	if (peers->queue != NULL)
		on_queue(peers->loop, &peers->queue_io, 0); /* what was still waiting */
	(void)rk_queue_free(peers->queue);
	(void)rk_receive_free(peers->receive);
	if (peers->loop != NULL)
		ev_loop_destroy(peers->loop);
	(void)rk_tls_unref(peers->opts.server);
	(void)rk_tls_unref(peers->opts.client);
	rk_buf_done(&peers->scratch);
	rk_buf_done(&peers->frame);
	free(peers->snapshot_dir);
	free(peers);
	return NULL;
}

int rk_peers_new(struct rk_peers **ret, const struct rk_peers_opts *opts, struct rk_error *error)
{
	struct rk_peers *peers = rk_zalloc(sizeof *peers);
	struct rk_vfs *vfs = NULL;

	peers->opts = *opts;
	if (opts->patience_s <= 0)
		peers->opts.patience_s = PATIENCE_S;
	peers->snapshot_dir = rk_strdup(opts->snapshot_dir);
	peers->opts.snapshot_dir = peers->snapshot_dir;
	peers->opts.server = rk_tls_ref(opts->server);
	peers->opts.client = rk_tls_ref(opts->client);
	peers->loop = ev_loop_new(EVFLAG_AUTO);
	if (peers->loop == NULL || rk_queue_new(&peers->queue) < 0) {
		(void)destroy(peers);
		return rk_fail(error, RK_EIO, "cannot make the event loop of the peers");
	}
	const int err = rk_vfs_dir(&vfs, opts->snapshot_dir, false, error);
	if (err < 0) {
		(void)destroy(peers);
		return err;
	}
	peers->receive = rk_receive_new(vfs);
	(void)fcntl(opts->listen_fd, F_SETFL, fcntl(opts->listen_fd, F_GETFL) | O_NONBLOCK);
	ev_io_init(&peers->queue_io, on_queue, rk_queue_fd(peers->queue), EV_READ);
	ev_io_start(peers->loop, &peers->queue_io);
	ev_io_init(&peers->listen_io, on_accept, opts->listen_fd, EV_READ);
	ev_io_start(peers->loop, &peers->listen_io);
	ev_timer_init(&peers->ping, on_ping, PING_S, PING_S);
	ev_timer_start(peers->loop, &peers->ping);
	if (pthread_create(&peers->thread, NULL, run, peers) != 0) {
		(void)destroy(peers);
		return rk_fail(error, RK_EIO, "cannot start the thread of the peers");
	}
	*ret = peers;
	return RK_OK;
}

static struct command *command_of(enum command_kind kind)
{
	struct command *command = rk_zalloc(sizeof *command);

	command->message.kind = (int)kind;
	return command;
}

struct rk_peers *rk_peers_free(struct rk_peers *peers)
{
	if (peers == NULL)
		return NULL;
	rk_queue_push(peers->queue, &command_of(COMMAND_STOP)->message);
	(void)pthread_join(peers->thread, NULL);
	return destroy(peers);
}

void rk_peers_set(struct rk_peers *peers, const struct rk_config *config)
{
	struct command *command = command_of(COMMAND_SET);

	command->config = rk_memdup(config, sizeof *config);
	rk_queue_push(peers->queue, &command->message);
}

void rk_peers_send(struct rk_peers *peers, struct rk_raft_msg *msg)
{
	struct command *command = command_of(COMMAND_SEND);

	command->msg = msg;
	rk_queue_push(peers->queue, &command->message);
}

void rk_peers_send_snapshot(struct rk_peers *peers, uint64_t to, uint64_t term,
			    const struct rk_snapshot_meta *meta)
{
	struct command *command = command_of(COMMAND_SNAPSHOT);

	command->peer = to;
	command->term = term;
	command->meta = rk_memdup(meta, sizeof *meta);
	rk_queue_push(peers->queue, &command->message);
}

void rk_peers_snapshot_done(struct rk_peers *peers, uint64_t from)
{
	struct command *command = command_of(COMMAND_SNAPSHOT_DONE);

	command->peer = from;
	rk_queue_push(peers->queue, &command->message);
}
