#include "wire/gzip.h"

#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

#define GZIP_FORMAT 16 /* added to the window's bits: zlib writes gzip's head and sum */
#define ROOM        (32u << 10)
#define MEMORY      8 /* zlib's own default */

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

struct rk_gzip {
	z_stream stream;
};

struct rk_gzip *rk_gzip_new(void)
{
	struct rk_gzip *gzip = rk_zalloc(sizeof *gzip);
	const int rc = deflateInit2(&gzip->stream, Z_BEST_SPEED, Z_DEFLATED,
				    MAX_WBITS + GZIP_FORMAT, MEMORY, Z_DEFAULT_STRATEGY);

	rk_assert(rc == Z_OK);
	return gzip;
}

struct rk_gzip *rk_gzip_free(struct rk_gzip *gzip)
{
	if (gzip != NULL)
		(void)deflateEnd(&gzip->stream);
	free(gzip);
	return NULL;
}

void rk_gzip_put(struct rk_gzip *gzip, struct rk_span bytes, bool is_last, struct rk_buf *out)
{
	z_stream *stream = &gzip->stream;
	int rc;

	rk_assert(bytes.size <= UINT32_MAX);
	stream->next_in = (z_const Bytef *)(uintptr_t)bytes.data;
	stream->avail_in = (uInt)bytes.size;
	do {
		stream->next_out = rk_buf_room(out, ROOM);
		stream->avail_out = ROOM;
		rc = deflate(stream, is_last ? Z_FINISH : Z_NO_FLUSH);
		out->size += ROOM - stream->avail_out;
	} while (stream->avail_out == 0);
	rk_assert(stream->avail_in == 0 && (!is_last || rc == Z_STREAM_END));
}

struct rk_blob *rk_gzip_of(struct rk_span bytes)
{
	struct rk_gzip *gzip = rk_gzip_new();
	struct rk_buf out = { 0 };

	rk_gzip_put(gzip, bytes, true, &out);
	struct rk_blob *blob = rk_blob_copy(rk_buf_span(&out));
	rk_buf_done(&out);
	(void)rk_gzip_free(gzip);
	return blob;
}
