"""The cases in which the C program and the reference are compared, and the small world they share.

A case is the default with a few of the program's keys changed. Model, classes and images come from seeds.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from clip_reference import Clip, ClipDims, random_clip
import coop_reference
import deep_reference
import prompt_reference
import vpt_reference
from agreement_reference import Agreement, with_agreement
from prompt_reference import Task

# Widths differ from one another (d_v 48, d_l 32, d 64), so that no mix-up of dimensions fits by chance.
DIMS = ClipDims(image_px=32, patch_px=8, vision_width=48, vision_layers=3, vision_heads=2,
                text_width=32, text_layers=3, text_heads=2, context=77, vocabulary=64, joint_width=64)
MODEL_SEED = 1
TENSOR_SEED = 11  # among a few, one with which no choice of the filter is closer than 5e-4 (parity/test_method.py)
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

METHODS = {"prompt": prompt_reference, "coop": coop_reference, "cocoop": coop_reference, "vpt": vpt_reference,
           "kgcoop": coop_reference, "ivlp": deep_reference, "promptsrc": deep_reference, "maple": deep_reference}

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
    "context.depth": 1,
    "agreement.text_weight": 0.0,
    "agreement.text_distance": "l1",
    "agreement.image_weight": 0.0,
    "agreement.logits_weight": 0.0,
    "agreement.templates": "captions",
}


@dataclass(frozen=True)
class Case:
    """Changes from DEFAULTS by key; the batch size B is not a key of the method."""

    changes: dict[str, object] = field(default_factory=dict)
    batch: int = 4
    seed: int = TENSOR_SEED  # of the start: another where steps of training would magnify what single precision rounds

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

    @property
    def agreement(self) -> Agreement:
        return Agreement.from_keys(self.keys)

    @property
    def forward(self):
        """The method's, with the terms of the agreement where one has a weight."""
        method = self.reference.forward
        return with_agreement(method, self.agreement) if self.agreement.is_on else method


def coop(**changes: object) -> Case:
    """CoOp with keys of its section changed."""
    return Case({"method": "coop"} | {f"context.{key}": value for key, value in changes.items()})


def kgcoop(templates: str = "kgcoop", **changes: object) -> Case:
    """KgCoOp with keys of CoOp's section changed."""
    return Case({"method": "kgcoop"} | {f"context.{key}": value for key, value in changes.items()}
                | memory(text=8.0, distance="cosine", templates=templates))


def ivlp(n_t: int, n_v: int, J_t: int, J_v: int, init: str = "words", seed: int = TENSOR_SEED) -> Case:
    return Case({"method": "ivlp", "context.count": n_t, "vision_prompt.count": n_v, "context.depth": J_t,
                 "vision_prompt.depth": J_v, "context.init": init}, seed=seed)


def promptsrc(text: float = 0.0, image: float = 0.0, logits: float = 0.0, batch: int = 4, seed: int = TENSOR_SEED) -> Case:
    return Case(ivlp(4, 4, 2, 2).changes | {"method": "promptsrc"} | memory(text, image, logits, "promptsrc"), batch, seed)


def maple(n: int, J: int, init: str = "words", seed: int = TENSOR_SEED) -> Case:
    return Case({"method": "maple", "context.count": n, "context.depth": J, "context.init": init}, seed=seed)


def memory(text: float = 0.0, image: float = 0.0, logits: float = 0.0, templates: str = "captions",
           distance: str = "l1") -> dict[str, object]:
    """The keys of the agreement with the frozen CLIP."""
    return {"agreement.text_weight": text, "agreement.image_weight": image, "agreement.logits_weight": logits,
            "agreement.templates": templates, "agreement.text_distance": distance}


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
    "kgcoop": kgcoop(),
    "kgcoop_caption_templates": kgcoop("captions", init="random", count=7),
    "kgcoop_promptsrc_templates": kgcoop("promptsrc"),
    "kgcoop_class_specific_middle": kgcoop(class_specific=True, position="middle"),
    "ivlp": ivlp(2, 2, 2, 2, seed=12),
    "ivlp_four_words": ivlp(4, 2, 2, 2),
    "ivlp_random_five": ivlp(5, 2, 2, 2, init="random"),
    "ivlp_random_three": ivlp(3, 2, 2, 2, init="random"),
    "ivlp_all_layers": ivlp(2, 3, DIMS.text_layers, DIMS.vision_layers),
    "ivlp_depth_one": ivlp(2, 2, 1, 1),
    "ivlp_text_only": ivlp(2, 0, 2, 2),
    "ivlp_depths_differ": ivlp(2, 3, 3, 2, seed=12),
    "ivlp_deeper_vision": ivlp(2, 3, 1, 3),
    "promptsrc": promptsrc(25.0, 10.0, 1.0),
    "promptsrc_text": promptsrc(text=25.0, seed=16),
    "promptsrc_image": promptsrc(image=10.0),
    "promptsrc_logits": promptsrc(logits=12.0),
    "promptsrc_batch_of_one": promptsrc(25.0, 10.0, 1.0, batch=1, seed=12),
    "maple": maple(2, 2),
    "maple_all_layers": maple(2, DIMS.text_layers),
    "maple_depth_one": maple(2, 1),
    "maple_four_words": maple(4, 2),
    "maple_random": maple(5, 2, init="random", seed=12),
    "prompt_memory": Case(memory(25.0, 10.0, 1.0, "promptsrc"), seed=12),
    "prompt_memory_text": Case(memory(text=25.0, templates="promptsrc"), seed=13),
    "prompt_memory_image": Case(memory(image=10.0)),
    "prompt_memory_logits": Case(memory(logits=12.0), seed=12),
    "prompt_memory_three_iterations": Case({"iterations": 3, "lambda": 0.5} | memory(25.0, 10.0, 1.0, "promptsrc"),
                                           batch=2, seed=13),
    "prompt_memory_cosine": Case(memory(text=8.0, templates="kgcoop", distance="cosine")),
    "coop_memory": Case({"method": "coop"} | memory(25.0, 0.0, 1.0, "promptsrc")),
    "cocoop_memory": Case({"method": "cocoop"} | memory(25.0, 0.0, 1.0, "promptsrc"), seed=12),
    "vpt_memory": Case({"method": "vpt"} | memory(0.0, 10.0, 1.0, "promptsrc")),
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
    ensemble = torch.stack([caption_tokens(names, context, template) for template in ENSEMBLE])
    lengths = [len(name) - (name[-1] == DOT) for name in names]
    return Task(names, TEMPLATE, EOT, caption_tokens(names, context), lengths, ensemble)


def make_world() -> World:
    """The small world in fp32."""
    g = torch.Generator().manual_seed(IMAGE_SEED)
    pixels = torch.randn(N_IMAGES, 3, DIMS.image_px, DIMS.image_px, generator=g)
    labels = torch.randint(len(NAMES), (N_IMAGES,), generator=g)
    return World(random_clip(DIMS, MODEL_SEED), make_task(NAMES, DIMS.context), pixels, labels)


def case_tensors(world: World, case: Case) -> dict[str, Tensor]:
    """The start of a case's trained tensors in fp32."""
    return case.reference.initial_tensors(world.clip, case.config, world.task, case.seed)


def case_batches(case: Case) -> Tensor:
    """[N_STEPS, B] image indices, going round the images; the first row is the batch of the single forward pass."""
    return torch.arange(N_STEPS * case.batch).view(N_STEPS, case.batch) % N_IMAGES
