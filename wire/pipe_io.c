#include "wire/pipe_io.h"

#include <stdlib.h>

#include "base/mem.h"

#define FINISH_MS 5000

static void over(struct rk_pipe *pipe)
{
	/* What is queued still goes out: the exit code of a program may be in it. */
	for (size_t i = 0; i < RK_COUNT(pipe->ends); i++)
		if (pipe->ends[i] != NULL)
			rk_stream_finish(pipe->ends[i], FINISH_MS);
	*pipe->link = pipe->next;
	if (pipe->next != NULL)
		pipe->next->link = pipe->link;
	free(pipe);
}

static struct rk_stream *other_end(const struct rk_pipe *pipe, const struct rk_stream *stream)
{
	return stream == pipe->ends[0] ? pipe->ends[1] : pipe->ends[0];
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	if (!rk_stream_write(other_end(context, stream), bytes))
		rk_stream_pause(stream);
	return bytes.size;
}

static void on_drained(void *context, struct rk_stream *stream)
{
	rk_stream_resume(other_end(context, stream));
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct rk_pipe *pipe = context;

	(void)error;
	pipe->ends[stream == pipe->ends[0] ? 0 : 1] = NULL;
	over(pipe);
}

void rk_pipe_start(struct rk_pipe **list, struct rk_stream *one, struct rk_stream *other)
{
	static const struct rk_stream_events events = { .data = on_data,
							.drained = on_drained,
							.closed = on_closed };
	struct rk_pipe *pipe = rk_zalloc(sizeof *pipe);

	*pipe = (struct rk_pipe){ .next = *list, .link = list, .ends = { one, other } };
	if (pipe->next != NULL)
		pipe->next->link = &pipe->next;
	*list = pipe;
	if (one == NULL || other == NULL) {
		over(pipe);
		return;
	}
	rk_stream_hand_over(one, &events, pipe);
	rk_stream_hand_over(other, &events, pipe);
}

void rk_pipe_end_all(struct rk_pipe **list)
{
	while (*list != NULL) {
		struct rk_pipe *pipe = *list;
		for (size_t i = 0; i < RK_COUNT(pipe->ends); i++)
			pipe->ends[i] = rk_stream_close(pipe->ends[i]);
		over(pipe);
	}
}
