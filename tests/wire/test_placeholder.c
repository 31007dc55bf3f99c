#include <criterion/criterion.h>

Test(wire, builds)
{
	cr_expect(true);
}
