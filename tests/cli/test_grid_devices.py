#!/usr/bin/env python3
"""Several runs at a time: on devices, which here are sets of processors; what fails is tried again; the list of commands."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import grid_runs
import harness
from grid_runs import environment, grid, grid_words, shared
from harness import children, run

CORES = sorted(os.sched_getaffinity(0))


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    grid_runs.prepare(pathlib.Path(folder.name) / "two words", ("caltech101", "oxford_pets"))


def processors(pid):
    """Where a process may run, and the folder that it works on; None after its end."""
    with contextlib.suppress(OSError, ValueError):
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        return words[1 + [w in ("--out", "--run") for w in words].index(True)], tuple(sorted(os.sched_getaffinity(pid)))
    return None


class Devices(harness.Case):
    def test_each_run_stays_on_its_processors_and_none_is_idle(self):
        """Two sets (of one processor, where the machine has one alone two runs share it), four runs."""
        sets = f"cpu:{CORES[0]},cpu:{CORES[1]}" if len(CORES) > 1 else f"cpu:{CORES[0]}"
        more = () if len(CORES) > 1 else ("--jobs-per-device", 2)
        words = list(grid_words(self.tmp / "runs", "--devices", sets, *more))
        words[words.index("--threads") + 1] = 0
        child = subprocess.Popen(harness.words(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=environment())
        seen, most = set(), 0
        while child.poll() is None:
            now = [found for found in map(processors, children(child.pid)) if found]
            seen.update(cores for _, cores in now if cores != tuple(CORES) or len(CORES) == 1)
            most = max(most, len({folder for folder, _ in now}))
            time.sleep(0.005)
        _, err = child.communicate()
        self.assertEqual(child.returncode, 0, err)
        self.assertEqual(seen, {(CORES[0],), (CORES[1],)} if len(CORES) > 1 else {(CORES[0],)}, err)
        self.assertEqual(most, 2, err)
        self.expect_no_pause(err)
        for name in sets.split(","):
            self.assertRegex(err, rf"grid: \d/4, \S+ on {name}\n")
        for path in (self.tmp / "runs").rglob("config.json"):
            config = json.loads(path.read_text())
            self.assertEqual((config["device"], config["threads"], config["data"]["workers"]), ("cpu", 1, 1))

    def expect_no_pause(self, err):
        """A device whose run has ended gets the next one at once, before anything else is said."""
        on, freed, n_begun = {}, None, 0
        for line in err.splitlines():
            if begun := re.match(r"grid: (\d)/4, (\S+) on (\S+)$", line):
                self.assertIn(freed, (None, begun[3]), err)
                freed, n_begun = None, n_begun + 1
                on[begun[2]] = begun[3]
            elif done := re.match(r"grid: \d of 4 done, (\S+) took ", line):
                self.assertIsNone(freed, err)
                freed = on[done[1]] if n_begun < 4 else None
        self.assertEqual(n_begun, 4, err)

    def test_wrong_devices(self):
        far = max(CORES) + 1
        for words, why in (
                (("--devices", "cuda:0"), r"option '--devices': device 'cuda:0' does not exist; found: .*"),
                (("--devices", f"cpu:{CORES[0]},cpu:{CORES[0]}"), rf"option '--devices': 'cpu:{CORES[0]}' is given twice"),
                (("--devices", f"cpu:{CORES[0]},cpu"), rf"option '--devices': processor {CORES[0]} is in 'cpu:{CORES[0]}' and in 'cpu'"),
                (("--devices", f"cpu:{far}"), rf"option '--devices': processor {far} of 'cpu:{far}' is not there, or not for this process"),
                (("--devices", "cpu:1-0"), r"option '--devices': expected processors as in .*, found '1-0'"),
                (("--devices", "tpu:0"), r"option '--devices': expected cuda:N or cpu:PROCESSORS, found 'tpu:0'"),
                (("--devices", ","), r"option '--devices': expected a list such as cuda:0,cuda:1, found ','"),
                (("--devices", "cpu", "--jobs", 2), r"--devices and --jobs exclude each other: give --jobs-per-device"),
                (("--devices", "cpu", "--device", "cpu"), r"--devices and the key device exclude each other"),
                (("--jobs-per-device", 2), r"--jobs-per-device needs --devices; without them, give --jobs"),
                (("--list", "--status"), r"--list and --status exclude each other"),
                (("--only", "nothing"), r"'--only' names the run 'nothing', which is not one of this grid's"),
                (("--json",), r"--json needs --status"),
                (("--submit",), r"--submit needs --slurm DIR"),
                (("--slurm", "x", "--sbatch", "partition=x"), r"option '--sbatch': expected an option of sbatch .*"),
                (("--slurm", "x", "--time", "an hour"), r"option '--time': expected a time as in .*"),
                (("--task", 1), r"--task and --task-file need each other"),
                (("--task", 1, "--task-file", self.tmp / "none"), None)):
            with self.subTest(words):
                result = grid(self.tmp / "runs", *words)
                self.check_error(result, 2 if why else 1, why or r"cannot open '.*/none': .*")
        self.assertFalse((self.tmp / "runs").exists())


class Failures(harness.Case):
    def test_a_run_that_fails_is_tried_once_more_after_the_others(self):
        image = sorted(shared["data"].rglob("101_ObjectCategories/*/*"))[0]
        self.addCleanup(image.write_bytes, image.read_bytes())
        image.write_bytes(b"no picture")
        out = self.tmp / "runs"
        result = grid(out)
        self.assertEqual(result.status, 1, str(result))
        lines = result.err.splitlines()
        begun = [line for line in lines if line.startswith("grid: ") and " done, " not in line]
        failing = {line.split(" ")[-1] for line in begun if line.startswith("grid: again, ")}
        self.assertTrue(failing)
        self.assertEqual(begun[:4], [line for line in begun if not line.startswith("grid: again, ")], "second attempts come last")
        self.assertEqual(len(begun), 4 + len(failing))
        for folder in failing:
            why = json.loads((pathlib.Path(folder) / "grid.json").read_text())["error"]
            self.assertIn(image.name, why)
            self.assertIn(f"warning: {folder} failed: {why}; it will be tried once more", lines)
            self.assertIn(f"warning: failed: {folder}: {why}", lines[-1 - len(failing):])
        status = self.check_ok(grid(out, "--status"))
        self.assertRegex(status.out, rf"failed   \w+, Caltech101, seed 1 +\S+ +.*{image.name}.*\n")
        self.assertIn(f"{len(failing)} failed, 0 waiting, 2 no data; time left: about", status.out)

    def test_wrong_settings_are_not_tried_again(self):
        result = grid(self.tmp / "runs", "--methods", "ProMPT", "--set", "training.warmup_epochs=5", datasets="oxford_pets")
        self.assertEqual(result.status, 1, str(result))
        self.assertNotIn("grid: again", result.err)
        self.assertRegex(result.err, "warning: failed: .*training.warmup_epochs")

    def test_one_that_is_killed_is_tried_again(self):
        out = self.tmp / "runs"
        child = subprocess.Popen(harness.words(*grid_words(out, datasets="oxford_pets")), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        killed = False
        while child.poll() is None and not killed:
            for each in children(child.pid):
                words = pathlib.Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
                if b"train" in words:
                    os.kill(each, 9)
                    killed = True
            time.sleep(0.002)
        _, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0, err)
        self.assertRegex(err, r"failed: prompt train was ended by signal 9 \(Killed\); it will be tried once more")
        self.assertRegex(err, r"grid: 2 of 2 done, ")


class List(harness.Case):
    def test_lines_do_what_the_grid_does(self):
        """The folders of this test have spaces; each line may run anywhere."""
        out, expected = self.tmp / "a 'b' c", self.tmp / "expected"
        self.check_ok(grid(expected))
        listed = self.check_ok(grid(out, "--list", "--jobs", 2))
        self.assertFalse(out.exists())
        lines = listed.out.splitlines()
        self.assertEqual(len(lines), 5)
        self.assertEqual([line.count(" && ") for line in lines], [1] * 5)
        for line in (*lines[3::-1], lines[4].removeprefix("# then: ")):
            done = subprocess.run(line, shell=True, cwd="/", capture_output=True, text=True, check=False, env=environment())
            self.assertEqual(done.returncode, 0, f"{line}: {done.stderr}")
        self.assertTrue(lines[4].startswith("# then: "))
        self.assertEqual((out / "table1-part.csv").read_bytes(), (expected / "table1-part.csv").read_bytes())
        self.assertEqual(len(grid(out, "--list").out.splitlines()), 1)

    def test_the_table_alone_is_of_what_is_there(self):
        out = self.tmp / "runs"
        self.check_ok(grid(out, datasets="oxford_pets"))
        before = {path: path.stat().st_mtime_ns for path in out.rglob("results.json")}
        result = self.check_ok(grid(out, "--table-only", "--devices", "cuda:77"))  # of another machine
        self.assertIn("runs:      2 done, 2 to run, 2 without their data", result.err)
        self.assertRegex(result.out, r"\| OxfordPets \| ProMPT \| \d")
        self.assertEqual({path: path.stat().st_mtime_ns for path in out.rglob("results.json")}, before)


if __name__ == "__main__":
    harness.merges()
    harness.main()
