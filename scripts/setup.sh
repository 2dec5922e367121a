#!/usr/bin/env bash
# Installs the dependencies of prompt that are missing, and builds it. A second run takes seconds.
# usage: scripts/setup.sh [--tests] [--no-build] [--preset NAME]
#
#   --tests        install what the tests need, too, and build the tests
#   --no-build     install only
#   --preset NAME  release (the default, into build/), dev (build-dev/), asan (build-asan/), tsan (build-tsan/: the rooms that
#                  need no libtorch, and their tests) or fuzz (build-fuzz/: the fuzz targets alone, which need clang)
#
# System packages come from apt. libtorch comes from Torch_DIR or CMAKE_PREFIX_PATH if these are set, else from a python3
# that has torch 2.6 or newer; else pip installs a pinned version into the private environment .venv. PIP_INDEX_URL and
# PIP_EXTRA_INDEX_URL choose where pip downloads from. For Linux on x86-64 the default index has the build with CUDA
# (several GB); PyTorch's index of CPU builds, whose address its installation page gives, has a build of about 0.2 GB.
set -euo pipefail
. "$(dirname "$0")/lib/help.sh"
cd "$(dirname "$script")/.."

torch_pinned=2.13.0
preset=release
with_tests=OFF
with_build=ON
while [ $# -gt 0 ]; do
    case $1 in
    --tests) with_tests=ON ;;
    --no-build) with_build=OFF ;;
    --preset)
        preset=${2:?--preset needs a name: release, dev, asan, tsan or fuzz}
        shift
        ;;
    --help | -h)
        print_help
        exit
        ;;
    *)
        echo "setup.sh: unknown option '$1'; see scripts/setup.sh --help" >&2
        exit 2
        ;;
    esac
    shift
done
[ "$preset" != tsan ] || with_tests=ON

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}

# ---------------------------------------------------------------- system packages
has_package() { [ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" = "install ok installed" ]; }

missing=()
need_command() { command -v "$1" >/dev/null || missing+=("$2"); }
need_command cmake cmake
need_command ninja ninja-build
need_command c++ g++
need_command python3 python3
[ $with_tests = OFF ] || need_command gnuplot gnuplot-nox
if ! command -v dpkg-query >/dev/null; then
    say "dpkg is not installed: install a compiler with OpenMP, cJSON, stb, zlib, libjpeg-turbo, libpng, libwebp, utf8proc, libLBFGS and OpenSSL (for the tests also cmocka, gnuplot and Open MPI)"
    [ ${#missing[@]} -eq 0 ] || fail "missing: ${missing[*]}"
else
    libraries=(libcjson-dev libstb-dev zlib1g-dev libjpeg-dev libpng-dev libwebp-dev libutf8proc-dev liblbfgs-dev libssl-dev)
    [ $with_tests = OFF ] || libraries+=(libcmocka-dev libopenmpi-dev openmpi-bin)
    [ "$preset" != fuzz ] || libraries+=(clang-14 libclang-rt-14-dev libomp-14-dev llvm-14)
    for package in "${libraries[@]}"; do
        has_package "$package" || missing+=("$package")
    done
    # Python has the module venv, but its pip is in a separate package
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
fi
if [ ${#missing[@]} -gt 0 ]; then
    say "installing system packages: ${missing[*]}"
    install="apt-get install -y --no-install-recommends ${missing[*]}"
    sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo=(sudo)
        [ -t 0 ] || sudo=(sudo -n) # without a terminal nobody can type a password
    fi
    if ! command -v apt-get >/dev/null || { [ ${#sudo[@]} -gt 0 ] && ! command -v sudo >/dev/null; } ||
        ! "${sudo[@]}" true 2>/dev/null; then
        fail "cannot install them; run this as root, then scripts/setup.sh again: $install"
    fi
    # shellcheck disable=SC2086 # a list of words
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive $install ||
        { "${sudo[@]}" apt-get update && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive $install; } ||
        fail "apt-get failed; run this as root, then scripts/setup.sh again: $install"
fi

# ---------------------------------------------------------------- libtorch
# Prints the version of a Python's torch if it is new enough; does not import it, which takes seconds.
torch_of() {
    "$1" - 2>/dev/null <<'PYTHON'
import importlib.metadata as metadata
import sys

version = metadata.version("torch")
major, minor = (int(word) for word in version.split(".")[:2])
print(version)
sys.exit((major, minor) < (2, 6))
PYTHON
}

options=()
if [ "$preset" = tsan ]; then
    : # none
elif [ -n "${Torch_DIR:-}" ]; then
    options+=("-DTorch_DIR=$Torch_DIR")
    say "libtorch: Torch_DIR is $Torch_DIR"
elif [ -n "${CMAKE_PREFIX_PATH:-}" ] && python3 - "$CMAKE_PREFIX_PATH" <<'PYTHON'; then
import os
import sys

header = "include/torch/csrc/api/include/torch/torch.h"
prefixes = [prefix for word in sys.argv[1].split(";") for prefix in word.split(":") if prefix]
sys.exit(not any(os.path.exists(os.path.join(p, up, header)) for p in prefixes for up in ("", "../..")))
PYTHON
    say "libtorch: found through CMAKE_PREFIX_PATH"
elif [ -x .venv/bin/python ] && version=$(torch_of .venv/bin/python); then
    say "libtorch: $version in .venv"
elif version=$(torch_of python3); then
    say "libtorch: $version from $(command -v python3)"
else
    say "installing torch $torch_pinned and its dependencies with pip into $PWD/.venv (download: 0.2 GB for a CPU build, several GB with CUDA)"
    if ! command -v nvidia-smi >/dev/null && [ -z "${PIP_INDEX_URL:-}${PIP_EXTRA_INDEX_URL:-}" ]; then
        say "no NVIDIA GPU found: set PIP_INDEX_URL to PyTorch's index of CPU builds for a small download"
    fi
    [ -x .venv/bin/pip ] || python3 -m venv --clear .venv
    .venv/bin/pip install --quiet --disable-pip-version-check "torch==$torch_pinned" ||
        fail "pip could not install torch $torch_pinned into $PWD/.venv"
fi

# ---------------------------------------------------------------- build
[ $with_build = ON ] || exit 0
build=build
[ "$preset" = release ] || build=build-$preset
if [ $with_tests = ON ]; then
    options+=(-DBUILD_TESTING=ON)
elif ! grep -qs '^BUILD_TESTING:BOOL=ON' "$build/CMakeCache.txt"; then # a build folder with tests keeps them
    options+=(-DBUILD_TESTING=OFF)
fi
cmake --preset "$preset" --log-level=STATUS "${options[@]}"
cmake --build --preset "$preset" --parallel "${PROMPT_JOBS:-$(nproc)}"
case $preset in
fuzz) say "built the targets in $build/tests/fuzz" ;;
tsan) say "built the tests in $build/tests; run them: ctest --test-dir $build" ;;
*) say "built $build/prompt" ;;
esac
