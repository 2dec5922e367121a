"""Methods that see only features of the frozen CLIP, in plain PyTorch: linear probes, LP++ and Tip-Adapter.

All take plain arrays: features [N, d] of pictures, labels [N], text features [K, d]. LP++ (CVPR 2024) and Tip-Adapter (ECCV
2022) normalize the features, the linear probe does not. Any floating-point type works.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of rows whose highest logit, the first of equals, is their label's."""
    return float((logits.argmax(1) == labels).double().mean())


# Linear probe


def logistic_regression(features: Tensor, labels: Tensor, n_classes: int, C: float) -> tuple[Tensor, Tensor]:
    """weight [K, d] and bias [K] of the least |weight|^2 / 2 + C sum_i CE_i, in fp64; the bias has no penalty.

    From zero by L-BFGS to convergence, of the objective divided by C. With C below 1 it moves weight / sqrt(C), on which
    the two terms bend alike. What is left of the gradient is below 1e-5 of its two parts, with C = 1e6 below 1e-4. A
    constant added to every bias changes nothing; their sum stays 0.
    """
    x, scale = features.double(), min(1.0, math.sqrt(C))
    scaled = torch.zeros(n_classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(n_classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scaled, bias], lr=1, max_iter=20_000, max_eval=40_000, history_size=50,
                                  tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimizer.zero_grad()
        weight = scale * scaled
        loss = (weight**2).sum() / (2 * C) + F.cross_entropy(x @ weight.T + bias, labels, reduction="sum")
        loss.backward()
        return loss

    optimizer.step(objective)
    return scale * scaled.detach(), bias.detach()


GRID_OF_C = (1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6)


@dataclass(frozen=True)
class Search:
    """CoOp's search of C on validation data."""

    grid: list[float]  # the accuracies of GRID_OF_C
    rounds: list[tuple[float, float, float, float]]  # left C, right C and their accuracies
    C: float  # the last round's that is kept


def search_of_c(accuracy_of: Callable[[float], float], n_rounds: int = 8) -> Search:
    """accuracy_of(C) fits and validates. The first best of the grid, then rounds that halve its surroundings in log C."""
    grid = [accuracy_of(C) for C in GRID_OF_C]
    best = GRID_OF_C[grid.index(max(grid))]
    left, right = 0.1 * best, 10 * best
    rounds, kept = [], best
    for _ in range(n_rounds):
        rounds.append((left, right, accuracy_of(left), accuracy_of(right)))
        middle = math.sqrt(left * right)
        if rounds[-1][2] < rounds[-1][3]:
            kept, left = right, middle
        else:
            kept, right = left, middle
    return Search(grid, rounds, kept)


def probe_accuracy(features: Tensor, labels: Tensor, val_features: Tensor, val_labels: Tensor, n_classes: int,
                   C: float) -> float:
    weight, bias = logistic_regression(features, labels, n_classes, C)
    return accuracy(val_features.double() @ weight.T + bias, val_labels)


# LP++


@dataclass(frozen=True)
class LpStart:
    weight: Tensor  # [K, d]
    bias: Tensor  # [K]
    alpha: Tensor  # [K]
    lr_weight: float  # of weight and bias
    lr_alpha: float


def lp_start(features: Tensor, labels: Tensor, text: Tensor, bias: Tensor) -> LpStart:
    """bias [K] is drawn by the caller as nn.Linear's, U(+-1/sqrt(d))."""
    f, t, (N, K) = F.normalize(features, dim=-1), F.normalize(text, dim=-1), (len(features), len(text))
    weight = torch.stack([f[labels == k].sum(0) for k in range(K)])
    own = torch.stack([(f[labels == k] @ t[k]).mean() for k in range(K)])
    alpha = (250 * own.mean()).repeat(K)
    lr_weight = 4 * N / float(torch.linalg.eigvalsh((f.T @ f).double())[-1])
    lr_alpha = N / (4 * float(((f @ t.T) ** 2).sum(0).max()))
    return LpStart(weight, bias, alpha, lr_weight, lr_alpha)


def lp_logits(features: Tensor, text: Tensor, weight: Tensor, bias: Tensor, alpha: Tensor) -> Tensor:
    """w_k . f + b_k + alpha_k (f . t_k): [N, K]."""
    f, t = F.normalize(features, dim=-1), F.normalize(text, dim=-1)
    return f @ weight.T + bias + alpha * (f @ t.T)


@dataclass(frozen=True)
class LpTraining:
    losses: Tensor  # [iterations], each before its step
    accuracies: list[float]  # [iterations] on the validation features, each after its step
    first_gradients: dict[str, Tensor]
    last: dict[str, Tensor]  # weight, bias, alpha after the last iteration
    best: dict[str, Tensor]  # after the last of the iterations with the highest accuracy
    best_iteration: int  # counted from 1


def lp_train(features: Tensor, labels: Tensor, text: Tensor, bias: Tensor, val_features: Tensor, val_labels: Tensor,
             n_iterations: int = 300) -> LpTraining:
    """Weight and bias step by momentum at every iteration, alpha at every tenth.

    The gradient that alpha steps by is never zeroed: it is the sum of those of all iterations so far.
    """
    start = lp_start(features, labels, text, bias)
    tensors = {name: getattr(start, name).detach().clone().requires_grad_() for name in ("weight", "bias", "alpha")}
    velocities = {name: torch.zeros_like(tensors[name]) for name in ("weight", "bias")}
    alpha_gradient = torch.zeros_like(start.alpha)
    losses, accuracies, first, best, best_iteration = [], [], {}, {}, 0
    for i in range(1, n_iterations + 1):
        loss = F.cross_entropy(lp_logits(features, text, **tensors), labels)
        gradients = dict(zip(tensors, torch.autograd.grad(loss, list(tensors.values()))))
        first = first or gradients
        alpha_gradient += gradients["alpha"]
        with torch.no_grad():
            for name, velocity in velocities.items():
                velocity.mul_(0.9).add_(gradients[name])
                tensors[name] -= start.lr_weight * velocity
            if i % 10 == 0:
                tensors["alpha"] -= start.lr_alpha * alpha_gradient
            losses.append(loss.detach())
            accuracies.append(accuracy(lp_logits(val_features, text, **tensors), val_labels))
        if accuracies[-1] >= max(accuracies):
            best, best_iteration = {name: t.detach().clone() for name, t in tensors.items()}, i
    last = {name: t.detach() for name, t in tensors.items()}
    return LpTraining(torch.stack(losses), accuracies, first, last, best, best_iteration)


# Tip-Adapter


def tip_cache(views: Tensor, labels: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
    """Keys [N, d] of views [V, N, d], V augmented views of each picture: their mean normalized. Values [N, K] one-hot."""
    return F.normalize(views.mean(0), dim=-1), F.one_hot(labels, n_classes).to(views)


def tip_logits(features: Tensor, text: Tensor, keys: Tensor, values: Tensor, beta: float, alpha: float) -> Tensor:
    """100 f t + alpha exp(-beta (1 - f key)) values: [M, K]; the keys are taken as they are."""
    f = F.normalize(features, dim=-1)
    affinity = torch.exp(-beta * (1 - f @ keys.T))
    return 100 * f @ F.normalize(text, dim=-1).T + alpha * affinity @ values


def tip_grid(beta_max: float, alpha_max: float) -> tuple[list[float], list[float]]:
    """200 betas and 20 alphas that begin at 0.1 and end one step before their maximum."""
    return ([0.1 + i * (beta_max - 0.1) / 200 for i in range(200)], [0.1 + j * (alpha_max - 0.1) / 20 for j in range(20)])


def tip_search(features: Tensor, labels: Tensor, text: Tensor, keys: Tensor, values: Tensor, beta_max: float,
               alpha_max: float) -> tuple[float, float, float]:
    """beta, alpha and accuracy of the first best, with beta in the outer loop."""
    betas, alphas = tip_grid(beta_max, alpha_max)
    best = (betas[0], alphas[0], -1.0)
    for beta in betas:
        for alpha in alphas:
            found = accuracy(tip_logits(features, text, keys, values, beta, alpha), labels)
            if found > best[2]:
                best = (beta, alpha, found)
    return best


@dataclass(frozen=True)
class TipTraining:
    losses: Tensor  # [steps], each before its step
    first_gradient: Tensor  # [N, d]
    rates: list[float]
    keys: Tensor  # [N, d] after the last step


def tip_train(batches: list[tuple[Tensor, Tensor]], text: Tensor, keys: Tensor, values: Tensor, beta: float, alpha: float,
              lr: float = 1e-3) -> TipTraining:
    """Tip-Adapter-F: AdamW on the keys alone; batches are (features [B, d], labels [B]), one for each step of the training.

    The rate falls to 0 with a cosine over the steps. The keys are not normalized again.
    """
    trained = keys.detach().clone().requires_grad_()
    optimizer = torch.optim.AdamW([trained], lr=lr, betas=(0.9, 0.999), eps=1e-4, weight_decay=0.01)
    losses, rates, first = [], [], torch.empty(0)
    for step, (features, labels) in enumerate(batches):
        rates.append(lr * (1 + math.cos(math.pi * step / len(batches))) / 2)
        optimizer.param_groups[0]["lr"] = rates[-1]
        loss = F.cross_entropy(tip_logits(features, text, trained, values, beta, alpha), labels)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            first = trained.grad.clone()
        optimizer.step()
        losses.append(loss.detach())
    return TipTraining(torch.stack(losses), first, rates, trained.detach())
