/** The program's version; CMakeLists.txt's project() is its source. */
#ifndef PROMPT_RUN_VERSION_H
#define PROMPT_RUN_VERSION_H

#ifndef PROMPT_VERSION
#define PROMPT_VERSION "unknown"
#endif

#endif
