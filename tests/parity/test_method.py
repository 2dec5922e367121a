"""The methods against the independent implementations in tests/reference, all cases, and the recorded values made again.

Run with the parity environment: PROMPT_TOOLS is the folder that holds test_method.
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import torch

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "reference"))

from record import record  # noqa: E402
from cases import CASES  # noqa: E402
from safetensors_file import read_safetensors  # noqa: E402

RECORDED = TESTS / "golden" / "recorded"


class MethodTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.folder = tempfile.TemporaryDirectory()
        record(Path(cls.folder.name), list(CASES))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def test_every_case_agrees(self) -> None:
        tool = Path(os.environ["PROMPT_TOOLS"]) / "test_method"
        done = subprocess.run([tool, self.folder.name], capture_output=True, text=True)
        print(done.stdout, done.stderr, sep="")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"{2 * (len(CASES) + 2)} cases, 0 failed", done.stdout)  # with both encoders; the ensembles are two

    def test_recorded_values_come_out_again(self) -> None:
        n_numbers = 0
        recorded = sorted(path.stem for path in RECORDED.glob("*.safetensors"))
        self.assertLessEqual({"model", "world", "default", "cocoop", "coop_middle_of_five", "vpt"}, set(recorded))
        for name in recorded:
            old, _ = read_safetensors(RECORDED / f"{name}.safetensors")
            new, _ = read_safetensors(Path(self.folder.name) / f"{name}.safetensors")
            self.assertEqual(old.keys(), new.keys())
            for key, value in old.items():
                self.assertEqual(value.shape, new[key].shape, f"{name}: {key}")
                if value.numel() == 0:  # the picks of a method without a filter
                    continue
                made, value = new[key].double(), value.double()
                # margins are infinite without a filter
                self.assertTrue(torch.equal(made.isfinite(), value.isfinite()), f"{name}: {key}")
                made, value = made[value.isfinite()], value[value.isfinite()]
                if value.numel() == 0:
                    continue
                size = max(float(value.abs().max()), 1e-12)
                self.assertLessEqual(float((made - value).abs().max()) / size, 1e-5, f"{name}: {key}")
                n_numbers += value.numel()
        print(f"{n_numbers} recorded numbers made again")
        self.assertGreater(n_numbers, 100_000)


if __name__ == "__main__":
    unittest.main()
