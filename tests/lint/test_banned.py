#!/usr/bin/env python3
"""Finds functions with a safer replacement, output and exit in libraries, headers of CUDA, names of machines anywhere."""

import re
import sys

from sources import read, report, sources, tracked, without_comments

UNSAFE = re.compile(r"\b(?:std::)?(atoi|atol|atof|sscanf|strtok|strcpy|strcat|sprintf|gets|rand|srand)\s*\(")
# libraries report by status; only the program prints, and only its main ends it
LIBRARY = re.compile(r"\b(?:std::)?(exit|_exit|_Exit|quick_exit|abort|printf|puts|putchar|perror)\s*\(")
# the program builds with a libtorch that has no CUDA, and runs on one that has it
CUDA_HEADER = re.compile(r"#\s*include\s*[<\"]((?:cuda|cublas|cudnn|(?:c10|ATen|torch/csrc)/cuda/)[^>\"]*)[>\"]")
# composed, so that this file does not contain them
MACHINE = re.compile("|".join([
    r"(?<![\w.])/(?:work|root)\b", r"(?<![\w.])/(?:home|Users)/\w",
    r"\bpypi\." + "org", r"\bpythonhosted\." + "org", r"\bdownload\.pytorch\." + "org", r"\bnpmjs\." + "(?:org|com)",
    r"\bdebian\." + "org", r"\bubuntu\." + "com",
]))


def code_problems(path, text):
    text = without_comments(text)
    patterns = [UNSAFE]
    if path.startswith(("src/", "shim/", "include/")) and not path.startswith("src/cli/"):
        patterns.append(LIBRARY)
    for pattern in patterns:
        for match in pattern.finditer(text):
            # tools of the tests parse lines that their own scripts write
            if match.group(1) == "sscanf" and path.startswith("tests/"):
                continue
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group(1)}() is banned"
    for match in CUDA_HEADER.finditer(text):
        yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: <{match.group(1)}> is a header of CUDA"


def machine_problems(path, text):
    for match in MACHINE.finditer(text):
        yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: '{match.group(0)}' names a machine"


def check_itself():
    """Slips that must be found, or the test proves nothing."""
    for path, text in [("tests/x.c", "int n = atoi(text);"), ("src/run/x.c", "strcpy (a, b);"),
                       ("shim/x.cpp", "std::sscanf(a, b);"), ("src/data/x.c", "exit(1);"), ("src/run/x.c", 'puts("x");'),
                       ("shim/x.cpp", "#include <c10/cuda/CUDAStream.h>"), ("shim/x.cpp", "#include <ATen/cuda/CUDAContext.h>"),
                       ("shim/x.hpp", '# include "cuda_runtime.h"'), ("shim/x.cpp", "#include <cublasLt.h>")]:
        assert len(list(code_problems(path, text))) == 1, text
    for path, text in [("src/run/x.c", "/* exit(1) */ fprintf(f, x); snprintf(a, n, x); batch_exit(b); my_gets(c);"),
                       ("src/cli/x.c", "exit(1);"), ("tests/x.c", "printf(x);"), ("shim/x.cpp", "#include <torch/cuda.h>")]:
        assert not list(code_problems(path, text)), text
    for text in ("cd /wor" + "k/main", "'/roo" + "t/.cache'", "/hom" + "e/me/x", "https://pypi." + "org/simple"):
        assert len(list(machine_problems("x", text))) == 1, text
    assert not list(machine_problems("x", "out/work runs/home/ network/root"))


def main():
    check_itself()
    problems, n_checked = [], 0
    for path in sources(["include", "shim", "src", "tests"]):
        problems += code_problems(path, read(path))
        n_checked += 1
    for path in tracked():
        if not path.endswith((".safetensors", ".bin", ".pt", ".npy", ".gz")):
            problems += machine_problems(path, read(path))
            n_checked += 1
    return report("banned", problems, n_checked, "files")


if __name__ == "__main__":
    sys.exit(main())
