"""Rows of the table of peers: preprocessing. The tensors that a model's towers get, of the same pictures, by the program
and by open_clip's pipeline, each from the model's own configuration.

Where a picture is squashed and its height shrinks more, Pillow 13 runs the vertical pass first. Ours stays in the order
of every Pillow before; a row holds it to Pillow's two passes in that order, another says how far 13's own order is.
"""

import json
import re
import unittest.mock

import make_models
import numpy
import open_clip
import torch
import torchvision.transforms as tv
import transformers
from PIL import Image

import peer_table
import peer_weights
from peer_table import Row

SECTION, BOUND = "Preprocessing", 1e-6
PX = peer_weights.SIZES.image_px
SIZES = ((97, 61), (61, 97), (64, 64), (33, 32), (20, 27), (120, 90), (150, 81))
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
OPENAI = {"mean": list(open_clip.OPENAI_DATASET_MEAN), "std": list(open_clip.OPENAI_DATASET_STD)}
RESIZE = Image.Image.resize


def pictures(folder):
    """Smooth noise as PNG, so that decoding takes no part."""
    rng = numpy.random.default_rng(3)
    paths = []
    for number, (width, height) in enumerate(SIZES):
        small = Image.fromarray(rng.integers(0, 256, (max(2, height // 5), max(2, width // 5), 3), dtype=numpy.uint8))
        paths.append(folder / f"{number}.png")
        small.resize((width, height), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def pixels(bench, model):
    return bench.features(model, bench.once("pictures", pictures), peer_weights.TEXTS[:1],
                          peer_weights.merges_of(bench))["pixels"]


def horizontal_first(image, size, resample=None, box=None, reducing_gap=None):
    """Image.resize as every Pillow before 13 ran it."""
    return RESIZE(RESIZE(image, (size[0], image.height), resample), size, resample)


def compare(bench, model, transform, in_old_order=True):
    with unittest.mock.patch.object(Image.Image, "resize", horizontal_first if in_old_order else RESIZE):
        theirs = torch.stack([transform(Image.open(path)) for path in bench.once("pictures", pictures)])
    return peer_table.numbers(pixels(bench, model), theirs)


# ---------------------------------------------------------------- open_clip


def open_clip_model(bench, preprocess_cfg):
    """open_clip's own folder; of preprocess_cfg it saves mean, std, interpolation and resize_mode."""
    folder = bench.new_folder()
    make_models.write_open_clip(folder, peer_weights.state(), peer_weights.SIZES, serialization=True)
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "preprocess_cfg": preprocess_cfg}))
    return folder


def by_open_clip(preprocess_cfg, in_old_order=True):
    def measure(bench):
        folder = open_clip_model(bench, preprocess_cfg)
        return compare(bench, folder, open_clip.create_model_and_transforms(f"local-dir:{folder}")[2], in_old_order)
    return measure


def converted(bench):
    """`prompt model convert` keeps it."""
    folder = open_clip_model(bench, {**HALF, "resize_mode": "squash"})
    path = folder / "converted.safetensors"
    bench.prompt("model", "convert", folder, "--out", path)
    return compare(bench, path, open_clip.create_model_and_transforms(f"local-dir:{folder}")[2])


# ---------------------------------------------------------------- Hugging Face


def hugging_face_model(bench, **changes):
    folder = bench.new_folder()
    make_models.write_hugging_face(folder, peer_weights.state(), peer_weights.SIZES)
    words = {"size": {"shortest_edge": PX}, "crop_size": {"height": PX, "width": PX}, **changes}
    transformers.CLIPImageProcessorPil(**words).save_pretrained(folder)
    return folder


def by_torchvision(filters, resizes=True, **changes):
    """One model in two formats gives one number: crop and rounding are torchvision's, as open_clip has them."""
    def measure(bench):
        found = []
        for name in filters:
            folder = hugging_face_model(bench, image_mean=HALF["mean"], image_std=HALF["std"], do_resize=resizes,
                                        resample=Image.Resampling[name.upper()], **changes)
            size = (PX, PX) if "size" in changes else PX
            steps = [tv.Resize(size, tv.InterpolationMode(name))] if resizes else []
            found.append(compare(bench, folder, tv.Compose(
                [*steps, tv.CenterCrop(PX), tv.ToTensor(), tv.Normalize(HALF["mean"], HALF["std"])])))
        return peer_table.together(found)
    return measure


def by_processor(bench):
    """The processor itself, on pictures whose crop has no half pixel: elsewhere it begins a row earlier."""
    folder = hugging_face_model(bench, image_mean=HALF["mean"], image_std=HALF["std"])
    processor = transformers.CLIPImageProcessorPil.from_pretrained(folder)
    paths = [path for path, (width, height) in zip(bench.once("pictures", pictures), SIZES)
             if (int(PX * max(width, height) / min(width, height)) - PX) % 2 == 0]
    ours = bench.features(folder, paths, peer_weights.TEXTS[:1], peer_weights.merges_of(bench))["pixels"]
    theirs = [processor(Image.open(path), return_tensors="pt")["pixel_values"][0] for path in paths]
    return peer_table.numbers(ours, torch.stack(theirs))


# ---------------------------------------------------------------- rows


def names_of_the_key(key, bench):
    """The values of the key, from the program's message about another value."""
    path = bench.new_folder() / "model.safetensors"
    bench.prompt("model", "init", "--arch", "micro", "--seed", 1, "--out", path)
    try:
        bench.prompt("model", "info", path, "--set", f"{key}=nothing")
    except RuntimeError as error:
        return re.search(r"expected one of (.*), found", str(error)).group(1).split(", ")
    raise AssertionError(f"the program takes 'nothing' for {key}")


def rows():
    peer = peer_table.version("open_clip_torch", "torchvision", "pillow")
    pillow = peer_table.version("torchvision", "pillow")
    what, old = "pixels of 7 pictures", "pixels of 7 pictures, horizontal pass first"
    ours, theirs = peer_weights.OPEN_CLIP, peer_weights.TRANSFORMERS
    squash = {**HALF, "resize_mode": "squash", "interpolation": "bicubic"}
    bilinear = {**OPENAI, "resize_mode": "squash", "interpolation": "bilinear"}
    longest = {**OPENAI, "resize_mode": "longest", "fill_color": 114}
    side = {"height": PX, "width": PX}
    return [
        Row(SECTION, "open_clip, OpenAI's mean and std", ours, peer, what, by_open_clip(OPENAI, False), BOUND,
            ("shortest", "bicubic")),
        Row(SECTION, "open_clip, mean and std 0.5", ours, peer, what, by_open_clip(HALF, False), BOUND),
        Row(SECTION, "open_clip, squash", ours, peer, old, by_open_clip(squash), BOUND, ("squash",)),
        Row(SECTION, "the same in Pillow 13's order", ours, peer, what, by_open_clip(squash, False), 0.02),
        Row(SECTION, "open_clip, squash, bilinear", ours, peer, old, by_open_clip(bilinear), BOUND, ("bilinear",)),
        Row(SECTION, "open_clip, longest, `fill_color`", ours, peer, what, by_open_clip(longest, False), BOUND,
            ("longest",)),
        Row(SECTION, "open_clip, squash, converted", f"{ours}, `prompt model convert`", peer, old, converted, BOUND),
        Row(SECTION, "Hugging Face processor, mean and std 0.5", theirs, pillow, what, by_torchvision(["bicubic"]), BOUND),
        Row(SECTION, "Hugging Face processor, other filters", theirs, pillow, what,
            by_torchvision(["bilinear", "lanczos", "box", "hamming"]), BOUND, ("lanczos", "box", "hamming")),
        Row(SECTION, "Hugging Face processor, both sides", theirs, pillow, old,
            by_torchvision(["bilinear"], size=side, do_center_crop=False), BOUND),
        Row(SECTION, "Hugging Face processor, `do_resize` false", theirs, pillow, what, by_torchvision(["bicubic"], False),
            BOUND, ("none",)),
        Row(SECTION, "the processor itself, where it crops evenly", theirs, peer_table.version("transformers", "pillow"),
            "pixels", by_processor, BOUND),
    ]
