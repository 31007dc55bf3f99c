#include "sim/answer.h"

#include <inttypes.h>

#include "base/mem.h"

static const struct rk_hist_request *branch(const struct rk_hist_request *txn,
					    const struct rk_hist_answer *answer, size_t *ret_count)
{
	*ret_count = answer->succeeded ? txn->then_count : txn->else_count;
	return answer->succeeded ? txn->then_ops : txn->else_ops;
}

bool rk_answer_wrote(const struct rk_hist_request *request, const struct rk_hist_answer *answer)
{
	size_t count;

	if (request->kind == RK_HIST_PUT)
		return true;
	if (request->kind == RK_HIST_DELETE)
		return answer->count > 0;
	if (request->kind != RK_HIST_TXN)
		return false;
	const struct rk_hist_request *ops = branch(request, answer, &count);
	for (size_t i = 0; i < count && i < answer->part_count; i++)
		if (rk_answer_wrote(&ops[i], &answer->parts[i]))
			return true;
	return false;
}

static void tell(struct rk_buf *out, const char *what, int64_t want, int64_t got)
{
	if (out != NULL)
		rk_buf_printf(out, "%s: wanted %" PRId64 ", got %" PRId64, what, want, got);
}

static bool same_kv(const struct rk_hist_kv *want, const struct rk_hist_kv *got,
		    bool with_revisions, struct rk_buf *out)
{
	struct rk_hist_kv other = *got;

	if (!with_revisions) {
		other.created = want->created;
		other.modified = want->modified;
	}
	if (rk_hist_kv_eq(want, &other))
		return true;
	if (out != NULL) {
		rk_buf_put_str(out, "wanted ");
		rk_hist_kv_text(out, want);
		rk_buf_put_str(out, ", got ");
		rk_hist_kv_text(out, got);
	}
	return false;
}

static bool same_kvs(const struct rk_hist_answer *want, const struct rk_hist_answer *got,
		     bool with_revisions, struct rk_buf *out)
{
	for (size_t i = 0; i < want->kv_count && i < got->kv_count; i++)
		if (!same_kv(&want->kvs[i], &got->kvs[i], with_revisions, out))
			return false;
	if (want->kv_count == got->kv_count)
		return true;
	tell(out, "keys", (int64_t)want->kv_count, (int64_t)got->kv_count);
	if (out != NULL) {
		const bool is_more = got->kv_count > want->kv_count;
		rk_buf_put_str(out, is_more ? ", too much is " : ", missing is ");
		rk_hist_kv_text(out,
				is_more ? &got->kvs[want->kv_count] : &want->kvs[got->kv_count]);
	}
	return false;
}

static bool same_one(const struct rk_hist_request *request, const struct rk_hist_answer *want,
		     const struct rk_hist_answer *got, bool with_revisions, struct rk_buf *out)
{
	const bool counts = request->kind == RK_HIST_RANGE || request->kind == RK_HIST_DELETE;

	if (!same_kvs(want, got, with_revisions, out))
		return false;
	if (!counts || want->count == got->count)
		return true;
	tell(out, "count", want->count, got->count);
	return false;
}

bool rk_answer_is(const struct rk_hist_request *request, const struct rk_hist_answer *want,
		  const struct rk_hist_answer *got, bool with_revisions, struct rk_buf *out)
{
	size_t count;

	if (request->kind != RK_HIST_TXN)
		return same_one(request, want, got, with_revisions, out);
	if (want->succeeded != got->succeeded) {
		tell(out, "succeeded", want->succeeded, got->succeeded);
		return false;
	}
	const struct rk_hist_request *ops = branch(request, want, &count);
	if (got->part_count != count) {
		tell(out, "parts", (int64_t)count, (int64_t)got->part_count);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (!same_one(&ops[i], &want->parts[i], &got->parts[i], with_revisions, out))
			return false;
	return true;
}
