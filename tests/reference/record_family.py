"""Writes inputs and expected values of the methods that are not trained by SGD on prompts: record_family.py OUT_DIR

    features.safetensors   inputs: features [N, d] (of one view), views [V, N, d], labels [N], text [K, d], bias [K],
                           val_features, val_labels.
                           probe.C [n], probe.weight [n, K, d], probe.bias [n, K]; probe.grid [7], probe.rounds [8, 4] (left C,
                           right C, their accuracies), probe.kept_C.
                           lp.start.weight, .alpha, .lr_weight, .lr_alpha; lp.losses [300], lp.accuracies [300],
                           lp.gradient/NAME (of the first iteration), lp.last.NAME, lp.best.NAME, lp.best_iteration.
                           tip.keys [N, d], tip.logits of val_features at tip.at (beta, alpha); tip.limits (the greatest beta
                           and alpha) and tip.found (beta, alpha, accuracy); tip.batches [steps, B], tip.losses [steps],
                           tip.gradient (of the first step) and tip.change of the keys.
    clip_lora.safetensors  batches, losses of all steps, rates; of the first batch logits [B, K], gradient/NAME; initial/NAME
                           and change/NAME by ten steps of AdamW; masks/TOWER (what dropout keeps) and with them, for the first
                           batch, dropout.logits and dropout.gradient/NAME; merged.in_proj/TOWER [L, 3 W, W] of the start.
    two_stage.safetensors  the same for the norms; stage_two.* for the classifier, on the norms after stage one; selective.rows
                           [K], -1 for a new class, and selective.logits [M, K].

model.safetensors and world.safetensors are record.py's. All is computed in fp64 from fp32 inputs and stored in fp32. AdamW
divides by the size of each gradient, so a number whose gradient is near 0 by chance magnifies rounding: in fp32 the changes
err by up to 3e-5 of each tensor's largest (2026-11).
"""

from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from cases import World, make_world
from features_reference import (
    logistic_regression, lp_start, lp_train, probe_accuracy, search_of_c, tip_cache, tip_logits, tip_search, tip_train)
from lora_reference import (
    PREFIXES, LoraConfig, StepTraining, TwoStageConfig, initial_classifier, lora_forward, lora_initial_tensors, lora_masks,
    lora_merged, norm_tensors, selective_logits, stage_one_forward, stage_two_forward, train_by_steps)
from prompt_reference import gradients
from record import in_single, main_of
from safetensors_file import write_safetensors

N_CLASSES, WIDTH, SHOTS, N_VIEWS, N_VAL = 6, 32, 16, 10, 120
CS = (1e-4, 0.316, 1.0, 100.0)
TIP_AT, TIP_LIMITS, TIP_ALPHA, TIP_BETA = (3.0, 2.0), (12.0, 400.0), 2.0, 1.0
LR = 2e-3  # of AdamW in both towers: ten times the methods', so that ten steps go far
BATCHES = torch.arange(40).view(10, 4) % 8
FEATURE_SEED, LORA_SEED = 6, 11  # with which fp32 makes the same choices as fp64 (test_family.py)


def feature_world(seed: int = FEATURE_SEED) -> dict[str, Tensor]:
    """Noisy features around one centre for each class, in fp32."""
    g = torch.Generator().manual_seed(seed)
    centres = torch.randn(N_CLASSES, WIDTH, generator=g)
    labels, val_labels = torch.arange(N_CLASSES * SHOTS) % N_CLASSES, torch.arange(N_VAL) % N_CLASSES
    pictures = centres[labels] + 1.5 * torch.randn(len(labels), WIDTH, generator=g)
    views = pictures + 0.3 * torch.randn(N_VIEWS, *pictures.shape, generator=g)
    return {"features": views[0], "views": views, "labels": labels, "text": centres + 2 * torch.randn(centres.shape, generator=g),
            "bias": (2 * torch.rand(N_CLASSES, generator=g) - 1) * WIDTH**-0.5,
            "val_features": centres[val_labels] + 2.5 * torch.randn(N_VAL, WIDTH, generator=g), "val_labels": val_labels}


def expected_probe(w: dict[str, Tensor]) -> dict[str, Tensor]:
    fits = [logistic_regression(w["features"], w["labels"], N_CLASSES, C) for C in CS]
    search = search_of_c(partial(probe_accuracy, w["features"], w["labels"], w["val_features"], w["val_labels"], N_CLASSES))
    return {"probe.C": torch.tensor(CS, dtype=torch.float64), "probe.weight": torch.stack([weight for weight, _ in fits]),
            "probe.bias": torch.stack([bias for _, bias in fits]), "probe.grid": torch.tensor(search.grid),
            "probe.rounds": torch.tensor(search.rounds), "probe.kept_C": torch.tensor(search.C)}


def expected_lp(w: dict[str, Tensor]) -> dict[str, Tensor]:
    start = lp_start(w["features"], w["labels"], w["text"], w["bias"])
    training = lp_train(w["features"], w["labels"], w["text"], w["bias"], w["val_features"], w["val_labels"])
    arrays = {"start.weight": start.weight, "start.alpha": start.alpha, "start.lr_weight": torch.tensor(start.lr_weight),
              "start.lr_alpha": torch.tensor(start.lr_alpha), "losses": training.losses,
              "accuracies": torch.tensor(training.accuracies), "best_iteration": torch.tensor(training.best_iteration)}
    for kind, tensors in (("gradient/", training.first_gradients), ("last.", training.last), ("best.", training.best)):
        arrays |= {f"{kind}{name}": t for name, t in tensors.items()}
    return {f"lp.{name}": t for name, t in arrays.items()}


def expected_tip(w: dict[str, Tensor]) -> dict[str, Tensor]:
    keys, values = tip_cache(w["views"], w["labels"], N_CLASSES)
    batches = torch.arange(10 * 8).view(10, 8) % len(keys)
    steps = [(w["views"][step % N_VIEWS][batch], w["labels"][batch]) for step, batch in enumerate(batches)]
    training = tip_train(steps, w["text"], keys, values, TIP_BETA, TIP_ALPHA)
    found = tip_search(w["val_features"], w["val_labels"], w["text"], keys, values, *TIP_LIMITS)
    arrays = {"keys": keys, "logits": tip_logits(w["val_features"], w["text"], keys, values, *TIP_AT), "at": torch.tensor(TIP_AT),
              "limits": torch.tensor(TIP_LIMITS), "found": torch.tensor(found), "batches": batches, "losses": training.losses,
              "gradient": training.first_gradient, "change": training.keys - keys}
    return {f"tip.{name}": t for name, t in arrays.items()}


def expected_features(w: dict[str, Tensor]) -> dict[str, Tensor]:
    double = {name: t.double() if t.is_floating_point() else t for name, t in w.items()}
    return w | expected_probe(double) | expected_lp(double) | expected_tip(double)


def trained(world: World, method, config, tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], StepTraining]:
    """Ten steps of AdamW, and the arrays of them and of the first batch; tensors decide the type."""
    clip, pixels = world.clip.to(next(iter(tensors.values())).dtype), world.pixels.to(next(iter(tensors.values())).dtype)

    def loss_of(step: int, moved: dict[str, Tensor]) -> Tensor:
        batch = BATCHES[step]
        return method(clip, config, world.task, moved, pixels[batch], world.labels[batch]).loss

    training = train_by_steps(loss_of, tensors, len(BATCHES), lr=LR)
    first = method(clip, config, world.task, tensors, pixels[BATCHES[0]], world.labels[BATCHES[0]])
    arrays = {"batches": BATCHES, "losses": training.losses, "rates": torch.tensor(training.rates), "logits": first.logits[:, 1]}
    for kind, values in (("initial", tensors), ("gradient", training.first_gradients), ("change", training.changes)):
        arrays |= {f"{kind}/{name}": t for name, t in values.items()}
    return arrays, training


def expected_lora(world: World) -> dict[str, Tensor]:
    config, clip, batch = LoraConfig(), world.clip.to(torch.float64), BATCHES[0]
    tensors = {name: t.double() for name, t in lora_initial_tensors(world.clip, config, LORA_SEED, b_std=0.1).items()}
    arrays, _ = trained(world, lora_forward, config, tensors)
    masks = lora_masks(clip, config, world.task.n_classes, len(batch), LORA_SEED)
    output, grads = gradients(clip, config, world.task, tensors, world.pixels[batch].double(), world.labels[batch],
                              method=partial(lora_forward, masks=masks))
    merged = lora_merged(clip, config, tensors)
    arrays |= {f"masks/{tower}": t for tower, t in masks.items()}
    arrays |= {"dropout.logits": output.logits[:, 1]} | {f"dropout.gradient/{name}": t for name, t in grads.items()}
    for tower, prefix in PREFIXES.items():
        L = len(tensors[f"lora.{tower}.a"])
        arrays[f"merged.in_proj/{tower}"] = torch.stack([merged[f"{prefix}{i}.attn.in_proj_weight"] for i in range(L)])
    return arrays


def expected_two_stage(world: World) -> dict[str, Tensor]:
    clip, config = world.clip.to(torch.float64), TwoStageConfig()
    norms = norm_tensors(clip)
    arrays, training = trained(world, stage_one_forward, config, norms)
    moved = {name: t + training.changes[name] for name, t in norms.items()}
    start = {"classifier": initial_classifier(clip, world.task, moved)}
    second, training = trained(world, stage_two_forward(moved), config, start)
    classifier = start["classifier"] + training.changes["classifier"]
    rows = [k if k % 3 else None for k in range(world.task.n_classes)]
    logits = selective_logits(clip, world.task, moved, classifier, rows, world.pixels.double())
    arrays |= {f"stage_two.{name}": t for name, t in second.items()}
    return arrays | {"selective.rows": torch.tensor([-1 if row is None else row for row in rows]), "selective.logits": logits}


def record_family(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    world = make_world()
    for name, arrays in (("features", expected_features(feature_world())), ("clip_lora", expected_lora(world)),
                         ("two_stage", expected_two_stage(world))):
        write_safetensors(out / f"{name}.safetensors", in_single(arrays))


if __name__ == "__main__":
    main_of(__doc__, record_family)
