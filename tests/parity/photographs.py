"""Photographs for the tests of pictures: Caltech-101's, or drawn ones of like sizes where PROMPT_TEST_DATA is not set."""

import atexit
import os
import tempfile

import numpy as np
from PIL import Image, ImageDraw

import real_data

N_DRAWN = 64
SEED = 6


def draw(rng):
    """A smooth ground, shapes with sharp edges on it, and a little noise; one in four is higher than wide."""
    width, height = int(rng.integers(250, 350)), int(rng.integers(150, 250))
    width, height = (height, width) if rng.integers(4) == 0 else (width, height)
    image = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8)).resize((width, height), Image.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = rng.integers(-20, width), rng.integers(-20, height)
        w, h = rng.integers(10, 120, 2)
        shape = pen.ellipse if rng.integers(2) else pen.rectangle
        shape((int(x), int(y), int(x + w), int(y + h)), fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
    noisy = np.asarray(image).astype(int) + rng.integers(-8, 9, (height, width, 1))
    image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    return image.convert("L") if rng.integers(8) == 0 else image  # some of Caltech-101's are grey


def drawn():
    """Paths of JPEG files that are removed at the end of the process."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    rng = np.random.default_rng(SEED)
    paths = [os.path.join(folder.name, f"{i:02}.jpg") for i in range(N_DRAWN)]
    for i, path in enumerate(paths):
        draw(rng).save(path, quality=int(rng.integers(60, 96)), subsampling=i % 3, progressive=i % 4 == 0)
    print(f"PROMPT_TEST_DATA is not set: {N_DRAWN} drawn pictures in place of Caltech-101's")
    return paths


def load():
    """Paths of all photographs, of those of the test list, and 100 class names."""
    images, split = real_data.caltech()
    if not images:
        paths = drawn()
        return paths, paths, [name for _, name in real_data.imagenet_classes()[:100]]
    lists = {part: [str(images / path) for path, _, _ in split[part]] for part in ("train", "val", "test")}
    names = [name for _, name in sorted({(label, name) for _, label, name in split["train"]})]
    return lists["train"] + lists["val"] + lists["test"], lists["test"], names


ALL, TEST, CLASS_NAMES = load()


def spread(n):
    """n of the test list's, evenly."""
    return [TEST[i * len(TEST) // n] for i in range(n)]
