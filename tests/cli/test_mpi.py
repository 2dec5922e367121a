#!/usr/bin/env python3
"""Trainings, evaluations and predictions on several ranks, under a real mpirun."""

import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
import ranks
from harness import SmallData, read_safetensors, train_words

FAST = ("--set", "data.shots=4", "--set", "training.epochs=3", "--set", "training.check_images=0")  # 15 steps
# four steps of one epoch, at whose end alone a checkpoint comes without a signal
SLOW = ("--set", "data.shots=16", "--set", "training.epochs=1", "--set", "training.warmup_epochs=0", "--set",
        "training.batch_size=20", "--set", "iterations=16", "--set", "training.check_images=0")

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["root"] = root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data", n_train=16)
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    shared["stopper"] = harness.build_stopper(folder.name)
    shared["mpi"] = "Open MPI" if ranks.is_open_mpi() else "MPICH"
    shared["run"] = root / "run"
    train(1, shared["run"])
    shared["three"] = root / "three"
    shared["training"] = train(3, shared["three"])


def train(n, out, *more, args=FAST, **options):
    return ranks.run(n, *train_words(shared["data"], shared["model"], out, *args, *more), **options)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def prompt_errors(result):
    """The program's own lines; mpirun adds its own about exit statuses."""
    return [line for line in result.err.splitlines() if line.startswith("prompt: ")]


class Ranks(harness.Case):
    def check_one_error(self, result, pattern):
        self.assertNotEqual(result.status, 0, str(result))
        self.assertEqual(len(prompt_errors(result)), 1, str(result))
        self.assertRegex(prompt_errors(result)[0], re.compile("prompt: " + pattern + r"\Z"))
        return result

    def check_near(self, one, many):
        """Losses of the same steps. Rounding grows from step to step: at most 4e-7 was seen in the first, 3e-5 up to the sixth,
        7e-4 up to the fifteenth."""
        for i, (a, b) in enumerate(zip(losses(one), losses(many), strict=True)):
            self.assertAlmostEqual(a, b, delta=(1e-5 if i == 0 else 2e-4 if i < 6 else 3e-3) * a, msg=f"step {i + 1}")

    # ---------------------------------------------------------------- training

    def test_a_training(self):
        """Two equal runs are equal bytes, and near those of one process; only one rank prints."""
        result = self.check_ok(shared["training"])
        self.assertEqual(result.err.count("steps    15 of 4 images"), 1, str(result))
        self.assertIn("ranks    3: images in 3 parts, classes in 1, 1 thread each", result.err)
        self.check_ok(train(3, self.tmp / "b"))
        self.assertEqual(ranks.checkpoint(shared["three"]).read_bytes(), ranks.checkpoint(self.tmp / "b").read_bytes())
        self.check_near(shared["run"], shared["three"])

    def test_by_classes(self):
        """CoCoOp, whose step has one image, and CoOp, whose text is the same for all images."""
        for method, batch in (("cocoop", 1), ("coop", 4)):
            with self.subTest(method):
                keys = ("--set", f"method={method}", "--set", "iterations=1", "--set", f"training.batch_size={batch}",
                        "--max-steps", 6)
                result = train(2, self.tmp / f"{method}2", *keys)
                self.check_ok(result)
                self.assertIn("classes in 2", result.err)
                self.check_ok(train(1, self.tmp / f"{method}1", *keys))
                self.check_near(self.tmp / f"{method}1", self.tmp / f"{method}2")

    def test_more_ranks_than_classes(self):
        """Each encodes one of the two classes, and not both."""
        data = SmallData(self.tmp / "data", names=harness.NAMES[:4])
        keys = ("--set", "method=coop", "--set", "iterations=1", "--set", "data.shots=4", "--set", "training.check_images=0",
                "--max-steps", 4)
        results = [self.check_ok(ranks.run(n, *train_words(data, shared["model"], self.tmp / f"run{n}", *keys))) for n in (1, 4)]
        self.assertIn("ranks    4: images in 4 parts, classes in 2, 1 thread each", results[1].err)
        self.check_near(self.tmp / "run1", self.tmp / "run4")

    def test_another_number_of_ranks_resumes(self):
        out = self.tmp / "run"
        self.check_ok(train(1, out, "--max-steps", 4))
        self.check_ok(train(3, out, "--resume", "--max-steps", 9))
        self.assertEqual(read_safetensors(ranks.checkpoint(out))[1]["step"], "9")
        self.check_ok(train(2, out, "--resume"))
        self.assertEqual(len(losses(out)), 15)
        self.check_near(shared["run"], out)

    def test_unreadable_images_are_left_out_as_by_one_process(self):
        data = shared["data"].copy(self.tmp / "data")
        for path, _, _ in data.split["train"][:9]:
            (data.images / path).write_bytes(b"no image")
        keys = ("--skip-bad-images", "--set", "training.drop_last=false")
        for n in (1, 3):
            result = ranks.run(n, *train_words(data, shared["model"], self.tmp / f"run{n}", *FAST, *keys))
            self.check_ok(result)
            self.assertRegex(result.err, r"warning: \d unreadable images? w(as|ere) left out; the first: ")
        logs = [[json.loads(line) for line in (self.tmp / f"run{n}/log.jsonl").read_text().splitlines()] for n in (1, 3)]
        for one, many in zip(*logs, strict=True):
            self.assertEqual((one["images"], one["step"]), (many["images"], many["step"]))
        self.check_near(self.tmp / "run1", self.tmp / "run3")

    # ---------------------------------------------------------------- evaluation

    def evaluate(self, n, *more):
        out = self.tmp / f"eval{n}"
        out.mkdir()
        result = ranks.run(n, "eval", "--run", shared["run"], "--threads", 1, "--set", "evaluation.batch_size=3", "--classes",
                           "new", "--json", out / "new.json", "--save-logits", out / "logits", "--trace", out / "trace.csv",
                           "--per-class", "--out", out, *more)
        self.check_ok(result)
        record = json.loads((out / "new.json").read_text())["records"][0]
        for key in ("seconds", "images_per_s", "time", "config"):
            del record[key]
        rows = [line for line in result.out.splitlines() if line.strip()]
        return record, rows, *((out / name).read_bytes() for name in ("logits", "trace.csv", "predictions/caltech101-new.csv"))

    def test_an_evaluation_is_that_of_one_process(self):
        expected = self.evaluate(1, "--set", "store.dir=off")
        for n in (2, 3):
            self.assertEqual(self.evaluate(n, "--set", "store.dir=off"), expected)

    def test_features_are_kept_and_found_by_ranks(self):
        store = ("--set", f"store.dir={self.tmp / 'store'}")
        newest = max(path.stat().st_ctime for path in (shared["model"], *shared["data"].images.rglob("*.png")))
        time.sleep(max(0.0, newest + 2.5 - time.time()))  # features of files that have just changed are not kept
        expected = self.evaluate(2, *store)

        def entries():
            keys = (read_safetensors(path)[1]["prompt.store.key"] for path in (self.tmp / "store").glob("*.safetensors"))
            return sorted(key for key in keys if key.startswith("features"))

        kept = entries()
        self.assertEqual(len(kept), 2)  # of captions, and of pictures
        self.assertEqual(self.evaluate(3, *store), expected)
        self.assertEqual(entries(), kept)

    # ---------------------------------------------------------------- predictions

    def test_predictions_and_features_have_the_order_of_the_input(self):
        folder = self.tmp / "photos"
        folder.mkdir()
        for label in range(5):
            for number in range(3):
                (folder / f"{label}-{number}.png").write_bytes(harness.picture(label, number))
        (folder / "1-9.png").write_bytes(b"no image")
        listed = "\n".join(sorted(str(path) for path in folder.iterdir())).encode()
        options = ("--run", shared["run"], "--threads", 1, "--set", "evaluation.batch_size=2", "--set", "store.dir=off")
        found = []
        for n in (1, 3):
            rows = ranks.run(n, "predict", *options, "--format", "csv", "--trace", folder)
            self.check_one_error(rows, "1 of 16 pictures could not be read; the others were predicted")
            from_list = ranks.run(n, "predict", *options, "--format", "csv", "--trace", "--out", self.tmp / "rows.csv", "-",
                                  stdin=listed)
            self.assertEqual(from_list.status, 1, str(from_list))
            self.assertEqual(rows.out.replace("\r", ""), (self.tmp / "rows.csv").read_text())
            self.check_one_error(ranks.run(n, "features", *options, "--out", self.tmp / f"x{n}.npy", folder),
                                 "1 images could not be read; the others have rows")
            found.append((rows.out.replace("\r", ""), [line for line in rows.err.splitlines() if "warning" in line],
                          *((self.tmp / f"x{n}.{kind}").read_bytes() for kind in ("npy", "csv"))))
        self.assertEqual(found[0], found[1])
        self.check_one_error(ranks.run(2, "predict", *options, "--out", self.tmp / "nowhere/rows.csv", "-", stdin=listed),
                             r"rank 0 on \S+: .*nowhere.*")

    # ---------------------------------------------------------------- stopping and failing

    def start(self, n, out, *more, args=SLOW):
        process = ranks.start(ranks.words(n, *train_words(shared["data"], shared["model"], out, *args, *more)))
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def in_second_step(self, n, out):
        process = self.start(n, out)
        log = out / "log.jsonl"
        self.assertTrue(harness.wait_until(lambda: process.poll() is not None or (log.exists() and log.read_text() != ""), 120))
        self.assertIsNone(process.poll())
        return process

    def test_a_signal_to_mpirun_saves_the_last_step(self):
        """The ranks have a second, then they are killed; a step may take longer. One that ends then may be logged and not saved."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                out = self.tmp / f"run{int(number)}"
                process = self.in_second_step(2, out)
                process.send_signal(number)
                ranks.finish(process)
                saved = int(read_safetensors(ranks.checkpoint(out))[1]["step"])
                self.assertGreaterEqual(saved, 1)
                self.assertIn(len(losses(out)) - saved, (0, 1))
                self.assertEqual(harness.leftovers(out), [])

    def test_usr1_ends_all_after_the_step(self):
        process = self.in_second_step(2, self.tmp / "run")
        process.send_signal(signal.SIGUSR1)
        result = ranks.finish(process)
        self.check_one_error(result, r"stopped after step [123] of 4; saved; continue with: prompt train --resume --out .+")
        self.assertEqual(result.status, 130)

    def test_a_signal_to_one_rank_stops_all_before_the_first_step(self):
        """It comes with the first picture of the zero-shot check, or with a data set that is evaluated."""
        out, usr1 = self.tmp / "run", int(signal.SIGUSR1)
        command = self.command(out, args=("--set", "data.shots=4", "--set", "evaluation.batch_size=1"))
        result = self.many(command, self.preloaded(command, STOP_AT=f"open:.png:1:0:{usr1}"))
        self.check_one_error(result, "interrupted before the first step; nothing was changed")
        self.assertEqual(result.status, 130)
        self.assertFalse(out.exists())
        evaluate = harness.words("eval", "--run", shared["run"], "--dataset", "caltech101,caltech101", "--threads", 1)
        result = self.many(evaluate, self.preloaded(evaluate, STOP_AT=f"open:split_zhou:1:0:{usr1}"))
        self.check_one_error(result, r"rank 1 on \S+: interrupted before the first image")
        self.assertEqual(result.status, 130)

    def test_a_killed_rank_ends_the_job_and_the_training_resumes_to_the_same_bytes(self):
        def args_for(out):
            return train_words(shared["data"], shared["model"], out, *FAST)

        expected = ranks.checkpoint(shared["three"]).read_bytes()
        for seconds in ranks.series(2, 3, args_for, expected, self.tmp, seed=random.randrange(1000), longest_s=3.0):
            self.assertLess(seconds, ranks.LIMIT_S)

    def words_of(self, *commands):
        """A rank for each command."""
        words = [ranks.mpirun()]
        for i, command in enumerate(commands):
            words += [*([":"] if i else []), "-n", "1", *command]
        return words

    def many(self, *commands):
        began = time.monotonic()
        result = ranks.finish(ranks.start(self.words_of(*commands)), timeout=60)
        self.assertLess(time.monotonic() - began, 30)
        return result

    def failing(self, words):
        """A training whose first steps fail: the job ends within the limit after the last line of its head."""
        process = ranks.start(words, stdout=subprocess.DEVNULL)
        limit = threading.Timer(60, process.terminate)
        limit.start()
        lines, began = [], None
        for line in process.stderr:
            lines.append(line.decode())
            began = time.monotonic() if lines[-1].startswith("memory ") else began
        process.wait()
        limit.cancel()
        process.stderr.close()
        result = harness.Result(process.returncode, "", "".join(lines))
        self.assertIsNotNone(began, str(result))
        self.assertLess(time.monotonic() - began, ranks.LIMIT_S, str(result))
        return result

    def command(self, out, *more, data=None, args=FAST):
        return harness.words(*train_words(data or shared["data"], shared["model"], out, *args, *more))

    def preloaded(self, command, **variables):
        """The command with stop_at.c."""
        if not shared["stopper"]:
            self.skipTest("no C compiler to build stop_at.c")
        return ["env", f"LD_PRELOAD={shared['stopper']}", *(f"{name}={value}" for name, value in variables.items()), *command]

    def test_a_dry_run_ends_on_all_ranks_at_once(self):
        """Whatever their clocks say."""
        command = self.command(self.tmp / "run", "--dry-run", args=("--set", "training.epochs=3000"))
        result = self.check_ok(self.many(command, self.preloaded(command, CLOCK_RATE=4)))
        self.assertEqual(len(re.findall("time     about .* a step, measured just now", result.err)), 1, str(result))

    def test_a_step_s_seconds_hold_its_waits(self):
        """The second rank has its first picture two seconds late."""
        command = self.command(self.tmp / "run", "--max-steps", 1)
        self.check_ok(self.many(command, self.preloaded(command, STOP_AT="open:.png:1:2000000:0")))
        step = json.loads((self.tmp / "run/log.jsonl").read_text())
        self.assertGreater(step["ranks_wait_s"], 1.0)
        self.assertLess(step["ranks_wait_s"] + step["ranks_move_s"], step["seconds"])

    def test_ranks_that_differ_are_named(self):
        other = shared["data"].copy(self.tmp / "other")
        other.split["train"] = other.split["train"][8:]
        other.write_split()
        out = self.tmp / "run"
        host = re.escape(socket.gethostname())
        self.check_one_error(self.many(self.command(out), self.command(out, data=other)),
                             rf"rank 1 on {host}: the few-shot sample differs from that of rank 0: \w+ here, \w+ there")
        self.check_one_error(self.many(self.command(out), self.command(out, "--set", "training.lr=0.5")),
                             rf'rank 1 on {host}: the configuration differs from that of rank 0: "lr": 0.5,? here, "lr": '
                             "0.008,? there")
        self.check_one_error(self.many(self.command(out), self.command(out), self.command(out, data=str(self.tmp / "nowhere"))),
                             rf"rank 2 on {host}: .*nowhere.*")
        self.assertFalse(out.exists())
        build = self.tmp / "prompt"
        build.write_bytes(pathlib.Path(harness.program()).read_bytes() + b" ")
        build.chmod(0o755)
        self.check_one_error(self.many(self.command(out), [str(build), *self.command(out)[1:]]),
                             rf"rank 1 on {host}: the program or its machine differs from that of rank 0: prompt \S+ SHA-256 \w+ "
                             r"here, prompt \S+ SHA-256 \w+ there")
        bytes_ = shared["data"].copy(self.tmp / "bytes")
        for part in ("train", "test"):
            for path, _, _ in bytes_.split[part]:
                (bytes_.images / path).write_bytes(harness.picture(0, 0, size=(40, 40)))
        evaluate = ("eval", "--run", shared["run"], "--classes", "new", "--threads", 1, "--data")
        for one, two in ((self.command(out), self.command(out, data=bytes_)),
                         (harness.words(*evaluate, shared["data"].root), harness.words(*evaluate, bytes_.root))):
            self.check_one_error(self.many(one, two), rf"rank 1 on {host}: the size of an image differs from that of rank 0: "
                                 r"\d+ bytes of \S+png here, \d+ bytes of \S+png there")
        self.assertFalse(out.exists())

    def test_ranks_that_lose_their_pictures_end_the_job(self):
        """Of the first step two ranks lose theirs, of classes 0 and 1, and the third waits for them."""
        data = shared["data"].copy(self.tmp / "data")
        for path, label, _ in data.split["train"]:
            if label < 2:
                (data.images / path).write_bytes(b"no image")
        keys = ("--set", "data.shots=1", "--set", "training.batch_size=3", "--set", "training.shuffle=false", "--set",
                "training.check_images=0")
        result = self.failing(ranks.words(3, *train_words(data, shared["model"], self.tmp / "run", *keys)))
        self.check_one_error(result, r"rank 0 on \S+: .*cannot decode '.*c0/\S+\.png'.*")

    def test_a_full_disk_ends_the_job(self):
        """The first rank may write 4 KiB a file."""
        if not ranks.is_open_mpi():
            self.skipTest("the memory that MPICH's ranks share is larger files")
        out = self.tmp / "run"
        limited = ["bash", "-c", 'ulimit -f 4; exec "$@"', "bash"]
        result = self.failing(self.words_of([*limited, *self.command(out)], self.command(out)))
        self.check_one_error(result, r"rank 0 on \S+: .*checkpoint\.safetensors.*")

    def test_a_rank_without_memory_ends_the_job(self):
        """From its first picture on the second may have 4 MiB more."""
        if harness.is_sanitized():
            self.skipTest("the sanitizers take address space of their own")
        out = self.tmp / "run"
        command = self.command(out, args=SLOW)
        result = self.failing(self.words_of(command, self.preloaded(command, STOP_AT="open:.png:1", STOP_MEMORY=4)))
        self.check_one_error(result, r"rank 1 on \S+: .*out of memory.*")
        self.assertEqual(harness.leftovers(out), [])

    # ---------------------------------------------------------------- starting

    def test_what_cannot_be_divided(self):
        self.check_one_error(train(3, self.tmp / "a", "--set", "method=vpt", "--set", "iterations=1", "--set",
                                   "training.batch_size=2"),
                             "3 ranks are more than 2 images a step, and method vpt encodes no text whose classes could be "
                             "divided: start fewer")
        self.check_one_error(train(6, self.tmp / "a", "--set", "training.batch_size=1"),
                             "6 ranks are more than 1 images a step times 5 classes: start fewer")
        self.check_one_error(train(2, self.tmp / "a", "--precision", "bf16"),
                             "with several processes, precision bf16 needs the key 'products' to be bf16 or fp32: .*")
        self.check_one_error(ranks.run(2, "grid", "--table", 1), f"'prompt grid' is one process, but {shared['mpi']}'s mpirun started 2")
        self.check_one_error(ranks.run(2, "train", "--shots"), "--shots: .*|option '--shots' .*")
        self.assertFalse((self.tmp / "a").exists())

    def test_launchers_that_cannot_be_joined(self):
        words = train_words(shared["data"], shared["model"], self.tmp / "run", *FAST)
        slurm, pmi = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "{}"}, {"PMI_SIZE": "2", "PMI_RANK": "{}"}
        cases = [(pmi, "MPICH's mpirun started 2 processes, which this program's Open MPI .*"),
                 (slurm, "srun started 2 processes .* srun --mpi=pmix --kill-on-bad-exit"),
                 ({**slurm, **pmi}, "srun started 2 processes .* srun --mpi=pmix --kill-on-bad-exit")]  # --mpi=pmi2
        if not ranks.is_open_mpi():
            cases = [({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "{}"},
                      "Open MPI's mpirun started 2 processes, which this program's MPICH .*"),
                     (slurm, "srun started 2 processes .* srun --mpi=pmi2 --kill-on-bad-exit")]
        for variables, pattern in cases:
            with self.subTest(pattern):
                first, second = (harness.run(*words, env={key: value.format(rank) for key, value in variables.items()})
                                 for rank in (0, 1))
                self.check_error(first, 2, pattern)
                self.assertEqual((second.status, second.err, second.out), (2, "", ""))
        self.assertFalse((self.tmp / "run").exists())

    def test_a_lone_rank_is_one_process(self):
        """MPI is not started; where mpirun binds it to one of many processors that it has, it says so."""
        out = self.tmp / "run"
        words = [word for word in train_words(shared["data"], shared["model"], out, *FAST, "--max-steps", 2)]
        at = words.index("--threads")
        result = ranks.finish(ranks.start(ranks.words(1, *words[:at], *words[at + 2:])))
        self.check_ok(result)
        self.assertNotIn("ranks    ", result.err)
        if len(os.sched_getaffinity(0)) > 1 and ranks.is_open_mpi():
            self.assertRegex(result.err, r"note: Open MPI's mpirun bound the one process of this host to 1 of its \d+ .*--bind-to none")
        self.assertEqual(len(losses(out)), 2)
        only = {min(os.sched_getaffinity(0))}
        result = ranks.finish(ranks.start(ranks.words(1, *words[:at], *words[at + 2:], "--force"),
                                          preexec_fn=lambda: os.sched_setaffinity(0, only)))
        self.assertNotIn("--bind-to none", self.check_ok(result).err)


if __name__ == "__main__":
    if not ranks.mpirun():
        print("skipped: no mpirun, or the program was built without MPI")
        sys.exit(1 if harness.required() else 77)
    harness.main()
