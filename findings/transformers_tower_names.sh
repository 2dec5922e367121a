#!/usr/bin/env bash
# transformers 5.23.0: a CLIP tower saved alone has no prefix in its names, with its projection it has.
#
# Guess: CLIPTextModel and CLIPTextModelWithProjection write the tower under the same names, text_model.*, as
# the whole CLIPModel does. Found: CLIPTextModel and CLIPVisionModel write embeddings.*, encoder.* without it;
# the classes with a projection write text_model.*, vision_model.*.
# Matters: readers of weights tell a tower by its names (diffusion pipelines hold CLIPTextModel); without the
# prefix, encoder.layers.0.* is a name that text and vision towers share, and only the embeddings tell them
# apart.
#
# Seen: CLIPTextModel embeddings.position_embedding.weight; with projection text_model.embeddings...
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
packages=(
    anyio==4.16.0 h11==0.16.0 httpcore2==2.16.2 httpx2==2.16.2 huggingface_hub==2.4.0 idna==3.20 numpy==2.4.6
    packaging==26.3 pillow==13.0.0 PyYAML==6.0.3 regex==2026.11.15 safetensors==0.8.0 tokenizers==0.23.3
    tqdm==4.70.1 transformers==5.23.0 truststore==0.10.5
)
"$folder/env/bin/pip" install --quiet torch==2.13.0
"$folder/env/bin/pip" install --quiet --no-deps "${packages[@]}"
"$folder/env/bin/python" - << 'PYTHON'
from safetensors import safe_open
from transformers import (CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionConfig,
                          CLIPVisionModel, CLIPVisionModelWithProjection)

sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
         "projection_dim": 16}
text = CLIPTextConfig(vocab_size=99, bos_token_id=97, eos_token_id=98, **sizes)
vision = CLIPVisionConfig(image_size=32, patch_size=8, **sizes)


def names(cls, config):
    """Names of the tensors in the file that save_pretrained writes."""
    cls(config).save_pretrained(cls.__name__)
    with safe_open(f"{cls.__name__}/model.safetensors", "pt") as file:
        found = set(file.keys())
    print(f"{cls.__name__}: {len(found)} tensors, {min(found)} ...")
    return found


for prefix, projection, plain, projected in (
        ("text_model.", "text_projection.weight",
         names(CLIPTextModel, text), names(CLIPTextModelWithProjection, text)),
        ("vision_model.", "visual_projection.weight",
         names(CLIPVisionModel, vision), names(CLIPVisionModelWithProjection, vision))):
    assert not any(name.startswith(prefix) for name in plain)
    assert {prefix + name for name in plain} | {projection} == projected
PYTHON
