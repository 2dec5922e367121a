#!/usr/bin/env python3
"""scripts/verify.sh on drawn pictures with mini: it finds that the numbers differ, and when they agree."""

import json
import os
import re
import subprocess

import harness
from harness import CONFIGS, run

MINI = CONFIGS / "mini"


class Verify(harness.Case):
    def setUp(self):
        super().setUp()
        self.world = self.tmp / "world"
        self.check_ok(run("data", "synth", self.world, "--seed", 5, "--layouts", "eurosat", "--per-class", 4))

    def verify(self, *words):
        return subprocess.run([CONFIGS.parent / "scripts" / "verify.sh", "--data", self.world, "--model",
                               MINI / "mini.safetensors", "--out", self.tmp / "out", "--threads", "1", *words],
                              env={**os.environ, "PROMPT_BIN": harness.program()}, capture_output=True, text=True, check=False)

    def write_tables(self, shift):
        """mini's own tables, with what was just measured as the published numbers."""
        measured = {classes: float(number) for classes, number in
                    re.findall(r"^\| EuroSAT \| (\w+) \| ([\d.]+) ", (self.tmp / "out" / "verify.md").read_text(), re.M)}
        self.assertEqual(list(measured), ["base", "new", "all"])
        folder = self.tmp / "own"
        folder.mkdir()
        tables = json.loads((CONFIGS / "tables.json").read_text())
        for name in ("table1", "fewshot"):
            tables[name]["rows"] = [{"name": "CLIP", "config": str(CONFIGS / tables[name]["rows"][0]["config"])}]
        (folder / "tables.json").write_text(json.dumps(tables))
        paper = {"table1": {"CLIP": {"eurosat": {half: measured[half] + shift for half in ("base", "new")}}},
                 "fewshot": {"CLIP": {"eurosat": {"all": measured["all"] - shift}}}}
        (folder / "paper.json").write_text(json.dumps(paper))
        return folder / "tables.json"

    def test_it_says_no_with_causes_and_yes_where_the_numbers_agree(self):
        done = self.verify("--datasets", "eurosat")
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stdout, r"\n\| EuroSAT \| base \| [\d.]+ \| 56.48 \| [-+][\d.]+ \| NO \|\n")
        self.assertRegex(done.stdout, r"\n\| EuroSAT \| all \| [\d.]+ \| - \| - \| - \|\n")
        self.assertRegex(done.stdout, r"\nNO:  EuroSAT, base classes: [\d.]+, published 56.48 ")
        for cause in ("weights: not OpenAI's published ViT-B/16, but ViT, SHA-256 [0-9a-f]{64}", "preprocessing: shortest, bicubic",
                      "split and names: eurosat .*drawn|split and names: eurosat .*synthetic",
                      r"template: 'a centered satellite photo of \{\}\.'", "Not the paper's setting: drawn pictures"):
            self.assertRegex(done.stdout, f"\n     ({cause})")
        self.assertRegex(done.stdout, r"\nNO:  \d of 2 numbers differ by more than 0.5 points")
        self.assertEqual((self.tmp / "out" / "verify.md").read_text(), done.stdout)

        tables = self.write_tables(0.4)
        done = self.verify("--datasets", "eurosat", "--tables", tables)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]),
                         (0, "yes: all 3 numbers are within 0.5 points of the published ones"), done)
        done = self.verify("--datasets=eurosat", "--tables", tables, "--tolerance", "0.3")
        self.assertEqual((done.returncode, done.stdout.count("\nNO:  EuroSAT, ")), (1, 3), done)

    def test_wrong_words_and_missing_data(self):
        for words, status, message in ((("--datasets", "eurosta"), 2, "unknown data set 'eurosta'"),
                                       (("--tolerance", "x"), 2, "expected a number, found 'x'"),
                                       (("--datasets",), 2, "option '--datasets' needs a value"),
                                       (("--datasets", "dtd"), 1, "nothing could be evaluated")):
            done = self.verify(*words)
            self.assertEqual(done.returncode, status, done)
            self.assertIn("verify.sh: ", done.stderr.splitlines()[-1])
            self.assertIn(message, done.stderr.splitlines()[-1])


if __name__ == "__main__":
    harness.main()
