/* base/queue_io.h - messages between threads: any number of senders, one receiver, in order.
 *
 * The receiver waits on an eventfd (rk_queue_fd), which a sender writes only when the queue was
 * empty: a busy receiver costs its senders no system call. */
#ifndef RK_BASE_QUEUE_IO_H
#define RK_BASE_QUEUE_IO_H

#include <stddef.h>

#include "base/err.h"

struct rk_message { /* embedded in what is sent; belongs to the receiver once it is pushed */
	struct rk_message *next;
	int kind; /* what it is embedded in, an enum of the receiver's */
};

struct rk_queue;

RK_MUST_CHECK int rk_queue_new(struct rk_queue **ret);
struct rk_queue *rk_queue_free(struct rk_queue *queue); /* must be empty and have no senders left */
int rk_queue_fd(const struct rk_queue *queue);          /* readable while messages wait */
void rk_queue_push(struct rk_queue *queue, struct rk_message *message);
/* Takes everything that waits, oldest first, linked by next; NULL when there is nothing. Rearms the fd. */
struct rk_message *rk_queue_take(struct rk_queue *queue);
/* Blocks until something waits or timeout_ms passed (-1 is forever). */
void rk_queue_wait(struct rk_queue *queue, int timeout_ms);

#endif
