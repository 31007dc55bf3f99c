#include "tests/net/cluster.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/yaml.h"

/* Where cgroup2 is mounted, and where in it this process is. */
static bool find_cgroup(char home[256])
{
	RK_AUTO(rk_drop_file) FILE *mounts = fopen("/proc/self/mounts", "re");
	RK_AUTO(rk_drop_file) FILE *own = fopen("/proc/self/cgroup", "re");
	char line[1024], at[128], kind[64], root[128] = "", path[96] = "";

	while (mounts != NULL && root[0] == '\0' && fgets(line, sizeof line, mounts) != NULL)
		if (sscanf(line, "%*s %127s %63s", at, kind) == 2 && strcmp(kind, "cgroup2") == 0)
			(void)snprintf(root, sizeof root, "%s", at);
	while (own != NULL && path[0] == '\0' && fgets(line, sizeof line, own) != NULL)
		(void)sscanf(line, "0::%95s", path);
	(void)snprintf(home, 256, "%s%s", root, path);
	return root[0] != '\0' && path[0] != '\0';
}

static bool join(const char *cgroup)
{
	char path[300], pid[32];

	(void)snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
	RK_AUTO(rk_drop_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	const int size = snprintf(pid, sizeof pid, "%ld", (long)getpid());
	return fd >= 0 && write(fd, pid, (size_t)size) == size;
}

static void remove_pins(const char *dir)
{
	DIR *pins = opendir(dir);
	char path[600];

	for (struct dirent *entry; pins != NULL && (entry = readdir(pins)) != NULL;) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
		if (entry->d_name[0] != '.')
			(void)unlink(path);
	}
	if (pins != NULL)
		(void)closedir(pins);
	(void)rmdir(dir);
}

/* A child that waits for the end of the test, and cleans up after it. */
static void leave_janitor(const struct test_place *place)
{
	int alive[2];

	cr_assert_eq(pipe2(alive, O_CLOEXEC), 0);
	const pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid > 0) {
		(void)close(alive[0]); /* the other end stays open while this process lives */
		return;
	}
	char byte;
	(void)setsid();
	(void)close(alive[1]);
	while (read(alive[0], &byte, 1) < 0 && errno == EINTR)
		;
	remove_pins(place->pin);
	for (int i = 0; i < 100 && rmdir(place->cgroup) < 0 && errno == EBUSY; i++)
		(void)usleep(20000);
	_exit(0);
}

static bool raise_loopback(void)
{
	RK_AUTO(rk_drop_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

bool test_place_enter(struct test_place *place, const char *test)
{
	char home[256];

	if (geteuid() != 0 || !find_cgroup(home) || strlen(home) > 200) {
		(void)fprintf(stderr, "SKIPPED %s: needs root and a cgroup2 file system\n", test);
		return false;
	}
	(void)snprintf(place->cgroup, sizeof place->cgroup, "%.200s/rktest-%ld", home,
		       (long)getpid());
	(void)snprintf(place->pin, sizeof place->pin, "/sys/fs/bpf/rktest-%ld", (long)getpid());
	if (mkdir(place->cgroup, 0755) < 0) {
		(void)fprintf(stderr, "SKIPPED %s: cannot make a cgroup in %s\n", test, home);
		return false;
	}
	leave_janitor(place);
	if (!join(place->cgroup) || unshare(CLONE_NEWNET) < 0 || !raise_loopback()) {
		(void)fprintf(stderr, "SKIPPED %s: needs a cgroup and a network namespace\n", test);
		return false;
	}
	return true;
}

void test_place_leave(const struct test_place *place)
{
	char home[256];

	(void)snprintf(home, sizeof home, "%.*s",
		       (int)(strrchr(place->cgroup, '/') - place->cgroup), place->cgroup);
	cr_expect(join(home));
}

struct rk_val *test_object(struct rk_arena *arena, const char *format, ...)
{
	struct rk_val *docs = NULL;
	struct rk_error error = { 0 };
	char text[8192];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	/* The tree borrows strings from the text. */
	cr_assert_eq(rk_yaml_parse(arena, rk_arena_span(arena, rk_span_str(text)), &docs, &error),
		     0, "%s: %s", error.text, text);
	return rk_val_item(docs, 0);
}
