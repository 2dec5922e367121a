#!/usr/bin/env python3
"""prompt doctor: a line for each thing, what to do about what is wrong, and no personal path."""

import os
import re
import shutil
import subprocess

import harness
from harness import CONFIGS

MINI = CONFIGS / "mini" / "mini.safetensors"
SUBJECTS = ["program", "processor", "memory", "threads", "wait", "environment", "devices", "precision", "presets", "model", "merges",
            "data", "run folder", "cache folder"]
# variables that the tests' caller may have set, and that the program reports
UNSET = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "LD_PRELOAD", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "MALLOC_ARENA_MAX",
         "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


class Doctor(harness.Case):
    def setUp(self):
        super().setUp()
        self.home = (self.tmp / "home").resolve()
        self.home.mkdir()

    def doctor(self, *words, env=None, **popen):
        """The result, and {subject: (ok, note or NO, text)}."""
        whole = {name: value for name, value in os.environ.items() if name not in UNSET}
        done = subprocess.run(harness.words("doctor", *words), cwd=self.home, env={**whole, "HOME": str(self.home), **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **popen)
        result = harness.Result(done.returncode, done.stdout, done.stderr)
        lines = {}
        for line in result.out.splitlines():
            match = re.fullmatch(r"(ok|note|NO) +(\w+(?: folder)?)  +(\S.*)", line)
            self.assertTrue(match, line)
            lines[match[2]] = (match[1], match[3])
        self.assertEqual(list(lines), SUBJECTS, str(result))
        return result, lines

    def check_wrong(self, words, subject, pattern, env=None):
        result, lines = self.doctor(*words, env=env)
        self.assertEqual(result.status, 1, str(result))
        self.assertEqual(result.errors, [f"prompt: not usable: {subject}; the lines with NO say what to do"])
        self.assertEqual(lines[subject][0], "NO", str(result))
        self.assertRegex(lines[subject][1], pattern)

    def test_what_works_is_ok_and_paths_begin_at_the_home_folder(self):
        shutil.copy(MINI, self.home / "mini.safetensors")
        (self.home / "data" / "eurosat").mkdir(parents=True)
        result, lines = self.doctor("--model", "mini.safetensors", "--data", self.home / "data", "--out", "runs", "--set",
                                    "threads=1")
        self.check_ok(result)
        self.assertEqual({name: verdict for name, (verdict, _) in lines.items() if verdict == "NO"}, {})
        self.assertRegex(lines["program"][1], r"^prompt \d.*, libtorch \d.*, Linux ")
        self.assertRegex(lines["threads"][1], r"^1 \(the machine has \d+ processors?, the affinity mask allows ")
        self.assertIn("'~/mini.safetensors'", lines["model"][1])
        self.assertEqual(lines["merges"], ("ok", "in the model's file"))
        self.assertIn("folders of eurosat in '~/data'", lines["data"][1])
        self.assertIn("'~/runs' is writable (would be made)", lines["run folder"][1])
        self.assertIn("'~/.cache/prompt' is writable (would be made)", lines["cache folder"][1])
        self.assertNotIn(str(self.home), result.out)
        self.assertEqual(sorted(path.name for path in self.home.iterdir()), ["data", "mini.safetensors"])  # nothing is written

    def test_what_is_not_given_is_a_note(self):
        result, lines = self.doctor()
        self.check_ok(result)
        for subject in ("model", "merges", "data"):
            self.assertEqual(lines[subject][0], "note")

    def test_each_thing_that_is_missing_is_named(self):
        (self.home / "file").write_text("")
        self.check_wrong(("--model", "none.pt"), "model", "none.pt")
        self.check_wrong(("--data", "none"), "data", "none")
        self.check_wrong(("--out", "file/runs"), "run folder", "file.*; give another --out")
        self.check_wrong((), "cache folder", "set the key 'store.dir' to a folder", env={"XDG_CACHE_HOME": str(self.home / "file")})
        self.check_wrong(("--set", "model.merges=none"), "merges", "'none'")
        self.check_wrong(("--set", "device=cuda:77"), "devices", "cuda:77")

    def test_a_model_without_merges_tells_where_they_were_looked_for(self):
        harness.make_model(self.home / "tiny.safetensors")
        self.check_wrong(("--model", "tiny.safetensors"), "merges", r"looked in '~' for .*scripts/fetch_merges.sh ~")

    def test_what_limits_the_threads_is_shown(self):
        env = {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "3"}
        result, lines = self.doctor("--set", "threads=2", env=env)
        self.check_ok(result)
        self.assertEqual(lines["threads"][0], "note")
        self.assertRegex(lines["threads"][1], "^only 1 of 2 share the work .*OMP_THREAD_LIMIT")
        self.assertEqual(lines["environment"][0], "note")
        self.assertIn("OMP_NUM_THREADS=3 (the key threads overrides it), OMP_THREAD_LIMIT=1", lines["environment"][1])
        one = min(os.sched_getaffinity(0))
        _, lines = self.doctor(preexec_fn=lambda: os.sched_setaffinity(0, {one}))
        self.assertRegex(lines["threads"][1], "^1 .*the affinity mask allows 1 of them on 1 core")

    def test_how_threads_without_work_wait_is_shown(self):
        said = []
        for env in ({}, {"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "passive"}, {"GOMP_SPINCOUNT": "3000000000"}):
            result, lines = self.doctor("--set", "threads=2", env=env)
            self.check_ok(result)
            match = re.fullmatch(r"a thread without work spins for (\S+) ms, then sleeps \((.*?)\)(;.*)?", lines["wait"][1])
            self.assertEqual(match[2], f"{[*env][0]} says so" if env else "the default")
            self.assertEqual(bool(match[3]), not env)
            said.append(float(match[1]))
        self.assertGreater(min(said[1], said[3]), said[2], "spinning costs nothing?")
        _, lines = self.doctor("--set", "threads=1")
        self.assertEqual(lines["wait"], ("ok", "one thread waits for none"))


if __name__ == "__main__":
    harness.main()
