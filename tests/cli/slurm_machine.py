"""A real Slurm of one node on this machine, for tests: its own munged, slurmctld and slurmd, in a folder of their own and
on ports of their own, so that neither another Slurm nor another test is touched. Imported, not a test.

    with slurm_machine.Slurm(folder, n_cores=2) as slurm:
        slurm.run("sbatch", "--parsable", script)
        slurm.wait("12")

Needs root and Debian's packages slurmctld, slurmd, slurm-client and munge: missing() says what is not there.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MaxArraySize={max_array}
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs={n_cores} RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
PROGRAMS = {"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client"}
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def missing():
    """Why no Slurm can be started here; "" if it can."""
    packages = [package for program, package in PROGRAMS.items() if not shutil.which(program, path=PATH)]
    if packages:
        return f"Slurm is not installed (Debian: apt-get install {' '.join(packages)})"
    return "" if os.geteuid() == 0 else "the daemons of Slurm need root"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Slurm:
    def __init__(self, folder, n_cores=2, max_array=1001):
        self.folder = pathlib.Path(folder)
        self.daemons = []
        (self.folder / "state").mkdir(parents=True)
        (self.folder / "spool").mkdir()
        self.folder.chmod(0o755)
        host = socket.gethostname().split(".")[0]
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            host=host, folder=self.folder, control_port=free_port(), node_port=free_port(), n_cores=n_cores, max_array=max_array))
        self.env = {**os.environ, "PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def __enter__(self):
        try:
            self.start()
        except Exception:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # ---------------------------------------------------------------- daemons

    def daemon(self, *words):
        with open(self.folder / "daemons.log", "ab") as log:
            self.daemons.append(subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 env=self.env, start_new_session=True))

    def start(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self.daemon("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket",
                    f"--pid-file={self.folder}/munge.pid", f"--log-file={self.folder}/munge.log",
                    f"--seed-file={self.folder}/munge.seed")
        self.until(lambda: (self.folder / "munge.socket").exists(), "munged")
        self.daemon("slurmctld", "-D", "-f", self.folder / "slurm.conf")
        self.daemon("slurmd", "-D", "-f", self.folder / "slurm.conf")
        self.until(lambda: self.run("sinfo", "-h", "-o", "%t", check=False) == "idle", "the node")

    def until(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} did not come up: {self.logs()}")
            time.sleep(0.1)

    def logs(self):
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in sorted(self.folder.glob("*.log")))

    def stop(self):
        """Cancels what is left, and ends the daemons that this object started."""
        if len(self.daemons) == 3:
            self.run("scancel", "--full", "--user=root", check=False)
            self.run("scancel", "--full", "--user=root", "--signal=KILL", check=False)
        for daemon in reversed(self.daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons = []

    # ---------------------------------------------------------------- jobs

    def run(self, *words, check=True):
        """A command of Slurm; its output without the line break at its end."""
        done = subprocess.run([str(word) for word in words], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def states(self, job):
        """The states of a job's tasks that Slurm still has to do."""
        done = self.run("squeue", "-h", "-r", "-o", "%i %T", "-j", job, check=False)
        return dict(line.split() for line in done.splitlines())

    def wait(self, job, seconds=300):
        deadline = time.monotonic() + seconds
        while self.states(job):
            if time.monotonic() > deadline:
                raise RuntimeError(f"job {job} did not end: {self.states(job)} {self.logs()}")
            time.sleep(0.2)
