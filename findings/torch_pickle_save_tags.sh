#!/usr/bin/env bash
# libtorch's torch::pickle_save (torch 2.13.0): torch.load(weights_only=True), the default, refuses its files.
#
# Guess: a dict of tensors that C++ writes by torch::pickle_save is what torch.save writes of the same dict, so
# that Python loads it without any option.
# Found: every list and dict is wrapped in a call of torch.jit._pickle.restore_type_tag, which is not among the
# functions that the restricted unpickler allows. A single tensor has no tag and loads. With
# weights_only=False, or with that function allowed, the dict loads and is equal.
# Matters: a program in C++ that writes checkpoints for Python's users gives them files that fail by default
# since torch 2.6. Writing the pickle by torch::jit::Pickler with tags switched off avoids it.
#
# Seen: a tensor loads; {"a": tensor} is refused for torch.jit._pickle.restore_type_tag, and loads when it is allowed
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0
"$folder/env/bin/python" -W ignore - << 'PYTHON'
import io
import pickle

import torch
import torch.jit._pickle

value = torch.arange(3.0)
# Python's binding of torch::jit::pickle_save, the function behind torch::pickle_save
tensor, table = torch._C._pickle_save(value), torch._C._pickle_save({"a": value})
assert torch.equal(torch.load(io.BytesIO(tensor)), value)
print("a tensor loads")
try:
    torch.load(io.BytesIO(table))
    raise SystemExit("the dict loads, too")
except pickle.UnpicklingError as error:
    assert "torch.jit._pickle.restore_type_tag" in str(error), error
print("a dict is refused: it calls torch.jit._pickle.restore_type_tag")
with torch.serialization.safe_globals([torch.jit._pickle.restore_type_tag]):
    loaded = torch.load(io.BytesIO(table))
assert torch.equal(loaded["a"], value)
assert torch.equal(torch.load(io.BytesIO(table), weights_only=False)["a"], value)
print("with that function allowed it loads, and is equal")
PYTHON
