/* net/netns_io.h - into another network namespace for a moment: sockets belong to the one that
 * their thread was in when they were made, and stay there. */
#ifndef RK_NET_NETNS_IO_H
#define RK_NET_NETNS_IO_H

#include "base/err.h"

/* The calling thread alone goes there. *ret_here: the way back, for rk_netns_leave. */
RK_MUST_CHECK int rk_netns_enter(int netns_fd, int *ret_here, struct rk_error *error);
void rk_netns_leave(int here); /* closes it; errno stays */

#endif
