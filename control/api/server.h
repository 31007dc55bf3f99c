/* control/api/server.h - what the files of the API server share: threads, requests, answers. Only
 * for control/api/. */
#ifndef RK_CONTROL_API_SERVER_H
#define RK_CONTROL_API_SERVER_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "control/api/api_io.h"
#include "control/api/form.h"
#include "control/auth/rbac.h"
#include "control/api/counts.h"
#include "control/api/route.h"
#include "wire/http_io.h"

#define RK_API_WRITE_MS      1900 /* a write is answered within this, or its outcome is unknown */
#define RK_API_READ_MS       1900
#define RK_API_HISTORY       8192 /* entries whose changes are kept for watches that come back */
#define RK_API_HISTORY_BYTES (64u << 20) /* at most of them, unless one entry alone has more */
#define RK_API_HELD          32          /* views kept for the next pages of lists... */
#define RK_API_HELD_MS       300000      /* ... this long */
#define RK_API_JOBS          512         /* lists and beginnings of watches at a time in one thread... */
#define RK_API_JOBS_OF_ONE   128         /* ... and of one connection */
#define RK_API_LINES         5    /* forms of an event that watches share */
#define RK_API_BODY_BYTES    (256u << 20) /* of requests in one thread; beyond: 429 */
#define RK_API_PIECE_BYTES                                                                         \
	(256u << 20)          /* of lists that are being made in one thread; beyond: 429 */
#define RK_API_REQUESTS 65536 /* in one thread */

#define RK_API_TOKENS        256 /* whose signature a thread remembers to be good */

struct rk_api_thread;
struct rk_req;
struct rk_tunnel;

struct rk_held_view {
	struct rk_view *view;
	uint64_t until_ms;
};

struct rk_api {
	struct rk_apiserver_opts opts;
	char *dir, *name;
	pthread_mutex_t lock; /* of what is below */
	struct rk_held_view held[RK_API_HELD];
	struct rk_blob *documents[512], /* discovery and OpenAPI as bytes, by number (info_io.c) */
		*compressed[512];       /* the same in gzip, once somebody wanted it so */
	const struct rk_kinds *documents_kinds; /* a share: what they are about */
	unsigned thread_count;
	struct rk_api_thread *threads;
};

struct rk_history_item {
	struct rk_changes *changes;
	/* By form, for each change: its event as bytes once somebody needed it. */
	struct rk_blob **lines[RK_API_LINES];
	size_t bytes; /* of both, as far as they are counted */
};

struct rk_req;
struct rk_job_queue;

/* What a step of a long piece of work comes to. */
enum rk_job_step {
	RK_STEP_AGAIN, /* there is more */
	RK_STEP_WAITS, /* until rk_api_job_wake */
	RK_STEP_DONE,
};

struct rk_job { /* of a request; job_io.c */
	enum rk_job_step (*step)(struct rk_req *req);
	struct rk_job_queue *queue; /* NULL: there is none */
	bool is_queued;
	struct rk_req *next;
};

struct rk_api_jobs { /* of a thread */
	ev_prepare prepare;
	ev_idle idle;
	struct rk_job_queue *turn; /* in a ring; NULL: nothing to do */
	struct rk_job_queue **queues;
	size_t queue_count, queue_capacity;
	size_t count;
	size_t bytes; /* that lists hold until all of them are made */
};

#define RK_API_VERSION "v1.32.0+reckon-" PACKAGE_VERSION /* gitVersion */

struct rk_api_thread {
	struct rk_api_counts counts;
	struct rk_api *api;
	unsigned number;
	pthread_t thread;
	bool runs;
	struct ev_loop *loop;
	ev_async stop;
	ev_io feed_io;
	ev_timer timer; /* every 100 ms: deadlines, bookmarks */
	struct rk_feed *feed;
	struct rk_http_server *servers[RK_API_ADDRESSES_MAX];
	unsigned server_count;
	int listen_fds[RK_API_ADDRESSES_MAX];
	atomic_bool stopping;
	ev_timer stop_timer;

	struct rk_view *view; /* NULL until the member has a state */
	const struct rk_kinds *kinds; /* a share: those of that state */
	struct rk_rbac *rbac;         /* of that state; NULL: not compiled yet (rk_api_rbac) */
	struct rk_known_token {
		struct rk_blob *token, *claims;
	} tokens[RK_API_TOKENS];
	uint64_t leader_id;
	bool is_ready; /* a first entry has been applied */
	size_t history_start, history_count, history_bytes;
	struct rk_history_item history[RK_API_HISTORY]; /* a ring, oldest at start */
	uint64_t history_from; /* changes after this revision are all here */

	struct rk_req **slots; /* requests that wait for the core, by the low half of their id */
	size_t slot_count, slot_capacity;
	uint32_t *free_slots;
	size_t free_count, free_capacity;
	uint32_t generation;

	struct rk_api_jobs jobs;
	size_t body_bytes; /* of all requests that are not gone yet */

	struct rk_pipe *pipes;  /* upgraded connections that go on to other servers */
	struct rk_tls *any_tls; /* for servers that nobody vouches for; NULL: not needed yet */
	uint64_t audit_seed[2]; /* random; the second counts up */
	uint64_t proxied;       /* requests to services: chooses among their addresses */
	struct rk_req *waiting;    /* for a revision to come; linked */
	struct rk_req *watchers;
	struct rk_req *finished; /* watches on WebSockets that are over: freed with the next tick */
	size_t watcher_count;    /* watches that were opened and are not gone */
};

struct rk_watch;
struct rk_page;
struct rk_listing;

struct rk_req { /* one request, from its arrival until its exchange is gone */
	struct rk_api_thread *thread;
	struct rk_http_exchange *exchange;
	const struct rk_http_request *http;
	struct rk_arena arena;
	const struct rk_kinds *kinds; /* a share: what route.kind is from */
	struct rk_route route;
	struct rk_user user; /* who asks */
	const char *verb; /* get, list, watch, create, ... */
	struct rk_form form;
	size_t body_bytes; /* counted in the thread's */
	bool pretty;
	unsigned retry_after_s; /* said with an answer that asks to come again; 0: not */
	int code;               /* of the answer, once it has begun */
	struct rk_api_series *series; /* where it is counted */
	uint64_t begun_ns;      /* by the monotonic clock */
	uint64_t id;            /* while it waits for the core; 0: it does not */
	/* What goes on when the core has answered (answer borrowed), or when the revision that it
	 * waits for is there (NULL). */
	void (*resume)(struct rk_req *req, struct rk_feed_answer *answer);
	uint64_t wait_revision, wait_until_ms;
	struct rk_req *next, **link; /* in thread->waiting, ->watchers or ->finished; link: what
					points here, or NULL */
	struct rk_listing *listing;  /* of a get, list or watch */
	struct rk_val *warnings;     /* texts */
	struct rk_val *transaction; /* as it came */
	struct rk_job job;
	struct rk_page *page; /* of a list, while it is written */
	struct rk_watch *watch;
	struct rk_relay *relay; /* while another server answers */
};

/* --- request_io.c: answering --- */

/* A query parameter; an empty span when it is not there. */
struct rk_span rk_req_query(struct rk_req *req, const char *name);
bool rk_req_query_bool(struct rk_req *req, const char *name); /* rk_query_bool */
bool rk_req_query_int(struct rk_req *req, const char *name,
		      int64_t *ret); /* false: not there; a malformed one is 0 */
void rk_req_send(struct rk_req *req, int code, const char *type,
		 struct rk_blob *body); /* takes the share */
/* Begins an answer in pieces. */
void rk_req_begin(struct rk_req *req, int code, const char *type, bool is_gzip);
/* Names the request in answers and in logs: what the client called it, or a UUID of its own. */
struct rk_http_header rk_req_audit_id(struct rk_req *req);
bool rk_req_takes_gzip(const struct rk_req *req);
void rk_req_val(struct rk_req *req, int code,
		const struct rk_val *val);                           /* JSON or YAML, as asked */
void rk_req_status(struct rk_req *req, const struct rk_val *status); /* its own code */
/* An object in the form that was asked for (Table, metadata only...). */
void rk_req_object(struct rk_req *req, int code, struct rk_span doc);
__attribute__((format(printf, 4, 5))) void rk_req_fail(struct rk_req *req, int code,
						       const char *reason, const char *format, ...);
void rk_req_err(struct rk_req *req, int err); /* what the core said instead of an answer */
void rk_req_busy(struct rk_req *req);         /* 429 */
void rk_req_not_found(struct rk_req *req);
/* Waits for the core's answer under a new id, which the caller hands to rk_feed_*. False: too many
 * requests (answered). */
bool rk_req_await(struct rk_req *req,
		  void (*resume)(struct rk_req *req, struct rk_feed_answer *answer));
/* Goes on when the revision that it waits for (wait_revision) is here: now, or at most 3 s later
 * (504). */
void rk_req_wait(struct rk_req *req,
		 void (*resume)(struct rk_req *req, struct rk_feed_answer *answer));
void rk_req_unlink(struct rk_req *req);
void rk_req_link(struct rk_req *req, struct rk_req **head);
void rk_req_free(struct rk_req *req); /* once its exchange is gone */

/* --- job_io.c --- */

void rk_api_jobs_init(struct rk_api_thread *thread);
void rk_api_jobs_done(struct rk_api_thread *thread);
/* Whether it may start a job: there is a limit for all, and one for a connection. */
bool rk_api_job_fits(struct rk_req *req);
void rk_api_job_start(struct rk_req *req, enum rk_job_step (*step)(struct rk_req *req));
void rk_api_job_rest(struct rk_req *req); /* waits, as if a step had said so */
void rk_api_job_wake(struct rk_req *req); /* takes one that has no job, or does not wait */
void rk_api_job_stop(struct rk_req *req);

/* --- user_io.c --- */

/* Sets req->user. False when the request speaks for somebody that it may not (answered). */
bool rk_api_user(struct rk_req *req);
/* What roles and bindings grant as of the thread's view; NULL before there is one. */
const struct rk_rbac *rk_api_rbac(struct rk_api_thread *thread);

/* --- token_io.c --- */

/* Whose token it is, when it is good for one of the audiences (a list of texts; NULL: this API). */
bool rk_api_token_user(struct rk_req *req, struct rk_span token, const struct rk_val *audiences,
		       struct rk_user *ret);
void rk_api_token(struct rk_req *req); /* serviceaccounts/token */
void rk_api_token_keys(struct rk_req *req); /* how others can check tokens: OpenID Connect's discovery */
void rk_api_tokens_done(struct rk_api_thread *thread);

/* --- metrics_io.c --- */

bool rk_api_is_streamed(const struct rk_req *req); /* proxies; log, exec, attach, portforward of a pod; api_io.c */
void rk_api_count_begun(struct rk_req *req); /* its verb is known */
void rk_api_count_ended(struct rk_req *req);
void rk_api_metrics(struct rk_req *req);

/* --- the rest: each answers the request, now or later --- */

void rk_api_info(
	struct rk_req *req); /* info_io.c: version, health, discovery, OpenAPI, status, log */
void rk_api_health(struct rk_req *req);    /* health_io.c */
void rk_api_logs(struct rk_req *req);      /* logs_io.c */
void rk_api_backup(struct rk_req *req);    /* backup_io.c: what a back-up takes */
void rk_api_members(struct rk_req *req);   /* members_io.c: who they are, changes, transfer */
void rk_api_read(struct rk_req *req);      /* read_io.c: get and list */
void rk_api_read_tick(struct rk_api *api); /* lets go of views that were held long enough */
void rk_api_page_free(struct rk_req *req); /* page_io.c */
void rk_api_watch(struct rk_req *req);     /* watch_io.c */
void rk_api_watch_news(struct rk_api_thread *thread, struct rk_changes *const *changes,
		       size_t count); /* to every watcher */
void rk_api_watch_tick(struct rk_api_thread *thread);
void rk_api_watch_drained(struct rk_req *req);
void rk_api_watch_end_all(struct rk_api_thread *thread, bool is_expired);
void rk_api_watch_end_gone(struct rk_api_thread *thread); /* those of kinds that are not served any more */
bool rk_api_watch_stays(const struct rk_req *req); /* a WebSocket outlives its exchange */
void rk_api_watch_free(struct rk_req *req);
void rk_api_write(struct rk_req *req); /* write_io.c */
/* The object in the body, decoded, completed and checked as the route's kind; NULL after answering what is wrong. */
struct rk_val *rk_api_body(struct rk_req *req);
/* The body as a type that is no kind: the body of a subresource. */
struct rk_val *rk_api_body_of(struct rk_req *req, const char *type, const char *version);
struct rk_val *rk_api_object(struct rk_req *req, struct rk_val *object); /* the same for one that was read */
struct rk_val *rk_api_op(struct rk_req *req, const char *verb, struct rk_val *doc); /* by the route: control/command.h */
/* Says in the operation which form the patch has, and what the user may do beyond patching. */
void rk_api_patch_as(struct rk_req *req, struct rk_val *op, struct rk_span form, bool is_forced);
/* Whether the user may write this role or binding (NULL: a patch); true for other kinds. False: answered. */
bool rk_api_may_grant(struct rk_req *req, const struct rk_val *object);
void rk_api_propose(struct rk_req *req, struct rk_val *ops,
		    void (*resume)(struct rk_req *req, struct rk_feed_answer *answer));
void rk_api_forbid(struct rk_req *req); /* 403 for what the route and the verb say */
void rk_api_transaction(struct rk_req *req); /* transaction_io.c */
void rk_api_review(struct rk_req *req); /* review_io.c: questions, which are never stored */
void rk_api_pod(struct rk_req *req); /* pod_io.c: log, exec, attach, portforward */
void rk_api_proxy(struct rk_req *req); /* proxy_io.c: to pods, services and nodes */

#endif
