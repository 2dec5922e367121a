"""Reads and writes .safetensors: 8 bytes of header length, the header in JSON, then the arrays one after the other."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

NUMPY_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}
TORCH_TYPES = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64"}


def write_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    arrays, offset = [], 0
    for name, t in tensors.items():
        kind = TORCH_TYPES[t.dtype]
        data = t.detach().contiguous().numpy().astype(NUMPY_TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(t.shape), "data_offsets": [offset, offset + len(data)]}
        arrays.append(data)
        offset += len(data)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)  # the arrays start at a multiple of 8
    path.write_bytes(len(head).to_bytes(8, "little") + head + b"".join(arrays))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[start + begin : start + end], NUMPY_TYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(array.reshape(entry["shape"]).copy())
    return tensors, metadata
