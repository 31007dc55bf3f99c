/* reckon member cert: the identity of one more member of a local cluster. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "cli/pki_io.h"
#include "raft/peers_io.h"

static int run(int argc, char **argv);

const struct rk_command rk_command_member_cert = {
	.name = "member cert",
	.usage = "ID --cluster DIR [--host NAME...]",
	.summary = "Make a certificate for a new member: DIR/pki/mID.crt and .key",
	.examples = "  reckon member cert 4 --cluster /tmp/demo --host 10.0.0.4\n",
	.run = run,
	.section = "Members and nodes",
};

static int make(const char *dir, uint64_t id, const struct rk_flag_list *more,
		struct rk_error *error)
{
	static const char *const groups[] = { RK_PEER_GROUP, NULL };
	const char *hosts[RK_FLAG_LIST_MAX + 8] = { "localhost",
						    "127.0.0.1",
						    "kubernetes",
						    "kubernetes.default",
						    "kubernetes.default.svc",
						    "10.96.0.1" };
	char name[32], subject[64];
	struct rk_local local;
	size_t count = 6;

	RK_TRY(rk_local_load(&local, dir, error));
	(void)snprintf(name, sizeof name, "m%llu", (unsigned long long)id);
	(void)snprintf(subject, sizeof subject, RK_PEER_NAME_FORMAT, (unsigned long long)id);
	hosts[count++] = name;
	for (size_t i = 0; i < more->count; i++)
		hosts[count++] = more->at[i];
	hosts[count] = NULL;
	RK_TRY(rk_pki_make_cert(local.dir, name, subject, groups, hosts, error));
	(void)printf("%s/pki/%s.crt\n%s/pki/%s.key\n", local.dir, name, local.dir, name);
	return RK_OK;
}

static int run(int argc, char **argv)
{
	const char *dir = NULL;
	struct rk_flag_list hosts = { 0 };
	const struct rk_flag flags[] = {
		{ "cluster", 'c', RK_FLAG_TEXT, &dir, "DIR", "a local cluster's directory", NULL },
		{ "host", 0, RK_FLAG_LIST, &hosts, "NAME",
		  "a name or address of its machine; may be given several times", NULL },
		{ 0 },
	};
	struct rk_error error = { 0 };
	uint64_t id = 0;
	int status;

	if (!rk_cli_begin(&rk_command_member_cert, flags, &argc, argv, NULL, &status))
		return status;
	if (dir == NULL || argc != 1 || !rk_span_u64(rk_span_str(argv[0]), &id) || id == 0)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "member cert needs the ID of a member and --cluster DIR" });
	return make(dir, id, &hosts, &error) < 0 ? rk_cli_fail(&error) : 0;
}
