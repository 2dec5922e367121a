#!/usr/bin/env python3
"""Runs a file of command-line cases: words in, exit status and lines out.

A case file holds cases like these; a line that starts with # is a comment.

    case: an unknown command gets the nearest
    $ prompt trian
    status: 2
    stderr: prompt: unknown command 'trian'; did you mean 'train'\\?
    stdout-empty

"$ " is run by sh in an empty folder of its own; `prompt` is the program under test, $CONFIGS the folder of
presets. file: NAME is followed by the file's lines, each behind "| ". stdout: and stderr: are regular
expressions of which each must match a whole line of that stream; stdout-not: must match none. Every case needs a
status. Standard error of a case of status 1 or 2 must be exactly one line: one error, nothing else.
"""

import os
import re
import subprocess
import sys
import tempfile

LIST_FIELDS = ("stdout", "stderr", "stdout-not", "stderr-not")


class Case:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.command, self.status = None, None
        self.lines = {field: [] for field in LIST_FIELDS}
        self.empty = []
        self.files = {}


def parse(path):
    cases, file_name = [], None
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            line = line.rstrip("\n")
            if file_name and line.startswith("| "):
                cases[-1].files[file_name] += line[2:] + "\n"
                continue
            file_name = None
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("case: "):
                cases.append(Case(line[6:], number))
                continue
            if not cases:
                sys.exit(f"{path}:{number}: expected 'case: ', found {line!r}")
            case = cases[-1]
            field, _, value = line.partition(": ")
            if line.startswith("$ "):
                case.command = line[2:]
            elif field == "status":
                case.status = int(value)
            elif field in LIST_FIELDS:
                case.lines[field].append(re.compile(value))
            elif line in ("stdout-empty", "stderr-empty"):
                case.empty.append(line.split("-")[0])
            elif field == "file":
                file_name = value
                case.files[value] = ""
            else:
                sys.exit(f"{path}:{number}: unknown line {line!r}")
    for case in cases:
        if case.command is None or case.status is None:
            sys.exit(f"{path}:{case.line}: case without a command or a status")
    return cases


def failures(case, result):
    out = {"stdout": result.stdout, "stderr": result.stderr}
    if result.returncode != case.status:
        yield f"expected status {case.status}, found {result.returncode}"
    for stream in case.empty:
        if out[stream]:
            yield f"expected nothing on {stream}"
    for field, patterns in case.lines.items():
        stream, _, negated = field.partition("-")
        lines = out[stream].splitlines()
        for pattern in patterns:
            if any(pattern.fullmatch(line) for line in lines) == bool(negated):
                yield f"{field}: {pattern.pattern!r} {'matches' if negated else 'matches no line'}"
    if case.status in (1, 2) and len(result.stderr.splitlines()) != 1:
        yield "expected one line on stderr"


def run(case, environment):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in case.files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                stream.write(text)
        return subprocess.run(["/bin/sh", "-c", case.command], cwd=folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: run_case.py PROGRAM CONFIGS CASES")
    program, configs, path = (os.path.abspath(word) for word in sys.argv[1:])
    if os.path.basename(program) != "prompt":
        sys.exit(f"expected a program named prompt, found {program}")
    environment = dict(os.environ, CONFIGS=configs, LC_ALL="C",
                       PATH=os.path.dirname(program) + os.pathsep + os.environ.get("PATH", ""))
    cases = parse(path)
    n_failed = 0
    for case in cases:
        result = run(case, environment)
        found = list(failures(case, result))
        n_failed += bool(found)
        print(f"{'FAILED' if found else 'ok':6} {case.name}")
        if found:
            print(f"  {path}:{case.line}: $ {case.command}")
            for failure in found:
                print(f"  {failure}")
            print("  stdout: " + result.stdout[:2000].replace("\n", "\n          "))
            print("  stderr: " + result.stderr[:2000].replace("\n", "\n          "))
    print(f"{len(cases)} cases, {n_failed} failed")
    return 1 if n_failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
