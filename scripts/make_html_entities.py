#!/usr/bin/env python3
"""Writes src/text/html_entities.c: HTML5's named character references, from Python's own table.

    scripts/make_html_entities.py [OUTPUT]        # default: src/text/html_entities.c

tests/parity/test_tokenizer.py makes it again and compares.
"""
import html
import pathlib
import sys
from html.entities import html5

HEADER = """\
/*
 * HTML5's named character references with Python's own spelling of them: a name without a semicolon may stand
 * without one. Written by scripts/make_html_entities.py; do not edit.
 */
#include "html_entities.h"

/* clang-format off */
"""


def table() -> str:
    lines = [HEADER, "const struct html_entity html_entities[] = {\n"]
    for name in sorted(html5):  # ASCII: the same order as strcmp()
        first, second = ([ord(c) for c in html5[name]] + [0])[:2]
        assert name.isascii() and len(html5[name]) <= 2 and len(name) <= 32 and len(name) > len(html5[name])
        lines.append(f'    {{"{name}", {first:#x}, {second:#x}}},\n')
    lines.append("};\n\nconst size_t n_html_entities = sizeof html_entities / sizeof html_entities[0];\n\n")
    lines.append("const uint32_t html_c1_replacements[HTML_N_C1] = {\n")
    for row in range(0x80, 0xA0, 8):
        values = ", ".join(f"{ord(html.unescape(f'&#{c};')):#x}" for c in range(row, row + 8))
        lines.append(f"    {values},\n")
    lines.append("};\n")
    return "".join(lines)


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    output = sys.argv[1] if len(sys.argv) > 1 else here.parent / "src/text/html_entities.c"
    pathlib.Path(output).write_text(table(), encoding="ascii")
