#!/usr/bin/env bash
# transformers 5.23.0: CLIPProcessor saves processor_config.json, which beats preprocessor_config.json.
#
# Guess: the image processor's values are in preprocessor_config.json, as in every published CLIP folder, and
# saving into such a folder replaces that file. Found: only a processor_config.json with a member
# "image_processor" is written; the old file stays as it was, and CLIPImageProcessor.from_pretrained reads the
# new one without a word.
# Matters: other readers of the folder, and whoever edits the old file, take another mean and std than
# transformers does.
#
# Seen: preprocessor_config.json says mean 0.5, processor_config.json 0.25; from_pretrained takes 0.25
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
import json
import pathlib
import torch

# PyPI's torchvision is built for CUDA; beside a CPU build of torch its import needs the names of two operations
try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from transformers import CLIPImageProcessor, CLIPProcessor, CLIPTokenizer

folder = pathlib.Path("model")
old, new = folder / "preprocessor_config.json", folder / "processor_config.json"
CLIPImageProcessor(image_mean=[0.5] * 3).save_pretrained(folder)
assert old.exists() and not new.exists()
before = old.read_text()

tokenizer = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2}, merges=[])
CLIPProcessor(CLIPImageProcessor(image_mean=[0.25] * 3), tokenizer).save_pretrained(folder)
print("files after CLIPProcessor.save_pretrained:", *sorted(path.name for path in folder.iterdir()))
assert old.read_text() == before and json.loads(new.read_text())["image_processor"]["image_mean"] == [0.25] * 3

for cls in (CLIPImageProcessor, CLIPProcessor):
    read = cls.from_pretrained(folder)
    mean = list(getattr(read, "image_processor", read).image_mean)
    print(f"{cls.__name__}.from_pretrained takes the mean {mean[0]}")
    assert mean == [0.25] * 3
PYTHON
