"""MaPLe and PromptSRC as their authors' code is organised, on the plain port's CLIP.

All 77 positions of every class, whole towers, all classes and the whole batch in each step, gradients by autograd. A
parameter of its own for each layer. The terms of PromptSRC's loss are those of tests/reference/agreement_reference.py; its
second, frozen pass over the images is part of a step. Compared with deep_reference.py there by test_port.py.
"""

import sys
from abc import ABC, abstractmethod
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "reference"))

from agreement_reference import l1_term, logits_term  # noqa: E402
from plain_port import Clip, Port  # noqa: E402

TEXT_WEIGHT, IMAGE_WEIGHT, LOGITS_WEIGHT = 25.0, 10.0, 1.0  # PromptSRC's


def vectors(count: int, n: int, width: int) -> nn.ParameterList:
    return nn.ParameterList(0.02 * torch.randn(n, width) for _ in range(count))


class Deep(Port, ABC):
    """Vectors of their own at the first J layers of both towers; n of them begin as the first words of `start`."""

    def __init__(self, clip: Clip, start: list[int], n: int, J: int) -> None:
        super().__init__(clip)
        self.start, self.J = start, J
        self.context = nn.Parameter(clip.token_embedding.weight[start[1:1 + n]])
        self.text_prompts = vectors(J - 1, n, self.context.shape[1])

    @abstractmethod
    def vision_prompts(self) -> list[Tensor]:
        """[n, d_v] for each of the first J layers."""

    def set_classes(self, names: list[list[int]], captions: Tensor, eot_id: int) -> None:
        """As Prompt's. What is left of `start` stays before the names."""
        n, (K, context) = len(self.context), captions.shape
        words = self.start[1 + n:]
        rows = torch.zeros(K, context - 1 - n, dtype=torch.int64)
        for row, name in zip(rows, names, strict=True):
            rest = [*words, *name, eot_id]
            row[:len(rest)] = torch.tensor(rest)
        embed = self.clip.token_embedding
        self.first, self.suffix = embed(torch.tensor(self.start[:1])), embed(rows)
        self.eot = torch.tensor([1 + n + len(words) + len(name) for name in names])

    def image_features(self, images: Tensor) -> Tensor:
        """x [B, d]: the prompts are the last tokens of their layers, and those of the first layer pass its norm."""
        visual, prompts = self.clip.visual, self.vision_prompts()
        B, n = len(images), len(prompts[0])
        x = visual.embed(images.to(visual.proj.dtype))
        x = visual.ln_pre(torch.cat([x, prompts[0].to(x.dtype).expand(B, -1, -1)], 1)).transpose(0, 1)
        for layer, block in enumerate(visual.transformer.resblocks):
            if 0 < layer < self.J:
                x = torch.cat([x[:-n], prompts[layer].to(x.dtype)[:, None].expand(-1, B, -1)])
            x = block(x, None)
        return visual.ln_post(x[0]) @ visual.proj

    def text_features(self) -> Tensor:
        """z [K, d]."""
        rows = (self.first.expand(len(self.suffix), 1, -1), self.context.expand(len(self.suffix), -1, -1), self.suffix)
        return self.clip.encode_text(torch.cat(rows, 1), self.eot, list(self.text_prompts))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [B, K], x and z."""
        z, x = self.text_features(), self.image_features(images)
        return self.clip.logits(x, z), x, z

    def evaluate(self, images: Tensor) -> list[object]:
        return self(images)[0].tolist()

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self(images)[0], labels)


class MaPLe(Deep):
    """The vision prompts are linear maps of the text's vectors, one map a layer."""

    def __init__(self, clip: Clip, start: list[int], n: int = 2, J: int = 9) -> None:
        super().__init__(clip, start, n, J)
        widths = self.context.shape[1], clip.visual.conv1.out_channels
        self.projections = nn.ModuleList(nn.Linear(*widths) for _ in range(J))

    def vision_prompts(self) -> list[Tensor]:
        return [project(v) for project, v in zip(self.projections, [self.context, *self.text_prompts], strict=True)]


class PromptSRC(Deep):
    """Vision prompts of their own, and three terms that keep features and logits near the frozen CLIP's."""

    def __init__(self, clip: Clip, start: list[int], n: int = 4, J: int = 9) -> None:
        super().__init__(clip, start, n, J)
        self.vision_vectors = vectors(J, n, clip.visual.conv1.out_channels)

    def vision_prompts(self) -> list[Tensor]:
        return list(self.vision_vectors)

    def set_classes(self, names: list[list[int]], captions: Tensor, eot_id: int) -> None:
        """The text teacher reads the captions, not 60 templates: it is made once and costs a step nothing."""
        super().set_classes(names, captions, eot_id)
        with torch.no_grad():
            eot = (captions == eot_id).int().argmax(1)
            self.teacher = self.clip.encode_text(self.clip.token_embedding(captions), eot)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        logits, x, z = self(images)
        with torch.no_grad():
            x0 = self.clip.visual(images.to(self.clip.visual.proj.dtype), None)
            logits0 = self.clip.logits(x0, self.teacher)
        return (F.cross_entropy(logits, labels) + TEXT_WEIGHT * l1_term(z, self.teacher) + IMAGE_WEIGHT * l1_term(x, x0)
                + LOGITS_WEIGHT * logits_term(logits, logits0))
