#include "node/image_ref.h"

#include <stdio.h>

static bool is_name_byte(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' ||
	       byte == '_' || byte == '-' || byte == '/';
}

static bool is_tag_byte(uint8_t byte)
{
	return is_name_byte(byte) ? byte != '/' : byte >= 'A' && byte <= 'Z';
}

bool rk_digest_is_valid(struct rk_span text)
{
	if (text.size != 71 || !rk_span_starts(text, RK_SPAN("sha256:")))
		return false;
	for (size_t i = 7; i < text.size; i++)
		if (!((text.data[i] >= '0' && text.data[i] <= '9') ||
		      (text.data[i] >= 'a' && text.data[i] <= 'f')))
			return false;
	return true;
}

struct parts {
	struct rk_span domain, path, tag, digest;
};

/* Domain: the first part, when it has a dot or a port or is "localhost". */
static void split(struct rk_span text, struct parts *parts)
{
	struct rk_span first;

	*parts = (struct parts){ 0 };
	parts->digest = rk_span_cut(text, '@', &text);
	const struct rk_span rest = rk_span_cut(text, '/', &first);
	if (rest.data != NULL &&
	    (rk_span_is(first, "localhost") || memchr(first.data, '.', first.size) != NULL ||
	     memchr(first.data, ':', first.size) != NULL)) {
		parts->domain = first;
		text = rest;
	}
	parts->tag = rk_span_cut(text, ':', &parts->path);
}

static bool is_valid(const struct parts *parts)
{
	if (parts->path.size == 0 || parts->path.data[0] == '/' ||
	    rk_span_ends(parts->path, RK_SPAN("/")))
		return false;
	for (size_t i = 0; i < parts->path.size; i++)
		if (!is_name_byte(parts->path.data[i]) ||
		    (parts->path.data[i] == '/' && parts->path.data[i + 1] == '/'))
			return false;
	for (size_t i = 0; i < parts->domain.size; i++)
		if (!is_tag_byte(parts->domain.data[i]) && parts->domain.data[i] != ':')
			return false;
	for (size_t i = 0; i < parts->tag.size; i++)
		if (!is_tag_byte(parts->tag.data[i]))
			return false;
	return (parts->tag.data == NULL || (parts->tag.size > 0 && parts->tag.size <= 128)) &&
	       (parts->digest.data == NULL || rk_digest_is_valid(parts->digest));
}

int rk_image_ref_full(struct rk_span text, char ret[RK_IMAGE_REF_MAX], struct rk_error *error)
{
	struct parts parts;

	split(text, &parts);
	if (text.size == 0 || text.size > 400 || !is_valid(&parts))
		return rk_fail(error, RK_EINVAL, "\"%.*s\" is not the name of an image",
			       RK_SPAN_ARGS(rk_span_sub(text, 0, 100)));
	const bool is_official =
		parts.domain.size == 0 && memchr(parts.path.data, '/', parts.path.size) == NULL;
	if (parts.domain.size == 0)
		parts.domain = RK_SPAN("docker.io");
	if (parts.tag.size == 0 && parts.digest.size == 0)
		parts.tag = RK_SPAN("latest");
	/* With a digest the tag says nothing more. */
	(void)snprintf(ret, RK_IMAGE_REF_MAX, "%.*s/%s%.*s%s%.*s", RK_SPAN_ARGS(parts.domain),
		       is_official ? "library/" : "", RK_SPAN_ARGS(parts.path),
		       parts.digest.size > 0 ? "@" : ":",
		       RK_SPAN_ARGS(parts.digest.size > 0 ? parts.digest : parts.tag));
	return 0;
}

bool rk_image_ref_is_latest(struct rk_span text)
{
	struct parts parts;

	split(text, &parts);
	return parts.digest.size == 0 && (parts.tag.size == 0 || rk_span_is(parts.tag, "latest"));
}
