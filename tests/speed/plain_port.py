"""ProMPT as one would port it: CLIP's own modules in plain PyTorch, nothing left out, gradients by autograd.

nn.MultiheadAttention, all 77 positions of every class, one image after the other, frozen weights without gradients. The
modules carry the names of OpenAI's weights and of our checkpoint, so that both load as they are. It is timed beside
`prompt bench` by compare.py, through time_port.py, and compared with tests/reference by test_port.py. MaPLe and PromptSRC,
on the same modules, are in plain_deep.py.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


# CLIP


class LayerNorm(nn.LayerNorm):
    """In fp32, whatever the type of the products."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).to(x.dtype) if x.dtype == torch.bfloat16 else super().forward(x)


class QuickGELU(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads)
        self.ln_1 = LayerNorm(width)
        self.mlp = nn.Sequential(OrderedDict(c_fc=nn.Linear(width, 4 * width), gelu=QuickGELU(),
                                             c_proj=nn.Linear(4 * width, width)))
        self.ln_2 = LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x [T, B, width]; the mask [T, T] is added to the scores."""
        h = self.ln_1(x)
        x = x + self.attn(h, h, h, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))


class VisionTransformer(nn.Module):
    def __init__(self, patch_px: int, n_positions: int, transformer: Transformer, joint_width: int) -> None:
        super().__init__()
        width = transformer.resblocks[0].ln_1.normalized_shape[0]
        self.conv1 = nn.Conv2d(3, width, patch_px, stride=patch_px, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(n_positions, width))
        self.ln_pre, self.ln_post = LayerNorm(width), LayerNorm(width)
        self.transformer = transformer
        self.proj = nn.Parameter(torch.empty(width, joint_width))

    def embed(self, pixels: Tensor) -> Tensor:
        """Class token and patches [B, T, d_v] with positions, before the first norm, of pixels [B, 3, S, S]."""
        x = self.conv1(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.to(x.dtype).expand(len(x), 1, -1), x], 1)
        return x + self.positional_embedding.to(x.dtype)

    def forward(self, pixels: Tensor, prompts: Tensor | None) -> Tensor:
        """x [B, d] of pixels [B, 3, S, S], Eqs. 1-2, with prompts [J, a, d_v] Eq. 9."""
        x = self.ln_pre(self.embed(pixels)).transpose(0, 1)  # [T, B, d_v]
        J, a = (0, 0) if prompts is None else prompts.shape[:2]
        for layer, block in enumerate(self.transformer.resblocks):
            if layer < J:
                rest = x[1:] if layer == 0 else x[1 + a:]
                x = torch.cat([x[:1], prompts[layer].to(x.dtype)[:, None].expand(-1, x.shape[1], -1), rest])
            x = block(x, None)
        return self.ln_post(x[0]) @ self.proj


class Clip(nn.Module):
    """Sizes are those of the weights that it is made for; the heads are not in them."""

    def __init__(self, w: dict[str, Tensor], vision_heads: int, text_heads: int) -> None:
        super().__init__()
        patches, (text, joint) = w["visual.conv1.weight"], w["text_projection"].shape
        layers = {tower: len({name.split(".")[tower.count(".") + 2] for name in w if name.startswith(f"{tower}.res")})
                  for tower in ("visual.transformer", "transformer")}
        self.visual = VisionTransformer(patches.shape[-1], len(w["visual.positional_embedding"]),
                                        Transformer(len(patches), layers["visual.transformer"], vision_heads), joint)
        self.transformer = Transformer(text, layers["transformer"], text_heads)
        self.token_embedding = nn.Embedding(*w["token_embedding.weight"].shape)
        self.positional_embedding = nn.Parameter(torch.empty_like(w["positional_embedding"]))
        self.ln_final = LayerNorm(text)
        self.text_projection = nn.Parameter(torch.empty(text, joint))
        self.logit_scale = nn.Parameter(torch.empty(()))
        self.load_state_dict(w, assign=True)
        self.requires_grad_(False)
        context = len(self.positional_embedding)
        self.mask = torch.full((context, context), -torch.inf, dtype=self.text_projection.dtype).triu_(1)

    def to_bf16(self) -> "Clip":
        """Weights of the products alone, as CLIP's own convert_weights does for half."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d, nn.MultiheadAttention)):
                module.bfloat16()
        for owner, name in ((self.visual, "proj"), (self, "text_projection")):
            setattr(owner, name, nn.Parameter(getattr(owner, name).bfloat16(), requires_grad=False))
        self.mask = self.mask.bfloat16()
        return self

    def encode_text(self, embeddings: Tensor, eot: Tensor, deep: Sequence[Tensor] = ()) -> Tensor:
        """z [K, d] of word embeddings [K, context, d_l], read at eot [K]: Eqs. 3-4.

        deep: [n, d_l] each, for the blocks after the first, whose inputs they are at positions 1..n of all classes.
        """
        x = (embeddings + self.positional_embedding).to(self.text_projection.dtype).transpose(0, 1)
        for layer, block in enumerate(self.transformer.resblocks):
            if 0 < layer <= len(deep):
                vectors = deep[layer - 1].to(x.dtype)
                x = torch.cat([x[:1], vectors[:, None].expand(-1, x.shape[1], -1), x[1 + len(vectors):]])
            x = block(x, self.mask)
        x = self.ln_final(x.transpose(0, 1))
        return x[torch.arange(len(x)), eot] @ self.text_projection

    def logits(self, x: Tensor, z: Tensor) -> Tensor:
        """exp(s) cos(x, z_k) [K] of x [d] and z [K, d], in fp32 or more; or [B, K] of x [B, d]."""
        x, z = (t.float() if t.dtype == torch.bfloat16 else t for t in (x, z))
        return self.logit_scale.exp() * F.normalize(x, dim=-1) @ F.normalize(z, dim=-1).T


# ProMPT


class Generator(nn.Module):
    """Linear, ReLU, linear, d to d/16 to the tower's width; two biases a layer, or one pair (layers = None)."""

    def __init__(self, joint_width: int, width: int, layers: int | None) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(joint_width, joint_width // 16), nn.Linear(joint_width // 16, width)
        if layers:
            for fc in (self.fc1, self.fc2):
                bound = fc.in_features**-0.5
                fc.bias = nn.Parameter(torch.empty(layers, fc.out_features).uniform_(-bound, bound))

    def forward(self, features: Tensor) -> Tensor:
        """[d] to [width], or [a, d] to [J, a, width]."""
        bias1, bias2 = (fc.bias if fc.bias.dim() == 1 else fc.bias[:, None] for fc in (self.fc1, self.fc2))
        return F.relu(features @ self.fc1.weight.T + bias1) @ self.fc2.weight.T + bias2


class Port(nn.Module):
    """A method on a frozen CLIP."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.clip = clip

    def trained(self) -> dict[str, nn.Parameter]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}


class Prompt(Port):
    """All switches at their defaults: N iterations, a vision prompts at J layers, the text prompts start as `start`."""

    def __init__(self, clip: Clip, start: list[int], n_iterations: int = 2, a: int = 8, J: int = 9) -> None:
        super().__init__(clip)
        self.n_iterations, self.a = n_iterations, a
        joint, d_v, d_l = clip.text_projection.shape[1], clip.visual.conv1.out_channels, clip.text_projection.shape[0]
        self.vision_prompts = nn.Parameter(0.02 * torch.randn(J, a, d_v))
        self.text_prompts = nn.Parameter(clip.token_embedding.weight[start])
        self.vision_generator = Generator(joint, d_v, J)
        self.text_generator = Generator(joint, d_l, None)

    def set_classes(self, names: list[list[int]], captions: Tensor, eot_id: int) -> None:
        """names: K rows of token ids of "{class}."; captions [K, context]: whole rows, for Z^0, which is made once."""
        embed, context = self.clip.token_embedding, captions.shape[1]
        b = len(self.text_prompts)
        rows = torch.zeros(len(names), context - b, dtype=torch.int64)
        for row, name in zip(rows, names, strict=True):
            row[:len(name) + 1] = torch.tensor([*name, eot_id])
        self.suffix = embed(rows)  # [K, context - b, d_l]
        self.eot = torch.tensor([b + len(name) for name in names])
        with torch.no_grad():
            self.z0 = self.clip.encode_text(embed(captions), (captions == eot_id).int().argmax(1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Logits [K] for n = 0..N of one image [3, S, S]: Eqs. 5-12."""
        clip, dtype = self.clip, self.text_prompts.dtype
        pixels = image[None].to(clip.text_projection.dtype)
        x, z = clip.visual(pixels, None)[0], self.z0
        logits = [clip.logits(x, z)]
        a = min(self.a, len(z))
        vision_prompts, text_prompts = self.vision_prompts[:, :a], self.text_prompts
        for _ in range(self.n_iterations):
            kept = z[logits[-1].detach().sort(descending=True, stable=True).indices[:a]]
            vision_prompts = self.vision_generator(F.normalize(kept.to(dtype), dim=-1)) + vision_prompts
            x = clip.visual(pixels, vision_prompts)[0]
            text_prompts = self.text_generator(F.normalize(x.to(dtype), dim=-1)) + text_prompts
            z = clip.encode_text(torch.cat([text_prompts.expand(len(self.suffix), -1, -1), self.suffix], 1), self.eot)
            logits.append(clip.logits(x, z))
        return logits

    def evaluate(self, images: Tensor) -> list[object]:
        return [torch.stack(self(image)).tolist() for image in images]

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Eqs. 13-14 with lambda = 1."""
        logits = torch.stack([torch.stack(self(image)[1:]) for image in images])  # [B, N, K]
        return F.cross_entropy(logits.transpose(1, 2), labels[:, None].expand(-1, self.n_iterations)) * self.n_iterations
