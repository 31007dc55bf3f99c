/* reckon version: of this program, and of the member that answers. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/session_io.h"
#include "config.h"

static int run_version(int argc, char **argv);

const struct rk_command rk_command_version = {
	.name = "version",
	.usage = "[--ask] [flags]",
	.summary = "Tell the versions of this program, and with --ask of the cluster",
	.run = run_version,
	.section = "Other",
};

static int ask(struct rk_session *session, struct rk_error *error)
{
	struct rk_val *version = NULL;

	RK_TRY(rk_session_open(session, error));
	RK_TRY(rk_session_get(session, "/version", &version, error));
	(void)printf("%s serves %.*s\n", rk_api_server(session->api),
		     RK_SPAN_ARGS(rk_val_text_at(version, "gitVersion")));
	return RK_OK;
}

static int run_version(int argc, char **argv)
{
	struct rk_session session = { 0 };
	struct rk_error error = { 0 };
	bool asks = false;
	int status;
	const struct rk_flag flags[] = {
		RK_FLAG_YES("ask", 0, &asks, "ask the cluster, too"),
		RK_SESSION_FLAGS(&session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_version, flags, &argc, argv, NULL, &status))
		return status;
	(void)printf("reckon %s (Kubernetes API v1.32)\n", PACKAGE_VERSION);
	const int err = asks ? ask(&session, &error) : RK_OK;
	return rk_session_end(&session, err, &error);
}
