"""How a folder is watched."""

from dataclasses import dataclass

PATTERNS = ("*.h5", "*.hdf5", "*.hdf", "*.nxs", "*.cxi", "*.ptyd", "*.npz")


@dataclass
class Options:
    """How it watches. Times in s.

    every : between two looks; still : that a file must not change; patience : for one that is wrong
    old   : also those that are there at the first start; once : end when all that is there was taken
    live  : those that still grow, too, by rounds of so many times the frames (1.5), from so many on
    """

    patterns: tuple[str, ...] = PATTERNS
    every: float = 5.0
    still: float = 10.0
    patience: float = 1800.0
    old: bool = False
    once: bool = False
    live: bool = False
    growth: float = 1.5
    least: int = 50
