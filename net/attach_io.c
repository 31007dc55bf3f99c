#include "net/attach_io.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/span.h"
#include "gen/sock.skel.h"
#include "net/layout.h"

#define BPF_ROOT "/sys/fs/bpf"
#define MOUNT_MARK                                                                                 \
	"reckon" /* the name of the device, by which our own mount is told from others             \
		  */
#define PATH_ROOM 512
#define LINKS_MAX 16

struct rk_attached {
	struct rk_sock *programs;
	struct bpf_link *links[LINKS_MAX];
	size_t link_count;
	char pin[PATH_ROOM];
};

static int on_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[256];

	if (level == LIBBPF_DEBUG)
		return 0;
	const int size = vsnprintf(text, sizeof text, format, args);
	text[strcspn(text, "\n")] = '\0';
	rk_log(RK_LOG_DEBUG, "libbpf", "text=\"%s\"", text);
	return size;
}

static bool is_bpf_dir(const char *path)
{
	struct statfs about;

	return statfs(path, &about) == 0 && (unsigned long)about.f_type == BPF_FS_MAGIC;
}

/* Held while the bpf file system is mounted and a directory made in it, or found empty and
 * unmounted: nodes of one machine come and go on their own. */
static int lock_root(void)
{
	const int fd = open("/sys/fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)flock(fd, LOCK_EX);
	return fd;
}

/* Makes the directory and those above it; mounts the usual bpf file system if that is where it is
 * to be. */
static int make_pin_dir(const char *pin, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int lock = lock_root();
	char path[PATH_ROOM];

	if (strlen(pin) + 64 > sizeof path)
		return rk_fail(error, RK_EINVAL, "the pin directory's name is too long");
	if (strncmp(pin, BPF_ROOT "/", strlen(BPF_ROOT "/")) == 0 && !is_bpf_dir(BPF_ROOT) &&
	    mount(MOUNT_MARK, BPF_ROOT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return rk_fail_errno(error, "cannot mount the bpf file system on %s", BPF_ROOT);
	for (size_t i = 1; i <= strlen(pin); i++) {
		if (pin[i] != '/' && pin[i] != '\0')
			continue;
		(void)snprintf(path, sizeof path, "%.*s", (int)i, pin);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return rk_fail_errno(error, "cannot make %s", path);
	}
	if (!is_bpf_dir(pin))
		return rk_fail(error, RK_EINVAL, "%s is not in a bpf file system", pin);
	return RK_OK;
}

static void pin_path(const struct rk_attached *attached, const char *prefix, const char *name,
		     char path[PATH_ROOM])
{
	(void)snprintf(path, PATH_ROOM, "%.*s/%s%s", PATH_ROOM - 64, attached->pin, prefix, name);
}

static void remove_pins(const struct rk_attached *attached)
{
	DIR *dir = opendir(attached->pin);
	char path[PATH_ROOM];

	for (struct dirent *entry = NULL; dir != NULL && (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) > 60)
			continue;
		pin_path(attached, "", entry->d_name, path);
		(void)unlink(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Maps of another layout cannot be read: better to start with empty ones than to serve garbage. */
static bool has_our_layout(const struct rk_attached *attached)
{
	RK_AUTO(rk_drop_fd) int fd = -1;
	const uint32_t key = 0;
	uint64_t version = 0;
	char path[PATH_ROOM];

	pin_path(attached, "", "meta", path);
	fd = bpf_obj_get(path);
	return fd >= 0 && bpf_map_lookup_elem(fd, &key, &version) == 0 &&
	       version == RK_LAYOUT_VERSION;
}

static int load(struct rk_attached *attached, struct rk_error *error)
{
	const uint64_t version = RK_LAYOUT_VERSION;
	const uint32_t key = 0;
	struct bpf_map *map;
	char path[PATH_ROOM];

	attached->programs = rk_sock__open();
	if (attached->programs == NULL)
		return rk_fail_errno(error, "cannot open the socket programs");
	bpf_object__for_each_map(map, attached->programs->obj)
	{
		if (bpf_map__name(map)[0] == '.' || strchr(bpf_map__name(map), '.') != NULL)
			continue; /* read-only data, if any: made anew each time */
		pin_path(attached, "", bpf_map__name(map), path);
		if (bpf_map__set_pin_path(map, path) < 0)
			return rk_fail_errno(error, "cannot pin to %s", path);
	}
	if (rk_sock__load(attached->programs) < 0) {
		const int saved = errno;
		(void)rk_fail_errno(error, "the kernel does not take the socket programs");
		return rk_fail(error, RK_ENOTSUP,
			       "the kernel does not take the socket programs: %s", strerror(saved));
	}
	if (bpf_map_update_elem(bpf_map__fd(attached->programs->maps.meta), &key, &version,
				BPF_ANY) < 0)
		return rk_fail_errno(error, "cannot write the layout's version");
	return RK_OK;
}

/* A link that an earlier life pinned, unless it is of a cgroup that is gone or another one. */
static struct bpf_link *find_link(const char *path, uint64_t cgroup_id)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof info;
	struct bpf_link *link = bpf_link__open(path);

	if (link == NULL)
		return NULL;
	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size) == 0 &&
	    info.type == BPF_LINK_TYPE_CGROUP && info.cgroup.cgroup_id == cgroup_id)
		return link;
	(void)unlink(path);
	(void)bpf_link__destroy(link);
	return NULL;
}

static int attach_program(struct rk_attached *attached, struct bpf_program *program, int cgroup_fd,
			  uint64_t cgroup_id, struct rk_error *error)
{
	const char *name = bpf_program__name(program);
	char path[PATH_ROOM];

	pin_path(attached, "link_", name, path);
	struct bpf_link *link = find_link(path, cgroup_id);
	const bool is_old = link != NULL;
	if (is_old && bpf_link__update_program(link, program) < 0) {
		(void)bpf_link__destroy(link);
		return rk_fail_errno(error, "cannot replace the program %s", name);
	}
	if (!is_old)
		link = bpf_program__attach_cgroup(program, cgroup_fd);
	if (link == NULL)
		return rk_fail_errno(error, "cannot attach the program %s", name);
	rk_assert(attached->link_count < LINKS_MAX);
	attached->links[attached->link_count++] = link;
	if (!is_old && bpf_link__pin(link, path) < 0)
		return rk_fail_errno(error, "cannot pin to %s", path);
	return RK_OK;
}

static int open_cgroup(const char *cgroup, int *ret_fd, uint64_t *ret_id, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs about;
	struct stat inode;

	if (fd < 0 || fstatfs(fd, &about) < 0 || fstat(fd, &inode) < 0)
		return rk_fail_errno(error, "cannot open the cgroup %s", cgroup);
	if ((unsigned long)about.f_type != CGROUP2_SUPER_MAGIC)
		return rk_fail(error, RK_EINVAL, "%s is not a cgroup2 directory", cgroup);
	*ret_id = inode.st_ino;
	*ret_fd = rk_take_fd(&fd);
	return RK_OK;
}

static int attach_all(struct rk_attached *attached, int cgroup_fd, uint64_t cgroup_id,
		      struct rk_error *error)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, attached->programs->obj)
		RK_TRY(attach_program(attached, program, cgroup_fd, cgroup_id, error));
	return RK_OK;
}

int rk_attach(struct rk_attached **ret, const char *cgroup, const char *pin, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int cgroup_fd = -1;
	struct rk_attached *attached = NULL;
	uint64_t cgroup_id;

	RK_TRY(open_cgroup(cgroup, &cgroup_fd, &cgroup_id, error));
	RK_TRY(make_pin_dir(pin, error));
	(void)libbpf_set_print(on_libbpf);
	attached = rk_zalloc(sizeof *attached);
	(void)snprintf(attached->pin, sizeof attached->pin, "%s", pin);
	if (!has_our_layout(attached))
		remove_pins(attached);
	int rc = load(attached, error);
	if (rc == RK_OK)
		rc = attach_all(attached, cgroup_fd, cgroup_id, error);
	if (rc < 0) {
		(void)rk_attached_close(attached);
		return rc;
	}
	*ret = attached;
	return RK_OK;
}

struct rk_attached *rk_attached_close(struct rk_attached *attached)
{
	if (attached == NULL)
		return NULL;
	for (size_t i = 0; i < attached->link_count; i++)
		(void)bpf_link__destroy(attached->links[i]); /* the pin keeps it attached */
	rk_sock__destroy(attached->programs);
	free(attached);
	return NULL;
}

/* The directory and those above it, as far as nobody else has something there. */
static void remove_dirs(const char *pin)
{
	char path[PATH_ROOM];

	(void)snprintf(path, sizeof path, "%s", pin);
	while (strchr(path, '/') != NULL && strcmp(path, BPF_ROOT) != 0 && rmdir(path) == 0)
		*strrchr(path, '/') = '\0';
}

/* Undoes the mount of make_pin_dir once nothing is in it but the kernel's own *.debug. */
static void unmount_ours(void)
{
	static const char start[] = MOUNT_MARK " " BPF_ROOT " bpf ";
	RK_AUTO(rk_drop_file) FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[1024];
	bool is_ours = false;
	DIR *dir = opendir(BPF_ROOT);
	size_t count = 0;

	while (mounts != NULL && fgets(line, sizeof line, mounts) != NULL)
		is_ours |= strncmp(line, start, sizeof start - 1) == 0;
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.' &&
			 !rk_span_ends(rk_span_str(entry->d_name), RK_SPAN(".debug"));
	if (dir != NULL)
		(void)closedir(dir);
	if (is_ours && count == 0)
		(void)umount2(BPF_ROOT, UMOUNT_NOFOLLOW); /* somebody who uses it now keeps it */
}

void rk_attached_detach(struct rk_attached *attached)
{
	RK_AUTO(rk_drop_fd) int lock = lock_root();

	for (size_t i = 0; i < attached->link_count; i++)
		(void)bpf_link__detach(attached->links[i]);
	remove_pins(attached);
	remove_dirs(attached->pin);
	unmount_ours();
}

int rk_attached_map(const struct rk_attached *attached, const char *name)
{
	const int fd = bpf_object__find_map_fd_by_name(attached->programs->obj, name);

	rk_assert(fd >= 0);
	return fd;
}
