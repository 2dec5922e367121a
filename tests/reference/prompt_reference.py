"""ProMPT (Qiu et al., ICMR 2024) again in plain PyTorch, written only from method.md and the paper.

One image after the other, all classes at full context length, gradients by autograd. Read in this order: Config, Task,
iteration (Eqs. 8-12), forward (Eqs. 5-14), gradients, train.

n counts iterations from 1 as in the paper; lists over n start with n = 1, logits with n = 0.
"""

import math
import zlib
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from clip_reference import Clip, caption_features, class_logits, image_features, text_features

PROMPT_STD = 0.02  # of every vector that starts at random


FIELDS = {  # of Config, by the program's configuration keys
    "iterations": "iterations",
    "lambda": "loss_decay",
    "vision_prompt.count": "vision_prompts",
    "vision_prompt.depth": "vision_depth",
    "vision_prompt.generator": "vision_generator",
    "text_prompt.count": "text_prompts",
    "text_prompt.covers_sos": "covers_sos",
    "text_prompt.generator": "text_generator",
    "generator_input": "generator_input",
    "detach_iterations": "detach_iterations",
    "filter": "filter",
}
OTHERS = ("method", "context.", "agreement.")  # the program's keys that are not of ProMPT, by how they begin


@dataclass(frozen=True)
class Config:
    """The settings of the method; FIELDS names the program's keys."""

    iterations: int = 2  # N
    loss_decay: float = 1.0  # lambda
    vision_prompts: int = 8  # a
    vision_depth: int = 9  # J
    text_prompts: int = 5  # b
    covers_sos: bool = True  # the first of P^0 is SOS itself; false: SOS stays fixed in front
    generator_input: str = "normalized"  # or "raw"
    detach_iterations: bool = False
    vision_generator: bool = True  # false: -G^V
    text_generator: bool = True  # false: -G^T
    filter: bool = True  # false: -F

    def __post_init__(self) -> None:
        if self.generator_input not in ("normalized", "raw"):
            raise ValueError(f"generator_input: expected normalized or raw, found '{self.generator_input}'")

    @staticmethod
    def from_keys(keys: dict[str, object]) -> "Config":
        """From the program's keys, for example {"iterations": 3}; an unknown key is an error."""
        return Config(**{FIELDS[key]: value for key, value in keys.items() if not key.startswith(OTHERS)})


@dataclass(frozen=True)
class Task:
    """The classes in token ids."""

    names: list[list[int]]  # K rows: "{class}." encoded as one string, no SOS, no EOT
    template: list[int]  # SOS, "a", "photo", "of", "a"
    eot_id: int
    captions: Tensor  # [K, context]: SOS, "a photo of a {class}.", EOT, then zeros
    name_lengths: list[int]  # K: tokens of "{class}" alone, which begin the name's row
    ensemble: Tensor  # [templates, K, context]: captions as above of several templates

    @property
    def n_classes(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class State:
    """The state passed from one iteration to the next, for one image."""

    vision_prompts: Tensor  # O^n [J, a', d_v]
    text_prompts: Tensor  # P^n [b, d_l]
    x: Tensor  # x^n [d]
    z: Tensor  # Z^n [K, d]


@dataclass(frozen=True)
class Output:
    """The results for a batch."""

    loss: Tensor  # L, Eq. 14
    losses: Tensor  # [N]: L_n, Eq. 13, mean over the batch
    logits: Tensor  # [B, N+1, K], n = 0..N
    picks: Tensor  # [N, B, a']: the filter's classes for iteration n = 1..N, by falling probability
    margins: Tensor  # [N, B]: the smallest gap between neighbours in that order, in logits; how safe the picks are
    x: Tensor  # [B, N+1, d], n = 0..N: x^n, not normalized
    z: Tensor  # [B, N+1, K, d]: Z^n, not normalized
    terms: Tensor = field(default_factory=lambda: torch.zeros(3))  # of the agreement, in `loss`: text, image, logits
    kink: float = math.inf  # the smallest difference that is not 0 in an L1 term; how safe the signs of its gradient are


# Trained tensors


def trained_shapes(clip: Clip, config: Config, n_classes: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all that is trained, in the order of the checkpoint; n_classes are the training classes."""
    if config.iterations == 0:
        return {}
    d, d_v, d_l, hidden = clip.joint_width, clip.vision_width, clip.text_width, clip.joint_width // 16
    J = config.vision_depth
    shapes: dict[str, tuple[int, ...]] = {
        "vision_prompts": (J, config.vision_prompts if config.filter else n_classes, d_v),
        "text_prompts": (config.text_prompts, d_l),
    }
    if config.vision_generator:  # one pair of matrices, two biases for each layer
        shapes |= {
            "vision_generator.fc1.weight": (hidden, d),
            "vision_generator.fc1.bias": (J, hidden),
            "vision_generator.fc2.weight": (d_v, hidden),
            "vision_generator.fc2.bias": (J, d_v),
        }
    if config.text_generator:
        shapes |= {
            "text_generator.fc1.weight": (hidden, d),
            "text_generator.fc1.bias": (hidden,),
            "text_generator.fc2.weight": (d_l, hidden),
            "text_generator.fc2.bias": (d_l,),
        }
    return shapes


def initial_text_prompts(clip: Clip, config: Config, template: list[int], g: torch.Generator) -> Tensor:
    """P^0 [b, d_l]: the last b of the given embeddings, or all of them with random vectors straight after SOS.

    Given are SOS and four words if P covers SOS, else the four words; then SOS is not in P and comes first by itself.
    """
    given = clip["token_embedding.weight"][template if config.covers_sos else template[1:]]
    n_random = config.text_prompts - len(given)
    if n_random <= 0:
        return given[-n_random:].clone()
    random = torch.randn(n_random, clip.text_width, generator=g).to(given) * PROMPT_STD
    n_sos = 1 if config.covers_sos else 0
    return torch.cat([given[:n_sos], random, given[n_sos:]])


def initial_tensors(clip: Clip, config: Config, task: Task, seed: int) -> dict[str, Tensor]:
    """A start for all trained tensors: prompts N(0, 0.02^2), generators as nn.Linear's default U(+-1/sqrt(fan_in)).

    Each tensor has a random stream of its own, so that configurations start alike wherever their shapes agree.
    """
    tensors: dict[str, Tensor] = {}
    shapes = trained_shapes(clip, config, task.n_classes)
    for name, shape in shapes.items():
        g = torch.Generator().manual_seed(1000 * seed + zlib.crc32(name.encode()) % 1000)
        if name == "text_prompts":
            tensors[name] = initial_text_prompts(clip, config, task.template, g)
        elif name == "vision_prompts":
            tensors[name] = torch.randn(shape, generator=g) * PROMPT_STD
        else:
            fan_in = shapes[name.replace(".bias", ".weight")][1]
            tensors[name] = (2 * torch.rand(shape, generator=g) - 1) * fan_in**-0.5
    return {name: t.to(clip["visual.proj"].dtype) for name, t in tensors.items()}


# Forward pass


def generator_input(config: Config, features: Tensor) -> Tensor:
    return F.normalize(features, dim=-1) if config.generator_input == "normalized" else features


def vision_generator(tensors: dict[str, Tensor], features: Tensor, layer: int) -> Tensor:
    """G^V_j: features [a', d] to [a', d_v], with layer j's own two biases (layer counts from 0)."""
    weight1, bias1, weight2, bias2 = (tensors[f"vision_generator.{name}"] for name in
                                      ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"))
    return F.linear(F.relu(F.linear(features, weight1, bias1[layer])), weight2, bias2[layer])


def text_generator(tensors: dict[str, Tensor], x: Tensor) -> Tensor:
    """G^T: x [d] to one vector [d_l]."""
    hidden = F.relu(F.linear(x, tensors["text_generator.fc1.weight"], tensors["text_generator.fc1.bias"]))
    return F.linear(hidden, tensors["text_generator.fc2.weight"], tensors["text_generator.fc2.bias"])


def class_features(clip: Clip, config: Config, task: Task, text_prompts: Tensor) -> Tensor:
    """Z^n [K, d], Eq. 11: [P^n, W, EOT] for every class, or [SOS, P^n, W, EOT] if P does not cover SOS."""
    embedding = clip["token_embedding.weight"]
    prefix = text_prompts if config.covers_sos else torch.cat([embedding[task.template[:1]], text_prompts])
    rows, eot = [], []
    for name in task.names:
        eot.append(len(prefix) + len(name))
        n_padding = clip.context - eot[-1] - 1
        if n_padding < 0:
            raise ValueError(f"prompt of {eot[-1] + 1} tokens is longer than the context of {clip.context}")
        rows.append(torch.cat([prefix, embedding[name + [task.eot_id] + [0] * n_padding]]))
    return text_features(clip, torch.stack(rows), torch.tensor(eot))


def n_kept(config: Config, n_classes: int) -> int:
    """a': how many features the filter keeps."""
    return min(config.vision_prompts, n_classes) if config.filter else n_classes


def feature_filter(config: Config, logits: Tensor) -> tuple[Tensor, float]:
    """F: the classes [a'] whose features go on, and the margin of that choice in logits.

    Falling probability, the lower label first where two tie; without the filter all, in class order. Logits are
    compared, for softmax keeps their order and in fp32 loses the far end of it.
    """
    if not config.filter:
        return torch.arange(len(logits)), math.inf
    falling, classes = logits.detach().sort(descending=True, stable=True)
    n = n_kept(config, len(logits))
    return classes[:n], float((falling[:-1] - falling[1:])[:n].min())


def initial_state(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor) -> State:
    """n = 0: plain CLIP, Eqs. 6-7, for one image [3, S, S]. Of O^0 the first a' rows, but all of them without G^V."""
    x = image_features(clip, pixels[None])[0]
    z = caption_features(clip, task.captions, task.eot_id)
    if config.iterations == 0:
        return State(x.new_empty(0), x.new_empty(0), x, z)
    prompts = tensors["vision_prompts"]
    if not config.filter and task.n_classes > prompts.shape[1]:
        raise ValueError(f"without filter: {task.n_classes} classes, yet vision prompts for {prompts.shape[1]}")
    rows = min(prompts.shape[1], task.n_classes) if config.vision_generator else prompts.shape[1]
    return State(prompts[:, :rows], tensors["text_prompts"], x, z)


def iteration(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, before: State,
              picks: Tensor) -> State:
    """One iteration n for one image [3, S, S], Eqs. 8-11; picks [a'] are the classes that F kept at n-1."""
    vision_prompts, text_prompts = before.vision_prompts, before.text_prompts
    if config.vision_generator:  # Eq. 8
        kept = generator_input(config, before.z[picks])
        generated = [vision_generator(tensors, kept, layer) for layer in range(config.vision_depth)]
        vision_prompts = torch.stack(generated) + vision_prompts
    x = image_features(clip, pixels[None], vision_prompts[None])[0]  # Eq. 9
    if config.text_generator:  # Eq. 10: one vector, added at all b positions
        text_prompts = text_generator(tensors, generator_input(config, x)) + text_prompts
    z = class_features(clip, config, task, text_prompts)  # Eq. 11
    return State(vision_prompts, text_prompts, x, z)


def detached(config: Config, state: State) -> State:
    """The state with no gradient through what an iteration made; prompts that no generator changes stay parameters."""
    return State(
        state.vision_prompts.detach() if config.vision_generator else state.vision_prompts,
        state.text_prompts.detach() if config.text_generator else state.text_prompts,
        state.x.detach(),
        state.z.detach(),
    )


def forward(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
            forced_picks: Tensor | None = None) -> Output:
    """ProMPT on pixels [B, 3, S, S] and labels [B]; forced_picks [N, B, a'] take the filter's place if given."""
    N, B, K = config.iterations, len(pixels), task.n_classes
    picks = torch.zeros(N, B, n_kept(config, K), dtype=torch.int64)
    margins = torch.zeros(N, B, dtype=pixels.dtype)
    logits, x, z = [], [], []
    for i, image in enumerate(pixels):
        state = initial_state(clip, config, task, tensors, image)
        logits.append(class_logits(clip, state.x[None], state.z)[0])
        x.append(state.x)
        z.append(state.z)
        for n in range(1, N + 1):
            kept, margins[n - 1, i] = feature_filter(config, logits[-1])
            if forced_picks is not None:
                kept = forced_picks[n - 1, i]
            picks[n - 1, i] = kept
            if config.detach_iterations and n >= 2:
                state = detached(config, state)
            state = iteration(clip, config, task, tensors, image, state, kept)
            logits.append(class_logits(clip, state.x[None], state.z)[0])  # Eq. 12
            x.append(state.x)
            z.append(state.z)

    cross_entropy = F.cross_entropy(torch.stack(logits), labels.repeat_interleave(N + 1), reduction="none")
    losses = cross_entropy.view(B, N + 1)[:, 1:].mean(0)  # Eq. 13
    weights = losses.new_tensor([config.loss_decay ** (N - n) for n in range(1, N + 1)])
    return Output((weights * losses).sum(), losses, torch.stack(logits).view(B, N + 1, K), picks, margins,  # Eq. 14
                  torch.stack(x).view(B, N + 1, -1), torch.stack(z).view(B, N + 1, K, -1))


# Training


def gradients(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
              forced_picks: Tensor | None = None, method=forward) -> tuple[Output, dict[str, Tensor]]:
    """The output, and dL by every trained tensor; a tensor that has no part in L is an error.

    method is another method's forward; then config is that method's.
    """
    leaves = {name: t.detach().clone().requires_grad_() for name, t in tensors.items()}
    output = method(clip, config, task, leaves, pixels, labels, forced_picks)
    if not leaves:
        return output, {}
    return output, dict(zip(leaves, torch.autograd.grad(output.loss, list(leaves.values()))))


def learning_rate(epoch: int, n_epochs: int, lr: float, warmup_lr: float = 1e-5) -> float:
    """The rate of an epoch, counted from 1: a constant warm-up in the first, then a cosine over all n_epochs."""
    if epoch == 1:
        return warmup_lr
    return lr * (1 + math.cos(math.pi * (epoch - 2) / n_epochs)) / 2


@dataclass(frozen=True)
class Training:
    losses: Tensor  # [steps], each before its step
    changes: dict[str, Tensor]  # of every trained tensor, last minus first
    picks: Tensor  # [steps, N, B, a'], the filter's choices before each step
    margin: float  # the smallest of the filter's margins on the way
    kink: float  # of the outputs', the smallest


def train(clip: Clip, config: Config, task: Task, tensors: dict[str, Tensor], pixels: Tensor, labels: Tensor,
          batches: Tensor, lr: float = 0.008, momentum: float = 0.9, weight_decay: float = 5e-4, method=forward) -> Training:
    """SGD at a constant rate; method as in gradients; batches [steps, B] index pixels [M, 3, S, S] and labels [M]."""
    trained = {name: t.detach().clone() for name, t in tensors.items()}
    optimizer = torch.optim.SGD(trained.values(), lr=lr, momentum=momentum, weight_decay=weight_decay)
    losses, picks, margin, kink = [], [], math.inf, math.inf
    for batch in batches:
        output, grads = gradients(clip, config, task, trained, pixels[batch], labels[batch], method=method)
        for name, t in trained.items():
            t.grad = grads[name]
        optimizer.step()
        losses.append(output.loss.detach())
        picks.append(output.picks)
        margin = min(margin, float(output.margins.min()))
        kink = min(kink, output.kink)
    changes = {name: trained[name] - tensors[name] for name in trained}
    return Training(torch.stack(losses), changes, torch.stack(picks), margin, kink)
