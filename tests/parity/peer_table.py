"""What the table of peers is made of: rows, the program and its tools, and Markdown. Imported by test_peers.py.

A row names a kind of input, who made it, the peer with its version as it runs, and what is compared. `measure` gets a
Bench, makes the input, runs both, and returns a Difference.
"""

import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile
from typing import Callable

import numpy
import torch
from safetensors.torch import load_file


@dataclasses.dataclass(frozen=True)
class Difference:
    """Of `n` things compared, how many differ at all, and the largest difference (1 where things have no size)."""

    n: int
    n_other: int
    worst: float


@dataclasses.dataclass(frozen=True)
class Row:
    section: str
    kind: str
    made_by: str
    peer: str
    compared: str
    measure: Callable[["Bench"], Difference]
    bound: float = 0  # of the largest difference; 0: equal
    covers: tuple = ()  # names of the program's own lists that this row is for


def version(*packages):
    """ "torchvision 0.28.0, pillow 13.0.0", as installed; of Python itself the minor version."""
    return ", ".join(f"Python {'.'.join(platform.python_version_tuple()[:2])}" if package == "python"
                     else f"{package} {importlib.metadata.version(package)}" for package in packages)


# ---------------------------------------------------------------- differences


def items(ours, theirs):
    """Of two lists or dictionaries of things that are equal or not."""
    if isinstance(theirs, dict):
        missing = object()
        pairs = [(ours.get(key, missing), theirs.get(key, missing)) for key in {**ours, **theirs}]
    else:
        pairs = list(zip(ours, theirs)) + [(None, 1)] * abs(len(ours) - len(theirs))
    n_other = sum(one != other for one, other in pairs)
    return Difference(len(pairs), n_other, float(n_other > 0))


def numbers(ours, theirs):
    """Of two arrays or tensors; another shape is as far as can be."""
    ours, theirs = (numpy.asarray(value, numpy.float64) for value in (ours, theirs))
    if ours.shape != theirs.shape:
        return Difference(theirs.size, theirs.size, float("inf"))
    difference = numpy.abs(ours - theirs)
    return Difference(theirs.size, int((difference != 0).sum()), float(difference.max(initial=0)))


def features(ours, theirs):
    """Of rows of features, each normalized. Rows that are all alike would say nothing."""
    ours, theirs = (torch.nn.functional.normalize(torch.as_tensor(value).detach().double(), dim=-1)
                    for value in (ours, theirs))
    if len(theirs) < 2 or float((theirs[1:] @ theirs[0]).max()) > 0.999:
        raise AssertionError("the peer's features are all alike: nothing is compared")
    return numbers(ours, theirs)


def together(differences):
    differences = list(differences)
    return Difference(sum(d.n for d in differences), sum(d.n_other for d in differences),
                      max((d.worst for d in differences), default=0))


# ---------------------------------------------------------------- the program


class Bench:
    """The program and its tools, a folder for what is made, and inputs that several rows share."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.program = os.environ["PROMPT_BIN"]
        self.tools = pathlib.Path(os.environ["PROMPT_TOOLS"])
        self.shared = {}

    def once(self, name, make):
        """make(folder) at the first call; its result at every call."""
        if name not in self.shared:
            folder = self.folder / name
            folder.mkdir()
            self.shared[name] = make(folder)
        return self.shared[name]

    def new_folder(self):
        """Of one row: taken away after it."""
        (self.folder / "row").mkdir(exist_ok=True)
        return pathlib.Path(tempfile.mkdtemp(dir=self.folder / "row"))

    def end_row(self):
        shutil.rmtree(self.folder / "row", ignore_errors=True)

    def run(self, *words, given=None):
        """Standard output; an error is the program's own line."""
        result = subprocess.run(list(map(str, words)), input=given, capture_output=True, check=False)
        if result.returncode != 0:
            raise RuntimeError((result.stderr.decode(errors="replace").strip() or f"exit status {result.returncode}"))
        return result.stdout

    def prompt(self, *words):
        return self.run(self.program, *words)

    def json(self, *words):
        return json.loads(self.prompt(*words, "--json"))

    def world(self):
        """The fifteen layouts, as `prompt data synth` draws them."""
        def make(folder):
            self.prompt("data", "synth", folder / "world", "--px", 16, "--per-class", 4)
            return folder / "world"
        return self.once("world", make)

    def features(self, model, images, texts, merges="-"):
        """Pixels, tokens and both towers' features by the program's encoder; "-": merges as the program finds them."""
        folder = self.new_folder()
        for name, lines in (("images", images), ("texts", texts)):
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.run(self.tools / "feature_tool", "fast", model, merges, folder / "images", folder / "texts", folder / "out")
        return load_file(folder / "out")


# ---------------------------------------------------------------- the table

COLUMNS = ("kind", "input made by", "peer and version", "compared", "result")
HEAD = "| " + " | ".join(COLUMNS) + " |\n| --- | --- | --- | --- | --- |"


def results_that_hold(row):
    return ["equal", f"at most {row.bound:g}"] if row.bound else ["equal"]


def result_of(row, bench, measured):
    """(what the table says, whether the row holds); `measured` gets what was found."""
    try:
        found = row.measure(bench)
    except Exception as error:  # any failure of either side fails its row, not the table
        return "failed: " + re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:400], False
    finally:
        bench.end_row()
    if found.n == 0:
        return "failed: nothing was compared", False
    measured.append(f"{row.kind}: {found.n} compared, {found.n_other} differ, at most by {found.worst:.2g}")
    if not found.worst <= row.bound:
        return f"failed: {found.n_other} of {found.n} differ, at most by {found.worst:.3g}, bound {row.bound:g}", False
    return results_that_hold(row)[found.n_other > 0], True


def line_of(row, result):
    cells = (row.kind, row.made_by, row.peer, row.compared, result)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def markdown(lines_by_section):
    return "\n".join(f"**{section}**\n\n{HEAD}\n" + "\n".join(lines) + "\n"
                     for section, lines in lines_by_section.items()) + "\n"
