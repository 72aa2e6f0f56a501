"""The scale of energies of a spectrum from nothing but the energy of the beam.

For each of some hundred slopes the counts are put onto one grid of energies, where lines of common elements,
scatter and a background are fitted to them: the slope for which least is left over.
"""

import numpy as np

from nanompi.methods.maps.linear_fit import nnls
from nanompi.methods.maps.xrf.lines import excited, main_line
from nanompi.methods.maps.xrf.response import START, Detector, columns, peaks_of
from nanompi.methods.maps.xrf.shape import under

COMMON = tuple(f"{e}_K" for e in "Si P S Cl Ar K Ca Ti V Cr Mn Fe Co Ni Cu Zn Ga As Se Br Sr".split())
SLOPES = np.exp(np.arange(np.log(3.0), np.log(100.0), 0.01))  # eV a channel
BIN = 25.0  # eV
LOW, ABOVE = 1500.0, 500.0  # eV: where the grid begins, and how far above the beam it ends
APART = 0.03  # slopes that differ by less than this part are one
OFF = 5.0  # how much counts above the beam weigh, where none can be


def common(energy: float) -> list[str]:
    """Families of lines that are found anywhere, as far as a beam of this energy, eV, makes them."""
    return [name for name in COMMON if excited(name, energy) and main_line(name, energy) < 0.97 * energy]


def slopes(counts: np.ndarray, energy: float, names: list[str], among=SLOPES) -> list[tuple[float, float]]:
    """[(score, slope eV a channel)], the best first; slopes that are neighbours count as one.

    counts : (channels,); energy : eV of the beam; names : families that may be seen
    score  : deviance for each count, and `OFF` times the part of all counts that lies above the beam
    """
    edges = np.arange(LOW, energy + ABOVE, BIN)
    spectra = np.stack([_on_grid(counts, slope, edges) for slope in among])
    smooth = under(spectra, BIN)
    p = START | {"offset": LOW + BIN / 2, "slope": BIN, "energy": energy}
    lines = columns(p, peaks_of(names, energy, Detector(chip="")), 0, len(edges) - 1)
    total = max(counts.sum(), 1)
    scored = []
    for own, below, slope in zip(spectra, smooth, among):
        inside = own.sum()
        if inside < 0.3 * total:
            continue
        above = np.interp(energy + ABOVE, slope * np.arange(len(counts)), np.cumsum(counts))
        scored.append((_deviance(own, lines, below) / inside + OFF * (1 - above / total), float(slope)))
    return _distinct(sorted(scored))


def _on_grid(counts, slope: float, edges) -> np.ndarray:
    """Counts between edges of energies, as if those of a channel were spread evenly over it."""
    ends = slope * (np.arange(len(counts) + 1) - 0.5)
    return np.diff(np.interp(edges, ends, np.concatenate([[0], np.cumsum(counts)])))


def _deviance(own, lines, below) -> float:
    weight = 1 / np.sqrt(np.maximum(own, 1))
    design = np.column_stack([lines, below / max(below.sum(), 1)])
    mu = np.maximum(design @ nnls(design * weight[:, None], own * weight), 0.1)
    return float(2 * (mu - own + own * np.log(np.maximum(own, 1e-9) / mu)).sum())


def _distinct(scored: list[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for score, slope in scored:
        if all(abs(np.log(slope / other)) > APART for _, other in out):
            out.append((score, slope))
    return out
