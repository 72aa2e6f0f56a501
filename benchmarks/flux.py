"""Phase error with and without the corrections for flux and background, on random scenes with their truth.

    python benchmarks/flux.py --fault flux       --seeds 11 12    10 and 30 % rms, a drift, absorbing samples
    python benchmarks/flux.py --fault background --seeds 11 12    0, 2 and 5 counts in each pixel
    python benchmarks/flux.py --fault few        --seeds 11 12    good scans of 300 and 2,000 counts a frame

64² pixels, 200 frames, 1e6 counts; DM*40 ML*40 from the start probe that the program finds. Error: rms of the
phase in rad where the sample is well lit, a constant and a ramp removed. `known`: the true flux as a monitor
would tell it.
"""

import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
from harness import options, report

from nanompi.device.cpu import Cpu
from nanompi.methods import discover
from nanompi.methods.ptycho import background, flux
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.positions import place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.read import scene
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.start import StartProbe, start_probe
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator
from nanompi.step import METHODS
from nanompi.timing import Clock

SIZE, FRAMES = 64, 200


@dataclass
class Fault:
    """rms : of the flux; drift : from 1 - drift to 1 + drift along the scan; back : counts in each pixel"""

    rms: float = 0.0
    drift: float = 0.0
    back: float = 0.0
    counts: float = 1e6
    absorbing: float = 0.0


FAULTS = {
    "flux": {"good": Fault(), "10 %": Fault(rms=0.1), "30 %": Fault(rms=0.3), "drift 20 %": Fault(drift=0.2),
             "absorbing": Fault(absorbing=1.5), "absorbing, 10 %": Fault(absorbing=1.5, rms=0.1)},
    "background": {"0": Fault(), "2": Fault(back=2), "5": Fault(back=5)},
    "few": {"300 counts": Fault(counts=300), "2,000 counts": Fault(counts=2000)},
}  # fmt: skip


@dataclass
class Scene:
    """Frames of 64² with the zero frequency at [0, 0], their places, and what is true of them."""

    I: np.ndarray
    places: object
    geometry: Geometry
    O: np.ndarray
    flux: np.ndarray


def scene_of(seed: int, fault: Fault) -> Scene:
    """The scene of a seed: object, lens, positions are the same for all faults."""
    rng, noise = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    geometry, n = Geometry(1.55e-10, 2.0, (55e-6, 55e-6), (SIZE, SIZE)), SIZE
    step = rng.uniform(0.08, 0.12) * n
    corners = scene.spiral(FRAMES, step) if rng.integers(2) else scene.raster(FRAMES, step, rng)
    places = place(np.rint(corners) * geometry.pixel, geometry.pixel, geometry.shape)
    O, P = sample(places.shape, rng, fault.absorbing), lens(rng)
    P = P * np.sqrt(fault.counts / (np.abs(P) ** 2).sum())
    bright = np.maximum(0.05, 1 + fault.rms * noise.standard_normal(FRAMES))
    bright *= 1 + fault.drift * np.linspace(-1, 1, FRAMES)
    bright /= bright.mean()
    views = np.array([O[y : y + n, x : x + n] for y, x, _ in places.at])
    a = np.abs(np.fft.fft2(P * views, norm="ortho")) ** 2
    a *= fault.counts / a.sum((1, 2)).mean()
    I = noise.poisson(bright[:, None, None] * a + fault.back).astype(np.uint16)
    return Scene(I, places, geometry, O, bright)


def sample(shape, rng, absorbing: float) -> np.ndarray:
    """A star or three textures; absorbing: so much in exponents of amplitude, in large pieces"""
    coarse = scene.smooth_noise(shape, 20.0, rng)
    textures = [scene.smooth_noise(shape, width, rng) for width in (2.0, 5.0, 12.0)]
    star = scene.siemens_star(shape, int(rng.integers(16, 40)))
    t = 0.7 * star + 0.3 * textures[1] if rng.integers(2) else sum(textures) / 3
    return np.exp(-(rng.uniform(0.1, 0.5) + 1j * rng.uniform(0.4, 1.8)) * t - absorbing * (coarse > 0.6))


def lens(rng) -> np.ndarray:
    """(1, n, n): a lens with a central stop, defocus of either sign, astigmatism"""
    k = np.arange(SIZE) - SIZE // 2
    r, R = np.hypot(k[:, None], k), rng.uniform(0.11, 0.18) * SIZE
    pupil = scene.soft((R - r) / 1.5) * scene.soft((r - rng.uniform(0.15, 0.45) * R) / 1.5)
    curve = rng.choice([-1, 1]) * rng.uniform(0.26, 0.4) * np.pi / (2 * R)
    phase = curve * r**2 + rng.uniform(0, 0.6) * (k[:, None] ** 2 - k**2) / R**2
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(pupil * np.exp(1j * phase)), norm="ortho"))[None]


def started(s: Scene, monitor=None, flux_on=False, back=0.0) -> Problem:
    """The problem of a scene with the program's own start probe."""
    d, said = Cpu("single", 1), []
    frames = Frames(values=s.I, index=np.arange(FRAMES), mask=np.ones((SIZE, SIZE), bool), corner=True,
                    pixel=s.geometry.pixel, scale=monitor)  # fmt: skip
    p = Problem.of(Team(), d, frames, s.places, propagator(d, s.geometry))
    p.O = np.ones(s.places.shape, d.complex)
    where = s.places.corners * s.geometry.pixel
    run = Run(
        p.team, d, {"data": SimpleNamespace(positions=where, probe=None), "frames": frames}, said.append
    )
    p.background = background.floor(p) if back == "auto" else back
    if flux_on:
        flux.begin(p, monitored=monitor is not None)
    p.P = d.array(start_probe(StartProbe(), flux.as_scale(run, p), p, s.geometry), d.complex)
    return p


@dataclass
class Run:
    """As much of a run as the search for the start probe looks at."""

    team: Team
    device: Cpu
    data: dict
    say: object
    control: object = None

    def __post_init__(self):
        self.clock = Clock()


def reached(s: Scene, chain="DM*40 ML*40", **how) -> dict:
    """Phase error and figures at the end."""
    begun = time.process_time()
    p = started(s, **how)
    engines = [METHODS["engine"][e.split("*")[0]](iterations=int(e.split("*")[1])) for e in chain.split()]
    run_chain(engines, p, 1000, lambda text: None)
    bright = p.flux
    return {
        "error": phase_error(p, s.O),
        "llk": figures(p)["llk"],
        "flux off by": float(np.std(bright - s.flux)),
        "back": p.background,
        "CPU s": time.process_time() - begun,
    }


def phase_error(p, O) -> float:
    """rms phase difference to the true object where it is well lit, shift, constant and ramp removed"""
    weight = p.object_weights(p.shifts.library(p.P))
    lit = weight > 0.3 * np.percentile(weight[weight > 0.05 * weight.max()], 95)
    shift = np.unravel_index(
        np.abs(np.fft.ifft2(np.fft.fft2(p.O * lit) * np.fft.fft2(O * lit).conj())).argmax(), O.shape
    )
    d = p.O * np.roll(O, shift, (0, 1)).conj()
    for axis in (0, 1):
        a, b = np.take(d, range(1, d.shape[axis]), axis), np.take(d, range(d.shape[axis] - 1), axis)
        slope = np.angle((a * b.conj() * np.take(lit, range(1, d.shape[axis]), axis)).sum())
        ramp = np.exp(-1j * slope * np.arange(d.shape[axis]))
        d = d * (ramp[:, None] if axis == 0 else ramp)
    d = d * np.exp(-1j * np.angle(d[lit].sum()))
    return float(np.sqrt((np.angle(d[lit]) ** 2).mean()))


def ways(s: Scene, kind: str) -> dict[str, dict]:
    """The corrections to compare for a kind of fault."""
    if kind == "background":
        return {"off": {"flux_on": True}, "auto": {"flux_on": True, "back": "auto"}}
    return {"known": {"monitor": s.flux}, "off": {}, "on": {"flux_on": True}}


def main():
    given = options(__doc__, fault=tuple(FAULTS), seeds=["11", "12", "13"])
    discover()
    rows = []
    for seed in map(int, given.seeds):
        for name, fault in FAULTS[given.fault].items():
            s = scene_of(seed, replace(fault))
            rows += [
                {"seed": seed, "fault": name, "way": way, **reached(s, **how)}
                for way, how in ways(s, given.fault).items()
            ]
            print(
                {k: round(v, 4) if isinstance(v, float) else v for row in rows[-3:] for k, v in row.items()}
                and rows[-len(ways(s, given.fault)) :],
                flush=True,
            )
    report(given, rows)


if __name__ == "__main__":
    main()
