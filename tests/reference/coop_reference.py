"""CoOp (Zhou et al., IJCV 2022) and CoCoOp (CVPR 2022) in plain PyTorch, after their public code.

The text of a class is [SOS, context, class name, ".", EOT], or with the name in the middle
[SOS, first half of the context, class name, second half, ".", EOT]. CoCoOp adds Meta-Net(x / |x|) to every context vector.
"""

import zlib
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from clip_reference import Clip, caption_features, class_logits, image_features, text_features
from prompt_reference import PROMPT_STD, Output, Task

FIELDS = {  # of Config, by the program's configuration keys
    "context.count": "count",
    "context.init": "init",
    "context.class_specific": "class_specific",
    "context.position": "position",
}


@dataclass(frozen=True)
class Config:
    conditional: bool = False  # CoCoOp
    count: int = 4
    init: str = "words"  # or "random"
    class_specific: bool = False
    position: str = "end"  # of the class name; or "middle"
    iterations: int = 1
    loss_decay: float = 1.0  # of no effect with one iteration

    @staticmethod
    def from_keys(keys: dict[str, object]) -> "Config":
        fields = {field: keys[key] for key, field in FIELDS.items()}
        return Config(conditional=keys["method"] == "cocoop", **fields)


def initial_tensors(clip: Clip, config: Config, task: Task, seed: int) -> dict[str, Tensor]:
    """context [n, d_l], or [K, n, d_l] with one for each class; of CoCoOp also the Meta-Net, as nn.Linear starts."""
    g = torch.Generator().manual_seed(1000 * seed + zlib.crc32(b"context") % 1000)
    sets = (task.n_classes,) if config.class_specific else ()
    context = torch.randn(*sets, config.count, clip.text_width, generator=g) * PROMPT_STD
    if config.init == "words":
        context = clip["token_embedding.weight"][task.template[1:]].expand_as(context).clone()
    tensors = {"context": context}
    if config.conditional:
        d, d_l = clip.joint_width, clip.text_width
        for name, shape, fan_in in (("fc1.weight", (d // 16, d), d), ("fc1.bias", (d // 16,), d),
                                    ("fc2.weight", (d_l, d // 16), d // 16), ("fc2.bias", (d_l,), d // 16)):
            tensors[f"meta_net.{name}"] = (2 * torch.rand(shape, generator=g) - 1) * fan_in**-0.5
    return {name: t.to(clip["visual.proj"].dtype) for name, t in tensors.items()}


def class_features(clip: Clip, config: Config, task: Task, context: Tensor) -> Tensor:
    """Z [K, d] of context vectors [n, d_l] or [K, n, d_l]."""
    embedding = clip["token_embedding.weight"]
    half = config.count // 2 if config.position == "middle" else config.count
    rows, eot = [], []
    for k, (tokens, length) in enumerate(zip(task.names, task.name_lengths)):
        vectors = context[k] if config.class_specific else context
        name, rest = tokens[:length], tokens[length:]
        parts = [embedding[task.template[:1]], vectors[:half], embedding[name], vectors[half:],
                 embedding[rest + [task.eot_id]]]
        row = torch.cat(parts)
        eot.append(len(row) - 1)
        padding = embedding[[0] * (clip.context - len(row))]
        rows.append(torch.cat([row, padding]))
    return text_features(clip, torch.stack(rows), torch.tensor(eot))


def forward(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
            forced_picks: Tensor | None = None) -> Output:
    """On pixels [B, 3, S, S] and labels [B]; nothing is picked. Logits: CLIP's, then the method's."""
    z0 = caption_features(clip, task.captions, task.eot_id)
    shared = None if config.conditional else class_features(clip, config, task, tensors["context"])
    logits, xs, zs = [], [], []
    for image in pixels:
        x = image_features(clip, image[None])
        z = shared
        if config.conditional:
            hidden = F.relu(F.linear(F.normalize(x[0], dim=-1), tensors["meta_net.fc1.weight"], tensors["meta_net.fc1.bias"]))
            shift = F.linear(hidden, tensors["meta_net.fc2.weight"], tensors["meta_net.fc2.bias"])
            z = class_features(clip, config, task, tensors["context"] + shift)
        logits.append(torch.cat([class_logits(clip, x, z0), class_logits(clip, x, z)]))
        xs.append(torch.cat([x, x]))
        zs.append(torch.stack([z0, z]))
    return output_of(torch.stack(logits), labels, torch.stack(xs), torch.stack(zs))


def output_of(logits: Tensor, labels: Tensor, x: Tensor, z: Tensor) -> Output:
    """Of a method with one iteration and no choice: logits [B, 2, K], x [B, 2, d] and z [B, 2, K, d]."""
    B = len(logits)
    loss = F.cross_entropy(logits[:, 1], labels)
    picks, margins = torch.zeros(1, B, 0, dtype=torch.int64), logits.new_full((1, B), float("inf"))
    return Output(loss, loss[None], logits, picks, margins, x, z)
