#include "node/payload_io.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "wire/base64.h"

static bool path_is_inside(struct rk_span path)
{
	struct rk_span part;

	if (path.size == 0 || path.size > 255 || path.data[0] == '/' ||
	    rk_span_starts(path, RK_SPAN("..")) || memchr(path.data, '\0', path.size) != NULL)
		return false;
	while (path.data != NULL) {
		path = rk_span_cut(path, '/', &part);
		if (part.size == 0 || rk_span_is(part, "..") || rk_span_is(part, "."))
			return false;
	}
	return true;
}

static int add_file(struct rk_payload *payload, struct rk_span path, struct rk_span bytes,
		    int64_t mode, struct rk_error *error)
{
	if (!path_is_inside(path))
		return rk_fail(error, RK_EINVAL, "\"%.*s\" is not a path inside a volume",
			       RK_SPAN_ARGS(path));
	if (payload->count == RK_PAYLOAD_FILES_MAX)
		return rk_fail(error, RK_ETOOBIG, "more than %d files in a volume",
			       RK_PAYLOAD_FILES_MAX);
	for (uint32_t i = 0; i < payload->count; i++)
		if (rk_span_eq(payload->files[i].path, path)) { /* a later source wins */
			payload->files[i].bytes = bytes;
			payload->files[i].mode = (mode_t)(mode & 0777);
			payload->files[i].owner = -1;
			return 0;
		}
	payload->files[payload->count++] =
		(struct rk_payload_file){ path, bytes, (mode_t)(mode & 0777), -1 };
	return 0;
}

static int add_keys(struct rk_payload *payload, const struct rk_val *map, bool is_base64,
		    mode_t mode, struct rk_error *error)
{
	for (uint32_t i = 0; i < rk_val_count(map); i++) {
		struct rk_span bytes = rk_val_text(map->fields[i].val);

		if (is_base64 && !rk_base64_decode(payload->arena, bytes, &bytes))
			return rk_fail(error, RK_EINVAL, "the value of key %.*s is not base64",
				       RK_SPAN_ARGS(map->fields[i].key));
		RK_TRY(add_file(payload, map->fields[i].key, bytes, mode, error));
	}
	return 0;
}

static int add_object(struct rk_payload *payload, const struct rk_pod_view *view,
		      enum rk_ref_kind kind, const struct rk_val *source, mode_t mode,
		      struct rk_error *error)
{
	const struct rk_val *items = rk_val_at(source, "items"), *object = NULL;
	const bool is_optional = rk_val_bool_at(source, "optional", false);
	struct rk_span name = rk_val_text_at(source, "name");

	if (name.size == 0)
		name = rk_val_text_at(source, "secretName");
	const int err = rk_ref_object(view, kind, name, &object, error);
	if (err < 0)
		return err == RK_ENOENT && is_optional ? 0 : err;
	if (rk_val_count(items) == 0) {
		RK_TRY(add_keys(payload, rk_val_at(object, "data"), kind == RK_REF_SECRET, mode,
				error));
		return kind == RK_REF_SECRET ? 0
					     : add_keys(payload, rk_val_at(object, "binaryData"),
							true, mode, error);
	}
	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		const struct rk_val *item = rk_val_item(items, i);
		struct rk_span bytes;
		const int rc = rk_ref_key(payload->arena, view, kind, name,
					  rk_val_text_at(item, "key"), &bytes, error);

		if (rc == RK_ENOENT && is_optional)
			continue;
		RK_TRY(rc);
		RK_TRY(add_file(payload, rk_val_text_at(item, "path"), bytes,
				rk_val_int_at(item, "mode", mode), error));
	}
	return 0;
}

static int add_downward(struct rk_payload *payload, const struct rk_pod_view *view,
			const struct rk_val *source, mode_t mode, struct rk_error *error)
{
	const struct rk_val *items = rk_val_at(source, "items");

	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		const struct rk_val *item = rk_val_item(items, i);
		const struct rk_val *field = rk_val_at(item, "fieldRef"),
				    *size = rk_val_at(item, "resourceFieldRef");
		struct rk_span bytes = { 0 };

		if (field != NULL)
			RK_TRY(rk_pod_field(payload->arena, view,
					    rk_val_text_at(field, "fieldPath"), &bytes, error));
		else
			RK_TRY(rk_pod_resource(payload->arena, view, NULL, size, &bytes, error));
		RK_TRY(add_file(payload, rk_val_text_at(item, "path"), bytes,
				rk_val_int_at(item, "mode", mode), error));
	}
	return 0;
}

/* The user that every container runs as; -1 when there is no such one, or the images say it. */
static int64_t only_user(const struct rk_val *pod)
{
	static const char *const lists[] = { "spec.initContainers", "spec.containers" };
	const int64_t of_pod = rk_val_int_at(pod, "spec.securityContext.runAsUser", -1);
	int64_t only = -1;

	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_val *list = rk_val_at(pod, lists[l]);
		for (uint32_t i = 0; i < rk_val_count(list); i++) {
			const int64_t user = rk_val_int_at(rk_val_item(list, i),
							   "securityContext.runAsUser", of_pod);
			if (user < 0 || (only >= 0 && user != only))
				return -1;
			only = user;
		}
	}
	return only;
}

/* Others than the one who needs it do not read it, where it is known who that is. */
static int add_token(struct rk_payload *payload, const struct rk_pod_view *view,
		     const struct rk_val *source, mode_t mode, struct rk_error *error)
{
	const int64_t user = only_user(view->pod);
	const bool has_group = rk_val_at(view->pod, "spec.securityContext.fsGroup") != NULL;
	const struct rk_span path = rk_val_text_at(source, "path");
	struct rk_span text = { 0 };

	RK_TRY(view->objects->token(view->objects->context, view->uid, source, &text, error));
	RK_TRY(add_file(payload, path, rk_arena_span(payload->arena, text),
			user >= 0 || has_group ? 0600 : mode, error));
	for (uint32_t i = 0; i < payload->count; i++)
		if (rk_span_eq(payload->files[i].path, path))
			payload->files[i].owner = user;
	return 0;
}

int rk_payload_add(struct rk_payload *payload, const struct rk_pod_view *view, const char *kind,
		   const struct rk_val *source, mode_t default_mode, struct rk_error *error)
{
	const mode_t mode = (mode_t)rk_val_int_at(source, "defaultMode", default_mode);

	if (strcmp(kind, "configMap") == 0)
		return add_object(payload, view, RK_REF_CONFIGMAP, source, mode, error);
	if (strcmp(kind, "secret") == 0)
		return add_object(payload, view, RK_REF_SECRET, source, mode, error);
	if (strcmp(kind, "downwardAPI") == 0)
		return add_downward(payload, view, source, mode, error);
	if (strcmp(kind, "serviceAccountToken") == 0)
		return add_token(payload, view, source, mode, error);
	return rk_fail(error, RK_ENOTSUP, "volume source %s is not implemented", kind);
}

/* --- onto the disk --- */

static uint64_t payload_hash(const struct rk_payload *payload, int64_t group)
{
	uint64_t hash = (uint64_t)group;

	for (uint32_t i = 0; i < payload->count; i++) {
		hash = rk_hash64(payload->files[i].path, hash);
		hash = rk_hash64(payload->files[i].bytes, hash + payload->files[i].mode);
		hash += (uint64_t)(payload->files[i].owner + 1);
	}
	return hash;
}

static int write_files(const struct rk_payload *payload, const char *dir, int64_t group,
		       struct rk_error *error)
{
	char path[RK_PATH_MAX], parent[RK_PATH_MAX];

	for (uint32_t i = 0; i < payload->count; i++) {
		const struct rk_payload_file *file = &payload->files[i];
		const mode_t mode =
			group >= 0 ? file->mode | ((file->mode & 0400) >> 3) : file->mode;

		rk_path(path, "%s/%.*s", dir, RK_SPAN_ARGS(file->path));
		rk_path(parent, "%s", path);
		*strrchr(parent, '/') = '\0';
		RK_TRY(rk_dir_make(parent, 0755, error));
		RK_TRY(rk_file_write(path, file->bytes, mode, false, error));
		if ((group >= 0 || file->owner >= 0) &&
		    chown(path, (uid_t)file->owner, (gid_t)group) < 0)
			return rk_fail_errno(error, "chown %s", path);
	}
	return 0;
}

/* A symbolic link at `path`, replaced at once. */
static int put_link(const char *target, const char *path, struct rk_error *error)
{
	char temporary[RK_PATH_MAX];

	rk_path(temporary, "%s.tmp", path);
	(void)unlink(temporary);
	if (symlink(target, temporary) < 0 || rename(temporary, path) < 0)
		return rk_fail_errno(error, "link %s", path);
	return 0;
}

static bool top_is_wanted(const struct rk_payload *payload, const char *name)
{
	struct rk_span top;

	for (uint32_t i = 0; i < payload->count; i++) {
		(void)rk_span_cut(payload->files[i].path, '/', &top);
		if (rk_span_is(top, name))
			return true;
	}
	return false;
}

static void drop_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

/* Removes links of keys that are gone and directories of older contents. */
static int remove_old(const struct rk_payload *payload, const char *dir, const char *current,
		      struct rk_error *error)
{
	RK_AUTO(drop_dir) DIR *entries = opendir(dir);
	char path[RK_PATH_MAX];

	if (entries == NULL)
		return rk_fail_errno(error, "open %s", dir);
	for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    strcmp(name, "..data") == 0 || strcmp(name, current) == 0 ||
		    top_is_wanted(payload, name))
			continue;
		rk_path(path, "%s/%s", dir, name);
		if (unlink(path) < 0)
			RK_TRY(rk_dir_remove(path, error));
	}
	return 0;
}

int rk_payload_write(const struct rk_payload *payload, const char *dir, int64_t group,
		     struct rk_error *error)
{
	char current[32], inner[RK_PATH_MAX], link[RK_PATH_MAX], target[RK_PATH_MAX];
	struct rk_span top;

	(void)snprintf(current, sizeof current, "..%016llx",
		       (unsigned long long)payload_hash(payload, group));
	rk_path(inner, "%s/%s", dir, current);
	rk_path(link, "%s/..data", dir);
	const ssize_t size = readlink(link, target, sizeof target - 1);
	if (size > 0 && rk_span_is(rk_span_of(target, (size_t)size), current))
		return 0;
	RK_TRY(rk_dir_make(inner, 0755, error));
	RK_TRY(write_files(payload, inner, group, error));
	RK_TRY(put_link(current, link, error));
	for (uint32_t i = 0; i < payload->count; i++) {
		(void)rk_span_cut(payload->files[i].path, '/', &top);
		rk_path(link, "%s/%.*s", dir, RK_SPAN_ARGS(top));
		rk_path(target, "..data/%.*s", RK_SPAN_ARGS(top));
		RK_TRY(put_link(target, link, error));
	}
	return remove_old(payload, dir, current, error);
}
