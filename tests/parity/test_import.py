"""prompt import and prompt export beside PyTorch: files in the authors' layouts, read to the logits of an fp32 computation
from the file's own tensors, and written files read by torch.load.

Needs PROMPT (the program) and CLIP's merges. Prints how many logits were compared.
"""

import json
import os
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

import make_models
import clip.clip
import clip.simple_tokenizer
import torch
from PIL import Image

import peer_prompts
import real_data

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "reference"), str(TESTS / "cli")]
os.environ.setdefault("PROMPT_BIN", os.environ["PROMPT"])

import coop_reference  # noqa: E402
import deep_reference  # noqa: E402
import features_reference  # noqa: E402
import lora_reference  # noqa: E402
import vpt_reference  # noqa: E402
from clip_reference import Clip, caption_features, class_logits, image_features  # noqa: E402
from harness import SmallData  # noqa: E402
from prompt_reference import Task  # noqa: E402
from safetensors_file import read_safetensors  # noqa: E402

TOLERANCE = 1e-5  # of logits, relative to the largest
SIZES = make_models.Sizes(text_layers=3)
TEMPLATE = "a photo of a {}."
shared = {}


def in_fp32(weights):
    return Clip({name: value.float() for name, value in weights.items()}, SIZES.vision_heads, SIZES.text_heads)


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = Path(folder.name)
    torch.set_num_threads(1)
    sizes = SIZES
    shared["data"] = SmallData(root / "data")
    state = make_models.openai_model(sizes, gain=2.0).state_dict()
    state["logit_scale"] = torch.tensor(100.0).log()  # CLIP-LoRA's factor is 100, whatever the model's
    shared["model"], _, shared["weights"] = make_models.write_openai(root / "clip.pt", state, sizes)
    shared["clip"] = in_fp32(shared["weights"])
    shared["tokenizer"] = clip.simple_tokenizer.SimpleTokenizer()
    shared["compared"] = 0


def tearDownModule():
    print(f"{shared['compared']} logits compared")


def base_classes():
    names = list(dict.fromkeys(item[2] for item in sorted(shared["data"].split["test"], key=lambda item: item[1])))
    return names[:(len(names) + 1) // 2]


def task():
    encode = shared["tokenizer"].encode
    names = base_classes()
    captions = clip.clip.tokenize([TEMPLATE.format(name) for name in names]).long()
    return Task(names=[encode(f"{name}.") for name in names], template=[49406, *encode("a photo of a")], eot_id=49407,
                captions=captions, name_lengths=[len(encode(name)) for name in names], ensemble=captions[None])


def pixels(paths):
    transform = clip.clip._transform(SIZES.image_px)
    return torch.stack([transform(Image.open(shared["data"].images / path)) for path in paths])


def prompt(*words):
    done = subprocess.run([os.environ["PROMPT"], *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"prompt {words[0]}: {done.stderr}")
    return done


class ImportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.run_dir = self.folder / "run"
        torch.manual_seed(7)

    def save(self, tensors, epoch=50, **how):
        trap = self.folder / "trap"
        path = peer_prompts.save(self.folder / f"model.pth.tar-{epoch}", peer_prompts.checkpoint(
            tensors, epoch, trap, how.pop("prefix", "")), **how)
        self.addCleanup(lambda: self.assertFalse(trap.exists(), "an object of the file was made"))
        return path

    def read(self, path, method, *more, model=None):
        paths = path if isinstance(path, list) else [path]
        return prompt("import", *paths, "--method", method, "--template", TEMPLATE, "--model", model or shared["model"], "--data",
                      shared["data"].root, "--dataset", "caltech101", "--out", self.run_dir, "--set", "threads=1", "--set",
                      "data.classes=base", *more)

    def logits(self):
        """Of the base classes' images: [n, 2, K], and the images' pixels."""
        out = self.folder / "logits.safetensors"
        prompt("eval", "--run", self.run_dir, "--classes", "base", "--save-logits", out)
        tensors, metadata = read_safetensors(out)
        return tensors["logits"], pixels(json.loads(metadata["paths"]))

    def compute(self, reference, config, tensors, model=None):
        """Logits of the reference and of the program."""
        ours, images = self.logits()
        labels = torch.zeros(len(images), dtype=torch.int64)
        with torch.no_grad():
            return reference.forward(model or shared["clip"], config, task(), tensors, images, labels).logits, ours

    def check(self, reference, config, tensors, model=None):
        """The program's predictions, after the comparison."""
        theirs, ours = self.compute(reference, config, tensors, model)
        error = float((ours - theirs).abs().max() / theirs.abs().max())
        shared["compared"] += ours.numel()
        self.assertLessEqual(error, TOLERANCE)
        difference = float((theirs[:, 1] - theirs[:, 0]).abs().max() / theirs.abs().max())
        self.assertGreater(difference, 100 * TOLERANCE, "prompts without an effect prove nothing")
        return ours[:, 1].argmax(-1)

    def coop_file(self, **settings):
        width = shared["clip"].text_width
        return peer_prompts.coop(len(base_classes()), settings.get("count", 4), width, settings.get("class_specific", False))

    # ------------------------------------------------------------ import

    def test_coop(self):
        tensors = self.coop_file()
        self.read(self.save(tensors), "coop")
        self.check(coop_reference, coop_reference.Config(), {"context": tensors["ctx"].float()})

    def test_coop_with_sixteen_vectors_around_the_name(self):
        tensors = self.coop_file(count=16)
        self.read(self.save(tensors), "coop", "--set", "context.position=middle")
        self.check(coop_reference, coop_reference.Config(count=16, position="middle"), {"context": tensors["ctx"].float()})

    def test_coop_with_a_context_for_each_class(self):
        tensors = self.coop_file(class_specific=True)
        self.read(self.save(tensors), "coop")
        self.check(coop_reference, coop_reference.Config(class_specific=True), {"context": tensors["ctx"].float()})

    def test_old_format_and_wrapper(self):
        tensors = self.coop_file()
        path = self.save(tensors, prefix="module.", is_cuda=False, _use_new_zipfile_serialization=False)
        self.assertNotEqual(path.read_bytes()[:2], b"PK")
        self.read(path, "coop")
        self.check(coop_reference, coop_reference.Config(), {"context": tensors["ctx"].float()})

    def test_cocoop(self):
        model = shared["clip"]
        tensors = peer_prompts.cocoop(len(base_classes()), model.text_width, model.joint_width)
        self.read(self.save(tensors, 10), "cocoop")
        net = {f"meta_net.{ours}.{part}": tensors[f"meta_net.{theirs}.{part}"].float()
               for ours, theirs in (("fc1", "linear1"), ("fc2", "linear2")) for part in ("weight", "bias")}
        self.check(coop_reference, coop_reference.Config(conditional=True), {"context": tensors["ctx"].float(), **net})

    def test_vpt_enters_before_ln_pre(self):
        model = shared["clip"]
        tensors = peer_prompts.vpt(shared["weights"], 3, 3)
        done = self.read(self.save(tensors, 5), "vpt")
        self.assertRegex(done.stderr, r"frozen tensors of the file differ from the model's by at most 0 %")
        first = torch.nn.functional.layer_norm(tensors["image_encoder.VPT"], (model.vision_width,),
                                               model["visual.ln_pre.weight"], model["visual.ln_pre.bias"])
        later = [tensors[f"image_encoder.transformer.resblocks.{i}.VPT_shallow"] for i in (1, 2)]
        self.check(vpt_reference, vpt_reference.Config(3, 3), {"vision_prompts": torch.stack([first, *later])})

    def test_kgcoop(self):
        tensors = peer_prompts.kgcoop(len(base_classes()), shared["clip"].text_width)
        self.read(self.save(tensors, 100), "kgcoop")
        self.check(coop_reference, coop_reference.Config(), {"context": tensors["ctx"].float()})

    def deep_tensors(self, file, text_depth, vision_depth):
        tensors = {"context": file["prompt_learner.ctx"].float()}
        later = {tower: [file[f"{tower}.transformer.resblocks.{i}.VPT_shallow"] for i in range(1, depth)]
                 for tower, depth in (("text_encoder", text_depth), ("image_encoder", vision_depth))}
        if text_depth > 1:
            tensors["text_prompts"] = torch.stack(later["text_encoder"])
        if vision_depth > 0:
            tensors["vision_prompts"] = torch.stack([file["image_encoder.VPT"], *later["image_encoder"]])
        return tensors

    def test_ivlp_with_two_words_in_fewer_text_layers(self):
        file = peer_prompts.ivlp(shared["weights"], len(base_classes()), 2, 2, 3, 3)
        self.read(self.save(file, 5), "ivlp")
        config = deep_reference.Config(text_count=2, text_depth=2, vision_count=3, vision_depth=3)
        self.check(deep_reference, config, self.deep_tensors(file, 2, 3))

    def test_ivlp_of_the_text_alone(self):
        file = peer_prompts.ivlp(shared["weights"], len(base_classes()), 4, 3, 0, 0)
        self.read(self.save(file, 5), "ivlp")
        config = deep_reference.Config(text_count=4, text_depth=3, vision_count=0)
        self.check(deep_reference, config, self.deep_tensors(file, 3, 0))

    def test_promptsrc_whose_average_has_moved_the_backbone(self):
        moved = {name: value * (1 + 5e-4 * torch.randn_like(value)) for name, value in shared["weights"].items()}
        model, _, weights = make_models.write_openai(self.folder / "moved.pt", moved, SIZES)
        file = peer_prompts.ivlp(weights, len(base_classes()), 4, 3, 4, 3, has_teacher=True)
        path = self.save(file, 20)
        done = self.read(path, "promptsrc")
        self.assertRegex(done.stderr, r"\d+ frozen tensors of the file differ from the model's by at most 0\.0[4-9]\d* % ")
        done = self.read(path, "promptsrc", "--force", model=model)
        self.assertRegex(done.stderr, r"frozen tensors of the file differ from the model's by at most 0 %")
        config = deep_reference.Config(text_depth=3, vision_count=4, vision_depth=3)
        self.check(deep_reference, config, self.deep_tensors(file, 3, 3), in_fp32(weights))

    def maple_file(self):
        return peer_prompts.maple(shared["weights"], len(base_classes()), 2, 3)

    def test_maple(self):
        file = self.maple_file()
        self.read(self.save(file, 5), "maple")

        def rows(name):
            return torch.stack([file[f"prompt_learner.{name.format(i)}"] for i in (0, 1)])

        tensors = {"context": file["prompt_learner.ctx"].float(), "text_prompts": rows("compound_prompts_text.{}")}
        for part in ("weight", "bias"):
            tensors[f"context_projection.{part}"] = file[f"prompt_learner.proj.{part}"].float()
            tensors[f"vision_projections.{part}"] = rows(f"compound_prompt_projections.{{}}.{part}")
        self.check(deep_reference, deep_reference.Config(True, 2, "words", 3, 2, 3), tensors)

    def test_clip_lora(self):
        model = shared["clip"]
        towers = {"text": (model.text_layers, model.text_width), "vision": (model.vision_layers, model.vision_width)}
        file = peer_prompts.clip_lora(towers.values(), 3, alpha=1.5)
        done = self.read(peer_prompts.save(self.folder / "lora_weights.pt", file), "clip_lora")
        self.assertRegex(done.stderr, r"lora.vision.b \[3, 3, 128, 3\]")
        tensors, first = {}, 0
        for tower, (n, _) in towers.items():
            for ours, theirs in (("a", "w_lora_A"), ("b", "w_lora_B")):
                tensors[f"lora.{tower}.{ours}"] = torch.stack([torch.stack([
                    file["weights"][f"layer_{i}"][f"{part}_proj"][theirs] for part in "qkv"]) for i in range(first, first + n)])
            first += n
        reference = types.SimpleNamespace(forward=lora_reference.lora_forward)
        self.check(reference, lora_reference.LoraConfig(rank=3, alpha=1.5), tensors)

    def check_tip_adapter(self, name):
        file = peer_prompts.tip_adapter(len(base_classes()), 3, shared["clip"].joint_width)
        paths = [peer_prompts.save(self.folder / f"{part}_3shots.pt", file[part]) for part in (name, "values")]
        self.read(paths, "tip_adapter", "--alpha", 2.5, "--beta", 4.25)
        keys = (file[name] if name == "best_F" else file[name].T).detach().float()

        def forward(model, config, task, tensors, pixels, labels):
            x, z = image_features(model, pixels), caption_features(model, task.captions, task.eot_id)
            logits = features_reference.tip_logits(x, z, keys, file["values"].float(), 4.25, 2.5)
            return types.SimpleNamespace(logits=torch.stack([class_logits(model, x, z), logits], 1))

        self.check(types.SimpleNamespace(forward=forward), None, {})

    def test_tip_adapter(self):
        self.check_tip_adapter("keys")

    def test_tip_adapter_with_trained_keys(self):
        self.check_tip_adapter("best_F")
        config = json.loads((self.run_dir / "config.json").read_text(encoding="utf-8"))
        self.assertTrue(config["tip_adapter"]["train_keys"])

    # ------------------------------------------------------------ export

    def export(self, *more):
        prompt("export", self.run_dir, "--to", "dassl", "--out", self.folder / "exported", *more)
        (path,) = (self.folder / "exported").rglob("model.pth.tar-*")
        return path, torch.load(path)  # with weights_only, its default

    def test_export_is_the_file_that_was_imported(self):
        tensors = self.coop_file()
        self.read(self.save(tensors), "coop")
        path, state = self.export()
        self.assertEqual(path.relative_to(self.folder / "exported").as_posix(), "prompt_learner/model.pth.tar-50")
        self.assertEqual((state["epoch"], list(state["state_dict"])), (50, ["ctx"]))
        self.assertEqual(state["state_dict"]["ctx"].dtype, torch.float16)
        self.assertTrue(torch.equal(state["state_dict"]["ctx"], tensors["ctx"]))

    def check_export(self, file, method, folder):
        """All prompts come out as they went in, also in their types."""
        self.read(self.save(file, 5), method)
        path, state = self.export()
        self.assertEqual(path.relative_to(self.folder / "exported").as_posix(), f"{folder}/model.pth.tar-5")
        prompts = {name: value for name, value in file.items()
                   if (name.startswith(("ctx", "meta_net", "prompt_learner")) or "VPT" in name)
                   and "token_" not in name and "ZS_" not in name}
        self.assertEqual(state["state_dict"].keys(), prompts.keys())
        for name, value in prompts.items():
            self.assertEqual(value.dtype, state["state_dict"][name].dtype, name)
            self.assertTrue(torch.equal(value, state["state_dict"][name]), name)

    def test_export_of_whole_models_prompts(self):
        self.check_export(self.maple_file(), "maple", "MultiModalPromptLearner")

    def test_export_of_ivlp(self):
        file = peer_prompts.ivlp(shared["weights"], len(base_classes()), 4, 3, 2, 2, has_teacher=True)
        self.check_export(file, "promptsrc", "VLPromptLearner")

    def test_export_of_cocoop(self):
        model = shared["clip"]
        file = peer_prompts.cocoop(len(base_classes()), model.text_width, model.joint_width)
        self.check_export(file, "cocoop", "prompt_learner")

    def test_exported_training_predicts_the_same(self):
        prompt("train", "--config", TESTS.parent / "configs/base2new/coop.json", "--data", shared["data"].root, "--dataset",
               "caltech101", "--model", shared["model"], "--set", "training.epochs=2", "--set", "training.lr=2", "--set",
               "data.shots=2", "--set", "training.batch_size=4", "--threads", 1, "--out", self.run_dir)
        _, state = self.export("--dtype", "fp32")
        ours = self.check(coop_reference, coop_reference.Config(), {"context": state["state_dict"]["ctx"]})
        _, state = self.export("--force")
        theirs, _ = self.compute(coop_reference, coop_reference.Config(), {"context": state["state_dict"]["ctx"].float()})
        self.assertTrue(torch.equal(ours, theirs[:, 1].argmax(-1)))
        self.assertGreater(len(set(ours.tolist())), 1, "predictions that are all alike prove nothing")


if __name__ == "__main__":
    unittest.main(verbosity=2)
