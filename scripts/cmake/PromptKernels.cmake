# The kernels are compiled once per instruction set; the best one is chosen at run time.
set(kernel_options -O3 -fopenmp-simd -fno-math-errno -fno-trapping-math)
if(PROMPT_SANITIZE) # a fifth of the time to compile
  list(TRANSFORM kernel_options REPLACE "^-O3$" "-O1")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang") # clang 14 does not vectorize every reduction, and no loop that is watched
  list(APPEND kernel_options -Wno-pass-failed)
endif()
set(kernel_sources shim/kernels/kernels_generic.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_sources(prompt_torch PRIVATE shim/kernels/kernels_avx2.cpp shim/kernels/kernels_avx512.cpp)
  target_compile_definitions(prompt_torch PRIVATE PROMPT_X86)
  set_source_files_properties(shim/kernels/kernels_avx2.cpp PROPERTIES COMPILE_OPTIONS
    "${kernel_options};-mavx2;-mfma")
  set_source_files_properties(shim/kernels/kernels_avx512.cpp PROPERTIES COMPILE_OPTIONS
    "${kernel_options};-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mfma;-mprefer-vector-width=512")
  list(APPEND kernel_sources shim/kernels/kernels_avx2.cpp shim/kernels/kernels_avx512.cpp)
endif()
set_source_files_properties(shim/kernels/kernels_generic.cpp PROPERTIES COMPILE_OPTIONS "${kernel_options}")
set_source_files_properties(${kernel_sources} shim/kernels/kernels.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
