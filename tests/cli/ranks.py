"""Programs under a real mpirun, and ranks that are killed. Imported; as a program it is the series of kills.

usage: PROMPT_BIN=build/prompt PROMPT_TOOLS=build/tests ranks.py [KILLS [RANKS]]

Each kill ends a random rank of a training at a random moment with SIGKILL. The job must end within 10 s, and the resumed
training, which may be killed again, in the bytes of an uninterrupted one.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
from harness import children

LIMIT_S = 10.0
# more ranks than cores, and as root
ENVIRONMENT = {"OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def mpirun():
    """The launcher; None where there is none, or where the program was built without MPI."""
    path = os.environ.get("PROMPT_MPIEXEC") or shutil.which("mpirun")
    return path if path and os.path.isfile(path) else None


def environment(more=None):
    # a rank needs no more than a core, whatever the launcher thinks of this machine
    return {**os.environ, **ENVIRONMENT, **(more or {})}


def is_open_mpi():
    """Else it is MPICH, which binds no ranks."""
    done = subprocess.run([mpirun(), "--version"], env=environment(), capture_output=True, text=True, check=True)
    return "Open MPI" in done.stdout or "OpenRTE" in done.stdout  # mpirun's name, and mpiexec's


def words(n, *args):
    return [mpirun(), "-n", str(n), *harness.words(*args)]


def start(command, **popen):
    popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), **popen}
    return subprocess.Popen(command, **popen)


def finish(process, timeout=240, stdin=None):
    try:
        out, err = process.communicate(input=stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        process.terminate()  # and with it the ranks
        raise
    return harness.Result(process.returncode, out.decode(), err.decode())


def run(n, *args, stdin=None, timeout=240, **popen):
    """`prompt args` on n ranks; with n = 1 without a launcher."""
    if n == 1:
        done = subprocess.run(harness.words(*args), input=stdin, capture_output=True, timeout=timeout, check=False)
        return harness.Result(done.returncode, done.stdout.decode(), done.stderr.decode())
    process = start(words(n, *args), **({"stdin": subprocess.PIPE} if stdin else {}), **popen)
    return finish(process, timeout=timeout, stdin=stdin)


# ---------------------------------------------------------------- kills


def checkpoint(folder):
    return pathlib.Path(folder) / "checkpoint.safetensors"


def kill_one(n, args, out, rng, longest_s):
    """Starts or resumes the training in `out` and kills a random rank within longest_s: the seconds until the job's end, or
    None if it was over before."""
    resume = ("--resume",) if (out / "config.json").exists() else ()
    process = start(words(n, *args, *resume), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    moment = time.monotonic() + rng.uniform(0.3, longest_s)
    while time.monotonic() < moment and process.poll() is None:
        time.sleep(0.01)
    ranks = children(process.pid)
    if process.poll() is not None or not ranks:
        process.wait(timeout=60)
        return None
    os.kill(rng.choice(ranks), signal.SIGKILL)
    killed = time.monotonic()
    try:
        process.wait(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    return time.monotonic() - killed


def series(n_kills, n, args_for, expected, folder, seed=1, longest_s=8.0):
    """Yields (seconds to end, resumed kills before) for each kill; ends each training to compare its bytes."""
    rng = random.Random(seed)
    done = number = 0
    while done < n_kills:
        out = pathlib.Path(folder) / f"killed{number}"
        number += 1
        for _ in range(rng.randint(1, 3)):
            seconds = kill_one(n, args_for(out), out, rng, longest_s)
            if seconds is None or done == n_kills:
                break
            done += 1
            yield seconds
        resume = ("--resume",) if (out / "config.json").exists() else ()
        result = run(n, *args_for(out), *resume)
        assert result.status == 0, str(result)
        assert checkpoint(out).read_bytes() == expected, f"{out}: other bytes than those of an uninterrupted training"
        assert not harness.leftovers(out), harness.leftovers(out)
        shutil.rmtree(out)


def main():
    n_kills, n = (int(word) for word in (*sys.argv[1:], *("50", "3")[len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        data = harness.SmallData(root / "data", n_train=16)
        model = harness.make_model(root / "tiny.safetensors")

        def args_for(out):
            return harness.train_words(data, model, out, "--set", "data.shots=8", "--set", "training.epochs=6", "--set",
                                       "training.check_images=0")

        began = time.monotonic()
        result = run(n, *args_for(root / "whole"))
        assert result.status == 0, str(result)
        longest = time.monotonic() - began
        expected = checkpoint(root / "whole").read_bytes()
        print(f"{n} ranks, a training takes {longest:.1f} s")
        times = []
        for seconds in series(n_kills, n, args_for, expected, root, longest_s=longest):
            times.append(seconds)
            print(f"kill {len(times)}: ended after {seconds:.2f} s", flush=True)
            assert seconds < LIMIT_S
        print(f"{len(times)} kills: each ended within {max(times):.2f} s and resumed to the same bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
