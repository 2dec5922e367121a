#!/usr/bin/env python3
"""Length of files and functions: a report above the soft limits, a failure above the hard ones."""

import sys

from sources import read, sources

SOFT_FILE, SOFT_FUNCTION = 350, 60
HARD_FILE, HARD_FUNCTION = 450, 90
LONG_FOR_A_REASON = {"shim/pickle.cpp: pickle::step"}  # one switch, a few lines per opcode


def functions(text):
    """Name and number of lines of each function, whose braces are alone in the first column."""
    lines = text.split("\n")
    start, depth_of_namespace = None, 0
    for i, line in enumerate(lines):
        if line.startswith("{"):
            head = i - 1
            while head > 0 and lines[head].startswith((" ", "\t", ")")):
                head -= 1
            if lines[head].startswith(("namespace", "extern")):
                depth_of_namespace += 1
            elif start is None:
                start = (i, lines[head].split("(")[0].split(" ")[-1].lstrip("*"))
        elif line.startswith("}"):
            if start is not None:
                yield start[1], i - start[0] + 1
                start = None
            elif depth_of_namespace:
                depth_of_namespace -= 1


def check_itself():
    body = "    x();\n" * 100
    found = list(functions("namespace a\n{\nint f(int a,\n      int b)\n{\n" + body + "}\n}\nstruct s {\n};\nint g(void)\n{\n}\n"))
    assert found == [("f", 102), ("g", 2)], found


def main():
    check_itself()
    n_long, n_too_long, n_functions = 0, 0, 0
    paths = [path for path in sources(["include", "shim", "src", "tests"])]

    def measure(what, n_lines, soft, hard):
        nonlocal n_long, n_too_long
        if n_lines > soft:
            n_long += 1
            is_too_long = n_lines > hard and what not in LONG_FOR_A_REASON
            n_too_long += is_too_long
            print(f"{'TOO LONG' if is_too_long else 'long':8} {what}: {n_lines} lines")

    for path in paths:
        text = read(path)
        measure(path, text.count("\n"), SOFT_FILE, HARD_FILE)
        for name, n_lines in functions(text):
            n_functions += 1
            measure(f"{path}: {name}", n_lines, SOFT_FUNCTION, HARD_FUNCTION)
    print(f"sizes: {len(paths)} files and {n_functions} functions checked, {n_long} long, {n_too_long} too long")
    return 1 if n_too_long or not n_functions else 0


if __name__ == "__main__":
    sys.exit(main())
