/* control/etcd/run.h - requests of the KV service carried out: under an entry, or on a view when
 * they only read. Pure. Answers are protobuf messages without their header, which whoever sends
 * them puts in front. */
#ifndef RK_CONTROL_ETCD_RUN_H
#define RK_CONTROL_ETCD_RUN_H

#include "control/etcd/errors.h"
#include "control/etcd/message.h"
#include "control/state.h"

struct rk_etcd_who { /* who asks, while auth is on */
	struct rk_span name; /* empty: nobody in particular */
	uint64_t made;       /* auth's revision when its token was made; 0: by certificate */
};

struct rk_etcd_run {
	struct rk_state *state;     /* NULL: only reads */
	const struct rk_node *root; /* of the view, when there is no state */
	uint64_t now;               /* the view's revision, when there is no state */
	uint64_t revision;          /* that changes have; 0 before the first */
	uint32_t sub;
	struct rk_etcd_who who; /* who asked for the entry */
};

const struct rk_node *rk_etcd_run_root(const struct rk_etcd_run *run);
uint64_t rk_etcd_run_now(const struct rk_etcd_run *run);

/* range.c: RangeResponse. */
enum rk_etcd_error rk_etcd_range(const struct rk_etcd_run *run,
				 const struct rk_etcd_range_request *request, struct rk_buf *out);
/* Its parts, for answers in pieces. Revision 0: now. */
enum rk_etcd_error rk_etcd_check_revision(const struct rk_etcd_run *run, int64_t revision);
bool rk_etcd_range_wants(const struct rk_etcd_range_request *request, const struct rk_etcd_kv *kv);
void rk_etcd_range_put(struct rk_buf *out, const struct rk_etcd_kv *kv, bool keys_only);
/* write.c: PutResponse, DeleteRangeResponse. */
enum rk_etcd_error rk_etcd_put(struct rk_etcd_run *run, const struct rk_etcd_put_request *request,
			       struct rk_buf *out);
enum rk_etcd_error rk_etcd_delete(struct rk_etcd_run *run,
				  const struct rk_etcd_delete_request *request, struct rk_buf *out);
void rk_etcd_remove_key(struct rk_etcd_run *run, struct rk_span key); /* it must be there */
/* txn.c: TxnResponse. After an error the caller takes back what was changed. */
enum rk_etcd_error rk_etcd_txn(struct rk_etcd_run *run, struct rk_arena *arena,
			       const struct rk_etcd_txn *txn, struct rk_buf *out);

/* check.c: what a member refuses before anything is proposed. */
enum rk_etcd_error rk_etcd_check_range(const struct rk_etcd_range_request *request);
enum rk_etcd_error rk_etcd_check_put(const struct rk_etcd_put_request *request);
enum rk_etcd_error rk_etcd_check_delete(const struct rk_etcd_delete_request *request);
enum rk_etcd_error rk_etcd_check_txn(const struct rk_etcd_txn *txn);
bool rk_etcd_txn_writes(const struct rk_etcd_txn *txn);          /* in any branch */
bool rk_etcd_txn_is_serializable(const struct rk_etcd_txn *txn); /* all its ranges are */

#endif
