"""Checks of the reference itself: python tests/reference/test_reference.py"""

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

import clip_reference
from cases import CASES, DIMS, EOT, NAMES, TEMPLATE, Case, case_tensors, make_task, make_world
from clip_reference import Clip, ClipDims, caption_features, class_logits, image_features, random_clip
from prompt_reference import (
    Config, Task, class_features, detached, feature_filter, forward, gradients, initial_state, initial_tensors,
    initial_text_prompts, iteration, learning_rate, train, trained_shapes)
from record import record
from safetensors_file import read_safetensors

TINY = ClipDims(image_px=8, patch_px=4, vision_width=20, vision_layers=3, vision_heads=2,
                text_width=12, text_layers=2, text_heads=2, context=18, vocabulary=DIMS.vocabulary, joint_width=48)


def tiny(activation: str = "quick_gelu") -> Clip:
    return random_clip(TINY, seed=5, activation=activation).to(torch.float64)


def tiny_task(n_classes: int = 6) -> Task:
    names = NAMES[:n_classes]
    return make_task(names, TINY.context)


def tiny_batch(B: int = 2) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(6)
    pixels = torch.randn(B, 3, TINY.image_px, TINY.image_px, generator=g, dtype=torch.float64)
    return pixels, torch.randint(3, (B,), generator=g)


def peer_block(clip: Clip, x: Tensor, name: str, heads: int, mask: Tensor | None = None) -> Tensor:
    """A transformer block from torch.nn's own modules."""
    width = x.shape[-1]
    modules = {"ln_1": nn.LayerNorm(width, clip.eps), "attn": nn.MultiheadAttention(width, heads, batch_first=True),
               "ln_2": nn.LayerNorm(width, clip.eps), "mlp.c_fc": nn.Linear(width, 4 * width),
               "mlp.c_proj": nn.Linear(4 * width, width)}
    for part, module in modules.items():
        start = f"{name}.{part}."
        module.double().load_state_dict({k.removeprefix(start): w for k, w in clip.weights.items() if k.startswith(start)})
    h = modules["ln_1"](x)
    x = x + modules["attn"](h, h, h, need_weights=False, attn_mask=mask)[0]
    h = modules["mlp.c_fc"](modules["ln_2"](x))
    h = h * torch.sigmoid(1.702 * h) if clip.activation == "quick_gelu" else nn.GELU()(h)
    return x + modules["mlp.c_proj"](h)


def peer_image_features(clip: Clip, pixels: Tensor, prompts: Tensor) -> Tensor:
    """Eq. 9 told differently: prompts hold their places throughout and are overwritten before each layer j <= J."""
    d_v, px = clip.vision_width, TINY.patch_px
    a, J = prompts.shape[2], prompts.shape[1]
    tiles = pixels.unfold(2, px, px).unfold(3, px, px).permute(0, 2, 3, 1, 4, 5).reshape(len(pixels), -1, 3 * px * px)
    x = torch.cat([clip["visual.class_embedding"].expand(len(pixels), 1, d_v),
                   tiles @ clip["visual.conv1.weight"].reshape(d_v, -1).T], 1) + clip["visual.positional_embedding"]
    x = clip_reference.layer_norm(clip, x, "visual.ln_pre")
    x = torch.cat([x[:, :1], torch.full((len(x), a, d_v), torch.nan).double(), x[:, 1:]], 1)
    for layer in range(clip.vision_layers):
        if layer < J:
            x = torch.cat([x[:, :1], prompts[:, layer], x[:, 1 + a:]], 1)
        x = peer_block(clip, x, f"visual.transformer.resblocks.{layer}", clip.vision_heads)
    return clip_reference.layer_norm(clip, x, "visual.ln_post")[:, 0] @ clip["visual.proj"]


class ClipTest(unittest.TestCase):
    def test_blocks_equal_torch_nn(self) -> None:
        mask = torch.ones(7, 7, dtype=torch.bool).triu(1)
        for activation in ("quick_gelu", "gelu"):
            clip = tiny(activation)
            for name, heads, width, own_mask, peer_mask in (
                ("visual.transformer.resblocks.1", clip.vision_heads, clip.vision_width, None, None),
                ("transformer.resblocks.1", clip.text_heads, clip.text_width,
                 clip_reference.causal_mask(7, torch.float64), mask),
            ):
                x = torch.randn(3, 7, width, dtype=torch.float64)
                ours = clip_reference.block(clip, x, name, heads, own_mask)
                torch.testing.assert_close(ours, peer_block(clip, x, name, heads, peer_mask), rtol=1e-12, atol=1e-12)

    def test_prompted_image_features_equal_the_other_telling(self) -> None:
        clip, (pixels, _) = tiny(), tiny_batch()
        for J in (1, 2, TINY.vision_layers):
            prompts = torch.randn(2, J, 4, clip.vision_width, dtype=torch.float64)
            torch.testing.assert_close(image_features(clip, pixels, prompts), peer_image_features(clip, pixels, prompts),
                                       rtol=1e-12, atol=1e-12)

    def test_no_token_after_eot_counts(self) -> None:
        clip, tokens = tiny(), tiny_task().captions
        features = caption_features(clip, tokens, EOT)
        after = (tokens == EOT).cumsum(1) - (tokens == EOT).int() > 0
        torch.testing.assert_close(caption_features(clip, torch.where(after, 40, tokens), EOT), features, rtol=0, atol=0)
        self.assertLess(int((tokens == EOT).int().argmax(1).max()), TINY.context - 1)  # some positions are left out
        torch.testing.assert_close(caption_features(clip, tokens, EOT, whole=True), features, rtol=1e-12, atol=1e-12)
        before = tokens.clone()
        before[:, 1] = 40
        self.assertGreater(float((caption_features(clip, before, EOT) - features).abs().min(1).values.max()), 1e-3)

    def test_small_world_predicts_many_classes(self) -> None:
        world = make_world()
        logits = class_logits(world.clip, image_features(world.clip, world.pixels),
                              caption_features(world.clip, world.task.captions, EOT))
        self.assertGreaterEqual(len(logits.argmax(1).unique()), 5)
        self.assertAlmostEqual(float(world.clip["logit_scale"].exp()), 100, places=2)


class MethodTest(unittest.TestCase):
    def test_numbers_of_trained_parameters_for_vit_b16(self) -> None:
        clip = Clip({"visual.proj": torch.empty(768, 512), "text_projection": torch.empty(512, 512)}, 12, 8)
        for J, expected in ((9, 139_328), (3, 97_664)):
            shapes = trained_shapes(clip, Config(vision_depth=J), n_classes=100)
            self.assertEqual(sum(torch.Size(shape).numel() for shape in shapes.values()), expected)

    def test_text_prompts_start_at_the_words_asked_for(self) -> None:
        clip = tiny()
        words = clip["token_embedding.weight"][TEMPLATE]
        for covers_sos, b, positions in (
            (True, 5, [0, 1, 2, 3, 4]), (True, 3, [2, 3, 4]), (True, 1, [4]), (True, 7, [0, None, None, 1, 2, 3, 4]),
            (False, 5, [None, 1, 2, 3, 4]), (False, 4, [1, 2, 3, 4]), (False, 3, [2, 3, 4]),
            (False, 7, [None, None, None, 1, 2, 3, 4]),
        ):
            config = Config(text_prompts=b, covers_sos=covers_sos)
            prompts = initial_text_prompts(clip, config, TEMPLATE, torch.Generator().manual_seed(0))
            self.assertEqual(len(prompts), b)
            for prompt, position in zip(prompts, positions):
                if position is None:
                    self.assertLess(float(prompt.abs().max()), 0.1)
                else:
                    self.assertTrue(torch.equal(prompt, words[position]))

    def test_untouched_text_prompts_give_the_zero_shot_features(self) -> None:
        clip, task = tiny(), tiny_task()
        for covers_sos, b in ((True, 5), (False, 4)):
            config = Config(text_prompts=b, covers_sos=covers_sos)
            prompts = initial_text_prompts(clip, config, TEMPLATE, torch.Generator())
            torch.testing.assert_close(class_features(clip, config, task, prompts),
                                       caption_features(clip, task.captions, EOT), rtol=0, atol=0)

    def test_a_prompt_longer_than_the_context_is_an_error(self) -> None:
        with self.assertRaisesRegex(ValueError, "context of 18"):
            class_features(tiny(), Config(), tiny_task(), torch.zeros(15, TINY.text_width, dtype=torch.float64))

    def test_filter_keeps_falling_order_and_the_lowest_label_of_a_tie(self) -> None:
        picks, margin = feature_filter(Config(vision_prompts=3), torch.tensor([1.0, 5.0, 2.0, 5.0]))
        self.assertEqual((picks.tolist(), margin), ([1, 3, 2], 0.0))
        self.assertEqual(feature_filter(Config(vision_prompts=9), torch.tensor([1.0, 3.0]))[0].tolist(), [1, 0])
        self.assertEqual(feature_filter(Config(filter=False), torch.tensor([1.0, 3.0]))[0].tolist(), [0, 1])

    def test_forced_picks_take_the_filters_place(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        config = Config(vision_prompts=3, vision_depth=2)
        tensors = initial_tensors(clip, config, task, 0)
        free = forward(clip, config, task, tensors, pixels, labels)
        same = forward(clip, config, task, tensors, pixels, labels, free.picks)
        other = forward(clip, config, task, tensors, pixels, labels, free.picks.flip(2))
        self.assertTrue(torch.equal(free.logits, same.logits))
        self.assertTrue(torch.equal(other.picks, free.picks.flip(2)))
        self.assertGreater(float((other.loss - free.loss).abs()), 1e-6)

    def test_fewer_classes_than_prompts_use_the_first_rows(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(3), tiny_batch()
        for generator, rows in ((True, [True] * 3 + [False] * 2), (False, [True] * 5)):
            config = Config(vision_prompts=5, vision_depth=2, vision_generator=generator)
            output, grads = gradients(clip, config, task, initial_tensors(clip, config, task, 0), pixels, labels)
            self.assertEqual(output.picks.shape, (2, 2, 3))
            used = grads["vision_prompts"].abs().sum((0, 2)) > 0
            self.assertEqual(used.tolist(), rows)

    def test_without_filter_other_numbers_of_classes(self) -> None:
        clip, (pixels, labels) = tiny(), tiny_batch()
        config = Config(vision_depth=2, filter=False)
        tensors = initial_tensors(clip, config, tiny_task(5), 0)
        first = tensors | {"vision_prompts": tensors["vision_prompts"][:, :3]}
        fewer, same = (forward(clip, config, tiny_task(3), t, pixels, labels) for t in (tensors, first))
        self.assertTrue(torch.equal(fewer.logits, same.logits))
        with self.assertRaisesRegex(ValueError, "6 classes, yet vision prompts for 5"):
            forward(clip, config, tiny_task(6), tensors, pixels, labels)

    def test_no_iterations_are_plain_clip(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        output, grads = gradients(clip, Config(iterations=0), task, {}, pixels, labels)
        plain = class_logits(clip, image_features(clip, pixels), caption_features(clip, task.captions, EOT))
        torch.testing.assert_close(output.logits[:, 0], plain, rtol=1e-12, atol=1e-12)
        self.assertEqual((output.logits.shape[1], float(output.loss), grads), (1, 0.0, {}))

    def test_loss_weights_the_iterations(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        config = Config(iterations=3, vision_prompts=3, vision_depth=2, loss_decay=0.5)
        output = forward(clip, config, task, initial_tensors(clip, config, task, 0), pixels, labels)
        cross_entropy = -output.logits.log_softmax(2)[torch.arange(2), :, labels].mean(0)
        self.assertAlmostEqual(float(output.loss), float(cross_entropy[1:] @ torch.tensor([0.25, 0.5, 1]).double()))

    def test_prompts_add_up_over_iterations(self) -> None:
        """O^2 = O^0 + G(Z~^0) + G(Z~^1) and P^2 = P^0 + G(x^1) + G(x^2), with torch.nn's modules as generators."""
        clip, task, (pixels, _) = tiny(), tiny_task(), tiny_batch(1)
        for mode in ("normalized", "raw"):
            config = Config(vision_prompts=3, vision_depth=2, generator_input=mode)
            tensors = initial_tensors(clip, config, task, 0)
            scaled = (lambda t: t / t.norm(dim=-1, keepdim=True)) if mode == "normalized" else (lambda t: t)

            def generator(name: str, layer: int | None = None) -> nn.Module:
                fc1, fc2 = ({kind: tensors[f"{name}.{part}.{kind}"] for kind in ("weight", "bias")}
                            for part in ("fc1", "fc2"))
                mlp = nn.Sequential(nn.Linear(48, 3), nn.ReLU(), nn.Linear(3, len(fc2["weight"]))).double()
                for linear, own in ((mlp[0], fc1), (mlp[2], fc2)):
                    bias = own["bias"] if layer is None else own["bias"][layer]
                    linear.load_state_dict({"weight": own["weight"], "bias": bias})
                return mlp

            states = [initial_state(clip, config, task, tensors, pixels[0])]
            kept = []
            for _ in range(2):
                z, x = states[-1].z, states[-1].x
                kept.append(torch.cosine_similarity(z, x[None]).topk(3).indices)
                states.append(iteration(clip, config, task, tensors, pixels[0], states[-1], kept[-1]))
            for layer in range(2):
                mlp = generator("vision_generator", layer)
                expected = tensors["vision_prompts"][layer] + sum(mlp(scaled(states[n].z[kept[n]])) for n in (0, 1))
                torch.testing.assert_close(states[2].vision_prompts[layer], expected)
            mlp = generator("text_generator")
            expected = tensors["text_prompts"] + sum(mlp(scaled(states[n].x)) for n in (1, 2))
            torch.testing.assert_close(states[2].text_prompts, expected)
            logits = forward(clip, config, task, tensors, pixels, torch.tensor([0])).logits[0]
            for n in range(3):
                expected = 100 * torch.cosine_similarity(states[n].z, states[n].x[None])
                torch.testing.assert_close(logits[n], expected, rtol=1e-4, atol=0)

    def test_first_step_of_sgd(self) -> None:
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        config = Config(vision_prompts=3, vision_depth=2)
        tensors = initial_tensors(clip, config, task, 0)
        _, grads = gradients(clip, config, task, tensors, pixels, labels)
        training = train(clip, config, task, tensors, pixels, labels, torch.tensor([[0, 1]]))
        for name, change in training.changes.items():
            torch.testing.assert_close(change, -0.008 * (grads[name] + 5e-4 * tensors[name]), rtol=1e-9, atol=1e-12)

    def test_learning_rates_of_five_epochs(self) -> None:
        rates = [learning_rate(epoch, 5, 0.008) for epoch in range(1, 6)]
        self.assertEqual([round(rate, 7) for rate in rates], [1e-5, 0.008, 0.0072361, 0.0052361, 0.0027639])


class CasesTest(unittest.TestCase):
    def test_starts_agree_wherever_shapes_do(self) -> None:
        world = make_world()
        default = case_tensors(world, CASES["default"])
        same_words = Case({"generator_input": "raw", "vision_prompt.generator": False})
        for name, tensor in case_tensors(world, same_words).items():
            self.assertTrue(torch.equal(tensor, default[name]), name)

    def test_an_unknown_key_is_an_error(self) -> None:
        with self.assertRaises(KeyError):
            Config.from_keys({"iteration": 2})


class GradientTest(unittest.TestCase):
    """Gradients against central differences, in random directions of length 1."""

    N_DIRECTIONS = 3
    STEP = 1e-6
    TOLERANCE = 5e-8  # largest of 372 errors measured: 3.9e-9, the roundoff of the difference; median 3.1e-10

    def check(self, loss, tensors: dict[str, Tensor], grads: dict[str, Tensor]) -> None:
        """loss(tensors) is a number; errors are relative to the gradient's length."""
        g = torch.Generator().manual_seed(7)
        for name, t in tensors.items():
            for _ in range(self.N_DIRECTIONS):
                direction = torch.randn(t.shape, generator=g, dtype=t.dtype)
                direction /= direction.norm()
                up, down = (float(loss(tensors | {name: t + sign * self.STEP * direction})) for sign in (1, -1))
                numeric, analytic = (up - down) / (2 * self.STEP), float((grads[name] * direction).sum())
                self.assertGreater(float(grads[name].norm()), 1e-4, name)
                self.assertLess(abs(numeric - analytic) / float(grads[name].norm()), self.TOLERANCE, name)

    def test_switches(self) -> None:
        clip, (pixels, labels) = tiny(), tiny_batch()
        for changes in (
            {},
            {"iterations": 1},
            {"iterations": 3, "loss_decay": 0.5},
            {"vision_generator": False},
            {"text_generator": False},
            {"vision_generator": False, "text_generator": False},
            {"filter": False},
            {"generator_input": "raw"},
            {"covers_sos": False},
            {"covers_sos": False, "text_prompts": 7},
            {"text_prompts": 3},
            {"vision_prompts": 9},
            {"vision_depth": TINY.vision_layers},
        ):
            with self.subTest(**changes):
                config = replace(Config(vision_prompts=3, vision_depth=2), **changes)
                task = tiny_task()
                tensors = initial_tensors(clip, config, task, 1)
                output, grads = gradients(clip, config, task, tensors, pixels, labels)
                self.check(lambda moved: forward(clip, config, task, moved, pixels, labels, output.picks).loss,
                           tensors, grads)

    def test_detached_iterations(self) -> None:
        """Each iteration starts from what the one before made with unmoved tensors."""
        clip, task, (pixels, labels) = tiny(), tiny_task(), tiny_batch()
        config = Config(iterations=3, vision_prompts=3, vision_depth=2, detach_iterations=True)
        tensors = initial_tensors(clip, config, task, 1)
        output, grads = gradients(clip, config, task, tensors, pixels, labels)
        states = []
        for i, image in enumerate(pixels):
            states.append([initial_state(clip, config, task, tensors, image)])
            for n in range(2):
                states[i].append(iteration(clip, config, task, tensors, image, states[i][n], output.picks[n, i]))

        def loss(moved: dict[str, Tensor]) -> Tensor:
            total = torch.zeros((), dtype=torch.float64)
            for i, image in enumerate(pixels):
                for n in range(3):
                    before = detached(config, states[i][n]) if n else initial_state(clip, config, task, moved, image)
                    after = iteration(clip, config, task, moved, image, before, output.picks[n, i])
                    logits = class_logits(clip, after.x[None], after.z)[0]
                    total += (logits.logsumexp(0) - logits[labels[i]]) / len(pixels)
            return total

        torch.testing.assert_close(loss(tensors), output.loss)
        self.check(loss, tensors, grads)


class RecordTest(unittest.TestCase):
    def test_recorded_files_are_small_complete_and_the_same_twice(self) -> None:
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            for out in (one, two):
                record(Path(out), ["default", "no_iterations"])
            sizes = {path.name: path.stat().st_size for path in Path(one).iterdir()}
            for name in sizes:
                self.assertEqual((Path(one) / name).read_bytes(), (Path(two) / name).read_bytes())
            self.assertLess(sizes["model.safetensors"], 700_000)
            self.assertLess(sizes["default.safetensors"] + sizes["world.safetensors"], 300_000)
            arrays, _ = read_safetensors(Path(one) / "default.safetensors")
            weights, metadata = read_safetensors(Path(one) / "model.safetensors")
        world = make_world()
        shapes = trained_shapes(world.clip, CASES["default"].config, len(NAMES))
        for kind in ("initial", "gradient", "change"):
            self.assertEqual({name: tuple(arrays[f"{kind}/{name}"].shape) for name in shapes}, shapes)
        self.assertTrue(all(torch.equal(w, weights[name]) for name, w in world.clip.weights.items()))
        self.assertEqual(int(metadata["prompt.vision_heads"]), DIMS.vision_heads)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    unittest.main()
