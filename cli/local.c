#include "cli/local.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "node/files_io.h"
#include "wire/yaml.h"

#define FILE_MAX (1u << 20)

#define NODE_ADDRESS_FIRST 11

void rk_local_member(const struct rk_local *local, unsigned number, struct rk_local_part *ret)
{
	*ret = (struct rk_local_part){ 0 };
	(void)snprintf(ret->name, sizeof ret->name, "m%u", number);
	(void)snprintf(ret->dir, sizeof ret->dir, "%s/%s", local->dir, ret->name);
	(void)snprintf(ret->address, sizeof ret->address, "127.0.0.1:%u",
		       local->api_port + number - 1);
}

void rk_local_node(const struct rk_local *local, unsigned number, struct rk_local_part *ret)
{
	*ret = (struct rk_local_part){ 0 };
	(void)snprintf(ret->name, sizeof ret->name, "node-%u", number);
	(void)snprintf(ret->dir, sizeof ret->dir, "%s/nodes/%s", local->dir, ret->name);
	(void)snprintf(ret->address, sizeof ret->address, "10.199.%u.%u", local->subnet,
		       NODE_ADDRESS_FIRST + number - 1);
	(void)snprintf(ret->netns, sizeof ret->netns, "reckon-%s-%s", local->tag, ret->name);
	(void)snprintf(ret->link, sizeof ret->link, "rk%sn%u", local->tag, number);
	(void)snprintf(ret->cgroup, sizeof ret->cgroup, "/reckon/%s-%s", local->tag, ret->name);
	(void)snprintf(ret->bpf_dir, sizeof ret->bpf_dir, "/sys/fs/bpf/reckon-%s-%s", local->tag,
		       ret->name);
}

void rk_local_host(const struct rk_local *local, char ret_bridge[16], char ret_address[32])
{
	(void)snprintf(ret_bridge, 16, "rk%sbr", local->tag);
	(void)snprintf(ret_address, 32, "10.199.%u.1", local->subnet);
}

static int absolute(const char *dir, char ret[384], struct rk_error *error)
{
	RK_TRY(rk_dir_make(dir, 0700, error));
	RK_AUTO(rk_drop_mem) char *path = realpath(dir, NULL);
	if (path == NULL)
		return rk_fail_errno(error, "cannot find %s", dir);
	if (strlen(path) >= 384 - 64)
		return rk_fail(error, RK_ETOOBIG, "the path %s is too long", path);
	(void)snprintf(ret, 384, "%s", path);
	return RK_OK;
}

int rk_local_new(struct rk_local *ret, const char *dir, struct rk_error *error)
{
	uint64_t id[2];

	*ret = (struct rk_local){ 0 };
	RK_TRY(absolute(dir, ret->dir, error));
	const uint64_t hash = rk_hash64(rk_span_str(ret->dir), 0);
	(void)snprintf(ret->tag, sizeof ret->tag, "%04x", (unsigned)(hash & 0xffff));
	ret->subnet = (unsigned)(hash >> 16) % 254;
	if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id)
		return rk_fail_errno(error, "no randomness");
	(void)snprintf(ret->cluster_id, sizeof ret->cluster_id, "%016" PRIx64 "%016" PRIx64, id[0],
		       id[1]);
	return RK_OK;
}

static void copy_text(const struct rk_val *val, const char *key, char *to, size_t size)
{
	(void)snprintf(to, size, "%.*s", RK_SPAN_ARGS(rk_val_text_at(val, key)));
}

static unsigned number_at(const struct rk_val *val, const char *key)
{
	return (unsigned)rk_val_int_at(val, key, 0);
}

static int parse(struct rk_local *local, struct rk_span text, struct rk_error *error)
{
	struct rk_arena arena = { 0 };
	struct rk_val *documents = NULL;
	const int err = rk_yaml_parse(&arena, text, &documents, error);
	const struct rk_val *val = err == RK_OK ? rk_val_item(documents, 0) : NULL;

	if (val != NULL) {
		copy_text(val, "tag", local->tag, sizeof local->tag);
		copy_text(val, "clusterID", local->cluster_id, sizeof local->cluster_id);
		local->members = number_at(val, "members");
		local->nodes = number_at(val, "nodes");
		local->api_port = number_at(val, "apiPort");
		local->peer_port = number_at(val, "peerPort");
		local->etcd_port = number_at(val, "etcdPort");
		local->subnet = number_at(val, "subnet");
		local->is_simulated = rk_val_bool_at(val, "simulated", false);
	}
	rk_arena_done(&arena);
	if (err < 0)
		return err;
	if (local->members < 1 || local->members > RK_LOCAL_MEMBERS_MAX ||
	    (local->nodes > RK_LOCAL_NODES_MAX && !local->is_simulated) ||
	    strlen(local->tag) != 4 || local->api_port == 0)
		return rk_fail(error, RK_ECORRUPT, "%s/cluster.yaml does not describe a cluster",
			       local->dir);
	return RK_OK;
}

int rk_local_load(struct rk_local *ret, const char *dir, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char path[RK_PATH_MAX];

	*ret = (struct rk_local){ 0 };
	(void)snprintf(path, sizeof path, "%s/cluster.yaml", dir);
	if (access(path, F_OK) < 0)
		return rk_fail(error, RK_ENOENT, "there is no cluster in %s", dir);
	RK_TRY(absolute(dir, ret->dir, error));
	RK_TRY(rk_file_read(path, FILE_MAX, &text, error));
	return parse(ret, rk_buf_span(&text), error);
}

int rk_local_save(const struct rk_local *local, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	char path[RK_PATH_MAX];

	rk_buf_printf(&text,
		      "# A local reckon cluster; made by `reckon cluster up`.\nclusterID: "
		      "\"%s\"\ntag: \"%s\"\nmembers: %u\nnodes: %u\n"
		      "simulated: %s\napiPort: %u\npeerPort: %u\netcdPort: %u\nsubnet: %u\n",
		      local->cluster_id, local->tag, local->members, local->nodes,
		      local->is_simulated ? "true" : "false", local->api_port, local->peer_port,
		      local->etcd_port, local->subnet);
	(void)snprintf(path, sizeof path, "%s/cluster.yaml", local->dir);
	return rk_file_write(path, rk_buf_span(&text), 0644, true, error);
}
