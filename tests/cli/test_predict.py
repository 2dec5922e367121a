#!/usr/bin/env python3
"""prompt predict: its numbers are those of prompt eval, whatever names the pictures and the classes."""

import csv
import io
import json
import math
import os
import pathlib
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import harness
from harness import numbers, read_safetensors, run

MINI = harness.CONFIGS / "mini"
MODEL = MINI / "mini.safetensors"
RUNS = {"prompt": (), "coop": (), "cocoop": (), "vpt": (), "own": ("--set", "context.class_specific=true")}
CLASSES = ("forest river", "rock lake", "snow railway")

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["root"] = root = pathlib.Path(folder.name)
    for words in (("data", "synth", root / "world", "--layouts", "eurosat"), *(train_words(name, root / name) for name in RUNS)):
        result = run(*words)
        if result.status != 0:
            sys.exit(f"{words[0]} failed: {result}")
    shared["images"] = root / "world/eurosat/2750"


def train_words(name, out):
    config = MINI / f"{'coop' if name == 'own' else name}.json"
    return ("train", "--config", config, "--data", shared["root"] / "world", "--dataset", "eurosat", "--model", MODEL,
            "--set", "training.epochs=2", "--set", "data.shots=1", "--threads", 1, "--quiet", *RUNS[name],
            "--out", out)


def predict(*args, stdin=None):
    """With the list `stdin` on the standard input."""
    words = harness.words("predict", "--threads", 1, *args)
    done = subprocess.run(words, input="".join(f"{line}\n" for line in stdin or ()).encode(), capture_output=True,
                          timeout=120, check=False)
    return harness.Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def zero_shot(*args, stdin=None, names=CLASSES):
    return predict("--model", MODEL, "--class-names", ",".join(names), *args, stdin=stdin)


def csv_rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def class_names():
    split = json.loads((shared["root"] / "world/eurosat/split_zhou_EuroSAT.json").read_text())
    return [name for _, name in sorted({(label, name) for _, label, name in split["test"]})]


def softmax(logits):
    largest = max(logits)
    powers = [math.exp(value - largest) for value in logits]
    total = sum(powers)
    return [power / total for power in powers]


def pictures(n, folder="ForestRiver"):
    return sorted((shared["images"] / folder).iterdir())[:n]


class Numbers(harness.Case):
    def evaluated(self, classes, *source):
        """Pictures in the order of the list, and the logits that eval saves: [image][n][class]."""
        path = self.tmp / "logits.safetensors"
        self.check_ok(run("eval", *source, "--classes", classes, "--threads", 1, "--save-logits", path, "--quiet"))
        tensors, metadata = read_safetensors(path)
        n_images, n_rounds, n_classes = tensors["logits"][1]
        values = iter(numbers(tensors["logits"]))
        logits = [[[next(values) for _ in range(n_classes)] for _ in range(n_rounds)] for _ in range(n_images)]
        return [shared["images"] / path for path in json.loads(metadata["paths"])], logits

    def predicted(self, paths, top, *source):
        result = self.check_ok(predict("-", *source, "--format", "jsonl", "--trace", "--top", top, stdin=paths))
        return [json.loads(line) for line in result.out.splitlines()]

    def check_equal(self, rows, paths, logits, names, text=lambda p: f"{p:.9g}"):
        """Every probability at every n, in the order of the pictures and of the ranks."""
        want = []
        for path, rounds in zip(paths, logits):
            for n, values in enumerate(rounds):
                order = sorted(range(len(values)), key=lambda k, v=values: (-v[k], k))
                want += [(str(path), n, i + 1, names[k], text(softmax(values)[k])) for i, k in enumerate(order)]
        self.assertEqual([(row["file"], row["n"], row["rank"], row["class"], text(row["probability"])) for row in rows], want)

    def test_every_bit_is_that_of_eval(self):
        for name in RUNS:
            source = ("--run", shared["root"] / name)
            trained = json.loads(read_safetensors(shared["root"] / name / "checkpoint.safetensors")[1]["class_names"])
            with self.subTest(run=name):
                paths, logits = self.evaluated("base", *source)
                self.check_equal(self.predicted(paths, len(trained), *source), paths, logits, trained)

    def test_other_classes_than_those_of_the_training(self):
        source = ("--run", shared["root"] / "prompt")
        paths, logits = self.evaluated("new", *source)
        self.check_equal(self.predicted(paths, 6, *source, "--classes", "new"), paths, logits, class_names()[6:])
        names = self.tmp / "names.txt"
        names.write_text("\n".join(class_names()[6:]) + "\r\n\n")
        self.check_equal(self.predicted(paths, 6, *source, "--classes-file", names), paths, logits, class_names()[6:])

    def test_other_batches_change_the_last_digits_alone(self):
        source = ("--run", shared["root"] / "prompt")
        paths, logits = self.evaluated("base", *source)
        rows = self.predicted(paths, 1, *source, "--set", "evaluation.batch_size=5")
        last = [row for row in rows if row["n"] == 2]
        for row, rounds in zip(last, logits):
            self.assertLess(abs(row["probability"] / max(softmax(rounds[-1])) - 1), 1e-5)
        classes = [row["class"] for row in self.predicted(paths, 1, *source) if row["n"] == 2]
        self.assertEqual([row["class"] for row in last], classes)

    def test_a_model_alone_is_clip(self):
        source = ("--config", harness.CONFIGS / "zeroshot.json", "--data", shared["root"] / "world", "--dataset", "eurosat",
                  "--model", MODEL)
        paths, logits = self.evaluated("all", *source)
        names = class_names()
        self.check_equal(self.predicted(paths, 12, *source, "--classes", "all"), paths, logits, names)
        # the template of the data set, by hand
        alone = self.predicted(paths, 12, "--model", MODEL, "--class-names", ",".join(names), "--template",
                               "a centered satellite photo of {}.")
        self.check_equal(alone, paths, logits, names)


class Pictures(harness.Case):
    def test_folders_files_and_lists_keep_their_order(self):
        folder = self.tmp / "photos"
        for name in ("b/2.jpg", "b/10.JPG", "a/1.jpeg", "z.jpg"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(pictures(1)[0], folder / name)
        (folder / "readme.txt").write_text("no picture")
        (folder / "b/.hidden.jpg").write_text("not seen")
        listed = self.tmp / "no ending"
        shutil.copy(pictures(1)[0], listed)
        result = self.check_ok(zero_shot(pictures(2)[1], "-", folder, "--format", "csv", stdin=(listed, "", folder / "b")))
        want = [pictures(2)[1], listed, *(folder / name for name in ("b/10.JPG", "b/2.jpg", "z.jpg", "a/1.jpeg", "b/10.JPG", "b/2.jpg"))]
        self.assertEqual([row["file"] for row in csv_rows(result.out)], [str(path) for path in want])
        self.assertIn("left out: 1 .txt", result.err)
        os.chdir(folder)
        self.addCleanup(os.chdir, "/")
        self.assertEqual([row["file"] for row in csv_rows(zero_shot("b", "--format", "csv").out)], ["b/10.JPG", "b/2.jpg"])
        self.check_error(zero_shot("-", "-", stdin=("z.jpg",)), 2, "'-', the list on the standard input, is given twice")
        self.check_error(zero_shot("-", stdin=("z.jpg", "\0")), 1, "the list of pictures, line 2: expected the path of a picture, "
                                                                   "found a byte of value 0: is it a picture itself\\?")

    def test_a_bad_picture_does_not_stop_the_others(self):
        bad, missing, out = self.tmp / "bad.jpg", self.tmp / "missing.jpg", self.tmp / "rows.csv"
        bad.write_bytes(b"no picture")
        good = pictures(20)
        alone = csv_rows(self.check_ok(zero_shot(*good, "--format", "csv")).out)
        result = zero_shot(good[0], bad, *good[1:17], missing, *good[17:], "--format", "csv", "--out", out)
        self.assertEqual((result.status, result.out), (1, ""))
        self.assertEqual([line for line in result.err.splitlines() if line.startswith(("warning", "prompt"))], [
            f"warning: cannot decode '{bad}': no known image format, expected JPEG, PNG, BMP, GIF, PPM, PGM or WebP",
            f"warning: cannot open '{missing}': No such file or directory",
            "prompt: 2 of 22 pictures could not be read; the others were predicted"])
        rows = csv_rows(out.read_text())
        self.assertEqual([(row["file"], row["class"]) for row in rows], [(row["file"], row["class"]) for row in alone])
        out.unlink()
        result = zero_shot(*[bad] * 40, "--out", out)
        self.assertEqual(result.errors, ["prompt: none of the pictures can be read"])
        self.assertEqual((result.status, out.exists(), harness.leftovers(self.tmp)), (1, False, []))

    def test_labels_from_folders_give_the_accuracy(self):
        for name, folder in (("forest_river", "ForestRiver"), ("rock lake", "RockLake"), ("snow railway", "SnowRailway")):
            (self.tmp / "photos" / name).mkdir(parents=True)
            for path in pictures(4, folder):
                shutil.copy(path, self.tmp / "photos" / name)
        result = self.check_ok(zero_shot(self.tmp / "photos", "--labels-from-folders", "--format", "csv", "--out",
                                         self.tmp / "rows.csv", "--log", self.tmp / "log.json"))
        rows = csv_rows((self.tmp / "rows.csv").read_text())
        self.assertEqual({row["label"] for row in rows}, set(CLASSES))
        n_correct = sum(row["class"] == row["label"] for row in rows)
        self.assertEqual(result.out, f"accuracy {100 * n_correct / 12:.2f} % ({n_correct} of 12 pictures)\n")
        self.assertEqual(json.loads((self.tmp / "log.json").read_text())["accuracy_per_iteration"], [n_correct / 12])
        self.check_error(zero_shot(self.tmp / "photos", "--labels-from-folders", names=CLASSES[1:]), 1,
                         r"'.*/photos/forest_river/\w+\.jpg': its folder 'forest_river' is none of the 2 classes "
                         r"\(rock lake \.\.\. snow railway\)")

    def test_exif_orientation_turns_the_picture(self):
        """A permutation of pixels, so the same numbers as of the picture that is turned already."""
        width, height = 40, 25
        noise = harness.Xorshift(3)
        pixels = [[tuple(noise.byte() for _ in range(3)) for _ in range(width)] for _ in range(height)]
        columns = [list(column) for column in zip(*pixels)]  # transposed: width rows
        turned = {1: pixels, 2: [row[::-1] for row in pixels], 3: [row[::-1] for row in pixels[::-1]], 4: pixels[::-1],
                  5: columns, 6: [row[::-1] for row in columns], 7: [row[::-1] for row in columns[::-1]], 8: columns[::-1]}
        for orientation, rows in turned.items():
            plain = harness.png(len(rows[0]), len(rows), lambda x, y, rows=rows: rows[y][x])
            (self.tmp / f"turned{orientation}.png").write_bytes(plain)
            tiff = struct.pack("<4sIHHHIHHI", b"II*\0", 8, 1, 0x112, 3, 1, orientation, 0, 0)
            chunk = struct.pack(">I", len(tiff)) + b"eXIf" + tiff + struct.pack(">I", zlib.crc32(b"eXIf" + tiff))
            marked = harness.png(width, height, lambda x, y: pixels[y][x])
            (self.tmp / f"marked{orientation}.png").write_bytes(marked[:33] + chunk + marked[33:])
        marked = [self.tmp / f"marked{orientation}.png" for orientation in turned]
        already = [self.tmp / f"turned{orientation}.png" for orientation in turned]
        words = ("--format", "jsonl", "--top", 3)
        one, other = (self.check_ok(zero_shot(*paths, *words, *more)) for paths, more in
                      ((already, ()), (marked, ("--exif-orientation",))))
        self.assertEqual(other.out.replace("marked", "turned"), one.out)
        self.assertGreater(len({line.split("rank")[1] for line in one.out.splitlines()}), 8)
        self.assertNotIn("EXIF", other.err)
        ignored = self.check_ok(zero_shot(*marked, *words))
        self.assertIn("note: 7 pictures have an EXIF orientation, which is not applied; --exif-orientation does", ignored.err)
        self.assertEqual(len({line.split("rank")[1] for line in ignored.out.splitlines()}), 3)


class Output(harness.Case):
    def test_formats_hold_the_same_rows(self):
        strange = self.tmp / 'a, "b".jpg'
        shutil.copy(pictures(1)[0], strange)
        words = (strange, "--top", 2)
        table, as_csv, as_json = (self.check_ok(zero_shot(*words, "--format", name)).out for name in ("table", "csv", "jsonl"))
        rows = csv_rows(as_csv)
        self.assertEqual(as_csv.splitlines()[0], "file,rank,class,probability")
        self.assertEqual([(row["file"], row["rank"]) for row in rows], [(str(strange), "1"), (str(strange), "2")])
        for row, line, text in zip(rows, as_json.splitlines(), table.splitlines()[1:]):
            values = json.loads(line)
            self.assertEqual({key: str(values[key]) for key in ("file", "rank", "class")},
                             {key: row[key] for key in ("file", "rank", "class")})
            self.assertEqual(f"{values['probability']:.6f}", row["probability"])
            self.assertEqual(text, f"   {row['rank']}  {values['probability']:11.4f}  {row['class']:12}  {strange}")
        self.assertEqual(table.splitlines()[0], "rank  probability  class         file")

    def test_the_log_says_with_what(self):
        log = self.tmp / "log.json"
        self.check_ok(predict("--run", shared["root"] / "coop", *pictures(3), "--log", log, "--top", 2))
        record = json.loads(log.read_text())
        metadata = read_safetensors(shared["root"] / "coop/checkpoint.safetensors")[1]
        self.assertEqual(record["digests"]["weights_sha256"], metadata["weights_sha256"])
        self.assertEqual(record["digests"]["class_names"], metadata["class_digest"])
        self.assertEqual(record["trained_config_hash"], metadata["config_hash"])
        self.assertEqual(record["classes"], json.loads(metadata["class_names"]))
        self.assertEqual([record[key] for key in ("pictures", "predicted", "unreadable", "top", "finished", "threads", "method")],
                         [3, 3, 0, 2, True, 1, "coop"])
        self.assertTrue(record["inputs"]["image_decoder"] and record["program"] and record["libtorch"])

    def test_a_full_disk_leaves_nothing(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(harness.words("predict", "--model", MODEL, "--class-names", "rock lake,snow railway", *pictures(1)),
                                  stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), r"prompt: cannot write to the standard output: No space left on device\n\Z")
        self.check_error(zero_shot(*pictures(1), "--out", "/dev/full"), 1, "cannot write '/dev/full': No space left on device")


class BadInput(harness.Case):
    def test_each_is_one_line(self):
        (self.tmp / "empty").mkdir()
        (self.tmp / "texts").mkdir()
        (self.tmp / "texts/a.txt").write_text("x")
        files = {"gap": "forest river\n\nrock lake\n", "twice": "forest river\nrock lake\nforest_river\n", "none": "\n",
                 "long": "rock lake\n" + "rock " * 40 + "\n", "utf16": "rock lake".encode("utf-16").decode("latin-1")}
        for name, text in files.items():
            (self.tmp / name).write_text(text, encoding="latin-1")
        image, model = pictures(1)[0], ("--model", MODEL)
        own = ("--run", shared["root"] / "own", image)
        cases = (
            ((self.tmp / "empty", *model, "--class-names", "rock lake,snow railway"), 1, r"the folder '.*/empty' holds no pictures"),
            ((self.tmp / "texts", *model, "--class-names", "rock lake,snow railway"), 1,
             r"the folder '.*/texts' holds no pictures, only 1 \.txt"),
            ((image, *model, "--classes-file", self.tmp / "gap"), 1, r"'.*/gap':2: expected the name of a class, found an empty line"),
            ((image, *model, "--classes-file", self.tmp / "twice"), 1, r"'.*/twice':3: the class 'forest_river' is in line 1 already"),
            ((image, *model, "--classes-file", self.tmp / "none"), 1, r"'.*/none': no class name, expected one a line"),
            ((image, *model, "--classes-file", self.tmp / "long"), 2,
             r"class 'rock rock .*': the text takes \d+ tokens, but the model reads at most 32"),
            ((image, *model, "--classes-file", self.tmp / "utf16"), 1, r".*/utf16:1: expected text in UTF-8, found a byte of value 0.*"),
            ((image, *model, "--class-names", "rock lake,,snow railway"), 2, r'class names "rock lake,,snow railway": name 2 is empty'),
            ((image, *model, "--class-names", "rock lake, rock_lake"), 2, r"class names .*: 'rock_lake' is given twice"),
            ((image, *model, "--class-names", "rock lake", "--classes", "all"), 2,
             r"--class-names, --classes-file and --classes exclude one another"),
            ((image, *model, "--classes", "all"), 2, r"--classes takes the classes of a data set: give --data and --dataset"),
            ((image, *model), 2, r'no classes: give --class-names "NAME,NAME", --classes-file FILE, --classes with a data set, or '
                                 r"--run DIR"),
            ((image, *model, "--class-names", "rock lake,snow railway", "--top", 3), 2, r"--top 3 is more than the 2 classes"),
            ((image, *model, "--class-names", "rock lake,snow railway", "--template", "a photo"), 2,
             r"key 'zero_shot_template': expected .* found \"a photo\""),
            ((image, "--class-names", "rock lake"), 2, r"no model is given: pass --model FILE, or set the key 'model\.path'"),
            ((image, *model, "--config", MINI / "coop.json", "--class-names", "rock lake"), 2,
             r"method 'coop' has prompts to train: give --run DIR"),
            ((*own, "--class-names", "rock lake,snow railway"), 2,
             r"context\.class_specific: the run learned contexts for its own 6 classes, which do not serve other classes "
             r"\(rock lake \.\.\. snow railway\)"),
            ((*own, "--template", "art of {}."), 2, r'zero_shot_template is "art of \{\}\." here, but the run was trained with .*'),
            (("-", *model, "--class-names", "rock lake"), 1, r"the list of pictures on the standard input is empty"),
            ((image, *model, "--class-names", "rock lake", "--out", self.tmp / "no/rows.csv"), 1, r"cannot write '.*/no/rows\.csv': .*"),
        )
        for words, status, pattern in cases:
            with self.subTest(words=words[1:]):
                self.check_error(predict(*words, "--quiet"), status, pattern)
        self.assertEqual(harness.leftovers(self.tmp), [])

    def test_a_terminal_is_no_list(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        done = subprocess.run(harness.words("predict", "--model", MODEL, "--class-names", "rock lake", "-"), stdin=theirs,
                              capture_output=True, timeout=60, check=False)
        os.close(theirs)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(done.stderr.decode(), "prompt: -: expected a list of pictures, one a line, on the standard input, "
                                               "found a terminal\n")

    def test_a_run_whose_model_has_moved_or_changed(self):
        model, out = self.tmp / "model.safetensors", shared["root"] / "moved"
        shutil.copy(MODEL, model)
        shutil.copytree(shared["root"] / "coop", out)
        config = json.loads((out / "config.json").read_text())
        config["model"]["path"] = str(model)
        (out / "config.json").write_text(json.dumps(config))
        words = ("--run", out, *pictures(2))
        before = self.check_ok(predict(*words)).out
        model.rename(self.tmp / "elsewhere.safetensors")
        self.check_error(predict(*words), 1, r"the model of the run, '.*/model\.safetensors', is not there any more: give "
                                             r"--model FILE")
        self.assertEqual(self.check_ok(predict(*words, "--model", self.tmp / "elsewhere.safetensors")).out, before)
        data = bytearray((self.tmp / "elsewhere.safetensors").read_bytes())
        data[-1] ^= 1
        model.write_bytes(data)
        self.check_error(predict(*words), 2, r"'.*/model\.safetensors' is another model than the run was trained with "
                                             r"\(SHA-256 .*\)")

    def test_an_unfinished_run_is_noted(self):
        self.check_ok(run(*train_words("coop", self.tmp / "short"), "--max-steps", 1))
        result = self.check_ok(predict("--run", self.tmp / "short", *pictures(1)))
        self.assertRegex(result.err, r"warning: this run stopped after step 1 of \d+; its predictions are those of an unfinished "
                                     r"training\n")


if __name__ == "__main__":
    harness.main()
