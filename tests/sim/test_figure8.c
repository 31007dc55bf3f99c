#include <criterion/criterion.h>

#include "tests/sim/figure8.h"

Test(raft, an_older_terms_entry_is_not_committed_by_counting_copies)
{
	bool ran = false;

	cr_expect(figure8_is_safe(&ran));
	cr_expect(ran, "the story did not come to its end");
}
