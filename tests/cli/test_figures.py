#!/usr/bin/env python3
"""What the scripts of figures draw: the numbers behind each figure, its ticks, names and legend, and that nothing overlaps.

A program in the place of prompt hands out finished tables and traces; gnuplot draws them.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import harness
import test_results
from test_results import hm

ROOT = harness.ROOT
TABLES = json.loads((harness.CONFIGS / "tables.json").read_text())
PROGRAM = """#!/bin/sh
case "$*" in
*--print-folders*) echo the-run ;;
grid*)
    while [ "$1" != --name ]; do shift; done
    cp "$FIXTURES/$2.csv" "$OUT/$2.csv"
    ;;
eval*)
    while [ "$1" != --trace ]; do shift; done
    cp "$FIXTURES/trace.csv" "$2"
    ;;
esac
"""
SVG = "{http://www.w3.org/2000/svg}"


class Text:
    """A line of text in a figure: its string and the box that it fills, by a cautious estimate of the width of letters."""

    def __init__(self, string, x, y, size, anchor, is_upright):
        self.string, self.x, self.y = string, x, y
        width, height = 0.52 * size * len(string), 0.8 * size
        start = {"start": 0, "middle": width / 2, "end": width}[anchor]
        self.box = (x - height, y + start - width, x, y + start) if is_upright else (x - start, y - height, x - start + width, y)

    def holds(self, x, y):
        return self.box[0] < x < self.box[2] and self.box[1] < y < self.box[3]

    def overlaps(self, b):
        a = self.box
        return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class Figure:
    """An SVG file of gnuplot: its texts, its markers (x, y) by form and colour, and its bars (left, top, right, bottom)."""

    def __init__(self, path):
        root = ElementTree.parse(path).getroot()
        self.width, self.height = (float(word) for word in root.get("viewBox").split()[2:])
        self.texts, self.markers, self.bars = [], {}, []
        for group in root.iter(SVG + "g"):
            for text in group.findall(SVG + "text"):
                found = re.match(r"translate\(([\d.-]+),([\d.-]+)\)( rotate\(270\))?", group.get("transform"))
                size = float(text.get("font-size") or group.get("font-size"))
                string = "".join(text.itertext()).strip()
                if string:
                    self.texts.append(Text(string, float(found[1]), float(found[2]), size, group.get("text-anchor"), bool(found[3])))
            for use in group.findall(SVG + "use"):
                if not use.get("transform"):
                    continue
                x, y = re.match(r"translate\(([\d.]+),([\d.]+)\)", use.get("transform")).groups()
                look = use.get("{http://www.w3.org/1999/xlink}href"), use.get("color")
                self.markers.setdefault(look, []).append((float(x), float(y)))
            for polygon in group.findall(SVG + "polygon"):
                points = [tuple(map(float, word.split(","))) for word in polygon.get("points").split()]
                if len(points) == 4 and polygon.get("fill") != "none":
                    xs, ys = zip(*points)
                    self.bars.append((min(xs), min(ys), max(xs), max(ys)))

    def find(self, string):
        found = [text for text in self.texts if text.string == string]
        assert len(found) == 1, (string, [text.string for text in self.texts])
        return found[0]

    def row(self, y):
        """The texts of a row, from left to right."""
        return [text.string for text in sorted(self.texts, key=lambda text: text.x) if abs(text.y - y) < 1]

    def ticks_above(self, title):
        """The labels on the axis that has this title below them."""
        title = self.find(title) if isinstance(title, str) else title
        above = [text for text in self.texts if title.y - 30 < text.y < title.y - 5]
        return [text.string for text in sorted(above, key=lambda text: text.x)]


class Drawing(test_results.Case):
    def setUp(self):
        super().setUp()
        self.fixtures, self.out = self.tmp / "fixtures", self.tmp / "out"
        self.fixtures.mkdir()
        self.out.mkdir()
        (self.tmp / "prompt").write_text(PROGRAM)
        (self.tmp / "prompt").chmod(0o755)

    def give(self, name, table, *options):
        (self.fixtures / f"{name}.csv").write_text(self.results("--seeds", "1", "--format", "csv", *options, table=table).out)

    def draw(self, script, *options, status=0, **environment):
        environment = {**os.environ, "OUT": str(self.out), "FIXTURES": str(self.fixtures), "PROMPT_BIN": str(self.tmp / "prompt"),
                       **environment}
        done = subprocess.run([ROOT / "scripts" / script, "--out", self.out, *options], capture_output=True, text=True, check=False,
                              env=environment)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("arning", done.stderr)
        return done


class Figures(Drawing):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("gnuplot"):
            raise unittest.SkipTest("gnuplot is not installed")

    def figure(self, name):
        """A figure in which no text is cut, nor covers another text, a marker or a bar."""
        figure = Figure(self.out / name)
        for text in figure.texts:
            self.assertTrue(0 <= text.box[0] and text.box[2] <= figure.width and 0 <= text.box[1] and text.box[3] <= figure.height,
                            f"'{text.string}' is cut")
            for other in figure.texts:
                self.assertFalse(text is not other and text.overlaps(other.box), f"'{text.string}' covers '{other.string}'")
            for marker in sum(figure.markers.values(), []):
                self.assertFalse(text.holds(*marker), f"'{text.string}' covers a marker")
            for bar in figure.bars:
                self.assertFalse(text.overlaps(bar), f"'{text.string}' covers a bar")
        return figure

    def check_legend(self, figure, titles, axis_title):
        """Below the axes, in the order of the lines; each line has its own look, which the legend shows."""
        legend = [figure.find(title) for title in titles]
        self.assertTrue(all(entry.y > figure.find(axis_title).y for entry in legend))
        self.assertEqual(sorted(legend, key=lambda entry: (entry.y, entry.x)), legend)
        return legend

    # ------------------------------------------------------------ Figure 5

    def test_bars_of_data_sets_that_both_have(self):
        self.add_halves("base2new/cocoop", "caltech101", [(95, 90)])
        self.add_halves("base2new/prompt", "caltech101", [(97, 94)])
        self.add_halves("base2new/prompt", "dtd", [(70, 60)])
        self.give("figure5", 1, "--methods", "CoCoOp,ProMPT")
        self.draw("figure5.sh")
        self.assertEqual((self.out / "figure5-difference.csv").read_text(), "data_set,base,new\nCaltech101,2.0000,4.0000\n")
        figure = self.figure("figure5.svg")
        figure.find("ProMPT against CoCoOp on 1 of 11 data sets")
        self.assertEqual(len(figure.bars), 2)
        self.assertIn("+4.0", [text.string for text in figure.texts])

    def test_bars_are_in_falling_order_with_their_values(self):
        gains = {"imagenet": (0.1, -0.2), "caltech101": (0, 0.04), "oxford_pets": (-0.9, 3), "eurosat": (5, 16), "ucf101": (-0.5, 3.4),
                 "dtd": (0.2, 1.6), "fgvc_aircraft": (1.9, 10.1), "sun397": (-0.7, 1.2), "food101": (0, 0.5), "stanford_cars": (2, 1),
                 "oxford_flowers": (1, -0.25)}
        for dataset, (base, new) in gains.items():
            self.add_halves("base2new/cocoop", dataset, [(80, 70)])
            self.add_halves("base2new/prompt", dataset, [(80 + base, 70 + new)], synthetic=True)
        self.give("figure5", 1, "--methods", "CoCoOp,ProMPT")
        self.draw("figure5.sh")
        figure = self.figure("figure5.svg")
        figure.find("ProMPT against CoCoOp on 11 data sets")
        middle = figure.width / 2
        self.assertLess(figure.find("new classes").x, middle)
        self.assertGreater(figure.find("base classes").x, middle)
        values = {side: [] for side in ("new", "base")}
        for text in sorted(figure.texts, key=lambda text: text.y):
            if re.fullmatch(r"[+-]\d+\.\d|0\.0", text.string):
                values["new" if text.x < middle else "base"].append(text.string)
        self.assertEqual(values["base"], ["+5.0", "+2.0", "+1.9", "+1.0", "+0.2", "+0.1", "0.0", "0.0", "-0.5", "-0.7", "-0.9"])
        self.assertEqual(values["new"][:3] + values["new"][-3:], ["+16.0", "+10.1", "+3.4", "0.0", "-0.2", "-0.2"])
        note = " ".join(text.string for text in figure.texts if text.y > figure.height - 45)
        self.assertRegex(note, "^Not the paper's setting: drawn pictures: ImageNet, Caltech101, .*, EuroSAT, UCF101$")
        names = [text.string for text in figure.texts if text.x < middle and text.string in ("EuroSAT", "OxfordPets", "Flowers102")]
        self.assertEqual(names, ["EuroSAT", "OxfordPets", "Flowers102"])
        for x in (middle / 2, middle + middle / 2):  # each panel's axis is named
            self.assertTrue(any(abs(text.x - x) < 80 and text.string == "accuracy, ProMPT minus CoCoOp (points)"
                                for text in figure.texts))

    # ------------------------------------------------------------ Figures 6 and 7

    def trace(self, confidences):
        """Of each image its confidences in the right class over n; it is right where that is above a half."""
        lines = ["image,n,label_index,predicted_index,confidence,label_confidence,path,label,predicted"]
        for image, values in enumerate(confidences):
            lines += [f"{image},{n},1,{int(value > 0.5)},0.5,{value},x.jpg,a_b,a_b" for n, value in enumerate(values)]
        (self.fixtures / "trace.csv").write_text("\n".join(lines) + "\n")

    def test_confidence_has_a_tick_for_each_iteration_and_no_other(self):
        self.add_halves("base2new/prompt", "oxford_pets", [(95, 90)], sets=("vision_prompt.count=4", "vision_prompt.depth=6"),
                        synthetic=True)
        self.give("figure6-table", 1, "--methods", "ProMPT", "--set", "vision_prompt.count=4", "--set", "vision_prompt.depth=6")
        self.trace([(0.6, 0.7, 0.8), (0.8, 0.7, 0.9), (0.1, 0.6, 0.7), (0.2, 0.3, 0.4), (0.9, 0.1, 0.2)])
        self.draw("figure6.sh", "--dataset", "oxford_pets")
        self.assertEqual((self.out / "figure6.csv").read_text(),
                         "n,always_right,corrected,n_always_right,n_corrected,paper_figure6,paper_figure7\n"
                         "0,70.0000,10.0000,2,1,10.71,8.92\n1,70.0000,60.0000,2,1,15.25,12.24\n2,85.0000,70.0000,2,1,15.42,12.43\n")
        figure = self.figure("figure6.svg")
        self.assertEqual(figure.ticks_above("iteration n"), ["0", "1", "2"])
        figure.find("Confidence of ProMPT on oxford_pets, new classes")
        figure.find("mean confidence in the right class (%)")
        self.check_legend(figure, ["right at every n (2 images)", "wrong at n = 0, right at n = 2 (1 image)"], "iteration n")
        note = " ".join(text.string for text in figure.texts if text.y > figure.height - 45)
        self.assertIn("Not the paper's setting: drawn pictures: OxfordPets; vision_prompt.count=4; vision_prompt.depth=6", note)
        # three points and the one in the legend for each line, at the same three places
        self.assertEqual([len(points) for points in figure.markers.values()], [4, 4])
        places = [sorted({x for x, _ in points[:3]}) for points in figure.markers.values()]
        self.assertEqual(places[0], places[1])

    def test_confidence_without_a_corrected_image(self):
        self.give("figure6-table", 1, "--methods", "ProMPT")
        self.trace([(0.6, 0.7), (0.8, 0.7)])
        self.draw("figure6.sh", "--classes=base", "--dataset=dtd", "--seeds", "2")
        figure = self.figure("figure6.svg")
        self.assertEqual(figure.ticks_above("iteration n"), ["0", "1"])
        figure.find("Confidence of ProMPT on dtd, base classes")
        self.check_legend(figure, ["right at every n (2 images)"], "iteration n")
        self.assertEqual(len(figure.markers), 1)

    def test_confidence_takes_one_seed(self):
        self.assertIn("--seeds: expected one seed, found '1,2'", self.draw("figure6.sh", "--seeds", "1,2", status=2).stderr)

    # ------------------------------------------------------------ Figure 8

    def add_sweep(self, key, values, base=80, **more):
        for i, value in enumerate(values):
            self.add_halves("base2new/prompt", "caltech101", [(base + i, 70 + 2 * i)], sets=(f"{key}={value}",), **more)

    def test_points_of_a_sweep_are_over_the_same_data_sets(self):
        self.add_halves("base2new/prompt", "caltech101", [(97, 94)], sets=("lambda=1",))
        self.add_halves("base2new/prompt", "dtd", [(70, 60)], sets=("lambda=1",), synthetic=True)
        self.add_halves("base2new/prompt", "caltech101", [(95, 90)], sets=("lambda=0.5",))
        for part in "abcd":
            self.give(f"figure8{part}", "figure8d")
        self.draw("figure8.sh")
        self.assertEqual((self.out / "figure8d-average.csv").read_text(),
                         f"x,base,new,HM\n0.5,95.0000,90.0000,{hm(95, 90):.4f}\n1,97.0000,94.0000,{hm(97, 94):.4f}\n")
        figure = self.figure("figure8.svg")
        figure.find("ProMPT, average over 1 of 11 data sets")
        figure.find("Not the paper's setting: drawn pictures: DTD")

    def test_a_sweep_has_its_values_as_ticks(self):
        sweeps = {part: next(row for row in TABLES[f"figure8{part}"]["rows"]) for part in "abcd"}
        for part, row in sweeps.items():
            self.add_sweep(row["sweep"], row["values"])
            self.give(f"figure8{part}", f"figure8{part}")
        self.draw("figure8.sh")
        figure = self.figure("figure8.svg")
        titles = {"a": "(a) number of vision prompts a", "b": "(b) number of text prompts b", "c": "(c) prompted vision layers J",
                  "d": "(d) loss weight λ"}
        for row in ("ab", "cd"):
            self.assertEqual(figure.ticks_above(titles[row[0]]), sweeps[row[0]]["values"] + sweeps[row[1]]["values"])
            self.assertEqual([text.string for text in figure.texts if text.string in titles.values() and
                              abs(text.y - figure.find(titles[row[0]]).y) < 1], [titles[part] for part in row])
        self.assertEqual(sum(text.string == "accuracy (%)" for text in figure.texts), 2)
        self.check_legend(figure, ["base", "new", "HM"], titles["c"])
        n_points = sum(len(row["values"]) for row in sweeps.values())
        self.assertEqual([len(points) for points in figure.markers.values()], 3 * [n_points + 1])

    def test_a_sweep_without_results_has_no_panel(self):
        self.add_sweep("lambda", ["0.25", "0.5"])
        for part in "abcd":
            self.give(f"figure8{part}", f"figure8{part}")
        self.draw("figure8.sh")
        figure = self.figure("figure8.svg")
        self.assertEqual([text.string for text in figure.texts if text.string.startswith("(")], ["(d) loss weight λ"])
        self.assertEqual(figure.ticks_above("(d) loss weight λ"), ["0.25", "0.5"])
        figure.find("accuracy (%)")
        figure.find("ProMPT, average over 1 of 11 data sets")
        self.check_legend(figure, ["base", "new", "HM"], "(d) loss weight λ")

    def test_nothing_is_drawn_of_no_results(self):
        for part in "abcd":
            self.give(f"figure8{part}", f"figure8{part}")
        self.assertIn("no results to draw", self.draw("figure8.sh").stderr)
        self.assertFalse((self.out / "figure8.svg").exists())

    # ------------------------------------------------------------ shots

    def test_shots_are_the_ticks_and_every_method_has_its_look(self):
        self.add("fewshot/clip", "dtd", "all", 1, 44)
        for i, shots in enumerate((1, 2, 4, 8, 16)):
            for method, gain in (("coop", 1), ("cocoop", 2), ("prompt", 3), ("vpt", 0.5)):
                sets = [f"data.shots={shots}"]
                if method == "coop":
                    sets += {1: ["training.epochs=50"], 2: ["training.epochs=100"], 4: ["training.epochs=100"]}.get(shots, [])
                self.add(f"fewshot/{method}", "dtd", "all", 1, 45 + i * gain, sets=sets)
        self.give("fewshot", "fewshot", "--methods", "CLIP,CoOp,CoCoOp,ProMPT,VPT")
        self.draw("fewshot.sh")
        self.assertEqual((self.out / "fewshot-average.csv").read_text().splitlines()[::5],
                         ["shots,CLIP,CoOp,CoCoOp,ProMPT,VPT", "16,44.0000,49.0000,53.0000,57.0000,47.0000"])
        figure = self.figure("fewshot.svg")
        figure.find("All classes, average over 1 of 11 data sets")
        figure.find("accuracy (%)")
        self.assertEqual(figure.ticks_above("training images of a class (shots)"), ["1", "2", "4", "8", "16"])
        self.check_legend(figure, ["CLIP", "CoOp", "CoCoOp", "ProMPT", "VPT"], "training images of a class (shots)")
        lines = [points for points in figure.markers.values() if len(points) == 6]
        self.assertEqual(len(lines), 4)
        self.assertEqual(len({colour for _, colour in figure.markers}), len(figure.markers))

    def test_a_method_keeps_its_look_without_the_others(self):
        self.add("fewshot/prompt", "dtd", "all", 1, 45, sets=("data.shots=4",))
        self.add("fewshot/prompt", "dtd", "all", 1, 47, sets=("data.shots=16",))
        self.give("fewshot", "fewshot", "--methods", "ProMPT")
        self.draw("fewshot.sh")
        figure = self.figure("fewshot.svg")
        self.assertEqual(figure.ticks_above("training images of a class (shots)"), ["4", "16"])
        self.assertEqual([colour for _, colour in figure.markers], ["rgb(213,  94,   0)"])


class Tables(Drawing):
    def test_a_table_is_named_first(self):
        for words in ((), ("--data", "x")):
            done = subprocess.run([ROOT / "scripts/table.sh", *words], capture_output=True, text=True, check=False,
                                  env={**os.environ, "PROMPT_BIN": harness.program()})
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (2, "", "table.sh: the first argument must be the table's number; see scripts/table.sh --help\n"))


class WithoutGnuplot(Drawing):
    def test_the_numbers_are_there_and_gnuplot_is_named(self):
        tools = self.tmp / "tools"
        tools.mkdir()
        for folder in os.environ["PATH"].split(":")[::-1]:
            for tool in pathlib.Path(folder).glob("*"):
                if not tool.name.startswith("gnuplot"):
                    (tools / tool.name).unlink(missing_ok=True)
                    (tools / tool.name).symlink_to(tool)
        self.add_halves("base2new/cocoop", "caltech101", [(95, 90)])
        self.add_halves("base2new/prompt", "caltech101", [(97, 94)])
        self.give("figure5", 1, "--methods", "CoCoOp,ProMPT")
        said = self.draw("figure5.sh", PATH=str(tools)).stderr
        self.assertRegex(said, "^figure5.sh: gnuplot is not installed .*, so .*figure5.svg is not drawn; its numbers are in "
                               ".*/figure5-difference.csv\n$")
        self.assertTrue((self.out / "figure5-difference.csv").exists())
        self.assertFalse((self.out / "figure5.svg").exists())


if __name__ == "__main__":
    harness.main()
