#include "tests/node/oci_image.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "node/digest_io.h"
#include "node/files_io.h"
#include "node/program_io.h"

bool test_can_run(const char *test)
{
	static const char *const programs[] = { "runc", "conmon", "busybox", "tar" };
	char path[256];

	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
		if (geteuid() != 0 || !rk_program_find(programs[i], path, sizeof path)) {
			(void)fprintf(
				stderr,
				"SKIPPED %s: needs root, runc, conmon and busybox-static (%s)\n",
				test, geteuid() != 0 ? "not root" : programs[i]);
			return false;
		}
	return true;
}

static void put_blob(const char *dir, const char *text, char digest[RK_DIGEST_MAX])
{
	char path[RK_PATH_MAX];

	rk_digest_bytes(rk_span_str(text), digest);
	rk_path(path, "%s/blobs/sha256/%s", dir, digest + 7);
	cr_assert_eq(rk_file_write(path, rk_span_str(text), 0644, false, NULL), 0);
}

void test_make_image(const char *dir)
{
	static const char script[] =
		"set -e; cd \"$0\"; mkdir -p blobs/sha256 root/bin root/etc root/tmp; cp "
		"\"$(command -v busybox)\" root/bin/busybox;"
		"for name in sh sleep cat echo id ls true false env nc httpd kill ps wget date "
		"touch head stat test hostname mount; do "
		"ln -s busybox root/bin/$name; done;"
		"printf 'root:x:0:0::/root:/bin/sh\\nweb:x:1234:1235::/home/web:/bin/sh\\n' > "
		"root/etc/passwd;"
		"printf 'root:x:0:\\nweb:x:1235:\\n' > root/etc/group; chmod 1777 root/tmp;"
		"tar -C root -czf layer . ; rm -rf root";
	const char *const argv[] = { "sh", "-c", script, dir, NULL };
	const struct rk_program command = { .argv = argv, .timeout_ms = 20000 };
	char layer[RK_DIGEST_MAX], config[RK_DIGEST_MAX], manifest[RK_DIGEST_MAX],
		path[RK_PATH_MAX], to[RK_PATH_MAX];
	char text[2048];
	struct rk_error error = { 0 };

	cr_assert_eq(rk_dir_make(dir, 0755, &error), 0);
	cr_assert_eq(rk_program_check(&command, &error), 0, "%s", error.text);
	rk_path(path, "%s/layer", dir);
	cr_assert_eq(rk_digest_file(path, layer, &error), 0);
	rk_path(to, "%s/blobs/sha256/%s", dir, layer + 7);
	cr_assert_eq(rename(path, to), 0);
	put_blob(dir,
		 "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"FROM_IMAGE="
		 "yes\"],\"Cmd\":[\"/bin/"
		 "sh\"],\"User\":\"root\"}}",
		 config);
	(void)snprintf(
		text, sizeof text,
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
		"vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":1},\"layers\":[{"
		"\"mediaType\":"
		"\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"%s\",\"size\":1}]}",
		config, layer);
	put_blob(dir, text, manifest);
	(void)snprintf(text, sizeof text,
		       "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/"
		       "vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":1,"
		       "\"annotations\":{\"org.opencontainers."
		       "image.ref.name\":\"example/busybox:1\"}}]}",
		       manifest);
	rk_path(path, "%s/index.json", dir);
	cr_assert_eq(rk_file_write(path, rk_span_str(text), 0644, false, NULL), 0);
	rk_path(path, "%s/oci-layout", dir);
	cr_assert_eq(rk_file_write(path, RK_SPAN("{\"imageLayoutVersion\":\"1.0.0\"}"), 0644, false,
				   NULL),
		     0);
}

void test_dir_make(char dir[64])
{
	(void)snprintf(dir, 64, "/tmp/rk-node-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

void test_dir_remove(const char *dir)
{
	rk_unmount_below(dir);
	cr_expect_eq(rk_dir_remove(dir, NULL), 0, "%s stays", dir);
}

void test_run(const char *const *argv)
{
	const struct rk_program command = { .argv = argv, .timeout_ms = 20000 };
	struct rk_error error = { 0 };

	cr_assert_eq(rk_program_check(&command, &error), 0, "%s", error.text);
}
