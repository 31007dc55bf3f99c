/* node/pause.c - the first process of a pod: holds its namespaces, reaps orphans, ends on SIGTERM.
 * No C library. */
#include <stddef.h>

#if defined(__x86_64__)
enum { SYS_SIGTIMEDWAIT = 128, SYS_SIGPROCMASK = 14, SYS_WAIT4 = 61, SYS_EXIT = 231 };

static long call4(long number, long a, long b, long c, long d)
{
	long result;
	register long fourth __asm__("r10") = d;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
enum { SYS_SIGTIMEDWAIT = 137, SYS_SIGPROCMASK = 135, SYS_WAIT4 = 260, SYS_EXIT = 94 };

static long call4(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#else
#error "node/pause.c knows x86_64 and aarch64"
#endif

enum { SIG_INT = 2, SIG_TERM = 15, SIG_CHLD = 17, NO_HANG = 1 };

static unsigned long bit(int signal) { return 1ul << (signal - 1); }

/* Blocked signals are queued even for the first process of a pid namespace, which ignores others.
 */
__attribute__((noreturn)) void _start(void);
void _start(void)
{
	const unsigned long set = bit(SIG_INT) | bit(SIG_TERM) | bit(SIG_CHLD);

	(void)call4(SYS_SIGPROCMASK, 0, (long)&set, 0, sizeof set);
	for (;;) {
		const long signal = call4(SYS_SIGTIMEDWAIT, (long)&set, 0, 0, sizeof set);

		if (signal == SIG_TERM || signal == SIG_INT)
			(void)call4(SYS_EXIT, 0, 0, 0, 0);
		while (call4(SYS_WAIT4, -1, 0, NO_HANG, 0) > 0)
			;
	}
}
