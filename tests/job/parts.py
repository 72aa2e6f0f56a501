"""Small parts for tests, which need no real reader, step or engine."""

from dataclasses import dataclass
from typing import Literal

from nanompi.step import METHODS, engine, param, partition, reader, section, step


def register():
    """Put the test parts into the (emptied) registry; a class becomes a dataclass only once."""
    for name, mark in MARKS.items():
        cls = globals()[name]
        if "kind" in vars(cls):
            METHODS[cls.kind][cls.name] = cls
        else:
            mark(cls)


@section
class Schedule:
    """From `after` to `until`, each `every`-th iteration."""

    after: int = param(0, ge=0, help="first iteration")
    until: int | None = param(None, ge=0, help="last iteration")
    every: int = param(1, ge=1, help="each N-th iteration")

    @classmethod
    def from_value(cls, value):
        """A plain number is `after`."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is neither a whole number nor a mapping with after, until, every")
        return cls(after=value)


@section
class Probe:
    """The start probe."""

    start: Literal["data", "aperture"] = param("data", help="where it comes from")
    modes: int = param(1, ge=1, le=20, help="number of probe modes")
    width: float | None = param(None, unit="m", bare="um", gt=0, help="width of the aperture")


@section
class Mask:
    """Which pixels are good."""

    hot: float | None = param(None, gt=0, help="limit of hot pixels")
    file: str = param("", kind="file", help="mask file")


class DM:
    """Difference map."""

    iterations: int = param(50, ge=1, help="number of iterations")
    alpha: float = param(1.0, ge=0, le=1, help="mixing")
    average: Schedule | None = param(None, help="when to average")


class ML:
    """Maximum likelihood."""

    iterations: int = param(100, ge=1, help="number of iterations")
    noise: Literal["poisson", "gaussian"] = param("poisson", help="noise model")
    refine: list[str] = param([], help="what is refined")
    floor: float = param(0.5, gt=0, help="smallest count")


class Prepare:
    """Frames ready to use."""

    centre: tuple[float, float] | Literal["auto"] = param("auto", help="centre of the pattern")
    size: int | Literal["auto"] = param("auto", unit="px", ge=2, help="side of a frame")
    mask: Mask = param(Mask(hot=12.0), help="bad pixels")
    normalise: bool = param(False, help="divide by the monitor")
    split: str = param("kmeans", kind="partition", same_answer=True, help="which rank has which frames")


class Ptycho:
    """Object and probe from the frames."""

    followed_by = "ptycho.finish"
    probe: Probe = param(Probe(), help="the probe")
    engines: list = param("DM*10 ML", kind="engine", help="chain of engines")
    update: Schedule = param(2, help="when the probe moves")
    limits: list[float] = param([0.0, 1.0], help="bounds of the amplitude")


class Finish:
    """The result."""

    frc: Literal["halves", "off"] = param("off", help="resolution by halves")


class Noise:
    """Gives frames only with a parameter."""

    level: float = param(help="noise level")


class Lonely:
    """Needs what two steps give."""


class Grid:
    """A simulated scan."""

    simulate: Probe | None = param(None, help="what is simulated")

    @staticmethod
    def recognises(file, given):
        return False

    def open(self, file, given):
        raise NotImplementedError


class Text:
    """Scans in text files."""

    paths: dict[str, str] = param({}, help="where each array is")
    skip: int = param(0, ge=0, help="lines to leave out")

    @staticmethod
    def recognises(file, given):
        return str(file).endswith(".scan")

    def open(self, file, given):
        return Opened(file, given.energy)


class Kmeans:
    """Compact parts."""


class Stripes:
    """Stripes along a line."""


@dataclass
class Opened:
    """What the test reader gives."""

    file: str
    wavelength: float


FIRST = ("ptycho.prepare", "ptycho", "ptycho.finish")
MARKS = {
    "DM": engine("DM"),
    "ML": engine("ML"),
    "Prepare": step("ptycho.prepare", gives=["frames"]),
    "Ptycho": step("ptycho", needs=["frames"], gives=["ptycho"]),
    "Finish": step("ptycho.finish", needs=["ptycho"]),
    "Noise": step("test.noise", needs=["data"], gives=["noise"]),
    "Lonely": step("test.lonely", needs=["noise"]),
    "Grid": reader("simulate", steps=FIRST),
    "Text": reader("text", gives={"data": "point row column"}, steps=FIRST),
    "Kmeans": partition("kmeans"),
    "Stripes": partition("stripes"),
}
