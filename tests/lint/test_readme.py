#!/usr/bin/env python3
"""What the README names is there: commands, options, keys, files.

usage: test_readme.py PROGRAM README

Commands stand in its code blocks (a trailing backslash continues a line); paths and options of running text in
backticks. Every command of `prompt --help` must be named.
"""

import os
import re
import shlex
import subprocess
import sys

from sources import root

PATH = re.compile(r"^(?:src|shim|include|configs|scripts|tests|\.ci)/[\w./-]+$")


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class Program:
    def __init__(self, path):
        listed = output(path, "--help").split("Commands:\n")[1].split("\n\n")[0]
        self.commands = [line[2:28].strip() for line in listed.splitlines() if line[2] != " "]  # else a text goes on
        self.help = {name: output(path, *name.split(), "--help") for name in self.commands}
        self.help[""] = output(path, "--help")
        self.keys = set(re.findall(r"^([a-z]\w*(?:\.\w+)*)\b", output(path, "config"), re.M))
        self.all_help = "\n".join(self.help.values()) + " --help --version"

    def has_option(self, command, option):
        text = self.help[command] + " --help" + ("" if command else " --version")
        return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text) is not None


def command_lines(text):
    """Commands of the code blocks with their line numbers."""
    is_code, held, start = False, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            is_code, held = not is_code, ""
        elif is_code:
            start = start if held else number
            held += line.rstrip("\\") if line.endswith("\\") else line
            if not line.endswith("\\"):
                yield start, held
                held = ""


def command_problems(program, words, used):
    if words and os.path.basename(words[0]) != "prompt":
        return
    words = words[1:]
    command = next((c for c in (" ".join(words[:2]), words[0]) if c in program.commands), "") if words else ""
    if words and not command and not words[0].startswith("-"):
        yield f"'{words[0]}' is no command"
        return
    used.add(command)
    for i, word in enumerate(words):
        option = word.split("=")[0]
        if option.startswith("--") and not program.has_option(command, option):
            yield f"prompt {command} has no {option}"
        if option == "--set" and i + 1 < len(words) and words[i + 1].split("=")[0] not in program.keys:
            yield f"'{words[i + 1]}': no such key"


def problems_of(program, text, used):
    for number, line in command_lines(text):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue # output of a program
        for problem in command_problems(program, words, used):
            yield f"{number}: {problem}"
        for word in words:
            if PATH.match(word) and not os.path.exists(os.path.join(root(), word)):
                yield f"{number}: {word} is not there"
    running = re.sub(r"^```.*?^```", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M | re.S)
    # the first column of that table is another program's
    before, title, table = running.partition("## Coming from CoOp\n")
    running = before + title + re.sub(r"^\|[^|]*\|", "| |", table, flags=re.M)
    for match in re.finditer(r"`([^`\n]+)`", running):
        number = running.count("\n", 0, match.start()) + 1
        words = match.group(1).split()
        for word in words:
            is_ours = words[0].startswith("--") or os.path.basename(words[0]) == "prompt"
            if is_ours and re.fullmatch(r"--[a-z][\w-]*", word) and word not in program.all_help:
                yield f"{number}: no command has {word}"
            if PATH.match(word) and not os.path.exists(os.path.join(root(), word)):
                yield f"{number}: {word} is not there"


def check_itself(program):
    """What must be found, or the test proves nothing."""
    for line in ("build/prompt trian", "build/prompt train --sed 1", "prompt train --set training.rl=1",
                 "prompt eval --config configs/none.json", "prompt data split \\\n  --shot 1", "scripts/none.sh"):
        found = list(problems_of(program, f"```sh\n{line}\n```\n", set()))
        assert len(found) == 1, (line, found)
    assert len(list(problems_of(program, "with `--nothing` in `src/none.c`\n", set()))) == 2


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program = Program(os.path.abspath(sys.argv[1]))
    check_itself(program)
    with open(sys.argv[2], encoding="utf-8") as stream:
        text = stream.read()
    used = set()
    problems = list(problems_of(program, text, used))
    problems += [f"no example of 'prompt {name}'" for name in program.commands if name not in used]
    for problem in problems:
        print(f"{sys.argv[2]}:{problem}")
    n_lines = sum(1 for _, line in command_lines(text) if "prompt " in line)
    print(f"readme: {n_lines} lines with commands checked, {len(problems)} problems")
    return 1 if problems or not n_lines else 0


if __name__ == "__main__":
    sys.exit(main())
