"""The table of ratios: a plain PyTorch port beside `prompt bench`, cell by cell in turn, each in a process of its own.

Run by run.sh. PROMPT_BIN is the program; PROMPT_TEST_DATA holds CLIP's merges, Caltech-101's split file (its base classes
are the names at K = 50) and imagenet/class_names.txt (the first K of it otherwise).

Training at K > 200 no machine of 24 GiB holds: there the port's time is the line a + b K, fitted to its times an image at
batch 1 and K = 50, 100, 200. At K = 50 it trains at the batch size of ours.
"""

import argparse
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
LEAST_FRACTION = 0.6  # of the peak, that the port must reach for its ratio to count


@dataclass(frozen=True)
class Cell:
    """One timed item."""

    program: str  # "port" or "ours"
    mode: str
    precision: str
    K: int
    batch: int


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
    """Model and class lists on disk, and the two commands over them."""

    def __init__(self, folder: Path, data: Path, args: argparse.Namespace) -> None:
        self.folder, self.data, self.depth, self.threads, self.repeats = folder, data, args.depth, args.threads, args.repeats
        self.program = os.environ["PROMPT_BIN"]
        self.merges = data / "clip/bpe_simple_vocab_16e6.txt.gz"
        self.model = folder / "model.safetensors"
        subprocess.run([self.program, "model", "init", "--arch", args.arch, "--out", self.model], check=True)
        info = run_json([self.program, "model", "info", self.model, "--json", "--no-hash"])
        self.heads = [info[tower]["heads"] for tower in ("vision", "text")]

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
        common = ["--model", self.model, "--mode", cell.mode, "--batch", cell.batch, "--threads", self.threads, "--repeats",
                  self.repeats]
        if cell.program == "port":
            result = run_json([sys.executable, HERE / "plain_port.py", *common, "--precision", cell.precision, "--heads",
                               *self.heads, "--tokens", tokens, "--depth", self.depth])
        else:
            result = run_json([self.program, "bench", *common, "--precision", cell.precision, "--classes-file", names,
                               "--set", f"model.merges={self.merges}", "--set", f"vision_prompt.depth={self.depth}",
                               "--json"])
            if "failure" not in result:
                result = result["points"][0]
        if "failure" in result:
            return result
        return {"seconds": result["seconds"], "median_seconds": result["median_seconds"],
                "gflop": result["gflop"] + result["attention_gflop"], "peak_gflops": result["peak_gflops"],
                "peak_rss_mib": result["peak_rss_mib"]}

    def refuses(self, precision: str) -> str:
        """Why the program does not compute in this precision here; "" if it does."""
        return self.run(Cell("ours", "eval", precision, CALTECH_K, 1)).get("failure", "")


# ---------------------------------------------------------------- all cells


def cells_of(args: argparse.Namespace) -> list[list[Cell]]:
    """Groups whose cells are run in turn: the port, then ours."""
    groups = []
    for mode in args.modes:
        fit = FIT_K if mode == "train" and max(args.k) > FIT_K[-1] else ()
        for K in sorted({*args.k, *fit}):
            port_batches = [] if mode == "train" and K > FIT_K[-1] else [1]
            if mode == "train" and K == CALTECH_K:
                port_batches.insert(0, args.batch)
            cells = [Cell("port", mode, p, K, batch) for p in args.port_precisions for batch in dict.fromkeys(port_batches)]
            if K in args.k:
                cells += [Cell("ours", mode, precision, K, args.batch) for precision in args.precisions]
            groups.append(cells)
    return groups


def measure_all(args: argparse.Namespace, records: list[dict[str, object]], save) -> None:
    data = os.environ.get("PROMPT_TEST_DATA")
    if not data:
        sys.exit("PROMPT_TEST_DATA is not set")
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder), Path(data).resolve(), args)
        refused = {precision: why for precision in args.precisions if (why := runner.refuses(precision))}
        for why in refused.values():
            print(f"left out: {why}", file=sys.stderr)
        for group in cells_of(args):
            for _ in range(args.rounds):
                for cell in (cell for cell in group if cell.precision not in refused):
                    result = runner.run(cell)
                    said = result.get("failure") or f"{result['seconds'] / cell.batch:.3f} s an image"
                    print(f"{cell.program} {cell.mode} {cell.precision} K={cell.K} B={cell.batch}: {said}", file=sys.stderr,
                          flush=True)
                    records.append(asdict(cell) | result)
                    save()


def summarize(records: list[dict[str, object]]) -> dict[Cell, Measured]:
    """The peak of a point (mode, precision, K) is the larger of what both programs found in all their processes."""
    cells: dict[Cell, list[dict[str, object]]] = {}
    peaks: dict[tuple[object, ...], float] = {}
    for record in records:
        cell = Cell(*(record[name] for name in ("program", "mode", "precision", "K", "batch")))
        cells.setdefault(cell, []).append(record)
        point = (cell.mode, cell.precision, cell.K)
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
            runs[0]["gflop"] / fastest / peaks[cell.mode, cell.precision, cell.K],
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


def fit_line(summary: dict[Cell, Measured], precision: str) -> Line | None:
    points = [(K, summary.get(Cell("port", "train", precision, K, 1))) for K in FIT_K]
    if any(m is None or m.failure for _, m in points):
        return None
    x, y = [K for K, _ in points], [m.min for _, m in points]
    b, a = statistics.linear_regression(x, y)
    residual = max(abs(a + b * K - s) / s for K, s in zip(x, y))
    return Line(a, b, residual, min(m.fraction for _, m in points))


def port_side(summary: dict[Cell, Measured], lines: dict[str, Line | None], ours: Cell,
              precision: str) -> dict[str, object] | None:
    """The port's time against one of our cells: at our batch size, at batch 1, or from the line."""
    mode, K = ours.mode, ours.K
    for batch in (ours.batch, 1):
        m = summary.get(Cell("port", mode, precision, K, batch))
        if m and not m.failure:
            return {"seconds": m.min, "median": m.median, "fraction": m.fraction, "gib": m.peak_rss_gib,
                    "how": f"measured, batch {batch}"}
    line = lines.get(precision)
    if mode == "train" and line and K > FIT_K[-1]:
        return {"seconds": line(K), "median": None, "fraction": line.fraction, "gib": None, "how": "from the line"}
    return None


def ratio_rows(summary: dict[Cell, Measured], lines: dict[str, Line | None]) -> list[dict[str, object]]:
    rows = []
    done = [cell for cell, m in summary.items() if cell.program == "ours" and not m.failure]
    for ours in sorted(done, key=lambda c: (c.mode != "train", c.precision != "fp32", c.K)):
        m = summary[ours]
        row = asdict(ours) | {"seconds": m.min, "median": m.median, "fraction": m.fraction,
                              "gib": m.peak_rss_gib, "against": {}}
        for precision in sorted({"fp32", ours.precision}, reverse=True):
            port = port_side(summary, lines, ours, precision)
            if port:
                ratio = port["seconds"] / m.min
                row["against"][precision] = port | {
                    "ratio": ratio, "counts": port["fraction"] >= LEAST_FRACTION,
                    "ratio_at_least_fraction": ratio * min(1.0, port["fraction"] / LEAST_FRACTION)}
        rows.append(row)
    return rows


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def markdown(summary: dict[Cell, Measured], rows: list[dict[str, object]], lines: dict[str, Line | None]) -> str:
    out = ["Seconds an image, min (median); of peak: products and attention, of the fastest product in either program.", "",
           "| mode | ours | K | ours, s | of peak | GiB | port | port, s | of peak | GiB | how | ratio |",
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        ours = [row["mode"], row["precision"], str(row["K"])]
        ours += [f"{row['seconds']:.3f} ({row['median']:.3f})", f"{row['fraction']:.0%}", number(row["gib"], 2)]
        if not row["against"]:
            out.append("| " + " | ".join([*ours, *["-"] * 6]) + " |")
        for precision, port in row["against"].items():
            ratio = f"**{port['ratio']:.1f}x**" if port["counts"] else (
                f"{port['ratio']:.1f}x, does not count; {port['ratio_at_least_fraction']:.1f}x if the port were at "
                f"{LEAST_FRACTION:.0%}")
            out.append("| " + " | ".join([*ours, precision, f"{port['seconds']:.2f} ({number(port['median'], 2)})",
                                          f"{port['fraction']:.0%}", number(port["gib"], 2), port["how"], ratio]) + " |")
    for precision, line in lines.items():
        if line:
            out += ["", f"The port's training, {precision}: {line.a:.3f} + {line.b:.4f} K s an image, fitted to K = "
                    f"{', '.join(map(str, FIT_K))} at batch 1; largest residual {line.residual:.1%}."]
    out += [f"\nFailed: {c.program} {c.mode} {c.precision} K={c.K} B={c.batch}: {m.failure}"
            for c, m in summary.items() if m.failure]
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[50, 100, 500, 1000])
    parser.add_argument("--modes", nargs="+", choices=("train", "eval"), default=["train", "eval"])
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"], help="of ours")
    parser.add_argument("--port-precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=2, help="processes of each cell, in turn")
    parser.add_argument("--repeats", type=int, default=1, help="timed steps in each process, after one that is not")
    parser.add_argument("--batch", type=int, default=4, help="of ours, and of the port's training at K = 50")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--arch", default="ViT-B-16", help="of prompt model init")
    parser.add_argument("--depth", type=int, default=9, help="J")
    parser.add_argument("--json", type=Path, help="file for measurements and table; those in it are kept and counted")
    parser.add_argument("--table-only", action="store_true", help="measure nothing, print what --json holds")
    args = parser.parse_args()

    records = json.loads(args.json.read_text())["measurements"] if args.json and args.json.exists() else []

    def table() -> tuple[dict[Cell, Measured], list[dict[str, object]], dict[str, Line | None]]:
        summary = summarize(records)
        lines = {precision: fit_line(summary, precision) for precision in args.port_precisions}
        return summary, ratio_rows(summary, lines), lines

    def save() -> None:
        if args.json:
            _, rows, lines = table()
            lines_json = {precision: asdict(line) for precision, line in lines.items() if line}
            args.json.write_text(json.dumps({"measurements": records, "lines": lines_json, "table": rows}, indent=1) + "\n")

    if not args.table_only:
        measure_all(args, records, save)
    print(markdown(*table()))


if __name__ == "__main__":
    main()
