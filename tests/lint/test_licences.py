#!/usr/bin/env python3
"""The README's last section names every library that the program runs with, and its licence.

usage: test_licences.py PROGRAM README
"""

import re
import subprocess
import sys

SECTION = "## Citation, licence, third parties\n"
# names in the README that differ from the beginning of the library's file name
NAMES = {
    "libcjson": "cJSON", "libz": "zlib", "libjpeg": "libjpeg-turbo", "libutf8proc": "utf8proc", "libgcc_s": "libgcc",
    **dict.fromkeys(("libmpi", "libopen-rte", "libopen-pal", "libhwloc", "libevent_core", "libevent_pthreads", "libudev"), "Open MPI"),
    **dict.fromkeys(("libwebpdemux", "libsharpyuv"), "libwebp"),
    **dict.fromkeys(("libc", "libm", "librt", "libdl", "libpthread", "ld-linux"), "glibc"),
}
# the kernel's page, and the sanitizers of a preset that nobody installs
NO_LIBRARIES = ("linux-vdso", "libasan", "libubsan", "liblsan", "libtsan")


def libraries(listing):
    """(beginning of the file's name, path) of each line of ldd."""
    for line in listing.splitlines():
        words = line.split()
        name = words[0].rsplit("/", 1)[-1]
        yield re.split(r"\.so|-x86|-aarch|\.", name)[0].rstrip("0123456789-") or name, words[2] if "=>" in words else ""


def problems_of(listing, section):
    for stem, path in libraries(listing):
        if stem in NO_LIBRARIES:
            continue
        # libraries that libtorch brings along, CUDA's too, count as libtorch
        name = "libtorch" if re.search(r"/(torch|nvidia)/", path) else NAMES.get(stem, stem)
        # a licence follows in brackets, perhaps of several libraries together
        if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])[^()]*\([^()]+\)", section):
            yield f"'{stem}' of '{path}': no '{name}' with its licence"


def check_itself():
    """Slips that must be found, or the test proves nothing."""
    listing = ("\tlinux-vdso.so.1 (0x0)\n\tlibc10.so => /x/torch/lib/libc10.so (0x0)\n\tlibnew.so.3 => /lib/libnew.so.3 (0x0)\n"
               "\tlibpng16.so.16 => /lib/libpng16.so.16 (0x0)\n\t/lib64/ld-linux-x86-64.so.2 (0x0)\n")
    assert [stem for stem, _ in libraries(listing)] == ["linux-vdso", "libc", "libnew", "libpng", "ld-linux"], list(libraries(listing))
    assert len(list(problems_of(listing, "libtorch (BSD), libnew (MIT), libpng and glibc (LGPL)"))) == 0
    assert len(list(problems_of(listing, "libtorch (BSD), libpng and glibc (LGPL)"))) == 1
    assert len(list(problems_of(listing, "libtorch (BSD), libnew (MIT), libpng-like (x), glibc"))) == 2


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    check_itself()
    listing = subprocess.run(["ldd", sys.argv[1]], check=True, capture_output=True, text=True).stdout
    with open(sys.argv[2], encoding="utf-8") as stream:
        section = stream.read().split(SECTION)[1].replace("\n", " ")
    problems = list(problems_of(listing, section))
    for problem in problems:
        print(f"{sys.argv[2]}: {SECTION.strip()}: {problem}")
    n = len(list(libraries(listing)))
    print(f"licences: {n} libraries, {len(problems)} problems")
    return 1 if problems or not n else 0


if __name__ == "__main__":
    sys.exit(main())
