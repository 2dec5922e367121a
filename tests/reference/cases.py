"""The cases in which the C program and the reference are compared, and the small world they share.

A case is the default with a few of the program's keys changed. Model, classes and images come from seeds.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from clip_reference import Clip, ClipDims, random_clip
import coop_reference
import prompt_reference
import vpt_reference
from prompt_reference import Task

# Widths differ from one another (d_v 48, d_l 32, d 64), so that no mix-up of dimensions fits by chance.
DIMS = ClipDims(image_px=32, patch_px=8, vision_width=48, vision_layers=3, vision_heads=2,
                text_width=32, text_layers=3, text_heads=2, context=77, vocabulary=64, joint_width=64)
MODEL_SEED = 1
TENSOR_SEED = 11  # among a few, one with which no choice of the filter is closer than 5e-4 (test_cases.py)
IMAGE_SEED = 3

SOS, EOT = DIMS.vocabulary - 2, DIMS.vocabulary - 1
A, PHOTO, OF, DOT, BRACKET_DOT = 1, 2, 3, 4, 5
TEMPLATE = [SOS, A, PHOTO, OF, A]
ENSEMBLE = [TEMPLATE, [SOS, PHOTO, OF], [SOS, 40, 41, 42, A, PHOTO, A]]  # the tokens before "{class}." in each caption

# Names of 1 to 4 tokens. Some share their first tokens; one is the start of another; one ends in ")." instead of ".".
NAMES = [
    [10, DOT],
    [11, DOT],
    [12, 13, DOT],
    [12, 14, DOT],
    [12, 14, 15, DOT],
    [11, 16, 17, BRACKET_DOT],
    [20, 21, 22, 23, DOT],
    [20, 21, 22, 24, DOT],
    [25, 26, DOT],
    [27, 28, 29, DOT],
    [30, DOT],
    [A, 31, OF, 32, DOT],
]

N_IMAGES = 8
N_STEPS = 10

METHODS = {"prompt": prompt_reference, "coop": coop_reference, "cocoop": coop_reference, "vpt": vpt_reference}

DEFAULTS: dict[str, object] = {
    "method": "prompt",
    "iterations": 2,
    "lambda": 1.0,
    "vision_prompt.count": 4,
    "vision_prompt.depth": 2,
    "text_prompt.count": 5,
    "text_prompt.covers_sos": True,
    "generator_input": "normalized",
    "detach_iterations": False,
    "vision_prompt.generator": True,
    "text_prompt.generator": True,
    "filter": True,
    "context.count": 4,
    "context.init": "words",
    "context.class_specific": False,
    "context.position": "end",
}


@dataclass(frozen=True)
class Case:
    """Changes from DEFAULTS by key; the batch size B is not a key of the method."""

    changes: dict[str, object] = field(default_factory=dict)
    batch: int = 4

    @property
    def keys(self) -> dict[str, object]:
        return DEFAULTS | self.changes

    @property
    def reference(self):
        """The module of the case's method: Config, initial_tensors, forward."""
        return METHODS[self.keys["method"]]

    @property
    def config(self):
        return self.reference.Config.from_keys(self.keys)


def coop(**changes: object) -> Case:
    """CoOp with keys of its section changed."""
    return Case({"method": "coop"} | {f"context.{key}": value for key, value in changes.items()})


CASES: dict[str, Case] = {
    "default": Case(),
    "no_vision_generator": Case({"vision_prompt.generator": False}),
    "no_text_generator": Case({"text_prompt.generator": False}),
    "no_generators": Case({"vision_prompt.generator": False, "text_prompt.generator": False}),
    "no_filter": Case({"filter": False}),
    "no_iterations": Case({"iterations": 0}),
    "one_iteration": Case({"iterations": 1}),
    "three_iterations": Case({"iterations": 3}),
    "lambda_half": Case({"lambda": 0.5}),
    "raw_input": Case({"generator_input": "raw"}),
    "detach": Case({"detach_iterations": True}),
    "detach_three_iterations": Case({"detach_iterations": True, "iterations": 3}),
    "detach_no_vision_generator": Case({"detach_iterations": True, "vision_prompt.generator": False}),
    "detach_no_text_generator": Case({"detach_iterations": True, "text_prompt.generator": False}),
    "three_text_prompts": Case({"text_prompt.count": 3}),
    "seven_text_prompts": Case({"text_prompt.count": 7}),
    "fixed_sos": Case({"text_prompt.covers_sos": False}),
    "fixed_sos_three_text_prompts": Case({"text_prompt.covers_sos": False, "text_prompt.count": 3}),
    "fixed_sos_seven_text_prompts": Case({"text_prompt.covers_sos": False, "text_prompt.count": 7}),
    "fewer_classes_than_prompts": Case({"vision_prompt.count": 14}),
    "fewer_classes_no_vision_generator": Case({"vision_prompt.count": 14, "vision_prompt.generator": False}),
    "all_layers": Case({"vision_prompt.depth": DIMS.vision_layers}),
    "one_layer": Case({"vision_prompt.depth": 1}),
    "batch_of_one": Case(batch=1),
    "batch_of_three": Case(batch=3),
    "coop": coop(),
    "coop_16_random": coop(count=16, init="random"),
    "coop_class_specific": coop(class_specific=True),
    "coop_middle": coop(position="middle"),
    "coop_middle_of_five": coop(position="middle", count=5, init="random"),
    "coop_class_specific_middle": coop(class_specific=True, position="middle", count=7, init="random"),
    "cocoop": Case({"method": "cocoop"}),
    "cocoop_batch_of_one": Case({"method": "cocoop", "context.init": "random"}, batch=1),
    "vpt": Case({"method": "vpt"}),
    "vpt_all_layers": Case({"method": "vpt", "vision_prompt.depth": DIMS.vision_layers, "vision_prompt.count": 2}),
}


@dataclass(frozen=True)
class World:
    """What all cases share."""

    clip: Clip
    task: Task
    pixels: Tensor  # [N_IMAGES, 3, S, S]
    labels: Tensor  # [N_IMAGES]


def caption_tokens(names: list[list[int]], context: int, template: list[int] = TEMPLATE) -> Tensor:
    """[K, context]: SOS, "a photo of a {class}.", EOT, then zeros; or with another beginning."""
    tokens = torch.zeros(len(names), context, dtype=torch.int64)
    for row, name in zip(tokens, names):
        ids = template + name + [EOT]
        row[: len(ids)] = torch.tensor(ids)
    return tokens


def make_task(names: list[list[int]], context: int) -> Task:
    """The dot is the name's end, or joins its last token."""
    return Task(names, TEMPLATE, EOT, caption_tokens(names, context), [len(name) - (name[-1] == DOT) for name in names])


def make_world() -> World:
    """The small world in fp32."""
    g = torch.Generator().manual_seed(IMAGE_SEED)
    pixels = torch.randn(N_IMAGES, 3, DIMS.image_px, DIMS.image_px, generator=g)
    labels = torch.randint(len(NAMES), (N_IMAGES,), generator=g)
    return World(random_clip(DIMS, MODEL_SEED), make_task(NAMES, DIMS.context), pixels, labels)


def case_tensors(world: World, case: Case) -> dict[str, Tensor]:
    """The start of a case's trained tensors in fp32."""
    return case.reference.initial_tensors(world.clip, case.config, world.task, TENSOR_SEED)


def case_batches(case: Case) -> Tensor:
    """[N_STEPS, B] image indices, going round the images; the first row is the batch of the single forward pass."""
    return torch.arange(N_STEPS * case.batch).view(N_STEPS, case.batch) % N_IMAGES
