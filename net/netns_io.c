#include "net/netns_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/mem.h"

int rk_netns_enter(int netns_fd, int *ret_here, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (here < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return rk_fail_errno(error, "cannot enter a network namespace");
	*ret_here = rk_take_fd(&here);
	return RK_OK;
}

void rk_netns_leave(int here)
{
	const int saved = errno;

	/* A thread that cannot go back would do all its further work in the wrong place. */
	rk_assert(setns(here, CLONE_NEWNET) == 0);
	(void)close(here);
	errno = saved;
}
