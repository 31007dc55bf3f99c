#include "node/unpack_io.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/mem.h"
#include "base/span.h"

static void drop_reader(struct archive **reader) { (void)archive_read_free(*reader); }

static void drop_writer(struct archive **writer) { (void)archive_write_free(*writer); }

/* Without "./" and "/" in front. NULL: it has ".." in it, or is not representable. */
static const char *inner_path(const char *path)
{
	if (path == NULL)
		return NULL;
	for (;;) {
		if (path[0] == '/')
			path++;
		else if (path[0] == '.' && path[1] == '/')
			path += 2;
		else
			break;
	}
	struct rk_span rest = rk_span_str(path), part;
	while (rest.data != NULL) {
		rest = rk_span_cut(rest, '/', &part);
		if (rk_span_is(part, ".."))
			return NULL;
	}
	return path;
}

/* The directory at this path below the working directory, made where it is missing. A link on the
 * way is not followed: it may lead anywhere. */
static int open_parent(struct rk_span path, int *ret_fd, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rk_span rest = path, part;
	char name[256];

	while (fd >= 0 && rest.data != NULL && rest.size > 0) {
		rest = rk_span_cut(rest, '/', &part);
		if (part.size == 0 || rk_span_is(part, "."))
			continue;
		if (part.size >= sizeof name)
			return rk_fail(error, RK_EINVAL, "%.*s: a name is too long",
				       RK_SPAN_ARGS(path));
		(void)snprintf(name, sizeof name, "%.*s", RK_SPAN_ARGS(part));
		if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
			return rk_fail_errno(error, "make %.*s", RK_SPAN_ARGS(path));
		const int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		(void)close(fd);
		fd = next;
	}
	if (fd < 0)
		return rk_fail_errno(error, "enter %.*s", RK_SPAN_ARGS(path));
	*ret_fd = rk_take_fd(&fd);
	return 0;
}

/* ".wh.name" hides a name of lower layers; ".wh..wh..opq" hides everything below its directory. */
static int put_whiteout(const char *path, const char *base, struct rk_error *error)
{
	const char *name = base + sizeof ".wh." - 1;
	const bool is_opaque = strcmp(base, ".wh..wh..opq") == 0;
	RK_AUTO(rk_drop_fd) int fd = -1;

	if (!is_opaque && (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
			   strncmp(name, ".wh.", 4) == 0))
		return 0; /* other marks of old union file systems say nothing here */
	RK_TRY(open_parent(rk_span_of(path, (size_t)(base - path)), &fd, error));
	if (is_opaque && fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0)
		return rk_fail_errno(error, "mark the directory of %s opaque", path);
	if (!is_opaque && mknodat(fd, name, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
		return rk_fail_errno(error, "hide what %s names", path);
	return 0;
}

static int copy_data(struct archive *from, struct archive *to, uint64_t *total,
		     struct rk_error *error)
{
	const void *block;
	size_t size;
	la_int64_t offset;

	for (;;) {
		const int got = archive_read_data_block(from, &block, &size, &offset);

		if (got == ARCHIVE_EOF)
			return 0;
		if (got < ARCHIVE_WARN)
			return rk_fail(error, RK_EINVAL, "%s", archive_error_string(from));
		*total += size;
		if (*total > RK_UNPACK_BYTES_MAX)
			return rk_fail(error, RK_ETOOBIG, "more than %llu bytes",
				       RK_UNPACK_BYTES_MAX);
		if (archive_write_data_block(to, block, size, offset) < ARCHIVE_WARN)
			return rk_fail(error, RK_EIO, "%s", archive_error_string(to));
	}
}

static int put_entry(struct archive *from, struct archive *to, struct archive_entry *entry,
		     bool is_layer, uint64_t *total, struct rk_error *error)
{
	const char *path = inner_path(archive_entry_pathname(entry));
	const char *link = archive_entry_hardlink(entry);
	const mode_t type = archive_entry_filetype(entry);

	if (path == NULL || (link != NULL && inner_path(link) == NULL))
		return rk_fail(error, RK_EINVAL, "an entry leaves the directory: %s",
			       archive_entry_pathname(entry) != NULL ? archive_entry_pathname(entry)
								     : "(no name)");
	if (path[0] == '\0' || strcmp(path, ".") == 0)
		return 0;
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	if (is_layer && strncmp(base, ".wh.", 4) == 0)
		return put_whiteout(path, base, error);
	if ((type == AE_IFCHR || type == AE_IFBLK) && (geteuid() != 0 || !is_layer))
		return 0;
	RK_AUTO(rk_drop_mem) char *kept = rk_strdup(path);
	archive_entry_copy_pathname(entry, kept);
	if (link != NULL) {
		RK_AUTO(rk_drop_mem) char *kept_link = rk_strdup(inner_path(link));
		archive_entry_copy_hardlink(entry, kept_link);
	}
	if (archive_write_header(to, entry) < ARCHIVE_WARN)
		return rk_fail(error, RK_EIO, "%s: %s", kept, archive_error_string(to));
	RK_TRY(copy_data(from, to, total, error));
	if (archive_write_finish_entry(to) < ARCHIVE_WARN)
		return rk_fail(error, RK_EIO, "%s: %s", kept, archive_error_string(to));
	return 0;
}

static struct archive *writer_new(bool is_layer)
{
	struct archive *writer = archive_write_disk_new();
	int flags = ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
		    ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |
		    ARCHIVE_EXTRACT_UNLINK;

	if (is_layer && geteuid() == 0)
		flags |= ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_ACL;
	rk_assert(writer != NULL);
	(void)archive_write_disk_set_options(writer,
					     flags); /* owners stay numbers: no look-up is set */
	return writer;
}

int rk_unpack(const char *archive, const char *dir, bool is_layer, struct rk_error *error)
{
	RK_AUTO(drop_reader) struct archive *reader = archive_read_new();
	RK_AUTO(drop_writer) struct archive *writer = writer_new(is_layer);
	struct archive_entry *entry;
	uint64_t total = 0;

	(void)archive_read_support_format_tar(reader);
	(void)archive_read_support_format_empty(reader);
	(void)archive_read_support_filter_gzip(reader);
	(void)archive_read_support_filter_zstd(reader);
	if (archive_read_open_filename(reader, archive, 65536) != ARCHIVE_OK)
		return rk_fail(error, RK_EINVAL, "%s: %s", archive, archive_error_string(reader));
	(void)umask(0);
	if (chdir(dir) < 0)
		return rk_fail_errno(error, "enter %s", dir);
	for (unsigned count = 0;; count++) {
		const int got = archive_read_next_header(reader, &entry);

		if (got == ARCHIVE_EOF)
			break;
		if (got < ARCHIVE_WARN)
			return rk_fail(error, RK_EINVAL, "%s: %s", archive,
				       archive_error_string(reader));
		if (count > RK_UNPACK_ENTRIES_MAX)
			return rk_fail(error, RK_ETOOBIG, "more than %u entries",
				       RK_UNPACK_ENTRIES_MAX);
		RK_TRY(put_entry(reader, writer, entry, is_layer, &total, error));
	}
	if (archive_write_close(writer) < ARCHIVE_WARN)
		return rk_fail(error, RK_EIO, "%s", archive_error_string(writer));
	return 0;
}
