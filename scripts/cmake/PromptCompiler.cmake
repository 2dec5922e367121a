# prompt_compiler: what every file of ours is compiled with. Warnings are errors in the presets dev and asan alone.
add_library(prompt_compiler INTERFACE)
target_compile_definitions(prompt_compiler INTERFACE $<$<COMPILE_LANGUAGE:C>:_XOPEN_SOURCE=700>)

set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wformat=2 -Wundef
  -Wnull-dereference -Wdouble-promotion -Wswitch-enum -Wimplicit-fallthrough -Wwrite-strings)
target_compile_options(prompt_compiler INTERFACE ${warnings}
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wvla>)
if(PROMPT_WARNINGS_AS_ERRORS)
  target_compile_options(prompt_compiler INTERFACE -Werror)
endif()

if(PROMPT_SANITIZE)
  target_compile_options(prompt_compiler INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer
    $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=enum>) # C hands any int over as an enum; the shim answers with an error
  target_link_options(prompt_compiler INTERFACE -fsanitize=address,undefined)
endif()
