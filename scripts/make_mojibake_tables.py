#!/usr/bin/env python3
"""Writes src/text/mojibake_tables.def: the kinds of code points of ftfy 6.3.1, and its nine code pages.

Needs ftfy. tests/parity/test_tokenizer.py runs it again and compares.
"""
import argparse
import pathlib

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "src/text/mojibake_tables.def"
HEADER = """\
/* The facts behind ftfy 6.3.1's search for a wrong encoding (Robyn Speer, Apache-2.0): kinds of code points, and the code
 * points of bytes from 0x80 on. Written by scripts/make_mojibake_tables.py; do not edit.
 *
 * RANGE(first, last, kinds)       in order; K(KIND) for each kind
 * PAGE(is_sloppy, is_mac, upper)  upper: 128 code points
 */
#ifndef RANGE
#define RANGE(first, last, kinds)
#endif
#ifndef PAGE
#define PAGE(is_sloppy, is_mac, ...)
#endif
"""
FOOTER = """\
#undef RANGE
#undef PAGE
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
    from ftfy.badness import MOJIBAKE_CATEGORIES
    from ftfy.chardata import UTF8_CLUES

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
    import ftfy
    from ftfy.chardata import CHARMAP_ENCODINGS

    assert ftfy.__version__ == "6.3.1" and CHARMAP_ENCODINGS[0] == "latin-1", ftfy.__version__
    lines = [HEADER]
    lines += [f"RANGE({first:#x}, {last:#x}, {kinds})\n" for first, last, kinds in kind_ranges()]
    for name in CHARMAP_ENCODINGS[1:]:
        upper = bytes(range(0x80, 0x100)).decode(name)
        rows = [", ".join(f"{ord(c):#x}" for c in upper[row:row + 16]) for row in range(0, 128, 16)]
        lines.append(f"/* {name} */\nPAGE({str(name.startswith('sloppy')).lower()}, {str(name == 'macroman').lower()},\n    " +
                     ",\n    ".join(rows) + ")\n")
    return "".join([*lines, FOOTER])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", nargs="?", type=pathlib.Path, default=OUTPUT, help="default: src/text/mojibake_tables.def")
    parser.parse_args().output.write_text(table(), encoding="ascii")
