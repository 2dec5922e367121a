#!/usr/bin/env python3
"""The frame of these tests fails when it must: without a test, with a failed one, with one skipped for no good reason; and
the last line of scripts/test.sh counts what ctest found."""

import os
import subprocess
import sys
import textwrap
import unittest

import harness


def status_of(body, required):
    script = "import harness\nclass T(harness.Case):\n" + textwrap.indent(body, "    ") + "\nharness.main()\n"
    here = os.path.dirname(os.path.abspath(__file__))
    env = {**os.environ, "PYTHONPATH": here, "PROMPT_REQUIRE_PARITY": "1" if required else "0"}
    return subprocess.run([sys.executable, "-B", "-c", script], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False).returncode


def skipping(why):
    return f"def test_it(self): self.skipTest({why!r})"


class Frame(unittest.TestCase):
    def test_passes_and_fails(self):
        for required in (False, True):
            self.assertEqual(status_of("def test_it(self): pass", required), 0)
            self.assertEqual(status_of("def test_it(self): self.assertEqual(1, 2)", required), 1)
            self.assertEqual(status_of("x = 1", required), 1)

    def test_a_skip_is_a_failure_where_parity_is_required(self):
        for why in ("no C compiler", "only root can become another user"):
            self.assertEqual(status_of(skipping(why), False), 0)
            self.assertEqual(status_of(skipping(why), True), 1)

    def test_but_not_what_the_machine_does_not_allow(self):
        for why in harness.ALLOWED_SKIPS:
            self.assertEqual(status_of(skipping(why + "..."), True), 0)


JUNIT = """<testsuite>
<testcase name="unit.a" status="run"><system-out>test_x ... skipped 'no tmpfs'</system-out></testcase>
<testcase name="gpu.b" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out>ok
skipped: no CUDA device
</system-out></testcase>
<testcase name="cli.c" status="fail"><failure message=""/><system-out/></testcase>
<testcase name="cli.d" status="notrun"><skipped message="Fixture dependency failed"/><system-out/></testcase>
<testcase name="cli.e" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out/></testcase>
</testsuite>"""


class Summary(harness.Case):
    def test_counts_and_reasons(self):
        path = self.tmp / "junit.xml"
        path.write_text(JUNIT)
        lines = subprocess.run([sys.executable, "-B", harness.ROOT / "tests/summary.py", path], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        self.assertEqual(lines, ["test: unit.a skipped 1 of its own: no tmpfs",
                                 "test: 1 passed, 2 failed (cli.c, cli.d), 2 skipped: cli.e (no reason given), gpu.b (no CUDA device)"])


if __name__ == "__main__":
    harness.main()
