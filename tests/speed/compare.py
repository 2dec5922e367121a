"""The table of ratios: plain PyTorch ports beside `prompt bench`, cell by cell in turn, each in a process of its own.

Run by run.sh. PROMPT_BIN is the program; PROMPT_TEST_DATA holds CLIP's merges, Caltech-101's split file (its base classes
are the names at K = 50) and imagenet/class_names.txt (the first K of it otherwise).

Training at K > --port-k no machine of 24 GiB holds: there the port's time is the line a + b K, fitted to its times an image
at K = 50, 100, 200. ProMPT's port trains at batch 1, and at K = 50 at the batch size of ours, too; those of methods whose text
does not depend on the image train at the batch size of ours.
"""

import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))

import peers  # noqa: E402, F401
import open_clip.tokenizer  # noqa: E402

CALTECH_K = 50
FIT_K = (50, 100, 200)
METHODS = ("prompt", "maple", "promptsrc")
PRESETS = HERE.parent.parent / "configs/base2new"
DEPTH_KEYS = {"prompt": ("vision_prompt.depth",), "maple": ("context.depth",),
              "promptsrc": ("vision_prompt.depth", "context.depth")}
LEAST_FRACTION = 0.6  # of the peak, that the port must reach for its ratio to count


@dataclass(frozen=True)
class Cell:
    """One timed item."""

    program: str  # "port" or "ours"
    mode: str
    precision: str
    K: int
    batch: int
    method: str = "prompt"
    arch: str = "ViT-B-16"

    def __str__(self) -> str:
        return f"{self.program} {self.arch} {self.method} {self.mode} {self.precision} K={self.K} B={self.batch}"


def port_batch(method: str, batch: int) -> int:
    """The port's, where the batch of ours is `batch`: ProMPT takes one image after the other."""
    return 1 if method == "prompt" else batch


@dataclass
class Measured:
    """The processes of one cell together; seconds an image."""

    min: float
    median: float
    fraction: float  # of the peak, matrix products and attention, in the fastest step
    peak_rss_gib: float
    failure: str = ""


# ---------------------------------------------------------------- classes


def caltech_base_names(data: Path) -> list[str]:
    split = json.loads((data / "caltech-101/split_zhou_Caltech101.json").read_text())
    names = dict(sorted((label, name) for part in split.values() for _, label, name in part))
    return [name.replace("_", " ") for name in list(names.values())[:CALTECH_K]]


def class_names(data: Path, K: int) -> list[str]:
    if K == CALTECH_K:
        return caltech_base_names(data)
    names = (data / "imagenet/class_names.txt").read_text(encoding="utf-8").splitlines()
    if K > len(names):
        sys.exit(f"K = {K}: '{data / 'imagenet/class_names.txt'}' has only {len(names)} names")
    return names[:K]


def port_tokens(names: list[str], merges: Path) -> dict[str, object]:
    tokenizer = open_clip.tokenizer.SimpleTokenizer(str(merges))
    start = [tokenizer.sot_token_id, *tokenizer.encode("a photo of a")]
    rows = [tokenizer.encode(f"{name}.") for name in names]
    captions = [(row + [0] * 77)[:77] for row in ([*start, *name, tokenizer.eot_token_id] for name in rows)]
    return {"start": start, "names": rows, "captions": captions, "eot_id": tokenizer.eot_token_id}


# ---------------------------------------------------------------- one process


def run_json(command: list[object]) -> dict[str, object]:
    """What the command prints, or {"failure": the first line that tells of an error}."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if re.match(r"prompt: |\w*Error\b", line)]
        return {"failure": (lines or [f"ended with status {done.returncode}"])[0]}
    return json.loads(done.stdout)


class Runner:
    """Models and class lists on disk, and the two commands over them."""

    def __init__(self, folder: Path, data: Path, args: argparse.Namespace) -> None:
        self.folder, self.data, self.depth, self.threads, self.repeats = folder, data, args.depth, args.threads, args.repeats
        self.program = os.environ["PROMPT_BIN"]
        self.merges = data / "clip/bpe_simple_vocab_16e6.txt.gz"

    def model(self, arch: str) -> Path:
        path = self.folder / f"{arch}.safetensors"
        if not path.exists():
            subprocess.run([self.program, "model", "init", "--arch", arch, "--out", path], check=True)
        return path

    def heads(self, arch: str) -> list[int]:
        info = run_json([self.program, "model", "info", self.model(arch), "--json", "--no-hash"])
        return [info[tower]["heads"] for tower in ("vision", "text")]

    def class_files(self, K: int) -> tuple[Path, Path]:
        names, tokens = self.folder / f"names-{K}.txt", self.folder / f"tokens-{K}.json"
        if not tokens.exists():
            texts = class_names(self.data, K)
            names.write_text("".join(f"{name}\n" for name in texts), encoding="utf-8")
            tokens.write_text(json.dumps(port_tokens(texts, self.merges)))
        return names, tokens

    def run(self, cell: Cell) -> dict[str, object]:
        """Of a step: seconds (the least) and median_seconds, gflop with attention, peak_gflops, peak_rss_mib; or failure."""
        names, tokens = self.class_files(cell.K)
        common = ["--model", self.model(cell.arch), "--mode", cell.mode, "--batch", cell.batch, "--threads", self.threads, "--repeats",
                  self.repeats]
        if cell.program == "port":
            result = run_json([sys.executable, HERE / "time_port.py", *common, "--method", cell.method, "--precision",
                               cell.precision, "--heads", *self.heads(cell.arch), "--tokens", tokens, "--depth", self.depth])
        else:
            keys = [f"model.merges={self.merges}", *(f"{key}={self.depth}" for key in DEPTH_KEYS[cell.method])]
            if cell.method == "promptsrc":  # a step costs the same, whose features the teacher has
                keys.append("agreement.templates=captions")
            result = run_json([self.program, "bench", *common, "--config", PRESETS / f"{cell.method}.json", "--precision",
                               cell.precision, "--classes-file", names, "--json",
                               *(word for key in keys for word in ("--set", key))])
            if "failure" not in result:
                result = result["points"][0]
        if "failure" in result:
            return result
        return {"seconds": result["seconds"], "median_seconds": result["median_seconds"],
                "gflop": result["gflop"] + result["attention_gflop"], "peak_gflops": result["peak_gflops"],
                "peak_rss_mib": result["peak_rss_mib"]}

    def refuses(self, arch: str, precision: str) -> str:
        """Why the program does not compute in this precision here; "" if it does."""
        return self.run(Cell("ours", "eval", precision, CALTECH_K, 1, arch=arch)).get("failure", "")


# ---------------------------------------------------------------- all cells


def cells_of(args: argparse.Namespace) -> list[list[Cell]]:
    """Groups whose cells are run in turn: the port, then ours."""
    groups = []
    for mode in args.modes:
        fit = FIT_K if mode == "train" and max(args.k) > args.port_k else ()
        for arch, method, K in itertools.product(args.arch, args.methods, sorted({*args.k, *fit})):
            batches = [] if mode == "train" and K > args.port_k else [port_batch(method, args.batch)]
            if mode == "train" and K == CALTECH_K:
                batches.insert(0, args.batch)
            cells = [Cell("port", mode, p, K, batch, method, arch)
                     for p in args.port_precisions for batch in dict.fromkeys(batches)]
            if K in args.k:
                cells += [Cell("ours", mode, precision, K, args.batch, method, arch) for precision in args.precisions]
            groups.append(cells)
    return groups


def measure_all(args: argparse.Namespace, records: list[dict[str, object]], save) -> None:
    data = os.environ.get("PROMPT_TEST_DATA")
    if not data:
        sys.exit("PROMPT_TEST_DATA is not set")
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder), Path(data).resolve(), args)
        refused = {precision: why for precision in args.precisions if (why := runner.refuses(args.arch[0], precision))}
        for why in refused.values():
            print(f"left out: {why}", file=sys.stderr)
        for group in cells_of(args):
            for _ in range(args.rounds):
                for cell in (cell for cell in group if cell.precision not in refused):
                    result = runner.run(cell)
                    said = result.get("failure") or f"{result['seconds'] / cell.batch:.3f} s an image"
                    print(f"{cell}: {said}", file=sys.stderr, flush=True)
                    records.append(asdict(cell) | result)
                    save()


def summarize(records: list[dict[str, object]]) -> dict[Cell, Measured]:
    """The peak of a point (model, mode, precision, K) is the larger of what all programs found in all their processes."""
    cells: dict[Cell, list[dict[str, object]]] = {}
    peaks: dict[tuple[object, ...], float] = {}
    for record in records:
        cell = Cell(*(record[name] for name in ("program", "mode", "precision", "K", "batch")), record.get("method", "prompt"),
                    record.get("arch", Cell.arch))
        cells.setdefault(cell, []).append(record)
        point = (cell.arch, cell.mode, cell.precision, cell.K)
        peaks[point] = max(peaks.get(point, 0.0), record.get("peak_gflops", 0.0))
    summary = {}
    for cell, runs in cells.items():
        if all("failure" in run for run in runs):
            summary[cell] = Measured(0.0, 0.0, 0.0, 0.0, runs[-1]["failure"])
            continue
        runs = [run for run in runs if "failure" not in run]
        fastest = min(run["seconds"] for run in runs)
        summary[cell] = Measured(
            fastest / cell.batch, statistics.median(run["median_seconds"] for run in runs) / cell.batch,
            runs[0]["gflop"] / fastest / peaks[cell.arch, cell.mode, cell.precision, cell.K],
            max(run["peak_rss_mib"] for run in runs) / 1024)
    return summary


# ---------------------------------------------------------------- the table


@dataclass(frozen=True)
class Line:
    """Seconds an image of the port's training: a + b K."""

    a: float
    b: float
    residual: float  # the largest relative one of the fitted points
    fraction: float  # the lowest of the fitted points

    def __call__(self, K: int) -> float:
        return self.a + self.b * K


def fit_line(summary: dict[Cell, Measured], arch: str, method: str, precision: str, batch: int) -> Line | None:
    """Of the port beside ours at a batch size."""
    batch = port_batch(method, batch)
    points = [(K, summary.get(Cell("port", "train", precision, K, batch, method, arch))) for K in FIT_K]
    if any(m is None or m.failure for _, m in points):
        return None
    x, y = [K for K, _ in points], [m.min for _, m in points]
    b, a = statistics.linear_regression(x, y)
    residual = max(abs(a + b * K - s) / s for K, s in zip(x, y))
    return Line(a, b, residual, min(m.fraction for _, m in points))


def port_side(summary: dict[Cell, Measured], ours: Cell, precision: str) -> dict[str, object] | None:
    """The port's time against one of our cells: at our batch size, at batch 1, or from the line."""
    mode, K = ours.mode, ours.K
    for batch in (ours.batch, 1):
        m = summary.get(Cell("port", mode, precision, K, batch, ours.method, ours.arch))
        if m and not m.failure:
            return {"seconds": m.min, "median": m.median, "fraction": m.fraction, "gib": m.peak_rss_gib,
                    "how": f"measured, batch {batch}"}
    line = fit_line(summary, ours.arch, ours.method, precision, ours.batch)
    if mode == "train" and line and K > FIT_K[-1]:
        return {"seconds": line(K), "median": None, "fraction": line.fraction, "gib": None, "how": "from the line"}
    return None


def ratio_rows(summary: dict[Cell, Measured]) -> list[dict[str, object]]:
    rows = []
    done = [cell for cell, m in summary.items() if cell.program == "ours" and not m.failure]
    for ours in sorted(done, key=lambda c: (c.arch, METHODS.index(c.method), c.mode != "train", c.precision != "fp32", c.K)):
        m = summary[ours]
        row = asdict(ours) | {"seconds": m.min, "median": m.median, "fraction": m.fraction,
                              "gib": m.peak_rss_gib, "against": {}}
        for precision in sorted({"fp32", ours.precision}, reverse=True):
            port = port_side(summary, ours, precision)
            if port:
                ratio = port["seconds"] / m.min
                row["against"][precision] = port | {
                    "ratio": ratio, "counts": port["fraction"] >= LEAST_FRACTION,
                    "ratio_at_least_fraction": ratio * min(1.0, port["fraction"] / LEAST_FRACTION)}
        rows.append(row)
    return rows


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def all_lines(summary: dict[Cell, Measured]) -> dict[tuple[str, str, str], Line]:
    """By model, method and precision."""
    ours = {(c.arch, c.method, c.precision, c.batch) for c in summary if c.program == "ours"}
    found = {(arch, method, precision): fit_line(summary, arch, method, precision, batch)
             for arch, method, own, batch in sorted(ours) for precision in {"fp32", own}}
    return {key: line for key, line in found.items() if line}


def markdown(summary: dict[Cell, Measured]) -> str:
    rows = ratio_rows(summary)
    out = ["Seconds an image, min (median); of peak: products and attention, of the fastest product in either program.", "",
           "| model | method | mode | ours | K | ours, s | of peak | GiB | port | port, s | of peak | GiB | how | ratio |",
           "|" + " --- |" * 14]
    for row in rows:
        ours = [row["arch"], row["method"], row["mode"], row["precision"], str(row["K"])]
        ours += [f"{row['seconds']:.3f} ({row['median']:.3f})", f"{row['fraction']:.0%}", number(row["gib"], 2)]
        if not row["against"]:
            out.append("| " + " | ".join([*ours, *["-"] * 6]) + " |")
        for precision, port in row["against"].items():
            ratio = f"**{port['ratio']:.1f}x**" if port["counts"] else (
                f"{port['ratio']:.1f}x, does not count; {port['ratio_at_least_fraction']:.1f}x if the port were at "
                f"{LEAST_FRACTION:.0%}")
            out.append("| " + " | ".join([*ours, precision, f"{port['seconds']:.2f} ({number(port['median'], 2)})",
                                          f"{port['fraction']:.0%}", number(port["gib"], 2), port["how"], ratio]) + " |")
    for (arch, method, precision), line in all_lines(summary).items():
        out += ["", f"The port's training, {arch} {method} {precision}: {line.a:.3f} + {line.b:.4f} K s an image, fitted to K = "
                f"{', '.join(map(str, FIT_K))}; largest residual {line.residual:.1%}."]
    out += [f"\nFailed: {c}: {m.failure}" for c, m in summary.items() if m.failure]
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[50, 100, 500, 1000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["prompt"], help="presets of configs/base2new")
    parser.add_argument("--modes", nargs="+", choices=("train", "eval"), default=["train", "eval"])
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"], help="of ours")
    parser.add_argument("--port-precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--port-k", type=int, default=FIT_K[-1], help="the largest K that the port trains with")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each cell, in turn")
    parser.add_argument("--repeats", type=int, default=1, help="timed steps in each process, after one that is not")
    parser.add_argument("--batch", type=int, default=4, help="of ours, and of the port's training where it fits")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--arch", nargs="+", default=["ViT-B-16"], help="models of prompt model init, with random weights")
    parser.add_argument("--depth", type=int, default=9, help="J")
    parser.add_argument("--json", type=Path, help="file for measurements and table; those in it are kept and counted")
    parser.add_argument("--table-only", action="store_true", help="measure nothing, print what --json holds")
    args = parser.parse_args()

    records = json.loads(args.json.read_text())["measurements"] if args.json and args.json.exists() else []

    def save() -> None:
        if args.json:
            summary = summarize(records)
            lines = {" ".join(key): asdict(line) for key, line in all_lines(summary).items()}
            args.json.write_text(json.dumps({"measurements": records, "lines": lines, "table": ratio_rows(summary)},
                                            indent=1) + "\n")

    if not args.table_only:
        measure_all(args, records, save)
    print(markdown(summarize(records)))


if __name__ == "__main__":
    main()
