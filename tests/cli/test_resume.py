#!/usr/bin/env python3
"""A run that was stopped, however and wherever, ends in the same bytes as one that was not."""

import concurrent.futures
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from harness import SmallData, read_safetensors, run, train_words

EPOCHS, STEPS = 3, 15  # 5 base classes of 4 images, batches of 4
SETTINGS = ("--set", "data.shots=4", "--set", f"training.epochs={EPOCHS}", "--set", "training.lr=0.05")

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data")
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    shared["stopper"] = harness.build_stopper(folder.name)
    result = train(root / "whole")
    if result.status != 0:
        sys.exit(f"the uninterrupted run failed: {result}")
    shared["whole"] = root / "whole"
    shared["bytes"] = checkpoint(root / "whole").read_bytes()


def checkpoint(folder):
    return folder / "checkpoint.safetensors"


def train(out, *more, **options):
    return run(*train_words(shared["data"], shared["model"], out, *SETTINGS, *more), **options)


def resume(out, *more, **options):
    return run("train", "--resume", "--out", out, *more, **options)


def logged(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def without(record, *keys):
    return {key: value for key, value in record.items() if key not in keys}


class Resumed(harness.Case):
    def check_same(self, folder):
        """Checkpoint byte for byte; each step once, with the same numbers; nothing left behind."""
        self.assertEqual(checkpoint(folder).read_bytes(), shared["bytes"])
        steps = logged(folder)
        self.assertEqual([record["step"] for record in steps], list(range(1, STEPS + 1)))
        for found, expected in zip(steps, logged(shared["whole"])):
            self.assertEqual(without(found, "seconds", "wait_s"), without(expected, "seconds", "wait_s"))
        self.assertEqual(harness.leftovers(folder), [])

    def stop_at(self, plan, *more, start=train):
        """Runs until the plan of stop_at.c strikes, and says with which status."""
        if not shared["stopper"]:
            self.skipTest("no C compiler to build stop_at.c")
        return start(self.tmp / "run", *more, env={"LD_PRELOAD": shared["stopper"], "STOP_AT": plan})

    def check_killed(self, plan, *more, start=train):
        result = self.stop_at(plan, *more, start=start)
        self.assertEqual(result.status, -signal.SIGKILL, f"{plan} never struck: {result}")
        return result


class SameBytes(Resumed):
    def test_of_one_seed_twice_and_resumed_when_finished(self):
        out = self.tmp / "run"
        self.check_ok(train(out, "--max-steps", STEPS + 1))
        self.check_same(out)
        self.assertIn("this run is finished: nothing to do", self.check_ok(resume(out)).err)
        self.check_same(out)

    def test_of_any_number_of_decoding_threads(self):
        (tensors, metadata), *others = [self.trained("--set", f"data.workers={n}") for n in (1, 4)]
        for other_tensors, other_metadata in others:
            self.assertEqual(other_tensors, tensors)
            # where the data lie and how they are read stands in the configuration, not in its hash
            self.assertEqual(without(other_metadata, "config"), without(metadata, "config"))

    def test_of_decoded_images_kept_and_not_kept(self):
        self.assertEqual(self.trained("--set", "data.cache_mib=0")[0], read_safetensors(checkpoint(shared["whole"]))[0])

    def trained(self, *more):
        with tempfile.TemporaryDirectory(dir=self.tmp) as folder:
            out = pathlib.Path(folder) / "run"
            self.check_ok(train(out, *more))
            return read_safetensors(checkpoint(out))

    def test_not_of_another_seed_and_0_is_one(self):
        one = read_safetensors(checkpoint(shared["whole"]))[0]
        zero = self.trained("--seed", 0)[0]
        two = self.trained("--seed", 2)[0]
        for name in one:
            self.assertEqual(len({one[name][2], zero[name][2], two[name][2]}), 3, name)
        self.assertEqual(self.trained("--seed", 0)[0], zero)


class Stopped(Resumed):
    def test_by_max_steps_and_resumed(self):
        for n in (4, 5):
            with self.subTest(n=n):
                out = self.tmp / f"run{n}"
                result = self.check_ok(train(out, "--max-steps", n))
                self.assertIn(f"stopped after step {n} of {STEPS} (--max-steps); continue with --resume", result.err)
                self.assertEqual(read_safetensors(checkpoint(out))[1]["step"], str(n))
                self.assertEqual(len(logged(out)), n)
                self.check_ok(resume(out))
                self.check_same(out)

    def test_by_max_steps_again_and_again(self):
        out = self.tmp / "run"
        self.check_ok(train(out, "--max-steps", 2))
        for n in (2, 9, 10):  # 2 again: nothing to do
            self.check_ok(resume(out, "--max-steps", n))
            self.assertEqual(len(logged(out)), n)
        self.check_ok(resume(out, "--max-steps", 1000))
        self.check_same(out)

    def check_interrupted(self, result, out):
        self.check_error(result, 130, r"stopped after step \d+ of 15; saved; continue with: prompt train --resume --out .+")
        step = int(read_safetensors(checkpoint(out))[1]["step"])
        self.assertEqual(len(logged(out)), step)
        self.assertLess(step, STEPS)
        self.check_ok(resume(out))
        self.check_same(out)

    def test_by_ctrl_c_in_each_part_of_an_epoch(self):
        for n in (5, 8):
            with self.subTest(step=n):
                self.setUp()
                out = self.tmp / "run"
                result = self.stop_at(f"flush:log.jsonl:{n}:0:2")
                self.assertIn(f"stopped after step {n} of", result.err)
                self.check_interrupted(result, out)

    def test_by_sigterm(self):
        self.check_interrupted(self.stop_at("flush:log.jsonl:8:0:15"), self.tmp / "run")

    def test_by_ctrl_c_inside_a_step(self):
        self.check_interrupted(self.stop_at("flush:log.jsonl:3:5000:2"), self.tmp / "run")

    def test_by_ctrl_c_from_outside(self):
        out = self.tmp / "run"
        command = harness.words(*train_words(shared["data"], shared["model"], out, *SETTINGS))
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                if (out / "log.jsonl").exists() and (out / "log.jsonl").read_text().count("\n") >= 2:
                    process.send_signal(signal.SIGINT)
                    break
                time.sleep(0.002)
            out_text, err_text = process.communicate(timeout=60)
        result = harness.Result(process.returncode, out_text, err_text)
        self.check_interrupted(result, out)

    def test_by_ctrl_c_before_the_first_step(self):
        result = self.stop_at("open:.png:3:0:2")
        self.check_error(result, 130, r"interrupted before the first step; nothing was changed")
        self.check_ok(train(self.tmp / "run"))
        self.check_same(self.tmp / "run")

    def test_by_ctrl_c_without_a_zero_shot_check_says_that_nothing_is_saved(self):
        result = self.stop_at("rename:config.json:1:0:2", "--set", "training.check_images=0")
        self.check_error(result, 130, r"stopped after step 0 of 15; continue with: prompt train --resume --out .+")
        self.check_ok(resume(self.tmp / "run"))
        tensors = read_safetensors(checkpoint(self.tmp / "run"))[0]
        self.assertEqual(tensors, read_safetensors(checkpoint(shared["whole"]))[0])


class ByStep(Resumed):
    """AdamW, a rate by step, incomplete batches kept, and an end inside an epoch: 7 batches of 20 images, 16 steps."""

    SETTINGS = ("--set", "training.optimizer=adamw", "--set", "training.schedule=cosine_step", "--set", "training.min_lr=0.001",
                "--set", "training.warmup_epochs=0", "--set", "training.drop_last=false", "--set", "training.batch_size=3",
                "--set", "training.steps_per_shot=4", "--set", "training.weight_decay=0.01")

    def test_stopped_in_the_first_and_in_the_last_epoch(self):
        whole = self.tmp / "whole"
        self.assertIn("16 of 3 images: 3 epochs", self.check_ok(train(whole, *self.SETTINGS)).err)
        tensors, metadata = read_safetensors(checkpoint(whole))
        self.assertEqual([metadata[key] for key in ("epoch", "step_in_epoch", "step", "n_steps")], ["2", "2", "16", "16"])
        self.assertIn("optimizer.second.vision_prompts", tensors)
        records = logged(whole)
        self.assertEqual([record["images"] for record in records], [3, 3, 3, 3, 3, 3, 2] * 2 + [3, 3])
        self.assertEqual(records[0]["lr"], 0.05)
        self.assertAlmostEqual(records[8]["lr"], 0.001 + 0.049 / 2, 12)
        for n in (3, 7, 15):
            with self.subTest(n=n):
                out = self.tmp / f"run{n}"
                self.check_ok(train(out, *self.SETTINGS, "--max-steps", n))
                self.check_ok(resume(out))
                self.assertEqual(checkpoint(out).read_bytes(), checkpoint(whole).read_bytes())
        self.assertIn("this run is finished", self.check_ok(resume(whole)).err)

    def test_steps_that_are_not_there(self):
        words = train_words(shared["data"], shared["model"], self.tmp / "run", *self.SETTINGS, "--set", "data.shots=0")
        self.check_error(run(*words), 2,
                         r"training\.steps_per_shot counts shots, but data\.shots is 0, all images")
        settings = [word.replace("warmup_epochs=0", "warmup_epochs=3") for word in self.SETTINGS]
        self.check_error(train(self.tmp / "run", *settings), 2,
                         r"training\.warmup_epochs \(3, of 7 steps each\) leaves none of the 16 steps at the rate training\.lr")


class Averaged(Resumed):
    """PromptSRC: terms of the loss that keep it near CLIP, and the average over epochs in the checkpoint."""

    SETTINGS = ("--set", "method=promptsrc", "--set", "iterations=1", "--set", "context.depth=2", "--set", "average.mean=2", "--set", "average.deviation=1")

    def test_stopped_in_an_epoch_and_at_its_end(self):
        whole = self.tmp / "whole"
        self.check_ok(train(whole, *self.SETTINGS))
        tensors, _ = read_safetensors(checkpoint(whole))
        self.assertEqual(tensors["text_prompts"], tensors["optimizer.average.text_prompts"])
        for record in logged(whole):
            self.assertAlmostEqual(record["loss"], sum(record["losses"]) + sum(record["agreement"]), 5)
            self.assertGreater(min(record["agreement"]), 0)
        last = self.tmp / "last"
        self.check_ok(train(last, *(word.replace("deviation=1", "deviation=0") for word in self.SETTINGS)))
        self.assertNotEqual(read_safetensors(checkpoint(last))[0]["text_prompts"], tensors["text_prompts"])
        for n in (3, 5, 14):
            with self.subTest(n=n):
                out = self.tmp / f"run{n}"
                self.check_ok(train(out, *self.SETTINGS, "--max-steps", n))
                self.check_ok(resume(out))
                self.assertEqual(checkpoint(out).read_bytes(), checkpoint(whole).read_bytes())


class InUse(harness.Case):
    def test_a_folder_that_another_process_has_is_left_alone(self):
        """A new run and a resumed one; both wait for five seconds, side by side."""
        new, old = self.tmp / "new", self.tmp / "old"
        new.mkdir()
        self.check_ok(train(old, "--max-steps", 2))
        before = {path: path.read_bytes() for path in old.iterdir()}
        for folder in (new, old):
            lock = os.open(folder, os.O_RDONLY)
            self.addCleanup(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            results = [pool.submit(train, new), pool.submit(resume, old)]
        for folder, result in zip((new, old), results):
            found = self.check_error(result.result(), 75, f"'{folder}' is in use by another process")
            self.assertIn(f"waiting for '{folder}', which another process has\n", found.err)
        self.assertEqual(os.listdir(new), [])
        self.assertEqual({path: path.read_bytes() for path in old.iterdir()}, before)


class Killed(Resumed):
    """kill -9. Each plan of stop_at.c says at which call; the run must have reached it."""

    def test_before_the_run_exists(self):
        for plan in ("open:.png:7", "write:config.json:1", "rename:config.json:1"):
            self.check_killed(plan)
        out = self.tmp / "run"
        self.check_error(resume(out), 1, r"--resume: cannot open '/.*/run/config\.json': No such file or directory")
        self.check_ok(train(out))
        self.check_same(out)

    def check_readable(self, plan):
        """What a killed run leaves can be used: a whole checkpoint or none, whole records."""
        out = self.tmp / "run"
        if checkpoint(out).exists():
            tensors, metadata = read_safetensors(checkpoint(out))
            self.assertEqual(tensors.keys(), read_safetensors(checkpoint(shared["whole"]))[0].keys(), plan)
            self.assertIn(int(metadata["step"]), (5, 10, 15), plan)
        if (out / "log.jsonl").exists():
            steps = [record["step"] for record in logged(out)]
            self.assertEqual(steps, list(range(1, len(steps) + 1)), plan)

    def test_at_every_stage_one_after_the_other(self):
        """No delay here: a late one would strike after the checkpoint that the next plan waits for."""
        self.check_killed("renamed:config.json:1")
        plans = (
            # before the first checkpoint: 20 images are decoded for the zero-shot check, 20 for the epoch
            "open:.png:4", "open:.png:23", "flush:log.jsonl:1", "flush:log.jsonl:2", "write:checkpoint:1",
            "write:checkpoint:9", "sync:checkpoint:1", "rename:checkpoint:1", "renamed:checkpoint:1",
            # in the second epoch, and while the log is cut back to the checkpoint
            "open:.png:3", "write:log.jsonl:1", "rename:log.jsonl:1", "renamed:log.jsonl:1", "flush:log.jsonl:3",
            "write:checkpoint:15", "rename:checkpoint:1", "renamed:checkpoint:1",
            # in the last
            "flush:log.jsonl:2", "flush:log.jsonl:5", "flush:log.jsonl:6", "sync:checkpoint:1",
            "rename:checkpoint:1", "renamed:checkpoint:1")
        for plan in plans:
            self.check_killed(plan, start=resume)
            self.check_readable(plan)
        self.assertIn("this run is finished", self.check_ok(resume(self.tmp / "run")).err)
        self.check_same(self.tmp / "run")

    def test_once_and_resumed(self):
        for plan in ("flush:log.jsonl:2:6000", "flush:log.jsonl:8:4000", "rename:checkpoint:2", "flush:log.jsonl:13"):
            with self.subTest(plan=plan):
                self.setUp()
                self.check_killed(plan)
                self.check_ok(resume(self.tmp / "run"))
                self.check_same(self.tmp / "run")

    def test_while_decoding_beside_a_checkpoint(self):
        self.check_killed("open:.png:50", "--set", "data.cache_mib=0")
        self.assertTrue(checkpoint(self.tmp / "run").exists())
        self.check_ok(resume(self.tmp / "run", "--set", "data.cache_mib=1024"))
        self.check_same(self.tmp / "run")

    def test_in_evaluation(self):
        out = self.tmp / "run"
        self.check_ok(train(out))

        def evaluate(folder, **options):
            return run("eval", "--run", folder, "--classes", "base", "--threads", 1, **options)

        def records():
            path = out / "results.json"
            return json.loads(path.read_text()) if path.exists() else []

        self.assertEqual(records(), [])
        for plan, n in (("open:.png:5", 0), ("write:results.json:1", 0), ("rename:results.json:1", 0),
                        ("renamed:results.json:1", 1), ("open:.png:5", 1), ("write:results.json:1", 1),
                        ("sync:results.json:1", 1), ("rename:results.json:1", 1), ("renamed:results.json:1", 2)):
            self.check_killed(plan, start=evaluate)
            self.assertEqual(len(records()), n, plan)
        self.check_ok(evaluate(out))
        found = records()
        self.assertEqual(len(found), 3)
        timing = ("seconds", "images_per_s", "time")
        self.assertEqual(without(found[0], *timing), without(found[2], *timing))
        self.check_same(out)


class AcrossPrograms(harness.Case):
    """Pixels and token ids of two programs, or two preprocessings, do not mix in one run."""

    def setUp(self):
        super().setUp()
        self.folder = self.tmp / "run"
        shutil.copytree(shared["whole"], self.folder)

    def change(self, **metadata):
        """The checkpoint as another program left it; None: the key is not there."""
        tensors, known = read_safetensors(checkpoint(shared["whole"]))
        known.update(metadata)
        harness.write_safetensors(checkpoint(self.folder), tensors,
                                  {key: value for key, value in known.items() if value is not None})

    def evaluate(self):
        return run("eval", "--run", self.folder, "--classes", "base", "--threads", 1)

    def test_a_checkpoint_says_what_its_pixels_and_tokens_are(self):
        _, metadata = read_safetensors(checkpoint(shared["whole"]))
        self.assertRegex(metadata["preprocessing"], r"^shortest, bicubic, mean 0\.48145466 ")
        self.assertRegex(metadata["preprocessing_digest"], "^[0-9a-f]{64}$")
        self.assertGreater(len(metadata["image_decoder"]), 5)
        self.assertGreaterEqual(int(metadata["tokenizer_revision"]), 1)

    def test_a_difference_ends_a_resume_and_is_named(self):
        for change, named in (({"image_decoder": "other 1.0"}, r"the image decoder \(other 1\.0 there, here .+\)"),
                              ({"tokenizer_revision": "99"}, r"the tokenizer's revision \(99 there, here \d+\)"),
                              ({"preprocessing": "squash"}, r"the preprocessing of pictures \(squash there, here shortest.*\)")):
            self.change(**change)
            before = checkpoint(self.folder).read_bytes()
            self.check_error(resume(self.folder), 2, rf"cannot resume '.*run': it was trained with another value of {named}.*")
            self.assertEqual(checkpoint(self.folder).read_bytes(), before)

    def test_a_checkpoint_without_them_is_the_first_programs(self):
        self.change(image_decoder=None, tokenizer_revision=None, preprocessing=None, preprocessing_digest=None)
        _, here = read_safetensors(checkpoint(shared["whole"]))
        if (here["image_decoder"], here["tokenizer_revision"]) == ("stb_image 2.27", "1"):
            self.assertIn("this run is finished", self.check_ok(resume(self.folder)).err)
        else:
            self.check_error(resume(self.folder), 2, "cannot resume .* another value of the (image decoder .stb_image 2.27|"
                             "tokenizer's revision .1) there, here .*")

    def test_evaluation_warns_of_other_pixels_and_the_record_holds_both(self):
        self.change(image_decoder="other 1.0")
        result = self.check_ok(self.evaluate())
        self.assertRegex(result.err, r"warning: .*the image decoder \(other 1\.0 there, here .+\)")
        record = json.loads((self.folder / "results.json").read_text())[-1]
        self.assertEqual(record["trained_inputs"]["image_decoder"], "other 1.0")
        self.assertNotEqual(record["inputs"]["image_decoder"], "other 1.0")
        self.assertRegex(record["digests"]["preprocessing"], "^[0-9a-f]{64}$")
        self.change(preprocessing="squash")
        self.check_error(self.evaluate(), 2, "the run was trained with another value of the preprocessing of pictures .*")

    def test_a_model_with_other_preprocessing_does_not_resume_it(self):
        self.check_error(resume(self.folder, "--set", "model.image_mean=0.5"), 2,
                         "cannot resume .*: model.image_mean is \"0.5\" here, but the run has \"\"")


class Bf16(harness.Case):
    """A run keeps what it computes products in, whatever a later measurement says."""

    def products(self, folder):
        return json.loads((folder / "config.json").read_text())["products"]

    def test_a_run_holds_its_products_and_a_resume_keeps_them(self):
        folder = self.tmp / "run"
        started = self.check_ok(train(folder, "--precision", "bf16", "--max-steps", 4))
        self.assertIn("products", started.err)
        chosen = self.products(folder)
        self.assertIn(chosen, ("bf16", "fp32"))
        for words in ((), ("--precision", "bf16")):
            result = self.check_ok(resume(folder, *words, "--max-steps", 6))
            self.assertNotIn("note: products", result.err)  # nothing is measured
        other = "fp32" if chosen == "bf16" else "bf16"
        self.check_error(resume(folder, "--set", f"products={other}"), 2,
                         rf"cannot resume '.*': products is \"{other}\" here, but the run has \"{chosen}\"")
        self.check_ok(resume(folder))
        self.check_ok(run("eval", "--run", folder, "--classes", "base", "--threads", 1))
        self.assertEqual(json.loads((folder / "results.json").read_text())[0]["products"], chosen)

    def test_weights_in_bf16_give_numbers_of_their_own_and_resume_to_the_same_bytes(self):
        words = ("--precision", "bf16", "--set", "products=fp32")
        self.check_ok(train(self.tmp / "whole", *words))
        self.check_ok(train(self.tmp / "parts", *words, "--max-steps", 7))
        self.check_ok(resume(self.tmp / "parts"))
        whole, parts = (checkpoint(self.tmp / name).read_bytes() for name in ("whole", "parts"))
        self.assertEqual(whole, parts)
        losses = [[record["loss"] for record in logged(folder)] for folder in (self.tmp / "whole", shared["whole"])]
        self.assertNotEqual(losses[0], losses[1])
        self.assertLess(abs(losses[0][0] - losses[1][0]), 0.02 * losses[1][0])


if __name__ == "__main__":
    harness.merges()
    harness.main()
