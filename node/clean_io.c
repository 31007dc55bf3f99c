#include <dirent.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/podnet_io.h"
#include "net/service_io.h"
#include "node/node_io.h"
#include "node/oci_container_io.h"

static void drop_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static int clear_pods(const struct rk_oci *oci, struct rk_error *error)
{
	char path[RK_PATH_MAX];

	rk_path(path, "%s/pods", oci->dir);
	RK_AUTO(drop_dir) DIR *pods = opendir(path);
	for (const struct dirent *entry; pods != NULL && (entry = readdir(pods)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		RK_TRY(rk_oci_clear(oci, rk_span_str(entry->d_name), error));
		rk_path(path, "%s/pods/%.64s", oci->dir, entry->d_name);
		RK_TRY(rk_dir_remove(path, error));
	}
	return 0;
}

int rk_node_clean(const struct rk_node_opts *opts, struct rk_error *error)
{
	RK_AUTO(rk_drop_mem) char *dir = realpath(opts->dir, NULL);
	const bool is_sim = opts->runtime != NULL && strcmp(opts->runtime, "sim") == 0;
	char cgroup[300], path[RK_PATH_MAX], pin[RK_PATH_MAX];
	RK_AUTO(rk_buf_done) struct rk_buf cidr = { 0 };
	struct rk_services *services = NULL;
	struct rk_podnet *podnet = NULL;
	struct rk_oci oci;

	if (dir == NULL || is_sim)
		return 0; /* there is nothing to clean */
	(void)snprintf(cgroup, sizeof cgroup, "/reckon/%s", opts->name);
	RK_TRY(rk_oci_open(&oci, dir, opts->cgroup != NULL ? opts->cgroup : cgroup, error));
	RK_TRY(clear_pods(&oci, error));
	rk_path(path, "%s%s", oci.cgroups.roots[0], oci.cgroups.path);
	rk_path(pin, "/sys/fs/bpf/reckon/%s", opts->name);
	const struct rk_services_opts service_opts = { .cgroup = path,
						       .pin = opts->bpf_dir != NULL ? opts->bpf_dir
										    : pin,
						       .node = opts->name };
	/* What cannot be opened was never made here. */
	if (rk_services_open(&services, &service_opts, NULL) == 0)
		rk_services_destroy(services);
	rk_path(path, "%s/pod-cidr", dir);
	if (rk_file_read(path, 63, &cidr, NULL) < 0)
		cidr.size = 0; /* it never had a network */
	const struct rk_podnet_opts net_opts = { .bridge = opts->bridge != NULL ? opts->bridge
										: "reckon0",
						 .pod_cidr = rk_buf_cstr(&cidr) };
	if (cidr.size > 0 && rk_podnet_open(&podnet, &net_opts, NULL) == 0)
		rk_podnet_destroy(podnet);
	rk_cgroups_remove(&oci.cgroups, NULL);
	return 0;
}
