"""The files that the lint tests read."""

import os
import subprocess


def root():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def sources(folders, endings=(".c", ".h", ".cpp", ".hpp")):
    """Paths relative to the root, sorted; includes files not tracked yet."""
    found = []
    for folder in folders:
        for place, folders_here, names in os.walk(os.path.join(root(), folder)):
            folders_here[:] = [name for name in folders_here if name != "__pycache__"]
            found += [os.path.relpath(os.path.join(place, name), root()) for name in names if name.endswith(endings)]
    return sorted(found)


def tracked():
    """Paths of all tracked files; without git, of every file in the folders of the repository."""
    result = subprocess.run(["git", "-C", root(), "ls-files"], capture_output=True, text=True, check=False)
    if result.returncode == 0 and result.stdout:
        return [path for path in result.stdout.splitlines() if os.path.isfile(os.path.join(root(), path))]
    return sources(["include", "shim", "src", "configs", "scripts", "tests"], endings=("",))


def pages():
    """Paths of all Markdown files, tracked or not yet; without git, of those in the folders of the repository."""
    result = subprocess.run(["git", "-C", root(), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                            capture_output=True, text=True, check=False)
    if result.returncode == 0 and result.stdout:
        return sorted(path for path in set(result.stdout.splitlines()) if os.path.isfile(os.path.join(root(), path)))
    return ["README.md"] + sources(["include", "shim", "src", "configs", "scripts", "tests"], endings=(".md",))


def read(path):
    with open(os.path.join(root(), path), encoding="utf-8", errors="replace") as stream:
        return stream.read()


def without_comments(text):
    """C text with comments blanked, so that line numbers stay; strings are left."""
    out, i, n = [], 0, len(text)
    while i < n:
        if text.startswith("//", i):
            i = n if (end := text.find("\n", i)) < 0 else end
        elif text.startswith("/*", i):
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
            out.append("\n" * text.count("\n", i, end))
            i = end
        elif text[i] in "\"'":
            end = i + 1
            while end < n and text[end] != text[i] and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            out.append(text[i:end + 1])
            i = end + 1
        else:
            out.append(text[i])
            i += 1
    return "".join(out)


def report(name, problems, n_checked, unit):
    """Prints the problems and a count; the exit status."""
    for problem in problems:
        print(problem)
    print(f"{name}: {n_checked} {unit} checked, {len(problems)} problems")
    return 1 if problems or n_checked == 0 else 0
