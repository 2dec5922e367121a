#!/usr/bin/env python3
"""Methods that are fitted to features, beside their authors' loops, on the same arrays and threads, in turn.

    PROMPT_TOOLS=build/tests .venv-parity/bin/python tests/speed/fits.py [--repeats N] [--threads N] [--classes K] [--shots S]

Drawn features like CLIP's: K classes, S shots, 4 validation pictures a class, 512 values. LP++ is the authors' loop in
PyTorch (autograd, SGD, validation after each iteration), the linear probe CoOp's search with scikit-learn. Tip-Adapter-F's
authors encode pictures again in every step; here a few steps of a ViT-B/16 with random weights are timed and the others
counted. The best of the repeats counts for each side: seconds on the clock and, on a busy
machine with --threads 1 the better measure, of the processor. Prints a Markdown table.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "reference"))

from plain_port import Transformer, VisionTransformer  # noqa: E402
from safetensors_file import write_safetensors  # noqa: E402

TIP_EPOCHS, TIP_BATCH, ENCODED_AT_A_TIME = 20, 256, 16


def draw(n_classes, shots, n_val=4, width=512, n_views=10):
    """Features with a common part, as CLIP's have, a centre for each class and noise; captions near the centres."""
    rng = np.random.default_rng(1)
    common = 0.3 * rng.normal(size=width)
    common[7] += 8
    centres = common + 0.25 * rng.normal(size=(n_classes, width))
    labels, val_labels = np.repeat(np.arange(n_classes), shots), np.repeat(np.arange(n_classes), n_val)

    def near(rows, size):
        return torch.tensor(rows + size * rng.normal(size=rows.shape), dtype=torch.float32)

    pictures = near(centres[labels], 0.35).numpy()
    return {"features": torch.stack([near(pictures, 0.1) for _ in range(n_views)]), "labels": torch.tensor(labels),
            "val_features": near(centres[val_labels], 0.37), "val_labels": torch.tensor(val_labels),
            "captions": near(centres, 0.5)}


def timed(function):
    """Seconds on the clock and of the processor."""
    start, cpu = time.perf_counter(), time.process_time()
    function()
    return np.array((time.perf_counter() - start, time.process_time() - cpu))


# ---------------------------------------------------------------- the authors' loops


def lp_plus_plus(data):
    """methods/linear_probe_p2.py's loop in fp32, without its test after each iteration."""
    f, t = F.normalize(data["features"][0], dim=-1), F.normalize(data["captions"], dim=-1)
    v, y, n = F.normalize(data["val_features"], dim=-1), data["labels"], len(data["labels"])
    one_hot = F.one_hot(y).float()
    classifier = torch.nn.Linear(f.shape[1], len(t))
    classifier.weight.data = one_hot.T @ f
    alpha = torch.full((len(t),), float(250 * ((one_hot * (f @ t.T)).sum(0) / one_hot.sum(0)).mean()), requires_grad=True)
    rate = 4 * n / float(torch.linalg.eigvalsh(f.T @ f)[-1])
    alpha_rate = n / (4 * float(((f @ t.T) ** 2).sum(0).max()))
    optimizer, best = torch.optim.SGD(classifier.parameters(), lr=rate, momentum=0.9), 0.0
    for i in range(1, 301):
        loss = F.cross_entropy(classifier(f) + alpha * (f @ t.T), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 10 == 0:
            alpha.data -= alpha_rate * alpha.grad
        with torch.no_grad():
            best = max(best, float(((classifier(v) + alpha * (v @ t.T)).argmax(1) == data["val_labels"]).float().mean()))
    return best


def linear_probe(data):
    """lpclip/linear_probe.py's search, which fits both sides of every round."""
    from sklearn.linear_model import LogisticRegression

    x, y = data["features"][0].numpy(), data["labels"].numpy()
    v, w = data["val_features"].numpy(), data["val_labels"].numpy()

    def accuracy(c):
        return LogisticRegression(C=c, solver="lbfgs", max_iter=1000).fit(x, y).score(v, w)

    grid = (1e6, 1e4, 1e2, 1, 1e-2, 1e-4, 1e-6)
    found = [accuracy(c) for c in grid]
    left, right = 0.1 * grid[int(np.argmax(found))], 10 * grid[int(np.argmax(found))]
    for _ in range(8):
        a, b = accuracy(left), accuracy(right)
        middle = (left * right) ** 0.5
        left, right = (middle, right) if a < b else (left, middle)
    return max(a, b)


def tip_adapter_f(data, n_timed=2):
    """Times of main.py's training: encoding and a step of the keys, a few times, for all steps."""
    model = VisionTransformer(16, 197, Transformer(768, 12, 12), 512).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    adapter = torch.nn.Linear(512, len(data["labels"]), bias=False)
    optimizer = torch.optim.AdamW(adapter.parameters(), lr=0.001, eps=1e-4)
    values, t = F.one_hot(data["labels"]).float(), F.normalize(data["captions"], dim=-1)
    pixels, y = torch.randn(ENCODED_AT_A_TIME, 3, 224, 224), data["labels"][:TIP_BATCH]

    def encode():
        with torch.no_grad():
            return F.normalize(model(pixels, None), dim=-1)

    def step():
        x = features.repeat(len(y) // len(features), 1)
        loss = F.cross_entropy(100 * x @ t.T + torch.exp(-(1 - adapter(x))) @ values, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    features = encode()
    one = [timed(encode) * (len(y) // len(pixels)) + timed(step) for _ in range(n_timed)]
    return np.min(one, axis=0) * TIP_EPOCHS * -(-len(data["labels"]) // TIP_BATCH)


# ---------------------------------------------------------------- both sides


def ours(path, out, threads, *keys):
    tool = Path(os.environ["PROMPT_TOOLS"]) / "fit_tool"
    words = [tool, path, out, str(threads), "1", *keys]
    return np.array(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split(), float)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--shots", type=int, default=16)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.filterwarnings("ignore")
    data = draw(args.classes, args.shots)
    with tempfile.TemporaryDirectory() as folder:
        views, one, out = (Path(folder) / name for name in ("views", "one", "out"))
        write_safetensors(views, data)
        write_safetensors(one, {**data, "features": data["features"][:1]})
        cached = ("method=tip_adapter", "tip_adapter.train_keys=true", "views.fresh=false", f"training.epochs={TIP_EPOCHS}",
                  f"training.batch_size={TIP_BATCH}", "training.lr=0.001")
        sides = {"LP++": ((one, "method=lp_plus_plus"), lambda: timed(lambda: lp_plus_plus(data))),
                 "linear probe, search of C": ((one, "method=linear_probe"), lambda: timed(lambda: linear_probe(data))),
                 "Tip-Adapter-F, cached views": ((views, *cached), lambda: tip_adapter_f(data))}
        print(f"| {args.classes} classes, {args.shots} shots, threads: {args.threads} | `prompt`, s | authors', s | ratio | "
              "of the processor: `prompt`, s | authors', s | ratio |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name, ((path, *keys), theirs) in sides.items():  # the sides take turns
            pairs = [(ours(path, out, args.threads, *keys), theirs()) for _ in range(args.repeats)]
            a, b = (np.min(column, axis=0) for column in zip(*pairs))
            cells = " | ".join(f"{a[i]:.2f} | {b[i]:.2f} | {b[i] / a[i]:.1f}" for i in range(2))
            print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
