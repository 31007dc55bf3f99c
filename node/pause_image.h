/* node/pause_image.h - the program of node/pause.c, carried inside this one. */
#ifndef RK_NODE_PAUSE_IMAGE_H
#define RK_NODE_PAUSE_IMAGE_H

#include "base/span.h"

struct rk_span rk_pause_image(void); /* an ELF executable */

#endif
