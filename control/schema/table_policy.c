/* Cells of what rules: roles, requests for certificates, quotas, admission, aggregation; and of
 * ingresses. */
#include "base/mem.h"
#include "base/timefmt.h"
#include "control/schema/conditions.h"
#include "control/schema/selector.h"
#include "control/schema/table_cells.h"

#define HOSTS_MAX 3

/* --- roles --- */

void rk_write_role(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		   const char *otherwise)
{
	(void)path;
	rk_write_reference(cells, object, "roleRef", otherwise);
}

/* "Kind/name" of what the object points to. */
void rk_write_reference(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const struct rk_val *to = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	(void)otherwise;
	rk_buf_printf(&text, "%.*s/%.*s", RK_SPAN_ARGS(rk_val_text_at(to, "kind")),
		      RK_SPAN_ARGS(rk_val_text_at(to, "name")));
	rk_cell_buf(cells, &text);
}

/* path: the kind of the subjects that are shown. */
void rk_write_subjects(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		       const char *otherwise)
{
	const struct rk_val *subjects = rk_val_at(object, "subjects");
	struct rk_buf text = { 0 };

	(void)otherwise;
	for (uint32_t i = 0; i < rk_val_count(subjects); i++) {
		const struct rk_val *subject = rk_val_item(subjects, i);
		const struct rk_span ns = rk_val_text_at(subject, "namespace");
		if (!rk_span_is(rk_val_text_at(subject, "kind"), path))
			continue;
		rk_buf_printf(&text, "%s%.*s%s%.*s", text.size > 0 ? ", " : "", RK_SPAN_ARGS(ns),
			      strcmp(path, "ServiceAccount") == 0 ? "/" : "",
			      RK_SPAN_ARGS(rk_val_text_at(subject, "name")));
	}
	rk_cell_buf(cells, &text);
}

/* --- requests for certificates --- */

void rk_write_csr_state(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const struct rk_val *conditions = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	(void)otherwise;
	rk_buf_put_str(&text, rk_conditions_find(conditions, "Denied") != NULL     ? "Denied"
			      : rk_conditions_find(conditions, "Approved") != NULL ? "Approved"
										   : "Pending");
	if (rk_conditions_find(conditions, "Failed") != NULL)
		rk_buf_put_str(&text, ",Failed");
	if (rk_val_text_at(object, "status.certificate").size > 0)
		rk_buf_put_str(&text, ",Issued");
	rk_cell_buf(cells, &text);
}

void rk_write_csr_lifetime(const struct rk_cells *cells, const struct rk_val *object,
			   const char *path, const char *otherwise)
{
	char *text = rk_arena_alloc(cells->arena, RK_TIME_TEXT_MAX);

	if (rk_val_at(object, path) == NULL)
		rk_cell_text(cells, rk_span_str(otherwise));
	else
		rk_cell_text(
			cells,
			rk_span_of(text,
				   rk_duration_human(text, rk_val_int_at(object, path, 0) * 1000)));
}

/* --- quotas --- */

static int by_key(const void *a, const void *b)
{
	const struct rk_field *left = a, *right = b;

	return rk_span_cmp(left->key, right->key);
}

/* "resource: used/hard" of the resources whose name begins with `path`, or, without one, of the
 * others. */
void rk_write_quota(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	struct rk_val *hard = rk_val_copy(cells->arena, rk_val_at(object, "status.hard"));
	const struct rk_val *used = rk_val_at(object, "status.used");
	struct rk_buf text = { 0 };

	(void)otherwise;
	if (rk_val_is(hard, RK_VAL_MAP) && hard->count > 0)
		qsort(hard->fields, hard->count, sizeof *hard->fields, by_key);
	for (uint32_t i = 0; i < rk_val_count(hard); i++) {
		const struct rk_span name = hard->fields[i].key;
		const struct rk_span has = rk_val_text(rk_val_get(used, name));
		if (rk_span_starts(name, RK_SPAN("limits.")) != (path != NULL))
			continue;
		rk_buf_printf(&text, "%s%.*s: %.*s/%.*s", text.size > 0 ? ", " : "",
			      RK_SPAN_ARGS(name), RK_SPAN_ARGS(has.size > 0 ? has : RK_SPAN("0")),
			      RK_SPAN_ARGS(rk_val_text(hard->fields[i].val)));
	}
	rk_cell_buf(cells, &text);
}

/* --- admission --- */

void rk_write_param_kind(const struct rk_cells *cells, const struct rk_val *object,
			 const char *path, const char *otherwise)
{
	const struct rk_val *kind = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	if (kind == NULL)
		rk_buf_put_str(&text, otherwise);
	else
		rk_buf_printf(&text, "%.*s/%.*s", RK_SPAN_ARGS(rk_val_text_at(kind, "apiVersion")),
			      RK_SPAN_ARGS(rk_val_text_at(kind, "kind")));
	rk_cell_buf(cells, &text);
}

void rk_write_param_ref(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const struct rk_val *to = rk_val_at(object, path);
	const struct rk_span ns = rk_val_text_at(to, "namespace"),
			     name = rk_val_text_at(to, "name");
	struct rk_selector *selector = NULL;
	struct rk_buf text = { 0 };

	if (name.size > 0)
		rk_buf_printf(&text, "%.*s/%.*s", RK_SPAN_ARGS(ns.size > 0 ? ns : RK_SPAN("*")),
			      RK_SPAN_ARGS(name));
	else if (rk_val_at(to, "selector") != NULL &&
		 rk_selector_of(cells->arena, rk_val_at(to, "selector"), &selector, NULL) == RK_OK)
		rk_buf_put_span(&text, rk_selector_text(cells->arena, selector));
	else
		rk_buf_put_str(&text, otherwise);
	rk_cell_buf(cells, &text);
}

/* --- aggregation, components, flows --- */

void rk_write_service(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		      const char *otherwise)
{
	const struct rk_val *to = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	if (to == NULL)
		rk_buf_put_str(&text, otherwise);
	else
		rk_buf_printf(&text, "%.*s/%.*s", RK_SPAN_ARGS(rk_val_text_at(to, "namespace")),
			      RK_SPAN_ARGS(rk_val_text_at(to, "name")));
	rk_cell_buf(cells, &text);
}

void rk_write_available(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const struct rk_val *available = rk_conditions_find(rk_val_at(object, path), "Available");
	const struct rk_span status = rk_val_text_at(available, "status");
	struct rk_buf text = { 0 };

	if (available == NULL)
		rk_buf_put_str(&text, otherwise);
	else
		rk_buf_put_span(&text, status);
	if (available != NULL && !rk_span_is(status, "True"))
		rk_buf_printf(&text, " (%.*s)", RK_SPAN_ARGS(rk_val_text_at(available, "reason")));
	rk_cell_buf(cells, &text);
}

void rk_write_healthy(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		      const char *otherwise)
{
	const struct rk_val *healthy = rk_conditions_find(rk_val_at(object, path), "Healthy");
	const bool is_good = rk_span_is(rk_val_text_at(healthy, "status"), "True");

	rk_cell_text(cells, rk_span_str(healthy == NULL ? otherwise
					: is_good       ? "Healthy"
							: "Unhealthy"));
}

/* A field (path) of the condition that the kind shows, out of the list at `otherwise`: Healthy of
 * a component, Dangling of a flow schema. */
void rk_write_condition(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const bool is_flow = strcmp(otherwise, "conditions") != 0;
	const struct rk_val *condition =
		rk_conditions_find(rk_val_at(object, otherwise), is_flow ? "Dangling" : "Healthy");

	rk_cell_or(cells, rk_val_text_at(condition, path), is_flow ? "?" : "");
}

/* --- ingresses --- */

void rk_write_hosts(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	const struct rk_val *rules = rk_val_at(object, path);
	struct rk_buf text = { 0 };
	unsigned shown = 0;
	bool has_more = false;

	for (uint32_t i = 0; i < rk_val_count(rules); i++) {
		const struct rk_span host = rk_val_text_at(rk_val_item(rules, i), "host");
		has_more = has_more || shown == HOSTS_MAX;
		if (!has_more && host.size > 0)
			rk_buf_printf(&text, "%s%.*s", shown++ > 0 ? "," : "", RK_SPAN_ARGS(host));
	}
	if (shown == 0)
		rk_buf_put_str(&text, otherwise);
	else if (has_more)
		rk_buf_printf(&text, " + %u more...", rk_val_count(rules) - HOSTS_MAX);
	rk_cell_buf(cells, &text);
}

static int by_text(const void *a, const void *b)
{
	return rk_span_cmp(*(const struct rk_span *)a, *(const struct rk_span *)b);
}

/* Addresses, or names where there is no address; sorted, each once. */
void rk_write_addresses(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	const struct rk_val *list = rk_val_at(object, path);
	struct rk_span *texts =
		rk_arena_zalloc(cells->arena, (rk_val_count(list) + 1) * sizeof *texts);
	struct rk_buf text = { 0 };
	size_t count = 0;

	(void)otherwise;
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *item = rk_val_item(list, i);
		const struct rk_span ip = rk_val_text_at(item, "ip");
		const struct rk_span name = rk_val_text_at(item, "hostname");
		if (ip.size > 0 || name.size > 0)
			texts[count++] = ip.size > 0 ? ip : name;
	}
	if (count > 1)
		qsort(texts, count, sizeof *texts, by_text);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !rk_span_eq(texts[i], texts[i - 1]))
			rk_buf_printf(&text, "%s%.*s", i > 0 ? "," : "", RK_SPAN_ARGS(texts[i]));
	rk_cell_buf(cells, &text);
}

void rk_write_tls_ports(const struct rk_cells *cells, const struct rk_val *object, const char *path,
			const char *otherwise)
{
	(void)otherwise;
	rk_cell_text(cells, rk_val_count(rk_val_at(object, path)) > 0 ? RK_SPAN("80, 443")
								      : RK_SPAN("80"));
}

void rk_write_parameters(const struct rk_cells *cells, const struct rk_val *object,
			 const char *path, const char *otherwise)
{
	const struct rk_val *to = rk_val_at(object, path), *group = rk_val_at(to, "apiGroup");
	struct rk_buf text = { 0 };

	if (to == NULL)
		rk_buf_put_str(&text, otherwise);
	else
		rk_buf_printf(&text, "%.*s%s%.*s/%.*s", RK_SPAN_ARGS(rk_val_text_at(to, "kind")),
			      group != NULL ? "." : "", RK_SPAN_ARGS(rk_val_text(group)),
			      RK_SPAN_ARGS(rk_val_text_at(to, "name")));
	rk_cell_buf(cells, &text);
}
