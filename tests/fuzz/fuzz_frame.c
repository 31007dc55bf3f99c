/* A log segment of any bytes: every frame that is believed has its checksum, and no record leaves
 * its frame. */
#include "base/mem.h"
#include "fuzz.h"
#include "raft/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_frames frames = rk_frames_of(rk_span_of(data, size));
	struct rk_span body;

	while (rk_frames_next(&frames, &body) == 1) {
		struct rk_reader reader = rk_reader_of(body);
		struct rk_record record;
		while (rk_record_next(&reader, &record) == 1)
			if (record.kind == RK_RECORD_ENTRY && record.payload.size > 0)
				rk_assert(record.payload.data >= body.data &&
					  record.payload.data + record.payload.size <=
						  body.data + body.size);
	}
	/* The records alone, without the frame's checksum before them. */
	struct rk_reader reader = rk_reader_of(rk_span_of(data, size));
	struct rk_record record;
	while (rk_record_next(&reader, &record) == 1)
		;
	return 0;
}
