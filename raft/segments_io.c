#include "raft/segments_io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void rk_segment_name(char name[RK_SEGMENT_NAME_MAX], uint64_t sequence)
{
	(void)snprintf(name, RK_SEGMENT_NAME_MAX, "%016llx.wal", (unsigned long long)sequence);
}

static bool sequence_of(const char *name, uint64_t *ret)
{
	char back[RK_SEGMENT_NAME_MAX];

	*ret = strtoull(name, NULL, 16);
	rk_segment_name(back, *ret);
	return strcmp(back, name) == 0;
}

static int by_number(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

int rk_segments_list(int dir_fd, const char *dir, struct rk_segments *ret, struct rk_error *error)
{
	const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	uint64_t sequence;

	if (listing == NULL) {
		const int err = rk_fail_errno(error, "cannot list %s", dir);
		if (fd >= 0)
			(void)close(fd);
		return err;
	}
	*ret = (struct rk_segments){ 0 };
	while ((entry = readdir(listing)) != NULL) {
		if (!sequence_of(entry->d_name, &sequence))
			continue;
		ret->at = rk_grow(ret->at, &ret->capacity, ret->count + 1, sizeof *ret->at);
		ret->at[ret->count++] = sequence;
	}
	(void)closedir(listing);
	if (ret->count > 0)
		qsort(ret->at, ret->count, sizeof *ret->at, by_number);
	return RK_OK;
}

void rk_segments_done(struct rk_segments *segments)
{
	free(segments->at);
	*segments = (struct rk_segments){ 0 };
}

int rk_mapping_open(struct rk_mapping *ret, int dir_fd, const char *name, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return rk_fail_errno(error, "cannot open %s", name);
	ret->bytes = (struct rk_span){ NULL, 0 };
	if (status.st_size == 0)
		return RK_OK;
	const size_t size = (size_t)status.st_size;
	void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return rk_fail_errno(error, "cannot read %s", name);
	ret->bytes = rk_span_of(bytes, size);
	return RK_OK;
}

void rk_mapping_close(struct rk_mapping *mapping)
{
	union {
		const uint8_t *given;
		void *plain;
	} bytes = { mapping->bytes.data };

	if (mapping->bytes.size > 0)
		(void)munmap(bytes.plain, mapping->bytes.size);
	mapping->bytes = (struct rk_span){ NULL, 0 };
}

bool rk_segment_head_of(struct rk_span segment, struct rk_segment_head *ret)
{
	struct rk_frames frames = rk_frames_of(segment);
	struct rk_span body;
	struct rk_record record;

	if (rk_frames_next(&frames, &body) != 1)
		return false;
	struct rk_reader reader = rk_reader_of(body);
	if (rk_record_next(&reader, &record) != 1 || record.kind != RK_RECORD_HEAD)
		return false;
	*ret = record.head;
	return true;
}
