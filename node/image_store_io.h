/* node/image_store_io.h - the images of a node: blobs by digest, a file for each name, and unpacked
 * layers.
 *
 * DIR/images/blobs/sha256/HEX as in an OCI layout, DIR/images/refs/HEX (JSON: name, manifest
 * digest) and DIR/layers/HEX (HEX of the layer's blob, whose digest was checked: what an image
 * claims about its layers' contents is not trusted). Everything here blocks: for jobs and for the
 * command line. */
#ifndef RK_NODE_IMAGE_STORE_IO_H
#define RK_NODE_IMAGE_STORE_IO_H

#include "node/digest_io.h"
#include "node/files_io.h"
#include "node/image_ref.h"
#include "wire/val.h"

#define RK_IMAGE_LAYERS_MAX   60
#define RK_IMAGE_DOCUMENT_MAX (4u << 20) /* bytes of a manifest or config */

struct rk_image {              /* strings live in the arena given to rk_image_find */
	struct rk_span name;   /* in full */
	struct rk_span digest; /* of the manifest */
	struct rk_span id;     /* digest of its config */
	struct rk_val *config; /* the image config, whole */
	uint32_t layer_count;
	struct rk_span layers[RK_IMAGE_LAYERS_MAX]; /* HEX, the lowest first */
	int64_t size;                               /* bytes of its blobs */
};

/* Makes the directories of a store in `dir`. */
RK_MUST_CHECK int rk_images_open(const char *dir, struct rk_error *error);
/* Loads an OCI layout (directory or tar) or a docker archive (tar; needs skopeo) and names it. ref:
 * the name; NULL: the one that the archive holds. ret_ref: the full name. */
RK_MUST_CHECK int rk_image_load(const char *dir, const char *path, const char *ref,
				char ret_ref[RK_IMAGE_REF_MAX], struct rk_error *error);
/* Fetches from a registry by skopeo. `ref` is in full. */
RK_MUST_CHECK int rk_image_pull(const char *dir, const char *ref, uint32_t timeout_ms,
				struct rk_error *error);
/* RK_ENOENT when there is no image of that (full) name. */
RK_MUST_CHECK int rk_image_find(struct rk_arena *arena, const char *dir, const char *ref,
				struct rk_image *ret, struct rk_error *error);
/* Unpacks the layers that are not there yet. */
RK_MUST_CHECK int rk_image_unpack(const char *dir, const struct rk_image *image,
				  struct rk_error *error);
/* Calls `each` for every image. */
RK_MUST_CHECK int rk_image_each(const char *dir,
				void (*each)(void *context, const struct rk_image *image),
				void *context, struct rk_error *error);

#endif
