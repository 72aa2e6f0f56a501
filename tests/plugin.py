"""Plug-ins of somebody else's: a folder that Python finds like an installed package with entry points."""

import textwrap
from pathlib import Path

RPIE = '''
from nanompi.step import engine, param


@engine("my.rpie")
class Rpie:
    """Regularised PIE over batches of frames (doi:10.1364/OPTICA.4.000736)."""

    iterations: int = param(30, ge=0, help="number of iterations")
    batches: int = param(4, ge=1, help="updates in an iteration")
    alpha: float = param(0.2, gt=0, le=1, help="regularisation")

    def start(self, p):
        """Nothing is remembered"""

    def iterate(self, p, i):
        for batch in p.batches(self.batches):
            P = p.shifts.library(p.P)

            def change(f):
                p.k.exit_waves(p.O, P, f.at, f.waves)
                F = p.optics.forward(f.waves, f.at)
                p.k.project(F, f.I, p.mask, f.gain, p.unit, p.back, p.device.real(0))
                f.waves[...] = p.optics.backward(F, f.at)

            num, den = p.zeros(p.O), p.zeros(p.O)
            for block in batch:
                p.each(change, block)
                p.object_sums(block.waves, P, block.at, num)
                block.waves[...] = P[block.at[:, 2]]
                p.object_sums(block.waves, P, block.at, den)
            p.join(num)
            p.join(den)
            least = p.share.largest(den.real)
            p.O += (num - den * p.O) / ((1 - self.alpha) * den + self.alpha * least)
'''


def install(folder: Path, **modules: str) -> Path:
    """Write modules and a distribution whose entry points name each of them; the folder for PYTHONPATH."""
    folder.mkdir(exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    about = folder / "somebody-1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n")
    points = "".join(f"{name} = {name}\n" for name in modules)
    (about / "entry_points.txt").write_text(f"[nanompi.methods]\n{points}")
    return folder


DAP = '''
from nanompi.methods.ptycho.engines.projections import Projections
from nanompi.step import engine, param


@engine("DAP")
class DAP(Projections):
    """Damped alternating projections: a wave goes but part of the way to its counts."""

    damping: float = param(0.7, gt=0, le=1, help="part of the way")

    def coefficients(self):
        """z = PO; psi <- (1 - d) psi + d Pi_F(z)"""
        return 1, 0, 1 - self.damping, 0, self.damping
'''

BARE = '''
from nanompi.step import engine, param


@engine("my.bare")
class Bare:
    """What an engine must have, and nothing else: it changes nothing."""

    iterations: int = param(3, ge=0, help="number of iterations")

    def start(self, p):
        """Nothing"""

    def iterate(self, p, i):
        """Nothing"""
'''

FOLDER = '''
"""Frames in a folder: frame-0000.npy ..., positions.txt with y and x in um, and geometry.json (SI)."""

import json
from pathlib import Path

import numpy as np

from nanompi.methods.ptycho.scan import Scan
from nanompi.step import param, reader


@reader("my.folder")
class Folder:
    """A folder of NPY frames with positions.txt and geometry.json."""

    flip: bool = param(False, help="y counts upwards")

    @staticmethod
    def recognises(path, given):
        return (Path(path) / "positions.txt").is_file()

    def open(self, file, given):
        about = json.loads((Path(file) / "geometry.json").read_text())
        positions = np.loadtxt(Path(file) / "positions.txt") * 1e-6 * [-1 if self.flip else 1, 1]
        source = Frames(file, "frame-*.npy")
        return Scan(source=source, positions=positions, file=file, format="my.folder", **about)
'''

STACK = '''
"""A folder of projections: angle-012.5.npy is that of 12.5 degrees."""

from pathlib import Path

import numpy as np

from nanompi.data.data import Data
from nanompi.step import reader


@reader("my.stack", gives={"data": "angle row column"})
class Stack:
    """A folder of NPY projections, named by their angles."""

    @staticmethod
    def recognises(path, given):
        return any(Path(path).glob("angle-*.npy"))

    def open(self, file, given):
        source = Frames(file, "angle-*.npy")
        angles = np.radians([float(Path(f).stem.removeprefix("angle-")) for f in source.files])
        data = Data(axes=("angle", "row", "column"), source=source, coords={"angle": (angles, "rad")})
        data.file, data.format = file, "my.stack"
        return {"data": data}
'''

FILES = """

class Frames:
    def __init__(self, folder, names):
        self.files = sorted(map(str, Path(folder).glob(names)))
        one = np.load(self.files[0])
        self.shape, self.dtype = (len(self.files), *one.shape), one.dtype

    def read(self, index, threads=1):
        return np.stack([np.load(self.files[i]) for i in index])
"""

FOLDER, STACK = FOLDER + FILES, STACK + FILES  # each in one file

COUNT = '''
import numpy as np

from nanompi.step import param, step


@step("my.count", needs=["frames"])
class Count:
    """Photons of the scan, over all ranks."""

    least: int = param(0, ge=0, help="smaller counts are left out")

    def run(self, run):
        counts = run.data["frames"].counts
        total = run.team.total(float(counts[counts >= self.least].sum()))[0]
        run.say(f"my.count: {total:.0f} photons")


@step("my.keep")
def keep(run):
    """Each rank keeps what it holds of the data, with their numbers, in the run folder."""
    data = run.data["data"]
    np.savez(run.folder / f"part-{run.team.rank}.npz", values=data.values, numbers=data.parts[run.team.rank])
'''

STEPS = '''
from typing import Literal

import numpy as np


def drop_background(block, info, *, percentile: float = 5.0, how: Literal["level", "line"] = "level", n=3):
    """Subtract from each frame the level below which this part of its pixels lies.

    percentile : part of the pixels, in %
    """
    level = info.xp.percentile(block, percentile, axis=(1, 2), keepdims=True)
    return (block - level).astype("float32")


class Scale:
    """Divide by the number of rows of all ranks, known before the first block."""

    power: float = 1.0

    def start(self, run, data):
        self.n = data.shape[0]

    def block(self, block, info):
        return (block / self.n**self.power).astype("float32")


def centred(block, info):
    """(k, angle, column) without the mean over the angles, at one column."""
    assert len(info["angle"]) == block.shape[1]
    return block - block.mean(1, keepdims=True)


def normalise(block, info):
    """Wrong: the mean is that of a block."""
    return (block / block.mean()).astype("float32")


def random(block, info):
    return np.random.normal(block).astype("float32")


def fails(block, info):
    return deeper(block)


def deeper(block):
    raise ValueError("nothing to divide by")


def nothing(block, info):
    block.sum()


def words(block, info):
    return np.array(["a"] * len(block))


def few(block, info):
    return block[:1]


def writes(block, info):
    block += 1
    return block


def flat(block, info):
    return block.sum(2)


def bare(block):
    return block


def odd(block, info, what: print = 3):
    return block
'''
