"""Checks of the references with deeper prompts and with agreement: python tests/reference/test_deep.py"""

import unittest

import torch
from torch import Tensor

import coop_reference
import deep_reference
import prompt_reference
import test_reference
from agreement_reference import Agreement, agree, teacher_features, with_agreement
from average_reference import average_of, gaussian_weights
from cases import CASES, EOT, OF, PHOTO, Case, make_world
from clip_reference import Clip, caption_features, class_logits, image_features
from deep_reference import (
    Config, class_embeddings, forward, initial_tensors, prompted_image_features, prompted_text_features, trained_shapes,
    vision_prompts)
from prompt_reference import gradients
from test_reference import TINY, tiny, tiny_batch, tiny_task

FULL = Agreement(text_weight=25.0, image_weight=10.0, logits_weight=1.0, templates="promptsrc")


def start(config: Config, seed: int = 1) -> dict[str, Tensor]:
    return initial_tensors(tiny(), config, tiny_task(), seed)


class DeepTest(unittest.TestCase):
    def test_numbers_of_trained_values_for_vit_b16(self) -> None:
        clip = Clip({"visual.proj": torch.empty(768, 512), "text_projection": torch.empty(512, 512)}, 12, 8)
        for config, expected in ((Config(False, 4, "words", 9, 4, 9), 46_080), (Config(True, 2, "words", 9, 2, 9), 3_555_072)):
            self.assertEqual(sum(torch.Size(shape).numel() for shape in trained_shapes(clip, config).values()), expected)

    def test_with_every_prompt_off_the_start_is_clip(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        plain = class_logits(clip, image_features(clip, pixels), caption_features(clip, task.captions, EOT))
        for n in range(1, 5):
            config = Config(text_count=n, vision_count=0)
            tensors = start(config)
            self.assertEqual(list(tensors), ["context"])
            logits = forward(clip, config, task, tensors, pixels, labels).logits
            torch.testing.assert_close(logits, plain[:, None].expand(-1, 2, -1), rtol=1e-12, atol=1e-12)

    def test_vision_prompts_move_the_start(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        config = Config(vision_depth=1)
        logits = forward(clip, config, task, start(config), pixels, labels).logits
        self.assertGreater(float((logits[:, 1] - logits[:, 0]).abs().max()), 0.1)

    def test_words_that_are_not_learned_stay(self) -> None:
        clip, task = tiny(), tiny_task()
        for coupled in (False, True):
            config = Config(coupled, text_count=2)
            embeddings, eot = class_embeddings(clip, config, task, torch.zeros(2, TINY.text_width).double())
            words = clip["token_embedding.weight"]
            for row, name, end in zip(embeddings, task.names, eot):
                self.assertTrue(torch.equal(row[3:5], words[[OF, task.template[4]]]))
                self.assertTrue(torch.equal(row[5 : int(end) + 1], words[name + [EOT]]))
                self.assertEqual(float(row[1:3].abs().max()), 0)
        random = Config(text_count=5, init="random")
        embeddings, eot = class_embeddings(clip, random, task, torch.zeros(5, TINY.text_width).double())
        self.assertEqual(eot.tolist(), [6 + len(name) for name in task.names])
        with self.assertRaisesRegex(ValueError, "4 words"):
            Config(text_count=5)

    def test_deeper_text_prompts_replace_outputs_without_position(self) -> None:
        """Prompts equal to what the plain tower has there change nothing, for the replaced positions are the same."""
        clip, task = tiny(), tiny_task(1)
        embeddings, eot = class_embeddings(clip, Config(text_count=2), task, clip["token_embedding.weight"][[1, PHOTO]])
        seen = []

        def spy(clip_, x, name, heads, mask=None, block=deep_reference.block):
            seen.append(x)
            return block(clip_, x, name, heads, mask)

        original, deep_reference.block = deep_reference.block, spy
        try:
            plain = prompted_text_features(clip, embeddings, eot, [])
        finally:
            deep_reference.block = original
        same = prompted_text_features(clip, embeddings, eot, [seen[1][0, 1:3]])
        torch.testing.assert_close(same, plain, rtol=1e-12, atol=1e-12)
        other = prompted_text_features(clip, embeddings, eot, [seen[1][0, 1:3] + clip["positional_embedding"][1:3]])
        self.assertGreater(float((other - plain).abs().max()), 1e-2)

    def test_only_the_first_vision_prompts_pass_ln_pre(self) -> None:
        """After that norm has put every prompt in place, vpt's tower, whose prompts enter there, is the same function."""
        clip, (pixels, _) = tiny(), tiny_batch()
        prompts = torch.randn(TINY.vision_layers, 3, TINY.vision_width, dtype=torch.float64)
        normed = prompts.clone()
        normed[0] = deep_reference.layer_norm(clip, prompts[0], "visual.ln_pre")
        for J in (1, 2, TINY.vision_layers):
            torch.testing.assert_close(prompted_image_features(clip, pixels, list(prompts[:J])),
                                       image_features(clip, pixels, normed[None, :J].expand(2, -1, -1, -1)),
                                       rtol=1e-11, atol=1e-11)

    def test_maple_makes_its_vision_prompts_from_the_text_prompts(self) -> None:
        config = Config(True, 2, "words", 2, 2, 2)
        tensors = start(config)
        made = vision_prompts(config, tensors)
        self.assertEqual([tuple(t.shape) for t in made], [(2, TINY.vision_width)] * 2)
        expected = tensors["text_prompts"][0] @ tensors["vision_projections.weight"][0].T + tensors["vision_projections.bias"][0]
        torch.testing.assert_close(made[1], expected)
        independent = Config(False, 2, "words", 2, 2, 2)
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        same = {"context": tensors["context"], "text_prompts": tensors["text_prompts"], "vision_prompts": torch.stack(made)}
        torch.testing.assert_close(forward(clip, config, task, tensors, pixels, labels).logits,
                                   forward(clip, independent, task, same, pixels, labels).logits, rtol=1e-12, atol=1e-12)

    def test_gradients_against_central_differences(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        check = test_reference.GradientTest()
        for config in (Config(False, 2, "words", 2, 3, 2), Config(True, 2, "words", 2, 2, 2), Config(True, 5, "random", 2, 5, 2)):
            for agreement in (None, FULL):
                with self.subTest(config=config, agreement=agreement):
                    method = with_agreement(forward, agreement) if agreement else forward
                    tensors = start(config)
                    _, grads = gradients(clip, config, task, tensors, pixels, labels, method=method)
                    check.check(lambda moved: method(clip, config, task, moved, pixels, labels).loss, tensors, grads)


class AgreementTest(unittest.TestCase):
    def test_without_weights_promptsrc_is_ivlp(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        config = Config(text_depth=2)
        plain, grads = gradients(clip, config, task, start(config), pixels, labels, method=forward)
        output, same = gradients(clip, config, task, start(config), pixels, labels,
                                 method=with_agreement(forward, Agreement(templates="promptsrc")))
        self.assertEqual((output.loss.item(), output.terms.tolist()), (plain.loss.item(), [0, 0, 0]))
        for name, grad in grads.items():
            torch.testing.assert_close(same[name], grad, rtol=1e-12, atol=1e-12)
        self.assertEqual(CASES["promptsrc"].config, Case(CASES["promptsrc"].changes | {"method": "ivlp"}).config)

    def test_each_term_moves_loss_and_gradients(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        deep = Config(text_depth=2)
        prompt = prompt_reference.Config(vision_prompts=3, vision_depth=2)
        for config, method, tensors in (
            (deep, forward, start(deep)),
            (prompt, prompt_reference.forward, prompt_reference.initial_tensors(clip, prompt, task, 1)),
        ):
            plain, grads = gradients(clip, config, task, tensors, pixels, labels, method=method)
            for i, changes in enumerate(({"text_weight": 25.0}, {"image_weight": 10.0}, {"logits_weight": 1.0})):
                with_term = with_agreement(method, Agreement(**changes, templates="promptsrc"))
                output, moved = gradients(clip, config, task, tensors, pixels, labels, method=with_term)
                terms = output.terms.detach()
                self.assertGreater(float(terms[i]), 1e-2)
                self.assertEqual(float(terms.sum()), float(terms[i]))
                torch.testing.assert_close(output.loss, plain.loss + output.terms[i])
                torch.testing.assert_close(output.losses, plain.losses)
                for name, grad in grads.items():
                    is_in_term = not (method is forward and ("text_weight" in changes and name == "vision_prompts" or
                                                             "image_weight" in changes and name != "vision_prompts"))
                    self.assertEqual(float((moved[name] - grad).norm() / grad.norm()) > 1e-6, is_in_term, name)

    def test_kgcoops_term_is_zero_at_the_words(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        config = coop_reference.Config()
        tensors = coop_reference.initial_tensors(clip, config, task, 0)
        for templates, is_zero in (("captions", True), ("kgcoop", True), ("promptsrc", False)):
            agreement = Agreement(text_weight=8.0, text_distance="cosine", templates=templates)
            output = with_agreement(coop_reference.forward, agreement)(clip, config, task, tensors, pixels, labels)
            self.assertEqual(abs(float(output.terms[0])) < 1e-12, is_zero, templates)

    def test_terms_by_hand(self) -> None:
        """Two images, one iteration of ProMPT's shape, with sums told element by element."""
        clip, task, (pixels, labels) = tiny(), tiny_task(3), tiny_batch()
        config = prompt_reference.Config(iterations=2, vision_prompts=2, vision_depth=1, loss_decay=0.5)
        tensors = prompt_reference.initial_tensors(clip, config, task, 1)
        plain = prompt_reference.forward(clip, config, task, tensors, pixels, labels)
        output = agree(clip, FULL, 0.5, task, pixels, plain)
        features = [caption_features(clip, captions, EOT) for captions in task.ensemble]
        text = image = divergence = 0.0
        for n in (1, 2):
            for b in range(2):
                x0 = image_features(clip, pixels[b : b + 1])[0]
                x = plain.x[b, n]
                image += 0.5 ** (2 - n) * float((x / x.norm() - x0 / x0.norm()).abs().sum()) / (2 * 48)
                logits0 = []
                for k in range(3):
                    t0 = features[0][k] + features[1][k] + features[2][k]
                    z = plain.z[b, n, k]
                    text += 0.5 ** (2 - n) * float((z / z.norm() - t0 / t0.norm()).abs().sum()) / (2 * 3 * 48)
                    logits0.append(float(clip["logit_scale"].exp() * torch.cosine_similarity(x0, t0, dim=0)))
                p0, p = torch.tensor(logits0).double().softmax(0), plain.logits[b, n].softmax(0)
                divergence += 0.5 ** (2 - n) * sum(float(p0[k] * (p0[k] / p[k]).log()) for k in range(3)) / (2 * 3)
        torch.testing.assert_close(output.terms, torch.tensor([25 * text, 10 * image, divergence]).double(), rtol=1e-6, atol=0)
        cosine = agree(clip, Agreement(text_weight=2.0, text_distance="cosine"), 0.5, task, pixels, plain).terms[0]
        z0 = caption_features(clip, task.captions, EOT)
        expected = sum(2 * 0.5 ** (2 - n) * (1 - torch.cosine_similarity(plain.z[:, n], z0[None], dim=-1).mean()) for n in (1, 2))
        torch.testing.assert_close(cosine, expected)

    def test_the_teacher_of_several_templates_normalizes_only_the_mean(self) -> None:
        world = make_world()
        clip = world.clip.to(torch.float64)
        first = [torch.nn.functional.normalize(caption_features(clip, c, EOT), dim=-1) for c in world.task.ensemble]
        normalized_first = torch.nn.functional.normalize(sum(first), dim=-1)
        teacher = teacher_features(clip, world.task, "promptsrc")
        torch.testing.assert_close(teacher.norm(dim=-1), torch.ones(12).double())
        self.assertGreater(float((teacher - normalized_first).abs().max()), 1e-4)

    def test_unknown_words_are_errors(self) -> None:
        with self.assertRaisesRegex(ValueError, "l1 or cosine"):
            Agreement(text_distance="l2")
        with self.assertRaisesRegex(ValueError, "found 'clip'"):
            Agreement(templates="clip")


class AverageTest(unittest.TestCase):
    def test_weights_sum_to_one_and_are_highest_at_the_mean(self) -> None:
        for n_epochs, mean, deviation in ((20, 15, 1), (20, 6, 10), (50, 30, 30), (50, 45, 5)):
            weights = gaussian_weights(n_epochs, mean, deviation)
            self.assertAlmostEqual(sum(weights), 1, places=12)
            self.assertEqual(weights.index(max(weights)) + 1, mean)
        self.assertLess(gaussian_weights(20, 15, 1)[0], 1e-42)

    def test_average(self) -> None:
        epochs = [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])]
        side = 2 * torch.exp(torch.tensor(-0.5))
        torch.testing.assert_close(average_of(epochs, 2, 1), torch.stack([side / (1 + side), 1 / (1 + side)]))
        torch.testing.assert_close(average_of(epochs[:1] * 5, 3, 2), epochs[0])


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    unittest.main()
