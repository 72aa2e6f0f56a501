"""The columns of `xrf.calibrate` and the method lsq of `xrf.fit` beside PyMca's.

    python benchmarks/pymca.py [--data FOLDER] [--store tests/methods/maps/xrf/pymca.npz]

Needs PyMca5, whose fisx has no wheels and wants a C++ compiler: pip install PyMca5 fisx. Without escape
peaks and with them: each column against PyMca's, on the scale of the example Steel.cfg that comes with it,
both of the sum 1; differences are parts of the highest channel. Then its fast linear fit of 20 spectra,
noisy copies of its Steel.spe, against lsq on PyMca's own matrix. With --data FOLDER (the one that holds
S3_xrf_2ide) the sum spectrum of the first detector of S3's film, without its background, is fitted with the
columns of each program; areas are compared. --store writes PyMca's matrices, spectra and areas, which a
test of the program compares with.
"""

import os

import numpy as np
from harness import options, report

from nanompi.device import Cpu
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.xrf.response import START, Detector, columns, peaks_of

ENERGY = 16e3  # eV, of the beam of Steel.cfg
PAIR = 3.85 / 3.66  # eV for a pair of charges in PyMca over that here: widths of peaks are the same
PEAKS = {
    "Ca": "K",
    "V": "K",
    "Cr": "K",
    "Mn": "K",
    "Ni": "K",
    "Cu": "K",
    "As": "K",
    "La": "L",
    "W": "L",
    "Pb": "L",
}
SPECTRA, COUNTS = 20, 20000
BELOW = 8.6e3, 1.0e3  # eV, of S3: what lies below the scattered light of 10 keV, and above noise


def configuration(peaks: dict[str, str], escape: bool, detector=None, energy: float = 0.0, channels=None):
    """PyMca's for plain peaks: no tails, strips, sums, scatter or layers"""
    from PyMca5 import PyMcaDataDir
    from PyMca5.PyMcaIO import ConfigDict

    out = ConfigDict.ConfigDict()
    out.read(os.path.join(PyMcaDataDir.PYMCA_DATA_DIR, "Steel.cfg"))
    plain = {"hypermetflag": 1, "sumflag": 0, "scatterflag": 0, "stripflag": 0, "continuum": 0}
    out["fit"].update(plain | {"linearfitflag": 1, "stripalgorithm": 1, "escapeflag": int(escape)})
    for one in out["attenuators"].values():
        one[0] = 0
    out["peaks"] = dict(peaks)
    out["detector"].update(detector or {})
    if energy:
        out["fit"]["energy"] = [energy / 1e3, *out["fit"]["energy"][1:]]
    if channels:
        out["fit"].update(xmin=channels[0], xmax=channels[1] - 1)
    return out


def matrix(config, y) -> tuple[np.ndarray, list[str], slice]:
    """(columns (n, m), names, channels) as PyMca has them"""
    from PyMca5.PyMcaPhysics.xrf.FastXRFLinearFit import FastXRFLinearFit

    fit = FastXRFLinearFit()
    theory, at = fit._mcaTheory, config["fit"]
    theory.setConfiguration(config)
    theory.enableOptimizedLinearFit()
    theory.setData(x=np.arange(len(y)), y=y, xmin=at["xmin"], xmax=at["xmax"])
    D, names, *_ = fit._fitCreateModel(dtype=np.float64)
    channels = theory.xdata.ravel().astype(int)
    return D, ["_".join(name.split()) for name in names], slice(channels[0], channels[-1] + 1)


def areas(config, spectra) -> np.ndarray:
    """(k, m) of PyMca's fast fit, without weights"""
    from PyMca5.PyMcaPhysics.xrf.FastXRFLinearFit import FastXRFLinearFit

    found = FastXRFLinearFit().fitMultipleSpectra(
        y=spectra[None], configuration=config, weight=0, refit=0, concentrations=0, save=False
    )
    return np.array(found["parameters"]).reshape(-1, len(spectra)).T


def own(names, p: dict, channels: slice, energy: float, chip: str) -> np.ndarray:
    """The same columns of this program"""
    peaks = peaks_of(names, energy, Detector((), chip))
    return columns(p, peaks, channels.start, channels.stop)[:, : len(names)]


def scale(detector: dict, energy: float) -> dict:
    """Parameters of a detector here, of those of PyMca (keV)"""
    words = {"offset": "zero", "slope": "gain", "noise": "noise"}
    given = {name: 1e3 * detector[word] for name, word in words.items()}
    return START | given | {"fano": detector["fano"] * PAIR, "tail": 0.0, "step": 0.0, "energy": energy}


def steel() -> np.ndarray:
    """Counts of PyMca's example"""
    from PyMca5 import PyMcaDataDir
    from PyMca5.PyMcaIO import specfilewrapper

    file = os.path.join(PyMcaDataDir.PYMCA_DATA_DIR, "Steel.spe")
    return specfilewrapper.Specfile(file)[0].mca(1).astype(float)


def of_columns(y, kept: dict):
    """A row for each column, without escape peaks and with them; the latter into `kept`"""
    for escape in (False, True):
        config = configuration(PEAKS, escape)
        D, names, channels = matrix(config, y)
        here = own(names, scale(config["detector"], ENERGY), channels, ENERGY, "Si" * escape)
        about = {word: config["detector"][word] for word in ("zero", "gain", "noise", "fano")}
        kept |= about | {
            "columns": D.astype(np.float32),
            "names": names,
            "channels": [channels.start, channels.stop],
        }
        for name, a, b in zip(names, (D / D.sum(0)).T, (here / here.sum(0)).T):
            off = abs(a - b).max() / a.max()
            yield {"what": name + ", escape" * escape, "of the peak": off, "overlap": np.minimum(a, b).sum()}


def of_fit(y, kept: dict):
    """A row: lsq on PyMca's matrix against its fast fit"""
    rng = np.random.default_rng(0)
    spectra = rng.poisson(np.tile(y / y.sum() * COUNTS, (SPECTRA, 1))).astype(np.uint16)
    config = configuration(PEAKS, True)
    D, _, channels = matrix(config, y)
    theirs = areas(config, spectra.astype(np.float32))
    found, *_ = LinearFit(D).fit(Cpu(), spectra[:, channels], method="lsq", errors=False)
    kept |= {"spectra": spectra[:, channels], "areas": theirs}
    yield {"what": "lsq, Steel", "of the largest area": abs(found - theirs).max() / abs(theirs).max()}


def of_film(folder: str):
    """Rows of areas of S3's film by both programs, each with its own columns"""
    from nanompi.methods.maps.read.mda import MdaSpectra
    from nanompi.methods.maps.xrf.detectors import Task, best_shape
    from nanompi.methods.maps.xrf.shape import under

    data = MdaSpectra().open(os.path.join(folder, "S3_xrf_2ide/axo_std.mda"), None)["data"]
    counts = data.source.read(np.arange(data.shape[0])).sum((0, 1), dtype=float)[0]
    shape, _ = best_shape(counts, Task((), True, 10e3, 900.0, 10.5e3))
    first, last = ((e - shape.p["offset"]) / shape.p["slope"] for e in reversed(BELOW))
    y = np.clip(counts - under(counts, shape.p["slope"]), 0, None)
    detector = {"zero": shape.p["offset"] / 1e3, "gain": shape.p["slope"] / 1e3}
    detector |= {"noise": shape.p["noise"] / 1e3, "fano": shape.p["fano"] / PAIR}
    peaks = dict(name.split("_") for name in shape.scene.names)
    config = configuration(peaks, True, detector, 10e3, (int(first), int(last)))
    D, names, channels = matrix(config, y)
    theirs = areas(config, y[None].astype(np.float32))[0] * D.sum(0)
    A = own(names, scale(config["detector"], 10e3), channels, 10e3, "Si")
    found, *_ = LinearFit(A).fit(Cpu("double"), y[None, channels], method="lsq", errors=False)
    for name, a, b in zip(names, theirs, found[0] * A.sum(0)):
        yield {
            "what": f"{name}, S3",
            "PyMca": float(a),
            "own": float(b),
            "off by": abs(a - b) / abs(theirs).max(),
        }


def rows(given):
    """All of them"""
    y, kept = steel(), {}
    yield from of_columns(y, kept)
    yield from of_fit(y, kept)
    if given.data:
        yield from of_film(given.data)
    if given.store:
        np.savez_compressed(given.store, **kept)


def main():
    given = options(__doc__, data="", store="")
    from PyMca5 import version

    report(given, rows(given), PyMca=version())


if __name__ == "__main__":
    main()
