/* sim/disk.h - a machine's disk under virtual time: two directories behind base/vfs.h, and every way in which disks fail.
 *
 * What a process wrote is in the page cache until a sync; a crash lets any set of unsynced sectors reach the medium (lost,
 * torn and reordered writes), and any first part of the unsynced changes of names. A failed sync calls pages clean
 * that never reached the medium (Rebello et al., ATC 2020). Sectors rot, or cannot be read at all. Writes and reads go
 * to the wrong place. */
#ifndef RK_SIM_DISK_H
#define RK_SIM_DISK_H

#include "base/vfs.h"
#include "sim/dice.h"

#define SIM_SECTOR 512

enum sim_dir { SIM_DIR_LOG, SIM_DIR_SNAPSHOTS, SIM_DIR_COUNT };

struct sim_disk_counts {
	uint64_t reads, writes, syncs;
	uint64_t torn;         /* crashes that left some sectors of a write, and not others */
	uint64_t lost_sectors; /* unsynced, gone with a crash */
	uint64_t lost_names;   /* changes of names, the same */
	uint64_t read_errors, write_errors, sync_errors, full;
	uint64_t rotten, unreadable, misdirected_writes, misdirected_reads, lost_writes;
	uint64_t io_crashes; /* crashes in the midst of an operation */
};

struct sim_disk;

/* Both are borrowed. */
struct sim_disk *sim_disk_new(struct sim_dice *dice, struct sim_disk_counts *counts);
/* Another disk with what is on the medium of this one. */
struct sim_disk *sim_disk_copy(const struct sim_disk *disk, struct sim_disk_counts *counts);
struct sim_disk *sim_disk_free(struct sim_disk *disk);
/* A handle of its own: closed with rk_vfs_close. */
struct rk_vfs *sim_disk_dir(struct sim_disk *disk, enum sim_dir dir);

/* The process dies in the midst of the n-th operation from now: that and all that follow fail. 0: it does not. */
void sim_disk_crash_in(struct sim_disk *disk, uint64_t operations);
bool sim_disk_is_dead(const struct sim_disk *disk);
/* The machine starts anew: what was not synced is decided. Every handle must be closed. */
void sim_disk_crash(struct sim_disk *disk);

/* From now on, in a million operations of the kind: */
void sim_disk_errors(struct sim_disk *disk, uint32_t write_errors, uint32_t sync_errors);
void sim_disk_set_full(struct sim_disk *disk, bool is_full);

/* Damage to what is on the medium; false when there is nothing to damage. */
bool sim_disk_rot(struct sim_disk *disk, enum sim_dir dir, const char *name, size_t at);
bool sim_disk_make_unreadable(struct sim_disk *disk, enum sim_dir dir, const char *name, size_t at);
void sim_disk_misdirect_write(struct sim_disk *disk); /* the next one */
void sim_disk_lose_write(struct sim_disk *disk);      /* the next one is called durable, and is not */
void sim_disk_misdirect_read(struct sim_disk *disk, bool is_due); /* one of the next ones */
void sim_disk_wipe(struct sim_disk *disk);
/* The n-th file of a directory: its bytes, borrowed. False: there are not so many. */
bool sim_disk_file(const struct sim_disk *disk, enum sim_dir dir, size_t n, const char **ret_name,
		   struct rk_span *ret);

#endif
