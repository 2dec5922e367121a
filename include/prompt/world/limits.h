/** The sizes that drawn pictures may have. */
#ifndef PROMPT_WORLD_LIMITS_H
#define PROMPT_WORLD_LIMITS_H

enum { WORLD_PX_MIN = 16, WORLD_PX_MAX = 512 };

#endif
