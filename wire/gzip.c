#include "wire/gzip.h"

#include <strings.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"

#define GZIP_FORMAT 16 /* added to the window's bits: zlib writes gzip's head and sum */
#define MEMORY      8  /* zlib's own default */

static struct rk_span trim(struct rk_span text)
{
	while (text.size > 0 && text.data[0] == ' ')
		text = rk_span_sub(text, 1, text.size);
	while (text.size > 0 && text.data[text.size - 1] == ' ')
		text.size--;
	return text;
}

/* "q=0", "q=0.000" */
static bool is_refused(struct rk_span parameter)
{
	if (!rk_span_starts(parameter, RK_SPAN("q=0")))
		return false;
	for (size_t i = 3; i < parameter.size; i++)
		if (parameter.data[i] != '.' && parameter.data[i] != '0')
			return false;
	return true;
}

bool rk_gzip_is_taken(struct rk_span accept_encoding)
{
	while (accept_encoding.data != NULL) {
		struct rk_span part, name;
		accept_encoding = rk_span_cut(accept_encoding, ',', &part);
		const struct rk_span parameter = trim(rk_span_cut(part, ';', &name));
		name = trim(name);
		if (name.size == 4 && strncasecmp((const char *)name.data, "gzip", 4) == 0)
			return !is_refused(parameter);
	}
	return false;
}

struct rk_blob *rk_gzip_of(struct rk_span bytes)
{
	z_stream stream = { .next_in = (z_const Bytef *)(uintptr_t)bytes.data };
	struct rk_buf out = { 0 };
	int rc = deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + GZIP_FORMAT, MEMORY,
			      Z_DEFAULT_STRATEGY);

	rk_assert(rc == Z_OK && bytes.size <= UINT32_MAX);
	stream.avail_in = (uInt)bytes.size;
	do {
		const size_t room = 64u << 10;
		stream.next_out = rk_buf_room(&out, room);
		stream.avail_out = (uInt)room;
		rc = deflate(&stream, Z_FINISH);
		out.size += room - stream.avail_out;
	} while (rc == Z_OK);
	rk_assert(rc == Z_STREAM_END);
	(void)deflateEnd(&stream);
	struct rk_blob *blob = rk_blob_copy(rk_buf_span(&out));
	rk_buf_done(&out);
	return blob;
}
