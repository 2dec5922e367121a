"""Weights files against the libraries that write them: tensors, sizes, and the messages about broken ones.

Needs PROMPT (the program). Prints how many tensors and numbers were compared; none is a failure.
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
    import safetensors
    import safetensors.torch
    import torch
except ImportError as error:
    skip_or_fail(f"a peer is missing: {error}; tests/parity/setup.sh installs them")

PROMPT = os.environ.get("PROMPT", "")
SIZES = make_models.Sizes()
FORMATS = {"openai": "OpenAI TorchScript archive", "hf": "Hugging Face CLIPModel", "open_clip": "open_clip state dict"}

counts = {"tensors": 0, "numbers": 0}


def prompt(*words):
    return subprocess.run([PROMPT, *map(str, words)], capture_output=True, text=True)


def openai_weights_of(name, weights):
    """The library's own state dict under OpenAI's names, by the inverse of make_models.hugging_face_weights."""
    if not name.startswith("hf"):
        return weights
    out = {}
    template = make_models.openai_model(SIZES).state_dict()
    for openai_name, value in template.items():
        theirs = list(make_models.hugging_face_weights({openai_name: value}))
        parts = [weights[part] for part in theirs]
        joined = torch.cat(parts) if len(parts) > 1 else parts[0]
        out[openai_name] = joined.t() if openai_name in ("visual.proj", "text_projection") else joined
    return out


class Weights(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing: of branches on shapes, and that it is deprecated
            cls.models = make_models.write_all(cls.root, SIZES)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_libraries_agree_on_the_features(self):
        """So the names in make_models, which the other tests trust, are right."""
        torch.manual_seed(1)
        image = torch.randn(4, 3, SIZES.image_px, SIZES.image_px)
        text = torch.zeros(4, SIZES.context_length, dtype=torch.long)
        for row, n in enumerate((3, 5, 9, 70)):
            text[row, 0] = SIZES.vocab_size - 2
            text[row, 1:n] = torch.randint(1, 1000, (n - 1,))
            text[row, n] = SIZES.vocab_size - 1
        openai = make_models.openai_model(SIZES)
        hf = self.models["hf-fp32"][1]
        open_clip = make_models.open_clip_model(openai.state_dict(), SIZES, quick_gelu=True)
        with torch.no_grad():
            images = [openai.encode_image(image), open_clip.encode_image(image),
                      hf.visual_projection(hf.vision_model(pixel_values=image).pooler_output)]
            texts = [openai.encode_text(text), open_clip.encode_text(text),
                     hf.text_projection(hf.text_model(input_ids=text).pooler_output)]
        for features in (images, texts):
            for other in features[1:]:
                torch.testing.assert_close(other, features[0], rtol=1e-4, atol=1e-4)
            cosines = torch.nn.functional.cosine_similarity(features[0][:1], features[0][1:])
            self.assertLess(cosines.max().item(), 0.99, "the features are all alike: nothing was compared")

    def test_the_archive_is_one_that_openais_loader_takes(self):
        path, model, weights = self.models["openai"]
        archive = torch.jit.load(str(path)).state_dict()
        for name, size in (("input_resolution", SIZES.image_px), ("context_length", SIZES.context_length),
                           ("vocab_size", SIZES.vocab_size)):
            self.assertEqual(archive.pop(name).item(), size)
        make_models.clip.model.build_model(archive)
        self.assertEqual(sorted(archive), sorted(weights))

    def test_converted_tensors_are_the_librarys(self):
        for name, (path, _, weights) in self.models.items():
            with self.subTest(name):
                out = self.root / "converted.safetensors"
                result = prompt("model", "convert", path, "--out", out)
                self.assertEqual(result.returncode, 0, result.stderr)
                ours = safetensors.torch.load_file(out)
                want = openai_weights_of(name, weights)
                self.assertEqual(sorted(ours), sorted(want))
                for key, value in want.items():
                    self.assertEqual(ours[key].dtype, value.dtype, key)
                    self.assertEqual(ours[key].shape, value.shape, key)
                    self.assertTrue(torch.equal(ours[key], value), key)
                    counts["tensors"] += 1
                    counts["numbers"] += value.numel()

    def test_converted_files_open_again_with_the_same_sizes(self):
        for name, (path, _, _) in self.models.items():
            with self.subTest(name):
                out = self.root / "converted.safetensors"
                self.assertEqual(prompt("model", "convert", path, "--out", out).returncode, 0)
                before = json.loads(prompt("model", "info", path, "--json").stdout)
                after = json.loads(prompt("model", "info", out, "--json").stdout)
                self.assertEqual(after["format"], "prompt safetensors")
                self.assertEqual(before["prefix"], "state_dict.module." if name == "open_clip-checkpoint" else None)
                for key in ("format", "path", "sha256", "prefix"):
                    before.pop(key), after.pop(key)
                self.assertEqual(before, after)

    def test_info_says_the_models_sizes(self):
        dtypes = {"openai": ["float32", "float16"], "hf-fp16": ["float16"], "hf-bf16": ["bfloat16"]}
        gelu = ("hf-gelu", "open_clip-safetensors", "open_clip-checkpoint")
        for name, (path, _, weights) in self.models.items():
            with self.subTest(name):
                info = json.loads(prompt("model", "info", path, "--json").stdout)
                activation = "gelu" if name in gelu else "quick_gelu"
                vision = dict(layers=SIZES.vision_layers, width=SIZES.vision_width, heads=SIZES.vision_heads,
                              mlp_width=4 * SIZES.vision_width, activation=activation, norm_eps=1e-5,
                              image_px=SIZES.image_px, patch_px=SIZES.patch_px)
                text = dict(layers=SIZES.text_layers, width=SIZES.text_width, heads=SIZES.text_heads,
                            mlp_width=4 * SIZES.text_width, activation=activation, norm_eps=1e-5,
                            context_length=SIZES.context_length, vocab_size=SIZES.vocab_size)
                self.assertEqual(info["vision"], vision)
                self.assertEqual(info["text"], text)
                self.assertEqual(info["embed_dim"], SIZES.embed_dim)
                self.assertEqual(info["parameters"], sum(v.numel() for v in openai_weights_of(name, weights).values()))
                self.assertEqual(info["dtypes"], dtypes.get(name, ["float32"]))
                self.assertEqual(info["format"], FORMATS[name.split("-")[0]])
                self.assertIsNone(info["known_name"])
                self.assertEqual(len(info["sha256"]), 64)

    def test_made_weights_open_in_openais_class(self):
        out = self.root / "tiny.safetensors"
        self.assertEqual(prompt("model", "init", "--arch", "tiny", "--seed", 3, "--out", out).returncode, 0)
        with safetensors.safe_open(out, "pt") as file:
            metadata = file.metadata()
        self.assertEqual(metadata["prompt.vision_heads"], "2")
        self.assertEqual(metadata["prompt.text_activation"], "quick_gelu")
        sizes = make_models.Sizes(text_width=32, text_layers=3)
        model = make_models.clip.model.CLIP(
            sizes.embed_dim, sizes.image_px, sizes.vision_layers, sizes.vision_width, sizes.patch_px,
            sizes.context_length, sizes.vocab_size, sizes.text_width, 2, sizes.text_layers)
        model.load_state_dict(safetensors.torch.load_file(out))
        again = self.root / "again.safetensors"
        prompt("model", "init", "--arch", "tiny", "--seed", 3, "--out", again)
        self.assertEqual(out.read_bytes(), again.read_bytes())

    def expect_error(self, path, *needles):
        result = prompt("model", "info", path)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for needle in needles:
            self.assertIn(needle, result.stderr)

    def test_broken_archives_are_named(self):
        bad = self.root / "bad.pt"
        data = (self.root / "open_clip-bin" / "open_clip_pytorch_model.bin").read_bytes()
        for n in (2, 5, 1000, len(data) // 2, len(data) - 1):
            bad.write_bytes(data[:n])
            self.expect_error(bad, str(bad))
        weights = make_models.openai_model(SIZES).state_dict()
        torch.save({**weights, "visual.layer1.0.conv1.weight": torch.zeros(1)}, bad)
        self.expect_error(bad, "a ResNet as its image encoder; only ViTs are supported")
        torch.save({**weights, "logit_scale": torch.zeros((), dtype=torch.int16)}, bad)
        self.expect_error(bad, "tensor 'logit_scale' is int16: only plain tensors of float32")
        torch.save({**weights, "visual.ln_post.bias": torch.zeros(3, 4)}, bad)
        self.expect_error(bad, "mis-shaped tensor 'visual.ln_post.bias' "
                          f"(expected [{SIZES.vision_width}], found [3, 4])")
        torch.save(make_models.openai_model(SIZES), bad)  # a module, not its state dict
        self.expect_error(bad, "holds a whole pickled module (clip.model.CLIP)", "save its state dict")

    def test_shared_and_strided_tensors_are_read_as_they_are(self):
        weights = make_models.openai_model(SIZES).state_dict()
        wide = torch.randn(2 * SIZES.embed_dim, SIZES.text_width)
        weights["text_projection"] = wide.t()[:, SIZES.embed_dim:]  # an offset and strides of its own
        path = self.root / "strided" / "model.pt"
        path.parent.mkdir()
        torch.save(weights, path)
        config = {"model_cfg": make_models.open_clip_config(SIZES)}
        (path.parent / "open_clip_config.json").write_text(json.dumps(config))
        out = self.root / "converted.safetensors"
        result = prompt("model", "convert", path, "--out", out)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(torch.equal(safetensors.torch.load_file(out)["text_projection"], weights["text_projection"]))


if __name__ == "__main__":
    if not PROMPT:
        skip_or_fail("PROMPT does not name the program")
    program = unittest.main(exit=False, verbosity=2)
    print(f"compared {counts['tensors']} tensors, {counts['numbers']} numbers")
    sys.exit(0 if program.result.wasSuccessful() and counts["numbers"] > 0 else 1)
