# prompt_compiler: what every file of ours is compiled with. Warnings are errors in the presets dev and asan alone.
add_library(prompt_compiler INTERFACE)
target_compile_definitions(prompt_compiler INTERFACE $<$<COMPILE_LANGUAGE:C>:_XOPEN_SOURCE=700>)

set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wformat=2 -Wundef
  -Wnull-dereference -Wdouble-promotion -Wswitch-enum -Wimplicit-fallthrough -Wwrite-strings)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang") # which takes NAN, a float by the standard, for a mistake
  list(REMOVE_ITEM warnings -Wdouble-promotion)
endif()
target_compile_options(prompt_compiler INTERFACE ${warnings}
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wvla>)
if(PROMPT_WARNINGS_AS_ERRORS)
  target_compile_options(prompt_compiler INTERFACE -Werror)
endif()

if(PROMPT_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang" OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "  PROMPT_FUZZ needs clang: run scripts/fuzz.sh, which chooses it")
  endif()
  # libFuzzer follows its own counters; those of llvm-cov say which lines the corpus reached
  target_compile_options(prompt_compiler INTERFACE -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(prompt_compiler INTERFACE -fprofile-instr-generate)
endif()
if(PROMPT_SANITIZE OR PROMPT_FUZZ)
  target_compile_options(prompt_compiler INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer
    $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=enum>) # C hands any int over as an enum; the shim answers with an error
  target_link_options(prompt_compiler INTERFACE -fsanitize=address,undefined)
endif()
if(PROMPT_SANITIZE_THREADS)
  target_compile_options(prompt_compiler INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(prompt_compiler INTERFACE -fsanitize=thread)
  # Where addresses are random in more bits than the sanitizer expects, it ends the program: tests run without.
  execute_process(COMMAND setarch --addr-no-randomize true RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(NOT failed)
    set(PROMPT_TEST_LAUNCHER setarch --addr-no-randomize)
  endif()
endif()
