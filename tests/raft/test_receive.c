/* Both ends of a transfer, without a connection between them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "raft/receive_io.h"
#include "raft/snapshot_io.h"
#include "tests/raft/transfers.h"

#define SIZE (5u << 19) /* of most snapshots here: ten chunks and a bit */

static char from[64], to[64];
static const int owner, other;

static void make_dirs(void)
{
	(void)snprintf(from, sizeof from, "/tmp/rk-from-XXXXXX");
	(void)snprintf(to, sizeof to, "/tmp/rk-to-XXXXXX");
	cr_assert_not_null(mkdtemp(from));
	cr_assert_not_null(mkdtemp(to));
}

static void remove_dirs(void)
{
	char command[160];

	(void)snprintf(command, sizeof command, "rm -rf %s %s", from, to);
	cr_assert_eq(system(command), 0);
}

TestSuite(receive, .init = make_dirs, .fini = remove_dirs);
TestSuite(send, .init = make_dirs, .fini = remove_dirs);

struct rk_snapshot_meta transfers_make(const char *dir, uint64_t index, uint64_t seed, size_t size)
{
	struct rk_snapshot_meta meta = { .index = index, .term = 3, .time_ms = 1000 };
	struct rk_snapshot_writer *writer = NULL;
	struct rk_vfs *vfs = NULL;
	struct rk_error error;
	uint8_t bytes[4096];

	cr_assert_eq(rk_config_add(&meta.config, 1, RK_MEMBER_VOTER, "127.0.0.1:1"), RK_OK);
	cr_assert_eq(rk_vfs_dir(&vfs, dir, false, &error), RK_OK);
	cr_assert_eq(rk_snapshot_create(&writer, vfs, (struct rk_cluster_id){ 1, 2 }, &meta, &error),
		     RK_OK);
	for (size_t done = 0; done < size; done += sizeof bytes) {
		for (size_t i = 0; i < sizeof bytes; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = (uint8_t)(seed >> 56);
		}
		cr_assert_eq(rk_snapshot_write(writer, rk_span_of(bytes, sizeof bytes), &error),
			     RK_OK);
	}
	cr_assert_eq(rk_snapshot_commit(writer, &error), RK_OK);
	(void)rk_vfs_close(vfs);
	return meta;
}

uint64_t transfers_size(const char *dir, const char *name)
{
	char path[160];
	struct stat status;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static struct rk_receive *open_receive(void)
{
	struct rk_vfs *vfs = NULL;
	struct rk_error error;

	cr_assert_eq(rk_vfs_dir(&vfs, to, false, &error), RK_OK);
	return rk_receive_new(vfs);
}

static struct rk_send send_of(const struct rk_snapshot_meta *meta)
{
	struct rk_send send = { .fd = -1 };
	struct rk_error error;

	cr_assert_eq(rk_send_begin(&send, from, 7, 3, meta, &error), RK_OK, "%s", error.text);
	return send;
}

/* Offers it, and sends at most `chunks`. Where it stands then. */
static uint64_t transfer(struct rk_receive *receive, struct rk_send *send, unsigned chunks)
{
	struct rk_error error;
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct rk_chunk chunk;
	uint64_t at = 0;

	send->is_taken = false;
	cr_assert_eq(rk_receive_begin(receive, &owner, &send->offer, &at, &error), RK_OK);
	while (rk_send_take(send, &(struct rk_take){ .number = 7, .at = at }) == RK_OK &&
	       chunks-- > 0) {
		rk_buf_clear(&bytes);
		cr_assert_eq(rk_send_next(send, &bytes), 1);
		cr_assert_eq(rk_chunk_decode(rk_buf_span(&bytes), &chunk), RK_OK);
		cr_assert_eq(rk_receive_chunk(receive, &owner, &chunk, &at, &error), RK_OK, "%s",
			     error.text);
	}
	return at;
}

static void admit(struct rk_receive *receive, const struct rk_snapshot_meta *meta)
{
	struct rk_vfs *vfs = NULL;
	struct rk_offer offer;
	struct rk_error error;

	cr_assert(rk_receive_is_whole(receive));
	cr_assert_eq(rk_receive_finish(receive, 4, &offer, &error), RK_OK);
	cr_expect_eq(offer.meta.index, meta->index);
	cr_assert_eq(rk_vfs_dir(&vfs, to, false, &error), RK_OK);
	cr_expect_eq(rk_snapshot_admit(vfs, 4, (struct rk_cluster_id){ 1, 2 }, meta, &error), RK_OK,
		     "%s", error.text);
	(void)rk_vfs_close(vfs);
	rk_receive_checked(receive, 4);
}

Test(receive, goes_on_where_it_was_also_after_a_restart)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);
	struct rk_receive *receive = open_receive();
	struct rk_send send = send_of(&meta);
	uint64_t at = 0;

	cr_expect_eq(transfer(receive, &send, 3), 3 * RK_TRANSFER_CHUNK);
	cr_expect_eq(transfer(receive, &send, 0), 3 * RK_TRANSFER_CHUNK, "offered again");
	for (unsigned round = 2; !rk_receive_is_whole(receive); round++) {
		(void)rk_receive_free(receive);
		receive = open_receive();
		rk_send_end(&send);
		send = send_of(&meta);
		at = transfer(receive, &send, 3);
		cr_expect_eq(at, RK_MIN(round * 3ull * RK_TRANSFER_CHUNK, send.offer.size));
	}
	admit(receive, &meta);
	cr_expect_eq(transfers_size(to, "0000000000000009.snap"), send.offer.size);
	cr_expect_eq(transfers_size(to, "0000000000000009.sums"), 0);
	rk_send_end(&send);
	(void)rk_receive_free(receive);
}

/* A crash may leave any part of what was not synced. */
Test(receive, after_a_crash_what_has_its_checksum_counts)
{
	static const struct {
		const char *name, *how;
		unsigned chunks;
	} cases[] = {
		{ "as it was", ":", 4 },
		{ "the end is cut off", "truncate -s 1000000 *.part", 3 },
		{ "a hole", "dd if=/dev/zero of=$(echo *.part) bs=4096 seek=100 count=1 conv=notrunc", 1 },
		{ "a checksum is not there", "truncate -s -5 *.sums", 2 },
		{ "nor any", "truncate -s 20 *.sums", 0 },
		{ "no sums", "rm *.sums", 0 },
		{ "no bytes", "rm *.part", 0 },
	};
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char command[200];
		struct rk_receive *receive = open_receive();
		struct rk_send send = send_of(&meta);
		(void)transfer(receive, &send, 4);
		(void)rk_receive_free(receive);
		(void)snprintf(command, sizeof command, "cd %s && %s 2>/dev/null", to,
			       cases[i].how);
		cr_assert_eq(system(command), 0);
		receive = open_receive();
		rk_send_end(&send);
		send = send_of(&meta);
		cr_expect_eq(transfer(receive, &send, 0),
			     (uint64_t)cases[i].chunks * RK_TRANSFER_CHUNK, "%s", cases[i].name);
		(void)transfer(receive, &send, 100);
		admit(receive, &meta);
		rk_send_end(&send);
		(void)rk_receive_free(receive);
	}
}

Test(receive, another_file_begins_anew)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);
	struct rk_receive *receive = open_receive();
	struct rk_send send = send_of(&meta);

	(void)transfer(receive, &send, 4);
	rk_send_end(&send);
	(void)transfers_make(from, 9, 2, SIZE); /* the same index, size and meta */
	send = send_of(&meta);
	cr_expect_eq(transfer(receive, &send, 2), 2 * RK_TRANSFER_CHUNK);
	rk_send_end(&send);
	const struct rk_snapshot_meta next = transfers_make(from, 11, 2, SIZE);
	send = send_of(&next);
	cr_expect_eq(transfer(receive, &send, 1), RK_TRANSFER_CHUNK);
	cr_expect_eq(transfers_size(to, "0000000000000009.part"), 0, "one at a time");
	(void)transfer(receive, &send, 100);
	admit(receive, &next);
	rk_send_end(&send);
	(void)rk_receive_free(receive);
}

Test(receive, the_same_file_from_another_leader_goes_on)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);
	struct rk_receive *receive = open_receive();
	struct rk_send send = send_of(&meta);
	struct rk_error error;
	uint64_t at = 0;

	(void)transfer(receive, &send, 4);
	struct rk_offer offer = send.offer;
	offer.term = 2;
	cr_expect_eq(rk_receive_begin(receive, &other, &offer, &at, &error), RK_EBUSY,
		     "an old leader, while another sends");
	offer.term = 4;
	offer.number = 1;
	cr_expect_eq(rk_receive_begin(receive, &other, &offer, &at, &error), RK_OK);
	cr_expect_eq(at, 4 * RK_TRANSFER_CHUNK);
	const struct rk_chunk late = { .number = 7, .at = at, .bytes = RK_SPAN("x") };
	cr_expect_eq(rk_receive_chunk(receive, &owner, &late, &at, &error), RK_EBUSY);
	rk_receive_leave(receive, &owner);
	rk_receive_leave(receive, &other);
	offer.term = 2;
	cr_expect_eq(rk_receive_begin(receive, &owner, &offer, &at, &error), RK_OK,
		     "nobody else sends");
	rk_send_end(&send);
	(void)rk_receive_free(receive);
}

static int remove_whole(void)
{
	char path[160];

	(void)snprintf(path, sizeof path, "%s/0000000000000009.snap", to);
	return unlink(path);
}

Test(receive, what_cannot_be_is_refused)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);
	struct rk_receive *receive = open_receive();
	struct rk_send send = send_of(&meta);
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct rk_chunk good, bad;
	struct rk_error error;
	uint64_t at = 0;

	cr_expect_eq(transfer(receive, &send, 1), RK_TRANSFER_CHUNK);
	cr_assert_eq(rk_send_next(&send, &bytes), 1);
	cr_assert_eq(rk_chunk_decode(rk_buf_span(&bytes), &good), RK_OK);
	bad = good;
	bad.at = 0;
	cr_expect_eq(rk_receive_chunk(receive, &owner, &bad, &at, &error), RK_EINVAL, "again");
	bad.at = 2 * RK_TRANSFER_CHUNK;
	cr_expect_eq(rk_receive_chunk(receive, &owner, &bad, &at, &error), RK_EINVAL, "a gap");
	bad = good;
	bad.bytes.size--;
	cr_expect_eq(rk_receive_chunk(receive, &owner, &bad, &at, &error), RK_EINVAL, "short");
	bad = good;
	bad.number++;
	cr_expect_eq(rk_receive_chunk(receive, &owner, &bad, &at, &error), RK_EBUSY, "another's");
	bad = good;
	bad.checksum ^= 1;
	cr_expect_eq(rk_receive_chunk(receive, &owner, &bad, &at, &error), RK_ECORRUPT);
	cr_expect_eq(rk_receive_chunk(receive, &owner, &good, &at, &error), RK_EBUSY,
		     "the transfer is over");
	rk_send_end(&send);
	send = send_of(&meta);
	cr_expect_eq(transfer(receive, &send, 0), RK_TRANSFER_CHUNK, "what was there stays");
	(void)transfer(receive, &send, 100);
	admit(receive, &meta);
	cr_expect_eq(rk_receive_chunk(receive, &owner, &good, &at, &error), RK_EBUSY, "at the end");
	cr_expect_eq(rk_receive_begin(receive, &owner, &send.offer, &at, &error), RK_EEXIST);
	struct rk_offer later = send.offer;
	later.term++;
	cr_expect_eq(rk_receive_begin(receive, &owner, &later, &at, &error), RK_OK,
		     "in a later term it counts again");
	cr_assert_eq(remove_whole(), 0);
	cr_expect_eq(rk_receive_begin(receive, &owner, &send.offer, &at, &error), RK_OK,
		     "it is not there any more");
	rk_send_end(&send);
	(void)rk_receive_free(receive);
}

Test(receive, one_is_looked_at_at_a_time)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);
	struct rk_receive *receive = open_receive();
	struct rk_send send = send_of(&meta);
	struct rk_offer offer;
	struct rk_error error;
	uint64_t at = 0;

	(void)transfer(receive, &send, 100);
	cr_assert_eq(rk_receive_finish(receive, 4, &offer, &error), RK_OK);
	cr_expect_eq(rk_receive_begin(receive, &other, &send.offer, &at, &error), RK_EBUSY);
	rk_receive_checked(receive, 5);
	cr_expect_eq(rk_receive_begin(receive, &other, &send.offer, &at, &error), RK_EBUSY);
	rk_receive_checked(receive, 4);
	cr_expect_eq(rk_receive_begin(receive, &other, &send.offer, &at, &error), RK_OK);
	cr_expect_eq(at, 0);
	rk_send_end(&send);
	(void)rk_receive_free(receive);
}

Test(receive, what_is_of_no_use_any_more_is_pruned)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);
	struct rk_receive *receive = open_receive();
	struct rk_send send = send_of(&meta);
	struct rk_vfs *vfs = NULL;
	struct rk_offer offer;
	struct rk_error error;

	cr_assert_eq(rk_vfs_dir(&vfs, to, false, &error), RK_OK);
	(void)transfer(receive, &send, 4);
	(void)transfers_make(to, 8, 1, 4096);
	rk_snapshot_prune(vfs, 3, true);
	cr_expect_neq(transfers_size(to, "0000000000000009.part"), 0, "it is newer");
	(void)transfers_make(to, 9, 1, 4096);
	rk_snapshot_prune(vfs, 3, false);
	cr_expect_eq(transfers_size(to, "0000000000000009.part"), 0);
	cr_expect_eq(transfers_size(to, "0000000000000009.sums"), 0);
	(void)transfer(receive, &send, 100); /* under which the file is gone */
	cr_expect_eq(rk_receive_finish(receive, 4, &offer, &error), RK_ENOENT);
	cr_expect_eq(transfer(receive, &send, 0), 0);
	rk_send_end(&send);
	(void)rk_receive_free(receive);
	(void)rk_vfs_close(vfs);
}

Test(send, reads_no_further_than_the_window)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, 2 * RK_TRANSFER_WINDOW);
	struct rk_send send = send_of(&meta);
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	unsigned count = 0;

	cr_expect_eq(rk_send_next(&send, &bytes), 0, "nothing was taken");
	cr_expect_eq(rk_send_take(&send, &(struct rk_take){ .number = 7 }), RK_OK);
	for (; rk_send_next(&send, &bytes) == 1; count++)
		rk_buf_clear(&bytes);
	cr_expect_eq(count, RK_TRANSFER_WINDOW / RK_TRANSFER_CHUNK);
	cr_expect_eq(rk_send_take(&send, &(struct rk_take){ .number = 7, .at = RK_TRANSFER_CHUNK }),
		     RK_OK);
	cr_expect_eq(rk_send_next(&send, &bytes), 1);
	cr_expect_eq(rk_send_next(&send, &bytes), 0);
	rk_send_end(&send);
}

Test(send, what_cannot_be_taken)
{
	const struct rk_snapshot_meta meta = transfers_make(from, 9, 1, SIZE);
	static const struct {
		const char *name;
		uint64_t first, then;
		int err;
	} cases[] = {
		{ "not a chunk's beginning", 1, 0, RK_EINVAL },
		{ "beyond the end", 100 * (uint64_t)RK_TRANSFER_CHUNK, 0, RK_EINVAL },
		{ "the same again", RK_TRANSFER_CHUNK, RK_TRANSFER_CHUNK, RK_EINVAL },
		{ "back", 2 * RK_TRANSFER_CHUNK, RK_TRANSFER_CHUNK, RK_EINVAL },
		{ "what was not sent", 0, 3 * RK_TRANSFER_CHUNK, RK_EINVAL },
		{ "what was sent", 0, 2 * RK_TRANSFER_CHUNK, RK_OK },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_send send = send_of(&meta);
		RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
		int err = rk_send_take(&send, &(struct rk_take){ .number = 7, .at = cases[i].first });
		for (int sent = 0; err == RK_OK && sent < 2; sent++) {
			rk_buf_clear(&bytes);
			cr_expect_eq(rk_send_next(&send, &bytes), 1);
		}
		if (err == RK_OK)
			err = rk_send_take(&send,
					   &(struct rk_take){ .number = 7, .at = cases[i].then });
		cr_expect_eq(err, cases[i].err, "%s", cases[i].name);
		cr_expect_eq(rk_send_take(&send, &(struct rk_take){ .number = 6, .at = 5 }), RK_OK,
			     "of another transfer");
		rk_send_end(&send);
	}
}
