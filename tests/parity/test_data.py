"""Own data against what others read of the same files: class folders against torchvision.datasets.ImageFolder, lists
against Python's csv, names that are not UTF-8 against Python's "backslashreplace".

Needs PROMPT_BIN (the program). Prints how many lists and items were compared; none is a failure.
"""
import csv
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import peers  # noqa: F401  before torchvision
from torchvision.datasets import ImageFolder

counts = {"lists": 0, "items": 0}
ENDINGS = (".jpg", ".JPEG", ".png", ".PPM", ".bmp", ".pgm", ".webp")  # which both take
PARTS = {"train": ("train", "Train", "training"), "val": ("val", "valid", "VALIDATION"), "test": ("test", "Test", "testing")}


def split(*words):
    command = [os.environ["PROMPT_BIN"], "data", "split", "--shots", "0", "--json", *map(str, words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return {part: lists["all"] for part, lists in json.loads(done.stdout).items()}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tmp = pathlib.Path(folder.name)

    def compare(self, ours, theirs):
        self.assertGreater(len(theirs), 0)
        self.assertEqual(ours, theirs)
        counts["lists"] += 1
        counts["items"] += len(theirs)


class Folders(Case):
    def make_part(self, rng, part):
        """Three classes with sub-folders, links to folders, and files that are not images."""
        for name in ("Zebra", "ant", "b c"):
            folders = [self.tmp / part / name]
            for _ in range(rng.randrange(5)):
                folders.append(rng.choice(folders) / rng.choice(("in", "in-side", "in.x", "IN", "é", "1", "10", "a b")))
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
                for _ in range(rng.randrange(1, 5)):
                    stem = "".join(rng.choice("aZ09_-. é") for _ in range(rng.randrange(1, 6))).strip(". ") or "x"
                    (folder / (stem + rng.choice((*ENDINGS, ".txt", "")))).touch()
            (folders[0] / "0.jpg").touch()
        shared = self.tmp / f"{part}-shared"
        shared.mkdir()
        (shared / "1.jpg").touch()
        (self.tmp / part / "ant" / "linked").symlink_to(shared)

    def test_lists_are_those_of_image_folder(self):
        for seed in range(8):
            with self.subTest(seed=seed):
                rng = random.Random(seed)
                for part in ("train", "test"):
                    self.make_part(rng, f"{seed}/{part}")
                ours = split("--data", self.tmp / str(seed), "--dataset", "folder")
                for part in ("train", "test"):
                    theirs = ImageFolder(self.tmp / str(seed) / part)
                    self.compare(ours[part], [[os.path.relpath(path, self.tmp / str(seed)), label, theirs.classes[label]]
                                              for path, label in theirs.samples])

    def test_names_that_are_not_utf8(self):
        names = [b"caf\xe9.jpg", b"\xff\xfe.jpg", b"\xf0\x9f\x98.jpg", "é.jpg".encode(), b"a\xe2\x82.jpg"]
        for part in (b"train", b"test"):
            os.makedirs(os.path.join(os.fsencode(self.tmp), part, b"x"))
            for name in names:
                open(os.path.join(os.fsencode(self.tmp), part, b"x", name), "wb").close()
        self.compare([path for path, _, _ in split("--data", self.tmp, "--dataset", "folder")["train"]],
                     [(b"train/x/" + name).decode("utf-8", "backslashreplace") for name in sorted(names)])


class Tables(Case):
    def cell(self, rng, alphabet):
        """Of one class's name; as both read it, so without white space around it."""
        return "".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 12))).strip() or "x"

    def make(self, rng):
        """Rows of dictionaries in which each class is in each part."""
        names = sorted({self.cell(rng, "ab ,;\t\"'\n\\é日") for _ in range(rng.randrange(2, 6))}, key=str.encode)
        rows = [{"path": f"{self.cell(rng, 'ab ,;é')}{i}.jpg", "label": str(label), "name": name, "split": part, "": str(i)}
                for i, (part, label, name) in enumerate((part, label, name) for part in PARTS for label, name in enumerate(names)
                                                        for _ in range(2))]
        rng.shuffle(rows)
        return rows

    def test_lists_are_those_of_pythons_csv(self):
        for seed in range(24):
            with self.subTest(seed=seed):
                rng = random.Random(seed)
                rows, columns = self.make(rng), ["path", "name", "split"]
                columns += rng.choice((["label"], ["label", ""], [], [""]))
                rng.shuffle(columns)
                table = self.tmp / f"{seed}.csv"
                with open(table, "w", encoding=rng.choice(("utf-8", "utf-8-sig")), newline="") as stream:
                    writer = csv.writer(stream, delimiter=rng.choice(",;\t"), quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
                                        lineterminator=rng.choice(("\n", "\r\n")))
                    writer.writerow(rng.choice((str.upper, str.title, str))(column) for column in columns)
                    delimiter = writer.dialect.delimiter
                    for row in rows:
                        writer.writerow(rng.choice(PARTS[row[c]]) if c == "split" else row[c] for c in columns)
                with open(table, encoding="utf-8-sig", newline="") as stream:
                    theirs = [{key.lower(): cell for key, cell in row.items()} for row in csv.DictReader(stream, delimiter=delimiter)]
                ours = split("--dataset", "csv", "--set", f"data.split_file={table}")
                ranks = sorted({row["name"] for row in theirs}, key=str.encode)
                for part, words in PARTS.items():
                    self.compare(ours[part], [[row["path"], ranks.index(row["name"]), row["name"]] for row in theirs
                                              if row["split"] in words])


if __name__ == "__main__":
    if "PROMPT_BIN" not in os.environ:
        sys.exit("PROMPT_BIN (the program) is not set")
    result = unittest.main(exit=False, verbosity=2).result
    print(f"compared {counts['lists']} lists, {counts['items']} items")
    sys.exit(0 if result.wasSuccessful() and counts["items"] > 0 else 1)
