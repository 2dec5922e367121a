#!/usr/bin/env python3
"""The progress line: one line that is rewritten on a terminal, plain lines elsewhere."""

import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import SmallData, run, train_words

SETTINGS = ("--set", "data.shots=4", "--set", "training.epochs=8")  # 40 steps
REWRITE = "\r\033[K"
CHECK = r"evaluated (\d+)/20 images, accuracy \d+\.\d\d %, \d+\.\d\d images/s, \S+ left"  # of zero-shot accuracy
STEP = r"epoch \d/8, step (\d+)/40, loss \S+ \S+, \d+\.\d\d images/s, \S+ left"

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data")
    shared["model"] = harness.make_model(root / "tiny.safetensors")


def on_terminal(*args, timeout=120):
    """Status, standard output, and what a terminal got on standard error, its line ends as the program wrote them."""
    master, slave = pty.openpty()
    shown = bytearray()
    with subprocess.Popen(harness.words(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave) as process:
        os.close(slave)
        while select.select([master], [], [], timeout)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:  # EIO: the other side is closed
                part = b""
            if not part:
                break
            shown += part
        out = process.stdout.read().decode()
        status = process.wait(timeout=timeout)
    os.close(master)
    return status, out, shown.decode().replace("\r\n", "\n")  # the terminal's own translation


class Terminal(harness.Case):
    def check_lines(self, shown, n_steps):
        """Two lines of progress. Every text starts by clearing its line; the last one, and only it, ends the line."""
        lines = [line for line in shown.split("\n") if REWRITE in line]
        self.assertEqual(len(lines), 2, repr(shown))
        numbers = []
        for line, pattern in zip(lines, (CHECK, STEP)):
            before, *texts = line.split(REWRITE)
            self.assertEqual(before, "")
            for text in texts:
                self.assertRegex(text, re.compile(pattern + r"\Z"))
            numbers.append([int(re.match(pattern, text)[1]) for text in texts])
        self.assertEqual(numbers[0], [16, 20])  # the first and the last batch are always shown
        self.assertEqual(numbers[1], sorted(set(numbers[1])))
        self.assertEqual(numbers[1][-1], n_steps)
        self.assertNotIn("\r", shown.replace(REWRITE, ""))
        self.assertEqual(shown[-1], "\n")

    def test_training_rewrites_one_line(self):
        status, out, shown = on_terminal(*train_words(shared["data"], shared["model"], self.tmp / "run", *SETTINGS))
        self.assertEqual((status, out), (0, ""), shown)
        self.check_lines(shown, 40)

    def test_a_run_that_stops_early_ends_its_line(self):
        status, out, shown = on_terminal(*train_words(shared["data"], shared["model"], self.tmp / "run", *SETTINGS,
                                                      "--max-steps", 30))
        self.assertEqual((status, out), (0, ""), shown)
        self.check_lines(shown, 30)

    def test_an_error_stands_on_a_line_of_its_own(self):
        status, _, shown = on_terminal(*train_words(shared["data"], shared["model"], self.tmp / "run", *SETTINGS, "--set",
                                                    "training.lr=1000", "--set", "training.weight_decay=1"))
        self.assertEqual(status, 1, shown)
        self.assertIn(REWRITE, shown)
        self.assertRegex(shown, r"\nprompt: step \d+: .*\n\Z")

    def test_quiet_says_nothing(self):
        status, out, shown = on_terminal(*train_words(shared["data"], shared["model"], self.tmp / "run", *SETTINGS,
                                                      "--quiet"))
        self.assertEqual((status, out, [line for line in shown.splitlines() if not line.startswith("warning: ")]), (0, "", []))

    def test_elsewhere_lines_are_plain(self):
        result = self.check_ok(run(*train_words(shared["data"], shared["model"], self.tmp / "run", *SETTINGS)))
        self.assertNotIn("\r", result.err)
        self.assertNotIn("\033", result.err)
        self.assertRegex(result.err, re.compile("^" + STEP.replace(r"(\d+)", "40") + "$", re.MULTILINE))


if __name__ == "__main__":
    harness.merges()
    harness.main()
