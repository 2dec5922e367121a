"""prompt features beside open_clip's encoders, read as other tools read it: numpy, pandas, safetensors and CLIP_benchmark.

Needs PROMPT (the program) and CLIP's merges. Prints the largest differences.
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
import peers  # noqa: F401  before open_clip
import numpy
import open_clip
import pandas
import torch
from PIL import Image
from safetensors import safe_open

import photographs
import real_data

if "sklearn" not in sys.modules:  # clip_benchmark names it for reports that nothing here asks for
    for module in ("sklearn", "sklearn.metrics"):
        sys.modules[module] = types.ModuleType(module)
    sys.modules["sklearn.metrics"].classification_report = sys.modules["sklearn.metrics"].balanced_accuracy_score = None
from clip_benchmark.metrics import zeroshot_classification  # noqa: E402

N_PICTURES = 12
TOLERANCE = 5e-5  # of normalized features; measured 2026-11: at most 4e-7
TEMPLATE = "a photo of a {}."


class FeatureFilesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.names = list(photographs.CLASS_NAMES)[:10]
        cls.paths = [str(path) for path in photographs.spread(N_PICTURES)]
        make_models.write_open_clip(cls.folder, make_models.openai_model().state_dict(), serialization=True)
        cls.model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{cls.folder}")
        cls.model.eval()
        cls.pixels = torch.stack([preprocess(Image.open(path)) for path in cls.paths])

    def features(self, name, *words):
        out = self.folder / name
        subprocess.run([os.environ["PROMPT"], "features", "--model", self.folder, "--set", f"model.merges={real_data.merges()}",
                        "--template", TEMPLATE, "--quiet", "--out", out, *words], check=True)
        return out

    def expect_close(self, ours, theirs):
        worst = float(numpy.abs(ours - theirs.numpy()).max())
        print(f"{ours.shape}: difference at most {worst:.1e}")
        self.assertEqual(ours.dtype, numpy.float32)
        self.assertLessEqual(worst, TOLERANCE)

    def test_image_features_in_numpy_and_pandas(self):
        path = self.features("images.npy", "--normalize", *self.paths)
        rows = pandas.read_csv(path.with_suffix(".csv"))
        self.assertEqual(list(rows["path"]), self.paths)
        self.assertEqual(list(rows["row"]), list(range(N_PICTURES)))
        with torch.no_grad():
            self.expect_close(numpy.load(path), self.model.encode_image(self.pixels, normalize=True))

    def test_raw_features_of_captions_in_safetensors(self):
        captions = ["two cats_on a sofa", "a dog, and \"a hat\""]
        (self.folder / "captions.txt").write_text("\n".join(captions) + "\n", encoding="utf-8")
        path = self.features("captions.safetensors", "--of", "captions", self.folder / "captions.txt")
        with safe_open(path, "np") as file, torch.no_grad():
            self.assertEqual(json.loads(file.metadata()["rows"]), captions)
            theirs = self.model.encode_text(open_clip.SimpleTokenizer()(captions))
            self.expect_close(file.get_tensor("features") / theirs.norm(dim=-1, keepdim=True).numpy(),
                              torch.nn.functional.normalize(theirs, dim=-1))

    def test_a_classifier_in_clip_benchmark(self):
        """CLIP_benchmark's classifier is [d,K]: the transpose of ours."""
        path = self.features("classifier.npy", "--of", "classifier", "--class-names", ",".join(self.names))
        classifier = torch.from_numpy(numpy.load(path)).T
        self.assertEqual(list(pandas.read_csv(path.with_suffix(".csv"))["class"]), self.names)
        theirs = zeroshot_classification.zero_shot_classifier(
            self.model, open_clip.SimpleTokenizer(), [name.replace("_", " ") for name in self.names],
            [TEMPLATE.replace("{}", "{c}")], "cpu", amp=False)
        self.expect_close(classifier.T.numpy(), theirs.T)
        loader = [(self.pixels, torch.zeros(N_PICTURES, dtype=torch.int64))]
        logits, _ = zeroshot_classification.run_classification(self.model, classifier, loader, "cpu", amp=False)
        want, _ = zeroshot_classification.run_classification(self.model, theirs, loader, "cpu", amp=False)
        self.assertLessEqual(float((logits - want).abs().max()), 100 * TOLERANCE)
        self.assertGreater(len(set(logits.argmax(dim=-1).tolist())), 1, "predictions that are all alike prove nothing")


if __name__ == "__main__":
    unittest.main(verbosity=2)
