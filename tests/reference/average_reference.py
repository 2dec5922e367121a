"""PromptSRC's average of the trained tensors over epochs, with weights from a Gaussian over the epochs."""

import math

import torch
from torch import Tensor


def gaussian_weights(n_epochs: int, mean: float, deviation: float) -> list[float]:
    """w_e for e = 1..n_epochs, which sum to 1."""
    heights = [math.exp(-(((epoch - mean) / deviation) ** 2) / 2) for epoch in range(1, n_epochs + 1)]
    return [height / sum(heights) for height in heights]


def average_of(epochs: list[Tensor], mean: float, deviation: float) -> Tensor:
    """Of one tensor as it is after each epoch's last step."""
    weights = gaussian_weights(len(epochs), mean, deviation)
    return torch.stack([weight * tensor for weight, tensor in zip(weights, epochs)]).sum(0)
