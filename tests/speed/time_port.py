"""Times one step of a plain port and prints JSON; compare.py runs it beside `prompt bench`."""

import argparse
import ctypes
import json
import resource
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from plain_deep import MaPLe, PromptSRC
from plain_port import Clip, Port, Prompt

PORTS = {"prompt": Prompt, "maple": MaPLe, "promptsrc": PromptSRC}
PEAK_REPEATS = 8
PEAK_TEXT_ROWS = 4096  # of K * 77: more rows are not faster, and take gigabytes


def set_allocator() -> None:
    """The settings of torch_init (shim/runtime.cpp) for our program."""
    libc = ctypes.CDLL(None)
    M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
    for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, 16 << 20)):
        if libc.mallopt(option, value) != 1:
            raise RuntimeError(f"mallopt({option}, {value}) failed")


def forbid_swamping() -> None:
    """Limits the memory, so that a step that does not fit ends with an error."""
    available = next(int(line.split()[1]) << 10 for line in Path("/proc/meminfo").read_text().splitlines()
                     if line.startswith("MemAvailable"))
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + available, mapped + available))


def peak_rss_bytes() -> int:
    return next(int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines()
                if line.startswith("VmHWM"))


def peak_flop_s(clip: Clip, n_classes: int) -> float:
    """The best rate of any product of the towers' shapes: as called (MKL or oneDNN), oneDNN unpacked and packed."""
    dtype, best = clip.text_projection.dtype, 0.0
    text_rows = min(n_classes * len(clip.positional_embedding), PEAK_TEXT_ROWS)
    onednn = torch.ops.mkldnn._linear_pointwise
    for rows, width in ((len(clip.visual.positional_embedding), clip.visual.conv1.out_channels),
                        (text_rows, clip.text_projection.shape[0])):
        for n_in, n_out in ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)):
            x, w = torch.randn(rows, n_in).to(dtype), torch.randn(n_out, n_in).to(dtype)
            packed = torch.ops.mkldnn._reorder_linear_weight(w, rows)
            for product in (lambda: F.linear(x, w), lambda: onednn(x, w, None, "none", [], ""),
                            lambda: onednn(x, packed, None, "none", [], "")):
                product()
                for _ in range(PEAK_REPEATS):
                    start = time.perf_counter()
                    product()
                    best = max(best, 2 * rows * n_in * n_out / (time.perf_counter() - start))
    return best


def measure(model: Port, train: bool, images: Tensor, labels: Tensor, repeats: int) -> dict[str, object]:
    """One warm round, whose products are counted, and the timed ones."""
    optimizer = torch.optim.SGD(model.trained().values(), lr=0.0, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        with torch.set_grad_enabled(train):
            if train:
                optimizer.zero_grad(set_to_none=True)
                loss = model.loss(images, labels)
                loss.backward()
                optimizer.step()
                loss.item()
            else:
                model.evaluate(images)

    aten = torch.ops.aten
    attention = {  # which the counter does not know on a CPU
        aten._scaled_dot_product_flash_attention_for_cpu: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
        aten._scaled_dot_product_flash_attention_for_cpu_backward:
            lambda dy, q, k, v, *_, **__: sdpa_backward_flop_count(dy, q, k, v),
    }
    with FlopCounterMode(display=False, custom_mapping=attention) as counter:
        step()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    counts = {str(op): n for op, n in counter.get_flop_counts()["Global"].items()}
    return {"seconds": min(seconds), "median_seconds": statistics.median(seconds), "peak_rss_mib": peak_rss_bytes() / 2**20,
            "gflop": sum(n for op, n in counts.items() if "attention" not in op) * 1e-9,
            "attention_gflop": sum(n for op, n in counts.items() if "attention" in op) * 1e-9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=PORTS, default="prompt")
    parser.add_argument("--model", required=True, help="safetensors with OpenAI's names")
    parser.add_argument("--heads", type=int, nargs=2, required=True, help="of the two towers, vision first")
    parser.add_argument("--tokens", required=True, help="JSON of start, names, captions, eot_id: compare.py")
    parser.add_argument("--mode", choices=("train", "eval"), required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--precision", choices=("fp32", "bf16"), required=True)
    parser.add_argument("--depth", type=int, required=True, help="J")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--repeats", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    set_allocator()

    clip = Clip(load_file(args.model), *args.heads)
    tokens = json.loads(Path(args.tokens).read_text())
    model = PORTS[args.method](clip.to_bf16() if args.precision == "bf16" else clip, tokens["start"], J=args.depth)
    model.set_classes(tokens["names"], torch.tensor(tokens["captions"]), tokens["eot_id"])
    side = clip.visual.conv1.kernel_size[0] * round((len(clip.visual.positional_embedding) - 1)**0.5)
    images, labels = torch.randn(args.batch, 3, side, side), torch.arange(args.batch) % len(tokens["names"])
    forbid_swamping()
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    result = measure(model, args.mode == "train", images, labels, args.repeats)
    result["peak_gflops"] = peak_flop_s(clip, len(tokens["names"])) * 1e-9
    print(json.dumps(result))


if __name__ == "__main__":
    main()
