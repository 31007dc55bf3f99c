#include "net/dns_forward_io.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/mem.h"

#define WAIT_SECONDS 2.0
#define LENGTH_SIZE  2 /* in front of a message by TCP */

struct job {
	ev_io io;
	ev_timer deadline;
	struct job *next, **link;
	struct rk_forward *forward;
	struct rk_dns_client client;
	bool is_forgotten;
	uint16_t id, client_id;
	struct rk_span question; /* inside message */
	struct rk_buf message;   /* as the client sent it */
	struct rk_buf out;       /* what is not sent yet (TCP) */
	struct rk_buf in;
};

struct rk_forward {
	struct ev_loop *loop;
	struct sockaddr_storage upstream;
	socklen_t upstream_size;
	rk_forward_done_fn *done;
	void *context;
	struct job *jobs;
	unsigned count;
};

static int parse(const char *upstream, struct sockaddr_storage *ret, socklen_t *ret_size,
		 struct rk_error *error)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	const char *first = strchr(upstream, ':'), *last = strrchr(upstream, ':');
	const bool has_port = first != NULL && (first == last || last[-1] == ']');
	struct rk_span host =
		rk_span_of(upstream, has_port ? (size_t)(last - upstream) : strlen(upstream));
	struct addrinfo *info = NULL;
	char text[128];

	if (rk_span_starts(host, RK_SPAN("[")) && rk_span_ends(host, RK_SPAN("]")))
		host = rk_span_sub(host, 1, host.size - 2);
	(void)snprintf(text, sizeof text, "%.*s", RK_SPAN_ARGS(host));
	if (host.size >= sizeof text ||
	    getaddrinfo(text, has_port ? last + 1 : "53", &hints, &info) != 0)
		return rk_fail(error, RK_EINVAL, "\"%s\" is not the address of a resolver",
			       upstream);
	memcpy(ret, info->ai_addr, info->ai_addrlen);
	*ret_size = info->ai_addrlen;
	freeaddrinfo(info);
	return RK_OK;
}

int rk_forward_open(struct rk_forward **ret, struct ev_loop *loop, const char *upstream,
		    rk_forward_done_fn *done, void *context, struct rk_error *error)
{
	struct rk_forward forward = { .loop = loop, .done = done, .context = context };

	RK_TRY(parse(upstream, &forward.upstream, &forward.upstream_size, error));
	*ret = rk_memdup(&forward, sizeof forward);
	return RK_OK;
}

static void free_job(struct job *job)
{
	ev_io_stop(job->forward->loop, &job->io);
	ev_timer_stop(job->forward->loop, &job->deadline);
	(void)close(job->io.fd);
	*job->link = job->next;
	if (job->next != NULL)
		job->next->link = job->link;
	job->forward->count--;
	rk_buf_done(&job->message);
	rk_buf_done(&job->out);
	rk_buf_done(&job->in);
	free(job);
}

struct rk_forward *rk_forward_close(struct rk_forward *forward)
{
	while (forward != NULL && forward->jobs != NULL)
		free_job(forward->jobs);
	free(forward);
	return NULL;
}

static void set_id(uint8_t *message, uint16_t id)
{
	message[0] = (uint8_t)(id >> 8);
	message[1] = (uint8_t)id;
}

static void end_job(struct job *job, struct rk_span answer)
{
	if (!job->is_forgotten)
		job->forward->done(job->forward->context, &job->client, rk_buf_span(&job->message),
				   answer);
	free_job(job);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	end_job(RK_CONTAINER(timer, struct job, deadline), (struct rk_span){ NULL, 0 });
}

/* Ends the job when `size` bytes at `at` are the answer; what is not is as if it had not come. */
static bool take_answer(struct job *job, size_t at, size_t size)
{
	const struct rk_span message = rk_span_sub(rk_buf_span(&job->in), at, size);

	if (!rk_dns_is_answer(message, job->id, job->question))
		return false;
	set_id(job->in.data + at, job->client_id);
	end_job(job, message);
	return true;
}

static void on_udp(struct ev_loop *loop, ev_io *io, int events)
{
	struct job *job = RK_CONTAINER(io, struct job, io);

	(void)loop, (void)events;
	for (;;) {
		rk_buf_clear(&job->in);
		uint8_t *room = rk_buf_room(&job->in, RK_DNS_MESSAGE_MAX);
		const ssize_t size = recv(io->fd, room, RK_DNS_MESSAGE_MAX, 0);
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (size < 0) { /* such as: nobody listens there */
			end_job(job, (struct rk_span){ NULL, 0 });
			return;
		}
		job->in.size = (size_t)size;
		if (take_answer(job, 0, job->in.size))
			return;
	}
}

/* False when the connection is of no more use. */
static bool move_tcp(struct job *job)
{
	if (job->out.size > 0) {
		const ssize_t sent = send(job->io.fd, job->out.data, job->out.size, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		rk_buf_consume(&job->out, (size_t)sent);
		return true;
	}
	uint8_t *room = rk_buf_room(&job->in, RK_FORWARD_QUERY_MAX);
	const ssize_t size = recv(job->io.fd, room, RK_FORWARD_QUERY_MAX, 0);
	if (size <= 0)
		return size < 0 && (errno == EAGAIN || errno == EINTR);
	job->in.size += (size_t)size;
	return true;
}

static void on_tcp(struct ev_loop *loop, ev_io *io, int events)
{
	struct job *job = RK_CONTAINER(io, struct job, io);

	(void)events;
	bool goes_on = move_tcp(job);
	if (goes_on && job->in.size >= LENGTH_SIZE) {
		const size_t size = (size_t)(job->in.data[0] << 8 | job->in.data[1]);
		if (job->in.size >= LENGTH_SIZE + size) {
			if (take_answer(job, LENGTH_SIZE, size))
				return;
			goes_on = false;
		}
	}
	if (!goes_on) {
		end_job(job, (struct rk_span){ NULL, 0 });
		return;
	}
	ev_io_stop(loop, io);
	ev_io_set(io, io->fd, job->out.size > 0 ? EV_WRITE : EV_READ);
	ev_io_start(loop, io);
}

/* The kernel gives each a random port when it is connected; then only the upstream's packets come
 * in. */
static int connect_upstream(const struct rk_forward *forward, bool by_tcp)
{
	RK_AUTO(rk_drop_fd)
	int fd = socket(forward->upstream.ss_family,
			(by_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    (connect(fd, (const struct sockaddr *)&forward->upstream, forward->upstream_size) < 0 &&
	     errno != EINPROGRESS))
		return -1;
	return rk_take_fd(&fd);
}

static void start_job(struct rk_forward *forward, struct job *job, int fd, bool by_tcp)
{
	ev_io_init(&job->io, by_tcp ? on_tcp : on_udp, fd, by_tcp ? EV_WRITE : EV_READ);
	ev_io_start(forward->loop, &job->io);
	ev_timer_init(&job->deadline, on_deadline, WAIT_SECONDS, 0.);
	ev_timer_start(forward->loop, &job->deadline);
	job->next = forward->jobs;
	job->link = &forward->jobs;
	if (job->next != NULL)
		job->next->link = &job->next;
	forward->jobs = job;
	forward->count++;
}

bool rk_forward_ask(struct rk_forward *forward, const struct rk_dns_client *client,
		    const struct rk_dns_query *query, struct rk_span message)
{
	const bool by_tcp = client->conn != NULL;
	uint16_t id;

	if (forward->count >= RK_FORWARDS_MAX || message.size > RK_FORWARD_QUERY_MAX ||
	    getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
		return false;
	const int fd = connect_upstream(forward, by_tcp);
	if (fd < 0)
		return false;
	struct job *job = rk_zalloc(sizeof *job);
	job->forward = forward;
	job->client = *client;
	job->id = id;
	job->client_id = query->id;
	rk_buf_put_span(&job->message, message);
	job->question =
		rk_span_sub(rk_buf_span(&job->message), RK_DNS_HEADER, query->question.size);
	if (by_tcp) {
		rk_buf_put_u8(&job->out, (uint8_t)(message.size >> 8));
		rk_buf_put_u8(&job->out, (uint8_t)message.size);
	}
	rk_buf_put_span(&job->out, message);
	set_id(job->out.data + (by_tcp ? LENGTH_SIZE : 0), id);
	/* A datagram that is lost here is like one that is lost on its way: the deadline tells. */
	if (!by_tcp)
		(void)!send(fd, job->out.data, job->out.size, MSG_NOSIGNAL);
	start_job(forward, job, fd, by_tcp);
	return true;
}

void rk_forward_forget(struct rk_forward *forward, const void *conn)
{
	for (struct job *job = forward->jobs; job != NULL; job = job->next)
		if (job->client.conn == conn)
			job->is_forgotten = true;
}

bool rk_forward_is(const struct rk_forward *forward, const struct sockaddr_in *address)
{
	const struct sockaddr_in *upstream = (const struct sockaddr_in *)&forward->upstream;

	return upstream->sin_family == AF_INET && upstream->sin_port == address->sin_port &&
	       upstream->sin_addr.s_addr == address->sin_addr.s_addr;
}
