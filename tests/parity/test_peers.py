"""The table of peers: each kind of input that the program reads, run through it and through a live library.

    test_peers.py            makes the table, prints it, and compares it with the one in README.md of this folder
    test_peers.py --write    puts it there instead

Fails if a row is beyond its bound, if a kind that the program names has no row, or if the page says something else.
Needs PROMPT_BIN, PROMPT_TOOLS and the peers; no data: merges are open_clip's, pictures are made here.
"""

import os
import pathlib
import re
import sys
import tempfile
import time
import warnings

from real_data import skip_or_fail

try:
    import peers  # noqa: F401  before the libraries
    import clip  # noqa: F401
    import open_clip  # noqa: F401
    import torch
    import torchvision  # noqa: F401
    import transformers
except ImportError as error:
    skip_or_fail(f"a peer is missing: {error}; tests/parity/setup.sh installs them")

import peer_layouts  # noqa: E402
import peer_lists  # noqa: E402
import peer_pictures  # noqa: E402
import peer_preprocess  # noqa: E402
import peer_table  # noqa: E402
import peer_tokens  # noqa: E402
import peer_weights  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "tests/parity/README.md"
BEGIN, END = "<!-- table: test_peers.py --write -->\n", "<!-- end of the table -->\n"


def all_rows():
    modules = (peer_layouts, peer_lists, peer_weights, peer_preprocess, peer_tokens, peer_pictures)
    return [row for module in modules for row in module.rows()]


# ---------------------------------------------------------------- what the program names


def kinds_of_the_program(bench):
    """{what: its names}, each from the program's own words."""
    source = (ROOT / "src/weights/open.c").read_text(encoding="utf-8")
    formats = re.findall(r'"([^"]*)"', re.search(r"weights_format_names\[\d*\] = {(.*?)}", source, re.S).group(1))
    return {"data set": [entry["name"] for entry in bench.json("data", "list")], "format of weights": formats,
            "resize mode": peer_preprocess.names_of_the_key("model.resize_mode", bench),
            "interpolation": peer_preprocess.names_of_the_key("model.interpolation", bench),
            "tokenizer file": peer_tokens.names_that_are_looked_for(bench),
            "picture's format": peer_pictures.formats_of_the_program(bench)}


def kinds_without_a_row(bench, rows):
    covered = {name for row in rows for name in row.covers}
    return [f"no row for the {what} '{name}'" for what, names in kinds_of_the_program(bench).items() for name in names
            if name not in covered]


# ---------------------------------------------------------------- the page


def write_page(table):
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.split(BEGIN)[0] + BEGIN + table + END + text.split(END)[1], encoding="utf-8")


def page_problems(rows, text):
    """Each row must be there once, of these versions and with a result that holds. Which Python it is does not count."""
    def plain(line):
        return re.sub(r"Python 3\.\d+", "Python 3", line)
    table = text.split(BEGIN)[1].split(END)[0]
    page = [plain(line) for line in table.splitlines() if line.startswith("| ") and line not in peer_table.HEAD]
    problems = []
    for row in rows:
        lines = [plain(peer_table.line_of(row, result)) for result in peer_table.results_that_hold(row)]
        found = next((line for line in lines if line in page), None)
        if found:
            page.remove(found)
        else:
            problems.append(f"the page lacks: {lines[-1]}")
    return problems + [f"the page alone has: {line}" for line in page]


# ---------------------------------------------------------------- all of it


def check_itself(bench):
    """What must fail, or the table proves nothing."""
    def row(difference, bound=0):
        return peer_table.Row("", "kind", "maker", "peer 1.0", "what", lambda _: difference(), bound)
    wrong = (lambda: peer_table.items([1, 2], [1, 3]), lambda: peer_table.items([1], [1, 2]),
             lambda: peer_table.items({"a": 1}, {"a": 1, "b": 2}), lambda: peer_table.items([], []),
             lambda: peer_table.numbers([1, 2], [1, 2.1]), lambda: peer_table.numbers([1, 2], [[1, 2]]),
             lambda: peer_table.numbers([1, float("nan")], [1, 2]),
             lambda: peer_table.features([[1, 1], [1, 1]], [[1, 1], [1, 1]]))
    for difference in wrong:
        assert not peer_table.result_of(row(difference, 0.01), bench, [])[1]
    near = row(lambda: peer_table.numbers([1, 2], [1, 2.001]), 0.01)
    assert peer_table.result_of(near, bench, []) == ("at most 0.01", True)
    assert peer_table.result_of(row(lambda: peer_table.items([1], [1])), bench, []) == ("equal", True)
    assert len(page_problems([near], BEGIN + peer_table.line_of(near, "equal") + "\n" + END)) == 0
    assert len(page_problems([near], BEGIN + peer_table.line_of(near, "equal").replace("1.0", "0.9") + "\n" + END)) == 2


def main(words):
    """Words other than --write choose rows, to look at those alone."""
    start = time.monotonic()
    chosen = [word for word in words if word != "--write"]
    rows = [row for row in all_rows() if all(word in f"{row.section} {row.kind}" for word in chosen)]
    problems, lines, measured = [], {}, []
    with tempfile.TemporaryDirectory() as folder:
        bench = peer_table.Bench(folder)
        check_itself(bench)
        for row in rows:
            result, holds = peer_table.result_of(row, bench, measured)
            line = peer_table.line_of(row, result)
            lines.setdefault(row.section, []).append(line)
            problems += [] if holds else [line]
        problems += [] if chosen else kinds_without_a_row(bench, rows)
    table = peer_table.markdown(lines)
    print(table, *measured, sep="\n")
    if "--write" in words and not chosen and not problems:
        write_page(table)
    problems += [] if chosen else page_problems(rows, PAGE.read_text(encoding="utf-8"))
    print(*problems, sep="\n")
    print(f"table of peers: {len(rows)} rows, {len(problems)} problems, {time.monotonic() - start:.0f} s")
    return 1 if problems or not rows else 0


if __name__ == "__main__":
    for variable in ("PROMPT_BIN", "PROMPT_TOOLS"):
        if not os.environ.get(variable):
            skip_or_fail(f"{variable} is not set")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    sys.exit(main(sys.argv[1:]))
