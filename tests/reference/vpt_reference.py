"""VPT-deep (Jia et al., ECCV 2022) on CLIP in plain PyTorch: prompts at the first J vision layers, the template's text."""

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from clip_reference import Clip, caption_features, class_logits, image_features
from coop_reference import output_of
from prompt_reference import PROMPT_STD, Output, Task


@dataclass(frozen=True)
class Config:
    count: int  # a
    depth: int  # J
    iterations: int = 1
    loss_decay: float = 1.0  # of no effect with one iteration

    @staticmethod
    def from_keys(keys: dict[str, object]) -> "Config":
        return Config(count=keys["vision_prompt.count"], depth=keys["vision_prompt.depth"])


def initial_tensors(clip: Clip, config: Config, task: Task, seed: int) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(1000 * seed + zlib.crc32(b"vision_prompts") % 1000)
    prompts = torch.randn(config.depth, config.count, clip.vision_width, generator=g) * PROMPT_STD
    return {"vision_prompts": prompts.to(clip["visual.proj"].dtype)}


def forward(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
            forced_picks: Tensor | None = None) -> Output:
    z = caption_features(clip, task.captions, task.eot_id)
    logits, xs = [], []
    for image in pixels:
        x = torch.cat([image_features(clip, image[None]), image_features(clip, image[None], tensors["vision_prompts"][None])])
        logits.append(class_logits(clip, x, z))
        xs.append(x)
    return output_of(torch.stack(logits), labels, torch.stack(xs), z.expand(len(pixels), 2, -1, -1))
