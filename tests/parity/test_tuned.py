"""CLIP-LoRA and 2SFS against the independent implementations in tests/reference, and the recorded values made again.

Run with the parity environment: PROMPT_TOOLS is the folder that holds test_tuned.
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "reference"))

from record import record  # noqa: E402
from record_tuned import philox, record_tuned  # noqa: E402
from safetensors_file import read_safetensors  # noqa: E402

RECORDED = TESTS / "golden" / "recorded" / "tuned"
N_CHECKS = 80  # of 20 numbers, in two precisions, with both encoders


class TunedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.out = Path(folder.name)
        record(cls.out, [])
        record_tuned(cls.out)

    def test_philox_is_the_published_one(self) -> None:
        """The test vector of Random123: all ones."""
        ones = np.full((1, 4), 0xFFFFFFFF, np.uint64)
        self.assertEqual([int(x) for x in philox((0xFFFFFFFF, 0xFFFFFFFF), ones)[0]], [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD])

    def test_every_number_agrees(self) -> None:
        tool = Path(os.environ["PROMPT_TOOLS"]) / "test_tuned"
        done = subprocess.run([tool, self.out, self.out], capture_output=True, text=True)
        print(done.stdout, done.stderr, sep="")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"\n{N_CHECKS} comparisons, 0 failed, 0 tensors leaked", done.stdout)

    def test_recorded_values_come_out_again(self) -> None:
        for name in ("clip_lora", "dropout", "two_stage"):
            old, new = (read_safetensors(folder / f"{name}.safetensors")[0] for folder in (RECORDED, self.out))
            self.assertEqual(old.keys(), new.keys())
            for key, value in old.items():
                size = max(float(value.double().abs().max()), 1e-12)
                self.assertLessEqual(float((new[key].double() - value.double()).abs().max()) / size, 1e-5, f"{name}: {key}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
