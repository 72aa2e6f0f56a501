"""Spectra of a scan with their truth, drawn from the model with numbers of our own."""

from types import SimpleNamespace

import numpy as np

from nanompi.data.data import Data
from nanompi.methods.maps.xrf.response import START, Detector, columns, peaks_of
from nanompi.run.result import Result
from nanompi.units import EV

BEAM = 10e3  # eV
AMOUNTS = {"Si_K": 2e4, "Ar_K": 3e4, "Ca_K": 6e4, "Fe_K": 5e4, "Cu_K": 3e4, "elastic": 3e4, "compton": 5e4}
SHAPE = START | {"slope": 15.0, "offset": -6.0, "noise": 110.0, "energy": BEAM, "angle": 95.0}


def expected(amounts=AMOUNTS, channels=900, **p) -> np.ndarray:
    """(channels,) what is expected, with a background that falls"""
    shape = SHAPE | p
    names = [name for name in amounts if "_" in name]
    peaks = peaks_of(names, shape["energy"], Detector())
    heights = [*(amounts[name] for name in names), amounts.get("elastic", 0), amounts.get("compton", 0)]
    below = 30 * np.exp(-np.arange(channels) * shape["slope"] / 4e3)
    below[np.arange(channels) * shape["slope"] > shape["energy"]] = 0
    return columns(shape, peaks, 0, channels) @ heights + below


def drawn(amounts=AMOUNTS, seed=1, **p) -> np.ndarray:
    """(channels,) counts"""
    return np.random.default_rng(seed).poisson(expected(amounts, **p)).astype(float)


def run_of(sums: np.ndarray, axis=None, **facts) -> SimpleNamespace:
    """A run of one rank that has the sums of a scan; `said`, `warned` are its log. axis : eV a channel"""
    said, warned = [], []
    coords = {} if axis is None else {"channel": (axis * np.arange(sums.shape[1]), "eV")}
    facts = facts or {"energy": BEAM * EV}
    data = Data(axes=("y", "x", "detector", "channel"), coords=coords, facts=facts)
    total = Data(axes=("detector", "channel"), values=sums)
    team = SimpleNamespace(rank=0, size=1, root=True, on_root=lambda work: work(), allgather=lambda v: [v])
    log = {"said": said, "say": said.append, "warned": warned, "warn": warned.append}
    known = {"data": data, "sum_spectrum": total}
    return SimpleNamespace(team=team, data=known, made={}, result=Result(), **log)


def verdict(run) -> dict:
    """Of the only step"""
    return next(iter(run.result.notes["verdict"]["steps"].values()))
