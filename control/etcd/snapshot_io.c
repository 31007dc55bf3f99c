/* Maintenance.Snapshot: the whole state of one moment, as it is in the snapshots that members keep
 * (store/store.h: rk_store_dump_next), padded to 512 bytes, then its SHA-256: clients tell by the
 * size whether a checksum is there. A view is held, so nothing waits for it; how much it will be is
 * counted in the worker, because a client is told how much is left. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/etcd/worker_io.h"
#include "store/store.h"
#include "wire/proto.h"

#define CHUNK_BYTES  (64u << 10)
#define PAD_BYTES    512
#define DIGEST_BYTES 32

struct download {
	struct rk_etcd_tail tail;
	struct rk_view *view;
	struct rk_store_dump dump;
	struct rk_buf next; /* what comes next */
	EVP_MD_CTX *digest;
	uint64_t left; /* bytes, the digest too */
	bool is_whole; /* all of it has been in `next` */
};

struct count { /* a job */
	struct rk_etcd_job job;
	struct rk_view *view;
	uint64_t bytes;
};

static void run_count(struct rk_etcd_job *job)
{
	struct count *count = RK_CONTAINER(job, struct count, job);
	struct rk_store_dump dump = { 0 };
	struct rk_buf piece = { 0 };
	bool done = false;

	while (!done) {
		rk_buf_clear(&piece);
		rk_store_dump_next(&dump, count->view, CHUNK_BYTES, &piece, &done);
		count->bytes += piece.size;
	}
	rk_buf_done(&piece);
	count->bytes = (count->bytes + PAD_BYTES - 1) / PAD_BYTES * PAD_BYTES + DIGEST_BYTES;
}

static void drop_count(struct rk_etcd_job *job)
{
	struct count *count = RK_CONTAINER(job, struct count, job);

	(void)rk_view_unref(count->view);
	free(count);
}

static struct download *download_of(const struct rk_etcd_call *call)
{
	return RK_CONTAINER(call->tail, struct download, tail);
}

static void fill(struct download *download)
{
	static const uint8_t zeros[PAD_BYTES];

	while (!download->is_whole && download->next.size < CHUNK_BYTES)
		rk_store_dump_next(&download->dump, download->view, CHUNK_BYTES, &download->next,
				   &download->is_whole);
	if (!download->is_whole || download->left < DIGEST_BYTES + download->next.size)
		return;
	rk_buf_put(&download->next, zeros,
		   (size_t)(download->left - DIGEST_BYTES) - download->next.size);
}

/* False: the stream takes no more for now. */
static bool send(struct rk_etcd_call *call, struct rk_span blob)
{
	struct download *download = download_of(call);
	struct rk_buf out = { 0 };
	const size_t begun = rk_etcd_begin(call, &out, rk_view_revision(download->view));

	download->left -= blob.size;
	rk_proto_put_number(&out, 2, download->left);
	rk_proto_put_bytes(&out, 3, blob);
	rk_proto_put_bytes(&out, 4, RK_SPAN(RK_ETCD_VERSION));
	const bool goes_on = rk_etcd_send(call, &out, begun);
	rk_buf_done(&out);
	return goes_on;
}

static void go_on(struct rk_etcd_call *call)
{
	struct download *download = download_of(call);
	uint8_t digest[DIGEST_BYTES];
	bool goes_on = true;

	while (goes_on && download->left > DIGEST_BYTES) {
		fill(download);
		const struct rk_span blob =
			rk_span_sub(rk_buf_span(&download->next), 0, CHUNK_BYTES);
		(void)EVP_DigestUpdate(download->digest, blob.data, blob.size);
		goes_on = send(call, blob);
		rk_buf_consume(&download->next, blob.size);
	}
	if (!goes_on || call->has_ended)
		return;
	(void)EVP_DigestFinal_ex(download->digest, digest, NULL);
	(void)send(call, rk_span_of(digest, sizeof digest));
	rk_etcd_finish(call, RK_GRPC_OK, "");
}

static void drop_download(struct rk_etcd_tail *tail)
{
	struct download *download = RK_CONTAINER(tail, struct download, tail);

	EVP_MD_CTX_free(download->digest);
	(void)rk_view_unref(download->view);
	rk_buf_done(&download->next);
	free(download);
}

static void counted(struct rk_etcd_call *call, struct rk_etcd_job *job)
{
	struct download *download = rk_zalloc(sizeof *download);

	download->tail = (struct rk_etcd_tail){ go_on, drop_download };
	call->tail = &download->tail;
	download->left = RK_CONTAINER(job, struct count, job)->bytes;
	download->view = rk_view_ref(RK_CONTAINER(job, struct count, job)->view);
	download->digest = EVP_MD_CTX_new();
	if (download->digest == NULL ||
	    EVP_DigestInit_ex(download->digest, EVP_sha256(), NULL) != 1)
		rk_etcd_finish(call, RK_GRPC_INTERNAL, "etcdserver: no SHA-256 is here");
	else
		go_on(call);
}

static void on_snapshot(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	if (call->awaited > 0 || call->tail != NULL)
		return; /* one request a stream */
	struct count *count = rk_zalloc(sizeof *count);
	count->job.run = run_count;
	count->job.done = counted;
	count->job.drop = drop_count;
	count->view = rk_view_ref(call->thread->view);
	(void)rk_etcd_work(call, &count->job);
}

const struct rk_etcd_method rk_etcd_snapshot_methods[] = {
	{ "/etcdserverpb.Maintenance/Snapshot", true, on_snapshot, rk_etcd_input_ended,
	  RK_ETCD_NEEDS_ROOT },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
