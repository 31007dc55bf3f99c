#include <criterion/criterion.h>

Test(net, builds)
{
	cr_expect(true);
}
