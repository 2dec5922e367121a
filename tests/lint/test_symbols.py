#!/usr/bin/env python3
"""No two static libraries define one symbol: the linker would take either, silently.

usage: test_symbols.py BUILD-FOLDER
"""

import collections
import pathlib
import subprocess
import sys


def duplicates(listings):
    """Symbols that several libraries define; a listing is what `nm --defined-only --extern-only` prints."""
    owners = collections.defaultdict(set)
    for library, listing in listings.items():
        for line in listing.splitlines():
            words = line.split()
            # weak symbols (V, W, u) are the same inline function of C++ in each library
            if len(words) == 3 and words[1] in "TDBRC" and not words[2].startswith("DW.ref."):
                owners[words[2]].add(library)
    return {symbol: sorted(names) for symbol, names in owners.items() if len(names) > 1}


def check_itself():
    twice = {"a": "\nx.o:\n0000 T f\n0010 W inline\n", "b": "0000 T f\n0000 W inline\n0000 t local\n", "c": "0000 t local\n"}
    assert duplicates(twice) == {"f": ["a", "b"]}, duplicates(twice)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    check_itself()
    libraries = sorted(pathlib.Path(sys.argv[1]).glob("libprompt_*.a"))
    found = duplicates({path.name: subprocess.run(["nm", "--defined-only", "--extern-only", path], check=True,
                                                  capture_output=True, text=True).stdout for path in libraries})
    for symbol, names in sorted(found.items()):
        print(f"'{symbol}' is defined in {' and '.join(names)}")
    print(f"symbols: {len(libraries)} libraries, {len(found)} problems")
    return 1 if found or not libraries else 0


if __name__ == "__main__":
    sys.exit(main())
