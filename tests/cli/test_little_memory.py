#!/usr/bin/env python3
"""Too little memory, at whatever place: one line in the program's own words, and nothing half-written."""

import pathlib
import re
import resource
import tempfile

import harness

MORE_MIB = (-30, 10, 20, 40, 80, 140, 220)  # of address space than the program takes when it does nothing
OWN_WORDS = r"prompt: (only \d+ of|(.*: )?out of memory|.*cannot start another thread|.*: cannot )"
FOREIGN_WORDS = r"enforce|alloc_cpu|DefaultCPU|c10|terminate|bad_alloc|std::|primitive|Traceback|libgomp"


class LittleMemory(harness.Case):
    def setUp(self):
        super().setUp()
        if harness.is_sanitized():
            self.skipTest("the sanitizers take address space of their own")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    @classmethod
    def setUpClass(cls):
        """Finds how many MiB of address space a program takes that does nothing: a few hundred with libtorch's CPU build,
        gigabytes with CUDA's."""
        too_few, enough = 0, 1 << 15
        while enough - too_few > 8:
            middle = (too_few + enough) // 2
            if cls.run_limited(middle, "--version").status == 0:
                enough = middle
            else:
                too_few = middle
        cls.taken_mib = enough
        if cls.run_limited(enough, "--version").status != 0:
            raise AssertionError(f"the program does not start in {enough} MiB")

    @staticmethod
    def run_limited(limit_mib, *words):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (limit_mib << 20, limit_mib << 20))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return harness.run(*words, env={"OMP_NUM_THREADS": "2"}, preexec_fn=limit)

    def check_limits(self, *words):
        n_refused = 0
        for more_mib in MORE_MIB:
            limit_mib = self.taken_mib + more_mib
            result = self.run_limited(limit_mib, *words)
            with self.subTest(limit_mib=limit_mib, words=words[:2]):
                if "loading shared libraries" in result.err:
                    continue  # the system's loader, before the program
                self.assertIn(result.status, (0, 1), result.err)
                if result.status == 0:
                    continue
                n_refused += 1
                self.assertEqual(result.err.count("\n"), 1, result.err)
                self.assertRegex(result.err, OWN_WORDS)
                self.assertIsNone(re.search(FOREIGN_WORDS, result.err), result.err)
        self.assertGreater(n_refused, 0, "no limit was too low")

    def test_making_and_reading_weights(self):
        made = self.root / "made.safetensors"
        self.check_limits("model", "init", "--arch", "ViT-B-32", "--seed", 1, "--out", made)
        self.assertEqual(list(self.root.iterdir()), [])
        harness.make_model(made)
        self.check_limits("model", "convert", made, "--out", self.root / "out.safetensors")

    def test_computing(self):
        merges = harness.merges()
        names = self.root / "names.txt"
        names.write_text("".join(f"name {i}\n" for i in range(40)))
        model = harness.make_model(self.root / "tiny.safetensors")
        self.check_limits("bench", "--model", model, "--set", "vision_prompt.depth=3", "--set", f"model.merges={merges}",
                          "--classes-file", names, "--n-classes", 40, "--mode", "eval")

    def test_too_many_threads(self):
        names = self.root / "names.txt"
        names.write_text("a\nb\n")
        model = harness.make_model(self.root / "tiny.safetensors")
        result = self.run_limited(self.taken_mib + 1080, "bench", "--model", model, "--set", "threads=1000", "--classes-file", names)
        self.check_error(result, 1, r"only \d+ of 1000 threads could be started, beside as many of libtorch: set 'threads' to fewer, .*ulimit -u.*")


if __name__ == "__main__":
    harness.merges()
    harness.main()
