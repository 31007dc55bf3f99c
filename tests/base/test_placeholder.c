#include <criterion/criterion.h>

Test(base, builds)
{
	cr_expect(true);
}
