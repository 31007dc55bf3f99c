#include "net/addresses.h"

#include "base/mem.h"

#define PREFIX_MIN 16
#define PREFIX_MAX 29

struct rk_addresses {
	uint32_t base;
	unsigned prefix;
	uint32_t count; /* of addresses in the range, those never given included */
	uint32_t next;  /* where the search for a free one begins */
	char **owners;  /* keys, by distance from base */
};

int rk_range_parse(const char *cidr, uint32_t *ret_base, unsigned *ret_prefix,
		   struct rk_error *error)
{
	uint32_t base;
	unsigned prefix;

	if (!rk_cidr_parse(rk_span_str(cidr), &base, &prefix))
		return rk_fail(error, RK_EINVAL, "\"%s\" is not an IPv4 range", cidr);
	if (prefix < 32 && (base & (UINT32_MAX >> prefix)) != 0)
		return rk_fail(error, RK_EINVAL, "\"%s\": bits are set behind the prefix", cidr);
	*ret_base = base;
	*ret_prefix = prefix;
	return RK_OK;
}

int rk_addresses_new(struct rk_addresses **ret, const char *cidr, struct rk_error *error)
{
	uint32_t base;
	unsigned prefix;

	RK_TRY(rk_range_parse(cidr, &base, &prefix, error));
	if (prefix < PREFIX_MIN || prefix > PREFIX_MAX)
		return rk_fail(error, RK_EINVAL, "\"%s\": a node's range is a /%d to /%d", cidr,
			       PREFIX_MIN, PREFIX_MAX);
	struct rk_addresses *addresses = rk_zalloc(sizeof *addresses);
	addresses->base = base;
	addresses->prefix = prefix;
	addresses->count = UINT32_C(1) << (32 - prefix);
	addresses->next = 2;
	addresses->owners = rk_zalloc(addresses->count * sizeof *addresses->owners);
	*ret = addresses;
	return RK_OK;
}

struct rk_addresses *rk_addresses_free(struct rk_addresses *addresses)
{
	if (addresses == NULL)
		return NULL;
	for (uint32_t i = 0; i < addresses->count; i++)
		free(addresses->owners[i]);
	free(addresses->owners);
	free(addresses);
	return NULL;
}

uint32_t rk_addresses_gateway(const struct rk_addresses *addresses) { return addresses->base + 1; }

unsigned rk_addresses_prefix(const struct rk_addresses *addresses) { return addresses->prefix; }

/* The distance from base of what `key` has; 0 when it has none. */
static uint32_t find(const struct rk_addresses *addresses, const char *key)
{
	for (uint32_t i = 2; i < addresses->count - 1; i++)
		if (addresses->owners[i] != NULL && strcmp(addresses->owners[i], key) == 0)
			return i;
	return 0;
}

static bool is_free(const struct rk_addresses *addresses, uint32_t at)
{
	return at >= 2 && at < addresses->count - 1 && addresses->owners[at] == NULL;
}

int rk_addresses_take(struct rk_addresses *addresses, const char *key, uint32_t wanted,
		      uint32_t *ret_address)
{
	const uint32_t span = addresses->count - 3;
	uint32_t at = find(addresses, key);

	if (at != 0) {
		*ret_address = addresses->base + at;
		return RK_OK;
	}
	at = wanted - addresses->base;
	if (!is_free(addresses, at)) {
		for (uint32_t i = 0; i < span; i++) {
			at = 2 + (addresses->next - 2 + i) % span;
			if (is_free(addresses, at))
				break;
		}
		if (!is_free(addresses, at))
			return RK_ENOSPC;
		addresses->next = at + 1;
	}
	addresses->owners[at] = rk_strdup(key);
	*ret_address = addresses->base + at;
	return RK_OK;
}

bool rk_addresses_has(const struct rk_addresses *addresses, const char *key)
{
	return find(addresses, key) != 0;
}

void rk_addresses_give_back(struct rk_addresses *addresses, const char *key)
{
	const uint32_t at = find(addresses, key);

	free(addresses->owners[at]);
	addresses->owners[at] = NULL;
}
