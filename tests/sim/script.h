/* tests/sim/script.h - histories written as text, a line for each operation or response:
 *
 *     c1 1-2 put a=1 @5                       client 1, invoked at 1, returned at 2, at revision 5
 *     c1 3-4 get a..z @6 a=1/5/5/1            key=value/created/modified/version[/lease]
 *     c2 3-? del a                            no answer
 *     c2 5-6 del a..z prev @7 n1 a=1/5/5/1
 *     c1 7-8 get a rev 5 ser limit 3 count @7 n1
 *     c1 7-8 txn a.version=0 put a=2 | get a @8 yes
 *     c1 9-9 compact 5 @8
 *     c1 9-9 get a rev 3 compacted            or future, refused
 *     w1 from 5 a..z prev noput nodel         a watch of client 1; its responses follow
 *     : at 20 +a=1/5/5/1 -b/6 +a=2/5/7/2<a=1/5/5/1
 *     : at 3 created @4        : at 9 progress @9        : at 9 cancel 8        : at 9 fragment
 * +a=...
 */
#ifndef RK_TESTS_SIM_SCRIPT_H
#define RK_TESTS_SIM_SCRIPT_H

#include "sim/history.h"

void script_read(const char *text, struct rk_history *ret);

#endif
