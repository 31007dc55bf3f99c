/* base/ipv4.h - IPv4 addresses and ranges as text and as numbers (host order). Leading zeros are
 * refused: some read them as octal. */
#ifndef RK_BASE_IPV4_H
#define RK_BASE_IPV4_H

#include "base/span.h"

#define RK_IPV4_TEXT_MAX 16

bool rk_ipv4_parse(struct rk_span text, uint32_t *ret);
void rk_ipv4_format(uint32_t address, char text[RK_IPV4_TEXT_MAX]);
/* "10.96.0.0/16": the address as it stands there (bits behind the prefix may be set), and how many
 * bits the prefix has. */
bool rk_cidr_parse(struct rk_span text, uint32_t *ret_address, unsigned *ret_prefix);

#endif
