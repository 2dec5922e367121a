"""Linear probe, LP++ and Tip-Adapter against scikit-learn and the reference implementation; and `prompt train` of each.

Run with the parity environment. PROMPT_TOOLS has fit_tool, which fits a method to given features.
"""

import os
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "reference"), str(TESTS / "cli")]

import features_reference as reference  # noqa: E402
import harness  # noqa: E402
from safetensors_file import read_safetensors, write_safetensors  # noqa: E402

K, SHOTS, N_VAL, WIDTH, VIEWS = 6, 5, 8, 24, 3


def draw():
    """Classes that overlap, with a part in common; captions near the centres."""
    rng = np.random.default_rng(4)
    centres = rng.normal(size=WIDTH) * 2 + rng.normal(size=(K, WIDTH))
    labels, val_labels = np.tile(np.arange(K), SHOTS), np.tile(np.arange(K), N_VAL)

    def near(rows, size):
        return torch.tensor(rows + size * rng.normal(size=rows.shape), dtype=torch.float32)

    pictures = near(centres[labels], 1.5).numpy()
    return {"features": torch.stack([near(pictures, 0.5) for _ in range(VIEWS)]), "labels": torch.tensor(labels),
            "val_features": near(centres[val_labels], 1.6), "val_labels": torch.tensor(val_labels),
            "captions": near(centres, 2.0)}


def fit(folder, data, *keys):
    """The tensors and the numbers of the fit."""
    source, target = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
    write_safetensors(source, data)
    subprocess.run([Path(os.environ["PROMPT_TOOLS"]) / "fit_tool", source, target, "1", "1", *keys], check=True,
                   stdout=subprocess.DEVNULL)
    tensors, numbers = read_safetensors(target)
    return tensors, {key: float(value) for key, value in numbers.items()}


class Case(harness.Case):
    def check_near(self, got, want, tolerance):
        self.assertEqual(got.shape, want.shape)
        error = float((got.double() - want.double()).abs().max() / want.double().abs().max())
        self.assertLess(error, tolerance)


class Fits(Case):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.data = draw()
        cls.one = {**cls.data, "features": cls.data["features"][:1]}
        cls.x, cls.y = cls.data["features"][0], cls.data["labels"]
        cls.v, cls.w = cls.data["val_features"], cls.data["val_labels"]

    def test_the_probe_is_scikit_learns(self):
        for c in (1e-4, 0.316, 10.0):
            got, _ = fit(self.tmp, self.one, "method=linear_probe", f"linear_probe.inverse_penalty={c}")
            # a constant added to all biases changes nothing; in all three their sum is 0
            learner = LogisticRegression(C=c, tol=1e-9, max_iter=100_000).fit(self.x.double().numpy(), self.y.numpy())
            weight, bias = reference.logistic_regression(self.x, self.y, K, c)
            for want_weight, want_bias in ((torch.tensor(learner.coef_), torch.tensor(learner.intercept_)), (weight, bias)):
                self.check_near(got["weight"], want_weight, 3e-3)
                self.check_near(got["logits"], self.v.double() @ want_weight.T + want_bias, 3e-3)

    def test_c_is_searched_as_coop_does(self):
        def accuracy(c):
            return reference.probe_accuracy(self.x, self.y, self.v, self.w, K, c)

        search = reference.search_of_c(accuracy)
        self.assertGreater(len(set(search.grid)), 2, "the grid's accuracies should differ")
        _, numbers = fit(self.tmp, self.one, "method=linear_probe")
        self.assertAlmostEqual(numbers["C"] / search.C, 1.0, places=9)
        self.assertEqual(numbers["validation_accuracy"], accuracy(search.C))

    def test_lp_plus_plus_is_the_references(self):
        got, numbers = fit(self.tmp, self.one, "method=lp_plus_plus")
        bias = got["start.bias"].double()
        self.assertLess(float(bias.abs().max()), WIDTH**-0.5)
        want = reference.lp_train(self.x.double(), self.y, self.data["captions"].double(), bias, self.v.double(), self.w)
        self.assertEqual(numbers["validation_accuracy"], max(want.accuracies))
        self.assertEqual(numbers["iteration"], want.best_iteration)
        for name, value in want.best.items():
            self.check_near(got[name], value, 1e-3)
        self.check_near(got["logits"], reference.lp_logits(self.v.double(), self.data["captions"].double(), **want.best), 1e-3)

    def tip(self, *keys):
        return fit(self.tmp, self.data, "method=tip_adapter", "tip_adapter.alpha_max=8", "tip_adapter.beta_max=10", *keys)

    def check_tip(self, got, numbers, keys, values):
        text = self.data["captions"].double()
        beta, alpha, accuracy = reference.tip_search(self.v.double(), self.w, text, keys, values, 10, 8)
        self.assertEqual(numbers["validation_accuracy"], accuracy)
        self.assertAlmostEqual(numbers["alpha"], alpha)
        self.assertAlmostEqual(numbers["beta"], beta)
        self.check_near(got["keys"], keys, 1e-5)
        self.assertTrue(torch.equal(got["values"].double(), values))
        self.check_near(got["logits"], reference.tip_logits(self.v.double(), text, keys, values, beta, alpha), 1e-5)

    def test_tip_adapter_is_the_references(self):
        keys, values = reference.tip_cache(self.data["features"].double(), self.y, K)
        self.check_tip(*self.tip(), keys, values)

    def test_trained_keys_are_the_references(self):
        """One batch an epoch, so that its order does not matter; the cached views take turns."""
        views = self.data["features"].double()
        keys, values = reference.tip_cache(views, self.y, K)
        batches = [(views[e % VIEWS], self.y) for e in range(7)]
        trained = reference.tip_train(batches, self.data["captions"].double(), keys, values, 1.5, 2.0, lr=0.01).keys
        self.assertGreater(float((trained - keys).abs().max()), 0.01)
        got, numbers = self.tip("tip_adapter.train_keys=true", "views.fresh=false", "training.epochs=7",
                                "training.batch_size=256", "training.lr=0.01", "tip_adapter.alpha=2", "tip_adapter.beta=1.5")
        self.check_near(got["keys"] - keys, trained - keys, 1e-3)
        self.check_tip(got, numbers, trained, values)


class Program(Case):
    """`prompt train` is the fit of the features that `prompt features` writes."""

    METHODS = {"linear_probe": ("weight", "bias"), "lp_plus_plus": ("weight", "bias", "alpha"),
               "tip_adapter": ("keys", "values", "alpha", "beta")}

    def features(self, *words):
        path = self.tmp / "features.safetensors"
        self.check_ok(harness.run("features", "--data", self.small.root, "--dataset", "caltech101", "--model", self.model,
                                  "--threads", 1, "--classes", "base", "--out", path, *words))
        tensors, metadata = read_safetensors(path)
        return tensors, float(metadata["logit_scale"])

    def test_a_run_is_the_fit_of_the_exported_features(self):
        self.small = harness.SmallData(self.tmp / "data", n_train=4, n_val=3, n_test=2)
        self.model = harness.make_model(self.tmp / "tiny.safetensors")
        train, scale = self.features("--split", "train")
        val, _ = self.features("--split", "val")
        captions, _ = self.features("--of", "classes")
        data = {"features": train["features"][None], "labels": train["labels"], "val_features": val["features"],
                "val_labels": val["labels"], "captions": captions["features"], "logit_scale": torch.tensor([scale])}
        for method, names in self.METHODS.items():
            with self.subTest(method=method):
                keys = (f"method={method}", "views.count=0", "data.shots=0")
                self.check_ok(harness.run(
                    "train", "--config", harness.CONFIGS / "base2new" / f"{method}.json", "--data", self.small.root,
                    "--dataset", "caltech101", "--model", self.model, "--threads", 1, "--out", self.tmp / method, "--set",
                    "zero_shot_template=a photo of a {}.", *(word for key in keys for word in ("--set", key))))
                got, _ = read_safetensors(self.tmp / method / "checkpoint.safetensors")
                want, _ = fit(self.tmp, data, *keys)
                self.assertEqual(set(got), set(names))
                for name in names:
                    self.check_near(got[name], want[name], 1e-6)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    harness.main()
