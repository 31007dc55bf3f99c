#include "cli/backup_take_io.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"

#define PATIENCE_MS 10000 /* for a member that does not have an entry yet */
#define POLL_US     50000

struct taking {
	struct rk_backup_dir *dir;
	struct rk_backup_source *source;
	void (*progress)(uint64_t at, uint64_t of);
	struct rk_backup_took *took;
	int64_t now_ms;
	uint64_t known, known_term; /* the last entry that is in the back-up */
};

/* --- a base --- */

static int copy_snapshot(struct taking *taking, struct rk_backup_item *item, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf piece = { 0 };
	RK_AUTO(rk_backup_file_drop) struct rk_backup_file file;

	RK_TRY(rk_backup_file_begin(&file, taking->dir, item->last, "snap", error));
	do {
		rk_buf_clear(&piece);
		RK_TRY(rk_backup_source_snapshot(taking->source, file.bytes, &piece, error));
		RK_TRY(rk_backup_file_add(&file, rk_buf_span(&piece), error));
	} while (piece.size > 0);
	return rk_backup_file_end(&file, item, error);
}

static int take_base(struct taking *taking, struct rk_error *error)
{
	const struct rk_snapshot_meta *meta = &taking->source->snapshot;
	struct rk_backup_item item = { .kind = RK_BACKUP_BASE,
				       .last = meta->index,
				       .term = meta->term,
				       .time_ms = meta->time_ms,
				       .taken_ms = taking->now_ms,
				       .hash = meta->state_hash };

	RK_TRY(copy_snapshot(taking, &item, error));
	rk_backup_add(&taking->dir->backup, &item);
	taking->took->has_base = true;
	taking->took->base = item.last;
	taking->took->bytes += item.bytes;
	return RK_OK;
}

static bool has_base(const struct rk_backup *backup, uint64_t index)
{
	for (size_t i = 0; i < backup->count; i++)
		if (backup->items[i].kind == RK_BACKUP_BASE && backup->items[i].last == index)
			return true;
	return false;
}

/* --- entries --- */

struct part {
	struct taking *taking;
	struct rk_backup_file file;
	struct rk_backup_item item; /* first 0: no file yet */
	uint64_t next;
	struct rk_buf out;
};

static int begin_part(struct part *part, struct rk_error *error)
{
	const struct rk_backup *backup = &part->taking->dir->backup;
	const struct rk_backup_item *before = rk_backup_part(backup, part->next - 1);
	const struct rk_backup_part_head head = {
		.cluster = backup->cluster,
		.first = part->next,
		.link = before != NULL ? before->hash
				       : rk_backup_link_start(backup->cluster, part->next)
	};

	RK_TRY(rk_backup_file_begin(&part->file, part->taking->dir, part->next, "part", error));
	part->item = (struct rk_backup_item){ .kind = RK_BACKUP_PART,
					      .first = part->next,
					      .taken_ms = part->taking->now_ms,
					      .hash = head.link };
	rk_backup_put_part_head(&part->out, &head);
	return RK_OK;
}

static int add_entry(struct part *part, const struct rk_entry *entry, struct rk_span record,
		     struct rk_error *error)
{
	const struct taking *taking = part->taking;

	/* Two entries with one index and one term are one entry, and so are all before them (Raft
	 * paper, section 5.3). */
	if (entry->index == taking->known) {
		if (entry->term != taking->known_term)
			return rk_fail(error, RK_EPERM,
				       "entry %" PRIu64 " of the member is not the one in %s: its "
				       "log went another way",
				       entry->index, taking->dir->path);
		return RK_OK;
	}
	if (entry->index != part->next)
		return rk_fail(error, RK_EIO, "entry %" PRIu64 " came instead of %" PRIu64,
			       entry->index, part->next);
	if (part->item.first == 0)
		RK_TRY(begin_part(part, error));
	part->item.hash = rk_backup_link_next(part->item.hash, record);
	rk_buf_put_span(&part->out, record);
	rk_buf_put_u64(&part->out, part->item.hash.low);
	part->item.last = entry->index;
	part->item.term = entry->term;
	part->item.time_ms = entry->time_ms;
	part->next++;
	return RK_OK;
}

static int add_page(struct part *part, struct rk_span page, struct rk_error *error)
{
	while (page.size > 0) {
		struct rk_span payload, record;
		struct rk_entry entry;
		if (rk_backup_take_entry(page, &entry, &payload, &record) != 1)
			return rk_fail(error, RK_EIO, "the member's entries cannot be understood");
		RK_TRY(add_entry(part, &entry, record, error));
		page = rk_span_sub(page, record.size, page.size);
	}
	if (part->out.size > 0)
		RK_TRY(rk_backup_file_add(&part->file, rk_buf_span(&part->out), error));
	rk_buf_clear(&part->out);
	return RK_OK;
}

/* One page; where the member does not have it yet, a little later. */
static int fetch_page(struct part *part, uint64_t from, struct rk_buf *page, struct rk_error *error)
{
	const uint64_t until_ms = rk_clock_mono_ms() + PATIENCE_MS;
	bool again = true;

	for (;;) {
		rk_buf_clear(page);
		const int err = rk_backup_source_entries(part->taking->source, from, page, error);
		if (err == RK_ENOENT || (err < 0 && !again) || (err == RK_OK && page->size > 0))
			return err;
		if (err < 0)
			again = false; /* a segment may have gone while it was read */
		else if (rk_clock_mono_ms() >= until_ms)
			return rk_fail(error, RK_ETIMEDOUT,
				       "the member does not have entry %" PRIu64, from);
		(void)usleep(POLL_US);
	}
}

static int fetch_all(struct part *part, uint64_t from, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf page = { 0 };
	const struct taking *taking = part->taking;
	const uint64_t begin = part->next;

	while (part->next <= taking->source->last) {
		RK_TRY(fetch_page(part, from, &page, error));
		RK_TRY(add_page(part, rk_buf_span(&page), error));
		from = part->next;
		if (taking->progress != NULL)
			taking->progress(part->next - begin, taking->source->last + 1 - begin);
	}
	if (part->item.first == 0)
		return RK_OK;
	RK_TRY(rk_backup_file_end(&part->file, &part->item, error));
	rk_backup_add(&taking->dir->backup, &part->item);
	taking->took->first = part->item.first;
	taking->took->last = part->item.last;
	taking->took->bytes += part->item.bytes;
	return RK_OK;
}

/* From `from` on; those up to `known` are only looked at. */
static int take_entries(struct taking *taking, uint64_t from, uint64_t next, struct rk_error *error)
{
	struct part part = { .taking = taking, .file = { .fd = -1 }, .next = next };
	const int err = fetch_all(&part, from, error);

	rk_backup_file_drop(&part.file);
	rk_buf_done(&part.out);
	return err;
}

/* --- all of it --- */

static void find_end(struct taking *taking)
{
	const struct rk_backup *backup = &taking->dir->backup;

	taking->known = rk_backup_last(backup);
	for (size_t i = 0; i < backup->count; i++)
		if (backup->items[i].kind != RK_BACKUP_MARK &&
		    backup->items[i].last == taking->known)
			taking->known_term = backup->items[i].term;
}

static int begin_anew(struct taking *taking, struct rk_error *error)
{
	const struct rk_backup_source *source = taking->source;
	const uint64_t base = source->snapshot.index;

	if (taking->known > 0 && base <= taking->known)
		return rk_fail(error, RK_ENOENT,
			       "the member's log does not hold entry %" PRIu64
			       " any more, and its newest snapshot is older: try another member",
			       taking->known + 1);
	if (base > 0 && !has_base(&taking->dir->backup, base))
		RK_TRY(take_base(taking, error));
	taking->known = base;
	taking->known_term = source->snapshot.term;
	return source->last > base ? take_entries(taking, base + 1, base + 1, error) : RK_OK;
}

static int go_on(struct taking *taking, bool wants_base, struct rk_error *error)
{
	const struct rk_backup_source *source = taking->source;
	const uint64_t base = source->snapshot.index;

	if (source->last < taking->known)
		return rk_fail(error, RK_EAGAIN,
			       "the member has entries up to %" PRIu64
			       ", the back-up up to %" PRIu64 ": ask another member",
			       source->last, taking->known);
	const int err = source->last > taking->known
				? take_entries(taking, taking->known, taking->known + 1, error)
				: RK_OK;
	if (err == RK_ENOENT)
		return begin_anew(taking, error);
	RK_TRY(err);
	if (wants_base && base > 0 && !has_base(&taking->dir->backup, base))
		return take_base(taking, error);
	return RK_OK;
}

static void add_mark(struct taking *taking)
{
	const struct rk_backup_source *source = taking->source;
	struct rk_backup *backup = &taking->dir->backup;
	struct rk_backup_item mark = { .kind = RK_BACKUP_MARK,
				       .last = source->last,
				       .time_ms = source->time_ms,
				       .taken_ms = taking->now_ms,
				       .revision = source->revision,
				       .hash = source->hash };

	for (size_t i = 0; i < backup->count; i++) {
		const struct rk_backup_item *item = &backup->items[i];
		if (item->kind == RK_BACKUP_MARK && item->last == source->last)
			return;
		if (item->kind != RK_BACKUP_MARK && item->last == source->last)
			mark.term = item->term;
	}
	if (source->has_hash)
		rk_backup_add(backup, &mark);
}

int rk_backup_take(struct rk_backup_dir *dir, struct rk_backup_source *source, bool wants_base,
		   void (*progress)(uint64_t at, uint64_t of), struct rk_backup_took *ret,
		   struct rk_error *error)
{
	struct rk_backup_took took = { 0 };
	struct taking taking = { .dir = dir,
				 .source = source,
				 .progress = progress,
				 .took = &took,
				 .now_ms = rk_clock_wall_ms() };

	if (dir->is_new)
		dir->backup.cluster = source->cluster;
	if (dir->backup.cluster.high != source->cluster.high ||
	    dir->backup.cluster.low != source->cluster.low)
		return rk_fail(error, RK_EPERM, "%s is a back-up of another cluster", dir->path);
	if (source->last == 0)
		return rk_fail(error, RK_ENOENT, "the log holds no committed entry yet");
	find_end(&taking);
	if (taking.known == 0)
		RK_TRY(begin_anew(&taking, error));
	else
		RK_TRY(go_on(&taking, wants_base, error));
	add_mark(&taking);
	RK_TRY(rk_backup_dir_save(dir, error));
	dir->is_new = false;
	*ret = took;
	return RK_OK;
}
