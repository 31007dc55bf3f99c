#include <criterion/criterion.h>

Test(control, builds)
{
	cr_expect(true);
}
