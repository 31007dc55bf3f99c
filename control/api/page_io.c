/* Lists as answers: short ones at once, long ones step by step, in pieces that the client takes
 * before more is made. */
#include "control/api/page.h"

#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "wire/gzip.h"

#define PIECE_BYTES (128u << 10) /* about half a millisecond of work */
#define SEND_MS     60000        /* a client that has not taken all of it by then is cut off */

static void make_some(struct rk_page *page)
{
	struct rk_arena item = { 0 };

	while (page->next < page->count && page->out.size < PIECE_BYTES) {
		rk_form_list_item(&page->list, &item, rk_blob_span(page->at[page->next++].doc));
		rk_arena_reset(&item);
	}
	rk_arena_done(&item);
}

static struct rk_blob *take_out(struct rk_page *page)
{
	struct rk_blob *blob = rk_blob_copy(rk_buf_span(&page->out));

	rk_buf_clear(&page->out);
	return blob;
}

/* --- sending --- */

static void begin(struct rk_req *req)
{
	if (req->page->began)
		return;
	req->page->began = true;
	if (rk_req_takes_gzip(req))
		req->page->gzip = rk_gzip_new();
	rk_req_begin(req, 200, rk_form_type(&req->form), req->page->gzip != NULL);
}

/* Takes the share. */
static enum rk_job_step send_piece(struct rk_req *req, struct rk_blob *piece, bool is_last)
{
	struct rk_page *page = req->page;
	bool goes_on = true;

	begin(req);
	if (page->gzip != NULL) {
		struct rk_buf packed = { 0 };
		rk_gzip_put(page->gzip, rk_blob_span(piece), is_last, &packed);
		(void)rk_blob_unref(piece);
		piece = packed.size > 0 ? rk_blob_copy(rk_buf_span(&packed)) : NULL;
		rk_buf_done(&packed);
	}
	if (piece != NULL)
		goes_on = rk_http_write(req->exchange, piece);
	if (is_last) {
		rk_http_end(req->exchange);
		return RK_STEP_DONE;
	}
	return goes_on ? RK_STEP_AGAIN : RK_STEP_WAITS;
}

/* --- lists whose length stands before them --- */

static void keep_piece(struct rk_req *req, struct rk_blob *piece)
{
	struct rk_page *page = req->page;

	page->pieces = rk_grow(page->pieces, &page->piece_capacity, page->piece_count + 1,
			       sizeof(struct rk_blob *));
	page->pieces[page->piece_count++] = piece;
	page->bytes += piece->size;
	req->thread->jobs.bytes += piece->size;
}

static enum rk_job_step send_kept(struct rk_req *req)
{
	struct rk_page *page = req->page;
	struct rk_blob *piece = rk_take_ptr(page->pieces[page->piece_at]);

	page->piece_at++;
	return send_piece(req, piece, page->piece_at == page->piece_count);
}

/* --- steps --- */

/* One that fits into a piece has a length, as every short answer. */
static enum rk_job_step send_whole(struct rk_req *req, struct rk_buf *head)
{
	struct rk_page *page = req->page;

	rk_buf_put_span(head, rk_buf_span(&page->out));
	rk_req_send(req, 200, rk_form_type(&req->form), rk_blob_copy(rk_buf_span(head)));
	return RK_STEP_DONE;
}

static enum rk_job_step end_list(struct rk_req *req)
{
	struct rk_page *page = req->page;
	struct rk_buf head = { 0 };
	enum rk_job_step step;

	page->is_made = true;
	rk_form_list_end(&page->list, page->bytes + page->out.size, &head);
	if (!page->began && page->piece_count == 0) {
		step = send_whole(req, &head);
	} else if (req->form.is_proto) {
		keep_piece(req, take_out(page));
		step = send_piece(req, rk_blob_copy(rk_buf_span(&head)), false);
	} else {
		step = send_piece(req, take_out(page), true);
	}
	rk_buf_done(&head);
	return step;
}

static enum rk_job_step step(struct rk_req *req)
{
	struct rk_page *page = req->page;

	if (rk_clock_mono_ms() > page->end_ms) {
		rk_http_abort(req->exchange);
		return RK_STEP_DONE;
	}
	if (page->is_made)
		return send_kept(req);
	make_some(page);
	if (page->next == page->count)
		return end_list(req);
	if (!req->form.is_proto)
		return send_piece(req, take_out(page), false);
	keep_piece(req, take_out(page));
	return RK_STEP_AGAIN;
}

void rk_api_page_send(struct rk_req *req)
{
	struct rk_page *page = req->page;

	page->end_ms = rk_clock_mono_ms() + SEND_MS;
	page->list = (struct rk_form_list){ .out = &page->out,
					    .form = &req->form,
					    .kind = req->route.kind,
					    .now_ms = rk_clock_wall_ms() };
	rk_form_list_begin(&page->list, &req->arena, page->meta);
	const enum rk_job_step first = step(req);
	if (first == RK_STEP_DONE)
		return;
	rk_api_job_start(req, step);
	if (first == RK_STEP_WAITS)
		rk_api_job_rest(req);
}

void rk_api_page_free(struct rk_req *req)
{
	struct rk_page *page = rk_take_ptr(req->page);

	if (page == NULL)
		return;
	for (size_t i = 0; i < page->piece_count; i++)
		(void)rk_blob_unref(page->pieces[i]);
	req->thread->jobs.bytes -= page->bytes;
	free(page->pieces);
	(void)rk_gzip_free(page->gzip);
	rk_buf_done(&page->out);
	free(page->at);
	(void)rk_view_unref(page->moment.view);
	rk_moment_done(&page->moment);
	free(page);
}
