#!/usr/bin/env python3
"""Tables and comparisons of runs from records with known answers; presets that extend others."""

import csv
import functools
import io
import json
import math
import os
import statistics
import subprocess
import unittest

import harness
from harness import CONFIGS, run

PAPER = json.loads((CONFIGS / "paper.json").read_text())
SHA = "a" * 64


@functools.cache
def preset_text(name, *sets):
    words = [word for assignment in sets for word in ("--set", assignment)]
    return run("config", "--config", CONFIGS / f"{name}.json", *words).out


def preset(name, *sets):
    return json.loads(preset_text(name, *sets))


def hm(base, new):
    return 2 * base * new / (base + new)


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        self.runs = self.tmp / "runs"

    def add(self, name, dataset, classes, seed, accuracy, sets=(), folder=None, target=None, **more):
        """A record of a preset trained on a data set, appended to a run folder's results.json."""
        config = {**preset(name, *sets), "seed": seed, "precision": "fp32"}
        config["data"]["dataset"] = dataset
        record = {"method": config["method"], "dataset": target or dataset, "classes": classes, "seed": seed,
                  "finished": True, "untrained": False, "limit": 0, "steps": 100, "n_steps": 100, "skipped_images": 0,
                  "accuracy": accuracy / 100, "accuracy_per_iteration": [accuracy / 100], "config": config, "time": "2026-01-01T00:00:00Z", **more,
                  "digests": {"weights_sha256": SHA, "class_names": "c", "images": "i", **more.get("digests", {})}}
        path = self.runs / (folder or f"{name}/{dataset}/{seed}") / "results.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        old = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps(old + [record]), encoding="utf-8")
        return path.parent

    def add_halves(self, name, dataset, numbers, **more):
        for seed, (base, new) in enumerate(numbers, 1):
            self.add(name, dataset, "base", seed, base, **more)
            self.add(name, dataset, "new", seed, new, **more)

    def results(self, *more, table=1):
        return run("results", self.runs, "--table", table, *more)

    def lines(self, *more, table=1):
        """{(data set, method): line of the CSV}"""
        result = self.check_ok(self.results("--format", "csv", *more, table=table))
        lines = list(csv.DictReader(io.StringIO(result.out)))
        self.assertGreater(len(lines), 0)
        return {(line["data_set"], line["method"]): line for line in lines}

    def check_number(self, text, value):
        self.assertAlmostEqual(float(text), value, delta=6e-5)


CALTECH = [(97.31, 93.22), (98.04, 94.51), (97.55, 95.07)]
EUROSAT = [(91.1, 70.4), (93.9, 61.3), (88.0, 79.9)]
DTD = [(77.0, 57.0), (78.0, 58.0)]  # a seed is missing


class Tables(Case):
    def test_differences_from_a_row_are_paired_by_data_set(self):
        cells = {"caltech101": ((97, 94), (96, 90)), "eurosat": ((90, 70), (60, 50)), "dtd": ((77, 57), (60, 58))}
        for dataset, halves in cells.items():
            for name, (base, new) in zip(("base2new/prompt", "base2new/coop"), halves):
                self.add_halves(name, dataset, 3 * [(base, new)])
        self.add_halves("base2new/coop", "ucf101", 3 * [(50, 50)])  # ProMPT lacks it
        words = ("--methods", "CoOp,ProMPT,CLIP", "--against", "ProMPT")
        line = list(csv.DictReader(io.StringIO(self.check_ok(self.results(*words, "--format", "csv")).out)))[-1]
        self.assertEqual((line["method"], line["data_sets"]), ("CoOp", "3"))
        differences = [hm(*coop) - hm(*prompt) for prompt, coop in cells.values()]
        self.check_number(line["HM"], statistics.mean(differences))
        self.check_number(line["HM_half"], 4.302653 * statistics.stdev(differences) / math.sqrt(3))  # t of two degrees
        self.check_number(line["base"], statistics.mean((-1, -30, -17)))
        text = self.check_ok(self.results(*words)).out
        self.assertIn("| CLIP | 0 |  |  |  |", text)
        self.assertRegex(text, r"\| CoOp \| 3 \| -16\.00 ± 36\.0\d \| ")
        self.assertRegex(self.check_ok(self.results(*words, "--format", "latex")).out, r"\nCoOp & 3 & -16\.00 \$\\pm\$ 36\.0\d & ")
        self.check_error(self.results("--methods", "CoOp", "--against", "ProMPT"), 2,
                         "table1 has no row 'ProMPT' among those shown: CoOp")
        self.check_error(run("results", self.runs, "--against", "ProMPT"), 2,
                         "--against names a row of one table: give --table NAME")

    def test_means_deviations_and_both_averages(self):
        self.add_halves("base2new/prompt", "caltech101", CALTECH)
        self.add_halves("base2new/prompt", "eurosat", EUROSAT)
        self.add_halves("base2new/prompt", "dtd", DTD)
        self.add("base2new/clip", "caltech101", "base", 1, 96.0)
        self.add("base2new/clip", "caltech101", "new", 1, 94.0)
        lines = self.lines("--methods", "CLIP,prompt")
        means = {}
        for name, numbers in (("Caltech101", CALTECH), ("EuroSAT", EUROSAT), ("DTD", DTD)):
            line = lines[name, "ProMPT"]
            halves = list(zip(*numbers))
            means[name] = [statistics.mean(half) for half in halves]
            means[name].append(hm(*means[name]))
            self.assertEqual((line["HM_sd"], line["n"], line["n_expected"]), ("", str(len(numbers)), "3"))
            if len(numbers) < 3:  # a mean over other seeds than its neighbours' is none
                self.assertEqual([line[key] for key in ("base", "base_sd", "new", "HM", "HM_difference")], 5 * [""])
                continue
            for measure, mean in zip(("base", "new", "HM"), means[name]):
                self.check_number(line[measure], mean)
            self.check_number(line["base_sd"], statistics.stdev(halves[0]))
            self.check_number(line["new_sd"], statistics.stdev(halves[1]))
        paper = PAPER["table1"]["ProMPT"]
        self.check_number(lines["EuroSAT", "ProMPT"]["HM_difference"], means["EuroSAT"][2] - paper["eurosat"]["hm"])
        clip = lines["Caltech101", "CLIP"]  # nothing is trained: one seed is all
        self.assertEqual((clip["n"], clip["n_expected"], clip["base_sd"]), ("1", "1", ""))

        def average(label):
            line = lines[label, "ProMPT"]
            return [float(line[measure]) for measure in ("base", "new", "HM")], (line["n"], line["n_expected"])

        whole = [means["Caltech101"], means["EuroSAT"]]  # DTD lacks a seed
        base, new = (statistics.mean(each[i] for each in whole) for i in range(2))
        for label, third in (("HM of the averages", hm(base, new)), ("mean of the HMs", statistics.mean(m[2] for m in whole))):
            numbers, count = average(f"average ({label})")
            self.assertEqual(count, ("2", "11"))
            for ours, theirs in zip(numbers, (base, new, third)):
                self.assertAlmostEqual(ours, theirs, delta=6e-5)
            numbers, count = average(f"average without EuroSAT ({label})")
            self.assertEqual(count, ("1", "10"))
            self.assertAlmostEqual(numbers[2], means["Caltech101"][2], delta=6e-5)
        common = lines["average over the data sets of all rows (HM of the averages)", "ProMPT"]  # CLIP has one alone
        self.assertEqual(common["n"], "1")
        self.check_number(common["HM"], means["Caltech101"][2])
        # beside an average over two data sets stands the paper's over the same two
        self.check_number(lines["average (HM of the averages)", "ProMPT"]["base_paper"],
                          (paper["caltech101"]["base"] + paper["eurosat"]["base"]) / 2)

        text = self.check_ok(self.results("--methods", "ProMPT")).out
        self.assertIn("not run: ProMPT on ImageNet, OxfordPets, StanfordCars, Flowers102, Food101, FGVCAircraft, SUN397, "
                      "DTD (seed 3), UCF101", text)
        row = next(line for line in text.splitlines() if line.startswith("| EuroSAT"))
        self.assertIn(f"| {means['EuroSAT'][0]:.2f} ± {statistics.stdev(n[0] for n in EUROSAT):.2f} | 92.47 |", row)
        tex = self.check_ok(self.results("--methods", "ProMPT", "--format", "latex")).out
        self.assertIn(f"EuroSAT & ProMPT & {means['EuroSAT'][0]:.2f} $\\pm$", tex)
        self.assertIn("2 of 3 seeds", text)

    def test_a_row_may_show_an_earlier_iteration(self):
        preset_of = str(CONFIGS / "base2new" / "prompt")
        tables = self.tmp / "tables.json"

        def write(iteration):
            rows = [{"name": "ProMPT n=0", "config": preset_of, "iteration": iteration},
                    {"name": "ProMPT", "config": preset_of}]
            tables.write_text(json.dumps({"own": {"title": "own", "classes": "base,new", "datasets": "dtd", "rows": rows}}))

        words = "--tables", tables, "--seeds", "1"
        for classes, accuracies in (("base", [0.5, 0.7]), ("new", [0.25, 0.75])):
            self.add("base2new/prompt", "dtd", classes, 1, 100 * accuracies[-1], accuracy_per_iteration=accuracies)
        write(0)
        lines = self.lines(*words, table="own")
        for method, numbers in (("ProMPT n=0", (50, 25)), ("ProMPT", (70, 75))):
            self.check_number(lines["DTD", method]["base"], numbers[0])
            self.check_number(lines["DTD", method]["new"], numbers[1])
        markdown = self.check_ok(self.results(*words, table="own")).out
        self.assertIn("| DTD | ProMPT | 70.00 | 75.00 | 72.41 | 1 seed |", markdown)  # tables without a paper have no such column
        write(2)
        self.check_error(self.results(*words, table="own"), 2, "own: 'ProMPT n=0' shows iteration 2, '.*' has 1")
        write(-1)
        self.check_error(self.results(*words, table="own"), 1, ".*tables.json:1: 'iteration': expected 0 or more, found -1")

    def test_latex_sets_symbols_as_mathematics(self):
        self.add_halves("base2new/no-vision-generator", "dtd", [(50, 40)])
        self.add_halves("base2new/prompt", "dtd", [(50, 40)], sets=("lambda=0.5",))
        words = "--seeds", "1", "--format", "latex"
        self.assertIn("DTD & -$G^V$ & 50.00", self.check_ok(self.results(*words, table=5)).out)
        self.assertIn("$\\lambda$ = 0.5 & 50.00", self.check_ok(self.results(*words, table="figure8d")).out)

    def test_papers_own_cells_average_to_its_average(self):
        """With the paper's cells as results every difference is 0, and both of its averages of HM come out."""
        for name in PAPER["table1"]["ProMPT"]:
            if name != "average":
                cell = PAPER["table1"]["ProMPT"][name]
                self.add_halves("base2new/prompt", name, [(cell["base"], cell["new"])])
        lines = self.lines("--methods", "ProMPT", "--seeds", "1")
        for (label, _), line in lines.items():
            for measure in ("base", "new", "HM"):
                self.assertLess(abs(float(line[f"{measure}_difference"])), 0.012, label)
        self.assertAlmostEqual(float(lines["average (HM of the averages)", "ProMPT"]["HM"]), 77.80, delta=0.006)
        self.assertAlmostEqual(float(lines["average (mean of the HMs)", "ProMPT"]["HM"]), 77.56, delta=0.006)
        self.assertEqual(lines["average (HM of the averages)", "ProMPT"]["HM_paper"], "77.8000")

    def test_every_published_row_is_a_row_of_its_table(self):
        """A number under another name would never be shown. Averages stand beside whole averages of ours."""
        for name in PAPER["table1"]["ProMPT"]:
            if name != "average":
                self.add_halves("base2new/two_stage", name, [(80, 70)])
        for table in ("table1", "table2", "table3", "table4", "table5", "fewshot"):
            with self.subTest(table=table):
                self.check_ok(self.results("--methods", ",".join(PAPER[table]), table=table))
        line = self.lines("--methods", "2SFS", "--seeds", "1")["average (HM of the averages)", "2SFS"]
        self.assertEqual([float(line[f"{measure}_paper"]) for measure in ("base", "new", "HM")], [85.55, 75.48, 80.2])

    def test_paper_rounding(self):
        numbers = [(97.34, 93.26), (98.04, 94.51), (97.56, 95.07)]
        self.add_halves("base2new/prompt", "caltech101", numbers)
        line = self.lines("--methods", "ProMPT", "--paper-rounding")["Caltech101", "ProMPT"]
        base, new = (round(statistics.mean(round(n[i], 1) for n in numbers), 2) for i in range(2))
        self.check_number(line["base"], base)
        self.check_number(line["HM"], hm(base, new))
        self.assertNotEqual(line["base"], self.lines("--methods", "ProMPT")["Caltech101", "ProMPT"]["base"])
        for half in ("base", "new"):  # CLIP's published cells were not made so
            self.add("base2new/clip", "caltech101", half, 1, 96.837)
        line = self.lines("--methods", "CLIP", "--paper-rounding")["Caltech101", "CLIP"]
        self.check_number(line["base"], 96.837)

    def test_unfinished_records_never_count_unasked(self):
        self.add_halves("base2new/prompt", "caltech101", CALTECH[:1])
        for more in ({"finished": False}, {"finished": False, "limit": 10}, {"finished": False, "untrained": True}):
            self.add_halves("base2new/prompt", "caltech101", [(1, 1)], time="2027-01-01T00:00:00Z", **more)
            self.add_halves("base2new/prompt", "dtd", [(50, 40)], **more)
        words = ("--methods", "ProMPT", "--seeds", "1")
        lines = self.lines(*words)
        self.check_number(lines["Caltech101", "ProMPT"]["base"], CALTECH[0][0])
        self.assertEqual((lines["DTD", "ProMPT"]["base"], lines["DTD", "ProMPT"]["n"]), ("", "0"))
        self.assertIn("left out: 12 records of unfinished", self.results(*words).out)
        lines = self.lines(*words, "--include-unfinished")
        self.check_number(lines["Caltech101", "ProMPT"]["base"], CALTECH[0][0])  # a finished one is preferred
        self.check_number(lines["DTD", "ProMPT"]["base"], 50)
        self.assertEqual(lines["DTD", "ProMPT"]["other_settings"], "unfinished or limited runs")
        self.assertIn("Not the paper's settings: unfinished", self.results(*words, "--include-unfinished").out)

    def test_last_of_double_records_counts(self):
        for accuracy, time in ((10, "2026-01-02"), (30, "2026-01-03"), (20, "2026-01-01")):
            self.add_halves("base2new/prompt", "dtd", [(accuracy, 50)], time=time)
        words = ("--methods", "ProMPT", "--seeds", "1")
        self.check_number(self.lines(*words)["DTD", "ProMPT"]["base"], 30)
        self.assertIn("duplicate records: 4; of those of the same row, data set, classes and seed, the latest wins", self.results(*words).out)

    def test_other_settings_make_another_table(self):
        sets = ("training.epochs=2",)
        self.add_halves("base2new/prompt", "dtd", [(70, 60)], sets=sets)
        words = ("--methods", "ProMPT", "--seeds", "1")
        self.assertEqual(self.lines(*words)["DTD", "ProMPT"]["n"], "0")
        self.assertIn("left out: 2 records of other settings", self.results(*words).out)
        line = self.lines(*words, "--set", sets[0])["DTD", "ProMPT"]
        self.assertEqual((line["n"], line["other_settings"]), ("1", sets[0]))

    def test_source_of_the_training_is_no_target(self):
        for dataset, accuracy in (("imagenet", 70), ("imagenetv2", 60), ("imagenet_a", 50)):
            self.add("cross_dataset/prompt", "imagenet", "all", 1, accuracy, folder="run", target=dataset)
        lines = self.lines("--methods", "ProMPT", "--seeds", "1", table=3)
        self.check_number(lines["ImageNetV2", "ProMPT"]["accuracy"], 60)
        self.check_number(lines["average", "ProMPT"]["accuracy"], 55)
        self.assertEqual(lines["average", "ProMPT"]["n_expected"], "4")
        # trained elsewhere it does not count
        self.add("cross_dataset/prompt", "caltech101", "all", 1, 99, folder="other", target="imagenet_r")
        self.assertEqual(self.lines("--methods", "ProMPT", "--seeds", "1", table=3)["ImageNet-R", "ProMPT"]["n"], "0")

    def test_two_models_are_not_mixed(self):
        self.add_halves("base2new/prompt", "dtd", [(70, 60)])
        self.add_halves("base2new/prompt", "eurosat", [(70, 60)], digests={"weights_sha256": "b" * 64})
        self.check_error(self.results("--methods", "ProMPT"), 2, "a table cannot mix records of two models: .*")

    def test_pixels_and_tokens_of_two_programs_are_not_mixed(self):
        first = {"preprocessing": "shortest, bicubic, mean 0.48145466 0.4578275 0.40821073, std 0.26862954 0.26130258 "
                                  "0.27577711", "image_decoder": "stb_image 2.27", "tokenizer_revision": 1}
        words = ("--methods", "ProMPT", "--seeds", "1")
        self.add_halves("base2new/prompt", "dtd", [(70, 60)])  # an old record says nothing of it
        self.add_halves("base2new/prompt", "eurosat", [(70, 60)], inputs=first, trained_inputs=first)
        self.check_ok(self.results(*words))
        self.add_halves("base2new/prompt", "food101", [(70, 60)], inputs=first,
                        trained_inputs={**first, "tokenizer_revision": 2})
        self.check_error(self.results(*words), 2, "a table cannot mix records of two kinds of pixels or tokens: '.*' "
                         r"\(there\) and '.*' \(here\) were trained with different values of the tokenizer's revision "
                         r"\((1 there, here 2|2 there, here 1)\)")
        self.add_halves("base2new/clip", "ucf101", [(70, 60)], n_steps=0, inputs={**first, "image_decoder": "libjpeg"})
        self.check_error(self.results("--methods", "CLIP,ProMPT", "--datasets", "dtd,ucf101", "--seeds", "1"), 2,
                         r".* were evaluated with different values of the image decoder \(.*\)")

    def test_data_are_not_mixed_and_drawn_ones_are_labelled(self):
        self.add_halves("base2new/prompt", "dtd", [(70, 60)], synthetic=True, as_published=False)
        self.add_halves("base2new/prompt", "eurosat", [(70, 60)], synthetic=False, as_published=False)
        self.assertIn("**Not the paper's settings: drawn pictures: DTD, data other than the published: EuroSAT.**",
                      self.results("--methods", "ProMPT", "--seeds", "1").out)
        self.add("base2new/prompt", "dtd", "base", 2, 70, digests={"images": "j"})
        self.check_error(self.results("--methods", "ProMPT"), 2, "'.*' and '.*' are of different images of dtd, base classes")

    def test_bad_words_and_bad_records(self):
        self.add_halves("base2new/prompt", "dtd", [(70, 60)])
        self.check_error(self.results(table="9"), 2, "no table '9' in '.*', expected one of: table1, .*")
        self.check_error(self.results("--methods", "CoCo"), 2, "table1 has no method 'CoCo', expected one of: CLIP, .*")
        self.check_error(self.results("--datasets", "dtt"), 2, "unknown data set 'dtt', did you mean 'dtd'.*")
        self.check_error(self.results("--seeds", "1,1"), 2, "option '--seeds': 1 is given twice")
        self.check_error(self.results("--set", "seed=4"), 2, "--set seed=4: give --seeds")
        self.check_error(self.results("--set", "data.image_dir=x"), 2, "--set data.image_dir=\"x\": each data set .* its own")
        self.check_error(self.results("--set", "lambda=2", table="figure8d"), 2, "--set lambda=2: figure8d sweeps this key itself")
        self.check_error(run("results", self.tmp / "none"), 1, "no folder of runs: '.*none' does not exist")
        (self.tmp / "empty").mkdir()
        self.check_error(run("results", self.tmp / "empty"), 1, "no result records below '.*empty'; prompt eval writes them")
        path = self.runs / "bad" / "results.json"
        path.parent.mkdir()
        for text, message in (("{}", "'.*results.json': expected an array of result records"),
                              ('[\n{"method": "clip"}]', ".*results.json:2: 'digests' is missing")):
            path.write_text(text)
            self.check_error(self.results("--methods", "ProMPT"), 1, message)


class Diff(Case):
    def test_keys_digests_and_numbers(self):
        digests = {"weights_sha256": SHA, "sample": "s1"}
        a = self.add("base2new/prompt", "dtd", "base", 1, 70, digests=digests, threads=1)
        b = self.add("base2new/prompt", "dtd", "base", 2, 72.5, sets=("training.lr=0.004",),
                     digests={**digests, "sample": "s2"}, threads=2)
        self.assertEqual(self.check_ok(run("diff", a, b)).out.splitlines(),
                         ["keys:", "training.lr: 0.008 -> 0.004", "seed: 1 -> 2", "result of dtd, base:",
                          "seed: 1 -> 2", "accuracy: 0.7 -> 0.725", "accuracy_per_iteration: [0.7] -> [0.725]",
                          "digests.sample: s1 -> s2", "threads: 1 -> 2"])
        self.assertEqual(run("diff", a, a).out, "no difference\n")
        self.add("base2new/prompt", "dtd", "new", 2, 60, folder=b.relative_to(self.runs))
        self.add("base2new/prompt", "dtd", "base", 2, 1, folder=b.relative_to(self.runs), finished=False)  # never counts
        out = run("diff", a, b).out
        self.assertIn("accuracy: 0.7 -> 0.725\n", out)
        self.assertTrue(out.endswith(f"only in {b}: result of dtd, new\n"), out)
        c = self.add("base2new/prompt", "eurosat", "base", 1, 70, inputs={"image_decoder": "x 1"})
        d = self.add("base2new/prompt", "eurosat", "base", 2, 70, inputs={"image_decoder": "x 2", "tokenizer": 2})
        self.assertIn("\ninputs.image_decoder: x 1 -> x 2\ninputs.tokenizer: (none) -> 2\n", run("diff", c, d).out)
        self.check_error(run("diff", a), 2, "expected RUN RUN; see prompt diff --help")
        self.check_error(run("diff", a, self.tmp / "none"), 1, "no run folder: '.*none'")
        self.check_error(run("diff", a, self.tmp), 1, "'.*' holds neither config.json nor results.json")


TABLES = json.loads((CONFIGS / "tables.json").read_text())


class Presets(Case):
    def test_every_row_of_every_table_has_a_preset(self):
        self.add("base2new/clip", "dtd", "base", 1, 50)
        self.add("base2new/clip", "dtd", "new", 1, 50)
        out = self.check_ok(run("results", self.runs)).out  # every table in which something ran: all are opened
        self.assertEqual([line for line in out.splitlines() if line.startswith("### ")],
                         [f"### {TABLES[name]['title']}" for name in ("table1", "table4", "table5")])
        for table, method in [(name, row["name"]) for name, each in TABLES.items() if name != "on" for row in each["rows"]
                              if row.get("optional")]:
            self.check_ok(self.results("--methods", method, table=table))

    def test_a_preset_is_its_differences(self):
        full, plain = preset("base2new/no-generators"), preset("base2new")
        self.assertEqual(full["vision_prompt"].pop("generator"), False)
        self.assertEqual(full["text_prompt"].pop("generator"), False)
        del plain["vision_prompt"]["generator"], plain["text_prompt"]["generator"]
        self.assertEqual(full, plain)

    def test_extends_that_leads_nowhere(self):
        def write(name, value):
            (self.tmp / name).write_text(json.dumps(value, indent=1), encoding="utf-8")
            return self.tmp / name

        base = write("base.json", {"training": {"lr": 0.5}})
        (self.tmp / "sub").mkdir()
        child = write("sub/child.json", {"extends": "../base.json", "training": {"epochs": 7}})
        training = json.loads(self.check_ok(run("config", "--config", child)).out)["training"]
        self.assertEqual((training["lr"], training["epochs"]), (0.5, 7))
        write("base.json", {"extends": "sub/child.json"})
        self.check_error(run("config", "--config", base), 2,
                         r".*base.json:2: key 'extends': .*child.json:2: key 'extends': '.*base.json' extends itself")
        write("base.json", {"trainnig": {}})
        self.check_error(run("config", "--config", child), 2,
                         r".*child.json:2: key 'extends': .*base.json:2: unknown key 'trainnig'; did you mean 'training'\?")
        base.unlink()
        self.check_error(run("config", "--config", child), 1, r".*child.json:2: key 'extends': .*base.json'.*")
        self.check_error(run("config", "--config", write("c.json", {"extends": 3})), 2,
                         r".*c.json:2: key 'extends': expected a string, found a number")
        self.check_error(run("config", "--config", write("c.json", {"training": {"extends": "x"}})), 2,
                         r".*c.json:3: unknown key 'training.extends'.*")


class ClipBenchmark(Case):
    """--format clip-benchmark; tests/parity/test_clip_benchmark.py has CLIP_benchmark itself read the files."""

    OPENAI = "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"  # ViT-B/16

    def write(self, *more):
        return run("results", self.runs, "--format", "clip-benchmark", "--out", self.tmp / "out", *more)

    def read(self):
        return sorted((json.loads(path.read_text()) for path in (self.tmp / "out").iterdir()),
                      key=lambda each: (each["dataset"], each["method"], each["classes"]))

    def test_a_file_for_each_finished_record(self):
        per_class = [{"class": "a", "accuracy": 0.5}, {"class": "b", "accuracy": None}, {"class": "c", "accuracy": 1.0}]
        self.add("base2new/clip", "caltech101", "base", 1, 96.5, digests={"weights_sha256": self.OPENAI}, per_class=per_class)
        self.add("base2new/coop", "dtd", "new", 2, 57.0, sets=("model.path=models/own.pt",))
        self.add("base2new/coop", "dtd", "new", 2, 58.0, sets=("model.path=models/own.pt",), time="2026-01-02T00:00:00Z")
        self.add("base2new/coop", "dtd", "base", 2, 77.0, finished=False)
        result = self.check_ok(self.write())
        self.assertEqual(result.out, f"2 files in '{self.tmp / 'out'}'\n")
        clip, coop = self.read()
        self.assertEqual({key: clip[key] for key in ("dataset", "model", "pretrained", "task", "metrics", "language")},
                         {"dataset": "caltech101", "model": "ViT-B-16", "pretrained": "openai",
                          "task": "zeroshot_classification", "metrics": {"acc1": 0.965, "mean_per_class_recall": 0.75},
                          "language": "en"})
        self.assertEqual({key: coop[key] for key in ("model", "pretrained", "task", "metrics", "classes", "method", "shots", "seed")},
                         {"model": "own", "pretrained": "sha256-aaaaaaaa+coop", "task": "fewshot_classification",
                          "metrics": {"acc1": 0.58}, "classes": "new", "method": "coop", "shots": 16, "seed": 2})
        self.check_ok(self.write("--include-unfinished"))
        self.assertEqual(len(self.read()), 3)

    def test_wrong_words(self):
        self.add("base2new/coop", "dtd", "base", 2, 77.0, finished=False)
        self.check_error(self.write("--table", 1), 2, "--format clip-benchmark writes all records, so it takes no --table")
        self.check_error(run("results", self.runs, "--format", "clip-benchmark"), 2, "--format clip-benchmark needs a folder: --out DIR")
        self.check_error(run("results", self.runs, "--out", "x"), 2, "--out is the folder of --format clip-benchmark")
        self.check_error(self.write(), 1, "none of the 1 records is finished")
        self.assertFalse((self.tmp / "out").exists())


if __name__ == "__main__":
    harness.main()
