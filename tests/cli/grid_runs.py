"""Small grids for tests: Table 1 with CLIP and ProMPT on miniature data sets and the tiny model. Imported, not a test.

    grid_runs.prepare(root, ("caltech101", "oxford_pets"))
    grid(out, "--jobs", 2)
"""

import json
import os

import harness
import miniature
from harness import run

SETS = ("--set", "vision_prompt.depth=2", "--set", "data.shots=4", "--set", "training.lr=0.05", "--set",
        "training.check_images=0")
shared = {}  # data, model


def prepare(root, datasets):
    shared["data"] = root / "data"
    for name in datasets:
        miniature.make(shared["data"], name)
    (shared["data"] / "clip").mkdir()
    (shared["data"] / "clip" / harness.merges().name).symlink_to(harness.merges())
    shared["model"] = harness.make_model(root / "tiny.safetensors")


def environment(programs=None):
    """`programs`: a folder of programs that hide those of this machine."""
    path = f"{programs}:{os.environ['PATH']}" if programs else os.environ["PATH"]
    return {**os.environ, "PROMPT_BIN": harness.program(), "OMP_NUM_THREADS": "1", "PATH": path}


def write_program(path, script):
    path.write_text("#!/bin/sh\n" + script + "\n")
    path.chmod(0o755)


def grid_options(out, datasets="caltech101,oxford_pets,dtd", epochs=2):
    return ("--methods", "CLIP,ProMPT", "--datasets", datasets, "--seeds", "1", "--data", shared["data"], "--model",
            shared["model"], "--threads", 1, "--out", out, "--set", f"training.epochs={epochs}", *SETS)


def grid_words(out, *more, table=1, **options):
    return ("grid", "--table", table, *grid_options(out, **options), *more)


def grid(out, *more, **options):
    return run(*grid_words(out, *more, **options))


def records(out):
    return {str(path.relative_to(out).parent): json.loads(path.read_text()) for path in sorted(out.rglob("results.json"))}
