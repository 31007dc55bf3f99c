#include "sim/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NAME_MAX_BYTES 48

struct inode {
	uint32_t refs;
	size_t size, capacity; /* capacity: whole sectors */
	uint8_t *now;          /* as the process sees it */
	uint8_t *safe;         /* on the medium */
	size_t safe_size;
	uint8_t *dirty; /* by sector: `now` has what `safe` does not */
	uint8_t *bad;   /* by sector: cannot be read */
};

struct name {
	char text[NAME_MAX_BYTES];
	struct inode *inode;
};

struct names {
	size_t count, capacity;
	struct name *at;
};

struct change { /* of names, since the last sync */
	enum { MADE, RENAMED, REMOVED } what;
	char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
	struct inode *inode; /* MADE: a share */
};

struct dir {
	struct names now, safe;
	size_t changes_count, changes_capacity;
	struct change *changes;
};

struct sim_disk {
	struct sim_dice *dice;
	struct dir dirs[SIM_DIR_COUNT];
	uint64_t crash_in;
	bool is_dead, is_full;
	bool misdirects_write, loses_write, misdirects_read;
	uint32_t write_errors, sync_errors;
	struct sim_disk_counts *counts;
};

struct handle {
	struct rk_vfs vfs;
	struct sim_disk *disk;
	enum sim_dir dir;
};

struct open_file {
	struct rk_vfile file;
	struct sim_disk *disk;
	struct inode *inode;
};

/* --- inodes --- */

static struct inode *inode_ref(struct inode *inode)
{
	inode->refs++;
	return inode;
}

static void inode_unref(struct inode *inode)
{
	if (inode == NULL || --inode->refs > 0)
		return;
	free(inode->now);
	free(inode->safe);
	free(inode->dirty);
	free(inode->bad);
	free(inode);
}

static void inode_grow(struct inode *inode, size_t size)
{
	const size_t capacity = (size + SIM_SECTOR - 1) / SIM_SECTOR * SIM_SECTOR;

	if (capacity > inode->capacity) {
		const size_t room = RK_MAX(capacity, inode->capacity * 2), old = inode->capacity;
		inode->now = rk_realloc(inode->now, room);
		inode->safe = rk_realloc(inode->safe, room);
		inode->dirty = rk_realloc(inode->dirty, room / SIM_SECTOR);
		inode->bad = rk_realloc(inode->bad, room / SIM_SECTOR);
		memset(inode->now + old, 0, room - old);
		memset(inode->safe + old, 0, room - old);
		memset(inode->dirty + old / SIM_SECTOR, 0, (room - old) / SIM_SECTOR);
		memset(inode->bad + old / SIM_SECTOR, 0, (room - old) / SIM_SECTOR);
		inode->capacity = room;
	}
	inode->size = RK_MAX(inode->size, size);
}

static struct inode *inode_copy(const struct inode *from) /* of the medium */
{
	struct inode *copy = rk_zalloc(sizeof *copy);

	copy->refs = 1;
	inode_grow(copy, from->safe_size);
	copy->safe_size = from->safe_size;
	if (from->safe_size > 0) {
		memcpy(copy->safe, from->safe, from->safe_size);
		memcpy(copy->now, from->safe, from->safe_size);
		memcpy(copy->bad, from->bad, (from->safe_size + SIM_SECTOR - 1) / SIM_SECTOR);
	}
	return copy;
}

static void sector_to_medium(struct inode *inode, size_t sector)
{
	memcpy(inode->safe + sector * SIM_SECTOR, inode->now + sector * SIM_SECTOR, SIM_SECTOR);
	inode->dirty[sector] = 0;
	inode->bad[sector] = 0; /* a drive gives a written sector a new place */
}

/* --- names --- */

static struct name *names_find(const struct names *names, const char *text)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->at[i].text, text) == 0)
			return &names->at[i];
	return NULL;
}

static void names_remove(struct names *names, const char *text)
{
	struct name *name = names_find(names, text);

	if (name == NULL)
		return;
	inode_unref(name->inode);
	*name = names->at[--names->count];
}

static void names_put(struct names *names, const char *text, struct inode *inode)
{
	names_remove(names, text);
	names->at = rk_grow(names->at, &names->capacity, names->count + 1, sizeof *names->at);
	struct name *name = &names->at[names->count++];
	memset(name->text, 0, sizeof name->text);
	memcpy(name->text, text, RK_MIN(strlen(text), sizeof name->text - 1));
	name->inode = inode_ref(inode);
}

static bool names_rename(struct names *names, const char *from, const char *to)
{
	const struct name *name = names_find(names, from);

	if (name == NULL)
		return false;
	struct inode *inode = inode_ref(name->inode);
	names_remove(names, from);
	names_put(names, to, inode);
	inode_unref(inode);
	return true;
}

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		inode_unref(names->at[i].inode);
	free(names->at);
	*names = (struct names){ 0 };
}

static void names_copy(struct names *to, const struct names *from)
{
	names_clear(to);
	for (size_t i = 0; i < from->count; i++)
		names_put(to, from->at[i].text, from->at[i].inode);
}

static void note_change(struct dir *dir, int what, const char *from, const char *to,
			struct inode *inode)
{
	dir->changes = rk_grow(dir->changes, &dir->changes_capacity, dir->changes_count + 1,
			       sizeof *dir->changes);
	struct change *change = &dir->changes[dir->changes_count++];
	memset(change, 0, sizeof *change);
	change->what = what;
	memcpy(change->from, from, RK_MIN(strlen(from), sizeof change->from - 1));
	memcpy(change->to, to, RK_MIN(strlen(to), sizeof change->to - 1));
	change->inode = inode != NULL ? inode_ref(inode) : NULL;
}

/* The first `count` changes reach the medium; the others never were. */
static void settle_names(struct dir *dir, size_t count)
{
	for (size_t i = 0; i < dir->changes_count; i++) {
		struct change *change = &dir->changes[i];
		if (i >= count)
			;
		else if (change->what == MADE)
			names_put(&dir->safe, change->from, change->inode);
		else if (change->what == RENAMED)
			(void)names_rename(&dir->safe, change->from, change->to);
		else
			names_remove(&dir->safe, change->from);
		inode_unref(change->inode);
	}
	dir->changes_count = 0;
}

/* --- operations --- */

/* True: the process is dead, or dies in this operation. */
static bool dies(struct sim_disk *disk)
{
	if (!disk->is_dead && disk->crash_in > 0 && --disk->crash_in == 0) {
		disk->is_dead = true;
		disk->counts->io_crashes++;
	}
	return disk->is_dead;
}

static int fails(int why)
{
	errno = why;
	return RK_EIO;
}

static struct open_file *file_of(struct rk_vfile *file)
{
	return RK_CONTAINER(file, struct open_file, file);
}

static int file_size(struct rk_vfile *file, uint64_t *ret)
{
	*ret = file_of(file)->inode->size;
	return RK_OK;
}

static int file_read(struct rk_vfile *file, uint64_t at, uint8_t *bytes, size_t size)
{
	struct sim_disk *disk = file_of(file)->disk;
	const struct inode *inode = file_of(file)->inode;

	disk->counts->reads++;
	if (dies(disk))
		return fails(EIO);
	memset(bytes, 0, size);
	if (at >= inode->size)
		return RK_OK;
	size = RK_MIN(size, inode->size - (size_t)at);
	for (size_t i = (size_t)at / SIM_SECTOR; i * SIM_SECTOR < at + size; i++) {
		if (inode->bad[i] != 0) {
			disk->counts->read_errors++;
			return fails(EIO);
		}
	}
	if (disk->misdirects_read && size > 2 * SIM_SECTOR && sim_below(disk->dice, 2) == 0) {
		/* One sector comes from another place. */
		const size_t to = sim_below(disk->dice, size / SIM_SECTOR) * SIM_SECTOR;
		const size_t from = sim_below(disk->dice, size / SIM_SECTOR) * SIM_SECTOR;
		disk->misdirects_read = false;
		disk->counts->misdirected_reads++;
		memcpy(bytes, inode->now + at, size);
		memmove(bytes + to, bytes + from, SIM_SECTOR);
		return RK_OK;
	}
	memcpy(bytes, inode->now + at, size);
	return RK_OK;
}

static void put_bytes(struct inode *inode, size_t at, struct rk_span bytes)
{
	if (bytes.size == 0)
		return;
	inode_grow(inode, at + bytes.size);
	memcpy(inode->now + at, bytes.data, bytes.size);
	for (size_t i = at / SIM_SECTOR; i * SIM_SECTOR < at + bytes.size; i++)
		inode->dirty[i] = 1;
}

static int file_write(struct rk_vfile *file, uint64_t at, struct rk_span bytes)
{
	struct sim_disk *disk = file_of(file)->disk;
	struct inode *inode = file_of(file)->inode;

	disk->counts->writes++;
	if (disk->is_dead)
		return fails(EIO);
	if (at + bytes.size > inode->size && disk->is_full) {
		disk->counts->full++;
		return fails(ENOSPC);
	}
	if (sim_chance(disk->dice, disk->write_errors)) {
		disk->counts->write_errors++;
		/* A first part of it, to the end of a sector. */
		const size_t reach = ((size_t)at + sim_below(disk->dice, bytes.size + 1)) /
				     SIM_SECTOR * SIM_SECTOR;
		if (reach > at)
			put_bytes(inode, (size_t)at, rk_span_sub(bytes, 0, reach - (size_t)at));
		return fails(EIO);
	}
	if (disk->loses_write) {
		disk->loses_write = false;
		disk->counts->lost_writes++;
		return dies(disk) ? fails(EIO) : RK_OK;
	}
	if (disk->misdirects_write && at >= SIM_SECTOR) {
		disk->misdirects_write = false;
		disk->counts->misdirected_writes++;
		put_bytes(inode, sim_below(disk->dice, at / SIM_SECTOR) * SIM_SECTOR, bytes);
		return dies(disk) ? fails(EIO) : RK_OK;
	}
	put_bytes(inode, (size_t)at, bytes);
	return dies(disk) ? fails(EIO) : RK_OK;
}

static int file_reserve(struct rk_vfile *file, uint64_t size)
{
	struct sim_disk *disk = file_of(file)->disk;
	struct inode *inode = file_of(file)->inode;

	if (dies(disk))
		return fails(EIO);
	if (size > inode->size && disk->is_full) {
		disk->counts->full++;
		return fails(ENOSPC);
	}
	inode_grow(inode, (size_t)size);
	return RK_OK;
}

static int file_sync(struct rk_vfile *file)
{
	struct sim_disk *disk = file_of(file)->disk;
	struct inode *inode = file_of(file)->inode;
	const bool fails_now = sim_chance(disk->dice, disk->sync_errors);

	disk->counts->syncs++;
	if (dies(disk))
		return fails(EIO);
	disk->counts->sync_errors += fails_now;
	for (size_t i = 0; i < inode->capacity / SIM_SECTOR; i++) {
		if (inode->dirty[i] == 0)
			continue;
		if (!fails_now || sim_below(disk->dice, 2) == 0)
			sector_to_medium(inode, i);
		inode->dirty[i] = 0; /* clean in any case: the next sync would say that all is well */
	}
	inode->safe_size = RK_MAX(inode->safe_size, inode->size);
	return fails_now ? fails(EIO) : RK_OK;
}

static struct rk_vfile *file_close(struct rk_vfile *file)
{
	inode_unref(file_of(file)->inode);
	free(file_of(file));
	return NULL;
}

static const struct rk_vfile_ops file_ops = { file_size,    file_read, file_write,
					      file_reserve, file_sync, file_close };

static struct handle *handle_of(struct rk_vfs *vfs) { return RK_CONTAINER(vfs, struct handle, vfs); }

static struct dir *dir_of(struct rk_vfs *vfs)
{
	return &handle_of(vfs)->disk->dirs[handle_of(vfs)->dir];
}

static int dir_list(struct rk_vfs *vfs, void *context,
		    void (*found)(void *context, const char *name))
{
	const struct dir *dir = dir_of(vfs);

	if (dies(handle_of(vfs)->disk))
		return fails(EIO);
	for (size_t i = 0; i < dir->now.count; i++)
		found(context, dir->now.at[i].text);
	return RK_OK;
}

static int dir_open(struct rk_vfs *vfs, const char *text, enum rk_vfile_mode mode,
		    struct rk_vfile **ret)
{
	struct sim_disk *disk = handle_of(vfs)->disk;
	struct dir *dir = dir_of(vfs);
	const struct name *name = names_find(&dir->now, text);

	if (dies(disk))
		return fails(EIO);
	if (name == NULL && mode != RK_VFILE_NEW)
		return fails(ENOENT);
	struct inode *inode = name != NULL ? inode_ref(name->inode) : NULL;
	if (mode == RK_VFILE_NEW) {
		inode_unref(inode);
		inode = rk_zalloc(sizeof *inode); /* an emptied file, like a new one */
		inode->refs = 1;
		names_put(&dir->now, text, inode);
		note_change(dir, MADE, text, "", inode);
	}
	struct open_file *file = rk_zalloc(sizeof *file);
	file->file.ops = &file_ops;
	file->disk = disk;
	file->inode = inode;
	*ret = &file->file;
	return RK_OK;
}

static int dir_rename(struct rk_vfs *vfs, const char *from, const char *to)
{
	struct dir *dir = dir_of(vfs);

	if (handle_of(vfs)->disk->is_dead)
		return fails(EIO);
	if (!names_rename(&dir->now, from, to))
		return fails(ENOENT);
	note_change(dir, RENAMED, from, to, NULL);
	return dies(handle_of(vfs)->disk) ? fails(EIO) : RK_OK;
}

static int dir_remove(struct rk_vfs *vfs, const char *text)
{
	struct dir *dir = dir_of(vfs);

	if (handle_of(vfs)->disk->is_dead)
		return fails(EIO);
	if (names_find(&dir->now, text) == NULL)
		return fails(ENOENT);
	names_remove(&dir->now, text);
	note_change(dir, REMOVED, text, "", NULL);
	return dies(handle_of(vfs)->disk) ? fails(EIO) : RK_OK;
}

static int dir_sync(struct rk_vfs *vfs)
{
	if (dies(handle_of(vfs)->disk))
		return fails(EIO);
	settle_names(dir_of(vfs), dir_of(vfs)->changes_count);
	return RK_OK;
}

static struct rk_vfs *dir_close(struct rk_vfs *vfs)
{
	free(handle_of(vfs));
	return NULL;
}

static struct rk_vfs *dir_dup(struct rk_vfs *vfs)
{
	return sim_disk_dir(handle_of(vfs)->disk, handle_of(vfs)->dir);
}

static const struct rk_vfs_ops dir_ops = { dir_list, dir_open,	dir_rename, dir_remove,
					   dir_sync, dir_close, dir_dup };

struct rk_vfs *sim_disk_dir(struct sim_disk *disk, enum sim_dir dir)
{
	struct handle *handle = rk_zalloc(sizeof *handle);

	handle->vfs = (struct rk_vfs){ &dir_ops, dir == SIM_DIR_LOG ? "log" : "snapshots" };
	handle->disk = disk;
	handle->dir = dir;
	return &handle->vfs;
}

/* --- the disk --- */

struct sim_disk *sim_disk_new(struct sim_dice *dice, struct sim_disk_counts *counts)
{
	struct sim_disk *disk = rk_zalloc(sizeof *disk);

	disk->dice = dice;
	disk->counts = counts;
	return disk;
}

struct sim_disk *sim_disk_copy(const struct sim_disk *disk, struct sim_disk_counts *counts)
{
	struct sim_disk *copy = sim_disk_new(disk->dice, counts);

	for (size_t i = 0; i < SIM_DIR_COUNT; i++) {
		const struct names *names = &disk->dirs[i].safe;
		for (size_t k = 0; k < names->count; k++) {
			struct inode *inode = inode_copy(names->at[k].inode);
			names_put(&copy->dirs[i].safe, names->at[k].text, inode);
			inode_unref(inode);
		}
		names_copy(&copy->dirs[i].now, &copy->dirs[i].safe);
	}
	return copy;
}

static void dir_clear(struct dir *dir)
{
	settle_names(dir, 0);
	names_clear(&dir->now);
	names_clear(&dir->safe);
}

struct sim_disk *sim_disk_free(struct sim_disk *disk)
{
	for (size_t i = 0; i < SIM_DIR_COUNT; i++) {
		dir_clear(&disk->dirs[i]);
		free(disk->dirs[i].changes);
	}
	free(disk);
	return NULL;
}

void sim_disk_crash_in(struct sim_disk *disk, uint64_t operations) { disk->crash_in = operations; }
bool sim_disk_is_dead(const struct sim_disk *disk) { return disk->is_dead; }

/* Each dirty sector comes to the medium or does not. */
static void settle_inode(struct sim_disk *disk, struct inode *inode)
{
	const uint64_t mode = sim_below(disk->dice, 4); /* all, none, or some */
	size_t kept = 0, lost = 0;

	for (size_t i = 0; i < inode->capacity / SIM_SECTOR; i++) {
		if (inode->dirty[i] == 0)
			continue;
		if (mode == 0 || (mode >= 2 && sim_below(disk->dice, 2) == 0)) {
			sector_to_medium(inode, i);
			inode->safe_size = RK_MAX(inode->safe_size,
						  RK_MIN((i + 1) * SIM_SECTOR, inode->size));
			kept++;
		} else {
			lost++;
		}
		inode->dirty[i] = 0;
	}
	disk->counts->lost_sectors += lost;
	disk->counts->torn += kept > 0 && lost > 0;
	inode->size = inode->safe_size;
	if (inode->capacity > 0) {
		memset(inode->safe + inode->safe_size, 0, inode->capacity - inode->safe_size);
		memcpy(inode->now, inode->safe, inode->capacity);
	}
}

void sim_disk_crash(struct sim_disk *disk)
{
	for (size_t i = 0; i < SIM_DIR_COUNT; i++) {
		struct dir *dir = &disk->dirs[i];
		const size_t kept = sim_below(disk->dice, dir->changes_count + 1);
		disk->counts->lost_names += dir->changes_count - kept;
		settle_names(dir, kept);
		for (size_t k = 0; k < dir->safe.count; k++)
			settle_inode(disk, dir->safe.at[k].inode);
		names_copy(&dir->now, &dir->safe);
	}
	disk->is_dead = false;
	disk->crash_in = 0;
	disk->misdirects_write = disk->loses_write = false;
}

void sim_disk_errors(struct sim_disk *disk, uint32_t write_errors, uint32_t sync_errors)
{
	disk->write_errors = write_errors;
	disk->sync_errors = sync_errors;
}

void sim_disk_set_full(struct sim_disk *disk, bool is_full) { disk->is_full = is_full; }

static struct inode *find_inode(struct sim_disk *disk, enum sim_dir dir, const char *text, size_t at)
{
	const struct name *name = names_find(&disk->dirs[dir].now, text);

	return name != NULL && at < name->inode->size ? name->inode : NULL;
}

bool sim_disk_rot(struct sim_disk *disk, enum sim_dir dir, const char *name, size_t at)
{
	struct inode *inode = find_inode(disk, dir, name, at);

	if (inode == NULL)
		return false;
	const uint8_t flip = (uint8_t)(1u << sim_below(disk->dice, 8));
	inode->safe[at] ^= flip;
	inode->now[at] ^= flip;
	disk->counts->rotten++;
	return true;
}

bool sim_disk_make_unreadable(struct sim_disk *disk, enum sim_dir dir, const char *name, size_t at)
{
	struct inode *inode = find_inode(disk, dir, name, at);

	if (inode == NULL)
		return false;
	inode->bad[at / SIM_SECTOR] = 1;
	disk->counts->unreadable++;
	return true;
}

void sim_disk_misdirect_write(struct sim_disk *disk) { disk->misdirects_write = true; }
void sim_disk_lose_write(struct sim_disk *disk) { disk->loses_write = true; }
void sim_disk_misdirect_read(struct sim_disk *disk, bool is_due) { disk->misdirects_read = is_due; }

void sim_disk_wipe(struct sim_disk *disk)
{
	for (size_t i = 0; i < SIM_DIR_COUNT; i++)
		dir_clear(&disk->dirs[i]);
}

bool sim_disk_file(const struct sim_disk *disk, enum sim_dir dir, size_t n, const char **ret_name,
		   struct rk_span *ret)
{
	const struct names *names = &disk->dirs[dir].now;

	if (n >= names->count)
		return false;
	*ret_name = names->at[n].text;
	*ret = rk_span_of(names->at[n].inode->now, names->at[n].inode->size);
	return true;
}
