"""Units of a job file: "55 um" -> 5.5e-05 (m). One table; SI inside."""

import math
import re

from nanompi.errors import JobError, nearest, shown

_PREFIX = {
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,
    "μ": 1e-6,
    "m": 1e-3,
    "c": 1e-2,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
}
EV = 1.602176634e-19
LONGEST = 100  # characters of a quantity


def _scaled(base: str, prefixes: str, size: float = 1.0) -> dict[str, float]:
    return {p + base: size * _PREFIX[p] for p in [*prefixes, ""]}


DIMENSIONS: dict[str, dict[str, float]] = {
    "m": {**_scaled("m", "pnuµμmck"), "A": 1e-10, "Å": 1e-10, "angstrom": 1e-10, "micron": 1e-6,
          "metre": 1.0, "meter": 1.0},
    "J": {**_scaled("eV", "mkMG", EV), **_scaled("J", "nuµmk")},
    "s": {**_scaled("s", "nuµμm"), "min": 60.0, "h": 3600.0, "d": 86400.0},
    "rad": {"rad": 1.0, "mrad": 1e-3, "urad": 1e-6, "deg": math.pi / 180, "°": math.pi / 180},
    "B": {"B": 1, **{p + "B": 1000**i for i, p in enumerate("kMGT", 1)},
          **{p + "iB": 1024**i for i, p in enumerate("KMGT", 1)},
          **{p: 1000**i for i, p in enumerate("kMGT", 1)}},
    "px": {"px": 1.0, "pixel": 1.0, "pixels": 1.0},
}  # fmt: skip
_TIME = re.compile(r"(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d))?$")
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s].*?)?\s*$")


def factor(unit: str, into: str) -> float:
    """How many `into` one `unit` is: factor("um", "m") = 1e-6. JobError when the unit is unknown or of
    another kind."""
    table = next((d for d in DIMENSIONS.values() if into in d), {into: 1.0})
    if unit not in table:
        raise JobError(
            f'"{unit}" is not a unit that fits here; allowed: {", ".join(table)}{nearest(unit, table)}'
        )
    return table[unit] / table[into]


def quantity(value, into: str, bare: str = "") -> float:
    """A number in `into` from a number (in `bare`) or a text with a unit: quantity("8 keV", "J").

    Errors: JobError with the value and what is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise JobError(f"{value!r} is not a quantity; write a number with a unit such as 1 {bare or into}")
    if isinstance(value, str):
        found = _NUMBER.match(value) if len(value) <= LONGEST else None
        if not found:
            raise JobError(
                f"{value!r} is not a quantity; write a number with a unit such as 1 {bare or into}"
            )
        number, unit = float(found[1]), found[2] or bare or into
    else:
        number, unit = float(value), bare or into
    number *= factor(unit, into)
    if not math.isfinite(number):
        raise JobError(f"{shown(value, 40)} is not a finite number")
    return number


def show(value: float, unit: str) -> str:
    """A readable text: show(5.5e-05, "m") = "55 um"."""
    if unit == "B":
        p = max(0, min(4, int(math.log10(max(abs(value), 1)) // 3)))
        return f"{value / 1000**p:.4g} {['', 'k', 'M', 'G', 'T'][p]}B"
    if unit == "J":
        value, unit = value / EV, "eV"
    if value == 0 or not math.isfinite(value) or unit not in ("m", "eV", "s"):
        return f"{value:.6g} {unit}"
    p = max(-12, min(9 if unit == "eV" else 0, 3 * math.floor(math.log10(abs(value)) / 3)))
    prefix = {-12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}[p]
    return f"{value / 10.0**p:.6g} {prefix}{unit}"


LETTERS = {"um": "µm", "ug/": "µg/", "/cm2": "/cm²", "angstrom": "Å", "1/A": "1/Å"}


def pretty(unit: str) -> str:
    """A unit for people, of one in the plain letters of a file: `ug/cm2` -> `µg/cm²`; "" of what has none."""
    for plain, own in LETTERS.items():
        unit = unit.replace(plain, own)
    return "" if unit == "1" else unit


def seconds(text: str) -> float:
    """Seconds of "4h", "30min", or Slurm's "4:00:00", "1-12:00:00", "30:00". Errors: JobError."""
    found = _TIME.match(str(text)) if len(str(text)) <= LONGEST else None
    if not found:
        value = quantity(text, "s", "min")  # a bare number is minutes, as for sbatch
    elif found[4] is None and found[1] is None:
        value = 60 * int(found[2]) + int(found[3])
    else:
        days, hours, minutes, rest = (int(v or 0) for v in found.groups())
        value = 86400 * days + 3600 * hours + 60 * minutes + rest
    if not 0 < value < 1e9:
        raise JobError(
            f"{shown(text, 40)!r} is not a time that a job can have; write it as 30min, 4h or 4:00:00"
        )
    return value


def clock(value: float) -> str:
    """Seconds as Slurm writes them: 1-12:00:00."""
    minutes, s = divmod(round(value), 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    return f"{days}-{h:02d}:{m:02d}:{s:02d}" if days else f"{h}:{m:02d}:{s:02d}"
