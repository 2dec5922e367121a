#!/usr/bin/env python3
"""Bad input, one kind a test: the one line that is said, the exit status, and what stands on the disk afterwards."""

import json
import math
import os
import pathlib
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

import harness
from harness import SmallData, read_safetensors, run, train_words, write_safetensors

SETTINGS = ("--set", "data.shots=1", "--set", "training.epochs=2")  # two steps
NOBODY = 65534

shared = {}
IMAGE = r"c\d/image_\d+\.png"


def not_finite(checkpoint, more=""):
    """What is said of a step whose loss or gradient is not finite; `more`: behind the first four images."""
    return (r"step \d+: the loss \(\S+\) or its gradient \(largest \S+\) is not finite; first tensor that is not: .*'.+'; last good "
            rf"checkpoint: {checkpoint}; a smaller training\.lr may help; images: {IMAGE}(, {IMAGE}){{3}}{more}")


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    root.chmod(0o755)  # another user reads it, too
    shared["data"] = SmallData(root / "data")
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    shared["run"] = root / "run"
    result = run(*train_words(shared["data"], shared["model"], shared["run"], *SETTINGS))
    if result.status != 0:
        sys.exit(f"the good run failed: {result}")


class Bad(harness.Case):
    def setUp(self):
        super().setUp()
        self.out = self.tmp / "run"
        self.data, self.model = shared["data"], shared["model"]

    def tearDown(self):
        self.assertEqual(harness.leftovers(self.tmp), [])

    def train(self, *more, **options):
        return run(*train_words(self.data, self.model, self.out, *SETTINGS, *more), **options)

    def check_refused(self, result, status, pattern):
        """An error before the first step: no run folder, or, once images are read, an empty one."""
        self.check_error(result, status, pattern)
        self.assertEqual(os.listdir(self.out) if self.out.exists() else [], [])

    def zero_shot(self, *more, **options):
        return run("eval", "--config", harness.CONFIGS / "zeroshot.json", "--data", self.data.root, "--dataset",
                   "caltech101", "--model", self.model, "--threads", 1, *more, **options)


class Weights(Bad):
    def check_model(self, name, data, pattern, status=1):
        self.model = self.tmp / name
        self.model.write_bytes(data)
        self.check_refused(self.train(), status, pattern)

    def check_tensors(self, change, pattern):
        tensors, metadata = read_safetensors(shared["model"])
        change(tensors)
        self.model = self.tmp / "changed.safetensors"
        write_safetensors(self.model, tensors, metadata)
        self.check_refused(self.train(), 1, r"reading '/.*/changed\.safetensors': " + pattern)

    def test_file_that_is_not_there(self):
        self.model = self.tmp / "none.safetensors"
        self.check_refused(self.train(), 1, r"cannot open '/.*/none\.safetensors': No such file or directory")

    def test_folder_without_weights(self):
        self.model = self.tmp / "folder"
        self.model.mkdir()
        self.check_refused(self.train(), 1, r"'/.*/folder' holds no weights \(looked for model\.safetensors, .*\)")

    def test_safetensors_cut_in_the_header_and_in_the_data(self):
        whole = shared["model"].read_bytes()
        header = struct.unpack("<Q", whole[:8])[0]
        for n, pattern in (
                (header // 2, r"reading '/.*': its header is \d+ bytes long, but the file has \d+: is it truncated\?"),
                (len(whole) // 2, r"reading '/.*': tensor '.+': its data end at byte \d+, but the file has \d+ bytes "
                                  r"of data: is it truncated\?")):
            with self.subTest(bytes=n):
                self.check_model("cut.safetensors", whole[:n], pattern)

    def test_archive_cut_in_the_middle(self):
        path = self.tmp / "whole.pt"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("whole/data.pkl", b"\x80\x02}q\x00.")
            archive.writestr("whole/data/0", bytes(4096))
            archive.writestr("whole/version", b"3\n")
        whole = path.read_bytes()
        for n in (10, len(whole) // 2, len(whole) - 1):
            with self.subTest(bytes=n):
                self.check_model("cut.pt", whole[:n], r"(reading )?'/.*/cut\.pt'.*")

    def test_archive_of_a_big_endian_machine(self):
        path = self.tmp / "big.pt"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in (("data.pkl", b"\x80\x02}q\x00."), ("byteorder", b"big"), ("version", b"3\n")):
                archive.writestr("big/" + name, data)
        self.check_model("big.pt", path.read_bytes(), r"(reading )?'/.*/big\.pt' cannot be read: its numbers are big-endian")

    def test_garbage_named_pt(self):
        self.check_model("garbage.pt", b"no archive at all\n" * 100, r"(reading )?'/.*/garbage\.pt'.*")

    def test_tensor_of_a_wrong_shape(self):
        def change(tensors):
            dtype, shape, data = tensors["visual.proj"]
            tensors["visual.proj"] = (dtype, shape[::-1], data)
            dtype, shape, data = tensors["text_projection"]
            tensors["text_projection"] = (dtype, [shape[0], shape[1] - 1], data[:-4 * shape[0]])
        self.check_tensors(change, r"mis-shaped tensors? .*expected \[\d+, \d+\], found \[\d+, \d+\].*")

    def test_missing_tensor(self):
        self.check_tensors(lambda tensors: tensors.pop("ln_final.bias"), r"missing tensor 'ln_final\.bias'")

    def test_extra_tensor(self):
        def change(tensors):
            tensors["visual.surprise"] = ("F32", [2], bytes(8))
        self.check_tensors(change, r"unexpected tensor 'visual\.surprise'")

    def test_resnet(self):
        def change(tensors):
            for name in [name for name in tensors if name.startswith("visual.")]:
                tensors.pop(name)
            tensors["visual.layer1.0.conv1.weight"] = ("F32", [1, 1, 1, 1], bytes(4))
        self.check_tensors(change, r"this is a CLIP with a ResNet as its image encoder; only ViTs are supported")

    def test_deeper_prompts_than_the_tower_has_layers(self):
        words = [word for word in train_words(self.data, self.model, self.out, *SETTINGS)
                 if word != "vision_prompt.depth=2"]
        words.remove("--set")
        self.check_refused(run(*words), 2, r".*vision_prompt\.depth.*9.*3.*")

    def test_nan(self):
        tensors, metadata = read_safetensors(shared["model"])
        dtype, shape, data = tensors["visual.ln_post.weight"]
        tensors["visual.ln_post.weight"] = (dtype, shape, struct.pack("<f", math.nan) + data[4:])
        self.model = self.tmp / "nan.safetensors"
        write_safetensors(self.model, tensors, metadata)
        self.check_refused(self.train(), 1, r"the logits of image 'c\d/image_\d+\.png' are not finite.*")
        result = self.train("--set", "training.check_images=0")
        self.check_error(result, 1, not_finite("none"))
        self.assertIn("step 1: ", result.errors[0])
        self.assertFalse((self.out / "checkpoint.safetensors").exists())


class Configuration(Bad):
    def check_file(self, text, pattern, status=2):
        path = self.tmp / "c.json"
        path.write_text(text, encoding="utf-8")
        words = list(train_words(self.data, self.model, self.out))
        words[words.index("--config") + 1] = path
        self.check_refused(run(*words), status, r"'?(/.*/)?c\.json'?:" + pattern)

    def check_set(self, text, pattern):
        self.check_refused(self.train("--set", text), 2, r"--set " + re.escape(text) + ": " + pattern)

    def test_unknown_key(self):
        """From either source; what else can be wrong with a key: unit.config."""
        self.check_set("training.lrate=1", r"unknown key 'training\.lrate'; did you mean 'training\.lr'\?")
        self.check_file('{\n "training": {\n  "lrate": 1}}', r"3: unknown key 'training\.lrate'; did you mean .*\?")

    def test_key_twice(self):
        self.check_refused(self.train("--seed", 1, "--set", "seed=1"), 2, r"key 'seed' is set twice on the command line")

    def test_warm_up_as_long_as_the_training(self):
        self.check_refused(self.train("--set", "training.warmup_epochs=2"), 2,
                           r"training\.warmup_epochs \(2\) leaves no epoch of training\.epochs \(2\) .*")

    def test_cuda_without_cuda(self):
        if "cuda" in run("--version").out:
            self.skipTest("this machine has CUDA")
        self.check_refused(self.train("--device", "cuda"), 2, r".*cuda.*")
        self.check_refused(self.train("--device", "gpu"), 2, r"device 'gpu': expected auto, cpu, cuda or cuda:i")

    def test_fp16_on_a_cpu(self):
        self.check_refused(self.train("--device", "cpu", "--set", "precision=fp16"), 2,
                           r"precision fp16 needs CUDA; use fp32 or bf16 on a CPU")


class Data(Bad):
    def setUp(self):
        super().setUp()
        self.data = shared["data"].copy(self.tmp / "data")

    def train_image(self):
        """The path of an image that every sample of one shot holds: the first class keeps no other."""
        first = self.data.split["train"][0]
        self.data.split["train"] = [item for item in self.data.split["train"] if item[1] != 0 or item == first]
        self.data.write_split()
        return self.data.images / first[0]

    def test_unknown_data_set(self):
        words = [("caltech11" if word == "caltech101" else word)
                 for word in train_words(self.data, self.model, self.out)]
        self.check_refused(run(*words), 2, r"unknown data set 'caltech11', did you mean 'caltech101'\?")
        words = [("mnist" if word == "caltech11" else word) for word in words]
        self.check_refused(run(*words), 2, r"unknown data set 'mnist', expected one of: .*caltech101.*")

    def test_missing_root(self):
        self.data.root = self.tmp / "nowhere"
        self.check_refused(self.train(), 2, r"the data root '/.*/nowhere' is not a folder")

    def test_missing_folder(self):
        self.data.folder.rename(self.data.root / "caltech-256")
        self.check_refused(self.train(), 1, r"data set 'caltech101': the folder '/.*/caltech-101' is missing, as are .* \(images: .*\)")

    def test_missing_split_file(self):
        self.data.split_file.unlink()
        self.check_refused(self.train(), 1, r"data set 'caltech101': the split file '/.*/split_zhou_Caltech101\.json' is "
                           r"missing; looked in 'caltech-101', .* \(.*split file: CoOp's DATASETS\.md; .*\)")

    def test_missing_merges(self):
        (self.data.root / "clip" / harness.merges().name).unlink()
        self.check_refused(self.train(), 1, r".*bpe_simple_vocab_16e6\.txt\.gz.*model\.merges.*")

    def test_missing_image(self):
        path = self.train_image()
        path.unlink()
        self.check_refused(self.train(), 1, r"data set 'caltech101': 1 of 5 images is missing in '/.*', first: '" +
                           re.escape(str(path)) + r"'; was the archive .*\? \(images: data\.caltech\.edu/.*\)")

    def test_missing_files_by_relative_paths(self):
        """Whatever was typed, the error says where it looked."""
        here = {"cwd": self.tmp}
        good = ["train", "--config", harness.CONFIGS / "base2new.json", "--data", self.data.root, "--dataset", "caltech101",
                "--model", self.model, "--set", "vision_prompt.depth=2", "--out", "run"]
        inside = lambda name: re.escape(f"'{self.tmp.resolve()}/{name}'")

        def check(option, value, status, pattern):
            words = list(good)
            words[words.index(option) + 1] = value
            self.check_refused(run(*words, **here), status, pattern)

        check("--model", "none.safetensors", 1, f"cannot open {inside('none.safetensors')}: No such file or directory")
        check("--data", "nowhere", 2, f"the data root {inside('nowhere')} is not a folder")
        (self.tmp / "file").write_text("")
        check("--out", "file/run", 1, f"cannot create folder {inside('file/run')}: Not a directory")
        self.check_error(run("eval", "--run", "none", **here), 1,
                         f"no checkpoint: {inside('none/checkpoint.safetensors')} does not exist")
        self.check_error(run("train", "--resume", "--out", "none", **here), 1,
                         f"--resume: cannot open {inside('none/config.json')}: No such file or directory")
        self.check_error(self.zero_shot("--json", "none/r.json", **here), 1,
                         f"cannot write {inside('none/r.json')}: No such file or directory")

    def test_data_set_of_one_class(self):
        """The new half is empty, and there is nothing to learn."""
        self.data = SmallData(self.tmp / "one", names=("apple",))
        empty = r"data set 'caltech101': the new classes have no test images"
        result = self.check_error(self.zero_shot("--classes", "new"), 1, empty)
        self.assertNotIn("evaluated", result.err)
        result = self.train()
        self.check_refused(result, 1, r"data set 'caltech101' has one class, 'apple': there is nothing to learn")
        self.assertNotIn("have no test images", result.err) # one line says it
        self.check_refused(self.train("--set", "data.classes=new"), 1, empty.replace("test", "training"))

    # ---------------------------------------------------------------- said before training, and one part of two

    def give_name(self, label, name):
        for items in self.data.split.values():
            for item in items:
                item[2] = name if item[1] == label else item[2]
        self.data.write_split()

    def test_classes_that_changed_since_the_training(self):
        self.check_ok(self.train())
        words = ("eval", "--run", self.out, "--threads", 1)
        changed = r"warning: the base classes of data set 'caltech101' have changed since the training: 5 \(quince \.\.\. \S+\) here, 5 then"
        self.assertNotRegex(self.check_ok(run(*words)).err, changed)
        self.give_name(0, "quince")
        self.assertRegex(self.check_ok(run(*words)).err, changed)

    def check_base_alone(self, result, status, pattern):
        """The base classes are evaluated and recorded as if nothing were wrong with the new ones."""
        self.assertEqual(result.status, status, str(result))
        self.assertRegex(result.errors[-1], re.compile("prompt: the new classes were not evaluated: " + pattern + r"\Z"))
        alone = self.check_ok(self.zero_shot("--classes", "base"))
        self.assertEqual(result.out, alone.out + "new    failed\n")

    def test_a_new_class_whose_name_is_too_long(self):
        self.give_name(7, "house " * 90)
        pattern = r"class '(house )+.*': the text takes 97 tokens, but the model reads at most 77"
        self.check_refused(self.train(), 2, pattern)
        self.check_base_alone(self.zero_shot("--classes", "base,new", "--json", self.tmp / "r.json"), 2, pattern)
        found = json.loads((self.tmp / "r.json").read_text())
        self.assertEqual([record["classes"] for record in found["records"]], ["base"])
        self.assertIsNone(found["harmonic_mean_per_iteration"])

    def test_a_target_with_a_name_that_is_too_long(self):
        """What is trained for is named by --datasets, and looked at before training."""
        folder = self.data.root / "dtd"
        shutil.copytree(self.data.images, folder / "images")
        split = {part: [[path, label, "house " * 90 if label == 7 else name] for path, label, name in items]
                 for part, items in self.data.split.items()}
        (folder / "split_zhou_DescribableTextures.json").write_text(json.dumps(split))
        self.check_refused(self.train("--datasets", "dtd"), 2, r"data set 'dtd': class '(house )+.*': the text takes 97 tokens, .*")
        result = self.check_ok(self.train("--datasets", "eurosat", "--max-steps", 1))
        self.assertRegex(result.err, "warning: --datasets: data set 'eurosat': ")

    def test_new_classes_whose_images_cannot_be_evaluated(self):
        missing = [path for path, label, _ in self.data.split["test"] if label == 6]
        for path in missing:
            (self.data.images / path).unlink()
        result = self.check_ok(self.train())
        self.assertRegex(result.err, r"warning: data set 'caltech101': test images, which prompt eval needs: 4 of 40 images are missing in ")
        self.check_base_alone(self.zero_shot("--classes", "base,new"), 1, r"data set 'caltech101': 4 of 20 images are missing in .*")
        for path in missing:
            (self.data.images / path).write_bytes(b"this is no picture\n")
        self.check_base_alone(self.zero_shot("--classes", "base,new"), 1, r"cannot decode '/.*'.*")
        self.data.split["test"] = [item for item in self.data.split["test"] if item[1] < 5]
        self.data.write_split()
        self.check_base_alone(self.zero_shot("--classes", "base,new"), 1, r"data set 'caltech101': the new classes have no test images")

    def test_equal_captions_and_images_of_two_lists_are_warnings(self):
        self.give_name(3, "Apple")
        self.give_name(4, "Bear")
        self.data.split["test"].append(self.data.split["train"][0])
        self.data.write_split()
        path = self.data.split["train"][0][0]
        for result in (self.train("--max-steps", 1), self.zero_shot("--classes", "base")):
            self.assertEqual(result.status, 0, str(result))
            self.assertEqual(result.err.count("the classes 'apple' and 'Apple', 'bear' and 'Bear' have the same caption, so no "
                                              "model can tell them apart\n"), 1, str(result))
            self.assertIn(f"1 image occurs twice in the lists, first: '{path}' in train as 'apple', in test as 'apple'\n", result.err)

    def test_records_that_cannot_be_written(self):
        """Hours of evaluation must not end in a path that was wrong from the start."""
        for option, name in (("--json", "r.json"), ("--save-logits", "l.safetensors")):
            with self.subTest(option=option):
                result = self.zero_shot("--classes", "base", option, self.tmp / "none" / name)
                self.check_error(result, 1, rf"cannot write '/.*/none/{re.escape(name)}': No such file or directory")
                self.assertNotIn("evaluated", result.err)

    def check_unreadable(self, data, why):
        """What is said of the file; the pattern of it."""
        path = self.train_image()
        path.write_bytes(data)
        pattern = r"cannot decode '" + re.escape(str(path)) + "': " + why
        self.check_refused(self.train(), 1, pattern)
        return pattern

    def test_unreadable_image(self):
        """In the zero-shot check, in training without it, and left out."""
        pattern = self.check_unreadable(b"this is no picture\n", r"no known image format, expected JPEG, .*")
        self.check_error(self.train("--set", "training.check_images=0"), 1, pattern)
        self.assertFalse((self.out / "checkpoint.safetensors").exists())
        result = self.check_ok(self.train("--force", "--skip-bad-images"))
        self.assertRegex(result.err, r"warning: 1 unreadable image was left out; the first: " + pattern)

    def test_image_in_a_container_of_another_kind(self):
        self.check_unreadable(b"\0\0\0\x1cftypheic" + bytes(20), r"it is HEIC, expected JPEG, .*")

    def test_damaged_images_that_are_read(self):
        """Counted, and the first named: by train, by eval and by a deep check."""
        for part in ("train", "test"):
            for path, label, _ in self.data.split[part]:
                if label == 0:
                    image = self.data.images / path
                    image.write_bytes(image.read_bytes()[:-12]) # the end chunk of a PNG
        pattern = r"\d+ images? (is |are )?damaged but could be read[;,] (the )?first: '/.*/c0/image_\d+\.png': the end of a PNG file is missing"
        result = self.check_ok(self.train())
        self.assertEqual(len(re.findall("warning: " + pattern, result.err)), 1, result.err)
        self.assertRegex(self.check_ok(self.zero_shot("--classes", "base")).err, "warning: " + pattern)
        result = run("data", "check", "--data", self.data.root, "--dataset", "caltech101", "--deep")
        self.assertRegex(result.out, pattern)

    def test_pipe_as_an_image(self):
        path = self.train_image()
        path.unlink()
        os.mkfifo(path)
        self.check_error(self.train("--set", "training.check_images=0"), 1,
                         "cannot read '" + re.escape(str(path)) + "': it is a pipe, expected a file")

    def test_empty_image(self):
        self.check_unreadable(b"", r"the file is empty")

    def test_truncated_png(self):
        whole = (self.data.images / self.data.split["train"][0][0]).read_bytes()
        self.check_unreadable(whole[:len(whole) // 2], r"the file ends too early")

    def test_truncated_jpeg(self):
        whole = harness.jpeg(self.tmp / "whole.jpg")
        self.check_unreadable(whole[:len(whole) // 2], r"the file ends too early")

    def test_skipped_images_are_counted_in_the_record(self):
        bad = [path for path, label, _ in self.data.split["test"] if label == 1][:2]
        for path in bad:
            (self.data.images / path).write_bytes(b"garbage")
        self.check_error(self.zero_shot("--classes", "base"), 1, r"cannot decode '/.*/c1/image_\d+\.png': .*")
        result = self.check_ok(self.zero_shot("--classes", "base", "--skip-bad-images", "--json", self.tmp / "r.json"))
        self.assertIn("warning: 2 unreadable images were left out; the first: ", result.err)
        record = json.loads((self.tmp / "r.json").read_text())["records"][0]
        self.assertEqual((record["skipped_images"], record["total"]), (2, 18))

    def test_no_readable_image(self):
        for path, *_ in self.data.split["train"]:
            (self.data.images / path).write_bytes(b"garbage")
        self.check_refused(self.train("--skip-bad-images"), 1, r"none of 5 images can be read; the first: .*")

    def check_split(self, change, pattern):
        change(self.data.split)
        self.data.write_split()
        self.check_refused(self.train(), 1, r"data set 'caltech101': .*split_zhou_Caltech101\.json" + pattern)

    def set_item(self, part, i, item):
        return lambda split: split[part].__setitem__(i, item)

    def test_split_that_is_no_json(self):
        self.data.split_file.write_text('{"train": [\n["a", 0, "b"],\n', encoding="utf-8")
        self.check_refused(self.train(), 1, r"data set 'caltech101': .*split_zhou_Caltech101\.json:\d+: .*")

    def test_split_with_a_gap_in_the_labels(self):
        def change(split):
            split["train"] = [item for item in split["train"] if item[1] != 4]
        self.check_split(change, r": label 4 has no image in 'train', but label 9 has")

    def test_split_with_a_path_that_climbs_out(self):
        """One bad entry and, above, lists that do not fit; all of them: unit.dataset."""
        self.check_split(self.set_item("train", 1, ["../secret.png", 0, "apple"]),
                         r":3: the path '\.\./secret\.png' climbs out of the image folder")

    def name_class(self, label, name):
        for items in self.data.split.values():
            for item in items:
                item[2] = name if item[1] == label else item[2]
        self.data.write_split()

    def test_class_name_read_by_a_wrong_encoding(self):
        self.name_class(1, "Caf\u00c3\u00a9_au_lait")
        self.check_refused(self.train(), 1, r"class 'Caf\u00c3\u00a9_au_lait': the text \".*\" was decoded with a wrong encoding: CLIP's "
                           r"tokenizer \(ftfy\) reads it as \"a photo of a Caf\u00e9 au lait\.\"; write the intended text")

    def test_class_name_too_long_for_the_context(self):
        for n_words in (90, 1000):
            self.name_class(2, " ".join(["word"] * n_words))
            self.check_refused(self.train(), 2, rf"class '(word )+.*': the text takes {n_words + 7} tokens, but the model "
                               r"reads at most 77")


class Runs(Bad):
    def copy_run(self):
        """The good run, to be broken."""
        subprocess.run(["cp", "-r", str(shared["run"]), str(self.out)], check=True)
        return self.out / "checkpoint.safetensors"

    def state(self):
        return {path.name: path.read_bytes() for path in self.out.iterdir()}

    def check_untouched(self, result, status, pattern):
        self.check_error(result, status, pattern)
        self.assertEqual(self.state(), self.before)

    def setUp(self):
        super().setUp()
        self.checkpoint = self.copy_run()
        self.before = self.state()

    def resume(self, *more):
        return run("train", "--resume", "--out", self.out, *more)

    def evaluate(self, *more, **options):
        return run("eval", "--run", self.out, "--threads", 1, *more, **options)

    def test_folder_that_holds_a_run(self):
        self.check_untouched(self.train(), 2, r"'/.*/run' holds a run already: --resume continues it, --force replaces it")

    def test_resume_without_a_run(self):
        self.out = self.tmp / "none"
        self.check_refused(self.resume(), 1, r"--resume: cannot open '/.*/none/config\.json': No such file or directory")

    def test_resume_with_force(self):
        self.check_untouched(self.resume("--force"), 2, r"--resume and --force exclude each other")

    def test_resume_with_another_rate(self):
        self.check_untouched(self.resume("--set", "training.lr=0.5"), 2,
                             r"cannot resume '/.*/run': training\.lr is 0\.5 here, but the run has 0\.008")

    def test_resume_with_other_weights(self):
        model = harness.make_model(self.tmp / "other.safetensors", seed=3)
        self.check_untouched(self.resume("--model", model), 2, r"cannot resume '/.*/run': it was trained with other values "
                             r"of the weights of the model \([0-9a-f]{64}, here [0-9a-f]{64}\)")

    def test_resume_with_another_sample(self):
        data = shared["data"].copy(self.tmp / "data")
        data.split["train"].reverse()
        data.write_split()
        self.check_untouched(self.resume("--data", data.root), 2,
                             r"cannot resume '/.*/run': it was trained with other values of the few-shot sample \(.*\)")

    def test_resume_with_other_class_names(self):
        data = shared["data"].copy(self.tmp / "data")
        for items in data.split.values():
            for item in items:
                item[2] = item[2].replace("bear", "panda")
        data.write_split()
        self.check_untouched(self.resume("--data", data.root), 2,
                             r"cannot resume '/.*/run': it was trained with other values of the class names \(.*\)")

    def test_evaluation_of_a_run_without_a_checkpoint(self):
        self.checkpoint.unlink()
        self.before = self.state()
        self.check_untouched(self.evaluate(), 1, r"no checkpoint: '/.*/run/checkpoint\.safetensors' does not exist")

    def check_checkpoint(self, change, pattern):
        tensors, metadata = read_safetensors(self.checkpoint)
        change(tensors, metadata)
        write_safetensors(self.checkpoint, tensors, metadata)
        self.before = self.state()
        pattern = r"(reading )?'/.*/run/checkpoint\.safetensors': " + pattern
        self.check_untouched(self.evaluate(), 1, pattern)
        self.check_untouched(self.resume(), 1, pattern)

    def test_truncated_checkpoint(self):
        whole = self.checkpoint.read_bytes()
        self.checkpoint.write_bytes(whole[:len(whole) // 2])
        self.before = self.state()
        for command in (self.evaluate, self.resume):
            self.check_untouched(command(), 1, r"reading '/.*/run/checkpoint\.safetensors': .*: is it truncated\?")

    def test_checkpoint_that_is_none(self):
        self.checkpoint.write_bytes(shared["model"].read_bytes())
        self.before = self.state()
        self.check_untouched(self.evaluate(), 1, r"'/.*/run/checkpoint\.safetensors': expected a checkpoint of prompt "
                             r"\(metadata format 'prompt checkpoint 1'\), found 'pt'")

    def test_checkpoint_without_a_tensor(self):
        self.check_checkpoint(lambda tensors, _: tensors.pop("text_prompts"), r"tensor 'text_prompts' is missing")

    def test_checkpoint_with_a_tensor_of_another_shape(self):
        def change(tensors, _):
            dtype, shape, data = tensors["text_prompts"]
            tensors["text_prompts"] = (dtype, shape[::-1], data)
        self.check_checkpoint(change, r"tensor 'text_prompts': expected \[5, 32\] for this model and these settings, found \[32, 5\]")

    def test_checkpoint_without_metadata(self):
        self.check_checkpoint(lambda _, metadata: metadata.pop("config_hash"), r"metadata 'config_hash' is missing")

    def test_checkpoint_with_a_step_beyond_the_end(self):
        tensors, metadata = read_safetensors(self.checkpoint)
        write_safetensors(self.checkpoint, tensors, {**metadata, "step": "7"})
        self.before = self.state()
        self.check_untouched(self.resume(), 1, r"'/.*/run/checkpoint\.safetensors': step 7 of 2 does not fit this training of .*")

    def test_checkpoint_of_a_longer_training(self):
        tensors, metadata = read_safetensors(self.checkpoint)
        write_safetensors(self.checkpoint, tensors, {**metadata, "n_steps": "3"})
        self.before = self.state()
        self.check_untouched(self.resume(), 1, r"'/.*/run/checkpoint\.safetensors': step \d of 3 does not fit this training of 2 steps")

    def test_evaluation_with_another_model(self):
        model = harness.make_model(self.tmp / "other.safetensors", seed=3)
        self.check_untouched(self.evaluate("--model", model), 2, r"'/.*/other\.safetensors' is another model than the run was "
                             r"trained with \(SHA-256 [0-9a-f]{16}\.\.\., expected [0-9a-f]{16}\.\.\.\)")

    def test_evaluation_with_other_settings(self):
        self.check_untouched(self.evaluate("--set", "iterations=1"), 2,
                             r"iterations is 1 here, but the run was trained with 2")

    def test_evaluation_of_untrained_prompts(self):
        words = ("eval", "--config", harness.CONFIGS / "base2new.json", "--data", self.data.root, "--dataset", "caltech101",
                 "--model", self.model)
        self.check_error(run(*words), 2, r"method 'prompt' has prompts to train: give --run DIR, or --untrained to evaluate "
                         r"them as they start")

    def test_logits_of_two_class_lists(self):
        for more in ((), ("--classes", "base,new")):
            self.check_untouched(self.evaluate("--save-logits", self.tmp / "l.safetensors", *more), 2,
                                 r"--save-logits takes exactly one of --classes base, new or all")

    def test_unknown_classes(self):
        self.check_untouched(self.evaluate("--classes", "old"), 2,
                             r"option '--classes': expected all, base,? (or )?new( or novel)?, found 'old'")

    def test_results_that_are_no_array(self):
        (self.out / "results.json").write_text('{"records": [', encoding="utf-8")
        self.before = self.state()
        self.check_untouched(self.evaluate("--classes", "base"), 1, r".*results\.json.*")


class Disk(Bad):
    """Files that cannot be written: nothing half-written stays, and the earlier checkpoint stays whole."""

    LONGER = ("--set", "data.shots=4", "--set", "training.epochs=3")

    def start(self, out, *more, **options):
        return run(*train_words(self.data, self.model, out, *self.LONGER, *more), **options)

    def test_file_size_limit(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        self.check_error(self.start(self.out, preexec_fn=limit), 1, r"(writing tensor '.+': )?cannot write '/.*/run/checkpoint\.safetensors': "
                         r"File too large")
        self.assertFalse((self.out / "checkpoint.safetensors").exists())
        self.check_ok(run("train", "--resume", "--out", self.out, "--max-steps", 5))
        before = (self.out / "checkpoint.safetensors").read_bytes()
        self.check_error(run("train", "--resume", "--out", self.out, preexec_fn=limit), 1,
                         r"(writing tensor '.+': )?cannot write '/.*/run/checkpoint\.safetensors': File too large")
        self.assertEqual((self.out / "checkpoint.safetensors").read_bytes(), before)

    def test_model_beyond_a_file_size_limit(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        path = self.tmp / "m.safetensors"
        self.check_error(run("model", "init", "--arch", "tiny", "--out", path, preexec_fn=limit), 1,
                         r"writing tensor '.+': cannot write '/.*/m\.safetensors': File too large")
        self.assertFalse(path.exists())

    def test_full_disk(self):
        disk = self.tmp / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], stderr=subprocess.PIPE,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
        try:
            # 64 KiB hold one checkpoint of 33 KiB, not two
            self.check_error(self.start(disk / "run"), 1, r"(writing tensor '.+': )?cannot write '/.*/disk/run/checkpoint\.safetensors': "
                             r"No space left on device")
            self.assertEqual(read_safetensors(disk / "run" / "checkpoint.safetensors")[1]["step"], "5")
            self.assertEqual(harness.leftovers(disk), [])
            self.check_ok(run("eval", "--run", disk / "run", "--classes", "base", "--threads", 1))
        finally:
            subprocess.run(["umount", str(disk)], check=True)

    def as_nobody(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        self.tmp.chmod(0o755)
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            result = run("--version", **options)
        except PermissionError:
            result = None
        if not result or result.status != 0:
            self.skipTest("another user may not run the program where it lies")
        return options

    def test_folder_that_another_user_may_not_write(self):
        options = self.as_nobody()
        self.check_refused(self.train(**options), 1, r"cannot create folder '/.*/run': Permission denied")
        path = self.tmp / "m.safetensors"
        self.check_error(run("model", "init", "--arch", "tiny", "--out", path, **options), 1,
                         r"cannot write '/.*/m\.safetensors': Permission denied")

    def test_run_that_another_user_may_not_write(self):
        options = self.as_nobody()
        subprocess.run(["cp", "-r", str(shared["run"]), str(self.out)], check=True)
        before = sorted(os.listdir(self.out))
        self.check_error(run("eval", "--run", self.out, "--classes", "base", "--threads", 1, **options), 1,
                         r"cannot write '/.*/run/results\.json': Permission denied")
        self.assertEqual(sorted(os.listdir(self.out)), before)

    def test_file_that_another_user_may_not_read(self):
        options = self.as_nobody()
        self.model = self.tmp / "secret.safetensors"
        self.model.write_bytes(shared["model"].read_bytes())
        self.model.chmod(0o600)
        self.check_refused(self.train(**options), 1, r"cannot open '/.*/secret\.safetensors': Permission denied")

    def test_out_that_is_a_file(self):
        self.out.write_text("here first")
        self.check_error(self.train(), 1, r"cannot create folder '/.*/run': Not a directory")
        self.assertEqual(self.out.read_text(), "here first")

    def test_full_stdout(self):
        with open("/dev/full", "wb") as full:
            self.check_error(self.zero_shot(stdout=full), 1,
                             r"cannot write to the standard output: No space left on device")

    def test_closed_stdout(self):
        self.check_error(self.zero_shot(preexec_fn=lambda: os.close(1)), 1,
                         r"cannot write to the standard output: Bad file descriptor")

    def test_loss_that_is_not_finite(self):
        # weights of 1,000 times minus themselves grow until their squares overflow; the first epoch warms up
        result = self.start(self.out, "--set", "training.lr=1000", "--set", "training.weight_decay=1")
        found = self.check_error(result, 1, not_finite(r"/.*/run/checkpoint\.safetensors"))
        step = int(re.search(r"step (\d+)", found.errors[0])[1])
        self.assertGreater(step, 5)
        tensors, metadata = read_safetensors(self.out / "checkpoint.safetensors")
        self.assertIn(metadata["step"], ("5", "10"))
        for name, tensor in tensors.items():
            self.assertTrue(all(map(math.isfinite, harness.numbers(tensor))), name)

    def test_values_that_are_not_finite_after_the_last_update_of_an_epoch(self):
        """Prompts of any length have a finite loss, so weight decay brings them past the largest number; every step saves."""
        result = run(*train_words(self.data, self.model, self.out, "--set", "method=vpt", "--set", "iterations=1", "--set",
                                  "data.shots=4", "--set", "training.batch_size=20", "--set", "training.epochs=40", "--set",
                                  "training.lr=1000", "--set", "training.weight_decay=1", "--set", "training.check_images=0"))
        found = self.check_error(result, 1, r"step \d+: 'vision_prompts' is not finite after the update; last good checkpoint: "
                                            r"/.*/run/checkpoint\.safetensors; a smaller training\.lr may help")
        step = int(re.search(r"step (\d+)", found.errors[0])[1])
        tensors, metadata = read_safetensors(self.out / "checkpoint.safetensors")
        self.assertEqual(metadata["step"], str(step - 1))
        for name, tensor in tensors.items():
            self.assertTrue(all(map(math.isfinite, harness.numbers(tensor))), name)

    def test_loss_of_a_large_batch_that_is_not_finite(self):
        self.data = SmallData(self.tmp / "data", n_train=20, n_val=1, n_test=1)
        result = run(*train_words(self.data, self.model, self.out, "--set", "data.shots=20", "--set", "training.batch_size=100",
                                  "--set", "training.epochs=40", "--set", "training.lr=1000", "--set",
                                  "training.weight_decay=1"))
        # four of the 100 are named, the rest stands in the log
        found = self.check_error(result, 1, not_finite(r"/.*/run/checkpoint\.safetensors", r" and 96 more \(in log\.jsonl\)"))
        record = json.loads((self.out / "log.jsonl").read_text().splitlines()[-1])
        self.assertEqual((record["failed"], record["step"]), (True, int(re.search(r"step (\d+)", found.errors[0])[1])))
        self.assertEqual(sorted(record["images"]), sorted(path for path, label, _ in self.data.split["train"] if label < 5))


if __name__ == "__main__":
    harness.merges()
    harness.main()
