#include "base/ipv4.h"

#include <stdio.h>

bool rk_ipv4_parse(struct rk_span text, uint32_t *ret)
{
	uint32_t address = 0;

	for (int i = 0; i < 4; i++) {
		struct rk_span part;
		uint64_t value;
		text = rk_span_cut(text, '.', &part);
		if (part.size > 3 || (part.size > 1 && part.data[0] == '0') ||
		    !rk_span_u64(part, &value) || value > 255 || (text.data == NULL) != (i == 3))
			return false;
		address = address << 8 | (uint32_t)value;
	}
	*ret = address;
	return true;
}

void rk_ipv4_format(uint32_t address, char text[RK_IPV4_TEXT_MAX])
{
	(void)snprintf(text, RK_IPV4_TEXT_MAX, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		       address >> 8 & 255, address & 255);
}

bool rk_cidr_parse(struct rk_span text, uint32_t *ret_address, unsigned *ret_prefix)
{
	struct rk_span head;
	const struct rk_span bits_text = rk_span_cut(text, '/', &head);
	uint64_t bits;
	uint32_t address;

	if (!rk_ipv4_parse(head, &address) || !rk_span_u64(bits_text, &bits) || bits > 32)
		return false;
	*ret_address = address;
	*ret_prefix = (unsigned)bits;
	return true;
}
