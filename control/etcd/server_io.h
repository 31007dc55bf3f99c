/* control/etcd/server_io.h - what the files of the etcd API's server share: threads and calls. Only
 * for control/etcd/. */
#ifndef RK_CONTROL_ETCD_SERVER_IO_H
#define RK_CONTROL_ETCD_SERVER_IO_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "control/etcd/apply.h"
#include "control/etcd/auth.h"
#include "control/etcd/etcd_io.h"
#include "control/etcd/routes.h"
#include "control/etcd/run.h"
#include "wire/grpc.h"
#include "wire/http_io.h"

#define RK_ETCD_VERSION     "3.6.0" /* whose API this is, as clients ask for it */
#define RK_ETCD_CALL_MS     5000    /* at most, whatever the client allows */
#define RK_ETCD_MESSAGE_MAX (2u << 20)
#define RK_ETCD_AWAITED_MAX                                                                        \
	256 /* requests of one stream that wait for the core; more wait before */

struct rk_etcd_thread;
struct rk_etcd_call;
struct rk_etcd_watches;
struct rk_etcd_worker;

typedef void rk_etcd_resume(struct rk_etcd_call *call, struct rk_feed_answer *answer);

#define RK_ETCD_USES 64
struct rk_etcd_use { /* of a token, told to the others */
	uint64_t hash; /* its first bytes */
	uint64_t told_ms;
};

struct rk_etcd_slot { /* somebody waits for the core */
	struct rk_etcd_call *call;
	rk_etcd_resume *resume;
};

#define RK_ETCD_METHODS 64 /* at most */
#define RK_ETCD_CODES   17 /* of gRPC */
struct rk_etcd_counts { /* since the start, but for the two that are now */
	atomic_ullong started[RK_ETCD_METHODS], handled[RK_ETCD_METHODS][RK_ETCD_CODES];
	atomic_ullong received_bytes, sent_bytes, leader_changes, healthy, unhealthy;
	atomic_ullong watch_streams, watchers; /* now */
};

struct rk_etcd {
	struct rk_etcd_opts opts;
	char *name, *advertise;
	unsigned thread_count;
	struct rk_etcd_thread *threads;
	struct rk_etcd_worker *worker;
	struct rk_etcd_counts counts;
};

struct rk_etcd_thread {
	struct rk_etcd *etcd;
	pthread_t thread;
	bool runs;
	struct ev_loop *loop;
	ev_async stop;
	ev_io feed_io, jobs_io;
	ev_timer timer, stop_timer;
	struct rk_feed *feed;
	struct rk_queue *jobs; /* that the worker has done */
	struct rk_http_server *server;
	int listen_fd;

	struct rk_view *view; /* NULL until the member has a state */
	struct rk_etcd_auth auth; /* of the view */
	struct rk_etcd_use uses[RK_ETCD_USES];
	uint64_t leader_id, term;
	uint64_t led_by; /* the last leader that there was */
	uint64_t seen;       /* events up to this revision were shown to watchers */
	uint64_t publish_ms; /* when to look again whether the cluster knows this member's URL */

	struct rk_etcd_slot *slots; /* by request id */
	size_t slot_count, slot_capacity;
	uint32_t *free_slots;
	size_t free_count, free_capacity;

	struct rk_etcd_watches *watches; /* streams; linked */
	struct rk_etcd_call *waiting;    /* for the state to change; linked */
	struct rk_etcd_call *timed;      /* that have a deadline; linked */
};

enum rk_etcd_needs { /* while auth is on: who may call */
	RK_ETCD_NEEDS_USER,   /* any user; keys are looked at besides */
	RK_ETCD_NEEDS_ROOT,   /* who has the role root */
	RK_ETCD_NEEDS_NOBODY, /* anybody, or the method looks itself */
};

struct rk_etcd_method {
	const char *path; /* "/etcdserverpb.KV/Range" */
	bool is_stream;
	/* One message; of a unary call there is one. Answers now or later. */
	void (*message)(struct rk_etcd_call *call, struct rk_span message);
	/* A stream: the client will send no more. */
	void (*ended)(struct rk_etcd_call *call);
	enum rk_etcd_needs needs;
};

/* What a long answer goes on from; the first member of what it is about. */
struct rk_etcd_tail {
	void (*drained)(struct rk_etcd_call *call); /* the client takes more */
	void (*drop)(struct rk_etcd_tail *tail);
};

struct rk_etcd_call { /* from its head until its exchange is gone and the core has answered all */
	struct rk_etcd_thread *thread;
	struct rk_http_exchange *exchange; /* NULL: gone */
	const struct rk_etcd_method *method;
	uint32_t number; /* of the method */
	struct rk_buf
		in; /* what came of messages that are not whole; of a unary call, its message */
	struct rk_span message;
	bool has_message, has_begun, has_ended, is_input_ended;
	bool is_learner; /* of a member that is added */
	bool is_known, is_waiting;   /* who asks: found out, or being so */
	enum rk_etcd_error stranger; /* why it is nobody */
	struct rk_etcd_who who;
	struct rk_buf user; /* what `who` points into */
	const struct rk_etcd_route *route; /* it came through the JSON gateway; NULL: gRPC */
	struct rk_buf json;                /* what came of requests that are not whole; the answer */
	bool has_asked;                    /* a request was whole */
	unsigned awaited;
	/* Waits: called whenever there is a new view or leader, until it is unlinked or time is up.
	 */
	bool (*look)(struct rk_etcd_call *call); /* true: it has finished */
	struct rk_etcd_call *next, **link;
	uint64_t until_ms;   /* monotonic; 0: as long as the client does */
	uint64_t wanted;     /* a member, or a revision */
	struct rk_span name; /* into `in` */
	struct rk_buf key;
	struct rk_etcd_watches *watches;
	struct rk_etcd_tail *tail;
	/* As the client has it (grpc-timeout): monotonic, 0 when there is none; linked then. */
	uint64_t deadline_ms;
	struct rk_etcd_call *timed_next, **timed_link;
};

extern const struct rk_etcd_method rk_etcd_kv_methods[], rk_etcd_lease_methods[],
	rk_etcd_watch_methods[], rk_etcd_cluster_methods[], rk_etcd_maintenance_methods[],
	rk_etcd_snapshot_methods[], rk_etcd_range_stream_methods[], rk_etcd_auth_methods[],
	rk_etcd_lock_methods[]; /* each ends with a NULL path */

/* --- etcd_io.c --- */

/* The next answer of the core is for this; returns the request id. */
uint64_t rk_etcd_await(struct rk_etcd_call *call, rk_etcd_resume *resume);
/* Asks the core whether the view is new enough for a linearizable read, or proposes the call's
 * request. */
void rk_etcd_await_read(struct rk_etcd_call *call, rk_etcd_resume *resume);
void rk_etcd_await_status(struct rk_etcd_call *call, rk_etcd_resume *resume);
void rk_etcd_propose(struct rk_etcd_call *call, enum rk_etcd_entry entry, struct rk_span request,
		     rk_etcd_resume *resume);

/* Somebody began to wait for the state to change: the core shall tell at once. */
void rk_etcd_hurry(const struct rk_etcd_thread *thread);
/* How long the core may take for what the call asks of it. */
uint32_t rk_etcd_left_ms(const struct rk_etcd_call *call);
/* Proposes what the member itself has to say; nobody waits for the answer. */
void rk_etcd_tell(struct rk_etcd_thread *thread, enum rk_etcd_entry entry, struct rk_span request);
/* When the client will send no more, and all that it sent was taken. */
void rk_etcd_maybe_ended(struct rk_etcd_call *call);

/* Frees a call that nobody needs any more. */
void rk_etcd_maybe_free(struct rk_etcd_call *call);

/* Goes on with the messages of a stream that waited because too many were on their way. */
void rk_etcd_take(struct rk_etcd_call *call);

/* --- who_io.c --- */

/* Finds out who asks. False: not yet; rk_etcd_take goes on then. */
bool rk_etcd_identify(struct rk_etcd_call *call);
/* Whether whoever asks may call the method at all; otherwise the call has failed. */
bool rk_etcd_is_permitted(struct rk_etcd_call *call);

/* --- call_io.c: answering --- */

/* Begins a response with its header in `out`; end sends it: more may follow on a stream. */
void rk_etcd_put_header(struct rk_etcd_call *call, struct rk_buf *out, uint64_t revision);
size_t rk_etcd_begin(struct rk_etcd_call *call, struct rk_buf *out, uint64_t revision);
bool rk_etcd_send(struct rk_etcd_call *call, struct rk_buf *out,
		  size_t begun); /* false: wait for drained */
/* The same with the bytes in `out`; several messages may be in it. */
bool rk_etcd_send_all(struct rk_etcd_call *call, const struct rk_buf *out);
/* The beginning of a message of which `more` bytes follow. */
void rk_etcd_send_head(struct rk_etcd_call *call, struct rk_buf *out, size_t begun, size_t more);
/* A whole unary answer: the response without its header. */
void rk_etcd_answer(struct rk_etcd_call *call, uint64_t revision, struct rk_span body);
void rk_etcd_finish(struct rk_etcd_call *call, int code, const char *text);
void rk_etcd_fail(struct rk_etcd_call *call, enum rk_etcd_error error);
/* Whether the core answered; otherwise the call has failed. */
bool rk_etcd_answered(struct rk_etcd_call *call, const struct rk_feed_answer *answer);
/* For what was proposed: passes the outcome on. */
void rk_etcd_pass_on(struct rk_etcd_call *call, struct rk_feed_answer *answer);
uint64_t rk_etcd_now(const struct rk_etcd_call *call); /* the view's revision */

/* Looks now, and again whenever something changed. */
void rk_etcd_wait(struct rk_etcd_call *call, bool (*look)(struct rk_etcd_call *call),
		  uint64_t until_ms);

/* --- list_io.c --- */

void rk_etcd_list_start(struct rk_etcd_call *call, const struct rk_etcd_range_request *request);

/* As `ended` of a stream whose answers go on. */
void rk_etcd_input_ended(struct rk_etcd_call *call);

/* --- gateway_io.c: calls with a route --- */

void rk_etcd_gateway_begin(struct rk_etcd_call *call); /* its head is there */
void rk_etcd_gateway_data(struct rk_etcd_call *call, struct rk_span bytes, bool is_last);
bool rk_etcd_gateway_send(struct rk_etcd_call *call, struct rk_span message);
void rk_etcd_gateway_finish(struct rk_etcd_call *call, int code, const char *text);

/* --- plain_io.c, health_io.c, metrics_io.c --- */

void rk_etcd_plain(struct rk_etcd_thread *thread, struct rk_http_exchange *exchange);
void rk_etcd_respond(struct rk_http_exchange *exchange, int status, const char *type,
		     struct rk_span text);
void rk_etcd_respond_missing(struct rk_http_exchange *exchange); /* 404 */
void rk_etcd_health(struct rk_etcd_call *call);
void rk_etcd_metrics(struct rk_etcd_call *call);

const struct rk_etcd_method *rk_etcd_method_at(uint32_t number); /* NULL: there are no more */
void rk_etcd_count_started(struct rk_etcd_call *call);
void rk_etcd_count_handled(struct rk_etcd_call *call, int code);
void rk_etcd_count_bytes(struct rk_etcd *etcd, size_t received, size_t sent);
void rk_etcd_count_health(struct rk_etcd *etcd, bool is_healthy);

/* --- watch_io.c --- */

void rk_etcd_watch_news(struct rk_etcd_thread *thread);
void rk_etcd_watch_check(struct rk_etcd_thread *thread);
void rk_etcd_watch_tick(struct rk_etcd_thread *thread);
void rk_etcd_watch_drained(struct rk_etcd_call *call);
void rk_etcd_watch_free(struct rk_etcd_call *call);
void rk_etcd_watch_end_all(struct rk_etcd_thread *thread);

#endif
