"""Slices from sinograms on one thread of a CPU: nanompi's direct methods beside those of other programs.

    python benchmarks/tomo.py [--sizes 512x720 1024x1200 2048x1800] [--repeat 3] [--threads 2]

Beside algotom (Apache-2), ASTRA (GPL 3) and scikit-image where they are installed (`pip install algotom
astra-toolbox scikit-image`): none of them is a part of nanompi, which never loads them. A phantom of ellipses
with exact integrals over each column, the axis in the middle, the ramp filter without a window. CPU seconds
of a slice, in turns in one run: the median, and the least in brackets. Error: root mean square within 0.9 of
the radius, of the largest value, up to 1024 columns. Sum: of the slice, of that of the truth.
algotom's back-projection adds from several threads to one place: NUMBA_NUM_THREADS is 1.
"""

import os
import warnings
from time import perf_counter, process_time
from types import SimpleNamespace

import numpy as np
from harness import ONE_THREAD, options, report, timed, turns

from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.phantom import grains
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP
from nanompi.methods.tomo.recon.fourier import Fourier

SLICES = 16  # that nanompi makes at once, as a run does
LARGEST = 1024  # columns of a truth that is averaged over pixels in sensible time
OURS = {"nanompi fourier": Fourier, "nanompi fbp": FBP}
OPTIONS = SimpleNamespace(window="ramp", cutoff=1.0, pad="edge", circle=1.0)
MOST = {
    "ASTRA strip": 512,
    "scikit-image": 512,
    "algotom FBP": 1024,
    "algotom DFI": 1024,
    "ASTRA linear": 1024,
}


def ours(method, p, angles, device):
    """Makes slices of copies of one sinogram."""
    K = p.shape[1]
    own = method(Rays(angles, weights(angles), K, K), OPTIONS, device)
    block, axes = np.repeat(p[None], SLICES, 0), np.full(SLICES, (K - 1) / 2)
    return lambda: own.slices(block, axes)[0]


def algotom(p, angles) -> dict:
    """Its two direct methods."""
    import algotom.rec.reconstruction as rec

    how = {"angles": angles, "apply_log": False, "ncore": 1, "ratio": None, "filter_name": None}
    middle = (p.shape[1] - 1) / 2
    return {
        "algotom FBP": lambda: rec.fbp_reconstruction(p, middle, gpu=False, **how),
        "algotom DFI": lambda: rec.dfi_reconstruction(p, middle, **how),
    }


def astra(p, angles) -> dict:
    """Its filtered back-projection, with two of its projectors."""
    import astra as a

    volume, K = a.create_vol_geom(p.shape[1], p.shape[1]), p.shape[1]

    def one(kind):
        rays = a.create_proj_geom("parallel", 1.0, K, angles)
        projector = a.create_projector(kind, rays, volume)
        data, image = a.data2d.create("-sino", rays, p), a.data2d.create("-vol", volume)
        words = a.astra_dict("FBP") | {"ProjectorId": projector, "ProjectionDataId": data}
        work = a.algorithm.create(
            words | {"ReconstructionDataId": image, "option": {"FilterType": "ram-lak"}}
        )
        a.algorithm.run(work)
        out = a.data2d.get(image)
        a.algorithm.delete(work)
        a.data2d.delete([data, image])
        a.projector.delete(projector)
        return out

    return {f"ASTRA {kind}": lambda kind=kind: one(kind) for kind in ("linear", "strip")}


def scikit_image(p, angles) -> dict:
    """Its filtered back-projection."""
    from skimage.transform import iradon

    return {"scikit-image": lambda: iradon(p.T, theta=np.degrees(angles), filter_name="ramp", circle=True)}


def others(p, angles) -> dict:
    """The ways of what is installed, where they end in sensible time."""
    ways = {}
    for more in (algotom, astra, scikit_image):
        try:
            ways |= more(p, angles)
        except ImportError as e:
            print(f"without {e.name}")
    return {name: work for name, work in ways.items() if p.shape[1] <= MOST[name]}


def truths(phantom, K) -> list:
    """As each program may lay it: turned, mirrored."""
    image = phantom.slice(0, 1, K)
    return [turned for k in range(4) for turned in (np.rot90(image, k), np.rot90(image, k).T)]


def judged(image, known, mass: float) -> dict:
    """Error, against the truth that it is nearest to, and sum; mass : of the phantom."""
    own, K = {"sum": f"{image.sum(dtype=np.float64) / mass:.5f}"}, len(image)
    if not known:
        return own
    y, x = np.indices((K, K)) - (K - 1) / 2
    inside = np.hypot(x, y) < 0.45 * K
    errors = [np.sqrt(np.mean((image - one)[inside] ** 2)) / one.max() for one in known]
    return {"error": float(min(errors))} | own


def size(text: str, given):
    """Rows of the table of one size."""
    K, A = map(int, text.split("x"))
    phantom, angles = grains(K, 1, 1.5, seed=1, n=60), np.arange(A) * np.pi / A
    p = np.stack([phantom.projection(a, 1, K, (K - 1) / 2)[0] for a in angles]).astype(np.float32)
    work = {name: ours(method, p, angles, Cpu()) for name, method in OURS.items()} | others(p, angles)
    known = truths(phantom, K) if K <= LARGEST else []
    figures = {name: judged(np.asarray(one()), known, phantom.mass(0, 1)) for name, one in work.items()}
    took = turns({name: timed(one, clock=process_time) for name, one in work.items()}, given.repeat)
    took = {name: np.array(t) / (SLICES if name in OURS else 1) for name, t in took.items()}
    unit = np.median(took["nanompi fourier"])
    for name, seconds in took.items():
        yield {
            "size": f"{K}² x {A}",
            "program": name,
            "CPU s a slice": f"{np.median(seconds):.4f} ({min(seconds):.4f})",
            "times fourier": float(np.median(seconds) / unit),
            "GUPS": float(np.pi / 4 * K * K * A / np.median(seconds) / 1e9),
            **figures[name],
        }


def threads(text: str, given):
    """Rows of the table with threads: seconds of the wall, and are the bits the same?"""
    K, A = map(int, text.split("x"))
    phantom, angles = grains(K, 1, 1.5, seed=1, n=60), np.arange(A) * np.pi / A
    p = np.stack([phantom.projection(a, 1, K, (K - 1) / 2)[0] for a in angles]).astype(np.float32)
    for name, method in OURS.items():
        work = {n: ours(method, p, angles, Cpu(threads=n)) for n in (1, given.threads)}
        same = len({one().tobytes() for one in work.values()}) == 1
        took = turns({n: timed(one, clock=perf_counter) for n, one in work.items()}, given.repeat)
        wall = {n: min(t) / SLICES for n, t in took.items()}
        row = {f"{n} threads, wall s": wall[n] for n in work}
        ratio = wall[1] / wall[given.threads]
        yield {"size": f"{K}² x {A}", "program": name, **row, "ratio": ratio, "same bits": same}


def main():
    given = options(__doc__, sizes=["512x720", "1024x1200", "2048x1800"], repeat=3, threads=1)
    warnings.filterwarnings("ignore")  # of other programs
    os.environ.update(ONE_THREAD)  # nobody has asked numba yet
    rows = threads if given.threads > 1 else size
    report(given, (row for text in given.sizes for row in rows(text, given)))


if __name__ == "__main__":
    main()
