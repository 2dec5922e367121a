"""Plain CLIP with a vision transformer, built from a state dict with OpenAI's names.

The frozen model below ProMPT: Eqs. 1-5 of the paper, and the image encoder of Eq. 9, which takes prompts at its first
layers. Nothing is shared, folded or fused; of the positions only those after the last EOT are left out, which no feature
depends on (test_reference.py). Any floating-point type works. Independent of the C program, which is compared with it.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

LOGIT_SCALE = 4.6052  # exp(4.6052) = 100, as in OpenAI's weights


@dataclass(frozen=True)
class ClipDims:
    """Sizes of a CLIP to be made at random; heads do not follow from the weights, the rest would."""

    image_px: int = 32
    patch_px: int = 8
    vision_width: int = 128  # d_v
    vision_layers: int = 4  # L
    vision_heads: int = 2
    text_width: int = 64  # d_l
    text_layers: int = 3
    text_heads: int = 1
    context: int = 77
    vocabulary: int = 64
    joint_width: int = 64  # d; the generators' hidden width is d/16


@dataclass(frozen=True)
class Clip:
    """The weights by OpenAI's names, and the facts that they do not contain."""

    weights: dict[str, Tensor]
    vision_heads: int
    text_heads: int
    activation: str = "quick_gelu"  # or "gelu"
    eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.activation not in ("quick_gelu", "gelu"):
            raise ValueError(f"unknown activation '{self.activation}'")

    def __getitem__(self, name: str) -> Tensor:
        return self.weights[name]

    @property
    def context(self) -> int:
        return self["positional_embedding"].shape[0]

    @property
    def vision_width(self) -> int:
        return self["visual.proj"].shape[0]

    @property
    def text_width(self) -> int:
        return self["text_projection"].shape[0]

    @property
    def joint_width(self) -> int:
        return self["text_projection"].shape[1]

    @property
    def vision_layers(self) -> int:
        return self._n_blocks("visual.transformer.")

    @property
    def text_layers(self) -> int:
        return self._n_blocks("transformer.")

    def _n_blocks(self, tower: str) -> int:
        start = f"{tower}resblocks."
        return len({name[len(start):].split(".")[0] for name in self.weights if name.startswith(start)})

    def to(self, dtype: torch.dtype) -> "Clip":
        """The same model with all weights in another type."""
        return replace(self, weights={name: w.to(dtype) for name, w in self.weights.items()})


def causal_mask(length: int, dtype: torch.dtype) -> Tensor:
    """0 where a position may look (itself and before), -inf where it may not: [length, length]."""
    return torch.full((length, length), float("-inf"), dtype=dtype).triu(1)


def layer_norm(clip: Clip, x: Tensor, name: str) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], clip[f"{name}.weight"], clip[f"{name}.bias"], clip.eps)


def activation(clip: Clip, x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x) if clip.activation == "quick_gelu" else F.gelu(x)


def attention(clip: Clip, x: Tensor, name: str, heads: int, mask: Tensor | None) -> Tensor:
    """Multi-head self-attention over x [B, T, width]; the mask [T, T] is added to the scores."""
    B, T, width = x.shape
    qkv = F.linear(x, clip[f"{name}.in_proj_weight"], clip[f"{name}.in_proj_bias"])
    q, k, v = qkv.view(B, T, 3, heads, width // heads).permute(2, 0, 3, 1, 4)  # each [B, heads, T, width / heads]
    scores = q @ k.transpose(-1, -2) / (width // heads) ** 0.5
    if mask is not None:
        scores = scores + mask
    out = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, width)
    return F.linear(out, clip[f"{name}.out_proj.weight"], clip[f"{name}.out_proj.bias"])


def block(clip: Clip, x: Tensor, name: str, heads: int, mask: Tensor | None = None) -> Tensor:
    """One pre-norm transformer block: V_l of Eq. 1 or T_l of Eq. 3."""
    x = x + attention(clip, layer_norm(clip, x, f"{name}.ln_1"), f"{name}.attn", heads, mask)
    h = F.linear(layer_norm(clip, x, f"{name}.ln_2"), clip[f"{name}.mlp.c_fc.weight"], clip[f"{name}.mlp.c_fc.bias"])
    return x + F.linear(activation(clip, h), clip[f"{name}.mlp.c_proj.weight"], clip[f"{name}.mlp.c_proj.bias"])


def image_features(clip: Clip, pixels: Tensor, prompts: Tensor | None = None) -> Tensor:
    """x = P_I(ln_post(s_L)) [B, d] of pixels [B, 3, S, S]: Eqs. 1-2, and Eq. 9 with prompts [B, J, a, d_v].

    The prompts of layer j <= J are between class token and patches. The outputs of layers 1..J-1 at the prompts are
    dropped; those of layer J continue through layers J+1..L.
    """
    B = pixels.shape[0]
    patches = F.conv2d(pixels, clip["visual.conv1.weight"], stride=clip["visual.conv1.weight"].shape[-1])
    patches = patches.flatten(2).transpose(1, 2)  # [B, patches, d_v]
    class_token = clip["visual.class_embedding"].expand(B, 1, -1)
    x = torch.cat([class_token, patches], 1) + clip["visual.positional_embedding"]
    x = layer_norm(clip, x, "visual.ln_pre")

    J, a = (0, 0) if prompts is None else prompts.shape[1:3]
    for layer in range(clip.vision_layers):
        if layer < J:
            class_token, patches = x[:, :1], x[:, 1 if layer == 0 else 1 + a:]
            x = torch.cat([class_token, prompts[:, layer], patches], 1)
        x = block(clip, x, f"visual.transformer.resblocks.{layer}", clip.vision_heads)
    return layer_norm(clip, x[:, 0], "visual.ln_post") @ clip["visual.proj"]


def text_features(clip: Clip, embeddings: Tensor, eot: Tensor, whole: bool = False) -> Tensor:
    """z = P_T(w_L at EOT) [K, d] of word embeddings [K, context, d_l] without position: Eqs. 3-4.

    eot [K] is the position of each row's EOT; `whole` computes the positions after the last one, too.
    """
    T = clip.context if whole else int(eot.max()) + 1
    x = embeddings[:, :T] + clip["positional_embedding"][:T]
    mask = causal_mask(T, x.dtype)
    for layer in range(clip.text_layers):
        x = block(clip, x, f"transformer.resblocks.{layer}", clip.text_heads, mask)
    x = layer_norm(clip, x, "ln_final")
    return x[torch.arange(len(x)), eot] @ clip["text_projection"]


def caption_features(clip: Clip, tokens: Tensor, eot_id: int, whole: bool = False) -> Tensor:
    """z [K, d] of full token rows [K, context], each read at its first EOT."""
    eot = (tokens == eot_id).int().argmax(1)
    return text_features(clip, clip["token_embedding.weight"][tokens], eot, whole)


def class_logits(clip: Clip, x: Tensor, z: Tensor) -> Tensor:
    """exp(s) * cos(x, z_k) [B, K] of x [B, d] and z [K, d]: the exponents of Eqs. 5 and 12."""
    return clip["logit_scale"].exp() * F.normalize(x, dim=-1) @ F.normalize(z, dim=-1).T


def _random_tower(weights: dict[str, Tensor], start: str, width: int, layers: int, g: torch.Generator) -> None:
    """Adds one transformer's blocks. Norms are not the identity and no bias is zero, so that all of them matter."""

    def normal(*shape: int, std: float) -> Tensor:
        return torch.randn(*shape, generator=g) * std

    for layer in range(layers):
        name = f"{start}resblocks.{layer}"
        for norm in ("ln_1", "ln_2"):
            weights[f"{name}.{norm}.weight"] = 1 + normal(width, std=0.1)
            weights[f"{name}.{norm}.bias"] = normal(width, std=0.1)
        for linear, rows, columns, gain in (
            ("attn.in_proj_", 3 * width, width, 1.4),
            ("attn.out_proj.", width, width, 1.0),
            ("mlp.c_fc.", 4 * width, width, 1.0),
            ("mlp.c_proj.", width, 4 * width, 1.0),
        ):
            weights[f"{name}.{linear}weight"] = normal(rows, columns, std=gain * columns**-0.5)
            weights[f"{name}.{linear}bias"] = normal(rows, std=0.1)


def random_clip(dims: ClipDims, seed: int, activation: str = "quick_gelu", eps: float = 1e-5) -> Clip:
    """A small CLIP in fp32 whose features are spread out.

    Features of random weights share a large common part, so that one class would win everywhere. The last norms' biases
    take that part away: minus the mean of what they see for 64 random images and 64 random captions.
    """
    if dims.joint_width % 16:
        raise ValueError(f"joint width must be a multiple of 16, found {dims.joint_width}")
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int, std: float) -> Tensor:
        return torch.randn(*shape, generator=g) * std

    d_v, d_l, d = dims.vision_width, dims.text_width, dims.joint_width
    n_patches = (dims.image_px // dims.patch_px) ** 2
    w: dict[str, Tensor] = {
        "visual.conv1.weight": normal(d_v, 3, dims.patch_px, dims.patch_px, std=(3 * dims.patch_px**2) ** -0.5),
        "visual.class_embedding": normal(d_v, std=0.5),
        "visual.positional_embedding": normal(1 + n_patches, d_v, std=0.3),
        "visual.proj": normal(d_v, d, std=d_v**-0.5),
        "token_embedding.weight": normal(dims.vocabulary, d_l, std=1.0),
        "positional_embedding": normal(dims.context, d_l, std=0.3),
        "text_projection": normal(d_l, d, std=d_l**-0.5),
        "logit_scale": torch.tensor(LOGIT_SCALE),
    }
    for name, width in (("visual.ln_pre", d_v), ("visual.ln_post", d_v), ("ln_final", d_l)):
        w[f"{name}.weight"] = 1 + normal(width, std=0.1)
        w[f"{name}.bias"] = normal(width, std=0.1)
    _random_tower(w, "visual.transformer.", d_v, dims.vision_layers, g)
    _random_tower(w, "transformer.", d_l, dims.text_layers, g)

    clip = Clip(w, dims.vision_heads, dims.text_heads, activation, eps)
    pixels = torch.randn(64, 3, dims.image_px, dims.image_px, generator=g)
    tokens = torch.randint(dims.vocabulary - 1, (64, dims.context), generator=g)
    tokens[:, 8] = dims.vocabulary - 1
    before_projection = replace(clip, weights=w | {"visual.proj": torch.eye(d_v), "text_projection": torch.eye(d_l)})
    w["visual.ln_post.bias"] -= image_features(before_projection, pixels).mean(0)
    # whole, for the recorded weights to the last bit
    w["ln_final.bias"] -= caption_features(before_projection, tokens, dims.vocabulary - 1, whole=True).mean(0)
    return clip
