"""Phases of a shaken sample, wrapped, with noise and ramps as ptychography leaves them; and their truth."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from nanompi.data.data import Data, even
from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.read.balls import Balls
from nanompi.methods.tomo.phases import phase_lines
from nanompi.run.result import Result
from nanompi.timing import Clock


@dataclass
class Shaken:
    """angles (A,) rad; down, right : (A,) px; lines : (A, size, size) rad, exact; noise : rad"""

    balls: Balls
    angles: np.ndarray
    down: np.ndarray
    right: np.ndarray
    lines: np.ndarray

    @classmethod
    def of(cls, size: int, count: int, seed: int, jitter: float = 2.0, balls: int = 40) -> "Shaken":
        """So many angles of a half turn; displacements of `jitter` px rms each way"""
        rng, sample = np.random.default_rng(seed), Balls.of(size, seed, balls)
        angles, places = np.arange(count) * np.pi / count, rng.normal(0, jitter, (2, count))
        seen = [sample.projection(a, (size, size), *at) for a, at in zip(angles, places.T)]
        return cls(sample, angles, *places, np.stack(seen))

    def images(self, noise: float, seed: int = 0) -> np.ndarray:
        """(A, size, size) complex of modulus 1: each phase with noise (rad), a ramp and a level of its own"""
        rng, (count, n, _) = np.random.default_rng([seed, 1]), self.lines.shape
        across, down, level = (
            rng.normal(0, 0.02, count),
            rng.normal(0, 0.02, count),
            rng.uniform(-3, 3, count),
        )
        y, x = np.indices((n, n)) - (n - 1) / 2
        wrong = level[:, None, None] + across[:, None, None] * x + down[:, None, None] * y
        return np.exp(1j * (self.lines + wrong + rng.normal(0, noise, self.lines.shape)))

    def measured(self, noise: float, seed: int = 0) -> np.ndarray:
        """(A, size, size) rad: line integrals from these images"""
        whole = np.ones(self.lines.shape[1:], bool)
        return np.stack([phase_lines(image, whole) for image in self.images(noise, seed)])

    def errors(self, down: np.ndarray, right: np.ndarray, used=slice(None)) -> tuple[float, float, float]:
        """px: what is left down and right (rms), and of the axis. The whole sample may be displaced"""
        terms = np.stack([np.cos(self.angles), np.sin(self.angles), np.ones(len(self.angles))], 1)[used]
        rest = (self.right - right)[used]
        fit = np.linalg.lstsq(terms, rest, rcond=None)[0]
        return float((self.down - down)[used].std()), float((rest - terms @ fit).std()), float(fit[2])


def run_of(team, folder, values: np.ndarray, angles: np.ndarray, **more) -> SimpleNamespace:
    """A run whose projections, spread over the ranks, stand in memory"""
    parts = even(len(values), team.size)
    data = Data(axes=("angle", "row", "column"), values=values[parts[team.rank]].copy(), spread="angle",
                parts=parts, coords={"angle": (angles, "rad")}, **more)  # fmt: skip
    said: list[str] = []
    log = {"lines": said, "say": said.append, "warn": said.append, "note": lambda *a, **k: None}
    own = {"team": team, "device": Cpu(threads=1), "clock": Clock(), "folder": folder, "result": Result()}
    return SimpleNamespace(**own, **log, data={"data": data}, given={})
