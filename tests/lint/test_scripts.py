#!/usr/bin/env python3
"""Every script of scripts/ answers --help with the comment at its head, wherever it is called from and without doing
anything else; shellcheck, if it is installed, accepts every shell script."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from sources import read, report, root, tracked


def head(path):
    """The comment at the head of a script."""
    lines = []
    for line in read(path).split("\n")[1:]:
        if not line.startswith("#"):
            break
        lines.append(re.sub("^# ?", "", line))
    return "\n".join(lines) + "\n"


def check_help(path):
    """Problems of `path --help`, called from an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        # no program: help needs none. A relative path: the script must find itself and its library by it
        words = [os.path.relpath(os.path.join(root(), path), os.path.realpath(folder)), "--help"]
        done = subprocess.run(words, cwd=folder, env={**os.environ, "PROMPT_BIN": "none"}, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode or done.stderr:
            yield f"{path}: --help ends with status {done.returncode}: {done.stderr.strip()}"
        if os.listdir(folder):
            yield f"{path}: --help writes files"
    if path.endswith(".py"):
        if not done.stdout.startswith(f"usage: {os.path.basename(path)}"):
            yield f"{path}: --help prints {done.stdout[:60]!r}"
        return
    other = re.search(r'^exec "\$\(dirname "\$0"\)/(\w+\.sh)" \d "\$@"$', read(path), re.M)  # another name of that script
    text = head(f"scripts/{other[1]}" if other else path)
    if done.stdout != text:
        yield f"{path}: --help prints {done.stdout[:60]!r}, expected the comment at its head"
    usage = f"usage: scripts/{other[1] if other else os.path.basename(path)}"
    if usage not in text and not path.startswith("scripts/lib/"):
        yield f"{path}: its head lacks '{usage}'"


def check_shell(paths):
    """Findings of shellcheck, one a line; each holds the word warning, error or note."""
    done = subprocess.run(["shellcheck", "--format", "gcc", *paths], cwd=root(), capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines()


def main():
    scripts = [path for path in tracked() if re.fullmatch(r"scripts/(\w+\.(sh|py)|lib/demo_summary\.sh)", path)]
    shell = [path for path in tracked() if path.endswith(".sh") or path == ".ci/run"]
    problems = [problem for path in scripts for problem in check_help(path)]
    if shutil.which("shellcheck"):
        with tempfile.TemporaryDirectory() as folder:
            wrong = pathlib.Path(folder) / "wrong.sh"
            wrong.write_text("#!/bin/sh\necho $1\n")
            assert check_shell([wrong]), "shellcheck found nothing in a wrong script"
        problems += check_shell(shell)
    elif os.environ.get("PROMPT_REQUIRE_PARITY") == "1":
        problems.append("PROMPT_REQUIRE_PARITY=1, but shellcheck is not installed")
    else:
        print("shellcheck is not installed: the shell scripts are not checked by it")
    return report("scripts", problems, len(scripts) + len(shell), "scripts")


if __name__ == "__main__":
    sys.exit(main())
