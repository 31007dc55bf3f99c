/* net/maps_io.h - the kernel's maps: executing a plan's writes, and reading back what is there. */
#ifndef RK_NET_MAPS_IO_H
#define RK_NET_MAPS_IO_H

#include "base/err.h"
#include "net/attach_io.h"
#include "net/plan.h"

struct rk_maps { /* borrowed descriptors */
	int vips, heads, options, slots, backends;
};

struct rk_maps rk_maps_of(const struct rk_attached *attached);
/* In order, taking from the list what is done; stops at the first that fails. RK_EIO. */
RK_MUST_CHECK int rk_maps_write(const struct rk_maps *maps, struct rk_writes *writes,
				struct rk_error *error);
RK_MUST_CHECK int rk_maps_read(const struct rk_maps *maps, struct rk_image *ret,
			       struct rk_error *error);
void rk_image_done(struct rk_image *image);
/* Returns once every program that was running at the call has ended. */
void rk_maps_wait(void);

#endif
