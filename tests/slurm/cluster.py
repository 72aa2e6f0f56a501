"""A real Slurm on this one machine: munged, slurmctld and four slurmd with declared GPUs, without systemd.

All files stand in one temporary folder, all ports are free ones, nothing outside is touched, so that several
may run side by side. By hand: `python -m tests.slurm.cluster` tells how to use it and runs until Ctrl-C.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.patience import patience

NODES, CPUS, GPUS = 4, 4, 4
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
# cred_expire: else a requeued job waits 120 s. KillWait: a run writes a checkpoint meanwhile, on a busy
# machine not within a second. The plugins for cgroups fail in containers.
CONF = """\
ClusterName=nanompi
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={top}/munge.sock,cred_expire=5
SlurmctldPort={controller}
SlurmctldPidFile={top}/slurmctld.pid
SlurmdPidFile={top}/%n.pid
SlurmctldLogFile={top}/log/slurmctld
SlurmdLogFile={top}/log/%n
StateSaveLocation={top}/state
SlurmdSpoolDir={top}/spool/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=2,batch_sched_delay=0
ReturnToService=2
KillWait=10
SlurmdTimeout=5
MessageTimeout=2
InactiveLimit=0
MinJobAge=600
FirstJobId={first}
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=node[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port={ports} CPUs={cpus} Gres=gpu:{gpus}
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_NODE = "NANOMPI_TEST_NODE"  # of a slurmd and what it starts
GRES = "AutoDetect=off\nNodeName=node[1-{nodes}] Name=gpu File={top}/gpu[0-{last}]\n"


def missing() -> str:
    """Why no Slurm can be started here; nothing when it can. Debian's packages are installed."""
    if os.geteuid() != 0:
        return "starting Slurm's daemons needs root"
    if all(map(shutil.which, PROGRAMS)):
        return ""
    if not shutil.which("apt-get"):
        return "there is no Slurm here: install slurmctld, slurmd and munged"
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "slurm-wlm", "munge"]
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    done = subprocess.run(install, **quiet)
    return f"apt-get cannot install slurm-wlm and munge: {done.stderr!r}" if done.returncode else ""


class Cluster:
    """`with Cluster() as slurm:` four idle nodes; `slurm.environ` lets Slurm's commands find them."""

    def __init__(self):
        self.top = Path(tempfile.mkdtemp(prefix="slurm-"))
        self.environ = {"SLURM_CONF": str(self.top / "slurm.conf")}
        self.daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self):
        try:
            self._files()
            self._munge()
            self._start("slurmctld", "slurmctld", "-D")
            for i in range(1, NODES + 1):
                self.node_up(f"node{i}")
            self.wait(lambda: self.idle() == NODES, 30, "the nodes do not come up")
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_):
        self.down()

    def node_up(self, node: str):
        """Start the slurmd of a node."""
        self._start(node, "slurmd", "-D", "-N", node, **{_NODE: node})

    def node_dies(self, node: str):
        """As when the power fails: the slurmd of a node and what it started are gone at once."""
        for mark in (f"{_NODE}={node}", f"SLURMD_NODENAME={node}"):  # slurmd and slurmstepd; tasks
            for pid in processes(mark, self.mark):
                _signal(pid, signal.SIGKILL)
        self.daemons.pop(node).wait()

    @property
    def mark(self) -> str:
        """What all processes of this Slurm have in their environment."""
        return f"SLURM_CONF={self.environ['SLURM_CONF']}"

    def command(self, *words: str) -> str:
        """What one of Slurm's commands prints."""
        own = {**os.environ, **self.environ}
        return subprocess.run(words, env=own, capture_output=True, text=True, timeout=patience(30)).stdout

    def idle(self) -> int:
        """Number of idle nodes."""
        return self.command("sinfo", "-h", "-N", "-o", "%t").split().count("idle")

    def wait(self, true, seconds: float, why: str):
        """Wait until `true()`; RuntimeError with the controller's log after some seconds."""
        end = time.monotonic() + patience(seconds)
        while not (answer := true()):
            if time.monotonic() > end:
                log = self.top / "log" / "slurmctld"
                raise RuntimeError(f"{why}\n{log.read_text()[-3000:] if log.exists() else ''}")
            time.sleep(0.1)
        return answer

    def down(self):
        """Cancel the jobs, end the daemons and what they left, remove the folder."""
        if "slurmctld" in self.daemons:
            self.command("scancel", "--user=root")
            end = time.monotonic() + patience(2)
            while self.command("squeue", "-h") and time.monotonic() < end:
                time.sleep(0.1)
        for daemon in self.daemons.values():
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(patience(2))
            except subprocess.TimeoutExpired:
                daemon.kill()
        for pid in processes(self.mark):
            if pid != os.getpid():
                _signal(pid, signal.SIGKILL)
        shutil.rmtree(self.top, ignore_errors=True)

    def _files(self):
        for name in ("log", "state", *(f"spool/node{i + 1}" for i in range(NODES))):
            (self.top / name).mkdir(parents=True)
        self.top.chmod(0o755)
        for i in range(GPUS):  # the number at the end is what CUDA_VISIBLE_DEVICES will hold
            os.mknod(self.top / f"gpu{i}", 0o20666, os.makedev(1, 3))
        ports = _free_ports(NODES + 1)
        facts = {"top": self.top, "host": socket.gethostname().split(".")[0], "nodes": NODES, "cpus": CPUS}
        facts |= {"controller": ports[-1], "ports": f"[{ports[0]}-{ports[-2]}]"}
        # MPICH names shared memory after job and step: no number of an earlier cluster, whose jobs left some
        facts["first"] = 1 + int(time.time()) % 10_000_000
        (self.top / "slurm.conf").write_text(CONF.format(**facts, gpus=GPUS))
        (self.top / "gres.conf").write_text(GRES.format(**facts, last=GPUS - 1))

    def _munge(self):
        key = self.top / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        own = {"socket": "sock", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        words = [f"--{option}={self.top}/munge.{end}" for option, end in own.items()]
        # --force: else munged refuses a folder below /tmp, which others may write
        self._start("munged", "munged", "--foreground", "--force", *words)
        self.wait((self.top / "munge.sock").exists, 10, "munged does not start")

    def _start(self, name: str, *words: str, **more: str):
        with open(self.top / "log" / f"{name}.out", "w") as out:
            self.daemons[name] = subprocess.Popen(
                words,
                env={**os.environ, **self.environ, **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=_end_with_parent,
            )


def processes(*marks: str) -> list[int]:
    """Ids of the processes that have all these NAME=VALUE in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            names = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if all(mark.encode() in names for mark in marks):
            found.append(int(path.parent.name))
    return found


def _signal(pid: int, number: int):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _end_with_parent():
    """A daemon must not outlive the tests, however they end (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _free_ports(n: int) -> list[int]:
    """n ports in a row that nobody listens on."""
    for first in range(20000 + os.getpid() % 5000, 32000, n):
        ports = list(range(first, first + n))
        if not any(_taken(p) for p in ports):
            return ports
    raise RuntimeError("no free ports")


def _taken(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    with Cluster() as slurm:
        print(f"export SLURM_CONF={slurm.environ['SLURM_CONF']}   # then: sinfo, sbatch; Ctrl-C here ends it")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
