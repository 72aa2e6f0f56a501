"""What a detector makes of lines: peaks with tails, escape peaks, scattered light, pile-up, by channel.

Energies are in eV throughout. The parameters of a detector, `START` and `BOUNDS`:

offset, slope : energy of channel k is offset + slope k, eV
noise, fano   : width of a peak, FWHM^2 = noise^2 + 8 ln 2 fano PAIR E; noise in eV
tail, gamma   : part of a peak in its exponential tail, and the decay of that in standard deviations
step          : height of the shelf below a peak, a part of the peak for each keV
energy, angle : of the beam, eV, and by which it is scattered, degrees
cwide, ctail, cgamma : of the Compton peak: width in widths of a peak, tail, decay
"""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.maps.xrf import lines as tables

PAIR = 3.66  # eV, for a pair of charges in silicon
FWHM = 2.3548200450309493  # in standard deviations, sqrt(8 ln 2)
REST = 510998.95  # eV, electron
START = {"offset": 0.0, "slope": 10.0, "noise": 100.0, "fano": 0.12, "tail": 0.02, "gamma": 2.5, "step": 0.0,
         "energy": 10e3, "angle": 90.0, "cwide": 1.6, "ctail": 0.15, "cgamma": 3.0}  # fmt: skip
REACH = 5.0  # standard deviations from a peak, beyond which nothing is left of it
FADED = 12.0  # decays, after which a tail has ended
PIECE = 1 << 15  # channels of peaks that are worked on at once, which a cache holds


@dataclass(frozen=True)
class Window:
    """A layer between the sample and the detector.

    material : element, formula or compound of the NIST list; density : g/cm3; thickness : m
    """

    material: str
    density: float
    thickness: float

    def passed(self, energies: np.ndarray) -> np.ndarray:
        """Part of the light that comes through, exp(-mu density thickness)."""
        return np.exp(-tables.attenuation(self.material, energies) * self.density * self.thickness * 100)


@dataclass(frozen=True)
class Detector:
    """What is known of all detectors. windows : before them; chip : material of the detector, Si or Ge, which
    escape peaks come from, "" = none are reckoned with"""

    windows: tuple[Window, ...] = ()
    chip: str = "Si"

    def efficiency(self, energies: np.ndarray) -> np.ndarray:
        """Part of the light that reaches the chip."""
        out = np.ones(len(energies))
        for window in self.windows:
            out *= window.passed(energies)
        return out


def escape(energies: np.ndarray, chip: str) -> tuple[np.ndarray, np.ndarray]:
    """Escape peaks of lines: their energies, eV, and their areas in areas of the line that is left; 0 below
    the edge of the chip.

    eta = w (1 - 1/J) / 2 (1 - ln(1 + r) / r), area eta / (1 - eta): w yield of K lines, J jump of absorption
    at the K edge, r = mu(E) / mu(E of its own line). Reed & Ware 1972, doi:10.1088/0022-3735/5/6/029.
    """
    table, number = tables.xraylib(), tables.xraylib().SymbolToAtomicNumber(chip)
    own = tables.main_line(f"{chip}_K", 1e6)
    rate = table.FluorYield(number, table.K_SHELL) * (1 - 1 / table.JumpFactor(number, table.K_SHELL)) / 2
    r = tables.attenuation(chip, energies) / tables.attenuation(chip, own)
    eta = np.where(energies > tables.edge(f"{chip}_K"), rate * (1 - np.log1p(r) / r), 0)
    return energies - own, eta / (1 - eta)


@dataclass(frozen=True)
class Peaks:
    """Peaks of several columns side by side.

    at, area : (L,) eV; of each; column : (L,) number of its column
    scatter  : (L,) 0 of a line, 1 elastic, 2 Compton
    m        : how many columns
    """

    at: np.ndarray
    area: np.ndarray
    column: np.ndarray
    scatter: np.ndarray
    m: int


def peaks_of(names: list[str], energy: float, detector: Detector) -> Peaks:
    """Of the lines of some families with their escape peaks, then of the elastic and the Compton peak; the
    lines of a family have the area 1 together. energy : eV, of the beam"""
    parts = [_family(name, energy, detector) for name in names]
    at = [p[0] for p in parts] + [np.array([energy, energy])]
    area = [p[1] for p in parts] + [np.ones(2)]
    numbers = np.repeat(np.arange(len(names)), [len(p[0]) for p in parts])
    scatter = np.concatenate([np.zeros(len(numbers), int), [1, 2]])
    column = np.concatenate([numbers, [len(names), len(names) + 1]])
    return Peaks(np.concatenate(at), np.concatenate(area), column, scatter, len(names) + 2)


def _family(name: str, energy: float, detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    at, share = tables.lines(name, energy)
    share = share * detector.efficiency(at)
    share = share / max(share.sum(), 1e-300)
    if not detector.chip:
        return at, share
    lost, part = escape(at, detector.chip)
    keep = (lost > 0) & (share * part > tables.LEAST)
    return np.concatenate([at, lost[keep]]), np.concatenate([share, (share * part)[keep]])


def energies_of(p: dict, channels) -> np.ndarray:
    """eV, of channels"""
    return p["offset"] + p["slope"] * np.asarray(channels, float)


def compton(energy: float, angle: float) -> float:
    """eV, of light that free electrons scatter by an angle in degrees: E / (1 + E (1 - cos a) / m c^2)."""
    return energy / (1 + energy / REST * (1 - np.cos(np.deg2rad(angle))))


def columns(p: dict, peaks: Peaks, first: int, last: int) -> np.ndarray:
    """(last - first, m) float64, parts of the areas of all peaks that fall into each channel.

    A peak is (1 - tail) Gauss, integrated over the channel, and tail times an exponential to lower energies,
    convolved with the same Gauss: exp(d / b + (s / b)^2 / 2) erfc(d / (sqrt(2) s) + s / (sqrt(2) b)) / (2 b),
    d from its centre, s its standard deviation, b the decay (Phillips & Marlow 1976,
    doi:10.1016/0029-554X(76)90472-9).
    """
    at = np.where(peaks.scatter == 1, p["energy"], peaks.at)
    at = np.where(peaks.scatter == 2, compton(p["energy"], p["angle"]), at)
    comp = peaks.scatter == 2
    s = np.sqrt((p["noise"] / FWHM) ** 2 + p["fano"] * PAIR * np.maximum(at, 0)) * np.where(
        comp, p["cwide"], 1
    )
    tail = np.where(comp, p["ctail"], p["tail"])
    b = np.where(comp, p["cgamma"], p["gamma"]) * s
    low = at - np.where(tail > 0, np.maximum(REACH * s, FADED * b), REACH * s)
    shelf = p["step"] * peaks.area
    low = np.where(shelf > 0, -np.inf, low)
    return _spread(p, (first, last), peaks, (at, s, tail, b, low))


def _spread(p: dict, channels: tuple[int, int], peaks: Peaks, shape) -> np.ndarray:
    """Each peak over the channels that it reaches, many in one go."""
    from scipy.special import erfc

    at, s, tail, b, low = shape
    first, last = channels
    start = np.clip(np.floor((low - p["offset"]) / p["slope"]), first, last).astype(int)
    end = np.clip(np.ceil((at + REACH * s - p["offset"]) / p["slope"]) + 1, start, last).astype(int)
    n = end - start
    out = np.zeros((last - first) * peaks.m)
    for some in np.split(np.arange(len(at)), np.flatnonzero(np.diff(np.cumsum(n) // PIECE)) + 1):
        line = np.repeat(some, n[some])
        k = np.arange(len(line)) - np.repeat(np.cumsum(n[some]) - n[some] - start[some], n[some])
        d = energies_of(p, k) - at[line]
        values = peaks.area[line] * _hypermet(d, p["slope"], s[line], tail[line], b[line])
        if p["step"]:
            values += peaks.area[line] * p["step"] / 1e3 * p["slope"] * erfc(d / (np.sqrt(2) * s[line])) / 2
        out += np.bincount((k - first) * peaks.m + peaks.column[line], values, len(out))
    return out.reshape(last - first, peaks.m)


def _hypermet(d, slope: float, s, tail, b) -> np.ndarray:
    """Part of a peak in a channel whose middle is d eV above its centre."""
    from scipy.special import erf, erfc, erfcx

    half = slope / 2
    gauss = (erf((d + half) / (np.sqrt(2) * s)) - erf((d - half) / (np.sqrt(2) * s))) / 2
    on = np.flatnonzero(tail > 0)
    if not len(on):
        return gauss
    d, s, b, part = d[on], s[on], b[on], tail[on]
    power, a = d / b + (s / b) ** 2 / 2, d / (np.sqrt(2) * s) + s / (np.sqrt(2) * b)
    right = np.exp(np.minimum(power - a * a, 0)) * erfcx(np.maximum(a, 0))  # erfc would be 0 times infinity
    left = np.exp(np.minimum(power, 50)) * erfc(np.minimum(a, 0))
    gauss[on] += part * (np.where(a > 0, right, left) * slope / (2 * b) - gauss[on])
    return gauss


def pileup(counts: np.ndarray, p: dict, first: int, last: int) -> np.ndarray:
    """(last - first,) sum 1: two photons counted as one, whose energies add up: the spectrum convolved with
    itself. counts : (channels,) of the whole spectrum; those below `first` are left out (noise)."""
    own = np.where(np.arange(len(counts)) < first, 0, counts)[:last]
    both = np.convolve(own, own)
    at = (
        np.arange(first, last) - p["offset"] / p["slope"]
    )  # channels i, j: offset + slope (i + j + offset / slope)
    out = np.interp(at, np.arange(len(both)), both, left=0, right=0)
    return out / max(out.sum(), 1e-300)
