#!/usr/bin/env bash
# torch 2.13.0: the first torch.set_num_threads(n) starts n - 1 threads that a product does not use, beside OpenMP's n - 1.
#
# Guess: it sets a number, and the threads that compute start with the first operation that shares its work.
# Found: n - 1 threads start at once, of a pool that a product of matrices does not use; the first product starts n - 1
# others, OpenMP's. So a process of n threads has 2 (n - 1) beside the calling one.
# Matters: a limit of threads or of address space (8 MiB of stack each) that fits n threads is too low, and it is OpenMP,
# which cannot report it, that meets the limit last.
#
# Seen, with n = 8: 7 threads more after torch.set_num_threads, 14 more after a product.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0
"$folder/env/bin/python" - << 'PYTHON'
import warnings

warnings.filterwarnings("ignore", message="Failed to initialize NumPy")
import torch


def n_threads():
    with open("/proc/self/status", encoding="ascii") as status:
        return int(next(line.split()[1] for line in status if line.startswith("Threads:")))


N = 8
before = n_threads()
torch.set_num_threads(N)
after_setting = n_threads() - before
a = torch.ones(2000, 2000)
_ = a @ a
after_product = n_threads() - before
print(f"n = {N}: {after_setting} threads more after torch.set_num_threads, {after_product} more after a product")
assert (after_setting, after_product) == (N - 1, 2 * (N - 1))
PYTHON
