#!/usr/bin/env python3
"""prompt import and prompt export: what is missing or does not fit, and what an imported run is to the other commands.

The files are written here as torch.save writes them, without torch; tests/parity/test_import.py has real ones.
"""

import hashlib
import io
import json
import os
import pathlib
import pickle
import struct
import sys
import tempfile
import types
import unittest
import zipfile

import harness
from harness import SmallData, read_safetensors, run

TEMPLATE = "a photo of a {}."
WIDTH = 32  # of the small model's text tower

shared = {}


# ---------------------------------------------------------------- files of torch.save


class FloatStorage:
    """torch's class, by its name alone."""


def _rebuild_tensor_v2(*_):
    """torch's function, by its name alone."""


class Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Tensor:
    def __init__(self, shape, values):
        self.shape, self.values, self.storage = shape, values, None

    def __reduce__(self):
        strides = [1]
        for size in self.shape[:0:-1]:
            strides.insert(0, strides[0] * size)
        return _rebuild_tensor_v2, (self.storage, 0, tuple(self.shape), tuple(strides), False, {})


class Pickler(pickle._Pickler):
    """In Python, so that it shows persistent ids of plain objects."""

    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return "storage", FloatStorage, obj.key, "cuda:0", len(obj.values)
        return None


def as_module(name, *members):
    module = sys.modules[name] = types.ModuleType(name)
    for member in members:
        member.__module__, member.__qualname__ = name, member.__name__
        setattr(module, member.__name__, member)


def tensor(*shape):
    n = 1
    for size in shape:
        n *= size
    noise = harness.Xorshift(n)
    return Tensor(shape, [(noise.byte() - 128) / 400 for _ in range(n)])


def write_archive(path, state):
    """A dict of dicts with tensors, as a zip file of torch.save."""
    as_module("torch", FloatStorage)
    as_module("torch._utils", _rebuild_tensor_v2)
    storages = []

    def give_storages(value):
        for member in value.values() if isinstance(value, dict) else ():
            give_storages(member)
        if isinstance(value, Tensor):
            value.storage = Storage(str(len(storages)), value.values)
            storages.append(value.storage)

    give_storages(state)
    pickled = io.BytesIO()
    Pickler(pickled, 2).dump(state)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickled.getvalue())
        archive.writestr("model/version", b"3\n")
        for storage in storages:
            archive.writestr(f"model/data/{storage.key}", struct.pack(f"<{len(storage.values)}f", *storage.values))
    return path


def coop(n_classes=5, shape=(4, WIDTH), **more):
    tensors = {"ctx": tensor(*shape), "token_prefix": tensor(n_classes, 1, shape[-1]), **more}
    return {"state_dict": tensors, "epoch": 50, "val_result": None}


# ---------------------------------------------------------------- tests


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data")
    shared["model"] = harness.make_model(root / "tiny.safetensors")


class Import(harness.Case):
    def setUp(self):
        super().setUp()
        self.out = self.tmp / "run"
        self.file = write_archive(self.tmp / "model.pth.tar-50", coop())

    def words(self, *more, method="coop", template=TEMPLATE, file=None):
        files = file if isinstance(file, list) else [file or self.file]
        more += ("--set", "data.classes=base") if method in ("vpt", "clip_lora") else ()  # which their files do not show
        return ("import", *files, "--method", method, "--template", template, "--data", shared["data"].root,
                "--dataset", "caltech101", "--model", shared["model"], "--out", self.out, "--threads", 1, *more)

    def cache(self, n_classes=5, n_keys=10, width=64):
        return [write_archive(self.tmp / f"{name}_2shots.pt", tensor(*shape))
                for name, shape in (("keys", (width, n_keys)), ("values", (10, n_classes)))]

    def check_refused(self, result, status, pattern):
        self.check_error(result, status, pattern)
        self.assertEqual([path.name for path in self.tmp.iterdir() if path.is_dir()], [])

    def refuse(self, state, pattern, *more, status=1, **how):
        write_archive(self.file, state)
        self.check_refused(run(*self.words(*more, **how)), status, r"'/.*/model\.pth\.tar-50'" + pattern)


class BadInput(Import):
    def test_everything_that_is_missing_is_named_at_once(self):
        self.check_refused(run("import", self.file), 2,
                           r"the file does not say all that a run needs: give --method NAME; --dataset NAME with --data DIR, "
                           r"or --classes-file FILE; --template TEXT; --model FILE; --out DIR")

    def test_class_names_alone_are_missing(self):
        self.check_refused(run("import", self.file, "--method", "coop", "--template", TEMPLATE, "--model", shared["model"],
                               "--out", self.out), 2, r".*: give --dataset NAME with --data DIR, or --classes-file FILE")

    def test_data_set_without_its_folder(self):
        self.check_refused(run("import", self.file, "--method", "coop", "--template", TEMPLATE, "--model", shared["model"],
                               "--dataset", "caltech101", "--out", self.out), 2, r".*: give --data DIR")

    def test_two_sources_of_class_names(self):
        names = self.tmp / "names.txt"
        names.write_text("a\n", encoding="utf-8")
        self.check_refused(run(*self.words("--classes-file", names)), 2, r"--dataset and --classes-file exclude each other")

    def test_other_number_of_classes(self):
        self.refuse(coop(7), r" is of 7 classes \(tensor 'token_prefix' \[7, 1, 32\]\), but 5 class names are given, as .*", status=2)

    def test_number_of_classes_of_another_part_of_the_data_set(self):
        self.refuse(coop(10), r" is of 10 classes \(tensor 'token_prefix' .*, as data\.classes is base; "
                    r"--set data\.classes=all gives those of the whole data set", status=2)

    def test_files_that_do_not_show_their_classes_need_to_be_told(self):
        for method in ("clip_lora", "vpt"):
            words = [word for word in self.words(method=method) if word not in ("--set", "data.classes=base")]
            self.check_refused(run(*words), 2,
                               r".* needs: give --set data\.classes=base or all, which it was trained on")

    def test_contexts_of_other_classes(self):
        self.refuse({"ctx": tensor(7, 4, WIDTH)}, r": tensor 'ctx': expected \[5, 4, 32\] .*, found \[7, 4, 32\]")

    def test_other_width(self):
        self.refuse(coop(shape=(4, 48)), r": tensor 'ctx': expected \[4, 32\] for this model and these settings, found \[4, 48\]")

    def test_template_without_braces(self):
        self.check_refused(run(*self.words(template="a photo")), 2,
                           r"key 'zero_shot_template': expected .* a sentence with one \{\}, found \"a photo\"")

    def test_file_that_is_no_archive(self):
        self.file.write_text("no archive\n", encoding="utf-8")
        self.check_refused(run(*self.words()), 1, r"'/.*/model\.pth\.tar-50' was written neither by torch\.save .*")

    def test_file_that_is_not_there(self):
        self.check_refused(run(*self.words(file=self.tmp / "none")), 1, r"cannot read '/.*/none': No such file or directory")

    def test_whole_clip_instead_of_prompts(self):
        self.refuse({"visual.proj": tensor(8, 4), "ln_final.bias": tensor(4)},
                    r" holds no prompts of coop: it has no tensor 'ctx', but 'visual\.proj' and 1 more")

    def test_file_of_another_method(self):
        self.refuse(coop(bias_vectors=tensor(1, WIDTH)), r": tensor 'bias_vectors' is not one of method coop with these settings")

    def test_tensor_that_is_missing(self):
        self.refuse(coop(), r": tensor 'meta_net\.linear1\.weight' is missing", method="cocoop")

    def test_configuration_that_is_another(self):
        self.refuse(coop(), r": context\.count is 16 in the configuration, but the file has 4", "--set", "context.count=16",
                    status=2)

    def lora(self, width=WIDTH, **metadata):
        """Of the small model, with 3 layers in each tower."""
        def pair(width):
            return {"w_lora_A": tensor(2, width), "w_lora_B": tensor(width, 2)}

        weights = {f"layer_{i}": {f"{part}_proj": pair(width if i < 3 else 128) for part in "qkv"} for i in range(6)}
        return {"weights": weights, "metadata": {"r": 2, "alpha": 1, "encoder": "both", "params": ["q", "k", "v"],
                                                 "position": "all", **metadata}}

    def test_lora_of_a_part_of_the_model(self):
        for name, value, pattern in (("encoder", "vision", r": metadata\.encoder is 'vision', but only 'both' is supported"),
                                     ("position", "top3", r": metadata\.position is 'top3', but only 'all' is supported"),
                                     ("params", ["q", "v"], r": metadata\.params\.1 is 'v', but only 'k' is supported")):
            with self.subTest(name):
                self.refuse(self.lora(**{name: value}), pattern, method="clip_lora", status=2)

    def test_lora_of_another_width_or_rank(self):
        self.refuse(self.lora(width=48), r": tensor 'weights\.layer_0\.q_proj\.w_lora_A': expected \[2, 32\] .*, found \[2, 48\]",
                    method="clip_lora")
        self.refuse(self.lora(), r": lora\.rank is 4 in the configuration, but the file has 2", "--set", "lora.rank=4",
                    method="clip_lora", status=2)

    def test_lora_is_read_with_its_scale(self):
        write_archive(self.file, self.lora(alpha=0.5))
        self.check_ok(run(*self.words(method="clip_lora")))
        config = json.loads((self.out / "config.json").read_text(encoding="utf-8"))
        self.assertEqual((config["lora"]["rank"], config["lora"]["alpha"]), (2, 0.5))

    def test_cache_without_its_numbers(self):
        self.check_refused(run(*self.words(file=self.cache(), method="tip_adapter")), 2, r".*: give --alpha A; --beta B")

    def test_numbers_of_a_cache_beside_other_prompts_or_out_of_range(self):
        self.check_refused(run(*self.words("--alpha", 1)), 2, "--alpha and --beta are of Tip-Adapter, not of method coop")
        self.check_refused(run(*self.words("--alpha", 1, "--beta", 81, file=self.cache(), method="tip_adapter")), 2,
                           "option '--beta': .* 0 to 80, found '81'")

    def test_cache_that_does_not_fit(self):
        numbers = ("--alpha", 1, "--beta", 2)
        keys, values = self.cache()
        for how, status, pattern in (
                ({"n_classes": 7}, 2, r"values_2shots\.pt' is of 7 classes \(tensor 'values' \[10, 7\]\), but 5 class names are given, as .*"),
                ({"n_keys": 9}, 1, r"keys_2shots\.pt': tensor 'keys': expected \[64, 10\] .*, found \[64, 9\]"),
                ({"width": 48}, 1, r"keys_2shots\.pt': tensor 'keys': expected \[64, 10\] .*, found \[48, 10\]")):
            with self.subTest(**how):
                result = run(*self.words(*numbers, file=self.cache(**how), method="tip_adapter"))
                self.check_refused(result, status, r"'/.*/" + pattern)
        self.cache()
        write_archive(values, tensor(10))
        self.check_refused(run(*self.words(*numbers, file=[keys, values], method="tip_adapter")), 1,
                           r"'/.*/values_2shots\.pt': tensor 'values': expected a row or column for each class, found \[10\]")
        keys, values = self.cache()
        self.check_refused(run(*self.words(*numbers, file=keys, method="tip_adapter")), 1,
                           r"'/.*': tensor 'values' is missing")
        self.check_refused(run(*self.words(file=[keys, values])), 2, r"method coop is in one file, but 2 are given")
        self.check_ok(run(*self.words(*numbers, file=[keys, values], method="tip_adapter")))

    def test_method_without_files(self):
        self.check_refused(run(*self.words(method="prompt")), 2,
                           r"no other program's files of method prompt are known; known are those of coop, .*")

    def test_run_that_is_there(self):
        self.check_ok(run(*self.words()))
        self.check_error(run(*self.words()), 2, r"'/.*/run' holds a run already: .*")
        before = (self.out / "checkpoint.safetensors").read_bytes()
        write_archive(self.file, coop(shape=(8, WIDTH)))
        self.check_error(run(*self.words("--force", "--set", "context.count=4")), 2, r".*context\.count is 4 .*")
        self.assertEqual((self.out / "checkpoint.safetensors").read_bytes(), before)
        self.check_ok(run(*self.words("--force")))
        self.assertEqual(read_safetensors(self.out / "checkpoint.safetensors")[0]["context"][1], [8, WIDTH])

    def test_backbone_of_another_clip(self):
        tensors, _ = read_safetensors(shared["model"])
        _, shape, data = tensors["visual.proj"]
        values = list(struct.unpack(f"<{len(data) // 4}f", data))
        state = {"image_encoder.VPT": tensor(2, shape[0]), "image_encoder.proj": Tensor(shape, [1.01 * x for x in values])}
        write_archive(self.file, state)
        self.check_refused(run(*self.words(method="vpt")), 2,
                           r"'model\.pth\.tar-50' was trained on another CLIP than '/.*': its tensor 'image_encoder\.proj' "
                           r"differs by 1 %; --other-backbone .*")
        self.check_ok(run(*self.words("--other-backbone", method="vpt")))
        state["image_encoder.proj"] = Tensor(shape, [1.001 * x for x in values])
        write_archive(self.file, state)
        result = self.check_ok(run(*self.words("--force", method="vpt")))
        self.assertRegex(result.err, r"1 frozen tensors? of the file differ from the model's by at most 0\.1 %")


class BadExport(Import):
    def test_export_without_a_target_a_folder_or_a_method_that_has_one(self):
        write_archive(self.file, {"image_encoder.VPT": tensor(2, 128)})
        self.check_ok(run(*self.words(method="vpt")))
        self.check_error(run("export", self.out, "--out", self.tmp / "x"), 2, r"no program is given: pass --to dassl")
        self.check_error(run("export", self.out, "--to", "dassl"), 2, r"no folder is given: pass --out DIR")
        self.check_error(run("export", self.out, "--to", "dassl", "--out", self.tmp / "x"), 2,
                         r"a run of method vpt cannot be written for Dassl, but those of coop, .*: its first .* ln_pre, .*")
        self.assertFalse((self.tmp / "x").exists())


class Uses(Import):
    def test_an_imported_run_is_marked_wherever_it_is_used(self):
        config = harness.CONFIGS / "base2new" / "coop.json"
        self.check_ok(run(*self.words("--config", config)))
        _, metadata = read_safetensors(self.out / "checkpoint.safetensors")
        self.assertEqual((metadata["imported_file"], metadata["epoch"], metadata["sample_digest"]),
                         ("model.pth.tar-50", "50", "imported"))
        self.check_ok(run("eval", "--run", self.out))
        record = json.loads((self.out / "results.json").read_text(encoding="utf-8"))[0]
        self.assertEqual(record["imported"], [{"file": "model.pth.tar-50", "sha256": metadata["imported_sha256"]}])
        self.assertTrue(record["finished"])
        table = self.check_ok(run("results", self.out, "--table", "table1"))
        self.assertRegex(table.out, r"imported: CoOp on Caltech101")
        page = self.tmp / "page.html"
        result = self.check_ok(run("report", self.out, "--out", page))
        self.assertRegex(result.err, r"'.*/run' was not trained by this program: it was imported from 'model\.pth\.tar-50'")
        self.assertIn("CoOp, imported", page.read_text(encoding="utf-8"))
        self.check_error(run("train", "--resume", "--out", self.out), 2,
                         r"cannot resume '.*': .* the few-shot sample \(imported, .*")

    def test_each_file_of_a_cache_is_recorded(self):
        files = self.cache()
        self.check_ok(run(*self.words("--alpha", 1, "--beta", 2, file=files, method="tip_adapter")))
        self.check_ok(run("eval", "--run", self.out))
        record = json.loads((self.out / "results.json").read_text(encoding="utf-8"))[0]
        wanted = [{"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in files]
        self.assertEqual(record["imported"], wanted)
        result = self.check_ok(run("report", self.out, "--out", self.tmp / "page.html"))
        self.assertRegex(result.err, r"imported from 'keys_2shots\.pt' \(SHA-256 .*\), 'values_2shots\.pt' \(SHA-256 .*\)")

    def test_classes_of_a_file(self):
        names = self.tmp / "names.txt"
        names.write_text("".join(f"{name}\n" for name in harness.NAMES[:5]), encoding="utf-8")
        self.check_ok(run("import", self.file, "--method", "coop", "--template", TEMPLATE, "--model", shared["model"], "--set",
                          f"model.merges={harness.merges()}", "--classes-file", names, "--out", self.out, "--threads", 1))
        rows = self.check_ok(run("predict", "--run", self.out, "--format", "csv", "--top", 5, shared["data"].images / "c0"))
        self.assertEqual({line.split(",")[2] for line in rows.out.splitlines()[1:]}, set(harness.NAMES[:5]))

    def test_export_is_read_back(self):
        self.check_ok(run(*self.words()))
        self.check_ok(run("export", self.out, "--to", "dassl", "--out", self.tmp / "dassl", "--dtype", "fp32"))
        exported = self.tmp / "dassl" / "prompt_learner" / "model.pth.tar-50"
        first = read_safetensors(self.out / "checkpoint.safetensors")[0]
        run_dir, self.out = self.out, self.tmp / "again"
        self.check_ok(run(*self.words(file=exported)))
        self.assertEqual(read_safetensors(self.out / "checkpoint.safetensors")[0], first)
        before = exported.read_bytes()
        words = ("export", run_dir, "--to", "dassl", "--out", self.tmp / "dassl")
        self.check_error(run(*words), 2, r"'.*/dassl/prompt_learner/model\.pth\.tar-50' exists; --force replaces it")
        self.assertEqual(exported.read_bytes(), before)
        self.check_ok(run(*words, "--force"))
        self.assertLess(len(exported.read_bytes()), len(before))  # fp16


if __name__ == "__main__":
    harness.main()
