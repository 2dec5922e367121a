#!/usr/bin/env python3
"""A grid of runs end to end: its plan, its table, and that a stop in the middle changes nothing."""

import contextlib
import csv
import fcntl
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import grid_runs
import harness
import miniature
from grid_runs import environment, grid, grid_options, records, shared
from harness import ROOT, run

def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    grid_runs.prepare(root, ("caltech101", "oxford_pets", "imagenet", "imagenetv2", "imagenet_a"))
    shared["whole"] = root / "whole"
    shared["script"] = subprocess.run(script_words(root / "whole"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=300, check=False, env=environment())


def script_words(out, *more):
    return [str(word) for word in (ROOT / "scripts/table1.sh", *grid_options(out), *more)]


class Grid(harness.Case):
    def test_script_ends_with_the_table(self):
        done = shared["script"]
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("there:     Caltech101, OxfordPets\n", done.stderr)
        self.assertIn("not there: DTD\n", done.stderr)
        self.assertIn("runs:      0 done, 4 to run, 2 without their data\n", done.stderr)
        self.assertRegex(done.stderr, r"grid: 4 of 4 done, .* took \d+s, about 0s left")
        self.assertEqual(done.stdout, (shared["whole"] / "table1-part.md").read_text())
        self.assertIn("vision_prompt.depth=2", done.stdout.splitlines()[2])
        self.assertIn("- not run: ProMPT on DTD", done.stdout)
        lines = {(line["data_set"], line["method"]): line
                 for line in csv.DictReader(io.StringIO((shared["whole"] / "table1-part.csv").read_text()))}
        for half in ("base", "new"):
            values = [100 * record["accuracy"] for each in records(shared["whole"]).values() for record in each
                      if record["method"] == "prompt" and record["classes"] == half]
            self.assertEqual(len(values), 2)
            average = lines["average (HM of the averages)", "ProMPT"]
            self.assertAlmostEqual(float(average[half]), sum(values) / 2, delta=6e-5)
            self.assertEqual((average["n"], average["n_expected"]), ("2", "11"))
        self.assertIn("\\end{tabular}\n", (shared["whole"] / "table1-part.tex").read_text())
        self.assertEqual(list(shared["whole"].glob("table1.*")), [])  # a part never stands for the whole

    def test_what_is_done_is_not_run_again(self):
        before = {path: path.stat().st_mtime_ns for path in shared["whole"].rglob("results.json")}
        result = self.check_ok(grid(shared["whole"]))
        self.assertIn("runs:      4 done, 0 to run, 2 without their data", result.err)
        self.assertEqual({path: path.stat().st_mtime_ns for path in shared["whole"].rglob("results.json")}, before)
        # other settings, another model, or a table that shares its runs
        self.assertIn("runs:      0 done, 4 to run", grid(shared["whole"], "--set", "lambda=0.5", "--dry-run").err)
        other = harness.make_model(self.tmp / "other.safetensors", seed=3)
        words = [other if word == shared["model"] else word for word in grid_options(shared["whole"])]
        self.assertIn("runs:      0 done, 4 to run", run("grid", "--table", 1, *words, "--dry-run").err)
        words = ("--methods", "N = 0,N = 2", *grid_options(shared["whole"])[2:])
        self.assertIn("runs:      4 done, 0 to run", run("grid", "--table", 4, *words, "--dry-run").err)

    def test_runs_of_other_pixels_are_not_done(self):
        out = self.tmp / "runs"
        shutil.copytree(shared["whole"], out)
        for path in out.rglob("results.json"):
            records = json.loads(path.read_text())
            for record in records:
                record["inputs"]["image_decoder"] = "other 1.0"
            path.write_text(json.dumps(records))
        self.assertIn("runs:      0 done, 4 to run", grid(out, "--dry-run").err)
        for path in out.rglob("checkpoint.safetensors"):
            tensors, metadata = harness.read_safetensors(path)
            harness.write_safetensors(path, tensors, {**metadata, "image_decoder": "other 1.0"})
        self.assertRegex(grid(out, "--dry-run").err, r"holds another training \(the image decoder \(other 1\.0 there, .*is used instead")

    def test_another_model_or_preset_is_trained_anew(self):
        """A finished training in the folder of that name is neither taken nor touched."""
        out = self.tmp / "runs"
        shutil.copytree(shared["whole"], out)
        old = {path: path.read_bytes() for path in out.rglob("seed1/*.*")}
        configs = self.tmp / "configs"
        shutil.copytree(harness.CONFIGS, configs)
        preset = json.loads((configs / "base2new.json").read_text())
        (configs / "base2new.json").write_text(json.dumps({**preset, "lambda": 0.25}))
        other = harness.make_model(self.tmp / "other.safetensors", seed=3)
        for tables, model in ((configs, shared["model"]), (harness.CONFIGS, other)):
            words = ("grid", "--table", 1, "--methods", "ProMPT", *grid_options(out, "caltech101")[2:], "--tables",
                     tables / "tables.json")
            result = self.check_ok(run(*(model if word == shared["model"] else word for word in words)))
            self.assertRegex(result.err, r"note: +'.*seed1' holds another training \((lambda is|weights of).*\): '.*' is used instead")
            line = next(csv.DictReader(io.StringIO((out / "table1-part.csv").read_text())))
            self.assertEqual((line["method"], line["n"]), ("ProMPT", "1"))
        self.assertEqual({path: path.read_bytes() for path in old}, old)
        self.assertEqual(len(list(out.rglob("checkpoint.safetensors"))), 4)

    def test_without_training_images_only_clip_runs(self):
        data = self.tmp / "data"
        miniature.make(data, "imagenet")
        shutil.rmtree(data / "imagenet" / "images" / "train")
        words = [data if word == shared["data"] else word for word in grid_options(self.tmp / "runs", "imagenet")]
        result = self.check_ok(run("grid", "--table", 1, *words, "--dry-run"))
        self.assertRegex(result.err, "data set 'imagenet': .* no training images")
        self.assertIn("no data  ProMPT, ImageNet, seed 1\n", result.out)
        self.assertIn("evaluate CLIP, ImageNet, seed 1\n", result.out)

    def test_commands_of_the_plan_do_what_the_grid_does(self):
        plan = self.check_ok(grid(self.tmp / "runs", "--dry-run", datasets="caltech101,dtd"))
        self.assertFalse((self.tmp / "runs").exists())
        commands = [line.strip() for line in plan.out.splitlines() if line.startswith("    prompt")]
        self.assertEqual([line.split()[1] for line in commands], ["eval", "train", "eval"])
        self.assertEqual([line for line in plan.out.splitlines() if line.startswith("no data")],
                         ["no data  CLIP, DTD, seed 1", "no data  ProMPT, DTD, seed 1"])
        for line in commands:
            done = subprocess.run(re.sub(r"^prompt", harness.program(), line), shell=True, capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("runs:      2 done, 0 to run", grid(self.tmp / "runs", "--dry-run", datasets="caltech101").err)

    def stop(self, number, out, *more):
        """Stops the grid by a signal while its second training runs."""
        child = subprocess.Popen(harness.words("grid", "--table", 1, *grid_options(out), *more), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        deadline = time.monotonic() + 60

        def has_begun():  # os.walk passes over folders that go meanwhile, as those of claims do
            return any(folder.endswith("oxford_pets/seed1") and "log.jsonl" in files for folder, _, files in os.walk(out))

        while not has_begun() and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        processes = [child.pid, *harness.children(child.pid)]
        for _ in range(1 if number == signal.SIGKILL else 3):  # as Slurm does at a time limit
            for process in processes if number == signal.SIGTERM else processes[:1]:
                with contextlib.suppress(ProcessLookupError):  # it has saved and ended
                    os.kill(process, number)
            time.sleep(0.005)
        _, err = child.communicate(timeout=60)
        return child.returncode, err.decode()

    def test_stopped_and_continued_it_makes_the_same_table(self):
        out = self.tmp / "runs"
        status, err = self.stop(signal.SIGINT, out)
        self.assertEqual(status, 130, err)
        self.assertEqual(err.splitlines()[-1], "prompt: interrupted; the same command continues")
        self.assertFalse((out / "table1-part.md").exists())
        status, err = self.stop(signal.SIGKILL, out)
        self.assertEqual(status, -signal.SIGKILL, err)
        result = self.check_ok(grid(out))
        self.assertRegex(result.err, r"runs:      [23] done, [12] to run")
        self.expect_whole(out)

    def test_a_run_that_another_process_finished_is_not_begun(self):
        """The second run is finished after the plan, while the first one waits for its folder."""
        out = self.tmp / "runs"
        first, second = (next(path.parent.relative_to(shared["whole"]) for path in shared["whole"].rglob("checkpoint.safetensors")
                              if name in path.parts) for name in ("caltech101", "oxford_pets"))
        (out / first).mkdir(parents=True)
        lock = os.open(out / first, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = harness.words("grid", "--table", 1, "--methods", "ProMPT", *grid_options(out)[2:])
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=environment())
        lines = []
        while not (lines and lines[-1].startswith("waiting for ")) and child.poll() is None:
            lines.append(child.stderr.readline())
        shutil.copytree(shared["whole"] / second, out / second)
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (out / second).rglob("*") if path.is_file()}
        os.close(lock)
        _, err = child.communicate(timeout=60)
        err = "".join(lines) + err
        self.assertEqual(child.returncode, 0, err)
        self.assertIn("runs:      0 done, 2 to run", err)
        self.assertIn(f"grid: 2 of 2 done, {out / second} took", err)
        self.assertTrue((out / first / "results.json").exists())
        self.assertEqual({path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (out / second).rglob("*") if path.is_file()}, before)

    def expect_whole(self, out):
        for ending in ("md", "csv", "tex"):
            self.assertEqual((out / f"table1-part.{ending}").read_bytes(), (shared["whole"] / f"table1-part.{ending}").read_bytes())
        for path in shared["whole"].rglob("checkpoint.safetensors"):
            self.assertEqual((out / path.relative_to(shared["whole"])).read_bytes(), path.read_bytes())
        self.assertEqual(harness.leftovers(out), [])

    def test_side_by_side_stopped_and_continued_it_makes_the_same_table(self):
        out = self.tmp / "runs"
        status, err = self.stop(signal.SIGTERM, out, "--jobs", 2)
        self.assertEqual(status, 130, err)
        self.assertRegex(err, r"grid: 1/4, \S+\ngrid: 2/4, \S+\n")
        self.assertEqual(err.splitlines()[-1], "prompt: interrupted; the same command continues")
        self.assertFalse((out / "table1-part.md").exists())
        self.check_ok(grid(out, "--jobs", 2))
        self.expect_whole(out)

    def test_side_by_side_each_run_has_its_share_of_the_machine(self):
        words = list(grid_options(self.tmp / "runs", "caltech101"))
        words[words.index("--threads") + 1] = 0
        self.check_ok(run("grid", "--table", 1, *words, "--max-steps", 1, "--limit", 1, "--jobs", 2))
        config = json.loads(next((self.tmp / "runs").rglob("config.json")).read_text())
        self.assertGreater(config["threads"], 0)
        self.assertGreater(config["data"]["workers"], 0)
        self.assertGreater(config["memory_budget_mib"], 0)

    def test_a_try_is_labelled_and_becomes_the_run(self):
        out = self.tmp / "runs"
        words = ("--max-steps", 1, "--limit", 3)
        text = self.check_ok(grid(out, *words, datasets="caltech101")).out
        self.assertIn("**Not the paper's settings: unfinished or limited runs", text)
        self.assertIn("runs:      2 done, 0 to run", grid(out, *words, "--dry-run", datasets="caltech101").err)
        result = self.check_ok(grid(out, datasets="caltech101"))
        self.assertIn("runs:      0 done, 2 to run", result.err)
        self.assertNotIn("unfinished or limited runs,", result.out)
        folder = "base2new/prompt/vision_prompt.depth=2+data.shots=4+training.epochs=2+training.lr=0.05/caltech101/seed1"
        self.assertEqual((out / folder / "checkpoint.safetensors").read_bytes(),
                         (shared["whole"] / folder / "checkpoint.safetensors").read_bytes())

    def test_a_failed_run_is_named_and_the_others_go_on(self):
        image = next(path for path in sorted(shared["data"].rglob("101_ObjectCategories/*/*")))
        self.addCleanup(image.write_bytes, image.read_bytes())
        image.write_bytes(b"no picture")
        result = grid(self.tmp / "runs", "--jobs", 2)
        self.assertEqual(result.status, 1, str(result))
        self.assertRegex(result.errors[-1], "prompt: [12] of 4 runs failed; the same command tries again")
        self.assertIn(f"warning: failed: {self.tmp}/runs/", result.err)
        self.assertRegex(result.out, r"\n- not run: ProMPT on Caltech101, DTD\n")
        self.assertRegex(result.out, r"\| OxfordPets \| ProMPT \| \d")

    def test_trained_on_a_source_evaluated_on_its_variants(self):
        out = self.tmp / "runs"
        result = self.check_ok(grid(out, table=3, datasets="imagenetv2,imagenet_a,imagenet_r"))
        self.assertIn("runs:      0 done, 2 to run", result.err)
        found = records(out)
        self.assertEqual(len(found), 2)
        for each in found.values():
            self.assertEqual([record["dataset"] for record in each], ["imagenetv2", "imagenet_a"])
            self.assertEqual({record["config"]["data"]["dataset"] for record in each}, {"imagenet"})
        self.assertIn("| 2 of 4 data sets |", result.out)
        self.assertIn("- not run: ProMPT on ImageNet-R", result.out)
        # one more target is evaluated alone
        self.check_ok(grid(out, table=3, datasets="imagenet,imagenetv2,imagenet_a"))
        self.assertEqual([record["dataset"] for record in next(iter(records(out).values()))],
                         ["imagenetv2", "imagenet_a", "imagenet"])

    def test_wrong_words(self):
        self.check_error(run("grid", "--out", self.tmp), 2, "no experiment: give --table NAME.*")
        self.check_error(run("grid", "--table", 1), 2, "no folder of runs: give --out DIR")
        self.check_error(run("grid", "--table", 1, "--out", self.tmp, "--methods", "CLIP"), 2, "no data folder is given.*")
        self.check_error(grid(self.tmp / "x", "--set", "data.dataset=dtd"), 2, "--set data.dataset=\"dtd\": give --datasets")


class ManyTargets(harness.Case):
    def test_one_table_over_what_is_there(self):
        words = ("eval", "--config", harness.CONFIGS / "zeroshot.json", "--data", shared["data"], "--model",
                 shared["model"], "--threads", 1)
        result = self.check_ok(run(*words, "--datasets", "caltech101,dtd", "--classes", "all", "--out", self.tmp / "r"))
        lines = result.out.splitlines()
        self.assertRegex(lines[1], r"^caltech101 +all +4 +16 +\d+\.\d\d$")
        self.assertEqual(lines[2].split(), ["dtd", "not", "there"])
        self.assertEqual(lines[3].split(), ["average", "1/2", "all", lines[1].split()[-1]])
        self.assertRegex(result.err, "warning: data set 'dtd': .*")
        self.assertEqual(len(json.loads((self.tmp / "r" / "results.json").read_text())), 1)
        self.check_error(run(*words, "--datasets", "food101,sun397"), 1, "none of the 2 data sets is there; the last: .*")

    def test_one_that_fails_does_not_end_the_others(self):
        split = json.loads((shared["data"] / "caltech-101/split_zhou_Caltech101.json").read_text())
        image = shared["data"] / "caltech-101/101_ObjectCategories" / split["test"][0][0]
        self.addCleanup(image.write_bytes, image.read_bytes())
        image.write_bytes(b"no picture")
        record = self.tmp / "r.json"
        result = run("eval", "--config", harness.CONFIGS / "zeroshot.json", "--data", shared["data"], "--model",
                     shared["model"], "--threads", 1, "--datasets", "caltech101,oxford_pets", "--classes", "all", "--json",
                     record)
        self.assertEqual((result.status, result.errors[-1]), (1, "prompt: the evaluation on 1 of 2 data sets failed"))
        self.assertEqual(result.out.splitlines()[1].split(), ["caltech101", "failed"])
        self.assertEqual(result.out.splitlines()[3].split()[:2], ["average", "1/2"])
        self.assertEqual([each["dataset"] for each in json.loads(record.read_text())["records"]], ["oxford_pets"])

    def test_record_of_a_target_keeps_what_was_trained(self):
        folder = next(shared["whole"].rglob("caltech101/seed1/checkpoint.safetensors")).parent
        record = self.tmp / "r.json"
        self.check_ok(run("eval", "--run", folder, "--dataset", "oxford_pets", "--classes", "new", "--json", record, "--out",
                          self.tmp))
        first = json.loads(record.read_text())["records"][0]
        self.assertEqual((first["dataset"], first["config"]["data"]["dataset"]), ("oxford_pets", "caltech101"))

    def test_trace_tells_prediction_and_confidence(self):
        folder = next(shared["whole"].rglob("caltech101/seed1/checkpoint.safetensors")).parent
        logits, trace = self.tmp / "logits.safetensors", self.tmp / "trace.csv"
        self.check_ok(run("eval", "--run", folder, "--classes", "base", "--save-logits", logits, "--trace", trace, "--out",
                          self.tmp))
        tensors, metadata = harness.read_safetensors(logits)
        values, labels, paths = harness.numbers(tensors["logits"]), harness.numbers(tensors["labels"]), json.loads(metadata["paths"])
        lines = list(csv.DictReader(io.StringIO(trace.read_text())))
        self.assertEqual(len(lines), 3 * len(paths))
        split = json.loads((shared["data"] / "caltech-101/split_zhou_Caltech101.json").read_text())
        names = {label: name for _, label, name in split["train"]}
        K = tensors["logits"][1][2]
        for i, line in enumerate(lines):
            row = values[K * i:K * i + K]
            weights = [2.718281828459045**(value - max(row)) for value in row]
            label = labels[i // 3]
            self.assertEqual((line["path"], line["n"], line["label"]), (paths[i // 3], str(i % 3), names[label]))
            self.assertEqual((line["image"], line["label_index"]), (str(i // 3), str(label)))
            self.assertEqual((line["predicted"], line["predicted_index"]), (names[row.index(max(row))], str(row.index(max(row)))))
            self.assertAlmostEqual(float(line["confidence"]), max(weights) / sum(weights), delta=2e-6)
            self.assertAlmostEqual(float(line["label_confidence"]), weights[label] / sum(weights), delta=2e-6)


if __name__ == "__main__":
    harness.merges()
    harness.main()
