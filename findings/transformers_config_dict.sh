#!/usr/bin/env bash
# transformers 5.23.0: text_config_dict overrides text_config even by defaults that it does not contain.
#
# Guess: of config.json's two objects, text_config_dict wins for the members it has, and text_config keeps the
# others. Found: text_config_dict is first filled up with the defaults of CLIPTextConfig, all of which then
# win: heads become 8, layers 12, the activation quick_gelu. Nothing is logged at the default level.
# vision_config_dict does the same.
# Matters: files of converted models still carry both objects; tensors of the same shapes load, and with other
# heads and another activation the features are other ones.
#
# Seen: text_config says 2 heads, gelu, eps 1e-06; with text_config_dict {"hidden_size": 64}: 8 heads,
# quick_gelu, 1e-05
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
import json
import pathlib
from transformers import CLIPConfig

text = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-6}
vision = {"hidden_size": 96, "num_attention_heads": 4, "hidden_act": "gelu"}


def read(**more):
    config = {"model_type": "clip", "text_config": text, "vision_config": vision, **more}
    pathlib.Path("config.json").write_text(json.dumps(config))
    return CLIPConfig.from_pretrained(".")


plain, both = read(), read(text_config_dict={"hidden_size": 64}, vision_config_dict={"hidden_size": 96})
for name, config in (("text_config alone", plain), ("with text_config_dict", both)):
    found = config.text_config
    print(f"{name}: {found.num_hidden_layers} layers, {found.num_attention_heads} heads, {found.hidden_act}, "
          f"eps {found.layer_norm_eps}, vision heads {config.vision_config.num_attention_heads}")
assert all(getattr(plain.text_config, key) == value for key, value in text.items())
assert (both.text_config.num_hidden_layers, both.text_config.num_attention_heads) == (12, 8)
assert both.text_config.hidden_act == both.vision_config.hidden_act == "quick_gelu"
assert both.text_config.layer_norm_eps == 1e-5 and both.vision_config.num_attention_heads == 12
PYTHON
