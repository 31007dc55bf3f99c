#include "wire/spdy_zip.h"

#include <zlib.h>

#include "base/mem.h"

#define HEADERS_BYTES_MAX (64u << 10)
#define HEADERS_MAX       256
#define ARENA_MAX         (1u << 20) /* of all blocks that came at once */

struct rk_spdy_zip {
	z_stream in, out;
	struct rk_buf dictionary;
	uint8_t text[HEADERS_BYTES_MAX + 1]; /* the present block */
};

static void put_u32(struct rk_buf *out, uint32_t value)
{
	const uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16),
				   (uint8_t)(value >> 8), (uint8_t)value };

	rk_buf_put(out, bytes, sizeof bytes);
}

/* The dictionary of the SPDY/3 draft (2.6.10.1): words behind their sizes, then text without sizes.
 */
static void dictionary_make(struct rk_buf *out)
{
	static const char words[] =
		"options\0head\0post\0put\0delete\0trace\0accept\0accept-charset\0accept-encoding\0"
		"accept-language\0accept-ranges\0age\0allow\0authorization\0cache-"
		"control\0connection\0"
		"content-base\0content-encoding\0content-language\0content-length\0content-"
		"location\0"
		"content-md5\0content-range\0content-"
		"type\0date\0etag\0expect\0expires\0from\0host\0if-match\0"
		"if-modified-since\0if-none-match\0if-range\0if-unmodified-since\0last-"
		"modified\0location\0"
		"max-forwards\0pragma\0proxy-authenticate\0proxy-"
		"authorization\0range\0referer\0retry-after\0"
		"server\0te\0trailer\0transfer-encoding\0upgrade\0user-agent\0vary\0via\0warning\0"
		"www-authenticate\0method\0get\0status\0"
		"200 OK\0version\0HTTP/1.1\0url\0public\0set-cookie\0keep-alive\0origin\0";
	static const char text[] =
		"1001012012022052063003023033043053063074024054064074084094104114124134144154164175"
		"02504505"
		"203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad "
		"Request"
		"401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not "
		"Implemented"
		"503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 "
		"Mon, Tue, Wed, Thu, Fri, Sat, Sun, "
		"GMTchunked,text/html,image/png,image/jpg,image/gif,"
		"application/xml,application/xhtml+xml,text/plain,text/javascript,public"
		"privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

	for (const char *word = words; *word != '\0'; word += strlen(word) + 1) {
		put_u32(out, (uint32_t)strlen(word));
		rk_buf_put_str(out, word);
	}
	rk_buf_put_str(out, text);
}

struct rk_spdy_zip *rk_spdy_zip_new(void)
{
	struct rk_spdy_zip *zip = rk_zalloc(sizeof *zip);

	dictionary_make(&zip->dictionary);
	rk_assert(inflateInit(&zip->in) == Z_OK);
	/* A small window and little memory: headers are short, and sessions many. */
	rk_assert(deflateInit2(&zip->out, 6, Z_DEFLATED, 11, 4, Z_DEFAULT_STRATEGY) == Z_OK);
	rk_assert(deflateSetDictionary(&zip->out, zip->dictionary.data,
				       (uInt)zip->dictionary.size) == Z_OK);
	return zip;
}

struct rk_spdy_zip *rk_spdy_zip_free(struct rk_spdy_zip *zip)
{
	if (zip == NULL)
		return NULL;
	(void)inflateEnd(&zip->in);
	(void)deflateEnd(&zip->out);
	rk_buf_done(&zip->dictionary);
	free(zip);
	return NULL;
}

/* Inflates a block of at most HEADERS_BYTES_MAX bytes, however small it was when it came. */
static int inflate_block(struct rk_spdy_zip *zip, struct rk_arena *arena, struct rk_span block,
			 struct rk_span *ret)
{
	zip->in.next_in = (Bytef *)(uintptr_t)block.data;
	zip->in.avail_in = (uInt)block.size;
	zip->in.next_out = zip->text;
	zip->in.avail_out = sizeof zip->text;
	int err = inflate(&zip->in, Z_SYNC_FLUSH);
	if (err == Z_NEED_DICT) {
		err = inflateSetDictionary(&zip->in, zip->dictionary.data,
					   (uInt)zip->dictionary.size);
		if (err == Z_OK)
			err = inflate(&zip->in, Z_SYNC_FLUSH);
	}
	if (zip->in.avail_out == 0)
		return RK_ETOOBIG;
	if ((err != Z_OK && err != Z_BUF_ERROR) || zip->in.avail_in > 0)
		return RK_EINVAL;
	const size_t size = sizeof zip->text - zip->in.avail_out;
	if (arena->used + size > ARENA_MAX)
		return RK_ETOOBIG;
	*ret = rk_arena_span(arena, rk_span_of(zip->text, size));
	return RK_OK;
}

static bool get_text(struct rk_span *text, struct rk_span *ret)
{
	if (text->size < 4)
		return false;
	const uint8_t *at = text->data;
	const uint32_t size =
		(uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	if (size > text->size - 4)
		return false;
	*ret = rk_span_sub(*text, 4, size);
	*text = rk_span_sub(*text, 4 + (size_t)size, text->size);
	return true;
}

int rk_spdy_zip_read(struct rk_spdy_zip *zip, struct rk_arena *arena, struct rk_span block,
		     struct rk_spdy_header **ret, size_t *ret_count)
{
	struct rk_span text;

	RK_TRY(inflate_block(zip, arena, block, &text));
	if (text.size < 4)
		return RK_EINVAL;
	const uint32_t count = (uint32_t)text.data[0] << 24 | (uint32_t)text.data[1] << 16 |
			       (uint32_t)text.data[2] << 8 | text.data[3];
	if (count > HEADERS_MAX)
		return RK_ETOOBIG;
	text = rk_span_sub(text, 4, text.size);
	struct rk_spdy_header *headers = rk_arena_alloc(arena, (count + 1) * sizeof *headers);
	for (uint32_t i = 0; i < count; i++)
		if (!get_text(&text, &headers[i].name) || !get_text(&text, &headers[i].value) ||
		    headers[i].name.size == 0)
			return RK_EINVAL;
	if (text.size > 0)
		return RK_EINVAL;
	*ret = headers;
	*ret_count = count;
	return RK_OK;
}

void rk_spdy_zip_write(struct rk_spdy_zip *zip, struct rk_buf *out,
		       const struct rk_spdy_header *headers, size_t count)
{
	struct rk_buf text = { 0 };

	put_u32(&text, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		put_u32(&text, (uint32_t)headers[i].name.size);
		rk_buf_put_span(&text, headers[i].name);
		put_u32(&text, (uint32_t)headers[i].value.size);
		rk_buf_put_span(&text, headers[i].value);
	}
	zip->out.next_in = text.data;
	zip->out.avail_in = (uInt)text.size;
	do {
		const size_t room = 256;
		zip->out.next_out = rk_buf_room(out, room);
		zip->out.avail_out = (uInt)room;
		(void)deflate(&zip->out,
			      Z_SYNC_FLUSH); /* cannot fail: the state is sound and there is room */
		out->size += room - zip->out.avail_out;
	} while (zip->out.avail_out == 0);
	rk_buf_done(&text);
}
