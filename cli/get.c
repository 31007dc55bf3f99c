/* reckon get: objects as tables, YAML, JSON, names, and what paths make of them. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/manifests_io.h"
#include "cli/output.h"
#include "cli/refs.h"
#include "cli/sort.h"
#include "cli/table_print.h"
#include "cli/tabs.h"
#include "cli/watch.h"

static int run_get(int argc, char **argv);

const struct rk_command rk_command_get = {
	.name = "get",
	.usage = "(TYPE [NAME...] | TYPE/NAME... | -f FILE) [flags]",
	.summary = "List objects, or show some of them",
	.examples = "  reckon get pods -o wide\n"
		    "  reckon get deploy,rs,svc -A -l app=web\n"
		    "  reckon get deployment web -o jsonpath='{.status.readyReplicas}'\n"
		    "  reckon get pods -w\n"
		    "  reckon get --raw /api/v1/namespaces/default/services/web:80/proxy/\n",
	.run = run_get,
	.section = "Basic",
};

struct get {
	struct rk_session session;
	struct rk_output output;
	const char *form, *labels, *fields, *sort_by, *subresource, *raw;
	int64_t chunk;
	bool all_namespaces, watch, watch_only, no_headers, show_labels, ignores_missing, managed,
		output_events, is_recursive;
	struct rk_flag_list files, label_columns;
	struct rk_refs refs;
	struct rk_span *spaces; /* of each ref */
	struct rk_jsonpath *sort_path;
};

static const char *target_of(struct get *get, const struct rk_ref *ref, struct rk_span ns)
{
	struct rk_arena *arena = &get->session.arena;
	const char *target = rk_target(arena, ref->kind, ns, ref->name, get->subresource);

	if (ref->name.size > 0)
		return target;
	if (get->labels != NULL)
		target = rk_target_with(arena, target, "labelSelector", rk_span_str(get->labels));
	if (get->fields != NULL)
		target = rk_target_with(arena, target, "fieldSelector", rk_span_str(get->fields));
	return target;
}

/* One object or list whole; the pages of a list are joined. */
static int fetch(struct get *get, const char *target, const char *accept, bool is_list,
		 struct rk_val **ret, struct rk_error *error)
{
	struct rk_arena *arena = &get->session.arena;
	const char *parts = accept != NULL ? "rows" : "items";
	struct rk_val *whole = NULL;
	struct rk_span more = { NULL, 0 };

	if (is_list && get->chunk > 0 && get->sort_path == NULL)
		target = rk_target_with(
			arena, target, "limit",
			rk_span_str(rk_arena_printf(arena, "%lld", (long long)get->chunk)));
	if (accept != NULL && get->sort_path != NULL)
		target = rk_target_with(arena, target, "includeObject", RK_SPAN("Object"));
	do {
		struct rk_val *page = NULL;
		const char *now =
			more.size > 0 ? rk_target_with(arena, target, "continue", more) : target;
		RK_TRY(rk_api_call(get->session.api, arena,
				   &(struct rk_api_call){ .target = now, .accept = accept }, &page,
				   error));
		more = rk_val_text_at(page, "metadata.continue");
		if (whole == NULL) {
			whole = page;
			continue;
		}
		struct rk_val *items = rk_val_at(page, parts);
		for (uint32_t i = 0; i < rk_val_count(items); i++)
			rk_val_append(arena, rk_val_at(whole, parts), rk_val_item(items, i));
	} while (is_list && more.size > 0);
	if (get->sort_path != NULL && rk_val_is(rk_val_at(whole, parts), RK_VAL_LIST))
		RK_TRY(rk_sort_list(arena, rk_val_at(whole, parts),
				    accept != NULL ? "object" : NULL, get->sort_path, error));
	*ret = whole;
	return RK_OK;
}

static bool is_missing(const struct get *get, int err)
{
	return err == RK_ENOENT && get->ignores_missing;
}

/* --- tables --- */

static void flush(struct rk_buf *out)
{
	rk_cli_put(out);
	rk_buf_clear(out);
}

static struct rk_table_printer printer_of(const struct get *get, const struct rk_kind *kind)
{
	return (struct rk_table_printer){ .is_wide = get->output.is_wide,
					  .no_headers = get->no_headers,
					  .show_labels = get->show_labels,
					  .with_namespace = get->all_namespaces && kind->namespaced,
					  .with_kind = get->refs.has_kinds,
					  .with_event = get->output_events,
					  .event = RK_SPAN("ADDED"),
					  .label_columns = &get->label_columns };
}

/* Refs of one kind in a row share a table. */
static void print_tables(struct get *get)
{
	struct rk_table_printer printer = { 0 };
	struct rk_buf out = { 0 };
	const struct rk_kind *last = NULL;
	bool has_output = false;

	for (size_t i = 0; i < get->refs.count; i++) {
		const struct rk_ref *ref = &get->refs.at[i];
		struct rk_error error = { 0 };
		struct rk_val *table = NULL;
		const int err = fetch(get, target_of(get, ref, get->spaces[i]), RK_ACCEPT_TABLE,
				      ref->name.size == 0, &table, &error);
		if (err < 0) {
			if (!is_missing(get, err))
				rk_session_tell(&get->session, NULL, &error);
			continue;
		}
		if (ref->kind != last) {
			rk_table_printer_done(&printer);
			printer = printer_of(get, ref->kind);
			last = ref->kind;
			if (has_output && rk_val_count(rk_val_at(table, "rows")) > 0)
				rk_buf_put_u8(&out, '\n');
		}
		rk_table_print(&printer, ref->kind, table, &out);
		has_output = has_output || rk_val_count(rk_val_at(table, "rows")) > 0;
	}
	rk_table_printer_done(&printer);
	flush(&out);
	rk_buf_done(&out);
	if (!has_output && !get->session.has_failed && !get->ignores_missing) {
		const bool in_one = !get->all_namespaces && last != NULL && last->namespaced;
		(void)fprintf(stderr, "No resources found%s%s%s\n", in_one ? " in " : "",
			      in_one ? get->session.namespace : "", in_one ? " namespace." : "");
	}
}

/* --- whole objects --- */

static void strip(const struct get *get, struct rk_val *object)
{
	struct rk_val *metadata = rk_val_at(object, "metadata");

	if (!get->managed && metadata != NULL)
		(void)rk_val_remove(metadata, RK_SPAN("managedFields"));
}

/* Items of a list carry no kind of their own. */
static void name_kind(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *object)
{
	if (rk_val_at(object, "kind") == NULL)
		rk_val_put_cstr(arena, object, "kind", kind->kind);
	if (rk_val_at(object, "apiVersion") == NULL)
		rk_val_put_cstr(arena, object, "apiVersion", kind->api_version);
}

static struct rk_val *gather(struct get *get)
{
	struct rk_arena *arena = &get->session.arena;
	struct rk_val *all = rk_val_map(arena), *items = rk_val_list(arena);

	rk_val_put_cstr(arena, all, "apiVersion", "v1");
	rk_val_put(arena, all, "items", items);
	rk_val_put_cstr(arena, all, "kind", "List");
	rk_val_set_at(arena, all, "metadata.resourceVersion", rk_val_cstr(arena, ""));
	for (size_t i = 0; i < get->refs.count; i++) {
		const struct rk_ref *ref = &get->refs.at[i];
		struct rk_error error = { 0 };
		struct rk_val *got = NULL;
		const int err = fetch(get, target_of(get, ref, get->spaces[i]), NULL,
				      ref->name.size == 0, &got, &error);
		if (err < 0) {
			if (!is_missing(get, err))
				rk_session_tell(&get->session, NULL, &error);
			continue;
		}
		if (ref->name.size > 0) {
			strip(get, got);
			rk_val_append(arena, items, got);
			continue;
		}
		struct rk_val *list = rk_val_at(got, "items");
		for (uint32_t n = 0; n < rk_val_count(list); n++) {
			strip(get, rk_val_item(list, n));
			name_kind(arena, ref->kind, rk_val_item(list, n));
			rk_val_append(arena, items, rk_val_item(list, n));
		}
	}
	return all;
}

static int print_columns(struct get *get, const struct rk_val *items, struct rk_error *error)
{
	struct rk_arena *arena = &get->session.arena;
	RK_AUTO(rk_buf_done) struct rk_buf rows = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };

	for (size_t i = 0; i < get->output.column_count && !get->no_headers; i++)
		rk_buf_printf(&rows, "%s%.*s%s", i > 0 ? "\t" : "",
			      RK_SPAN_ARGS(get->output.heads[i]),
			      i + 1 == get->output.column_count ? "\n" : "");
	for (uint32_t i = 0; i < rk_val_count(items); i++)
		RK_TRY(rk_output_row(arena, &get->output, rk_val_item(items, i), &rows, error));
	rk_tabs_write(&out, rk_buf_span(&rows), 6, 3);
	flush(&out);
	return RK_OK;
}

static int print_objects(struct get *get, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_val *all = gather(get);
	struct rk_val *items = rk_val_at(all, "items");
	const bool is_one = get->refs.count == 1 && get->refs.at[0].name.size > 0;

	if (get->output.kind == RK_OUTPUT_COLUMNS)
		return print_columns(get, items, error);
	if (rk_val_count(items) == 0 && (is_one || get->session.has_failed))
		return RK_OK;
	RK_TRY(rk_output_put(&get->session.arena, &get->output, get->session.kinds,
			     is_one ? rk_val_item(items, 0) : all, &out, error));
	flush(&out);
	return RK_OK;
}

/* --- watches --- */

struct watching {
	struct get *get;
	struct rk_table_printer printer;
	const struct rk_kind *kind;
	struct rk_buf out;
};

static int on_event(void *context, struct rk_span type, const struct rk_val *object)
{
	struct watching *watching = context;
	struct get *get = watching->get;
	struct rk_arena arena = { 0 };
	int err = RK_OK;

	if (get->output.kind == RK_OUTPUT_TABLE) {
		watching->printer.event = type;
		rk_table_print(&watching->printer, watching->kind, object, &watching->out);
	} else {
		struct rk_val *copy = rk_val_copy(&arena, object);
		strip(get, copy);
		if (get->output.kind == RK_OUTPUT_YAML)
			rk_buf_put_str(&watching->out, "---\n");
		err = get->output.kind == RK_OUTPUT_COLUMNS
			      ? rk_output_row(&arena, &get->output, copy, &watching->out, NULL)
			      : rk_output_put(&arena, &get->output, get->session.kinds, copy,
					      &watching->out, NULL);
		if (get->output.kind == RK_OUTPUT_JSONPATH)
			rk_buf_put_u8(&watching->out, '\n');
	}
	flush(&watching->out);
	rk_arena_done(&arena);
	return err < 0 || fflush(stdout) != 0; /* nobody reads any more */
}

static int watch(struct get *get, struct rk_error *error)
{
	struct rk_arena *arena = &get->session.arena;
	struct rk_ref ref = get->refs.at[0];
	const bool is_table = get->output.kind == RK_OUTPUT_TABLE;
	const char *accept = is_table ? RK_ACCEPT_TABLE : NULL;
	struct watching watching = { get, printer_of(get, ref.kind), ref.kind, { 0 } };
	struct rk_val *list = NULL;

	if (get->refs.count != 1)
		return rk_fail(
			error, RK_EINVAL,
			"you may only specify a single resource type, and one name, to watch");
	if (ref.name.size > 0) {
		get->fields = rk_arena_printf(arena, "metadata.name=%.*s", RK_SPAN_ARGS(ref.name));
		RK_TRY(fetch(get, target_of(get, &ref, get->spaces[0]), NULL, false, &list, error));
		ref.name = rk_span_str("");
	}
	const char *target = target_of(get, &ref, get->spaces[0]);
	get->chunk = 0;
	RK_TRY(fetch(get, target, accept, true, &list, error));
	if (!get->watch_only && is_table)
		(void)on_event(&watching, RK_SPAN("ADDED"), list);
	const struct rk_val *items = rk_val_at(list, "items");
	for (uint32_t i = 0; !get->watch_only && i < rk_val_count(items); i++) {
		name_kind(arena, ref.kind, rk_val_item(items, i));
		(void)on_event(&watching, RK_SPAN("ADDED"), rk_val_item(items, i));
	}
	const struct rk_watch what = {
		.target = target,
		.accept = accept,
		.version = rk_val_text_at(list, "metadata.resourceVersion"),
		.each = on_event,
		.context = &watching,
	};
	const int err = rk_watch_run(&get->session, &what, error);
	rk_table_printer_done(&watching.printer);
	rk_buf_done(&watching.out);
	return err;
}

/* --- paths of the API --- */

static int write_piece(void *context, struct rk_span bytes)
{
	(void)context;
	return fwrite(bytes.data, 1, bytes.size, stdout) != bytes.size;
}

static int print_raw(struct get *get, int argc, struct rk_error *error)
{
	const struct rk_api_call call = { .target = get->raw, .accept = "application/json, */*", .data = write_piece };

	if (argc > 0 || get->files.count > 0 || get->form != NULL || get->watch || get->watch_only)
		return rk_fail(error, RK_EINVAL,
			       "arguments, --filename, --output and --watch may not be passed when --raw is specified");
	if (get->raw[0] != '/')
		return rk_fail(error, RK_EINVAL, "--raw takes a path of the API, such as /apis, not \"%s\"", get->raw);
	return rk_api_call(get->session.api, &get->session.arena, &call, NULL, error);
}

/* --- the command --- */

static int name_what(struct get *get, int argc, char **argv, struct rk_error *error)
{
	struct rk_arena *arena = &get->session.arena;
	struct rk_manifests manifests = { 0 };

	if (get->files.count == 0) {
		RK_TRY(rk_refs_parse(arena, get->session.kinds, argc, argv, &get->refs, error));
		get->spaces = rk_arena_alloc(arena, (get->refs.count + 1) * sizeof *get->spaces);
		for (size_t i = 0; i < get->refs.count; i++)
			get->spaces[i] =
				rk_span_str(get->all_namespaces ? "" : get->session.namespace);
		return RK_OK;
	}
	const int err =
		rk_manifests_read(&get->session, &get->files, get->is_recursive, &manifests, error);
	get->refs.at = rk_arena_alloc(arena, (manifests.count + 1) * sizeof *get->refs.at);
	get->spaces = rk_arena_alloc(arena, (manifests.count + 1) * sizeof *get->spaces);
	for (size_t i = 0; i < manifests.count; i++) {
		get->refs.at[i] = (struct rk_ref){ manifests.at[i].kind, manifests.at[i].name };
		get->spaces[i] = manifests.at[i].ns;
		get->refs.has_kinds |= manifests.at[i].kind != manifests.at[0].kind;
	}
	get->refs.count = manifests.count;
	get->refs.has_names = true;
	rk_manifests_done(&manifests);
	return err;
}

static int run_with(struct get *get, int argc, char **argv, struct rk_error *error)
{
	struct rk_arena *arena = &get->session.arena;

	RK_TRY(rk_output_parse(arena, get->form, &get->output, error));
	RK_TRY(rk_session_open(&get->session, error));
	if (get->raw != NULL)
		return print_raw(get, argc, error);
	if (get->sort_by != NULL)
		RK_TRY(rk_jsonpath_parse_one(arena, rk_span_str(get->sort_by), &get->sort_path,
					     error));
	RK_TRY(name_what(get, argc, argv, error));
	if (get->refs.has_names && (get->labels != NULL || get->fields != NULL))
		return rk_fail(error, RK_EINVAL,
			       "name cannot be provided when a selector is specified");
	if (get->refs.has_names && get->all_namespaces)
		return rk_fail(error, RK_EINVAL,
			       "a resource cannot be retrieved by name across all namespaces");
	if (get->watch || get->watch_only)
		return watch(get, error);
	if (get->output.kind != RK_OUTPUT_TABLE)
		return print_objects(get, error);
	print_tables(get);
	return RK_OK;
}

static void split_label_columns(struct get *get)
{
	struct rk_flag_list split = { .count = 0 };

	for (size_t i = 0; i < get->label_columns.count; i++) {
		struct rk_span list = rk_span_str(get->label_columns.at[i]), one;
		while (list.size > 0 && split.count < RK_FLAG_LIST_MAX) {
			list = rk_span_cut(list, ',', &one);
			split.at[split.count++] = rk_arena_str(&get->session.arena, one);
		}
	}
	get->label_columns = split;
}

static int run_get(int argc, char **argv)
{
	struct get get = { .chunk = 500 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG_STR("output", 'o', &get.form, "FORM",
			    "wide, yaml, json, name, jsonpath=..., custom-columns=..."),
		RK_FLAG_YES("all-namespaces", 'A', &get.all_namespaces, "from every namespace"),
		RK_FLAG_STR("selector", 'l', &get.labels, "LABELS", "a=b,c!=d,e in (f,g)"),
		RK_FLAG_STR("field-selector", 0, &get.fields, "FIELDS", "status.phase=Running"),
		RK_FLAG_YES("watch", 'w', &get.watch, "go on, and show every change"),
		RK_FLAG_YES("watch-only", 0, &get.watch_only, "show changes only"),
		RK_FLAG_YES("output-watch-events", 0, &get.output_events,
			    "with -w: say what happened"),
		RK_FLAG("filename", 'f', RK_FLAG_LIST, &get.files, "FILE",
			"what these files describe"),
		RK_FLAG_YES("recursive", 'R', &get.is_recursive, "with -f: directories below, too"),
		RK_FLAG_YES("no-headers", 0, &get.no_headers, "rows only"),
		RK_FLAG_YES("show-labels", 0, &get.show_labels, "a column with all labels"),
		RK_FLAG("label-columns", 'L', RK_FLAG_LIST, &get.label_columns, "LABEL",
			"a column for this label"),
		RK_FLAG_STR("sort-by", 0, &get.sort_by, "PATH", "in the order of this field"),
		RK_FLAG_STR("subresource", 0, &get.subresource, "NAME", "status or scale"),
		RK_FLAG_STR("raw", 0, &get.raw, "PATH", "what the API answers at this path, as it is"),
		RK_FLAG("chunk-size", 0, RK_FLAG_NUMBER, &get.chunk, "N", "objects in one answer"),
		RK_FLAG_YES("ignore-not-found", 0, &get.ignores_missing,
			    "what is not there is no error"),
		RK_FLAG_YES("show-managed-fields", 0, &get.managed, "keep metadata.managedFields"),
		RK_SESSION_FLAGS(&get.session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_get, flags, &argc, argv, NULL, &status))
		return status;
	split_label_columns(&get);
	const int err = run_with(&get, argc, argv, &error);
	return rk_session_end(&get.session, err, &error);
}
