#!/usr/bin/env bash
# open_clip_torch 3.3.0: text_cfg with pool_type "eos" and no eos_id pools every text at its start token.
#
# Guess: "eos" takes the features at the end token that open_clip's own tokenizer writes (49407), or is
# refused without an eos_id. Found: eos_id defaults to 2, which is '#' before another sign in CLIP's
# vocabulary. Where a text does not hold it, position 0 is taken, without a warning. The text tower is causal,
# so that position sees the start token alone: all texts get one vector.
# Matters: a zero-shot classifier built from such a folder gives every class the same logit.
#
# Seen: "eos": cosine of two captions 1.000000; "eos" with eos_id 49407: 0.654242, as with "argmax".
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
import open_clip

TEXTS = open_clip.get_tokenizer("ViT-B-32")(["a photo of a cat.", "two red tulips in a garden"])


def features(**pooling):
    """Text features of one random model, its folder's text_cfg changed by `pooling`."""
    text = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2, **pooling}
    vision = {"image_size": 32, "patch_size": 8, "width": 64, "layers": 1}
    model = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    pathlib.Path("open_clip_config.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": {}}))
    torch.manual_seed(1)
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{pathlib.Path.cwd()}")
    with torch.no_grad():
        return model.eval().encode_text(TEXTS, normalize=True)


default, named = features(pool_type="eos"), features(pool_type="eos", eos_id=49407)
for name, found in (("eos without eos_id", default), ("eos with eos_id 49407", named)):
    print(f"{name}: cosine of two captions {float(found[0] @ found[1]):.6f}")
assert torch.equal(default, features(pool_type="first")) and torch.allclose(default[0], default[1])
assert torch.equal(named, features(pool_type="argmax")) and named[0] @ named[1] < 0.99
PYTHON
