#!/usr/bin/env bash
# ftfy 6.3.1: a '<' in one line switches HTML references off for all lines after it, and only for those.
#
# Guess: fix_text works line by line, and leaves &eacute; alone in a line that holds a '<', which may be HTML.
# Found: from the first line with a '<' on, references are left in every line; the lines before are resolved
# already, so that the order of lines decides.
# Matters: CLIP's tokenizers call ftfy, then html.unescape. What only ftfy does after the references, such as
# straight quotes, is lost for those lines: "Levi&rsquo;s" ends with a curly quote, which has other ids.
# Captions that are cleaned as one file differ from captions that are cleaned one by one.
#
# Seen: "Levi&rsquo;s / 1 < 2" gives "Levi's / 1 < 2", "1 < 2 / Levi&rsquo;s" is left as it is
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --no-deps ftfy==6.3.1 wcwidth==0.9.4
"$folder/env/bin/python" - << 'PYTHON'
import html
import ftfy

before, after = "Levi&rsquo;s\n1 < 2", "1 < 2\nLevi&rsquo;s\ncaf&eacute;"
for text in (before, after):
    print(f"{text!a} becomes {ftfy.fix_text(text)!a}, then by html.unescape {html.unescape(ftfy.fix_text(text))!a}")
assert ftfy.fix_text("Levi&rsquo;s") == "Levi's" and ftfy.fix_text("caf&eacute;") == "caf\u00e9"
assert ftfy.fix_text(before) == "Levi's\n1 < 2"
assert ftfy.fix_text(after) == after
assert html.unescape(ftfy.fix_text(after)) == "1 < 2\nLevi\u2019s\ncaf\u00e9"
PYTHON
