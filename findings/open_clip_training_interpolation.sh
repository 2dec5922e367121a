#!/usr/bin/env bash
# open_clip_torch 3.3.0: preprocess_cfg.interpolation does not reach training, which is bicubic.
#
# Guess: both transforms of create_model_and_transforms follow the model's configuration. Found: mean, std and
# size reach both, interpolation does not: the training crop is bicubic for "bilinear", too (unless aug_cfg
# asks for timm's).
# Matters: fine-tuning and prompt learning on a bilinear model see other pixels than its evaluation does.
#
# Seen: bilinear against bicubic, largest difference of a pixel: training 0.0000, evaluation 0.2774
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
import pathlib
import torch

# PyPI's torchvision is built for CUDA; beside a CPU build of torch its import needs the names of two operations
try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import numpy
import open_clip
from PIL import Image

MODEL = {"embed_dim": 32, "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 64, "layers": 1},
         "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1}}


def pixels(interpolation):
    """One picture through the training transform, with a fixed seed, and through that of evaluation."""
    config = {"model_cfg": MODEL, "preprocess_cfg": {"interpolation": interpolation}}
    pathlib.Path("open_clip_config.json").write_text(json.dumps(config))
    _, train, evaluate = open_clip.create_model_and_transforms(f"local-dir:{pathlib.Path.cwd()}")
    noise = numpy.random.default_rng(1).integers(0, 256, (80, 80, 3), dtype=numpy.uint8)
    torch.manual_seed(1)
    return train(Image.fromarray(noise)), evaluate(Image.fromarray(noise))


train, evaluate = (float((a - b).abs().max()) for a, b in zip(pixels("bilinear"), pixels("bicubic")))
print(f"bilinear against bicubic, largest difference of a pixel: training {train:.4f}, evaluation {evaluate:.4f}")
assert train == 0 and evaluate > 0.1
PYTHON
