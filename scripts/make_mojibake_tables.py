#!/usr/bin/env python3
"""Writes src/text/mojibake_tables.c: which code points ftfy 6.3.1 counts to which kind, and its nine code pages.

    scripts/make_mojibake_tables.py [OUTPUT]      # default: src/text/mojibake_tables.c

Needs ftfy. tests/parity/test_tokenizer.py makes it again and compares.
"""
import pathlib
import sys

import ftfy
from ftfy.badness import MOJIBAKE_CATEGORIES
from ftfy.chardata import CHARMAP_ENCODINGS, UTF8_CLUES

HEADER = """\
/*
 * The facts behind ftfy 6.3.1's search for a wrong encoding (Robyn Speer, Apache-2.0): kinds of code points,
 * and what the bytes from 0x80 on stand for. Written by scripts/make_mojibake_tables.py; do not edit.
 */
#include "mojibake_tables.h"

/* clang-format off */
"""

KINDS = {  # the names of our header
    "c1": "C1", "bad": "BAD", "law": "LAW", "currency": "CURRENCY", "start_punctuation": "START",
    "end_punctuation": "END", "numeric": "NUMERIC", "kaomoji": "FACE", "upper_accented": "UPPER_ACCENTED",
    "lower_accented": "LOWER_ACCENTED", "upper_common": "UPPER_COMMON", "lower_common": "LOWER_COMMON", "box": "BOX",
    "common": "COMMON", "utf8_first_of_2": "FIRST_OF_2", "utf8_first_of_3": "FIRST_OF_3",
    "utf8_first_of_4": "FIRST_OF_4", "utf8_continuation": "CONTINUATION",
    "utf8_continuation_strict": "CONTINUATION_STRICT",
}


def members(charset):
    """The code points of a regular expression's character class without escapes."""
    found, i = set(), 0
    while i < len(charset):
        is_range = charset[i + 1:i + 2] == "-" and i + 2 < len(charset)
        found |= set(range(ord(charset[i]), ord(charset[i + 2 * is_range]) + 1))
        i += 1 + 2 * is_range
    return found


def kind_ranges():
    sets = {KINDS[name]: members(text) for name, text in {**MOJIBAKE_CATEGORIES, **UTF8_CLUES}.items()}
    ranges = []
    for c in sorted(set().union(*sets.values())):
        kinds = " | ".join(f"K({name})" for name in KINDS.values() if c in sets[name])
        if ranges and ranges[-1][1] == c - 1 and ranges[-1][2] == kinds:
            ranges[-1][1] = c
        else:
            ranges.append([c, c, kinds])
    return ranges


def table() -> str:
    assert ftfy.__version__ == "6.3.1" and CHARMAP_ENCODINGS[0] == "latin-1", ftfy.__version__
    ranges = kind_ranges()
    lines = [HEADER, "#define K(name) MOJIBAKE_##name\n\nconst struct mojibake_range mojibake_ranges[] = {\n"]
    lines += [f"    {{{first:#x}, {last:#x}, {kinds}}},\n" for first, last, kinds in ranges]
    lines.append("};\n\nconst size_t n_mojibake_ranges = sizeof mojibake_ranges / sizeof mojibake_ranges[0];\n\n"
                 "const struct mojibake_page mojibake_pages[MOJIBAKE_N_PAGES] = {\n")
    for name in CHARMAP_ENCODINGS[1:]:
        upper = bytes(range(0x80, 0x100)).decode(name)
        lines.append(f"    /* {name} */\n    {{{str(name.startswith('sloppy')).lower()}, "
                     f"{str(name == 'macroman').lower()}, {{\n")
        for row in range(0, 128, 16):
            lines.append("        " + ", ".join(f"{ord(c):#x}" for c in upper[row:row + 16]) + ",\n")
        lines.append("    }},\n")
    lines.append("};\n")
    return "".join(lines)


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    output = sys.argv[1] if len(sys.argv) > 1 else here.parent / "src/text/mojibake_tables.c"
    pathlib.Path(output).write_text(table(), encoding="ascii")
