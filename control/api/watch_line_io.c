/* Events of watches as bytes: JSON lines, or protobuf's frames. Each change is encoded once for
 * each form, however many watch it. */
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/api/watch.h"
#include "control/schema/proto.h"
#include "wire/doc.h"
#include "wire/json.h"

const char *rk_api_watch_type_name(enum rk_change_type type)
{
	static const char *const names[] = { "ADDED", "MODIFIED", "DELETED" };

	return names[type];
}

static struct rk_blob *blob_of(struct rk_buf *out)
{
	struct rk_blob *line = rk_blob_copy(rk_buf_span(out));

	rk_buf_done(out);
	return line;
}

static struct rk_blob *json_line(struct rk_watch *watch, const char *type, struct rk_span doc)
{
	struct rk_buf out = { 0 };
	struct rk_arena arena = { 0 };
	const struct rk_req *req = watch->req;

	rk_buf_printf(&out, "{\"type\":\"%s\",\"object\":", type);
	rk_form_write(&out, &arena, &req->form, req->route.kind, doc, rk_clock_wall_ms(),
		      !watch->sent_columns, false);
	rk_buf_put_str(&out, "}\n");
	watch->sent_columns = true;
	rk_arena_done(&arena);
	return blob_of(&out);
}

static struct rk_blob *proto_frame(const struct rk_form *form, const struct rk_kind *kind,
				   const char *type, struct rk_span doc)
{
	struct rk_buf envelope = { 0 }, out = { 0 };
	struct rk_arena arena = { 0 };

	rk_form_write(&envelope, &arena, form, kind, doc, 0, false, false);
	rk_protobuf_put_event(&out, type, rk_buf_span(&envelope));
	rk_arena_done(&arena);
	rk_buf_done(&envelope);
	return blob_of(&out);
}

struct rk_blob *rk_api_watch_line(struct rk_watch *watch, const char *type, struct rk_span doc)
{
	const struct rk_req *req = watch->req;

	if (req->form.is_proto)
		return proto_frame(&req->form, req->route.kind, type, doc);
	return json_line(watch, type, doc);
}

struct rk_blob *rk_api_watch_line_status(struct rk_watch *watch, const struct rk_val *status)
{
	struct rk_form form = watch->req->form;
	struct rk_buf out = { 0 }, doc = { 0 };

	form.shape = RK_FORM_OBJECT;
	if (form.is_proto) {
		rk_doc_write(&doc, status);
		struct rk_blob *frame =
			proto_frame(&form, watch->req->route.kind, "ERROR", rk_buf_span(&doc));
		rk_buf_done(&doc);
		return frame;
	}
	rk_buf_put_str(&out, "{\"type\":\"ERROR\",\"object\":");
	rk_json_write(&out, status, false);
	rk_buf_put_str(&out, "}\n");
	return blob_of(&out);
}

/* Where lines of this form are kept; RK_API_LINES: they are not shared. */
static unsigned place_of(const struct rk_watch *watch, bool is_news)
{
	const struct rk_form *form = &watch->req->form;
	const struct rk_kind *kind = watch->req->route.kind;

	if (kind->stored != kind)
		return RK_API_LINES;
	switch (form->shape) {
	case RK_FORM_OBJECT: return form->is_proto ? 1 : 0;
	case RK_FORM_METADATA: return form->is_proto ? 3 : 2;
	case RK_FORM_TABLE: break;
	}
	/* Rows hold ages: what was made a while ago tells a wrong one. The first has the columns.
	 */
	return is_news && watch->sent_columns && form->include == RK_INCLUDE_METADATA &&
			       strcmp(form->table_version, "meta.k8s.io/v1") == 0
		       ? 4
		       : RK_API_LINES;
}

struct rk_blob *rk_api_watch_line_change(struct rk_watch *watch, size_t item, uint32_t number,
					 bool is_news)
{
	struct rk_api_thread *thread = watch->req->thread;
	struct rk_history_item *history = &thread->history[item];
	const struct rk_change *change = &history->changes->at[number];
	const unsigned place = place_of(watch, is_news);
	const char *type = rk_api_watch_type_name(change->type);

	if (place == RK_API_LINES)
		return rk_api_watch_line(watch, type, rk_blob_span(change->after));
	if (history->lines[place] == NULL)
		history->lines[place] =
			rk_zalloc(history->changes->count * sizeof(struct rk_blob *));
	struct rk_blob **line = &history->lines[place][number];
	if (*line == NULL) {
		*line = rk_api_watch_line(watch, type, rk_blob_span(change->after));
		history->bytes += (*line)->size;
		thread->history_bytes += (*line)->size;
	}
	return rk_blob_ref(*line);
}
