#!/usr/bin/env python3
"""A grid as a job array on a real Slurm of this machine: bundles, a cancelled task, what a second submission finishes, and
the table of a plain grid."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

import grid_runs
import harness
import slurm_machine
from grid_runs import environment, grid, grid_words, shared

PETS = "base2new/prompt/vision_prompt.depth=2+data.shots=4+training.epochs=2+training.lr=0.05/oxford_pets/seed1"
MAX_ARRAY = 4  # numbers are below it


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    grid_runs.prepare(root / "two words", ("caltech101", "oxford_pets"))
    shared["whole"] = root / "whole"
    result = grid(shared["whole"])
    assert result.status == 0, result
    shared["slurm"] = unittest.enterModuleContext(slurm_machine.Slurm(root / "slurm", n_cores=1, max_array=MAX_ARRAY))


class Array(harness.Case):
    def setUp(self):
        super().setUp()
        self.out, self.jobs = self.tmp / "runs", self.tmp / "100% jobs"
        self.slurm = shared["slurm"]

    def grid(self, *more):
        done = subprocess.run(harness.words(*grid_words(self.out, *more)), env={**environment(), **self.slurm.env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        return harness.Result(done.returncode, done.stdout, done.stderr)

    def submit(self, *more):
        result = self.check_ok(self.grid("--slurm", self.jobs, "--submit", *more))
        self.assertRegex(result.out, r"\Aarray \d+\ntable \d+\n\Z")
        return re.findall(r"\d+", result.out)

    def log(self, name):
        return (self.jobs / f"{name}.txt").read_text()

    def test_a_cancelled_task_is_finished_by_a_second_submission(self):
        array, table = self.submit("--sbatch", "--comment=two words", "--time", 10)
        self.slurm.run("scancel", f"{array}_3")
        tasks = json.loads(next(self.jobs.glob("tasks-*.json")).read_text())["tasks"]
        self.assertEqual([len(task["runs"]) for task in tasks], [2, 1, 1], "four runs in an array of three")
        self.assertEqual(tasks[2]["runs"], [PETS])
        while f"{array}_2" in self.slurm.states(array) and not (status := json.loads(self.grid("--status", "--json").out))["running"]:
            time.sleep(0.1)
        self.assertIn([run["job"] for run in status["runs"] if run["state"] == "running"], ([f"{array}_1"], [f"{array}_2"]))
        self.slurm.wait(table)
        self.assertRegex(self.log(f"array-{array}_1"), r"grid: 2 of 2 done, ")
        self.assertIn("runs:      3 done, 1 to run, 2 without their data\n", self.log(f"table-{table}"))
        self.assertIn("- not run: ProMPT on OxfordPets", self.log(f"table-{table}"))
        self.assertFalse((self.out / PETS).exists())

        # a claim of a job that Slurm does not know, of a machine that is not this one, with two beats missing
        token = self.out / PETS / "claim" / "far,77,999_1,1700000000,0badb007-9,55"
        token.parent.mkdir(parents=True)
        token.touch()
        os.utime(token, (time.time() - 60,) * 2)
        array, table = self.submit()
        self.assertEqual(len(list(self.jobs.glob("tasks-*.json"))), 2)
        self.slurm.wait(table)
        self.assertRegex(self.log(f"array-{array}_1"), r"runs:      0 done, 1 to run, 0 without .*\ngrid: 1/1, ")
        for ending in ("md", "csv", "tex"):
            self.assertEqual((self.out / f"table1-part.{ending}").read_bytes(), (shared["whole"] / f"table1-part.{ending}").read_bytes())
        self.assertEqual([str(path) for path in self.out.rglob("claim*")], [])
        result = self.check_ok(self.grid("--slurm", self.jobs, "--submit"))
        self.assertEqual((result.out, result.err.splitlines()[-1]), ("", "nothing is left to run: no script is written"))

    def test_scripts_without_submission_and_what_sbatch_refuses(self):
        result = self.check_ok(self.grid("--slurm", self.jobs, "--bundle", 2, "--time", "4:00:00", "--sbatch=--partition=nowhere"))
        self.assertEqual(result.out, f"id=$(sbatch --parsable '{self.jobs}/array.sh') && "
                         f"sbatch --dependency=\"afterany:$id\" '{self.jobs}/table.sh'\n")
        script = (self.jobs / "array.sh").read_text()
        for line in ("#SBATCH --array=1-2", "#SBATCH --open-mode=append", "#SBATCH --requeue", "#SBATCH --signal=B:TERM@120",
                     "#SBATCH --time=4:00:00", "#SBATCH --partition=nowhere"):
            self.assertIn(f"\n{line}\n", script)
        last = script.splitlines()[-1]
        self.assertTrue(last.startswith("exec ") and last.endswith(' --task "$SLURM_ARRAY_TASK_ID"'), last)
        self.assertTrue((self.jobs / "table.sh").read_text().splitlines()[-1].endswith(" --table-only"))
        self.assertFalse(self.out.exists())
        result = self.grid("--slurm", self.jobs, "--sbatch=--partition=nowhere", "--submit")
        self.check_error(result, 1, r"sbatch does not take '.*array\.sh': sbatch: error: .*partition.*")


if __name__ == "__main__":
    if why := slurm_machine.missing():
        print(f"SKIPPED HERE: {why}")
        sys.exit(1 if harness.required() and not why.startswith(harness.ALLOWED_SKIPS) else 77)
    harness.merges()
    harness.main()
