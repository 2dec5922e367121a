#!/usr/bin/env bash
# torch 2.13.0: of torch.save's six pickle protocols torch.load reads two by default, and never 0.
#
# Guess: what torch.save(pickle_protocol=...) writes, torch.load reads; weights_only restricts the classes in
# a file, not its protocol. Found: with 2 and 3 it does; 1, 4 and 5 (5 is Python's limit,
# pickle.HIGHEST_PROTOCOL) are refused by the default weights_only=True, for a dict of one tensor; 0 is
# refused with weights_only=False, too, by an assertion.
# Matters: checkpoints saved with HIGHEST_PROTOCOL exist; the advice in the error is to give up weights_only.
# Readers of weights that execute nothing can take all six.
#
# Seen: 0 refused, refused; 1 refused, read; 2 and 3 read, read; 4 and 5 refused, read
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - << 'PYTHON'
import io
import pickle
import warnings
import torch

warnings.simplefilter("ignore")  # torch.load's own, on the protocol
WEIGHTS = {"weight": torch.arange(4.0)}


def outcome(protocol, weights_only):
    file = io.BytesIO()
    torch.save(WEIGHTS, file, pickle_protocol=protocol)
    file.seek(0)
    try:
        weight = torch.load(file, weights_only=weights_only)["weight"]
        return "read" if torch.equal(weight, WEIGHTS["weight"]) else "other values"
    except (pickle.UnpicklingError, AssertionError) as error:
        return f"refused ({type(error).__name__})"


expected = {0: ("refused (UnpicklingError)", "refused (AssertionError)"), 2: ("read", "read"), 3: ("read", "read")}
for protocol in range(6):
    found = outcome(protocol, True), outcome(protocol, False)
    print(f"protocol {protocol}: weights_only True: {found[0]}, False: {found[1]}")
    assert found == expected.get(protocol, ("refused (UnpicklingError)", "read"))
PYTHON
