"""Image and text features against transformers, OpenAI's clip and open_clip, each on a file that it wrote itself.

Needs PROMPT_TOOLS (the folder of feature_tool) and CLIP's merges. Both sides are fed the pixel tensor and the token rows
that our program wrote. Prints how many numbers were compared.
"""

import os
import subprocess
import tempfile
import unittest
import warnings
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

import make_models
import peers  # noqa: F401
import photographs
import real_data
import transformers

TOLERANCE = 1e-5  # of normalized features; measured 2026-11: plain at most 1.9e-6, fast 5.4e-6; on ViT-B/16 3e-7 and 6e-7
N_IMAGES, N_TEXTS = 8, 16
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


TOOL = Path(os.environ["PROMPT_TOOLS"]) / "feature_tool"
MERGES = real_data.merges()
PATHS = photographs.spread(N_IMAGES)
NAMES = sorted(photographs.CLASS_NAMES, key=len)  # from the shortest to the longest
TEXTS = [f"a photo of a {NAMES[i * (len(NAMES) - 1) // (N_TEXTS - 1)].replace('_', ' ')}." for i in range(N_TEXTS)]
ENCODERS = ("plain", "fast")


def features_of(model: Path, folder: Path, encoder: str) -> dict[str, torch.Tensor]:
    """What one of our program's encoders makes of the images and texts."""
    (folder / "images").write_text("\n".join(PATHS) + "\n")
    (folder / "texts").write_text("\n".join(TEXTS) + "\n")
    out = folder / "features.safetensors"
    subprocess.run([TOOL, encoder, model, MERGES, folder / "images", folder / "texts", out], check=True)
    return load_file(out)


def in_batches(function, values: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([function(part) for part in values.split(8)])


def padded(tokens: torch.Tensor, context: int = 77) -> torch.Tensor:
    return F.pad(tokens, (0, context - tokens.shape[1]))


def as_tensor(output) -> torch.Tensor:
    """transformers 5 returns the projected features inside an output object."""
    return output if torch.is_tensor(output) else output.pooler_output


def pillow_pixels(path: str, size: int) -> torch.Tensor:
    """Pillow's decoding and resize, torchvision's crop, CLIP's normalization."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    short = min(width, height)
    scaled = (size, int(size * height / short)) if width <= height else (int(size * width / short), size)
    image = image.resize(scaled, Image.Resampling.BICUBIC)
    left, top = int(round((scaled[0] - size) / 2.0)), int(round((scaled[1] - size) / 2.0))
    pixels = torch.from_numpy(numpy.array(image.crop((left, top, left + size, top + size)))).permute(2, 0, 1)
    return (pixels / 255.0 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


class FeatureTest(unittest.TestCase):
    def compare(self, what: str, got: torch.Tensor, want: torch.Tensor) -> None:
        self.assertEqual(got.shape, want.shape)
        difference = float((F.normalize(got, dim=-1) - F.normalize(want.float(), dim=-1)).abs().max())
        spread = float(F.normalize(got, dim=-1).std(dim=0).mean())
        print(f"{what:44} max difference {difference:.1e} of {got.numel()} numbers (spread {spread:.1e})", flush=True)
        self.assertLessEqual(difference, TOLERANCE)
        self.assertGreater(spread, 100 * TOLERANCE, "features that are all alike prove nothing")

    def compare_all(self, what: str, model: Path, folder: Path, encode_image, encode_text,
                    encoders=("fast",)) -> dict[str, torch.Tensor]:
        """Both towers of the encoders against the peer's; the last one's features."""
        images = texts = None
        for encoder in encoders:
            ours = features_of(model, folder, encoder)
            if images is None:  # both encoders read the same pixels and tokens
                images = in_batches(encode_image, ours["pixels"])
                texts = in_batches(encode_text, padded(ours["tokens"]))
            self.assertEqual(len(ours["image_features"]), N_IMAGES)
            self.assertEqual(len(ours["text_features"]), N_TEXTS)
            self.compare(f"{what}, {encoder}, images", ours["image_features"], images)
            self.compare(f"{what}, {encoder}, texts", ours["text_features"], texts)
        return ours

    def test_vit_b16_equals_transformers(self) -> None:
        sizes = make_models.Sizes(embed_dim=512, image_px=224, patch_px=16, vision_width=768, vision_layers=12,
                                  text_width=512, text_layers=12)
        weights = make_models.openai_model(sizes, gain=2.0).state_dict()
        with tempfile.TemporaryDirectory() as name:
            folder, model, _ = make_models.write_hugging_face(Path(name) / "hf", weights, sizes)
            del weights
            ours = self.compare_all("ViT-B/16, transformers", Path(folder), Path(name),
                                    lambda x: as_tensor(model.get_image_features(pixel_values=x)),
                                    lambda t: as_tensor(model.get_text_features(input_ids=t)), ENCODERS)
            self.report_decoding(ours, model)

    def report_decoding(self, ours: dict[str, torch.Tensor], model) -> None:
        """Pillow's decoding and resize instead of ours: the same pixels, so the same features."""
        pixels = torch.stack([pillow_pixels(path, 224) for path in PATHS])
        theirs = in_batches(lambda x: as_tensor(model.get_image_features(pixel_values=x)), pixels)
        cosine = F.cosine_similarity(ours["image_features"], theirs)
        levels = float(((ours["pixels"] - pixels).abs() * torch.tensor(STD)[:, None, None]).max() * 255)
        difference = (F.normalize(ours["image_features"], dim=-1) - F.normalize(theirs, dim=-1)).abs().max()
        print(f"decoded by Pillow instead: pixels differ by at most {levels:.1f} levels, normalized features by "
              f"{float(difference):.1e}, cosine at least {float(cosine.min()):.6f}")
        self.assertLess(levels, 0.1)
        self.assertLessEqual(float(difference), 1e-4)

    def test_each_format_equals_its_library(self) -> None:
        """One encoder: both take the same weights, and are compared at the real size above and in equiv.encoder."""
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            weights = make_models.openai_model().state_dict()
            path, model, _ = make_models.write_openai(root / "openai.pt", weights)
            model = model.float()
            self.compare_all("OpenAI's archive (fp16)", path, root, model.encode_image, model.encode_text)

            for dtype in (torch.float32, torch.float16, torch.bfloat16):
                folder = root / f"hf-{dtype}"
                _, model, _ = make_models.write_hugging_face(folder, weights, dtype=dtype)
                model = model.float()
                self.compare_all(f"Hugging Face, {dtype}", folder, root,
                                 lambda x: as_tensor(model.get_image_features(pixel_values=x)),
                                 lambda t: as_tensor(model.get_text_features(input_ids=t)))

            for quick in (False, True):
                folder = root / f"open_clip-{quick}"
                _, model, _ = make_models.write_open_clip(folder, weights, quick_gelu=quick)
                for file in ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"):
                    self.compare_all(f"{file}, quick_gelu {quick}", folder / file, root, model.encode_image,
                                     model.encode_text)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
    unittest.main()
