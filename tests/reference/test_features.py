"""Checks of the references for methods on features: python tests/reference/test_features.py"""

import math
import unittest

import torch
import torch.nn.functional as F
from torch import Tensor

from features_reference import (
    GRID_OF_C, accuracy, logistic_regression, lp_logits, lp_start, lp_train, probe_accuracy, search_of_c, tip_cache, tip_grid,
    tip_logits, tip_search, tip_train)

K, D, SHOTS = 5, 16, 4


def world(seed: int = 0, n: int = K * SHOTS, noise: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """features [n, D] around one centre a class, labels [n], text [K, D] near the centres, in fp64."""
    g = torch.Generator().manual_seed(7)
    centres = torch.randn(K, D, generator=g, dtype=torch.float64)
    text = centres + torch.randn(K, D, generator=g, dtype=torch.float64)
    g = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % K
    return centres[labels] + noise * torch.randn(n, D, generator=g, dtype=torch.float64), labels, text


class ProbeTest(unittest.TestCase):
    def test_the_optimum(self) -> None:
        """Closed gradients vanish: W = C sum_i (onehot - p)_i x_i^T and sum_i (onehot - p)_i = 0."""
        x, labels, _ = world()
        for C in (1e-6, 1e-2, 0.316, 1.0, 1e2, 1e6):
            weight, bias = logistic_regression(x, labels, K, C)
            residual = F.one_hot(labels, K) - (x @ weight.T + bias).softmax(1)
            size = max(float((C * residual.T @ x).abs().max()), float(weight.abs().max()))
            self.assertLess(float((weight - C * residual.T @ x).abs().max()) / size, 1e-4 if C > 1e4 else 1e-5, C)
            self.assertLess(float(residual.sum(0).abs().max()), 1e-7)
            self.assertLess(abs(float(bias.sum())), 1e-8)

    def test_a_small_C_leaves_the_class_frequencies(self) -> None:
        x, labels, _ = world(n=K * SHOTS + 2)
        _, bias = logistic_regression(x, labels, K, 1e-10)
        torch.testing.assert_close(bias.softmax(0), torch.bincount(labels) / len(labels), rtol=1e-6, atol=0, check_dtype=False)

    def test_the_search_halves_around_the_first_best(self) -> None:
        peak = 3.7
        search = search_of_c(lambda C: -abs(math.log10(C / peak)))
        self.assertEqual(search.rounds[0][:2], (0.1, 10.0))
        self.assertEqual(len(search.rounds), 8)
        self.assertAlmostEqual(math.log10(search.C / peak), 0, delta=0.02)
        for before, after in zip(search.rounds, search.rounds[1:]):
            middle = math.sqrt(before[0] * before[1])
            self.assertEqual(after[:2], (middle, before[1]) if before[2] < before[3] else (before[0], middle))
        flat = search_of_c(lambda C: 0.5)  # equals: the first of the grid, then always the left
        self.assertEqual((flat.rounds[0][:2], flat.C), ((1e5, 1e7), 1e5))
        self.assertEqual(flat.grid, [0.5] * len(GRID_OF_C))

    def test_the_search_on_data(self) -> None:
        x, labels, _ = world(noise=2.0)
        val, val_labels, _ = world(1, noise=2.0)
        search = search_of_c(lambda C: probe_accuracy(x, labels, val, val_labels, K, C), n_rounds=3)
        self.assertGreater(max(search.grid), 0.4)
        self.assertGreater(len(set(search.grid)), 1)


class LpTest(unittest.TestCase):
    def setUp(self) -> None:
        self.x, self.labels, self.text = world(noise=1.5)
        self.val, self.val_labels, _ = world(1, noise=1.5)
        self.bias = (2 * torch.rand(K, generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 1) * D**-0.5
        self.f, self.t = (a / a.norm(dim=1, keepdim=True) for a in (self.x, self.text))

    def test_start_by_hand(self) -> None:
        start = lp_start(self.x, self.labels, self.text, self.bias)
        total = 0.0
        for k in range(K):
            rows = [self.f[i] for i in range(len(self.f)) if self.labels[i] == k]
            torch.testing.assert_close(start.weight[k], sum(rows))
            total += sum(float(row @ self.t[k]) for row in rows) / len(rows)
        torch.testing.assert_close(start.alpha, torch.full((K,), 250 * total / K, dtype=torch.float64))

    def test_step_sizes(self) -> None:
        """The largest eigenvalue once more by powers."""
        start, N = lp_start(self.x, self.labels, self.text, self.bias), len(self.x)
        v = torch.ones(D, dtype=torch.float64)
        for _ in range(2000):
            v = self.f.T @ (self.f @ v)
            v /= v.norm()
        self.assertAlmostEqual(start.lr_weight, 4 * N / float(v @ (self.f.T @ (self.f @ v))), places=9)
        sums = [sum(float(self.f[i] @ self.t[k]) ** 2 for i in range(N)) for k in range(K)]
        self.assertAlmostEqual(start.lr_alpha, N / (4 * max(sums)), places=12)

    def test_training_by_closed_gradients(self) -> None:
        n = 25
        training = lp_train(self.x, self.labels, self.text, self.bias, self.val, self.val_labels, n)
        start = lp_start(self.x, self.labels, self.text, self.bias)
        w, b, a, N = start.weight.clone(), start.bias.clone(), start.alpha.clone(), len(self.x)
        vw, vb, summed, similarity = torch.zeros_like(w), torch.zeros_like(b), torch.zeros_like(a), self.f @ self.t.T
        for i in range(1, n + 1):
            p = (self.f @ w.T + b + a * similarity).softmax(1)
            self.assertAlmostEqual(float(-p[range(N), self.labels].log().mean()), float(training.losses[i - 1]), places=10)
            r = (p - F.one_hot(self.labels, K)) / N
            vw, vb, summed = 0.9 * vw + r.T @ self.f, 0.9 * vb + r.sum(0), summed + (r * similarity).sum(0)
            if i == 1:
                torch.testing.assert_close(training.first_gradients["alpha"], summed)
                torch.testing.assert_close(training.first_gradients["weight"], vw)
            w, b = w - start.lr_weight * vw, b - start.lr_weight * vb
            a = a - start.lr_alpha * summed if i in (10, 20) else a
            found = accuracy(lp_logits(self.val, self.text, w, b, a), self.val_labels)
            self.assertEqual(found, training.accuracies[i - 1])
        for name, tensor in (("weight", w), ("bias", b), ("alpha", a)):
            torch.testing.assert_close(training.last[name], tensor, rtol=1e-9, atol=1e-12)

    def test_the_last_of_the_best_iterations_is_kept(self) -> None:
        training = lp_train(self.x, self.labels, self.text, self.bias, self.val, self.val_labels, 60)
        best = max(training.accuracies)
        self.assertEqual(training.best_iteration, max(i for i, a in enumerate(training.accuracies, 1) if a == best))
        self.assertEqual(accuracy(lp_logits(self.val, self.text, **training.best), self.val_labels), best)
        same = lp_train(self.x, self.labels, self.text, self.bias, self.val, self.val_labels, training.best_iteration)
        torch.testing.assert_close(same.last, training.best)

    def test_alpha_moves_at_every_tenth_iteration_only(self) -> None:
        alphas = [lp_train(self.x, self.labels, self.text, self.bias, self.val, self.val_labels, n).last["alpha"]
                  for n in (9, 10, 19, 20)]
        start = lp_start(self.x, self.labels, self.text, self.bias).alpha
        self.assertTrue(torch.equal(alphas[0], start) and torch.equal(alphas[1], alphas[2]))
        self.assertFalse(torch.equal(alphas[1], start) or torch.equal(alphas[3], alphas[2]))


class TipTest(unittest.TestCase):
    def setUp(self) -> None:
        self.x, self.labels, self.text = world()
        self.val, self.val_labels, _ = world(1)
        views = self.x + 0.1 * torch.randn(10, *self.x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        self.views, (self.keys, self.values) = views, tip_cache(views, self.labels, K)

    def test_cache_by_hand(self) -> None:
        for n in range(len(self.x)):
            mean = sum(self.views[v, n] for v in range(10))
            torch.testing.assert_close(self.keys[n], mean / mean.norm())
            self.assertEqual(self.values[n].tolist(), [float(k == self.labels[n]) for k in range(K)])

    def test_logits_by_hand(self) -> None:
        logits = tip_logits(self.val, self.text, self.keys, self.values, 3.0, 2.0)
        for i in range(3):
            f = self.val[i] / self.val[i].norm()
            for k in range(K):
                cached = sum(math.exp(-3.0 * (1 - float(f @ self.keys[n]))) for n in range(len(self.keys)) if self.labels[n] == k)
                text = self.text[k] / self.text[k].norm()
                self.assertAlmostEqual(float(logits[i, k]), 100 * float(f @ text) + 2 * cached, places=9)

    def test_search_takes_the_first_of_the_best(self) -> None:
        betas, alphas = tip_grid(7, 3)
        self.assertEqual((len(betas), len(alphas), betas[0], alphas[0]), (200, 20, 0.1, 0.1))
        self.assertAlmostEqual(betas[-1], 7 - 6.9 / 200)
        self.assertAlmostEqual(alphas[-1], 3 - 2.9 / 20)
        text = torch.randn(K, D, generator=torch.Generator().manual_seed(5), dtype=torch.float64) / 10  # so that the cache counts
        found = tip_search(self.val, self.val_labels, text, self.keys, self.values, 50, 50)
        betas, alphas = tip_grid(50, 50)
        table = [(accuracy(tip_logits(self.val, text, self.keys, self.values, b, a), self.val_labels), b, a)
                 for b in betas for a in alphas]
        best = max(row[0] for row in table)
        first = next(row for row in table if row[0] == best)
        self.assertEqual(found, (first[1], first[2], best))
        self.assertGreater(best, table[0][0])
        self.assertGreater(sum(row[0] == best for row in table), 1)

    def test_gradient_and_steps_by_hand(self) -> None:
        """dKeys = alpha beta ((g V^T) * affinity)^T f, and AdamW told in words."""
        beta, alpha = 1.0, 3.0
        batches = [(self.x[i : i + 8], self.labels[i : i + 8]) for i in (0, 8, 4)]
        training = tip_train(batches, self.text, self.keys, self.values, beta, alpha)
        self.assertEqual([round(rate / 1e-3, 12) for rate in training.rates], [1, 0.75, 0.25])
        keys, m, v = self.keys.clone(), torch.zeros_like(self.keys), torch.zeros_like(self.keys)
        for step, ((x, labels), rate) in enumerate(zip(batches, training.rates), 1):
            f = x / x.norm(dim=1, keepdim=True)
            affinity = torch.exp(-beta * (1 - f @ keys.T))
            g = (tip_logits(x, self.text, keys, self.values, beta, alpha).softmax(1) - F.one_hot(labels, K)) / len(x)
            gradient = alpha * beta * ((g @ self.values.T) * affinity).T @ f
            if step == 1:
                torch.testing.assert_close(training.first_gradient, gradient)
            m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
            keys = keys * (1 - rate * 0.01) - rate * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-4)
        torch.testing.assert_close(training.keys, keys, rtol=1e-10, atol=1e-12)
        self.assertGreater(float((training.keys.norm(dim=1) - 1).abs().max()), 1e-5)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
