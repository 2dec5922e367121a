#!/usr/bin/env python3
"""`prompt bench` on the tiny model: what it prints; a step reads the device once and uploads nothing but its batch, a long run
needs no new pages."""

import json
import pathlib
import re
import tempfile
import unittest

import harness
from harness import run

COLUMNS = ["mode", "encoder", "precision", "K", "B", "N", "J", "threads", "s/step", "median", "images/s", "GFLOP", "of peak",
           "GiB", "faults", "reads", "uploads"]
TEXTS = ("mode", "encoder", "precision")
COUNTS = ("n_classes", "batch_size", "iterations", "depth", "threads")
NUMBERS = ("seconds", "median_seconds", "images_per_second", "gflop", "attention_gflop", "peak_gflops", "fraction_of_peak",
           "peak_rss_mib", "minor_faults_per_step", "device_reads_per_step", "device_uploads_per_step")
MAY_BE_ZERO = ("minor_faults_per_step", "device_uploads_per_step")
GROUPS = {"matrix products", "attention", "norms", "activation", "autograd", "the rest"}
N_NAMES = 60
MAX_FAULTS = 20  # a step, once warm

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    shared["names"] = root / "names.txt"
    shared["names"].write_text("".join(f"thing number {i}\n" for i in range(N_NAMES)))


def has_bf16():
    return re.search(r"\b(avx512_bf16|amx_bf16)\b", pathlib.Path("/proc/cpuinfo").read_text()) is not None


def bench(*more, names=None, batch=2, repeats=1, n_classes=12):
    """J is 2 of the tiny model's 3 layers."""
    names = () if names == () else ("--classes-file", names or shared["names"])
    return run("bench", "--model", shared["model"], "--set", f"model.merges={harness.merges()}", *names, "--threads", 1,
               "--set", "vision_prompt.depth=2", "--batch", batch, "--repeats", repeats, "--n-classes", n_classes, *more)


class Bench(harness.Case):
    def points(self, *more, **options):
        return json.loads(self.check_ok(bench("--json", *more, **options)).out)["points"]

    def test_json_has_every_field(self):
        points = self.points()
        self.assertEqual([(p["mode"], p["encoder"], p["precision"]) for p in points],
                         [("train", "fast", "fp32"), ("eval", "fast", "fp32")])
        for p in points:
            self.assertEqual(set(p), {*TEXTS, *COUNTS, *NUMBERS, "profile_seconds"})
            self.assertEqual([p[name] for name in COUNTS], [12, 2, 2, 2, 1])
            for name in NUMBERS:
                self.assertGreaterEqual(p[name], 0.0 if name in MAY_BE_ZERO else 1e-9, name)
            self.assertLessEqual(p["seconds"], p["median_seconds"])
            self.assertAlmostEqual(p["images_per_second"], 2 / p["seconds"], delta=1e-3 / p["seconds"])
            self.assertLess(p["fraction_of_peak"], 1.0)
            self.assertEqual(set(p["profile_seconds"]), GROUPS)
            self.assertGreater(p["profile_seconds"]["matrix products"], 0.0)
        self.assertGreater(points[0]["gflop"], points[1]["gflop"])

    def test_reads_the_device_once_a_step(self):
        points = self.points("--compare", "plain", "--set", "iterations=3", batch=5)
        counts = ("device_reads_per_step", "device_uploads_per_step")
        self.assertEqual([(p["mode"], p["encoder"], *(p[name] for name in counts)) for p in points],
                         [(mode, encoder, 1, 0) for mode in ("train", "eval") for encoder in ("fast", "plain")])
        for fast, plain in zip(points[::2], points[1::2]):
            self.assertNotIn("ratio", fast)
            self.assertAlmostEqual(plain["ratio"], plain["seconds"] / fast["seconds"], delta=1e-6 * plain["ratio"])

    def test_table_comparison_and_profile(self):
        out = self.check_ok(bench("--compare", "plain", "--profile", "--mode", "train")).out
        header, *lines = out.splitlines()
        self.assertEqual(header.replace("of peak", "of_peak").split(), [name.replace(" ", "_") for name in COLUMNS])
        rows = [line.split() for line in lines if not line.startswith(" ")]
        self.assertEqual([row[:8] for row in rows],
                         [["train", encoder, "fp32", "12", "2", "2", "2", "1"] for encoder in ("fast", "plain")])
        for row in rows:
            self.assertEqual(len(row), len(COLUMNS), row)
        ratio = re.search(r"^      the fast encoder takes 1/(\d+\.\d) of the plain one's time$", out, re.MULTILINE)
        self.assertGreater(float(ratio[1]), 1.0)
        shares = [float(text) for text in re.findall(r"s +(\d+\.\d) %$", out, re.MULTILINE)]
        self.assertEqual(len(shares), 2 * len(GROUPS), out)
        self.assertAlmostEqual(sum(shares), 200.0, delta=1.0)
        self.assertRegex(out, r"t_packed_linear +\d+ calls")

    def test_sweep_varies_one_setting_at_a_time(self):
        points = self.points("--sweep", "--mode", "eval", n_classes=50)
        base = points[0]
        changed = {name: [p[name] for p in points[1:] if p[name] != base[name]] for name in COUNTS}
        self.assertEqual(changed["batch_size"], [1, 4, 16])
        self.assertEqual(changed["iterations"], [1, 3])
        self.assertGreaterEqual(len(changed["depth"]), 1)
        for p in points[1:]:
            self.assertEqual(sum(p[name] != base[name] for name in COUNTS), 1, p)

    def test_takes_every_method_that_trains(self):
        """By its preset; PromptSRC's and KgCoOp's loss needs a teacher, whose texts follow the template of plain names."""
        for method in ("coop", "cocoop", "vpt", "kgcoop", "ivlp", "promptsrc", "maple", "clip_lora", "two_stage"):
            more = ("--config", harness.CONFIGS / f"base2new/{method}.json", "--mode", "train")
            more += ("--set", "context.depth=2") if method in ("ivlp", "promptsrc", "maple") else ()
            with self.subTest(method):
                point, = self.points(*more)
                self.assertEqual([point[name] for name in COUNTS[:3]], [12, 2, 1])
                self.assertGreater(point["profile_seconds"]["matrix products"], 0.0)

    def test_long_run_needs_no_new_pages(self):
        for p in self.points(repeats=30):
            self.assertLess(p["minor_faults_per_step"], MAX_FAULTS, p["mode"])

    def test_names_that_are_not_there(self):
        empty = self.tmp / "empty.txt"
        empty.write_text("\n\n")
        missing = self.tmp / "missing.txt"
        for options, status, message in (
            ({"names": missing}, 1, rf"cannot open '{missing}': No such file or directory.*"),
            ({"names": empty}, 1, rf"'{empty}': no class name, expected one a line"),
            ({"names": ()}, 2, r"no class names: give --classes-file FILE \(one a line\), or --data and --dataset"),
            ({"n_classes": N_NAMES + 1}, 2, r"option '--n-classes': expected a whole number from 1 to 60, found '61'"),
        ):
            with self.subTest(message):
                self.check_error(bench(**options), status, message)

    def test_unknown_words(self):
        for more, message in ((("--mode", "trian"), r"option '--mode': expected train or eval, found 'trian'"),
                              (("--compare", "slow"), r"--compare 'slow': expected plain")):
            with self.subTest(message):
                self.check_error(bench(*more), 2, message)

    def test_bf16_tells_what_its_products_are(self):
        result = self.check_ok(bench("--mode", "eval", "--set", "precision=bf16", "--json"))
        self.assertEqual(json.loads(result.out)["points"][0]["precision"], "bf16")
        if has_bf16():
            self.assertRegex(result.err, r"note: products in bf16 run at \d+\.\d\d times the rate of fp32 here: "
                                         r"(they are computed in bf16|weights are kept in bf16, products are computed in fp32)\n")
        else:
            self.assertIn("note: this processor has no products in bf16: weights are kept in bf16, products are computed in fp32",
                          result.err)
            self.check_error(bench("--mode", "eval", "--set", "precision=bf16", "--set", "products=bf16"), 2,
                             "products in bf16 need a CPU with AVX512-BF16 or AMX; use products=fp32, .*")

    def test_products_are_a_choice_of_bf16_alone(self):
        self.check_error(bench("--mode", "eval", "--set", "precision=fp32", "--set", "products=fp32"), 2,
                         "key 'products' is for precision bf16 on a CPU, but precision is fp32")


if __name__ == "__main__":
    harness.merges()
    harness.main()
