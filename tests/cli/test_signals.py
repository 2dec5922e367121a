#!/usr/bin/env python3
"""What signals do: the first saves, at once if a step is slow; repeats within a second are the same request."""

import fcntl
import os
import pathlib
import pty
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
from harness import SmallData, read_safetensors, run, train_words, wait_until

FAST = ("--set", "data.shots=4", "--set", "training.epochs=3", "--set", "training.lr=0.05")  # 15 steps
# 2 epochs of 2 steps; on two cores a step takes one to two seconds
SLOW = ("--set", "data.shots=16", "--set", "training.epochs=2", "--set", "training.batch_size=40", "--set", "iterations=16",
        "--set", "training.check_images=0")

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data", n_train=16)
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    shared["stopper"] = harness.build_stopper(folder.name)


def checkpoint(folder):
    return folder / "checkpoint.safetensors"


def step_of(folder):
    return int(read_safetensors(checkpoint(folder))[1]["step"])


def n_logged(folder):
    path = folder / "log.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def train(out, *more, **options):
    return run(*train_words(shared["data"], shared["model"], out, *more), **options)


class Signals(harness.Case):
    def start(self, *args, **popen):
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
        process = subprocess.Popen(harness.words(*args), **popen)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def end(self, process):
        out, err = process.communicate(timeout=60)
        return harness.Result(process.returncode, out.decode(), err.decode())

    def in_second_step(self, out, *args, **popen):
        """A training of slow steps that has begun its second one."""
        process = self.start(*train_words(shared["data"], shared["model"], out, *SLOW, *args), **popen)
        self.assertTrue(wait_until(lambda: n_logged(out) == 1 or process.poll() is not None, 60))
        time.sleep(0.05)
        self.assertIsNone(process.poll())
        return process

    # ---------------------------------------------------------------- fast steps

    def test_each_of_them_saves(self):
        if not shared["stopper"]:
            self.skipTest("no C compiler to build stop_at.c")
        for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU"):
            with self.subTest(name):
                out = self.tmp / name
                plan = f"flush:log.jsonl:8:0:{int(getattr(signal, name))}"
                result = train(out, *FAST, env={"LD_PRELOAD": shared["stopper"], "STOP_AT": plan})
                self.check_error(result, 130, r"stopped after step 8 of 15; saved; continue with: prompt train --resume --out .+")
                self.assertEqual(step_of(out), 8)

    def test_before_the_first_step_they_end_it(self):
        if not shared["stopper"]:
            self.skipTest("no C compiler to build stop_at.c")
        plan = f"open:{shared['data'].split_file.name}:1:0:{int(signal.SIGTERM)}"
        result = train(self.tmp / "run", *FAST, env={"LD_PRELOAD": shared["stopper"], "STOP_AT": plan})
        self.check_error(result, 130, r"interrupted before the first step; nothing was changed")
        self.assertFalse((self.tmp / "run").exists())

    def test_a_hang_up_that_nohup_ignores_stays_ignored(self):
        if not shared["stopper"]:
            self.skipTest("no C compiler to build stop_at.c")
        plan = f"flush:log.jsonl:8:0:{int(signal.SIGHUP)}"
        self.check_ok(train(self.tmp / "run", *FAST, env={"LD_PRELOAD": shared["stopper"], "STOP_AT": plan},
                            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)))
        self.assertEqual(step_of(self.tmp / "run"), 15)

    # ---------------------------------------------------------------- slow steps

    def test_three_within_20_ms_as_slurm_sends_them(self):
        """The last whole step is on the disk within a second, the step at hand follows, and a second process that
        already waits for the folder goes on from there."""
        out, expected = self.tmp / "run", self.tmp / "expected"
        process = self.in_second_step(out)
        for _ in range(3):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.005)
        self.assertTrue(wait_until(checkpoint(out).exists, 1.0))
        early, n_early = checkpoint(out).read_bytes(), n_logged(out)
        next_one = self.start("train", "--resume", "--out", out, "--threads", 1, "--max-steps", 3)
        self.check_error(self.end(process), 130, r"stopped after step 2 of 4; saved; continue with: prompt train --resume --out .+")
        self.check_ok(self.end(next_one))
        self.assertEqual(n_early, 1)
        self.check_ok(train(expected, *SLOW, "--max-steps", 1))
        self.assertEqual(early, checkpoint(expected).read_bytes())
        self.check_ok(run("train", "--resume", "--out", expected, "--threads", 1, "--max-steps", 3))
        self.assertEqual(checkpoint(out).read_bytes(), checkpoint(expected).read_bytes())
        self.assertEqual(n_logged(out), 3)
        self.assertEqual(harness.leftovers(out), [])

    def test_one_that_comes_a_second_later_ends_it(self):
        out = self.tmp / "run"
        process = self.in_second_step(out)
        process.send_signal(signal.SIGUSR1)
        self.assertTrue(wait_until(checkpoint(out).exists, 1.0))
        process.send_signal(signal.SIGSTOP)  # whatever a step takes
        time.sleep(1.05)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(self.end(process).status, -signal.SIGTERM)
        self.assertEqual(step_of(out), 1)

    def test_ctrl_c_twice_on_a_terminal_ends_it(self):
        out = self.tmp / "run"
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(slave, 0x540E, 0)  # TIOCSCTTY

        process = self.in_second_step(out, stdin=slave, preexec_fn=take_terminal)
        os.close(slave)
        os.write(master, b"\x03")
        self.assertTrue(wait_until(checkpoint(out).exists, 1.0))
        self.assertIsNone(process.poll())
        os.write(master, b"\x03")
        self.assertEqual(self.end(process).status, -signal.SIGINT)

    def test_pre_training_is_on_the_disk_as_soon(self):
        out, expected = self.tmp / "run", self.tmp / "expected"
        words = ("pretrain", "--config", harness.CONFIGS / "mini" / "pretrain.json", "--threads", 1, "--set",
                 "pretrain.validation_pairs=8", "--out")  # one to two seconds a step
        process = self.start(*words, out)
        log = out / "log.jsonl"
        self.assertTrue(wait_until(lambda: log.exists() and '"loss"' in log.read_text(), 60))
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        self.assertTrue(wait_until(checkpoint(out).exists, 1.0))
        early = checkpoint(out).read_bytes()
        self.check_error(self.end(process), 130, r"stopped after step 2 of 2500; saved; continue with: prompt pretrain --resume --out .+")
        self.assertEqual(step_of(out), 2)
        self.check_ok(run(*words, expected, "--max-steps", 1))
        self.assertEqual(early, checkpoint(expected).read_bytes())

    # ---------------------------------------------------------------- a folder in use

    def test_a_folder_that_another_process_has_is_waited_for(self):
        out = self.tmp / "run"
        out.mkdir()
        lock = os.open(out, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        timer = threading.Timer(3.0, os.close, (lock,))
        timer.start()
        result = self.check_ok(train(out, *FAST))
        timer.join()
        self.assertRegex(result.err, "waiting for '.*/run', which another process has\n")
        self.assertEqual(step_of(out), 15)


if __name__ == "__main__":
    harness.merges()
    harness.main()
