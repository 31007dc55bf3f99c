#include "base/queue_io.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct rk_queue {
	pthread_mutex_t lock;
	struct rk_message *head;
	struct rk_message **tail;
	int fd;
};

int rk_queue_new(struct rk_queue **ret)
{
	struct rk_queue *queue = rk_zalloc(sizeof *queue);

	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->fd < 0) {
		free(queue);
		return RK_EIO;
	}
	(void)pthread_mutex_init(&queue->lock, NULL);
	queue->tail = &queue->head;
	*ret = queue;
	return RK_OK;
}

struct rk_queue *rk_queue_free(struct rk_queue *queue)
{
	if (queue == NULL)
		return NULL;
	rk_assert(queue->head == NULL);
	(void)pthread_mutex_destroy(&queue->lock);
	(void)close(queue->fd);
	free(queue);
	return NULL;
}

int rk_queue_fd(const struct rk_queue *queue)
{
	return queue->fd;
}

void rk_queue_push(struct rk_queue *queue, struct rk_message *message)
{
	message->next = NULL;
	(void)pthread_mutex_lock(&queue->lock);
	const bool was_empty = queue->head == NULL;
	*queue->tail = message;
	queue->tail = &message->next;
	(void)pthread_mutex_unlock(&queue->lock);
	if (was_empty) {
		const uint64_t one = 1;
		const ssize_t written = write(queue->fd, &one, sizeof one);
		rk_assert(written == (ssize_t)sizeof one); /* the counter cannot be full */
	}
}

struct rk_message *rk_queue_take(struct rk_queue *queue)
{
	uint64_t count;

	/* The fd is emptied before the list is, so a push in between leaves it readable. */
	if (read(queue->fd, &count, sizeof count) < 0)
		count = 0;
	(void)pthread_mutex_lock(&queue->lock);
	struct rk_message *first = queue->head;
	queue->head = NULL;
	queue->tail = &queue->head;
	(void)pthread_mutex_unlock(&queue->lock);
	return first;
}

void rk_queue_wait(struct rk_queue *queue, int timeout_ms)
{
	struct pollfd waiting = { .fd = queue->fd, .events = POLLIN };

	(void)poll(&waiting, 1, timeout_ms);
}
