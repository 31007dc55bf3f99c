/* Formats of texts in schemas: those that upstream's validation knows and people use. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/schema/names.h"
#include "control/schema/custom_rules.h"

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* '0': a digit, 'x': a hexadecimal digit, anything else: itself. */
static bool has_shape(struct rk_span text, const char *shape)
{
	if (text.size != strlen(shape))
		return false;
	for (size_t i = 0; i < text.size; i++) {
		const uint8_t c = text.data[i];
		if (shape[i] == '0' ? !is_digit(c) : shape[i] == 'x' ? !is_hex(c)
							   : c != (uint8_t)shape[i])
			return false;
	}
	return true;
}

static bool is_date_time(struct rk_span text)
{
	int64_t ms;

	return rk_time_parse(text, &ms);
}

static bool is_date(struct rk_span text)
{
	char whole[32];
	int64_t ms;

	if (!has_shape(text, "0000-00-00"))
		return false;
	(void)snprintf(whole, sizeof whole, "%.*sT00:00:00Z", RK_SPAN_ARGS(text));
	return rk_time_parse(rk_span_str(whole), &ms);
}

static bool is_base64(struct rk_span text)
{
	size_t pads = 0;

	if (text.size % 4 != 0)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		const uint8_t c = text.data[i];
		pads += c == '=';
		if (c == '=' ? pads > 2
			     : pads > 0 || !(is_digit(c) || (c >= 'a' && c <= 'z') ||
					     (c >= 'A' && c <= 'Z') || c == '+' || c == '/'))
			return false;
	}
	return true;
}

static bool is_cidr(struct rk_span text)
{
	struct rk_span address;
	uint64_t bits = 0;
	const struct rk_span prefix = rk_span_cut(text, '/', &address);

	return prefix.size > 0 && prefix.size <= 3 && rk_span_u64(prefix, &bits) &&
	       ((rk_name_is_ipv4(address) && bits <= 32) ||
		(rk_name_is_ipv6(address) && bits <= 128));
}

static bool is_mac(struct rk_span text)
{
	return has_shape(text, "xx:xx:xx:xx:xx:xx") || has_shape(text, "xx-xx-xx-xx-xx-xx") ||
	       has_shape(text, "xxxx.xxxx.xxxx");
}

static bool is_uuid(struct rk_span text)
{
	return has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") ||
	       has_shape(text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static bool is_uuid_of(struct rk_span text, uint8_t version)
{
	const size_t at = text.size == 36 ? 14 : 12;

	return is_uuid(text) && text.data[at] == version;
}

static bool is_uuid3(struct rk_span text) { return is_uuid_of(text, '3'); }
static bool is_uuid4(struct rk_span text) { return is_uuid_of(text, '4'); }
static bool is_uuid5(struct rk_span text) { return is_uuid_of(text, '5'); }

static bool is_hostname(struct rk_span text)
{
	return text.size > 0 && text.size <= 253 && rk_name_subdomain(text) == NULL;
}

static bool is_email(struct rk_span text)
{
	struct rk_span name;
	const struct rk_span host = rk_span_cut(text, '@', &name);

	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] == '(' || name.data[i] == ')')
			return false;
	return name.size > 0 && is_hostname(host);
}

/* A scheme, or a path from the root: what Go's url.ParseRequestURI takes. */
static bool is_uri(struct rk_span text)
{
	size_t at = 0;

	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] <= ' ' || text.data[i] == 0x7f)
			return false;
	if (text.size > 0 && text.data[0] == '/')
		return true;
	while (at < text.size && (is_digit(text.data[at]) || text.data[at] == '+' ||
				  text.data[at] == '-' || text.data[at] == '.' ||
				  (text.data[at] >= 'a' && text.data[at] <= 'z') ||
				  (text.data[at] >= 'A' && text.data[at] <= 'Z')))
		at++;
	return at > 0 && at + 1 < text.size && text.data[at] == ':' && !is_digit(text.data[0]);
}

/* Go's time.ParseDuration: "1h30m", "-1.5s", "0". */
static bool is_duration(struct rk_span text)
{
	static const char *const units[] = { "ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h" };
	size_t at = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');

	if (rk_span_is(rk_span_sub(text, at, text.size - at), "0"))
		return true;
	if (at == text.size)
		return false;
	while (at < text.size) {
		const size_t start = at;
		size_t unit = 0, best = 0;
		while (at < text.size && (is_digit(text.data[at]) || text.data[at] == '.'))
			at++;
		const struct rk_span rest = rk_span_sub(text, at, text.size - at);
		for (unit = 0; unit < RK_COUNT(units); unit++)
			if (rk_span_starts(rest, rk_span_str(units[unit])))
				best = RK_MAX(best, strlen(units[unit]));
		if (at == start || best == 0)
			return false;
		at += best;
	}
	return true;
}

static bool is_ipv4(struct rk_span text) { return rk_name_is_ipv4(text); }
static bool is_ipv6(struct rk_span text) { return rk_name_is_ipv6(text); }
static bool is_anything(struct rk_span text)
{
	(void)text;
	return true;
}

static const struct {
	const char *name;
	bool (*holds)(struct rk_span text);
} formats[] = {
	{ "date-time", is_date_time }, { "datetime", is_date_time }, { "date", is_date },
	{ "byte", is_base64 },	       { "cidr", is_cidr },	     { "mac", is_mac },
	{ "uuid", is_uuid },	       { "uuid3", is_uuid3 },	     { "uuid4", is_uuid4 },
	{ "uuid5", is_uuid5 },	       { "hostname", is_hostname },  { "email", is_email },
	{ "uri", is_uri },	       { "duration", is_duration },  { "ipv4", is_ipv4 },
	{ "ipv6", is_ipv6 },	       { "password", is_anything },  { "int32", is_anything },
	{ "int64", is_anything },      { "float", is_anything },     { "double", is_anything },
};

bool rk_format_holds(struct rk_span format, struct rk_span text)
{
	for (size_t i = 0; i < RK_COUNT(formats); i++)
		if (rk_span_is(format, formats[i].name))
			return formats[i].holds(text);
	return true;
}

bool rk_format_is_known(struct rk_span format)
{
	for (size_t i = 0; i < RK_COUNT(formats); i++)
		if (rk_span_is(format, formats[i].name))
			return true;
	return false;
}
