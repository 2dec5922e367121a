#!/usr/bin/env python3
"""Times and memory of `prompt predict` beside open_clip: same weights, pictures, classes and threads, in turn.

Cold: a new process predicts one picture, without a run, with the files in the page cache; the median of the repeats. The
throughput is that of all pictures in one process, decoding included, start and class texts excluded on both sides. Memory is
the largest resident size, pages of files counted.
"""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time

PARITY = pathlib.Path(__file__).resolve().parents[1] / "parity"
PEER = textwrap.dedent("""\
    import sys, time
    import peers  # tests/parity: before open_clip
    import torch, open_clip
    from PIL import Image
    weights, names, batch, *pictures = sys.argv[1:]
    names, batch = names.split(","), int(batch)
    model, _, transform = open_clip.create_model_and_transforms("ViT-B-16-quickgelu", pretrained=weights)
    tokenizer = open_clip.get_tokenizer("ViT-B-16")
    model.eval()
    with torch.inference_mode():
        z = model.encode_text(tokenizer([f"a photo of a {name}." for name in names]), normalize=True)
        began = time.monotonic()
        for i in range(0, len(pictures), batch):
            pixels = torch.stack([transform(Image.open(path)) for path in pictures[i : i + batch]])
            p = (model.logit_scale.exp() * model.encode_image(pixels, normalize=True) @ z.T).softmax(-1)
            for path, row in zip(pictures[i : i + batch], p):
                print(f"{path},{names[int(row.argmax())]},{float(row.max()):.6f}")
        print(f"seconds {time.monotonic() - began:.3f}", file=sys.stderr)
    """)


def run(words, **more):
    """(seconds of the whole process, peak KiB, standard output, standard error)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, **more)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    if status != 0:
        sys.exit(f"first_answer: {words[0]} failed:\n{texts[1]}")
    return seconds, usage.ru_maxrss, *texts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=pathlib.Path, required=True, help="folder of pictures, with its sub-folders")
    parser.add_argument("--merges", type=pathlib.Path, required=True, help="CLIP's merges")
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--limit", type=int, default=1000, help="pictures of the throughput")
    parser.add_argument("--repeats", type=int, default=7, help="cold processes of each program")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    o = parser.parse_args()
    binary = pathlib.Path(os.environ.get("PROMPT_BIN", "build/prompt")).resolve()
    pictures = sorted(o.pictures.rglob("*.jpg"))[::7][: o.limit]
    names = ",".join(f"thing number {i}" for i in range(o.classes))
    folder = pathlib.Path(tempfile.mkdtemp())
    environment = {**os.environ, "PYTHONPATH": str(PARITY), "OMP_NUM_THREADS": str(o.threads), "XDG_CACHE_HOME": str(folder / "cache")}
    try:
        weights = folder / "vit-b-16.safetensors"
        run([binary, "model", "init", "--arch", "ViT-B-16", "--gain", "3", "--out", weights])
        (folder / "peer.py").write_text(PEER)
        ours = [binary, "predict", "--model", weights, "--class-names", names, "--set", f"model.merges={o.merges}", "--format", "csv",
                "--threads", o.threads]
        peer = [sys.executable, "-B", folder / "peer.py", weights, names, 16]
        empty = [*ours, pictures[0], "--set", f"store.dir={folder / 'empty'}"]
        rows = {"prompt": empty, "prompt, weights and classes in its store": [*ours, pictures[0]],
                "open_clip": [*peer, pictures[0]], "prompt version": [binary, "version"]}
        cold = {name: [] for name in rows}
        # a log needs the digest of the weights, which the store then knows, if the file is not new
        time.sleep(3)
        run([*ours, pictures[0], "--log", folder / "log.json"], env=environment)
        for turn in range(o.repeats + 1):  # the first brings the files into the page cache
            for name, words in rows.items():
                shutil.rmtree(folder / "empty", ignore_errors=True)
                measured = run(words, env=environment)
                if turn > 0:
                    cold[name].append(measured)
        print("| cold process, one picture | median s | least | peak MiB |\n| --- | --- | --- | --- |")
        for name, rows in cold.items():
            seconds = [row[0] for row in rows]
            print(f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(row[1] for row in rows) / 1024:.0f} |")
        ratio = statistics.median(row[0] for row in cold["open_clip"]) / statistics.median(row[0] for row in cold["prompt"])
        print(f"\nopen_clip takes {ratio:.1f} times as long; the fp32 weights are {weights.stat().st_size / 2**20:.0f} MiB\n")

        rates = {"prompt": [], "open_clip": []}
        for _ in range(2):
            *_, err = run([*ours, *pictures], env=environment)
            rates["prompt"].append(float(re.findall(r"([\d.]+) a second", err)[-1]))
            *_, err = run([*peer, *pictures], env=environment)
            rates["open_clip"].append(len(pictures) / float(re.search(r"seconds (\d+\.\d+)", err)[1]))
        print("| throughput | pictures/s |\n| --- | --- |")
        for name, rows in rates.items():
            print(f"| {name} | {max(rows):.2f} |")
        print(f"\n{max(rates['prompt']) / max(rates['open_clip']):.2f} times open_clip's, on {len(pictures)} pictures, {o.threads} threads")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
