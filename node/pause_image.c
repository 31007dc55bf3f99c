#include "node/pause_image.h"

/* The path is relative to the build directory, where make runs the compiler. */
__asm__(".pushsection .rodata\n"
	".global rk_pause_begin\n"
	".global rk_pause_end\n"
	"rk_pause_begin:\n"
	".incbin \"node/pause.bin\"\n"
	"rk_pause_end:\n"
	".popsection\n");

extern const uint8_t rk_pause_begin[];
extern const uint8_t rk_pause_end[];

struct rk_span rk_pause_image(void)
{
	return (struct rk_span){ rk_pause_begin, (size_t)(rk_pause_end - rk_pause_begin) };
}
