"""prompt predict without a run beside open_clip's zero-shot classification: the same file of weights, pictures and class
names, each side with its own decoder, preprocessing, tokenizer and encoders.

Needs PROMPT (the program) and CLIP's merges. Prints how many probabilities were compared.
"""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import make_models
import open_clip
import torch
from PIL import Image

import photographs
import real_data

N_PICTURES = 24
# Of probabilities, whose logits are 100 times a cosine. Measured 2026-11: at most 4e-5.
TOLERANCE = 5e-4
TEMPLATE = "a photo of a {}."


def predict(folder, paths, names):
    (folder / "names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    words = [os.environ["PROMPT"], "predict", "-", "--model", folder, "--classes-file", folder / "names.txt", "--template",
             TEMPLATE, "--set", f"model.merges={real_data.merges()}", "--top", str(len(names)), "--format", "jsonl", "--quiet"]
    done = subprocess.run(words, input="".join(f"{path}\n" for path in paths), capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [{row["class"]: row["probability"] for row in rows if row["file"] == path} for path in paths]


def classify(folder, paths, names):
    """As open_clip's README does it."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokens = open_clip.SimpleTokenizer()([TEMPLATE.replace("{}", name.replace("_", " ")) for name in names])
    with torch.no_grad():
        image = model.eval().encode_image(torch.stack([preprocess(Image.open(path)) for path in paths]), normalize=True)
        text = model.encode_text(tokens, normalize=True)
        return (model.logit_scale.exp() * image @ text.T).softmax(dim=-1)


class PredictTest(unittest.TestCase):
    def test_zero_shot_probabilities_are_those_of_open_clip(self):
        names = list(photographs.CLASS_NAMES)[:20]
        paths = [str(path) for path in photographs.spread(N_PICTURES)]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_models.write_open_clip(folder, make_models.openai_model().state_dict(), serialization=True)
            ours, theirs = predict(folder, paths, names), classify(folder, paths, names)
        worst = max(abs(row[name] - float(theirs[i, k])) for i, row in enumerate(ours) for k, name in enumerate(names))
        predicted = {max(row, key=row.get) for row in ours}
        print(f"compared {theirs.numel()} probabilities, difference at most {worst:.1e}, {len(predicted)} classes predicted")
        self.assertLessEqual(worst, TOLERANCE)
        self.assertGreater(len(predicted), 2, "predictions that are all alike prove nothing")
        for row, values in zip(ours, theirs):
            self.assertLess(float(values.max()) - float(values[names.index(max(row, key=row.get))]), TOLERANCE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
