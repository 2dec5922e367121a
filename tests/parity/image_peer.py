"""Shared by the tests of pictures: our program's pixels (image_tool), Pillow's, and their comparison."""
import os
import subprocess
import sys

import numpy as np
from PIL import Image

counts = {"arrays": 0, "numbers": 0}


def pillow_rgb(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


class Tool:
    """A running image_tool."""

    def __init__(self, folder):
        self.process = subprocess.Popen([os.path.join(folder, "image_tool")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, line, pixels=b""):
        self.process.stdin.write(line.encode() + b"\n" + pixels)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().rstrip("\n")
        if not answer.startswith("ok "):
            raise RuntimeError(f"{line}: {answer}")
        width, height = map(int, answer.split()[1:])
        data = self.process.stdout.read(width * height * 3)
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)

    def decode(self, path):
        return self.ask(f"decode {path}")

    def upright(self, path):
        return self.ask(f"upright {path}")

    def resize(self, pixels, box, width, height):
        h, w = pixels.shape[:2]
        left, top, right, bottom = box
        return self.ask(f"resize {w} {h} {left} {top} {right - left} {bottom - top} {width} {height}", pixels.tobytes())

    def test_transform(self, pixels, size):
        h, w = pixels.shape[:2]
        return self.ask(f"test {w} {h} {size}", pixels.tobytes())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def compare(test, ours, theirs, what, max_abs=0):
    """Fails where a number differs by more; returns the largest difference."""
    test.assertEqual(ours.shape, theirs.shape, what)
    difference = int(np.abs(ours.astype(int) - theirs.astype(int)).max())
    counts["arrays"] += 1
    counts["numbers"] += ours.size
    test.assertLessEqual(difference, max_abs, what)
    return difference


def report(result):
    print(f"compared {counts['arrays']} arrays, {counts['numbers']} numbers")
    if not result.wasSuccessful() or counts["arrays"] == 0:
        sys.exit(1)
