"""Photographs for the tests of pictures: Caltech-101's, or drawn ones of like sizes where PROMPT_TEST_DATA is not set."""

import atexit
import os
import tempfile

import numpy as np
from PIL import Image, ImageDraw

import real_data

N_DRAWN = 64
SEED = 6


def colours(rng, spread, *shape):
    """Around grey, the three channels much alike."""
    return rng.normal(0, spread, (*shape, 1)) + rng.normal(0, 0.4 * spread, (*shape, 3))


def pixels_of(values):
    return (128 + values).round().clip(0, 255).astype(np.uint8)


def draw(rng):
    """A ground of fine and coarse patches, the finer the fainter, and shapes with sharp edges on it; as photographs, most
    are wider than high, and some are grey."""
    width, height = int(rng.integers(250, 350)), int(rng.integers(150, 250))
    width, height = (height, width) if rng.integers(4) == 0 else (width, height)
    ground = np.zeros((height, width, 3))
    for n in (2, 4, 8, 16, 32, 64):
        patches = Image.fromarray(pixels_of(colours(rng, 70 / n, n, n))).resize((width, height), Image.BICUBIC)
        ground += np.asarray(patches).astype(float) - 128
    image = Image.fromarray(pixels_of(ground + rng.normal(0, 4, (height, width, 1))))
    pen = ImageDraw.Draw(image)
    for _ in range(5):
        x, y, w, h = (int(side) for side in rng.integers((-20, -20, 10, 10), (width, height, 120, 120)))
        shape = pen.ellipse if rng.integers(2) else pen.rectangle
        shape((x, y, x + w, y + h), fill=tuple(pixels_of(colours(rng, 40)).tolist()))
    return image.convert("L") if rng.integers(8) == 0 else image


def drawn():
    """Paths of JPEG files that are removed at the end of the process."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    rng = np.random.default_rng(SEED)
    paths = [os.path.join(folder.name, f"{i:02}.jpg") for i in range(N_DRAWN)]
    for i, path in enumerate(paths):
        draw(rng).save(path, quality=int(rng.integers(60, 96)), subsampling=i % 3, progressive=i % 4 == 0)
    print(f"no photographs (PROMPT_TEST_DATA): {N_DRAWN} drawn pictures in place of Caltech-101's")
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
