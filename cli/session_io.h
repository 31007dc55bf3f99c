/* cli/session_io.h - what every command that talks to a cluster has: its flags, its connection, the
 * registry of kinds, and memory that lasts as long as the command. */
#ifndef RK_CLI_SESSION_IO_H
#define RK_CLI_SESSION_IO_H

#include "cli/api_io.h"
#include "cli/args.h"
#include "control/schema/kinds.h"

struct rk_session { /* all zero, then the flags are parsed into it, then it is opened */
	const char *kubeconfig;
	struct rk_kubeconfig_choice choice;
	int64_t request_ms;

	struct rk_arena arena;
	const struct rk_kinds *kinds;
	struct rk_api *api;
	const char *namespace;
	bool namespace_given;
	bool has_failed; /* something was told already: the exit status is 1 */
};

#define RK_FLAG(name_, letter_, kind_, to_, value_, help_)                                         \
	{                                                                                          \
		name_, letter_, kind_, to_, value_, help_, NULL                                    \
	}
#define RK_FLAG_YES(name_, letter_, to_, help_)                                                    \
	{                                                                                          \
		name_, letter_, RK_FLAG_BOOL, to_, NULL, help_, NULL                               \
	}
#define RK_FLAG_STR(name_, letter_, to_, value_, help_)                                            \
	{                                                                                          \
		name_, letter_, RK_FLAG_TEXT, to_, value_, help_, NULL                             \
	}

/* Entries for the flags of a command. */
#define RK_SESSION_FLAGS(s)                                                                        \
	{                                                                                          \
		"namespace",                                                                       \
		'n',                                                                               \
		RK_FLAG_TEXT,                                                                      \
		&(s)->choice.namespace,                                                            \
		"NAME",                                                                            \
		"the namespace",                                                                   \
		&(s)->namespace_given                                                              \
	},                                                                                         \
		RK_FLAG_STR("kubeconfig", 0, &(s)->kubeconfig, "FILE",                             \
			    "how to reach the cluster (KUBECONFIG, else ~/.kube/config)"),         \
		RK_FLAG_STR("context", 0, &(s)->choice.context, "NAME",                            \
			    "a context of the kubeconfig"),                                        \
		RK_FLAG_STR("cluster", 0, &(s)->choice.cluster, "NAME",                            \
			    "a cluster of the kubeconfig"),                                        \
		RK_FLAG_STR("user", 0, &(s)->choice.user, "NAME", "a user of the kubeconfig"),     \
		RK_FLAG_STR("server", 's', &(s)->choice.server, "URL", "the member to ask"),       \
		RK_FLAG_STR("certificate-authority", 0, &(s)->choice.ca_path, "FILE",              \
			    "the CA that the server is checked with"),                             \
		RK_FLAG_STR("client-certificate", 0, &(s)->choice.cert_path, "FILE",               \
			    "the certificate to log in with"),                                     \
		RK_FLAG_STR("client-key", 0, &(s)->choice.key_path, "FILE", "its key"),            \
		RK_FLAG("request-timeout", 0, RK_FLAG_DURATION, &(s)->request_ms, "TIME",          \
			"how long one answer may take (default 30s)")

/* Reads the kubeconfig and makes ready to connect. */
RK_MUST_CHECK int rk_session_open(struct rk_session *session, struct rk_error *error);
/* The registry alone, for commands that need no server. */
void rk_session_kinds(struct rk_session *session);
/* Ends it. `err` < 0: tells the error first. The exit status of the command: 0 or 1. */
int rk_session_end(struct rk_session *session, int err, const struct rk_error *error);
/* Tells an error and goes on; the exit status will be 1. `doing` (may be NULL) is put before what
 * the server said: "error when creating \"x.yaml\"". */
void rk_session_tell(struct rk_session *session, const char *doing, const struct rk_error *error);

/* Calls with the session's arena. */
RK_MUST_CHECK int rk_session_get(struct rk_session *session, const char *target,
				 struct rk_val **ret, struct rk_error *error);
RK_MUST_CHECK int rk_session_send(struct rk_session *session, const char *method,
				  const char *target, const char *type, const struct rk_val *body,
				  struct rk_val **ret, struct rk_error *error);

/* "/apis/apps/v1/namespaces/NS/deployments/NAME/SUB"; ns, name and sub may be empty. */
const char *rk_target(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span ns,
		      struct rk_span name, const char *sub);
/* Appends "?key=value" or "&key=value", encoded. */
const char *rk_target_with(struct rk_arena *arena, const char *target, const char *key,
			   struct rk_span value);

#endif
