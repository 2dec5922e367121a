"""Decoding of photographs, resize and test transform against Pillow (and torchvision's arithmetic, stated here in plain
Python).

Needs PROMPT_TOOLS (folder of image_tool). Prints how many arrays and numbers were compared; none is a failure. Every kind
of file: test_decoders.py.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from PIL import Image

import photographs
from image_peer import Tool, compare, pillow_rgb, report
from real_data import skip_or_fail

OLDER_PILLOW = "12.3.0"
# Runs in Python with an older Pillow: lines "W H OUT_W OUT_H" with W * H * 3 bytes behind them.
RESIZE = """
import sys
from PIL import Image, __version__
assert __version__ == sys.argv[1], __version__
for line in sys.stdin.buffer:
    w, h, out_w, out_h = map(int, line.split())
    image = Image.frombytes("RGB", (w, h), sys.stdin.buffer.read(w * h * 3))
    sys.stdout.buffer.write(image.resize((out_w, out_h), Image.BICUBIC).tobytes())
    sys.stdout.buffer.flush()
"""


def pillow_resize(image, width, height):
    """Pillow's two passes, horizontal first, as Image.resize runs them in every version up to 12.3.

    Since 13.0 it runs the vertical pass first where that is less work, which changes an 8-bit result by up to 20
    levels. The test transform scales both sides alike and is not touched by that.
    """
    return np.asarray(image.resize((width, image.height), Image.BICUBIC).resize((width, height), Image.BICUBIC))


def test_geometry(width, height, size):
    """Size after torchvision's Resize(size) and offsets of its CenterCrop(size)."""
    short, long = min(width, height), max(width, height)
    new_long = int(size * long / short)
    w, h = (size, new_long) if width <= height else (new_long, size)
    return w, h, int(round((w - size) / 2.0)), int(round((h - size) / 2.0))


def older_pillow():
    """A folder with the wheel of an older Pillow, made once beside the peers; None where that cannot be."""
    folder = os.path.join(sys.prefix, "targets", f"pillow-{OLDER_PILLOW}")
    if not os.path.isdir(folder):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        part = tempfile.mkdtemp(dir=os.path.dirname(folder))
        made = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                               "--target", part, f"pillow=={OLDER_PILLOW}"], check=False)
        try:
            os.rename(part, folder) if made.returncode == 0 else shutil.rmtree(part)
        except OSError: # another test was faster
            shutil.rmtree(part)
    return folder if os.path.isdir(folder) else None


class OlderPillow:
    """Image.resize of an older Pillow, in a process of its own."""

    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, "-c", RESIZE, OLDER_PILLOW], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": folder})

    def resize(self, image, width, height):
        self.process.stdin.write(f"{image.width} {image.height} {width} {height}\n".encode() + image.tobytes())
        self.process.stdin.flush()
        return np.frombuffer(self.process.stdout.read(width * height * 3), np.uint8).reshape(height, width, 3)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class ImagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tool = Tool(os.environ["PROMPT_TOOLS"])

    @classmethod
    def tearDownClass(cls):
        cls.tool.close()

    def pillow_test_transform(self, image, size):
        w, h, left, top = test_geometry(*image.size, size)
        box = (left, top, left + size, top + size)
        return np.asarray(image.resize((w, h), Image.BICUBIC).crop(box))

    def test_resize_of_real_images(self):
        rng = random.Random(7)
        exact, chosen = 0, rng.sample(photographs.ALL, min(150, len(photographs.ALL)))
        for path in chosen:
            pixels = pillow_rgb(path)
            image = Image.fromarray(pixels)
            difference = compare(self, self.tool.test_transform(pixels, 224), self.pillow_test_transform(image, 224),
                                      path, 1)
            # a random crop as the training transform makes it: cropped first, so that nothing outside contributes
            w, h = rng.randint(1, image.width), rng.randint(1, image.height)
            left, top = rng.randint(0, image.width - w), rng.randint(0, image.height - h)
            box = (left, top, left + w, top + h)
            theirs = pillow_resize(image.crop(box), 224, 224)
            difference += compare(self, self.tool.resize(pixels, box, 224, 224), theirs, f"{path} {box}", 1)
            exact += difference == 0
        print(f"resize: {exact} of {len(chosen)} images equal in every byte, test transform and random crop")

    def test_resize_of_odd_sizes(self):
        rng = np.random.default_rng(3)
        sizes = [(1, 1), (1, 500), (500, 1), (3000, 20), (20, 3000), (2, 3), (225, 224), (227, 224), (224, 225),
                 (224, 227), (224, 224), (223, 224), (337, 510), (4001, 2999), (7, 7), (1023, 5)]
        for width, height in sizes:
            pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            image = Image.fromarray(pixels)
            for size in (224, 336, 32, 1):
                compare(self, self.tool.test_transform(pixels, size), self.pillow_test_transform(image, size),
                             f"{width}x{height} to {size}", 1)
            for new in ((1, 1), (224, 224), (width, height), (3, 301), (width, 17), (17, height)):
                compare(self, self.tool.resize(pixels, (0, 0, width, height), *new), pillow_resize(image, *new),
                             f"{width}x{height} to {new}", 1)

    def test_geometry_of_the_centre_crop(self):
        self.assertEqual(test_geometry(225, 224, 224)[2:], (0, 0))
        self.assertEqual(test_geometry(227, 224, 224)[2:], (2, 0))

    def test_order_of_passes(self):
        """Horizontal first, as every Pillow before 13.0, whatever the size; 13.0 is right beside it where it agrees."""
        folder = older_pillow()
        if not folder:
            if os.environ.get("PROMPT_REQUIRE_PARITY") == "1":
                self.fail(f"Pillow {OLDER_PILLOW} cannot be installed")
            self.skipTest(f"Pillow {OLDER_PILLOW} cannot be installed: the order of passes was not compared with it")
        older = OlderPillow(folder)
        rng, chosen = np.random.default_rng(8), random.Random(8)
        crops = [(Image.fromarray(rng.integers(0, 256, (300, 60, 3), dtype=np.uint8)), "noise of 60 x 300")]
        for path in chosen.sample(photographs.ALL, min(60, len(photographs.ALL))): # crops as training makes them
            image = Image.fromarray(pillow_rgb(path))
            w, h = chosen.randint(image.width // 4 + 1, image.width), chosen.randint(image.height // 4 + 1, image.height)
            crops.append((image.crop((0, 0, w, h)), f"{path}, {w} x {h}"))
        differences = []
        for image, what in crops:
            pixels = np.asarray(image)
            ours = self.tool.resize(pixels, (0, 0, image.width, image.height), 224, 224)
            compare(self, ours, older.resize(image, 224, 224), what, 1)
            newer = np.asarray(image.resize((224, 224), Image.BICUBIC))
            differences.append(int(np.abs(ours.astype(int) - newer.astype(int)).max()))
        older.close()
        n_other = sum(d > 1 for d in differences)
        print(f"order of passes: {len(crops)} crops within a level of Pillow {OLDER_PILLOW}; {n_other} differ by more from "
              f"Pillow {Image.__version__}, by up to {max(differences)} levels, noise of 60 x 300 by {differences[0]}")
        self.assertGreater(differences[0], 1, "this Pillow runs its passes as ours: src/image/README.md and transform.h say otherwise")

    def test_decoded_photographs(self):
        """Some of each class have Pillow's bytes; with PROMPT_PARITY_PHOTOGRAPHS=all every one. Kinds of files: test_decoders.py."""
        is_all = os.environ.get("PROMPT_PARITY_PHOTOGRAPHS") == "all" or len(photographs.ALL) < 1000
        paths = photographs.ALL if is_all else photographs.ALL[::8]
        for path in paths:
            compare(self, self.tool.decode(path), pillow_rgb(path), path)
        print(f"decoding: {len(paths)} photographs equal in every byte")


if __name__ == "__main__":
    if "PROMPT_TOOLS" not in os.environ:
        skip_or_fail("PROMPT_TOOLS (folder of image_tool) is not set")
    result = unittest.main(exit=False, verbosity=2).result
    report(result)
