#include <criterion/criterion.h>

Test(node, builds)
{
	cr_expect(true);
}
