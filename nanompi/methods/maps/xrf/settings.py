"""Elements and start values from files of other programs: PyMca's .cfg, MAPS' override file."""

import configparser
import re
from dataclasses import dataclass, field
from pathlib import Path

from nanompi.errors import DataError

MAPS = {  # name in the file: our own, and what makes eV of it
    "CAL_OFFSET_[E_OFFSET]": ("offset", 1e3),
    "CAL_SLOPE_[E_LINEAR]": ("slope", 1e3),
    "FWHM_OFFSET": ("noise", 1e3),
    "COMPTON_ANGLE": ("angle", 1.0),
    "COMPTON_FWHM_CORR": ("cwide", 1.0),
    "COMPTON_F_TAIL": ("ctail", 1.0),
    "COMPTON_GAMMA": ("cgamma", 1.0),
    "F_TAIL_OFFSET": ("tail", 1.0),
    "GAMMA_OFFSET": ("gamma", 1.0),
}
PYMCA = {"zero": ("offset", 1e3), "gain": ("slope", 1e3), "noise": ("noise", 1e3), "fano": ("fano", 1.0)}


@dataclass(frozen=True)
class Settings:
    """What such a file says. elements : as written there; start : parameters (`response`); energy : eV"""

    elements: list[str] = field(default_factory=list)
    start: dict = field(default_factory=dict)
    energy: float | None = None


def settings_of(path: str) -> Settings:
    """What a file says, nothing without one. Errors: DataError for a file that is neither."""
    if not path:
        return Settings()
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    if re.search(r"^\s*ELEMENTS_TO_FIT\s*:", text, re.M):
        return _maps(text, path)
    if re.search(r"^\s*\[peaks\]", text, re.M):
        return _pymca(text, path)
    raise DataError(
        f"{path} has neither a line ELEMENTS_TO_FIT: (maps_fit_parameters_override.txt) nor a section "
        "[peaks] (configuration of PyMca)"
    )


def _number(text: str, path: str, key: str) -> float:
    try:
        return float(text.split(",")[0])
    except ValueError:
        raise DataError(f'{path}: {key} is "{text.strip()}", which is no number') from None


def _maps(text: str, path: str) -> Settings:
    known = dict(re.findall(r"^\s*([A-Z][A-Z_\[\]]*)\s*:[ \t]*(.*?)\s*$", text, re.M))
    elements = [one.strip() for one in known["ELEMENTS_TO_FIT"].split(",")]
    elements = [one for one in elements if re.fullmatch(r"[A-Z][a-z]?(_[KLM])?", one)]
    start = {own: by * _number(known[key], path, key) for key, (own, by) in MAPS.items() if known.get(key)}
    energy = known.get("COHERENT_SCT_ENERGY")
    return Settings(elements, start, 1e3 * _number(energy, path, "COHERENT_SCT_ENERGY") if energy else None)


def _pymca(text: str, path: str) -> Settings:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise DataError(f"{path}: {error}") from error
    elements = [f"{symbol}_{shell.strip()[:1]}" for symbol, shells in parser["peaks"].items()
                for shell in shells.split(",") if shell.strip()]  # fmt: skip
    detector = parser["detector"] if parser.has_section("detector") else {}
    start = {
        own: by * _number(detector[key], path, key) for key, (own, by) in PYMCA.items() if key in detector
    }
    energy = parser.get("fit", "energy", fallback="").strip().strip("[]")
    known = energy and energy.lower() != "none"
    return Settings(
        list(dict.fromkeys(elements)), start, 1e3 * _number(energy, path, "energy") if known else None
    )
