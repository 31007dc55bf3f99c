#include <criterion/criterion.h>
Test(random, nothing) {}
