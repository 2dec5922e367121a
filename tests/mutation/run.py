#!/usr/bin/env python3
"""Makes small slips in the sources, one at a time, and tells which test notices.

    run.py                     every slip that has no result yet; stopped and started again it continues
    run.py --only ID...        these (an ID may be a pattern, as in 'base.*'), again if they have a result
    run.py --room NAME...      those of some folders, in this order (slips/NAME.txt)
    run.py --list              the slips
    run.py --summary           the results so far
    run.py --check             every slip applies: its text before is found exactly once

    --parity      run the tier parity, too, where the others notice nothing
    --quick       run the likely tests alone; what they do not notice has no result yet
    --again       forget the results so far
    --jobs N      tests side by side (1)
    --work DIR    where the copy of the sources and its build are (build-mutation/)

A slip is applied in a copy of the working tree. Its likely tests (`first` of slips/*.txt) are built and run, then all of the tiers
unit, golden, equiv and cli, the quickest test of a tier first, until one fails. A test that fails without the slip, too, takes no
part, and a test of the tier cli must fail twice. Results are lines of JSON in DIR/results.jsonl, what is known of the tests is in
DIR/tests.json.
"""

import argparse
import collections
import concurrent.futures
import fcntl
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

import slips as slip_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIERS = ("unit", "golden", "equiv", "cli")
LEAST = 100  # slips that the list has
ROOMS = ("src/*", "shim")
UNKNOWN_S, UNKNOWN_LIMIT_S = 20.0, 1800.0  # of a test that never ran
# what a test says of its own failing part: cmocka, unittest, golden.method
PARTS = re.compile(r"\[  FAILED  \] (?:\w+: )?(\w+)$|^(?:FAIL|ERROR): (\w+)|^FAIL (\S+)", re.M)


# ---------------------------------------------------------------- check


def problems_of(slips, root=ROOT):
    """Why the list is not whole; nothing if it is."""
    texts = {}
    seen = collections.Counter(slip.id for slip in slips)
    for slip in slips:
        lacking = [name for name in ("file", "first", "why", "before") if not getattr(slip, name)]
        if lacking:
            yield f"{slip.source}: '{slip.id}' has no {lacking[0]}"
            continue
        if seen[slip.id] > 1:
            yield f"{slip.source}: '{slip.id}' occurs {seen[slip.id]} times"
        if "".join(slip.before.split()) == "".join(slip.after.split()):
            yield f"{slip.source}: '{slip.id}' changes nothing"
        path = root / slip.file
        if slip.file not in texts:
            texts[slip.file] = path.read_text(encoding="utf-8") if path.is_file() else None
        if texts[slip.file] is None:
            yield f"{slip.source}: '{slip.id}' is of {slip.file}, which does not exist"
        elif (n := len(slip.places(texts[slip.file]))) != 1:
            yield f"{slip.source}: '{slip.id}': the text before is found {n} times in {slip.file}: {slip.before}"


def check_itself():
    """What must be found, or the check proves nothing."""
    text = "== a\nfile: f.c\nfirst: unit\nwhy: because\n- x <\n- y\n+ x <= y\n"
    slip, = slip_files.parse(text, "t")
    assert slip.apply("if (x\n  < y)") == "if (x <= y)" and slip.apply("max < y") is None and slip.apply("x<y; x < y") is None
    for broken in ("file: f.c\n", "== a\nbecause\n", "== a\nfile:\n"):
        try:
            slip_files.parse(broken, "t")
            assert False, broken
        except ValueError:
            pass
    others = [slip_files.Slip("a", "t", "none.c", "x", "y", "", "b", "c"), slip_files.Slip("a", "t", "f", "x", "y", "", "b ;", "b;"),
              slip_files.Slip("b", "t", "f")]
    found = "\n".join(problems_of(others))
    for words in ("occurs 2 times", "does not exist", "changes nothing", "has no first"):
        assert words in found, (words, found)


def check(slips, build):
    problems = list(problems_of(slips))
    files = {slip.file for slip in slips}
    for room in sorted(path for pattern in ROOMS for path in ROOT.glob(pattern) if path.is_dir()):
        name = str(room.relative_to(ROOT))
        if next(room.rglob("*.c*"), None) and not any(file.startswith(name + "/") for file in files):
            problems.append(f"no slip in {name}/")
    if build:
        names = [test["name"] for test in read_tests(build)]
        problems += [f"{slip.source}: '{slip.id}': no test is called {slip.first}" for slip in slips
                     if not any(re.fullmatch(slip.first, name) for name in names)]
    if len(slips) < LEAST:
        problems.append(f"{len(slips)} slips, expected {LEAST} or more")
    for problem in problems:
        print(problem)
    print(f"mutation: {len(slips)} slips in {len(files)} files checked, {len(problems)} problems")
    return 1 if problems else 0


# ---------------------------------------------------------------- the copy and its build


def copy_tree(tree):
    """The working tree's files, tracked or not ignored, into `tree`; a file that is the same keeps its time."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"], check=True, stdout=subprocess.PIPE)
    names = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    for path in [path for path in tree.rglob("*") if path.is_file()]:
        name = str(path.relative_to(tree))
        if name not in names and not name.startswith("build/"):
            path.unlink()
    for name in sorted(names):
        source, target = ROOT / name, tree / name
        if not target.is_file() or source.read_bytes() != target.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            shutil.copymode(source, target)


def configure(tree, build):
    """As the checkout's own build is configured, if there is one."""
    if (build / "build.ninja").exists():
        return
    known = {}
    cache = ROOT / "build" / "CMakeCache.txt"
    if cache.exists():
        known = dict(re.findall(r"^(\w+):\w+=(.*)$", cache.read_text(), re.M))
    names = ("CMAKE_BUILD_TYPE", "Torch_DIR", "CMAKE_C_COMPILER", "CMAKE_CXX_COMPILER", "CMAKE_C_COMPILER_LAUNCHER",
             "CMAKE_CXX_COMPILER_LAUNCHER")
    words = [f"-D{name}={known[name]}" for name in names if known.get(name)]
    subprocess.run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DBUILD_TESTING=ON",
                    *words], check=True, stdout=subprocess.DEVNULL)


def read_tests(build):
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(shown[shown.index(b"{"):])["tests"]


class Test:
    """A test of CTest, run without it: with a time limit of its own, and ended when another one has failed."""

    def __init__(self, entry, build, tier):
        properties = {item["name"]: item["value"] for item in entry["properties"]}
        self.name, self.tier, self.command = entry["name"], tier, entry["command"]
        self.folder = properties.get("WORKING_DIRECTORY", str(build))
        self.environment = dict(word.split("=", 1) for word in properties.get("ENVIRONMENT", []))
        self.is_inverted = properties.get("WILL_FAIL", False)
        self.is_script = tier == "cli" and re.search(r"/test_\w+\.py$", self.command[-1]) is not None  # of unittest
        self.seconds, self.is_known = UNKNOWN_S, False
        programs = [word for word in (*self.command, *self.environment.values()) if word.startswith(f"{build}/")]
        self.targets = {os.path.relpath(word, build) for word in programs if not os.path.isdir(word)}

    def run(self, stop=None, part=""):
        """(whether it passed, whether it was skipped, its output); ends early when `stop` is set. `part`: of a script, one of its tests;
        a script ends with its first failure."""
        more = ["-f", *(["-k", part] if part else [])] if self.is_script else []
        limit = time.monotonic() + (max(120.0, 10.0 * self.seconds) if self.is_known else UNKNOWN_LIMIT_S)
        process = subprocess.Popen([*self.command, *more], cwd=self.folder, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        said = []
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()), daemon=True)
        reader.start()
        while process.poll() is None and time.monotonic() < limit and not (stop and stop.is_set()):
            time.sleep(0.02)
        is_late = process.poll() is None
        try:
            os.killpg(process.pid, signal.SIGKILL)  # and what it left running
        except ProcessLookupError:
            pass
        process.wait()
        reader.join(10)
        output = b"".join(said).decode(errors="replace") + ("\ntime limit\n" if is_late else "")
        passed = not is_late and (process.returncode == 0) != self.is_inverted
        return passed or process.returncode == 77, process.returncode == 77, output


def tests_of(build, with_parity):
    """The tests of the tiers, in the order of the tiers."""
    tiers = (*TIERS, "parity") if with_parity else TIERS
    found = []
    for entry in read_tests(build):
        labels = next((item["value"] for item in entry["properties"] if item["name"] == "LABELS"), [])
        tier = next((tier for tier in tiers if tier in labels), None)
        if tier and "command" in entry:
            found.append(Test(entry, build, tier))
    return sorted(found, key=lambda test: tiers.index(test.tier))


# ---------------------------------------------------------------- running


def part_of(output):
    """The part of a test that its output says has failed; "" for what comes before all parts."""
    match = PARTS.search(output)
    part = next(filter(None, match.groups())) if match else ""
    return "" if part in ("setUpModule", "setUpClass") else part


def put(path, text):
    """Writes the file if it is another; a new time would have it compiled again."""
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


class Runner:
    def __init__(self, work, n_jobs, is_quick):
        self.work, self.n_jobs, self.is_quick = work, n_jobs, is_quick
        self.tree, self.build = work / "tree", work / "tree" / "build"  # as in a checkout, for a compiler's cache
        self.results_path = work / "results.jsonl"

    def open(self, with_parity):
        self.work.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.work / "lock", "w", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"mutation: another run has '{self.work}'")
        copy_tree(self.tree)
        configure(self.tree, self.build)
        shown = subprocess.run(["ninja", "-C", self.build, "-t", "targets", "all"], check=True, stdout=subprocess.PIPE).stdout.decode()
        self.outputs = {line.rsplit(": ", 1)[0] for line in shown.splitlines() if ": " in line}
        # CTest tells the command of a test only if its program exists
        subprocess.run(["ninja", "-C", self.build], check=True, stdout=subprocess.DEVNULL)
        self.tests = tests_of(self.build, with_parity)
        self.passed_parts = set()
        self.read_known()
        self.set_up()

    def set_up(self):
        """Runs what other tests need, CTest's fixtures."""
        for entry in read_tests(self.build):
            if any(item["name"] == "FIXTURES_SETUP" for item in entry["properties"]) and "command" in entry:
                test = Test(entry, self.build, "unit")
                if self.make(test.targets) is not None or not test.run()[0]:
                    print(f"mutation: {test.name} fails; tests that need it take no part")

    def make(self, targets):
        """None, or what a failed build said."""
        targets = sorted(targets & self.outputs)
        if not targets:
            return None
        done = subprocess.run(["ninja", "-C", self.build, f"-j{os.cpu_count()}", *targets], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        return None if done.returncode == 0 else done.stdout.decode(errors="replace")[-3000:]

    def read_known(self):
        """What is known of the tests: whether they can pass, how long they take, which programs passed them."""
        self.known_path = self.work / "tests.json"
        digest = hashlib.sha256()  # of all but the sources: of the tests, and of what they read
        for path in sorted(path for path in self.tree.rglob("*") if path.is_file()):
            name = str(path.relative_to(self.tree))
            if not name.startswith(("build/", "src/", "shim/", "include/")):
                digest.update(name.encode() + b"\0" + path.read_bytes())
        self.version = digest.hexdigest()[:16]
        stored = json.loads(self.known_path.read_text(encoding="utf-8")) if self.known_path.exists() else {}
        self.known = {name: entry for name, entry in stored.get("tests", {}).items() if entry["passes"]}
        if stored.get("version") != self.version:
            for entry in self.known.values():
                entry["programs"] = []
        for test in self.tests:
            test.is_known = test.name in self.known
            test.seconds = self.known[test.name]["seconds"] if test.is_known else UNKNOWN_S

    def programs_of(self, test):
        """A digest of what the test runs."""
        digest = hashlib.sha256()
        for target in sorted(test.targets & self.outputs):
            digest.update((self.build / target).read_bytes())
        return digest.hexdigest()[:16]

    def note(self, test, passes, seconds):
        entry = self.known.setdefault(test.name, {"passes": passes, "seconds": round(seconds, 2), "programs": []})
        if passes:
            entry["programs"] = [*entry["programs"], self.programs_of(test)][-30:]
        test.seconds, test.is_known = entry["seconds"], True
        self.known_path.write_text(json.dumps({"version": self.version, "tests": self.known}, indent=1) + "\n", encoding="utf-8")

    def run_test(self, test, stop=None):
        """(whether it passed, its output). What passed it before is not run again: the slip is in another program."""
        if test.name in self.known and self.programs_of(test) in self.known[test.name]["programs"]:
            return True, ""
        began = time.monotonic()
        passed, skipped, output = test.run(stop)
        if passed:
            self.note(test, not skipped, time.monotonic() - began)
        return passed, output

    def passes_without(self, test, part, path, good):
        """Whether the test, or the part of it that failed, passes without the slip; then the copy is without it."""
        if test.name in self.known and self.known[test.name]["passes"] or (test.name, part) in self.passed_parts:
            return True
        put(path, good)
        began = time.monotonic()
        passed = self.make(test.targets) is None and test.run(part=part)[0]
        if passed and test.is_script and part:
            self.passed_parts.add((test.name, part))
        else:
            self.note(test, passed, time.monotonic() - began)
        print(f"mutation: {test.name} {part} {'passes' if passed else 'FAILS'} without a slip", flush=True)
        return passed

    def usable(self):
        """The tests that can tell, the quickest of a tier first."""
        tiers = (*TIERS, "parity")
        tests = [test for test in self.tests if self.known.get(test.name, {"passes": True})["passes"]]
        return sorted(tests, key=lambda test: (tiers.index(test.tier), test.seconds))

    def first_failure(self, tests, done):
        """(test, output) of the first of `tests` that fails, or None; `n_jobs` at a time. `done` gets the names of those that ran."""
        stop, found = threading.Event(), []

        def one(test):
            if stop.is_set():
                return
            passed, output = self.run_test(test, stop)
            if not passed and not stop.is_set() and test.tier == "cli":  # a busy machine may be too slow for a signal
                passed, _, output = test.run(stop, part_of(output))
            if not stop.is_set():
                done.add(test.name)
            if not passed and not stop.is_set():
                found.append((test, output))
                stop.set()

        with concurrent.futures.ThreadPoolExecutor(self.n_jobs) as pool:
            try:
                list(pool.map(one, tests))
            except BaseException:
                stop.set()
                raise
        return found[0] if found else None

    def groups(self, slip):
        """The likely tests, then the others tier by tier; a new list after each failure that was none."""
        done = set()
        for tier in ("first",) if self.is_quick else ("first", *TIERS, "parity"):
            while True:
                tests = [test for test in self.usable() if test.name not in done and
                         (re.fullmatch(slip.first, test.name) if tier == "first" else test.tier == tier)]
                if not tests:
                    break
                yield tests, done

    def try_slip(self, slip):
        """The result of one slip; the copy is as before afterwards."""
        path = self.tree / slip.file
        good = path.read_text(encoding="utf-8")
        changed = slip.apply(good)
        if changed is None:
            return {"state": "does not apply"}
        began, n_run = time.monotonic(), 0
        try:
            for tests, done in self.groups(slip):
                put(path, changed)
                output = self.make({target for test in tests for target in test.targets})
                if output is not None:
                    return {"state": "does not build", "output": output}
                failure = self.first_failure(tests, done)
                if failure and self.passes_without(failure[0], part_of(failure[1]), path, good):
                    test, output = failure
                    return {"state": "noticed", "test": test.name, "tier": test.tier, "part": part_of(output),
                            "seconds": round(time.monotonic() - began, 1)}
                n_run = len(done)
            return {"state": "unnoticed so far" if self.is_quick else "unnoticed", "tests": n_run, "seconds": round(time.monotonic() - began, 1)}
        finally:
            put(path, good)

    # ------------------------------------------------------------ results

    def results(self):
        """The last result of each slip, by ID."""
        if not self.results_path.exists():
            return {}
        lines = map(json.loads, self.results_path.read_text(encoding="utf-8").splitlines())
        return {line["id"]: line for line in lines}

    def record(self, slip, result):
        line = {"id": slip.id, "digest": slip.digest, "file": slip.file, **result}
        if result["state"] != "unnoticed so far":
            with open(self.results_path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        print(f"{describe(line):44} {slip.id} ({slip.why})", flush=True)


def describe(result):
    if result["state"] == "noticed":
        return f"noticed by {result['test']}"
    return result["state"].upper()


def summarize(slips, results):
    """Counts by tier, and each slip that nothing noticed."""
    states = collections.Counter()
    by_tier = collections.Counter()
    for slip in slips:
        result = results.get(slip.id)
        is_known = result and result["digest"] == slip.digest
        state = "equivalent" if slip.equivalent else result["state"] if is_known else "not run"
        states[state] += 1
        if state == "noticed":
            by_tier[result["tier"]] += 1
        elif state != "not run":
            print(f"{state}: {slip.id}: {slip.file}: {slip.equivalent or slip.why}")
    n_tried = states["noticed"] + states["unnoticed"]
    tiers = ", ".join(f"{tier} {by_tier[tier]}" for tier in (*TIERS, "parity") if by_tier[tier])
    print(f"mutation: {len(slips)} slips: {states['noticed']} of {n_tried} noticed ({tiers}), "
          + ", ".join(f"{n} {state}" for state, n in sorted(states.items()) if state != "noticed"))
    return states["unnoticed"] + states["does not apply"] + states["does not build"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="ID")
    parser.add_argument("--room", nargs="+", metavar="NAME")
    for name in ("list", "summary", "check", "parity", "quick", "again"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build-mutation")
    parser.add_argument("--build", type=pathlib.Path, help="with --check: a build folder whose tests `first` must name")
    o = parser.parse_args()
    check_itself()
    slips = slip_files.read_all()
    if o.check:
        return check(slips, o.build)
    chosen = [slip for slip in slips if not o.only or any(fnmatch.fnmatchcase(slip.id, pattern) for pattern in o.only)]
    if o.room:
        chosen = [slip for room in o.room for slip in chosen if slip.source.startswith(f"{room}.txt:")]
    if not chosen:
        sys.exit(f"mutation: no slip is called {shlex.join(o.only or o.room or [])}")
    if o.list:
        for slip in chosen:
            print(f"{slip.id:34} {slip.file:34} {slip.first:24} {slip.why}")
        return 0
    runner = Runner(o.work.resolve(), o.jobs, o.quick)
    if o.summary:
        return 1 if summarize(slips, runner.results()) else 0
    if o.again:
        runner.results_path.unlink(missing_ok=True)
    runner.open(o.parity)
    known = {} if o.only else runner.results()
    for slip in chosen:
        if slip.equivalent or (slip.id in known and known[slip.id]["digest"] == slip.digest):
            continue
        runner.record(slip, runner.try_slip(slip))
    return 1 if summarize(chosen, runner.results()) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("mutation: interrupted; the same command continues")
