#include "cli/backup_dir_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/digest_io.h"

#define MANIFEST     "manifest"
#define MANIFEST_MAX (64u << 20)
#define READ_BYTES   (1u << 20)

static int sync_dir(const char *path, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? rk_fail_errno(error, "cannot write %s", path) : RK_OK;
}

/* --- the directory --- */

static int load(struct rk_backup_dir *dir, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char path[RK_PATH_MAX];

	rk_path(path, "%s/" MANIFEST, dir->path);
	RK_TRY(rk_file_read(path, MANIFEST_MAX, &text, error));
	const int err = rk_backup_decode(rk_buf_span(&text), &dir->backup, error);
	return err < 0 ? rk_fail_wrap(error, err, "%s", path) : RK_OK;
}

static bool is_ours(const char *name)
{
	const size_t size = strlen(name);
	static const char *const endings[] = { ".snap", ".part", ".tmp", ".new" };

	if (strcmp(name, MANIFEST) == 0 || strcmp(name, "lock") == 0 || name[0] == '.')
		return true;
	for (size_t i = 0; i < RK_COUNT(endings); i++) {
		const size_t tail = strlen(endings[i]);
		if (size > tail && strcmp(name + size - tail, endings[i]) == 0)
			return true;
	}
	return false;
}

static bool is_named(const struct rk_backup *backup, const char *name)
{
	if (strcmp(name, MANIFEST) == 0 || strcmp(name, "lock") == 0 || name[0] == '.')
		return true;
	for (size_t i = 0; i < backup->count; i++)
		if (strcmp(backup->items[i].name, name) == 0)
			return true;
	return false;
}

/* What is not in the manifest was left by a run that did not come to its end. */
static int sweep(const struct rk_backup_dir *dir, struct rk_error *error)
{
	DIR *listing = opendir(dir->path);
	const struct dirent *entry;
	char path[RK_PATH_MAX];
	int err = RK_OK;

	if (listing == NULL)
		return rk_fail_errno(error, "cannot read %s", dir->path);
	while (err == RK_OK && (entry = readdir(listing)) != NULL) {
		if (!is_ours(entry->d_name)) {
			err = rk_fail(
				error, RK_EEXIST,
				"%s holds %s, which is no part of a back-up: give a directory "
				"of its own",
				dir->path, entry->d_name);
		} else if (!is_named(&dir->backup, entry->d_name)) {
			rk_path(path, "%s/%s", dir->path, entry->d_name);
			(void)unlink(path);
		}
	}
	(void)closedir(listing);
	return err;
}

static int lock(struct rk_backup_dir *dir, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/lock", dir->path);
	dir->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (dir->lock_fd < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return rk_fail(error, RK_EBUSY, "another back-up to %s is under way", dir->path);
	return RK_OK;
}

static int open_dir(struct rk_backup_dir *dir, struct rk_error *error)
{
	RK_TRY(rk_dir_make(dir->path, 0700, error));
	RK_TRY(lock(dir, error));
	const int err = load(dir, error);
	dir->is_new = err == RK_ENOENT;
	if (err < 0 && err != RK_ENOENT)
		return err;
	return sweep(dir, error);
}

int rk_backup_dir_open(struct rk_backup_dir *ret, const char *path, struct rk_error *error)
{
	struct rk_backup_dir dir = { .lock_fd = -1 };

	rk_path(dir.path, "%s", path);
	const int err = open_dir(&dir, error);
	if (err < 0) {
		rk_backup_dir_close(&dir);
		return err;
	}
	*ret = dir;
	return RK_OK;
}

int rk_backup_dir_read(struct rk_backup_dir *ret, const char *path, struct rk_error *error)
{
	struct rk_backup_dir dir = { .lock_fd = -1 };

	rk_path(dir.path, "%s", path);
	const int err = load(&dir, error);
	if (err < 0) {
		rk_backup_dir_close(&dir);
		return err == RK_ENOENT ? rk_fail(error, err,
						  "%s is not a back-up: it has no manifest", path)
					: err;
	}
	*ret = dir;
	return RK_OK;
}

void rk_backup_dir_close(struct rk_backup_dir *dir)
{
	rk_backup_done(&dir->backup);
	if (dir->lock_fd >= 0)
		(void)close(dir->lock_fd);
	dir->lock_fd = -1;
}

int rk_backup_dir_save(struct rk_backup_dir *dir, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char path[RK_PATH_MAX];

	rk_backup_encode(&dir->backup, &text);
	rk_path(path, "%s/" MANIFEST, dir->path);
	RK_TRY(sync_dir(dir->path, error));
	RK_TRY(rk_file_write(path, rk_buf_span(&text), 0600, true, error));
	return sync_dir(dir->path, error);
}

/* --- its files --- */

static void temporary(const struct rk_backup_file *file, char path[RK_PATH_MAX])
{
	rk_path(path, "%s/%s.tmp", file->dir->path, file->name);
}

int rk_backup_file_begin(struct rk_backup_file *ret, const struct rk_backup_dir *dir,
			 uint64_t number, const char *ending, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	*ret = (struct rk_backup_file){ .dir = dir, .fd = -1 };
	(void)snprintf(ret->name, sizeof ret->name, "%016" PRIx64 ".%s", number, ending);
	temporary(ret, path);
	ret->fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	return ret->fd < 0 ? rk_fail_errno(error, "cannot make %s", path) : RK_OK;
}

int rk_backup_file_add(struct rk_backup_file *file, struct rk_span bytes, struct rk_error *error)
{
	while (bytes.size > 0) {
		const ssize_t done = write(file->fd, bytes.data, bytes.size);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return rk_fail_errno(error, "cannot write %s/%s", file->dir->path,
					     file->name);
		file->bytes += (uint64_t)done;
		bytes = rk_span_sub(bytes, (size_t)done, bytes.size);
	}
	return RK_OK;
}

int rk_backup_file_end(struct rk_backup_file *file, struct rk_backup_item *item,
		       struct rk_error *error)
{
	char from[RK_PATH_MAX], to[RK_PATH_MAX];

	temporary(file, from);
	rk_path(to, "%s/%s", file->dir->path, file->name);
	if (fsync(file->fd) < 0)
		return rk_fail_errno(error, "cannot write %s", from);
	RK_TRY(rk_digest_file(from, item->digest, error));
	if (rename(from, to) < 0)
		return rk_fail_errno(error, "cannot make %s", to);
	RK_TRY(sync_dir(file->dir->path, error));
	item->bytes = file->bytes;
	memcpy(item->name, file->name, sizeof item->name);
	(void)close(file->fd);
	file->fd = -1;
	return RK_OK;
}

void rk_backup_file_drop(struct rk_backup_file *file)
{
	char path[RK_PATH_MAX];

	if (file->fd < 0 || file->dir == NULL)
		return;
	(void)close(file->fd);
	file->fd = -1;
	temporary(file, path);
	(void)unlink(path);
}

/* --- reading --- */

struct part {
	const struct rk_backup_dir *dir;
	const struct rk_backup_item *item;
	const struct rk_backup_reader *reader;
	uint64_t next; /* entry */
	struct rk_hash128 link;
	struct rk_buf bytes;
	bool has_head;
};

static int damaged(const struct part *part, const char *what, struct rk_error *error)
{
	return rk_fail(error, RK_ECORRUPT, "%s/%s: entry %" PRIu64 " %s", part->dir->path,
		       part->item->name, part->next, what);
}

static int take_head(struct part *part, struct rk_error *error)
{
	const struct rk_backup *backup = &part->dir->backup;
	const struct rk_backup_item *before = rk_backup_part(backup, part->item->first - 1);
	const struct rk_hash128 link =
		before != NULL ? before->hash
			       : rk_backup_link_start(backup->cluster, part->item->first);
	struct rk_backup_part_head head;

	if (part->bytes.size < RK_BACKUP_HEAD_SIZE)
		return RK_OK;
	if (rk_backup_read_part_head(rk_buf_span(&part->bytes), &head) < 0 ||
	    head.first != part->item->first || head.cluster.high != backup->cluster.high ||
	    head.cluster.low != backup->cluster.low || !rk_hash128_eq(head.link, link))
		return rk_fail(error, RK_ECORRUPT,
			       "%s/%s: its head is damaged, before entry %" PRIu64, part->dir->path,
			       part->item->name, part->next);
	part->has_head = true;
	part->link = head.link;
	rk_buf_consume(&part->bytes, RK_BACKUP_HEAD_SIZE);
	return RK_OK;
}

/* 1: one was taken, *at moves on; 0: it is not whole yet. */
static int take_entry(struct part *part, size_t *at, struct rk_error *error)
{
	const struct rk_span all = rk_buf_span(&part->bytes);
	const struct rk_span rest = rk_span_sub(all, *at, all.size);
	struct rk_span payload, record;
	struct rk_entry entry;
	const int more = rk_backup_take_entry(rest, &entry, &payload, &record);

	if (more < 0)
		return damaged(part, "is damaged", error);
	if (more == 0 || rest.size < record.size + RK_BACKUP_LINK_SIZE)
		return 0;
	struct rk_reader reader = rk_reader_of(rk_span_sub(rest, record.size, RK_BACKUP_LINK_SIZE));
	part->link = rk_backup_link_next(part->link, record);
	if (entry.index != part->next || entry.index > part->item->last)
		return damaged(part, "is not where it should be", error);
	if (rk_read_u64(&reader) != part->link.low)
		return damaged(part, "does not follow the one before it", error);
	if (part->reader != NULL && part->reader->each != NULL)
		RK_TRY(part->reader->each(part->reader->context, &entry, payload, error));
	part->next++;
	*at += record.size + RK_BACKUP_LINK_SIZE;
	return 1;
}

static int take_all(struct part *part, struct rk_error *error)
{
	size_t at = 0;
	int more = 1;

	if (!part->has_head)
		RK_TRY(take_head(part, error));
	while (part->has_head && more == 1)
		more = take_entry(part, &at, error);
	RK_TRY(more);
	rk_buf_consume(&part->bytes, at);
	return RK_OK;
}

static int read_part(struct part *part, int fd, struct rk_error *error)
{
	ssize_t got;

	while ((got = read(fd, rk_buf_room(&part->bytes, READ_BYTES), READ_BYTES)) > 0) {
		part->bytes.size += (size_t)got;
		RK_TRY(take_all(part, error));
	}
	if (got < 0)
		return rk_fail_errno(error, "cannot read %s/%s", part->dir->path, part->item->name);
	if (part->next != part->item->last + 1)
		return damaged(part, "is cut off", error);
	if (part->bytes.size > 0)
		return rk_fail(error, RK_ECORRUPT, "%s/%s: bytes follow its last entry",
			       part->dir->path, part->item->name);
	return rk_hash128_eq(part->link, part->item->hash)
		       ? RK_OK
		       : rk_fail(error, RK_ECORRUPT,
				 "%s/%s: its entries are not those that were backed up",
				 part->dir->path, part->item->name);
}

int rk_backup_part_read(const struct rk_backup_dir *dir, const struct rk_backup_item *item,
			const struct rk_backup_reader *reader, struct rk_error *error)
{
	struct part part = { .dir = dir, .item = item, .reader = reader, .next = item->first };
	char path[RK_PATH_MAX];

	rk_path(path, "%s/%s", dir->path, item->name);
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return rk_fail_errno(error, "cannot open %s (entries %" PRIu64 " to %" PRIu64 ")",
				     path, item->first, item->last);
	const int err = read_part(&part, fd, error);
	rk_buf_done(&part.bytes);
	return err;
}

int rk_backup_file_check(const struct rk_backup_dir *dir, const struct rk_backup_item *item,
			 struct rk_error *error)
{
	char path[RK_PATH_MAX], digest[RK_DIGEST_MAX];
	struct stat status;

	rk_path(path, "%s/%s", dir->path, item->name);
	if (stat(path, &status) < 0)
		return rk_fail_errno(error, "cannot find %s (up to entry %" PRIu64 ")", path,
				     item->last);
	if ((uint64_t)status.st_size != item->bytes)
		return rk_fail(error, RK_ECORRUPT, "%s: has %lld bytes, not %" PRIu64, path,
			       (long long)status.st_size, item->bytes);
	RK_TRY(rk_digest_file(path, digest, error));
	return strcmp(digest, item->digest) == 0
		       ? RK_OK
		       : rk_fail(error, RK_ECORRUPT,
				 "%s: its bytes are not those that were written", path);
}
