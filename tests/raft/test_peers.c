/* Snapshots between members over real connections, and over ones that break, hang or lie. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "base/vfs_io.h"
#include "raft/peerlink_io.h"
#include "raft/peers_io.h"
#include "raft/snapshot_io.h"
#include "tests/raft/peer_tls.h"
#include "tests/raft/transfers.h"

static const struct rk_cluster_id cluster = { 1, 2 };

/* --- a member's connections, without the member --- */

struct end {
	uint64_t id;
	char dir[64], address[32];
	struct rk_tls *server, *client;
	struct rk_peers *peers;
	double patience_s;
	atomic_uint sent, failed, here;
};

static struct end ends[2];

static void on_message(void *context, struct rk_raft_msg *msg)
{
	(void)context;
	(void)rk_raft_msg_free(msg);
}

static void on_unreachable(void *context, uint64_t peer) { (void)context, (void)peer; }

static void on_sent(void *context, uint64_t peer, bool ok)
{
	struct end *end = context;

	(void)peer;
	(void)atomic_fetch_add(ok ? &end->sent : &end->failed, 1);
}

static void on_here(void *context, uint64_t peer, uint64_t term, const struct rk_snapshot_meta *meta)
{
	struct end *end = context;

	(void)peer, (void)term, (void)meta;
	(void)atomic_fetch_add(&end->here, 1);
}

static void open_end(struct end *end)
{
	struct rk_peers_opts opts = { .cluster = cluster,
				      .self = end->id,
				      .server = end->server,
				      .client = end->client,
				      .snapshot_dir = end->dir,
				      .patience_s = end->patience_s,
				      .context = end,
				      .message = on_message,
				      .unreachable = on_unreachable,
				      .snapshot_sent = on_sent,
				      .snapshot_here = on_here };
	struct rk_error error;
	uint16_t port = 0;

	cr_assert_eq(rk_listen(end->address[0] != '\0' ? end->address : "127.0.0.1:0", false,
			       &opts.listen_fd, &port, &error),
		     RK_OK, "%s", error.text);
	(void)snprintf(end->address, sizeof end->address, "127.0.0.1:%u", port);
	cr_assert_eq(rk_peers_new(&end->peers, &opts, &error), RK_OK, "%s", error.text);
}

static void close_end(struct end *end) { end->peers = rk_peers_free(end->peers); }

static void know(struct end *end, uint64_t id, const char *address)
{
	struct rk_config config = { 0 };

	cr_assert_eq(rk_config_add(&config, id, RK_MEMBER_VOTER, address), RK_OK);
	rk_peers_set(end->peers, &config);
}

static void set_up(void)
{
	struct rk_pem_pair ca = { 0 };
	struct rk_error error;

	cr_assert_eq(rk_ca_make(&ca, "test", &error), RK_OK);
	for (unsigned i = 0; i < 2; i++) {
		ends[i].id = i + 1;
		(void)snprintf(ends[i].dir, sizeof ends[i].dir, "/tmp/rk-peers-XXXXXX");
		cr_assert_not_null(mkdtemp(ends[i].dir));
		peer_tls_make(&ends[i].server, &ends[i].client, &ca, i + 1);
	}
	rk_pem_pair_done(&ca);
}

static void tear_down(void)
{
	char command[128];

	for (unsigned i = 0; i < 2; i++) {
		close_end(&ends[i]);
		(void)rk_tls_unref(ends[i].server);
		(void)rk_tls_unref(ends[i].client);
		(void)snprintf(command, sizeof command, "rm -rf %s", ends[i].dir);
		cr_expect_eq(system(command), 0);
	}
}

TestSuite(peers, .init = set_up, .fini = tear_down, .timeout = 60);

static void wait_for(const atomic_uint *count, unsigned at_least)
{
	const uint64_t until_ms = rk_clock_mono_ms() + 20000;

	while (atomic_load(count) < at_least && rk_clock_mono_ms() < until_ms)
		(void)usleep(2000);
	cr_assert_geq(atomic_load(count), at_least);
}

/* As the core does: again, after a while, until it is there. */
static void send_until_sent(struct end *end, uint64_t to, const struct rk_snapshot_meta *meta)
{
	const uint64_t until_ms = rk_clock_mono_ms() + 40000;

	while (atomic_load(&end->sent) == 0 && rk_clock_mono_ms() < until_ms) {
		const unsigned failed = atomic_load(&end->failed);
		rk_peers_send_snapshot(end->peers, to, 3, meta);
		while (atomic_load(&end->sent) == 0 && atomic_load(&end->failed) == failed &&
		       rk_clock_mono_ms() < until_ms)
			(void)usleep(1000);
		(void)usleep(20000);
	}
	cr_assert_eq(atomic_load(&end->sent), 1);
}

static void expect_admitted(struct end *end, const struct rk_snapshot_meta *meta)
{
	struct rk_vfs *vfs = NULL;
	struct rk_error error;

	wait_for(&end->here, 1);
	cr_assert_eq(rk_vfs_dir(&vfs, end->dir, false, &error), RK_OK);
	cr_expect_eq(rk_snapshot_admit(vfs, 1, cluster, meta, &error), RK_OK, "%s", error.text);
	(void)rk_vfs_close(vfs);
}

/* --- a way between them that breaks --- */

struct way {
	int listen_fd;
	char address[32], to[32];
	pthread_t thread;
	atomic_bool ends;
	uint64_t cut_every;         /* bytes towards `to`; 0: never */
	atomic_uint cuts, cuts_max; /* so many at most */
	atomic_ullong passed;       /* bytes towards `to` */
};

static int connect_to(const char *address)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons((uint16_t)strtoul(strchr(address, ':') + 1,
								      NULL, 10)) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* False: it came to its end. */
static bool pass(int from, int to, size_t max, size_t *ret)
{
	static uint8_t bytes[65536];
	const ssize_t got = recv(from, bytes, RK_MIN(max, sizeof bytes), 0);

	*ret = got > 0 ? (size_t)got : 0;
	for (size_t done = 0; done < *ret;) {
		const ssize_t put = send(to, bytes + done, *ret - done, MSG_NOSIGNAL);
		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return got > 0;
}

/* One connection, until it ends or is cut. What has passed arrives all the same. */
static void carry(struct way *way, int from, int to)
{
	struct pollfd both[2] = { { from, POLLIN, 0 }, { to, POLLIN, 0 } };
	uint64_t left = UINT64_MAX;
	size_t size;

	if (way->cut_every != 0 && atomic_load(&way->cuts) < atomic_load(&way->cuts_max))
		left = way->cut_every;
	while (!atomic_load(&way->ends) && left > 0) {
		(void)poll(both, 2, 20);
		if (both[1].revents != 0 && !pass(to, from, SIZE_MAX, &size))
			return;
		if (both[0].revents == 0)
			continue;
		if (!pass(from, to, left > SIZE_MAX ? SIZE_MAX : (size_t)left, &size))
			return;
		(void)atomic_fetch_add(&way->passed, size);
		left -= size;
	}
	if (left > 0)
		return;
	(void)atomic_fetch_add(&way->cuts, 1);
	(void)shutdown(from, SHUT_RDWR);
	(void)shutdown(to, SHUT_WR);
	while (pass(to, from, SIZE_MAX, &size) || size > 0)
		;
}

static void *run_way(void *context)
{
	struct way *way = context;

	while (!atomic_load(&way->ends)) {
		struct pollfd in = { way->listen_fd, POLLIN, 0 };
		if (poll(&in, 1, 20) <= 0)
			continue;
		const int from = accept(way->listen_fd, NULL, NULL), to = connect_to(way->to);
		if (from >= 0 && to >= 0)
			carry(way, from, to);
		(void)close(from);
		(void)close(to);
	}
	return NULL;
}

static void open_way(struct way *way, const char *to)
{
	struct rk_error error;
	uint16_t port = 0;

	(void)snprintf(way->to, sizeof way->to, "%s", to);
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &way->listen_fd, &port, &error), RK_OK);
	(void)snprintf(way->address, sizeof way->address, "127.0.0.1:%u", port);
	cr_assert_eq(pthread_create(&way->thread, NULL, run_way, way), 0);
}

static void close_way(struct way *way)
{
	atomic_store(&way->ends, true);
	(void)pthread_join(way->thread, NULL);
	(void)close(way->listen_fd);
}

#define SIZE ((uint64_t)24 << 20)

Test(peers, a_way_that_breaks_ten_times_carries_every_byte_about_once)
{
	const struct rk_snapshot_meta meta = transfers_make(ends[0].dir, 9, 1, SIZE);
	const uint64_t size = transfers_size(ends[0].dir, "0000000000000009.snap");
	struct way way = { .cut_every = 2u << 20, .cuts_max = 10 };

	open_end(&ends[0]);
	open_end(&ends[1]);
	open_way(&way, ends[1].address);
	know(&ends[0], 2, way.address);
	send_until_sent(&ends[0], 2, &meta);
	expect_admitted(&ends[1], &meta);
	cr_expect_eq(atomic_load(&way.cuts), 10);
	/* A cut costs the chunk in which it falls, and a handshake. */
	const uint64_t spare = size / 50 + 11 * (RK_TRANSFER_CHUNK + 16384);
	cr_expect_leq(atomic_load(&way.passed), size + spare, "%llu of %llu",
		      (unsigned long long)atomic_load(&way.passed), (unsigned long long)size);
	cr_expect_geq(atomic_load(&ends[0].failed), 10);
	close_end(&ends[0]);
	close_way(&way);
}

Test(peers, a_receiver_that_starts_anew_goes_on)
{
	const struct rk_snapshot_meta meta = transfers_make(ends[0].dir, 9, 1, SIZE);
	const uint64_t size = transfers_size(ends[0].dir, "0000000000000009.snap");
	struct way way = { .cut_every = 5u << 20, .cuts_max = 3 };

	open_end(&ends[0]);
	open_end(&ends[1]);
	open_way(&way, ends[1].address);
	know(&ends[0], 2, way.address);
	for (unsigned i = 1; i <= 3; i++) {
		const unsigned failed = atomic_load(&ends[0].failed);
		while (atomic_load(&way.cuts) < i) {
			rk_peers_send_snapshot(ends[0].peers, 2, 3, &meta);
			(void)usleep(50000);
		}
		wait_for(&ends[0].failed, failed + 1);
		close_end(&ends[1]);
		open_end(&ends[1]);
	}
	send_until_sent(&ends[0], 2, &meta);
	expect_admitted(&ends[1], &meta);
	const uint64_t spare = size / 50 + 4 * (RK_TRANSFER_CHUNK + 16384) + 3 * (5u << 20) / 2;
	cr_expect_leq(atomic_load(&way.passed), size + spare);
	close_end(&ends[0]);
	close_way(&way);
}

/* --- an other side that is made by hand --- */

struct hand {
	struct ev_loop *loop;
	struct rk_stream *stream;
	struct rk_buf in;
	bool is_open, is_closed;
	int listen_fd;
	ev_io accept;
	ev_timer timer;
	struct rk_tls *server;
	/* what came */
	unsigned counts[16]; /* frames of each kind */
	uint64_t chunk_bytes;
	struct rk_offer offer;
	struct rk_take take;
};

static void hand_frame(struct hand *hand, struct rk_span frame)
{
	const struct rk_span payload = rk_span_sub(frame, 1, frame.size);
	struct rk_chunk chunk;

	cr_assert_lt(frame.data[0], 16);
	hand->counts[frame.data[0]]++;
	if (frame.data[0] == RK_LINK_OFFER)
		cr_expect_eq(rk_offer_decode(payload, &hand->offer), RK_OK);
	if (frame.data[0] == RK_LINK_TAKE)
		cr_expect_eq(rk_take_decode(payload, &hand->take), RK_OK);
	if (frame.data[0] == RK_LINK_REFUSE)
		cr_expect_eq(rk_refuse_decode(payload, &hand->take), RK_OK);
	if (frame.data[0] != RK_LINK_CHUNK)
		return;
	cr_expect_eq(rk_chunk_decode(payload, &chunk), RK_OK);
	cr_expect(rk_chunk_is_whole(&chunk));
	hand->chunk_bytes += chunk.bytes.size;
}

static size_t hand_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct hand *hand = context;
	struct rk_span frame;
	size_t used = 0;

	(void)stream;
	rk_buf_put_span(&hand->in, bytes);
	while (rk_link_next(rk_buf_span(&hand->in), RK_LINK_FRAME_MAX, &frame, &used) == 1) {
		hand_frame(hand, frame);
		rk_buf_consume(&hand->in, used);
	}
	return bytes.size;
}

static void hand_opened(void *context, struct rk_stream *stream)
{
	struct hand *hand = context;

	(void)stream;
	hand->is_open = true;
}

static void hand_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct hand *hand = context;

	(void)stream, (void)error;
	hand->is_open = false;
	hand->is_closed = true;
	hand->stream = NULL;
}

static const struct rk_stream_events hand_events = { .opened = hand_opened,
						     .data = hand_data,
						     .closed = hand_closed };

static void hand_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct hand *hand = RK_CONTAINER(io, struct hand, accept);
	const int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	hand->stream = rk_stream_accept(loop, fd, hand->server, &hand_events, hand);
}

static void hand_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void hand_listen(struct hand *hand, struct end *end)
{
	struct rk_error error;
	uint16_t port = 0;

	*hand = (struct hand){ .loop = ev_loop_new(0), .server = end->server };
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &hand->listen_fd, &port, &error), RK_OK);
	(void)snprintf(end->address, sizeof end->address, "127.0.0.1:%u", port);
	ev_io_init(&hand->accept, hand_accept, hand->listen_fd, EV_READ);
	ev_io_start(hand->loop, &hand->accept);
	ev_timer_init(&hand->timer, hand_late, 0., 0.);
}

static void hand_run(struct hand *hand, double seconds)
{
	ev_timer_set(&hand->timer, seconds, 0.);
	ev_timer_start(hand->loop, &hand->timer);
	(void)ev_run(hand->loop, 0);
	ev_timer_stop(hand->loop, &hand->timer);
}

/* Until a frame of this kind came, or the connection ended. */
static void hand_wait(struct hand *hand, enum rk_link_frame kind)
{
	const unsigned before = hand->counts[kind];

	for (int i = 0; i < 500 && hand->counts[kind] == before && !hand->is_closed; i++)
		hand_run(hand, 0.01);
}

static void hand_say(struct hand *hand, enum rk_link_frame kind, struct rk_span payload)
{
	RK_AUTO(rk_buf_done) struct rk_buf frame = { 0 };

	cr_assert_not_null(hand->stream);
	rk_link_frame(&frame, kind, payload);
	(void)rk_stream_write(hand->stream, rk_buf_span(&frame));
}

static void hand_take(struct hand *hand, uint64_t at)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };

	rk_take_encode(&(struct rk_take){ .number = hand->offer.number, .at = at }, &payload);
	hand_say(hand, RK_LINK_TAKE, rk_buf_span(&payload));
}

static void hand_done(struct hand *hand)
{
	(void)rk_stream_close(hand->stream);
	if (hand->listen_fd > 0)
		(void)close(hand->listen_fd);
	ev_loop_destroy(hand->loop);
	rk_buf_done(&hand->in);
}

Test(peers, nothing_goes_beyond_the_window_and_what_hangs_is_given_up)
{
	static const uint8_t version = RK_TRANSFER_VERSION;
	const struct rk_snapshot_meta meta = transfers_make(ends[0].dir, 9, 1, SIZE);
	struct hand hand;

	ends[0].patience_s = 1.5;
	open_end(&ends[0]);
	hand_listen(&hand, &ends[1]);
	know(&ends[0], 2, ends[1].address);
	hand_wait(&hand, RK_LINK_HELLO);
	hand_say(&hand, RK_LINK_WELCOME, rk_span_of(&version, 1));
	rk_peers_send_snapshot(ends[0].peers, 2, 3, &meta);
	hand_wait(&hand, RK_LINK_OFFER);
	cr_expect_eq(hand.offer.meta.index, 9);
	hand_take(&hand, 0);
	hand_run(&hand, 0.5);
	cr_expect_eq(hand.chunk_bytes, RK_TRANSFER_WINDOW, "%llu",
		     (unsigned long long)hand.chunk_bytes);
	for (unsigned i = 1; i <= 3; i++) {
		hand_take(&hand, i * (uint64_t)RK_TRANSFER_CHUNK);
		hand_run(&hand, 0.1);
		cr_expect_eq(hand.chunk_bytes, RK_TRANSFER_WINDOW + i * RK_TRANSFER_CHUNK);
	}
	cr_expect_eq(atomic_load(&ends[0].failed), 0);
	hand_run(&hand, 4.5); /* says nothing any more */
	cr_expect_eq(atomic_load(&ends[0].failed), 1);
	cr_expect_not(hand.is_closed, "messages go on");
	rk_peers_send_snapshot(ends[0].peers, 2, 3, &meta); /* and the next attempt */
	hand_wait(&hand, RK_LINK_OFFER);
	hand_take(&hand, 0);
	hand_wait(&hand, RK_LINK_CHUNK);
	hand_take(&hand, 1); /* nonsense */
	for (int i = 0; i < 100 && atomic_load(&ends[0].failed) < 2; i++)
		hand_run(&hand, 0.01);
	cr_expect_eq(atomic_load(&ends[0].failed), 2);
	cr_expect_eq(atomic_load(&ends[0].sent), 0);
	hand_done(&hand);
}

Test(peers, a_member_of_an_older_version_is_sent_none)
{
	static const uint8_t later = RK_TRANSFER_VERSION + 1;
	const struct rk_snapshot_meta meta = transfers_make(ends[0].dir, 9, 1, 4096);
	struct hand hand;

	ends[0].patience_s = 0.1;
	open_end(&ends[0]);
	hand_listen(&hand, &ends[1]);
	know(&ends[0], 2, ends[1].address);
	hand_wait(&hand, RK_LINK_HELLO);
	rk_peers_send_snapshot(ends[0].peers, 2, 3, &meta);
	hand_run(&hand, 2.5);
	cr_expect_eq(atomic_load(&ends[0].failed), 1);
	cr_expect_eq(hand.counts[RK_LINK_OFFER], 0);
	cr_expect_gt(hand.counts[RK_LINK_PING], 0);
	hand_say(&hand, RK_LINK_WELCOME, rk_span_of(&later, 1));
	hand_run(&hand, 0.1);
	rk_peers_send_snapshot(ends[0].peers, 2, 3, &meta);
	hand_run(&hand, 0.2);
	cr_expect_eq(atomic_load(&ends[0].failed), 2);
	cr_expect_eq(hand.counts[RK_LINK_OFFER], 0);
	hand_done(&hand);
}

/* Member 1, by hand, to member 2. */
static void hand_dial(struct hand *hand, bool is_old)
{
	const struct rk_peers_opts self = { .cluster = cluster, .self = 1 };
	RK_AUTO(rk_buf_done) struct rk_buf hello = { 0 };

	*hand = (struct hand){ .loop = ev_loop_new(0) };
	ev_timer_init(&hand->timer, hand_late, 0., 0.);
	hand->stream = rk_stream_connect(hand->loop, ends[1].address, NULL, ends[0].client, 1000,
					 &hand_events, hand);
	for (int i = 0; i < 200 && !hand->is_open; i++)
		hand_run(hand, 0.01);
	rk_link_hello(&hello, &self, 2);
	if (is_old) { /* without the last byte */
		hello.size--;
		hello.data[0]--;
	}
	(void)rk_stream_write(hand->stream, rk_buf_span(&hello));
	hand_run(hand, 0.05);
}

static void hand_offer(struct hand *hand, const struct rk_offer *offer)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };

	rk_offer_encode(offer, &payload);
	hand_say(hand, RK_LINK_OFFER, rk_buf_span(&payload));
}

static void hand_chunk(struct hand *hand, const struct rk_chunk *chunk)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };

	rk_chunk_encode_head(chunk, &payload);
	rk_buf_put_span(&payload, chunk->bytes);
	hand_say(hand, RK_LINK_CHUNK, rk_buf_span(&payload));
}

Test(peers, a_damaged_chunk_ends_the_transfer_and_what_cannot_be_the_connection)
{
	static uint8_t bytes[RK_TRANSFER_CHUNK];
	struct rk_chunk chunk = { .number = 5, .bytes = { bytes, sizeof bytes } };
	const struct rk_offer offer = { .number = 5,
					.term = 3,
					.size = 3 * sizeof bytes,
					.meta = { .index = 9, .term = 3 } };
	struct hand hand;

	chunk.checksum = rk_crc32c(0, bytes, sizeof bytes);
	open_end(&ends[1]);
	hand_dial(&hand, false);
	cr_expect_eq(hand.counts[RK_LINK_WELCOME], 1);
	hand_offer(&hand, &offer);
	hand_wait(&hand, RK_LINK_TAKE);
	cr_expect_eq(hand.take.at, 0);
	hand_chunk(&hand, &chunk);
	hand_wait(&hand, RK_LINK_TAKE);
	cr_expect_eq(hand.take.at, sizeof bytes);
	chunk.at = sizeof bytes;
	chunk.checksum ^= 1;
	hand_chunk(&hand, &chunk);
	hand_wait(&hand, RK_LINK_REFUSE);
	cr_expect_eq(hand.take.why, RK_REFUSE_DAMAGED);
	chunk.checksum ^= 1;
	hand_chunk(&hand, &chunk); /* one that was on its way */
	hand_wait(&hand, RK_LINK_REFUSE);
	hand_offer(&hand, &offer);
	hand_wait(&hand, RK_LINK_TAKE);
	cr_expect_eq(hand.take.at, sizeof bytes, "what was whole stays");
	cr_expect_not(hand.is_closed);
	chunk.at = 2 * sizeof bytes; /* a gap */
	hand_chunk(&hand, &chunk);
	hand_wait(&hand, RK_LINK_TAKE);
	cr_expect(hand.is_closed);
	hand_done(&hand);
	cr_expect_eq(atomic_load(&ends[1].here), 0);
}

Test(peers, what_is_whole_but_not_a_snapshot_is_not_admitted)
{
	static uint8_t bytes[1000];
	const struct rk_chunk chunk = { .number = 5,
					.checksum = rk_crc32c(0, bytes, sizeof bytes),
					.bytes = { bytes, sizeof bytes } };
	const struct rk_offer offer = { .number = 5,
					.term = 3,
					.size = sizeof bytes,
					.meta = { .index = 9, .term = 3 } };
	struct rk_vfs *vfs = NULL;
	struct rk_error error;
	struct hand hand;

	open_end(&ends[1]);
	hand_dial(&hand, false);
	hand_offer(&hand, &offer);
	hand_wait(&hand, RK_LINK_TAKE);
	hand_chunk(&hand, &chunk);
	hand_wait(&hand, RK_LINK_TAKE);
	cr_expect_eq(hand.take.at, sizeof bytes);
	wait_for(&ends[1].here, 1);
	hand_offer(&hand, &offer);
	hand_wait(&hand, RK_LINK_REFUSE);
	cr_expect_eq(hand.take.why, RK_REFUSE_BUSY);
	cr_assert_eq(rk_vfs_dir(&vfs, ends[1].dir, false, &error), RK_OK);
	cr_expect_eq(rk_snapshot_admit(vfs, 1, cluster, &offer.meta, &error), RK_ECORRUPT);
	(void)rk_vfs_close(vfs);
	rk_peers_snapshot_done(ends[1].peers, 1);
	hand_run(&hand, 0.05);
	hand_offer(&hand, &offer);
	hand_wait(&hand, RK_LINK_TAKE);
	cr_expect_eq(hand.take.at, 0, "it begins anew");
	hand_done(&hand);
}

Test(peers, frames_that_cannot_be_end_the_connection)
{
	static const struct {
		const char *name;
		enum rk_link_frame kind;
		size_t size;
		bool closes;
	} cases[] = {
		{ "an offer of nothing", RK_LINK_OFFER, 0, true },
		{ "an offer of zeros", RK_LINK_OFFER, 200, true },
		{ "a chunk of nothing", RK_LINK_CHUNK, 20, true },
		{ "a chunk that is too large", RK_LINK_CHUNK, RK_TRANSFER_CHUNK + 21, true },
		{ "a chunk of no transfer", RK_LINK_CHUNK, 100, false },
		{ "an answer", RK_LINK_TAKE, 16, true },
		{ "a refusal", RK_LINK_REFUSE, 9, true },
		{ "a welcome", RK_LINK_WELCOME, 1, true },
		{ "a kind that is not known", (enum rk_link_frame)15, 1, true },
		{ "an old stream", RK_LINK_STREAM_4, 65536, false },
	};
	static const uint8_t zeros[RK_TRANSFER_CHUNK + 21];

	open_end(&ends[1]);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hand hand;
		hand_dial(&hand, false);
		hand_say(&hand, cases[i].kind, rk_span_of(zeros, cases[i].size));
		for (int j = 0; j < 20 && !hand.is_closed; j++)
			hand_run(&hand, 0.01);
		cr_expect_eq(hand.is_closed, cases[i].closes, "%s", cases[i].name);
		hand_done(&hand);
	}
	struct hand old;
	hand_dial(&old, true);
	cr_expect_eq(old.counts[RK_LINK_WELCOME], 0, "an older member expects none");
	cr_expect(old.is_open && !old.is_closed);
	hand_done(&old);
}
