#include "raft/walrepair_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "raft/segments_io.h"

#define MARK_NAME "amnesia"
#define MARK_SIZE 20 /* term, vote, checksum */

bool rk_walrepair_is_marked(int dir_fd, struct rk_hard_state *hard)
{
	RK_AUTO(rk_drop_fd) int fd = openat(dir_fd, MARK_NAME, O_RDONLY | O_CLOEXEC);
	uint8_t bytes[MARK_SIZE];

	if (fd < 0)
		return false;
	if (read(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
		return true;
	struct rk_reader in = rk_reader_of(rk_span_of(bytes, sizeof bytes));
	const uint64_t term = rk_read_u64(&in), vote = rk_read_u64(&in);
	if (rk_read_u32(&in) == rk_crc32c(0, bytes, MARK_SIZE - 4) && term >= hard->term) {
		hard->term = term;
		hard->vote = vote;
	}
	return true;
}

int rk_walrepair_mark(int dir_fd, const struct rk_hard_state *hard, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	RK_AUTO(rk_drop_fd)
	int fd = openat(dir_fd, MARK_NAME, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	rk_buf_put_u64(&bytes, hard->term);
	rk_buf_put_u64(&bytes, hard->vote);
	rk_buf_put_u32(&bytes, rk_crc32c(0, bytes.data, bytes.size));
	if (fd < 0 || write(fd, bytes.data, bytes.size) != (ssize_t)bytes.size || fsync(fd) < 0 ||
	    fsync(dir_fd) < 0)
		return rk_fail_errno(error, "cannot mark the log as damaged");
	return RK_OK;
}

int rk_walrepair_unmark(int dir_fd)
{
	return unlinkat(dir_fd, MARK_NAME, 0) < 0 && errno != ENOENT ? RK_EIO : RK_OK;
}

static void take_hard(struct rk_span body, struct rk_hard_state *hard)
{
	struct rk_reader reader = rk_reader_of(body);
	struct rk_record record;

	while (rk_record_next(&reader, &record) == 1) {
		const struct rk_hard_state *is = record.kind == RK_RECORD_HARD   ? &record.hard
						 : record.kind == RK_RECORD_HEAD ? &record.head.hard
										 : NULL;
		if (is != NULL && is->term >= hard->term)
			*hard = *is;
	}
}

void rk_walrepair_hard(int dir_fd, uint64_t sequence, struct rk_hard_state *hard)
{
	RK_AUTO(rk_mapping_close) struct rk_mapping mapping = { 0 };
	char name[RK_SEGMENT_NAME_MAX];

	rk_segment_name(name, sequence);
	if (rk_mapping_open(&mapping, dir_fd, name, NULL) < 0)
		return;
	for (size_t at = 0; at < mapping.bytes.size; at += RK_FRAME_ALIGN) {
		struct rk_frames frames =
			rk_frames_of(rk_span_sub(mapping.bytes, at, mapping.bytes.size));
		struct rk_span body;
		if (!rk_frame_is_at(mapping.bytes, at) || rk_frames_next(&frames, &body) != 1)
			continue;
		take_hard(body, hard);
		at += frames.at - RK_FRAME_ALIGN;
	}
}

static void damaged_name(char name[RK_SEGMENT_NAME_MAX + 16], uint64_t sequence)
{
	char segment[RK_SEGMENT_NAME_MAX];

	rk_segment_name(segment, sequence);
	(void)snprintf(name, RK_SEGMENT_NAME_MAX + 16, "%s.damaged", segment);
}

int rk_walrepair_set_aside(int dir_fd, uint64_t sequence, struct rk_error *error)
{
	char name[RK_SEGMENT_NAME_MAX], to[RK_SEGMENT_NAME_MAX + 16];

	rk_segment_name(name, sequence);
	damaged_name(to, sequence);
	if (renameat(dir_fd, name, dir_fd, to) < 0 || fsync(dir_fd) < 0)
		return rk_fail_errno(error, "cannot set %s aside", name);
	return RK_OK;
}

static int put_all(int fd, const uint8_t *data, size_t size, size_t at)
{
	while (size > 0) {
		const ssize_t done = pwrite(fd, data, size, (off_t)at);
		if (done <= 0)
			return RK_EIO;
		data += done;
		at += (size_t)done;
		size -= (size_t)done;
	}
	return RK_OK;
}

int rk_walrepair_cut(int dir_fd, uint64_t sequence, size_t at, struct rk_error *error)
{
	static const uint8_t zeros[1 << 16];
	RK_AUTO(rk_mapping_close) struct rk_mapping mapping = { 0 };
	char name[RK_SEGMENT_NAME_MAX], copy[RK_SEGMENT_NAME_MAX + 16];

	rk_segment_name(name, sequence);
	damaged_name(copy, sequence);
	RK_TRY(rk_mapping_open(&mapping, dir_fd, name, error));
	RK_AUTO(rk_drop_fd)
	int to = openat(dir_fd, copy, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (to < 0 || put_all(to, mapping.bytes.data, mapping.bytes.size, 0) < 0 || fsync(to) < 0)
		return rk_fail_errno(error, "cannot keep a copy of %s", name);
	RK_AUTO(rk_drop_fd) int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC);
	for (size_t from = at; fd >= 0 && from < mapping.bytes.size; from += sizeof zeros)
		if (put_all(fd, zeros, RK_MIN(sizeof zeros, mapping.bytes.size - from), from) < 0)
			return rk_fail_errno(error, "cannot cut %s", name);
	if (fd < 0 || fsync(fd) < 0 || fsync(dir_fd) < 0)
		return rk_fail_errno(error, "cannot cut %s", name);
	return RK_OK;
}
