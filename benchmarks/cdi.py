"""Coherent diffraction imaging: iterations beside plain NumPy and SciPy, and how near to the truth it comes.

    python benchmarks/cdi.py [--sizes 128 256 512] [--volume 64] [--starts 20] [--photons 1e6] [--seeds 1 2]
                             [--repeat 5]

In turns, on one thread and in single precision: an iteration of RAAR of one start, its two transforms alone,
and the same iteration written with scipy.fft and NumPy arrays. Then so many starts of objects of 128 x 128
pixels, without phase and with two phases, against the noise limit, which is ER from the truth in the support
of the truth: errors of the best start, of the average, and of the image that the step makes of it, over that
of the limit; and CPU seconds of the starts and of that last part.
"""

from statistics import median
from time import process_time

import numpy as np
from harness import options, report, timed, turns
from scipy.fft import fftn, ifftn

from nanompi.device import Cpu
from nanompi.methods import discover
from nanompi.methods.cdi.compare import error_of
from nanompi.methods.cdi.pattern import Pattern, held_out
from nanompi.methods.cdi.phase import Phasing
from nanompi.methods.cdi.refine import Refine
from nanompi.methods.cdi.simulate import PatternSimulation, mean_counts, object_of
from nanompi.methods.cdi.solutions import best_of, combine
from nanompi.methods.cdi.support import Support, from_autocorrelation


def pattern(s: PatternSimulation, heldout: float = 0.02) -> Pattern:
    """With counting noise, in FFT order"""
    counts = np.random.default_rng(s.seed).poisson(np.fft.ifftshift(mean_counts(s))).astype(np.float32)
    good = np.ones(counts.shape, bool)
    held = held_out(good, heldout, 1)
    return Pattern(counts, good & ~held, held, (0.0,) * counts.ndim, counts.shape)


def phasing(p: Pattern, words: str, S0=None, **more) -> Phasing:
    """On one thread"""
    links = [discover()["projection"][n](iterations=int(k)) for n, k in (w.split("*") for w in words.split())]
    support = Support(shrink=S0 is None)
    S0 = from_autocorrelation(p, support.start) if S0 is None else S0
    return Phasing(Cpu("single", 1), p, links, support, S0, **more)


def iterations(shape, repeat: int) -> dict:
    """ms of CPU time of an iteration, ours and plain"""
    planes = shape[0] if len(shape) == 3 else 0
    made = phasing(pattern(PatternSimulation(size=shape[-1], planes=planes)), "RAAR*1")
    psi, S, beta = made.begin(0)[None], made.first[None], np.float32(0.9)
    z, how, plain = np.empty_like(psi), (beta, 1 - 2 * beta, np.float32(1)), psi[0].copy()
    root, good = np.sqrt(made.pattern.counts * np.float32(psi[0].size)), made.pattern.good

    def by_numpy():
        F = fftn(plain, workers=1)
        G = ifftn(np.where(good, root * F / np.maximum(np.abs(F), 1e-10), F), workers=1)
        plain[...] = np.where(S[0], G, beta * plain + (1 - 2 * beta) * G)

    calls = max(1, (1 << 20) // psi.size)

    def transforms():
        made.transform.forward(z)
        made.transform.backward(z)
        z.flat[0] = 1  # unscaled, they would grow without end
        z[...] /= np.float32(z[0].size)

    ways = {"ours": timed(lambda: made._step(psi, S, z, how), clock=process_time, calls=calls),
            "two transforms": timed(transforms, clock=process_time, calls=calls),
            "plain": timed(by_numpy, clock=process_time, calls=calls)}  # fmt: skip
    found = turns(ways, repeat)
    ours, two, other = (1e3 * median(found[name]) for name in ("ours", "two transforms", "plain"))
    return {"pixels": " x ".join(map(str, shape)), "ours": ours, "two transforms": two, "plain": other,
            "plain / ours": other / ours, "ours / two": ours / two}  # fmt: skip


def against_truth(given, phase: float, seed: int) -> dict:
    """Errors of the best start, of the average and of the image, over that of ER from the truth"""
    s = PatternSimulation(size=128, photons=given.photons, phase=phase, seed=seed)
    p, truth = pattern(s), np.fft.ifftshift(object_of(s))
    made, figures, images, supports = phasing(p, "RAAR*600 ER*200", positive=phase == 0), {}, {}, {}
    begun = process_time()
    for n in range(given.starts):
        psi, S = made.solve(made.begin(n)[None])
        figures[n], images[n], supports[n] = made.figures(psi[0], S[0]), psi[0], S[0]
    best, middle = best_of(figures, "auto"), process_time()
    both = combine(best, [images[n] for n in best])
    image = Refine(made)(both.images, supports[best[0]])
    ended = process_time()
    own = np.abs(truth) > 0.05 * np.abs(truth).max()
    limit, error = from_truth(p, truth, own, truth, phase)
    return {"seed": seed, "phase": phase, "averaged": len(best), "limit": error,
            "best": error_of(images[best[0]], truth) / error,
            "average": error_of(both.average, truth) / error,
            "image": error_of(image.image, truth) / error, "llk": image.figures["llk"],
            "llk of the limit": limit["llk"], "support": image.figures["support"] / int(own.sum()),
            "starts s": middle - begun, "image s": ended - middle}  # fmt: skip


def from_truth(p: Pattern, start, S, truth, phase: float):
    """(figures, error against the truth) of ER from there"""
    made = phasing(p, "ER*200", S, positive=phase == 0)
    psi, own = made.solve(start[None].astype(np.complex64))
    return made.figures(psi[0], own[0]), error_of(psi[0], truth)


def main():
    given = options(__doc__, sizes=["128", "256", "512"], volume=64, starts=20, photons=1e6, seeds=["1", "2"],
                    repeat=5)  # fmt: skip
    shapes = [(n, n) for n in map(int, given.sizes)] + [(given.volume,) * 3] * bool(given.volume)
    report(given, (iterations(shape, given.repeat) for shape in shapes))
    if given.starts:
        scenes = [(phase, int(seed)) for seed in given.seeds for phase in (0.0, 0.5, 1.5)]
        report(given, (against_truth(given, *scene) for scene in scenes))


if __name__ == "__main__":
    main()
