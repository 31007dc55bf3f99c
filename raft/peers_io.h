/* raft/peers_io.h - the members' connections to each other: mutual TLS, framed messages, snapshot
 * transfers. A thread of its own.
 *
 * Each member dials every other one and sends on that connection; what it receives comes on those
 * that it accepted. To peers that it does not reach (it joins, they were removed or away) it answers on
 * a connection that it accepted. Messages that cannot leave soon are dropped: the core expects that. Snapshots
 * go in chunks between the messages, as fast as the peer takes them (raft/transfer.h). */
#ifndef RK_RAFT_PEERS_IO_H
#define RK_RAFT_PEERS_IO_H

#include "raft/message.h"
#include "wire/tls_io.h"

struct rk_peers;

/* The certificate of member N has the name "reckon:member:N" (decimal) and this group. */
#define RK_PEER_NAME_FORMAT "reckon:member:%llu"
#define RK_PEER_GROUP       "reckon:members"

struct rk_peers_opts {
	struct rk_cluster_id cluster;
	uint64_t self;
	bool is_witness; /* gets messages instead of snapshots */
	int listen_fd;                  /* taken */
	struct rk_tls *server, *client; /* shares are taken */
	const char *snapshot_dir;
	double patience_s; /* a transfer that gets no further for so long is given up; 0: 10 */
	/* Called in the thread of the connections; they must only pass on. */
	void *context;
	void (*message)(void *context, struct rk_raft_msg *msg); /* takes it */
	void (*unreachable)(void *context, uint64_t peer);
	/* True: the peer has all of it, unchecked. */
	void (*snapshot_sent)(void *context, uint64_t peer, bool ok);
	/* A whole file of the snapshot `meta` is here as from this peer: check it
	 * (rk_snapshot_admit). The next one, from whomever, waits until rk_peers_snapshot_done. */
	void (*snapshot_here)(void *context, uint64_t peer, uint64_t term,
			      const struct rk_snapshot_meta *meta);
};

RK_MUST_CHECK int rk_peers_new(struct rk_peers **ret, const struct rk_peers_opts *opts,
			       struct rk_error *error);
struct rk_peers *rk_peers_free(
	struct rk_peers *peers); /* ends the thread; takes NULL, returns NULL */

/* From any one thread: */
void rk_peers_set(struct rk_peers *peers,
		  const struct rk_config *config);                   /* who there is, and where */
void rk_peers_send(struct rk_peers *peers, struct rk_raft_msg *msg); /* takes it */
void rk_peers_send_snapshot(struct rk_peers *peers, uint64_t to, uint64_t term,
			    const struct rk_snapshot_meta *meta);
void rk_peers_snapshot_done(struct rk_peers *peers, uint64_t from);

#endif
