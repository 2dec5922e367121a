"""Checks of the references of CLIP-LoRA and 2SFS: python tests/reference/test_lora.py"""

import unittest
from functools import partial

import torch
from torch import Tensor

import test_reference
from cases import EOT
from clip_reference import Clip, caption_features, class_logits, image_features
from lora_reference import (
    LoraConfig, TwoStageConfig, cosine_rate, initial_classifier, lora_forward, lora_initial_tensors, lora_masks, lora_merged,
    lora_shapes, lora_text_features, norm_tensors, selective_logits, stage_one_forward, stage_steps, stage_two_forward,
    train_by_steps)
from prompt_reference import gradients
from test_reference import TINY, tiny, tiny_batch, tiny_task

VIT_B16 = Clip({"visual.proj": torch.empty(768, 512), "text_projection": torch.empty(512, 512)}
               | {f"{tower}transformer.resblocks.{i}.x": torch.empty(0) for tower in ("", "visual.") for i in range(12)}, 12, 8)


class LoraTest(unittest.TestCase):
    def setUp(self) -> None:
        self.clip, self.task, (self.pixels, self.labels) = tiny(), tiny_task(), tiny_batch()
        self.config = LoraConfig()
        self.moved = lora_initial_tensors(self.clip, self.config, 1, b_std=0.2)

    def test_number_of_trained_values_for_vit_b16(self) -> None:
        self.assertEqual(sum(torch.Size(s).numel() for s in lora_shapes(VIT_B16, self.config).values()), 184_320)

    def test_the_start_is_clip_and_moves_by_B_alone(self) -> None:
        tensors = lora_initial_tensors(self.clip, self.config, 1)
        for masks in (None, lora_masks(self.clip, self.config, 6, 2, 0)):
            output, grads = gradients(self.clip, self.config, self.task, tensors, self.pixels, self.labels,
                                      method=partial(lora_forward, masks=masks))
            torch.testing.assert_close(output.logits[:, 1] / 100, output.logits[:, 0] / self.clip["logit_scale"].exp(),
                                       rtol=1e-12, atol=1e-12)
            for name, grad in grads.items():
                per_matrix = grad.abs().flatten(2).amax(2)  # [L, 3]
                self.assertEqual(bool((per_matrix > 1e-6).all()), name.endswith(".b"), name)
                self.assertEqual(bool((per_matrix == 0).all()), name.endswith(".a"), name)

    def test_merged_weights_are_the_same_function(self) -> None:
        output = lora_forward(self.clip, self.config, self.task, self.moved, self.pixels, self.labels)
        merged = lora_merged(self.clip, self.config, self.moved)
        x, z = image_features(merged, self.pixels), caption_features(merged, self.task.captions, EOT)
        torch.testing.assert_close(output.x[:, 1], x, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(output.z[0, 1], z, rtol=1e-10, atol=1e-10)
        self.assertGreater(float((output.logits[:, 1] - output.logits[:, 0]).abs().max()), 1)

    def test_scale(self) -> None:
        for rank, alpha, expected in ((2, 1.0, 0.7071), (4, 1.0, 0.5), (4, 2.0, 1.0)):
            self.assertAlmostEqual(LoraConfig(rank, alpha).scale, expected, places=4)

    def test_dropout_is_on_the_low_rank_path_alone(self) -> None:
        """Masks of one q, k or v move the features; without B none does; with everything kept the path is 4/3 as strong."""
        def features(tensors: dict[str, Tensor], masks: Tensor | None) -> Tensor:
            return lora_text_features(self.clip, self.config, tensors, self.task.captions, EOT, masks)

        full = torch.ones(TINY.text_layers, 3, 6, TINY.context, TINY.text_width, dtype=torch.float64)
        stronger = self.moved | {"lora.text.b": self.moved["lora.text.b"] * 4 / 3}
        torch.testing.assert_close(features(self.moved, full), features(stronger, None), rtol=1e-12, atol=1e-12)
        drawn = lora_masks(self.clip, self.config, 6, 2, 0)["text"]
        self.assertAlmostEqual(float(drawn.mean()), 0.75, delta=0.02)
        for i in range(3):
            one = full.clone()
            one[0, i] = drawn[0, i]
            self.assertGreater(float((features(self.moved, one) - features(self.moved, full)).abs().max()), 1e-3)
        no_b = self.moved | {"lora.text.b": torch.zeros_like(self.moved["lora.text.b"])}
        self.assertTrue(torch.equal(features(no_b, drawn), features(no_b, None)))

    def test_gradients_against_central_differences(self) -> None:
        for masks in (None, lora_masks(self.clip, self.config, 6, 2, 0)):
            method = partial(lora_forward, masks=masks)
            _, grads = gradients(self.clip, self.config, self.task, self.moved, self.pixels, self.labels, method=method)
            test_reference.GradientTest().check(
                lambda moved: method(self.clip, self.config, self.task, moved, self.pixels, self.labels).loss, self.moved, grads)


class TwoStageTest(unittest.TestCase):
    def setUp(self) -> None:
        self.clip, self.task, (self.pixels, self.labels) = tiny(), tiny_task(), tiny_batch()
        self.norms = norm_tensors(self.clip)
        g = torch.Generator().manual_seed(4)
        self.moved = {name: t + 0.1 * torch.randn(t.shape, generator=g, dtype=t.dtype) for name, t in self.norms.items()}

    def test_number_of_trained_values_for_vit_b16(self) -> None:
        blocks = {f"{tower}transformer.resblocks.{i}.{norm}.{kind}": torch.empty(width)
                  for tower, width in (("", 512), ("visual.", 768)) for i in range(12)
                  for norm in ("ln_1", "ln_2") for kind in ("weight", "bias")}
        clip = Clip({"visual.proj": VIT_B16["visual.proj"], "text_projection": VIT_B16["text_projection"]} | blocks, 12, 8)
        self.assertEqual(sum(t.numel() for t in norm_tensors(clip).values()), 61_440)

    def test_the_start_of_both_stages_is_clip(self) -> None:
        config = TwoStageConfig()
        output = stage_one_forward(self.clip, config, self.task, self.norms, self.pixels, self.labels)
        torch.testing.assert_close(output.logits[:, 1], output.logits[:, 0], rtol=1e-12, atol=1e-12)
        classifier = initial_classifier(self.clip, self.task, self.moved)
        torch.testing.assert_close(classifier.norm(dim=1), torch.ones(6).double())
        one = stage_one_forward(self.clip, config, self.task, self.moved, self.pixels, self.labels)
        longer = {"classifier": 3 * classifier}
        two = stage_two_forward(self.moved)(self.clip, config, self.task, longer, self.pixels, self.labels)
        torch.testing.assert_close(two.logits, one.logits, rtol=1e-12, atol=1e-12)
        self.assertGreater(float((one.logits[:, 1] - one.logits[:, 0]).abs().max()), 0.1)

    def test_gradients_against_central_differences(self) -> None:
        classifier = {"classifier": initial_classifier(self.clip, self.task, self.moved)}
        for method, tensors in ((stage_one_forward, self.moved), (stage_two_forward(self.moved), classifier)):
            _, grads = gradients(self.clip, TwoStageConfig(), self.task, tensors, self.pixels, self.labels, method=method)
            test_reference.GradientTest().check(
                lambda moved: method(self.clip, TwoStageConfig(), self.task, moved, self.pixels, self.labels).loss,
                tensors, grads)

    def test_a_known_class_is_its_row_and_a_new_one_its_text(self) -> None:
        classifier = torch.randn(4, TINY.joint_width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        rows = [2, None, 0, None, 3, 1]
        logits = selective_logits(self.clip, self.task, self.moved, classifier, rows, self.pixels)
        text = stage_one_forward(self.clip, TwoStageConfig(), self.task, self.moved, self.pixels, self.labels)
        x = text.x[:, 1]
        for k, row in enumerate(rows):
            expected = text.logits[:, 1, k] if row is None else class_logits(self.clip, x, classifier[row : row + 1])[:, 0]
            torch.testing.assert_close(logits[:, k], expected)

    def test_steps_of_the_stages(self) -> None:
        self.assertEqual((stage_steps(4800), stage_steps(300)), ((2880, 1920), (180, 120)))


class StepsTest(unittest.TestCase):
    def test_rates(self) -> None:
        rates = [cosine_rate(step, 4, 2e-4) for step in range(5)]
        for rate, expected in zip(rates, (2e-4, 1.7086e-4, 1.005e-4, 3.0142e-5, 1e-6)):
            self.assertAlmostEqual(rate / expected, 1, places=3)
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.AdamW([parameter], lr=2e-4)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 7, eta_min=1e-6)
        for step in range(7):
            self.assertAlmostEqual(optimizer.param_groups[0]["lr"], cosine_rate(step, 7, 2e-4), places=12)
            optimizer.step()
            schedule.step()

    def test_steps_by_hand(self) -> None:
        target, start = torch.tensor([1.0, -2.0, 0.5]).double(), {"w": torch.tensor([0.0, 1.0, 0.4]).double()}
        training = train_by_steps(lambda step, t: ((t["w"] - target) ** 2).sum() * (step + 1), start, 3, n_schedule=10, lr=0.1)
        w, m, v = start["w"].clone(), torch.zeros(3).double(), torch.zeros(3).double()
        for step in range(3):
            g = 2 * (w - target) * (step + 1)
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            rate = training.rates[step]
            w = w * (1 - rate * 0.01) - rate * (m / (1 - 0.9 ** (step + 1))) / ((v / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
        torch.testing.assert_close(training.changes["w"], w - start["w"])
        torch.testing.assert_close(training.first_gradients["w"], 2 * (start["w"] - target))
        self.assertEqual(training.rates, [cosine_rate(step, 10, 0.1) for step in range(3)])

    def test_training_lowers_the_loss(self) -> None:
        clip, task, (pixels, labels), config = tiny(), tiny_task(), tiny_batch(), LoraConfig()
        training = train_by_steps(lambda step, t: lora_forward(clip, config, task, t, pixels, labels).loss,
                                  lora_initial_tensors(clip, config, 1), 10, lr=5e-3)
        self.assertLess(float(training.losses[-1]), 0.8 * float(training.losses[0]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
