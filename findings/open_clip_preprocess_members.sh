#!/usr/bin/env bash
# open_clip_torch 3.3.0: mean 0 in preprocess_cfg becomes OpenAI's, and unknown members are dropped.
#
# Guess: "mean": 0 with "std": 1 leaves pixels in [0, 1], as [0, 0, 0] does and as the number 0.5 is taken for
# three; a misspelt member is an error or a warning. Found: the number 0 counts as absent, so that OpenAI's
# mean is subtracted while std stays 1; "resizemode", or a timm name such as "crop_pct", is dropped with no
# message at any log level.
# Matters: logits of a model that was trained on other pixels are silently wrong.
#
# Seen: a black picture becomes -0.4815 with mean 0, 0.0000 with mean [0, 0, 0]; a misspelt squash is
# "shortest".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
packages=(
    anyio==4.16.0 ftfy==6.3.1 h11==0.16.0 httpcore2==2.16.2 httpx2==2.16.2 huggingface_hub==2.4.0 idna==3.20
    numpy==2.4.6 open_clip_torch==3.3.0 packaging==26.3 pillow==13.0.0 PyYAML==6.0.3 regex==2026.11.15
    safetensors==0.8.0 timm==1.0.31 torchvision==0.28.0 tqdm==4.70.1 truststore==0.10.5 wcwidth==0.9.4
)
"$folder/env/bin/pip" install --quiet torch==2.13.0
"$folder/env/bin/pip" install --quiet --no-deps "${packages[@]}"
"$folder/env/bin/python" - << 'PYTHON'
import json
import logging
import pathlib
import torch

# PyPI's torchvision is built for CUDA; beside a CPU build of torch its import needs the names of two operations
try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import open_clip
from PIL import Image

MODEL = {"embed_dim": 32, "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 64, "layers": 1},
         "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1}}
logged = []
catcher = logging.Handler()
catcher.emit = lambda record: logged.append(record.getMessage())
logging.basicConfig(level=logging.DEBUG, handlers=[catcher])


def preprocess(**members):
    """The folder's transform for evaluation."""
    config = {"model_cfg": MODEL, "preprocess_cfg": members}
    pathlib.Path("open_clip_config.json").write_text(json.dumps(config))
    return open_clip.create_model_and_transforms(f"local-dir:{pathlib.Path.cwd()}")[2]


black = Image.new("RGB", (32, 32))
number, triple, half = (float(preprocess(mean=mean, std=1)(black)[0, 0, 0]) for mean in (0, [0, 0, 0], 0.5))
print(f"a black picture becomes {number:.4f} with mean 0, {triple:.4f} with mean [0, 0, 0], {half:.4f} with mean 0.5")
assert abs(number + 0.48145466) < 1e-6 and triple == 0 and half == -0.5

logged.clear()
plain, misspelt = preprocess(), preprocess(resizemode="squash", crop_pct=0.9)
n_words = sum("resizemode" in line or "crop_pct" in line for line in logged)
print(f"with resizemode and crop_pct the transform is the default; log lines naming them: {n_words} of {len(logged)}")
assert repr(plain) == repr(misspelt) != repr(preprocess(resize_mode="squash")) and logged and n_words == 0
PYTHON
