"""The files in which people have a CLIP, and those that hold none: each written by the library that writes such files.

Supported files must give the unwrapped model's tensors, bit for bit; for others the message names their kind.
Needs PROMPT (the program). Prints how many files were compared; none is a failure.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import warnings

from real_data import skip_or_fail

try:
    import make_models
    import numpy
    import open_clip
    import safetensors.torch
    import torch
    import transformers
except ImportError as error:
    skip_or_fail(f"a peer is missing: {error}; tests/parity/setup.sh installs them")

PROMPT = os.environ.get("PROMPT", "")
SIZES = make_models.Sizes(text_width=64, vision_layers=1, text_layers=1, vocab_size=1000)
HEADS = ["--set", "model.vision_heads=2", "--set", "model.text_heads=1", "--set", "model.activation=gelu",
         "--set", "model.norm_eps=1e-5"]
counts = {"read": 0, "refused": 0}


def prompt(*words):
    return subprocess.run([PROMPT, *map(str, words)], capture_output=True, text=True)


class Kinds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        cls.weights = {name: value.clone() for name, value in make_models.openai_model(SIZES).state_dict().items()}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def expect_read(self, path, want, prefix=None, notes=0, options=HEADS):
        out = self.root / "converted.safetensors"
        result = prompt("model", "convert", path, "--out", out, *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        ours = safetensors.torch.load_file(out)
        self.assertEqual(sorted(ours), sorted(want))
        for name, value in want.items():
            self.assertTrue(torch.equal(ours[name], value), name)  # of another shape it is not equal
        info = json.loads(prompt("model", "info", path, "--json", *options).stdout)
        self.assertEqual(info["prefix"], prefix)
        self.assertEqual(len(info["notes"]), notes, info["notes"])
        counts["read"] += 1
        return info

    def expect_refused(self, path, *needles):
        result = prompt("model", "info", path, "--no-hash")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for needle in needles:
            self.assertIn(needle, result.stderr)
        counts["refused"] += 1

    def save(self, content, **options):
        path = self.root / "model.pt"
        torch.save(content, path, **options)
        return path

    def test_prefixes_of_any_kind(self):
        for prefix in ("_orig_mod.", "module.", "module._orig_mod.", "model.", "clip_model.", "_forward_module.",
                       "net/clip::", "x"):
            with self.subTest(prefix):
                path = self.save({prefix + name: value for name, value in self.weights.items()})
                self.expect_read(path, self.weights, prefix)

    def test_wrappers(self):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=1.0)
        beside = {"epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.ones(2).short()}}},
                  "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1), "loss": numpy.float64(3)}
        for key in ("state_dict", "model_state_dict", "model", "ema", "anything"):
            with self.subTest(key):
                self.expect_read(self.save({**beside, key: self.weights}), self.weights, key + ".")
        lightning = {"model." + name: value for name, value in self.weights.items()}
        self.expect_read(self.save({**beside, "state_dict": lightning}), self.weights, "state_dict.model.")
        self.expect_read(self.save({"model": self.weights, "ema": self.weights}), self.weights, "model.")
        averaged = {name: value + 1 for name, value in self.weights.items()}
        self.expect_refused(self.save({"model": self.weights, "ema": averaged}),
                            "holds 2 models, below the names 'model.', 'ema.'")

    def test_every_protocol_in_both_formats(self):
        for protocol in range(6):
            for is_zip in (True, False):
                with self.subTest(protocol=protocol, is_zip=is_zip):
                    path = self.save(self.weights, pickle_protocol=protocol, _use_new_zipfile_serialization=is_zip)
                    self.expect_read(path, self.weights)

    def test_parameters_and_tensors_with_attributes(self):
        weights = dict(self.weights)
        weights["visual.proj"] = torch.nn.Parameter(weights["visual.proj"])
        weights["text_projection"] = weights["text_projection"].clone()
        weights["text_projection"].mark = 3
        self.expect_read(self.save(weights), self.weights)

    def test_open_clips_custom_text(self):
        config = make_models.open_clip_config(SIZES)
        model = open_clip.CustomTextCLIP(config["embed_dim"], config["vision_cfg"], config["text_cfg"],
                                         init_logit_bias=-10.0, nonscalar_logit_scale=True)
        want = {name.removeprefix("text."): value for name, value in model.state_dict().items()}
        want.pop("logit_bias")
        want["logit_scale"] = want["logit_scale"].reshape(())
        self.expect_read(self.save(model.state_dict()), want, notes=2)

    def test_shards(self):
        whole, sharded, bins = self.root / "whole", self.root / "sharded", self.root / "bins"
        model = make_models.hugging_face_model(self.weights, SIZES, "gelu")
        model.save_pretrained(whole)
        model.save_pretrained(sharded, max_shard_size="100KB")
        info = self.expect_read(sharded, self.weights, options=[])
        self.assertGreater(info["shards"], 1)
        self.expect_read(whole, self.weights, options=[])
        weights = model.state_dict()  # transformers 4 wrote .bin shards
        names = list(weights)
        bins.mkdir()
        (bins / "config.json").write_text((whole / "config.json").read_text())
        places = {}
        for i, part in enumerate((names[:9], names[9:])):
            file = f"pytorch_model-0000{i + 1}-of-00002.bin"
            torch.save({name: weights[name].clone() for name in part}, bins / file)
            places.update({name: file for name in part})
        (bins / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
        self.assertEqual(self.expect_read(bins, self.weights, options=[])["shards"], 2)
        (bins / "pytorch_model-00002-of-00002.bin").unlink()
        self.expect_refused(bins, "of its 2 shards 1 is missing: 'pytorch_model-00002-of-00002.bin'")

    def test_tensors_of_other_kinds_are_named(self):
        name = "visual.proj"
        value = self.weights[name]
        for other, what in ((value.to(torch.float8_e4m3fn), "is float8_e4m3fn"), (value.to_sparse(), "is sparse"),
                            (torch.quantize_per_tensor(value, 0.1, 0, torch.qint8), "is quantized"),
                            (value.to("meta"), "is on the meta device"), (value.short(), "is int16"),
                            (value.to(torch.complex64), "is complex64"), (value.numpy(), "is a numpy array")):
            with self.subTest(what):
                self.expect_refused(self.save({**self.weights, name: other}), f"tensor '{name}' {what}")
        arrays = {name: value.numpy() for name, value in self.weights.items()}
        self.expect_refused(self.save(arrays), f"is a numpy array (as are {len(arrays) - 1} more)")
        path = self.root / "float8.safetensors"
        safetensors.torch.save_file({**self.weights, name: value.to(torch.float8_e4m3fn)}, path)
        self.expect_refused(path, f"tensor '{name}': dtype 'F8_E4M3' is not supported")

    def test_models_that_are_no_clip_are_named(self):
        text = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, vocab_size=99)
        vision = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, image_size=32,
                      patch_size=8)
        both = dict(text_config=text, vision_config=vision)
        t = transformers
        for model, needle in (
                (t.CLIPTextModel(t.CLIPTextConfig(**text)), "only the text tower"),
                (t.CLIPTextModelWithProjection(t.CLIPTextConfig(**text)), "only the text tower"),
                (t.CLIPVisionModel(t.CLIPVisionConfig(**vision)), "only the image tower"),
                (t.CLIPVisionModelWithProjection(t.CLIPVisionConfig(**vision)), "only the image tower"),
                (t.CLIPForImageClassification(t.CLIPConfig(**both)), "only the image tower"),
                (t.SiglipModel(t.SiglipConfig(**both)), "this is a SigLIP model"),
                (t.CLIPSegForImageSegmentation(t.CLIPSegConfig(
                    text_config=text, vision_config=dict(vision, num_hidden_layers=10))), "this is a CLIPSeg model"),
                (t.ChineseCLIPModel(t.ChineseCLIPConfig(**both)), "its text tower is a BERT"),
                (t.AltCLIPModel(t.AltCLIPConfig(**both)), "this is an AltCLIP model"),
                (t.OwlViTModel(t.OwlViTConfig(**both)), "this is an OWL-ViT model"),
                (t.BlipForImageTextRetrieval(t.BlipConfig(
                    text_config=dict(text, encoder_hidden_size=64), vision_config=vision)), "this is a BLIP model"),
                (t.BertModel(t.BertConfig(**text)), "a language model")):
            with self.subTest(type(model).__name__):
                folder = self.root / type(model).__name__
                model.save_pretrained(folder)
                self.expect_refused(folder, needle)

    def test_what_training_scripts_leave_behind(self):
        module = make_models.openai_model(SIZES)
        prompts = {"state_dict": {"ctx": torch.zeros(4, 512), "token_prefix": torch.zeros(3, 1, 512)}, "epoch": 50}
        lora = {"weights": {"layer_0": {"q_proj": {"w_lora_A": torch.zeros(2, 5)}}}, "metadata": {"r": 2}}
        for content, needle in (
                (module, "holds a whole pickled module (clip.model.CLIP)"),
                ({"model": module, "epoch": 1}, "holds a whole pickled module (clip.model.CLIP)"),
                (prompts, "holds learned prompts (state_dict.ctx [4, 512]), not CLIP weights"),
                (lora, "holds a LoRA adapter"),
                ({"state": {0: {"exp_avg": torch.ones(2)}}}, "holds an optimizer's state"),
                (torch.zeros(512, 7), "holds one tensor without a name"), ({"a": 1}, "holds no tensors")):
            for is_zip in (True, False):
                with self.subTest(needle, is_zip=is_zip):
                    self.expect_refused(self.save(content, _use_new_zipfile_serialization=is_zip), needle)

    def test_damaged_files_of_the_old_format(self):
        data = self.save(self.weights, _use_new_zipfile_serialization=False).read_bytes()
        path = self.root / "cut.pt"
        for n in (20, 300, 3000, len(data) - 1):
            path.write_bytes(data[:n])
            self.expect_refused(path, "cannot be read: ")
        numpy.savez(self.root / "arrays.npz", a=numpy.ones(3))
        self.expect_refused(self.root / "arrays.npz", "a zip file, but not one of torch.save or torch.jit.save")


if __name__ == "__main__":
    if not PROMPT:
        skip_or_fail("PROMPT does not name the program")
    program = unittest.main(exit=False, verbosity=2)
    print(f"compared {counts['read']} files, refused {counts['refused']}")
    sys.exit(0 if program.result.wasSuccessful() and counts["read"] > 0 and counts["refused"] > 0 else 1)
