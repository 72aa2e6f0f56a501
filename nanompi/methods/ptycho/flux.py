"""Flux of each frame: how bright the beam was, by the image.

The model of frame j is a_j = c_j m_j + b, m_j the intensity of object and probe and b the background. The
likelihood of Poisson has its maximum along c_j where the photons of the model are those counted; with a prior
of mean 1 and width p, which is a Gamma distribution,

    c_j = (sum I c_j m_j / a_j + 1/p^2) / (sum m_j + 1/p^2),

over measured pixels: of the counts those that came through the sample, which without a background are all.
(Of each such step, one of EM, the likelihood can only rise. Counts less b are not its maximum: it fell, and
ML halved its steps to its end.) ML takes it for each frame on the way from the waves to the gradient, in its
first iterations and then in every fifth: between them its directions are conjugate, and with another flux in
each of them the end was up to twice as far from the truth. What is common to all frames is brightness of the
probe: the mean of c_j is 1. The flux is relative to the monitor, where the scan has one.

Where the sums of neighbours are alike, the beam may be steady; a flux of its own for each frame then only
makes ML slower. So ML takes none in its first iterations, looks once at what it would be, and leaves it
where no frame stands out of its neighbours by more than counting noise explains. (A drift of less than a
percent, slow along the scan as well, stays in the image.)

It starts at the sums of the frames over what neighbours on the sample let expect, for a sample that absorbs
changes the sums, too. That start is good enough for DM, AP and RAAR, which leave it as it is: with an image
that is not there yet they would trade transmission of the sample for flux, and ML gives that back slowly.
"""

from dataclasses import replace

import numpy as np

from nanompi.methods.ptycho.image import lit_area

PRIOR = 0.5
EARLY, EVERY = 15, 5  # iterations of ML: all of the first ones, then each so many
SMOOTH = 0.015  # such a forecast is so good that the beam may be steady,
LOOK = 10  # which is looked at in this iteration of ML
NEAR = 6  # neighbours
APART = 2.0  # what frames of a steady beam differ from them by at most, in counting noise
SLOW = 0.01  # rms of the flux of a steady beam at most: what the image took
EXCHANGED = 0.01, 0.06  # rms between which flux and transmission of the sample may have changed places
NEIGHBOURS = 64, 32, 16, 8, 4  # whose median foretells a frame
ALIKE = 1.05  # of the least error of a forecast: more neighbours are taken where they foretell as well
BLACK, BRIGHT = 0.1, 0.9  # part of the light of bright places, which are brighter than so many
PIECES = 0.03  # part of a sample that may be so dark
STEADY = 0.05  # a forecast so good tells of a steady beam: what is missing is rather structure of the sample


def begin(p, monitored: bool):
    """Look for the flux from now on; it starts at the sums of the frames, or at the monitor (collective)."""
    p.fluctuates = True
    flux, error = (np.ones(len(p.at)), np.inf) if monitored else apart_from_neighbours(p)
    p.state["beam"] = "unknown" if error < SMOOTH and p.noise == "counts" else "varies"
    p.set_flux(flux)
    level(p, p.team.total(*sums(p)))


def apart_from_neighbours(p) -> tuple[np.ndarray, float]:
    """(n,) counts of each frame of this rank over what its neighbours let expect, and the median error of
    what they do (collective)"""
    good = (p.mask > 0).astype(p.mask.dtype)
    sums = p.over(lambda f: (p.xp.maximum(f.I, 0) * good).sum((1, 2), dtype=np.float64), read=["I"])
    counts = np.concatenate([p.device.host(a) for a in sums] or [np.zeros(0)])
    signal = _signal(p, counts) / p.device.host(p.given)
    index, every = (np.concatenate(a) for a in zip(*p.team.allgather((p.index, signal))))
    if not np.isfinite(every).all():  # the engines name such frames
        return np.ones(len(p.index)), np.inf
    order = np.argsort(index)
    beam, error = expected(p.places.corners[index[order]], every[order])
    return signal / np.maximum(beam[np.searchsorted(index[order], p.index)], 1e-30), error


def expected(where, signal) -> tuple[np.ndarray, float]:
    """(n,) what the neighbours of each frame let expect: the median of so many of them as foretell frames
    best, or of all frames; where that is good to a few percent the signal itself, as of a steady beam. And
    the median of its relative error.

    where : (n, 2) places of the frames
    """
    guesses = [np.full(len(signal), np.median(signal)), *_forecasts(where, signal)]
    wrong = [np.median(np.abs(guess - signal)) / max(np.median(signal), 1e-30) for guess in guesses]
    if min(wrong) < STEADY:
        return signal, min(wrong)
    return next(both for both in zip(guesses, wrong) if both[1] <= ALIKE * min(wrong))


def _forecasts(where, signal):
    """The median of the nearest frames, of many first"""
    from scipy.spatial import cKDTree

    many = [k for k in NEIGHBOURS if k < len(signal)]
    if many:
        near = cKDTree(where).query(where, many[0] + 1)[1][:, 1:]
        yield from (np.median(signal[near[:, :k]], axis=1) for k in many)


def as_scale(run, p):
    """The run for those who look at few frames before the engines: the flux as `scale` of its frames, and the
    background."""
    return _scaled(run, p, p.device.host(p.gain))


def as_begun(run, p):
    """The same behind the engines, with the flux as at the start: that of an image in a wrong geometry makes
    up for the geometry, and would spoil the right one (collective)."""
    if not p.fluctuates or run.data["frames"].scale is not None:
        return _scaled(run, p, p.device.host(p.given))
    return _scaled(run, p, p.device.host(p.given) * apart_from_neighbours(p)[0])


def _scaled(run, p, gain):
    """gain : (n,) of this rank's frames; of those left out, which stand last, it is as prepared"""
    frames = replace(run.data["frames"], background=p.background)
    if p.fluctuates:
        gains = [gain, p.device.host(p.held.given)] if p.held else [gain]
        frames = replace(frames, scale=np.concatenate(gains).astype(np.float64) / p.optics.gain)
    return replace(run, data={**run.data, "frames": frames})


def refine(p, F, f):
    """The most likely flux of the frames of a block whose waves on the detector are F; where nothing is
    measured it stays. Written into f.gain, where the gradient and `p.flux` find it."""
    if not p.fluctuates:
        return
    light, weight = p.xp.empty((len(f), 2)), 1 / PRIOR**2
    p.k.photons(F, f.I, p.mask, f.gain, f.given, p.back_fitted, light)
    best = f.given * ((light[:, 0] + weight) / (light[:, 1] + weight))
    f.gain[...] = p.xp.where(light[:, 1] > 0, best, f.gain)


def now(p, i: int) -> bool:
    """Is the flux refined in iteration i of ML?"""
    beam = p.state.get("beam") or "varies"
    if beam == "varies":
        return i < EARLY or i % EVERY == 0
    return beam == "unknown" and i == LOOK


def settle(p, i: int) -> bool:
    """After a look at a beam that may be steady: is it? Then all frames have the same flux for good
    (collective)"""
    if i != LOOK + 1 or p.state.get("beam") != "unknown":
        return False
    index, flux = (np.concatenate(a) for a in zip(*p.team.allgather((p.index, p.flux))))
    order, counting = np.argsort(index), np.sqrt(p.fano * len(flux) / max(p.counts, 1))
    where, flux = p.places.corners[index[order]], flux[order]
    alike = p.team.on_root(lambda: steady(where, flux / flux.mean(), counting))
    p.state["beam"] = "steady" if alike else "varies"
    if alike:
        p.set_flux(np.full(len(p.at), flux.mean()))
    return alike


def steady(where, flux, counting: float) -> bool:
    """Is what frames differ by from their neighbours counting noise, and little of the rest?

    where : (n, 2) places of the frames; flux : (n,), mean 1; counting : rms of the flux by counting noise
    """
    from scipy.spatial import cKDTree

    if len(flux) <= NEAR:
        return False
    near = cKDTree(where).query(where, NEAR + 1)[1][:, 1:]
    own = np.median(np.abs(flux - flux[near].mean(1))) / 0.6745 / np.sqrt(1 + 1 / NEAR)
    return bool(own < APART * counting and flux.std() < max(SLOW, APART * counting))


def sums(p, refined: bool = True) -> tuple[float, int]:
    """Of this rank: the sum of the flux of its frames with light, and their number; 0, 0 where none was
    looked for, so that ranks send each other as much in each iteration"""
    if not (p.fluctuates and refined):
        return 0.0, 0
    flux = p.flux
    return float(flux.sum()), int((flux > 0).sum())


def level(p, total):
    """What is common to all frames becomes brightness of the probe: the model stays as it is. total : `sums`
    over all ranks"""
    if len(total) and total[0] > 0:
        p.P *= p.device.real(np.sqrt(total[0] / total[1]))
        p.gain = p.gain * p.device.real(total[1] / total[0])


def fit(p):
    """The flux of frames that no engine has seen, for the present object and probe: each by itself, without
    the mean that those have which were seen. One transform of each frame."""
    P, p.fluctuates = p.shifts.library(p.P), True
    p.set_flux(np.ones(len(p.at)))

    def look(f):
        z = p.scratch(f)
        p.k.exit_waves(p.O, P, f.at, z)
        refine(p, p.optics.forward(z, f.at), f)

    p.over(look, read=["I"])


def _signal(p, counts):
    """(n,) counts of frames in measured pixels, without the background"""
    if not p.background:
        return counts
    left = counts - p.background * float(p.mask.sum())
    return left * (left > 0)


def whole(p) -> np.ndarray | None:
    """(N,) flux of all frames of the scan on rank 0, nan where a frame was left out; None elsewhere, and
    where nobody looked for it (collective)."""
    if not p.fluctuates:
        return None
    out = np.full(len(p.places.at), np.nan)
    for index, flux in p.team.allgather((p.index, p.flux)):
        out[index] = flux
    return out if p.team.root else None


def words(p) -> list[str]:
    """What the flux came out as, for the log (collective)."""
    if not p.fluctuates or not len(p.places.at):
        return []
    flux = np.concatenate(p.team.allgather(p.flux))
    counting = np.sqrt(len(flux) / max(p.counts, 1))
    line = (
        f"flux {flux.min():.3g} to {flux.max():.3g} of the mean, rms {100 * flux.std():.2g} %, "
        f"counting gives {100 * counting:.2g} %"
    )
    if EXCHANGED[0] < flux.std() < EXCHANGED[1] and flux.std() > 3 * counting:
        line += (
            "; a slow part of some percent may as well be transmission of the sample: the data hardly tell"
        )
    return [line, *(dark_pieces(p) if flux.std() > EXCHANGED[0] else [])]


def dark_pieces(p) -> list[str]:
    """A warning where large pieces of the sample let hardly any light through: there the flux takes what the
    sample absorbs, and frames are met all the same (collective)."""
    O, weight = p.whole(), p.share.on_root(p.object_weights(p.shifts.library(p.P)))
    part = p.team.on_root(lambda: dark_part(O, weight))
    if part < PIECES:
        return []
    return [
        f"warning: {100 * part:.0f} % of the sample let through less than a tenth of the light that bright "
        "places do: there flux and transmission cannot be told from each other, and the image can be wrong "
        "where frames are met well; give the monitor of the beam (`paths: {monitor: ...}`), or write `flux: "
        "false` for a beam that is steady to a few percent"
    ]


def dark_part(O, weight) -> float:
    """Part of the lit sample that lets less than BLACK of a bright place through. O : (H, W) complex

    weight : (H, W), `Problem.object_weights`
    """
    through = np.abs(O[lit_area(weight)]) ** 2
    return float((through < BLACK * np.quantile(through, BRIGHT)).mean()) if through.size else 0.0
