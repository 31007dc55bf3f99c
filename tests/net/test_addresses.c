#include <criterion/criterion.h>
#include <stdio.h>

#include "net/addresses.h"

static const struct {
	const char *cidr;
	int rc;
} ranges[] = {
	{ "10.244.1.0/24", RK_OK },      { "10.244.0.0/16", RK_OK },
	{ "10.244.1.8/29", RK_OK },      { "10.244.1.1/24", RK_EINVAL },
	{ "10.0.0.0/8", RK_EINVAL },     { "10.244.1.0/30", RK_EINVAL },
	{ "10.244.1.0", RK_EINVAL },     { "10.244.1/24", RK_EINVAL },
	{ "10.244.1.0/33", RK_EINVAL },  { "", RK_EINVAL },
	{ "10.244.01.0/24", RK_EINVAL }, { "fd00::/64", RK_EINVAL },
};

Test(addresses, ranges)
{
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		struct rk_addresses *addresses = NULL;
		struct rk_error error;
		cr_expect_eq(rk_addresses_new(&addresses, ranges[i].cidr, &error), ranges[i].rc,
			     "%s", ranges[i].cidr);
		(void)rk_addresses_free(addresses);
	}
}

Test(addresses, each_pod_has_its_own_until_it_gives_it_back)
{
	struct rk_addresses *addresses = NULL;
	uint32_t address = 0, first = 0, second = 0;

	cr_assert_eq(rk_addresses_new(&addresses, "10.244.1.0/24", NULL), RK_OK);
	cr_expect_eq(rk_addresses_gateway(addresses), 0x0af40101u);
	cr_assert_eq(rk_addresses_take(addresses, "a", 0, &first), RK_OK);
	cr_expect_eq(first, 0x0af40102u);
	cr_assert_eq(rk_addresses_take(addresses, "a", 0x0af40155u, &address), RK_OK);
	cr_expect_eq(address, first, "the same pod keeps its address");
	cr_assert_eq(rk_addresses_take(addresses, "b", first, &second), RK_OK);
	cr_expect_neq(second, first, "a taken address is not given twice");
	cr_assert_eq(rk_addresses_take(addresses, "c", 0x0af401c8u, &address), RK_OK);
	cr_expect_eq(address, 0x0af401c8u, "a wanted one that is free");
	rk_addresses_give_back(addresses, "a");
	rk_addresses_give_back(addresses, "unknown");
	cr_assert_eq(rk_addresses_take(addresses, "d", 0, &address), RK_OK);
	cr_expect_neq(address, first, "what was just given back rests");
	(void)rk_addresses_free(addresses);
}

Test(addresses, a_range_is_used_up)
{
	struct rk_addresses *addresses = NULL;
	uint32_t address = 0;
	char key[16];

	cr_assert_eq(rk_addresses_new(&addresses, "10.244.1.8/29", NULL), RK_OK);
	for (int i = 0; i < 5; i++) {
		(void)snprintf(key, sizeof key, "pod-%d", i);
		cr_expect_eq(rk_addresses_take(addresses, key, 0, &address), RK_OK);
		cr_expect(address >= 0x0af4010au && address <= 0x0af4010eu, "%x", address);
	}
	cr_expect_eq(rk_addresses_take(addresses, "one more", 0, &address), RK_ENOSPC);
	rk_addresses_give_back(addresses, "pod-2");
	cr_expect_eq(rk_addresses_take(addresses, "one more", 0, &address), RK_OK);
	(void)rk_addresses_free(addresses);
}
