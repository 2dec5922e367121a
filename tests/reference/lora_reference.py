"""CLIP-LoRA (Zanella and Ben Ayed, CVPRW 2024) and 2SFS (Farina et al., CVPR 2025) in plain PyTorch.

CLIP-LoRA adds a product of two thin matrices to the query, key and value of every block of both towers. 2SFS trains the
blocks' two norms first, then a row of weights for each class on the frozen result. Both train with AdamW, whose rate falls
with a cosine at every step.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from clip_reference import Clip, activation, caption_features, causal_mask, class_logits, image_features, layer_norm
from coop_reference import output_of
from prompt_reference import Output, Task

PREFIXES = {"text": "transformer.resblocks.", "vision": "visual.transformer.resblocks."}
LORA_LOGIT_SCALE = 100.0  # CLIP-LoRA's own, not the model's


def tower_sizes(clip: Clip) -> dict[str, tuple[int, int]]:
    """Blocks and width of each tower."""
    return {"text": (clip.text_layers, clip.text_width), "vision": (clip.vision_layers, clip.vision_width)}


# CLIP-LoRA


@dataclass(frozen=True)
class LoraConfig:
    rank: int = 2
    alpha: float = 1.0
    dropout: float = 0.25  # of what enters the low-rank path; only where forward is given masks
    iterations: int = 1
    loss_decay: float = 1.0  # of no effect with one iteration

    @property
    def scale(self) -> float:
        """alpha / sqrt(r) as in the code; the paper has alpha / r."""
        return self.alpha / math.sqrt(self.rank)


def lora_shapes(clip: Clip, config: LoraConfig) -> dict[str, tuple[int, ...]]:
    """For each block and each of query, key, value: A [r, W] and B [W, r]."""
    shapes: dict[str, tuple[int, ...]] = {}
    for tower, (L, W) in tower_sizes(clip).items():
        shapes |= {f"lora.{tower}.a": (L, 3, config.rank, W), f"lora.{tower}.b": (L, 3, W, config.rank)}
    return shapes


def lora_initial_tensors(clip: Clip, config: LoraConfig, seed: int, b_std: float = 0.0) -> dict[str, Tensor]:
    """A U(+-1/sqrt(W)), B zero. With b_std B is not zero, so that A has a gradient from the first step."""
    tensors = {}
    for name, shape in lora_shapes(clip, config).items():
        g = torch.Generator().manual_seed(1000 * seed + zlib.crc32(name.encode()) % 1000)
        if name.endswith(".a"):
            tensors[name] = (2 * torch.rand(shape, generator=g) - 1) * shape[-1] ** -0.5
        else:
            tensors[name] = torch.randn(shape, generator=g) * b_std
    return {name: t.to(clip["visual.proj"].dtype) for name, t in tensors.items()}


def lora_block(clip: Clip, config: LoraConfig, tensors: dict[str, Tensor], tower: str, layer: int, x: Tensor, heads: int,
               mask: Tensor | None, kept: Tensor | None) -> Tensor:
    """One block over x [N, T, W]; kept [3, N, T, W] says which entries dropout keeps for query, key and value."""
    name, (N, T, W) = f"{PREFIXES[tower]}{layer}", x.shape
    h = layer_norm(clip, x, f"{name}.ln_1")
    weights, biases = clip[f"{name}.attn.in_proj_weight"].chunk(3), clip[f"{name}.attn.in_proj_bias"].chunk(3)
    projected = []
    for i in range(3):
        a, b = tensors[f"lora.{tower}.a"][layer, i], tensors[f"lora.{tower}.b"][layer, i]
        entering = h if kept is None else h * kept[i] / (1 - config.dropout)
        y = F.linear(h, weights[i], biases[i]) + config.scale * F.linear(F.linear(entering, a), b)
        projected.append(y.view(N, T, heads, W // heads).transpose(1, 2))
    q, k, v = projected
    scores = q @ k.transpose(-1, -2) / (W // heads) ** 0.5
    if mask is not None:
        scores = scores + mask
    out = (scores.softmax(-1) @ v).transpose(1, 2).reshape(N, T, W)
    x = x + F.linear(out, clip[f"{name}.attn.out_proj.weight"], clip[f"{name}.attn.out_proj.bias"])
    h = F.linear(layer_norm(clip, x, f"{name}.ln_2"), clip[f"{name}.mlp.c_fc.weight"], clip[f"{name}.mlp.c_fc.bias"])
    return x + F.linear(activation(clip, h), clip[f"{name}.mlp.c_proj.weight"], clip[f"{name}.mlp.c_proj.bias"])


def lora_text_features(clip: Clip, config: LoraConfig, tensors: dict[str, Tensor], captions: Tensor, eot_id: int,
                       masks: Tensor | None = None) -> Tensor:
    """z [K, d] of token rows [K, context]; masks [L, 3, K, context, d_l]."""
    x = clip["token_embedding.weight"][captions] + clip["positional_embedding"]
    causal = causal_mask(clip.context, x.dtype)
    for layer in range(clip.text_layers):
        kept = None if masks is None else masks[layer]
        x = lora_block(clip, config, tensors, "text", layer, x, clip.text_heads, causal, kept)
    eot = (captions == eot_id).int().argmax(1)
    return layer_norm(clip, x, "ln_final")[torch.arange(len(x)), eot] @ clip["text_projection"]


def lora_image_features(clip: Clip, config: LoraConfig, tensors: dict[str, Tensor], pixels: Tensor,
                        masks: Tensor | None = None) -> Tensor:
    """x [B, d] of pixels [B, 3, S, S]; masks [L, 3, B, 1 + patches, d_v]."""
    patches = F.conv2d(pixels, clip["visual.conv1.weight"], stride=clip["visual.conv1.weight"].shape[-1])
    class_token = clip["visual.class_embedding"].expand(len(pixels), 1, -1)
    x = torch.cat([class_token, patches.flatten(2).transpose(1, 2)], 1) + clip["visual.positional_embedding"]
    x = layer_norm(clip, x, "visual.ln_pre")
    for layer in range(clip.vision_layers):
        kept = None if masks is None else masks[layer]
        x = lora_block(clip, config, tensors, "vision", layer, x, clip.vision_heads, None, kept)
    return layer_norm(clip, x[:, 0], "visual.ln_post") @ clip["visual.proj"]


def lora_masks(clip: Clip, config: LoraConfig, n_classes: int, n_images: int, seed: int) -> dict[str, Tensor]:
    """Draws what dropout keeps, 1 or 0, in the shapes that the two towers take."""
    g = torch.Generator().manual_seed(seed)
    rows = {"text": (n_classes, clip.context), "vision": (n_images, len(clip["visual.positional_embedding"]))}
    return {tower: (torch.rand(L, 3, *rows[tower], W, generator=g) >= config.dropout).to(clip["visual.proj"].dtype)
            for tower, (L, W) in tower_sizes(clip).items()}


def lora_forward(clip: Clip, config: LoraConfig, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
                 forced_picks: Tensor | None = None, masks: dict[str, Tensor] | None = None) -> Output:
    """On pixels [B, 3, S, S] and labels [B]; nothing is picked. Logits: CLIP's, then the method's."""
    masks = masks or {}
    z = lora_text_features(clip, config, tensors, task.captions, task.eot_id, masks.get("text"))
    x = lora_image_features(clip, config, tensors, pixels, masks.get("vision"))
    return with_clip(clip, task, pixels, labels, x, z, LORA_LOGIT_SCALE * F.normalize(x, dim=-1) @ F.normalize(z, dim=-1).T)


def with_clip(clip: Clip, task: Task, pixels: Tensor, labels: Tensor, x: Tensor, z: Tensor, logits: Tensor) -> Output:
    """A method's features and logits [B, K] behind CLIP's own."""
    x0, z0 = image_features(clip, pixels), caption_features(clip, task.captions, task.eot_id)
    both = torch.stack([class_logits(clip, x0, z0), logits], 1)
    return output_of(both, labels, torch.stack([x0, x], 1), torch.stack([z0, z]).expand(len(pixels), -1, -1, -1))


def lora_merged(clip: Clip, config: LoraConfig, tensors: dict[str, Tensor]) -> Clip:
    """The same model as plain CLIP: W + scale B A."""
    weights = dict(clip.weights)
    for tower, (L, _) in tower_sizes(clip).items():
        for layer in range(L):
            product = tensors[f"lora.{tower}.b"][layer] @ tensors[f"lora.{tower}.a"][layer]  # [3, W, W]
            name = f"{PREFIXES[tower]}{layer}.attn.in_proj_weight"
            weights[name] = weights[name] + config.scale * product.flatten(0, 1)
    return replace(clip, weights=weights)


# 2SFS


@dataclass(frozen=True)
class TwoStageConfig:
    iterations: int = 1
    loss_decay: float = 1.0  # of no effect with one iteration


def norm_tensors(clip: Clip) -> dict[str, Tensor]:
    """The start of stage 1: ln_1 and ln_2 of every block, weight and bias [L, 2, W] for each tower."""
    return {f"norms.{tower}.{kind}": torch.stack([
        torch.stack([clip[f"{PREFIXES[tower]}{layer}.{norm}.{kind}"] for norm in ("ln_1", "ln_2")]) for layer in range(L)])
        for tower, (L, _) in tower_sizes(clip).items() for kind in ("weight", "bias")}


def with_norms(clip: Clip, tensors: dict[str, Tensor]) -> Clip:
    """The model whose blocks have these norms; ln_pre, ln_post and ln_final stay."""
    weights = dict(clip.weights)
    for tower, (L, _) in tower_sizes(clip).items():
        for layer in range(L):
            for i, norm in enumerate(("ln_1", "ln_2")):
                for kind in ("weight", "bias"):
                    weights[f"{PREFIXES[tower]}{layer}.{norm}.{kind}"] = tensors[f"norms.{tower}.{kind}"][layer, i]
    return replace(clip, weights=weights)


def stage_one_forward(clip: Clip, config: TwoStageConfig, task: Task, tensors: dict[str, Tensor], pixels: Tensor,
                      labels: Tensor, forced_picks: Tensor | None = None) -> Output:
    """Both towers with the trained norms. Logits: CLIP's, then the method's."""
    adapted = with_norms(clip, tensors)
    x, z = image_features(adapted, pixels), caption_features(adapted, task.captions, task.eot_id)
    return with_clip(clip, task, pixels, labels, x, z, class_logits(clip, x, z))


def initial_classifier(clip: Clip, task: Task, norms: dict[str, Tensor]) -> Tensor:
    """The start of stage 2 [K, d]: the adapted text features, normalized."""
    return F.normalize(caption_features(with_norms(clip, norms), task.captions, task.eot_id), dim=-1).detach()


def stage_two_forward(norms: dict[str, Tensor]) -> Callable[..., Output]:
    """A forward whose only trained tensor is classifier [K, d]; its rows are normalized in the logits."""

    def forward(clip: Clip, config: TwoStageConfig, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
                forced_picks: Tensor | None = None) -> Output:
        x, z = image_features(with_norms(clip, norms), pixels), tensors["classifier"]
        return with_clip(clip, task, pixels, labels, x, z, class_logits(clip, x, z))

    return forward


def selective_logits(clip: Clip, task: Task, norms: dict[str, Tensor], classifier: Tensor, rows: list[int | None],
                     pixels: Tensor) -> Tensor:
    """Test logits [B, K] of the task's classes: rows[k] is the class's row of the classifier, or None for a new class.

    A new class is its caption through the adapted text tower.
    """
    adapted = with_norms(clip, norms)
    text = caption_features(adapted, task.captions, task.eot_id)
    z = torch.stack([text[k] if row is None else classifier[row] for k, row in enumerate(rows)])
    return class_logits(clip, image_features(adapted, pixels), z)


def stage_steps(n_steps: int, share: float = 0.6) -> tuple[int, int]:
    """The steps of stage 1 and of stage 2."""
    first = math.floor(share * n_steps)
    return first, n_steps - first


# Training


def cosine_rate(step: int, n_steps: int, lr: float, least: float = 1e-6) -> float:
    """The rate of a step, counted from 0; `least` would be that of step n_steps."""
    return least + (lr - least) * (1 + math.cos(math.pi * step / n_steps)) / 2


@dataclass(frozen=True)
class StepTraining:
    losses: Tensor  # [steps], each before its step
    rates: list[float]
    first_gradients: dict[str, Tensor]
    changes: dict[str, Tensor]  # of every trained tensor, last minus first


def train_by_steps(loss_of: Callable[[int, dict[str, Tensor]], Tensor], tensors: dict[str, Tensor], n_steps: int,
                   n_schedule: int | None = None, lr: float = 2e-4, eps: float = 1e-8,
                   weight_decay: float = 0.01) -> StepTraining:
    """AdamW; loss_of(step, tensors) is the loss of a step's batch. The schedule may be longer than the steps done."""
    trained = {name: t.detach().clone().requires_grad_() for name, t in tensors.items()}
    optimizer = torch.optim.AdamW(trained.values(), lr=lr, betas=(0.9, 0.999), eps=eps, weight_decay=weight_decay)
    losses, rates, first = [], [], {}
    for step in range(n_steps):
        rates.append(cosine_rate(step, n_schedule or n_steps, lr))
        optimizer.param_groups[0]["lr"] = rates[-1]
        loss = loss_of(step, trained)
        optimizer.zero_grad()
        loss.backward()
        first = first or {name: t.grad.clone() for name, t in trained.items()}
        optimizer.step()
        losses.append(loss.detach())
    return StepTraining(torch.stack(losses), rates, first, {name: trained[name].detach() - t for name, t in tensors.items()})
