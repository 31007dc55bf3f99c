/* control/etcd/watch_io.h - what the files of the Watch service share. Only for them. */
#ifndef RK_CONTROL_ETCD_WATCH_IO_H
#define RK_CONTROL_ETCD_WATCH_IO_H

#include "control/etcd/server_io.h"

#define RK_ETCD_NO_WATCH       (-1)
#define RK_ETCD_WATCH_CREATED  1u
#define RK_ETCD_WATCH_CANCELED 2u

struct rk_etcd_watcher {
	int64_t id;
	struct rk_etcd_range range; /* into keys */
	uint8_t *keys;
	uint64_t next; /* the first revision that it has not been told */
	uint64_t told_ms;
	bool prev_kv, progress, fragment, no_put, no_delete;
};

struct rk_etcd_watches { /* of one stream */
	struct rk_etcd_call *call;
	struct rk_etcd_watches *list_next, **list_link;
	struct rk_etcd_watcher *at;
	size_t count, capacity;
	int64_t next_id;
	bool is_blocked;
	bool wants_progress; /* asked for: once all are up to date */
};

void rk_etcd_watch_count(const struct rk_etcd_call *call, long long more); /* of watchers */

/* A response without events. */
void rk_etcd_watch_send(struct rk_etcd_call *call, int64_t id, uint32_t flag, uint64_t compact,
			const char *reason);
void rk_etcd_watch_cancel(struct rk_etcd_watches *watches, size_t at, uint64_t compact,
			  const char *reason);
/* Everything that the watcher has not been told, as far as the stream takes it; all of them. */
void rk_etcd_watch_catch_up(struct rk_etcd_watches *watches, struct rk_etcd_watcher *watcher);
void rk_etcd_watch_catch_up_all(struct rk_etcd_watches *watches);

#endif
