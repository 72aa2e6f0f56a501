"""The step `xanes.lcf`: how much of each reference is in each pixel (linear combination fit)."""

from typing import Literal

import numpy as np

from nanompi.device import Cpu
from nanompi.device.kernels.spectra_fit import least_squares
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.named import named
from nanompi.methods.maps.truth import keep_truth
from nanompi.methods.maps.xanes.edge import Edge, edge_numbers
from nanompi.methods.maps.xanes.fractions import Mixture
from nanompi.methods.maps.xanes.normalise import filled
from nanompi.methods.maps.xanes.references import Reference, read, rising
from nanompi.run.result import Marks, Signal
from nanompi.run.verdict import give
from nanompi.step import item, param, step, total

COVERED = 0.6  # of the energies, at least, by each reference
MOST = 16  # references
BAD = 0.05  # R of the mean: a sum of the references does not look like the spectra
GIVES = {
    "fractions": item("reference", title="amount"),
    "fractions_errors": item("reference", title="amount, standard error"),
    "misfit": item(title="R: what the references leave, of the spectrum"),
    "_lcf_sum": total("energy"),
    "_lcf_fit": total("energy"),
    "_lcf_pixels": total(),
}


@step("xanes.lcf", each="spectrum", gives=GIVES)
class Lcf:
    r"""Amounts of reference spectra in each pixel by least squares, none below zero.

    References are brought onto the scale of the spectra by `xanes.normalise` where that stands before: the
    amounts are then parts of the edge step. They are fitted where all of them have energies.

    .. math::

        \min_{c \ge 0} \sum_E ( y(E) - \sum_k c_k r_k(E) - b(E) )^2

    y is the spectrum of a pixel, r_k are the references, b is a line or nothing.

    Unit: parts of the edge step behind `xanes.normalise`.

    Source: doi:10.1137/110821172, with `sum_to_one` doi:10.1137/1.9781611971217; the best of subsets
    doi:10.1093/biomet/76.2.297

    Example::

        - xanes.normalise
        - {use: xanes.lcf, references: [fe2.xdi, fe3.xdi], subset: 2}
    """

    preceded_by = ("xanes.absorbance",)
    block_counts = ()
    lanes = 2048  # what is made of them in double precision stays in a cache
    fill_in = {"references": ["oxidized.csv", "reduced.csv"]}
    explains = {"misfit": "R of the mean spectrum: what the references leave, of the spectrum, squared"}

    references: list[str] = param(
        [],
        kind="file",
        level="basic",
        help="files of spectra: CSV, XDI, .nor, two columns, HDF5; none = those of a simulation",
    )
    sum_to_one: bool = param(False, help="the amounts of each pixel add up to 1")
    subset: int | None = param(
        None, ge=1, le=5, help="use at most so many in a pixel, those with the best AICc"
    )
    range: list[float] | None = param(None, help="energies that are fitted, eV: [7100, 7180]")
    background: Literal["auto", "none", "constant", "line"] = param(
        "auto", help="what else a spectrum may hold; auto: none on normalised spectra, else a line"
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        own = [Mixture] if self.sum_to_one else [least_squares] * (not self.subset)
        return [*own, *[Mixture.best_subset] * bool(self.subset)]

    def check(self, data):
        """Errors: JobError without references; DataError where they cannot be read, or do not cover the
        energies."""
        self._need(data)
        if "energy" in data.coords:
            self._wanted(np.asarray(data.coords["energy"][0], np.float64))
        if self.references:
            own = read(self.references)
            if "energy" in data.coords:
                self._covered(np.asarray(data.coords["energy"][0], np.float64), own, None)

    def start(self, run, data):
        """References at the energies of the spectra, the same on all ranks. Errors: DataError, JobError."""
        self.energies = np.asarray(data.coords["energy"][0], np.float64)
        before = run.made.get("xanes.normalise")
        own = run.team.on_root(lambda: self._references(data))
        self.used, _ = self._covered(self.energies, own, before)
        self.names = [one.name for one in own]
        e = self.energies[self.used]
        self.columns = np.array([_at(one, e, before) for one in own])
        kind = self.background
        kind = ("none" if before else "line") if kind == "auto" else kind
        line = np.stack([np.ones_like(e), (e - e.mean()) / np.ptp(e)])
        self.mixture = Mixture(
            self.columns, line[: ("none", "constant", "line").index(kind)], self.sum_to_one
        )
        keep_truth(run, self._truth(data, before))
        left = "" if self.used.all() else f", fitted at {self.used.sum()} of {len(self.used)} energies"
        run.say(f"{self.name}: references {', '.join(self.names)}; background: {kind}{left}")

    def _truth(self, data, before) -> dict[str, np.ndarray]:
        """True maps of a simulation, as the fit has them: of normalised spectra parts of the edge step"""
        known = data.beside.get("amounts", {})
        if not set(self.names) <= known.keys():
            return {}
        whole = sum(known.values()) if before else 1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return {name: known[name] / whole for name in self.names}

    def _need(self, data) -> dict:
        """The references of a simulation. Errors: JobError where there are none, and the job names none."""
        known = data.beside.get("references", {})
        if not self.references and not known:
            raise JobError(
                f"{self.name}: name reference spectra: `references: [oxidized.csv, reduced.csv]`; "
                "without any, map.components finds what the pixels are made of"
            )
        return known

    def _references(self, data) -> list[Reference]:
        known = self._need(data)
        if self.references:
            own = read(self.references)
        else:
            own = [rising(name, self.energies, s, data.file) for name, s in known.items()]
        if len(own) > MOST:
            raise JobError(f"{self.name}: {len(own)} references; {MOST} at most")
        return own

    def __post_init__(self):
        if self.range is not None and (len(self.range) != 2 or self.range[0] >= self.range[1]):
            raise JobError(f"range: {self.range} is no range; write [from, to] in eV")

    def _wanted(self, e: np.ndarray) -> np.ndarray:
        """(E,) bool: energies within `range`. Errors: JobError where there is none."""
        if self.range is None:
            return np.ones(len(e), bool)
        wanted = (e >= self.range[0]) & (e <= self.range[1])
        if not wanted.any():
            there = f"the energies, {e.min():g} to {e.max():g} eV"
            raise JobError(f"{self.name}.range: {self.range} eV holds none of {there}")
        return wanted

    def _covered(self, e: np.ndarray, own: list, before) -> tuple[np.ndarray, float]:
        """(E,) bool, where all references have energies. Errors: DataError where that is too little."""
        wanted = self._wanted(e)
        used = wanted.copy()
        for one in own:
            inside = wanted & (e >= one.energies[0] - 1e-6) & (e <= one.energies[-1] + 1e-6)
            part, edge = inside.sum() / max(1, wanted.sum()), _edge_of(one, before)
            if part < COVERED:
                raise DataError(
                    f"{self.name}: {one.file} goes from {one.energies[0]:g} to {one.energies[-1]:g} eV, over "
                    f"{part:.0%} of the {wanted.sum()} energies from {e[wanted].min(initial=e[-1]):g} to "
                    f"{e[wanted].max(initial=e[0]):g} eV; {COVERED:.0%} are needed: "
                    "take another reference or a narrower `range:`"
                )
            if not e[inside][0] < edge < e[inside][-1]:
                raise DataError(
                    f"{self.name}: the edge of {one.file}, at {edge:g} eV, is not within the energies "
                    f"that are fitted, {e[inside][0]:g} to {e[inside][-1]:g} eV; is it of another element?"
                )
            used &= inside
        return used, used.sum() / max(1, wanted.sum())

    def block(self, block, info):
        """(k, energy) -> amounts, their errors, and what is left"""
        spectra, whole = filled(np.asarray(block, np.float64))
        spectra = np.ascontiguousarray(spectra[:, self.used])
        rest, coordinates = self.mixture.parts(spectra)
        if self.subset:
            x = self.mixture.best_subset(rest, coordinates, self.subset)
        else:
            x = self.mixture.amounts(coordinates, info.device)
        misfit, errors = self.mixture.judged(rest, x)
        fit = spectra - rest + self.mixture.sum_of(x)
        for values in (x, errors, misfit):
            values[~whole] = np.nan
        place = np.zeros((2, len(block), len(self.energies)))
        place[0][:, self.used], place[1][:, self.used] = spectra, fit
        place[:, ~whole] = 0
        real = info.data.dtype if info.data.dtype.kind == "f" else np.float64
        own = {"fractions": x.astype(real), "fractions_errors": errors.astype(real), "misfit": misfit}
        return own | {"_lcf_sum": place[0], "_lcf_fit": place[1], "_lcf_pixels": whole.astype(int)}

    def finish(self, run):
        """Maps by name, the mean with its fit as a picture, and a verdict."""
        sum_, fit, pixels = (run.data.pop(f"_lcf_{name}").values for name in ("sum", "fit", "pixels"))
        if not pixels:
            raise DataError(f"{self.name}: no pixel has a spectrum")
        rest, coordinates = self.mixture.parts(sum_[None, self.used] / pixels)
        x = self.mixture.amounts(coordinates, Cpu(threads=1))
        misfit = float(self.mixture.judged(rest, x)[0][0])
        means = {name: float(v) for name, v in zip(self.names, x[0])}
        named(run, "fractions", self.names, errors="fractions_errors")
        own = {"misfit": misfit, "of_the_mean": means, "energies": int(self.used.sum())}
        run.result.notes.setdefault("xanes", {})["lcf"] = own
        axes = {"energy": (self.energies[self.used], "eV")}
        curves = np.stack([sum_, fit])[:, self.used] / pixels
        title, marks = (
            "mean spectrum and its fit",
            Marks(("mean of the pixels", "fit"), "normalised absorption"),
        )
        run.result.pictures["fit"] = Signal(curves, axes, "", title, "spectrum", marks=marks)
        text = ", ".join(f"{name} {v:.3f}" for name, v in means.items())
        run.say(f"{self.name}: mean spectrum: {text}; R {misfit:.2g}")
        words = f"the references leave {misfit:.1%} of the mean spectrum; is one missing?"
        bad = misfit > BAD
        give(run, self.name, "doubtful" if bad else "good", words if bad else "", misfit=misfit)


def _edge_of(one: Reference, before) -> float:
    """eV, the edge of a reference: the one that the job gives for all, else its own steepest rise."""
    if before is not None and before.e0 != "auto":
        return float(before.e0)
    return float(one.energies[edge_numbers(one.energies, one.values[None])[0]])


def _at(one: Reference, e: np.ndarray, before) -> np.ndarray:
    """(E,) a reference at these energies, between 0 and 1 as the spectra where these are normalised.

    Errors: DataError where it does not reach far enough before or behind its edge.
    """
    from scipy.interpolate import PchipInterpolator

    values = one.values
    if before is not None:
        edge = Edge(one.energies, _edge_of(one, before), before.ranges)
        (norm,), (height,), _ = edge.normalised(values[None])
        if not height > 0:
            raise DataError(
                f"{one.file}: the edge step of the reference {one.name} is {height:.3g}, not above 0"
            )
        values = norm
    return PchipInterpolator(one.energies, values, extrapolate=True)(e)
