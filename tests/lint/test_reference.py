#!/usr/bin/env python3
"""The table of keys in configs/README.md is what `prompt config --markdown` prints.

usage: test_reference.py PROGRAM PAGE [--update]
"""

import subprocess
import sys

BEGIN, END = "<!-- keys -->", "<!-- /keys -->"


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[3:] not in ([], ["--update"]):
        sys.exit(__doc__)
    program, path = sys.argv[1:3]
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        print(f"{path}: expected one '{BEGIN}' followed by one '{END}'")
        return 1
    want = subprocess.run([program, "config", "--markdown"], check=True, capture_output=True, text=True).stdout
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    if sys.argv[3:]:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text[:start] + "\n" + want + text[end:])
        return 0
    found = text[start:end].strip().splitlines()
    n_rows = len(want.splitlines()) - 2
    if n_rows < 10:
        print(f"expected a table of keys, found {n_rows} rows")
        return 1
    if found == want.strip().splitlines():
        print(f"{n_rows} keys agree")
        return 0
    for line in found:
        if line not in want.splitlines():
            print(f"only in {path}: {line}")
    for line in want.splitlines():
        if line not in found:
            print(f"missing in {path}: {line}")
    print(f"the table of keys differs from the program's: run {sys.argv[0]} {program} {path} --update")
    return 1


if __name__ == "__main__":
    sys.exit(main())
