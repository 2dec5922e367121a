#!/usr/bin/env python3
"""Names on the pages exist: commands, options, keys, files, links. The pages are README.md and every other .md file.

usage: test_readme.py PROGRAM

Commands are in code blocks (a trailing backslash continues a line); paths, keys and options of running text are in
backticks. Every command of `prompt --help` needs an example, every key a mention, and every page a way from README.md,
which has at most 150 lines. Lines wrap at 100, except tables, code and addresses.
"""

import os
import re
import shlex
import subprocess
import sys

from sources import pages, read, root

MAX_LINES, MAX_COLUMNS = 150, 100
PATH = re.compile(r"^(?:src|shim|include|configs|scripts|tests|findings|\.ci)/[\w./-]+$")
SOURCE = re.compile(r"^[\w./-]*\w\.(?:c|h|cpp|hpp|def|py|sh|gp|cmake|svg)$")
FILE_ENDINGS = ("c", "def", "h", "json", "py", "safetensors", "txt")  # model.safetensors is a file, not a key
# files of other projects that running text names
FOREIGN = {"clip/clip.py": "openai/CLIP", "valprep.sh": "ImageNet's validation folders"}
# the table whose first column is another program's
FOREIGN_COLUMN = "## Coming from CoOp\n"


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class Program:
    def __init__(self, path):
        self.path = path
        listed = output(path, "--help").split("Commands:\n")[1].split("\n\n")[0]
        self.commands = [line[2:28].strip() for line in listed.splitlines() if line[2] != " "]  # else a text continues
        self.help = {name: output(path, *name.split(), "--help") for name in self.commands}
        self.help[""] = output(path, "--help")
        self.keys = set(re.findall(r"^([a-z]\w*(?:\.\w+)*)\b", output(path, "config"), re.M))
        self.sections = {key.split(".")[0] for key in self.keys if "." in key}
        self.all_help = "\n".join(self.help.values()) + " --help --version"
        self.values = {}

    def has_option(self, command, option):
        text = self.help[command] + " --help" + ("" if command else " --version")
        return has_word(text, option)

    def takes(self, assignment):
        """Whether `prompt config --set KEY=VALUE` takes it."""
        if assignment not in self.values:
            done = subprocess.run([self.path, "config", "--set", assignment], capture_output=True, check=False)
            self.values[assignment] = done.returncode == 0
        return self.values[assignment]


def has_word(text, word):
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def exists(path):
    return os.path.exists(os.path.join(root(), path))


# ---------------------------------------------------------------- code blocks


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
        yield f"'{words[0]}' is not a command"
        return
    used.add(command)
    for i, word in enumerate(words):
        option = word.split("=")[0]
        if option.startswith("--") and not program.has_option(command, option):
            yield f"prompt {command} has no {option}"
        if option == "--set" and i + 1 < len(words) and words[i + 1].split("=")[0] not in program.keys:
            yield f"'{words[i + 1]}': not a key"


def script_problems(program, words):
    """Options of a script are in its text; a script of tables passes the others to prompt grid."""
    if not words or not PATH.match(words[0]) or not words[0].endswith(".sh") or not exists(words[0]):
        return
    text = read(words[0])
    text += read("scripts/table.sh") if "/table.sh" in text else ""
    text += program.help["grid"] if "lib/grid.sh" in text else ""
    for word in words[1:]:
        option = word.split("=")[0]
        if option.startswith("--") and option != "--help" and not has_word(text, option):
            yield f"{words[0]} has no {option}"


def code_problems(program, text, used):
    for number, line in command_lines(text):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue # output of a program
        for problem in (*command_problems(program, words, used), *script_problems(program, words)):
            yield f"{number}: {problem}"
        for word in words:
            if PATH.match(word) and not exists(word):
                yield f"{number}: {word} does not exist"


# ---------------------------------------------------------------- running text


def running_text(text):
    """Without code blocks, and without the column of another program; line numbers stay."""
    running = re.sub(r"^```.*?^```", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M | re.S)
    before, title, table = running.partition(FOREIGN_COLUMN)
    return before + title + re.sub(r"^\|[^|]*\|", "| |", table, flags=re.M)


def path_problems(page, word):
    """A path of the repository; a source file may also be named from the page's own folder."""
    if PATH.match(word):
        if not exists(word):
            yield f"{word} does not exist"
    elif SOURCE.match(word) and word not in FOREIGN and not exists(os.path.join(os.path.dirname(page), word)):
        yield f"{word} does not exist beside {page}"


def key_problems(program, word, named):
    """training.lr, pretrain.* or encoder=plain; a word that cannot be a key has no problem."""
    key = word.split("=")[0]
    section, dot, rest = key.partition(".")
    if key in program.keys:
        named.add(key)
        if "=" in word and not program.takes(word):
            yield f"'{word}': the key does not take this value"
    elif dot and section in program.sections and rest not in FILE_ENDINGS and rest != "*":
        yield f"'{word}': not a key"
    elif "=" in word and re.fullmatch(r"[a-z_]{2,}(\.[a-z_]+)*", key):
        yield f"'{word}': not a key"


def text_problems(program, page, text, named):
    running = running_text(text)
    for match in re.finditer(r"`([^`\n]+)`", running):
        number = running.count("\n", 0, match.start()) + 1
        words = match.group(1).split()
        is_ours = words[0].startswith("--") or os.path.basename(words[0]) == "prompt"
        for word in words:
            if is_ours and re.fullmatch(r"--[a-z][\w-]*", word) and word not in program.all_help:
                yield f"{number}: no command has {word}"
            for problem in (*path_problems(page, word), *key_problems(program, word, named)):
                yield f"{number}: {problem}"


# ---------------------------------------------------------------- form and links


def length_problems(page, text):
    lines = text.splitlines()
    if page == "README.md" and len(lines) > MAX_LINES:
        yield f"{len(lines)}: the first page has more than {MAX_LINES} lines"
    is_code = False
    for number, line in enumerate(lines, 1):
        is_code = is_code != line.startswith("```")
        if len(line) > MAX_COLUMNS and not is_code and not line.startswith("|") and "://" not in line:
            yield f"{number}: {len(line)} columns, more than {MAX_COLUMNS}"


def anchors(text):
    """Names of the headings, as GitHub makes them."""
    running = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    titles = re.findall(r"^#+ +(.*)$", running, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(text):
    """(line number, file, anchor) of each relative link."""
    running = re.sub(r"^```.*?^```", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M | re.S)
    for match in re.finditer(r"\]\(([^()\s]+)\)", running):
        if "://" not in match.group(1):
            path, _, anchor = match.group(1).partition("#")
            yield running.count("\n", 0, match.start()) + 1, path, anchor


def link_problems(page, text, reached):
    for number, path, anchor in links(text):
        target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not exists(target):
            yield f"{number}: a link to {path}, which does not exist"
        elif os.path.isdir(os.path.join(root(), target)):
            yield f"{number}: a link to the folder {path}, not to a file"
        elif anchor and anchor not in anchors(text if target == page else read(target)):
            yield f"{number}: {target} has no heading '#{anchor}'"
        reached.setdefault(page, set()).add(target)


def unreached(all_pages, reached):
    found, open_pages = {"README.md"}, ["README.md"]
    while open_pages:
        new = reached.get(open_pages.pop(), set()) - found
        found |= new
        open_pages += new
    return [page for page in all_pages if page not in found]


# ---------------------------------------------------------------- all of it


def problems_of(program, page, text, seen):
    yield from code_problems(program, text, seen["commands"])
    yield from text_problems(program, page, text, seen["keys"])
    yield from length_problems(page, text)
    yield from link_problems(page, text, seen["links"])


def nothing_seen():
    return {"commands": set(), "keys": set(), "links": {}}


def check_itself(program):
    """Slips that must be found, or the test proves nothing."""
    def found(text, page="tests/README.md"):
        return list(problems_of(program, page, text, nothing_seen()))
    for line in ("build/prompt trian", "build/prompt train --sed 1", "prompt train --set training.rl=1",
                 "prompt eval --config configs/none.json", "prompt data split \\\n  --shot 1", "scripts/none.sh",
                 "scripts/table1.sh --tabel x", "scripts/demo.sh --shots 2"):
        assert len(found(f"```sh\n{line}\n```\n")) == 1, (line, found(f"```sh\n{line}\n```\n"))
    assert not found("```sh\nscripts/table1.sh --data x --out=y\nscripts/demo.sh --out x\n```\n")
    for words in ("`--nothing`", "`src/none.c`", "`none.py`", "`training.rl`", "`training.lr=x`", "`encodr=plain`",
                  "`pretrain.none`", "[x](none.md)", "[x](../README.md#none)", "[x](#none)", "[x](../src/)",
                  "word " * 21):
        assert len(found(words + "\n")) == 1, (words, found(words + "\n"))
    for words in ("`encoder=plain`, `pretrain.*`, `n=0`, `model.safetensors`, `lint/sources.py`, `valprep.sh`",
                  "[x](../README.md#limits), [y](lint/sources.py)", "# A title: x!\n\n[x](#a-title-x)",
                  "| " + "word " * 30, "https://example.org/" + "x" * 100, "```\n" + "x" * 120 + "\n```"):
        assert not found(words + "\n"), (words, found(words + "\n"))
    assert len(found("\n" * MAX_LINES + "x\n", "README.md")) == 1 and not found("\n" * MAX_LINES, "README.md")
    assert unreached(["README.md", "a", "b", "c"], {"README.md": {"a"}, "a": {"b"}, "c": {"c"}}) == ["c"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = Program(os.path.abspath(sys.argv[1]))
    check_itself(program)
    all_pages, seen, problems, n_lines = pages(), nothing_seen(), [], 0
    for page in all_pages:
        text = read(page)
        problems += [f"{page}:{problem}" for problem in problems_of(program, page, text, seen)]
        n_lines += sum(1 for _, line in command_lines(text) if "prompt " in line)
    problems += [f"no page has an example of 'prompt {name}'" for name in program.commands if name not in seen["commands"]]
    problems += [f"no page names the key {key}" for key in sorted(program.keys - seen["keys"])]
    problems += [f"no link leads from README.md to {page}" for page in unreached(all_pages, seen["links"])]
    for problem in problems:
        print(problem)
    print(f"readme: {len(all_pages)} pages, {n_lines} lines with commands checked, {len(problems)} problems")
    return 1 if problems or not n_lines or len(all_pages) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
