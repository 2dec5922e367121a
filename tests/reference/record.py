"""Writes inputs and expected values of the cases: record.py OUT_DIR [--cases NAME... | --cases all]

    model.safetensors    the small CLIP, OpenAI's names, fp32; heads, activation and eps in the metadata
    world.safetensors    pixels [M, 3, S, S], labels [M], captions [K, context] (token rows of the zero-shot prompts);
                         ensemble_captions [templates, K, context] and their ensemble_features [K, d];
                         teacher_captions and teacher_promptsrc [K, d], the agreement's text features of one caption a
                         class and of the ensemble's
    CASE.safetensors     batches [steps, B] (rows of pixels); of the first batch: loss, losses [N], logits [B, N+1, K],
                         picks [N, B, a'], margins [N, B], with agreement the weighted terms [3] that are in
                         the loss; step_losses [steps], step_picks [steps, N, B, a']; and for each trained tensor
                         initial/NAME, gradient/NAME (of the first batch) and change/NAME (by the SGD steps)
    cases.json           token ids, settings of SGD, and the keys of every case

All is computed in fp64 from fp32 inputs and stored in fp32. The smallest margin (cases.json) is the least gap, in logits,
on which a choice of the filter rested: a program whose logits err by less must make the same choices.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from agreement_reference import teacher_features
from cases import CASES, DEFAULTS, DIMS, Case, World, case_batches, case_tensors, make_world
from clip_reference import caption_features
from prompt_reference import Training, gradients, train
from safetensors_file import write_safetensors

SGD = {"lr": 0.008, "momentum": 0.9, "weight_decay": 5e-4}


def train_case(world: World, case: Case) -> Training:
    """Its SGD steps in fp64."""
    tensors = {name: t.double() for name, t in case_tensors(world, case).items()}
    return train(world.clip.to(torch.float64), case.config, world.task, tensors, world.pixels.double(), world.labels,
                 case_batches(case), **SGD, method=case.forward)


def expected(world: World, case: Case) -> tuple[dict[str, Tensor], Training | None]:
    """The arrays of one case, and its training; None where nothing is trained."""
    clip, pixels, batches = world.clip.to(torch.float64), world.pixels.double(), case_batches(case)
    initial = case_tensors(world, case)
    tensors = {name: t.double() for name, t in initial.items()}
    first = batches[0]
    method = case.forward
    output, grads = gradients(clip, case.config, world.task, tensors, pixels[first], world.labels[first], method=method)
    arrays = {"batches": batches, "loss": output.loss, "losses": output.losses, "logits": output.logits,
              "picks": output.picks, "margins": output.margins}
    if case.agreement.is_on:
        arrays["terms"] = output.terms
    arrays |= {f"initial/{name}": t for name, t in initial.items()}
    if not tensors:
        return arrays, None
    training = train_case(world, case)
    arrays["step_losses"] = training.losses
    arrays["step_picks"] = training.picks
    arrays |= {f"gradient/{name}": t for name, t in grads.items()}
    arrays |= {f"change/{name}": t for name, t in training.changes.items()}
    return arrays, training


def ensemble(world: World) -> dict[str, Tensor]:
    """Captions of several templates and their classes' features: the features of each normalized, their mean normalized."""
    clip, captions = world.clip.to(torch.float64), world.task.ensemble
    features = [F.normalize(caption_features(clip, tokens, world.task.eot_id), dim=-1) for tokens in captions]
    return {"ensemble_captions": captions, "ensemble_features": F.normalize(sum(features) / len(features), dim=-1)}


def teachers(world: World) -> dict[str, Tensor]:
    clip = world.clip.to(torch.float64)
    return {f"teacher_{templates}": teacher_features(clip, world.task, templates) for templates in ("captions", "promptsrc")}


def in_single(arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.detach().float() if t.is_floating_point() else t for name, t in arrays.items()}


def record(out: Path, names: list[str]) -> dict[str, Training]:
    """Writes the files; the trainings of the cases that train."""
    out.mkdir(parents=True, exist_ok=True)
    world = make_world()
    clip, task = world.clip, world.task
    write_safetensors(out / "model.safetensors", clip.weights, {
        f"prompt.{tower}_{field}": str(value) for tower, heads in (("vision", clip.vision_heads), ("text", clip.text_heads))
        for field, value in (("heads", heads), ("activation", clip.activation), ("norm_eps", clip.eps))})
    write_safetensors(out / "world.safetensors",
                      in_single({"pixels": world.pixels, "labels": world.labels, "captions": task.captions}
                                | ensemble(world) | teachers(world)))
    cases, trainings = {}, {}
    for name in names:
        arrays, training = expected(world, CASES[name])
        write_safetensors(out / f"{name}.safetensors", in_single(arrays))
        cases[name] = {"keys": CASES[name].keys, "changes": CASES[name].changes, "batch": CASES[name].batch,
                       "smallest_margin": training.margin if training and training.margin < float("inf") else None}
        trainings |= {name: training} if training else {}
    description = {
        "made_by": "tests/reference/record.py", "torch": torch.__version__, "dims": asdict(DIMS),
        "names": task.names, "name_lengths": task.name_lengths, "template": task.template, "eot_id": task.eot_id,
        "sgd": SGD, "defaults": DEFAULTS, "cases": cases}
    (out / "cases.json").write_text(json.dumps(description, indent=1) + "\n")
    return trainings


def main_of(doc: str, record_all: Callable[[Path], None]) -> None:
    """The program of a script that records into the folder OUT_DIR."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    torch.set_num_threads(1)
    record_all(parser.parse_args().out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--cases", nargs="+", default=["default"], choices=[*CASES, "all"], metavar="NAME")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    record(arguments.out, list(CASES) if "all" in arguments.cases else arguments.cases)


if __name__ == "__main__":
    main()
