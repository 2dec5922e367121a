#!/usr/bin/env python3
"""What the shells complete, as they are asked to, and the man page."""

import functools
import re
import shutil
import subprocess
import unittest

import harness
from harness import run

BASH = """
source ./prompt.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_prompt
printf '%s\\n' "${COMPREPLY[@]}"
"""
# zsh completes only on a terminal: the line is typed there with a tab, and then printed instead of run
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1='> '; fpath=($PWD \$fpath); autoload -U compinit; compinit -u -D; stty cols 200 rows 100"
zpty -w shell "bindkey '^I' complete-word; print re'ady'"
zpty -r -m shell out $'*ready\r*'
zpty -n -w shell "$1"$'\t'
zpty -n -w shell " end"$'\x01'"print -r -- '["$'\x05'"]'"$'\n'
zpty -r -m shell out $'*end]\r*'
print -r -- $out
"""


@functools.cache
def shown(*words):
    return run(*words).out


def names(*words):
    """The commands of a help text."""
    return re.findall(r"^  ([a-z]\w*)", shown(*words, "--help"), re.M)


class Shell(harness.Case):
    def setUp(self):
        super().setUp()
        for shell, name in (("bash", "prompt.bash"), ("zsh", "_prompt")):
            (self.tmp / name).write_text(shown("config", "--completions", shell))


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Bash(Shell):
    def complete(self, *words):
        done = subprocess.run(["bash", "-c", BASH, "bash", "prompt", *words], cwd=self.tmp, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands(self):
        self.assertEqual(self.complete("tr"), ["train"])
        self.assertEqual(set(self.complete("")), {*names(), "--help", "--version", "help"})
        self.assertEqual(self.complete("model", ""), ["--help", "init", "info", "convert"])

    def test_options_of_each_command(self):
        for words in (("train",), ("data", "synth"), ("results",), ("doctor",)):
            options = re.findall(r"^  (--[a-z][\w-]*)", shown(*words, "--help"), re.M)
            self.assertGreater(len(options), 1)
            self.assertEqual(self.complete(*words, "--"), ["--help", *options])

    def test_keys_and_values(self):
        self.assertEqual(self.complete("train", "--set", "training.mom"), ["training.momentum="])
        self.assertEqual(self.complete("train", "--set", "method", "=", "co"), ["coop", "cocoop"])
        self.assertEqual(self.complete("train", "--set", "filter", "="), ["true", "false"])
        self.assertEqual(self.complete("train", "--set", "=", "training.mom"), ["training.momentum="])
        self.assertEqual(self.complete("train", "--precision", "f"), ["fp32", "fp16"])
        self.assertEqual(self.complete("train", "--dataset", "=", "cal"), ["caltech101"])
        self.assertEqual(self.complete("train", "--seed", ""), [])

    def test_files_and_folders(self):
        (self.tmp / "model.pt").write_text("")
        (self.tmp / "models").mkdir()
        self.assertEqual(sorted(self.complete("train", "--model", "mod")), ["model.pt", "models"])
        self.assertEqual(self.complete("train", "--data", "mod"), ["models"])
        self.assertEqual(sorted(self.complete("model", "info", "mod")), ["model.pt", "models"])


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class Zsh(Shell):
    def complete(self, line):
        done = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", line], cwd=self.tmp, capture_output=True, text=True, timeout=60,
                              check=False)
        return re.findall(r"\[([^\[\]]*) end\]\r?\n", done.stdout)[-1]

    def test_a_word_of_each_kind(self):
        for line, want in (("prompt tra", "train"), ("prompt model inf", "info"), ("prompt data check --dee", "--deep"),
                           ("prompt train --set training.mom", "training.momentum="),
                           ("prompt train --set method=coc", "method=cocoop"),
                           ("prompt train --dataset cal", "caltech101")):
            self.assertEqual(self.complete(line), f"{line.rpartition(' ')[0]} {want}")


class Man(harness.Case):
    def test_it_has_every_command_and_key_and_no_slip(self):
        text = self.check_ok(run("config", "--man")).out
        page = self.tmp / "prompt.1"
        page.write_text(text)
        for name in ("train", "model init", "doctor", "data check", "config"):
            self.assertIn(f'\n.SS "prompt {name}'.replace("-", "\\-"), text)
        for line in shown("config").splitlines():
            if not line.startswith(" "):
                self.assertIn(f"\n\\fB{line.split(' ')[0].rstrip(':')}\\fR\n", text)
        for tool in (["man", "--warnings", "-l"], ["groff", "-man", "-Tutf8", "-ww"], ["mandoc", "-T", "lint", "-W", "error"]):
            if not shutil.which(tool[0]):
                continue
            done = subprocess.run([*tool, page], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), tool)


class Wrong(harness.Case):
    def test_another_shell_is_refused(self):
        self.check_error(run("config", "--completions", "fish"), 2,
                         "option '--completions': expected bash or zsh, found 'fish'")


if __name__ == "__main__":
    harness.main()
