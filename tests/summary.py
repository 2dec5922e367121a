#!/usr/bin/env python3
"""The last line of scripts/test.sh: how many tests passed, failed and were skipped, and each skipped one's reason.

usage: summary.py FILE, which ctest --output-junit wrote
"""

import re
import sys
import xml.etree.ElementTree


def reason_of(output):
    """The line "skipped: REASON" that a skipped test ends with."""
    found = re.findall(r"^skipped: (.+)$", output, re.MULTILINE)
    return found[-1].strip() if found else "no reason given"


def read(path):
    """Names of passed tests, names of failed ones, {name: reason} of skipped ones, and {name: reasons} of the passed ones
    that skipped a part of themselves."""
    passed, failed, skipped, parts = [], [], {}, {}
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name, status, output = case.get("name"), case.get("status"), case.findtext("system-out") or ""
        message = case.find("skipped").get("message") if case.find("skipped") is not None else ""
        if status == "run":
            passed.append(name)
            if reasons := re.findall(r"\.\.\. skipped ['\"](.+)['\"]$", output, re.MULTILINE):
                parts[name] = reasons
        elif status == "disabled":
            skipped[name] = "disabled"
        elif message.startswith("SKIP_"):
            skipped[name] = reason_of(output)
        else:  # "notrun" for another reason, too: a fixture that failed, a program that is missing
            failed.append(name)
    return passed, failed, skipped, parts


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed, failed, skipped, parts = read(sys.argv[1])
    for name, reasons in sorted(parts.items()):
        print(f"test: {name} skipped {len(reasons)} of its own: {'; '.join(sorted(set(reasons)))}")
    failures = f" ({', '.join(sorted(failed))})" if failed else ""
    reasons = ", ".join(f"{name} ({why})" for name, why in sorted(skipped.items()))
    print(f"test: {len(passed)} passed, {len(failed)} failed{failures}, {len(skipped)} skipped{': ' if skipped else ''}{reasons}")


if __name__ == "__main__":
    main()
