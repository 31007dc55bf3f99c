#include "node/image_store_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "node/program_io.h"
#include "node/unpack_io.h"
#include "wire/json.h"

#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define LIST_TYPE  "application/vnd.docker.distribution.manifest.list.v2+json"
#define REF_NOTE   "org.opencontainers.image.ref.name"
#define NAME_NOTE  "io.containerd.image.name"

static void blob_path(char path[RK_PATH_MAX], const char *dir, struct rk_span digest)
{
	rk_path(path, "%s/images/blobs/sha256/%.*s", dir, RK_SPAN_ARGS(rk_span_sub(digest, 7, 64)));
}

static void ref_path(char path[RK_PATH_MAX], const char *dir, const char *ref)
{
	char digest[RK_DIGEST_MAX];

	rk_digest_bytes(rk_span_str(ref), digest);
	rk_path(path, "%s/images/refs/%s", dir, digest + 7);
}

static int read_json(struct rk_arena *arena, const char *path, struct rk_val **ret,
		     struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	RK_TRY(rk_file_read(path, RK_IMAGE_DOCUMENT_MAX, &text, error));
	const int err =
		rk_json_parse(arena, rk_arena_span(arena, rk_buf_span(&text)), 0, ret, error);
	return err < 0 ? rk_fail_wrap(error, err, "%s", path) : 0;
}

int rk_images_open(const char *dir, struct rk_error *error)
{
	static const char *const dirs[] = { "images/blobs/sha256", "images/refs", "images/tmp",
					    "layers" };
	char path[RK_PATH_MAX];

	for (size_t i = 0; i < RK_COUNT(dirs); i++) {
		rk_path(path, "%s/%s", dir, dirs[i]);
		RK_TRY(rk_dir_make(path, 0700, error));
	}
	return 0;
}

/* --- loading --- */

struct load {               /* copies what a layout holds into the store */
	const char *dir;    /* the store */
	const char *layout; /* from here */
	struct rk_arena *arena;
};

static int copy_file(const char *from, const char *to, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	RK_AUTO(rk_drop_fd) int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t bytes[65536];
	ssize_t got;

	if (in < 0 || out < 0)
		return rk_fail_errno(error, "copy %s", from);
	while ((got = read(in, bytes, sizeof bytes)) > 0)
		if (write(out, bytes, (size_t)got) != got)
			return rk_fail_errno(error, "write %s", to);
	return got < 0 || fsync(out) < 0 ? rk_fail_errno(error, "copy %s", from) : 0;
}

/* One blob into the store, checked against its digest. */
static int take_blob(const struct load *load, struct rk_span digest, struct rk_error *error)
{
	char from[RK_PATH_MAX], to[RK_PATH_MAX], temporary[RK_PATH_MAX], found[RK_DIGEST_MAX];

	if (!rk_digest_is_valid(digest))
		return rk_fail(error, RK_EINVAL, "\"%.*s\" is not a sha256 digest",
			       RK_SPAN_ARGS(rk_span_sub(digest, 0, 80)));
	blob_path(to, load->dir, digest);
	if (access(to, R_OK) == 0)
		return 0;
	rk_path(from, "%s/blobs/sha256/%.*s", load->layout,
		RK_SPAN_ARGS(rk_span_sub(digest, 7, 64)));
	rk_path(temporary, "%s/images/tmp/%d-%.*s", load->dir, (int)getpid(),
		RK_SPAN_ARGS(rk_span_sub(digest, 7, 64)));
	int err = copy_file(from, temporary, error);
	if (err == 0)
		err = rk_digest_file(temporary, found, error);
	if (err == 0 && !rk_span_is(digest, found))
		err = rk_fail(error, RK_ECORRUPT, "blob %.*s has the digest %s",
			      RK_SPAN_ARGS(digest), found);
	if (err == 0 && rename(temporary, to) < 0)
		err = rk_fail_errno(error, "name %s", to);
	if (err < 0)
		(void)unlink(temporary);
	return err;
}

static const char *this_architecture(void)
{
	struct utsname names;

	if (uname(&names) < 0)
		return "";
	if (strcmp(names.machine, "x86_64") == 0)
		return "amd64";
	return strcmp(names.machine, "aarch64") == 0 ? "arm64" : "";
}

static bool is_index(const struct rk_val *descriptor)
{
	const struct rk_span type = rk_val_text_at(descriptor, "mediaType");

	return rk_span_is(type, INDEX_TYPE) || rk_span_is(type, LIST_TYPE);
}

/* Of an index: the manifest for this machine, or the only one. */
static const struct rk_val *choose(const struct rk_val *index)
{
	const struct rk_val *manifests = rk_val_at(index, "manifests");

	for (uint32_t i = 0; i < rk_val_count(manifests); i++) {
		const struct rk_val *one = rk_val_item(manifests, i);
		const struct rk_span arch = rk_val_text_at(one, "platform.architecture");
		if (rk_span_is(arch, this_architecture()) &&
		    rk_span_is(rk_val_text_at(one, "platform.os"), "linux"))
			return one;
	}
	return rk_val_count(manifests) == 1 ? rk_val_item(manifests, 0) : NULL;
}

static int take_manifest(const struct load *load, struct rk_span digest, struct rk_error *error)
{
	struct rk_val *manifest;
	char path[RK_PATH_MAX];

	RK_TRY(take_blob(load, digest, error));
	blob_path(path, load->dir, digest);
	RK_TRY(read_json(load->arena, path, &manifest, error));
	RK_TRY(take_blob(load, rk_val_text_at(manifest, "config.digest"), error));
	const struct rk_val *layers = rk_val_at(manifest, "layers");
	if (rk_val_count(layers) > RK_IMAGE_LAYERS_MAX)
		return rk_fail(error, RK_ETOOBIG, "the image has more than %u layers",
			       RK_IMAGE_LAYERS_MAX);
	for (uint32_t i = 0; i < rk_val_count(layers); i++)
		RK_TRY(take_blob(load, rk_val_text_at(rk_val_item(layers, i), "digest"), error));
	return 0;
}

static int write_ref(const char *dir, const char *ref, struct rk_span digest,
		     struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char path[RK_PATH_MAX];

	rk_buf_put_str(&text, "{\"name\":");
	rk_json_write_str(&text, rk_span_str(ref));
	rk_buf_put_str(&text, ",\"digest\":");
	rk_json_write_str(&text, digest);
	rk_buf_put_str(&text, "}\n");
	ref_path(path, dir, ref);
	return rk_file_write(path, rk_buf_span(&text), 0600, true, error);
}

static int load_layout(const struct load *load, const char *ref, char ret_ref[RK_IMAGE_REF_MAX],
		       struct rk_error *error)
{
	char path[RK_PATH_MAX];
	struct rk_val *index;

	rk_path(path, "%s/index.json", load->layout);
	RK_TRY(read_json(load->arena, path, &index, error));
	const struct rk_val *chosen = choose(index);
	if (chosen == NULL)
		return rk_fail(error, RK_EINVAL, "%s holds no single image for this machine",
			       load->layout);
	const struct rk_val *notes = rk_val_at(chosen, "annotations");
	struct rk_span name = rk_val_text(rk_val_get(notes, RK_SPAN(NAME_NOTE)));
	if (name.size == 0)
		name = rk_val_text(rk_val_get(notes, RK_SPAN(REF_NOTE)));
	if (is_index(chosen)) {
		struct rk_val *inner;
		RK_TRY(take_blob(load, rk_val_text_at(chosen, "digest"), error));
		blob_path(path, load->dir, rk_val_text_at(chosen, "digest"));
		RK_TRY(read_json(load->arena, path, &inner, error));
		chosen = choose(inner);
		if (chosen == NULL)
			return rk_fail(error, RK_EINVAL, "the image has no part for linux/%s",
				       this_architecture());
	}
	if (ref == NULL && name.size == 0)
		return rk_fail(error, RK_EINVAL,
			       "the archive does not name its image: give a name");
	RK_TRY(rk_image_ref_full(ref != NULL ? rk_span_str(ref) : name, ret_ref, error));
	RK_TRY(take_manifest(load, rk_val_text_at(chosen, "digest"), error));
	return write_ref(load->dir, ret_ref, rk_val_text_at(chosen, "digest"), error);
}

static int run_skopeo(const char *from, const char *layout, uint32_t timeout_ms,
		      struct rk_error *error)
{
	char to[RK_PATH_MAX];
	const char *const argv[] = { "skopeo", "copy", "--quiet", "--insecure-policy",
				     from,     to,     NULL };
	const struct rk_program command = { .argv = argv, .timeout_ms = timeout_ms };

	rk_path(to, "oci:%s", layout);
	return rk_program_check(&command, error);
}

/* A tar: unpacked aside; a docker archive goes through skopeo. */
static int load_archive(const struct load *load, const char *path, const char *ref,
			char ret_ref[RK_IMAGE_REF_MAX], struct rk_error *error)
{
	char file[RK_PATH_MAX], source[RK_PATH_MAX], layout[RK_PATH_MAX];
	struct rk_val *manifest;
	struct load inner = *load;

	RK_TRY(rk_unpack(path, load->layout, false, error));
	rk_path(file, "%s/index.json", load->layout);
	if (access(file, R_OK) == 0)
		return load_layout(load, ref, ret_ref, error);
	rk_path(file, "%s/manifest.json", load->layout);
	if (access(file, R_OK) < 0)
		return rk_fail(error, RK_EINVAL, "%s is neither an OCI layout nor a docker archive",
			       path);
	RK_TRY(read_json(load->arena, file, &manifest, error));
	if (ref == NULL) {
		const struct rk_val *tags = rk_val_at(rk_val_item(manifest, 0), "RepoTags");
		const struct rk_span name = rk_val_text(rk_val_item(tags, 0));
		ref = name.size > 0 ? rk_arena_str(load->arena, name) : NULL;
	}
	rk_path(source, "docker-archive:%s", path);
	rk_path(layout, "%s/oci", load->layout);
	RK_TRY(run_skopeo(source, layout, 600000, error));
	inner.layout = layout;
	return load_layout(&inner, ref, ret_ref, error);
}

static int with_temporary(const char *dir, char path[RK_PATH_MAX], struct rk_error *error)
{
	rk_path(path, "%s/images/tmp/load-%d", dir, (int)getpid());
	RK_TRY(rk_dir_remove(path, error));
	return rk_dir_make(path, 0700, error);
}

int rk_image_load(const char *dir, const char *path, const char *ref,
		  char ret_ref[RK_IMAGE_REF_MAX], struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	char temporary[RK_PATH_MAX];
	struct stat info;

	RK_AUTO(rk_drop_mem) char *full = realpath(path, NULL);
	RK_AUTO(rk_drop_mem) char *store = realpath(dir, NULL);
	if (full == NULL || stat(full, &info) < 0)
		return rk_fail_errno(error, "open %s", path);
	if (store == NULL)
		return rk_fail_errno(error, "open %s", dir);
	if (S_ISDIR(info.st_mode)) {
		const struct load load = { store, full, &arena };
		return load_layout(&load, ref, ret_ref, error);
	}
	RK_TRY(with_temporary(store, temporary, error));
	const struct load load = { store, temporary, &arena };
	const int err = load_archive(&load, full, ref, ret_ref, error);
	(void)rk_dir_remove(temporary, NULL); /* what stays is removed by the next load */
	return err;
}

int rk_image_pull(const char *dir, const char *ref, uint32_t timeout_ms, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	char temporary[RK_PATH_MAX], source[RK_PATH_MAX], full[RK_IMAGE_REF_MAX];
	const struct load load = { dir, temporary, &arena };

	RK_TRY(with_temporary(dir, temporary, error));
	rk_path(source, "docker://%s", ref);
	int err = run_skopeo(source, temporary, timeout_ms, error);
	if (err == 0)
		err = load_layout(&load, ref, full, error);
	(void)rk_dir_remove(temporary, NULL);
	return err;
}

/* --- using --- */

static int read_image(struct rk_arena *arena, const char *dir, const char *ref_file,
		      struct rk_image *ret, struct rk_error *error)
{
	struct rk_val *ref, *manifest;
	struct rk_image image = { 0 };
	char path[RK_PATH_MAX];

	RK_TRY(read_json(arena, ref_file, &ref, error));
	image.name = rk_val_text_at(ref, "name");
	image.digest = rk_val_text_at(ref, "digest");
	if (!rk_digest_is_valid(image.digest))
		return rk_fail(error, RK_ECORRUPT, "%s names no digest", ref_file);
	blob_path(path, dir, image.digest);
	RK_TRY(read_json(arena, path, &manifest, error));
	image.id = rk_val_text_at(manifest, "config.digest");
	const struct rk_val *layers = rk_val_at(manifest, "layers");
	image.layer_count = rk_val_count(layers);
	if (!rk_digest_is_valid(image.id) || image.layer_count > RK_IMAGE_LAYERS_MAX)
		return rk_fail(error, RK_EINVAL, "the manifest %.*s is not valid",
			       RK_SPAN_ARGS(image.digest));
	image.size = rk_val_int_at(manifest, "config.size", 0);
	for (uint32_t i = 0; i < image.layer_count; i++) {
		const struct rk_span digest = rk_val_text_at(rk_val_item(layers, i), "digest");
		if (!rk_digest_is_valid(digest))
			return rk_fail(error, RK_EINVAL, "a layer without a sha256 digest");
		image.layers[i] = rk_span_sub(digest, 7, 64);
		image.size += rk_val_int_at(rk_val_item(layers, i), "size", 0);
	}
	blob_path(path, dir, image.id);
	RK_TRY(read_json(arena, path, &image.config, error));
	*ret = image;
	return 0;
}

int rk_image_find(struct rk_arena *arena, const char *dir, const char *ref, struct rk_image *ret,
		  struct rk_error *error)
{
	char path[RK_PATH_MAX];

	ref_path(path, dir, ref);
	if (access(path, R_OK) < 0 && errno == ENOENT)
		return rk_fail(error, RK_ENOENT, "the image %s is not on this node", ref);
	return read_image(arena, dir, path, ret, error);
}

/* Unpacked aside and renamed, so that a half layer is never seen. Two jobs may unpack at once: the
 * first wins. */
static int unpack_layer(const char *dir, struct rk_span hex, struct rk_error *error)
{
	char blob[RK_PATH_MAX], layer[RK_PATH_MAX], temporary[RK_PATH_MAX];

	rk_path(layer, "%s/layers/%.*s", dir, RK_SPAN_ARGS(hex));
	if (access(layer, F_OK) == 0)
		return 0;
	rk_path(blob, "%s/images/blobs/sha256/%.*s", dir, RK_SPAN_ARGS(hex));
	rk_path(temporary, "%s/layers/.%d-%.*s", dir, (int)getpid(), RK_SPAN_ARGS(hex));
	RK_TRY(rk_dir_make(temporary, 0755, error));
	int err = rk_unpack(blob, temporary, true, error);
	if (err == 0 && rename(temporary, layer) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		err = rk_fail_errno(error, "name %s", layer);
	(void)rk_dir_remove(temporary, NULL); /* nothing there after the rename */
	return err;
}

int rk_image_unpack(const char *dir, const struct rk_image *image, struct rk_error *error)
{
	for (uint32_t i = 0; i < image->layer_count; i++)
		RK_TRY(unpack_layer(dir, image->layers[i], error));
	return 0;
}

static void drop_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

int rk_image_each(const char *dir, void (*each)(void *context, const struct rk_image *image),
		  void *context, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/images/refs", dir);
	RK_AUTO(drop_dir) DIR *refs = opendir(path);
	if (refs == NULL)
		return errno == ENOENT ? 0 : rk_fail_errno(error, "open %s", path);
	for (const struct dirent *entry; (entry = readdir(refs)) != NULL;) {
		RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
		struct rk_image image;

		if (strlen(entry->d_name) != 64)
			continue;
		rk_path(path, "%s/images/refs/%s", dir, entry->d_name);
		if (read_image(&arena, dir, path, &image, error) == 0)
			each(context, &image);
	}
	return 0;
}
