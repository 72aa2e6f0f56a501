"""The pictures of the manual: scans that are simulated, each with one thing wrong, run and looked at.

    make(folder, ["good", "transposed"])     folder/NAME.png and NAME.json; what is there is not made again

A kind is named in `nanompi.report.manual.gallery`. Its scan is written by `nanompi simulate`, so that the job
that reads it can be wrong about it, and run by `nanompi run`, in processes of their own.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nanompi.errors import ResourceError
from nanompi.io.atomic import write_text
from nanompi.mpi.children import python
from nanompi.report.manual.gallery import Kind, kinds
from nanompi.run.switches import GEOMETRY, PICTURES

SCAN = {"frames": 200, "size": 64, "photons": 1e6}
JOB = "nanompi: 1\nname: gallery\ninput: {%s}\nsteps: [ptycho.prepare, {use: ptycho, engines: DM*40 ML*40}]\n"
FRAMES = "entry_1/instrument_1/detector_1/data"


def make(folder: Path, names=(), say: Callable[[str], None] = print):
    """Run the kinds of these names (all), and keep picture and words of each. Errors: ResourceError."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds():
        if (not names or kind.name in names) and not (folder / f"{kind.name}.json").exists():
            say(f"{kind.name}: {kind.title}")
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                _one(kind, Path(scratch), folder)


def _one(kind: Kind, scratch: Path, folder: Path):
    made = ", ".join(f"{key}: {value}" for key, value in {**SCAN, **kind.made}.items())
    (scratch / "scan.yaml").write_text(JOB % f"simulate: {{{made}}}")
    _nanompi(scratch, "simulate", "scan.yaml", "-o", "scan.cxi")
    if kind.hot:
        _heat(scratch / "scan.cxi", kind.hot)
    (scratch / "job.yaml").write_text(JOB % "file: scan.cxi")
    sets = [word for key, value in kind.read.items() for word in ("--set", f"{key}={_written(value)}")]
    refused = _nanompi(scratch, "run", "job.yaml", *sets, allowed=(0, 3))
    run = scratch / "runs" / "gallery" / "latest"
    picture = run / "previews" / "phase.png"
    if picture.exists():
        (folder / f"{kind.name}.png").write_bytes(picture.read_bytes())
    words = (
        _verdict(run / "result.h5") if not refused else {"grade": "refused", "words": refused, "paste": ""}
    )
    write_text(folder / f"{kind.name}.json", json.dumps(words, ensure_ascii=False, indent=1))


def _written(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nanompi(where: Path, *words, allowed=(0,)) -> str:
    """Run a command; what it says last where it refuses. Errors: ResourceError for any other end."""
    drawn = os.environ | {PICTURES: "yes", GEOMETRY: "yes"}  # a gallery is of pictures and verdicts
    command = python("-m", "nanompi", *words)
    done = subprocess.run(command, cwd=where, env=drawn, capture_output=True, text=True)
    last = (done.stderr.strip().splitlines() or [""])[-1].removeprefix("nanompi: ")
    if done.returncode not in allowed:
        raise ResourceError(f"nanompi {' '.join(words)} ended with {done.returncode}: {last}")
    return last if done.returncode else ""


def _heat(scan: Path, number: int):
    """So many pixels that count much in all frames."""
    from nanompi.io.hdf5 import hdf5

    with hdf5().File(scan, "r+") as file:
        frames = file[FRAMES]
        counts, rng = frames[:], np.random.default_rng(1)
        rows, columns = rng.integers(0, counts.shape[1:], (number, 2)).T
        counts[:, rows, columns] = counts.max()
        frames[:] = counts


def _verdict(result: Path) -> dict[str, str]:
    """Grade, words, line to paste of a result."""
    from nanompi.io.hdf5 import open_hdf5

    with open_hdf5(str(result)) as file:
        notes = file["entry_1/process_1/verdict"]
        return {key: notes[key].asstr()[()] if key in notes else "" for key in ("grade", "words", "paste")}
