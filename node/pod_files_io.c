#include "node/pod_files_io.h"

#include <sys/mount.h>

#include "base/mem.h"
#include "node/oci_spec.h"

#define SHM_OPTIONS "mode=1777,size=64m"

static void put_hosts(struct rk_buf *out, const struct rk_pod_view *view)
{
	const struct rk_val *aliases = rk_val_at(view->pod, "spec.hostAliases");
	const struct rk_span host = rk_pod_hostname(view->pod);
	const struct rk_span subdomain = rk_val_text_at(view->pod, "spec.subdomain");

	rk_buf_put_str(out, "# Written by the node for this "
			    "pod.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n");
	if (view->pod_ip.size > 0) {
		rk_buf_printf(out, "%.*s\t", RK_SPAN_ARGS(view->pod_ip));
		if (subdomain.size > 0)
			rk_buf_printf(out, "%.*s.%.*s.%.*s.svc.cluster.local\t", RK_SPAN_ARGS(host),
				      RK_SPAN_ARGS(subdomain), RK_SPAN_ARGS(view->ns));
		rk_buf_printf(out, "%.*s\n", RK_SPAN_ARGS(host));
	}
	for (uint32_t i = 0; i < rk_val_count(aliases); i++) {
		const struct rk_val *names = rk_val_at(rk_val_item(aliases, i), "hostnames");

		rk_buf_put_span(out, rk_val_text_at(rk_val_item(aliases, i), "ip"));
		for (uint32_t k = 0; k < rk_val_count(names); k++)
			rk_buf_printf(out, "\t%.*s",
				      RK_SPAN_ARGS(rk_val_text(rk_val_item(names, k))));
		rk_buf_put_str(out, "\n");
	}
}

static void put_words(struct rk_buf *out, const char *before, const struct rk_val *list)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_buf_printf(out, "%s%.*s", before,
			      RK_SPAN_ARGS(rk_val_text(rk_val_item(list, i))));
}

/* dnsConfig adds to whatever the policy gives. */
static void put_config(struct rk_buf *out, const struct rk_val *config)
{
	const struct rk_val *servers = rk_val_at(config, "nameservers"),
			    *options = rk_val_at(config, "options");

	for (uint32_t i = 0; i < rk_val_count(servers); i++)
		rk_buf_printf(out, "nameserver %.*s\n",
			      RK_SPAN_ARGS(rk_val_text(rk_val_item(servers, i))));
	if (rk_val_count(options) == 0)
		return;
	rk_buf_put_str(out, "options");
	for (uint32_t i = 0; i < rk_val_count(options); i++) {
		const struct rk_val *value = rk_val_at(rk_val_item(options, i), "value");
		rk_buf_printf(out, " %.*s",
			      RK_SPAN_ARGS(rk_val_text_at(rk_val_item(options, i), "name")));
		if (value != NULL)
			rk_buf_printf(out, ":%.*s", RK_SPAN_ARGS(rk_val_text(value)));
	}
	rk_buf_put_str(out, "\n");
}

static void put_resolv(struct rk_buf *out, const struct rk_oci *oci, const struct rk_pod_view *view)
{
	const struct rk_span policy = rk_val_text_at(view->pod, "spec.dnsPolicy");
	const struct rk_val *config = rk_val_at(view->pod, "spec.dnsConfig");
	const bool is_host = rk_val_bool_at(view->pod, "spec.hostNetwork", false);
	const bool is_cluster =
		oci->dns[0] != '\0' &&
		(rk_span_is(policy, "ClusterFirstWithHostNet") ||
		 (!is_host && (policy.size == 0 || rk_span_is(policy, "ClusterFirst"))));

	if (is_cluster) {
		rk_buf_printf(out, "nameserver %s\nsearch %.*s.svc.%s svc.%s %s", oci->dns,
			      RK_SPAN_ARGS(view->ns), oci->domain, oci->domain, oci->domain);
		put_words(out, " ", rk_val_at(config, "searches"));
		rk_buf_put_str(out, "\noptions ndots:5\n");
	} else {
		if (!rk_span_is(policy, "None"))
			(void)rk_file_read("/etc/resolv.conf", 65536, out,
					   NULL); /* a node without one has none to give */
		if (rk_val_count(rk_val_at(config, "searches")) > 0) {
			rk_buf_put_str(out, "search");
			put_words(out, " ", rk_val_at(config, "searches"));
			rk_buf_put_str(out, "\n");
		}
	}
	put_config(out, config);
}

int rk_pod_files(const struct rk_oci *oci, const struct rk_pod_view *view, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf hosts = { 0 }, resolv = { 0 }, hostname = { 0 };
	const bool is_host = rk_val_bool_at(view->pod, "spec.hostNetwork", false);
	char dir[RK_PATH_MAX], path[RK_PATH_MAX];
	char host[256] = "";

	rk_path(dir, "%s/pods/%.*s/etc", oci->dir, RK_SPAN_ARGS(view->uid));
	RK_TRY(rk_dir_make(dir, 0755, error));
	if (is_host)
		(void)rk_file_read("/etc/hosts", 1u << 20, &hosts,
				   NULL); /* not there: only our own lines */
	put_hosts(&hosts, view);
	put_resolv(&resolv, oci, view);
	if (is_host && gethostname(host, sizeof host - 1) == 0)
		rk_buf_printf(&hostname, "%s\n", host);
	else
		rk_buf_printf(&hostname, "%.*s\n", RK_SPAN_ARGS(rk_pod_hostname(view->pod)));
	rk_path(path, "%s/hosts", dir);
	RK_TRY(rk_file_write(path, rk_buf_span(&hosts), 0644, false, error));
	rk_path(path, "%s/resolv.conf", dir);
	RK_TRY(rk_file_write(path, rk_buf_span(&resolv), 0644, false, error));
	rk_path(path, "%s/hostname", dir);
	RK_TRY(rk_file_write(path, rk_buf_span(&hostname), 0644, false, error));
	rk_path(path, "%s/pods/%.*s/shm", oci->dir, RK_SPAN_ARGS(view->uid));
	RK_TRY(rk_dir_make(path, 0755, error));
	if (!rk_is_mounted(path) &&
	    mount("shm", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, SHM_OPTIONS) < 0)
		return rk_fail_errno(error, "mount %s", path);
	return 0;
}
