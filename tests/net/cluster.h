/* A cgroup, a network namespace and a pin directory of a test's own, and objects for it. */
#ifndef RK_TESTS_NET_CLUSTER_H
#define RK_TESTS_NET_CLUSTER_H

#include <stdbool.h>

#include "wire/val.h"

struct test_place {
	char cgroup[256];
	char pin[256];
};

/* Enters them; false (and a line that says so) without the rights. All is removed when the test
 * process ends, however it ends. */
bool test_place_enter(struct test_place *place, const char *test);
void test_place_leave(
	const struct test_place *place); /* goes back to the cgroup that it came from */

/* An object from YAML, in the arena. */
struct rk_val *test_object(struct rk_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
