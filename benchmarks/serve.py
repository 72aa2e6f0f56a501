"""The page of `nanompi serve`: how soon it answers, what it holds, how soon large images are seen.

    python benchmarks/serve.py [--side 2000] [--rounds 3]

A result with two float images is made; the page is started, asked for the first time, and opened in Chromium
(Debian's, by Playwright): from the link to the list, from the click on the run to both images drawn. Memory
is that of the process of the page (VmRSS); what reads files is another. On a busy machine the wall says
little: "CPU" beside it is that of all processes in the meantime, those of the browser included.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from harness import ONE_THREAD, ROOT, options, report


def main():
    """Print a line for each round."""
    given = options(__doc__, side=2000, rounds=3)
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        run_folder(runs / "large/run-0001", given.side)
        report(given, (one_round(runs) for _ in range(given.rounds)), load=os.getloadavg()[0])


def run_folder(folder: Path, side: int):
    """What a run leaves: two images"""
    folder.mkdir(parents=True)
    status = {"name": "large", "state": "done", "begun": "2026-11-27T00:00:00Z", "ranks": 1}
    (folder / "status.json").write_text(json.dumps(status))
    with h5py.File(folder / "result.h5", "w") as file:
        for k, name in enumerate(("phase", "amplitude")):
            group = file.create_group(f"entry_1/{name}")
            group.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["y", "x"], "show": "image"})
            group["data"] = np.random.default_rng(k).normal(0, 1, (side, side)).astype("f4")
            for axis in "yx":
                group[axis] = np.arange(side) * 1e-8
                group[axis].attrs["units"] = "m"


def one_round(runs: Path) -> dict[str, float]:
    """Seconds and MB of one start"""
    begun = time.perf_counter()
    command = [sys.executable, "-u", "-m", "nanompi", "serve", str(runs), "--port", "0"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **ONE_THREAD}
    page = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    try:
        link = page.stdout.readline().split()[-1]
        host = re.search(r"localhost:(\d+)", link)[0]
        connection = http.client.HTTPConnection(host)
        connection.request("GET", "/")
        connection.getresponse().read()
        out = {"start to first answer, s": time.perf_counter() - begun, "CPU then, s": processor(page.pid)}
        out["memory then, MB"] = memory(page.pid)
        return out | seen(link) | {"memory after the images, MB": memory(page.pid)}
    finally:
        page.terminate()
        page.wait()


def memory(pid: int) -> float:
    """MB that a process holds"""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def processor(pid: int) -> float:
    """CPU seconds that a process has taken"""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def of_all() -> float:
    """CPU seconds of all that this process has started and that still runs"""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found, more = set(), {os.getpid()}
    while more:
        found |= more
        more = {pid for pid, parent in parents.items() if parent in more} - found
    return sum(processor(pid) for pid in found if Path(f"/proc/{pid}").exists())


@contextlib.contextmanager
def browser():
    """`with browser() as started: started.new_page()`"""
    from playwright.sync_api import sync_playwright

    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=root)
        yield started
        started.close()


def seen(link: str) -> dict[str, float]:
    """Seconds until the list and until two images are drawn"""
    with browser() as started:
        page = started.new_page(viewport={"width": 1200, "height": 900})
        begun = time.perf_counter()
        page.goto(link)
        page.wait_for_selector("td a")
        listed, used = time.perf_counter(), of_all()
        page.click("td a")
        page.wait_for_selector("canvas.image >> nth=1", timeout=300_000)
        page.wait_for_selector("figure:nth-child(2) output.value:not(:empty)", timeout=300_000)
        done, used = time.perf_counter(), of_all() - used
    return {
        "link to list, s": listed - begun,
        "click to both images, s": done - listed,
        "CPU meanwhile, s": used,
    }


if __name__ == "__main__":
    main()
