#!/usr/bin/env python3
"""Writes src/text/html_entities.def: HTML5's named character references, from Python's own table.

tests/parity/test_tokenizer.py runs it again and compares.
"""
import argparse
import html
import pathlib
from html.entities import html5

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "src/text/html_entities.def"
HEADER = """\
/* HTML5's named character references, with Python's own spelling of them: a name that HTML5 accepts without a semicolon
 * has an entry without one. Written by scripts/make_html_entities.py; do not edit.
 *
 * ENTITY(name, first, second)  in strcmp() order; second is 0 if the reference is one code point
 * C1(code, codepoint)          &#code; for code = 0x80 to 0x9f
 */
#ifndef ENTITY
#define ENTITY(name, first, second)
#endif
#ifndef C1
#define C1(code, codepoint)
#endif
"""
FOOTER = """\
#undef ENTITY
#undef C1
"""


def table() -> str:
    lines = [HEADER]
    for name in sorted(html5):  # ASCII: the same order as strcmp()
        first, second = ([ord(c) for c in html5[name]] + [0])[:2]
        assert name.isascii() and len(html5[name]) <= 2 and len(name) <= 32 and len(name) > len(html5[name])
        lines.append(f'ENTITY("{name}", {first:#x}, {second:#x})\n')
    lines += [f"C1({c:#x}, {ord(html.unescape(f'&#{c};')):#x})\n" for c in range(0x80, 0xA0)]
    return "".join([*lines, FOOTER])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", nargs="?", type=pathlib.Path, default=OUTPUT, help="default: src/text/html_entities.def")
    parser.parse_args().output.write_text(table(), encoding="ascii")
