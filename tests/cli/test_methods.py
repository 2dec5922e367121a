#!/usr/bin/env python3
"""The methods that ProMPT is compared with, and ensembles of templates, from words to results."""

import hashlib
import json
import math
import pathlib
import re
import struct
import sys
import tempfile
import unittest

import harness
from harness import SmallData, read_safetensors, run, train_words

SETTINGS = ("--set", "data.shots=2", "--set", "training.epochs=3", "--set", "training.lr=0.05", "--set", "iterations=1")
WIDTH = 32  # of the tiny model's text tower
METHODS = {  # keys, and the trained tensors
    "coop": ((), {"context": [4, WIDTH]}),
    "coop-16": (("context.count=16", "context.init=random"), {"context": [16, WIDTH]}),
    "coop-specific": (("context.class_specific=true", "context.position=middle"), {"context": [5, 4, WIDTH]}),
    "cocoop": ((), {"context": [4, WIDTH], "meta_net.fc1.weight": None, "meta_net.fc1.bias": None,
                    "meta_net.fc2.weight": None, "meta_net.fc2.bias": [WIDTH]}),
    "vpt": ((), {"vision_prompts": [2, 8, 128]}),
    "kgcoop": ((), {"context": [4, WIDTH]}),
    "ivlp": (("context.depth=2", "context.count=2"), {"context": [2, WIDTH], "text_prompts": [1, 2, WIDTH], "vision_prompts": [2, 8, 128]}),
    "promptsrc": (("context.depth=2",), {"context": [4, WIDTH], "text_prompts": [1, 4, WIDTH], "vision_prompts": [2, 8, 128]}),
    "maple": (("context.depth=2", "context.count=2"), {
        "context": [2, WIDTH], "text_prompts": [1, 2, WIDTH], "context_projection.weight": [128, WIDTH], "context_projection.bias": [128],
        "vision_projections.weight": [1, 128, WIDTH], "vision_projections.bias": [1, 128]}),
    "clip_lora": (("lora.rank=3",), {f"lora.{tower}.{kind}": None for tower in ("text", "vision") for kind in "ab"}),
    "two_stage": (("training.optimizer=adamw",), {"classifier": [5, 64]} | {
        f"norms.{tower}.{kind}": None for tower in ("text", "vision") for kind in ("weight", "bias")}),
}

TEMPLATES = harness.ROOT / "src/methods/agreement_templates.c"

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data", n_train=2, n_val=1, n_test=2)
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    for name in METHODS:
        result = train(name, root / name)
        if result.status != 0:
            sys.exit(f"{name} failed: {result}")
        shared[name] = root / name


def keys(name):
    return [word for key in (f"method={name.split('-')[0]}", *METHODS[name][0]) for word in ("--set", key)]


def train(name, out, *more):
    return run(*train_words(shared["data"], shared["model"], out, *SETTINGS, *keys(name), *more))


def train_alone(out, *settings):
    """Of keys that METHODS does not have."""
    words = [word for setting in settings for word in ("--set", setting)]
    return run(*train_words(shared["data"], shared["model"], out, *SETTINGS, *words))


def unit(row):
    length = sum(x * x for x in row) ** 0.5
    return [x / length for x in row]


def evaluate(*more):
    return run("eval", "--data", shared["data"].root, "--dataset", "caltech101", "--model", shared["model"], "--threads", 1, *more)


class Regularized(harness.Case):
    def test_promptsrc_without_its_terms_and_its_average_is_ivlp(self):
        """Trained apart, with the same prompts in both towers: the same bytes."""
        off = ("agreement.text_weight=0", "agreement.image_weight=0", "agreement.logits_weight=0", "average.deviation=0")
        trained = []
        for name, more in (("ivlp", ()), ("promptsrc", off)):
            self.check_ok(train_alone(self.tmp / name, f"method={name}", "context.depth=2", *more))
            trained.append(read_safetensors(self.tmp / name / "checkpoint.safetensors")[0])
        self.assertEqual(*trained)
        other = read_safetensors(shared["promptsrc"] / "checkpoint.safetensors")[0]
        self.assertNotEqual(trained[1]["context"], other["context"])

    def test_the_text_teacher_is_the_mean_of_sixty_captions_as_they_are(self):
        """Normalized before their mean they would move the term by less than a thousandth, which no accuracy shows."""
        templates = re.findall(r'^    "(.*)",$', TEMPLATES.read_text(encoding="utf-8"), re.M)
        self.assertEqual(len(templates), 60)
        out = self.tmp / "run"
        self.check_ok(train_alone(out, "method=promptsrc"))  # without deep prompts: starts as "a photo of a {}."
        names = json.loads(read_safetensors(out / "checkpoint.safetensors")[1]["class_names"])
        captions = [template.replace("{}", name) for template in ("a photo of a {}.", *templates) for name in names]
        listed = self.tmp / "captions.txt"
        listed.write_text("\n".join(captions) + "\n", encoding="utf-8")
        self.check_ok(run("features", "--of", "captions", listed, "--model", shared["model"], "--threads", 1, "--set",
                          f"model.merges={harness.merges()}", "--out", self.tmp / "f.safetensors"))
        (data, shape), = [(value[2], value[1]) for value in read_safetensors(self.tmp / "f.safetensors")[0].values()]
        K, d = len(names), shape[1]
        flat = struct.unpack(f"<{len(captions) * d}f", data)
        rows = [flat[i * d:(i + 1) * d] for i in range(len(captions))]
        self.assertEqual(shape, [61 * K, d])

        def distance(own):
            total = 0.0
            for k in range(K):
                teacher = unit([sum(own(rows[(1 + m) * K + k])[j] for m in range(60)) for j in range(d)])
                total += sum(abs(a - b) for a, b in zip(teacher, unit(rows[k])))
            return 25 * total / (K * d)

        found = json.loads((out / "log.jsonl").read_text(encoding="utf-8").splitlines()[0])["agreement"][0]
        raw, normalized = distance(lambda row: row), distance(unit)
        self.assertLess(abs(found - raw), 1e-5 * raw)
        self.assertGreater(abs(normalized - raw), 1e-4 * raw)


class Trained(harness.Case):
    def test_tensors_losses_and_records_are_those_of_the_method(self):
        for name, (_, trained) in METHODS.items():
            with self.subTest(method=name):
                tensors, metadata = read_safetensors(shared[name] / "checkpoint.safetensors")
                self.assertEqual({key for key in tensors if not key.startswith("optimizer.")}, set(trained))
                for key, shape in trained.items():
                    self.assertIn(shape, (None, tensors[key][1]))
                self.assertEqual(metadata["method"], name.split("-")[0])
                steps = [json.loads(line) for line in (shared[name] / "log.jsonl").read_text().splitlines()]
                self.assertTrue(all(len(step["losses"]) == 1 and math.isfinite(step["loss"]) for step in steps))
                self.check_ok(run("eval", "--run", shared[name], "--threads", 1, "--json", self.tmp / "r.json"))
                records = json.loads((self.tmp / "r.json").read_text())["records"]
                subsets = ["base"] if name == "coop-specific" else ["base", "new"]
                self.assertEqual([record["classes"] for record in records], subsets)
                for record in records:
                    self.assertTrue(record["finished"])
                    self.assertEqual(len(record["accuracy_per_iteration"]), 2)
                    self.assertEqual(record["config"]["iterations"], 1)

    def test_resumed_is_byte_for_byte_the_same(self):
        # of 6 steps the first 3 are 2SFS's first stage: the end of one, and the middle of the other
        for name, n in (("coop-specific", 3), ("cocoop", 3), ("clip_lora", 3), ("two_stage", 3), ("two_stage", 5)):
            with self.subTest(method=name, steps=n):
                out = self.tmp / f"{name}{n}"
                self.check_ok(train(name, out, "--max-steps", n))
                self.check_ok(run("train", "--resume", "--out", out))
                self.assertEqual((out / "checkpoint.safetensors").read_bytes(),
                                 (shared[name] / "checkpoint.safetensors").read_bytes())

    def test_contexts_of_classes_serve_no_others(self):
        self.check_error(run("eval", "--run", shared["coop-specific"], "--classes", "new"), 2,
                         r"context\.class_specific: the run learned contexts for its own 5 classes, which do not serve "
                         r"other classes \(flower \.\.\. jacket\)")
        fewer = shared["data"].copy(self.tmp / "data")
        fewer.split = {part: [item for item in items if item[1] < 8] for part, items in fewer.split.items()}
        fewer.write_split()
        self.check_error(run("eval", "--run", shared["coop-specific"], "--data", fewer.root), 2,
                         r"context\.class_specific: the run learned contexts for its own 5 classes, which do not serve "
                         r"other classes \(apple \.\.\. drum\)")

    def test_other_methods_have_one_iteration(self):
        words = train_words(shared["data"], shared["model"], self.tmp / "run", "--set", "method=vpt")
        self.check_error(run(*words), 2, "iterations is 2, but method vpt always has 1")
        result = self.check_ok(run("train", "--set", "method=coop", "--print-config"))
        self.assertEqual(json.loads(result.out)["iterations"], 1)


class Towers(harness.Case):
    """CLIP-LoRA and 2SFS change CLIP's weights, into which their runs are merged."""

    def logits_of(self, *more):
        self.check_ok(run("eval", *more, "--threads", 1, "--save-logits", self.tmp / "logits", "--json", self.tmp / "r.json"))
        _, shape, _ = tensor = read_safetensors(self.tmp / "logits")[0]["logits"]
        values, K = harness.numbers(tensor), shape[2]
        return [values[i:i + K] for i in range((shape[1] - 1) * K, len(values), shape[1] * K)]  # of the last n

    def test_a_merged_run_is_a_clip_with_its_logits(self):
        for name, classes in (("clip_lora", "base"), ("clip_lora", "new"), ("two_stage", "new")):
            with self.subTest(method=name, classes=classes):
                merged = self.tmp / "merged.safetensors"
                result = self.check_ok(run("model", "convert", shared[name], "--out", merged))
                self.assertEqual("classifier" in result.err, name == "two_stage")
                of_run = self.logits_of("--run", shared[name], "--classes", classes)
                of_clip = self.logits_of("--model", merged, "--data", shared["data"].root, "--dataset", "caltech101", "--classes",
                                          classes, "--config", harness.CONFIGS / "zeroshot.json", "--set",
                                          "zero_shot_template=a photo of a {}.")
                errors = [abs(a - b) for x, y in zip(of_run, of_clip, strict=True) for a, b in zip(x, y, strict=True)]
                self.assertGreater(len(errors), 40)
                self.assertLess(max(errors), 1e-3)  # of logits up to 100

    def test_runs_of_other_methods_have_nothing_to_merge(self):
        for run_ in (shared["coop"], shared["coop"] / "checkpoint.safetensors"):
            self.check_error(run("model", "convert", run_, "--out", self.tmp / "m.safetensors"), 2,
                             "method coop does not change CLIP's weights, as clip_lora and two_stage do")
        self.assertFalse((self.tmp / "m.safetensors").exists())

    def test_what_does_not_fit_is_one_line(self):
        self.check_error(run("eval", "--run", shared["clip_lora"], "--set", "lora.rank=2"), 2,
                         "lora.rank is 2 here, but the run was trained with 3")
        words = train_words(shared["data"], shared["model"], self.tmp / "run", *SETTINGS, "--set", "method=clip_lora")
        self.check_error(run(*words, "--set", "lora.rank=33"), 2, "lora.rank: 33 is more than the text tower's width, 32")
        self.check_error(run(*words, "--set", "lora.dropout=1"), 2,
                         r"--set lora\.dropout=1: key 'lora\.dropout': expected a number from 0 to 0\.99, found 1")


class Texts(harness.Case):
    """Untrained words are a template: what the tokenizer makes of it is what the context stands in."""

    def logits(self, *more):
        path = self.tmp / "logits.safetensors"
        self.check_ok(evaluate("--classes", "all", "--save-logits", path, "--json", self.tmp / "r.json", *more))
        dtype, shape, data = read_safetensors(path)[0]["logits"]
        values = harness.numbers((dtype, shape, data))
        n_rounds, n_classes = shape[1:]
        record = json.loads((self.tmp / "r.json").read_text())["records"][0]
        return [[values[i:i + n_classes] for i in range(r * n_classes, len(values), n_rounds * n_classes)]
                for r in range(n_rounds)], record

    def check_close(self, one, other):
        errors = [abs(a - b) for x, y in zip(one, other) for a, b in zip(x, y)]
        self.assertGreater(len(errors), 100)
        self.assertLess(max(errors), 1e-3)  # of logits up to 100

    def test_words_around_a_name_are_the_template_of_those_words(self):
        for position, template in (("end", "a photo of a {}."), ("middle", "a photo {} of a.")):
            for encoder in ("plain", "fast"):
                with self.subTest(position=position, encoder=encoder):
                    (clip, coop), _ = self.logits(
                        "--untrained", "--set", "method=coop", "--set", f"context.position={position}", "--set",
                        f"zero_shot_template={template}", "--set", f"encoder={encoder}")
                    self.check_close(coop, clip)

    def test_an_ensemble_is_the_mean_of_its_templates(self):
        templates = ["a photo of a {}.", "art of the {}."]
        path = self.tmp / "templates.txt"
        path.write_text("\n".join(templates) + "\n")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        clip = ("--config", harness.CONFIGS / "zeroshot.json")
        (both,), record = self.logits(*clip, "--set", f"zero_shot_templates_file={path}")
        self.assertEqual(record["config"]["zero_shot_templates_sha256"], digest)
        alone = [self.logits(*clip, "--set", f"zero_shot_template={template}") for template in templates]
        self.assertNotEqual(record["config_hash"], alone[0][1]["config_hash"])
        path.write_text(templates[1] + "\r\n")
        (one,), other = self.logits(*clip, "--set", f"zero_shot_templates_file={path}")
        self.assertNotEqual(record["config_hash"], other["config_hash"])
        self.check_close(one, alone[1][0][0])
        # cosines with the mean direction are the sum of the two cosines over a length that the image does not change
        ratios = [[b / (x + y) for b, x, y in zip(*images)] for images in zip(both, alone[0][0][0], alone[1][0][0])]
        for k in range(len(ratios[0])):
            column = [row[k] for row in ratios]
            self.assertLess(max(column) - min(column), 1e-3)
        self.check_error(evaluate(*clip, "--set", f"zero_shot_templates_file={path}", "--set",
                                  f"zero_shot_templates_sha256={digest}"), 2,
                         r"'.*/templates\.txt' holds other templates \(SHA-256 [0-9a-f]{16}\.\.\., expected "
                         + digest[:16] + r"\.\.\.\)")

    def test_the_seven_of_imagenet_are_those_of_tip_adapter(self):
        path = self.tmp / "templates.txt"
        path.write_text("itap of a {}.\na bad photo of the {}.\na origami {}.\na photo of the large {}.\na {} in a video game.\n"
                        "art of the {}.\na photo of the small {}.\n")
        clip = ("--config", harness.CONFIGS / "zeroshot.json")
        named = self.logits(*clip, "--set", "zero_shot_template=imagenet_seven")[0]
        self.assertEqual(named, self.logits(*clip, "--set", f"zero_shot_templates_file={path}")[0])
        self.check_error(train_alone(self.tmp / "run", "method=clip_lora", "zero_shot_template=imagenet_seven"), 2,
                         "method clip_lora trains one caption of a class, but there are 7 templates: .*")

    def test_bad_templates_are_one_line(self):
        path = self.tmp / "templates.txt"
        path.write_text("a {}.\na photo\n")
        self.check_error(evaluate("--config", harness.CONFIGS / "zeroshot.json", "--set", f"zero_shot_templates_file={path}"), 1,
                         r"key 'zero_shot_templates_file': '.*/templates\.txt':2: expected a sentence with one \{\}, "
                         r'found "a photo"')


if __name__ == "__main__":
    harness.merges()
    harness.main()
