"""How good is the model: R-factor and Poisson likelihood of object and probe as they stand, on all ranks."""

import functools

import numpy as np

from nanompi.errors import NumbersError


@functools.cache
def expected_deviance() -> np.ndarray:
    """E[2 (a - k + k log(k/a))] for k from a Poisson law of mean a, at sqrt(a) = 0, 1/32, ... 8.

    Above, 1 + 1/(6 a) holds to 1e-4. A deviance divided by its expectation is 1 when only counting noise is
    left.
    """
    from scipy.special import gammaln, xlogy

    a = (np.arange(257) / 32)[:, None] ** 2
    k = np.arange(200)
    p = np.exp(xlogy(k, a) - a - gammaln(k + 1))
    return (p * 2 * (a - k + xlogy(k, k) - xlogy(k, np.maximum(a, 1e-12)))).sum(1)


def figures(p, left_out=None) -> dict[str, float]:
    """Figures of the present object and probe over all frames of all ranks, or those left out
    (`p.left_out()`). One forward transform per frame.

    R       : sum |sqrt(a) - sqrt(I)| / sum sqrt(I)
    r2      : sqrt(sum (sqrt(a) - sqrt(I))^2 / sum I)
    llk     : Poisson deviance divided by its expectation: 1 = nothing but counting noise is left
    deviance: mean over pixels of a - I + I log(I / a)
    photons : mean photons of the model per frame; without counting noise in units of the file
    llk and deviance are left out where the noise is not that of counts, and would mean nothing.
    Errors: NumbersError when a figure is not finite.
    """
    P, table = p.shifts.library(p.P), _table(p)

    def sums(f):
        return p.k.figures(model_waves(p, P, f), f.I, p.mask, f.gain, table, p.back, p.scratch_real(f, 3))

    total = p.summed(sums, read=["I"], many=8, blocks=left_out)
    dev, expected, difference, root, square, photons, model, pixels = total
    frames = p.frames if left_out is None else len(p.places.at) - p.frames
    out = {
        "R": difference / root,
        "r2": np.sqrt(square / photons),
        "photons": model / frames * (p.stored if p.noise == "none" else 1),
    }
    if p.noise == "counts":
        out |= {"llk": dev / expected, "deviance": dev / 2 / pixels}
    if not np.isfinite(list(out.values())).all():
        raise NumbersError(
            f"iteration {p.iteration}: the figures are not finite ({out}): object or probe hold NaN or inf. "
            "Look for bad frames or pixels (`nanompi inspect`), or start with DM."
        )
    return {k: float(v) for k, v in out.items()}


def per_frame(p) -> tuple[np.ndarray, np.ndarray]:
    """Deviance of each frame of this rank, and what counting noise alone would give: two (n,) float64 on the
    host, for the frames `p.index`. Their sums over all frames have the ratio `llk` of `figures`.

    Nothing is sent. One forward transform per frame, and on a card one launch for each: not for every
    iteration.
    """
    return tuple(sums_per_frame(p, p.blocks(read=["I"]))[:2])


def sums_per_frame(p, blocks) -> np.ndarray:
    """(8, n) float64 on the host: what the kernel `figures` sums, of each frame of these blocks."""
    P, table = p.shifts.library(p.P), _table(p)

    def rows(f):
        F, work = model_waves(p, P, f), p.scratch_real(f, 3)
        alone = (slice(j, j + 1) for j in range(len(f)))
        sums = [p.k.figures(F[j], f.I[j], p.mask, f.gain[j], table, p.back, work[:, j]) for j in alone]
        return np.array([p.device.total([s]) for s in sums])

    return np.concatenate([r for block in blocks for r in p.each(rows, block)] or [np.zeros((0, 8))]).T


def _table(p):
    """The expected deviance, on the device"""
    return p.device.array(expected_deviance(), p.device.real)


def model_waves(p, P, f):
    """The waves of some frames on the detector, in scratch memory; P : (S, M, h, w)"""
    z = p.scratch(f)
    p.k.exit_waves(p.O, P, f.at, z)
    return p.optics.forward(z, f.at)
