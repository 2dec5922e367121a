#!/usr/bin/env python3
"""A real Slurm on this machine. A grid as a job array: bundles, a cancelled task, what a second submission finishes, and the
table of a plain grid. One training on the tasks of a step."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import grid_runs
import harness
import ranks
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

    def running(self, name):
        """The job that has a run, in a list, or none."""
        runs = json.loads(self.check_ok(self.grid("--status", "--json")).out)["runs"]
        return [run["job"] for run in runs if run["name"] == name and run["state"] == "running"]

    def log(self, name):
        return (self.jobs / f"{name}.txt").read_text()

    def test_a_cancelled_task_is_finished_by_a_second_submission(self):
        held = PETS.replace("oxford_pets", "caltech101")
        (self.out / held).mkdir(parents=True)
        lock = os.open(self.out / held, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)  # the task that has the run waits for it
        array, table = self.submit("--sbatch", "--comment=two words", "--time", 10)
        self.slurm.run("scancel", f"{array}_3")
        tasks = json.loads(next(self.jobs.glob("tasks-*.json")).read_text())["tasks"]
        self.assertEqual([len(task["runs"]) for task in tasks], [2, 1, 1], "four runs in an array of three")
        self.assertEqual(tasks[2]["runs"], [PETS])
        self.slurm.until(lambda: self.running(held), f"the run '{held}'", 60)
        self.assertEqual(self.running(held), [f"{array}_{1 + [held in task['runs'] for task in tasks].index(True)}"])
        os.close(lock)
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
        for line in ("#SBATCH --array=1-2", "#SBATCH --open-mode=append", "#SBATCH --requeue", "#SBATCH --signal=B:USR1@120",
                     "#SBATCH --time=4:00:00", "#SBATCH --partition=nowhere"):
            self.assertIn(f"\n{line}\n", script)
        last = script.splitlines()[-1]
        self.assertTrue(last.startswith("exec ") and last.endswith(' --task "$SLURM_ARRAY_TASK_ID"'), last)
        self.assertTrue((self.jobs / "table.sh").read_text().splitlines()[-1].endswith(" --table-only"))
        self.assertFalse(self.out.exists())
        result = self.grid("--slurm", self.jobs, "--sbatch=--partition=nowhere", "--submit")
        self.check_error(result, 1, r"sbatch does not take '.*array\.sh': sbatch: error: .*partition.*")


class Step(harness.Case):
    """A training on two tasks of one step of srun, which share the one processor."""

    def srun(self, *options):
        words = harness.train_words(str(shared["data"]), shared["model"], self.tmp / "run", "--set", "data.shots=4", "--set",
                                    "training.check_images=0", "--set", "training.epochs=4000")
        at = options.index("--") if "--" in options else len(options)
        child = subprocess.Popen(["srun", "--overcommit", "-n", "2", *options[:at], *harness.words(*words, *options[at + 1:])],
                                 text=True, env={**environment(), **shared["slurm"].env}, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(child.wait)
        self.addCleanup(lambda: child.poll() is None and child.kill())
        return child

    def finish(self, child):
        out, err = child.communicate(timeout=60)
        return harness.Result(child.returncode, out, err)

    def need_pmix(self):
        if "pmix" not in shared["slurm"].run("srun", "--mpi=list"):
            self.skipTest("this Slurm has no plugin pmix")
        if not ranks.mpirun():
            self.skipTest("no mpirun, or the program was built without MPI")

    def test_two_tasks_are_one_training_and_a_killed_one_ends_it(self):
        """Slurm sends SIGTERM to the other one, which waits for it, and SIGKILL half a minute later."""
        self.need_pmix()
        out, options = self.tmp / "run", ("--mpi=pmix", "--kill-on-bad-exit", "--")
        result = self.check_ok(self.finish(self.srun(*options, "--max-steps", "3")))
        self.assertEqual(result.err.count("ranks    2: images in 2 parts"), 1, str(result))
        size = (out / "log.jsonl").stat().st_size
        child = self.srun(*options, "--resume")
        self.assertTrue(harness.wait_until(lambda: child.poll() is not None or (out / "log.jsonl").stat().st_size > size, 60))
        killed, began = self.tasks()["1"], time.monotonic()
        os.kill(killed, signal.SIGKILL)
        result = self.finish(child)
        self.assertLess(time.monotonic() - began, ranks.LIMIT_S, str(result))
        self.assertNotEqual(result.status, 0, str(result))
        self.assertEqual(self.tasks(), {})
        self.assertEqual(result.errors, [f"prompt: rank 0 on {socket.gethostname()}: stopped by SIGTERM; rank 1 did not come for 5 s"],
                         str(result))
        step = int(harness.read_safetensors(ranks.checkpoint(out))[1]["step"])
        self.assertGreaterEqual(step, 3)
        self.assertEqual(harness.leftovers(out), [])
        self.check_ok(harness.run("train", "--resume", "--out", out, "--max-steps", step + 1))

    def test_without_pmix_it_is_one_error(self):
        self.need_pmix()
        result = self.finish(self.srun("--mpi=none"))
        self.assertNotEqual(result.status, 0, str(result))
        self.assertEqual(len(result.errors), 1, str(result))
        self.assertRegex(result.errors[0], "srun started 2 processes .* srun --mpi=pmix --kill-on-bad-exit")

    def tasks(self):
        """The process ids of those that run, by their ranks."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if words[0] == harness.program().encode() and str(self.tmp / "run").encode() in words:
                    rank = re.search(rb"\0SLURM_PROCID=(\d+)\0", (path.parent / "environ").read_bytes())
                    found[rank.group(1).decode()] = int(path.parent.name)
        return found


if __name__ == "__main__":
    if why := slurm_machine.missing():
        print(f"SKIPPED HERE: {why}")
        sys.exit(1 if harness.required() and not why.startswith(harness.ALLOWED_SKIPS) else 77)
    harness.merges()
    harness.main()
