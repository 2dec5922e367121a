#!/usr/bin/env python3
"""Many grids in one folder: each run is claimed by one, the claims of the dead are taken over, and the status tells who has
what."""

import datetime
import json
import os
import pathlib
import shlex
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import grid_runs
import harness
from grid_runs import environment, grid, grid_words, shared

FAR = "far,77,,1700000000,0badb007-9,55"  # a process of another machine, whose clock is years behind
LIMIT_S = 60  # of any wait
RUN = "base2new/prompt/vision_prompt.depth=2+data.shots=4+training.epochs=2+training.lr=0.05/caltech101/seed1"  # the 2nd


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    grid_runs.prepare(pathlib.Path(folder.name), ("caltech101", "oxford_pets"))
    shared["stopper"] = harness.build_stopper(folder.name)
    shared["whole"] = pathlib.Path(folder.name) / "whole"
    result = grid(shared["whole"])
    assert result.status == 0, result


def claim(run, age_s, name=FAR):
    """A claim of another machine's process, whose last sign of life is age_s old."""
    token = run / "claim" / name
    token.parent.mkdir(parents=True)
    token.touch()
    os.utime(token, (time.time() - age_s,) * 2)
    return token


class Claims(harness.Case):
    def start(self, out, *more, **words):
        return self.start_words(harness.words(*grid_words(out, *more, **words)))

    def start_words(self, words, **popen):
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 **{"env": environment(), **popen})
        self.addCleanup(child.wait)
        self.addCleanup(lambda: child.poll() is None and child.kill())
        return child

    def end(self, child, status=0):
        out, err = child.communicate(timeout=2 * LIMIT_S)  # which closes the pipes
        self.assertEqual(child.returncode, status, err)
        return out, err

    def read_until(self, child, pattern):
        lines = []
        limit = threading.Timer(LIMIT_S, child.kill)  # which ends its stderr
        limit.start()
        while not (lines and (lines[-1] == "" or pattern in lines[-1])):
            lines.append(child.stderr.readline())
        limit.cancel()
        self.assertIn(pattern, lines[-1], lines)
        return "".join(lines)

    def wait_for(self, child, condition):
        self.assertTrue(harness.wait_until(lambda: child.poll() is not None or condition(), LIMIT_S))
        self.assertIsNone(child.poll())

    def expect_whole(self, out):
        for path in shared["whole"].rglob("checkpoint.safetensors"):
            self.assertEqual((out / path.relative_to(shared["whole"])).read_bytes(), path.read_bytes())
        for path in out.rglob("results.json"):  # an evaluation that runs twice appends its records twice
            self.assertEqual(len(json.loads(path.read_text())), 2, path)
        self.assertEqual((out / "table1-part.md").read_bytes(), (shared["whole"] / "table1-part.md").read_bytes())
        self.assertEqual([str(path) for path in out.rglob("claim*")], [])
        self.assertEqual(harness.leftovers(out), [])

    def test_of_three_grids_at_once_one_does_each_run_and_all_make_the_table(self):
        out = self.tmp / "runs"
        done = [self.end(child) for child in [self.start(out), self.start(out), self.start(out, "--jobs", 2)]]
        self.expect_whole(out)
        self.assertEqual({table for table, _ in done}, {(shared["whole"] / "table1-part.md").read_text()})

    def test_the_claim_of_a_dead_process_is_taken_over(self):
        out = self.tmp / "runs"
        claim(out / RUN, 150)
        err = self.check_ok(grid(out)).err
        self.assertNotIn("waiting for ", err)
        self.expect_whole(out)

    def test_a_living_process_is_waited_for_and_the_others_go_on(self):
        out = self.tmp / "runs"
        token = claim(out / RUN, 0)
        child = self.start(out)
        err = self.read_until(child, "waiting for ")
        self.assertIn(f"waiting for '{out / RUN}', which another process has (far, process 77)\n", err)
        status = json.loads(self.check_ok(grid(out, "--status", "--json")).out)
        run = next(each for each in status["runs"] if each["name"] == RUN)
        self.assertEqual((run["state"], run["host"], run["pid"]), ("running", "far", 77))
        since = datetime.datetime.fromisoformat(run["since"])  # by the clock of the files
        self.assertLess(abs(datetime.datetime.now(datetime.timezone.utc) - since), datetime.timedelta(seconds=LIMIT_S))
        self.assertRegex(self.check_ok(grid(out, "--status")).out, r" on far, process 77, since \d+s\n")
        self.read_until(child, "grid: 3 of 4 done, ")
        self.assertFalse((out / RUN / "config.json").exists())
        token.unlink()
        self.end(child)
        self.expect_whole(out)

    def test_one_that_slept_while_its_claim_was_taken_stops_its_run(self):
        if not shared["stopper"]:
            self.skipTest("no C compiler to build stop_at.c")
        out = self.tmp / "runs"
        words = harness.words(*grid_words(out, datasets="oxford_pets", epochs=4000))
        child = self.start_words(words, env={**environment(), "LD_PRELOAD": shared["stopper"], "CLOCK_RATE": "20"})
        self.wait_for(child, lambda: list(out.rglob("log.jsonl")))
        run = next(out.rglob("log.jsonl")).parent
        child.send_signal(signal.SIGSTOP)
        token = next((run / "claim").iterdir())
        other = token.rename(token.parent / FAR)
        os.utime(other)
        time.sleep(1)  # of its clock 20 s; a sign of life is due every 15
        child.send_signal(signal.SIGCONT)
        err = self.read_until(child, "was taken over by another process")
        lines = (run / "log.jsonl").read_bytes()
        time.sleep(0.3)
        self.assertEqual((run / "log.jsonl").read_bytes(), lines)
        self.assertTrue(other.exists())
        other.unlink()
        self.assertIn("grid: 2/2, ", self.read_until(child, "grid: "))  # it is still the second of two
        child.send_signal(signal.SIGINT)
        _, err = self.end(child, 130)
        self.assertEqual(err.splitlines()[-1], "prompt: interrupted; the same command continues")

    def test_a_line_of_a_list_claims_its_run(self):
        out = self.tmp / "runs"
        options = {"datasets": "oxford_pets", "epochs": 4000}
        line = shlex.split(self.check_ok(grid(out, "--list", **options)).out.splitlines()[1])
        first = self.start_words(line[line.index("&&") + 1:], cwd=line[1])
        self.read_until(first, "grid: 1/1, ")
        second = self.start_words(line[line.index("&&") + 1:], cwd=line[1])
        self.assertIn(f", process {first.pid})\n", self.read_until(second, "waiting for "))
        run = json.loads(self.check_ok(grid(out, "--status", "--json", **options)).out)["runs"][1]
        self.assertEqual((run["state"], run["pid"]), ("running", first.pid))
        for child in (second, first):
            child.send_signal(signal.SIGINT)
            self.end(child, 130)

    def test_a_slurm_that_does_not_answer_keeps_nobody_waiting(self):
        out = self.tmp / "runs"
        grid_runs.write_program(self.tmp / "squeue", "exec sleep 100")
        claim(out / RUN, 60, FAR.replace("77,", "77,12"))
        child = self.start_words(harness.words(*grid_words(out, "--status", "--json")), env=environment(self.tmp))
        status = json.loads(child.communicate(timeout=60)[0])
        run = next(each for each in status["runs"] if each["name"] == RUN)
        self.assertEqual((run["state"], run["job"]), ("running", "12"))

    def test_a_task_at_its_time_limit_is_queued_again_if_it_came_further(self):
        """SIGUSR1 comes for the limit, SIGTERM for anything else."""
        out, jobs, asked = self.tmp / "runs", self.tmp / "jobs", self.tmp / "asked"
        options = {"datasets": "oxford_pets", "epochs": 4000}
        self.check_ok(grid(out, "--slurm", jobs, **options))
        grid_runs.write_program(self.tmp / "scontrol", f"echo \"$*\" >>'{asked}'")
        words = harness.words(*grid_words(out, "--task-file", next(jobs.glob("tasks-*.json")), "--task", 2, **options))
        env = {**environment(self.tmp), "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "2"}
        run = out / RUN.replace("caltech101", "oxford_pets").replace("epochs=2", "epochs=4000")
        token = claim(run, 0)

        def log_size():
            return (run / "log.jsonl").stat().st_size if (run / "log.jsonl").exists() else 0

        for number, is_held, said in (
                (signal.SIGUSR1, True, "interrupted before anything new was saved; the job needs a longer time limit"),
                (signal.SIGTERM, False, "interrupted; the same command continues"),
                (signal.SIGUSR1, False, "interrupted; Slurm begins the job again, and it continues")):
            self.assertFalse(asked.exists())
            child = self.start_words(words, env=env)
            if is_held:
                self.read_until(child, "waiting for ")
            size = log_size()
            if not is_held:
                self.wait_for(child, lambda size=size: log_size() != size)
            child.send_signal(number)
            _, err = self.end(child, 130)
            token.unlink(missing_ok=True)
            self.assertEqual(err.splitlines()[-1], f"prompt: {said}")
        self.assertEqual(asked.read_text(), "requeue 12_2\n")

    def test_status_tells_where_a_run_is(self):
        out = self.tmp / "runs"
        options = {"datasets": "oxford_pets", "epochs": 4000}
        child = self.start(out, **options)
        self.wait_for(child, lambda: any(path.stat().st_size for path in out.rglob("log.jsonl")))
        status = json.loads(self.check_ok(grid(out, "--status", "--json", **options)).out)
        people = self.check_ok(grid(out, "--status", **options))
        child.send_signal(signal.SIGINT)
        self.end(child, 130)
        self.assertEqual([status[key] for key in ("done", "running", "failed", "waiting", "no_data")], [1, 1, 0, 0, 0])
        clip, prompt = status["runs"]
        self.assertEqual((clip["state"], prompt["state"], prompt["pid"], prompt["job"]), ("done", "running", child.pid, None))
        self.assertEqual(prompt["n_steps"], 8000)
        self.assertTrue(0 < prompt["step"] < 8000, prompt)
        self.assertGreater(status["seconds_left"], 0)
        self.assertRegex(people.out, rf"done     CLIP, OxfordPets, seed 1 +-\n"
                         rf"running  ProMPT, OxfordPets, seed 1 +\d+/8000 +on \S+, process {child.pid}, since \d+s\n"
                         r"2 runs: 1 done, 1 running, 0 failed, 0 waiting; time left: about \S+\n\Z")
        self.assertEqual(people.err, "")
        # what was saved waits to be continued
        people = self.check_ok(grid(out, "--status", **options))
        self.assertRegex(people.out, r"\nwaiting  ProMPT, OxfordPets, seed 1 +[1-9]\d*/8000\n")


if __name__ == "__main__":
    harness.merges()
    harness.main()
