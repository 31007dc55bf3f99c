/* Real containers, by hand-made driver calls. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "node/image_store_io.h"
#include "node/oci_container_io.h"
#include "node/volume_io.h"
#include "tests/node/oci_image.h"
#include "wire/yaml.h"

static const char pod_yaml[] =
	"metadata: {name: web, namespace: default, uid: 11111111-2222-3333-4444-555555555555}\n"
	"spec:\n"
	"  hostNetwork: false\n"
	"  volumes: [{name: scratch, emptyDir: {}}]\n"
	"  containers:\n"
	"  - name: main\n"
	"    image: example/busybox:1\n"
	"    command: [sh, -c, 'echo hello $(WHO) $FROM_IMAGE; id -u; hostname; cat /data/x; exec "
	"sleep 100']\n"
	"    env: [{name: WHO, value: world}]\n"
	"    securityContext: {runAsUser: 1234}\n"
	"    resources: {limits: {memory: 64Mi, cpu: 500m}}\n"
	"    volumeMounts: [{name: scratch, mountPath: /data}]\n";

static const struct rk_val *find_none(void *context, enum rk_ref_kind kind, struct rk_span ns,
				      struct rk_span name, bool *ret_is_known)
{
	(void)context, (void)kind, (void)ns, (void)name;
	*ret_is_known = true;
	return NULL;
}

static void no_services(void *context, struct rk_span ns,
			void (*each)(void *each_context, const struct rk_val *service),
			void *each_context)
{
	(void)context, (void)ns, (void)each, (void)each_context;
}

static void wait_for(const char *path)
{
	for (int i = 0; i < 100 && access(path, F_OK) < 0; i++)
		(void)usleep(50000);
	cr_assert_eq(access(path, F_OK), 0, "%s", path);
}

static void load_image(const char *dir)
{
	char layout[RK_PATH_MAX], name[RK_IMAGE_REF_MAX], ref[RK_IMAGE_REF_MAX];
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_error error = { 0 };
	struct rk_image image;

	rk_path(layout, "%s/layout", dir);
	test_make_image(layout);
	cr_assert_eq(rk_image_load(dir, layout, NULL, name, &error), 0, "%s", error.text);
	cr_assert_str_eq(name, "docker.io/example/busybox:1");
	cr_assert_eq(rk_image_ref_full(RK_SPAN("example/busybox:1"), ref, &error), 0);
	cr_assert_eq(rk_image_find(&arena, dir, ref, &image, &error), 0, "%s", error.text);
	cr_assert_eq(rk_image_unpack(dir, &image, &error), 0, "%s", error.text);
}

Test(oci, a_container_runs_and_ends, .timeout = 60)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf log = { 0 };
	const struct rk_objects objects = { NULL, find_none, no_services, NULL };
	struct rk_error error = { 0 };
	struct rk_val *docs = NULL;
	const char *reason = "";
	char dir[64], path[RK_PATH_MAX], id[RK_CONTAINER_ID_MAX], cgroup[64];
	struct rk_oci oci;
	pid_t sandbox = 0, pid = 0;
	int status = -1;

	if (!test_can_run("oci.a_container_runs_and_ends"))
		return;
	test_dir_make(dir);
	(void)snprintf(cgroup, sizeof cgroup, "/reckon/test-%d", (int)getpid());
	cr_assert_eq(rk_oci_open(&oci, dir, cgroup, &error), 0, "%s", error.text);
	load_image(dir);
	cr_assert_eq(rk_yaml_parse(&arena, rk_span_str(pod_yaml), &docs, &error), 0, "%s",
		     error.text);
	struct rk_pod_view view = rk_pod_view_of(rk_val_item(docs, 0));
	view.objects = &objects;
	view.pod_ip = RK_SPAN("10.9.8.7");
	rk_path(path, "%s/pods/%.*s/volumes", dir, RK_SPAN_ARGS(view.uid));
	cr_assert_eq(rk_volumes_prepare(path, &view, &error), 0, "%s", error.text);
	rk_path(path, "%s/pods/%.*s/volumes/scratch/x", dir, RK_SPAN_ARGS(view.uid));
	cr_assert_eq(rk_file_write(path, RK_SPAN("from the volume\n"), 0644, false, &error), 0);
	cr_assert_eq(rk_oci_sandbox(&oci, &view, &sandbox, &error), 0, "%s", error.text);

	const struct rk_val *container = rk_val_item(rk_val_at(view.pod, "spec.containers"), 0);
	const struct rk_oci_run run = { .view = &view, .container = container, .sandbox_pid = sandbox };
	cr_assert_eq(rk_oci_start(&oci, &run, &pid, &reason, &error), 0, "%s: %s", reason,
		     error.text);
	rk_oci_id(id, view.uid, RK_SPAN("main"), 0);
	cr_assert(rk_oci_is_running(&oci, view.uid, id));
	struct rk_val *command = rk_val_list(&arena);
	rk_val_append(&arena, command, rk_val_cstr(&arena, "cat"));
	rk_val_append(&arena, command, rk_val_cstr(&arena, "/etc/hosts"));
	cr_assert_eq(rk_oci_exec(&oci, view.uid, id, command, 5000, &log, &status, &error), 0, "%s",
		     error.text);
	cr_assert_eq(status, 0);
	cr_assert_not_null(strstr(rk_buf_cstr(&log), "10.9.8.7\tweb"), "%s", rk_buf_cstr(&log));

	cr_assert_eq(rk_oci_signal(&oci, view.uid, id, SIGTERM, &error), 0, "%s", error.text);
	cr_assert_eq(rk_oci_signal(&oci, view.uid, id, SIGKILL, &error), 0, "%s", error.text);
	rk_path(path, "%s/exits/%s", dir, id);
	wait_for(path);
	rk_buf_clear(&log);
	rk_oci_log_path(&oci, path, &view, RK_SPAN("main"), 0);
	cr_assert_eq(rk_file_read(path, 65536, &log, &error), 0, "%s", error.text);
	const char *text = rk_buf_cstr(&log);
	cr_assert(strstr(text, "stdout F hello world yes") && strstr(text, "F 1234") &&
			  strstr(text, "F web") && strstr(text, "from the volume"),
		  "%s", text);
	/* Jobs end; the test does not, and has entered the pod's control group like one. */
	rk_path(path, "%s/cgroup.procs", oci.cgroups.roots[0]);
	FILE *procs = fopen(path, "we");
	cr_assert(procs != NULL && fputs("0", procs) >= 0 && fclose(procs) == 0);
	cr_assert_eq(rk_oci_clear(&oci, view.uid, &error), 0, "%s", error.text);
	cr_assert_not(rk_oci_is_running(&oci, view.uid, id));
	rk_cgroups_remove(&oci.cgroups, NULL);
	test_dir_remove(dir);
}
