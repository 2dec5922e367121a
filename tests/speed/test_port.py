"""The plain ports compute what the independent references do, or their times would mean nothing; and the table of ratios."""

import sys
import unittest
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "reference"))

import compare  # noqa: E402
import plain_deep  # noqa: E402
import plain_port  # noqa: E402
from cases import CASES, EOT, TEMPLATE, Case, case_tensors, make_world  # noqa: E402
from prompt_reference import gradients  # noqa: E402

TOLERANCE = 1e-9  # in fp64, of the largest value of each tensor


def port_tensors(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those of a deep reference, whose layers are rows of one tensor, by the port's names."""
    rows = {"text_prompts": "text_prompts.{}", "vision_prompts": "vision_vectors.{}",
            "vision_projections.weight": "projections.{}.weight", "vision_projections.bias": "projections.{}.bias"}
    out = {}
    for name, tensor in tensors.items():
        if name in rows:
            first = 1 if "projections" in name else 0  # the map of the first layer is the context's
            out |= {rows[name].format(first + i): row for i, row in enumerate(tensor)}
        else:
            out[name.replace("context_projection", "projections.0")] = tensor
    return out


class PortTest(unittest.TestCase):
    def setUp(self) -> None:
        torch.set_num_threads(1)

    def check_close(self, got: torch.Tensor, want: torch.Tensor, name: str) -> None:
        self.assertEqual(got.shape, want.shape, name)
        self.assertLessEqual(float((got - want).abs().max() / want.abs().max()), TOLERANCE, name)

    def test_equals_the_reference(self) -> None:
        world = make_world()
        clip = world.clip.to(torch.float64)
        n_compared = 0
        for name in ("default", "three_iterations", "fewer_classes_than_prompts", "all_layers", "batch_of_one"):
            case = CASES[name]
            config, B = case.config, case.batch
            tensors = {key: t.double() for key, t in case_tensors(world, case).items()}
            pixels, labels = world.pixels[:B].double(), world.labels[:B]
            want, want_gradients = gradients(clip, config, world.task, tensors, pixels, labels)

            port = plain_port.Prompt(plain_port.Clip(clip.weights, clip.vision_heads, clip.text_heads), TEMPLATE,
                                     config.iterations, config.vision_prompts, config.vision_depth).double()
            self.assertEqual(set(port.trained()), set(tensors))
            port.load_state_dict({f"clip.{key}": w for key, w in clip.weights.items()} | tensors)
            port.set_classes(world.task.names, world.task.captions, EOT)
            loss = port.loss(pixels, labels)
            loss.backward()
            logits = torch.stack([torch.stack(port(image)) for image in pixels])
            self.check_close(loss, want.loss, f"{name}: loss")
            self.check_close(logits, want.logits, f"{name}: logits")
            for key, parameter in port.trained().items():
                self.check_close(parameter.grad, want_gradients[key], f"{name}: gradient of {key}")
                n_compared += parameter.numel()
        print(f"{n_compared} gradients compared")
        self.assertGreater(n_compared, 1000)

    def test_deep_ports_equal_the_reference(self) -> None:
        world = make_world()
        clip = world.clip.to(torch.float64)
        promptsrc = CASES["promptsrc"]
        cases = {name: CASES[name] for name in ("maple", "maple_all_layers", "maple_depth_one", "maple_four_words")}
        cases["promptsrc"] = Case(promptsrc.changes | {"agreement.templates": "captions"}, promptsrc.batch, promptsrc.seed)
        for name, case in cases.items():
            config, tensors = case.config, {key: t.double() for key, t in case_tensors(world, case).items()}
            pixels, labels = world.pixels[:case.batch].double(), world.labels[:case.batch]
            want, want_gradients = gradients(clip, config, world.task, tensors, pixels, labels, method=case.forward)

            kind = plain_deep.MaPLe if config.coupled else plain_deep.PromptSRC
            port = kind(plain_port.Clip(clip.weights, clip.vision_heads, clip.text_heads), TEMPLATE, config.text_count,
                        config.text_depth).double()
            self.assertEqual(set(port.trained()), set(port_tensors(tensors)))
            port.load_state_dict({f"clip.{key}": w for key, w in clip.weights.items()} | port_tensors(tensors))
            port.set_classes(world.task.names, world.task.captions, EOT)
            loss = port.loss(pixels, labels)
            loss.backward()
            self.check_close(loss, want.loss, f"{name}: loss")
            self.check_close(port(pixels)[0], want.logits[:, 1], f"{name}: logits")
            for key, gradient in port_tensors(want_gradients).items():
                self.check_close(port.trained()[key].grad, gradient, f"{name}: gradient of {key}")


def record(program: str, K: int, seconds: float, gflop: float, **changes: object) -> dict[str, object]:
    return {"program": program, "mode": "eval", "precision": "fp32", "K": K, "batch": 1, "seconds": seconds,
            "median_seconds": seconds, "gflop": gflop, "peak_gflops": 100.0, "peak_rss_mib": 1024.0} | changes


class TableTest(unittest.TestCase):
    def test_a_port_below_the_least_fraction_does_not_count(self) -> None:
        records = [record("port", 50, 10.0, 700.0), record("ours", 50, 2.0, 180.0),
                   record("port", 100, 20.0, 900.0), record("ours", 100, 2.0, 180.0)]
        summary = compare.summarize(records)
        table = compare.markdown(summary)
        self.assertIn("| 70% | 1.00 | measured, batch 1 | **5.0x** |", table)
        self.assertIn("| 45% | 1.00 | measured, batch 1 | 10.0x, does not count; 7.5x if the port were at 60% |", table)

    def test_each_method_has_a_line_of_its_own(self) -> None:
        """ProMPT's is fitted at batch 1, MaPLe's at the batch size of ours."""
        train = {"mode": "train", "batch": 4}
        records = [record("port", K, 4.0 * (1 + K), 400.0 * K, **train, method="maple") for K in compare.FIT_K]
        records += [record("port", K, 7.0 * K, 700.0 * K, mode="train") for K in compare.FIT_K]
        records += [record("ours", 500, 500.0, 40000.0, **train, method=method) for method in ("prompt", "maple")]
        rows = {row["method"]: row for row in compare.ratio_rows(compare.summarize(records))}
        self.assertAlmostEqual(rows["maple"]["against"]["fp32"]["seconds"], 501.0)
        self.assertAlmostEqual(rows["prompt"]["against"]["fp32"]["seconds"], 3500.0)
        self.assertAlmostEqual(rows["prompt"]["against"]["fp32"]["ratio"], 28.0)


if __name__ == "__main__":
    unittest.main()
