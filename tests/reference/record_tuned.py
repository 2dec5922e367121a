"""Writes inputs and expected values of CLIP-LoRA and 2SFS for the program's test_tuned: record_tuned.py OUT_DIR

    clip_lora.safetensors, two_stage.safetensors   as record_family.py writes them, without masks and merged weights
    dropout.safetensors   step; of clip_lora's first batch logits [B, K] and gradient/NAME with the masks that the program draws
                          at this step

The program's masks are drawn here again, from the description of its generator.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cases import make_world
from lora_reference import LoraConfig, lora_forward, lora_initial_tensors, tower_sizes
from prompt_reference import gradients
from record import in_single, main_of
from record_family import BATCHES, LORA_SEED, expected_lora, expected_two_stage
from safetensors_file import write_safetensors

SEED, STEP = 1, 7  # of the program's fixture; any step but 0


def philox(key: tuple[int, int], counters: np.ndarray) -> np.ndarray:
    """Philox-4x32-10 of counters [n, 4], as [n, 4] words of 32 bits."""
    c = [counters[:, i].astype(np.uint64) for i in range(4)]
    k0, k1, low = key[0], key[1], np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def mask_row(tower: int, layer: int, product: int, row: int, n: int, p: float) -> np.ndarray:
    """What the program keeps of a row of n values: 16 bits each, the low half of a word first."""
    item = (tower << 16 | (layer * 3 + product)) << 32 | row
    n_blocks = (n + 7) // 8
    counters = np.zeros((n_blocks, 4), np.uint64)
    counters[:, 0] = np.arange(n_blocks)
    counters[:, 1], counters[:, 2], counters[:, 3] = item & 0xFFFFFFFF, STEP, 8 << 24 | item >> 32
    words = philox((SEED, 0), counters).reshape(-1)
    halves = np.stack([words & np.uint64(0xFFFF), words >> np.uint64(16)], 1).reshape(-1)[:n]
    return halves >= np.uint64(round(p * 65536))


def program_masks(clip, config: LoraConfig, n_classes: int, n_images: int) -> dict[str, Tensor]:
    """The masks of one step, in the shapes of lora_reference.lora_masks."""
    rows = {"text": (n_classes, clip.context), "vision": (n_images, len(clip["visual.positional_embedding"]))}
    masks = {}
    for index, (tower, (L, W)) in enumerate(tower_sizes(clip).items()):  # the text tower is the first, as in the program
        N, T = rows[tower]
        kept = np.array([[[mask_row(index, layer, j, row, T * W, config.dropout) for row in range(N)] for j in range(3)]
                         for layer in range(L)])
        masks[tower] = torch.from_numpy(kept.reshape(L, 3, N, T, W)).double()
    return masks


def expected_dropout(world) -> dict[str, Tensor]:
    """The first batch of clip_lora.safetensors with the program's masks."""
    config, batch = LoraConfig(), BATCHES[0]
    clip = world.clip.to(torch.float64)
    tensors = {name: t.double() for name, t in lora_initial_tensors(world.clip, config, LORA_SEED, b_std=0.1).items()}
    masks = program_masks(clip, config, world.task.n_classes, len(batch))
    output, grads = gradients(clip, config, world.task, tensors, world.pixels[batch].double(), world.labels[batch],
                              method=partial(lora_forward, masks=masks))
    return {"step": torch.tensor(STEP), "logits": output.logits[:, 1]} | {f"gradient/{name}": t for name, t in grads.items()}


def record_tuned(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    world = make_world()
    lora = {name: t for name, t in expected_lora(world).items() if not name.startswith(("masks/", "merged.", "dropout."))}
    for name, arrays in (("clip_lora", lora), ("dropout", expected_dropout(world)), ("two_stage", expected_two_stage(world))):
        write_safetensors(out / f"{name}.safetensors", in_single(arrays))


if __name__ == "__main__":
    main_of(__doc__, record_tuned)
