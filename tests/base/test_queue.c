/* Messages between threads: none lost, each sender's in order, and the receiver can sleep. */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/queue_io.h"

enum { SENDERS = 4, EACH = 20000 };

struct numbered {
	struct rk_message message; /* kind: the sender */
	int number;
};

struct sender {
	struct rk_queue *queue;
	int which;
};

static void *send_all(void *context)
{
	const struct sender *sender = context;

	for (int i = 0; i < EACH; i++) {
		struct numbered *one = rk_zalloc(sizeof *one);
		one->message.kind = sender->which;
		one->number = i;
		rk_queue_push(sender->queue, &one->message);
	}
	return NULL;
}

Test(queue, nothing_is_lost_and_order_is_kept)
{
	struct rk_queue *queue = NULL;
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	int next[SENDERS] = { 0 }, total = 0;

	cr_assert_eq(rk_queue_new(&queue), RK_OK);
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ queue, i };
		cr_assert_eq(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
	}
	while (total < SENDERS * EACH) {
		rk_queue_wait(queue, 1000);
		struct rk_message *message = rk_queue_take(queue);
		while (message != NULL) {
			struct numbered *one = RK_CONTAINER(message, struct numbered, message);
			message = message->next;
			cr_assert_eq(one->number, next[one->message.kind]++);
			total++;
			free(one);
		}
	}
	for (int i = 0; i < SENDERS; i++)
		(void)pthread_join(threads[i], NULL);
	cr_expect_null(rk_queue_take(queue));
	(void)rk_queue_free(queue);
}

Test(queue, the_descriptor_is_readable_while_messages_wait)
{
	struct rk_queue *queue = NULL;
	struct rk_message one = { 0 };

	cr_assert_eq(rk_queue_new(&queue), RK_OK);
	struct pollfd poll_fd = { .fd = rk_queue_fd(queue), .events = POLLIN };
	cr_expect_eq(poll(&poll_fd, 1, 0), 0);
	rk_queue_push(queue, &one);
	cr_expect_eq(poll(&poll_fd, 1, 0), 1);
	cr_expect_eq(rk_queue_take(queue), &one);
	cr_expect_eq(poll(&poll_fd, 1, 0), 0);
	(void)rk_queue_free(queue);
}
