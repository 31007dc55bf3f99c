/* cli/pki_io.h - the certificates of a local cluster, in DIR/pki: made once, kept from then on. */
#ifndef RK_CLI_PKI_IO_H
#define RK_CLI_PKI_IO_H

#include "base/err.h"

/* Makes DIR/pki/ca.crt and ca.key where they are missing. */
RK_MUST_CHECK int rk_pki_make_ca(const char *dir, struct rk_error *error);
/* Makes DIR/pki/NAME.crt and NAME.key where they are missing. Lists end with NULL; hosts NULL: a
 * client only. */
RK_MUST_CHECK int rk_pki_make_cert(const char *dir, const char *name, const char *subject,
				   const char *const *groups, const char *const *hosts,
				   struct rk_error *error);
/* Writes DIR/admin.kubeconfig with a context for each member ("m1", https://ADDRESS). addresses end
 * with NULL. */
RK_MUST_CHECK int rk_pki_write_kubeconfig(const char *dir, const char *const *addresses,
					  struct rk_error *error);

#endif
