#!/usr/bin/env python3
"""A missing dependency ends the configuration with one line that names its package. usage: CMAKE TORCH_ROOT"""

import os
import pathlib
import subprocess
import sys
import tempfile

from sources import root

PROJECT = """cmake_minimum_required(VERSION 3.21)
project(dependencies LANGUAGES C CXX)
list(APPEND CMAKE_MODULE_PATH "{root}/scripts/cmake")
include(PromptDependencies)
if(WITH_TESTS)
  add_subdirectory("{root}/tests" tests)
endif()
"""

# removed dependencies and the line they cause. An empty path in the cache means searched and not found.
MISSING = (
    (("-DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON",), "prompt needs zlib:", "apt-get install zlib1g-dev)"),
    (("-DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON",), "prompt needs OpenSSL's libcrypto:", "apt-get install libssl-dev)"),
    (("-DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON",), "prompt needs OpenMP of the C++ compiler:", "apt-get install g++)"),
    (("-Dprompt_cjson_INCLUDE_DIR=",), "prompt needs cJSON:", "apt-get install libcjson-dev)"),
    (("-Dprompt_cjson_LIBRARY=",), "prompt needs cJSON:", "apt-get install libcjson-dev)"),
    (("-Dprompt_utf8proc_INCLUDE_DIR=",), "prompt needs utf8proc:", "apt-get install libutf8proc-dev)"),
    (("-Dprompt_utf8proc_LIBRARY=",), "prompt needs utf8proc:", "apt-get install libutf8proc-dev)"),
    (("-Dprompt_lbfgs_INCLUDE_DIR=",), "prompt needs libLBFGS:", "apt-get install liblbfgs-dev)"),
    (("-Dprompt_lbfgs_LIBRARY=",), "prompt needs libLBFGS:", "apt-get install liblbfgs-dev)"),
    (("-Dprompt_libpng_INCLUDE_DIR=",), "prompt needs libpng:", "apt-get install libpng-dev)"),
    (("-Dprompt_libpng_LIBRARY=",), "prompt needs libpng:", "apt-get install libpng-dev)"),
    (("-Dprompt_jpeg_INCLUDE_DIR=",), "prompt needs libjpeg-turbo:", "apt-get install libjpeg-dev)"),
    (("-Dprompt_jpeg_LIBRARY=",), "prompt needs libjpeg-turbo:", "apt-get install libjpeg-dev)"),
    (("-Dprompt_jpeg_CONFIG_DIR=/nowhere",), "prompt needs libjpeg-turbo:", "apt-get install libjpeg-dev)"),
    (("-Dprompt_stb_INCLUDE_DIR=",), "prompt needs stb_image:", "apt-get install libstb-dev)"),
    (("-DWITH_TESTS=ON", "-DCMOCKA_INCLUDE_DIR="), "prompt needs cmocka (or -DBUILD_TESTING=OFF):",
     "apt-get install libcmocka-dev)"),
    (("-DWITH_TESTS=ON", "-DCMOCKA_LIBRARY="), "prompt needs cmocka (or -DBUILD_TESTING=OFF):",
     "apt-get install libcmocka-dev)"),
    (("-DTorch_DIR=/nowhere/share/cmake/Torch",), "prompt needs libtorch 2.6 or newer: run scripts/setup.sh, or pass "
     "-DCMAKE_PREFIX_PATH=", "torch.utils.cmake_prefix_path"),
)


def old_torch(folder):
    """An imitation of libtorch 2.5."""
    headers = folder / "include" / "torch" / "csrc" / "api" / "include" / "torch"
    headers.mkdir(parents=True)
    (headers / "torch.h").write_text("")
    (headers / "version.h").write_text("".join(f"#define TORCH_VERSION_{part} {n}\n" for part, n in
                                               (("MAJOR", 2), ("MINOR", 5), ("PATCH", 1))))
    return folder / "share" / "cmake" / "Torch"


def main():
    cmake, torch_root = sys.argv[1:]
    env = {key: value for key, value in os.environ.items() if key not in ("Torch_DIR", "CMAKE_PREFIX_PATH")}
    failures = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "CMakeLists.txt").write_text(PROJECT.format(root=root()))
        old = (f"-DTorch_DIR={old_torch(folder / 'old')}",), "prompt needs libtorch 2.6 or newer;", "has 2.5.1"
        # it succeeds with nothing removed, and without libwebp; the cache is kept, so that the compiler is checked once
        cache, good = folder / "build" / "CMakeCache.txt", None
        for options, *words in (((),), (("-Dprompt_webp_LIBRARY=",),), *MISSING, old):
            if good:
                cache.write_text(good)
            result = subprocess.run([cmake, "-S", name, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={torch_root}", *options],
                                    env=env, capture_output=True, text=True, check=False)
            good = good or cache.read_text()
            lines = [line for line in result.stderr.splitlines() if "prompt needs" in line]
            if words and (result.returncode == 0 or len(lines) != 1 or not all(word in lines[0] for word in words)):
                failures.append(f"{options}: expected one line with {words}, found status {result.returncode}: {result.stderr}")
            if not words and result.returncode != 0:
                failures.append(f"nothing is missing, but: {result.stderr}")
    for failure in failures:
        print(failure)
    print(f"dependencies: {len(MISSING) + 1} taken away, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
