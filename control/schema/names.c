#include "control/schema/names.h"

#include <arpa/inet.h>

#define SUBDOMAIN                                                                                  \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or '.', and "                                                                             \
	"must start and end with an alphanumeric character (e.g. 'example.com', regex used for "   \
	"validation is "                                                                           \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define QUALIFIED                                                                                  \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "   \
	"an "                                                                                      \
	"alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "     \
	"validation "                                                                              \
	"is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

static const char too_long_63[] = "must be no more than 63 characters";
static const char too_long_253[] = "must be no more than 253 characters";

static bool is_lower(uint8_t c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_lower_alnum(uint8_t c) { return is_lower(c) || is_digit(c); }
static bool is_alnum(uint8_t c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static bool is_label(struct rk_span text)
{
	if (text.size == 0 || !is_lower_alnum(text.data[0]) ||
	    !is_lower_alnum(text.data[text.size - 1]))
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (!is_lower_alnum(text.data[i]) && text.data[i] != '-')
			return false;
	return true;
}

static bool is_subdomain(struct rk_span text)
{
	struct rk_span part, rest = text;

	do {
		rest = rk_span_cut(rest, '.', &part);
		if (!is_label(part))
			return false;
	} while (rest.data != NULL);
	return true;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_qualified_part(struct rk_span text)
{
	if (text.size == 0 || !is_alnum(text.data[0]) || !is_alnum(text.data[text.size - 1]))
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (!is_alnum(text.data[i]) && text.data[i] != '-' && text.data[i] != '_' &&
		    text.data[i] != '.')
			return false;
	return true;
}

const char *rk_name_subdomain(struct rk_span text)
{
	if (text.size > 253)
		return too_long_253;
	return is_subdomain(text) ? NULL : SUBDOMAIN;
}

const char *rk_name_label(struct rk_span text)
{
	if (text.size > 63)
		return too_long_63;
	return is_label(text)
		       ? NULL
		       : "a lowercase RFC 1123 label must consist of lower case alphanumeric "
			 "characters or "
			 "'-', and must start and end with an alphanumeric character (e.g. "
			 "'my-name',  or "
			 "'123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
}

const char *rk_name_label_1035(struct rk_span text)
{
	if (text.size > 63)
		return too_long_63;
	if (is_label(text) && is_lower(text.data[0]))
		return NULL;
	return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
	       "with an alphabetic "
	       "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
	       "regex used for "
	       "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
}

const char *rk_name_qualified(struct rk_span text)
{
	struct rk_span head, name = rk_span_cut(text, '/', &head);

	if (name.data == NULL) {
		name = text;
	} else {
		if (memchr(name.data, '/', name.size) != NULL)
			return "a qualified name " QUALIFIED
			       " with an optional DNS subdomain prefix and '/' (e.g. "
			       "'example.com/MyName')";
		if (head.size == 0)
			return "prefix part must be non-empty";
		if (head.size > 253)
			return "prefix part must be no more than 253 characters";
		if (!is_subdomain(head))
			return "prefix part " SUBDOMAIN;
	}
	if (name.size == 0)
		return "name part must be non-empty";
	if (name.size > 63)
		return "name part must be no more than 63 characters";
	return is_qualified_part(name) ? NULL : "name part " QUALIFIED;
}

const char *rk_name_label_value(struct rk_span text)
{
	if (text.size > 63)
		return too_long_63;
	if (text.size == 0 || is_qualified_part(text))
		return NULL;
	return "a valid label must be an empty string or consist of alphanumeric characters, '-', "
	       "'_' or '.', and "
	       "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
	       " or '12345', "
	       "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

/* What a path must not be. */
static const char *climbs(struct rk_span text)
{
	if (rk_span_is(text, "."))
		return "must not be '.'";
	if (rk_span_is(text, ".."))
		return "must not be '..'";
	return rk_span_starts(text, RK_SPAN("..")) ? "must not start with '..'" : NULL;
}

static bool is_key_char(uint8_t c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; }

const char *rk_name_config_key(struct rk_span text)
{
	if (text.size > 253)
		return too_long_253;
	for (size_t i = 0; i < text.size || text.size == 0; i++)
		if (text.size == 0 || !is_key_char(text.data[i]))
			return "a valid config key must consist of alphanumeric characters, '-', "
			       "'_' or '.' (e.g. "
			       "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
			       "validation is "
			       "'[-._a-zA-Z0-9]+')";
	return climbs(text);
}

const char *rk_name_env(struct rk_span text)
{
	bool good = text.size > 0 && !is_digit(text.data[0]);

	for (size_t i = 0; i < text.size; i++)
		good = good && is_key_char(text.data[i]);
	if (!good)
		return "a valid environment variable name must consist of alphabetic characters, "
		       "digits, '_', '-', "
		       "or '.', and must not start with a digit (e.g. 'my.env-name',  or "
		       "'MY_ENV.NAME',  or "
		       "'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";
	return climbs(text);
}

const char *rk_name_port(struct rk_span text)
{
	bool has_letter = false, has_pair = false;

	if (text.size > 15)
		return "must be no more than 15 characters";
	for (size_t i = 0; i < text.size; i++) {
		if (!is_lower_alnum(text.data[i]) && text.data[i] != '-')
			return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens "
			       "(-)";
		has_letter = has_letter || is_lower(text.data[i]);
		has_pair = has_pair || (i > 0 && text.data[i] == '-' && text.data[i - 1] == '-');
	}
	if (!has_letter)
		return "must contain at least one letter (a-z)";
	if (has_pair)
		return "must not contain consecutive hyphens";
	if (text.data[0] == '-' || text.data[text.size - 1] == '-')
		return "must not begin or end with a hyphen";
	return NULL;
}

const char *rk_name_path_segment(struct rk_span text)
{
	if (rk_span_is(text, "."))
		return "may not be '.'";
	if (rk_span_is(text, ".."))
		return "may not be '..'";
	if (text.size > 0 && memchr(text.data, '/', text.size) != NULL)
		return "may not contain '/'";
	return text.size > 0 && memchr(text.data, '%', text.size) != NULL ? "may not contain '%'"
									  : NULL;
}

static bool is_address(int family, struct rk_span text)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, 0, text.size) != NULL)
		return false;
	memcpy(copy, text.data, text.size);
	copy[text.size] = 0;
	return inet_pton(family, copy, address) == 1;
}

bool rk_name_is_ipv4(struct rk_span text) { return is_address(AF_INET, text); }
bool rk_name_is_ipv6(struct rk_span text) { return is_address(AF_INET6, text); }

const char *rk_name_ip(struct rk_span text)
{
	return rk_name_is_ipv4(text) || rk_name_is_ipv6(text)
		       ? NULL
		       : "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
}

/* --- names with a shape of their own --- */

#define DOMAIN_PATH "must be a domain-prefixed path (such as \"acme.io/foo\")"

const char *rk_name_domain_path(struct rk_span text)
{
	struct rk_span host;
	const struct rk_span path = rk_span_cut(text, '/', &host);

	if (path.size == 0 || host.size == 0)
		return DOMAIN_PATH;
	const char *why = rk_name_subdomain(host);
	if (why != NULL)
		return why;
	for (size_t i = 0; i < path.size; i++)
		if (!is_key_char(path.data[i]) &&
		    memchr("/~%!$&'()*+,;=:", path.data[i], 15) == NULL)
			return "Invalid path (regex used for validation is "
			       "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
	return NULL;
}

const char *rk_name_wildcard(struct rk_span text)
{
	if (text.size > 253)
		return too_long_253;
	if (rk_span_starts(text, RK_SPAN("*.")) && is_subdomain(rk_span_sub(text, 2, text.size)))
		return NULL;
	return "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
	       "subdomain, which must consist of lower case alphanumeric characters, '-' or '.' "
	       "and end with an alphanumeric character (e.g. '*.example.com', regex used for "
	       "validation is "
	       "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

/* A subdomain of at most 63 characters, whatever its case. */
const char *rk_name_driver(struct rk_span text)
{
	uint8_t low[63];

	if (text.size > sizeof low)
		return too_long_63;
	for (size_t i = 0; i < text.size; i++)
		low[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (uint8_t)(text.data[i] + 32)
								    : text.data[i];
	return rk_name_subdomain(rk_span_of(low, text.size));
}

struct network {
	uint8_t address[16];
	unsigned bits, bits_max;
};

static bool network_of(struct rk_span text, struct network *ret)
{
	char copy[INET6_ADDRSTRLEN];
	struct rk_span address;
	const struct rk_span bits = rk_span_cut(text, '/', &address);
	uint64_t value = 0;

	*ret = (struct network){ .bits_max = rk_name_is_ipv4(address) ? 32 : 128 };
	if (ret->bits_max == 128 && !rk_name_is_ipv6(address))
		return false;
	if (bits.size == 0 || bits.size > 3 || (bits.size > 1 && bits.data[0] == '0') ||
	    !rk_span_u64(bits, &value) || value > ret->bits_max)
		return false;
	memcpy(copy, address.data, address.size);
	copy[address.size] = 0;
	ret->bits = (unsigned)value;
	return inet_pton(ret->bits_max == 32 ? AF_INET : AF_INET6, copy, ret->address) == 1;
}

const char *rk_name_cidr(struct rk_span text)
{
	struct network network;

	return network_of(text, &network)
		       ? NULL
		       : "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
}

bool rk_cidr_within(struct rk_span inner, struct rk_span outer)
{
	struct network in, out;

	if (!network_of(inner, &in) || !network_of(outer, &out) || in.bits_max != out.bits_max ||
	    in.bits <= out.bits)
		return false;
	for (unsigned i = 0; i < out.bits; i++) {
		const uint8_t bit = (uint8_t)(0x80 >> i % 8);
		if ((in.address[i / 8] & bit) != (out.address[i / 8] & bit))
			return false;
	}
	return true;
}
