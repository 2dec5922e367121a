"""Rows of the table of peers: preprocessing. The tensors that a model's towers get, of the same pictures, by the program
and by open_clip's pipeline, each from the model's own configuration.

Sizes are odd and even, wide and tall, but not so long that Pillow 13 runs the vertical pass first: the page says so.
"""

import json

import make_models
import numpy
import open_clip
import torch
import torchvision
import transformers
from PIL import Image

import peer_table
import peer_weights
from peer_table import Row

SECTION = "Preprocessing"
PX = peer_weights.SIZES.image_px
SIZES = ((97, 61), (61, 97), (64, 64), (33, 32), (20, 27), (120, 90), (150, 81))
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
OPENAI = {"mean": list(open_clip.OPENAI_DATASET_MEAN), "std": list(open_clip.OPENAI_DATASET_STD)}
STEP = 1 / 255 / min(OPENAI["std"])  # one level of 255 where it is most


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


def compare(bench, model, transform):
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


def by_open_clip(preprocess_cfg):
    def measure(bench):
        folder = open_clip_model(bench, preprocess_cfg)
        return compare(bench, folder, open_clip.create_model_and_transforms(f"local-dir:{folder}")[2])
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


def by_torchvision(mean, std, **changes):
    """One model in two formats gives one number: the peer is open_clip's pipeline of the same values."""
    def measure(bench):
        folder = hugging_face_model(bench, image_mean=mean, image_std=std, **changes)
        mode = "squash" if "size" in changes else "shortest"
        interpolation = "bilinear" if changes.get("resample") == Image.Resampling.BILINEAR else "bicubic"
        return compare(bench, folder, open_clip.image_transform(
            PX, is_train=False, mean=tuple(mean), std=tuple(std), resize_mode=mode, interpolation=interpolation))
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


def rows():
    peer, what = peer_table.version("open_clip_torch", "torchvision", "pillow"), "pixels of 7 pictures"
    settings = (
        ("open_clip, OpenAI's mean and std, shortest", OPENAI, ("shortest", "bicubic")),
        ("open_clip, mean and std 0.5", HALF, ("bicubic",)),
        ("open_clip, squash", {**HALF, "resize_mode": "squash", "interpolation": "bicubic"}, ("squash",)),
        ("open_clip, squash, bilinear", {**OPENAI, "resize_mode": "squash", "interpolation": "bilinear"}, ("bilinear",)),
        ("open_clip, longest, `fill_color`", {**OPENAI, "resize_mode": "longest", "fill_color": 114}, ("longest",)),
    )
    out = [Row(SECTION, kind, peer_weights.OPEN_CLIP, peer, what, by_open_clip(cfg), 1e-6, covers)
           for kind, cfg, covers in settings]
    made_by = peer_weights.TRANSFORMERS
    squashed = {"height": PX, "width": PX}
    return out + [
        Row(SECTION, "open_clip, squash, converted", f"{peer_weights.OPEN_CLIP}, `prompt model convert`", peer, what,
            converted, 1e-6),
        Row(SECTION, "Hugging Face processor, mean and std 0.5", made_by, peer, what,
            by_torchvision(HALF["mean"], HALF["std"]), 1e-6),
        Row(SECTION, "Hugging Face processor, squash, bilinear", made_by, peer, what,
            by_torchvision(HALF["mean"], HALF["std"], size=squashed, do_center_crop=False,
                           resample=Image.Resampling.BILINEAR), 1e-6),
        Row(SECTION, "the same processor itself, even crops", made_by, peer_table.version("transformers", "pillow"),
            "pixels of the pictures it crops evenly", by_processor, 1e-6),
    ]
