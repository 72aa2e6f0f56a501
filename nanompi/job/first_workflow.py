"""First workflows of `nanompi init`: of the scans of a folder, or of some that are simulated."""

import glob
import os
from collections import Counter
from pathlib import Path

from nanompi.errors import DataError, shown
from nanompi.job.yaml12 import write

HEAD = """\
# {about}
# `nanompi check FILE` tests all items, `nanompi run -n 2 FILE` or `nanompi submit FILE` runs them,
# `nanompi resume {name}` runs what is missing.
nanompi: 1
name: {name}
stages:
"""
SERIES = """\
  scans:
    foreach: {items}
    group: 1                             # ranks of a scan; several scans go on at the same time
    input: {input}
    steps:
      - {{use: ptycho, engines: DM*50 ML*50}}
"""
VOLUME = """\
  scans:
    foreach: {items}{note}
    chunk: 6                             # chains: each scan begins with the probe of the one before it
    group: 1                             # ranks of a scan; several scans go on at the same time
    input: {input}
    steps:
      - {{use: ptycho, engines: DM*50 ML*50, probe: {{file: "{{previous}}"}}}}
  volume:
    needs: {{scans: 0.9}}                  # goes on without a tenth of them
    input: {{file: "{{scans}}"}}             # phases without ramp and level, on one grid, at their angles
    steps:
      - tomo.align
      - tomo.fsc
      - tomo
      - {{use: tomo.quantify, quantity: electron_density, per: nm}}
"""
WORKFLOWS = {  # name: (what it is, text of its stages)
    "series": ("ptychography of every scan of a folder", SERIES),
    "volume": ("ptychography of a scan at each angle, aligned, a volume, its electron density", VOLUME),
}
MASTER = "_master.h5"  # of files that lead to others beside them
SCANS = (MASTER, ".cxi", ".h5", ".hdf5", ".hdf", ".nxs", ".ptyd", ".npz")
MADE = "sample: balls, frames: 100, size: 32, step: 5 px, phase: 4 rad, jitter: 1.5 px, photons: 1e6"


def text_of(name: str, file: str, folder: str = "") -> str:
    """The text of a workflow that will stand in `file`.

    name : of WORKFLOWS; folder : of the scans, "" = they are simulated
    Errors: DataError where there is no folder, no scan in it, or of a volume one alone
    """
    about, stages = WORKFLOWS[name]
    own = os.path.splitext(os.path.basename(file))[0]
    found = _of_folder(name, file, folder) if folder else _simulated(name)
    head = HEAD.format(about=about[0].upper() + about[1:], name=write([own], flow=True).strip()[1:-1])
    return head + stages.format(**found)


def _simulated(name: str) -> dict[str, str]:
    if name == "series":
        return {"items": "{seed: 1-3}", "input": '{simulate: {frames: 100, size: 64, seed: "{seed}"}}'}
    angles = "{angle: {from: 0, to: 172.5, count: 24}}"
    return {"items": angles, "note": "", "input": f'{{angle: "{{angle}} deg", simulate: {{{MADE}}}}}'}


def _of_folder(name: str, file: str, folder: str) -> dict[str, str]:
    end, number = _scans(Path(folder))
    beside = os.path.relpath(folder, os.path.dirname(os.path.abspath(file)))
    files = write([f"{glob.escape(beside)}/*{end}"], 1000, flow=True).strip()[1:-1]
    if name == "series":
        return {"items": f"{{scan: {files}}}", "input": '{file: "{scan}"}'}
    if number < 2:
        raise DataError(f"--from {shown(folder)}: one scan (*{end}) in it; a volume needs one at each angle")
    last = round(180 - 180 / number, 6)
    angles = f"angle: {{from: 0, to: {last:g}, count: {number}}}"
    return {
        "items": f"{{scan: {files}, {angles}}}",
        "note": "  # or the angles as a list, in the order of the files",
        "input": '{file: "{scan}", angle: "{angle} deg"}',
    }


def _scans(folder: Path) -> tuple[str, int]:
    """(how their names end, how many there are): the kind of which a folder has the most."""
    if not folder.is_dir():
        raise DataError(f"--from {shown(str(folder))}: a workflow begins with the folder of the scans")
    try:
        names = [one.name for one in folder.iterdir() if one.is_file() and one.name[0] != "."]
    except OSError as error:
        raise DataError(f"--from {shown(str(folder))}: cannot be read: {error.strerror}") from None
    ends = Counter(MASTER if name.endswith(MASTER) else Path(name).suffix for name in names)
    known = {end: n for end, n in ends.items() if end in SCANS}
    if not known:
        raise DataError(f"--from {shown(str(folder))}: no scan in it: no file ends with {', '.join(SCANS)}")
    return max(known.items(), key=lambda one: (one[0] == MASTER, one[1]))
