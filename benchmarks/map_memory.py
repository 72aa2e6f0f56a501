"""Memory of a rank of whole runs of fluorescence maps, and how much of it is beyond its counts and maps.

    python benchmarks/map_memory.py [--sizes 250x120 500x240] [--ranks 1 2] [--method nnls] [--jobs a.yaml]

Simulated maps (rows x columns, 2 detectors, 547 channels), and job files of maps. MB of the rank that takes
most, at its own most: `resident` as Linux counts (VmHWM); `own` is its anonymous and shared memory, by which
a job ends that has too little, from samples every 20 ms. The rest are files of libraries: the processes of a
node share them, and the system takes them back at will. `data` are its counts, `maps` what the result holds;
`beyond` is own less both, and is to be below 300.
"""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import ONE_THREAD, options, report

INTERVAL = 0.02  # s
NEW = 25  # samples, after which processes are looked for that have begun
OWN = ("RssAnon", "RssShmem")


def status(pid: int) -> dict[str, int]:
    """Bytes of a process by the names of /proc/PID/status; {} where it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        pairs = (line.split(":") for line in lines if line.endswith(" kB"))
        return {name: int(value.split()[0]) * 1024 for name, value in pairs}
    return {}


def family(pid: int) -> list[int]:
    """A process and all that come from it."""
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        return [pid, *(p for child in children for p in family(child))]
    return [pid]


class Watch(threading.Thread):
    """The most of each process of a family: {pid: {name: bytes}}, with "own" beside the names of Linux."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.most, self.ended = pid, {}, threading.Event()

    def run(self):
        turn, known = 0, []
        while not self.ended.wait(INTERVAL):
            known = family(self.pid) if turn % NEW == 0 else known
            turn += 1
            for pid in known:
                self.note(pid)

    def note(self, pid: int):
        now = status(pid)
        now["own"] = sum(now.get(name, 0) for name in OWN)
        most = self.most.setdefault(pid, {})
        most |= {name: max(value, most.get(name, 0)) for name, value in now.items()}


def watched(command: list, folder: Path) -> dict[str, int]:
    """The most of the process that takes most; errors: SystemExit with its last words."""
    env = {**os.environ, **ONE_THREAD}
    with open(folder / "words.txt", "w+") as words:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": words, "stderr": words}
        process = subprocess.Popen(list(map(str, command)), cwd=folder, env=env, **pipes)
        watch = Watch(process.pid)
        watch.start()
        code = process.wait()
        watch.ended.set()
        watch.join()
        if code:
            words.seek(0)
            raise SystemExit(f"{command} ended with {code}\n{words.read()[-2000:]}")
    return max(watch.most.values(), key=lambda most: most["own"])


def results(run: Path) -> int:
    """Bytes of all that a result holds."""
    import h5py

    held = []
    with h5py.File(run / "result.h5") as f:
        f.visititems(lambda name, node: held.append(node.nbytes if isinstance(node, h5py.Dataset) else 0))
    return sum(held)


def of_run(job: Path, ranks: int) -> tuple[dict[str, int], Path]:
    """(the most of its largest process, run folder)"""
    begun = time.perf_counter()
    most = watched([sys.executable, "-m", "nanompi", "run", "-n", ranks, job.name], job.parent)
    print(f"{job.stem}, {ranks} ranks: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return most, job.parent / "runs" / job.stem / "latest"


def row(name: str, job: Path, ranks: int) -> dict:
    """Of the table"""
    most, run = of_run(job, ranks)
    data, maps = counts(run) / ranks, results(run)
    mb = {"resident": most["VmHWM"], "own": most["own"], "data": data, "maps": maps}
    mb["beyond"] = mb["own"] - data - maps
    return {"job": name, "ranks": ranks} | {f"{k}, MB": v / 1e6 for k, v in mb.items()}


def counts(run: Path) -> int:
    """Bytes of the counts that the ranks hold, by the book of the run"""
    book = json.loads((run / "metrics.json").read_text())
    return sum(rank["bytes"].get("load", 0) for rank in book["ranks"])


def simulated(size: str, method: str) -> dict:
    """A job"""
    rows, columns = map(int, size.split("x"))
    own = {"rows": rows, "columns": columns, "detectors": 2, "counts": 2000, "slope": "19.2 eV"}
    steps = [{"use": "xrf.fit", "method": method}]
    return {"nanompi": 1, "input": {"format": "xrf.simulate", "simulate": own}, "steps": steps,
            "run": {"device": "cpu", "threads": 1}}  # fmt: skip


def rows(given):
    """One for each job and number of ranks"""
    for ranks in map(int, given.ranks):
        for file in given.jobs:
            with TemporaryDirectory() as folder:
                job = Path(folder, Path(file).name)
                job.write_text(Path(file).read_text())
                yield row(job.stem, job, ranks)
        for size in given.sizes:
            with TemporaryDirectory() as folder:
                job = Path(folder, "map.yaml")
                job.write_text(json.dumps(simulated(size, given.method)))
                yield row(size, job, ranks)


if __name__ == "__main__":
    given = options(__doc__, jobs=[], sizes=["250x120", "500x240"], ranks=["1", "2"], method="nnls")
    report(given, rows(given))
