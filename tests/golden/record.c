/* golden-record DIR FILE LAST: makes a golden log of a member's data directory: its entries up to
 * LAST, as FILE (see golden.h). The hash to put beside it is the one that the member's status
 * showed for that entry. Run when a release changes what apply does, never to make a failing test
 * pass. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/files_io.h"
#include "raft/wal_io.h"
#include "tests/golden/golden.h"

static struct golden_entry *entries;
static size_t count, capacity;

static void take(const struct rk_record *record)
{
	while (count > 0 && entries[count - 1].index >= record->entry.index)
		free(entries[--count].payload);
	entries = rk_grow(entries, &capacity, count + 1, sizeof *entries);
	entries[count++] = (struct golden_entry){
		.index = record->entry.index,
		.time_ms = record->entry.time_ms,
		.is_command = record->entry.kind == RK_ENTRY_NORMAL,
		.size = (uint32_t)record->payload.size,
		.payload = record->payload.size > 0
				   ? rk_memdup(record->payload.data, record->payload.size)
				   : NULL,
	};
}

int main(int argc, char **argv)
{
	struct rk_wal_reader *reader = NULL;
	struct rk_record record;
	struct rk_error error = { 0 };
	uint64_t last = 0;
	char dir[RK_PATH_MAX];

	if (argc != 4 || !rk_span_u64(rk_span_str(argv[3]), &last)) {
		(void)fprintf(stderr, "usage: golden-record DATA-DIRECTORY FILE LAST\n");
		return 2;
	}
	rk_path(dir, "%s/log", argv[1]);
	if (rk_wal_reader_open(&reader, dir, 0, &error) < 0) {
		(void)fprintf(stderr, "golden-record: %s\n", error.text);
		return 1;
	}
	while (rk_wal_reader_next(reader, &record, NULL, &error) == 1) {
		if (record.kind == RK_RECORD_ENTRY)
			take(&record);
	}
	(void)rk_wal_reader_close(reader);
	while (count > 0 && entries[count - 1].index > last)
		free(entries[--count].payload);
	if (count != last || entries[0].index != 1) {
		(void)fprintf(stderr, "golden-record: the log does not hold entries 1 to %llu\n",
			      (unsigned long long)last);
		return 1;
	}
	return golden_write(argv[2], entries, count) ? 0 : 1;
}
