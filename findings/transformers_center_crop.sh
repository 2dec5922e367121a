#!/usr/bin/env bash
# transformers 5.23.0 against torchvision 0.28.0: CLIP's centre crop begins a row earlier.
#
# Guess: resize and centre crop to 224 cut out the same pixels everywhere. Found: where the margin is odd, its
# half is rounded down by transformers' both backends, and to the nearest even number by torchvision, hence by
# OpenAI's and open_clip's pipelines: margins of 3, 7, 11 ... differ by one, margins of 1, 5, 9 ... do not.
# Matters: one model in two formats gives two sets of logits, on pictures of some sizes only.
#
# Seen: heights 225 to 231: transformers begins at row 0 1 1 2 2 3 3, torchvision at row 0 1 2 2 2 3 4
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
packages=(
    anyio==4.16.0 h11==0.16.0 httpcore2==2.16.2 httpx2==2.16.2 huggingface_hub==2.4.0 idna==3.20 numpy==2.4.6
    packaging==26.3 pillow==13.0.0 PyYAML==6.0.3 regex==2026.11.15 safetensors==0.8.0 tokenizers==0.23.3
    torchvision==0.28.0 tqdm==4.70.1 transformers==5.23.0 truststore==0.10.5
)
"$folder/env/bin/pip" install --quiet torch==2.13.0
"$folder/env/bin/pip" install --quiet --no-deps "${packages[@]}"
"$folder/env/bin/python" - << 'PYTHON'
import torch

# PyPI's torchvision is built for CUDA; beside a CPU build of torch its import needs the names of two operations
try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import numpy
from PIL import Image
from torchvision.transforms import CenterCrop
from transformers import CLIPImageProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

SWITCHES = {"do_resize": False, "do_rescale": False, "do_normalize": False}


def first_rows(height, is_turned):
    """Where torchvision and both backends of transformers begin: the value of a pixel is its row, or its column."""
    rows = numpy.repeat(numpy.arange(height, dtype=numpy.uint8)[:, None], 224, axis=1)
    picture = Image.fromarray(numpy.stack([rows.T if is_turned else rows] * 3, axis=-1))
    crops = [numpy.asarray(CenterCrop(224)(picture))[0, 0, 0]]
    for cls in (CLIPImageProcessor, CLIPImageProcessorPil):
        crops.append(cls(**SWITCHES)(picture, return_tensors="np")["pixel_values"][0, 0, 0, 0])
    return [int(value) for value in crops]


for height in range(225, 232):
    torchvision_row, *transformers_rows = first_rows(height, False)
    print(f"height {height}: torchvision begins at row {torchvision_row}, transformers at {transformers_rows[0]}")
    assert first_rows(height, True) == [torchvision_row, *transformers_rows]
    assert torchvision_row == round((height - 224) / 2) and transformers_rows == [(height - 224) // 2] * 2
PYTHON
