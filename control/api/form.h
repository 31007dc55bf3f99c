/* control/api/form.h - the forms in which objects are answered: chosen by Accept, made from
 * documents. Pure. */
#ifndef RK_CONTROL_API_FORM_H
#define RK_CONTROL_API_FORM_H

#include "base/buf.h"
#include "control/schema/kinds.h"

enum rk_form_shape { RK_FORM_OBJECT, RK_FORM_TABLE, RK_FORM_METADATA };
enum rk_form_include {
	RK_INCLUDE_METADATA,
	RK_INCLUDE_NONE,
	RK_INCLUDE_OBJECT
}; /* the query includeObject */

struct rk_form {
	enum rk_form_shape shape;
	bool is_yaml, is_proto;       /* neither: JSON */
	const struct rk_kinds *kinds; /* for is_proto */
	const char *table_version;    /* "meta.k8s.io/v1" or "...v1beta1" */
	enum rk_form_include include;
};

/* Chooses from an Accept header ("" is anything): by q, then the exact before the wild, then by
 * order. `kind` is what will be answered; NULL, or a kind without field numbers: protobuf cannot
 * be. False: nothing there can be made (406). */
bool rk_form_choose(const struct rk_kinds *kinds, const struct rk_kind *kind, struct rk_span accept,
		    struct rk_form *ret);
/* Whether the object can be said in this form: not all that is answered has protobuf's numbers. */
bool rk_form_fits(const struct rk_form *form, struct rk_span doc);
const char *rk_form_type(const struct rk_form *form); /* the media type */
/* Whether discovery was asked for in its aggregated form: "v2", "v2beta1" or NULL. The first that
 * is offered. */
const char *rk_form_aggregated(struct rk_span accept);

/* One object or event object in this form, as JSON or in protobuf's envelope (rk_form_fits).
 * now_ms: for ages. with_columns: of a table. */
void rk_form_write(struct rk_buf *out, struct rk_arena *arena, const struct rk_form *form,
		   const struct rk_kind *kind, struct rk_span doc, int64_t now_ms,
		   bool with_columns, bool pretty);

struct rk_form_list {       /* a list being written, item by item; as JSON or protobuf */
	struct rk_buf *out; /* whoever takes bytes from it meanwhile counts them */
	const struct rk_form *form;
	const struct rk_kind *kind;
	int64_t now_ms;
	size_t count;
};
/* `meta`: metadata of the list (resourceVersion, continue...). */
void rk_form_list_begin(struct rk_form_list *list, struct rk_arena *arena,
			const struct rk_val *meta);
void rk_form_list_item(struct rk_form_list *list, struct rk_arena *arena, struct rk_span doc);
/* Appends what ends it. `bytes` is what was written before, `head` gets what belongs before all of
 * it: nothing, but in protobuf, where the length stands first. */
void rk_form_list_end(struct rk_form_list *list, size_t bytes, struct rk_buf *head);

#endif
