"""Preprocessing against open_clip's and transformers' own, on photographs.

Needs PROMPT, PROMPT_TOOLS (folder of image_tool and feature_tool) and CLIP's merges.
Every side reads the same decoded pixels. Prints how many numbers were compared.
"""
import collections
import dataclasses
import json
import os
import subprocess
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import make_models
import peers  # noqa: F401
import open_clip
import transformers
from open_clip.model import CLIPTextCfg, CLIPVisionCfg
from open_clip.transform import PreprocessCfg, image_transform_v2
from safetensors.torch import load_file, save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

import real_data
from image_peer import Tool
from photographs import spread
from test_images import pillow_resize

MERGES = real_data.merges()
N_FEATURES = 16  # pictures through a small model
FEATURE_TOLERANCE = 1e-5  # of normalized features, as in test_features.py
# laion2b_s32b_b82k's and dfn5b's preprocess_cfg, as open_clip's configurations have them
RELEASED = {
    "OpenAI's": {},
    "mean and std 0.5": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "squash": {"resize_mode": "squash"},
}
SIZES = make_models.Sizes(image_px=224, patch_px=32)  # of the released models are the pictures alone


RESIZE = Image.Image.resize


def horizontal_first(image, size, resample=None):
    """Image.resize as every Pillow before 13 ran it; later ones run the vertical pass first where it shrinks more."""
    return RESIZE(RESIZE(image, (size[0], image.height), resample), size, resample)


def apply(steps, image):
    for step in steps:
        image = step(image)
    return image


def info(model, *words):
    run = subprocess.run([os.environ["PROMPT"], "model", "info", "--json", "--no-hash", model, *words],
                         capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)


class PixelsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tool = Tool(os.environ["PROMPT_TOOLS"])

    @classmethod
    def tearDownClass(cls):
        cls.tool.close()

    def ours(self, pixels, px, resize_px, mode, filter_, fill=0):
        h, w = pixels.shape[:2]
        return self.tool.ask(f"preprocess {w} {h} {px} {resize_px} {mode} {filter_} {fill}", pixels.tobytes())

    def test_every_mode_and_filter_is_open_clips(self):
        counts = collections.Counter()
        odd = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (h, w, 3), np.uint8))
               for i, (w, h) in enumerate([(1, 1), (3, 2), (225, 224), (224, 227), (500, 333), (37, 300), (300, 299)])]
        images = [Image.open(path).convert("RGB") for path in spread(15)] + odd
        for mode in ("shortest", "longest", "squash"):
            for filter_ in ("bicubic", "bilinear"):
                for px, fill in ((224, 0), (63, 127)):
                    cfg = PreprocessCfg(size=px, resize_mode=mode, interpolation=filter_, fill_color=fill)
                    to_pixels = image_transform_v2(cfg, is_train=False).transforms[:-2]
                    for image in images:
                        theirs = apply(to_pixels, image)
                        mine = self.ours(np.asarray(image), px, px, mode, filter_, fill)
                        difference = np.abs(mine.astype(int) - np.asarray(theirs).astype(int)).max()
                        if difference > 1:
                            counts["vertical first"] += 1
                            with unittest.mock.patch.object(Image.Image, "resize", horizontal_first):
                                theirs = apply(to_pixels, image)
                            difference = np.abs(mine.astype(int) - np.asarray(theirs).astype(int)).max()
                        counts["exact"] += difference == 0
                        counts["all"] += 1
                        self.assertLessEqual(difference, 1, (mode, filter_, px, image.size))
        print(f"open_clip's pixels: {counts['all']} pictures, {counts['exact']} equal in every byte, the others within "
              f"one level; {counts['vertical first']} only by the order of passes before Pillow 13")
        self.assertGreater(counts["exact"], 0.9 * counts["all"])

    def test_every_filter_of_hugging_face_is_pillows(self):
        for path in spread(10):
            image = Image.open(path).convert("RGB")
            for filter_ in ("bicubic", "bilinear", "lanczos", "box", "hamming"):
                resample = Image.Resampling[filter_.upper()]
                theirs = np.asarray(image.resize((100, image.height), resample).resize((100, 100), resample))
                mine = self.ours(np.asarray(image), 100, 100, "squash", filter_)
                self.assertLessEqual(np.abs(mine.astype(int) - theirs.astype(int)).max(), 1, (filter_, path))

    def test_hugging_faces_processor_but_for_its_crop(self):
        """Equal where the crop's margin is even; where it is odd, its crop starts a row or column earlier."""
        shifted = 0
        cases = (dict(size={"shortest_edge": 224}, crop_size=224), dict(size={"shortest_edge": 256}, crop_size=224),
                 dict(size={"height": 224, "width": 224}, crop_size=224), dict(do_resize=False, crop_size=224))
        for case in cases:
            processor = CLIPImageProcessorPil(do_normalize=False, do_rescale=False, **case)
            size = case.get("size", {})
            mode = "none" if not size else "shortest" if "shortest_edge" in size else "squash"
            resize_px = size.get("shortest_edge", 224)
            for path in spread(30):
                image = Image.open(path).convert("RGB")
                theirs = np.asarray(processor(image, return_tensors="np")["pixel_values"][0]).transpose(1, 2, 0)
                if mode == "squash" and np.abs(np.asarray(image.resize((224, 224), 3)).astype(int) -
                                               pillow_resize(image, 224, 224).astype(int)).max() > 1:
                    continue  # Pillow 13's other order of passes
                mine = self.ours(np.asarray(image), 224, resize_px, mode, "bicubic")
                difference = np.abs(mine.astype(int) - theirs.astype(int)).max()
                if difference > 1:
                    shifted += 1
                    both = [(mine[1:], theirs[:-1]), (mine[:, 1:], theirs[:, :-1]), (mine[1:, 1:], theirs[:-1, :-1]),
                            (mine[:-1], theirs[1:]), (mine[:, :-1], theirs[:, 1:]), (mine[:-1, :-1], theirs[1:, 1:])]
                    difference = min(np.abs(a.astype(int) - b.astype(int)).max() for a, b in both)
                self.assertLessEqual(difference, 1, (case, path))
        print(f"transformers' pixels: equal but for {shifted} of {30 * len(cases)} pictures, whose crop is shifted by one")
        self.assertGreater(shifted, 0, "or the sentence of src/image/README.md is wrong")


class FeaturesTest(unittest.TestCase):
    def test_three_released_settings_equal_open_clips_pipeline(self):
        paths = spread(N_FEATURES)
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            model, images, texts = root / "model", root / "images", root / "texts"
            model.mkdir()
            pictures = []
            for i, path in enumerate(paths):  # a lossless copy: decoding JPEG is compared in test_images.py
                pictures.append(root / f"{i}.png")
                Image.open(path).convert("RGB").save(pictures[-1], compress_level=1)
            images.write_text("\n".join(map(str, pictures)) + "\n")
            texts.write_text("a photo of a dog.\na photo of a cat.\n")
            weights = make_models.openai_model(SIZES).state_dict()
            save_file({k: v.contiguous() for k, v in weights.items()}, model / "open_clip_model.safetensors")
            of_settings = {}
            for what, cfg in RELEASED.items():
                config = {"model_cfg": make_models.open_clip_config(SIZES, True), "preprocess_cfg": cfg}
                (model / "open_clip_config.json").write_text(json.dumps(config))
                out = root / "features.safetensors"
                subprocess.run([Path(os.environ["PROMPT_TOOLS"]) / "feature_tool", "fast", model, MERGES, images, texts,
                                out], check=True)
                ours = load_file(out)
                theirs, _, transform = open_clip.create_model_and_transforms(f"local-dir:{model}")
                theirs.eval()
                as_is = torch.stack([transform(Image.open(path)) for path in pictures])
                with unittest.mock.patch.object(Image.Image, "resize", horizontal_first):
                    pixels = torch.stack([transform(Image.open(path)) for path in pictures])
                with torch.no_grad():
                    features = torch.cat([theirs.encode_image(part) for part in pixels.split(8)])
                    scale = theirs.logit_scale.exp().item()
                self.compare(what, ours, pixels, features, scale, int((as_is != pixels).any(dim=(1, 2, 3)).sum()))
                of_settings[what] = F.normalize(ours["image_features"], dim=-1)
            for what in list(RELEASED)[1:]:  # that it mattered
                self.assertGreater(float((of_settings[what] - of_settings["OpenAI's"]).abs().max()), 1e-3)

    def compare(self, what, ours, pixels, features, scale, n_vertical_first):
        difference = float((ours["pixels"] - pixels).abs().max())
        mine, others = F.normalize(ours["image_features"], dim=-1), F.normalize(features, dim=-1)
        texts = F.normalize(ours["text_features"], dim=-1)
        logits = float((scale * (mine - others) @ texts.T).abs().max())
        print(f"{what}: pixels of {len(pixels)} pictures differ by at most {difference:.1e}, normalized features "
              f"by {float((mine - others).abs().max()):.1e} (their spread {float(mine.std(dim=0).mean()):.1e}), logits by "
              f"{logits:.1e}; Pillow {Image.__version__} resizes {n_vertical_first} of them vertically first", flush=True)
        self.assertLessEqual(difference, 1.01 / 255 / 0.26)  # a level, where Pillow's SIMD rounds otherwise
        self.assertLessEqual(float((mine - others).abs().max()), FEATURE_TOLERANCE if difference < 1e-6 else 1e-3)

class FilesTest(unittest.TestCase):
    """Files written by the live peers are accepted, and mean the same in every format."""

    def test_one_preprocessing_in_three_formats(self):
        sizes = make_models.Sizes()
        weights = make_models.openai_model(sizes).state_dict()
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            oc, _, _ = make_models.write_open_clip(root / "oc", weights, sizes, quick_gelu=True)
            hf, _, _ = make_models.write_hugging_face(root / "hf", weights, sizes)
            config = json.loads((oc / "open_clip_config.json").read_text())
            config["preprocess_cfg"].update(mean=[0.5] * 3, std=[0.5] * 3, interpolation="bilinear")
            (oc / "open_clip_config.json").write_text(json.dumps(config))
            processor = transformers.CLIPImageProcessor(size=32, crop_size=32, image_mean=[0.5] * 3, image_std=[0.5] * 3,
                                                        resample=2)
            processor.save_pretrained(hf)
            want = info(oc)["preprocess"]
            self.assertEqual(want["interpolation"], "bilinear")
            self.assertEqual(info(hf)["preprocess"], want)
            nested = {"processor_class": "CLIPProcessor", "image_processor": processor.to_dict()}
            (hf / "preprocessor_config.json").unlink()
            self.assertNotEqual(info(hf)["preprocess"], want)
            (hf / "processor_config.json").write_text(json.dumps(nested))  # as transformers 5 saves a CLIPProcessor
            self.assertEqual(info(hf)["preprocess"], want)
            subprocess.run([os.environ["PROMPT"], "model", "convert", hf, "--out", root / "ours.safetensors"], check=True)
            self.assertEqual(info(root / "ours.safetensors")["preprocess"], want)

    def test_every_member_that_the_peers_know_is_known(self):
        sizes = make_models.Sizes()
        weights = make_models.openai_model(sizes).state_dict()
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            hf, model, _ = make_models.write_hugging_face(root / "hf", weights, sizes)
            oc, _, _ = make_models.write_open_clip(root / "oc", weights, sizes)
            (hf / "config.json").write_text(json.dumps(model.config.to_dict()))  # defaults, too
            self.assertEqual(info(hf)["vision"]["heads"], sizes.vision_heads)
            processor = transformers.CLIPImageProcessor(size=32, crop_size=32)
            (hf / "preprocessor_config.json").write_text(json.dumps(processor.to_dict(), default=str))
            info(hf)

            config = json.loads((oc / "open_clip_config.json").read_text())
            cfg = config["model_cfg"]
            cfg["vision_cfg"] = dataclasses.asdict(CLIPVisionCfg(**cfg["vision_cfg"]))
            cfg["text_cfg"] = dataclasses.asdict(CLIPTextCfg(**cfg["text_cfg"]))
            cfg.update(init_logit_scale=2.6592, init_logit_bias=None, nonscalar_logit_scale=False, output_dict=False)
            config["preprocess_cfg"] = dataclasses.asdict(PreprocessCfg(size=32))
            (oc / "open_clip_config.json").write_text(json.dumps(config))
            self.assertEqual(info(oc)["accepted_unknown"], [])
            cfg["vision_cfg"]["of_next_year"] = 1
            (oc / "open_clip_config.json").write_text(json.dumps(config))
            with self.assertRaisesRegex(RuntimeError, "'model_cfg.vision_cfg.of_next_year' is unknown"):
                info(oc)
            self.assertEqual(info(oc, "--set", "model.accept_unknown=true")["accepted_unknown"],
                             ["model_cfg.vision_cfg.of_next_year"])


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    unittest.main()
