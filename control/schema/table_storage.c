/* Cells of volumes, claims and classes of storage. */
#include "base/mem.h"
#include "control/schema/table_cells.h"

/* Access modes by their short names, in a fixed order, each once. With `otherwise` they are shown
 * only once that field is set: of a claim, once it has its volume. */
void rk_write_modes(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	static const char *const modes[][2] = { { "ReadWriteOnce", "RWO" },
						{ "ReadOnlyMany", "ROX" },
						{ "ReadWriteMany", "RWX" },
						{ "ReadWriteOncePod", "RWOP" } };
	const struct rk_val *list = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	if (otherwise != NULL && rk_val_text_at(object, otherwise).size == 0)
		list = NULL;
	for (size_t m = 0; m < RK_COUNT(modes); m++) {
		bool has = false;
		for (uint32_t i = 0; i < rk_val_count(list) && !has; i++)
			has = rk_span_is(rk_val_text(rk_val_item(list, i)), modes[m][0]);
		if (has)
			rk_buf_printf(&text, "%s%s", text.size > 0 ? "," : "", modes[m][1]);
	}
	rk_cell_buf(cells, &text);
}

void rk_write_phase(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	(void)otherwise;
	if (rk_val_at(object, "metadata.deletionTimestamp") != NULL)
		rk_cell_text(cells, RK_SPAN("Terminating"));
	else
		rk_cell_text(cells, rk_val_text_at(object, path));
}

void rk_write_claim(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	const struct rk_val *claim = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	(void)otherwise;
	if (claim != NULL)
		rk_buf_printf(&text, "%.*s/%.*s", RK_SPAN_ARGS(rk_val_text_at(claim, "namespace")),
			      RK_SPAN_ARGS(rk_val_text_at(claim, "name")));
	rk_cell_buf(cells, &text);
}

static struct rk_span annotation(const struct rk_val *object, const char *name)
{
	return rk_val_text(
		rk_val_get(rk_val_at(object, "metadata.annotations"), rk_span_str(name)));
}

/* The class, which an annotation said before there was a field for it. */
void rk_write_class(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	const struct rk_val *annotations = rk_val_at(object, "metadata.annotations");
	const struct rk_val *old =
		rk_val_get(annotations, RK_SPAN("volume.beta.kubernetes.io/storage-class"));

	(void)path;
	(void)otherwise;
	rk_cell_text(cells, old != NULL ? rk_val_text(old)
					: rk_val_text_at(object, "spec.storageClassName"));
}

/* Of a claim that has its volume. */
void rk_write_capacity(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		       const char *otherwise)
{
	(void)otherwise;
	if (rk_val_text_at(object, "spec.volumeName").size == 0)
		rk_cell_text(cells, RK_SPAN(""));
	else
		rk_cell_or(cells, rk_val_text_at(object, path), "0");
}

void rk_write_default_name(const struct rk_cells *cells, const struct rk_val *object,
			   const char *path, const char *otherwise)
{
	const bool is_default =
		rk_span_is(annotation(object, "storageclass.kubernetes.io/is-default-class"),
			   "true") ||
		rk_span_is(annotation(object, "storageclass.beta.kubernetes.io/is-default-class"),
			   "true");
	struct rk_buf text = { 0 };

	(void)path;
	(void)otherwise;
	rk_buf_printf(&text, "%.*s%s", RK_SPAN_ARGS(rk_val_text_at(object, "metadata.name")),
		      is_default ? " (default)" : "");
	rk_cell_buf(cells, &text);
}

void rk_write_audiences(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const struct rk_val *list = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_buf_printf(&text, "%s%.*s", i > 0 ? "," : "",
			      RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "audience")));
	if (list == NULL)
		rk_buf_put_str(&text, otherwise);
	rk_cell_buf(cells, &text);
}
