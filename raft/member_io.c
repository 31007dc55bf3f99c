#include "raft/member_io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FORMAT                                                                                     \
	"reckon member 1\ncluster %016" PRIx64 "%016" PRIx64 "\nid %" PRIu64                       \
	"\nincarnation %" PRIu64 "\n%s"
#define WITNESS "witness\n" /* the last line of a witness's */
#define SCAN                                                                                       \
	"reckon member 1\ncluster %16" SCNx64 "%16" SCNx64 "\nid %" SCNu64                         \
	"\nincarnation %" SCNu64 "\n"

static void path_of(char path[512], const char *dir, const char *name)
{
	(void)snprintf(path, 512, "%s/%s", dir, name);
}

int rk_member_peek(struct rk_member_dir *ret, const char *dir, struct rk_error *error)
{
	char path[512], text[256] = { 0 };

	path_of(path, dir, "member");
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return rk_fail_errno(error, "%s is not a member's data directory", dir);
	*ret = (struct rk_member_dir){ .lock_fd = -1 };
	if (read(fd, text, sizeof text - 1) <= 0 ||
	    sscanf(text, SCAN, &ret->cluster.high, &ret->cluster.low, &ret->id,
		   &ret->incarnation) != 4)
		return rk_fail(error, RK_ECORRUPT, "%s cannot be understood", path);
	ret->is_witness = strstr(text, "\n" WITNESS) != NULL;
	return RK_OK;
}

static int save(const struct rk_member_dir *member, const char *dir, struct rk_error *error)
{
	char path[512], fresh[512], text[256];
	const int size = snprintf(text, sizeof text, FORMAT, member->cluster.high,
				  member->cluster.low, member->id, member->incarnation,
				  member->is_witness ? WITNESS : "");

	path_of(path, dir, "member");
	path_of(fresh, dir, "member.tmp");
	RK_AUTO(rk_drop_fd) int fd = open(fresh, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	RK_AUTO(rk_drop_fd) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)size) != size || fsync(fd) < 0 ||
	    rename(fresh, path) < 0 || dir_fd < 0 || fsync(dir_fd) < 0)
		return rk_fail_errno(error, "cannot write %s", path);
	return RK_OK;
}

static int lock(const char *dir, int *ret_fd, struct rk_error *error)
{
	char path[512];

	path_of(path, dir, "lock");
	RK_AUTO(rk_drop_fd) int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? rk_fail(error, RK_EBUSY,
					 "the data directory %s is in use by another process", dir)
			       : rk_fail_errno(error, "cannot lock %s", path);
	*ret_fd = rk_take_fd(&fd);
	return RK_OK;
}

static int identify(struct rk_member_dir *member, const char *dir, struct rk_cluster_id cluster,
		    uint64_t id, bool is_witness, struct rk_error *error)
{
	const bool takes_any = cluster.high == 0 && cluster.low == 0;
	struct rk_member_dir found;
	const int err = rk_member_peek(&found, dir, error);

	if (err < 0 && (err != RK_ENOENT || takes_any))
		return err;
	if (err == RK_ENOENT)
		found = (struct rk_member_dir){
			.cluster = cluster, .id = id, .is_witness = is_witness
		};
	if (!takes_any && (found.cluster.high != cluster.high || found.cluster.low != cluster.low))
		return rk_fail(error, RK_EPERM,
			       "the data directory %s belongs to another cluster (%016" PRIx64
			       "%016" PRIx64 ")",
			       dir, found.cluster.high, found.cluster.low);
	if (!takes_any && found.id != id)
		return rk_fail(error, RK_EPERM,
			       "the data directory %s belongs to member %" PRIu64
			       " of this cluster",
			       dir, found.id);
	if (!takes_any && found.is_witness != is_witness)
		return rk_fail(error, RK_EPERM,
			       "the data directory %s is %s: start it %s --witness, or with an empty directory",
			       dir, is_witness ? "a full member's" : "a witness's",
			       is_witness ? "without" : "with");
	member->cluster = found.cluster;
	member->is_witness = found.is_witness;
	member->id = found.id;
	member->incarnation = found.incarnation + 1;
	return save(member, dir, error);
}

int rk_member_open(struct rk_member_dir *ret, const char *dir, struct rk_cluster_id cluster,
		   uint64_t id, bool is_witness, struct rk_error *error)
{
	struct rk_member_dir member = { .lock_fd = -1 };
	char path[512];

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return rk_fail_errno(error, "cannot make the data directory %s", dir);
	RK_TRY(lock(dir, &member.lock_fd, error));
	const int err = identify(&member, dir, cluster, id, is_witness, error);
	path_of(path, dir, "snapshots");
	if (err < 0 || (mkdir(path, 0700) < 0 && errno != EEXIST)) {
		rk_member_close(&member);
		return err < 0 ? err : rk_fail_errno(error, "cannot make %s", path);
	}
	*ret = member;
	return RK_OK;
}

void rk_member_close(struct rk_member_dir *member)
{
	if (member->lock_fd >= 0)
		(void)close(member->lock_fd);
	member->lock_fd = -1;
}
