#include <criterion/criterion.h>

Test(cli, builds)
{
	cr_expect(true);
}
