"""Inputs of tests that the repository does not hold: real data, and CLIP's merges.

PROMPT_TEST_DATA is a data root with caltech-101/, clip/ and the split files of other sets. Without it the tests draw
their pictures and take the class names that the program knows; PROMPT_REQUIRE_PARITY=1 makes its absence a failure.
The merges need no real data: the test setup.merges puts them into the build folder (merges.sh).
"""

import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
MERGES = "bpe_simple_vocab_16e6.txt.gz"
CALTECH_SPLIT = "caltech-101/split_zhou_Caltech101.json"
CALTECH_IMAGES = "caltech-101/101_ObjectCategories"


def required():
    return os.environ.get("PROMPT_REQUIRE_PARITY") == "1"


def skip_or_fail(why):
    """Ends a test program that cannot run here, with the reason; where parity is required that is a failure."""
    if required():
        sys.exit(f"PROMPT_REQUIRE_PARITY=1, but {why}")
    print(f"skipped: {why}")
    sys.exit(77)


def root(*needed):
    """The data root if it holds every path of `needed`, else None; where parity is required that is a failure."""
    folder = os.environ.get("PROMPT_TEST_DATA")
    paths = [os.path.join(folder, name) for name in ("", *needed)] if folder else []
    missing = [path for path in paths if not os.path.exists(path)]
    if folder and not missing:
        return pathlib.Path(folder).resolve()
    if required():
        why = f"'{missing[0]}' (PROMPT_TEST_DATA) is missing" if missing else "PROMPT_TEST_DATA is not set"
        sys.exit(f"PROMPT_REQUIRE_PARITY=1, but {why}")
    return None


def caltech():
    """Caltech-101's image folder and its split, or None twice."""
    data = root(CALTECH_SPLIT, CALTECH_IMAGES)
    return (data / CALTECH_IMAGES, json.loads((data / CALTECH_SPLIT).read_text(encoding="utf-8"))) if data else (None, None)


def merges():
    """The file of CLIP's merges. PROMPT_BIN is the program, in the folder of its build."""
    made = pathlib.Path(os.environ["PROMPT_BIN"]).resolve().parent / "tests/data"
    for data in (made, pathlib.Path(os.environ.get("PROMPT_TEST_DATA") or made)):
        if (data / "clip" / MERGES).is_file():
            return (data / "clip" / MERGES).resolve()
    skip_or_fail("CLIP's merges are not here: the test setup.merges did not find them")


def imagenet_classes():
    """[(WordNet id, name)] of ImageNet's 1,000 classes, from the program's table."""
    return re.findall(r'CLASS\("(n\d{8})", "(.*)"\)', (ROOT / "src/data/imagenet_classes.def").read_text(encoding="utf-8"))


def class_names():
    """Public class names, sorted: ImageNet's and, from real data, those of CoOp's split files; and how many lists."""
    names, n_lists = {name for _, name in imagenet_classes()}, 1
    if data := root("imagenet/class_names.txt"):
        names.update((data / "imagenet/class_names.txt").read_text(encoding="utf-8").splitlines())
        for path in data.glob("*/split_zhou_*.json"):
            parts = json.loads(path.read_text(encoding="utf-8")).values()
            names.update(item[2] for part in parts for item in part)
            n_lists += 1
    if len(names) <= (1500 if n_lists > 1 else 990):
        raise AssertionError(f"{len(names)} class names of {n_lists} public lists are too few")
    return sorted(names), n_lists
