"""Loss terms that keep a method near the frozen CLIP, in plain PyTorch: KgCoOp's (CVPR 2023) and PromptSRC's (ICCV 2023).

Three terms on the features and logits of n = 1..N, all normalized: the text features against a teacher's t^0, the image
features against the frozen CLIP's x^0 of the same pixels, and the probabilities against those of x^0 and t^0. No gradient
goes to the teachers. KgCoOp is CoOp with the first by cosine, PromptSRC is IVLP with all three, the first by L1.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from clip_reference import Clip, caption_features, class_logits, image_features
from prompt_reference import Output, Task

FIELDS = {  # of Agreement, by the program's configuration keys
    "agreement.text_weight": "text_weight",
    "agreement.text_distance": "text_distance",
    "agreement.image_weight": "image_weight",
    "agreement.logits_weight": "logits_weight",
    "agreement.templates": "templates",
}


@dataclass(frozen=True)
class Agreement:
    text_weight: float = 0.0
    text_distance: str = "l1"  # or "cosine"
    image_weight: float = 0.0
    logits_weight: float = 0.0
    templates: str = "captions"  # or "kgcoop", "promptsrc": whose texts the teacher reads

    def __post_init__(self) -> None:
        if self.text_distance not in ("l1", "cosine"):
            raise ValueError(f"agreement.text_distance: expected l1 or cosine, found '{self.text_distance}'")
        if self.templates not in ("captions", "kgcoop", "promptsrc"):
            raise ValueError(f"agreement.templates: expected captions, kgcoop or promptsrc, found '{self.templates}'")

    @staticmethod
    def from_keys(keys: dict[str, object]) -> "Agreement":
        return Agreement(**{field: keys[key] for key, field in FIELDS.items()})

    @property
    def is_on(self) -> bool:
        return any((self.text_weight, self.image_weight, self.logits_weight))


def teacher_features(clip: Clip, task: Task, templates: str) -> Tensor:
    """t^0 [K, d], normalized. Of several templates the features themselves are averaged, and only the mean is normalized.

    In the small world KgCoOp's one template is the task's own.
    """
    if templates == "promptsrc":
        features = [caption_features(clip, captions, task.eot_id) for captions in task.ensemble]
        return F.normalize(sum(features) / len(features), dim=-1)
    return F.normalize(caption_features(clip, task.captions, task.eot_id), dim=-1)


def l1_term(features: Tensor, teacher: Tensor) -> Tensor:
    """Of Z^n [B, K, d] and t^0 [K, d], or x^n and x^0 [B, d]: the mean over all elements."""
    return (F.normalize(features, dim=-1) - F.normalize(teacher, dim=-1)).abs().mean()


def cosine_term(z: Tensor, teacher: Tensor) -> Tensor:
    """Of Z^n [B, K, d] and t^0 [K, d]: the mean over images and classes."""
    return 1 - (F.normalize(z, dim=-1) * F.normalize(teacher, dim=-1)).sum(-1).mean()


def kink(features: Tensor, teacher: Tensor) -> float:
    """The smallest of what l1_term takes the mean of, but for zeros, at which the gradient is 0."""
    differences = (F.normalize(features, dim=-1) - F.normalize(teacher, dim=-1)).detach().abs()
    return float(differences[differences > 0].min()) if bool(differences.any()) else math.inf


def logits_term(logits: Tensor, logits0: Tensor) -> Tensor:
    """KL of two logits [B, K], the teacher's second, divided by all B K elements and not by B."""
    log_p, log_p0 = logits.log_softmax(1), logits0.log_softmax(1)
    return (log_p0.exp() * (log_p0 - log_p)).sum() / logits.numel()


def agree(clip: Clip, agreement: Agreement, decay: float, task: Task, pixels: Tensor, output: Output) -> Output:
    """The terms, each with its weight and summed over n = 1..N with decay^(N-n) as the cross-entropy is, in the loss."""
    N, is_l1 = len(output.losses), agreement.text_distance == "l1"
    with torch.no_grad():
        teacher = teacher_features(clip, task, agreement.templates)
        x0 = torch.cat([image_features(clip, image[None]) for image in pixels])
        logits0 = class_logits(clip, x0, teacher)
    total, kinks = output.logits.new_zeros(3), [math.inf]
    for n in range(1, N + 1):
        x, z, logits = output.x[:, n], output.z[:, n], output.logits[:, n]
        total = total + decay ** (N - n) * torch.stack([
            agreement.text_weight * (l1_term if is_l1 else cosine_term)(z, teacher),
            agreement.image_weight * l1_term(x, x0),
            agreement.logits_weight * logits_term(logits, logits0)])
        kinks += [kink(z, teacher)] if agreement.text_weight and is_l1 else []
        kinks += [kink(x, x0)] if agreement.image_weight else []
    return replace(output, loss=output.loss + total.sum(), terms=total, kink=min(kinks))


def with_agreement(method, agreement: Agreement):
    """A method's forward, with the terms added to its loss."""

    def forward(clip: Clip, config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
                forced_picks: Tensor | None = None) -> Output:
        output = method(clip, config, task, tensors, pixels, labels, forced_picks)
        return agree(clip, agreement, config.loss_decay, task, pixels, output)

    return forward
