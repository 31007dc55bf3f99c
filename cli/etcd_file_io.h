/* cli/etcd_file_io.h - what `etcdctl snapshot save` writes when it is told by a member of ours: the
 * bytes of a state (store/store.h), zeros up to a multiple of 512, SHA-256 of both. */
#ifndef RK_CLI_ETCD_FILE_IO_H
#define RK_CLI_ETCD_FILE_IO_H

#include "store/store.h"

/* RK_ECORRUPT: it is not whole, or whole but a state of another server than ours. Nothing of the
 * file is believed before its checksum was right. */
RK_MUST_CHECK int rk_etcd_file_read(const char *path, struct rk_store **ret, uint64_t *ret_bytes,
				    struct rk_error *error);

#endif
