#include "net/maps_io.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define BATCH    4096
#define GRACE_NS 100000000L

struct rk_maps rk_maps_of(const struct rk_attached *attached)
{
	return (struct rk_maps){
		.vips = rk_attached_map(attached, "vips"),
		.heads = rk_attached_map(attached, "heads"),
		.options = rk_attached_map(attached, "options"),
		.slots = rk_attached_map(attached, "slots"),
		.backends = rk_attached_map(attached, "backends"),
	};
}

static int write_one(const struct rk_maps *maps, const struct rk_write *write)
{
	switch (write->kind) {
	case RK_WRITE_BACKEND:
		return bpf_map_update_elem(maps->backends, &write->index, &write->backend, BPF_ANY);
	case RK_WRITE_SLOT:
		return bpf_map_update_elem(maps->slots, &write->index, &write->slot, BPF_ANY);
	case RK_WRITE_OPTION:
		return bpf_map_update_elem(maps->options, &write->index, &write->option, BPF_ANY);
	case RK_WRITE_HEAD:
		return bpf_map_update_elem(maps->heads, &write->index, &write->head, BPF_ANY);
	case RK_WRITE_VIP:
		return bpf_map_update_elem(maps->vips, &write->vip, &write->index, BPF_ANY);
	case RK_WRITE_VIP_GONE:
		if (bpf_map_delete_elem(maps->vips, &write->vip) < 0 && errno != ENOENT)
			return -1;
		return 0;
	}
	return -1;
}

int rk_maps_write(const struct rk_maps *maps, struct rk_writes *writes, struct rk_error *error)
{
	size_t done = 0;
	int rc = RK_OK;

	while (done < writes->count && write_one(maps, &writes->at[done]) == 0)
		done++;
	if (done < writes->count)
		rc = rk_fail_errno(error, "cannot write a service map (write %zu of %zu)", done + 1,
				   writes->count);
	writes->count -= done;
	if (writes->count > 0)
		memmove(writes->at, writes->at + done, writes->count * sizeof *writes->at);
	return rc;
}

/* A whole array map. */
static int read_array(int fd, void *values, size_t value_size, uint32_t count,
		      struct rk_error *error)
{
	RK_AUTO(rk_drop_mem) uint32_t *keys = rk_alloc(BATCH * sizeof *keys);
	uint32_t at = 0, next = 0;

	while (at < count) {
		uint32_t got = RK_MIN(BATCH, count - at);
		if (bpf_map_lookup_batch(fd, at > 0 ? &next : NULL, &next, keys,
					 (char *)values + at * value_size, &got, NULL) < 0 &&
		    errno != ENOENT)
			return rk_fail_errno(error, "cannot read a service map");
		if (got == 0)
			return rk_fail(error, RK_EIO, "a service map is shorter than it was made");
		at += got;
	}
	return RK_OK;
}

static int read_vips(int fd, struct rk_image *image, struct rk_error *error)
{
	struct rk_vip *key = NULL, next;

	image->vips = rk_alloc(RK_SERVICES_MAX * sizeof *image->vips);
	image->vip_services = rk_alloc(RK_SERVICES_MAX * sizeof *image->vip_services);
	while (image->vip_count < RK_SERVICES_MAX && bpf_map_get_next_key(fd, key, &next) == 0) {
		const size_t at = image->vip_count;
		image->vips[at] = next;
		if (bpf_map_lookup_elem(fd, &next, &image->vip_services[at]) < 0)
			return rk_fail_errno(error, "cannot read the cluster addresses");
		image->vip_count++;
		key = &image->vips[at];
	}
	return RK_OK;
}

static int read_all(const struct rk_maps *maps, struct rk_image *image, struct rk_error *error)
{
	image->heads = rk_alloc(RK_SERVICES_MAX * sizeof *image->heads);
	image->options = rk_alloc(RK_SERVICES_MAX * sizeof *image->options);
	/* The kernel rounds an array's values up to 8 bytes only inside: here they are as declared.
	 */
	image->slots = rk_alloc(RK_SLOTS_MAX * sizeof *image->slots);
	image->backends = rk_alloc(RK_BACKENDS_MAX * sizeof *image->backends);
	RK_TRY(read_vips(maps->vips, image, error));
	RK_TRY(read_array(maps->heads, image->heads, sizeof *image->heads, RK_SERVICES_MAX, error));
	RK_TRY(read_array(maps->options, image->options, sizeof *image->options, RK_SERVICES_MAX,
			  error));
	RK_TRY(read_array(maps->slots, image->slots, sizeof *image->slots, RK_SLOTS_MAX, error));
	return read_array(maps->backends, image->backends, sizeof *image->backends, RK_BACKENDS_MAX,
			  error);
}

int rk_maps_read(const struct rk_maps *maps, struct rk_image *ret, struct rk_error *error)
{
	struct rk_image image = { 0 };
	const int rc = read_all(maps, &image, error);

	if (rc < 0)
		rk_image_done(&image);
	else
		*ret = image;
	return rc;
}

void rk_image_done(struct rk_image *image)
{
	free(image->vips);
	free(image->vip_services);
	free(image->heads);
	free(image->options);
	free(image->slots);
	free(image->backends);
	*image = (struct rk_image){ 0 };
}

void rk_maps_wait(void)
{
	const struct timespec grace = { .tv_nsec = GRACE_NS };

	/* It waits for an RCU grace period, under which the programs run. Kernels with nohz_full
	 * refuse; a program that runs for some microseconds is surely over after so long a sleep.
	 */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		(void)nanosleep(&grace, NULL);
}
