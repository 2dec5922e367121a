#!/usr/bin/env bash
# transformers 5.23.0: CLIPTokenizer does not clean texts, so that curly quotes and &amp; get other ids.
#
# Guess: with the same vocabulary and merges it gives the ids that OpenAI's and open_clip's tokenizer give,
# which repair texts by ftfy and resolve HTML references first; at least the slow class did so where ftfy was
# installed. Found: with ftfy installed nothing of it happens, and CLIPTokenizerFast is the same class: it
# does NFC, white space and case only.
# Matters: class names such as Levi’s, or captions from web pages, get other features.
#
# Seen: ids equal for "a photo of a dog.", different for "Levi’s", "salt &amp; pepper" and the ligature in
# "ﬁsh"
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
packages=(
    anyio==4.16.0 ftfy==6.3.1 h11==0.16.0 httpcore2==2.16.2 httpx2==2.16.2 huggingface_hub==2.4.0 idna==3.20
    numpy==2.4.6 open_clip_torch==3.3.0 packaging==26.3 pillow==13.0.0 PyYAML==6.0.3 regex==2026.11.15
    safetensors==0.8.0 timm==1.0.31 tokenizers==0.23.3 torchvision==0.28.0 tqdm==4.70.1 transformers==5.23.0
    truststore==0.10.5 wcwidth==0.9.4
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
import open_clip
from transformers import CLIPTokenizer, CLIPTokenizerFast

open_clips = open_clip.get_tokenizer("ViT-B-32")
merges = sorted(open_clips.bpe_ranks, key=open_clips.bpe_ranks.get)
names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
vocabulary = {names.get(token, token): index for token, index in open_clips.encoder.items()}
tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges)
assert CLIPTokenizer is CLIPTokenizerFast

for text, is_equal in (("a photo of a dog.", True), ("it's  a\tCafé", True), ("Cafe\u0301", True),
                       ("Levi\u2019s", False), ("salt &amp; pepper", False), ("\ufb01sh", False)):
    ours = [index for index in open_clips(text)[0].tolist() if index]
    theirs = tokenizer(text)["input_ids"]
    print(f"{text!a}: open_clip {ours[1:-1]}, transformers {theirs[1:-1]}")
    assert (ours == theirs) == is_equal, text
PYTHON
