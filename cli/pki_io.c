#include "cli/pki_io.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/base64.h"
#include "node/files_io.h"
#include "wire/tls_io.h"

#define FILE_MAX (1u << 20)

#define DAYS 3650

static void path_of(char path[RK_PATH_MAX], const char *dir, const char *name, const char *ending)
{
	(void)snprintf(path, RK_PATH_MAX, "%s/pki/%s%s", dir, name, ending);
}

static int save(const char *dir, const char *name, const struct rk_pem_pair *pair,
		struct rk_error *error)
{
	char path[RK_PATH_MAX];

	path_of(path, dir, name, ".key");
	RK_TRY(rk_file_write(path, rk_span_str(pair->key), 0600, true, error));
	path_of(path, dir, name, ".crt");
	return rk_file_write(path, rk_span_str(pair->cert), 0644, true, error);
}

static bool is_there(const char *dir, const char *name)
{
	char path[RK_PATH_MAX];

	path_of(path, dir, name, ".crt");
	return access(path, F_OK) == 0;
}

int rk_pki_make_ca(const char *dir, struct rk_error *error)
{
	RK_AUTO(rk_pem_pair_done) struct rk_pem_pair pair = { 0 };
	char path[RK_PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/pki", dir);
	RK_TRY(rk_dir_make(path, 0700, error));
	if (is_there(dir, "ca"))
		return RK_OK;
	RK_TRY(rk_ca_make(&pair, "reckon-ca", error));
	return save(dir, "ca", &pair, error);
}

static int read_text(const char *dir, const char *name, const char *ending, char **ret,
		     struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	char path[RK_PATH_MAX];

	path_of(path, dir, name, ending);
	RK_TRY(rk_file_read(path, FILE_MAX, &bytes, error));
	*ret = rk_strdup(rk_buf_cstr(&bytes));
	return RK_OK;
}

int rk_pki_make_cert(const char *dir, const char *name, const char *subject,
		     const char *const *groups, const char *const *hosts, struct rk_error *error)
{
	static const char *const none[] = { NULL };
	RK_AUTO(rk_pem_pair_done) struct rk_pem_pair ca = { 0 };
	RK_AUTO(rk_pem_pair_done) struct rk_pem_pair pair = { 0 };
	const struct rk_cert_opts opts = { .name = subject,
					   .groups = groups,
					   .hosts = hosts != NULL ? hosts : none,
					   .is_server = hosts != NULL,
					   .is_client = true,
					   .days = DAYS };

	if (is_there(dir, name))
		return RK_OK;
	RK_TRY(read_text(dir, "ca", ".crt", &ca.cert, error));
	RK_TRY(read_text(dir, "ca", ".key", &ca.key, error));
	RK_TRY(rk_cert_make(&pair, &ca, &opts, error));
	return save(dir, name, &pair, error);
}

static int put_file(struct rk_buf *out, const char *dir, const char *name, const char *ending,
		    struct rk_error *error)
{
	struct rk_arena arena = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	char path[RK_PATH_MAX];

	path_of(path, dir, name, ending);
	RK_TRY(rk_file_read(path, FILE_MAX, &bytes, error));
	rk_buf_put_span(out, rk_base64_encode(&arena, rk_buf_span(&bytes)));
	rk_buf_put_u8(out, '\n');
	rk_arena_done(&arena);
	return RK_OK;
}

int rk_pki_write_kubeconfig(const char *dir, const char *const *addresses, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	char path[RK_PATH_MAX];

	rk_buf_put_str(&out, "apiVersion: v1\nkind: Config\ncurrent-context: m1\nclusters:\n");
	for (unsigned i = 0; addresses[i] != NULL; i++) {
		rk_buf_printf(&out,
			      "- name: m%u\n  cluster:\n    server: https://%s\n    "
			      "certificate-authority-data: ",
			      i + 1, addresses[i]);
		RK_TRY(put_file(&out, dir, "ca", ".crt", error));
	}
	rk_buf_put_str(&out, "contexts:\n");
	for (unsigned i = 0; addresses[i] != NULL; i++)
		rk_buf_printf(&out, "- name: m%u\n  context: {cluster: m%u, user: admin}\n", i + 1,
			      i + 1);
	rk_buf_put_str(&out, "users:\n- name: admin\n  user:\n    client-certificate-data: ");
	RK_TRY(put_file(&out, dir, "admin", ".crt", error));
	rk_buf_put_str(&out, "    client-key-data: ");
	RK_TRY(put_file(&out, dir, "admin", ".key", error));
	(void)snprintf(path, sizeof path, "%s/admin.kubeconfig", dir);
	return rk_file_write(path, rk_buf_span(&out), 0600, true, error);
}
