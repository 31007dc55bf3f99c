#include "cli/manifests_io.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "node/files_io.h"
#include "wire/json.h"
#include "wire/yaml.h"

#define FILE_MAX  (64u << 20)
#define DEPTH_MAX 32

struct reading {
	struct rk_session *session;
	struct rk_manifests *out;
	bool is_recursive;
	struct rk_error *error;
};

static int unknown_kind(struct reading *reading, const char *file, struct rk_span version,
			struct rk_span name)
{
	const struct rk_kinds *kinds = reading->session->kinds;
	const struct rk_kind *by_name = rk_kinds_by_name(kinds, name);
	const char *near = NULL, *near_version = "";
	struct rk_error error = { 0 };

	if (by_name != NULL) {
		near = by_name->kind;
		near_version = by_name->api_version;
	} else if ((near = rk_kinds_nearest(kinds, name)) != NULL) {
		by_name = rk_kinds_by_name(kinds, rk_span_str(near));
		near = by_name != NULL ? by_name->kind : NULL;
		near_version = by_name != NULL ? by_name->api_version : "";
	}
	(void)rk_fail(&error, RK_EINVAL,
		      "resource mapping not found: \"%s\": no matches for kind \"%.*s\" in version "
		      "\"%.*s\"%s%s%s%s%s",
		      file, RK_SPAN_ARGS(name), RK_SPAN_ARGS(version),
		      near != NULL ? " (did you mean " : "", near != NULL ? near : "",
		      near != NULL ? " in " : "", near_version, near != NULL ? "?)" : "");
	rk_session_tell(reading->session, NULL, &error);
	reading->out->has_broken = true;
	return RK_OK;
}

static int add_object(struct reading *reading, struct rk_val *object, const char *file)
{
	const struct rk_span version = rk_val_text_at(object, "apiVersion");
	const struct rk_span name = rk_val_text_at(object, "kind");
	struct rk_session *session = reading->session;
	struct rk_manifests *out = reading->out;

	if (!rk_val_is(object, RK_VAL_MAP))
		return rk_fail(reading->error, RK_EINVAL, "%s: a document is not an object", file);
	if (name.size == 0 || version.size == 0)
		return rk_fail(reading->error, RK_EINVAL, "error validating \"%s\": %s not set",
			       file, name.size == 0 ? "kind" : "apiVersion");
	if (rk_span_ends(name, RK_SPAN("List")) && rk_val_at(object, "items") != NULL) {
		const struct rk_val *items = rk_val_at(object, "items");
		for (uint32_t i = 0; i < rk_val_count(items); i++)
			RK_TRY(add_object(reading, rk_val_item(items, i), file));
		return RK_OK;
	}
	const struct rk_kind *kind = rk_kinds_of(session->kinds, version, name);
	if (kind == NULL)
		return unknown_kind(reading, file, version, name);
	struct rk_span ns = rk_val_text_at(object, "metadata.namespace");
	if (kind->namespaced && ns.size > 0 && session->namespace_given &&
	    !rk_span_is(ns, session->namespace))
		return rk_fail(reading->error, RK_EINVAL,
			       "the namespace from the provided object \"%.*s\" does not match the "
			       "namespace \"%s\". You must pass '--namespace=%.*s' to perform this "
			       "operation.",
			       RK_SPAN_ARGS(ns), session->namespace, RK_SPAN_ARGS(ns));
	if (!kind->namespaced)
		ns = rk_span_str("");
	else if (ns.size == 0)
		ns = rk_span_str(session->namespace);
	out->at = rk_grow(out->at, &out->capacity, out->count + 1, sizeof *out->at);
	out->at[out->count++] = (struct rk_manifest){
		.object = object,
		.kind = kind,
		.file = file,
		.ns = ns,
		.name = rk_val_text_at(object, "metadata.name"),
	};
	return RK_OK;
}

static int add_text(struct reading *reading, struct rk_span text, const char *file)
{
	struct rk_arena *arena = &reading->session->arena;
	struct rk_val *docs = NULL;
	size_t at = 0;

	text = rk_arena_span(arena, text);
	while (at < text.size && strchr(" \t\r\n", text.data[at]) != NULL)
		at++;
	if (at < text.size && text.data[at] == '{' &&
	    rk_span_ends(rk_span_str(file), RK_SPAN(".json"))) {
		docs = rk_val_list(arena);
		struct rk_val *one = NULL;
		if (rk_json_parse(arena, text, RK_JSON_UNIQUE_KEYS, &one, reading->error) < 0)
			return rk_fail_wrap(reading->error, RK_EINVAL, "error parsing %s", file);
		rk_val_append(arena, docs, one);
	} else if (rk_yaml_parse(arena, text, &docs, reading->error) < 0) {
		return rk_fail_wrap(reading->error, RK_EINVAL, "error parsing %s", file);
	}
	for (uint32_t i = 0; i < rk_val_count(docs); i++)
		RK_TRY(add_object(reading, rk_val_item(docs, i), file));
	return RK_OK;
}

static int add_file(struct reading *reading, const char *path)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	RK_TRY(rk_file_read(path, FILE_MAX, &text, reading->error));
	return add_text(reading, rk_buf_span(&text),
			rk_arena_str(&reading->session->arena, rk_span_str(path)));
}

static int add_stdin(struct reading *reading)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	ssize_t got;

	while ((got = read(STDIN_FILENO, rk_buf_room(&text, 65536), 65536)) > 0) {
		text.size += (size_t)got;
		if (text.size > FILE_MAX)
			return rk_fail(reading->error, RK_ETOOBIG,
				       "standard input: more than %u MiB", FILE_MAX >> 20);
	}
	if (got < 0)
		return rk_fail_errno(reading->error, "standard input");
	return add_text(reading, rk_buf_span(&text), "STDIN");
}

static bool is_manifest(const char *name)
{
	const struct rk_span span = rk_span_str(name);

	return rk_span_ends(span, RK_SPAN(".yaml")) || rk_span_ends(span, RK_SPAN(".yml")) ||
	       rk_span_ends(span, RK_SPAN(".json"));
}

static int add_path(struct reading *reading, const char *path, unsigned depth);

static int add_dir(struct reading *reading, const char *path, unsigned depth)
{
	struct dirent **entries = NULL;
	const int count = scandir(path, &entries, NULL, alphasort);
	int err = RK_OK;

	if (count < 0)
		return rk_fail_errno(reading->error, "%s", path);
	for (int i = 0; i < count; i++) {
		char full[RK_PATH_MAX];
		struct stat stat_;
		const int size = snprintf(full, sizeof full, "%s/%s", path, entries[i]->d_name);
		if (err == RK_OK && entries[i]->d_name[0] != '.' && size > 0 &&
		    (size_t)size < sizeof full && stat(full, &stat_) == 0) {
			if (S_ISDIR(stat_.st_mode) && reading->is_recursive)
				err = add_path(reading, full, depth + 1);
			else if (S_ISREG(stat_.st_mode) && is_manifest(full))
				err = add_file(reading, full);
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int add_path(struct reading *reading, const char *path, unsigned depth)
{
	struct stat stat_;

	if (strcmp(path, "-") == 0)
		return add_stdin(reading);
	if (strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0)
		return rk_fail(reading->error, RK_ENOTSUP,
			       "-f %s: URLs are not supported; fetch the file first", path);
	if (stat(path, &stat_) < 0)
		return errno == ENOENT ? rk_fail(reading->error, RK_ENOENT,
						 "the path \"%s\" does not exist", path)
				       : rk_fail_errno(reading->error, "%s", path);
	if (!S_ISDIR(stat_.st_mode))
		return add_file(reading, path);
	if (depth > DEPTH_MAX)
		return rk_fail(reading->error, RK_ETOOBIG, "%s: directories are nested too deeply",
			       path);
	return add_dir(reading, path, depth);
}

int rk_manifests_read(struct rk_session *session, const struct rk_flag_list *files,
		      bool is_recursive, struct rk_manifests *ret, struct rk_error *error)
{
	struct reading reading = { session, ret, is_recursive, error };

	for (size_t i = 0; i < files->count; i++) {
		struct rk_span list = rk_span_str(files->at[i]);
		while (list.size > 0) {
			struct rk_span path;
			list = rk_span_cut(list, ',', &path);
			RK_TRY(add_path(&reading, rk_arena_str(&session->arena, path), 0));
		}
	}
	if (ret->count == 0 && !ret->has_broken)
		return rk_fail(error, RK_EINVAL, "no objects passed");
	return RK_OK;
}

void rk_manifests_done(struct rk_manifests *manifests)
{
	free(manifests->at);
	*manifests = (struct rk_manifests){ 0 };
}
