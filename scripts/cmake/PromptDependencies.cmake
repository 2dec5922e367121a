# Finds everything that prompt stands on; a missing piece ends the configuration with one line that names its package.

# (Two spaces in front keep CMake from breaking the line.)
function(prompt_missing what debian)
  message(FATAL_ERROR "  prompt needs ${what}: install it (Debian/Ubuntu: apt-get install ${debian}), or run scripts/setup.sh")
endfunction()

function(prompt_find_library target header library what debian)
  find_path(${target}_INCLUDE_DIR NAMES ${header} PATH_SUFFIXES ${ARGN})
  if(NOT ${target}_INCLUDE_DIR)
    prompt_missing("${what}" ${debian})
  endif()
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE_DIR})
  if(library)
    find_library(${target}_LIBRARY NAMES ${library})
    if(NOT ${target}_LIBRARY)
      prompt_missing("${what}" ${debian})
    endif()
    target_link_libraries(${target} INTERFACE ${${target}_LIBRARY})
  endif()
endfunction()

find_package(Threads REQUIRED)
find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  prompt_missing("zlib" zlib1g-dev)
endif()
find_package(OpenSSL QUIET COMPONENTS Crypto)
if(NOT OPENSSL_FOUND)
  prompt_missing("OpenSSL's libcrypto" libssl-dev)
endif()
prompt_find_library(prompt_cjson cjson/cJSON.h cjson "cJSON" libcjson-dev)
prompt_find_library(prompt_utf8proc utf8proc.h utf8proc "utf8proc" libutf8proc-dev)
prompt_find_library(prompt_libpng png.h png "libpng" libpng-dev)
prompt_find_library(prompt_jpeg jpeglib.h jpeg "libjpeg-turbo" libjpeg-dev)
# Pixels depend on the decoder: the other libjpeg has its own chroma.
find_path(prompt_jpeg_CONFIG_DIR NAMES jconfig.h HINTS ${prompt_jpeg_INCLUDE_DIR})
set(prompt_jpeg_turbo "")
if(EXISTS "${prompt_jpeg_CONFIG_DIR}/jconfig.h")
  file(STRINGS "${prompt_jpeg_CONFIG_DIR}/jconfig.h" prompt_jpeg_turbo REGEX "define LIBJPEG_TURBO_VERSION ")
endif()
if(NOT prompt_jpeg_turbo)
  prompt_missing("libjpeg-turbo" libjpeg-dev)
endif()
# WebP is read where libwebp is there; a build without it says so of such a picture.
find_path(prompt_webp_INCLUDE_DIR NAMES webp/demux.h)
find_library(prompt_webp_LIBRARY NAMES webp)
find_library(prompt_webp_DEMUX NAMES webpdemux)
add_library(prompt_webp INTERFACE)
if(prompt_webp_INCLUDE_DIR AND prompt_webp_LIBRARY AND prompt_webp_DEMUX)
  target_include_directories(prompt_webp SYSTEM INTERFACE ${prompt_webp_INCLUDE_DIR})
  target_link_libraries(prompt_webp INTERFACE ${prompt_webp_DEMUX} ${prompt_webp_LIBRARY})
  target_compile_definitions(prompt_webp INTERFACE PROMPT_HAS_WEBP)
else()
  message(STATUS "no libwebp: WebP pictures will be refused (Debian/Ubuntu: libwebp-dev)")
endif()
prompt_find_library(prompt_stb stb_image.h "" "stb_image" libstb-dev stb)

# Several processes work together where MPI is there; a build without it says so when a launcher starts several.
find_package(MPI QUIET COMPONENTS C)
if(NOT MPI_C_FOUND)
  message(STATUS "no MPI: a training or an evaluation is one process (Debian/Ubuntu: libopenmpi-dev openmpi-bin)")
endif()

if(PROMPT_SANITIZE_THREADS) # what is built needs no more
  return()
endif()
prompt_find_library(prompt_lbfgs lbfgs.h lbfgs "libLBFGS" liblbfgs-dev)
find_package(OpenMP QUIET COMPONENTS CXX)
if(NOT OpenMP_CXX_FOUND)
  prompt_missing("OpenMP of the C++ compiler" g++)
endif()

# ---------------------------------------------------------------- libtorch
# Torch_DIR or CMAKE_PREFIX_PATH first, else a Python that has torch: PROMPT_PYTHON, the private environment that
# scripts/setup.sh makes, python3. Its own package config is not used: it drags CUDA's toolkit in as a build
# requirement and puts flags on C files. The libraries and headers are all that is needed.
set(PROMPT_TORCH_MINIMUM 2.6)

function(prompt_torch_root_from_python out)
  foreach(python IN ITEMS "${PROMPT_PYTHON}" "${CMAKE_SOURCE_DIR}/.venv/bin/python" python3)
    if(python STREQUAL "")
      continue()
    endif()
    execute_process(COMMAND "${python}" -c # where it is, without importing it, which takes seconds
      "import importlib.util; print(importlib.util.find_spec('torch').submodule_search_locations[0])"
      OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed AND EXISTS "${root}/include/torch/csrc/api/include/torch/torch.h")
      set(${out} "${root}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

set(torch_root "")
if(NOT Torch_DIR AND DEFINED ENV{Torch_DIR})
  set(Torch_DIR "$ENV{Torch_DIR}")
endif()
string(REPLACE ":" ";" torch_prefixes "$ENV{CMAKE_PREFIX_PATH}")
if(Torch_DIR)
  get_filename_component(torch_root "${Torch_DIR}/../../.." ABSOLUTE)
else()
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH torch_prefixes)
    foreach(candidate IN ITEMS "${prefix}" "${prefix}/../..")
      if(NOT torch_root AND EXISTS "${candidate}/include/torch/csrc/api/include/torch/torch.h")
        get_filename_component(torch_root "${candidate}" ABSOLUTE)
      endif()
    endforeach()
  endforeach()
endif()
if(NOT torch_root)
  prompt_torch_root_from_python(torch_root)
endif()
if(NOT torch_root OR NOT EXISTS "${torch_root}/include/torch/csrc/api/include/torch/torch.h")
  message(FATAL_ERROR "  prompt needs libtorch ${PROMPT_TORCH_MINIMUM} or newer: run scripts/setup.sh, or pass -DCMAKE_PREFIX_PATH=\"$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)')\"")
endif()

file(STRINGS "${torch_root}/include/torch/headeronly/version.h" torch_version_lines
  REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
if(NOT torch_version_lines) # before 2.9 the version stood in another header
  file(STRINGS "${torch_root}/include/torch/csrc/api/include/torch/version.h" torch_version_lines
    REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
endif()
string(REGEX MATCHALL "[0-9]+" torch_version "${torch_version_lines}")
list(JOIN torch_version "." PROMPT_TORCH_VERSION)
if(PROMPT_TORCH_VERSION VERSION_LESS PROMPT_TORCH_MINIMUM)
  message(FATAL_ERROR "  prompt needs libtorch ${PROMPT_TORCH_MINIMUM} or newer; ${torch_root} has ${PROMPT_TORCH_VERSION}")
endif()

add_library(prompt_libtorch INTERFACE)
target_include_directories(prompt_libtorch SYSTEM INTERFACE
  "${torch_root}/include" "${torch_root}/include/torch/csrc/api/include")
foreach(library IN ITEMS torch torch_cpu c10)
  find_library(libtorch_${library} NAMES ${library} PATHS "${torch_root}/lib"
    NO_DEFAULT_PATH NO_CACHE REQUIRED)
  target_link_libraries(prompt_libtorch INTERFACE "${libtorch_${library}}")
endforeach()
# A CUDA build registers its operations when its library is loaded; nothing of ours calls into it by name.
find_library(libtorch_torch_cuda NAMES torch_cuda PATHS "${torch_root}/lib" NO_DEFAULT_PATH NO_CACHE)
find_library(libtorch_c10_cuda NAMES c10_cuda PATHS "${torch_root}/lib" NO_DEFAULT_PATH NO_CACHE)
if(libtorch_torch_cuda AND libtorch_c10_cuda)
  target_link_libraries(prompt_libtorch INTERFACE
    "-Wl,--no-as-needed" "${libtorch_torch_cuda}" "${libtorch_c10_cuda}" "-Wl,--as-needed")
endif()
target_link_options(prompt_libtorch INTERFACE "-Wl,-rpath,${torch_root}/lib")
# at::parallel_for is OpenMP's in the file that calls it, and silently one thread's where that is compiled without. Our runtime
# is the one beside libtorch if it has the plain name (in older packages it has not); else the compiler's, which stands first
# among the program's libraries and so serves libtorch, too.
set(openmp_library "${torch_root}/lib/libgomp.so.1")
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR NOT EXISTS "${openmp_library}")
  set(openmp_library ${OpenMP_CXX_LIBRARIES})
endif()
separate_arguments(openmp_flags NATIVE_COMMAND "${OpenMP_CXX_FLAGS}")
target_compile_options(prompt_libtorch INTERFACE ${openmp_flags})
target_link_libraries(prompt_libtorch INTERFACE ${openmp_library})
# libtorch before 2.7 for pip used the old string ABI; a mismatch shows only as undefined references.
file(STRINGS "${torch_root}/share/cmake/Torch/TorchConfig.cmake" torch_abi_line REGEX "_GLIBCXX_USE_CXX11_ABI=[01]")
if(torch_abi_line MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
  target_compile_definitions(prompt_libtorch INTERFACE _GLIBCXX_USE_CXX11_ABI=0)
endif()
message(STATUS "libtorch ${PROMPT_TORCH_VERSION} in ${torch_root}")
