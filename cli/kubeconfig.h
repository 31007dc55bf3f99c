/* cli/kubeconfig.h - kubeconfig files: merged as kubectl merges them, and resolved to one way of
 * reaching a cluster. Pure: somebody else reads the files. */
#ifndef RK_CLI_KUBECONFIG_H
#define RK_CLI_KUBECONFIG_H

#include "base/err.h"
#include "wire/val.h"

#define RK_ACCESS_SERVERS_MAX 16

struct rk_kubeconfig_choice { /* what flags say; NULL where they say nothing */
	const char *context, *cluster, *user, *namespace;
	const char *server, *ca_path, *cert_path, *key_path;
};

struct rk_access { /* strings live in the arena, or are the choice's */
	const char *servers[RK_ACCESS_SERVERS_MAX]; /* "host:port"; the chosen one first, then the
						       others of clusters that share its CA */
	size_t server_count;
	bool is_plain;           /* http:// */
	const char *server_name; /* tls-server-name, or NULL */
	const char *namespace;   /* never NULL */
	const char *ca_path, *cert_path, *key_path;
	struct rk_span ca, cert, key; /* PEM; used where the path is NULL */
	const char *token_path;       /* to be read again at each call: it changes */
	struct rk_span token;         /* used where the path is NULL; empty: none */
};

/* Adds a file behind those that are in `config` (a map, empty at first): what an earlier one says
 * wins. Relative paths count from the directory of `path`. */
RK_MUST_CHECK int rk_kubeconfig_merge(struct rk_arena *arena, struct rk_val *config,
				      struct rk_span text, const char *path,
				      struct rk_error *error);
/* What a pod is given (environment and mounted files) as if it were a file; `host`: an address or name. */
void rk_kubeconfig_in_cluster(struct rk_arena *arena, struct rk_val *config, const char *host,
			      const char *port, struct rk_span namespace);
/* Whether neither files nor flags say anything about a way to a cluster. */
bool rk_kubeconfig_is_empty(const struct rk_val *config, const struct rk_kubeconfig_choice *choice);
/* RK_ENOENT: a context, cluster or user that is not there. RK_EINVAL: there, but of no use.
 * RK_ENOTSUP: a way of logging in that is not supported, by name. */
RK_MUST_CHECK int rk_kubeconfig_resolve(struct rk_arena *arena, const struct rk_val *config,
					const struct rk_kubeconfig_choice *choice,
					struct rk_access *ret, struct rk_error *error);

#endif
