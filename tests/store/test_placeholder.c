#include <criterion/criterion.h>

Test(store, builds)
{
	cr_expect(true);
}
