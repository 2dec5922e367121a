#!/usr/bin/env python3
"""prompt report: the page's numbers are those of results.json, whatever names the classes; bad input is one line."""

import base64
import csv
import html.parser
import json
import math
import pathlib
import re
import shutil
import statistics
import sys
import tempfile
import unittest

import harness
from harness import run

NAMES = ('<b>&"x', "oxford_pets", "c'up", "drum &amp; bass", "</script>", "flower", "a^b_c", "house", "island", "jacket")
RUNS = {"prompt1": ("prompt", 1), "prompt2": ("prompt", 2), "coop1": ("coop", 1), "coop2": ("coop", 2)}

shared = {}


def train(name, method, seed):
    config, more = {"prompt": ("base2new.json", ("--set", "vision_prompt.depth=2")), "coop": ("base2new/coop.json", ())}[method]
    return run("train", "--config", harness.CONFIGS / config, "--data", shared["data"].root, "--dataset", "caltech101", "--model",
               shared["model"], "--threads", 1, "--quiet", "--seed", seed, "--set", "training.epochs=2", "--set", "data.shots=2", *more,
               "--out", shared["root"] / name)


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["root"] = root = pathlib.Path(folder.name)
    shared["data"] = harness.SmallData(root / "data", names=NAMES)
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    for name, (method, seed) in RUNS.items():
        for result in (train(name, method, seed), run("eval", "--run", root / name, "--threads", 1, "--quiet")):
            if result.status != 0:
                sys.exit(f"{name} failed: {result}")


class Page(html.parser.HTMLParser):
    """What the tests read: elements with their attributes, and the text of each open element."""

    VOID = {"meta", "link", "img", "br", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "sections": [e.get("class") for e in self.open], **dict(attrs)}
        self.elements.append(element)
        if tag not in self.VOID and tag not in ("path", "circle", "rect"):
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", "sections": [], **dict(attrs)})

    def handle_endtag(self, tag):
        if tag in ("path", "circle", "rect") or tag in self.VOID:
            return
        if not self.open or self.open[-1]["tag"] != tag:
            raise ValueError(f"</{tag}> closes {self.open[-1]['tag'] if self.open else 'nothing'} at {self.getpos()}")
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag=None, **attributes):
        named = {name.rstrip("_"): value for name, value in attributes.items()}
        return [e for e in self.elements if (tag is None or e["tag"] == tag) and
                all(value in e.get(name, "").split() if name == "class" else e.get(name) == value for name, value in named.items())]


class Case(harness.Case):
    def report(self, *runs, more=(), out=None):
        out = out or self.tmp / "report.html"
        return run("report", *(shared["root"] / name for name in runs), "--out", out, *more)

    def page(self, *runs, more=()):
        result = self.check_ok(self.report(*runs, more=more))
        text = (self.tmp / "report.html").read_text(encoding="utf-8")
        return Page(text), text, result

    def copy(self, name):
        shutil.copytree(shared["root"] / name, self.tmp / name)
        return self.tmp / name

    def accuracy(self, name, classes, n=-1):
        records = json.loads((shared["root"] / name / "results.json").read_text())
        return 100 * next(r for r in records if r["classes"] == classes)["accuracy_per_iteration"][n]


class Numbers(Case):
    def test_cards_of_one_run_are_its_record(self):
        page, _, _ = self.page("prompt1")
        cards = [float(re.match(r"\s*([\d.]+)", e["text"]).group(1)) for e in page.all("dd")]
        base, new = self.accuracy("prompt1", "base"), self.accuracy("prompt1", "new")
        for got, want in zip(cards, (base, new, 2 * base * new / (base + new) if base + new else 0.0), strict=True):
            self.assertAlmostEqual(got, want, delta=0.00501)
        paper = json.loads((harness.CONFIGS / "paper.json").read_text())["table1"]["ProMPT"]["caltech101"]
        published = [float(e["text"].removeprefix("published ")) for e in page.all("span") if e["text"].startswith("published ")]
        self.assertEqual(published, [paper["base"], paper["new"], paper["hm"]])
        self.assertEqual(page.all("strong")[0]["text"], "Own data.")

    def test_several_runs_are_groups_of_seeds(self):
        page, _, _ = self.page("coop1", "coop2", "prompt1", "prompt2")
        rows = [e["text"].split("\n")[0] for e in page.all("tr") if e["text"].startswith(("CoOp", "ProMPT"))][:2]
        for method, row in zip(("coop", "prompt"), rows, strict=True):
            values = [self.accuracy(f"{method}{seed}", "base") for seed in (1, 2)]
            self.assertIn(f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}", row)
            self.assertTrue(row.endswith("2"), row)  # seeds

    def test_intervals_are_those_of_the_predictions(self):
        page, _, _ = self.page("coop1", "coop2", "prompt1", "prompt2")
        right = {}
        for name in RUNS:
            with open(shared["root"] / name / "predictions/caltech101-new.csv", encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            last = max(int(r["n"]) for r in rows)
            right[name] = [100.0 * (r["label_index"] == r["predicted_index"]) for r in rows if int(r["n"]) == last]
        seeds = [statistics.mean(right[f"prompt{s}"]) - statistics.mean(right[f"coop{s}"]) for s in (1, 2)]
        d = [(p + q - a - b) / 2 for p, q, a, b in zip(right["prompt1"], right["prompt2"], right["coop1"], right["coop2"], strict=True)]
        pictures = 1.959963984540054 * statistics.stdev(d) / math.sqrt(len(d))
        student = 12.706204736174694 * statistics.stdev(seeds) / math.sqrt(2)
        row = next(e["text"] for e in page.all("tr") if "ProMPT − CoOp" in e["text"] and "new" in e["text"])
        for text in (f"{statistics.mean(d):+.2f}", f"{statistics.mean(d) - pictures:+.2f} to {statistics.mean(d) + pictures:+.2f}",
                     f"{statistics.mean(seeds) - student:+.2f} to {statistics.mean(seeds) + student:+.2f}"):
            self.assertIn(text, row)

    def test_bars_and_cells_count_the_predictions(self):
        page, _, _ = self.page("prompt1")
        bars = page.all("td", class_="bars")
        self.assertEqual(len(bars), len(NAMES))
        base, new = [float(e["data-v"]) for e in bars[:5]], [float(e["data-v"]) for e in bars[5:]]
        self.assertAlmostEqual(statistics.mean(base), self.accuracy("prompt1", "base"), delta=1e-3)  # 4 images a class
        self.assertAlmostEqual(statistics.mean(new), self.accuracy("prompt1", "new"), delta=1e-3)
        cells = [e["text"] for e in page.all("title") if "→" in e["text"]]
        counts = sum(int(re.search(r": (\d+) of 4\Z", text).group(1)) for text in cells)
        self.assertEqual(counts, 4 * len(NAMES))


class Form(Case):
    def test_names_are_text_and_nothing_is_fetched(self):
        page, text, _ = self.page("prompt1", "coop1")
        self.assertEqual(page.open, [])
        self.assertEqual(text.count("</script>"), 1)
        self.assertNotIn("<b>&\"", text)
        headings = [e["text"] for e in page.all("th", scope="row")]
        for name in NAMES:
            self.assertIn(name, headings)
        self.assertEqual({e["data-class"] for e in page.all("tr") if "data-class" in e}, set(NAMES))
        for element in page.elements:
            for attribute in ("src", "href"):
                self.assertRegex(element.get(attribute) or "#", r"\A(#|data:)")
        self.assertNotIn("url(", text)
        ids = [e["id"] for e in page.elements if e.get("id")]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertNotIn(str(shared["data"].root), text)  # no folders of this machine
        for image in page.all("img") + page.all("svg", role="img"):
            self.assertTrue(image.get("alt") or image.get("aria-label"), image)

    def test_pictures_are_small_jpegs_of_the_shots_and_the_changes(self):
        page, _, _ = self.page("prompt1")
        images = page.all("img")
        for image in images:
            data = base64.b64decode(image["src"].removeprefix("data:image/jpeg;base64,"), validate=True)
            self.assertEqual(data[:2] + data[-2:], b"\xff\xd8\xff\xd9")
        shots = page.all("div", class_="shots")
        self.assertEqual([e["data-class"] for e in shots], list(NAMES[:5]))
        self.assertEqual(sum(image["alt"] in NAMES for image in images), 2 * 5)
        changes = page.all("figure", class_="picture")
        n_changed = 0
        for classes in ("base", "new"):
            with open(shared["root"] / f"prompt1/predictions/caltech101-{classes}.csv", encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            last = max(int(r["n"]) for r in rows)
            at = [[r["label_index"] == r["predicted_index"] for r in rows if int(r["n"]) == n] for n in (0, last)]
            n_changed += min(12, sum(b > a for a, b in zip(*at))) + min(12, sum(a > b for a, b in zip(*at)))
        self.assertEqual(len(changes), n_changed)

    def test_a_small_page_leaves_pictures_out_and_says_how_many(self):
        whole, text, result = self.page("prompt1", "prompt2")
        self.assertNotIn("pictures are left out", text + result.err)
        limit = 0.14
        page, text, result = self.page("prompt1", "prompt2", more=("--max-mib", limit))
        self.assertLess(len(text.encode()), limit * 2**20)
        n, n_all = len(page.all("img")), len(whole.all("img"))
        self.assertIn(f"{n_all - n} of {n_all} pictures are left out, since the page has at most {limit} MiB (--max-mib).",
                      [e["text"] for e in page.all("li")])
        self.assertRegex(result.err, rf"warning: {n_all - n} of {n_all} pictures are left out")
        self.assertEqual(len(page.all("span", class_="nopic")), n_all - n)
        shown = [e for e in page.all("img") if "shots" in e["sections"]]
        self.assertEqual({e["alt"] for e in shown}, set(NAMES[:5]))  # each class has its first picture
        self.assertTrue([e for e in page.all("img") if "picture" in e["sections"]])
        page, text, _ = self.page("prompt1", more=("--max-mib", 0))
        self.assertEqual(page.all("img"), [])

    def test_missing_data_is_a_note(self):
        _, text, result = self.page("prompt1", more=("--data", self.tmp))
        for where in (text, result.err):
            self.assertIn("no pictures of caltech101", where)
        self.assertIn("oxford_pets", text)

    def test_unreadable_pictures_are_counted(self):
        data = shared["data"].copy(self.tmp / "data")
        for path in data.images.rglob("*.png"):
            path.write_bytes(b"no picture")
        _, text, _ = self.page("prompt1", more=("--data", data.root))
        self.assertRegex(text, r"<li>\d+ pictures could not be read")

    def test_a_folder_above_runs_stands_for_all_of_them(self):
        for name in ("prompt1", "prompt2"):
            self.copy(name)
        self.check_ok(run("report", self.tmp, "--out", self.tmp / "above.html"))
        self.assertIn("prompt2", (self.tmp / "above.html").read_text())


class BadInput(Case):
    def test_a_run_without_evaluation(self):
        (self.copy("prompt1") / "results.json").unlink()
        self.check_error(run("report", self.tmp / "prompt1"), 2, r"'.*prompt1' has not been evaluated: run prompt eval --run '.*'")

    def test_an_evaluation_without_predictions(self):
        shutil.rmtree(self.copy("prompt1") / "predictions")
        self.check_error(run("report", self.tmp / "prompt1"), 2, r"'.*' has no predictions for caltech101, base classes: .*again")

    def test_only_a_part_was_evaluated(self):
        folder = self.copy("prompt1")
        records = json.loads((folder / "results.json").read_text())
        (folder / "results.json").write_text(json.dumps([{**r, "limit": 3, "finished": False} for r in records]))
        self.check_error(run("report", folder), 2, r"'.*' has no evaluation of trained prompts on all images: run .*")

    def test_predictions_of_another_evaluation(self):
        folder = self.copy("prompt1")
        path = folder / "predictions/caltech101-base.csv"
        shutil.copy(folder / "predictions/caltech101-new.csv", path)
        self.check_error(run("report", folder), 1, r"'.*caltech101-base.csv' is not of the last record in 'results.json': accuracy .*")

    def test_damaged_predictions(self):
        folder = self.copy("prompt1")
        path = folder / "predictions/caltech101-base.csv"
        lines = path.read_text().splitlines()
        columns = r"expected the columns image,n,.*"
        for changed, message in ((["a,b", *lines[1:]], columns), (lines[:-1], r"the rows of the last image are missing"),
                                 ([*lines[:2], lines[2].replace("0,1,0,", "0,1,9,", 1), *lines[3:]], "column 3: expected a whole number "
                                  "from 0 to 4, found '9'"), (lines[:1] + lines[2:], "expected a row for each n = 0, 1, ... of each image"),
                                 (lines[:1], "the rows of the last image are missing")):
            path.write_text("\n".join(changed) + "\n")
            self.check_error(run("report", folder), 1, r".*caltech101-base\.csv(:\d+)?: " + message)

    def test_runs_of_other_images(self):
        folder = self.copy("coop1")
        path = folder / "results.json"
        text = path.read_text()
        for old, new, message in ((r'"images": "\w+"', '"images": "0"', "they were evaluated on different images of caltech101, base classes"),
                                  (r'"class_names": "\w+"', '"class_names": "0"', "they were evaluated on different class names of .*"),
                                  (r'"dataset": "caltech101", "split"', '"dataset": "dtd", "split"', "the first was evaluated on caltech101, "
                                   "base classes, the second on dtd, base classes")):
            path.write_text(re.sub(old, new, text))
            for half in ("base", "new"):
                source = folder / f"predictions/caltech101-{half}.csv"
                shutil.copy(source, folder / f"predictions/dtd-{half}.csv")
            self.check_error(run("report", shared["root"] / "prompt1", folder), 2, r"'.*prompt1' and '.*coop1' cannot be compared: " + message)

    def test_folders_without_runs(self):
        self.check_error(run("report", self.tmp / "none"), 1, "no run folder: '.*none'")
        self.check_error(run("report", self.tmp), 1, "no run below '.*'")

    def test_a_page_that_cannot_be_written(self):
        self.check_error(self.report("prompt1", out="/dev/full"), 1, r".*/dev/full.*No space left on device.*")
        self.check_error(self.report("prompt1", out=self.tmp / "none" / "x.html"), 1, r".*none.*")
        self.assertEqual(harness.leftovers(self.tmp), [])

    def test_an_unfinished_run_is_a_note(self):
        out = self.tmp / "run"
        result = run("train", "--config", harness.CONFIGS / "base2new/coop.json", "--data", shared["data"].root, "--dataset", "caltech101",
                     "--model", shared["model"], "--threads", 1, "--quiet", "--set", "data.shots=2", "--max-steps", 1, "--out", out)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(run("eval", "--run", out, "--threads", 1).status, 0)
        self.check_ok(run("report", out, "--out", self.tmp / "x.html"))
        self.assertRegex((self.tmp / "x.html").read_text(), r"is unfinished: 1 of \d+ steps")


if __name__ == "__main__":
    harness.main()
