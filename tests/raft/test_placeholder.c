#include <criterion/criterion.h>

Test(raft, builds)
{
	cr_expect(true);
}
