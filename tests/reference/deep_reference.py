"""Methods with learned vectors at deeper layers of both towers, in plain PyTorch: IVLP, PromptSRC's model, and MaPLe.

IVLP (after PromptSRC's code, ICCV 2023) learns the vectors of both towers independently. MaPLe (CVPR 2023) learns those of
the text tower, and makes the vision tower's from them with a linear map for each layer. Depths count the first layer.
"""

import zlib
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from clip_reference import Clip, block, caption_features, causal_mask, class_logits, image_features, layer_norm
from coop_reference import output_of
from prompt_reference import PROMPT_STD, Output, Task


@dataclass(frozen=True)
class Config:
    coupled: bool = False  # MaPLe
    text_count: int = 4  # n_t
    init: str = "words"  # or "random"
    text_depth: int = 1  # J_t
    vision_count: int = 4  # n_v; of MaPLe n_t
    vision_depth: int = 2  # J_v; of MaPLe J_t
    iterations: int = 1
    loss_decay: float = 1.0  # of no effect with one iteration

    def __post_init__(self) -> None:
        if self.init == "words" and self.text_count > 4:
            raise ValueError(f"context.count: expected at most the 4 words, found {self.text_count}")

    @staticmethod
    def from_keys(keys: dict[str, object]) -> "Config":
        text = Config(text_count=keys["context.count"], init=keys["context.init"], text_depth=keys["context.depth"])
        coupled = keys["method"] == "maple"
        count = text.text_count if coupled else keys["vision_prompt.count"]
        depth = text.text_depth if coupled else keys["vision_prompt.depth"]
        return Config(coupled, text.text_count, text.init, text.text_depth, count, depth)


# Trained tensors


def trained_shapes(clip: Clip, config: Config) -> dict[str, tuple[int, ...]]:
    d_v, d_l, n, J = clip.vision_width, clip.text_width, config.text_count, config.text_depth
    shapes: dict[str, tuple[int, ...]] = {"context": (n, d_l)}
    if config.coupled:
        shapes |= {"context_projection.weight": (d_v, d_l), "context_projection.bias": (d_v,)}
    if J > 1:
        shapes["text_prompts"] = (J - 1, n, d_l)
    if config.coupled and J > 1:
        shapes |= {"vision_projections.weight": (J - 1, d_v, d_l), "vision_projections.bias": (J - 1, d_v)}
    if not config.coupled and config.vision_count > 0:
        shapes["vision_prompts"] = (config.vision_depth, config.vision_count, d_v)
    return shapes


def initial_tensors(clip: Clip, config: Config, task: Task, seed: int) -> dict[str, Tensor]:
    """Prompts N(0, 0.02^2), or the first words; linear maps as nn.Linear starts.

    The authors of MaPLe start the deeper layers' maps as copies of one. Here each has numbers of its own, so that a
    mix-up of layers shows.
    """
    tensors = {}
    for name, shape in trained_shapes(clip, config).items():
        g = torch.Generator().manual_seed(1000 * seed + zlib.crc32(name.encode()) % 1000)
        if name == "context" and config.init == "words":
            tensors[name] = clip["token_embedding.weight"][task.template[1 : 1 + config.text_count]].clone()
        elif "projection" in name:
            tensors[name] = (2 * torch.rand(shape, generator=g) - 1) * clip.text_width**-0.5
        else:
            tensors[name] = torch.randn(shape, generator=g) * PROMPT_STD
    return {name: t.to(clip["visual.proj"].dtype) for name, t in tensors.items()}


# Forward pass


def class_embeddings(clip: Clip, config: Config, task: Task, context: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings [K, context, d_l] without position, and where EOT is [K].

    With words: [SOS, the n vectors, the words after the first n, name, EOT]; with random vectors no word is left.
    """
    embedding = clip["token_embedding.weight"]
    words = task.template[1 + config.text_count :] if config.init == "words" else []
    rows, eot = [], []
    for name in task.names:
        rest = words + name + [task.eot_id]
        eot.append(len(context) + len(rest))
        padding = [0] * (clip.context - eot[-1] - 1)
        rows.append(torch.cat([embedding[task.template[:1]], context, embedding[rest + padding]]))
    return torch.stack(rows), torch.tensor(eot)


def prompted_text_features(clip: Clip, embeddings: Tensor, eot: Tensor, prompts: list[Tensor]) -> Tensor:
    """z [K, d] of embeddings [K, context, d_l]; prompts[i - 1] [n, d_l] replaces positions 1..n before block i, counted from 0.

    What is replaced had a position added, its replacement has not. The outputs of the last replaced layer continue.
    """
    T = int(eot.max()) + 1
    x = embeddings[:, :T] + clip["positional_embedding"][:T]
    mask = causal_mask(T, x.dtype)
    for layer in range(clip.text_layers):
        if 1 <= layer <= len(prompts):
            vectors = prompts[layer - 1]
            x = torch.cat([x[:, :1], vectors.expand(len(x), -1, -1), x[:, 1 + len(vectors) :]], 1)
        x = block(clip, x, f"transformer.resblocks.{layer}", clip.text_heads, mask)
    x = layer_norm(clip, x, "ln_final")
    return x[torch.arange(len(x)), eot] @ clip["text_projection"]


def prompted_image_features(clip: Clip, pixels: Tensor, prompts: list[Tensor]) -> Tensor:
    """x [B, d]; prompts [n, d_v] of the first layers, at the end of the sequence and without position.

    The first go through ln_pre with the patches; the others replace the last n tokens before their block.
    """
    B, n = len(pixels), len(prompts[0])
    patches = F.conv2d(pixels, clip["visual.conv1.weight"], stride=clip["visual.conv1.weight"].shape[-1])
    class_token = clip["visual.class_embedding"].expand(B, 1, -1)
    x = torch.cat([class_token, patches.flatten(2).transpose(1, 2)], 1) + clip["visual.positional_embedding"]
    x = layer_norm(clip, torch.cat([x, prompts[0].expand(B, -1, -1)], 1), "visual.ln_pre")
    for layer in range(clip.vision_layers):
        if 1 <= layer < len(prompts):
            x = torch.cat([x[:, :-n], prompts[layer].expand(B, -1, -1)], 1)
        x = block(clip, x, f"visual.transformer.resblocks.{layer}", clip.vision_heads)
    return layer_norm(clip, x[:, 0], "visual.ln_post") @ clip["visual.proj"]


def vision_prompts(config: Config, tensors: dict[str, Tensor]) -> list[Tensor]:
    """[n_v, d_v] for each of the first layers; of MaPLe V_0 = proj(context) and V_i = F_i(P_i)."""
    if not config.coupled:
        return list(tensors["vision_prompts"]) if config.vision_count > 0 else []
    prompts = [F.linear(tensors["context"], tensors["context_projection.weight"], tensors["context_projection.bias"])]
    for i in range(1, config.text_depth):
        weight, bias = tensors["vision_projections.weight"][i - 1], tensors["vision_projections.bias"][i - 1]
        prompts.append(F.linear(tensors["text_prompts"][i - 1], weight, bias))
    return prompts


def forward(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
            forced_picks: Tensor | None = None) -> Output:
    """On pixels [B, 3, S, S] and labels [B]; nothing is picked. Logits: CLIP's, then the method's."""
    z0 = caption_features(clip, task.captions, task.eot_id)
    text_prompts = list(tensors["text_prompts"]) if config.text_depth > 1 else []
    z = prompted_text_features(clip, *class_embeddings(clip, config, task, tensors["context"]), text_prompts)
    prompts = vision_prompts(config, tensors)
    logits, xs = [], []
    for image in pixels:
        x0 = image_features(clip, image[None])
        x = prompted_image_features(clip, image[None], prompts) if prompts else x0
        logits.append(torch.cat([class_logits(clip, x0, z0), class_logits(clip, x, z)]))
        xs.append(torch.cat([x0, x]))
    return output_of(torch.stack(logits), labels, torch.stack(xs), torch.stack([z0, z]).expand(len(pixels), -1, -1, -1))
