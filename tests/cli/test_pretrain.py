#!/usr/bin/env python3
"""prompt pretrain end to end: recorded losses, resume, a model that other commands read, a user's own table."""

import fcntl
import json
import os
import pathlib
import struct

import harness
from harness import run

RECIPE = harness.CONFIGS / "mini" / "pretrain.json"
# The first of the 2,500 steps that made mini.safetensors, with libtorch 2.13.0; another libtorch or processor rounds
# otherwise.
LOSSES = (5.7529, 5.7702, 5.7055, 5.7420, 5.6701, 5.6043, 5.5949, 5.5574)
TOLERANCE = 2e-3


def tiny(**changes):
    """Words of a small recipe with other keys of `pretrain`."""
    keys = {"image_px": 16, "patch_px": 8, "embed_dim": 16, "vision_width": 16, "vision_layers": 1, "text_width": 16,
            "text_layers": 1, "batch_size": 8, "validation_pairs": 8, "steps": 6, "warmup_steps": 2, "patch_keep": 0.5,
            "full_steps": 2, "checkpoint_steps": 4, "validation_steps": 3} | changes
    return ("--threads", "1", *(word for key, value in keys.items() for word in ("--set", f"pretrain.{key}={value}")))


TINY = tiny()


def records(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


class Pretrain(harness.Case):
    def test_the_recipe_gives_the_recorded_losses(self):
        done = run("pretrain", "--config", RECIPE, "--threads", "1", "--max-steps", len(LOSSES), "--out", self.tmp / "mini", timeout=300)
        self.assertEqual(done.status, 0, done)
        losses = [record["loss"] for record in records(self.tmp / "mini") if "loss" in record]
        self.assertEqual(len(losses), len(LOSSES))
        for step, (got, want) in enumerate(zip(losses, LOSSES), 1):
            self.assertAlmostEqual(got, want, delta=TOLERANCE, msg=f"step {step}: {losses}")

    def test_a_resumed_run_ends_in_the_same_bytes(self):
        whole, parts = self.tmp / "whole", self.tmp / "parts"
        self.assertEqual(run("pretrain", *TINY, "--out", whole).status, 0)
        self.assertEqual(run("pretrain", *TINY, "--out", parts, "--max-steps", "3").status, 0)
        done = run("pretrain", "--resume", "--threads", "1", "--out", parts)
        self.assertEqual(done.status, 0, done)
        for name in ("checkpoint.safetensors", "model.safetensors"):
            self.assertEqual((whole / name).read_bytes(), (parts / name).read_bytes(), name)
        steps = [record["step"] for record in records(parts) if "loss" in record]
        self.assertEqual(steps, [1, 2, 3, 4, 5, 6])
        refused = run("pretrain", "--resume", "--out", parts, "--set", "pretrain.lr=0.5")
        self.assertEqual(refused.status, 2, refused)
        self.assertIn("pretrain.lr is 0.5 here, but the run has 0.0015", refused.err)

    def test_the_scale_of_the_logits_is_at_most_100(self):
        out = self.tmp / "run"
        self.check_ok(run("pretrain", *TINY, "--out", out, "--max-steps", "3"))
        tensors, metadata = harness.read_safetensors(out / "checkpoint.safetensors")
        dtype, shape, _ = tensors["logit_scale"]
        tensors["logit_scale"] = dtype, shape, struct.pack("<f", 5.0)  # exp(5) is 148
        harness.write_safetensors(out / "checkpoint.safetensors", tensors, metadata)
        self.check_ok(run("pretrain", "--resume", "--threads", "1", "--out", out))
        scales = [record["logit_scale"] for record in records(out) if "loss" in record]
        self.assertAlmostEqual(scales[3], 100, delta=1e-3)
        self.assertLess(max(scales), 100.001)

    def test_a_folder_that_another_process_has_is_left_alone(self):
        out = self.tmp / "run"
        out.mkdir()
        folder = os.open(out, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        self.check_error(run("pretrain", *TINY, "--out", out), 75, "'.*/run' is in use by another process")
        self.assertEqual(os.listdir(out), [])

    def test_the_model_carries_its_vocabulary(self):
        self.assertEqual(run("pretrain", *TINY, "--max-steps", "1", "--out", self.tmp / "run").status, 0)
        model = self.tmp / "run" / "model.safetensors"
        info = json.loads(run("model", "info", "--json", "--no-hash", model).out)
        self.assertEqual(info["format"], "prompt safetensors")
        self.assertEqual(info["dtypes"], ["float16"])
        self.assertGreater(info["words"], 100)
        copy = self.tmp / "copy.safetensors"
        self.assertEqual(run("model", "convert", model, "--out", copy).status, 0)
        self.assertEqual(copy.read_bytes(), model.read_bytes())
        names = self.tmp / "names.txt"
        names.write_text("red circle\nphoto\n")
        bench = ("bench", "--model", copy, "--classes-file", names, "--mode", "eval", "--repeats", "1", "--batch", "1", "--threads", "1",
                 "--set", "vision_prompt.depth=1")
        self.assertEqual(run(*bench).status, 0, "no file of merges is needed")
        names.write_text("red circle\nquokka\n")
        refused = run(*bench)
        self.assertEqual(refused.status, 1, refused)
        self.assertIn("unknown word 'quokka'", refused.err)

    # ---------------------------------------------------------------- a table of one's own

    def table(self, text, n_images=24):
        folder = self.tmp / "table"
        folder.mkdir(exist_ok=True)
        for i in range(n_images):
            (folder / f"{i}.png").write_bytes(harness.png(20, 16, lambda x, y, i=i: (x * i % 256, y * i % 256, i)))
        path = folder / "pairs.csv"
        path.write_text(text)
        return path

    def test_a_table_trains(self):
        rows = "".join(f'{i}.png,"a photo of a red circle, large"\n' for i in range(24))
        path = self.table("image,caption\n" + rows.replace(", large", "\n ."))
        out = self.tmp / "own"
        done = run("pretrain", *TINY, "--captions", path, "--out", out)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(len([record for record in records(out) if "loss" in record]), 6)
        # rows of another split are not trained on
        parts = self.table("image,caption,split\n" + "".join(
            f"{i}.png,a photo of a red circle .,{'train' if i < 20 else 'test'}\n" for i in range(24)))
        done = self.check_ok(run("pretrain", *TINY, "--captions", parts, "--out", self.tmp / "parts"))
        self.assertIn("4 rows of the splits val and test left out\n", done.err)
        path.write_text("image,caption\n" + rows.replace(", large", "\n ."))
        # pixels of another decoder do not go on with it
        tensors, metadata = harness.read_safetensors(out / "checkpoint.safetensors")
        harness.write_safetensors(out / "checkpoint.safetensors", tensors, {**metadata, "image_decoder": "other 1.0"})
        refused = run("pretrain", "--resume", "--out", out)
        self.assertEqual(refused.status, 2, refused)
        self.assertRegex(refused.err, r"another value of the image decoder \(other 1\.0 there, here .+\)")
        # as open_clip has it: tabs, its names of the columns, others beside them
        same = self.table("\ufeffurl\tTitle\t\"filepath\"\n" + "".join(f"x\ta photo of a red circle .\t{i}.png\n" for i in range(24)))
        again = self.tmp / "again"
        self.check_ok(run("pretrain", *TINY, "--captions", same, "--out", again))
        self.assertEqual([record["loss"] for record in records(out) if "loss" in record],
                         [record["loss"] for record in records(again) if "loss" in record])

    def test_held_out_pairs_are_never_trained_on(self):
        stopper = harness.build_stopper(self.tmp)
        if not stopper:
            self.skipTest("no C compiler to build stop_at.c")
        path = self.table("image,caption\n" + "".join(f"{i}.png,a photo of a red circle .\n" for i in range(24)))
        opened = self.tmp / "opened.txt"
        # one epoch: two steps of 11 pairs; of 24 rows a tenth is held out
        self.check_ok(run("pretrain", *tiny(batch_size=11, steps=2, full_steps=0, warmup_steps=1), "--captions", path, "--out",
                          self.tmp / "own", env={"LD_PRELOAD": stopper, "LIST_OPENS": str(opened)}))
        pictures = [pathlib.Path(line).name for line in opened.read_text().splitlines() if line.endswith(".png")]
        held_out, trained = pictures[:2], pictures[2:]
        self.assertEqual(len(set(trained)), 22)
        self.assertEqual(sorted(held_out + trained), sorted(f"{i}.png" for i in range(24)))

    def test_a_table_trains_with_the_vocabulary_of_clip(self):
        path = self.table("image,caption\n" + "".join(f"{i}.png,a quokka on the beach\n" for i in range(24)))
        merges = ("--set", f"model.merges={harness.merges()}")
        out = self.tmp / "own"
        done = run("pretrain", *TINY, *merges, "--captions", path, "--out", out)
        self.assertEqual(done.status, 0, done)
        info = json.loads(run("model", "info", "--json", "--no-hash", out / "model.safetensors").out)
        self.assertEqual(info["text"]["vocab_size"], 49408, info)
        names = self.tmp / "names.txt"
        names.write_text("quokka\nwombat\n")
        bench = run("bench", "--model", out / "model.safetensors", *merges, "--classes-file", names, "--mode", "eval", "--repeats", "1",
                    "--batch", "1", "--threads", "1", "--set", "vision_prompt.depth=1")
        self.assertEqual(bench.status, 0, bench)

    def test_a_wrong_table_is_one_line_with_the_place(self):
        good = "image,caption\n0.png,a photo\n"
        for text, line, message in (
            ("0.png,a photo\n", 1, "expected a header with the columns image and caption"),
            ("image,caption\n", 1, "no row follows the header"),
            (good + "no.png,a photo\n", 3, "no.png' does not exist"),
            (good + "1.png,\n", 3, "the caption is empty"),
            (good + '1.png," "\n', 3, "the caption is empty"),
            (good + "\n1.png,a photo, large\n", 4, "expected 2 cells, as in the header, found 3: a cell that holds a , is written in double quotes"),
            (good + '1.png,"a photo\n', 3, "the quote that opens here is not closed"),
            ("image,words\n0.png,a photo\n", 1, "no column holds the captions: expected one named caption, captions, text, title, found "
                                                "'image', 'words'"),
            ("image,captoin\n0.png,a photo\n", 1, "unknown column 'captoin', did you mean 'caption'?"),
            (good + "1.png,a quokka\n", 3, "unknown word 'quokka': the model's own vocabulary has "),
            (good + f"1.png,{'a ' * 31}\n", 3, "takes 33 tokens, but pretrain.context is 32"),
        ):
            with self.subTest(message):
                path = self.table(text + "".join(f"{i}.png,a photo\n" for i in range(24) if "row" not in message))
                done = run("pretrain", *TINY, "--captions", path, "--out", self.tmp / "never")
                self.assertEqual(done.status, 1, done)
                self.assertEqual(len(done.errors), 1, done)
                self.assertEqual(done.err.count(f"{path}:{line}: "), 1, done)
                self.assertIn(message, done.err)
                self.assertFalse((self.tmp / "never").exists())

    def test_a_table_that_is_too_small_says_what_it_would_need(self):
        path = self.table("image,caption\n" + "".join(f"{i}.png,a photo\n" for i in range(9)))
        done = run("pretrain", *TINY, "--captions", path, "--out", self.tmp / "never")
        self.assertEqual(done.status, 2, done)
        self.assertIn("has 9 rows: 9 to train on, which must be pretrain.batch_size (8) or more, and 0 held out", done.err)


if __name__ == "__main__":
    harness.merges()
    harness.main()
