"""The step `ptycho.finish`: from object and probe to a result that people and viewers can read."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.ptycho.judged import FIGURES, HISTORY
from nanompi.methods.ptycho.modes import orthogonalise, power
from nanompi.methods.ptycho.pictures import begins, convergence
from nanompi.optics.frc import SEVENTH
from nanompi.optics.geometry import energy_of
from nanompi.optics.ramp import remove_ramp, scanned_area, usual_light
from nanompi.run.figures import Figure
from nanompi.run.result import Marks, Signal, result_holds
from nanompi.step import param, step

SIGN = (
    "of waves exp(+i k z): matter with the refractive index 1 - delta + i beta lowers the phase, by 2 pi / "
    "wavelength times delta times its thickness. Its level and its slope are free, and were taken off"
)
ITEMS, VALUES = "held/frame", "held/data"  # in the result: frames left out, and what `held` is the mean of


@step("ptycho.finish", needs=["ptycho"], gives=["image"])
class Finish:
    r"""Remove the phase ramp, crop to the scanned area, order the probe modes; the raw object is kept.

    run.made["image"] : (H, W) complex on rank 0, None elsewhere

    .. math::

        O'(r) = O(r)\, e^{-i (k \cdot r + c)}

    k and c make the phase of what was lit flat on the average; the modes are those of which each has as
    much of the power as any can have.

    Unit: phase in rad, lengths in m.

    Source: no paper.

    Example::

        - ptycho
        - {use: ptycho.finish, crop: 0.3}
    """

    crop: float = param(
        0.1, ge=0, lt=1, help="the image shows what got more than this part of the usual illumination"
    )

    gives_figures = {
        "R": Figure(score="R"),
        "llk": Figure(score="llk", best=1.0, instead="R"),
        "held": Figure("held", instead="R_held", usual=True, held_out=True, items=ITEMS, values=VALUES),
        "R_held": Figure(score="R-held", instead="llk", held_out=True),
        "eps_held": Figure(),
        "confirmed": Figure(),
        "photons": Figure(),
        "phase_rmse": Figure(score="truth"),
        "resolution_nm": Figure(),
    }

    def summary(self, run, folder) -> dict[str, float]:
        """Figures of the last iteration; phase error and resolution where the truth is known (rank 0)."""
        metrics = run.result.notes.get("metrics", {})
        own = {name: metrics[name] for name in self.gives_figures if name in metrics}
        return own | (against_truth(folder) if run.data["data"].truth else {})

    @staticmethod
    def compares(path: str) -> bool:
        """Is it no result of this program without an object?"""
        return result_holds(path, "object/data")

    @staticmethod
    def compare(a: str, b: str, show: dict | None = None) -> dict:
        """Two results, or a result and its own truth, in numbers (`ptycho.compare`). Errors: DataError."""
        from nanompi.methods.ptycho.compare import compare

        return compare(a, b, show)

    def run(self, run):
        run.made["image"] = None
        if run.team.root:
            with run.clock.phase("finish"):
                self._fill(run)

    def _fill(self, run):
        """Image, arrays, signals and notes into the result of a run (rank 0)"""
        found = run.made["ptycho"]
        image, box, mask, ramp = scanned_image(found.O, found.weight, self.crop, run.device.threads)
        run.made["image"] = image
        r = run.result
        r.main = "phase"
        r.arrays |= raw_arrays(run, found)
        r.arrays |= {
            "image_1/data": image,
            "image_1/mask": mask[box].astype(np.uint8),
            "image_1/origin": (np.array([box[0].start, box[1].start], float), {"units": "px"}),
        }
        weight = r.arrays["object/weight"]
        r.signals |= image_signals(image, found.geometry.pixel, weight[box], usual_light(weight))
        r.signals["probe"] = probe_signal(found.P, found.geometry.pixel)
        r.signals["convergence"] = history_signal(found.history)
        r.pictures |= convergence(found.history)
        if found.places.reach:
            r.pictures["moved"] = moves_signal(run.data["data"].positions, found)
        if found.halves:
            r.signals["frc"] = frc_signal(found.halves)
            r.notes["resolution"] = found.halves.figures()
        g = found.geometry
        r.notes |= {
            "geometry": {
                "wavelength": g.wavelength,
                "energy": energy_of(g.wavelength),
                "distance": g.distance,
                "detector_pixel": list(g.detector),
                "focus": g.focus,
                "object_pixel": list(g.pixel),
            },
            "preparation": run.data["frames"].preparation,
            "input": run.data["data"].notes,
            "frames": {"fingerprint": run.data["data"].fingerprint},
            "ramp_removed": {"value": list(ramp), "unit": "rad per pixel (row, column)"},
            "metrics": last_figures(found.history),
        }


def against_truth(folder) -> dict[str, float]:
    """Phase error and resolution of the result in a run folder; {} where too small an area is well lit."""
    from nanompi.methods.ptycho.compare import compare

    try:
        figures = compare(str(folder), "truth")
    except DataError:
        return {}
    return {"phase_rmse": figures["phase_rmse"], "resolution_nm": figures["resolution_nm"]["half_bit"]}


def scanned_image(O, weight, part, threads: int = 1):
    """(cropped object without ramp, box of slices, mask (H, W), ramp (2,))"""
    mask, box = scanned_area(weight, part)
    image, ramp = remove_ramp(O[box], (weight * mask)[box], threads)
    return image, box, mask, ramp


def raw_arrays(run, found) -> dict:
    """What a later run or another program needs, unchanged: object, probe, places, history, truth"""
    scan = run.data["data"]
    P, owner = orthogonalise(found.P), np.empty(len(found.places.at), np.int32)
    for rank, part in enumerate(scan.parts):
        owner[part] = rank
    arrays = {
        "object/data": found.O,
        "object/weight": found.weight.astype(np.float32),
        "object/pixel_size": (np.array(found.geometry.pixel), {"units": "m"}),
        "object/corner": (np.array(found.places.origin), {"units": "m"}),
        "probe/data": P,
        "probe/power": power(P),
        "positions/measured": (scan.positions, {"units": "m"}),
        "positions/corners": (found.places.corners, {"units": "px"}),
        "partition/rank": owner,
    }
    arrays |= {f"probe/{name}": a for name, a in found.variation.items()}
    if found.places.reach:
        moved = found.places.rounded() * found.geometry.pixel
        arrays["positions/refined"] = (scan.positions + moved, {"units": "m"})
    if found.flux is not None:
        arrays["flux/data"] = found.flux  # relative to the monitor, where the scan has one; nan: not seen
    if found.background:
        arrays["background/data"] = (np.array(found.background), {"units": "counts"})
    arrays |= {f"left_out/{why}": numbers for why, numbers in scan.left_out.items()}
    if scan.numbers is not None:
        arrays["positions/number"] = scan.numbers  # in the file
    arrays |= held_arrays(found.held)
    arrays |= history_arrays(found.presolve, "presolve")
    return arrays | history_arrays(found.history) | {f"truth/{k}": v for k, v in scan.truth.items()}


def held_arrays(held) -> dict:
    """The frames left out, the deviance of each, what noise alone would give, and deviance over the mean of
    that, (n,) each"""
    if not held:
        return {}
    own = {f"held/{name}": np.array(values) for name, values in held.items()}
    return own | {VALUES: own["held/deviance"] / own["held/expected"].mean()}


def history_arrays(history, group: str = "history") -> dict:
    """group/<name> : (iterations,), NaN where a figure was not computed"""
    names = dict.fromkeys(k for row in history for k in row)
    columns = {n: [row.get(n, np.nan) for row in history] for n in names}
    arrays = {n: np.array(c, "S" if n == "engine" else float) for n, c in columns.items()}
    return {f"{group}/{n}": (a, _described(n)) for n, a in arrays.items()}


def _described(name: str) -> dict[str, str]:
    """Unit and meaning of a column of the history; of those of a foreign engine nothing is known."""
    unit, meaning = HISTORY.get(name, ("", FIGURES.get(name, "")))
    return {"units": unit, "long_name": meaning} if meaning else {}


def image_signals(image, pixel, seen, usual) -> dict[str, Signal]:
    """Phase and amplitude with axes in m from the corner of the image. seen, usual : as `Signal` has them"""
    axes = {n: (np.arange(s) * p, "m") for n, s, p in zip("yx", image.shape, pixel)}
    return {
        "phase": Signal(np.angle(image), axes, "rad", "phase of the object", "angle", seen, usual, SIGN),
        "amplitude": Signal(np.abs(image), axes, "", "amplitude of the object", "image", seen, usual),
    }


def probe_signal(P, pixel) -> Signal:
    """Probe modes at the sample, strongest first. P : (M, h, w) complex; pixel : (2,) m"""
    P = orthogonalise(P)
    axes = {n: ((np.arange(s) - s // 2) * p, "m") for n, s, p in zip("yx", P.shape[1:], pixel)}
    title = "probe modes" if len(P) > 1 else "probe"
    return Signal(P, {"mode": (np.arange(len(P)), ""), **axes}, "", title, "modes")


def history_signal(history) -> Signal:
    """Poisson deviance over its expectation, over the iterations; R where there is no counting noise"""
    rows = [row for row in history if "R" in row]
    at = np.array([row["iteration"] for row in rows], float)
    name = "llk" if all("llk" in row for row in rows) else "R"
    title = {"llk": "deviance over its expectation, 1 = counting noise", "R": "R-factor"}[name]
    marks = Marks(begins=begins(history), aim=1.0 if name == "llk" else None)
    values = np.array([row[name] for row in rows])
    return Signal(values, {"iteration": (at, "")}, "", title, "curve", marks=marks)


def moves_signal(measured, found) -> Signal:
    """Where the frames were measured, and how far from there they are. measured : (n, 2) m"""
    moved = found.places.rounded() * found.geometry.pixel
    return Signal(np.stack([measured, moved], 1), {}, "m", "displacements of the frames", "arrows")


def frc_signal(halves) -> Signal:
    """The FRC of two halves over spatial frequency, with half a bit and 1/7"""
    curve, coarse = halves.curve, max(halves.pixel)
    lines = np.stack([curve.value, curve.half_bit, np.full(len(curve.value), SEVENTH)])
    title = f"Fourier ring correlation of halves of the {halves.way}, half a bit, 1/7"
    axes = {"line": (np.arange(3), ""), "frequency": (curve.frequency / coarse, "1/m")}
    marks = Marks(("correlation", "half a bit", "1/7"), "Fourier ring correlation")
    return Signal(lines, axes, "", title, "curve", marks=marks)


def last_figures(history) -> dict[str, float]:
    """The figures of the last iteration that has them"""
    rows = [row for row in history if "R" in row]
    return {k: v for k, v in rows[-1].items() if k != "engine"} if rows else {}
