/* reckon image load, ls: the images of nodes, put there without a registry. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "cli/tabs.h"
#include "node/image_store_io.h"

static int run_load(int argc, char **argv);
static int run_ls(int argc, char **argv);

const struct rk_command rk_command_image_load = {
	.name = "image load",
	.usage = "PATH (--cluster DIR | --dir NODE_DIR) [--name REF]",
	.summary = "Put an image onto nodes: an OCI layout or archive, or a docker archive",
	.examples = "  reckon image load web.tar --cluster /tmp/demo\n"
		    "  reckon image load ./oci-layout --dir /var/lib/reckon-node --name web:1\n",
	.run = run_load,
	.section = "Members and nodes",
};
const struct rk_command rk_command_image_ls = {
	.name = "image ls",
	.usage = "(--cluster DIR | --dir NODE_DIR)",
	.summary = "List the images of nodes",
	.examples = "  reckon image ls --cluster /tmp/demo\n",
	.run = run_ls,
	.section = "Members and nodes",
};

struct where { /* which nodes */
	const char *cluster, *dir;
};

typedef int (*node_fn)(void *context, const char *dir, const char *name, struct rk_error *error);

static int each_node(const struct where *where, node_fn each, void *context, struct rk_error *error)
{
	struct rk_local local;
	struct rk_local_part node;

	if ((where->cluster == NULL) == (where->dir == NULL))
		return rk_fail(
			error, RK_EINVAL,
			"name a local cluster by --cluster DIR, or a node by --dir NODE_DIR");
	if (where->dir != NULL)
		return each(context, where->dir, where->dir, error);
	RK_TRY(rk_local_load(&local, where->cluster, error));
	if (local.is_simulated)
		return rk_fail(error, RK_ENOTSUP,
			       "the nodes of %s are simulated: they have no images", local.dir);
	for (unsigned i = 1; i <= local.nodes; i++) {
		rk_local_node(&local, i, &node);
		RK_TRY(each(context, node.dir, node.name, error));
	}
	return RK_OK;
}

struct load {
	const char *path, *ref;
};

static int load_one(void *context, const char *dir, const char *name, struct rk_error *error)
{
	const struct load *load = context;
	char ref[RK_IMAGE_REF_MAX];

	RK_TRY(rk_images_open(dir, error));
	RK_TRY(rk_image_load(dir, load->path, load->ref, ref, error));
	(void)printf("%s loaded into %s\n", ref, name);
	return RK_OK;
}

static int run_load(int argc, char **argv)
{
	struct where where = { 0 };
	struct load load = { 0 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		{ "cluster", 0, RK_FLAG_TEXT, &where.cluster, "DIR",
		  "every node of a local cluster", NULL },
		{ "dir", 0, RK_FLAG_TEXT, &where.dir, "NODE_DIR", "the directory of one node",
		  NULL },
		{ "name", 0, RK_FLAG_TEXT, &load.ref, "REF",
		  "its name, when the archive holds none or another", NULL },
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_image_load, flags, &argc, argv, NULL, &status))
		return status;
	if (argc != 1)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "image load needs one PATH: an OCI layout or archive" });
	load.path = argv[0];
	return each_node(&where, load_one, &load, &error) < 0 ? rk_cli_fail(&error) : 0;
}

struct listing {
	struct rk_buf rows;
	const char *node;
};

static void list_image(void *context, const struct rk_image *image)
{
	struct listing *listing = context;
	const struct rk_span id =
		rk_span_sub(image->id, rk_span_starts(image->id, RK_SPAN("sha256:")) ? 7 : 0, 12);

	rk_buf_printf(&listing->rows, "%s\t%.*s\t%.*s\t%.1f MiB\n", listing->node,
		      RK_SPAN_ARGS(image->name), RK_SPAN_ARGS(id), (double)image->size / (1 << 20));
}

static int list_one(void *context, const char *dir, const char *name, struct rk_error *error)
{
	struct listing *listing = context;

	listing->node = name;
	return rk_image_each(dir, list_image, listing, error);
}

static int run_ls(int argc, char **argv)
{
	struct where where = { 0 };
	struct listing listing = { 0 };
	struct rk_buf out = { 0 };
	struct rk_error error = { 0 };
	int status;
	const struct rk_flag flags[] = {
		{ "cluster", 0, RK_FLAG_TEXT, &where.cluster, "DIR",
		  "every node of a local cluster", NULL },
		{ "dir", 0, RK_FLAG_TEXT, &where.dir, "NODE_DIR", "the directory of one node",
		  NULL },
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_image_ls, flags, &argc, argv, NULL, &status))
		return status;
	rk_buf_put_str(&listing.rows, "NODE\tIMAGE\tID\tSIZE\n");
	const int err = argc > 0 ? rk_fail(&error, RK_EINVAL, "unexpected word: %s", argv[0])
				 : each_node(&where, list_one, &listing, &error);
	if (err == RK_OK) {
		rk_tabs_write(&out, rk_buf_span(&listing.rows), 0, 3);
		rk_cli_put(&out);
	}
	rk_buf_done(&out);
	rk_buf_done(&listing.rows);
	return err < 0 ? rk_cli_fail(&error) : 0;
}
